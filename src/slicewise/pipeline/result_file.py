"""A result in a file: raw slices, and a header that says of what, with checksums of each slice.

The file begins with ``MAGIC``, the length of the header in 4 bytes (little endian), a BLAKE2b digest of the header in
16 bytes, and the header in JSON; slices follow from the next multiple of 4096 bytes on, in native byte order.

Each slice has two checksums, CRC-32 and Adler-32. With the libdeflate of imagecodecs they are made at tens of GB/s, so
that slices can be checked every time they are read; cryptographic digests run at less than 1 GB/s. What they guard
against is damage, not malice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import stat
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from slicewise.errors import ReadError
from slicewise.image import ImageInfo
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.positioned import read_at

__all__ = ["DamagedResultError", "ResultFile", "ResultLayout", "checksums", "note_use"]

MAGIC = b"slicewise result 1\n"
_BLOCK = 4096
_DIGEST = 16
_MOST_AT_ONCE = 1024**2


class DamagedResultError(ReadError):
    """A file does not hold the result that its name says."""


def checksums(slices: Array) -> list[tuple[int, int]]:
    """Return CRC-32 and Adler-32 of each slice."""
    import imagecodecs

    whole = np.ascontiguousarray(slices)
    return [(int(imagecodecs.deflate_crc32(s)), int(imagecodecs.deflate_adler32(s))) for s in whole]


def note_use(descriptor: int) -> None:
    """Set the time of last use of an open file to now, finer than the system does it."""
    # Of somebody else's file the time cannot be set.
    with contextlib.suppress(OSError):
        os.utime(descriptor, ns=(time.time_ns(), os.fstat(descriptor).st_mtime_ns))


def _opened(path: Path) -> int:
    # Neither a pipe that nobody writes to nor a link is waited for or followed; and only what is taken counts as used.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, flags)


class ResultLayout:
    """Where things are in the file of a result.

    Parameters
    ----------
    key : str
        Key of the result.
    info : ImageInfo
        What is known of it.
    """

    def __init__(self, key: str, info: ImageInfo) -> None:
        self.slice_shape = info.slice_shape
        self.dtype = info.dtype
        self.slices = info.slices
        self.slice_bytes = info.slice_bytes
        self._told = {"key": key, "shape": [self.slices, *self.slice_shape], "dtype": self.dtype.str}
        # Room for the longest checksums.
        longest = self.header([(2**32 - 1, 2**32 - 1)] * self.slices)
        self.start = -(-len(longest) // _BLOCK) * _BLOCK
        self.size = self.start + self.slices * self.slice_bytes

    def header(self, sums: list[tuple[int, int]]) -> bytes:
        """Return what stands before the slices."""
        text = json.dumps({**self._told, "checksums": sums}).encode()
        digest = hashlib.blake2b(text, digest_size=_DIGEST).digest()
        return MAGIC + len(text).to_bytes(4, "little") + digest + text

    def sums_in(self, header: bytes) -> list[list[int]]:
        """Return the checksums of the slices that a header tells.

        Raises
        ------
        DamagedResultError
            If it is damaged, or that of something else.
        """
        first = len(MAGIC)
        length = int.from_bytes(header[first : first + 4], "little")
        digest, text = header[first + 4 : first + 4 + _DIGEST], header[first + 4 + _DIGEST :][:length]
        if header[:first] != MAGIC or hashlib.blake2b(text, digest_size=_DIGEST).digest() != digest:
            raise DamagedResultError("the header is damaged")
        told = json.loads(text)
        if {name: told.get(name) for name in self._told} != self._told:
            raise DamagedResultError("it is another result")
        sums: list[list[int]] = told["checksums"]
        return sums


class ResultFile:
    """A result that is read from its file, slab by slab; every slice is checked when it is read.

    The file may be deleted meanwhile: what is open stays.

    Parameters
    ----------
    path : Path
        The file.
    layout : ResultLayout
        What is to be in it.

    Raises
    ------
    DamagedResultError
        If it holds something else.
    OSError
        If it cannot be opened.
    """

    in_file = True

    def __init__(self, path: Path, layout: ResultLayout) -> None:
        self.path = path
        self._layout = layout
        self._mapped: mmap.mmap | None = None
        self._descriptor = _opened(path)
        # Closed also where nobody does it.
        self._closing = weakref.finalize(self, os.close, self._descriptor)
        self.identity = self._looked_at()
        self._sums = layout.sums_in(os.pread(self._descriptor, layout.start, 0))

    def _looked_at(self) -> tuple[int, int, int]:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != self._layout.size:
            raise DamagedResultError("it has another size, or is no file")
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def check(self) -> None:
        """Read all slices.

        Raises
        ------
        DamagedResultError
            If one is damaged.
        """
        step = max(1, _MOST_AT_ONCE // max(1, self._layout.slice_bytes))
        for first in range(0, self._layout.slices, step):
            self.part(range(first, min(first + step, self._layout.slices)))

    def note_use(self) -> None:
        """Set the time of last use to now: what was used longest ago is deleted first."""
        note_use(self._descriptor)

    def part(self, slab: Slab) -> Array:
        """Return some slices.

        Raises
        ------
        DamagedResultError
            If one is damaged; the file is deleted.
        """
        layout = self._layout
        out = np.empty((len(slab), *layout.slice_shape), layout.dtype)
        place = layout.start + slab.start * layout.slice_bytes
        if read_at(self._descriptor, out.reshape(-1).view(np.uint8).data, place) < out.nbytes:
            raise self._damaged(f"ends before slice {slab.stop - 1}")
        for k, found in zip(slab, checksums(out), strict=True):
            if list(found) != self._sums[k]:
                raise self._damaged(f"is damaged in slice {k}")
        return out

    def _damaged(self, what: str) -> DamagedResultError:
        with contextlib.suppress(OSError):
            self.path.unlink()
        return DamagedResultError(
            f"{self.path}: the cached result {what}, and was deleted; run again to compute it anew"
        )

    def whole(self) -> Array:
        """Return all slices, mapped."""
        layout = self._layout
        if self._mapped is None:
            self._mapped = mmap.mmap(self._descriptor, layout.size, prot=mmap.PROT_READ)
        flat: np.ndarray[Any, Any] = np.frombuffer(self._mapped, layout.dtype, offset=layout.start)
        return flat.reshape(layout.slices, *layout.slice_shape)

    def unmapped(self) -> None:
        """Give the memory of what is mapped back to the system; it is read again where it is needed."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Close the file."""
        # The map itself goes with the last array that is left of it.
        self._mapped = None
        self._closing()
