"""What stored values mean: a line, a table, or either within a range; and the type that holds the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import HeaderError

__all__ = ["LookupTable", "ValueMapping", "Within", "value_dtype"]

Array = npt.NDArray[Any]

_SMALLEST, _LARGEST = 1e-30, 1e38
"""Between which float32 holds values in full precision, with room for the smaller ones among them."""


class ValueMapping(Protocol):
    """From the stored values of a slice to its values. ``Rescale`` is one."""

    @property
    def is_identity(self) -> bool:
        """Whether values are as stored."""

    @property
    def is_integral(self) -> bool:
        """Whether integers stay integers."""

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return two values between which lies all that stored values from low to high become."""

    def apply(self, stored: Array, out: Array) -> None:
        """Write the values of stored values into an array of the type ``value_dtype`` gives."""


@attrs.frozen(eq=False)
class LookupTable:
    """Values from a table; stored values outside it take its first or last entry (PS3.3, C.11.1.1.1).

    Parameters
    ----------
    first : int
        The stored value that the first entry is for.
    entries : numpy array
        The values.
    """

    first: int
    entries: Array

    is_identity = False

    @property
    def is_integral(self) -> bool:
        """Whether integers stay integers."""
        return self.entries.dtype.kind != "f"

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return the lowest and the highest entry, wherever they are."""
        return self.entries.min().item(), self.entries.max().item()

    def apply(self, stored: Array, out: Array) -> None:
        """Write the entries for stored values."""
        places = np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        np.copyto(out, self.entries[places], casting="unsafe")


@attrs.frozen(eq=False)
class Within:
    """A mapping that is defined for some stored values only; the value of all others is NaN.

    Parameters
    ----------
    mapping : ValueMapping
        What it is within the range.
    first, last : float
        The range of stored values, both included.
    """

    mapping: ValueMapping
    first: float
    last: float

    is_identity = False
    is_integral = False

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of what lies within the range."""
        return self.mapping.ends(max(low, self.first), min(high, self.last))

    def apply(self, stored: Array, out: Array) -> None:
        """Write values, and NaN for stored values beyond the range."""
        self.mapping.apply(stored, out)
        out[(stored < self.first) | (stored > self.last)] = np.nan


def value_dtype(formats: Sequence[PixelFormat], mappings: Sequence[ValueMapping]) -> np.dtype[Any]:
    """Return the type that holds every value these slices can have.

    An integer type if every mapping makes integers of integers, else float32, or float64 where
    stored values have more than 16 bits, or values lie beyond the numbers of float32. It follows from
    the headers, not from the pixels.

    Raises
    ------
    HeaderError
        If values lie beyond all numbers; the message names the slice.
    """
    floating = [form.dtype for form in formats if form.floating]
    if floating:
        return np.result_type(*floating, *(np.float32 if m.is_identity else np.float64 for m in mappings))
    ranges = _ranges(formats, mappings)
    if not all(mapping.is_integral for mapping in mappings):
        wide = any(f.bits_stored > 16 for f in formats) or not all(map(_fits_float32, ranges))
        return np.dtype(np.float64 if wide else np.float32)
    low, high = int(min(map(min, ranges))), int(max(map(max, ranges)))
    for candidate in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64):
        limits = np.iinfo(candidate)
        if limits.min <= low and high <= limits.max:
            return np.dtype(candidate)
    return np.dtype(np.float64)


def _ranges(formats: Sequence[PixelFormat], mappings: Sequence[ValueMapping]) -> list[tuple[float, float]]:
    """Return between which values those of the slices lie."""
    known: set[tuple[PixelFormat, ValueMapping]] = set()
    found: list[tuple[float, float]] = []
    for k, pair in enumerate(zip(formats, mappings, strict=True)):
        if pair in known:
            continue
        known.add(pair)
        form, mapping = pair
        ends = mapping.ends(*form.limits)
        if np.isinf(ends).any():
            raise HeaderError(
                f"slice {k}: stored values from {form.limits[0]:g} to {form.limits[1]:g} would become {ends[0]:g} to "
                f"{ends[1]:g} by {mapping}, which no image holds: the header is broken. Read it with values='stored'"
            )
        found.append(ends)
    return found


def _fits_float32(ends: tuple[float, float]) -> bool:
    # Of a slope far too small for it nothing but zeros would be left.
    largest = max(map(abs, ends))
    return largest == 0 or _SMALLEST <= largest <= _LARGEST
