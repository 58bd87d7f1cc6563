"""Attributes that restate the grid, regenerated from the geometry (PS3.3, C.7.6.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import decimal_strings, decimals
from slicewise.errors import HeaderError
from slicewise.image import Geometry, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["GENERATORS", "generator_for", "grid_columns", "regenerate"]

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


Generator = Callable[[Geometry, int], FloatArray]

GENERATORS: dict[int, Generator] = {
    _POSITION: _position,
    _ORIENTATION: _orientation,
    _PIXEL_SPACING: _pixel_spacing,
    _THICKNESS: _slice_spacing,
    _BETWEEN: _slice_spacing,
    _LOCATION: _location,
}

_FROM_PLANE = frozenset([_THICKNESS, _LOCATION])
"""What a slice in the plane of a source slice keeps of it."""

_PARALLEL = 1 - 1e-6
"""Cosine of the angle between normals above which they are the same."""


def generator_for(tag: int, source: Geometry, stated: Column | None) -> tuple[Generator, bool]:
    """Return what makes an attribute of an output slice, and whether slices in a source's plane keep its value.

    Slice locations are relative to a point that the scanner chose: what is made between source
    slices must be relative to the same. Where they follow no rule, all are made anew.

    Parameters
    ----------
    tag : int
        An attribute of ``GENERATORS``.
    source : Geometry
        Grid of the source.
    stated : Column or None
        The attribute on the slices of the source.
    """
    if tag != _LOCATION or stated is None:
        return GENERATORS[tag], True
    along = source.positions @ source.normal
    elements = [stated] * source.slices if isinstance(stated, RawElement) else stated
    locations = [_numbers(element) for element in elements]
    if any(len(location) != 1 for location in locations):
        return _location, False
    known = np.array(locations)[:, 0]
    for sign in (1.0, -1.0):
        offset = float(np.mean(known - sign * along))
        if np.abs(known - sign * along - offset).max() <= 0.01 * source.slice_spacing:
            return partial(_location_from, normal=sign * source.normal, offset=offset), True
    return _location, False


def _location_from(geometry: Geometry, index: int, *, normal: FloatArray, offset: float) -> FloatArray:
    if abs(float(geometry.normal @ normal)) < _PARALLEL:
        # Of planes at another angle the source says nothing.
        return _location(geometry, index)
    return np.array([float(f"{geometry.positions[index] @ normal + offset:.9g}")])


def regenerate(
    generator: Generator, tag: int, geometry: Geometry, index: int, existing: RawElement | None, *, matched: bool
) -> RawElement:
    """Return the attribute of one output slice, with the digits of the source where they still say the same.

    Parameters
    ----------
    generator : callable
        What ``generator_for`` gave.
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
    values = generator(geometry, index)
    if existing is not None and _says(existing, values):
        return existing
    return RawElement(tag, "DS", decimal_strings(values))


def _says(element: RawElement, values: FloatArray) -> bool:
    stated = _stated(element)
    return len(stated) == len(values) and bool(np.allclose(stated, values, rtol=1e-9, atol=1e-9))


def _stated(element: RawElement | None) -> tuple[float, ...]:
    stated = _numbers(element)
    if element is None or element.tag != _ORIENTATION or len(stated) != 6:
        return stated
    # Directions of headers are unit vectors but for rounding.
    halves = [np.array(stated[:3]), np.array(stated[3:])]
    return tuple(float(v) for half in halves for v in half / (np.linalg.norm(half) or 1.0))


def _numbers(element: RawElement | None) -> tuple[float, ...]:
    try:
        return decimals(element)
    except HeaderError:
        return ()


def grid_columns(headers: Headers, geometry: Geometry) -> dict[int, Column | None]:
    """Return the attributes of the grid that do not say where the slices of an image are.

    Headers may have been put to an image they were not made for. Where they agree, nothing is returned; nor where
    the image has no place in the patient.

    Parameters
    ----------
    headers : Headers
        One header per slice.
    geometry : Geometry
        The grid of the image.
    """
    if not geometry.is_in_patient:
        return {}
    plane = (_POSITION, _ORIENTATION, _PIXEL_SPACING)
    if all(_agrees(tag, headers, geometry) for tag in plane):
        return {}
    present = [tag for tag in GENERATORS if headers.column(tag) is not None]
    columns: dict[int, Column | None] = {}
    for tag in {*plane, *present}:
        if tag == _BETWEEN and not geometry.is_even:
            columns[tag] = None
            continue
        columns[tag] = tuple(
            regenerate(GENERATORS[tag], tag, geometry, k, headers.element(tag, k), matched=False)
            for k in range(geometry.slices)
        )
    return columns


def _agrees(tag: int, headers: Headers, geometry: Geometry) -> bool:
    column = headers.column(tag)
    elements = [column] if column is None or isinstance(column, RawElement) else column
    stated = [_stated(element) for element in elements]
    wanted = np.array([GENERATORS[tag](geometry, k) for k in range(len(stated))])
    if any(len(values) != wanted.shape[1] for values in stated):
        return False
    # What all slices share, they share with the first.
    alike = len(stated) == geometry.slices or bool(np.ptp(geometry.positions, axis=0).max() == 0) or tag != _POSITION
    return alike and bool(np.allclose(stated, wanted, rtol=1e-9, atol=1e-9))
