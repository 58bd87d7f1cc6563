"""Where images lie: which of them share a form and plane, and which a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import decimals
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["ORIENTATION_TOLERANCE", "SAME_PLACE", "Planes", "planes_of"]

Indices = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

ORIENTATION_TOLERANCE = 1e-3
"""How far the cosines of two slices of one volume may differ."""
SAME_PLACE = 1e-3
"""Slices closer than this, in mm, are at one place."""
_SPACING_TOLERANCE = 1e-4


@attrs.frozen(eq=False)
class Planes:
    """Forms and places of images.

    Parameters
    ----------
    forms : array of int
        For each image a number that those of the same size, orientation and pixel spacing share.
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
    """Return where images lie; those without a complete plane share a form of their own."""
    positions = _vectors(headers, "ImagePositionPatient", 3)
    orientations = _vectors(headers, "ImageOrientationPatient", 6)
    spacings = _vectors(headers, "PixelSpacing", 2)
    has_plane = np.isfinite(np.concatenate([positions, orientations], axis=1)).all(axis=1)
    sizes = _sizes(headers)
    clusters = _clusters(orientations, ORIENTATION_TOLERANCE)
    scales = _clusters(np.log(np.where(spacings > 0, spacings, 1.0)), _SPACING_TOLERANCE)
    keys = np.stack([has_plane, sizes, np.where(has_plane, clusters, -1), np.where(has_plane, scales, -1)])
    _, firsts, forms = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    forms = np.asarray(forms, np.intp).reshape(-1)
    names = tuple(
        (
            _name(orientations[k]) if has_plane[k] else "no plane",
            _size_text(headers, int(k)),
            _spacing_text(spacings[k]),
        )
        for k in firsts
    )
    places = np.full(len(headers), -1, np.intp)
    for form in range(len(firsts)):
        images = np.flatnonzero((forms == form) & has_plane)
        if len(images):
            places[images] = _places(positions[images], orientations[images[0]])
    return Planes(forms, names, places)


def _vectors(headers: Headers, keyword: str, length: int) -> FloatArray:
    """Return the numbers of an attribute, of shape (images, length); NaN where they are not there or broken."""
    column = headers.column(tag_of(keyword))
    found = np.full((len(headers), length), np.nan)
    if column is None:
        return found
    known: dict[bytes, FloatArray] = {}
    for k in range(len(headers)):
        element = column if isinstance(column, RawElement) else column[k]
        if element is None:
            continue
        if element.value not in known:
            known[element.value] = _numbers(element, length)
        found[k] = known[element.value]
    return found


def _numbers(element: RawElement, length: int) -> FloatArray:
    try:
        values = decimals(element)
    except HeaderError:
        values = ()
    return np.array(values if len(values) == length else [np.nan] * length)


def _sizes(headers: Headers) -> Indices:
    columns = [headers.column(tag_of(keyword)) for keyword in ("Rows", "Columns", "SamplesPerPixel")]
    numbers: dict[Any, int] = {}
    found = np.zeros(len(headers), np.intp)
    for k in range(len(headers)):
        elements = [c if isinstance(c, RawElement) or c is None else c[k] for c in columns]
        key = tuple(None if e is None else (e.value, e.little_endian) for e in elements)
        found[k] = numbers.setdefault(key, len(numbers))
    return found


def _clusters(vectors: FloatArray, tolerance: float) -> Indices:
    """Return a number for each vector, which those near the first of a cluster share."""
    distinct, inverse = np.unique(np.nan_to_num(vectors, nan=1e9), axis=0, return_inverse=True)
    numbers = np.full(len(distinct), -1, np.intp)
    count = 0
    for k in range(len(distinct)):
        if numbers[k] < 0:
            near = (np.abs(distinct - distinct[k]).max(axis=1) <= tolerance) & (numbers < 0)
            numbers[near] = count
            count += 1
    return numbers[np.asarray(inverse).reshape(-1)]


def _places(positions: FloatArray, orientation: FloatArray) -> Indices:
    """Return for each position the number of its place along the normal."""
    normal = np.cross(orientation[:3], orientation[3:])
    length = np.linalg.norm(normal)
    if not length:
        return np.zeros(len(positions), np.intp)
    heights = positions @ (normal / length)
    order = np.argsort(heights, kind="stable")
    steps = np.diff(heights[order]) >= SAME_PLACE
    found = np.empty(len(positions), np.intp)
    found[order] = np.concatenate([[0], np.cumsum(steps)])
    return found


def _size_text(headers: Headers, k: int) -> str:
    elements = [headers.element(tag_of(keyword), k) for keyword in ("Columns", "Rows")]
    return " x ".join(
        "?" if e is None else str(int.from_bytes(e.value[:2], "little" if e.little_endian else "big")) for e in elements
    )


def _spacing_text(spacing: FloatArray) -> str:
    return f"{spacing[1]:.4g} x {spacing[0]:.4g} mm"


def _name(orientation: Sequence[float] | FloatArray) -> str:
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    length = np.linalg.norm(normal)
    if not length or normal.max() < 0.8 * length:
        return "oblique"
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]
