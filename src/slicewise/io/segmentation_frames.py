"""Frames of segments found in slabs, set aside until it is known which there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from slicewise.dicom.segmentation_groups import Box
from slicewise.errors import PixelsError, WriteError
from slicewise.pipeline.positioned import write_at

__all__ = ["Key", "SetAside"]

Array = npt.NDArray[Any]

_COUNTED = 1 << 16
"""Labels below this are found by counting, which takes a table of that size; others by sorting."""


class Key(NamedTuple):
    """What a frame is of: component of the image, and label in it; the label is None where a frame has all."""

    component: int
    label: int | None


class _Part(NamedTuple):
    """What of a frame is not zero, and where it was put."""

    start: int
    rows: slice
    columns: slice


class SetAside:
    """The frames of an image of masks or labels, of which only what is not zero is kept, in a file beside.

    Slices come in any order and from several threads.

    Parameters
    ----------
    path : Path
        The file, to be made.
    shape : (2,) tuple of int
        Rows and columns of a slice.
    known : sequence of mapping of int to int
        For each component its labels, and what is stored for each.
    dtype : numpy dtype
        Type of the stored values; bool for single bits.
    by_segment : bool
        Whether each segment has frames of its own.
    skip_unknown : bool
        Whether labels that are not known are background; else they are an error.
    scale : int, optional
        What is stored for 1 of fractional segments.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        known: Sequence[Mapping[int, int]],
        dtype: np.dtype[Any],
        *,
        by_segment: bool,
        skip_unknown: bool,
        scale: int | None = None,
    ) -> None:
        self._shape = shape
        self._known = known
        self._dtype = dtype
        self._by_segment = by_segment
        self._skip_unknown = skip_unknown
        self._scale = scale
        self._tables = [_table(labels, dtype) for labels in known]
        self._path = path
        self._lock = threading.Lock()
        self._parts: dict[tuple[Key, int], _Part] = {}
        self._unknown: dict[tuple[int, int], list[int]] = {}
        self._end = 0
        self._box: Box | None = None
        self.overlaps = False
        self.largest_error = 0.0
        self.slices = 0
        try:
            self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)

    # --- what comes in -----------------------------------------------------------------------------

    def put(self, index: int, values: Array) -> None:
        """Set the frames of a slice aside.

        Parameters
        ----------
        index : int
            The slice.
        values : array of shape (rows, columns) or (rows, columns, components)
            Labels, masks or fractions.

        Raises
        ------
        PixelsError
            If a fraction is not from 0 to 1.
        WriteError
            If the disk is full.
        """
        planes = [values] if values.ndim == 2 else [values[..., c] for c in range(values.shape[2])]
        found: list[tuple[slice, slice]] = []
        for component, plane in enumerate(planes):
            stored = plane if self._scale is None else self._quantised(plane, index)
            extent = _extent(stored)
            if extent is not None:
                found += self._frames(component, index, stored, extent)
        if len(planes) > 1 and not self.overlaps:
            overlaps = bool(((values > 0 if self._scale else values != 0).sum(axis=2, dtype=np.uint16) > 1).any())
            self.overlaps |= overlaps
        with self._lock:
            self.slices += 1
            for rows, columns in found:
                box = Box(rows.start, rows.stop, columns.start, columns.stop)
                self._box = box if self._box is None else _union(self._box, box)

    def _frames(
        self, component: int, index: int, plane: Array, extent: tuple[slice, slice]
    ) -> list[tuple[slice, slice]]:
        part = np.ascontiguousarray(plane[extent])
        if self._scale is not None:
            (label,) = self._known[component]
            self._keep(Key(component, label), index, part, extent)
            return [extent]
        known = self._known[component]
        labels = _labels_in(part)
        unknown = [label for label in labels if label not in known]
        if unknown:
            with self._lock:
                for label in unknown:
                    self._unknown.setdefault((component, label), []).append(index)
            if not self._skip_unknown:
                return []
            labels = [label for label in labels if label in known]
            if not labels:
                return []
            part = np.where(np.isin(part, labels), part, 0)
            inner = _extent(part)
            assert inner is not None  # noqa: S101 - one of the labels is there
            part = np.ascontiguousarray(part[inner])
            extent = _within(extent, inner)
        if not self._by_segment:
            self._keep(Key(component, None), index, self._numbers(component, part), extent)
            return [extent]
        for label in labels:
            self._keep(Key(component, label), index, part == label, extent)
        return [extent]

    def _numbers(self, component: int, part: Array) -> Array:
        """Return what is stored for labels."""
        table = self._tables[component]
        if table is not None:
            return np.asarray(table[part])
        out = np.zeros(part.shape, self._dtype)
        for label, number in self._known[component].items():
            out[part == label] = number
        return out

    def _quantised(self, plane: Array, index: int) -> Array:
        assert self._scale is not None  # noqa: S101 - asked for fractional segments only
        low, high = (float(plane.min()), float(plane.max())) if plane.dtype.kind == "f" else (0.0, 1.0)
        if not (low >= -1e-6 and high <= 1 + 1e-6):
            what = "values that are no numbers" if np.isnan(low) else f"values from {low:.6g} to {high:.6g}"
            raise PixelsError(
                f"slice {index} has {what}, and fractional segments have fractions from 0 to 1: scale them first, or "
                "Clip(0, 1)"
            )
        stored = np.rint(plane * np.float32(self._scale)) if plane.dtype.kind == "f" else plane * self._scale
        out = np.clip(stored, 0, self._scale).astype(np.uint8)
        if plane.dtype.kind == "f" and high > 0:
            error = float(np.abs(plane - out * np.float32(1 / self._scale)).max())
            with self._lock:
                self.largest_error = max(self.largest_error, error)
        return out

    def _keep(self, key: Key, index: int, part: Array, extent: tuple[slice, slice]) -> None:
        rows, columns = extent
        if self._dtype.kind == "b":
            # Single bits stand in whole bytes, so that they need not be moved later.
            lead = columns.start % 8
            if lead:
                padded = np.zeros((part.shape[0], part.shape[1] + lead), bool)
                padded[:, lead:] = part
                part = padded
            part = np.packbits(part.astype(bool, copy=False), axis=1, bitorder="little")
            columns = slice(columns.start // 8, columns.start // 8 + part.shape[1])
        data = memoryview(np.ascontiguousarray(part).data).cast("B")
        with self._lock:
            start, self._end = self._end, self._end + len(data)
            self._parts[key, index] = _Part(start, rows, columns)
        try:
            write_at(self._descriptor, data, start)
        except OSError as error:
            raise self._unwritable(error) from error

    # --- what goes out -----------------------------------------------------------------------------

    @property
    def box(self) -> Box:
        """The smallest part of the plane with all frames in it; all of it where there are none."""
        return self._box or Box(0, self._shape[0], 0, self._shape[1])

    @property
    def unknown(self) -> dict[tuple[int, int], list[int]]:
        """For each component and label that is not known the slices it is on, in order."""
        return {key: sorted(slices) for key, slices in sorted(self._unknown.items())}

    @property
    def kept(self) -> list[tuple[Key, int]]:
        """What frames there are that are not empty, with their slices; in no order."""
        return list(self._parts)

    def frame(self, key: Key, index: int, box: Box) -> Array:
        """Return the stored values of a frame; of single bits, packed, each row begins with a byte.

        Parameters
        ----------
        key : Key
            What it is of.
        index : int
            The slice.
        box : Box
            What of the plane is wanted.
        """
        is_packed = self._dtype.kind == "b"
        width = -(-self._shape[1] // 8) if is_packed else self._shape[1]
        out = np.zeros((box.rows, width), np.uint8 if is_packed else self._dtype)
        part = self._parts.get((key, index))
        if part is not None:
            shape = (part.rows.stop - part.rows.start, part.columns.stop - part.columns.start)
            data = os.pread(self._descriptor, shape[0] * shape[1] * out.itemsize, part.start)
            if len(data) != shape[0] * shape[1] * out.itemsize:
                raise WriteError(f"{self._path.name}: frames that were set aside are gone")
            top = part.rows.start - box.first_row
            out[top : top + shape[0], part.columns] = np.frombuffer(data, out.dtype).reshape(shape)
        if box.columns == self._shape[1]:
            return out
        if not is_packed:
            return np.ascontiguousarray(out[:, box.first_column : box.stop_column])
        first = box.first_column // 8
        bits = np.unpackbits(out[:, first : -(-box.stop_column // 8)], axis=1, bitorder="little")
        lead = box.first_column - 8 * first
        return np.packbits(bits[:, lead : lead + box.columns], axis=1, bitorder="little")

    def _unwritable(self, error: OSError) -> WriteError:
        return WriteError(f"{self._path.name}: cannot be written ({error.strerror}); nothing of it is kept")


def _table(labels: Mapping[int, int], dtype: np.dtype[Any]) -> Array | None:
    if dtype.kind == "b" or max(labels) >= _COUNTED:
        return None
    table = np.zeros(max(labels) + 1, dtype)
    for label, number in labels.items():
        table[label] = number
    return table


def _extent(plane: Array) -> tuple[slice, slice] | None:
    """Return rows and columns from the first to the last that are not zero; None if all are."""
    rows = np.flatnonzero(plane.any(axis=1))
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(plane[top:bottom].any(axis=0))
    return slice(top, bottom), slice(int(columns[0]), int(columns[-1]) + 1)


def _within(outer: tuple[slice, slice], inner: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (slice(o.start + i.start, o.start + i.stop) for o, i in zip(outer, inner, strict=True))
    return rows, columns


def _union(first: Box, second: Box) -> Box:
    return Box(
        min(first.first_row, second.first_row),
        max(first.stop_row, second.stop_row),
        min(first.first_column, second.first_column),
        max(first.stop_column, second.stop_column),
    )


def _labels_in(part: Array) -> list[int]:
    """Return the labels other than zero of a part of a plane, in ascending order."""
    if part.dtype.kind == "b":
        return [1]
    if part.dtype.kind == "u" and part.dtype.itemsize <= 2:
        counts = np.bincount(part.ravel())
    elif int(part.min()) >= 0 and int(part.max()) < _COUNTED:
        counts = np.bincount(part.ravel().astype(np.intp, copy=False))
    else:
        return [int(label) for label in np.unique(part) if label]
    counts[0] = 0
    found: list[int] = np.flatnonzero(counts).tolist()
    return found
