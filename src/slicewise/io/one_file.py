"""A destination that is one DICOM file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slicewise.errors import DestinationError, WriteError
from slicewise.image import ImageInfo
from slicewise.io.derived_writer import check_no_source
from slicewise.io.staging import folder_beside
from slicewise.pipeline.node import Node

__all__ = ["check_file_destination", "staged_file"]


def check_file_destination(path: Path, writer: Node, info: ImageInfo, *, overwrite: bool) -> None:
    """Raise unless a file may be written.

    Parameters
    ----------
    path : Path
        The file.
    writer : Node
        What writes it; none of the files it reads is overwritten.
    info : ImageInfo
        What is written; none of the instances it comes from is overwritten.
    overwrite : bool
        Whether a DICOM file that is there is replaced.

    Raises
    ------
    DestinationError
        If it may not be.
    """
    target = path.resolve()
    if any(Path(file).resolve() == target for n in writer.walk() for file in getattr(n, "files", ())):
        raise DestinationError(f"{path}: is a file of the source, which is never overwritten")
    if not path.exists():
        return
    if not path.is_file() or not overwrite:
        what = "there is a file already; replace it with overwrite=True" if path.is_file() else "is a folder"
        raise DestinationError(f"{path}: {what}, or choose another name")
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            raise DestinationError(f"{path}: is not a DICOM file, and overwriting would delete it; choose another name")
    check_no_source(path.parent, [path], info)


@contextmanager
def staged_file(path: Path, check: Callable[[], None]) -> Iterator[Path]:
    """Give a file to write, which takes its place at the end.

    Parameters
    ----------
    path : Path
        Where to; what a link points to is meant, not the link.
    check : callable
        Raises if the place must not be written to: somebody may have written there meanwhile.

    Raises
    ------
    WriteError
        If the folder cannot be written to.
    """
    final = path.resolve()
    with folder_beside(final) as folder:
        yield folder / final.name
        check()
        try:
            (folder / final.name).replace(final)
        except OSError as error:
            raise WriteError(f"{final}: the finished file cannot be moved there ({error.strerror})") from error
