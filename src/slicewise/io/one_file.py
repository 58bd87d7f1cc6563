"""A destination that is one DICOM file."""

from __future__ import annotations

from pathlib import Path

from slicewise.errors import DestinationError
from slicewise.image import ImageInfo
from slicewise.io.derived_writer import check_no_source
from slicewise.pipeline.node import Node

__all__ = ["check_file_destination"]


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
