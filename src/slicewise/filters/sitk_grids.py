"""The grids of what SimpleITK's filters make, and which slices of the input theirs come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.filters.sitk_table import Grid
from slicewise.image import Code, Geometry, Operation, SliceMap

__all__ = ["Regridding", "geometry_of", "regridding"]

FloatArray = npt.NDArray[np.float64]

_WHOLE = 1e-3
"""How far from a whole number an index may be, in voxels, and still count as one."""


@attrs.frozen(eq=False)
class Regridding:
    """What becomes of the grid.

    Parameters
    ----------
    geometry : Geometry
        Grid of the result.
    slices : SliceMap
        Where its slices come from.
    operations : frozenset of Operation
        What was done, as far as headers are concerned.
    derivation : tuple of Code
        How the standard calls it.
    """

    geometry: Geometry
    slices: SliceMap
    operations: frozenset[Operation]
    derivation: tuple[Code, ...] = ()


def geometry_of(image: Any, source: Geometry) -> Geometry:
    """Return the grid of an image of SimpleITK, with coordinates of the same kind as those of its source."""
    box = Geometry.from_box(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return attrs.evolve(box, coordinates=source.coordinates, tolerance=source.tolerance)


def regridding(kind: Grid | None, before: Geometry, after: Geometry) -> Regridding:
    """Return what becomes of the grid, and where each slice comes from.

    Parameters
    ----------
    kind : Grid, optional
        What the filter does; nothing is known of it if not given.
    before, after : Geometry
        The grids, both boxes.
    """
    if kind is None or kind is Grid.MOVES:
        return _moved(before, after)
    index = np.asarray(np.linalg.solve(_affine(before), _affine(after)), dtype=np.float64)
    if kind is Grid.SAMPLES and _is_diagonal(index) and float(np.abs(index - np.rint(index)).max()) <= _WHOLE:
        return _sampled(before, after, index)
    if kind is Grid.PROJECTS and after.slices == 1 < before.slices:
        return attrs.evolve(_moved(before, after), operations=frozenset([Operation.PROJECTION]))
    drawn = _drawn(before, after, index, points=kind in (Grid.SAMPLES, Grid.PADS))
    # Slices that are turned have another thickness and other neighbours, which only a new grid makes anew.
    turned = {Operation.LATTICE} if kind is Grid.SAMPLES else set()
    derivation = (codes.RESAMPLING,) if kind is Grid.INTERPOLATES else ()
    return Regridding(after, drawn, frozenset({Operation.GEOMETRY, *turned}), derivation)


def _moved(before: Geometry, after: Geometry) -> Regridding:
    """Return that values are no longer where they were: any slice may be the source of any other."""
    everything = SliceMap((None,) * after.slices, (range(before.slices),) * after.slices)
    return Regridding(after, everything, frozenset([Operation.GEOMETRY]))


def _affine(geometry: Geometry) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = geometry.direction * np.asarray(geometry.spacing)
    matrix[:3, 3] = geometry.origin
    return matrix


def _is_diagonal(index: FloatArray) -> bool:
    linear = index[:3, :3]
    return float(np.abs(linear - np.diag(np.diag(linear))).max()) <= _WHOLE


def _sampled(before: Geometry, after: Geometry, index: FloatArray) -> Regridding:
    """Return a choice of slices, rows and columns, at the exact positions they have."""
    columns, rows, slices = (
        range(first, first + step * count, step)
        for first, step, count in zip(
            (round(v) for v in index[:3, 3]), (round(v) for v in np.diag(index)[:3]), after.size, strict=True
        )
    )
    operations, derivation = [], []
    if rows != range(before.rows) or columns != range(before.columns):
        operations.append(Operation.LATTICE)
        derivation.append(codes.CROP)
    if slices != range(before.slices) or not operations:
        operations.append(Operation.SUBSET)
        derivation.append(codes.SUBSET)
    geometry = before.take(slices).crop_plane(rows, columns)
    return Regridding(geometry, SliceMap.of(slices), frozenset(operations), tuple(derivation))


def _drawn(before: Geometry, after: Geometry, index: FloatArray, *, points: bool) -> SliceMap:
    """Return the slices between which each slice of the result lies.

    ``points`` says that values are those of voxels, and not gathered over the size of a new voxel.
    """
    last = before.slices - 1
    reach = 0.0 if points else max(0.0, (float(np.abs(index[2, :3]).sum()) - 1) / 2)
    corners = np.array([(x, y) for x in (0, after.columns - 1) for y in (0, after.rows - 1)], dtype=np.float64)
    in_plane = corners @ index[2, :2]
    keeps_planes = _is_diagonal(index) and bool((np.diag(index)[:2] > 0).all())
    match: list[int | None] = []
    support: list[Sequence[int]] = []
    for k in range(after.slices):
        heights = in_plane + index[2, 2] * k + index[2, 3]
        low, high = float(heights.min()) - reach, float(heights.max()) + reach
        first, final = math.floor(low + _WHOLE), math.ceil(high - _WHOLE)
        nearest = round(float(heights[0]))
        same = keeps_planes and reach == 0 and 0 <= nearest <= last and abs(float(heights[0]) - nearest) <= _WHOLE
        match.append(nearest if same else None)
        # Beyond the image the nearest slice is what values are taken from, if from any.
        support.append(range(min(max(first, 0), last), min(max(final, 0), last) + 1))
    return SliceMap(tuple(match), tuple(support))
