"""A series as one archive: complete or absent, as a folder is."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slicewise.errors import DestinationError, NotDicomError, SlicewiseError, WriteError
from slicewise.io.header_files import HeaderScanner
from slicewise.io.listing import list_files
from slicewise.io.staging import folder_beside, move_file

__all__ = ["check_archive", "is_archive_name", "staged_archive"]

_ZIP = ".zip"
_TAR_MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}


def is_archive_name(path: Path) -> bool:
    """Whether a path is meant for an archive: ZIP, or tar plain or compressed with gzip."""
    return not path.is_dir() and path.name.lower().endswith((_ZIP, *_TAR_MODES))


def check_archive(path: Path, *, overwrite: bool) -> None:
    """Raise unless a series may be written to an archive.

    Raises
    ------
    DestinationError
        If there is a file that is not to be overwritten, or that is no archive of DICOM files alone.
    """
    if not path.exists():
        return
    if not overwrite:
        raise _is_there(path)
    scanner = HeaderScanner()
    try:
        for file in list_files(path, hidden=True):
            scanner.read(file)
    except NotDicomError as error:
        raise DestinationError(
            f"{path}: the archive holds what is not DICOM, and overwriting would delete it ({error}); name another one"
        ) from error
    except SlicewiseError as error:
        raise DestinationError(
            f"{path}: this file is no archive that can be read ({error}); name another one"
        ) from error


def _is_there(path: Path) -> DestinationError:
    return DestinationError(f"{path}: the file is there; name another one, or replace it with overwrite=True")


@contextmanager
def staged_archive(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a new folder to write to, whose files are the archive at ``path`` at the end.

    If the block raises, nothing is left of it.

    Parameters
    ----------
    path : Path
        The archive; its name tells the kind.
    overwrite : bool
        Whether what is there is replaced.

    Raises
    ------
    DestinationError
        If somebody put a file there meanwhile.
    WriteError
        If the parent folder cannot be written to, or the disk is full.
    """
    final = path.resolve()
    with folder_beside(final) as stage:
        files = stage / "files"
        files.mkdir()
        yield files
        packed = stage / "archive"
        try:
            _pack(sorted(files.iterdir()), packed, final.name.lower())
            move_file(packed, final, overwrite=overwrite)
        except FileExistsError as error:
            raise _is_there(path) from error
        except OSError as error:
            raise WriteError(f"{path}: the archive cannot be written ({error.strerror})") from error


def _pack(files: Sequence[Path], packed: Path, name: str) -> None:
    if name.endswith(_ZIP):
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in files:
                archive.write(file, file.name)
        return
    mode = next(mode for ending, mode in _TAR_MODES.items() if name.endswith(ending))
    with tarfile.open(packed, mode) as tar:  # type: ignore[call-overload]  # modes are literals to mypy
        for file in files:
            tar.add(file, file.name)
