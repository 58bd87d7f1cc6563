"""A run tells how far it is, stops when told, names what failed, and never computes twice what is there."""

from __future__ import annotations

import gc
import re
import threading
import time

import numpy as np
import pytest
from small_nodes import Calling, Counting, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import CancelledError, ComputeError, ParameterError
from slicewise.image import Image

# --- progress -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_grows_and_ends_complete(workers):
    told = []
    (image((30, 2, 2)) >> Smear(1)).update(progress=told.append, workers=workers, memory=300)
    done = [p.done for p in told]
    assert {p.total for p in told} == {30}
    assert done == sorted(done)
    assert done[0] == 0
    assert done[-1] == 30
    assert len(done) > 3


def test_progress_of_a_whole_volume_node_ends_complete():
    told = []
    (image((8, 2, 2)) >> Smear(1) >> Ranked() >> Smear(1)).update(progress=told.append, workers=1)
    assert (told[-1].done, told[-1].total) == (8, 8)


def test_nothing_is_shown_where_output_is_piped(capfd):
    (image() >> Smear(1)).update()
    assert capfd.readouterr() == ("", "")


# --- cancelling ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_run_stops_when_another_thread_says_so(workers):
    cancel, started, slabs = threading.Event(), threading.Event(), []

    def slow(slab):
        slabs.append(slab)
        started.set()
        time.sleep(0.02)

    node = image((200, 2, 2)) >> Calling(slow)
    teller = threading.Thread(target=lambda: (started.wait(5), cancel.set()))
    teller.start()
    begin = time.perf_counter()
    with pytest.raises(CancelledError, match="nothing of it was kept"):
        node.update(progress=False, cancel=cancel, workers=workers, memory=100)
    teller.join()
    assert len(slabs) < 30
    assert time.perf_counter() - begin < 2
    assert threading.active_count() < 20


def test_run_that_is_cancelled_before_it_starts_computes_nothing():
    cancel, counting = threading.Event(), Counting()
    cancel.set()
    with pytest.raises(CancelledError):
        (image() >> counting).update(progress=False, cancel=cancel)
    assert counting.count.slices == 0


def test_cancelled_run_can_be_run_again():
    cancel = threading.Event()
    cancel.set()
    node = image() >> Smear(1)
    with pytest.raises(CancelledError):
        node.update(progress=False, cancel=cancel)
    assert np.array_equal(node.update(progress=False).array, Smear.expected(node.input.image.array, 1))


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt_of_a_person_comes_through(workers):
    def interrupt(slab):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        (image() >> Calling(interrupt)).update(progress=False, workers=workers)


def test_error_of_the_progress_function_comes_through_and_stops_the_run():
    slabs = []

    def slow(slab):
        slabs.append(slab)
        time.sleep(0.01)

    def refuse(progress):
        if progress.done:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        (image((100, 2, 2)) >> Calling(slow)).update(progress=refuse, workers=2, memory=100)
    assert len(slabs) < 50


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_error_in_a_node_names_the_node_the_slices_and_the_cause(workers):
    def fail(slab):
        if 7 in slab:
            raise ZeroDivisionError("by nothing")

    node = image() >> Calling(fail) >> Smear(1)
    with pytest.raises(ComputeError) as caught:
        node.update(progress=False, workers=workers, memory=100)
    first, second, text = str(caught.value).splitlines()
    assert first.startswith("  1  InMemory(")
    assert re.fullmatch(r"  2  Calling\(function=fail\) of 1, slices? \d+.* of 12:", second)
    assert text == "ZeroDivisionError: by nothing"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_error_shows_the_graph_up_to_the_node_that_failed_and_no_further():
    def fail(slab):
        raise ZeroDivisionError("by nothing")

    shared = image() >> Smear(1)
    node = (shared + (shared >> Calling(fail))) >> Smear(2)
    with pytest.raises(ComputeError) as caught:
        node.update(progress=False, workers=1)
    lines = str(caught.value).splitlines()
    assert [line[5:13] for line in lines[:3]] == ["InMemory", "Smear(re", "Calling("]
    assert len(lines) == 4


def test_error_of_the_package_keeps_its_type_and_says_where():
    def fail(slab):
        raise ParameterError("'it' must be something else")

    with pytest.raises(ParameterError, match="'it'") as caught:
        (image() >> Calling(fail) >> Smear(1)).update(progress=False)
    *_, place, text = str(caught.value).splitlines()
    assert "Calling(" in place
    assert "slices 0 to" in place
    assert text == "'it' must be something else"


def test_failed_run_leaves_no_result_behind():
    broken = [True]

    def fail(slab):
        if broken[0]:
            raise ZeroDivisionError

    source = image()
    node = source >> Calling(fail)
    with pytest.raises(ComputeError):
        node.update(progress=False)
    broken[0] = False
    assert np.array_equal(node.update(progress=False).array, source.array)


# --- results that are there ---------------------------------------------------------------------------------


def test_result_is_found_again_as_long_as_somebody_holds_it():
    counting = Counting(label="a")
    node = image() >> counting
    first = node.update(progress=False)
    assert counting.count.slices == 12
    assert node.update(progress=False) is first
    assert counting.count.slices == 12
    del first
    gc.collect()
    node.update(progress=False)
    assert counting.count.slices == 24


