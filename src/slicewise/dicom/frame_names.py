"""Attributes of frames under the names that single-frame images know them by."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from slicewise.dicom.values import decimal_string, padded
from slicewise.image import RawElement
from slicewise.image.elements import tag_of

__all__ = ["with_ordinary_names"]

_FRAME_TYPE = tag_of("FrameType")
_IMAGE_TYPE = tag_of("ImageType")
_MIXED = "MIXED"


class _Name(NamedTuple):
    tag: int
    vr: str
    convert: Callable[[RawElement], bytes]


def _same(element: RawElement) -> bytes:
    return element.value


def _double(element: RawElement) -> bytes:
    if len(element.value) != 8:
        return b""
    (value,) = struct.unpack("<d" if element.little_endian else ">d", element.value)
    if not math.isfinite(value):
        return b""
    return padded(decimal_string(float(f"{value:.12g}")).encode("ascii"))


def _unsigned(element: RawElement) -> bytes:
    if len(element.value) != 2:
        return b""
    return padded(str(int.from_bytes(element.value, "little" if element.little_endian else "big")).encode("ascii"))


_ORDINARY = {
    tag_of("EffectiveEchoTime"): _Name(tag_of("EchoTime"), "DS", _double),
    tag_of("FrameAcquisitionDateTime"): _Name(tag_of("AcquisitionDateTime"), "DT", _same),
    tag_of("FrameAcquisitionNumber"): _Name(tag_of("AcquisitionNumber"), "IS", _unsigned),
}
"""When its acquisition began, of which it is, and the echo (PS3.3, C.7.6.16.2.2 and C.8.13.5.4)."""


def with_ordinary_names(attributes: Mapping[int, RawElement], image_type: str) -> dict[int, RawElement]:
    """Return the attributes of a frame, and some of them under their ordinary names as well.

    Parameters
    ----------
    attributes : mapping of int to RawElement
        What functional groups say.
    image_type : str
        Image Type of the instance. Where it says MIXED, that of the frame is its Frame Type (PS3.3, C.8.16.1).
    """
    found = dict(attributes)
    for tag, name in _ORDINARY.items():
        if tag in attributes and name.tag not in attributes and (value := name.convert(attributes[tag])):
            found[name.tag] = RawElement(name.tag, name.vr, value)
    if _MIXED in image_type.split("\\") and _FRAME_TYPE in attributes and _IMAGE_TYPE not in attributes:
        found[_IMAGE_TYPE] = RawElement(_IMAGE_TYPE, "CS", attributes[_FRAME_TYPE].value)
    return found
