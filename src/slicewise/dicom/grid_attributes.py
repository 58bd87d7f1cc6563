"""Attributes that restate the grid, regenerated from the geometry (PS3.3, C.7.6.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import decimal_strings, decimals
from slicewise.errors import HeaderError
from slicewise.image import Geometry, RawElement
from slicewise.image.elements import tag_of

__all__ = ["GENERATORS", "regenerate"]

FloatArray = npt.NDArray[np.float64]

_POSITION = tag_of("ImagePositionPatient")
_ORIENTATION = tag_of("ImageOrientationPatient")
_PIXEL_SPACING = tag_of("PixelSpacing")
_THICKNESS = tag_of("SliceThickness")
_BETWEEN = tag_of("SpacingBetweenSlices")
_LOCATION = tag_of("SliceLocation")


def _position(geometry: Geometry, index: int) -> FloatArray:
    return np.asarray(geometry.positions[index])


def _orientation(geometry: Geometry, _: int) -> FloatArray:
    return np.concatenate([geometry.row_direction, geometry.column_direction])


def _pixel_spacing(geometry: Geometry, _: int) -> FloatArray:
    return np.array(geometry.pixel_spacing)


def _slice_spacing(geometry: Geometry, _: int) -> FloatArray:
    return np.array([geometry.slice_spacing])


def _location(geometry: Geometry, index: int) -> FloatArray:
    # Signed so that it grows with the patient axis the slices run along.
    normal = geometry.normal
    sign = 1.0 if normal[int(np.argmax(np.abs(normal)))] >= 0 else -1.0
    return np.array([sign * float(geometry.positions[index] @ normal)])


GENERATORS = {
    _POSITION: _position,
    _ORIENTATION: _orientation,
    _PIXEL_SPACING: _pixel_spacing,
    _THICKNESS: _slice_spacing,
    _BETWEEN: _slice_spacing,
    _LOCATION: _location,
}

_FROM_PLANE = frozenset([_THICKNESS, _LOCATION])
"""What a slice in the plane of a source slice keeps of it."""


def regenerate(tag: int, geometry: Geometry, index: int, existing: RawElement | None, *, matched: bool) -> RawElement:
    """Return the attribute of one output slice, with the digits of the source where they still say the same.

    Parameters
    ----------
    tag : int
        An attribute of ``GENERATORS``.
    geometry : Geometry
        Grid of the output.
    index : int
        The output slice.
    existing : RawElement or None
        The attribute on the source slice.
    matched : bool
        Whether output and source slice share a plane.
    """
    if existing is not None and matched and tag in _FROM_PLANE:
        return existing
    values = GENERATORS[tag](geometry, index)
    if existing is not None and _says(existing, values):
        return existing
    return RawElement(tag, "DS", decimal_strings(values))


def _says(element: RawElement, values: FloatArray) -> bool:
    try:
        stated = decimals(element)
    except HeaderError:
        return False
    return len(stated) == len(values) and bool(np.allclose(stated, values, rtol=1e-9, atol=1e-9))
