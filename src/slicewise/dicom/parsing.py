"""Parsing of DICOM headers: the top-level elements of an instance, undecoded (PS3.5, 7; PS3.10, 7).

Values are neither decoded nor copied more than once; sequences are skipped over as a whole. What
this makes of a file equals what pydicom makes of it, element by element.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from slicewise.errors import NotDicomError, TruncatedError
from slicewise.image.elements import LONG_HEADER_VRS, RawElement

__all__ = [
    "PIXEL_TAGS",
    "Entry",
    "Incomplete",
    "Layout",
    "Syntax",
    "actual_syntax",
    "guess_syntax",
    "head_at",
    "is_undefined",
    "parse_instance",
    "read_meta",
    "resolved",
]

PIXEL_TAGS = frozenset([0x7FE00008, 0x7FE00009, 0x7FE00010])
"""Float, double float and integer pixel data."""

UNDEFINED = 0xFFFFFFFF
_DEEPEST = 64
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_ITEM_TAG = 0xFFFEE000

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

_LONG = frozenset(vr.encode("ascii") for vr in LONG_HEADER_VRS)
_KNOWN = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()) | _LONG


class Incomplete(Exception):  # noqa: N818 - not an error of the file: more bytes are wanted
    """More of the file is needed: up to this offset at least."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class Syntax(NamedTuple):
    """How a dataset is encoded."""

    implicit: bool
    little_endian: bool

    @classmethod
    def of(cls, uid: str) -> Syntax:
        """Return the encoding of a transfer syntax: all but two are explicit VR little endian."""
        return cls(uid == IMPLICIT_LITTLE, uid != EXPLICIT_BIG)


class Entry(NamedTuple):
    """Where an element stands in the bytes of a file."""

    tag: int
    vr: str | None
    start: int
    value_start: int
    value_stop: int
    stop: int
    implicit: bool

    def element(self, data: bytes, *, little_endian: bool = True) -> RawElement:
        """Return the element with its value."""
        value = data[self.value_start : self.value_stop]
        return RawElement(self.tag, self.vr, value, self.implicit, little_endian)


class Layout(NamedTuple):
    """The elements of an instance before its pixels, and where these begin.

    ``pixels`` is the element of the pixel data, whose value may lie beyond the bytes at hand and
    which is of undefined length if it is encapsulated; None if the instance has none.
    """

    entries: tuple[Entry, ...]
    pixels: Entry | None


def parse_instance(data: bytes, start: int, syntax: Syntax, *, complete: bool) -> Layout:
    """Find the top-level elements of a dataset, up to its pixels.

    Parameters
    ----------
    data : bytes
        The file from its beginning, or as much of it as was read.
    start : int
        Where the dataset begins.
    syntax : Syntax
        Its encoding; implicit VR in a file that claims explicit VR is recognised.
    complete : bool
        Whether ``data`` is the whole file.

    Raises
    ------
    Incomplete
        If the header goes on beyond ``data`` and there is more of the file.
    TruncatedError
        If it goes on beyond the end of the file.
    """
    found: list[Entry] = []
    try:
        return _parse(data, start, actual_syntax(data, start, syntax), found, complete=complete)
    except Incomplete as more:
        if not complete:
            raise
        at = found[-1].stop if found else start
        raise TruncatedError(
            f"the header ends in the middle of an element: {more.needed} bytes are wanted and the file has "
            f"{len(data)} (the last whole element ends at byte {at})"
        ) from None


def _parse(data: bytes, start: int, syntax: Syntax, found: list[Entry], *, complete: bool) -> Layout:
    position, end = start, len(data)
    # Fewer bytes than the head of an element are padding, if the file ends there.
    while position < end - (7 if complete else 0):
        entry = head_at(data, position, syntax)
        if entry.tag in PIXEL_TAGS:
            return Layout(tuple(found), entry)
        entry = resolved(data, entry, syntax)
        if entry.stop > end:
            raise Incomplete(entry.stop)
        found.append(entry)
        position = entry.stop
    if not complete:
        raise Incomplete(end + 1)
    return Layout(tuple(found), None)


def head_at(data: bytes, position: int, syntax: Syntax) -> Entry:
    """Return the element at an offset; of undefined length if ``is_undefined`` of it is true.

    Raises
    ------
    Incomplete
        If its head goes beyond the data.
    """
    if syntax.implicit:
        return _implicit_head(data, position)
    return _explicit_head(data, position, "<" if syntax.little_endian else ">")


def is_undefined(entry: Entry) -> bool:
    """Whether an element is of undefined length."""
    return entry.value_stop - entry.value_start == UNDEFINED


def resolved(data: bytes, entry: Entry, syntax: Syntax, depth: int = 0) -> Entry:
    """Return an element with its end known, also if its length is undefined.

    Raises
    ------
    Incomplete
        If its end is beyond the data.
    """
    if not is_undefined(entry):
        return entry
    stop = _skip_items(data, entry.value_start, Syntax(entry.implicit or entry.vr == "UN", syntax.little_endian), depth)
    # Unknown elements of undefined length are sequences in implicit VR (PS3.5, 6.2.2); where no VR is
    # stated, those that begin with an item.
    is_sequence = entry.vr == "UN" or (entry.vr is None and _begins_with_item(data, entry.value_start, syntax))
    return entry._replace(
        vr="SQ" if is_sequence else entry.vr,
        value_stop=stop - 8,
        stop=stop,
        implicit=entry.implicit or entry.vr == "UN",
    )


