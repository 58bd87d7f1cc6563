"""Encoding in explicit VR little endian: elements, items, and whole headers of a series (PS3.5, 7).

What the slices of a series share is encoded once; what varies is encoded per slice and spliced in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from pydicom.datadict import dictionary_VR
from pydicom.tag import BaseTag

from slicewise.dicom.character_sets import character_set
from slicewise.dicom.items import has_odd_value, item_spans, items_of
from slicewise.errors import HeaderError
from slicewise.image import Code, Headers, RawElement
from slicewise.image.elements import LONG_HEADER_VRS, name_of, tag_of
from slicewise.image.encoding import CODING_ERRORS, encode_data_element
from slicewise.image.headers import Column

__all__ = ["SeriesTemplate", "code_item", "element_bytes", "explicit_column", "item", "meta_bytes", "sequence", "text"]

_SPACE_PADDED = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())  # noqa: SIM905
_OURS = frozenset(
    tag_of(keyword)
    for keyword in (
        "SourceImageSequence",
        "ReferencedSeriesSequence",
        "StudiesContainingOtherReferencedInstancesSequence",
    )
)
"""Sequences that are made here, explicit and even, for each slice."""

_STANDARD_VRS = LONG_HEADER_VRS | set(
    "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905
)


def element_bytes(element: RawElement) -> bytes:
    """Return an element of explicit VR little endian as it stands in a file.

    An odd length is padded. A value too long for the length field of its VR is written as UN
    (PS3.5, 6.2.2).
    """
    vr = element.vr if element.vr in _STANDARD_VRS else "UN"
    value = _even(element).value if vr == "SQ" and len(element.value) % 2 else element.value
    if len(value) % 2:
        value += b" " if vr in _SPACE_PADDED else b"\0"
    if vr not in LONG_HEADER_VRS and len(value) > 0xFFFE:
        vr = "UN"
    head = struct.pack("<HH2s", element.tag >> 16, element.tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG_HEADER_VRS:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


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


def item(elements: Iterable[RawElement]) -> bytes:
    """Return an item of a sequence; elements are put in tag order."""
    content = b"".join(element_bytes(e) for e in sorted(elements, key=lambda e: e.tag))
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


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
    if column is None or tag in _OURS:
        return column
    if isinstance(column, RawElement):
        return _even(_explicit(column, headers, 0))
    return tuple(None if e is None else _even(_explicit(e, headers, k)) for k, e in enumerate(column))


def _even(element: RawElement) -> RawElement:
    """Return a sequence in which no value is of odd length; another element, or a broken sequence, as it is."""
    if element.vr != "SQ" or not has_odd_value(element.value):
        return element
    try:
        spans = item_spans(element)
    except HeaderError:
        spans = []
    if not spans or spans[-1][1] != len(element.value):
        # It cannot be taken apart without loss: what it is, is not for us to say.
        return element
    return element._replace(value=b"".join(item(_even(e) for e in elements.values()) for elements in items_of(element)))


def _is_explicit(element: RawElement) -> bool:
    return element.vr is not None and not element.implicit and element.little_endian


def _explicit(element: RawElement, headers: Headers, index: int) -> RawElement:
    if _is_explicit(element):
        return element
    vr = element.vr or _public_vr(element.tag)
    if vr is not None and vr != "SQ" and " or " not in vr and element.little_endian:
        return RawElement(element.tag, vr, element.value)
    dataset = headers[index]
    try:
        return encode_data_element(
            dataset[BaseTag(element.tag)], context=dataset, character_set=character_set(headers, index)
        )
    except CODING_ERRORS as error:
        raise HeaderError(
            f"{name_of(element.tag)} of slice {index} cannot be written in explicit VR: {error}. Drop it with "
            f"overrides={{{name_of(element.tag)!r}: None}}"
        ) from error


def _public_vr(tag: int) -> str | None:
    if tag >> 16 & 1:
        return None
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


class SeriesTemplate:
    """The encoded headers of a series: shared bytes, with places for what varies and what comes late.

    Parameters
    ----------
    headers : Headers
        The headers, in any encoding. Retired group lengths are left out.
    late : sequence of int
        Tags of attributes that are only known when the pixels are.
    """

    def __init__(self, headers: Headers, late: Sequence[int] = ()) -> None:
        tags = set(headers.columns()) | set(late)
        self._pieces: list[bytes | tuple[bytes, ...] | int] = []
        run: list[bytes] = []
        for tag in sorted(t for t in tags if t & 0xFFFF or not t >> 16):
            if tag in late:
                self._close(run)
                self._pieces.append(tag)
                continue
            column = explicit_column(tag, headers)
            if isinstance(column, RawElement):
                run.append(element_bytes(column))
            elif column is not None:
                self._close(run)
                self._pieces.append(tuple(b"" if e is None else element_bytes(e) for e in column))
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
                parts.append(element_bytes(late[piece]))
        return b"".join(parts)
