"""Nodes as users write them: strange requests, arrays of all kinds, deep and wide graphs."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_nodes import Calling, Counting, Pixelwise, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import ComputeError, GraphError
from slicewise.image import Image

# --- requests -----------------------------------------------------------------------------------------------


@sw.pipeline.node.node
class Asking(Pixelwise):
    """A node that asks for whatever it is told to ask for."""

    asked: Any = None
    needs_all: bool = False

    @property
    def whole(self):
        return self.needs_all

    @property
    def identity(self):
        return id(self.asked)

    def request(self, slab, *inputs):
        return self.asked(slab)

    def compute(self, slab, *blocks):
        return np.full((len(slab), *self.info.slice_shape), len(blocks[0].array), self.info.dtype)


STRANGE = {
    "before the first": lambda slab: (range(slab.start - 1, slab.stop),),
    "behind the last": lambda slab: (range(slab.start, slab.stop + 1),),
    "reversed": lambda slab: (range(slab.stop, slab.start),),
    "with gaps": lambda slab: (range(0, 12, 2),),
}


@pytest.mark.parametrize("asked", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("needs_all", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_request_that_cannot_be_is_an_error_that_says_what_was_asked(asked, needs_all, held):
    source = image() >> (Ranked() if held else Smear(1))
    node = source >> Asking(asked, needs_all)
    with pytest.raises(GraphError, match=r"Asking.* asks for range\(.*of its input.*slices 0 to 11|consecutive"):
        node.update(progress=False, memory=500)


@pytest.mark.parametrize("number", [0, 2])
def test_request_for_another_number_of_inputs_is_an_error(number):
    node = image() >> Asking(lambda slab: (slab,) * number)
    with pytest.raises(GraphError, match=f"1 inputs, and its request.. gives {number} ranges"):
        node.update(progress=False)


@pytest.mark.parametrize("needs_all", [False, True])
def test_node_may_ask_for_no_slices_at_all(needs_all):
    counting = Counting()
    node = image() >> counting >> Asking(lambda slab: (range(0),), needs_all)
    assert not node.update(progress=False).array.any()
    assert counting.count.slices == 0


# --- arrays -------------------------------------------------------------------------------------------------

ARRAYS = {
    "view of the input": lambda a: a,
    "turned view": lambda a: a[:, ::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "every other of many": lambda a: np.repeat(a, 2, axis=2)[..., ::2],
    "one value for all": lambda a: np.broadcast_to(a.dtype.type(7), a.shape),
}


@pytest.mark.parametrize("function", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("memory", [1, "1MB"])
def test_any_array_of_the_right_values_will_do(function, whole, memory):
    source = np.arange(12 * 4 * 5, dtype=np.int16).reshape(12, 4, 5)
    node = Image.from_array(source.copy()) >> sw.Function(function, whole=whole)
    expected = np.array(function(source))
    smeared = (node >> Smear(1)).update(progress=False, memory=memory)
    assert np.array_equal(smeared.array, Smear.expected(expected, 1))
    assert np.array_equal(node.update(progress=False, memory=memory).array, expected)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("memory", [1, "1MB"])
def test_function_that_uses_its_memory_again_changes_no_result_that_was_had(whole, memory):
    buffer = np.empty((12, 4, 5), np.int16)

    def next_one(array):
        return np.add(array, 1, out=buffer[: len(array)])

    def after(source):
        return source >> sw.Function(next_one, whole=whole) >> Smear(2)

    first, second = image(seed=1), image(seed=2)
    one = after(first).update(progress=False, workers=1, memory=memory)
    other = (second >> sw.Function(next_one, whole=whole)).update(progress=False, workers=1, memory=memory)
    again = (first >> sw.Function(next_one, whole=whole)).update(progress=False, workers=1, memory=memory)
    assert np.array_equal(one.array, Smear.expected(first.array + np.int16(1), 2))
    assert np.array_equal(other.array, second.array + np.int16(1))
    assert np.array_equal(again.array, first.array + np.int16(1))


@pytest.mark.parametrize("source", ["in memory", "computed", "held"])
@pytest.mark.parametrize("memory", [1, "1MB"])
def test_function_that_writes_into_what_it_gets_fails(source, memory):
    def spoil(array):
        array += 1
        return array

    start = image()
    before = start.array.copy()
    node = {"in memory": start >> Smear(0), "computed": start >> Smear(1), "held": start >> Ranked()}[source]
    with pytest.raises(ComputeError, match="read-only"):
        (node >> sw.Function(spoil)).update(progress=False, memory=memory)
    with pytest.raises(ComputeError, match="read-only"):
        (start >> sw.Function(spoil, whole=True)).update(progress=False, memory=memory)
    assert np.array_equal(start.array, before)


def test_function_that_keeps_what_it_gets_finds_it_unchanged():
    kept = []

    def keep(array):
        kept.append((array, array.copy()))
        return array

    (image((40, 4, 5)) >> Smear(1) >> sw.Function(keep) >> Smear(2)).update(progress=False, workers=2, memory=600)
    assert len(kept) > 5
    assert all(np.array_equal(array, copy) for array, copy in kept)


@pytest.mark.parametrize("whole", [False, True])
def test_masked_array_is_refused_as_its_mask_would_be_lost(whole):
    node = image() >> sw.Function(lambda a: np.ma.masked_greater(a, 0), whole=whole)
    with pytest.raises(ComputeError, match=r"masked.*filled"):
        node.update(progress=False)


def test_result_that_is_no_array_is_refused_in_words():
    @sw.pipeline.node.node
    class Listing(Pixelwise):
        def compute(self, slab, *blocks):
            return blocks[0].array.tolist()

    with pytest.raises(ComputeError, match=r"promised an array.*computed a list"):
        (image() >> Listing()).update(progress=False)


# --- what is there already ----------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [1, "1MB"])
def test_result_that_is_there_is_taken_by_a_node_that_needs_all_of_it(memory):
    counting = Counting()
    first = image() >> counting >> Smear(1) >> Ranked()
    there = first.update(progress=False, workers=1)
    found = (first >> Ranked()).update(progress=False, memory=memory)
    assert np.array_equal(found.array, there.array - int(there.array.max()))
    assert counting.count.slices == 12


def test_results_of_one_pass_share_also_what_is_interpolated_at_once():
    counting = Counting()
    source = image((20, 30, 30)) >> sw.Resample(spacing=(1, 1, 1.5)) >> sw.Resample(spacing=(1.2, 1.2, 1)) >> counting
    first, second = sw.update_all(source > 0, source * 2, workers=1, progress=False)
    assert counting.count.slices == source.geometry.slices
    assert np.array_equal(first.array, second.array > 0)


# --- deep and wide graphs -----------------------------------------------------------------------------------


def test_chain_of_two_thousand_nodes_runs_and_explains_itself():
    counts = [Counting(label=str(k)) for k in range(2000)]
    node = start = image((6, 4, 5))
    for counting in counts:
        node = node >> counting
    assert np.array_equal(node.update(progress=False, workers=2).array, start.array)
    assert {counting.count.slices for counting in counts} == {6}
    assert node.explain().count("Counting(") == 2000
    with pytest.raises(ComputeError, match="by nothing") as caught:
        (node >> Calling(divide)).update(progress=False)
    assert len(str(caught.value).splitlines()) < 30


def test_chain_of_two_thousand_nodes_is_connected_to_an_image_at_its_end():
    chain = Counting(label="0")
    for k in range(1, 2000):
        chain = chain >> Counting(label=str(k))
    start = image((6, 4, 5))
    found = (start >> chain).update(progress=False, workers=1)
    assert np.array_equal(found.array, start.array)
    assert chain.count.slices == 6


def divide(slab):
    raise ZeroDivisionError("by nothing")


def test_image_less_itself_many_times_over_is_built_at_once():
    started = time.perf_counter()
    node = image((4, 4, 5)) >> Smear(1)
    for _ in range(60):
        node = node - node
    assert not node.update(progress=False).array.any()
    assert node.explain().count("the subtract above") == 60 - 1
    assert time.perf_counter() - started < 10


def test_stack_of_five_hundred_volumes_is_smeared_volume_by_volume():
    images = [image((4, 3, 2), seed=k) for k in range(500)]
    stack = sw.Stack([one >> Smear(1) for one in images], axis="time") >> Smear(1)
    assert "500 volumes like this one" in stack.explain()
    found = stack.update(progress=False, workers=2, memory="1MB")
    expected = [Smear.expected(Smear.expected(one.array, 1), 1) for one in images]
    assert np.array_equal(found.array, np.stack(expected))


# --- several runs at once -----------------------------------------------------------------------------------


def test_several_runs_of_the_same_nodes_at_once_are_all_right(phantom_ct, tmp_path):
    node = sw.SeriesReader(phantom_ct.folder) >> sw.Median(radius=1) >> Ranked() >> Smear(1)
    start = threading.Barrier(4)

    def run(memory):
        start.wait()
        return node.update(progress=False, workers=2, memory=memory, spill=tmp_path).array

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, [1, 50_000, "1MB", "1GB"]))
    plain = sw.SeriesReader(phantom_ct.folder).update(progress=False) >> sw.Median(radius=1)
    expected = plain.update(progress=False).array.astype(np.int32)
    expected = Smear.expected(expected - int(expected.max()), 1)
    assert all(np.array_equal(array, expected) for array in found)


# --- nothing is left open -----------------------------------------------------------------------------------


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell what is open")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("where", ["before", "behind", "between"])
def test_runs_that_fail_leave_no_files_or_threads_behind(workers, where, tmp_path):
    def fail(slab):
        if 9 in slab:
            raise ZeroDivisionError("by nothing")

    def failing(seed):
        source = image((12, 4, 5), seed=seed)
        if where == "before":
            return source >> Calling(fail) >> Ranked() >> Smear(1)
        return source >> Ranked() >> Smear(1) >> Calling(fail) >> (Smear(1) if where == "behind" else Ranked())

    files, threads = open_files(), threading.active_count()
    for seed in range(20):
        with pytest.raises(ComputeError, match="by nothing"):
            failing(seed).update(progress=False, workers=workers, memory=1, spill=tmp_path)
    assert open_files() == files
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


RUNS = {
    "alone": lambda node, workers: node.update(workers=workers, progress=False),
    "together": lambda node, workers: sw.update_all(node, node >> Smear(1), workers=workers, progress=False),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("fails", [False, True])
def test_runs_leave_no_memory_behind_that_waits_for_a_collection(run, workers, fails):
    def fail(slab):
        if fails and 30 in slab:
            raise ZeroDivisionError("by nothing")

    def once():
        node = image((40, 50, 50)) >> Smear(1) >> Ranked() >> Smear(1) >> Calling(fail)
        with pytest.raises(ComputeError) if fails else nullcontext():
            run(node, workers)

    once()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        once()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert left < 300_000  # one of the images takes 400,000 bytes


def test_slices_that_were_not_asked_for_are_not_taken_for_others():
    @sw.pipeline.node.node
    class Hasty(Pixelwise):
        def compute(self, slab, *blocks):
            return blocks[0].inner(range(slab.start - 2, slab.stop - 2))

    with pytest.raises(ComputeError, match=r"range\(-2.*is wanted.*range\(0.*is at hand"):
        (image() >> Hasty()).update(progress=False, workers=1, memory=1)
