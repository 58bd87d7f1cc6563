"""Small nodes to run pipelines with: a halo, a whole volume, a count of what is computed, a failure."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import numpy as np

from slicewise.image import Image, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Block, Filter, Node, Outline, node


def image(shape=(12, 4, 5), dtype="int16", seed=0):
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return Image.from_array(rng.standard_normal(shape).astype(kind))
    limits = np.iinfo(kind)
    return Image.from_array(rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True))


@node
class Pixelwise(Filter):
    """What the nodes here have in common: another value for each pixel."""

    @property
    def effect(self) -> Effect:
        return Effect(Operation.PIXEL)


@node
class Smear(Pixelwise):
    """Sum over the slices around, as far as there are any."""

    reach: int = 1

    def halo(self, info: Any) -> int:
        return self.reach

    def outline(self, *inputs: Any) -> Outline:
        return Outline.like(*inputs, dtype=np.int32)

    def compute(self, slab: range, *blocks: Block) -> np.ndarray:
        (block,) = blocks
        last = block.info.geometry.slices - 1
        parts = []
        for k in slab:
            around = range(max(0, k - self.reach), min(last, k + self.reach) + 1)
            assert around[0] in block.slab
            assert around[-1] in block.slab
            parts.append(block.inner(around).astype(np.int32).sum(axis=0, dtype=np.int32))
        return np.stack(parts)

    @staticmethod
    def expected(array: np.ndarray, reach: int) -> np.ndarray:
        wide = array.astype(np.int32)
        return np.stack([wide[max(0, k - reach) : k + reach + 1].sum(axis=0, dtype=np.int32) for k in range(len(wide))])


@node
class Ranked(Pixelwise):
    """Each slice less the largest value of the whole volume."""

    @property
    def whole(self) -> bool:
        return True

    def halo(self, info: Any) -> int:
        return info.geometry.slices

    def outline(self, *inputs: Any) -> Outline:
        return Outline.like(*inputs, dtype=np.int32)

    def compute(self, slab: range, *blocks: Block) -> np.ndarray:
        (block,) = blocks
        assert block.slab == range(block.info.geometry.slices)
        return block.inner(slab).astype(np.int32) - int(block.array.max())


class Count:
    """How many slices were computed, from any thread."""

    def __init__(self):
        self.slices = 0
        self._lock = threading.Lock()

    def add(self, number):
        with self._lock:
            self.slices += number


@node
class Counting(Pixelwise):
    """Values as they are, and a count of the slices that were asked for."""

    count: Count = attrs.field(factory=Count)
    label: str = ""

    @property
    def identity(self) -> Any:
        return self.label

    def compute(self, slab: range, *blocks: Block) -> np.ndarray:
        self.count.add(len(slab))
        return blocks[0].inner(slab)


@node
class Calling(Pixelwise):
    """Values as they are, after a function was told the slab."""

    function: Any = None

    @property
    def identity(self) -> Any:
        return id(self.function)

    def compute(self, slab: range, *blocks: Block) -> np.ndarray:
        self.function(slab)
        return blocks[0].inner(slab)


@node
class Promising(Pixelwise):
    """Values of another type or shape than the node says."""

    kind: str = "type"

    def compute(self, slab: range, *blocks: Block) -> np.ndarray:
        values = blocks[0].inner(slab)
        return values * 0.3 + 1e6 if self.kind == "type" else values[:1, :1]


def chain(first: Any, *nodes: Node) -> Any:
    for n in nodes:
        first = first >> n
    return first
