"""Graphs put together at random give what numpy gives, compute nothing in vain, take as much memory as planned."""

from __future__ import annotations

import tracemalloc

import attrs
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from small_nodes import Pixelwise, Ranked, Smear, image

import slicewise as sw
from slicewise.image import Image, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Node, Outline, input_node, node
from slicewise.pipeline.plan import Limits, make_plan
from slicewise.pipeline.run import Runner, RunOptions
from slicewise.pipeline.schedule import scheduled


@node
class Less(Node):
    """One image less another, of 32 bits."""

    left: Node | None = input_node(default=None, kw_only=True)
    right: Node | None = input_node(default=None, kw_only=True)

    @property
    def effect(self):
        return Effect(Operation.MULTI)

    def outline(self, *inputs):
        return Outline.like(*inputs, dtype=np.int32)

    def compute(self, slab, *blocks):
        left, right = blocks
        return left.inner(slab).astype(np.int32) - right.inner(slab).astype(np.int32)


@node
class Doubled(Pixelwise):
    """Twice the values, put into memory that is there; where there is none, a view of something larger."""

    def outline(self, *inputs):
        return Outline.like(*inputs, dtype=np.int32)

    def compute(self, slab, *blocks):
        out = np.full((len(slab) + 2, *self.info.slice_shape), -7, np.int32)
        self.compute_into(slab, out[1:-1], *blocks)
        return out[1:-1]

    def compute_into(self, slab, out, *blocks):
        np.multiply(blocks[0].inner(slab), 2, out=out, casting="unsafe")


@node
class Mirrored(Pixelwise):
    """Each slice and the one that lies as far from the other end: wide and ever other ranges."""

    def outline(self, *inputs):
        return Outline.like(*inputs, dtype=np.int32)

    def request(self, slab, *inputs):
        slices = inputs[0].slices
        return (range(min(slab.start, slices - slab.stop), max(slab.stop, slices - slab.start)),)

    def compute(self, slab, *blocks):
        (block,) = blocks
        last = block.info.slices - 1
        parts = [block.inner(range(k, k + 1)) + block.inner(range(last - k, last - k + 1)) for k in slab]
        return np.concatenate(parts).astype(np.int32)


@node
class Passed(Pixelwise):
    """The values as they are, the very same array."""

    def compute(self, slab, *blocks):
        return blocks[0].inner(slab)


@attrs.frozen
class Made:
    """A node, and what numpy says its values are."""

    node: Node
    array: np.ndarray


def smear(made, data):
    reach = data.draw(st.integers(0, 4))
    return Made(made.node >> Smear(reach), Smear.expected(made.array, reach))


def ranked(made, data):
    return Made(made.node >> Ranked(), made.array.astype(np.int32) - int(made.array.max()))


def doubled(made, data):
    return Made(made.node >> Doubled(), made.array.astype(np.int32) * 2)


def passed(made, data):
    return Made(made.node >> Passed(), made.array)


def mirrored(made, data):
    return Made(made.node >> Mirrored(), made.array.astype(np.int32) + made.array[::-1])


def cut(made, data):
    slices = len(made.array)
    start = data.draw(st.integers(0, slices - 1))
    stop = data.draw(st.integers(start + 1, slices))
    part = slice(start, stop, data.draw(st.sampled_from([1, 2, 3])))
    if data.draw(st.booleans()):
        part = slice(stop - 1, start - 1 if start else None, -part.step)
    return Made(made.node[part], made.array[part])


STREAMED = [smear, smear, doubled, passed, cut]
ANY = [*STREAMED, ranked, mirrored]


def graph_with(data, steps, kinds):
    """Return everything that was put together, sources first."""
    slices = data.draw(st.integers(1, 16), label="slices")
    rng = np.random.default_rng(slices)
    arrays = [rng.integers(-9, 9, (slices, 3, 2)).astype(np.int16) for _ in range(2)]
    made = [Made(sw.pipeline.node.as_node(Image.from_array(array)), array) for array in arrays]
    for _ in range(steps):
        one = made[data.draw(st.integers(0, len(made) - 1))]
        alike = [m for m in made if m.node.geometry == one.node.geometry]
        other = alike[data.draw(st.integers(0, len(alike) - 1))]
        kind = data.draw(st.sampled_from([*kinds, None]))
        if kind is None:
            difference = one.array.astype(np.int32) - other.array.astype(np.int32)
            made.append(Made(Less(left=one.node, right=other.node), difference))
        else:
            made.append(kind(one, data))
    return made


def stacked(made, data):
    """Return the stack of some volumes of one grid, smeared."""
    one = made[-1]
    alike = [m for m in made if m.node.geometry == one.node.geometry][-3:]
    reach = data.draw(st.integers(0, 2))
    node = sw.Stack([m.node for m in alike], axis="time") >> Smear(reach)
    return Made(node, np.stack([Smear.expected(m.array, reach) for m in alike]))


