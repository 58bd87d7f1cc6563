"""Pixels of files: one slice at a time, into memory that is already there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom.decoding import decode_frame
from slicewise.dicom.parsing import DEFLATED, EXPLICIT_LITTLE, Entry, Syntax
from slicewise.dicom.pixels import NATIVE_SYNTAXES, PixelFormat, native_values
from slicewise.dicom.value_mapping import ValueMapping
from slicewise.errors import ReadError, SlicewiseError, TruncatedError
from slicewise.io.frames import Frame
from slicewise.io.header_files import HeaderFile, inflated
from slicewise.io.stored_files import OpenedFile, change_of

__all__ = ["MOST_EXPANSION", "check_room", "native_frame", "opened_frame", "read_slice", "read_stored"]

Array = npt.NDArray[Any]

_LARGE = 256 * 1024 * 1024
MOST_EXPANSION = 1000
"""Bytes of pixels that a byte of a file may become, where they are many."""


def read_slice(frame: Frame, form: PixelFormat, mapping: ValueMapping, out: Array) -> None:
    """Read the values of a frame; of other frames of the file, nothing is decoded.

    Parameters
    ----------
    frame : Frame
        The frame; an error if its file changed since its header was read.
    form : PixelFormat
        How its pixels are stored.
    mapping : ValueMapping
        What stored values become.
    out : array of shape (rows, columns[, samples])
        Where the values go, of the type ``value_dtype`` gives.

    Raises
    ------
    ReadError
        If the file changed, ends too early, or cannot be decoded; the message names it.
    """
    with opened_frame(frame, form) as opened:
        if _can_read_straight(frame.file, form, mapping, out):
            _read_into(opened, _pixels(frame.file).value_start + (frame.index or 0) * form.frame_bytes, out)
        else:
            mapping.apply(_stored(opened, frame, form), out)


def read_stored(frame: Frame, form: PixelFormat) -> Array:
    """Return the stored values of a frame, without the mapping to what they stand for; colour is RGB.

    Raises
    ------
    ReadError
        If the file changed, ends too early, or cannot be decoded; the message names it.
    """
    with opened_frame(frame, form) as opened:
        return _stored(opened, frame, form)


@contextmanager
def opened_frame(frame: Frame, form: PixelFormat) -> Iterator[OpenedFile]:
    """Open the file of a frame, if it is as it was; errors name it."""
    file = frame.file
    try:
        check_room(frame, form)
        with file.source.open() as opened:
            _check_unchanged(file, opened)
            opened.verify()
            yield opened
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from error
    except OSError as error:
        raise ReadError(f"{file.path}: the file cannot be read ({error.strerror})") from error


def check_room(frame: Frame, form: PixelFormat) -> None:
    """Raise if a file is far too small for a frame of the size that its header claims.

    Images of a scanner shrink to a hundredth at best; what is empty shrinks further, and is small.

    Raises
    ------
    ReadError
        If it is.
    """
    if form.frame_bytes > max(_LARGE, MOST_EXPANSION * frame.file.size):
        raise ReadError(
            f"the header claims {form.columns} x {form.rows} pixels of {form.samples} x {form.bits_allocated} bits, "
            f"and the file has {frame.file.size} bytes: it is broken, or made to use up memory"
        )


def _check_unchanged(file: HeaderFile, opened: OpenedFile) -> None:
    if (opened.size, opened.mtime_ns) != (file.size, file.mtime_ns):
        raise ReadError(
            f"the file changed since its header was read ({change_of(opened.size, file.size)}): make the reader again"
        )


def _can_read_straight(file: HeaderFile, form: PixelFormat, mapping: ValueMapping, out: Array) -> bool:
    plain = file.syntax_uid in NATIVE_SYNTAXES and file.syntax_uid != DEFLATED and form.is_plain
    return (
        plain
        and Syntax.of(file.syntax_uid).little_endian
        and mapping.is_identity
        and out.dtype == form.dtype
        and out.flags.c_contiguous
    )


def _frame_bytes(frame: Frame, form: PixelFormat) -> int:
    # Colour of which only every other column is kept (4:2:2) takes less than its format says.
    pixels = _pixels(frame.file)
    return (pixels.value_stop - pixels.value_start) // frame.count if "422" in form.photometric else form.frame_bytes


def _read_into(opened: OpenedFile, start: int, out: Array) -> None:
    read = opened.read_into(out.reshape(-1).data, start)
    if read < out.nbytes:
        raise TruncatedError(f"the pixels end too early: {out.nbytes} bytes are wanted and {read} are there")


def _stored(opened: OpenedFile, frame: Frame, form: PixelFormat) -> Array:
    if frame.file.is_encapsulated:
        return _decoded(opened, frame, form)
    data = native_frame(opened, frame, form)
    if form.samples > 1 and form.photometric != "RGB":
        return decode_frame(data, EXPLICIT_LITTLE, form)
    first_bit = _first_bit(frame, form) % 8 if form.bits_allocated == 1 else 0
    little_endian = Syntax.of(frame.file.syntax_uid).little_endian
    return native_values(data, form, little_endian=little_endian, first_bit=first_bit)


def _decoded(opened: OpenedFile, frame: Frame, form: PixelFormat) -> Array:
    index = frame.file.frame_index(opened, frame.count)
    compressed = index.frame(opened.read_at, frame.index or 0)
    return decode_frame(compressed, frame.file.syntax_uid, form)


def _first_bit(frame: Frame, form: PixelFormat) -> int:
    # Frames of single bits follow each other without a gap (PS3.5, 8.1.1).
    return (frame.index or 0) * form.rows * form.columns


def native_frame(opened: OpenedFile, frame: Frame, form: PixelFormat) -> bytes:
    """Return the bytes of an uncompressed frame; of single bits also what of its first and last byte is of others."""
    file = frame.file
    start, stop = _extent(frame, form)
    if Syntax.of(file.syntax_uid).little_endian or form.bits_allocated > 8 or _pixels(file).vr != "OW":
        return _native_bytes(opened, file, start, stop)
    # Bytes and bits within words of big endian stand the other way round (PS3.5, 8.1.1); a frame may begin within one.
    first = start // 2 * 2
    data = _native_bytes(opened, file, first, stop + stop % 2)
    turned = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()
    return turned[start - first : stop - first]


def _extent(frame: Frame, form: PixelFormat) -> tuple[int, int]:
    """Return where a frame begins and ends within the value of the pixel data, in bytes."""
    if frame.count == 1:
        pixels = _pixels(frame.file)
        return 0, pixels.value_stop - pixels.value_start
    if form.bits_allocated == 1:
        first = _first_bit(frame, form)
        return first // 8, (first + form.rows * form.columns + 7) // 8
    size = _frame_bytes(frame, form)
    start = (frame.index or 0) * size
    return start, start + size


def _native_bytes(opened: OpenedFile, file: HeaderFile, start: int, stop: int) -> bytes:
    pixels = _pixels(file)
    start, stop = pixels.value_start + start, min(pixels.value_start + stop, pixels.value_stop)
    if file.syntax_uid == DEFLATED:
        whole, _ = inflated(opened.read_at(file.size, 0), opened, complete=True)
        return whole[start:stop]
    return opened.read_at(stop - start, start)


def _pixels(file: HeaderFile) -> Entry:
    if file.header.pixels is None:
        raise ReadError("the file has no pixels")
    return file.header.pixels
