"""Output that is complete or absent: written aside, and moved into place when it is whole."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slicewise.errors import DestinationError, WriteError

__all__ = ["check_destination", "folder_beside", "move_file", "staged_folder"]

_AT_WORKING_FOLDER = -100
_EXCHANGE = 2
"""Constants of Linux for renameat2."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""How file systems say that they have no hard links."""


def check_destination(folder: Path, *, overwrite: bool) -> None:
    """Raise unless a series may be written to a folder.

    Raises
    ------
    DestinationError
        If it is a file or a mount point, or holds something and is not to be overwritten, or holds
        anything but DICOM files.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DestinationError(f"{folder}: there is a file of this name; a folder is wanted")
    if folder.is_mount():
        raise DestinationError(f"{folder}: a mount point cannot be replaced as a whole; name a folder within it")
    there = sorted(folder.iterdir())
    if there and not overwrite:
        raise _not_empty(folder, there)
    foreign = [path for path in there if not _is_dicom(path)]
    if foreign:
        raise DestinationError(
            f"{folder}: {foreign[0].name} is not a DICOM file, and overwriting would delete it; choose another folder"
        )


def _not_empty(folder: Path, there: list[Path]) -> DestinationError:
    return DestinationError(
        f"{folder}: the folder holds {len(there)} files, e.g. {there[0].name}; choose another, or replace them with "
        "overwrite=True"
    )


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@contextmanager
def staged_folder(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a new folder to write to, which takes the place of ``folder`` at the end.

    If the block raises, nothing is left of it. If the process is killed, a hidden folder with
    ``.partial-`` in its name is left beside ``folder``, and is removed by the next one to write there.

    Parameters
    ----------
    folder : Path
        The final folder; what a link points to is meant, not the link.
    overwrite : bool
        Whether what is there is replaced.

    Raises
    ------
    DestinationError
        If something was put into the folder meanwhile that is not to be overwritten.
    WriteError
        If the parent folder cannot be written to, or moving fails.
    """
    final = folder.resolve()
    with folder_beside(final) as stage:
        yield stage
        _move_into_place(stage, final, overwrite=overwrite)


@contextmanager
def folder_beside(final: Path) -> Iterator[Path]:
    """Give a new hidden folder beside a place, on the same file system, for as long as the block lasts.

    If the process is killed, the next one that calls this for the same place removes it.

    Raises
    ------
    WriteError
        If the parent folder cannot be written to.
    """
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        _tidy(final)
        stage, lock = _locked_folder(final)
    except OSError as error:
        raise WriteError(f"{final.parent}: cannot write there ({error.strerror})") from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)


def move_file(stage: Path, final: Path, *, overwrite: bool) -> None:
    """Move a file that is whole into its place, on the same file system.

    Raises
    ------
    FileExistsError
        If there is a file that is not to be replaced.
    OSError
        If it cannot be moved.
    """
    if not overwrite:
        # Unlike a rename, a link never replaces what somebody put there meanwhile.
        try:
            os.link(stage, final)
        except OSError as error:
            if error.errno not in _NO_LINKS or final.exists():
                raise
        else:
            return
    stage.replace(final)


def _locked_folder(final: Path) -> tuple[Path, int]:
    # The lock goes with the process, also if it is killed: what is not locked is abandoned.
    while True:
        stage = Path(tempfile.mkdtemp(prefix=f".{final.name}.partial-", dir=final.parent))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(stage, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if stage.exists():
                return stage, lock
            os.close(lock)
        # Another one took it for abandoned before it was locked.


def _move_into_place(stage: Path, final: Path, *, overwrite: bool) -> None:
    # mkdtemp makes folders that only their owner can enter.
    mask = os.umask(0)
    os.umask(mask)
    stage.chmod(0o777 & ~mask)
    # Somebody may have written there while the pixels were computed.
    check_destination(final, overwrite=overwrite)
    try:
        if overwrite and final.exists():
            _exchange(stage, final)
        else:
            # Fails if the folder is there and not empty.
            stage.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise _not_empty(final, sorted(final.iterdir())) from error
        raise WriteError(f"{final}: the finished series cannot be moved there ({error.strerror})") from error


def _exchange(stage: Path, final: Path) -> None:
    """Put the new folder in the place of the old one, and the old one where the new one was."""
    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is not None:
        paths = (_AT_WORKING_FOLDER, os.fsencode(stage), _AT_WORKING_FOLDER, os.fsencode(final))
        if rename(*paths, _EXCHANGE) == 0:
            return
    # Not on every system, nor every file system, can this be done at once.
    old = stage.with_name(stage.name.replace(".partial-", ".replaced-", 1))
    final.rename(old)
    try:
        stage.rename(final)
    except OSError:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _tidy(final: Path) -> None:
    """Remove what killed processes left, and put back what one had moved away and not replaced."""
    for path in final.parent.glob(f"{glob.escape(f'.{final.name}.partial-')}*"):
        _remove_abandoned(path)
    for path in final.parent.glob(f"{glob.escape(f'.{final.name}.replaced-')}*"):
        if not final.exists():
            path.rename(final)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _remove_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who made it a moment ago waits for the lock, and finds it gone.
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
