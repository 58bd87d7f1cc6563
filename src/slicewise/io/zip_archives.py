"""ZIP archives: stored members are read where they stand, compressed ones inflated as far as they are needed."""

from __future__ import annotations

import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from stat import S_IFMT, S_ISREG
from typing import Any

import attrs

from slicewise.errors import ReadError, SlicewiseError, TruncatedError
from slicewise.io.archive_files import ArchiveFile, TemporaryBytes, parts_of
from slicewise.io.inflating import PIECE, Decompressor, bzip2, deflate, inflated, lzma_of_zip
from slicewise.io.stored_files import Contents, OpenedFile, StoredFile, UnreadableFile
from slicewise.pipeline.sources import SourceFile

__all__ = ["ZipMember", "read_zip"]

_METHODS: dict[int, Callable[[], Decompressor]] = {
    zipfile.ZIP_DEFLATED: deflate,
    zipfile.ZIP_BZIP2: bzip2,
    zipfile.ZIP_LZMA: lzma_of_zip,
}
_LOCAL_HEAD = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_UTF8 = 0x800
_ENCRYPTED = 0x1
# Larger ones go to a temporary file, so that a frame of many does not take all of them into memory.
_IN_MEMORY = 4 * 1024 * 1024


class _Unpacked:
    """What was learnt of the contents of an archive, so that it is not computed for each slice anew.

    Parts of it may be computed twice where threads meet; they come to the same.
    """

    def __init__(self) -> None:
        self.sound: set[int] = set()
        self.last: tuple[int, bytes] = (-1, b"")
        self.large: dict[int, Contents] = {}
        self.store: TemporaryBytes | None = None
        self.lock = threading.Lock()


@attrs.frozen(kw_only=True, eq=False)
class ZipMember(StoredFile):
    """A member of a ZIP archive.

    Parameters
    ----------
    archive : ArchiveFile
        The archive.
    info : zipfile.ZipInfo
        What the directory tells of it.
    unpacked : object
        What was learnt of the contents; shared by the members.
    """

    archive: ArchiveFile
    info: zipfile.ZipInfo
    unpacked: _Unpacked

    def on_disk(self, size: int, mtime_ns: int) -> SourceFile:
        """Return the archive."""
        return SourceFile(self.archive.path, self.archive.size, self.archive.mtime_ns)

    @contextmanager
    def open(self) -> Iterator[OpenedFile]:
        """Open the member."""
        with self.archive.open() as descriptor:
            start = _start(descriptor, self.info)
            if start + self.info.compress_size > self.archive.size:
                raise TruncatedError("the archive is cut off in the middle of the member")
            kind = _Stored if self.info.compress_type == zipfile.ZIP_STORED else _Compressed
            yield kind(self, descriptor, start)


class _Stored(Contents):
    """A member that is not compressed."""

    __slots__ = ("member",)

    def __init__(self, member: ZipMember, descriptor: int, start: int) -> None:
        super().__init__(descriptor, start, member.info.file_size, member.archive.mtime_ns)
        self.member = member

    def verify(self) -> None:
        """Compare the checksum, once."""
        sound, key = self.member.unpacked.sound, self.member.info.header_offset
        if key in sound:
            return
        for _ in _checked((self.read_at(PIECE, at) for at in range(0, self.size, PIECE)), self.member.info):
            pass
        sound.add(key)


class _Compressed:
    """A compressed member: inflated from its beginning as far as it is read."""

    def __init__(self, member: ZipMember, descriptor: int, start: int) -> None:
        self.size = member.info.file_size
        self.mtime_ns = member.archive.mtime_ns
        self._member = member
        self._data = bytearray()
        self._pieces = self._inflating(descriptor, start)
        self._whole = self._known()

    def read_at(self, length: int, offset: int) -> bytes:
        """Return bytes from an offset on."""
        if isinstance(self._whole, Contents):
            return self._whole.read_at(length, offset)
        stop = min(self.size, offset + length)
        return bytes(self._inflated(stop)[offset:stop])

    def read_into(self, buffer: Any, offset: int) -> int:
        """Fill contiguous memory from an offset on."""
        if isinstance(self._whole, Contents):
            return self._whole.read_into(buffer, offset)
        view = memoryview(buffer).cast("B")
        stop = min(self.size, offset + len(view))
        read = max(0, stop - offset)
        view[:read] = memoryview(self._inflated(stop))[offset : offset + read]
        return read

    def verify(self) -> None:
        """Inflate the member to its end, and compare the checksum."""
        if self._whole is not None:
            return
        unpacked, key = self._member.unpacked, self._member.info.header_offset
        if self.size <= _IN_MEMORY:
            self._whole = bytes(self._inflated(self.size))
            unpacked.last = (key, self._whole)
            return
        with unpacked.lock:
            if key not in unpacked.large:
                unpacked.store = store = unpacked.store or TemporaryBytes()
                start, size = store.put(self._from_the_start())
                unpacked.large[key] = Contents(store.descriptor, start, size, self.mtime_ns)
        self._whole = unpacked.large[key]

    def _known(self) -> bytes | Contents | None:
        unpacked, key = self._member.unpacked, self._member.info.header_offset
        known, data = unpacked.last
        return data if known == key else unpacked.large.get(key)

    def _inflated(self, stop: int) -> bytes | bytearray:
        if isinstance(self._whole, bytes):
            return self._whole
        while len(self._data) < stop and (piece := next(self._pieces, b"")):
            self._data += piece
        if stop == self.size:
            # What is left is the comparison of the checksum.
            for _ in self._pieces:
                pass
        return self._data

    def _from_the_start(self) -> Iterator[bytes]:
        yield bytes(self._data)
        yield from self._pieces

    def _inflating(self, descriptor: int, start: int) -> Iterator[bytes]:
        info = self._member.info
        stop = start + info.compress_size
        # Of a large member the head alone may be wanted.
        piece = 64 * 1024
        chunks = (os.pread(descriptor, min(piece, stop - at), at) for at in range(start, stop, piece))
        ends_itself = info.compress_type != zipfile.ZIP_LZMA
        return _checked(inflated(chunks, _METHODS[info.compress_type], ends_itself=ends_itself), info)


