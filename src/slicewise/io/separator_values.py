"""Values of a separating attribute over images: numbered, told and put in order."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR

from slicewise.dicom.values import text_of
from slicewise.errors import SlicewiseError
from slicewise.image import Headers, RawElement
from slicewise.image.attribute_text import decoded
from slicewise.image.elements import tag_of
from slicewise.image.encoding import CODING_ERRORS
from slicewise.image.read_only import dataset_of
from slicewise.io.separators import BLOCKS, Separator

__all__ = ["Coded", "coded"]

Indices = npt.NDArray[np.intp]
Elements = tuple[RawElement | None, ...]

_CHARACTER_SET = tag_of("SpecificCharacterSet")
_DIGITS = 7
"""Significant digits in which numbers of one volume agree: those of a float of 32 bits."""
_BINARY = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "UL": "I", "US": "H"}
_DECIMAL = {"DS": float, "IS": int}


@attrs.frozen(eq=False, slots=False)
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
    days : tuple of str
        By number the date of a time of day, of the first image that has the value; empty for all else.
    """

    separator: Separator
    codes: Indices
    values: tuple[Any, ...]
    days: tuple[str, ...] = ()

    def along(self, axis: str) -> Coded:
        """Return the same, standing for another dimension."""
        return attrs.evolve(self, separator=self.separator._replace(axis=axis))

    def label(self, image: int) -> tuple[str, str, Any, str]:
        """Return name, dimension, value and text of one image."""
        value = self.values[self.codes[image]]
        return self.separator.name, self.separator.axis, value, f"{self.separator.name} {self._text(value)}"

    def rank(self, image: int) -> tuple[bool, Any]:
        """Return what puts the value in order: numbers by size, times as they pass, all else as it first appeared."""
        value = self.values[self.codes[image]]
        if self._kinds <= {int, float}:
            return (value is not None, float(value or 0))
        if self._kinds == {str} and (self.days or self.separator.axis == "time"):
            return (value is not None, (self.days[self.codes[image]] if self.days else "", value or ""))
        return (True, int(self.codes[image]))

    @cached_property
    def _kinds(self) -> frozenset[type]:
        return frozenset(type(value) for value in self.values if value is not None)

    @cached_property
    def _varying(self) -> tuple[int, ...] | None:
        """Which components of texts differ; None if values are no texts of several components, or not as many."""
        several = [v for v in self.values if isinstance(v, tuple)]
        if len({len(v) for v in several}) != 1 or not all(isinstance(part, str) for v in several for part in v):
            return None
        return tuple(k for k in range(len(several[0])) if len({v[k] for v in several}) > 1)

    def _text(self, value: Any) -> str:
        if value is None:
            return "absent"
        if not isinstance(value, tuple):
            return _short(value)
        shown = tuple(value[k] for k in self._varying) if self._varying else value
        return "\\".join(_short(part, digits=4) for part in shown)


def _short(value: Any, digits: int = 6) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def coded(separator: Separator, headers: Headers, images: Indices, most: int | None = None) -> Coded | None:
    """Return a separator over some images; None if all have the same value, or there are more than ``most`` values."""
    columns = _columns(separator, headers)
    if columns is None:
        return None
    numbers: dict[Any, int] = {}
    firsts: list[int] = []
    raw = np.empty(len(images), np.intp)
    for at, k in enumerate(images.tolist()):
        key = columns[k]
        if key not in numbers:
            numbers[key] = len(numbers)
            firsts.append(k)
        raw[at] = numbers[key]
    if len(numbers) == 1 or (most is not None and len(numbers) > most):
        return None
    values: dict[Any, int] = {}
    found = [_value(separator, columns[k], headers.element(_CHARACTER_SET, k)) for k in firsts]
    merged = np.array([values.setdefault(value, len(values)) for value in found], np.intp)
    if len(values) == 1:
        return None
    return Coded(separator, merged[raw], tuple(values), _days(separator, headers, firsts, merged))


def _columns(separator: Separator, headers: Headers) -> Sequence[Elements] | None:
    """Return the elements of a separator on each image; None if all have the same, or none."""
    if not separator.creator:
        columns = [headers.column(tag) for tag in separator.tags]
        if all(column is None or isinstance(column, RawElement) for column in columns):
            return None
        whole = [c if isinstance(c, tuple) and not isinstance(c, RawElement) else (c,) * len(headers) for c in columns]
        return list(zip(*whole, strict=True))
    wanted = separator.creator.encode("ascii")
    group = separator.tags[0] & 0xFFFF0000
    found: list[Elements] = [()] * len(headers)
    for block in BLOCKS:
        tags = [group | block << 8 | tag & 0xFF for tag in separator.tags]
        creators = headers.column(group | block)
        if creators is None or all(headers.column(tag) is None for tag in tags):
            continue
        for k in range(len(headers)):
            creator = creators if isinstance(creators, RawElement) else creators[k]
            if creator is not None and creator.value.rstrip(b" \0") == wanted:
                found[k] = tuple(headers.element(tag, k) for tag in tags)
    return found if any(elements != found[0] for elements in found) else None


def _days(separator: Separator, headers: Headers, firsts: Sequence[int], numbers: Indices) -> tuple[str, ...]:
    if separator.day is None:
        return ()
    days: dict[int, str] = {}
    for k, number in zip(firsts, numbers.tolist(), strict=True):
        days.setdefault(number, text_of(headers.element(separator.day, k)))
    return tuple(days[number] for number in range(len(days)))


def _value(separator: Separator, elements: Elements, character_set: RawElement | None) -> Any:
    there = [element for element in elements if element is not None and element.value]
    if not there:
        return None
    if separator.decode is not None:
        found = [_rounded(separator.decode(element)) for element in there]
    else:
        found = [_rounded(_decoded(element, character_set)) for element in there]
    return found[0] if len(elements) == 1 else tuple(found)


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_rounded(v) for v in value)
    if not isinstance(value, float):
        return None if value == "" else value
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _decoded(element: RawElement, character_set: RawElement | None) -> Any:
    """Return a value; the bytes of a value that breaks its VR."""
    vr = _vr(element.tag)
    try:
        if vr in _BINARY:
            return _one_or_several(_unpacked(element, _BINARY[vr]))
        if not element.value.isascii():
            return _plain(_by_pydicom(element, character_set))
        parts = [part.strip() for part in text_of(element).split("\\")]
        return _one_or_several(tuple(_DECIMAL[vr](part) if vr in _DECIMAL else part for part in parts))
    except (*CODING_ERRORS, SlicewiseError, struct.error):
        return element.value


@cache
def _vr(tag: int) -> str:
    return dictionary_VR(tag)


def _unpacked(element: RawElement, kind: str) -> tuple[Any, ...]:
    count = len(element.value) // struct.calcsize(kind)
    return struct.unpack(f"{'<' if element.little_endian else '>'}{count}{kind}", element.value)


def _one_or_several(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def _by_pydicom(element: RawElement, character_set: RawElement | None) -> Any:
    found = decoded(dataset_of([e for e in (character_set, element) if e is not None]), element.tag)
    return None if found is None else found.value


def _plain(value: Any) -> Any:
    if isinstance(value, str | bytes) or value is None:
        return value
    return tuple(_plain(v) for v in value) if hasattr(value, "__iter__") else str(value)
