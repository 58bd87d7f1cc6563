"""Checksums of gzip and zlib, joined from those of pieces that were summed apart."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

__all__ = ["Adler32", "Crc32", "JoinedCheck"]

_POLYNOMIAL = 0xEDB88320
"""That of RFC 1952, the highest power in the lowest bit."""
_ONE = 1 << 31
_PRIME = 65521


class JoinedCheck:
    """A checksum of bytes that do not come in their order."""

    def of(self, data: Any) -> int:
        """Return the sum of a piece."""
        raise NotImplementedError

    def joined(self, one: int, other: int, length: int) -> int:
        """Return the sum of two pieces one after the other, from the sum of each and the length of the second."""
        raise NotImplementedError


class Crc32(JoinedCheck):
    """The sum of gzip (RFC 1952)."""

    def of(self, data: Any) -> int:
        """Return the sum of a piece."""
        return zlib.crc32(data)

    def joined(self, one: int, other: int, length: int) -> int:
        """Return the sum of two pieces: that of the first and as many zeros as the second is long, and the second."""
        return _product(_of_zeros(length), one) ^ other


class Adler32(JoinedCheck):
    """The sum of zlib (RFC 1950): the sum of all bytes and one, and above it the sum of those sums after every byte."""

    def of(self, data: Any) -> int:
        """Return the sum of a piece."""
        return zlib.adler32(data)

    def joined(self, one: int, other: int, length: int) -> int:
        """Return the sum of two pieces: every sum of the second begins with that of the first instead of with one."""
        ahead = (one & 0xFFFF) - 1
        low = (ahead + (other & 0xFFFF)) % _PRIME
        high = ((one >> 16) + (other >> 16) + length * ahead) % _PRIME
        return high << 16 | low


def _product(one: int, other: int) -> int:
    """Multiply two polynomials of bits, modulo that of the sum."""
    found = 0
    while one:
        if one & _ONE:
            found ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return found


@lru_cache(maxsize=8)
def _of_zeros(length: int) -> int:
    """Return x to the power of eight times a length: what that many zero bytes multiply a sum by."""
    found, square = _ONE, _ONE >> 8
    while length:
        if length & 1:
            found = _product(square, found)
        square = _product(square, square)
        length >>= 1
    return found
