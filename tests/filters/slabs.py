"""Evaluation of one node by hand, over slabs chosen by the test."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from slicewise.image import Geometry, Headers, Image
from slicewise.pipeline.node import Block, Node

if TYPE_CHECKING:
    from collections.abc import Sequence

SPACING = (0.7, 0.8, 2.5)


def image(
    array: np.ndarray,
    spacing: Sequence[float] = SPACING,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    direction: Any = None,
    headers: Headers | None = None,
) -> Image:
    """Return an image on a box."""
    slices, rows, columns = array.shape[:3]
    geometry = Geometry.from_box((columns, rows, slices), spacing, origin, direction)
    return Image.from_array(array, geometry=geometry, headers=headers)


def in_slabs(node: Node, cuts: Sequence[int] = ()) -> np.ndarray:
    """Return the result of a node over images in memory, computed in slabs that end at the cuts."""
    slices = node.geometry.slices
    ends = sorted({0, *(c for c in cuts if 0 < c < slices), slices})
    return np.concatenate([one_slab(node, range(a, b)) for a, b in pairwise(ends)])


def one_slab(node: Node, slab: range) -> np.ndarray:
    """Return some slices of the result of a node over images in memory."""
    sources = list(node.inputs.values())
    needed = node.request(slab, *(source.info for source in sources))
    blocks = []
    for source, part in zip(sources, needed, strict=True):
        values = source.compute(part).copy()
        values.flags.writeable = False
        blocks.append(Block(values, part, source.info))
    result = node.compute(slab, *blocks)
    assert result.shape == (len(slab), *node.shape[1:])
    assert result.dtype == node.dtype
    return result


def random_array(shape: Sequence[int], dtype: Any, seed: int = 0) -> np.ndarray:
    """Return values all over the range that is of use for a type."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind == "f":
        return (1000 * rng.standard_normal(shape)).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(max(limits.min, -(2**40)), min(limits.max, 2**40), shape, endpoint=True).astype(kind)
