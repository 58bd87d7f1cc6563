"""Rows of numbers and arrays as trees: few as they are, many compressed, very many not at all."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.errors import RecipeError
from slicewise.io.recipes.tree import Tagged, Tree

__all__ = ["MOST_BYTES", "array_of", "array_tree", "row_tree"]

MOST_WRITTEN = 64
"""Numbers that are written one by one, at most."""
MOST_BYTES = 256 * 1024
"""Bytes of an array that goes into a recipe, at most, before they are compressed."""

_KINDS = "biuf"


def array_tree(array: npt.NDArray[Any]) -> Tree | None:
    """Return an array as a tree; None if it is too large, or not of numbers."""
    if array.dtype.kind not in _KINDS or array.nbytes > MOST_BYTES:
        return None
    head = {"dtype": array.dtype.newbyteorder("=").name, "shape": tuple(array.shape)}
    if array.dtype.byteorder == ">" or array.dtype.name not in np.sctypeDict:
        return None
    if array.size <= MOST_WRITTEN and array.dtype != np.longdouble:
        return Tagged("array", {**head, "values": tuple(array.ravel().tolist())})
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return Tagged("array", {**head, "zlib": data})


def array_of(fields: Any) -> npt.NDArray[Any]:
    """Return the array of a tree.

    Raises
    ------
    RecipeError
        If it is none, or larger than what a recipe may hold.
    """
    try:
        dtype, shape = np.dtype(str(fields["dtype"])), tuple(int(n) for n in fields["shape"])
        size = math.prod(shape)
        if dtype.kind not in _KINDS or min(shape, default=0) < 0 or size * dtype.itemsize > MOST_BYTES:
            raise RecipeError(f"an array has at most {MOST_BYTES // 1024} KiB of numbers (got {shape} of {dtype})")
        if "values" in fields:
            array = np.array(fields["values"], dtype).reshape(shape)
        else:
            length = size * dtype.itemsize
            data = zlib.decompressobj().decompress(base64.b64decode(fields["zlib"], validate=True), length + 1)
            array = np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error, binascii.Error) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"an array is written with dtype, shape and values (or zlib): {error}") from None
    array.flags.writeable = False
    return array


def row_tree(numbers: tuple[float, ...]) -> Tree:
    """Return a row of numbers as a list; a long one as an array."""
    if len(numbers) <= MOST_WRITTEN:
        return tuple(float(v) for v in numbers)
    return array_tree(np.array(numbers, np.float64))
