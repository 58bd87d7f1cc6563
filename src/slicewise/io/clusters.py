"""Numbers that are nearly the same, as one: noise of positions and directions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["clusters", "level_tolerance", "levels"]

Indices = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

_CLEAR = 10.0
"""How many times larger than the noise the smallest distance between levels is."""
_LEAST_PER_LEVEL = 1.5


def clusters(vectors: FloatArray, tolerance: float) -> Indices:
    """Return a number for each vector, which those share whose components are within a tolerance of a centre."""
    if len(vectors) and (vectors == vectors[0]).all():
        return np.zeros(len(vectors), np.intp)
    distinct, inverse = np.unique(np.nan_to_num(vectors, nan=1e9), axis=0, return_inverse=True)
    numbers = np.full(len(distinct), -1, np.intp)
    count = 0
    for k in range(len(distinct)):
        if numbers[k] < 0:
            is_free = numbers < 0
            near = (np.abs(distinct - distinct[k]).max(axis=1) <= 2 * tolerance) & is_free
            centre = np.median(distinct[near], axis=0)
            inside = (np.abs(distinct - centre).max(axis=1) <= tolerance) & is_free
            inside[k] = True
            numbers[inside] = count
            count += 1
    return numbers[np.asarray(inverse).reshape(-1)]


def levels(values: FloatArray, tolerance: float) -> Indices:
    """Return the number of the level of each value, from below; neighbours within the tolerance share one."""
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values), np.intp)
    found[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) >= tolerance)])
    return found


def level_tolerance(values: FloatArray, least: float, largest_noise: float) -> float:
    """Return how far apart neighbouring values of one level may lie.

    That is ``least``, unless the distances between neighbours fall into two kinds, small ones of a noise and far larger
    ones between levels, and most levels are taken several times.
    """
    gaps = np.sort(np.diff(np.sort(values)))
    gaps = gaps[gaps >= least / _CLEAR]
    noise = gaps[gaps < largest_noise]
    if not len(noise) or noise[-1] < least:
        return least
    larger = gaps[len(noise) :]
    if len(larger) and larger[0] < _CLEAR * noise[-1]:
        return least
    if not len(larger) and values.max() - values.min() >= largest_noise:
        return least
    return float(noise[-1]) * 1.5 if len(values) >= _LEAST_PER_LEVEL * (len(larger) + 1) else least
