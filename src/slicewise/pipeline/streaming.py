"""Whether a node gives the same slab by slab as in one piece."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np

from slicewise.errors import ComputeError, ParameterError
from slicewise.pipeline.node import Array, Block, Node, Slab

__all__ = ["check_streaming"]


def check_streaming(node: Node, *, trials: int = 5, seed: int = 0) -> None:
    """Raise unless a node gives bit for bit the same in slabs of any thickness as in one piece.

    The inputs are computed once, and held in memory. What takes the whole image is never cut, and passes.

    Parameters
    ----------
    node : Node
        A connected node.
    trials : int
        Ways to cut the image; the first cuts it slice by slice, the others at random.
    seed : int
        Of the random cuts.

    Raises
    ------
    ComputeError
        If a slice differs; the message names it and the slab. A function that looks further than its ``halo`` does, or
        one that looks at all values.
    ParameterError
        If ``trials`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Function, Image, check_streaming
    >>> image = Image.from_array(np.arange(24.0).reshape(4, 2, 3))
    >>> check_streaming(image >> Function(lambda a: a - a.mean()))
    Traceback (most recent call last):
        ...
    slicewise.errors.ComputeError: ...slice 0 of slab 0:1 differs from that of the whole image...
    """
    if trials < 1:
        raise ParameterError(f"'trials' must be 1 or more (got {trials})")
    slices = node.info.slices
    held = [source.update(progress=False).array for source in node.inputs.values()]
    whole = _computed(node, range(slices), held)
    if node.whole:
        return
    random = Random(seed)  # noqa: S311 - where to cut is no secret
    for trial in range(trials):
        ends = (
            range(slices + 1) if trial == 0 else sorted({0, slices, *random.choices(range(slices), k=slices // 3 + 1)})
        )
        for start, stop in pairwise(ends):
            _compare(node, range(start, stop), whole, held)


def _compare(node: Node, slab: Slab, whole: Array, held: list[Array]) -> None:
    found = _computed(node, slab, held)
    wanted = whole[slab.start : slab.stop]
    if found.dtype == wanted.dtype and found.tobytes() == wanted.tobytes():
        return
    k = next(k for k in range(len(slab)) if found[k].tobytes() != wanted[k].tobytes())
    apart = np.abs(found[k].astype(np.float64) - wanted[k].astype(np.float64))
    raise ComputeError(
        f"{node!r}: slice {slab[k]} of slab {slab.start}:{slab.stop} differs from that of the whole image by up to "
        f"{np.nanmax(apart):.3g}: the node looks further than it says. Give it a larger halo, or whole=True"
    )


def _computed(node: Node, slab: Slab, held: list[Array]) -> Array:
    infos = [source.info for source in node.inputs.values()]
    parts = node.request(slab, *infos)
    blocks = [
        Block(_fixed(array[part.start : part.stop]), part, info)
        for array, part, info in zip(held, parts, infos, strict=True)
    ]
    out = np.empty((len(slab), *node.info.slice_shape), node.info.dtype)
    node.compute_into(slab, out, *blocks)
    return out


def _fixed(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
