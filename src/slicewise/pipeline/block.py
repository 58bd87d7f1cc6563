"""What passes between nodes while a graph runs: slabs of slices, and outlines of results."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ComputeError
from slicewise.image import Geometry, ImageInfo, Padding, SliceMap

__all__ = ["Array", "Block", "Outline", "Slab", "grown", "unasked"]

Array = npt.NDArray[Any]
Slab = range
"""Consecutive slices: ``range(start, stop)``."""


@attrs.frozen(eq=False)
class Block:
    """Some consecutive slices of an input, handed to ``Node.compute``.

    Parameters
    ----------
    array : numpy array of shape (slices, rows, columns[, components])
        The values. Not to be written to.
    slab : range
        Which slices of the input they are.
    info : ImageInfo
        What is known of the whole input.
    """

    array: Array
    slab: Slab
    info: ImageInfo

    def inner(self, slab: Slab) -> Array:
        """Return the part of the array that holds the given slices of the input.

        Raises
        ------
        ComputeError
            If they are not at hand.
        """
        # Negative indices would give other slices without a word.
        if slab.start < self.slab.start or slab.stop > self.slab.stop:
            raise ComputeError(
                f"{slab} is wanted of an input of which {self.slab} is at hand: ask for more with halo() or request()"
            )
        return self.array[slab.start - self.slab.start : slab.stop - self.slab.start]

    @property
    def geometry(self) -> Geometry:
        """Geometry of the slices at hand."""
        return self.info.geometry.take(self.slab)


@attrs.frozen
class Outline:
    """What a node makes, as far as it can be told without pixels.

    Parameters
    ----------
    geometry : Geometry
        Grid of the result.
    dtype : numpy dtype
        Type of its values.
    components : int
        Values per pixel.
    slices : tuple of SliceMap
        For each input, in order, where the output slices come from; left out for inputs at the end that lend
        their grid only.
    paddings : tuple of (Padding or None), optional
        For each slice its padding, where the node knows; if not given, it follows from that of the first input.
    """

    geometry: Geometry
    dtype: np.dtype[Any]
    components: int
    slices: tuple[SliceMap, ...]
    paddings: tuple[Padding | None, ...] | None = None

    @classmethod
    def like(cls, first: ImageInfo, *others: ImageInfo, dtype: npt.DTypeLike | None = None) -> Outline:
        """Return the outline of a result on the grid of the first input."""
        identity = SliceMap.identity(first.geometry.slices)
        return cls(
            first.geometry,
            first.dtype if dtype is None else np.dtype(dtype),
            first.components,
            (identity,) * (1 + len(others)),
        )


def grown(slab: Slab, halo: int, slices: int) -> Slab:
    """Return a slab with some slices more on each side, as far as there are any."""
    return range(max(0, slab.start - halo), min(slices, slab.stop + halo))


def unasked(info: ImageInfo) -> Block:
    """Return the block of an input none of whose slices are asked for, only its grid."""
    return Block(np.empty((0, *info.slice_shape), info.dtype), range(0), info)
