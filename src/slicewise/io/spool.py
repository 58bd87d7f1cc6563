"""Values set aside on disk while their range is not known yet."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ValueRangeError
from slicewise.image import ImageInfo
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.holding import InFile
from slicewise.pipeline.node import Array, Block, Node, Slab, node

__all__ = ["Spool", "Spooled"]

_STEPS = (61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749)
"""Every so manieth pixel goes into the sample; primes, so that no column is favoured."""

_SAMPLES = 1_000_000
"""How many pixels the sample has at most, as far as the steps allow."""


class Spool:
    """A file without a name with the values of an image, and their range.

    Parameters
    ----------
    folder : Path
        Where the file is.
    info : ImageInfo
        The image.

    Raises
    ------
    WriteError
        If there is no space for the values.
    """

    def __init__(self, folder: Path, info: ImageInfo) -> None:
        self.info = info
        self.low = np.inf
        self.high = -np.inf
        self._samples: list[npt.NDArray[Any]] = []
        self._lock = threading.Lock()
        pixels = info.slices * math.prod(info.slice_shape)
        self._step = next((step for step in _STEPS if pixels <= step * _SAMPLES), _STEPS[-1])
        what = "the image, whose values have to be measured before they are written,"
        self._file = InFile(info, folder, what, "write to a disk with more space")

    def put(self, slab: Slab, values: Array) -> None:
        """Set a slab aside; from any thread.

        Raises
        ------
        ValueRangeError
            If a value is not finite.
        """
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise ValueRangeError(
                f"slices {slab.start} to {slab.stop - 1} hold values that are infinite or not a number, and cannot be "
                "stored: replace them first, e.g. with Clip or Function(numpy.nan_to_num)"
            )
        self._file.put(slab, values)
        with self._lock:
            self.low, self.high = min(self.low, low), max(self.high, high)
            self._samples.append(values.reshape(-1)[:: self._step].copy())

    def get(self, slab: Slab) -> Array:
        """Return a slab."""
        return self._file.part(slab)

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """Return two percentiles of the values, from a sample of them."""
        sample = np.concatenate(self._samples).astype(np.float64)
        first, second = np.percentile(sample, [low, high])
        return float(first), float(second)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


@node
class Spooled(Node):
    """The values of a spool as the start of a pipeline."""

    spool: Spool = attrs.field()

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def info(self) -> ImageInfo:
        """The image that was set aside."""
        return self.spool.info

    @property
    def identity(self) -> Any:
        """The spool."""
        return id(self.spool)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a slab."""
        return self.spool.get(slab)
