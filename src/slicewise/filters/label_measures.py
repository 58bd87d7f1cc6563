"""Sums over the voxels of labels, slice by slice, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LabelMeasures"]

Array = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]

_FEW_BITS = 2
"""Bytes of types whose values are counted rather than held."""


class _Part(NamedTuple):
    """Of some voxels their number, mean, squared distances from it, smallest and largest value."""

    voxels: int
    mean: float
    squares: float
    smallest: Any
    largest: Any

    def joined(self, other: _Part) -> _Part:
        """Return what is true of both together (Chan and others, 1979)."""
        count = self.voxels + other.voxels
        apart = other.mean - self.mean
        return _Part(
            count,
            self.mean + apart * other.voxels / count,
            self.squares + other.squares + apart * apart * self.voxels * other.voxels / count,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
        )


class LabelMeasures:
    """What is measured of each label.

    Slices may come in any order, and from slabs of any thickness: they are put together in their own.

    Parameters
    ----------
    keeps_values : bool
        Whether there will be percentiles.
    """

    def __init__(self, *, keeps_values: bool) -> None:
        self._keeps_values = keeps_values
        self._parts: dict[int, dict[int, _Part]] = {}
        self._counts: dict[int, Counts] = {}
        self._values: dict[int, list[Array]] = {}
        self._lowest = 0

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that were met."""
        return tuple(self._parts)

    def add(self, k: int, label: int, values: Array) -> None:
        """Add the voxels of a label in a slice."""
        mean = float(values.mean(dtype=np.float64))
        squares = float(np.square(values.astype(np.float64) - mean).sum())
        part = _Part(len(values), mean, squares, values.min().item(), values.max().item())
        self._parts.setdefault(label, {})[k] = part
        if not self._keeps_values:
            return
        if values.dtype.kind in "ui" and values.dtype.itemsize <= _FEW_BITS:
            self._lowest = int(np.iinfo(values.dtype).min)
            size = 1 << 8 * values.dtype.itemsize
            counts = self._counts.setdefault(label, np.zeros(size, np.int64))
            found = np.bincount(values.astype(np.intp) - self._lowest)
            counts[: len(found)] += found
        else:
            self._values.setdefault(label, []).append(values)

    def of(self, label: int, percentiles: Sequence[float]) -> dict[str, Any]:
        """Return what was measured of a label; of one that was not met, that it has no voxels."""
        parts = self._parts.get(label, {})
        names = [f"p{p:g}" for p in percentiles]
        if not parts:
            return {"voxels": 0, **dict.fromkeys(("mean", "std", "min", "max", *names))}
        whole, *others = (parts[k] for k in sorted(parts))
        for part in others:
            whole = whole.joined(part)
        std = math.sqrt(whole.squares / (whole.voxels - 1)) if whole.voxels > 1 else 0.0
        told = {"voxels": whole.voxels, "mean": whole.mean, "std": std, "min": whole.smallest, "max": whole.largest}
        return told | dict(zip(names, self._percentiles(label, percentiles), strict=True))

    def _percentiles(self, label: int, percentiles: Sequence[float]) -> list[float]:
        if label in self._values:
            return [float(v) for v in np.percentile(np.concatenate(self._values[label]), percentiles)]
        if not percentiles:
            return []
        ends = np.cumsum(self._counts[label])
        places = np.array(percentiles) / 100 * (ends[-1] - 1)
        below, above = np.floor(places), np.ceil(places)
        low, high = (np.searchsorted(ends, side, side="right") + self._lowest for side in (below, above))
        return [float(v) for v in low + (high - low) * (places - below)]
