"""Inflating compressed data piece by piece, never more than was asked for."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from slicewise.errors import ReadError, TruncatedError

__all__ = ["PIECE", "Decompressor", "bzip2", "deflate", "gzip", "inflated", "lzma_of_zip", "xz"]

PIECE = 1024 * 1024
# What ``xz -9`` takes is 65 MiB; a crafted head can ask for 4 GiB.
_MOST_MEMORY = 256 * 1024 * 1024


class Decompressor(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was met."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return some more of the stream."""


class _Zlib:
    """Zlib with the manners of bz2 and lzma."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # A full piece may leave more behind even when all input is used up.
        self.needs_input = not self._inner.unconsumed_tail and len(piece) < max_length
        return piece


class _LzmaOfZip:
    """LZMA as in a ZIP member: version, length of the properties, the properties, a raw stream (APPNOTE, 5.8.8)."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        return b"" if self._inner is None else self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._inner is not None:
            return self._inner.decompress(data, max_length)
        self._head += data
        if len(self._head) < 9:
            return b""
        length, packed, dictionary = (int.from_bytes(self._head[a:b], "little") for a, b in ((2, 4), (4, 5), (5, 9)))
        if length != 5 or packed >= 225 or dictionary > _MOST_MEMORY:
            raise lzma.LZMAError("its properties are damaged")
        options = {"lc": packed % 9, "lp": packed // 9 % 5, "pb": packed // 45, "dict_size": dictionary}
        self._inner = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **options}])
        return self._inner.decompress(self._head[9:], max_length)


def deflate() -> Decompressor:
    """Return a decompressor of a raw deflate stream, as in ZIP."""
    return _Zlib(-zlib.MAX_WBITS)


def gzip() -> Decompressor:
    """Return a decompressor of one gzip member, which checks its CRC."""
    return _Zlib(16 + zlib.MAX_WBITS)


def bzip2() -> Decompressor:
    """Return a decompressor of one bzip2 stream."""
    return bz2.BZ2Decompressor()


def xz() -> Decompressor:
    """Return a decompressor of one xz stream, of bounded memory."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)


def lzma_of_zip() -> Decompressor:
    """Return a decompressor of an LZMA member of a ZIP archive."""
    return _LzmaOfZip()


def inflated(
    chunks: Iterable[bytes], make: Callable[[], Decompressor], *, is_repeated: bool = False, ends_itself: bool = True
) -> Iterator[bytes]:
    """Yield inflated bytes in pieces of at most 1 MiB; what is not asked for is not inflated.

    Parameters
    ----------
    chunks : iterable of bytes
        The compressed data.
    make : callable
        Makes a decompressor.
    is_repeated : bool
        Whether streams may follow each other, as in ``cat a.gz b.gz``; zeros after the last are padding.
    ends_itself : bool
        Whether the end is marked; if not, the data simply end.

    Raises
    ------
    ReadError
        If the data are damaged; a TruncatedError if they end too early.
    """
    one = make()
    is_begun, is_ended = False, False
    for chunk in chunks:
        data = chunk
        while data or (is_begun and not one.needs_input):
            if is_ended and not is_begun and not (data := data.lstrip(b"\0")):
                break
            piece = _decompress(one, data)
            is_begun, data = not one.eof, one.unused_data if one.eof else b""
            if piece:
                yield piece
            if one.eof:
                is_ended = True
                if not is_repeated:
                    return
                one = make()
    if ends_itself and (is_begun or not is_ended):
        raise TruncatedError("the compressed data end too early")


def _decompress(one: Decompressor, data: bytes) -> bytes:
    try:
        return one.decompress(data, PIECE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise ReadError(f"the compressed data are damaged ({error})") from error
