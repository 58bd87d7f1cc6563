"""Attributes in which two headers differ, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from slicewise.dicom.values import text_of
from slicewise.image import Headers, RawElement
from slicewise.image.attribute_text import decoded, element_name, private_creator, value_text
from slicewise.image.elements import name_of
from slicewise.image.encoding import encode_data_element

__all__ = ["Difference", "DifferenceFinder"]

_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103

Key = tuple[Any, ...]
"""What an element is matched by: its tag; for a private one, group, creator and number within the block."""


class Difference(NamedTuple):
    """An attribute that is not the same in two headers."""

    place: tuple[Any, ...]
    """Where it stands; sorts in tag order, items of a sequence together."""

    attribute: str
    a: str | None
    b: str | None


class DifferenceFinder:
    """Finds the differences of pairs of headers; what slices share is compared once.

    Parameters
    ----------
    a, b : Headers
        The headers.
    ignored : frozenset of str
        Keywords to pass over at any depth.
    """

    def __init__(self, a: Headers, b: Headers, ignored: frozenset[str] = frozenset()) -> None:
        self._a = _Side(a)
        self._b = _Side(b)
        self._ignored = ignored
        self._known: dict[tuple[Any, ...], tuple[Difference, ...]] = {}

    def differences(self, i: int, j: int) -> Iterator[Difference]:
        """Iterate over what differs between slice i of A and slice j of B."""
        left, right = self._a.elements(i), self._b.elements(j)
        same_context = self._a.context(i) == self._b.context(j)
        for key in sorted(left.keys() | right.keys()):
            a, b = left.get(key), right.get(key)
            if same_context and a == b:
                continue
            known = (key, a, b, self._a.context(i), self._b.context(j))
            if known not in self._known:
                self._known[known] = tuple(self._compared(key, a, b, i, j))
            yield from self._known[known]

    def _compared(self, key: Key, a: RawElement | None, b: RawElement | None, i: int, j: int) -> Iterator[Difference]:
        one = (self._a.dataset(i), None if a is None else a.tag)
        other = (self._b.dataset(j), None if b is None else b.tag)
        yield from _differences((key,), "", one, other, self._ignored)


class _Side:
    """Headers of one side, with their elements by key."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self._columns = headers.columns()
        self._last: tuple[int, Dataset] | None = None

    def elements(self, index: int) -> dict[Key, RawElement]:
        """Return the elements of a slice by key."""
        found: dict[Key, RawElement] = {}
        for tag, column in self._columns.items():
            element = column if isinstance(column, RawElement) else column[index]
            # Group lengths speak of the encoding.
            if element is not None and tag & 0xFFFF:
                found[self._key(tag, index)] = element
        return found

    def _key(self, tag: int, index: int) -> Key:
        block = tag >> 8 & 0xFF
        if not tag >> 16 & 1 or block < 0x10:
            return (tag >> 16, "", tag & 0xFFFF)
        return (tag >> 16, text_of(self.headers.element(tag & 0xFFFF0000 | block, index)), tag & 0xFF)

    def context(self, index: int) -> tuple[bytes, bytes]:
        """Return what the meaning of bytes depends on: character set and pixel representation."""
        elements = (self.headers.element(tag, index) for tag in (_CHARACTER_SET, _PIXEL_REPRESENTATION))
        first, second = (b"" if e is None else e.value for e in elements)
        return (first, second)

    def dataset(self, index: int) -> Dataset:
        """Return the header of a slice."""
        if self._last is None or self._last[0] != index:
            self._last = (index, self.headers[index])
        return self._last[1]


Placed = tuple[Dataset, int | None]
"""A dataset, and the tag of the element in question; None if it has it not."""


