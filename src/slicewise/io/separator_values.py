"""Values of a separating attribute over images: numbered, told and put in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import SlicewiseError
from slicewise.image import RawElement
from slicewise.image.attribute_text import decoded
from slicewise.image.encoding import CODING_ERRORS
from slicewise.image.read_only import dataset_of
from slicewise.io.separators import Separator

__all__ = ["Coded", "coded"]


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
            return "\\".join(str(v) for v in self._telling(value))
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    def _telling(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Leave out the components that are the same everywhere."""
        others = [v for v in self.values if isinstance(v, tuple)]
        if any(len(v) != len(value) for v in others) or not all(isinstance(v, str) for v in value):
            return value
        return tuple(v for k, v in enumerate(value) if len({other[k] for other in others}) > 1) or value


def coded(separator: Separator, elements: Sequence[RawElement | None]) -> Coded | None:
    """Return a separator over images; None if all have the same value."""
    numbers: dict[Any, int] = {}
    firsts: list[RawElement | None] = []
    raw = np.empty(len(elements), np.intp)
    for k, element in enumerate(elements):
        key = None if element is None else (element.vr, element.value)
        if key not in numbers:
            numbers[key] = len(numbers)
            firsts.append(element)
        raw[k] = numbers[key]
    values: dict[Any, int] = {}
    merged = np.array([values.setdefault(_value(separator, e), len(values)) for e in firsts], np.intp)
    return Coded(separator, merged[raw], tuple(values)) if len(values) > 1 else None


def _value(separator: Separator, element: RawElement | None) -> Any:
    if element is None or not element.value.strip(b" \0"):
        return None
    if separator.decode is not None:
        return separator.decode(element)
    try:
        found = decoded(dataset_of([element]), separator.tag)
    except (*CODING_ERRORS, SlicewiseError):
        return element.value
    return _plain(None if found is None else found.value)


def _plain(value: Any) -> Any:
    if isinstance(value, str | bytes) or value is None:
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "__iter__"):
        return tuple(_plain(v) for v in value)
    return str(value)
