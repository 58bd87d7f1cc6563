"""Planes of an image as grey levels: a slice, or a cut across the slices, in true proportions."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.image.headers import Headers
from slicewise.image.image import Image

__all__ = ["Levels", "Plane", "across", "fitted", "levels_of", "slice_plane"]

Array = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8]

_SAMPLED_VALUES = 200_000
_PERCENTILES = (0.5, 99.5)
_LEAST_SHARE_INSIDE = 0.02
"""A window that shows fewer of the values than this is not for this image."""


class Plane(NamedTuple):
    """Values of a plane, and the distance in mm between its rows and between its columns."""

    values: Array
    spacing: tuple[float, float]

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width in mm."""
        rows, columns = self.values.shape[:2]
        return (rows * self.spacing[0], columns * self.spacing[1])


@attrs.frozen
class Levels:
    """Which values are shown as black and as white.

    Parameters
    ----------
    black, white : float
        The values. Black is above white for images in which high values are shown dark (MONOCHROME1).
    """

    black: float
    white: float

    def apply(self, values: Array) -> Grey:
        """Return grey levels from 0 to 255; colour stays as it is if it is of bytes already."""
        if values.ndim == 3 and values.dtype == np.uint8:
            return values
        span = (self.white - self.black) or 1.0
        scaled = (np.nan_to_num(values.astype(np.float64), nan=self.black) - self.black) * (255 / span)
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)

    def __str__(self) -> str:
        return f"{self.black:.4g} to {self.white:.4g}"


def levels_of(image: Image) -> Levels:
    """Return the levels an image is best shown in.

    These are those of the window in its header where it shows enough of the values, else the 0.5th
    and 99.5th percentile of the values.
    """
    step = max(1, image.array.size // _SAMPLED_VALUES)
    sample = image.array.reshape(-1)[::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    low, high = _window(image.headers, image.geometry.slices // 2) or (0.0, 0.0)
    inside = np.count_nonzero((sample > low) & (sample < high))
    if sample.size and inside < _LEAST_SHARE_INSIDE * sample.size:
        low, high = (float(v) for v in np.percentile(sample, _PERCENTILES))
    inverted = image.headers["PhotometricInterpretation"][0] == "MONOCHROME1"
    return Levels(high, low) if inverted else Levels(low, high)


def _window(headers: Headers, index: int) -> tuple[float, float] | None:
    try:
        center, width = (_first(headers[keyword][index]) for keyword in ("WindowCenter", "WindowWidth"))
    except (ValueError, TypeError):
        # Not numbers: some other program's idea of a window.
        return None
    if center is None or width is None or not width > 0:
        return None
    return (center - width / 2, center + width / 2)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0] if isinstance(value, list | tuple) or hasattr(value, "append") else value)


def slice_plane(image: Image, index: int) -> Plane:
    """Return a slice."""
    return Plane(image.array[index], image.geometry.pixel_spacing)


def across(image: Image) -> Plane:
    """Return the cut across the slices along their middle row, with the head up or the front up."""
    geometry = image.geometry
    values = image.array[:, geometry.rows // 2]
    step = geometry.mean_step
    main = int(np.abs(step).argmax())
    # Up is towards the head; in a stack from side to side or from front to back, towards the first slice.
    upwards = main == 2 and step[2] > 0
    spacing = (geometry.slice_spacing or 1.0, geometry.pixel_spacing[1])
    return Plane(values[::-1] if upwards else values, spacing)


def fitted(values: Array, rows: int, columns: int) -> Array:
    """Return a picture of another size, in which each pixel is the mean of the area it covers.

    A larger picture so shows the pixels as the squares they are, a smaller one leaves none out.
    """
    kept = values.dtype
    picture = _resized(_resized(values.astype(np.float32), rows, 0), columns, 1)
    return np.rint(picture).astype(kept) if kept.kind in "iu" else picture


def _resized(values: Array, length: int, axis: int) -> Array:
    moved = np.moveaxis(values, axis, 0)
    sums = np.concatenate([np.zeros_like(moved[:1]), np.cumsum(moved, axis=0, dtype=np.float64)])
    edges = np.linspace(0, len(moved), length + 1)
    below = np.minimum(edges.astype(np.intp), len(moved) - 1)
    part = (edges - below).reshape(-1, *(1,) * (moved.ndim - 1))
    at_edges = sums[below] + part * moved[below]
    width = len(moved) / length
    return np.moveaxis(np.diff(at_edges, axis=0) / width, 0, axis)
