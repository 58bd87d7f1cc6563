"""Slices of a segmentation filled with the values of their frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.errors import HeaderError, ReadError
from slicewise.io.segmentation_reader_file import Kind, OpenedSegmentation, StoredFrame
from slicewise.io.segmentation_reader_layout import PlacedFrame, SegmentLayout
from slicewise.io.segmentation_reader_pixels import Mark, paint_labels

__all__ = ["fill_labels", "fill_masks"]

Array = npt.NDArray[Any]


def fill_labels(layout: SegmentLayout, slab: range, overlap: str, out: Array) -> None:
    """Put the numbers of segments into slices.

    Parameters
    ----------
    layout : SegmentLayout
        The slices and their frames.
    slab : range
        Which slices.
    overlap : "error", "first" or "last"
        What pixels of several segments are.
    out : array of shape (slices, rows, columns)
        Where they go.

    Raises
    ------
    ReadError
        If a frame cannot be read, or has a label that nothing describes.
    SeriesError
        If segments overlap.
    """
    for k, plane in zip(slab, out, strict=True):
        frames = layout.slices[k]
        form = layout.opened.form
        if not frames or plane.shape != (form.rows, form.columns) or layout.opened.kind is not Kind.LABELMAP:
            plane[...] = 0
        if layout.opened.kind is Kind.LABELMAP:
            for placed in frames:
                _fill(layout.opened, placed.frame, _part(plane, placed))
        elif frames:
            _paint(layout.opened, frames, overlap, f"slice {k}", plane)


def fill_masks(layout: SegmentLayout, slab: range, numbers: Sequence[int], out: Array) -> None:
    """Put masks or fractions of segments into slices, each as a component.

    Parameters
    ----------
    layout, slab
        As for ``fill_labels``.
    numbers : sequence of int
        Which segments.
    out : array of shape (slices, rows, columns[, segments]), of type bool or float32
        Where they go.
    """
    component = {number: c for c, number in enumerate(numbers)}
    for k, plane in zip(slab, out, strict=True):
        plane[...] = 0
        planes = plane if plane.ndim == 3 else plane[..., np.newaxis]
        for placed in layout.slices[k]:
            part = _part(planes, placed)
            if layout.opened.kind is Kind.LABELMAP:
                labels = np.empty(part.shape[:2], layout.opened.label_type)
                _fill(layout.opened, placed.frame, labels)
                for number, c in component.items():
                    np.equal(labels, layout.opened.labels[number], out=part[..., c])
            elif placed.frame.segment in component:
                part[..., component[placed.frame.segment]] = _mask(layout.opened, placed.frame)


def _part(plane: Array, placed: PlacedFrame) -> Array:
    """Return the part of a slice that a frame covers."""
    form = placed.frame.store.form
    return plane[placed.row : placed.row + form.rows, placed.column : placed.column + form.columns]


def _paint(opened: OpenedSegmentation, frames: Sequence[PlacedFrame], overlap: str, place: str, plane: Array) -> None:
    first = frames[0]
    form = first.frame.store.form
    if all((placed.row, placed.column) == (first.row, first.column) for placed in frames):
        size, covered = (form.rows, form.columns), _part(plane, first)
        masks = [placed.frame.store.bits(placed.frame.number) for placed in frames]
    else:
        # Each was cropped for itself, so that they only meet on the whole slice.
        size, covered = (plane.shape[0], plane.shape[1]), plane
        masks = [_whole(placed, plane.shape) for placed in frames]
    names = {
        segment.number: f"{segment.number} ({segment.label or segment.type.meaning})" for segment in opened.segments
    }
    marks = [
        Mark(mask, opened.labels[placed.frame.segment or 0], names[placed.frame.segment])
        for mask, placed in zip(masks, frames, strict=True)
    ]
    pixels = size[0] * size[1]
    if covered.flags.c_contiguous and pixels % 8 == 0 and covered.ctypes.data % 8 == 0:
        paint_labels(marks, covered.reshape(-1), overlap, place)
        return
    painted = np.zeros((pixels + 7) // 8 * 8, plane.dtype)
    paint_labels(marks, painted, overlap, place)
    covered[...] = painted[:pixels].reshape(size)


def _whole(placed: PlacedFrame, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    _part(mask, placed)[...] = _unpacked(placed.frame)
    return np.packbits(mask, bitorder="little")


def _unpacked(frame: StoredFrame) -> npt.NDArray[np.uint8]:
    form = frame.store.form
    bits = np.unpackbits(frame.store.bits(frame.number), count=frame.store.pixels, bitorder="little")
    return bits.reshape(form.rows, form.columns)


def _mask(opened: OpenedSegmentation, frame: StoredFrame) -> Array:
    if opened.kind is Kind.BINARY:
        return _unpacked(frame)
    values = frame.store.values(frame.number)
    if values.max(initial=0) > opened.largest:
        raise ReadError(
            f"{frame.name}: pixels are up to {values.max()}, and MaximumFractionalValue, which stands for 1, is "
            f"{opened.largest}"
        )
    return np.divide(values, np.float32(opened.largest), dtype=np.float32)


def _fill(opened: OpenedSegmentation, frame: StoredFrame, out: Array) -> None:
    """Put the labels of a frame of a label map where they go."""
    if opened.plain_labels >= 0:
        frame.store.read_into(frame.number, out)
        if out.max(initial=0) <= opened.plain_labels:
            return
        values = out
    else:
        values = frame.store.values(frame.number)
    labels = opened.label_table[values]
    odd = set(np.unique(values[(labels == 0) & (values != 0)]).tolist()) - opened.background
    if odd:
        raise HeaderError(
            f"{frame.name}: there are pixels of {min(odd)}, which is no segment that the Segment Sequence describes"
        )
    out[...] = labels
