"""Files that nearly share one layout: where they may differ, and how one is compared with the first."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from slicewise.dicom.parsing import UNDEFINED, Entry, Incomplete, Syntax, resolved
from slicewise.image import RawElement

__all__ = ["Family"]

_LENGTHS = {
    (little, size): struct.Struct(("<" if little else ">") + kind).unpack_from
    for little in (True, False)
    for size, kind in ((2, "H"), (4, "L"))
}


class _Piece(NamedTuple):
    """Bytes that all files share, and the varying element that follows them.

    ``shared`` ends with the tag and VR of that element, as encoded; then follow ``gap`` bytes that say
    nothing, ``width`` bytes of length, which ``unpack`` reads, and the value. ``vr`` is the VR so told, and
    ``is_defined`` tells whether the element of the first file is of it: a sequence may be told as UN, and is one
    where its length is undefined.
    """

    shared: bytes
    size: int
    varying: Entry | None
    vr: str | None = None
    gap: int = 0
    width: int = 0
    unpack: Callable[[bytes, int], tuple[Any, ...]] = _LENGTHS[True, 2]
    is_kept: bool = True
    is_defined: bool = True


def _piece(shared: bytes, varying: Entry | None, data: bytes, *, little_endian: bool, is_kept: bool) -> _Piece:
    if varying is None:
        return _Piece(shared, len(shared), None)
    # Tag, VR and two bytes of length; or two bytes that say nothing and four of length; or, in
    # implicit VR, the tag and four of length.
    is_long = varying.value_start - varying.start == 12
    signature = 4 if varying.implicit and not is_long else 6
    gap, width = (2 if is_long else 0), (4 if is_long or signature == 4 else 2)
    shared += data[varying.start : varying.start + signature]
    # Not the VR that was made out of an undefined length, which may be another in the next file.
    vr = None if signature == 4 else shared[-2:].decode("ascii")
    unpack = _LENGTHS[little_endian, width]
    is_defined = (varying.vr, varying.implicit) == (vr, vr is None)
    return _Piece(shared, len(shared), varying, vr, gap, width, unpack, is_kept, is_defined)


class Family:
    """Files with the same attributes in the same order and encoding.

    Parameters
    ----------
    data : bytes
        The first of them, up to its pixels at least.
    entries : sequence of Entry
        Its elements before the pixels, file meta information included.
    pixels : Entry, optional
        The element of its pixels.
    uid : str
        Its transfer syntax.
    wanted : container of int, optional
        Tags of the elements to return; all if not given.
    """

    def __init__(
        self,
        data: bytes,
        entries: Sequence[Entry],
        pixels: Entry | None,
        *,
        uid: str,
        wanted: Container[int] | None = None,
    ) -> None:
        self.data = data
        self.wanted = wanted
        self.entries = entries
        self.pixels = pixels
        self.syntax = Syntax.of(uid)
        self.syntax_uid = uid
        self.signature = _signature(entries, pixels, uid)
        self.elements = {e.tag: e.element(data, little_endian=self._little(e)) for e in entries}
        self.reference = {tag: element for tag, element in self.elements.items() if self.is_kept(tag)}
        self.is_uniform = all(e.value_start - e.start != 8 or e.implicit == self._implicit(e) for e in self._all())
        self.varying: set[int] = set()
        self.pieces: list[_Piece] = []
        self._cut()

    def _all(self) -> list[Entry]:
        return [*self.entries, *([self.pixels] if self.pixels else [])]

    def _implicit(self, entry: Entry) -> bool:
        return entry.tag >> 16 != 2 and self.syntax.implicit

    def _little(self, entry: Entry) -> bool:
        return entry.tag >> 16 == 2 or self.syntax.little_endian

    def is_kept(self, tag: int) -> bool:
        """Whether an element is wanted."""
        return self.wanted is None or tag in self.wanted

    def _cut(self) -> None:
        if not self.is_uniform:
            return  # no file fits
        pieces: list[_Piece] = []
        start = self.entries[0].start
        for entry in self.entries:
            if entry.tag in self.varying:
                pieces.append(self._piece(self.data[start : entry.start], entry, little_endian=self._little(entry)))
                start = entry.stop
        stop = self.pixels.start if self.pixels else self.entries[-1].stop
        pieces.append(self._piece(self.data[start:stop], self.pixels, little_endian=self.syntax.little_endian))
        self.pieces = pieces

    def _piece(self, shared: bytes, varying: Entry | None, *, little_endian: bool) -> _Piece:
        is_kept = varying is not None and self.is_kept(varying.tag)
        return _piece(shared, varying, self.data, little_endian=little_endian, is_kept=is_kept)

    def element(self, tag: int, value: bytes) -> RawElement:
        """Return an element of a file that fits, by its value."""
        first = self.elements[tag]
        return RawElement(tag, first.vr, value, first.implicit, first.little_endian)

    def learn(self, elements: Iterable[RawElement]) -> dict[int, bytes]:
        """Note which elements of a fitting file vary, and return the values of those that are wanted."""
        differing = {e.tag: e.value for e in elements if e.value != self.elements[e.tag].value}
        if not differing.keys() <= self.varying:
            self.varying |= differing.keys()
            self._cut()
        return {tag: value for tag, value in differing.items() if self.is_kept(tag)}

    def fit(self, data: bytes) -> tuple[dict[int, bytes], Entry | None] | None:
        """Return the differing values and the pixel element of a file, or None if it is of another family."""
        at = self.entries[0].start
        size = len(data)
        starts = data.startswith
        # Values alone, no elements: of what has no parts, the garbage collector takes no notice.
        differing: dict[int, bytes] = {}
        # The heart of reading thousands of headers: plain steps, few calls.
        for shared, length_at, known, vr, gap, width, unpack, is_kept, is_defined in self.pieces:
            if not starts(shared, at):
                return None
            at += length_at
            if known is None:
                return (differing, None) if at == size else None
            value = at + gap + width
            if value > size:
                raise Incomplete(value)
            (length,) = unpack(data, at + gap)
            end = stop = value + length
            if known is self.pixels:
                start = at - (4 if vr is None else 6)
                return differing, Entry(known.tag, known.vr, start, value, stop, stop, known.implicit)
            if length == UNDEFINED or not is_defined:
                entry = resolved(data, Entry(known.tag, vr, at, value, stop, stop, vr is None), self.syntax)
                if (entry.vr, entry.implicit) != (known.vr, known.implicit):
                    return None
                end, stop = entry.value_stop, entry.stop
            if stop > size:
                raise Incomplete(stop)
            if is_kept:
                differing[known.tag] = data[value:end]
            at = stop
        return None


def _signature(entries: Sequence[Entry], pixels: Entry | None, uid: str) -> Hashable:
    kinds = tuple((e.tag, e.vr, e.implicit) for e in entries)
    return (uid, kinds, None if pixels is None else (pixels.tag, pixels.vr))
