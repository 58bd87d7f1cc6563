"""Output that is complete or absent: written aside, and moved into place when it is whole."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slicewise.errors import DestinationError, WriteError

__all__ = ["check_destination", "staged_folder"]


def check_destination(folder: Path, *, overwrite: bool) -> None:
    """Raise unless a series may be written to a folder.

    Raises
    ------
    DestinationError
        If it is a file, or holds something and is not to be overwritten, or holds anything but
        DICOM files.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DestinationError(f"{folder}: there is a file of this name; a folder is wanted")
    there = sorted(folder.iterdir())
    if there and not overwrite:
        raise DestinationError(
            f"{folder}: the folder holds {len(there)} files, e.g. {there[0].name}; choose another, or replace "
            "them with overwrite=True"
        )
    foreign = [path for path in there if not _is_dicom(path)]
    if foreign:
        raise DestinationError(
            f"{folder}: {foreign[0].name} is not a DICOM file, and overwriting would delete it; choose another folder"
        )


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder to write to, which takes the place of ``folder`` at the end.

    If the block raises, nothing is left of it. If the process is killed, a hidden folder with
    ``.partial-`` in its name is left beside ``folder``, and is removed by the next one to write there.

    Raises
    ------
    WriteError
        If the parent folder cannot be written to, or moving fails.
    """
    parent = folder.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent, folder.name)
        stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise WriteError(f"{parent}: cannot write there ({error.strerror})") from error
    try:
        yield stage
        _move_into_place(stage, folder.absolute())
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_into_place(stage: Path, folder: Path) -> None:
    # mkdtemp makes folders that only their owner can enter.
    mask = os.umask(0)
    os.umask(mask)
    stage.chmod(0o777 & ~mask)
    try:
        if not folder.exists():
            stage.rename(folder)
            return
        old = stage.with_name(stage.name.replace(".partial-", ".replaced-", 1))
        folder.rename(old)
        try:
            stage.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise WriteError(f"{folder}: the finished series cannot be moved there ({error.strerror})") from error


def _remove_abandoned(parent: Path, name: str) -> None:
    prefix = f".{name}.partial-"
    for path in parent.glob(f"{glob.escape(prefix)}*"):
        pid = path.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not _is_running(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
