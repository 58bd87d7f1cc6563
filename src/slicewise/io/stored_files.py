"""Files that bytes can be read from, whether they lie in a folder or in an archive."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

import attrs

from slicewise.errors import NotDicomError, ReadError, SlicewiseError
from slicewise.pipeline.sources import SourceFile

__all__ = [
    "Contents",
    "OpenedFile",
    "PlainFile",
    "StoredFile",
    "UnreadableFile",
    "change_of",
    "opened",
    "stored",
]


class OpenedFile(Protocol):
    """A file while it is open. Every read says where: threads share no position.

    Attributes
    ----------
    size : int
        Its bytes.
    mtime_ns : int
        When it was changed last; of a member, when its archive was.
    """

    size: int
    mtime_ns: int

    def read_at(self, length: int, offset: int) -> bytes:
        """Return bytes from an offset on; fewer than asked for only at the end of the file."""

    def read_into(self, buffer: Any, offset: int) -> int:
        """Fill contiguous memory from an offset on, and return how many bytes there were."""

    def verify(self) -> None:
        """Raise ReadError if a checksum kept beside the file says that it is damaged."""


@attrs.frozen(kw_only=True)
class StoredFile(ABC):
    """A file on disk, or a member of an archive.

    Parameters
    ----------
    path : Path
        The file; of a member, the archive and below it the name: ``study.zip/ct/0001.dcm``. It stands
        for the file in messages and in the identity of what is read from it.
    is_named : bool
        Whether the user named it, rather than a folder, pattern or archive it was found in.
    """

    path: Path = attrs.field(kw_only=False)
    is_named: bool = False

    def on_disk(self, size: int, mtime_ns: int) -> SourceFile:
        """Return the file on disk, given what it was when it was opened; of a member, the archive."""
        return SourceFile(self.path, size, mtime_ns)

    @abstractmethod
    def open(self) -> AbstractContextManager[OpenedFile]:
        """Open the file for as long as the context lasts.

        Raises
        ------
        ReadError
            If it cannot be opened. The message leaves the name of the file to the caller.
        """


@attrs.frozen(kw_only=True)
class PlainFile(StoredFile):
    """A file on disk."""

    def open(self) -> AbstractContextManager[OpenedFile]:
        """Open the file; never waits, not even for a pipe that nobody writes to."""
        return _PlainContents(self.path)


@attrs.frozen(kw_only=True)
class UnreadableFile(StoredFile):
    """A file that is known to be broken; opening it says why.

    Parameters
    ----------
    reason : SlicewiseError
        What is wrong with it.
    """

    reason: SlicewiseError

    def open(self) -> AbstractContextManager[OpenedFile]:
        """Raise the reason."""
        raise type(self.reason)(str(self.reason))


class Contents:
    """The bytes of an open file, or of a part of it.

    Parameters
    ----------
    descriptor : int
        The open file, which stays the caller's to close.
    start, size : int
        Where the part begins, and how long it is.
    mtime_ns : int
        When the file was changed last.
    """

    __slots__ = ("descriptor", "mtime_ns", "size", "start")

    def __init__(self, descriptor: int, start: int, size: int, mtime_ns: int) -> None:
        self.descriptor = descriptor
        self.start = start
        self.size = size
        self.mtime_ns = mtime_ns

    def read_at(self, length: int, offset: int) -> bytes:
        """Return bytes from an offset on."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = os.pread(self.descriptor, length, self.start + offset)
        if len(data) == length:
            return data
        # One call gives 2 GiB at most.
        buffer = bytearray(length)
        buffer[: len(data)] = data
        return bytes(buffer[: self._fill(memoryview(buffer), offset, len(data))])

    def read_into(self, buffer: Any, offset: int) -> int:
        """Fill contiguous memory from an offset on."""
        view = memoryview(buffer).cast("B")
        if len(view) > self.size - offset:
            view = view[: max(0, self.size - offset)]
        return self._fill(view, offset, 0)

    def verify(self) -> None:
        """Nothing is known of what the bytes should be."""

    def _fill(self, view: memoryview, offset: int, done: int) -> int:
        while done < len(view):
            read = os.preadv(self.descriptor, [view[done:] if done else view], self.start + offset + done)
            if read == 0:
                break
            done += read
        return done


class _PlainContents(Contents):
    """The bytes of a file on disk, open as long as the context lasts."""

    # A class, where a generator would take twice as long for each of hundreds of slices.
    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self.descriptor, status = _open_regular(self.path)
        self.start, self.size, self.mtime_ns = 0, status.st_size, status.st_mtime_ns
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            # What was read while somebody wrote may be half of one and half of the other.
            if kind is None:
                self._check_unchanged()
        finally:
            os.close(self.descriptor)

    def _check_unchanged(self) -> None:
        status = os.fstat(self.descriptor)
        if (status.st_size, status.st_mtime_ns) != (self.size, self.mtime_ns):
            raise ReadError(
                f"the file changed while it was read ({change_of(status.st_size, self.size)}): read it again"
            )


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file on disk and yield its descriptor and status.

    Raises
    ------
    NotDicomError
        If it is a pipe or a device.
    ReadError
        If it cannot be opened.
    """
    descriptor, status = _open_regular(path)
    try:
        yield descriptor, status
    finally:
        os.close(descriptor)


def change_of(size: int, before: int) -> str:
    """Return in words how a file differs from what it was: its size, else its time of change."""
    return f"it has {size} bytes now and had {before}" if size != before else "its time of change is another"


def _open_regular(path: Path) -> tuple[int, os.stat_result]:
    try:
        # Without waiting: a pipe that nobody writes to would never open.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ReadError(f"the file cannot be opened ({error.strerror})") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotDicomError("no DICOM file: it is no regular file at all")
    return descriptor, status


def stored(file: StoredFile | Path) -> StoredFile:
    """Return a file as one that bytes can be read from; a path stands for a file that was named."""
    return file if isinstance(file, StoredFile) else PlainFile(file, is_named=True)
