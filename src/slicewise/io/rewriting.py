"""Instances of a folder written again, one for one, to another folder."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from slicewise.dicom.encoders import deflated
from slicewise.dicom.encoding import meta_bytes
from slicewise.dicom.lossy import Loss
from slicewise.dicom.parsing import DEFLATED
from slicewise.errors import ReadError
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile
from slicewise.io.instance_files import IMPLEMENTATION, write_file
from slicewise.io.listing import PathLike, list_files
from slicewise.io.staging import check_destination, staged_folder
from slicewise.io.stored_files import OpenedFile, StoredFile
from slicewise.pipeline.progress import Show, show_progress
from slicewise.pipeline.threads import waiting_pool

__all__ = ["Rewritten", "check_behind", "rewrite", "write_instance"]

_ITEM = 0xE000FFFE

_AT_ONCE = 32
"""Files that are handed to the threads together, between two words of progress."""


@attrs.frozen
class Rewritten:
    """What was written.

    Parameters
    ----------
    folder : Path
        Where to.
    paths : tuple of Path
        The files, named as in the source.
    bytes_before, bytes_after : int
        Size of all of them.
    loss : Loss, optional
        What a compression lost; None if nothing.
    """

    folder: Path
    paths: tuple[Path, ...]
    bytes_before: int
    bytes_after: int
    loss: Loss | None = None


def rewrite(
    source: PathLike,
    destination: PathLike,
    write: Callable[[StoredFile, Path], None],
    *,
    title: str,
    workers: int | None,
    progress: Show | bool | None,
) -> Rewritten:
    """Write every file of a source to a new folder, in threads; the folder is complete or absent.

    Parameters
    ----------
    source : path
        A file, a folder with its subfolders, or an archive.
    destination : path
        A folder that is not there yet, or empty.
    write : callable
        Writes one of the files to a path.
    title : str
        What is being done, for the bar.
    workers : int, optional
        Threads; as many as cores if not given.
    progress : bool or callable, optional
        As for ``discover``.

    Raises
    ------
    DestinationError
        If the destination holds something.
    """
    folder = Path(destination).expanduser()
    check_destination(folder, overwrite=False)
    files = list_files(source, hidden=True)
    names = _names(files)
    sizes = [_size(file) for file in files]
    with (
        staged_folder(folder, overwrite=False) as stage,
        show_progress(progress, title, unit="file") as tell,
        waiting_pool(workers) as pool,
    ):
        for start in range(0, len(files), _AT_ONCE):
            tell(start, len(files), sum(sizes[:start]), sum(sizes))
            some = slice(start, start + _AT_ONCE)
            list(pool.map(write, files[some], [stage / name for name in names[some]]))
        tell(len(files), len(files), sum(sizes), sum(sizes))
        after = sum((stage / name).stat().st_size for name in names)
    return Rewritten(folder, tuple(folder / name for name in names), sum(sizes), after)


def _names(files: Sequence[StoredFile]) -> list[Path]:
    paths = [file.path for file in files]
    common = Path(os.path.commonpath([path.parent for path in paths]))
    return [path.relative_to(common) for path in paths]


def _size(file: StoredFile) -> int:
    with file.open() as opened:
        return opened.size


def write_instance(
    file: HeaderFile, target: Path, uid: str, dataset: Sequence[bytes | memoryview], instance_uid: str = ""
) -> None:
    """Write a dataset as a file of a transfer syntax, as the instance that a file holds, or as another of its class.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    instance_uid = instance_uid or file.text(tag_of("SOPInstanceUID"))
    meta = meta_bytes(file.text(tag_of("SOPClassUID")), instance_uid, uid, IMPLEMENTATION)
    write_file(target, [meta, deflated(dataset)] if uid == DEFLATED else [meta, *dataset])


def check_behind(file: HeaderFile) -> None:
    """Raise if elements follow the pixels: a signature, say, would be lost.

    Raises
    ------
    ReadError
        If they do.
    """
    pixels = file.header.pixels
    if pixels is None or file.syntax_uid == DEFLATED:
        return
    with file.source.open() as opened:
        end = _end_of_items(opened, pixels.value_start) if file.is_encapsulated else pixels.value_stop
        behind = opened.read_at(4, end)
    # Trailing padding has no meaning (PS3.10, 7.2).
    if behind and behind not in (b"\xfc\xff\xfc\xff", b"\xff\xfc\xff\xfc"):
        raise ReadError("elements stand behind the pixels, such as a digital signature, which would be lost")


def _end_of_items(opened: OpenedFile, at: int) -> int:
    while len(head := opened.read_at(8, at)) == 8:
        tag, length = struct.unpack("<LL", head)
        at += 8
        if tag != _ITEM:
            break
        at += length
    return at
