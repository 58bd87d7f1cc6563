"""Elements in implicit VR little endian, their bytes kept (PS3.5, 7.1.3)."""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_VR

from slicewise.dicom.explicit import SPACE_PADDED
from slicewise.dicom.items import item_spans, items_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import name_of

__all__ = ["implicit_bytes"]

_UNDEFINED = 0xFFFFFFFF
_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def implicit_bytes(element: RawElement) -> bytes:
    """Return an element as it stands in a file of implicit VR little endian.

    Sequences are taken apart and encoded again. One that no dictionary knows is of undefined length: by that alone
    readers see that it is a sequence.

    Parameters
    ----------
    element : RawElement
        An element in little endian, of explicit or implicit VR.

    Raises
    ------
    HeaderError
        If a sequence in explicit VR cannot be taken apart.
    """
    if element.vr != "SQ":
        return _head(element.tag, len(value := _even(element))) + value
    value = _items(element)
    if _known_vr(element.tag) == "SQ":
        return _head(element.tag, len(value)) + value
    return _head(element.tag, _UNDEFINED) + value + _END


def _head(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)


def _even(element: RawElement) -> bytes:
    if len(element.value) % 2 == 0:
        return element.value
    vr = element.vr or _known_vr(element.tag)
    return element.value + (b" " if vr in SPACE_PADDED else b"\0")


def _known_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def _items(element: RawElement) -> bytes:
    try:
        spans = item_spans(element)
    except HeaderError:
        spans = []
    if element.value and (not spans or spans[-1][1] != len(element.value)):
        if element.implicit:
            return element.value
        raise HeaderError(
            f"{name_of(element.tag)} is a broken sequence, which cannot be taken apart and so not be encoded in "
            "implicit VR: use 'explicit'"
        )
    return b"".join(_item(elements) for elements in items_of(element))


def _item(elements: dict[int, RawElement]) -> bytes:
    content = b"".join(implicit_bytes(elements[tag]) for tag in sorted(elements) if tag & 0xFFFF)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
