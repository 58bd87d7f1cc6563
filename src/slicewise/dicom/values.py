"""Small conversions between values and their encoding: decimal strings, numbers of a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import name_of

__all__ = [
    "column_decimals",
    "decimal_below",
    "decimal_string",
    "decimal_strings",
    "decimals",
    "padded",
    "text_of",
    "unsigned_short",
]

_DS_LENGTH = 16
_SHORT_VRS = (None, "US", "SS", "UN")
"""Where implicit VR or a writer that knew no better left it open, it is a US all the same."""


def decimal_string(value: float) -> str:
    """Return the decimal string of at most 16 characters nearest to a number (PS3.5, 6.2, DS).

    Raises
    ------
    HeaderError
        If the number is not finite.
    """
    if not math.isfinite(value):
        raise HeaderError(f"a decimal string cannot hold {value}")
    if value == int(value) and len(str(int(value))) <= _DS_LENGTH:
        return str(int(value))
    text = repr(float(value))
    if len(text) <= _DS_LENGTH:
        return text
    candidates = [f"{value:.{digits}{kind}}" for kind in "fe" for digits in range(14, -1, -1)]
    fitting = [c for c in candidates if len(c) <= _DS_LENGTH]
    best = min(fitting, key=lambda c: abs(float(c) - value))
    return best.rstrip("0").rstrip(".") if "." in best and "e" not in best else best


def decimal_below(value: float) -> str:
    """Return a decimal string of at most 16 characters that is not above a number, and near to it.

    Raises
    ------
    HeaderError
        If the number is not finite.
    """
    text = decimal_string(value)
    if float(text) <= value:
        return text
    nearest = Decimal(text)
    for digits in range(len(text), 0, -1):
        step = Decimal(1).scaleb(nearest.adjusted() - digits)
        below = str((nearest - step).normalize())
        if len(below) <= _DS_LENGTH and float(below) <= value:
            return below
    return decimal_string(value - abs(value) * 1e-6)


def decimal_strings(values: Sequence[float] | npt.NDArray[np.float64]) -> bytes:
    """Return the encoded value of a DS element with several values."""
    return padded("\\".join(decimal_string(float(v)) for v in values).encode("ascii"))


def padded(value: bytes, fill: bytes = b" ") -> bytes:
    """Return a value padded to even length (PS3.5, 7.1.1)."""
    return value if len(value) % 2 == 0 else value + fill


def text_of(element: RawElement | None) -> str:
    """Return an element's value as ASCII text without padding; empty if there is none."""
    return "" if element is None else element.value.decode("ascii", "replace").strip(" \0")


def unsigned_short(element: RawElement | None) -> int | None:
    """Return the number of an element of VR US; None if there is none.

    Raises
    ------
    HeaderError
        If it is anything but one number of 16 bits.
    """
    if element is None or not element.value:
        return None
    if len(element.value) != 2 or element.vr not in _SHORT_VRS:
        raise HeaderError(
            f"{name_of(element.tag)} must be one number of 16 bits (got {len(element.value)} bytes of VR "
            f"{element.vr}: {element.value[:16]!r})"
        )
    return int.from_bytes(element.value, "little" if element.little_endian else "big")


def decimals(element: RawElement | None) -> tuple[float, ...]:
    """Return the numbers of an element with decimal or integer strings; empty if there is none.

    Raises
    ------
    HeaderError
        If a value is not a number.
    """
    text = text_of(element)
    if not text or element is None:
        return ()
    try:
        return tuple(float(part) for part in text.split("\\"))
    except ValueError:
        raise HeaderError(f"{name_of(element.tag)} must be a number (got {text!r:.60})") from None


def column_decimals(headers: Headers, tag: int) -> list[tuple[float, ...]]:
    """Return the numbers of an attribute on each slice; empty where a slice has it not."""
    column = headers.column(tag)
    if column is None:
        return [()] * len(headers)
    if isinstance(column, RawElement):
        return [decimals(column)] * len(headers)
    return [decimals(element) for element in column]
