"""The grids of resampled images, and where their samples lie on the grid of the source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import GeometryError, IrregularGeometryError
from slicewise.image import Geometry, SliceMap, space_differences
from slicewise.image.space import DIRECTION_TOLERANCE

if TYPE_CHECKING:
    from slicewise.filters.motion import Motion

__all__ = ["TargetGrid", "grid_like", "oblique_map", "regrid"]

FloatArray = npt.NDArray[np.float64]

_SAME_SPACING = 1e-6
_SAME_PLANE = 1e-3
"""Slices this near to each other, as a fraction of the spacing, are in one plane (|dp|² < 1e-6 spacing²)."""


@attrs.frozen(eq=False)
class TargetGrid:
    """A grid whose axes run along those of the source.

    Parameters
    ----------
    geometry : Geometry
        The grid.
    x, y, z : (samples,) arrays
        Position of the columns, rows and slices in pixels of the source; integers are pixel centres.
    same_orientation : bool
        Whether rows and columns run the same way as in the source.
    """

    geometry: Geometry
    x: FloatArray
    y: FloatArray
    z: FloatArray
    same_orientation: bool = True

    def matches(self, slices: int) -> tuple[int | None, ...]:
        """Return for each slice the source slice in the same plane."""
        return tuple(_match(float(z), slices) if self.same_orientation else None for z in self.z)


def _match(z: float, slices: int) -> int | None:
    nearest = round(z)
    return nearest if abs(z - nearest) <= _SAME_PLANE and 0 <= nearest < slices else None


class _Axis(NamedTuple):
    """An axis of a new grid: size, spacing in mm, and how far in mm it begins after the source's."""

    samples: int
    spacing: float
    offset: float
    source_spacing: float

    @property
    def positions(self) -> FloatArray:
        """Positions in mm after the source's first pixel."""
        return self.offset + np.arange(self.samples, dtype=np.float64) * self.spacing

    @property
    def indices(self) -> FloatArray:
        """Positions in pixels of the source."""
        return np.asarray(self.positions / self.source_spacing)


def _axis(count: int, spacing: float, wanted_spacing: float | None, wanted_count: int | None) -> _Axis | None:
    """Return an axis that covers the same field of view around the same centre; None if nothing changes."""
    if wanted_count is not None:
        new_count, new_spacing = wanted_count, count * spacing / wanted_count
    elif wanted_spacing is not None:
        new_count, new_spacing = max(1, math.floor(count * spacing / wanted_spacing + 0.5)), wanted_spacing
    else:
        return None
    if new_count == count and math.isclose(spacing, new_spacing, rel_tol=_SAME_SPACING):
        return None
    return _Axis(new_count, new_spacing, ((count - 1) * spacing - (new_count - 1) * new_spacing) / 2, spacing)


def regrid(
    source: Geometry, spacing: Sequence[float | None] = (None,) * 3, size: Sequence[int | None] = (None,) * 3
) -> TargetGrid:
    """Return a grid of another spacing or size over the same field of view.

    Orientation and centre stay. An axis for which nothing is wanted, or nothing new, keeps its exact positions.

    Parameters
    ----------
    source : Geometry
        Grid of the source.
    spacing : (x, y, z), mm
        Spacing wanted; the size follows from it.
    size : (x, y, z)
        Size wanted; the spacing follows from it.

    Raises
    ------
    IrregularGeometryError
        If new slices are wanted of a stack that is sheared, or whose slices do not follow each other.
    """
    row_spacing, column_spacing = source.pixel_spacing
    x = _axis(source.columns, column_spacing, spacing[0], size[0])
    y = _axis(source.rows, row_spacing, spacing[1], size[1])
    z = _axis(source.slices, source.slice_spacing, spacing[2], size[2])
    if z is None and not source.is_even and (spacing[2] or size[2]):
        # Evenly spaced slices are wanted, though as many as there are.
        z = _Axis(source.slices, source.slice_spacing, 0.0, source.slice_spacing)
    positions = source.positions
    columns, rows, indices = _every_pixel(source)
    if z is not None:
        _check_resliceable(source)
        positions = source.positions[0] + (z.positions / z.source_spacing)[:, np.newaxis] * source.mean_step
        indices = np.clip(_slice_indices(source, z.positions), -0.5, source.slices - 0.5)
    corner = (x.offset if x else 0.0) * source.row_direction + (y.offset if y else 0.0) * source.column_direction
    geometry = attrs.evolve(
        source,
        columns=x.samples if x else source.columns,
        rows=y.samples if y else source.rows,
        pixel_spacing=(y.spacing if y else row_spacing, x.spacing if x else column_spacing),
        positions=positions + corner,
        single_slice_spacing=z.spacing if z else source.slice_spacing,
    )
    return TargetGrid(geometry, x.indices if x else columns, y.indices if y else rows, indices)