def test_live_result_is_used_inside_a_larger_graph():
    counting = Counting(label="a")
    shared = image() >> counting
    held = shared.update(progress=False)
    result = (shared >> Smear(2)).update(progress=False)
    assert counting.count.slices == 12
    assert np.array_equal(result.array, Smear.expected(held.array, 2))


def test_live_result_is_found_by_an_equal_graph_made_anew(phantom_ct):
    time.sleep(0.03)  # of files that changed a moment ago nothing is kept
    counting = Counting(label="equal")
    held = (sw.SeriesReader(phantom_ct.folder) >> counting).update(progress=False)
    again = Counting(label="equal")
    found = (sw.SeriesReader(phantom_ct.folder) >> again).update(progress=False)
    assert np.array_equal(found.array, held.array)
    assert again.count.slices == 0


def test_result_does_not_follow_a_change_of_the_file(tmp_path):
    from makers import write_series

    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    write_series(tmp_path / "a", stored)
    first = sw.SeriesReader(tmp_path / "a").update(progress=False)
    time.sleep(0.01)
    write_series(tmp_path / "a", stored + 7)
    assert np.array_equal(sw.SeriesReader(tmp_path / "a").update(progress=False).array, stored + 7)
    assert np.array_equal(first.array, stored)


def test_cache_keeps_results_that_nobody_holds():
    cache, counting = sw.ResultCache("1MB"), Counting(label="a")
    node = image() >> counting
    first = np.array(node.update(progress=False, cache=cache))
    gc.collect()
    assert np.array_equal(node.update(progress=False, cache=cache).array, first)
    assert counting.count.slices == 12
    (node >> Smear(1)).update(progress=False, cache=cache)
    assert counting.count.slices == 12
    assert len(cache) == 2


def test_cache_keeps_to_its_limit_and_drops_what_was_used_longest_ago():
    size = 10 * 4 * 5 * 2
    cache = sw.ResultCache(3 * size)
    images = {name: image((10, 4, 5), seed=n) for n, name in enumerate("abcd")}
    for name in "abc":
        cache.put(name, images[name])
    assert cache.get("a") is images["a"]
    cache.put("d", images["d"])
    assert cache.get("b") is None
    assert [cache.get(name) is images[name] for name in "acd"] == [True] * 3
    cache.put("big", image((31, 4, 5)))
    assert cache.get("big") is None
    assert len(cache) == 3
    cache.put("a", images["a"])
    assert len(cache) == 3


def test_cache_may_be_used_from_many_threads():
    cache = sw.ResultCache(3000)
    errors = []

    def work(seed):
        try:
            for n in range(200):
                cache.put(f"{seed}{n % 9}", image((2, 4, 5), seed=n))
                cache.get(f"{seed}{n % 7}")
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    assert len(cache) <= 3000 // 80


@pytest.mark.parametrize("limit", [0, -1, "lots"])
def test_cache_without_room_is_refused(limit):
    with pytest.raises(ParameterError):
        sw.ResultCache(limit)


def test_result_cannot_be_changed():
    result = (image() >> Smear(1)).update(progress=False)
    with pytest.raises(ValueError, match="read-only"):
        result.array[0, 0, 0] = 1


def test_node_cannot_change_what_others_see():
    def spoil(array):
        array[...] = 0
        return array

    source = image()
    with pytest.raises(ComputeError, match="read-only"):
        (source >> sw.Function(spoil)).update(progress=False)


def test_two_runs_at_once_do_not_disturb_each_other():
    source = image((60, 8, 8))
    node = source >> Smear(1) >> Ranked() >> Smear(2)
    expected = node.update(progress=False, workers=1).array.copy()
    results = []
    graphs = [Image.from_array(source.array) >> Smear(1) >> Ranked() >> Smear(2) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda g=g: results.append(g.update(progress=False, workers=2, memory=5000).array))
        for g in [*graphs, graphs[0]]
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 5
    for result in results:
        assert np.array_equal(result, expected)


# --- explain ------------------------------------------------------------------------------------------------


def test_explain_says_what_is_streamed_with_how_much_overlap_and_what_is_held():
    source = image((40, 64, 64))
    text = (source >> Smear(2) >> Ranked() >> Smear(1)).explain()
    lines = text.splitlines()
    assert lines[0].startswith("Smear(reach=1)")
    assert "1 slice of overlap" in lines[0]
    assert "needs the whole volume" in lines[1]
    assert "held whole" in lines[2]
    assert "40 x 64 x 64 int32" in lines[0]
    assert "InMemory" in text
    assert "result    40 x 64 x 64 int32, 655 kB" in text
    assert "held whole" in next(line for line in lines if line.startswith("memory"))


def test_explain_shows_a_shared_part_once():
    shared = image() >> Smear(1)
    text = (shared + shared).explain()
    assert text.count("Smear(reach=1)") == 1
    assert "the Smear above" in text


def test_explain_says_how_many_slabs_and_threads():
    plan_text = (image((64, 4, 4)) >> Smear(1)).explain()
    assert "slabs of up to" in plan_text
    assert "thread" in plan_text


def test_explain_of_a_chain_without_a_source_says_so():
    assert (Smear(1) >> Smear(2)).explain().startswith("not connected")
