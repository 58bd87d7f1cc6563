"""The result does not depend on slabs, threads or memory; and the memory asked for is what is used."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nodes import Counting, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import ParameterError
from slicewise.image import Image
from slicewise.pipeline.plan import Limits, make_plan
from slicewise.pipeline.schedule import scheduled


def straight(source):
    return source >> Smear(2)


def long_chain(source):
    return source >> Smear(1) >> Smear(3) >> Smear(0)


def diamond(source):
    shared = source >> Smear(1)
    return (shared >> Smear(3)) - shared


def lopsided(source):
    shared = source >> Counting(label="shared")
    return ((shared >> Smear(2) >> Smear(2)) > 0) & ((shared >> Smear(1)) < 5000)


def same_twice(source):
    once = source >> Smear(1)
    return once + once


def flipped(source):
    return ((source >> Smear(1))[::-1] >> Smear(2))[::2]


def whole(source):
    return source >> Smear(1) >> Ranked() >> Smear(1)


def whole_diamond(source):
    shared = source >> Smear(1)
    return (shared >> Ranked()) - (shared >> Smear(2))


def two_wholes(source):
    return (source >> Ranked() >> Smear(1) >> Ranked()) + source


def whole_at_the_end(source):
    return source >> Smear(2) >> Ranked()


def real_filters(source):
    shared = source >> sw.Median(radius=1)
    return (shared >> sw.Gaussian(sigma=1.0)) - shared + (source >> sw.Median(radius=2))


def planned(target, memory=None, workers=None):
    return make_plan([target], {}, Limits.of(memory, workers))


GRAPHS = [
    straight,
    long_chain,
    diamond,
    lopsided,
    same_twice,
    flipped,
    whole,
    whole_diamond,
    two_wholes,
    whole_at_the_end,
    real_filters,
]


@pytest.mark.parametrize("graph", GRAPHS)
@given(
    slices=st.integers(1, 17),
    workers=st.integers(1, 4),
    memory=st.sampled_from([1, 500, 2_000, 10_000, "1MB", None]),
    seed=st.integers(0, 99),
)
@settings(max_examples=12, deadline=None)
def test_result_is_the_same_bit_for_bit_however_it_is_run(graph, slices, workers, memory, seed):
    array = np.random.default_rng(seed).integers(-1000, 1000, (slices, 4, 5)).astype(np.int16)
    expected = graph(Image.from_array(array)).update(workers=1, progress=False).array
    found = graph(Image.from_array(array)).update(workers=workers, memory=memory, progress=False).array
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_results_are_those_of_plain_numpy():
    source = image()
    wide = source.array
    one, three = Smear.expected(wide, 1), Smear.expected(Smear.expected(wide, 1), 3)
    for options in ({"workers": 1}, {"workers": 3, "memory": 300}):
        assert np.array_equal(diamond(image()).update(progress=False, **options).array, three - one)
        expected = Smear.expected((one - int(one.max())).astype(np.int32), 1)
        assert np.array_equal(whole(image()).update(progress=False, **options).array, expected)


@given(
    memory=st.integers(1, 200_000),
    workers=st.integers(1, 8),
    slices=st.integers(1, 40),
    reach=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_plan_keeps_to_the_memory_asked_for_or_to_the_least_there_is(memory, workers, slices, reach):
    plan = planned(image((slices, 4, 5)) >> Smear(reach), memory=memory, workers=workers)
    streaming = plan.streaming
    assert plan.peak_bytes <= memory or (streaming.workers == 1 and streaming.slab == 1)
    assert 1 <= streaming.workers <= workers


def test_plan_covers_every_slice_once():
    for slices in (1, 2, 31, 32, 33, 100):
        plan = planned(image((slices, 2, 2)) >> Smear(1), workers=2)
        assert [k for slab in plan.streaming.slabs for k in slab] == list(range(slices))


def test_slices_wanted_are_those_of_the_filters_on_the_way():
    source = image((20, 2, 2)) >> Counting()
    node = (source >> Smear(2) >> Smear(1))[5:9]
    (step,) = scheduled([{node: range(1, 3)}])
    assert {part.node: part.needed for part in step}[source] == range(3, 11)


@pytest.mark.parametrize("memory", [1, 500, 5_000, "1MB"])
@pytest.mark.parametrize("reach", [0, 1, 5])
def test_one_thread_computes_no_slice_twice_however_thin_the_slabs(memory, reach):
    first, second = Counting(), Counting()
    source = image((40, 2, 2))
    found = (source >> first >> Smear(reach) >> second >> Smear(1)).update(workers=1, memory=memory, progress=False)
    assert (first.count.slices, second.count.slices) == (40, 40)
    assert np.array_equal(found.array, Smear.expected(Smear.expected(source.array, reach), 1))


def test_one_thread_computes_no_slice_twice_of_what_is_turned_round():
    counting = Counting()
    (image((40, 2, 2)) >> counting >> Smear(3))[::-1].update(workers=1, memory=500, progress=False)
    assert counting.count.slices == 40


def test_threads_compute_little_twice():
    counting = Counting()
    node = image((400, 2, 2)) >> counting >> Smear(1)
    node.update(workers=2, memory=2_000, progress=False)
    assert 400 <= counting.count.slices <= 400 * 1.05


def test_shared_part_of_a_diamond_is_computed_once_per_slab():
    counting = Counting()
    shared = image((16, 2, 2)) >> counting
    (shared + (shared >> Smear(0))).update(workers=1, progress=False)
    assert counting.count.slices == 16


def test_input_of_a_whole_volume_node_is_computed_once():
    counting = Counting()
    (image((16, 2, 2)) >> counting >> Ranked() >> Smear(1)).update(workers=2, memory=200, progress=False)
    assert counting.count.slices == 16


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"workers": -1},
        {"memory": 0},
        {"memory": "much"},
        {"memory": "."},
        {"memory": "-1GB"},
        {"memory": float("nan")},
    ],
)
def test_impossible_way_of_running_is_refused(options):
    with pytest.raises(ParameterError):
        (image() >> Smear(1)).update(progress=False, **options)


@pytest.mark.parametrize(
    ("text", "number"), [("300MB", 300_000_000), ("2 GiB", 2 * 2**30), ("1.5kB", 1500), ("7", 7), (12, 12)]
)
def test_amounts_of_memory_are_read_as_people_write_them(text, number):
    assert Limits.of(text, None).memory == number
