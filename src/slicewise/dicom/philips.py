"""Philips MR: the scale slope that makes values of one scan comparable with those of another.

Philips exports displayed values by rescale slope (RS) and intercept (RI), chosen anew for each series, and keeps in
private attributes the scale slope (SS) of the reconstruction. The floating-point value of a stored value is
(stored x RS + RI) / (RS x SS); see Chenevert et al., Transl Oncol 2014;7:65-71 (doi:10.1593/tlo.13811).
"""

from __future__ import annotations

import struct

import numpy as np

from slicewise.dicom.items import items_of
from slicewise.dicom.private import private_element, slice_elements
from slicewise.dicom.rescale import Rescale, rescales
from slicewise.dicom.values import decimals
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["philips_mappings"]

_CREATOR = "Philips MR Imaging DD 001"
_FRAME_CREATOR = "Philips MR Imaging DD 005"
_FRAME_SEQUENCE = 0x0F
_SCALE_SLOPE = 0x0E
_GROUP = 0x2005
_SLOPE = tag_of("RescaleSlope")


def philips_mappings(headers: Headers) -> list[Rescale]:
    """Return what makes floating-point values of the stored values of each slice or frame.

    Raises
    ------
    HeaderError
        If a slice has no rescale slope or no scale slope; the message names it.
    """
    lines = rescales(headers)
    found = []
    for k, line in enumerate(lines):
        if headers.element(_SLOPE, k) is None:
            raise HeaderError(f"slice {k} has no RescaleSlope, without which values='philips' cannot be computed")
        scale = _scale_slope(headers, k)
        both = line.slope * scale
        rescale = Rescale(1 / scale, line.intercept / both) if both else None
        if rescale is None or not np.isfinite(rescale).all():
            raise HeaderError(
                f"slice {k} has RescaleSlope {line.slope:g}, RescaleIntercept {line.intercept:g} and the scale slope "
                f"{scale:g} in (2005,xx0E), which no numbers can hold together"
            )
        found.append(rescale)
    return found


def _scale_slope(headers: Headers, index: int) -> float:
    elements = slice_elements(headers, index, _GROUP)
    element = private_element(elements, _CREATOR, _GROUP, _SCALE_SLOPE)
    if element is None:
        # Enhanced images keep it in a sequence of each frame.
        frame = private_element(elements, _FRAME_CREATOR, _GROUP, _FRAME_SEQUENCE)
        for item in items_of(frame) if frame is not None else []:
            element = element or private_element(item, _CREATOR, _GROUP, _SCALE_SLOPE)
    scale = _number(element)
    if scale is None:
        raise HeaderError(
            f"slice {index} has no scale slope (2005,xx0E) of {_CREATOR!r}, without which values='philips' cannot be "
            "computed: it is of another maker, or lost its private attributes"
        )
    if not np.isfinite(scale) or scale <= 0:
        raise HeaderError(f"slice {index} has the scale slope {scale:g} in (2005,xx0E): it must be a positive number")
    return scale


def _number(element: RawElement | None) -> float | None:
    if element is None or not element.value:
        return None
    if element.vr == "DS":
        return decimals(element)[0]
    # FL, or nothing said of it (implicit VR, UN).
    if len(element.value) != 4:
        return None
    (value,) = struct.unpack("<f" if element.little_endian else ">f", element.value)
    return float(value)