def _checked(pieces: Iterator[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield bytes of a member, and raise if they are not those that its directory tells of."""
    size = checksum = 0
    for piece in pieces:
        size += len(piece)
        if size > info.file_size:
            break
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if size != info.file_size or checksum != info.CRC:
        raise ReadError(
            f"the member is damaged: its directory tells of {info.file_size} bytes with the CRC {info.CRC:08x}, and "
            f"there are {'more' if size > info.file_size else size} with {checksum:08x}"
        )


def _start(descriptor: int, info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a member stand; its own head has to agree with the directory."""
    head = os.pread(descriptor, _LOCAL_HEAD.size, info.header_offset)
    if len(head) < _LOCAL_HEAD.size:
        raise TruncatedError("the archive is cut off before the member")
    signature, _, flags, method, *_, name_length, extra_length = _LOCAL_HEAD.unpack(head)
    name = os.pread(descriptor, name_length, info.header_offset + _LOCAL_HEAD.size)
    told = name.decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace")
    if signature != b"PK\x03\x04" or method != info.compress_type or told != info.orig_filename:
        raise ReadError("the archive is damaged: the head of the member does not agree with the directory")
    return info.header_offset + _LOCAL_HEAD.size + int(name_length) + int(extra_length)


def read_zip(archive: ArchiveFile) -> tuple[list[StoredFile], list[str]]:
    """Return the members of a ZIP archive, and the names of what is neither file nor folder.

    Raises
    ------
    ReadError
        If it is damaged, encrypted, or far larger than it looks.
    """
    infos, end = _directory(archive)
    _check_places(infos, end)
    unpacked = _Unpacked()
    members: list[StoredFile] = []
    others: list[str] = []
    for info in infos:
        mode = info.external_attr >> 16
        if info.filename.endswith("/") and not info.file_size:
            continue
        if S_IFMT(mode) and not S_ISREG(mode):
            others.append(info.filename)
        else:
            members.append(_member(archive, info, unpacked))
    inflating = sum(info.file_size for info in infos if info.compress_type != zipfile.ZIP_STORED)
    archive.check_room(inflating)
    return members, others


def _directory(archive: ArchiveFile) -> tuple[list[zipfile.ZipInfo], int]:
    with archive.open() as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        try:
            with zipfile.ZipFile(file) as directory:
                infos, end = directory.infolist(), directory.start_dir
                count = _count(descriptor, archive.size - _END.size - len(directory.comment))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, EOFError) as error:
            raise ReadError(f"the archive is damaged or was cut off: its directory cannot be read ({error})") from error
    # zipfile believes a damaged length of a comment that swallows the entries behind it.
    if count is not None and len(infos) not in (count, count + 0x10000 * (len(infos) >> 16)):
        raise ReadError(f"the archive is damaged: its directory tells of {count} members and lists {len(infos)}")
    return infos, end


def _count(descriptor: int, at: int) -> int | None:
    """Return how many members there are by the end of the directory, or by that of ZIP64 before it (APPNOTE, 4.3).

    None if that of ZIP64 stands elsewhere.
    """
    count = _END.unpack(os.pread(descriptor, _END.size, at))[4]
    locator = os.pread(descriptor, _LOCATOR.size, at - _LOCATOR.size) if at >= _LOCATOR.size else b""
    if not locator.startswith(b"PK\x06\x07"):
        return int(count)
    record = os.pread(descriptor, _END64.size, at - _LOCATOR.size - _END64.size)
    return int(_END64.unpack(record)[7]) if record.startswith(b"PK\x06\x06") else None


def _check_places(infos: Sequence[zipfile.ZipInfo], end: int) -> None:
    # Members that share their bytes are how a small archive comes to hold no end of them.
    for info in infos:
        if info.flag_bits & _ENCRYPTED:
            raise ReadError(
                f"the archive is encrypted with a password (its member {info.filename!r} is): unpack it with the "
                "password and read the folder"
            )
    ordered = sorted(infos, key=lambda info: info.header_offset)
    stops = [*(info.header_offset for info in ordered[1:]), end]
    for info, stop in zip(ordered, stops, strict=bool(ordered)):
        if info.header_offset + _LOCAL_HEAD.size + info.compress_size > stop:
            raise ReadError(f"the archive is damaged: its member {info.filename!r} reaches into what follows it")


def _member(archive: ArchiveFile, info: zipfile.ZipInfo, unpacked: _Unpacked) -> StoredFile:
    # Some packers of Windows part folders by backslashes.
    path = archive.path.joinpath(*parts_of(info.filename.replace("\\", "/")))
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            _check_stored(info)
        elif info.compress_type not in _METHODS:
            raise ReadError(
                f"it is compressed by method {info.compress_type} of ZIP, and what is read are deflate (8), bzip2 (12) "
                "and LZMA (14): unpack the archive and read the folder"
            )
        else:
            archive.check_member(info.file_size)
    except SlicewiseError as error:
        return UnreadableFile(path, reason=error)
    return ZipMember(path=path, archive=archive, info=info, unpacked=unpacked)


def _check_stored(info: zipfile.ZipInfo) -> None:
    if info.compress_size != info.file_size:
        raise ReadError(
            f"the archive is damaged: the member is said to be not compressed, and to take {info.compress_size} bytes "
            f"for {info.file_size}"
        )
