"""Results in a folder that several processes share: complete or absent, bounded, the least recently used go first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from slicewise.errors import SlicewiseWarning, WriteError
from slicewise.image import ImageInfo
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.installed import installation
from slicewise.pipeline.keys import content_key
from slicewise.pipeline.positioned import reserve, write_at
from slicewise.pipeline.result_file import DamagedResultError, ResultFile, ResultLayout, checksums, note_use
from slicewise.pipeline.sizes import format_bytes

__all__ = ["ResultFolder", "ResultWriting"]

_SUFFIX = ".result"
_PARTIAL = ".partial"
_LOCK = ".lock"


class ResultFolder:
    """Results in a folder.

    A file that is being written has another name, and is locked: what is not locked is left of a process that was
    killed, and is removed. Nothing but such files is ever deleted.

    Parameters
    ----------
    folder : Path
        The folder; it is made, for nobody but its owner, if it is not there.
    limit : int
        Most bytes of all results together.

    Raises
    ------
    WriteError
        If there is no such folder, and none can be made.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._checked: set[tuple[str, int, int, int]] = set()
        self._is_given_up = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_abandoned()
        except OSError as error:
            raise WriteError(f"{folder}: results cannot be kept there ({error.strerror})") from error

    def find(self, key: str, info: ImageInfo) -> ResultFile | None:
        """Return a result, None if it is not there; what is damaged is removed.

        The first time a process takes a result, it reads all of it.
        """
        name = _name(key)
        path = self.folder / (name + _SUFFIX)
        try:
            found = ResultFile(path, ResultLayout(name, info))
        except DamagedResultError:
            _remove(path)
            return None
        except OSError:
            return None
        known = (name, *found.identity)
        try:
            if known not in self._checked:
                found.check()
        except OSError:
            found.close()
            _remove(path)
            return None
        self._checked.add(known)
        found.note_use()
        return found

    def has(self, key: str, info: ImageInfo) -> bool:
        """Whether a result is there, as far as its header tells."""
        name = _name(key)
        try:
            ResultFile(self.folder / (name + _SUFFIX), ResultLayout(name, info)).close()
        except OSError:
            return False
        return True

    def begin(self, key: str, info: ImageInfo) -> ResultWriting | None:
        """Return what takes a result slab by slab; None if there is no room for it."""
        layout = ResultLayout(_name(key), info)
        if self._is_given_up or layout.size > self.limit:
            return None
        try:
            with self._locked():
                if not self._make_room(layout.size):
                    return None
                return ResultWriting(self.folder, _name(key), layout)
        except OSError as error:
            self.give_up(error, layout.size)
            return None

    def give_up(self, error: OSError, size: int) -> None:
        """Warn, and keep nothing more."""
        if not self._is_given_up:
            self._is_given_up = True
            warnings.warn(
                f"{self.folder}: a result of {format_bytes(size)} cannot be kept there ({error.strerror or error}); "
                "what is computed is right, and no more results are kept in this folder",
                SlicewiseWarning,
                stacklevel=2,
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_room(self, size: int) -> bool:
        """Delete what was used longest ago until there is room; what others are writing counts, and stays."""
        self._remove_abandoned()
        written = sum(status.st_size for _, status in self._files(_PARTIAL))
        if written + size > self.limit:
            return False
        results = sorted(self._files(_SUFFIX), key=lambda found: found[1].st_atime_ns)
        used = written + sum(status.st_size for _, status in results)
        for path, status in results:
            if used + size <= self.limit:
                break
            _remove(path)
            used -= status.st_size
        return True

    def _files(self, suffix: str) -> list[tuple[Path, os.stat_result]]:
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                # Another process may delete it at any time.
                with contextlib.suppress(FileNotFoundError):
                    if entry.name.endswith(suffix) and entry.is_file(follow_symlinks=False):
                        found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
        return found

    def _remove_abandoned(self) -> None:
        for path, _ in self._files(_PARTIAL):
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # Who made it a moment ago waits for the lock, and finds it gone.
                    path.unlink()
                finally:
                    os.close(descriptor)


class ResultWriting:
    """A result on its way to a folder; slabs in any order, from any thread, some perhaps twice.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        Name of the result.
    layout : ResultLayout
        What is in its file.

    Raises
    ------
    OSError
        If there is no space for it, or the folder cannot be written to.
    """

    is_in_memory = False

    def __init__(self, folder: Path, name: str, layout: ResultLayout) -> None:
        self.size = layout.size
        self._final = folder / (name + _SUFFIX)
        self._layout = layout
        self._sums: list[tuple[int, int] | None] = [None] * layout.slices
        self._claimed = np.zeros(layout.slices, bool)
        self._lock = threading.Lock()
        self._descriptor, self._path = _locked_file(folder)
        self.failure: OSError | None = None
        try:
            reserve(self._descriptor, layout.size)
        except OSError:
            self.close()
            raise

    def room(self, slab: Slab) -> None:
        """Return None: there is no memory to write to."""

    def put(self, slab: Slab, values: Array) -> None:
        """Write the slices that were not written yet; a failure is kept, and the run goes on."""
        if self.failure is not None:
            return
        with self._lock:
            new = [k for k in slab if not self._claimed[k]]
            self._claimed[slab.start : slab.stop] = True
        if not new:
            return
        # Twice are those at one of the ends.
        first, last = new[0], new[-1] + 1
        data = np.ascontiguousarray(values[first - slab.start : last - slab.start])
        try:
            write_at(self._descriptor, data.reshape(-1).data, self._layout.start + first * self._layout.slice_bytes)
        except OSError as error:
            self.failure = error
            return
        self._sums[first:last] = checksums(data)

    def commit(self) -> None:
        """Give the file its name, if all slices are there.

        Raises
        ------
        OSError
            If something could not be written.
        """
        if self.failure is not None:
            raise self.failure
        sums = [each for each in self._sums if each is not None]
        if len(sums) < self._layout.slices:
            return
        write_at(self._descriptor, self._layout.header(sums), 0)
        note_use(self._descriptor)
        self._path.rename(self._final)

    def close(self) -> None:
        """Delete what did not get its name."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def _name(key: str) -> str:
    return content_key(key, installation())


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _locked_file(folder: Path) -> tuple[int, Path]:
    # The lock goes with the process, also if it is killed.
    while True:
        descriptor, name = tempfile.mkstemp(suffix=_PARTIAL, dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        # Another one took it for abandoned before it was locked.
        os.close(descriptor)
