"""Where the frames of a segmentation lie: on the even grid of their own positions, or on that of their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.errors import MissingSliceError, SeriesError, SpaceMismatchError
from slicewise.image import Geometry
from slicewise.io.image_planes import SAME_PLACE
from slicewise.io.segmentation_reader_frames import SegmentPlane

__all__ = ["FramePlaces", "Placed", "as_they_lie", "on_own_grid", "on_source_grid"]

FloatArray = npt.NDArray[np.float64]

_MOST_SLICES = 10_000
"""Five metres of half a millimetre: more are no gap but a broken position."""


class Placed(NamedTuple):
    """A grid, and where each frame lies on it: its slice, and row and column of its first pixel."""

    geometry: Geometry
    slices: npt.NDArray[np.intp]
    corners: npt.NDArray[np.intp]


class FramePlaces(NamedTuple):
    """Where frames lie: the first pixel of each in mm, LPS, the plane that they share, and their rows and columns."""

    positions: FloatArray
    plane: SegmentPlane
    size: tuple[int, int]


def on_own_grid(frames: FramePlaces, tolerance: float) -> Placed:
    """Return the grid of the positions that frames have, filled up evenly where slices have no frame.

    The distance of slices is the stated one where all positions fit it, else the smallest between two frames.

    Parameters
    ----------
    frames : FramePlaces
        Where they lie.
    tolerance : float
        How far positions may lie from an even grid, as a fraction of the distance.

    Raises
    ------
    SeriesError
        If frames at one height lie beside each other, so that no plane holds them both.
    MissingSliceError
        If positions fit no even grid; the message gives the distances.
    """
    plane = frames.plane
    slices, places = _places(frames, tolerance)
    spacing = plane.between or plane.thickness or 1.0
    if len(places) > 1:
        distances = (places - places[0]) @ plane.normal
        numbers, spacing = _numbers(distances, plane.between, tolerance)
        slices = numbers[slices]
        every = np.arange(numbers[-1] + 1)
        places = np.stack([np.interp(every, numbers, places[:, axis]) for axis in range(3)], axis=1)
    return _stacked(frames, places, slices, spacing, tolerance)


def as_they_lie(frames: FramePlaces, tolerance: float) -> Placed:
    """Return the slices that have frames, and no others; see ``on_own_grid``."""
    slices, places = _places(frames, tolerance)
    return _stacked(frames, places, slices, frames.plane.between or frames.plane.thickness or 1.0, tolerance)


def _stacked(
    frames: FramePlaces, places: FloatArray, slices: npt.NDArray[np.intp], spacing: float, tolerance: float
) -> Placed:
    geometry = Geometry(
        rows=frames.size[0],
        columns=frames.size[1],
        row_direction=frames.plane.row_direction,
        column_direction=frames.plane.column_direction,
        pixel_spacing=frames.plane.pixel_spacing,
        positions=places,
        single_slice_spacing=spacing,
        tolerance=tolerance,
    )
    return Placed(geometry, slices, np.zeros((len(slices), 2), np.intp))


def _places(frames: FramePlaces, tolerance: float) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return for each frame the number of its place along the normal, and these places."""
    positions, plane, _ = frames
    distances = positions @ plane.normal
    order = np.argsort(distances, kind="stable")
    is_new = np.diff(distances[order], prepend=-np.inf) > SAME_PLACE
    numbers = np.empty(len(order), np.intp)
    numbers[order] = np.cumsum(is_new) - 1
    first = order[is_new]
    places = positions[first]
    beside = np.linalg.norm(positions - places[numbers], axis=1)
    k = int(np.argmax(beside))
    if beside[k] > max(tolerance * min(plane.pixel_spacing), SAME_PLACE * 2):
        raise SeriesError(
            f"frames {first[numbers[k]] + 1} and {k + 1} lie beside each other at one height, {beside[k]:.4g} mm "
            "apart: each was cropped for itself. Give what was segmented, source=..., and they are put in their places"
        )
    return numbers, places


