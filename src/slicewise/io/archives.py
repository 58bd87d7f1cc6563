"""Archives as folders of files that are read in place: ZIP, and tar plain or compressed with gzip, bzip2 or xz."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import attrs

from slicewise.errors import ReadError, SlicewiseError, SlicewiseWarning
from slicewise.io.archive_files import ArchiveFile
from slicewise.io.inflating import PIECE, Decompressor, bzip2, gzip, inflated, xz
from slicewise.io.stored_files import OpenedFile, StoredFile, stored
from slicewise.io.tar_archives import is_tar, read_tar
from slicewise.io.zip_archives import read_zip

__all__ = ["Archive", "archive_kind", "open_archive"]

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSIONS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b\x08": gzip,
    b"BZh": bzip2,
    b"\xfd7zXZ\0": xz,
}
# Three letters are not much of a mark.
_BZIP2_BLOCK = b"1AY&SY"
_HEAD = 512
# A block of bzip2 tells at its end that it is damaged: 900 kB at most, in which 5 bytes can stand for 259.
_BLOCK = 48 * 1024 * 1024


@attrs.frozen
class Archive:
    """An archive whose directory was read.

    Parameters
    ----------
    path : Path
        Where it is.
    members : mapping of tuple of str to StoredFile
        Its files, by the folders they are in and their name.
    """

    path: Path
    members: Mapping[tuple[str, ...], StoredFile]

    def names(self, folder: tuple[str, ...]) -> frozenset[str]:
        """Return what is in a folder of the archive."""
        depth = len(folder)
        return frozenset(p[depth] for p in self.members if len(p) > depth and p[:depth] == folder)

    def file(self, parts: tuple[str, ...]) -> StoredFile | None:
        """Return a file."""
        return self.members.get(parts)

    def within(self, folder: tuple[str, ...]) -> Archive:
        """Return a folder of the archive as if it were all of it."""
        depth = len(folder)
        inner = {p[depth:]: file for p, file in self.members.items() if len(p) > depth and p[:depth] == folder}
        return Archive(self.path, MappingProxyType(inner))


def archive_kind(file: OpenedFile) -> str:
    """Return ``zip``, ``tar`` or ``compressed tar`` for an archive, by its contents; empty for anything else."""
    head = file.read_at(_HEAD, 0)
    # A DICOM file may begin with anything (PS3.10, 7.1).
    if head[128:132] == b"DICM":
        return ""
    if head.startswith(_ZIP):
        return "zip"
    if (compression := _compression(head)) is None:
        return "tar" if is_tar(head) else ""
    chunks = (file.read_at(PIECE, at) for at in range(0, file.size, PIECE))
    pieces = inflated(chunks, compression)
    try:
        if is_tar(next(pieces, b"")):
            return "compressed tar"
        for _ in islice(pieces, _BLOCK // PIECE):
            pass
    except ReadError:
        # Damaged at its very beginning; better said than taken for some file that is not DICOM.
        return "compressed tar"
    return ""


def _compression(head: bytes) -> Callable[[], Decompressor] | None:
    if head.startswith(b"BZh") and head[4:10] != _BZIP2_BLOCK:
        return None
    return next((make for magic, make in _COMPRESSIONS.items() if head.startswith(magic)), None)


def open_archive(path: Path) -> Archive | None:
    """Return an archive with its directory read, or None for any other file.

    Nothing is unpacked but compressed tars, whose contents go to a temporary file without a name.

    Members that are links or devices are passed over with a warning. Of several members of one name the last counts,
    as when they are unpacked one over the other; a warning says so.

    Raises
    ------
    ReadError
        If it cannot be opened, is damaged, encrypted, or unpacks to far more than it looks like; the message names it.
    """
    try:
        with stored(path).open() as file:
            kind = archive_kind(file)
            if not kind:
                return None
            head = file.read_at(_HEAD, 0)
            archive = ArchiveFile(path, file.size, file.mtime_ns)
        files, others = read_zip(archive) if kind == "zip" else read_tar(archive, _compression(head))
    except SlicewiseError as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        raise ReadError(f"{path}: the archive cannot be read ({error.strerror})") from error
    others += [file.path.name for file in files if file.path == path]
    files = [file for file in files if file.path != path]
    _warn_of(path, others, "neither files nor folders (links to other members, or devices) and passed over")
    members = {file.path.relative_to(path).parts: file for file in files}
    counts = Counter(file.path for file in files)
    repeated = [str(same) for same, count in counts.items() if count > 1]
    _warn_of(path, repeated, "there more than once, and the last of each name counts")
    return Archive(path, MappingProxyType(members))


def _warn_of(path: Path, names: Sequence[str], what: str) -> None:
    if names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        subject = "1 member is" if len(names) == 1 else f"{len(names)} members are"
        warnings.warn(f"{path}: {subject} {what}: {shown}", SlicewiseWarning, stacklevel=5)
