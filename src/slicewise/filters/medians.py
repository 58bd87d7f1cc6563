"""Exact medians of small neighbourhoods, by sorting networks along one axis after another.

What is sorted along the slices serves all nine windows that hold it, and what is then sorted along
the rows serves three: about a hundred minima and maxima give the median of 27 values, ten or more times faster
than selecting it pixel by pixel. Beyond the edges the values of the edge are repeated, as ITK's
median does. A NaN makes every median NaN whose neighbourhood holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.filters.networks import Network, Wire, highest, lowest, middle, sort3

__all__ = ["RADII", "median"]

Array = npt.NDArray[Any]

RADII = ((1, 1, 1), (1, 1, 0))
"""Radii (x, y, z) in voxels for which there is a network."""

_BYTES_AT_ONCE = 1 << 18
"""Size of a piece: large enough that threads seldom meet between numpy calls, small enough for the cache."""

_REST_OF_NINE = ((2, 6), (1, 3), (5, 7), (2, 3), (3, 4), (4, 6), (5, 6))
"""Comparisons that finish the sorting of nine values that lie in a square, rows and columns in order."""


def median(stack: Array, positions: Sequence[int], *, through_plane: bool) -> Array:
    """Return the median of each 3 x 3 x 3, or 3 x 3 x 1, neighbourhood.

    Parameters
    ----------
    stack : array of shape (slices, rows, columns[, components])
        The values.
    positions : sequence of int
        The slices of the stack whose medians are wanted; consecutive. Before the first and after the last slice of
        the stack the stack is taken to go on with copies of them.
    through_plane : bool
        Whether the neighbourhood reaches into the slices on both sides.
    """
    # Masks are ordered like the bytes they are.
    values = stack.view(np.uint8) if stack.dtype == np.bool_ else stack
    depth = 1 if through_plane else 0
    result = np.empty((len(positions), *values.shape[1:]), values.dtype)
    pieces: dict[tuple[int, ...], _Piece] = {}
    for along, rows in _pieces(result.shape, result.itemsize):
        shape = (len(along), len(rows), *values.shape[2:])
        piece = pieces.get(shape) or pieces.setdefault(shape, _Piece(shape, values.dtype, depth))
        chosen = result[along.start : along.stop, rows.start : rows.stop]
        piece.median(values, positions[along.start : along.stop], rows, out=chosen)
    return result.view(stack.dtype)


def _pieces(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[range, range]]:
    """Cut slices and rows into pieces: several small slices, or some rows of a large one."""
    slices, rows = shape[:2]
    slice_bytes = math.prod(shape[1:]) * itemsize
    row_step = math.ceil(rows / math.ceil(slice_bytes / _BYTES_AT_ONCE))
    slice_step = max(1, _BYTES_AT_ONCE // slice_bytes)
    for first in range(0, slices, slice_step):
        for row in range(0, rows, row_step):
            yield range(first, min(first + slice_step, slices)), range(row, min(row + row_step, rows))


class _Piece:
    """Buffers and a program for pieces of one shape."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], depth: int) -> None:
        self.depth = depth
        self.padded = np.empty((shape[0] + 2 * depth, shape[1] + 2, shape[2] + 2, *shape[3:]), dtype)
        # In one row of memory the next row is a shift away, and so is the next column; what wraps
        # round an edge ends in the margin.
        column = math.prod(shape[3:])
        row = (shape[2] + 2) * column
        slices = self.padded.reshape(len(self.padded), -1)
        inputs = [slices[i : i + shape[0]].reshape(-1) for i in range(1 + 2 * depth)]
        network = Network(len(inputs))
        write = _median_of_27 if depth else _median_of_9
        self.run, output = network.bind(inputs, write(network.wires(), row, column))
        self.medians = np.empty((shape[0], *self.padded.shape[1:]), dtype)
        self.output = output, self.medians.reshape(-1)[: len(output)]

    def median(self, values: Array, slices: Sequence[int], rows: range, *, out: Array) -> None:
        """Write the medians of some slices and rows."""
        self._pad(values, slices, rows)
        self.run()
        np.copyto(self.output[1], self.output[0])
        np.copyto(out, self.medians[:, : out.shape[1], : out.shape[2]])

    def _pad(self, values: Array, slices: Sequence[int], rows: range) -> None:
        """Copy the slices and rows with a margin all round, in which edges are repeated."""
        wanted = np.clip(np.arange(slices[0] - self.depth, slices[-1] + self.depth + 1), 0, len(values) - 1)
        top, bottom = max(rows.start - 1, 0), min(rows.stop + 1, values.shape[1])
        first = top - (rows.start - 1)
        padded = self.padded
        for target, index in zip(padded, wanted, strict=True):
            target[first : first + bottom - top, 1:-1] = values[index, top:bottom]
        if top == rows.start:
            padded[:, 0] = padded[:, 1]
        if bottom == rows.stop:
            padded[:, -1] = padded[:, -2]
        padded[:, :, 0] = padded[:, :, 1]
        padded[:, :, -1] = padded[:, :, -2]


def _shifted(wire: Wire, step: int) -> tuple[Wire, Wire, Wire]:
    return wire, wire >> step, wire >> 2 * step


def _median_of_9(inputs: Sequence[Wire], row: int, column: int) -> Wire:
    low, mid, high = sort3(*_shifted(inputs[0], row))
    return middle(
        highest(*_shifted(low, column)),
        middle(*_shifted(mid, column)),
        lowest(*_shifted(high, column)),
    )


def _median_of_27(inputs: Sequence[Wire], row: int, column: int) -> Wire:
    columns = _sorted_columns(inputs, row)
    # Of the k-th lowest values of three columns, sorted: the lowest cannot be the median unless k is high
    # (14 of the 27 would be above it), the highest not unless k is low. 13 of 27 remain, and the
    # median is the seventh of them.
    three = [_shifted(wire, column) for wire in columns]
    ordered = {k: sort3(*three[k]) for k in (2, 3, 5, 6)}
    high = [highest(*three[0]), highest(*three[1]), ordered[2][2], ordered[3][2]]
    low = [ordered[5][0], ordered[6][0], lowest(*three[7]), lowest(*three[8])]
    mid = [ordered[2][1], ordered[3][1], middle(*three[4]), ordered[5][1], ordered[6][1]]
    ends = _merged(low, high)
    # The seventh of two sorted lists: the least, over all ways to take 7 from the two, of the higher last value.
    return reduce(Wire.__and__, (ends[5 - k] | mid[k] for k in range(5)), ends[6])


def _sorted_columns(inputs: Sequence[Wire], row: int) -> list[Wire]:
    """Return the nine values of each column of the neighbourhood, lowest first."""
    square = [wire for ordered in sort3(*inputs) for wire in sort3(*_shifted(ordered, row))]
    for i, j in _REST_OF_NINE:
        square[i], square[j] = square[i] & square[j], square[i] | square[j]
    return square


def _merged(first: Sequence[Wire], second: Sequence[Wire]) -> list[Wire]:
    """Return two sorted lists of four as one (Batcher's odd-even merge)."""
    even = _merged_pairs(first[0], first[2], second[0], second[2])
    odd = _merged_pairs(first[1], first[3], second[1], second[3])
    between = [wire for o, e in zip(odd[:3], even[1:], strict=True) for wire in (o & e, o | e)]
    return [even[0], *between, odd[3]]


def _merged_pairs(a0: Wire, a1: Wire, b0: Wire, b1: Wire) -> tuple[Wire, Wire, Wire, Wire]:
    high_first, low_second = a0 | b0, a1 & b1
    return a0 & b0, high_first & low_second, high_first | low_second, a1 | b1
