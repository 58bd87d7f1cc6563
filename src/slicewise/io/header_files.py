"""Headers of files on disk, and where their pixels stand."""

from __future__ import annotations

import os
import stat
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from slicewise.dicom.header_parser import FileHeader, HeaderParser
from slicewise.dicom.parsing import DEFLATED, Incomplete, is_undefined, read_meta
from slicewise.errors import NotDicomError, ReadError, SlicewiseError, SlicewiseWarning, TruncatedError

__all__ = ["HeaderFile", "read_headers"]

_FIRST_READ = 32 * 1024
_MARGIN = 4 * 1024


@attrs.frozen(eq=False)
class HeaderFile:
    """A file with its header parsed.

    Parameters
    ----------
    path : Path
        The file.
    size, mtime_ns : int
        Its size and time of change when its header was read: its identity.
    header : FileHeader
        Its elements.
    """

    path: Path
    size: int
    mtime_ns: int
    header: FileHeader

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

    def text(self, tag: int) -> str:
        """Return an attribute as text without padding; empty if there is none."""
        element = self.header.element(tag)
        return "" if element is None else element.value.decode("ascii", "replace").strip(" \0")


def read_headers(
    paths: Sequence[Path], *, strict: bool, on_progress: Callable[[int, int], None] | None = None
) -> list[HeaderFile]:
    """Return the files that are DICOM, with their headers.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    strict : bool
        Whether a file that is not DICOM is an error; otherwise it is passed over with a warning.
    on_progress : callable, optional
        Told how many of how many files are done.

    Raises
    ------
    ReadError
        If a file cannot be opened, is broken, or (strict) is not DICOM; the message names it.
    """
    parser = HeaderParser()
    found: list[HeaderFile] = []
    foreign: list[Path] = []
    guess = _FIRST_READ
    for done, path in enumerate(paths):
        try:
            file, used = _read_header(path, parser, guess)
        except NotDicomError:
            if strict:
                raise
            foreign.append(path)
            continue
        found.append(file)
        guess = max(_MARGIN, used + _MARGIN)
        if on_progress is not None and done % 64 == 0:
            on_progress(done, len(paths))
    if foreign:
        names = ", ".join(p.name for p in foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        warnings.warn(
            f"{len(foreign)} file{'s' if len(foreign) > 1 else ''} passed over as not DICOM: {names}",
            SlicewiseWarning,
            stacklevel=3,
        )
    return found


def _read_header(path: Path, parser: HeaderParser, guess: int) -> tuple[HeaderFile, int]:
    try:
        # Without waiting: a pipe that nobody writes to would never open.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ReadError(f"{path}: the file cannot be opened ({error.strerror})") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotDicomError("no DICOM file: it is no regular file at all")
        header = _parse_growing(descriptor, status.st_size, parser, guess)
    except SlicewiseError as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        raise ReadError(f"{path}: the file cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)
    file = HeaderFile(path, status.st_size, status.st_mtime_ns, header)
    _check_length(file)
    return file, header.pixels.value_start if header.pixels is not None else guess


def _parse_growing(descriptor: int, size: int, parser: HeaderParser, guess: int) -> FileHeader:
    data = os.pread(descriptor, guess, 0)
    while True:
        complete = len(data) >= size
        try:
            if complete or len(data) > 132:
                data, complete = inflated(data, descriptor, size, complete=complete)
            return parser.parse(data, complete=complete)
        except Incomplete as more:
            if complete:
                raise TruncatedError("the file ends in the middle of its header") from None
            wanted = min(size, max(more.needed + _MARGIN, 2 * len(data)))
            data = os.pread(descriptor, wanted, 0)
            # A read may return less than asked for only at the end of the file.
            if len(data) < wanted:
                size = len(data)


def inflated(data: bytes, descriptor: int, size: int, *, complete: bool) -> tuple[bytes, bool]:
    """Return the bytes as they would stand without deflation, if the transfer syntax is deflated."""
    if DEFLATED.encode("ascii") not in data[:1024]:
        return data, complete
    whole = data if complete else os.pread(descriptor, size, 0)
    meta, start = read_meta(whole)
    if meta.get(0x00020010, b"").strip(b" \0") != DEFLATED.encode("ascii"):
        return data, complete
    try:
        return whole[:start] + zlib.decompress(whole[start:], -zlib.MAX_WBITS), True
    except zlib.error as error:
        raise TruncatedError(f"the deflated dataset cannot be inflated ({error})") from error


def _check_length(file: HeaderFile) -> None:
    pixels = file.header.pixels
    if pixels is None or file.is_encapsulated or file.syntax_uid == DEFLATED:
        return
    if pixels.value_stop > file.size:
        raise TruncatedError(
            f"{file.path}: the pixels end too early: {pixels.value_stop} bytes are wanted and the file has {file.size}"
        )
