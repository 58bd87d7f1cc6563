"""One file with the frames of a multi-frame image, which come in any order and from several threads."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from slicewise.dicom.encoders import Syntax, encode_frame
from slicewise.dicom.encoding import element_bytes
from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import ValueRangeError, WriteError
from slicewise.image import RawElement
from slicewise.pipeline.positioned import write_at

__all__ = ["MultiFrameFile"]

_LONGEST = 0xFFFFFFFE
"""Of a value with a length, in bytes, and of offsets in a basic offset table (PS3.5, 7.1.1 and A.4)."""

_PIECE = 1 << 22
_EXTENDED = (0x7FE00001, 0x7FE00002)


class MultiFrameFile:
    """The frames of an image, set aside beside the file that they become a part of.

    Parameters
    ----------
    path : Path
        The file, to be made.
    frames : int
        How many there are.
    form : PixelFormat
        How values are stored.
    syntax : Syntax
        Transfer syntax of the file.

    Raises
    ------
    ValueRangeError
        If there is more than a file can hold uncompressed.
    WriteError
        If nothing can be written there.
    """

    def __init__(self, path: Path, frames: int, form: PixelFormat, syntax: Syntax) -> None:
        self._path = path
        self._form = form
        self._syntax = syntax
        self._lengths = [0] * frames
        self._starts = [0] * frames
        self._end = 0
        self._lock = threading.Lock()
        size = frames * form.frame_bytes
        if not syntax.is_encapsulated and size > _LONGEST:
            raise ValueRangeError(
                f"{frames} frames take {size / 2**30:.3g} GiB, and uncompressed pixel data at most 4 (PS3.5, 7.1.1): "
                "write them compressed, e.g. transfer_syntax='jpeg-ls', or fewer frames to a file"
            )
        self._aside = path.with_name(f"{path.name}.frames")
        self._descriptor = self._opened(self._aside)
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        self._aside.unlink(missing_ok=True)

    def write(self, index: int, stored: npt.NDArray[Any]) -> None:
        """Set a frame aside.

        Raises
        ------
        WriteError
            If it cannot be written, or a codec did not keep it.
        """
        if self._syntax.is_encapsulated:
            frame = encode_frame(stored, self._syntax, self._form, f"frame {index + 1}").data
            data = memoryview(frame + b"\0" * (len(frame) % 2))
            with self._lock:
                start, self._end = self._end, self._end + len(data)
        else:
            data = memoryview(np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).reshape(-1).data).cast("B")
            start = index * self._form.frame_bytes
        self._starts[index], self._lengths[index] = start, len(data)
        self._put(self._descriptor, data, start)
        with self._lock:
            self.written += 1

    def finish(self, meta: bytes, dataset: bytes) -> None:
        """Make the file of what stands before the pixels, and the frames.

        Parameters
        ----------
        meta : bytes
            Preamble and file meta information.
        dataset : bytes
            The elements before the pixels.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        descriptor = self._opened(self._path)
        try:
            parts = self._encapsulated() if self._syntax.is_encapsulated else self._native()
            squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS) if self._syntax.uid == DEFLATED else None
            self._put(descriptor, memoryview(meta), 0)
            position = len(meta)
            for part in self._chained(dataset, parts):
                data = part if squeezer is None else squeezer.compress(part)
                position += self._put(descriptor, memoryview(data), position)
            if squeezer is not None:
                position += self._put(descriptor, memoryview(squeezer.flush()), position)
                self._put(descriptor, memoryview(b"\0" * ((position - len(meta)) % 2)), position)
        finally:
            os.close(descriptor)

    @staticmethod
    def _chained(dataset: bytes, parts: Iterator[bytes]) -> Iterator[bytes]:
        yield dataset
        yield from parts

    def _native(self) -> Iterator[bytes]:
        size = sum(self._lengths)
        bits = self._form.bits_allocated
        if self._form.floating:
            tag, vr = (0x0008, b"OF") if bits == 32 else (0x0009, b"OD")
        else:
            tag, vr = 0x0010, b"OB" if bits == 8 else b"OW"
        kind = b"" if self._syntax.is_implicit else struct.pack("<2sH", vr, 0)
        yield struct.pack("<HH", 0x7FE0, tag) + kind + struct.pack("<L", size + size % 2)
        yield from self._pieces(0, size)
        yield b"\0" * (size % 2)

    def _encapsulated(self) -> Iterator[bytes]:
        """Give compressed frames, a fragment each, in order, with an offset table (PS3.5, A.4)."""
        lengths = self._lengths
        offsets = list(accumulate((8 + length for length in lengths[:-1]), initial=0))
        table = offsets if len(offsets) > 1 else []
        if offsets[-1] > _LONGEST:
            table = []
            for tag, values in zip(_EXTENDED, (offsets, lengths), strict=True):
                yield element_bytes(RawElement(tag, "OV", struct.pack(f"<{len(values)}Q", *values)))
        yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
        yield struct.pack(f"<HHL{len(table)}L", 0xFFFE, 0xE000, 4 * len(table), *table)
        for start, length in zip(self._starts, lengths, strict=True):
            yield struct.pack("<HHL", 0xFFFE, 0xE000, length)
            yield from self._pieces(start, length)
        yield struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)

    def _pieces(self, start: int, length: int) -> Iterator[bytes]:
        stop = start + length
        while start < stop:
            data = os.pread(self._descriptor, min(_PIECE, stop - start), start)
            if not data:
                raise WriteError(f"{self._path.name}: frames that were set aside are gone")
            yield data
            start += len(data)

    def _opened(self, path: Path) -> int:
        try:
            return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except OSError as error:
            raise self._unwritable(error) from error

    def _put(self, descriptor: int, data: memoryview, position: int) -> int:
        try:
            write_at(descriptor, data, position)
        except OSError as error:
            raise self._unwritable(error) from error
        return len(data)

    def _unwritable(self, error: OSError) -> WriteError:
        return WriteError(f"{self._path.name}: cannot be written ({error.strerror}); nothing of it is kept")
