"""Headers of files, and where their pixels stand."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Container, Sequence
from pathlib import Path

import attrs

from slicewise.dicom.fragments import FrameIndex, frame_index
from slicewise.dicom.header_parser import FileHeader, HeaderParser
from slicewise.dicom.parsing import DEFLATED, Incomplete, is_undefined, read_meta
from slicewise.errors import NotDicomError, ReadError, SlicewiseError, SlicewiseWarning, TruncatedError
from slicewise.io.archives import archive_kind
from slicewise.io.stored_files import OpenedFile, StoredFile, stored

__all__ = ["HeaderFile", "HeaderScanner", "read_headers"]

_EXTENDED_OFFSETS = 0x7FE00001
_FIRST_READ = 32 * 1024
_MARGIN = 4 * 1024
_GROWTH = 4
"""What was read too little of is read again: of headers of thousands of frames, better once too much than often."""

_LARGE = 1024**3
_MOST_EXPANSION = 100
"""A deflated dataset that is larger than 1 GiB has not shrunk to less than a hundredth, unless it is made to."""


@attrs.frozen(eq=False)
class HeaderFile:
    """A file with its header parsed.

    Parameters
    ----------
    source : StoredFile
        The file.
    size, mtime_ns : int
        Its size and time of change (of a member: that of the archive) when its header was read: its identity.
    header : FileHeader
        Its elements.
    """

    source: StoredFile
    size: int
    mtime_ns: int
    header: FileHeader
    _indexes: dict[int, FrameIndex] = attrs.field(factory=dict, init=False, repr=False)

    @property
    def path(self) -> Path:
        """The file, or the archive and its member."""
        return self.source.path

    @property
    def syntax_uid(self) -> str:
        """Transfer syntax."""
        return self.header.syntax_uid

    @property
    def has_pixels(self) -> bool:
        """Whether the instance has pixel data."""
        return self.header.pixels is not None

    @property
    def is_encapsulated(self) -> bool:
        """Whether the pixels are in fragments."""
        return self.header.pixels is not None and is_undefined(self.header.pixels)

    def frame_index(self, opened: OpenedFile, frames: int) -> FrameIndex:
        """Return where the compressed frames stand; it is found once and kept.

        Raises
        ------
        ReadError
            If a fragment is cut, frames are missing, or nothing tells which fragments are which frame.
        """
        if frames not in self._indexes:
            # Threads that come at once find the same.
            self._indexes[frames] = self._find_frames(opened, frames)
        return self._indexes[frames]

    def _find_frames(self, opened: OpenedFile, frames: int) -> FrameIndex:
        pixels = self.header.pixels
        if pixels is None:
            raise ReadError("the file has no pixels")
        table = self.header.element(_EXTENDED_OFFSETS)
        extended = b"" if table is None else table.value
        start = pixels.value_start
        return frame_index(opened.read_at, start, frames, syntax_uid=self.syntax_uid, extended=extended)

    def text(self, tag: int) -> str:
        """Return an attribute as text without padding; empty if there is none."""
        element = self.header.element(tag)
        return "" if element is None else element.value.decode("ascii", "replace").strip(" \0")


class HeaderScanner:
    """Reads headers of files one after the other, and learns what they share.

    Parameters
    ----------
    wanted : container of int, optional
        Tags of the elements to return, for those who need a few of each of many files; all if not given.
    """

    def __init__(self, wanted: Container[int] | None = None) -> None:
        self._parser = HeaderParser(wanted)
        self._guess = _FIRST_READ

    def read(self, source: StoredFile) -> HeaderFile:
        """Return the header of a file.

        Raises
        ------
        ReadError
            If it cannot be opened, is broken or is not DICOM; the message names it.
        """
        try:
            with source.open() as opened:
                header = _parse_growing(opened, self._parser, self._guess)
                file = HeaderFile(source, opened.size, opened.mtime_ns, header)
        except SlicewiseError as error:
            raise type(error)(f"{source.path}: {error}") from error
        except OSError as error:
            raise ReadError(f"{source.path}: the file cannot be read ({error.strerror})") from error
        _check_length(file)
        if header.pixels is not None:
            self._guess = header.pixels.value_start + _MARGIN
        return file


def read_headers(
    files: Sequence[StoredFile | Path], *, strict: bool, on_progress: Callable[[int, int], None] | None = None
) -> list[HeaderFile]:
    """Return the files that are DICOM, with their headers.

    Parameters
    ----------
    files : sequence of StoredFile or Path
        The files.
    strict : bool
        Whether a file that the user named and that is not DICOM is an error; all others are passed over with a
        warning.
    on_progress : callable, optional
        Told how many of how many files are done.

    Raises
    ------
    ReadError
        If a file cannot be opened, is broken, or (strict) is not DICOM; the message names it.
    """
    scanner = HeaderScanner()
    found: list[HeaderFile] = []
    foreign: list[StoredFile] = []
    for done, source in enumerate(map(stored, files)):
        try:
            found.append(scanner.read(source))
        except NotDicomError:
            if strict and source.is_named:
                raise
            foreign.append(source)
            continue
        if on_progress is not None and done % 64 == 0:
            on_progress(done, len(files))
    if foreign:
        _warn_of_foreign(foreign)
    return found


def _warn_of_foreign(files: Sequence[StoredFile]) -> None:
    archives = [file for file in files if _is_archive(file)]
    hint = ""
    if archives:
        hint = (
            f"; archives are opened if they are named, and not within a folder or another archive: {_names(archives)}"
        )
    warnings.warn(
        f"{len(files)} file{'s' if len(files) > 1 else ''} passed over as not DICOM: {_names(files)}{hint}",
        SlicewiseWarning,
        stacklevel=4,
    )


def _names(files: Sequence[StoredFile]) -> str:
    return ", ".join(file.path.name for file in files[:3]) + (", ..." if len(files) > 3 else "")


def _is_archive(file: StoredFile) -> bool:
    try:
        with file.open() as opened:
            return bool(archive_kind(opened))
    except OSError:  # of which ours are, too; what cannot be opened is none to speak of
        return False


def _parse_growing(opened: OpenedFile, parser: HeaderParser, guess: int) -> FileHeader:
    size = opened.size
    data = opened.read_at(guess, 0)
    while True:
        complete = len(data) >= size
        try:
            if complete or len(data) > 132:
                data, complete = inflated(data, opened, complete=complete)
            return parser.parse(data, complete=complete)
        except Incomplete as more:
            if complete:
                raise TruncatedError("the file ends in the middle of its header") from None
            wanted = min(size, max(more.needed + _MARGIN, _GROWTH * len(data)))
            data = opened.read_at(wanted, 0)
            # A read returns less than asked for only at the end of the file.
            if len(data) < wanted:
                size = len(data)


def inflated(data: bytes, opened: OpenedFile, *, complete: bool) -> tuple[bytes, bool]:
    """Return the bytes as they would stand without deflation, if the transfer syntax is deflated."""
    if DEFLATED.encode("ascii") not in data[:1024]:
        return data, complete
    whole = data if complete else opened.read_at(opened.size, 0)
    meta, start = read_meta(whole)
    if meta.get(0x00020010, b"").strip(b" \0") != DEFLATED.encode("ascii"):
        return data, complete
    try:
        return whole[:start] + _inflate(whole[start:]), True
    except zlib.error as error:
        raise TruncatedError(f"the deflated dataset cannot be inflated ({error})") from error


def _inflate(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    most = max(_LARGE, _MOST_EXPANSION * len(data))
    dataset = decompressor.decompress(data, most)
    if decompressor.eof:
        return dataset
    if len(dataset) < most:
        raise TruncatedError("the deflated dataset ends too early")
    raise ReadError(
        f"the deflated dataset has more than {most // 1024**2} MiB in {len(data)} bytes: it is made to use up memory"
    )


def _check_length(file: HeaderFile) -> None:
    pixels = file.header.pixels
    if pixels is None or file.is_encapsulated or file.syntax_uid == DEFLATED:
        return
    if pixels.value_stop > file.size:
        raise TruncatedError(
            f"{file.path}: the pixels end too early: {pixels.value_stop} bytes are wanted and the file has {file.size}"
        )
