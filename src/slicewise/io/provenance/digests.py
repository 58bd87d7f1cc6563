"""Digests of the stored values of a frame."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom.codecs import checksum
from slicewise.errors import HeaderError

__all__ = ["DIGESTS", "digest_like", "digest_of"]

Array = npt.NDArray[Any]


def _check_sums(data: memoryview) -> str:
    crc = checksum("deflate_crc32") or zlib.crc32
    adler = checksum("deflate_adler32") or zlib.adler32
    return f"{crc(data):08x}{adler(data):08x}"


DIGESTS: Mapping[str, Callable[[memoryview], str]] = MappingProxyType(
    {"crc32+adler32": _check_sums, "sha256": lambda data: hashlib.sha256(data).hexdigest()}
)
"""What makes a digest, by name. The first keeps up with the memory; what is made to deceive needs the second."""


def digest_of(stored: Array, kind: str) -> str:
    """Return the digest of the stored values of a frame, with its name: of their cells in little endian, row by row.

    Parameters
    ----------
    stored : array of shape (rows, columns[, samples])
        The values, of the type of their cells; colour pixel by pixel.
    kind : str
        One of ``DIGESTS``.
    """
    cells = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<"))
    return f"{kind}:{DIGESTS[kind](cells.reshape(-1).data.cast('B'))}"


def digest_like(stored: Array, known: str) -> str:
    """Return the digest of stored values that is to be compared with a known one.

    Raises
    ------
    HeaderError
        If the known one is of no kind that is known here.
    """
    kind = known.partition(":")[0]
    if kind not in DIGESTS:
        raise HeaderError(f"the digest {known!r} is of no kind that is known here ({', '.join(DIGESTS)})")
    return digest_of(stored, kind)
