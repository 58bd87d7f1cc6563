"""The items of a sequence, undecoded (PS3.5, 7.5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from slicewise.dicom.parsing import UNDEFINED, Incomplete, Syntax, actual_syntax, head_at, resolved
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import LONG_HEADER_VRS, name_of

__all__ = ["has_odd_value", "item_spans", "items_of", "leading_items"]

_LONG_VRS = frozenset(vr.encode("ascii") for vr in LONG_HEADER_VRS)
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD


def items_of(sequence: RawElement) -> list[dict[int, RawElement]]:
    """Return the elements of each item of a sequence by tag.

    Raises
    ------
    HeaderError
        If an item goes beyond the end of the sequence.
    """
    return [elements for elements, _ in _items(sequence)]


def leading_items(sequence: RawElement) -> list[dict[int, RawElement]]:
    """Return the elements of each item of a sequence, up to the element that goes beyond its end."""
    found: list[dict[int, RawElement]] = []
    try:
        for _ in _items(sequence, found):
            pass
    except HeaderError:
        return found
    return found


def item_spans(sequence: RawElement) -> list[tuple[int, int]]:
    """Return where each item, its head and end included, stands in the value of a sequence.

    Raises
    ------
    HeaderError
        If an item goes beyond the end of the sequence.
    """
    return [span for _, span in _items(sequence)]


def has_odd_value(items: bytes) -> bool:
    """Whether a value within items in explicit VR little endian, at any depth, is of odd length."""
    position, end = 0, len(items)
    # Items and sequences are not skipped over but stepped into, so that one loop sees all elements.
    while position + 8 <= end:
        head = items[position : position + 8]
        if head[:2] == b"\xfe\xff":
            position += 8
        elif head[4:6] == b"SQ":
            position += 12
        elif head[4:6] in _LONG_VRS:
            length = int.from_bytes(items[position + 8 : position + 12], "little")
            if length % 2 and length != UNDEFINED:
                return True
            position += 12 + (0 if length == UNDEFINED else length)
        else:
            length = head[6] | head[7] << 8
            if length % 2:
                return True
            position += 8 + length
    return False


def _items(
    sequence: RawElement, begun: list[dict[int, RawElement]] | None = None
) -> Iterator[tuple[dict[int, RawElement], tuple[int, int]]]:
    data = sequence.value
    syntax = Syntax(sequence.implicit, sequence.little_endian)
    order = "<" if syntax.little_endian else ">"
    position = 0
    try:
        while position + 8 <= len(data):
            start = position
            group, element, length = struct.unpack_from(order + "HHL", data, position)
            if group << 16 | element != _ITEM:
                return
            stop = len(data) if length == UNDEFINED else position + 8 + length
            elements: dict[int, RawElement] = {}
            if begun is not None:
                begun.append(elements)
            position = _elements(data, position + 8, stop, syntax, elements)
            yield elements, (start, position)
    except Incomplete as error:
        raise HeaderError(f"{name_of(sequence.tag)}: an item goes on to byte {error.needed} of {len(data)}") from None


def _elements(data: bytes, position: int, stop: int, syntax: Syntax, found: dict[int, RawElement]) -> int:
    actual = syntax if syntax.implicit else actual_syntax(data, position, syntax)
    while position < stop:
        entry = resolved(data, head_at(data, position, actual), actual)
        position = entry.stop
        if entry.tag in (_ITEM_END, _SEQUENCE_END):
            break
        if position > len(data):
            raise Incomplete(position)
        found[entry.tag] = entry.element(data, little_endian=syntax.little_endian)
    return position
