"""What the header rules make of the grid of images that have no place in the patient.

Nothing is invented: a position that the source had not, none gets. What is known of the size of pixels is
told again when it changes, what is known of the distance of slices is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from slicewise.dicom.pixel_size import ASPECT_RATIO, PIXEL_SPACING, STATED_SIZES, aspect_ratio, same_pixel_size, scaled
from slicewise.dicom.rule_table import Row
from slicewise.dicom.values import decimal_strings
from slicewise.image import Action, Change, Coordinates, Geometry, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["gained", "unplaced"]

_PLANE = frozenset(tag_of(keyword) for keyword in ("ImagePositionPatient", "ImageOrientationPatient"))


def unplaced(
    tag: int, row: Row, column: Column | None, before: Geometry, after: Geometry
) -> tuple[Column | None, Change | None]:
    """Return what becomes of an attribute of the grid, and what was done to it.

    Parameters
    ----------
    tag : int
        The attribute.
    row : Row
        Its row of the table.
    column : Column or None
        The attribute on the source slices of the output slices.
    before, after : Geometry
        Grid of the source and of the result.
    """
    if column is None:
        return None, None
    if tag in (PIXEL_SPACING, *STATED_SIZES):
        return _resized(tag, row, column, before, after)
    if tag in _PLANE:
        return None, Change(tag, Action.DROPPED, "the image has no place in the patient, and another grid now")
    if "P" in row.marks:
        is_same = same_pixel_size(before, after)
        return (column, None) if is_same else (None, Change(tag, Action.DROPPED, f"{row.why}, which changed"))
    if _same_slices(before, after):
        return column, None
    return None, Change(tag, Action.DROPPED, "the image has no place in the patient, and other slices now")


def _same_slices(before: Geometry, after: Geometry) -> bool:
    return before.slices == after.slices and bool(np.allclose(before.positions[:, 2], after.positions[:, 2]))


def _resized(
    tag: int, row: Row, column: Column, before: Geometry, after: Geometry
) -> tuple[Column | None, Change | None]:
    if same_pixel_size(before, after):
        return column, None
    if isinstance(column, RawElement):
        resized: Column | None = scaled(column, before, after)
    else:
        resized = tuple(scaled(element, before, after) for element in column)
    action = Action.DROPPED if resized is None else Action.REGENERATED
    return resized, Change(tag, action, row.why)


def gained(before: Geometry, after: Geometry, kept: Mapping[int, Column]) -> dict[int, RawElement]:
    """Return what must be said of pixels that have another size now, and was not said of the source.

    Parameters
    ----------
    before, after : Geometry
        Grid of the source and of the result.
    kept : mapping of int to Column
        The attributes of the result so far.
    """
    if after.is_in_patient or same_pixel_size(before, after):
        return {}
    if after.coordinates is Coordinates.PLANE and PIXEL_SPACING not in kept:
        spacing = [float(f"{value:.9g}") for value in after.pixel_spacing]
        return {PIXEL_SPACING: RawElement(PIXEL_SPACING, "DS", decimal_strings(spacing))}
    ratio = aspect_ratio(after) if after.coordinates is Coordinates.PIXELS else None
    return {} if ratio is None else {ASPECT_RATIO: ratio}
