"""Slices to a volume: order by geometry, and what to do where they do not make one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import column_decimals, unsigned_short
from slicewise.errors import (
    DuplicateSliceError,
    MissingSliceError,
    MixedSlicesError,
    SeriesError,
    SeveralSeriesError,
    SlicewiseWarning,
)
from slicewise.image import Geometry, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.copies import are_copies
from slicewise.io.image_planes import ORIENTATION_TOLERANCE, SAME_PLACE
from slicewise.io.separation import LEAST_PER_PLACE

__all__ = ["StackPolicy", "stack"]

FloatArray = npt.NDArray[np.float64]


@attrs.frozen
class StackPolicy:
    """What to do with slices that do not make an even stack.

    Parameters
    ----------
    on_gap : "error" or "keep"
        Whether missing slices and uneven spacing are an error, or kept as they are.
    on_duplicate : "error" or "first"
        Whether two slices at one position are an error, or the first of them is taken.
    tolerance : float
        How far a slice may lie from its place in an even stack, as a fraction of the spacing.
    """

    on_gap: str
    on_duplicate: str
    tolerance: float


def stack(headers: Headers, names: Sequence[str], policy: StackPolicy) -> tuple[list[int], Geometry]:
    """Return the order of the slices along the normal of their plane, and the geometry of the stack.

    Parameters
    ----------
    headers : Headers
        One header per file.
    names : sequence of str
        Names of the files, for messages.
    policy : StackPolicy
        What to do where slices are missing, doubled or uneven.

    Raises
    ------
    HeaderError
        If rows or columns are no number.
    SeriesError
        If the slices do not make one volume; the message names the two files and the distances.
    """
    orientation = _vectors(headers, names, "ImageOrientationPatient", 6)
    positions = _vectors(headers, names, "ImagePositionPatient", 3)
    spacing = _vectors(headers, names, "PixelSpacing", 2)
    _check_sense(names, orientation, spacing)
    _check_alike(headers, names, orientation, spacing)
    normal = np.cross(orientation[0, :3], orientation[0, 3:])
    distances = positions @ (normal / np.linalg.norm(normal))
    order = [int(i) for i in np.argsort(distances, kind="stable")]
    order = _without_duplicates(order, distances, headers, names, policy)
    geometry = Geometry(
        rows=_number(headers, "Rows"),
        columns=_number(headers, "Columns"),
        row_direction=orientation[0, :3],
        column_direction=orientation[0, 3:],
        pixel_spacing=(float(spacing[0, 0]), float(spacing[0, 1])),
        positions=positions[order],
        single_slice_spacing=_stated_spacing(headers),
        tolerance=policy.tolerance,
    )
    _check_even(geometry, [names[i] for i in order], policy)
    return order, geometry


def _vectors(headers: Headers, names: Sequence[str], keyword: str, length: int) -> FloatArray:
    values = column_decimals(headers, tag_of(keyword))
    if all(len(value) == length for value in values):
        vectors = np.array(values, dtype=np.float64)
        if np.isfinite(vectors).all():
            return vectors
    for k, value in enumerate(values):
        if len(value) != length or not np.isfinite(value).all():
            found = f"has {value!r}" if value else "has none"
            raise SeriesError(
                f"{names[k]}: {keyword} must be {length} numbers (the file {found}): without it the slice has no place "
                "in the patient. Images that have none, such as projections, are read with on_no_plane='pixels'"
            )
    return np.array(values, dtype=np.float64)


def _number(headers: Headers, keyword: str) -> int:
    value = unsigned_short(headers.element(tag_of(keyword), 0))
    if value is None:
        raise SeriesError(f"the images have no {keyword}, without which their pixels cannot be read")
    return value


def _check_sense(names: Sequence[str], orientation: FloatArray, spacing: FloatArray) -> None:
    normals = np.linalg.norm(np.cross(orientation[:, :3], orientation[:, 3:]), axis=1)
    for k, name in enumerate(names):
        if normals[k] < 0.5:
            raise SeriesError(
                f"{name}: ImageOrientationPatient must be two directions at right angles (got "
                f"{orientation[k].tolist()})"
            )
        if not (spacing[k] > 0).all():
            raise SeriesError(f"{name}: PixelSpacing must be two positive numbers of mm (got {spacing[k].tolist()})")


def _check_alike(headers: Headers, names: Sequence[str], orientation: FloatArray, spacing: FloatArray) -> None:
    for keyword in ("Rows", "Columns", "SamplesPerPixel"):
        column = headers.column(tag_of(keyword))
        if column is None or isinstance(column, RawElement):
            continue
        values = headers[keyword]
        _raise_if_mixed([v == values[0] for v in values], names, keyword, values)
    tilted = np.abs(orientation - orientation[0]).max(axis=1) <= ORIENTATION_TOLERANCE
    _raise_if_mixed(tilted, names, "ImageOrientationPatient", orientation.tolist())
    scaled = np.abs(spacing / spacing[0] - 1).max(axis=1) <= 1e-4
    _raise_if_mixed(scaled, names, "PixelSpacing", spacing.tolist())


def _raise_if_mixed(
    alike: Sequence[bool] | npt.NDArray[np.bool_], names: Sequence[str], what: str, values: list[object]
) -> None:
    if all(alike):
        return
    k = next(i for i, same in enumerate(alike) if not same)
    raise MixedSlicesError(
        f"the slices differ in {what} and make no one volume: {values[0]} in {names[0]} and {values[k]} in {names[k]} "
        f"({sum(not same for same in alike)} of {len(names)} files differ from the first)"
    )


def _without_duplicates(
    order: list[int],
    distances: FloatArray,
    headers: Headers,
    names: Sequence[str],
    policy: StackPolicy,
) -> list[int]:
    twins = [(a, b) for a, b in pairwise(order) if distances[b] - distances[a] < SAME_PLACE]
    if not twins:
        return order
    first, second = twins[0]
    places = len(order) - len(twins)
    is_copied = all(are_copies(headers, a, b) for a, b in twins)
    apart = float(distances[second] - distances[first])
    where = f"{names[first]} and {names[second]} lie at one position ({apart:.4g} mm apart)"
    if len(order) >= LEAST_PER_PLACE * places and not is_copied:
        # The first of each would be a mixture of volumes.
        raise SeveralSeriesError(f"there is more than one volume: {len(order)} slices at {_count(places)}; {where}")
    if policy.on_duplicate == "first":
        dropped = {b for _, b in twins}
        warnings.warn(
            f"{len(dropped)} slices at positions that another slice holds were left out, e.g. {names[second]}",
            SlicewiseWarning,
            stacklevel=2,
        )
        return [i for i in order if i not in dropped]
    if is_copied:
        raise DuplicateSliceError(
            f"{where} and have the same SOPInstanceUID, and so have {len(twins) - 1} other pairs. Give the files of "
            "one copy, or take the first of each with on_duplicate='first'"
        )
    raise DuplicateSliceError(
        f"{where}, and so do {len(twins) - 1} other pairs. Take out the wrong ones, choose with where={{...}}, or take "
        "the first of each with on_duplicate='first'"
    )


def _count(places: int) -> str:
    return f"{places} position{'s' if places > 1 else ''}"


def _check_even(geometry: Geometry, names: Sequence[str], policy: StackPolicy) -> None:
    if geometry.slices < 2 or geometry.is_even or policy.on_gap == "keep":
        return
    gaps = np.diff(geometry.distances)
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    gap = float(gaps[worst])
    pair = f"{names[worst]} and {names[worst + 1]} are {gap:.4g} mm apart where {usual:.4g} mm are usual"
    if gap > 1.5 * usual:
        missing = f"{round(gap / usual) - 1} or so are missing there"
        raise MissingSliceError(
            f"slices are missing: {pair}; {missing}. Find the files, or read the uneven stack with on_gap='keep'"
        )
    raise MissingSliceError(
        f"the slices are unevenly spaced: {pair} (tolerance {policy.tolerance:g} of the spacing). Read the stack as it "
        "is with on_gap='keep', or with a larger tolerance"
    )


def _stated_spacing(headers: Headers) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        values = column_decimals(headers, tag_of(keyword))[0]
        if values and values[0] > 0:
            return values[0]
    return 1.0
