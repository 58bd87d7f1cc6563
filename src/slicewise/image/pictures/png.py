"""Grey and colour pictures as PNG (ISO/IEC 15948), with the standard library alone."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["encode_png"]

_GREY, _COLOUR = 0, 2
_DIFFERENCE_TO_ROW_ABOVE = 2


def encode_png(pixels: npt.NDArray[Any]) -> bytes:
    """Return a picture as a PNG file.

    Parameters
    ----------
    pixels : array of uint8 of shape (rows, columns) or (rows, columns, 3)
        Grey levels, or red, green and blue.

    Raises
    ------
    ValueError
        If the array is of another shape or type.
    """
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or colour):
        raise ValueError(
            f"a picture must be of uint8 and shape (rows, columns) or (rows, columns, 3) (got {pixels.dtype} and "
            f"{pixels.shape})"
        )
    rows, columns = pixels.shape[:2]
    lines = np.full((rows, 1 + pixels[0].size), _DIFFERENCE_TO_ROW_ABOVE, np.uint8)
    flat = np.ascontiguousarray(pixels).reshape(rows, -1)
    lines[0, 1:] = flat[0]
    # Bytes wrap around, as the format wants it.
    lines[1:, 1:] = flat[1:] - flat[:-1]
    head = struct.pack(">IIBBBBB", columns, rows, 8, _COLOUR if colour else _GREY, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