def _differences(
    place: tuple[Any, ...], prefix: str, a: Placed, b: Placed, ignored: frozenset[str]
) -> Iterator[Difference]:
    dataset, tag = a if a[1] is not None else b
    if tag is None or name_of(tag) in ignored:
        return
    name = prefix + element_name(dataset, tag)
    one, other = (None if own is None else decoded(header, own) for header, own in (a, b))
    if one is not None and other is not None and one.VR == other.VR == "SQ":
        yield from _item_differences(place, name, one.value, other.value, ignored)
    elif one is None or other is None:
        yield Difference(place, name, *(None if e is None else value_text(e) for e in (one, other)))
    elif not _equal(one, other):
        yield _told(place, name, one, other)


def _item_differences(
    place: tuple[Any, ...], name: str, a: Any, b: Any, ignored: frozenset[str]
) -> Iterator[Difference]:
    left, right = list(a or ()), list(b or ())
    for number in range(max(len(left), len(right))):
        path = f"{name}[{number}]"
        if number >= len(left) or number >= len(right):
            yield Difference((*place, number), path, *(_item_text(side, number) for side in (left, right)))
            continue
        one, other = left[number], right[number]
        tags = _by_key(one), _by_key(other)
        for key in sorted(tags[0].keys() | tags[1].keys()):
            deeper = (*place, number, key)
            yield from _differences(deeper, f"{path}.", (one, tags[0].get(key)), (other, tags[1].get(key)), ignored)


def _item_text(items: list[Dataset], number: int) -> str | None:
    return f"item of {len(items[number])} elements" if number < len(items) else None


def _by_key(item: Dataset) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for tag in item.keys():  # noqa: SIM118 - iterating a Dataset itself would decode its elements
        if tag.is_private and tag.element >= 0x1000:
            found[tag.group, private_creator(item, int(tag)), tag.element & 0xFF] = int(tag)
        elif tag.element:
            found[tag.group, "", tag.element] = int(tag)
    return found


def _equal(a: DataElement | RawDataElement, b: DataElement | RawDataElement) -> bool:
    one, other = a.value, b.value
    if _is_empty(one) or _is_empty(other):
        return _is_empty(one) and _is_empty(other)
    if isinstance(one, bytes) and isinstance(other, bytes):
        # The file pads to even length with a zero byte, and does not say so.
        return one == other or (abs(len(one) - len(other)) == 1 and one.rstrip(b"\0") == other.rstrip(b"\0"))
    if isinstance(one, bytes) or isinstance(other, bytes):
        return _same_bytes(a, b)
    return bool(one == other) or value_text(a) == value_text(b) or _same_numbers(one, other)


def _same_bytes(a: DataElement | RawDataElement, b: DataElement | RawDataElement) -> bool:
    """Compare a value with one whose VR is unknown, as private ones are in implicit VR, by their encoding."""
    if not isinstance(a, DataElement) or not isinstance(b, DataElement) or "SQ" in (a.VR, b.VR):
        return False
    try:
        one, other = (e.value if isinstance(e.value, bytes) else encode_data_element(e).value for e in (a, b))
    except ValueError:
        # Letters outside ASCII: without the VR nobody knows that they are letters.
        return False
    return bool(one.rstrip(b"\0 ") == other.rstrip(b"\0 "))


def _is_empty(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _same_numbers(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return False
    try:
        return bool(np.array_equal(np.asarray(a, np.float64), np.asarray(b, np.float64), equal_nan=True))
    except (TypeError, ValueError):
        return False


def _told(
    place: tuple[Any, ...], name: str, a: DataElement | RawDataElement, b: DataElement | RawDataElement
) -> Difference:
    texts = value_text(a), value_text(b)
    if texts[0] != texts[1]:
        return Difference(place, name, *texts)
    # Long binary values of one length, or a value that only its VR tells apart.
    if a.VR != b.VR:
        return Difference(place, name, f"{texts[0]} (VR {a.VR})", f"{texts[1]} (VR {b.VR})")
    pairs = zip(bytes(a.value or b""), bytes(b.value or b""), strict=False)
    byte = next((k for k, (x, y) in enumerate(pairs) if x != y), 0)
    return Difference(place, name, *(f"{text}, another from byte {byte} on" for text in texts))
