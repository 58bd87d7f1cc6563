"""Size of the pixels of images that have no place in the patient (PS3.3, 10.7.1.3 and C.8.5.5.1).

Pixel Spacing comes first, then what the detector or the film scanner states, then the calibrated regions
of ultrasound. Where nothing states a size, pixels are counted, with their aspect ratio.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from slicewise.dicom.items import items_of
from slicewise.dicom.values import decimal_strings, decimals, padded
from slicewise.errors import HeaderError
from slicewise.image import Coordinates, Geometry, Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["ASPECT_RATIO", "PIXEL_SPACING", "STATED_SIZES", "aspect_ratio", "pixel_size", "same_pixel_size", "scaled"]

PIXEL_SPACING = tag_of("PixelSpacing")
ASPECT_RATIO = tag_of("PixelAspectRatio")
STATED_SIZES = (tag_of("ImagerPixelSpacing"), tag_of("NominalScannedPixelSpacing"))
"""Spacing in mm at the detector or on the film, between rows and between columns."""

_REGIONS = tag_of("SequenceOfUltrasoundRegions")
_UNITS = (tag_of("PhysicalUnitsXDirection"), tag_of("PhysicalUnitsYDirection"))
_DELTAS = (tag_of("PhysicalDeltaY"), tag_of("PhysicalDeltaX"))
_CENTIMETRES = 3
_SAME_SIZE = 1e-4
_LARGEST_TERM = 1000

Size = tuple[float, float]


def pixel_size(headers: Headers) -> tuple[Coordinates, Size]:
    """Return what is known of the size of pixels, and the distances between rows and between columns.

    A size counts if it is one for all images. Where none is known the distances are in pixels: 1 between
    columns, and between rows what the aspect ratio says.
    """
    for tag in (PIXEL_SPACING, *STATED_SIZES):
        if (size := _shared(headers, tag, _pair)) is not None:
            return Coordinates.PLANE, size
    if (size := _shared(headers, _REGIONS, _region_size)) is not None:
        return Coordinates.PLANE, size
    ratio = _shared(headers, ASPECT_RATIO, _pair) or (1.0, 1.0)
    return Coordinates.PIXELS, (ratio[0] / ratio[1], 1.0)


def _shared(headers: Headers, tag: int, read: Callable[[RawElement], Size | None]) -> Size | None:
    known: dict[bytes, Size | None] = {}
    for k in range(len(headers)):
        element = headers.element(tag, k)
        if element is None:
            return None
        if element.value not in known:
            known[element.value] = read(element)
    sizes = list(known.values())
    first = sizes[0] if sizes else None
    if first is None or any(size is None or not np.allclose(size, first, rtol=_SAME_SIZE) for size in sizes):
        return None
    return first


def _pair(element: RawElement) -> Size | None:
    try:
        values = decimals(element)
    except HeaderError:
        return None
    if len(values) != 2 or not np.isfinite(values).all() or min(values) <= 0:
        return None
    return values[0], values[1]


def _region_size(element: RawElement) -> Size | None:
    """Return the size of pixels in mm that all regions of an ultrasound image share."""
    try:
        sizes = [_calibration(item) for item in items_of(element)]
    except HeaderError:
        return None
    first = sizes[0] if sizes else None
    if first is None or any(size is None or not np.allclose(size, first, rtol=_SAME_SIZE) for size in sizes):
        return None
    return first


def _calibration(region: dict[int, RawElement]) -> Size | None:
    for tag in _UNITS:
        unit = region.get(tag)
        order = "little" if unit is None or unit.little_endian else "big"
        if unit is None or int.from_bytes(unit.value[:2], order) != _CENTIMETRES:  # type: ignore[arg-type]
            return None
    deltas = [_double(region.get(tag)) for tag in _DELTAS]
    if not np.isfinite(deltas).all() or min(deltas) <= 0:
        return None
    return deltas[0] * 10, deltas[1] * 10


def _double(element: RawElement | None) -> float:
    # A negative delta says in which sense the coordinate grows, not how far.
    if element is None or len(element.value) < 8:
        return 0.0
    (value,) = struct.unpack("<d" if element.little_endian else ">d", element.value[:8])
    return abs(float(value))


def same_pixel_size(before: Geometry, after: Geometry) -> bool:
    """Whether the pixels of two grids are of one size."""
    return bool(np.allclose(before.pixel_spacing, after.pixel_spacing, rtol=1e-6))


def scaled(element: RawElement | None, before: Geometry, after: Geometry) -> RawElement | None:
    """Return a stated size for pixels that were made larger or smaller; None if it says nothing."""
    size = None if element is None else _pair(element)
    if element is None or size is None:
        return None
    values = [v * new / old for v, new, old in zip(size, after.pixel_spacing, before.pixel_spacing, strict=True)]
    return RawElement(element.tag, "DS", decimal_strings([float(f"{value:.9g}") for value in values]))


def aspect_ratio(geometry: Geometry) -> RawElement | None:
    """Return the aspect ratio of pixels of no known size; None where they are square (PS3.3, C.7.6.3.1.7)."""
    ratio = Fraction(geometry.pixel_spacing[0] / geometry.pixel_spacing[1]).limit_denominator(_LARGEST_TERM)
    if ratio == 1 or not ratio:
        return None
    return RawElement(ASPECT_RATIO, "IS", padded(f"{ratio.numerator}\\{ratio.denominator}".encode("ascii")))
