"""Items of a sequence that nearly share one layout, such as those of thousands of frames: each value by its path.

The first item is parsed in full. Each further one is compared with it as bytes, but for its values; one that does
not fit is parsed in full, too, and is what others may fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from pydicom.datadict import dictionary_VR

from slicewise.dicom.parsing import UNDEFINED, Entry, Incomplete, Syntax, actual_syntax, head_at, is_undefined
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import name_of, tag_of

__all__ = ["FrameItem", "Path", "frame_items", "path_of"]

_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_DEEPEST = 16
_TRIED = 16
"""Layouts that an item is compared with before it is parsed: those met last."""

Path = tuple[int, ...]
"""Tags and, between them, numbers of items from 0: ``(sequence, item, attribute)``."""


def path_of(*parts: str | int) -> Path:
    """Return a path of keywords and numbers of items.

    Examples
    --------
    >>> path_of("PlanePositionSequence", 0, "ImagePositionPatient") == (0x00209113, 0, 0x00200032)
    True
    """
    return tuple(tag_of(part) if isinstance(part, str) else part for part in parts)


class _Layout:
    """Where the values of an item stand, from its first byte, and what stands between them."""

    def __init__(self, data: bytes, start: int, stop: int, values: Sequence[tuple[Path, int, int]]) -> None:
        self.size = stop - start
        self.spans: dict[Path, tuple[int, int]] = {path: (a - start, b - start) for path, a, b in values}
        self._pieces: list[tuple[int, bytes]] = []
        at = start
        for _, first, last in values:
            if first > at:
                self._pieces.append((at - start, data[at:first]))
            at = last
        if stop > at:
            self._pieces.append((at - start, data[at:stop]))

    def fits(self, data: bytes, at: int) -> bool:
        """Whether an item of this layout begins at an offset."""
        return at + self.size <= len(data) and all(
            data.startswith(piece, at + offset) for offset, piece in self._pieces
        )

    @cached_property
    def _counts(self) -> dict[Path, int]:
        counts: dict[Path, int] = {}
        for path in self.spans:
            for k in range(1, len(path), 2):
                counts[path[:k]] = max(counts.get(path[:k], 0), path[k] + 1)
        return counts

    def count(self, sequence: Path) -> int:
        """Return the number of items of a sequence, up to the last that has a value."""
        return self._counts.get(sequence, 0)


class FrameItem(NamedTuple):
    """An item: its values by their paths."""

    layout: _Layout
    data: bytes
    start: int
    little_endian: bool

    def value(self, path: Path) -> bytes | None:
        """Return a value as encoded; None if there is none."""
        span = self.layout.spans.get(path)
        return None if span is None else self.data[self.start + span[0] : self.start + span[1]]

    def text(self, path: Path) -> str:
        """Return a value as ASCII text without padding; empty if there is none."""
        value = self.value(path)
        return "" if value is None else value.decode("ascii", "replace").strip(" \0")

    def count(self, sequence: Path) -> int:
        """Return the number of items of a sequence within."""
        return self.layout.count(sequence)


def frame_items(sequence: RawElement) -> list[FrameItem]:
    """Return the items of a sequence.

    Raises
    ------
    HeaderError
        If an item is broken, or goes beyond the end of the sequence.
    """
    found: list[FrameItem] = []
    try:
        found.extend(_items(sequence))  # as far as it goes
    except Incomplete as error:
        raise HeaderError(
            f"{name_of(sequence.tag)}: item {len(found) + 1} goes on to byte {error.needed} of {len(sequence.value)}"
        ) from None
    return found


def _items(sequence: RawElement) -> Iterator[FrameItem]:
    data, little = sequence.value, sequence.little_endian
    syntax = Syntax(sequence.implicit, little)
    layouts: list[_Layout] = []
    at = 0
    while at + 8 <= len(data):
        layout = next((known for known in layouts if known.fits(data, at)), None)
        if layout is None:
            stop, values = _parsed(data, at, syntax)
            if not values and stop == at:
                return  # the delimiter
            layout = _Layout(data, at, stop, values)
            layouts.insert(0, layout)
            del layouts[_TRIED:]
        yield FrameItem(layout, data, at, little)
        at += layout.size


def _parsed(data: bytes, at: int, syntax: Syntax) -> tuple[int, list[tuple[Path, int, int]]]:
    """Return where an item ends, and of each value in it the path, and where it begins and ends."""
    values: list[tuple[Path, int, int]] = []
    head = head_at(data, at, Syntax(implicit=True, little_endian=True)) if syntax.little_endian else _big_head(data, at)
    if head.tag != _ITEM:
        if head.tag == _SEQUENCE_END:
            return at, values
        raise HeaderError(f"a sequence must consist of items (found {name_of(head.tag)} at byte {at} of it)")
    return _elements(data, head, syntax, (), values), values


def _big_head(data: bytes, at: int) -> Entry:
    if at + 8 > len(data):
        raise Incomplete(at + 8)
    tag, length = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
    return Entry(tag, None, at, at + 8, at + 8 + length, at + 8 + length, implicit=True)


def _elements(data: bytes, item: Entry, syntax: Syntax, path: Path, values: list[tuple[Path, int, int]]) -> int:
    if len(path) > 2 * _DEEPEST:
        raise HeaderError(f"sequences are nested more than {_DEEPEST} deep: the file is broken")
    at, end = item.value_start, len(data) if is_undefined(item) else item.stop
    if end > len(data):
        raise Incomplete(end)
    actual = syntax if syntax.implicit else actual_syntax(data, at, syntax)
    while at < end:
        entry = head_at(data, at, actual)
        if entry.tag == _ITEM_END:
            return entry.value_start
        if _is_sequence(entry):
            at = _sequence(data, entry, actual, (*path, entry.tag), values)
        else:
            if entry.stop > end:
                raise Incomplete(entry.stop)
            values.append(((*path, entry.tag), entry.value_start, entry.value_stop))
            at = entry.stop
    if is_undefined(item):
        raise Incomplete(end + 8)
    return at


def _sequence(data: bytes, entry: Entry, syntax: Syntax, path: Path, values: list[tuple[Path, int, int]]) -> int:
    inner = Syntax(entry.implicit or entry.vr == "UN", syntax.little_endian)
    at, end = entry.value_start, len(data) if is_undefined(entry) else entry.stop
    if end > len(data):
        raise Incomplete(end)
    number = 0
    while at < end:
        plain = Syntax(implicit=True, little_endian=True)
        head = head_at(data, at, plain) if syntax.little_endian else _big_head(data, at)
        if head.tag == _SEQUENCE_END:
            return head.value_start
        if head.tag != _ITEM:
            raise HeaderError(f"{name_of(entry.tag)} must consist of items (found {name_of(head.tag)})")
        at = _elements(data, head, inner, (*path, number), values)
        number += 1
    if is_undefined(entry):
        raise Incomplete(end + 8)
    return at


def _is_sequence(entry: Entry) -> bool:
    if entry.vr is not None:
        return entry.vr == "SQ" or (entry.vr == "UN" and entry.value_stop - entry.value_start == UNDEFINED)
    if is_undefined(entry):
        return True
    try:
        return dictionary_VR(entry.tag) == "SQ"
    except KeyError:
        return False
