"""The volumes of a series as its headers describe them: what separates them, their grids, what is odd about them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slicewise.errors import DuplicateSliceError, MixedSlicesError, SlicewiseError
from slicewise.image import Geometry, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.partition import partition
from slicewise.io.stacking import StackPolicy, stack

__all__ = ["VolumeNote", "describe_volumes"]

_STACKED = tuple(
    tag_of(keyword)
    for keyword in (
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "PixelSpacing",
        "SpacingBetweenSlices",
        "SliceThickness",
        "SOPInstanceUID",
    )
)
"""What is looked at to stack images."""


class VolumeNote(NamedTuple):
    """One volume: its images, by their numbers, and what its headers say of it.

    ``spacing`` is in x, y, z order and mm; None where the images make no stack. ``is_even`` tells whether they
    make one with even spacing.
    """

    indices: tuple[int, ...]
    name: str
    columns: int | None
    rows: int | None
    spacing: tuple[float, float, float] | None
    note: str
    is_even: bool = False


def describe_volumes(headers: Headers) -> tuple[VolumeNote, ...]:
    """Return the volumes of a series.

    Parameters
    ----------
    headers : Headers
        One for each image that has pixels, in any order.
    """
    # The tolerance is asked for by the note; here every stack that is one at all shall pass.
    policy = StackPolicy("keep", "error", REGULAR_TOLERANCE)
    planes = Headers(len(headers), {tag: column for tag in _STACKED if (column := headers.column(tag)) is not None})
    return tuple(_described(part.indices, part.name, planes, policy) for part in partition(headers))


def _described(indices: tuple[int, ...], name: str, planes: Headers, policy: StackPolicy) -> VolumeNote:
    plane = planes if len(indices) == len(planes) else planes.take(indices)
    columns, rows = _common(plane, "Columns"), _common(plane, "Rows")
    try:
        _, geometry = stack(plane, [""] * len(indices), policy)
    except DuplicateSliceError:
        return VolumeNote(indices, name, columns, rows, None, "positions taken twice")
    except MixedSlicesError:
        return VolumeNote(indices, name, columns, rows, None, "sizes or orientations differ")
    except SlicewiseError:
        # Geometry that is absent, incomplete or no number: whatever it is, there is no plane to stack.
        note = f"{len(indices)} image{'' if len(indices) == 1 else 's'} without a plane"
        return VolumeNote(indices, name, columns, rows, None, note)
    spacing = (geometry.pixel_spacing[1], geometry.pixel_spacing[0], float(geometry.slice_spacing))
    return VolumeNote(indices, name, columns, rows, spacing, _note(geometry), geometry.is_even)


def _common(headers: Headers, keyword: str) -> int | None:
    column = headers.column(tag_of(keyword))
    if not isinstance(column, RawElement) or len(column.value) != 2:
        return None
    return int.from_bytes(column.value, "little" if column.little_endian else "big")


def _note(geometry: Geometry) -> str:
    if geometry.slices == 1:
        return "1 slice"
    note = f"{geometry.slices} slices of {geometry.slice_spacing:.4g} mm"
    if not geometry.is_even:
        gaps = np.abs(np.diff(geometry.distances))
        missing = " (missing slices?)" if gaps.max() > 1.5 * np.median(gaps) else ""
        note = f"uneven: {geometry.slices} slices {gaps.min():.4g} to {gaps.max():.4g} mm apart{missing}"
    return f"{note}, gantry tilt {geometry.tilt:.1f} deg" if geometry.is_sheared else note
