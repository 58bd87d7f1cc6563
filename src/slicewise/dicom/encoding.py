"""Encoding in little endian, mostly of explicit VR: elements, items, and whole headers of a series (PS3.5, 7).

What the slices of a series share is encoded once; what varies is encoded per slice and spliced in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from slicewise.dicom.explicit import element_bytes, even, explicit, is_explicit, item
from slicewise.dicom.implicit import implicit_bytes
from slicewise.errors import HeaderError
from slicewise.image import Code, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["SeriesTemplate", "code_item", "element_bytes", "explicit_column", "item", "meta_bytes", "sequence", "text"]

_OURS = frozenset(
    tag_of(keyword)
    for keyword in (
        "SourceImageSequence",
        "ReferencedSeriesSequence",
        "StudiesContainingOtherReferencedInstancesSequence",
    )
)
"""Sequences that are mostly made here, even, for each slice: nothing of them is looked at again."""


def text(keyword: str, value: str, vr: str) -> RawElement:
    """Return an element with an ASCII value.

    Raises
    ------
    HeaderError
        If the value has other letters, as a broken identifier may.
    """
    if not value.isascii():
        raise HeaderError(f"{keyword} must be plain ASCII (got {value!r}): the header it comes from is broken")
    return RawElement(tag_of(keyword), vr, value.encode("ascii"))


def sequence(keyword: str, items: Iterable[bytes]) -> RawElement:
    """Return a sequence of encoded items."""
    return RawElement(tag_of(keyword), "SQ", b"".join(items))


def code_item(code: Code) -> bytes:
    """Return the item of a coded concept (PS3.3, 8.8)."""
    return item(
        [
            text("CodeValue", code.value, "SH"),
            text("CodingSchemeDesignator", code.scheme, "SH"),
            text("CodeMeaning", code.meaning, "LO"),
        ]
    )


def meta_bytes(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, implementation: tuple[str, str]
) -> bytes:
    """Return preamble, prefix and file meta information (PS3.10, 7.1)."""
    elements = [
        RawElement(0x00020001, "OB", b"\x00\x01"),
        text("MediaStorageSOPClassUID", sop_class_uid, "UI"),
        text("MediaStorageSOPInstanceUID", sop_instance_uid, "UI"),
        RawElement(0x00020010, "UI", transfer_syntax_uid.encode("ascii")),
        RawElement(0x00020012, "UI", implementation[0].encode("ascii")),
        RawElement(0x00020013, "SH", implementation[1].encode("ascii")),
    ]
    content = b"".join(element_bytes(e) for e in elements)
    length = element_bytes(RawElement(0x00020000, "UL", struct.pack("<L", len(content))))
    return bytes(128) + b"DICM" + length + content


def explicit_column(tag: int, headers: Headers) -> Column | None:
    """Return an attribute over the slices in explicit VR little endian."""
    column = headers.column(tag)
    if column is None:
        return None
    if tag in _OURS and all(
        e is None or is_explicit(e) for e in ([column] if isinstance(column, RawElement) else column)
    ):
        return column
    if isinstance(column, RawElement):
        return _of_slice(column, headers, 0)
    return tuple(None if e is None else _of_slice(e, headers, k) for k, e in enumerate(column))


def _of_slice(element: RawElement, headers: Headers, index: int) -> RawElement:
    return even(element if is_explicit(element) else explicit(element, headers[index]))


def _implicit_column(tag: int, headers: Headers) -> Column | None:
    column = headers.column(tag)
    if column is None or isinstance(column, RawElement):
        return None if column is None else _in_either_vr(column, headers, 0)
    return tuple(None if e is None else _in_either_vr(e, headers, k) for k, e in enumerate(column))


def _in_either_vr(element: RawElement, headers: Headers, index: int) -> RawElement:
    return element if element.implicit and element.little_endian else _of_slice(element, headers, index)


class SeriesTemplate:
    """The encoded headers of a series: shared bytes, with places for what varies and what comes late.

    Parameters
    ----------
    headers : Headers
        The headers, in any encoding. Retired group lengths are left out.
    late : sequence of int
        Tags of attributes that are only known when the pixels are.
    implicit : bool
        Whether to encode in implicit VR little endian, and not in explicit.
    """

    def __init__(self, headers: Headers, late: Sequence[int] = (), *, implicit: bool = False) -> None:
        column_of = _implicit_column if implicit else explicit_column
        self._bytes_of = implicit_bytes if implicit else element_bytes
        tags = set(headers.columns()) | set(late)
        self._pieces: list[bytes | tuple[bytes, ...] | int] = []
        run: list[bytes] = []
        for tag in sorted(t for t in tags if t & 0xFFFF or not t >> 16):
            if tag in late:
                self._close(run)
                self._pieces.append(tag)
                continue
            column = column_of(tag, headers)
            if isinstance(column, RawElement):
                run.append(self._bytes_of(column))
            elif column is not None:
                self._close(run)
                self._pieces.append(tuple(b"" if e is None else self._bytes_of(e) for e in column))
        self._close(run)

    def _close(self, run: list[bytes]) -> None:
        if run:
            self._pieces.append(b"".join(run))
            run.clear()

    def encode(self, index: int, late: dict[int, RawElement]) -> bytes:
        """Return the dataset of a slice up to its pixels.

        Parameters
        ----------
        index : int
            The slice.
        late : mapping of int to RawElement
            The late attributes, in explicit VR little endian; those not given are left out.
        """
        parts: list[bytes] = []
        for piece in self._pieces:
            if isinstance(piece, bytes):
                parts.append(piece)
            elif isinstance(piece, tuple):
                parts.append(piece[index])
            elif piece in late:
                parts.append(self._bytes_of(late[piece]))
        return b"".join(parts)
