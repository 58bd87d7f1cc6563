"""Polygons to pixels: a pixel is inside if its centre is, by the even-odd rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["polygon_mask"]

Points = npt.NDArray[np.float64]


def polygon_mask(polygons: Sequence[Points], rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """Return which pixels have their centre inside closed polygons: those that a ray leaves an odd number of times.

    So a polygon within another is a hole, one within the hole is filled again, and a channel of no width that
    joins a hole to its outer border leaves no trace. A centre that lies on a border is inside on the left and upper
    side of a polygon, and outside on the right and lower: polygons that share a border share no pixel.

    Parameters
    ----------
    polygons : sequence of array of shape (points, 2)
        Corners as continuous indices (column, row): the centre of the first pixel is at (0, 0). The last is joined to
        the first.
    rows, columns : int
        Size of the grid; what is beyond is cut off.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]])
    >>> polygon_mask([square], 4, 4).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    # From each crossing of a row on, a pixel is on the other side.
    turns = np.zeros((rows, columns + 1), np.int64)
    for polygon in polygons:
        others = np.roll(polygon, -1, axis=0)
        # From the upper end to the lower, so that an edge that is gone there and back crosses rows at the same place.
        is_down = (polygon[:, 1] <= others[:, 1])[:, np.newaxis]
        first, last = np.where(is_down, polygon, others), np.where(is_down, others, polygon)
        # Rows from the upper end on, without the lower: each corner counts once, and level edges never.
        starts = np.clip(np.ceil(first[:, 1]), 0, rows).astype(np.intp)
        counts = np.clip(np.ceil(last[:, 1]), 0, rows).astype(np.intp) - starts
        edges = np.repeat(np.arange(len(polygon)), counts)
        crossed = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts) + starts[edges]
        slopes = (last[edges, 0] - first[edges, 0]) / (last[edges, 1] - first[edges, 1])
        at = first[edges, 0] + (crossed - first[edges, 1]) * slopes
        np.add.at(turns, (crossed, np.clip(np.ceil(at), 0, columns).astype(np.intp)), 1)
    return np.asarray(np.cumsum(turns[:, :columns], axis=1) % 2 == 1)
