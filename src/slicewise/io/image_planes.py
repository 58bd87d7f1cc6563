"""Where images lie: which of them share a form and plane, and which a place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import decimals
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.clusters import clusters, level_tolerance, levels

__all__ = ["ORIENTATION_TOLERANCE", "SAME_PLACE", "Planes", "planes_of"]

Indices = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

ORIENTATION_TOLERANCE = 1e-3
"""How far the cosines of two slices of one volume may differ."""
SAME_PLACE = 1e-3
"""Slices closer than this, in mm, are at one place."""
_SPACING_TOLERANCE = 1e-4
_JITTER = 0.1
"""How far positions of one place may scatter, as a share of the pixel spacing, where the next place is far away."""
_STATION = 0.05
"""How far apart within their plane slices of one height lie, as a share of their size, that are of different stacks."""


@attrs.frozen(eq=False)
class Planes:
    """Forms and places of images.

    Parameters
    ----------
    forms : array of int
        For each image a number that those share which could be slices of one volume: of the same size, orientation
        and pixel spacing, and not beside each other in one plane.
    names : tuple of tuple of str
        For each form what tells it from others: ``axial``, ``coronal``, ``sagittal``, ``oblique`` or ``no plane``;
        columns x rows; distance of columns and rows.
    places : array of int
        For each image a number that those of one form at one place share; -1 where there is no plane.
    """

    forms: Indices
    names: tuple[tuple[str, str, str], ...]
    places: Indices

    def is_planeless(self, images: Indices) -> bool:
        """Whether images have no place in the patient."""
        return bool((self.places[images] < 0).any())


def planes_of(headers: Headers) -> Planes:
    """Return where images lie; those without a complete plane share a form of their own for each size."""
    positions = _vectors(headers, "ImagePositionPatient", 3)
    orientations = _vectors(headers, "ImageOrientationPatient", 6)
    spacings = _vectors(headers, "PixelSpacing", 2)
    normals = np.cross(orientations[:, :3], orientations[:, 3:])
    lengths = np.linalg.norm(normals, axis=1)
    has_plane = np.isfinite(positions).all(axis=1) & (np.nan_to_num(lengths) > 0.5)
    sizes = _sizes(headers)
    directions = clusters(orientations, ORIENTATION_TOLERANCE)
    scales = clusters(np.log(np.where(spacings > 0, spacings, 1.0)), _SPACING_TOLERANCE)
    keys = [has_plane, sizes[0], np.where(has_plane, directions, -1), np.where(has_plane, scales, -1)]
    forms, count = _numbered(keys)
    places = np.full(len(headers), -1, np.intp)
    stations = np.zeros(len(headers), np.intp)
    for form in range(count):
        images = np.flatnonzero((forms == form) & has_plane)
        if len(images):
            pixel = spacings[images[0]] if (spacings[images[0]] > 0).all() else np.ones(2)
            plane = orientations[images[0]].reshape(2, 3)
            places[images], stations[images] = _places(positions[images], plane, pixel, sizes[1][images[0]] * pixel)
    forms, count = _numbered([forms, stations])
    firsts = [int(np.argmax(forms == form)) for form in range(count)]
    names = tuple(
        (_name(orientations[k]) if has_plane[k] else "no plane", _size_text(sizes[1][k]), _spacing_text(spacings[k]))
        for k in firsts
    )
    return Planes(forms, names, places)


def _numbered(keys: Sequence[Indices]) -> tuple[Indices, int]:
    """Return a number for each combination of keys, by first appearance, and how many there are."""
    _, firsts, inverse = np.unique(np.stack(keys), axis=1, return_index=True, return_inverse=True)
    ranks = np.empty(len(firsts), np.intp)
    ranks[np.argsort(firsts)] = np.arange(len(firsts))
    return ranks[np.asarray(inverse).reshape(-1)], len(firsts)


def _vectors(headers: Headers, keyword: str, length: int) -> FloatArray:
    """Return the numbers of an attribute, of shape (images, length); NaN where they are not there or broken."""
    column = headers.column(tag_of(keyword))
    if column is None or isinstance(column, RawElement):
        numbers = [np.nan] * length if column is None else _numbers(column, length)
        return np.tile(np.array(numbers, dtype=np.float64), (len(headers), 1))
    known: dict[bytes, Sequence[float]] = {b"": [np.nan] * length}
    values = [b"" if element is None else element.value for element in column]
    for value, element in zip(values, column, strict=True):
        if value not in known and element is not None:
            known[value] = _numbers(element, length)
    return np.array([known[value] for value in values], dtype=np.float64)


def _numbers(element: RawElement, length: int) -> Sequence[float]:
    try:
        values = decimals(element)
    except HeaderError:
        values = ()
    return values if len(values) == length and all(map(math.isfinite, values)) else [np.nan] * length


def _sizes(headers: Headers) -> tuple[Indices, FloatArray]:
    """Return a number for each size and number of samples, and rows and columns, of shape (images, 2)."""
    columns = [headers.column(tag_of(keyword)) for keyword in ("Rows", "Columns", "SamplesPerPixel")]
    numbers: dict[Any, int] = {}
    found = np.zeros(len(headers), np.intp)
    shapes = np.zeros((len(headers), 2))
    if all(c is None or isinstance(c, RawElement) for c in columns):
        shapes[:] = [_unsigned(c) for c in columns[:2]]  # type: ignore[arg-type] # as was just seen
        return found, shapes
    for k in range(len(headers)):
        elements = [c if isinstance(c, RawElement) or c is None else c[k] for c in columns]
        key = tuple(None if e is None else (e.value, e.little_endian) for e in elements)
        found[k] = numbers.setdefault(key, len(numbers))
        shapes[k] = [_unsigned(element) for element in elements[:2]]
    return found, shapes


def _unsigned(element: RawElement | None) -> int:
    return 0 if element is None else int.from_bytes(element.value[:2], "little" if element.little_endian else "big")


def _places(positions: FloatArray, plane: FloatArray, pixel: FloatArray, extent: FloatArray) -> tuple[Indices, Indices]:
    """Return the place of each position along the normal of a plane, and the stack it is of."""
    normal = np.cross(plane[0], plane[1])
    heights = positions @ (normal / np.linalg.norm(normal))
    found = levels(heights, level_tolerance(heights, SAME_PLACE, _JITTER * float(pixel.min())))
    return found, _stations(found, heights, positions @ plane.T, _STATION * float(extent.min()))


def _stations(places: Indices, heights: FloatArray, within: FloatArray, apart: float) -> Indices:
    """Return numbers of stacks that lie beside each other: where slices of one height are far apart in their plane."""
    order = np.argsort(places, kind="stable")
    firsts = np.flatnonzero(np.diff(places[order], prepend=-1))
    spread = np.maximum.reduceat(within[order], firsts) - np.minimum.reduceat(within[order], firsts)
    if apart <= 0 or not (spread > apart).any():
        return np.zeros(len(places), np.intp)
    # Under gantry tilt each stack as a whole is shifted within its plane, the more the higher it is.
    shift = _shift_by_height(order, firsts, heights, within)
    return clusters(within - heights[:, np.newaxis] * shift, apart)


def _shift_by_height(order: Indices, firsts: Indices, heights: FloatArray, within: FloatArray) -> FloatArray:
    groups = np.split(order, firsts[1:])
    shifts = []
    for lower, upper in pairwise(groups):
        steps = within[upper] - within[lower[0]]
        nearest = int(np.argmin(np.linalg.norm(steps, axis=1)))
        shifts.append(steps[nearest] / (heights[upper[nearest]] - heights[lower[0]]))
    return np.median(shifts, axis=0) if shifts else np.zeros(2)


def _name(orientation: Sequence[float] | FloatArray) -> str:
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    if normal.max() < 0.8 * np.linalg.norm(normal):
        return "oblique"
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]


def _size_text(shape: FloatArray) -> str:
    return f"{shape[1]:.0f} x {shape[0]:.0f}"


def _spacing_text(spacing: FloatArray) -> str:
    return f"{spacing[1]:.4g} x {spacing[0]:.4g} mm"
