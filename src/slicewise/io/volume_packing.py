"""Pixels compressed by several threads, and yet one stream of gzip or zlib.

Every plane is compressed by itself, as deflate blocks that end on a whole byte and refer to nothing before them (RFC
1951). One after the other they are one deflate stream, whichever thread made which, and what is written is the same
however the image was cut into slabs.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from slicewise.io.joined_checks import Adler32, Crc32, JoinedCheck
from slicewise.io.volume_layouts import VolumeHeader
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.positioned import write_at

__all__ = ["PackedPixels"]

_LEVEL = 2
"""As SimpleITK writes NRRD and MetaImage: several times as fast as 6, for files up to a tenth larger."""
_COPIED = 1 << 20
_END = zlib.compress(b"", wbits=-zlib.MAX_WBITS)
"""An empty last block."""
_GZIP_BEGIN = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""No name, no time, of no system (RFC 1952): equal images make equal files."""
_ZLIB_BEGIN = zlib.compress(b"", _LEVEL)[:2]


class _Piece(NamedTuple):
    place: int
    size: int
    check: int


class PackedPixels:
    """Pixels of an image, compressed as slabs come, and made a file when all are there.

    Parameters
    ----------
    path : Path
        The file to be made.
    header : VolumeHeader
        Its header, and how pixels lie.
    is_nifti : bool
        Whether the header is compressed with the pixels.
    is_zlib : bool
        Whether the stream is of zlib (RFC 1950), and not of gzip.
    """

    def __init__(self, path: Path, header: VolumeHeader, *, is_nifti: bool, is_zlib: bool) -> None:
        self._path = path
        self._header = header
        self._is_nifti = is_nifti
        self._check: JoinedCheck = Adler32() if is_zlib else Crc32()
        self._is_zlib = is_zlib
        self._begin = _ZLIB_BEGIN if is_zlib else _GZIP_BEGIN
        self._pieces: dict[int, _Piece] = {}
        self._end = 0
        self._lock = threading.Lock()
        self._aside = path.with_name(f"{path.name}.pieces")
        self._descriptor = os.open(self._aside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)

    def put(self, slab: Slab, values: Array) -> None:
        """Compress a slab and set it aside; from any thread."""
        for first, planes in self._header.layout.runs(slab, values):
            for number, plane in enumerate(planes, first):
                self._add(number, _deflated(plane), self._check.of(plane))

    def finish(self) -> None:
        """Make the file."""
        layout = self._header.layout
        numbers = range(layout.planes)
        check, length = self._check.of(b""), 0
        with self._path.open("wb") as file:
            if self._is_nifti:
                check, length = self._check.of(self._header.raw), len(self._header.raw)
                file.write(self._begin + _deflated(self._header.raw))
            else:
                size = len(self._begin) + sum(self._pieces[n].size for n in numbers) + len(_END)
                size += 4 if self._is_zlib else 8
                file.write(self._header.for_packed(size) + self._begin)
            for number in numbers:
                piece = self._pieces[number]
                self._copy(piece, file)
                check = self._check.joined(check, piece.check, layout.plane_bytes)
                length += layout.plane_bytes
            file.write(_END)
            file.write(struct.pack(">I", check) if self._is_zlib else struct.pack("<II", check, length % 2**32))

    def close(self) -> None:
        """Delete what was set aside."""
        os.close(self._descriptor)
        self._aside.unlink(missing_ok=True)

    def _add(self, number: int, data: bytes, check: int) -> None:
        with self._lock:
            place = self._end
            self._end += len(data)
            self._pieces[number] = _Piece(place, len(data), check)
        write_at(self._descriptor, data, place)

    def _copy(self, piece: _Piece, file: Any) -> None:
        for place in range(piece.place, piece.place + piece.size, _COPIED):
            file.write(os.pread(self._descriptor, min(_COPIED, piece.place + piece.size - place), place))


def _deflated(data: Any) -> bytes:
    one = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return one.compress(data) + one.flush(zlib.Z_SYNC_FLUSH)
