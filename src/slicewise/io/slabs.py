"""Slabs of slices read from their files: a frame that holds several slices is read and decoded once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.rescale import Rescale
from slicewise.dicom.value_mapping import ValueMapping
from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.io.frames import Frame
from slicewise.io.pixel_files import read_slice

__all__ = ["StoredSlice", "read_slab"]

Array = npt.NDArray[Any]

_ROWS, _COLUMNS = tag_of("Rows"), tag_of("Columns")


class StoredSlice(NamedTuple):
    """Where a slice stands, how its pixels are stored, and what makes values of them."""

    frame: Frame
    form: PixelFormat
    mapping: ValueMapping


def read_slab(slices: Sequence[StoredSlice], out: Array) -> None:
    """Read the values of some slices.

    Parameters
    ----------
    slices : sequence of StoredSlice
        The slices.
    out : array of shape (slices, rows, columns[, samples])
        Where the values go.

    Raises
    ------
    ReadError
        If a file changed, ends too early, or cannot be decoded; the message names it.
    """
    for _, run in groupby(range(len(slices)), lambda k: _frame_key(slices[k].frame, k)):
        numbers = list(run)
        first, stop = numbers[0], numbers[-1] + 1
        if slices[first].frame.window is None:
            read_slice(*slices[first], out[first])
        else:
            _read_tiles(slices[first:stop], out[first:stop])


def _frame_key(frame: Frame, number: int) -> tuple[int, ...]:
    """Return what tiles of one frame share, and other slices do not."""
    return (number,) if frame.window is None else (id(frame.file), frame.index or 0, -1)


def _read_tiles(tiles: Sequence[StoredSlice], out: Array) -> None:
    frame, form, _ = tiles[0]
    rows, columns = (_number(frame.file.header.element(tag)) for tag in (_ROWS, _COLUMNS))
    whole = attrs.evolve(form, rows=rows, columns=columns)
    stored = np.empty((rows, columns, *out.shape[3:]), form.dtype)
    read_slice(frame, whole, Rescale(), stored)
    for tile, values in zip(tiles, out, strict=True):
        if tile.frame.window is not None:
            top, left, height, width = tile.frame.window
            tile.mapping.apply(stored[top : top + height, left : left + width], values)


def _number(element: RawElement | None) -> int:
    return 0 if element is None else int.from_bytes(element.value[:2], "little" if element.little_endian else "big")
