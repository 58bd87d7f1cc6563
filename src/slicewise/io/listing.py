"""Which files a reader is pointed at."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from slicewise.errors import ParameterError, ReadError, SlicewiseWarning

__all__ = ["PathLike", "list_files"]

PathLike = str | os.PathLike[str]

_WILDCARDS = frozenset("*?[")


def list_files(where: PathLike | Sequence[PathLike]) -> list[Path]:
    """Return the files of a folder and its subfolders, of a glob pattern, or of a list, sorted by name.

    Hidden files and folders, and DICOMDIR, are left out of folders.

    Raises
    ------
    ReadError
        If nothing is there; the message names the path.
    """
    if not isinstance(where, str | os.PathLike):
        if len(where) == 0:
            raise ParameterError("'path' must name at least one file (got an empty list)")
        return [_existing(Path(p)) for p in where]
    path = Path(where).expanduser()
    if path.is_dir():
        files = sorted(_walk(path))
        if not files:
            raise ReadError(f"{path}: the folder holds no file")
        return files
    if path.exists() or not _WILDCARDS & set(str(path)):
        return [_existing(path)]
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - of absolute paths too
    files = [match for match in matches if match.is_file()]
    if not files:
        raise ReadError(f"{path}: no file matches the pattern")
    return files


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise ReadError(f"{path} is a folder: give the folder alone, or a list of files")
    reason = "the link points nowhere" if path.is_symlink() else "there is no such file or folder"
    raise ReadError(f"{path}: {reason}")


def _walk(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as error:
        raise ReadError(f"{folder}: the folder cannot be listed ({error.strerror})") from error
    for entry in found:
        if entry.name.startswith(".") or entry.name == "DICOMDIR":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif not entry.is_dir():
            yield Path(entry.path)
        else:
            # It could lead round in circles.
            warnings.warn(f"{entry.path}: a link to a folder is not followed", SlicewiseWarning, stacklevel=2)