@given(data=st.data(), steps=st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_any_graph_gives_what_numpy_gives(data, steps, tmp_path_factory):
    made = graph_with(data, steps, ANY)
    if data.draw(st.booleans(), label="stack"):
        made.append(stacked(made, data))
    wanted = [*data.draw(st.lists(st.sampled_from(made[2:]), min_size=0, max_size=2)), made[-1]]
    options = {
        "workers": data.draw(st.integers(1, 4), label="workers"),
        "memory": data.draw(st.sampled_from([1, 150, 600, 3_000, "1MB"]), label="memory"),
        "spill": data.draw(st.sampled_from([None, tmp_path_factory.getbasetemp()])),
        "progress": False,
    }
    found = sw.update_all(*(m.node for m in wanted), **options)
    one = wanted[0].node.update(**options)
    for m, result in [*zip(wanted, found, strict=True), (wanted[0], one)]:
        assert result.array.dtype == m.node.dtype
        assert np.array_equal(result.array, m.array)


# --- the schedule -------------------------------------------------------------------------------------------


def moves_one_way(ranges):
    ends = np.diff([(r.start, r.stop) for r in ranges], axis=0)
    return bool((ends >= 0).all() or (ends <= 0).all())


@given(data=st.data(), steps=st.integers(1, 9), count=st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_schedule_computes_what_is_needed_and_nothing_twice(data, steps, count):
    made = graph_with(data, steps, STREAMED)
    targets = {m.node for m in [*data.draw(st.lists(st.sampled_from(made[2:]), max_size=2)), made[-1]]}
    wanted = [
        {n: range(k * n.info.slices // count, (k + 1) * n.info.slices // count) for n in targets} for k in range(count)
    ]
    wanted = [{n: slab for n, slab in step.items() if len(slab)} for step in wanted]
    parts = {}
    for step in scheduled(wanted):
        here = {part.node: part for part in step}
        for part in step:
            parts.setdefault(part.node, []).append(part)
            for source, taken in zip(part.node.inputs.values(), part.taken, strict=True):
                assert len(taken) == 0 or set(taken) <= set(here[source].needed)
    for n, found in parts.items():
        if n.at_hand:
            continue
        there = set()
        for part in found:
            assert there.isdisjoint(part.computed)
            assert set(part.needed) == there | set(part.computed)
            there = set(part.kept)
            assert there <= set(part.needed)
        assert not there
        if moves_one_way([part.needed for part in found]):
            event("one way")
            computed = [k for part in found for k in part.computed]
            assert len(computed) == len(set(computed))


# --- memory -------------------------------------------------------------------------------------------------

OBJECTS = 150_000
"""Bytes of Python objects that are made on the way: small beside the slices here."""


@node
class Lean(Smear):
    """The same sum, without arrays beside the result."""

    def compute(self, slab, *blocks):
        (block,) = blocks
        out = np.zeros((len(slab), *self.info.slice_shape), np.int32)
        for k, values in zip(slab, out, strict=True):
            for around in range(max(0, k - self.reach), min(block.info.slices, k + self.reach + 1)):
                np.add(values, block.array[around - block.slab.start], out=values)
        return out


@node
class LeanRanked(Ranked):
    """The same difference, without arrays beside the result."""

    def compute(self, slab, *blocks):
        return np.subtract(blocks[0].inner(slab), blocks[0].array.max(), dtype=np.int32)


@node
class LeanLess(Less):
    """The same difference, without arrays beside the result."""

    def compute(self, slab, *blocks):
        return np.subtract(blocks[0].inner(slab), blocks[1].inner(slab), dtype=np.int32)


def deep(source):
    return source >> Lean(2) >> Lean(1) >> Lean(3)


def two_ways(source):
    shared = source >> Lean(1)
    return LeanLess(left=shared >> Lean(4), right=shared)


def views(source):
    return source >> Lean(1) >> Passed() >> Doubled() >> Passed() >> Lean(2)


def cropped(source):
    return (source >> Lean(1))[:, 10:12, 10:14] >> Lean(2)


def around_a_whole(source):
    shared = source >> Lean(1)
    return LeanLess(left=shared >> LeanRanked() >> Lean(2), right=shared)


def strided(source):
    return ((source >> Lean(3))[::3] >> Lean(1))[::-1]


@pytest.mark.parametrize("graph", [deep, two_ways, views, cropped, around_a_whole, strided])
@pytest.mark.parametrize("memory", [1, 2_000_000, 8_000_000])
@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_memory_is_taken_than_planned(graph, memory, workers):
    target = graph(image((40, 100, 100)))
    plan = make_plan([target], {}, Limits.of(memory, workers))
    _ = target.key
    taken = []
    runner = Runner(RunOptions(memory=memory, workers=workers, progress=False))
    tracemalloc.start()
    try:
        runner.stream(target, lambda slab, values: taken.append(len(slab)), "")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(taken) == target.info.slices
    assert most <= plan.peak_bytes + OBJECTS
