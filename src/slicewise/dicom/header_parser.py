"""Headers of many files of a series: what repeats is compared as bytes, what differs is parsed.

The files of a series nearly share one layout. The first is parsed in full; for each further one
the bytes between the elements known to vary are compared in one go, and only those elements are
looked at. A file that does not fit is parsed in full and teaches the parser which elements vary.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from typing import NamedTuple

from slicewise.dicom.header_families import Family
from slicewise.dicom.parsing import (
    Entry,
    Incomplete,
    Layout,
    Syntax,
    guess_syntax,
    head_at,
    parse_instance,
    read_meta,
)
from slicewise.image import Headers, RawElement
from slicewise.image.elements import name_of
from slicewise.image.headers import Column

__all__ = ["FileHeader", "HeaderParser", "assemble"]

_TRANSFER_SYNTAX = 0x00020010
_OFFSETS = frozenset([0x7FE00001, 0x7FE00002, 0x7FE00003])
_TRIED = 8
"""Families that a file is compared with before it is parsed in full: those met last."""
_REMEMBERED = 256
"""Families whose first file is kept in memory."""


class FileHeader(NamedTuple):
    """Header of one file, as the values that differ from those of the first file of its family.

    ``pixels`` says where the pixel data stands: its ``value_start``, its length, or that it is
    of undefined length (encapsulated). None if there is none.
    """

    family: Family
    differing: dict[int, bytes]
    pixels: Entry | None

    @property
    def syntax_uid(self) -> str:
        """Transfer syntax of the file."""
        return self.family.syntax_uid

    def element(self, tag: int) -> RawElement | None:
        """Return an element, None if the file has it not.

        Raises
        ------
        LookupError
            If the parser was told not to look for it: whether the file has it is not known.
        """
        value = self.differing.get(tag)
        if value is not None:
            return self.family.element(tag, value)
        if not self.family.is_kept(tag):
            raise LookupError(f"{name_of(tag)} is not among the elements that were wanted of this header")
        return self.family.reference.get(tag)


class HeaderParser:
    """Parses headers of files one after the other and learns what they share.

    Parameters
    ----------
    wanted : container of int, optional
        Tags of the elements to return, for those who need a few of each of many files; all if not given.

    Examples
    --------
    >>> HeaderParser().families
    []
    """

    def __init__(self, wanted: Container[int] | None = None) -> None:
        self.wanted = wanted
        self.families: list[Family] = []
        """Those met last come first."""
        self._by_signature: dict[Hashable, Family] = {}

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
        for position, family in enumerate(self.families[:_TRIED]):
            if (found := self._fit(family, data, complete=complete)) is None:
                continue
            if position:
                self.families.insert(0, self.families.pop(position))
            return FileHeader(family, *found)
        return self._parse_in_full(data, complete=complete)

    @staticmethod
    def _fit(family: Family, data: bytes, *, complete: bool) -> tuple[dict[int, bytes], Entry | None] | None:
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
        family = Family(data, entries, layout.pixels, uid=uid, wanted=self.wanted)
        return self._filed(family, layout)

    def _filed(self, family: Family, layout: Layout) -> FileHeader:
        known = self._by_signature.get(family.signature)
        if known is not None:
            self.families.remove(known)
            self.families.insert(0, known)
            return FileHeader(known, known.learn(family.elements.values()), layout.pixels)
        self._by_signature[family.signature] = family
        self.families.insert(0, family)
        if len(self.families) > _REMEMBERED:
            del self._by_signature[self.families.pop().signature]
        return FileHeader(family, {}, layout.pixels)


def _bare(data: bytes, uid: str) -> Family:
    entry = Entry(_TRANSFER_SYNTAX, "UI", 0, 0, 0, 0, implicit=False)
    return Family(data, (entry,), None, uid=uid)


def _meta_entries(data: bytes, stop: int) -> list[Entry]:
    entries: list[Entry] = []
    position = 132 if data[128:132] == b"DICM" else 0
    while position < stop:
        entries.append(head_at(data, position, Syntax(implicit=False, little_endian=True)))
        position = entries[-1].stop
    return entries


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
            columns[tag] = tuple([f.element(tag) for f in files])
    return Headers(len(files), columns)
