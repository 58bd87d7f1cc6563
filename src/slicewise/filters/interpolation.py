"""Interpolation on a grid, one axis after another.

What each axis needs, indices and weights, follows from the two grids alone and is worked out once in
double precision: so a slab comes out as it does in the whole image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.filters.pixels import real_type, to_type

__all__ = ["INTERPOLATORS", "AxisSampling", "resample_slices"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

_ON_THE_GRID = 1e-6
"""Positions this near to a pixel, in pixels, are on it: what is left over is rounding of coordinates."""

_LANCZOS_RADIUS = 5


def _nearest(positions: FloatArray) -> tuple[IntArray, FloatArray]:
    # Halves go up, as in ITK.
    return np.floor(positions + 0.5).astype(np.intp)[:, np.newaxis], np.ones((len(positions), 1))


def _linear(positions: FloatArray) -> tuple[IntArray, FloatArray]:
    below = np.floor(positions).astype(np.intp)
    fraction = positions - below
    return np.stack([below, below + 1], axis=1), np.stack([1 - fraction, fraction], axis=1)


def _lanczos(positions: FloatArray) -> tuple[IntArray, FloatArray]:
    reach = np.arange(1 - _LANCZOS_RADIUS, _LANCZOS_RADIUS + 1)
    indices = np.floor(positions).astype(np.intp)[:, np.newaxis] + reach
    distances = positions[:, np.newaxis] - indices
    weights = np.sinc(distances) * np.sinc(distances / _LANCZOS_RADIUS)
    weights[np.abs(weights) < 1e-12] = 0
    # The weights of a windowed sinc add up to one only nearly: left so, a plain image would get a pattern.
    return indices, weights / weights.sum(axis=1, keepdims=True)


INTERPOLATORS: dict[str, Callable[[FloatArray], tuple[IntArray, FloatArray]]] = {
    "linear": _linear,
    "nearest": _nearest,
    "lanczos": _lanczos,
}
"""Interpolators that work axis by axis."""


@attrs.frozen(eq=False)
class AxisSampling:
    """Where the samples along one axis come from.

    Parameters
    ----------
    indices : (samples, taps) array of int
        Pixels that contribute.
    weights : (samples, taps) array
        How much.
    inside : (samples,) array of bool
        Whether a sample lies within the pixels at all, half a pixel beyond the outermost centres included.
    length : int
        Number of pixels along the axis.
    """

    indices: IntArray
    weights: FloatArray
    inside: npt.NDArray[np.bool_]
    length: int

    @classmethod
    def at(cls, positions: FloatArray, length: int, interpolator: str) -> AxisSampling:
        """Return the sampling at positions given in pixels, 0 being the centre of the first.

        Up to half a pixel beyond the first and last centre a sample takes the value at the edge, as in ITK.
        """
        rounded = np.rint(positions)
        snapped = np.where(np.abs(positions - rounded) < _ON_THE_GRID, rounded, positions)
        inside = (snapped >= -0.5 - _ON_THE_GRID) & (snapped <= length - 0.5 + _ON_THE_GRID)
        clipped = np.clip(snapped, 0, length - 1)
        indices, weights = INTERPOLATORS[interpolator](clipped)
        # What has no weight is not looked at, beyond the edge the edge is repeated.
        nearest = np.rint(clipped).astype(np.intp)[:, np.newaxis]
        indices = np.clip(np.where(weights == 0, nearest, indices), 0, length - 1)
        used = (weights != 0).any(axis=0)
        return cls(indices[:, used], weights[:, used], inside, length)

    @property
    def is_choice(self) -> bool:
        """Whether each sample is one pixel as it is."""
        return bool(self.indices.shape[1] == 1)

    @property
    def is_identity(self) -> bool:
        """Whether the samples are the pixels, each as it is."""
        in_place = self.is_choice and np.array_equal(self.indices[:, 0], np.arange(self.length))
        return bool(in_place and self.inside.all())

    def taps(self, sample: int) -> list[tuple[int, float]]:
        """Return the pixels that contribute to a sample and their weights; none where it lies outside."""
        if not self.inside[sample]:
            return []
        pairs = zip(self.indices[sample].tolist(), self.weights[sample].tolist(), strict=True)
        return [(index, weight) for index, weight in pairs if weight]

    def along(self, array: Array, axis: int) -> Array:
        """Return an array sampled along one axis; of a floating-point type unless the samples are a choice."""
        first = array.take(self.indices[:, 0], axis=axis)
        if self.is_choice:
            return first
        weights = self.weights.reshape(*(-1 if a == axis else 1 for a in range(array.ndim)), self.weights.shape[1])
        weights = weights.astype(array.dtype)
        first *= weights[..., 0]
        for tap in range(1, weights.shape[-1]):
            other = array.take(self.indices[:, tap], axis=axis)
            other *= weights[..., tap]
            first += other
        return first


def resample_slices(
    stack: Array, first: int, slab: range, axes: tuple[AxisSampling, AxisSampling, AxisSampling], fill: float
) -> Array:
    """Return some slices of a resampled image, in the type of the image.

    Parameters
    ----------
    stack : array of shape (slices, rows, columns[, components])
        The slices of the image that contribute.
    first : int
        Index of the first of them in the image.
    slab : range
        The slices wanted.
    axes : three of AxisSampling
        For slices, rows and columns.
    fill : number
        The value outside the image.
    """
    _, rows, columns = axes
    shape = (len(slab), len(rows.indices), len(columns.indices), *stack.shape[3:])
    result = np.full(shape, fill, stack.dtype)
    for plane, index in zip(result, slab, strict=True):
        taps = [(stack[i - first], weight) for i, weight in axes[0].taps(index)]
        if taps:
            _resample_plane(taps, rows, columns, plane)
    return result


def _resample_plane(taps: list[tuple[Array, float]], rows: AxisSampling, columns: AxisSampling, out: Array) -> None:
    plane = taps[0][0] if len(taps) == 1 else _blended(taps)
    for axis, sampling in enumerate((rows, columns)):
        if sampling.is_identity:
            continue
        if not sampling.is_choice:
            plane = plane.astype(real_type(out.dtype), copy=False)
        plane = sampling.along(plane, axis)
    if plane.dtype != out.dtype:
        plane = to_type(plane, out.dtype)
    if rows.inside.all() and columns.inside.all():
        out[...] = plane
    else:
        within = rows.inside[:, np.newaxis] & columns.inside
        out[within] = plane[within]


def _blended(taps: list[tuple[Array, float]]) -> Array:
    """Return the weighted sum of slices."""
    work = real_type(taps[0][0].dtype)
    total = np.zeros(taps[0][0].shape, work)
    for values, weight in taps:
        total += np.multiply(values, work.type(weight), dtype=work)
    return total
