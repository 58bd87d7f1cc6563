"""Headers of many files of a series: what repeats is compared as bytes, what differs is parsed.

The files of a series nearly share one layout. The first is parsed in full; for each further one
the bytes between the elements known to vary are compared in one go, and only those elements are
looked at. A file that does not fit is parsed in full and teaches the parser which elements vary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from slicewise.dicom.parsing import (
    UNDEFINED,
    Entry,
    Incomplete,
    Layout,
    Syntax,
    guess_syntax,
    head_at,
    parse_instance,
    read_meta,
    resolved,
)
from slicewise.image import Headers, RawElement
from slicewise.image.headers import Column

__all__ = ["FileHeader", "HeaderParser", "assemble"]

_TRANSFER_SYNTAX = 0x00020010
_OFFSETS = frozenset([0x7FE00001, 0x7FE00002, 0x7FE00003])


class _Piece(NamedTuple):
    """Bytes that all files share, and the varying element that follows them.

    ``signature`` is its tag and VR as encoded, and ``vr`` the VR so told; ``length_at`` and ``value_at``
    say how far from its start the length field and the value are.
    """

    shared: bytes
    varying: Entry | None
    signature: bytes = b""
    vr: str | None = None
    length_at: int = 0
    value_at: int = 0
    order: Literal["little", "big"] = "little"


def _piece(shared: bytes, varying: Entry | None, data: bytes, *, little_endian: bool) -> _Piece:
    if varying is None:
        return _Piece(shared, None)
    value_at = varying.value_start - varying.start
    # Tag, VR and two bytes of length; or two bytes that say nothing and four of length; or, in
    # implicit VR, the tag and four of length.
    length_at = 8 if value_at == 12 else 4 if varying.implicit else 6
    signature = data[varying.start : varying.start + (4 if length_at == 4 else 6)]
    # Not the VR that was made out of an undefined length, which may be another in the next file.
    vr = None if length_at == 4 else signature[4:].decode("ascii")
    return _Piece(shared, varying, signature, vr, length_at, value_at, "little" if little_endian else "big")


class _Family:
    """Files with the same attributes in the same order and encoding."""

    def __init__(self, data: bytes, entries: Sequence[Entry], pixels: Entry | None, syntax: Syntax, uid: str) -> None:
        self.data = data
        self.entries = entries
        self.pixels = pixels
        self.syntax = syntax
        self.syntax_uid = uid
        self.reference = {e.tag: e.element(data, little_endian=self._little(e)) for e in entries}
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

    def _cut(self) -> None:
        pieces: list[_Piece] = []
        start = self.entries[0].start
        for entry in self.entries:
            if entry.tag in self.varying:
                shared = self.data[start : entry.start]
                pieces.append(_piece(shared, entry, self.data, little_endian=self._little(entry)))
                start = entry.stop
        stop = self.pixels.start if self.pixels else self.entries[-1].stop
        pieces.append(_piece(self.data[start:stop], self.pixels, self.data, little_endian=self.syntax.little_endian))
        self.pieces = pieces

    def learn(self, elements: Iterable[RawElement]) -> dict[int, RawElement]:
        """Note which elements of a fitting file vary, and return those."""
        differing = {e.tag: e for e in elements if e != self.reference[e.tag]}
        if not differing.keys() <= self.varying:
            self.varying |= differing.keys()
            self._cut()
        return differing

    def fit(self, data: bytes) -> tuple[dict[int, RawElement], Entry | None] | None:
        """Return the differing elements and the pixel element of a file, or None if it is of another family."""
        if not self.is_uniform:
            return None
        at = self.entries[0].start
        size = len(data)
        differing: dict[int, RawElement] = {}
        # The heart of reading thousands of headers: plain steps, no calls.
        for shared, known, signature, vr, length_at, value_at, order in self.pieces:
            stop = at + len(shared)
            if data[at:stop] != shared:
                return None
            if known is None:
                return (differing, None) if stop == size else None
            at = stop
            value = at + value_at
            if data[at : at + len(signature)] != signature:
                return None
            if value > size:
                raise Incomplete(value)
            length = int.from_bytes(data[at + length_at : value], order)
            if known is self.pixels:
                return differing, known._replace(
                    start=at, value_start=value, value_stop=value + length, stop=value + length
                )
            stop = value + length
            if length == UNDEFINED:
                entry = resolved(data, Entry(known.tag, vr, at, value, stop, stop, vr is None), self.syntax)
                differing[known.tag] = entry.element(data, little_endian=order == "little")
                stop = entry.stop
            else:
                differing[known.tag] = RawElement(known.tag, vr, data[value:stop], vr is None, order == "little")
            if stop > size:
                raise Incomplete(stop)
            at = stop
        return None


class FileHeader(NamedTuple):
    """Header of one file, as what differs from the first file of its family.

    ``pixels`` says where the pixel data stands: its ``value_start``, its length, or that it is
    of undefined length (encapsulated). None if there is none.
    """

    family: _Family
    differing: dict[int, RawElement]
    pixels: Entry | None

    @property
    def syntax_uid(self) -> str:
        """Transfer syntax of the file."""
        return self.family.syntax_uid

    def element(self, tag: int) -> RawElement | None:
        """Return an element, None if the file has it not."""
        return self.differing.get(tag) or self.family.reference.get(tag)


class HeaderParser:
    """Parses headers of files one after the other and learns what they share.

    Examples
    --------
    >>> HeaderParser().families
    []
    """

    def __init__(self) -> None:
        self.families: list[_Family] = []

    def parse(self, data: bytes, *, complete: bool) -> FileHeader:
        """Return the header at the beginning of a file.

        Parameters
        ----------
        data : bytes
            The file, or its beginning.
        complete : bool
            Whether it is the whole file.

        Raises
        ------
        Incomplete
            If the header goes on beyond ``data`` and there is more of the file.
        NotDicomError, TruncatedError
            If this is no DICOM file, or it ends too early.
        """
        for position, family in enumerate(self.families):
            if (found := self._fit(family, data, complete=complete)) is None:
                continue
            if position:
                self.families.insert(0, self.families.pop(position))
            return FileHeader(family, *found)
        return self._parse_in_full(data, complete=complete)

    @staticmethod
    def _fit(family: _Family, data: bytes, *, complete: bool) -> tuple[dict[int, RawElement], Entry | None] | None:
        try:
            found = family.fit(data)
        except Incomplete:
            if not complete:
                raise
            return None
        if found is None or (found[1] is None and not complete):
            return None
        return found

    def _parse_in_full(self, data: bytes, *, complete: bool) -> FileHeader:
        meta, start = read_meta(data)
        uid = meta[_TRANSFER_SYNTAX].decode("ascii", "replace").strip(" \0") if _TRANSFER_SYNTAX in meta else ""
        uid = uid or guess_syntax(data, start)
        layout = parse_instance(data, start, Syntax.of(uid), complete=complete)
        entries = (*_meta_entries(data, start), *layout.entries)
        if not layout.entries:
            return FileHeader(_bare(data, uid), {}, layout.pixels)
        family = _Family(data, entries, layout.pixels, Syntax.of(uid), uid)
        return self._filed(family, layout)

    def _filed(self, family: _Family, layout: Layout) -> FileHeader:
        for known in self.families:
            if _signature(known) == _signature(family):
                return FileHeader(known, known.learn(family.reference.values()), layout.pixels)
        self.families.insert(0, family)
        return FileHeader(family, {}, layout.pixels)


def _bare(data: bytes, uid: str) -> _Family:
    entry = Entry(_TRANSFER_SYNTAX, "UI", 0, 0, 0, 0, implicit=False)
    return _Family(data, (entry,), None, Syntax.of(uid), uid)


def _meta_entries(data: bytes, stop: int) -> list[Entry]:
    entries: list[Entry] = []
    position = 132 if data[128:132] == b"DICM" else 0
    while position < stop:
        entries.append(head_at(data, position, Syntax(implicit=False, little_endian=True)))
        position = entries[-1].stop
    return entries


def _signature(family: _Family) -> tuple[object, ...]:
    kinds = tuple((e.tag, e.vr, e.implicit) for e in family.entries)
    pixels = family.pixels
    return (family.syntax_uid, kinds, None if pixels is None else (pixels.tag, pixels.vr))


def assemble(files: Sequence[FileHeader]) -> Headers:
    """Return the headers of the files, in order; file meta information is left out."""
    families = list({id(f.family): f.family for f in files}.values())
    # Neither file meta information nor offsets of the pixels are header.
    tags = {tag for family in families for tag in family.reference if tag >> 16 != 2 and tag not in _OFFSETS}
    varying = {tag for f in files for tag in f.differing}
    columns: dict[int, Column] = {}
    for tag in tags:
        references = [family.reference.get(tag) for family in families]
        first = references[0]
        if tag not in varying and first is not None and all(r == first for r in references):
            columns[tag] = first
        else:
            columns[tag] = tuple([f.differing.get(tag) or f.family.reference.get(tag) for f in files])
    return Headers(len(files), columns)