def _numbers(distances: FloatArray, stated: float, tolerance: float) -> tuple[npt.NDArray[np.intp], float]:
    """Return the numbers of slices at increasing distances from the first, and the distance of neighbours."""
    smallest = float(np.diff(distances).min())
    for guess in (stated, smallest):
        numbers = np.rint(distances / guess) if guess > 0 else np.zeros(1)
        if numbers[-1] < 1:
            continue
        # What is stated, or measured of one pair, is rounded; all pairs together tell it better.
        spacing = float(numbers @ distances / (numbers @ numbers))
        numbers = np.rint(distances / spacing)
        is_rising = bool((np.diff(numbers) >= 1).all())
        if (
            is_rising
            and numbers[-1] < _MOST_SLICES
            and np.abs(distances - numbers * spacing).max() <= tolerance * spacing
        ):
            return numbers.astype(np.intp), spacing
    gaps = np.unique(np.round(np.diff(distances), 4))
    told = ", ".join(f"{gap:g}" for gap in gaps[:6]) + (", ..." if len(gaps) > 6 else "")
    raise MissingSliceError(
        f"the frames fit no even grid, so that slices without a frame cannot be told: they are {told} mm apart, "
        f"{f'{stated:g} mm are stated' if stated else 'nothing is stated'} (tolerance {tolerance:g}). Give what was "
        "segmented, source=..., or take the frames as they lie with on_gap='keep'"
    )


def on_source_grid(frames: FramePlaces, source: Geometry, tolerance: float) -> Placed:
    """Return where frames lie on the grid of what was segmented, of which they may be a part.

    Parameters
    ----------
    frames : FramePlaces
        Where they lie.
    source : Geometry
        The grid.
    tolerance : float
        How far the corners of a frame may lie from voxels, as a fraction of a voxel.

    Raises
    ------
    SpaceMismatchError
        If a frame does not lie on it, or reaches beyond it; the message says by how much.
    """
    if not source.is_in_patient:
        raise SpaceMismatchError(
            "the frames have places in the patient and the source has none: nothing says how they lie to each other"
        )
    positions, _, size = frames
    axes = np.stack([source.column_direction, source.row_direction])
    along = source.positions @ source.normal
    slices = np.abs((positions @ source.normal)[:, np.newaxis] - along).argmin(axis=1)
    steps = np.array(source.pixel_spacing)
    corners = np.rint((positions - source.positions[slices]) @ axes.T / steps).astype(np.intp)
    placed = Placed(source, slices.astype(np.intp), corners)
    _check_corners(frames, placed, tolerance)
    beyond = np.concatenate([-corners, corners + np.array(size) - np.array([source.rows, source.columns])], axis=1)
    k = int(np.argmax(beyond.max(axis=1)))
    if beyond[k].max() > 0:
        raise SpaceMismatchError(
            f"frame {k + 1} reaches {beyond[k].max()} pixels beyond the source, whose slices have {source.rows} rows "
            f"and {source.columns} columns: its first pixel is at row {corners[k, 0]}, column {corners[k, 1]}, and it "
            f"has {size[0]} rows and {size[1]} columns. Is this what was segmented?"
        )
    return placed


def _check_corners(frames: FramePlaces, placed: Placed, tolerance: float) -> None:
    """Raise if a corner of a frame does not lie on a voxel of the source."""
    (positions, plane, size), source = frames, placed.geometry
    voxel = np.array([*source.pixel_spacing, source.slice_spacing])
    inverse = np.linalg.inv(np.stack([source.column_direction, source.row_direction, source.normal], axis=1))
    here, there = (_edges(grid, size) for grid in (plane, source))
    starts = placed.corners * np.array(source.pixel_spacing) @ np.stack([source.column_direction, source.row_direction])
    apart = positions - source.positions[placed.slices] - starts
    # All four corners of all frames: rows, columns and slices by which they lie beside their voxels.
    off = np.abs((apart[:, np.newaxis] + (here - there)) @ inverse.T / voxel).max(axis=1)
    k, axis = np.unravel_index(int(np.argmax(off)), off.shape)
    if off[k, axis] > tolerance:
        name = ("rows", "columns", "slices")[axis]
        raise SpaceMismatchError(
            f"the frames do not lie on the grid of the source: frame {k + 1}, at {_text(positions[k])} mm, lies "
            f"{off[k, axis]:.3g} {name} ({off[k, axis] * voxel[axis]:.3g} mm) beside the nearest voxels (tolerance "
            f"{tolerance:g} of a voxel). Read it without source=..., and bring it there with Resample(like=..., "
            "interpolator='nearest')"
        )


def _edges(grid: SegmentPlane | Geometry, size: tuple[int, int]) -> FloatArray:
    """Return where the corners of a frame lie from its first pixel, in mm."""
    rows = (size[0] - 1) * grid.pixel_spacing[0] * np.asarray(grid.column_direction)
    columns = (size[1] - 1) * grid.pixel_spacing[1] * np.asarray(grid.row_direction)
    return np.array([np.zeros(3), rows, columns, rows + columns])


def _text(values: Sequence[float] | FloatArray) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"