def _begins_with_item(data: bytes, at: int, syntax: Syntax) -> bool:
    return data[at : at + 4] == (b"\xfe\xff\x00\xe0" if syntax.little_endian else b"\xff\xfe\xe0\x00")


def actual_syntax(data: bytes, start: int, syntax: Syntax) -> Syntax:
    """Return how a dataset is encoded that is said to be in explicit VR, by the VR of its first element."""
    vr = data[start + 4 : start + 6]
    if len(vr) < 2:
        return syntax
    return syntax._replace(implicit=not all(0x40 < letter < 0x5B for letter in vr))


_HEAD_LITTLE = struct.Struct("<HH2sH")
_HEAD_BIG = struct.Struct(">HH2sH")
_LENGTH_LITTLE = struct.Struct("<L")
_LENGTH_BIG = struct.Struct(">L")
_IMPLICIT_HEAD = struct.Struct("<HHL")


def _explicit_head(data: bytes, at: int, order: str) -> Entry:
    if at + 8 > len(data):
        raise Incomplete(at + 8)
    little = order == "<"
    group, element, vr, length = (_HEAD_LITTLE if little else _HEAD_BIG).unpack_from(data, at)
    if vr in _LONG:
        if at + 12 > len(data):
            raise Incomplete(at + 12)
        (length,) = (_LENGTH_LITTLE if little else _LENGTH_BIG).unpack_from(data, at + 8)
        value = at + 12
    elif vr in _KNOWN:
        value = at + 8
    else:
        return _strange_head(data, at, order)
    return _entry((group, element), vr.decode("ascii"), at, value, length)


def _entry(tag: tuple[int, int], vr: str | None, at: int, value: int, length: int) -> Entry:
    return Entry(tag[0] << 16 | tag[1], vr, at, value, value + length, value + length, vr is None)


def _strange_head(data: bytes, at: int, order: str) -> Entry:
    # No VR of the standard: as pydicom does, capitals are an unknown VR with a short length,
    # anything else an element in implicit VR.
    vr = data[at + 4 : at + 6]
    if b"AA" <= vr <= b"ZZ" and vr.isalpha() and vr.isupper():
        group, element, _, length = struct.unpack_from(order + "HH2sH", data, at)
        return _entry((group, element), vr.decode("ascii"), at, at + 8, length)
    group, element, length = struct.unpack_from(order + "HHL", data, at)
    return _entry((group, element), None, at, at + 8, length)


def _implicit_head(data: bytes, at: int) -> Entry:
    if at + 8 > len(data):
        raise Incomplete(at + 8)
    group, element, length = _IMPLICIT_HEAD.unpack_from(data, at)
    return _entry((group, element), None, at, at + 8, length)


def _skip_items(data: bytes, position: int, syntax: Syntax, depth: int) -> int:
    if depth > _DEEPEST:
        raise NotDicomError(f"sequences are nested more than {_DEEPEST} deep at byte {position}: the file is broken")
    order = "<" if syntax.little_endian else ">"
    while True:
        if position + 8 > len(data):
            raise Incomplete(position + 8)
        group, element, length = struct.unpack_from(order + "HHL", data, position)
        tag = group << 16 | element
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM_TAG:
            raise NotDicomError(
                f"a sequence must consist of items (found ({group:04X},{element:04X}) at byte {position - 8})"
            )
        position = _skip_item(data, position, syntax, depth) if length == UNDEFINED else position + length


def _skip_item(data: bytes, position: int, syntax: Syntax, depth: int) -> int:
    actual = syntax if syntax.implicit else actual_syntax(data, position, syntax)
    while True:
        entry = resolved(data, head_at(data, position, actual), actual, depth + 1)
        position = entry.stop
        if entry.tag == _ITEM_END:
            return position
        if position > len(data):
            raise Incomplete(position)


def read_meta(data: bytes) -> tuple[dict[int, bytes], int]:
    """Return the values of the file meta information by tag, and where the dataset begins.

    A file without a preamble, or without meta information, is taken if it begins with an element
    of group 2 or 8, as some old archives have them.

    Raises
    ------
    NotDicomError
        If this is no DICOM file.
    Incomplete
        If more bytes are needed.
    """
    start = 132 if data[128:132] == b"DICM" else 0
    if start == 0 and not _looks_like_dataset(data):
        raise NotDicomError("no DICOM file: there is no 'DICM' at byte 128 and it does not begin with a DICOM element")
    meta: dict[int, bytes] = {}
    position = start
    while data[position : position + 2] == b"\x02\x00":
        entry = _explicit_head(data, position, "<")
        if entry.stop > len(data):
            raise Incomplete(entry.stop)
        meta[entry.tag] = data[entry.value_start : entry.value_stop]
        position = entry.stop
    return meta, position


def _looks_like_dataset(data: bytes) -> bool:
    if len(data) < 16 or data[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    return data[4:6] in _KNOWN or int.from_bytes(data[4:8], "little") <= 64


def guess_syntax(data: bytes, start: int) -> str:
    """Return the transfer syntax of a dataset whose file does not state it."""
    if data[start + 4 : start + 6] not in _KNOWN:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if data[start] == 0 and data[start + 1] != 0 else EXPLICIT_LITTLE
