"""Conversions of pixel values that never wrap and never lose more than was said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["holds", "limits", "real_type", "to_type"]

Array = npt.NDArray[Any]


def real_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floating-point type that holds every value of a type, or comes nearest to it."""
    wide = dtype.itemsize > (4 if dtype.kind == "f" else 2)
    return np.dtype(np.float64 if wide else np.float32)


def limits(dtype: np.dtype[Any]) -> tuple[float, float] | tuple[int, int]:
    """Return the lowest and the highest finite value of a type."""
    if dtype.kind == "b":
        return (0, 1)
    if dtype.kind == "f":
        return (float(np.finfo(dtype).min), float(np.finfo(dtype).max))
    return (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def holds(dtype: np.dtype[Any], value: float) -> bool:
    """Tell whether a type holds a number, to its precision."""
    low, high = limits(dtype)
    if dtype.kind == "f":
        return not math.isfinite(value) or low <= value <= high
    return low <= value <= high and value == math.floor(value)


def to_type(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return floating-point values in another type: for integers rounded to the nearest and kept in range.

    ITK cuts decimals off instead, which moves every value towards zero.
    """
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    low, high = limits(dtype)
    rounded = np.rint(values)
    # The highest 64-bit integers are no doubles: compared as doubles they would be one too high.
    return np.clip(rounded, low, np.nextafter(high, 0) if int(float(high)) > high else high).astype(dtype)
