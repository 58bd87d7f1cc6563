"""Elements of any transfer syntax in explicit VR little endian, their bytes kept (PS3.5, 7.1 and 7.3).

Nothing is decoded and encoded again: text keeps its bytes whatever they mean, and so does what is no value of its VR.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.dicom.items import has_odd_value, item_spans, items_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.decoding import vr_of
from slicewise.image.elements import LONG_HEADER_VRS

__all__ = ["SPACE_PADDED", "element_bytes", "even", "explicit", "is_explicit", "item"]

SPACE_PADDED = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())  # noqa: SIM905
_STANDARD_VRS = LONG_HEADER_VRS | set(
    "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905
)
_WORDS = {"AT": 2, "OW": 2, "SS": 2, "US": 2, "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4}
_WORDS |= {"FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}
"""Bytes of a number, which the byte order turns round (PS3.5, 7.3)."""


def element_bytes(element: RawElement) -> bytes:
    """Return an element of explicit VR little endian as it stands in a file.

    An odd length is padded. A value too long for the length field of its VR is written as UN
    (PS3.5, 6.2.2).
    """
    vr = element.vr if element.vr in _STANDARD_VRS else "UN"
    value = even(element).value if vr == "SQ" and len(element.value) % 2 else element.value
    if len(value) % 2:
        value += b" " if vr in SPACE_PADDED else b"\0"
    if vr not in LONG_HEADER_VRS and len(value) > 0xFFFE:
        vr = "UN"
    head = struct.pack("<HH2s", element.tag >> 16, element.tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG_HEADER_VRS:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def item(elements: Iterable[RawElement]) -> bytes:
    """Return an item of a sequence; elements are put in tag order."""
    content = b"".join(element_bytes(e) for e in sorted(elements, key=lambda e: e.tag))
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


def even(element: RawElement) -> RawElement:
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
    return element._replace(value=b"".join(item(even(e) for e in elements.values()) for elements in items_of(element)))


def is_explicit(element: RawElement) -> bool:
    """Whether an element is in explicit VR little endian already."""
    return element.vr is not None and not element.implicit and element.little_endian


def explicit(element: RawElement, dataset: Dataset) -> RawElement:
    """Return an element in explicit VR little endian.

    Parameters
    ----------
    element : RawElement
        The element.
    dataset : Dataset
        The header or item that it stands in, as ``Headers`` gives it.
    """
    if is_explicit(element):
        return element
    vr, _ = vr_of(element.to_pydicom(), dataset)
    if " or " in vr:
        # What decides stands elsewhere in the dataset, or around it.
        vr = str(dataset[BaseTag(element.tag)].VR)
    if vr == "SQ":
        return _explicit_items(element, dataset)
    value, size = element.value, _WORDS.get(vr, 1)
    if not element.little_endian and len(value) % size == 0:
        value = np.frombuffer(value, f">u{size}").astype(f"<u{size}").tobytes()
    return RawElement(element.tag, vr, value)


def _explicit_items(element: RawElement, dataset: Dataset) -> RawElement:
    decoded = dataset[BaseTag(element.tag)]
    items = items_of(element._replace(vr="SQ")) if decoded.VR == "SQ" else []
    if decoded.VR != "SQ" or len(items) != len(decoded.value):
        # It cannot be taken apart; in implicit VR, which it may well be, unknown sequences stand so (PS3.5, 6.2.2).
        return RawElement(element.tag, "UN", element.value)
    contents = (
        item(explicit(e, inner) for tag, e in elements.items() if tag & 0xFFFF)
        for elements, inner in zip(items, decoded.value, strict=True)
    )
    return RawElement(element.tag, "SQ", b"".join(contents))
