"""Values of a separating attribute over images: numbered, told and put in order."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR

from slicewise.image import RawElement
from slicewise.io.separators import Separator

__all__ = ["Coded", "coded"]

_BINARY = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "L", "SL": "l"}


@attrs.frozen(eq=False)
class Coded:
    """A separator over some images.

    Parameters
    ----------
    separator : Separator
        The attribute.
    codes : array of int
        For each image the number of its value, by first appearance.
    values : tuple
        The values by number; None where an image has none.
    """

    separator: Separator
    codes: npt.NDArray[np.intp]
    values: tuple[Any, ...]

    def along(self, axis: str) -> Coded:
        """Return the same, standing for another dimension."""
        return attrs.evolve(self, separator=self.separator._replace(axis=axis))

    def label(self, image: int) -> tuple[str, str, Any, str]:
        """Return name, dimension, value and text of one image."""
        value = self.values[self.codes[image]]
        return self.separator.name, self.separator.axis, value, f"{self.separator.name} {self._text(value)}"

    def rank(self, image: int) -> tuple[bool, Any]:
        """Return what puts the value in order: numbers by size, all else as it first appeared."""
        value = self.values[self.codes[image]]
        if all(isinstance(v, int | float) for v in self.values if v is not None):
            return (value is not None, float(value or 0))
        return (True, int(self.codes[image]))

    def _text(self, value: Any) -> str:
        if value is None:
            return "absent"
        if isinstance(value, tuple):
            return "\\".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in self._telling(value))
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    def _telling(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Leave out the components that are the same everywhere."""
        others = [v for v in self.values if isinstance(v, tuple)]
        if any(len(v) != len(value) for v in others) or not all(isinstance(v, str) for v in value):
            return value
        return tuple(v for k, v in enumerate(value) if len({other[k] for other in others}) > 1) or value


def coded(separator: Separator, elements: Sequence[RawElement | None], most: int) -> Coded | None:
    """Return a separator over images; None if all have the same value, or there are more values than ``most``."""
    numbers: dict[Any, int] = {}
    firsts: list[RawElement | None] = []
    raw = np.empty(len(elements), np.intp)
    for k, element in enumerate(elements):
        key = None if element is None else (element.vr, element.value)
        if key not in numbers:
            numbers[key] = len(numbers)
            firsts.append(element)
        raw[k] = numbers[key]
    if len(numbers) > most:
        return None
    values: dict[Any, int] = {}
    merged = np.array([values.setdefault(_value(separator, e), len(values)) for e in firsts], np.intp)
    return Coded(separator, merged[raw], tuple(values)) if len(values) > 1 else None


def _value(separator: Separator, element: RawElement | None) -> Any:
    if element is None or not element.value.strip(b" \0"):
        # A binary zero is a value.
        return None if element is None or element.vr not in _BINARY else _binary(element, str(element.vr))
    if separator.decode is not None:
        return separator.decode(element)
    vr = dictionary_VR(separator.tag)
    if vr in _BINARY:
        return _binary(element, vr)
    parts = tuple(part.strip(" \0") for part in element.value.decode("utf-8", "replace").split("\\"))
    found = tuple(_number(part) if vr in ("DS", "IS") else part for part in parts)
    return found[0] if len(found) == 1 else found


def _binary(element: RawElement, vr: str) -> Any:
    kind = ("<" if element.little_endian else ">") + _BINARY[vr]
    size = struct.calcsize(kind)
    whole = element.value[: len(element.value) // size * size]
    found = tuple(value for (value,) in struct.iter_unpack(kind, whole))
    return found[0] if len(found) == 1 else found


def _number(text: str) -> float | int | str:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value
