"""Tar archives: members are read where they stand; a compressed archive is unpacked once, into one temporary file."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import attrs

from slicewise.errors import ReadError, TruncatedError
from slicewise.io.archive_files import ArchiveFile, TemporaryBytes, parts_of
from slicewise.io.inflating import PIECE, Decompressor, inflated
from slicewise.io.stored_files import Contents, OpenedFile, StoredFile
from slicewise.pipeline.sources import SourceFile

__all__ = ["TarMember", "is_tar", "read_tar"]

_BLOCK = 512
_LONGEST_NAME = 1024 * 1024
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
# Links and folders have no contents, whatever size they state.
_WITHOUT_CONTENTS = (
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)


class _Entry(NamedTuple):
    name: str
    kind: bytes
    start: int
    size: int
    has_holes: bool


@attrs.frozen(kw_only=True, eq=False)
class TarMember(StoredFile):
    """A member of a tar archive.

    Parameters
    ----------
    archive : ArchiveFile
        The archive.
    unpacked : TemporaryBytes or None
        What came out of it, if it is compressed.
    start, size : int
        Where the bytes of the member stand, in one or the other.
    """

    archive: ArchiveFile
    unpacked: TemporaryBytes | None
    start: int
    size: int

    def on_disk(self, size: int, mtime_ns: int) -> SourceFile:
        """Return the archive."""
        return SourceFile(self.archive.path, self.archive.size, self.archive.mtime_ns)

    @contextmanager
    def open(self) -> Iterator[OpenedFile]:
        """Open the member."""
        if self.unpacked is not None:
            # What was unpacked stays what it was, whatever becomes of the archive.
            yield Contents(self.unpacked.descriptor, self.start, self.size, self.archive.mtime_ns)
            return
        with self.archive.open() as descriptor:
            yield Contents(descriptor, self.start, self.size, self.archive.mtime_ns)


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are the head of a tar archive: its checksum says so."""
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "backslashreplace")
    except tarfile.HeaderError:
        return False
    return True


def read_tar(archive: ArchiveFile, compression: Callable[[], Decompressor] | None) -> tuple[list[TarMember], list[str]]:
    """Return the members of a tar archive, and the names of what is neither file nor folder.

    Parameters
    ----------
    archive : ArchiveFile
        The archive.
    compression : callable or None
        Makes its decompressor.

    Raises
    ------
    ReadError
        If it is damaged, or far larger than it looks; a TruncatedError if it ends too early.
    """
    with archive.open() as descriptor:
        if compression is None:
            return _members(archive, None, _entries(descriptor, archive.size))
        unpacked = TemporaryBytes()
        _, size = unpacked.put(_unpacking(archive, descriptor, compression))
    return _members(archive, unpacked, _entries(unpacked.descriptor, size))


def _members(
    archive: ArchiveFile, unpacked: TemporaryBytes | None, entries: Iterable[_Entry]
) -> tuple[list[TarMember], list[str]]:
    members: list[TarMember] = []
    others: list[str] = []
    for entry in entries:
        path = archive.path.joinpath(*parts_of(entry.name))
        if entry.kind in _REGULAR and not entry.has_holes:
            members.append(TarMember(path=path, archive=archive, unpacked=unpacked, start=entry.start, size=entry.size))
        elif entry.kind != tarfile.DIRTYPE:
            others.append(entry.name)
    return members, others


def _unpacking(archive: ArchiveFile, descriptor: int, compression: Callable[[], Decompressor]) -> Iterator[bytes]:
    size = 0
    chunks = (os.pread(descriptor, PIECE, at) for at in range(0, archive.size, PIECE))
    for piece in inflated(chunks, compression, is_repeated=True):
        size += len(piece)
        archive.check_room(size)
        yield piece


def _entries(descriptor: int, size: int) -> Iterator[_Entry]:
    # tarfile takes a damaged head for the end of the archive, and would leave out what follows without a word.
    at = 0
    known: dict[str, str] = {}
    following: dict[str, str] = {}
    while True:
        block = os.pread(descriptor, _BLOCK, at)
        if len(block) < _BLOCK:
            raise TruncatedError("the archive ends without its end mark: it was cut off")
        if not any(block):
            return
        info = _head(block, at)
        start = at + _BLOCK
        stated = _stated_size({**known, **following}, info)
        if info.type == tarfile.GNUTYPE_SPARSE:
            start = _after_map(descriptor, block, start)
        length = 0 if info.type in _WITHOUT_CONTENTS else stated
        if start + length > size:
            raise TruncatedError(f"the archive is cut off in the middle of its member {info.name!r}")
        at = start + -(-length // _BLOCK) * _BLOCK
        if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            following |= _records(_text(descriptor, start, length))
        elif info.type == tarfile.XGLTYPE:
            known |= _records(_text(descriptor, start, length))
        elif info.type == tarfile.GNUTYPE_LONGNAME:
            following["path"] = _name(_text(descriptor, start, length).rstrip(b"\0"))
        elif info.type != tarfile.GNUTYPE_LONGLINK:
            extended = {**known, **following}
            has_holes = any(key.startswith("GNU.sparse.") for key in extended)
            yield _Entry(extended.get("path", info.name), info.type, start, length, has_holes)
            following = {}


def _head(block: bytes, at: int) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")
    except tarfile.HeaderError as error:
        raise ReadError(f"the archive is damaged: there is no head of a member at byte {at} ({error})") from error


def _stated_size(extended: dict[str, str], info: tarfile.TarInfo) -> int:
    is_extension = info.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
    text = str(info.size) if is_extension else extended.get("size", str(info.size))
    if not text.isdecimal() or len(text) > 20:
        raise ReadError(f"the archive is damaged: the size of its member {info.name!r} is {text!r}")
    return int(text)


def _after_map(descriptor: int, block: bytes, start: int) -> int:
    # The map of the holes goes on in further blocks as long as a flag says so.
    goes_on = block[482]
    while goes_on:
        block = os.pread(descriptor, _BLOCK, start)
        if len(block) < _BLOCK:
            raise TruncatedError("the archive is cut off in the map of a file with holes")
        goes_on, start = block[504], start + _BLOCK
    return start


def _text(descriptor: int, start: int, length: int) -> bytes:
    if length > _LONGEST_NAME:
        raise ReadError(f"the archive is damaged: what is told of a member at byte {start} takes {length} bytes")
    return os.pread(descriptor, length, start)


def _records(data: bytes) -> dict[str, str]:
    """Return extended attributes: lines of a length, a space, a keyword, ``=`` and a value."""
    found: dict[str, str] = {}
    while data.strip(b"\0"):
        length, _, _ = data[:20].partition(b" ")
        line = data[: int(length)] if length.isdigit() else b""
        keyword, equals, value = line[len(length) + 1 : -1].partition(b"=")
        if not equals or len(line) < int(length):
            raise ReadError("the archive is damaged: what is told of a member is not readable")
        found[_name(keyword)] = _name(value)
        data = data[len(line) :]
    return found


def _name(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
