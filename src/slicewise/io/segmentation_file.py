"""The file of a segmentation: what stands before the pixels, and the frames in order."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom.codecs import codec
from slicewise.dicom.encoders import Syntax, encode_frame
from slicewise.dicom.encoding import element_bytes
from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import MissingCodecError, ValueRangeError, WriteError
from slicewise.image import RawElement

__all__ = ["bits_joined", "write_segmentation"]

Array = npt.NDArray[Any]

_LONGEST = 0xFFFFFFFE
"""Of a value with a length, in bytes, and of offsets in a basic offset table (PS3.5, 7.1.1 and A.4)."""

_PIECE = 1 << 20
"""Bytes written at once, about."""

_EXTENDED = (0x7FE00001, 0x7FE00002)


def write_segmentation(
    path: Path,
    meta: bytes,
    dataset: bytes,
    *,
    count: int,
    frame: Callable[[int], Array],
    form: PixelFormat,
    syntax: Syntax,
) -> None:
    """Write a file, frame by frame.

    Parameters
    ----------
    path : Path
        The file, to be made.
    meta : bytes
        Preamble and file meta information.
    dataset : bytes
        The elements before the pixels.
    count : int
        How many frames there are.
    frame : callable
        Gives the stored values of each; single bits in bytes, each row of which begins with one.
    form : PixelFormat
        How values are stored.
    syntax : Syntax
        Transfer syntax of the file.

    Raises
    ------
    ValueRangeError
        If there is more than a file can hold uncompressed.
    WriteError
        If it cannot be written.
    """
    try:
        with path.open("xb", buffering=0) as file, TemporaryFile(dir=path.parent, buffering=0) as aside:
            descriptor = file.fileno()
            if syntax.is_encapsulated:
                lengths = _set_aside(aside.fileno(), count, lambda k: _codestream(k, frame, form, syntax))
                pixels = _encapsulated(aside.fileno(), lengths)
            else:
                pixels = _native(count, frame, form)
            _put(descriptor, [meta])
            _put_dataset(descriptor, _gathered(dataset, pixels), is_deflated=syntax.uid == DEFLATED)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"{path.name}: cannot be written ({error.strerror}); nothing of it is kept") from error


def _put_dataset(descriptor: int, parts: Iterator[list[bytes]], *, is_deflated: bool) -> None:
    if not is_deflated:
        for pieces in parts:
            _put(descriptor, pieces)
        return
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = sum(_put(descriptor, [squeezer.compress(piece) for piece in pieces]) for pieces in parts)
    size += _put(descriptor, [squeezer.flush()])
    _put(descriptor, [b"\0" * (size % 2)])


def _put(descriptor: int, parts: Sequence[bytes]) -> int:
    data = memoryview(b"".join(parts))
    size = len(data)
    while data:
        data = data[os.write(descriptor, data) :]
    return size


def _gathered(dataset: bytes, pixels: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield what is written at once: frames may be small."""
    pieces, size = [dataset], len(dataset)
    for piece in pixels:
        pieces.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield pieces
            pieces, size = [], 0
    yield pieces


def _native(count: int, frame: Callable[[int], Array], form: PixelFormat) -> Iterator[bytes]:
    size = -(-count * form.rows * form.columns * form.bits_allocated // 8)
    if size > _LONGEST:
        raise ValueRangeError(
            f"{count} frames take {size / 2**30:.3g} GiB, and uncompressed pixel data at most 4 (PS3.5, 7.1.1): crop "
            "them, write them compressed where the kind allows it, or fewer segments to a file"
        )
    yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB" if form.bits_allocated <= 8 else b"OW", 0, size + size % 2)
    frames = (frame(k) for k in range(count))
    yield from bits_joined(frames, form) if form.bits_allocated == 1 else (_little_endian(f) for f in frames)
    yield b"\0" * (size % 2)


def _little_endian(values: Array) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def bits_joined(frames: Iterator[Array], form: PixelFormat) -> Iterator[bytes]:
    """Yield the bytes of packed frames, one behind the other without a gap, also between rows (PS3.5, 8.1.1).

    Parameters
    ----------
    frames : iterator of arrays of shape (rows, bytes)
        Bits, each row of which begins with a byte.
    form : PixelFormat
        Their size.
    """
    if form.columns % 8 == 0:
        for packed in frames:
            yield packed.tobytes()
        return
    rest = np.zeros(0, np.uint8)
    for packed in frames:
        bits = np.unpackbits(packed, axis=1, count=form.columns, bitorder="little").reshape(-1)
        if len(rest):
            bits = np.concatenate([rest, bits])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    yield np.packbits(rest, bitorder="little").tobytes()


def _set_aside(descriptor: int, count: int, stream: Callable[[int], bytes]) -> list[int]:
    """Write codestreams to a file, some at a time, and return their lengths: the table of all stands before them."""
    workers = os.cpu_count() or 1
    lengths: list[int] = []
    # Codecs let other threads run.
    with ThreadPoolExecutor(workers, thread_name_prefix="slicewise") as pool:
        for first in range(0, count, 4 * workers):
            streams = list(pool.map(stream, range(first, min(first + 4 * workers, count))))
            _put(descriptor, streams)
            lengths += [len(one) for one in streams]
    return lengths


def _codestream(k: int, frame: Callable[[int], Array], form: PixelFormat, syntax: Syntax) -> bytes:
    place = f"frame {k + 1}"
    if form.bits_allocated == 1:
        data = _bits_coded(frame(k), form, place)
    else:
        data = encode_frame(frame(k), syntax, form, place).data
    return data + b"\0" * (len(data) % 2)


def _bits_coded(packed: Array, form: PixelFormat, place: str) -> bytes:
    """Return single bits in JPEG 2000, the one codec that has them (PS3.5, 8.2.4), decoded again and found equal."""
    encode, decode = codec("jpeg2k", "encode"), codec("jpeg2k", "decode")
    if encode is None or decode is None:
        raise MissingCodecError("compressed pixels are written with imagecodecs: pip install imagecodecs")
    bits = np.unpackbits(packed, axis=1, count=form.columns, bitorder="little")
    data: bytes = encode(bits, codecformat="j2k", reversible=True, bitspersample=1, numthreads=1)
    if not np.array_equal(decode(data), bits):
        raise WriteError(f"{place}: JPEG 2000 did not keep every bit, which it must; write transfer_syntax='explicit'")
    return data


def _encapsulated(descriptor: int, lengths: Sequence[int]) -> Iterator[bytes]:
    """Yield compressed frames, a fragment each, in order, with an offset table (PS3.5, A.4)."""
    offsets = list(accumulate((8 + length for length in lengths[:-1]), initial=0))
    table = offsets if len(offsets) > 1 else []
    if offsets[-1] > _LONGEST:
        table = []
        for tag, values in zip(_EXTENDED, (offsets, lengths), strict=True):
            yield element_bytes(RawElement(tag, "OV", struct.pack(f"<{len(values)}Q", *values)))
    yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    yield struct.pack(f"<HHL{len(table)}L", 0xFFFE, 0xE000, 4 * len(table), *table)
    for start, length in zip(accumulate(lengths, initial=0), lengths, strict=False):
        yield struct.pack("<HHL", 0xFFFE, 0xE000, length) + os.pread(descriptor, length, start)
    yield struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
