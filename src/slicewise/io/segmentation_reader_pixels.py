"""Pixels of a segmentation: masks painted into slices, bit by bit as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.pixels import NATIVE_SYNTAXES, PixelFormat
from slicewise.dicom.rescale import Rescale
from slicewise.errors import ReadError, SeriesError
from slicewise.io.frames import Frame
from slicewise.io.header_files import inflated
from slicewise.io.pixel_files import native_frame, opened_frame, read_slice, read_stored

__all__ = ["FrameStore", "Mark", "paint_labels"]

Array = npt.NDArray[Any]
Bits = npt.NDArray[np.uint8]


class FrameStore:
    """The stored frames of one file, from any thread.

    Parameters
    ----------
    frame : Frame
        The first of them.
    form : PixelFormat
        How they are stored.
    """

    def __init__(self, frame: Frame, form: PixelFormat) -> None:
        self.form = form
        self._frame = frame
        self._inflated: bytes | None = None

    @property
    def pixels(self) -> int:
        """Pixels of a frame."""
        return self.form.rows * self.form.columns

    def of(self, index: int) -> Frame:
        """Return one of the frames, from 0."""
        return attrs.evolve(self._frame, index=index)

    def bits(self, index: int) -> Bits:
        """Return a mask as bits, eight pixels a byte, the first in the lowest; those after the last are 0.

        Raises
        ------
        ReadError
            If the file changed, ends too early or cannot be decoded, or pixels are neither 0 nor 1.
        """
        if self.form.bits_allocated == 1 and self._frame.file.syntax_uid in NATIVE_SYNTAXES:
            return self._stored_bits(index)
        values = self.values(index).reshape(-1)
        if values.max(initial=0) > 1:
            raise ReadError(
                f"{self.of(index).name}: the segmentation is said to be BINARY, and has pixels of {values.max()}"
            )
        return np.packbits(values, bitorder="little")

    def values(self, index: int) -> Array:
        """Return the stored values of a frame, of shape (rows, columns).

        Raises
        ------
        ReadError
            As for ``bits``.
        """
        if self._frame.file.syntax_uid == DEFLATED and self.form.bits_allocated > 1:
            size = self.form.frame_bytes
            data = self._whole()[index * size : (index + 1) * size]
            return np.frombuffer(data, self.form.dtype.newbyteorder("<")).reshape(self.form.rows, self.form.columns)
        return read_stored(self.of(index), self.form)

    def read_into(self, index: int, out: Array) -> None:
        """Put the stored values of a frame into memory of their type."""
        if self._frame.file.syntax_uid == DEFLATED:
            out[...] = self.values(index)
        else:
            read_slice(self.of(index), self.form, Rescale(), out)

    def _stored_bits(self, index: int) -> Bits:
        first, last = index * self.pixels, (index + 1) * self.pixels
        if self._frame.file.syntax_uid == DEFLATED:
            data = self._whole()[first // 8 : (last + 7) // 8]
        else:
            with opened_frame(self._frame, self.form) as opened:
                data = native_frame(opened, self.of(index), self.form)
        packed = np.frombuffer(data, np.uint8, (last + 7) // 8 - first // 8)
        if first % 8 == 0 and last % 8 == 0:
            return packed
        bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + self.pixels]
        return np.packbits(bits, bitorder="little")

    def _whole(self) -> bytes:
        """Return all pixels of a deflated file, which only come all at once."""
        if self._inflated is None:
            # Threads that come at once find the same.
            file = self._frame.file
            with opened_frame(self._frame, self.form) as opened:
                data, _ = inflated(opened.read_at(file.size, 0), opened, complete=True)
            pixels = file.header.pixels
            self._inflated = b"" if pixels is None else data[pixels.value_start : pixels.value_stop]
        return self._inflated


class Mark(NamedTuple):
    """A mask to be painted: its bits, the label its pixels get, and how messages call it."""

    bits: Bits
    label: int
    name: str


_EIGHT = np.unpackbits(np.arange(256, dtype=np.uint8), bitorder="little").reshape(256, 8)
"""For each byte the eight pixels that it stands for."""


def paint_labels(marks: Sequence[Mark], out: Array, overlap: str, place: str) -> None:
    """Paint masks as numbers.

    Only bytes of bits that have a pixel of a mask are looked at, and overlap is told by bits, eight pixels at once.

    Parameters
    ----------
    marks : sequence of Mark
        The masks of a slice, in the order of their numbers.
    out : array of shape (pixels,), unsigned
        Zeros, as many as there are bits.
    overlap : "error", "first" or "last"
        Whether pixels of several masks are an error, or get the first or the last number.
    place : str
        Which slice it is, for the message.

    Raises
    ------
    SeriesError
        If masks overlap; the message names two.
    """
    target = out.view(np.uint64).reshape(-1, out.dtype.itemsize)
    union = np.zeros(len(target), np.uint8)
    masks = _masks(out.dtype)
    for mark in marks:
        bits = mark.bits
        both = bits & union
        if both.any():
            if overlap == "error":
                raise _overlapping(marks, mark, both, place)
            bits = bits & ~union if overlap == "first" else bits
        union |= bits
        at = np.flatnonzero(bits)
        mask = masks[bits[at]]
        label = np.full(8, mark.label, out.dtype).view(np.uint64)
        target[at] = (target[at] & ~mask) | (mask & label)


@cache
def _masks(dtype: np.dtype[Any]) -> npt.NDArray[np.uint64]:
    """Return for each byte the memory of eight pixels of a type, with all bits set where a pixel is."""
    full = _EIGHT.astype(dtype) * np.iinfo(dtype).max
    return full.astype(dtype).view(np.uint64).reshape(256, -1)


def _overlapping(marks: Sequence[Mark], mark: Mark, both: Bits, place: str) -> SeriesError:
    other = next(m for m in marks if (m.bits & both).any())
    shared = int(np.unpackbits(other.bits & mark.bits).sum())
    return SeriesError(
        f"segments overlap: {other.name} and {mark.name} share {shared} pixels of {place}, which no label map can "
        "hold. Say which of them such pixels are, overlap='first' or 'last' (by the number of the segment); read one "
        "segment, segment=...; or each as a component of its own, values='masks'"
    )
