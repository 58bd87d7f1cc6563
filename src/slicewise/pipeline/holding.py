"""Results held as a whole while a graph runs: in memory, or in a file where they do not fit."""

from __future__ import annotations

import contextlib
import math
import mmap
import tempfile
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from slicewise.errors import ComputeError, ReadError, WriteError
from slicewise.image import ImageInfo
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.positioned import read_at, reserve, write_at
from slicewise.pipeline.sizes import format_bytes

__all__ = ["Held", "InFile", "Room"]

_ADVICE = "grant more memory= than was granted, or name a folder with space, spill="
_LARGE = 64 * 1024**2
"""Bytes from which on a part of a file is mapped instead of read."""


class Held(Protocol):
    """A result that is held as a whole."""

    @property
    def in_file(self) -> bool:
        """Whether it is on disk, and slices of it have to be read."""

    def part(self, slab: Slab) -> Array:
        """Return some slices, not to be written to."""

    def whole(self) -> Array:
        """Return all slices, not to be written to."""

    def close(self) -> None:
        """Let go of the memory, or delete the file."""


class Room:
    """A result in memory.

    Parameters
    ----------
    array : array of shape (slices, rows, columns[, components])
        Its memory.
    """

    in_file = False
    is_in_memory = True

    def __init__(self, array: Array) -> None:
        self.array = array

    @classmethod
    def of(cls, info: ImageInfo, what: str) -> Room:
        """Return room for an image.

        Raises
        ------
        ComputeError
            If there is no memory for it.
        """
        shape = (info.slices, *info.slice_shape)
        try:
            return cls(np.empty(shape, info.dtype))
        except (MemoryError, ValueError) as error:
            size = math.prod(shape) * info.dtype.itemsize / 1024**3
            raise ComputeError(
                f"{what}: the image takes {size:.3g} GiB ({' x '.join(map(str, shape))} of {info.dtype}), and there "
                "is no memory for it: crop it, or write it to files, which goes slab by slab"
            ) from error

    def room(self, slab: Slab) -> Array:
        """Return the memory of some slices, to be written to."""
        return self.array[slab.start : slab.stop]

    def put(self, slab: Slab, values: Array) -> None:
        """Set some slices."""
        self.array[slab.start : slab.stop] = values

    def part(self, slab: Slab) -> Array:
        """Return some slices."""
        return self.array[slab.start : slab.stop]

    def whole(self) -> Array:
        """Return all slices."""
        return self.array

    def close(self) -> None:
        """Let go of the memory."""
        self.array = np.empty((0, *self.array.shape[1:]), self.array.dtype)


class InFile:
    """A result in a file without a name, which is gone with the process, however that ends.

    Slices are written and read, and not mapped, unless they are many: mapped files count as memory of the process.

    Parameters
    ----------
    info : ImageInfo
        What is known of the result.
    folder : Path, optional
        Where the file is; that of temporary files (``TMPDIR``) if not given.
    what : str
        What is held, for messages.
    advice : str
        What to do where it cannot be, for messages.

    Raises
    ------
    WriteError
        If there is no space on the disk for all of it.
    """

    in_file = True
    is_in_memory = False

    def __init__(self, info: ImageInfo, folder: Path | None, what: str, advice: str = _ADVICE) -> None:
        self._info = info
        self._what = what
        self._size = info.slices * info.slice_bytes
        self._where = Path(tempfile.gettempdir()) if folder is None else folder
        self._mapped: mmap.mmap | None = None
        try:
            self._file = _nameless(self._where, self._size)
        except OSError as error:
            raise WriteError(
                f"{what} takes {format_bytes(self._size)}, and cannot be set aside in {self._where} "
                f"({error.strerror}): {advice}"
            ) from error

    @property
    def _descriptor(self) -> int:
        """Number of the file; once it is closed none, as by then it could be that of another."""
        return -1 if self._file.closed else self._file.fileno()

    def room(self, slab: Slab) -> None:
        """Return None: there is no memory to write to."""

    def put(self, slab: Slab, values: Array) -> None:
        """Set some slices; from any thread.

        Raises
        ------
        WriteError
            If they cannot be written.
        """
        data = np.ascontiguousarray(values).reshape(-1).data
        try:
            write_at(self._descriptor, data, slab.start * self._info.slice_bytes)
        except OSError as error:
            raise WriteError(f"{self._what} cannot be set aside in {self._where} ({error.strerror})") from error

    def part(self, slab: Slab) -> Array:
        """Return some slices."""
        size, at = len(slab) * self._info.slice_bytes, slab.start * self._info.slice_bytes
        if size > _LARGE:
            return self.whole()[slab.start : slab.stop]
        out = np.empty((len(slab), *self._info.slice_shape), self._info.dtype)
        try:
            count = read_at(self._descriptor, out.reshape(-1).data, at)
        except OSError as error:
            raise ReadError(f"{self._what} cannot be read again from {self._where} ({error.strerror})") from error
        if count < size:
            raise ReadError(f"{self._what} was set aside in {self._where}, and the values are gone")
        return out

    def whole(self) -> Array:
        """Return all slices, mapped."""
        if self._mapped is None:
            self._mapped = mmap.mmap(self._descriptor, self._size, prot=mmap.PROT_READ)
        flat: np.ndarray[Any, Any] = np.frombuffer(self._mapped, self._info.dtype)
        return flat.reshape(self._info.slices, *self._info.slice_shape)

    def unmapped(self) -> None:
        """Give the memory of what is mapped back to the system; it is read again where it is needed."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Delete the file."""
        # The map itself goes with the last array that is left of it.
        self._mapped = None
        self._file.close()


def _nameless(folder: Path, size: int) -> FileIO:
    # Where the system can, it never has a name: also a process that is killed at this moment leaves nothing.
    file: FileIO = tempfile.TemporaryFile(buffering=0, prefix="slicewise-", dir=folder)  # noqa: SIM115
    with contextlib.ExitStack() as undone:
        undone.callback(file.close)
        reserve(file.fileno(), max(size, 1))
        undone.pop_all()
    return file
