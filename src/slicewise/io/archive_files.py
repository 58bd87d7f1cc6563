"""An archive on disk: still the one whose directory was read, and how much may come out of it."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from slicewise.errors import ReadError
from slicewise.io.stored_files import change_of, opened
from slicewise.pipeline.positioned import write_at

__all__ = ["ArchiveFile", "TemporaryBytes", "parts_of"]

_GIB = 1024**3
# Of real series the best shrinks to a twenty-first, and one file of it to a forty-fifth; bombs to a thousandth.
_MOST_TIMES = 100
_FREELY = _GIB
_MOST_OF_A_MEMBER = 8 * _GIB


@attrs.frozen
class ArchiveFile:
    """An archive on disk.

    Parameters
    ----------
    path : Path
        Where it is.
    size, mtime_ns : int
        Its size and time of change when its directory was read.
    """

    path: Path
    size: int
    mtime_ns: int

    @contextmanager
    def open(self) -> Iterator[int]:
        """Open the archive and yield its descriptor.

        Raises
        ------
        ReadError
            If it cannot be opened, or is another than when its directory was read.
        """
        with opened(self.path) as (descriptor, status):
            if (status.st_size, status.st_mtime_ns) != (self.size, self.mtime_ns):
                raise ReadError(
                    f"the archive changed since its directory was read ({change_of(status.st_size, self.size)}): "
                    "make the reader again"
                )
            yield descriptor
            after = os.fstat(descriptor)
            if (after.st_size, after.st_mtime_ns) != (self.size, self.mtime_ns):
                raise ReadError("the archive changed while it was read: read it again")

    def check_room(self, size: int, what: str = "the archive", most: int | None = None) -> None:
        """Raise if more would come out of the archive than images ever did.

        Parameters
        ----------
        size : int
            How many bytes come out.
        what : str
            Of what, for the message.
        most : int, optional
            How many may; by default 1 GiB or a hundred times the archive, whatever is more.

        Raises
        ------
        ReadError
            If they are too many.
        """
        most = max(_FREELY, _MOST_TIMES * self.size) if most is None else most
        if size > most:
            raise ReadError(
                f"{what} unpacks to more than {most / _GIB:.3g} GiB (the archive has {self.size} bytes), as no images "
                "do but decompression bombs; if it is to be trusted, unpack it yourself and read the folder"
            )

    def check_member(self, size: int) -> None:
        """Raise if a compressed member is larger than any image."""
        self.check_room(size, "the member", _MOST_OF_A_MEMBER)


class TemporaryBytes:
    """A temporary file without a name: gone as soon as nothing refers to it, whatever happens."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="slicewise-") as file:
            self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)
        self._end = 0
        self._lock = threading.Lock()

    def put(self, pieces: Iterable[bytes]) -> tuple[int, int]:
        """Add bytes, all or none, and return where they stand and how many they are.

        Raises
        ------
        ReadError
            If there is no room for them.
        """
        with self._lock:
            start = at = self._end
            for piece in pieces:
                at += self._write(piece, at)
            self._end = at
        return start, at - start

    def _write(self, piece: bytes, at: int) -> int:
        try:
            write_at(self.descriptor, piece, at)
        except OSError as error:
            raise ReadError(
                f"it cannot be unpacked into a temporary file in {tempfile.gettempdir()} ({error.strerror}); "
                "TMPDIR chooses another folder"
            ) from error
        return len(piece)


def parts_of(name: str) -> tuple[str, ...]:
    """Return the folders and the name of a member, as they are shown and looked up.

    Nothing is ever written under such a name. Still, what would lead out of the archive is left out,
    as unpackers do: the root of an absolute name, and ``..``.
    """
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))
