"""Pixels that are written as they are given: native bytes, arrays of stored values, or compressed frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom.codestreams import codestream_size, is_cut, syntaxes_of
from slicewise.dicom.encoders import encapsulated
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import PixelsError

__all__ = ["GivenFrames", "compressed_element", "native_element", "value_element"]

Array = npt.NDArray[Any]
GivenFrames = bytes | Array | Sequence[bytes] | Sequence[Array]
"""Of one instance: the whole value of its pixel data, one frame, or its frames."""

_JPEG = "1.2.840.10008.1.2.4."
_JPEG_XL = "1.2.840.10008.1.2.4.11"
_VIDEO = "1.2.840.10008.1.2.4.10"
_FLOAT_TAGS = {4: 0x0008, 8: 0x0009}


def native_element(
    frames: GivenFrames, form: PixelFormat, count: int, *, implicit: bool = False
) -> list[bytes | memoryview]:
    """Return the element of uncompressed pixels, in little endian.

    Parameters
    ----------
    frames : bytes, array, or sequence of either
        The value of the pixel data as it stands in a file of little endian; or stored values of shape (rows,
        columns[, samples]), with the frames before it where there are several.
    form : PixelFormat
        How the header says they are stored.
    count : int
        How many frames it says there are.
    implicit : bool
        Whether the element is one of implicit VR.

    Raises
    ------
    PixelsError
        If they are not of this size, type or range.
    """
    return value_element(*_native(frames, form, count), implicit=implicit)


def value_element(number: int, vr: bytes, value: bytes, *, implicit: bool) -> list[bytes | memoryview]:
    """Return an element of pixels in little endian with the value that it has, of even length.

    Parameters
    ----------
    number : int
        Its number in the group 7FE0.
    vr : bytes
        Its VR.
    value : bytes
        Its value.
    implicit : bool
        Whether the element is one of implicit VR.
    """
    kind = b"" if implicit else struct.pack("<2sH", vr, 0)
    padding = len(value) % 2
    return [struct.pack("<HH", 0x7FE0, number) + kind + struct.pack("<L", len(value) + padding), value, b"\0" * padding]


def _native(frames: GivenFrames, form: PixelFormat, count: int) -> tuple[int, bytes, bytes]:
    """Return number, VR and value of the element."""
    if isinstance(frames, bytes):
        return _element(frames, form, count)
    given = _each(frames, form)
    if len(given) != count:
        raise PixelsError(f"the header has {count} frames and {len(given)} are given")
    arrays = [frame for frame in given if isinstance(frame, np.ndarray)]
    if len(arrays) < len(given):
        return _element(b"".join(bytes(frame) for frame in given), form, count)
    if arrays[0].dtype.kind == "f":
        return _floats(arrays, form)
    return _element(b"".join(_stored(array, form) for array in arrays), form, count)


def _each(frames: Array | Sequence[bytes] | Sequence[Array], form: PixelFormat) -> list[bytes | Array]:
    is_one = isinstance(frames, np.ndarray) and frames.ndim == (3 if form.samples > 1 else 2)
    return [frames] if is_one and isinstance(frames, np.ndarray) else list(frames)


def _element(value: bytes, form: PixelFormat, count: int) -> tuple[int, bytes, bytes]:
    pixels = form.rows * form.columns * count
    # Of 4:2:2 every other column has its colour (C.7.6.3.1.2).
    bits = pixels * form.bits_allocated * (2 if "422" in form.photometric else form.samples)
    wanted = (bits + 7) // 8
    if len(value) not in (wanted, wanted + wanted % 2):
        raise PixelsError(
            f"{count} x {form.rows} x {form.columns} pixels of {form.samples} x {form.bits_allocated} bits "
            f"({form.photometric}) are {wanted} bytes, and {len(value)} are given"
        )
    vr = b"OB" if form.bits_allocated <= 8 else b"OW"
    return 0x0010, vr, value


def _stored(array: Array, form: PixelFormat) -> bytes:
    shape = (form.rows, form.columns, form.samples) if form.samples > 1 else (form.rows, form.columns)
    if array.shape != shape or array.dtype != form.dtype:
        raise PixelsError(
            f"the header says {shape} stored values of {form.dtype}, and an array of {array.shape} of {array.dtype} is "
            "given; values are not converted"
        )
    if form.bits_allocated == 1 or "422" in form.photometric or form.high_bit != form.bits_stored - 1:
        raise PixelsError(
            f"pixels of {form.bits_allocated} bits ({form.photometric}, high bit {form.high_bit}) are given as bytes, "
            "as they stand in a file"
        )
    low, high = form.limits
    if array.size and (array.min() < low or array.max() > high):
        raise PixelsError(
            f"the header says {form.bits_stored} bits stored, {low} to {high}, and the values are {array.min()} to "
            f"{array.max()}"
        )
    ordered = np.moveaxis(array, -1, 0) if form.samples > 1 and form.planar == 1 else array
    return np.ascontiguousarray(ordered).astype(form.dtype.newbyteorder("<"), copy=False).tobytes()


def _floats(arrays: Sequence[Array], form: PixelFormat) -> tuple[int, bytes, bytes]:
    size = form.bits_allocated // 8
    wanted = (form.rows, form.columns)
    for array in arrays:
        if array.shape != wanted or array.dtype != np.dtype(f"f{size}"):
            raise PixelsError(
                f"the header says {wanted} values of {form.bits_allocated} bits, and an array of {array.shape} of "
                f"{array.dtype} is given; values are not converted"
            )
    value = b"".join(np.ascontiguousarray(a).astype(f"<f{size}", copy=False).tobytes() for a in arrays)
    vr = b"OF" if size == 4 else b"OD"
    return _FLOAT_TAGS[size], vr, value


def compressed_element(frames: GivenFrames, syntax_uid: str, form: PixelFormat, count: int) -> list[bytes | memoryview]:
    """Return the element of compressed pixels, each frame a fragment, with the bytes that are given.

    Parameters
    ----------
    frames : bytes or sequence of bytes
        The codestream of the only frame, of a video, or those of the frames.
    syntax_uid : str
        Transfer syntax.
    form : PixelFormat
        How the header says they are stored.
    count : int
        How many frames it says there are.

    Raises
    ------
    PixelsError
        If they are of another number, size or kind than header and transfer syntax say, or cut.
    """
    given: Sequence[object] = [frames] if isinstance(frames, bytes) else list(frames)
    for frame in given:
        if not isinstance(frame, bytes):
            raise PixelsError(
                f"compressed frames are given as bytes (got {type(frame).__name__}): write with 'explicit' and "
                "transcode, and every frame is compressed and compared"
            )
    streams = [frame for frame in given if isinstance(frame, bytes)]
    is_video = syntax_uid.startswith(_VIDEO)
    if len(streams) != (1 if is_video else count):
        raise PixelsError(f"the header has {count} frames and {len(streams)} are given")
    if not is_video:
        for k, stream in enumerate(streams):
            _check(stream, syntax_uid, form, f"frame {k + 1}")
    return [*encapsulated(streams)]


def _check(stream: bytes, syntax_uid: str, form: PixelFormat, place: str) -> None:
    if not stream:
        raise PixelsError(f"{place} is empty")
    size = codestream_size(stream)
    if size is not None and size != (form.rows, form.columns):
        raise PixelsError(
            f"{place} has {size[0]} rows and {size[1]} columns where the header says {form.rows} and {form.columns}"
        )
    kinds = syntaxes_of(stream)
    is_jpeg = syntax_uid.startswith(_JPEG) and not syntax_uid.startswith(_JPEG_XL)
    if (is_jpeg or kinds) and syntax_uid not in kinds:
        raise PixelsError(
            f"{place} is no codestream of transfer syntax {syntax_uid}"
            + (f": it is one of {', '.join(sorted(kinds))}" if kinds else "")
        )
    if is_cut(stream):
        raise PixelsError(f"{place} is cut: its codestream has no end")
