"""Values set aside on disk while their range is not known yet."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ReadError, ValueRangeError, WriteError
from slicewise.image import ImageInfo
from slicewise.io.positioned import write_at
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Slab, node

__all__ = ["Spool", "Spooled"]

_SAMPLE_STEP = 61
"""Every so manieth pixel goes into the sample; prime, so that no column is favoured."""


class Spool:
    """A file with the values of an image, and their range.

    Parameters
    ----------
    path : Path
        The file, to be made.
    info : ImageInfo
        The image.
    """

    def __init__(self, path: Path, info: ImageInfo) -> None:
        self.path = path
        self.info = info
        self.low = np.inf
        self.high = -np.inf
        self._samples: list[npt.NDArray[Any]] = []
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error

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
        try:
            write_at(self._descriptor, np.ascontiguousarray(values).reshape(-1), slab.start * self.info.slice_bytes)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        with self._lock:
            self.low, self.high = min(self.low, low), max(self.high, high)
            self._samples.append(values.reshape(-1)[::_SAMPLE_STEP].copy())

    def get(self, slab: Slab) -> Array:
        """Return a slab."""
        wanted = len(slab) * self.info.slice_bytes
        data = os.pread(self._descriptor, wanted, slab.start * self.info.slice_bytes)
        if len(data) < wanted:
            raise ReadError(f"{self.path}: values that were set aside are gone")
        return np.frombuffer(data, self.info.dtype).reshape(len(slab), *self.info.slice_shape)

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """Return two percentiles of the values, from a sample of them."""
        sample = np.concatenate(self._samples).astype(np.float64)
        first, second = np.percentile(sample, [low, high])
        return float(first), float(second)

    def close(self) -> None:
        """Delete the file."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> WriteError:
    return WriteError(
        f"{path.parent}: values cannot be set aside there ({error.strerror}); nothing of the series is kept"
    )


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
        """The file."""
        return self.spool.path

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a slab."""
        return self.spool.get(slab)
