"""Label maps that a file holds as floating-point numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from slicewise.errors import PixelsError
from slicewise.filters.function import Function
from slicewise.pipeline.node import Node

__all__ = ["whole_labels"]

_LARGEST = (1 << 32) - 1


def whole_labels(labels: Node) -> Node:
    """Return labels as whole numbers, uint32 where they were floating-point numbers; nothing is rounded.

    Raises
    ------
    PixelsError
        When computed, if a value is no whole number from 0 on.
    """
    return labels >> Function(_whole, dtype="uint32", name="whole_labels") if labels.info.dtype.kind == "f" else labels


def _whole(array: Any) -> Any:
    fits = (np.rint(array) == array) & (array >= 0) & (array <= _LARGEST)
    if not fits.all():
        raise PixelsError(
            f"labels must be whole numbers from 0 on, and there is {array[~fits].flat[0]:.6g}: write probabilities as "
            "fractional segments; of labels, interpolation makes none"
        )
    return array.astype(np.uint32)
