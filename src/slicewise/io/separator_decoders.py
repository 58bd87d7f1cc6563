"""Private and nested attributes that separate volumes, decoded: their VR is often lost or wrong."""

from __future__ import annotations

import struct

from slicewise.dicom.items import items_of
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import tag_of

__all__ = ["code_text", "direction_of_item", "doubles", "ge_b_value", "ge_component", "number"]

_GE_COMPONENTS = ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY")
_GE_OFFSET = 1_000_000_000
_DIRECTION = tag_of("DiffusionGradientOrientation")


def code_text(element: RawElement) -> object:
    """Return a value as text."""
    return text_of(element)


def number(element: RawElement) -> object:
    """Return the first number of a value, be it a string or a binary float; the bytes if it is neither."""
    if element.vr not in ("FD", "FL"):
        try:
            return float(text_of(element).split("\\")[0])
        except ValueError:
            pass
    return _unpacked(element, "f" if len(element.value) == 4 else "d")[0]


def doubles(element: RawElement) -> object:
    """Return binary floats of 64 bits; text if it is none."""
    is_binary = element.vr in ("FD", "OB", "UN", None) and len(element.value) % 8 == 0
    return _unpacked(element, "d") if is_binary else text_of(element)


def ge_b_value(element: RawElement) -> object:
    """Return the first of GE's numbers for diffusion, to which some versions add a thousand million."""
    value = number(element)
    return value % _GE_OFFSET if isinstance(value, float) else value


def ge_component(element: RawElement) -> object:
    """Return which part of the complex signal GE's raw data type stands for."""
    if len(element.value) == 2:
        code = int.from_bytes(element.value, "little" if element.little_endian else "big")
        if code < len(_GE_COMPONENTS):
            return _GE_COMPONENTS[code]
    return text_of(element)


def direction_of_item(element: RawElement) -> object:
    """Return the direction in the item of a Diffusion Gradient Direction Sequence (PS3.3, C.8.13.5.9)."""
    try:
        items = items_of(element)
    except HeaderError:
        return element.value
    return doubles(items[0][_DIRECTION]) if items and _DIRECTION in items[0] else None


def _unpacked(element: RawElement, kind: str) -> tuple[object, ...]:
    size = struct.calcsize(kind)
    count = len(element.value) // size
    if not count:
        return (element.value,)
    order = "<" if element.little_endian else ">"
    return struct.unpack(f"{order}{count}{kind}", element.value[: count * size])