def grid_like(source: Geometry, reference: Geometry) -> TargetGrid | None:
    """Return the grid of a reference, if its axes run along those of the source, possibly the other way; else None.

    Raises
    ------
    IrregularGeometryError
        If one of them is sheared and they are not the same grid.
    """
    if not space_differences(source, reference):
        return TargetGrid(reference, *_every_pixel(source))
    for name, geometry in (("the image", source), ("the reference", reference)):
        if geometry.is_sheared:
            raise IrregularGeometryError(f"{name} cannot be resampled with like=: {_shear(geometry)}")
    signs = [
        _parallel(a, b)
        for a, b in (
            (source.row_direction, reference.row_direction),
            (source.column_direction, reference.column_direction),
        )
    ]
    if 0 in signs:
        return None
    _check_resliceable(source)
    corner = reference.positions[0] - source.positions[0]
    columns, rows, _ = _every_pixel(reference)
    x = float(corner @ source.row_direction) + signs[0] * reference.pixel_spacing[1] * columns
    y = float(corner @ source.column_direction) + signs[1] * reference.pixel_spacing[0] * rows
    along = 1.0 if float(source.mean_step @ source.normal) >= 0 else -1.0
    distances = along * ((reference.positions - source.positions[0]) @ source.normal)
    return TargetGrid(
        reference,
        np.asarray(x / source.pixel_spacing[1]),
        np.asarray(y / source.pixel_spacing[0]),
        _slice_indices(source, distances),
        same_orientation=signs == [1, 1],
    )


def oblique_map(source: Geometry, reference: Geometry, motion: Motion | None = None) -> SliceMap:
    """Return which slices of a source the slices of an oblique reference run through.

    Parameters
    ----------
    source, reference : Geometry
        The grids.
    motion : Motion, optional
        From points of the reference to points of the source. One that is not linear may draw on any slice.
    """
    if motion is not None and motion.matrix is None:
        return SliceMap((None,) * reference.slices, (range(source.slices),) * reference.slices)
    corners = [(x, y) for x in (0, reference.columns - 1) for y in (0, reference.rows - 1)]
    support = []
    for k in range(reference.slices):
        corner_points = np.array([reference.index_to_point((x, y, k)) for x, y in corners])
        moved = corner_points if motion is None else motion.points(corner_points)
        points = np.array([source.point_to_index(p) for p in moved.tolist()])
        low, high = points.min(axis=0), points.max(axis=0)
        apart = (high < -0.5) | (low > np.array(source.size) - 0.5)
        first, last = max(0, math.floor(low[2])), min(source.slices - 1, math.ceil(high[2]))
        support.append(range(0) if apart.any() else range(first, last + 1))
    return SliceMap((None,) * reference.slices, tuple(support))


def _every_pixel(geometry: Geometry) -> tuple[FloatArray, FloatArray, FloatArray]:
    columns, rows, slices = (np.arange(n, dtype=np.float64) for n in geometry.size)
    return columns, rows, slices


def _parallel(a: FloatArray, b: FloatArray) -> int:
    """Return 1 or -1 if two directions are the same or opposite, else 0."""
    return next((sign for sign in (1, -1) if float(np.abs(a - sign * b).max()) <= DIRECTION_TOLERANCE), 0)


def _slice_indices(source: Geometry, distances: FloatArray) -> FloatArray:
    """Return positions in slices, given as distances in mm from the first slice towards the last.

    Between slices that are unevenly spaced their true positions count.
    """
    if source.slices == 1:
        return distances / source.slice_spacing
    known = np.abs(source.distances)
    count = source.slices
    inner = np.interp(distances, known, np.arange(count, dtype=np.float64))
    before = np.minimum(0, distances - known[0]) / (known[1] - known[0])
    after = np.maximum(0, distances - known[-1]) / (known[-1] - known[-2])
    return np.asarray(inner + before + after)


def _check_resliceable(source: Geometry) -> None:
    if source.is_sheared:
        raise IrregularGeometryError(
            f"the slices cannot be resampled: {_shear(source)}. Make a box of them first with RectifyTilt(), or leave "
            "the slices as they are with spacing=(x, y, None)"
        )
    steps = np.diff(source.distances)
    if source.slice_spacing == 0 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise GeometryError(
            "the slices cannot be resampled: they do not follow each other along their normal (distances from "
            f"one to the next: {steps.min(initial=0):.4g} to {steps.max(initial=0):.4g} mm)"
        )


def _shear(geometry: Geometry) -> str:
    return (
        f"its slices are sheared by {geometry.tilt:.2f} degrees, as under gantry tilt, so that neighbours in the stack "
        "do not lie above each other"
    )
