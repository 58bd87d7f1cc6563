"""What a cache keeps of a run, in memory and in a folder, and what is taken from it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from small_nodes import Count, Counting, Ranked, Smear, image

import slicewise as sw
from makers import write_series
from slicewise import errors
from slicewise.image import Image
from slicewise.pipeline.run import RunOptions

SHAPE = (12, 4, 5)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def series(tmp_path):
    """Give a folder with a series whose files have not changed for a minute."""
    stored = np.random.default_rng(3).integers(-1000, 1000, SHAPE).astype(np.int16)
    for path in write_series(tmp_path / "series", stored):
        aged(path)
    return tmp_path / "series", stored


def aged(path, seconds=60):
    then = time.time_ns() - seconds * 1_000_000_000
    os.utime(path, ns=(then, then // 10 * 10 + 7))


def counting(label="a"):
    return Counting(Count(), label)


def results_in(folder):
    return sorted(path for path in folder.iterdir() if path.name.endswith(".result"))


def whole(stored, reach=1):
    return Smear.expected(stored, reach)


# --- what is kept -------------------------------------------------------------------------------------------


def cache_of(kind, folder):
    return sw.ResultCache("10MB") if kind == "memory" else sw.ResultCache("10MB", folder)


@pytest.mark.parametrize("kind", ["memory", "folder"])
@pytest.mark.parametrize("workers", [1, 2])
def test_another_last_node_starts_from_what_the_last_was_made_of(series, folder, kind, workers):
    path, stored = series
    cache, count = cache_of(kind, folder), counting()
    before = sw.SeriesReader(path) >> Smear(1) >> count
    first = (before >> Smear(2)).update(progress=False, cache=cache, workers=workers)
    assert np.array_equal(first.array, whole(whole(stored), 2))
    del first
    gc.collect()
    seen = count.count.slices
    third = (before >> Smear(3)).update(progress=False, cache=cache, workers=workers)
    assert np.array_equal(third.array, whole(whole(stored), 3))
    assert count.count.slices == seen


@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_what_is_written_is_kept_and_what_it_was_made_of(series, folder, tmp_path, kind):
    path, stored = series
    cache, first, last = cache_of(kind, folder), counting("first"), counting("last")
    before = sw.SeriesReader(path) >> Smear(1) >> first
    graph = before >> last
    (graph >> sw.SeriesWriter(tmp_path / "one")).update(progress=False, cache=cache)
    counts = first.count.slices, last.count.slices
    written = (graph >> sw.SeriesWriter(tmp_path / "two", series_description="again")).update(
        progress=False, cache=cache
    )
    again = sw.SeriesReader([str(p) for p in written.paths]).update(progress=False)
    assert np.array_equal(again.array, whole(stored))
    (before >> Smear(2)).update(progress=False, cache=cache)
    assert (first.count.slices, last.count.slices) == counts


@pytest.mark.parametrize("kind", ["memory", "folder"])
@pytest.mark.parametrize("memory", [None, 3000])
def test_what_is_held_whole_is_kept_as_well(series, folder, kind, memory):
    path, stored = series
    cache, count = cache_of(kind, folder), counting()
    before = sw.SeriesReader(path) >> count
    summed = before >> Ranked() >> Smear(1)
    options = {"progress": False, "cache": cache, "memory": memory}
    expected = stored.astype(np.int32) - stored.max()
    assert np.array_equal(summed.update(**options).array, whole(expected))
    gc.collect()
    seen = count.count.slices
    assert np.array_equal((before >> Ranked() >> Smear(2)).update(**options).array, whole(expected, 2))
    assert count.count.slices == seen


def test_an_input_of_which_some_slices_only_are_taken_is_not_kept(series, folder):
    path, stored = series
    cache = sw.ResultCache("10MB", folder)
    part = (sw.SeriesReader(path) >> Smear(1))[2:5]
    assert np.array_equal(part.update(progress=False, cache=cache).array, whole(stored)[2:5])
    assert len(results_in(folder)) == 1


def test_a_reader_of_plain_pixels_is_not_copied_to_the_folder(series, folder):
    path, _ = series
    sw.SeriesReader(path).update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert results_in(folder) == []


def test_a_reader_of_compressed_pixels_is_kept(series, folder, tmp_path):
    path, stored = series
    written = (sw.SeriesReader(path) >> sw.SeriesWriter(tmp_path / "rle", transfer_syntax="rle")).update(progress=False)
    for file in written.paths:
        aged(file)
    reader = sw.SeriesReader(tmp_path / "rle")
    (reader >> Smear(1)).update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert "from the cache on disk" in reader.explain(cache=sw.ResultCache("10MB", folder))
    again = sw.SeriesReader(tmp_path / "rle").update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert np.array_equal(again.array, stored)


def test_several_volumes_are_kept_as_a_stack(series, folder):
    path, stored = series
    volumes = [sw.SeriesReader(path) >> Smear(k) for k in (1, 2)]
    stack = sw.Stack(volumes, axis="echo", coordinates=[1, 2])
    first = stack.update(progress=False, cache=sw.ResultCache("10MB", folder))
    array = first.array.copy()
    del first
    gc.collect()
    text = stack.explain(cache=sw.ResultCache("10MB", folder))
    again = stack.update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert text.splitlines()[0].count("from the cache on disk") == 1
    assert np.array_equal(again.array, array)
    assert np.array_equal(array[1], whole(stored, 2))


def test_headers_of_a_cached_result_are_those_of_the_graph(series, folder):
    path, _ = series
    graph = sw.SeriesReader(path) >> Smear(1)
    graph.update(progress=False, cache=sw.ResultCache("10MB", folder))
    gc.collect()
    again = (sw.SeriesReader(path) >> Smear(1)).update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert [h.SOPInstanceUID for h in again.headers] == [h.SOPInstanceUID for h in graph.headers]
    assert [step.name for step in again.history] == ["Smear"]


def test_a_failed_run_keeps_nothing(series, folder):
    path, _ = series

    def fail(array):
        raise ValueError("no")

    cache = sw.ResultCache("10MB", folder)
    graph = sw.SeriesReader(path) >> Smear(1) >> sw.Function(fail)
    with pytest.raises(errors.ComputeError, match="no"):
        graph.update(progress=False, cache=cache)
    assert [p.name for p in folder.iterdir() if p.name != ".lock"] == []
    assert len(cache) == 0


def test_results_in_one_pass_are_kept(series, folder):
    path, stored = series
    count = counting()
    before = sw.SeriesReader(path) >> count
    graphs = [before >> Smear(1), before >> Smear(2)]
    sw.update_all(*graphs, progress=False, cache=sw.ResultCache("10MB", folder))
    gc.collect()
    seen = count.count.slices
    one, two = sw.update_all(*graphs, progress=False, cache=sw.ResultCache("10MB", folder))
    assert count.count.slices == seen
    assert np.array_equal(one.array, whole(stored))
    assert np.array_equal(two.array, whole(stored, 2))


# --- limits -------------------------------------------------------------------------------------------------


def test_memory_is_bounded_by_the_limit(series):
    path, stored = series
    size = stored.size * 4
    cache = sw.ResultCache(size + 10)
    before = sw.SeriesReader(path) >> Smear(1)
    (before >> Smear(2)).update(progress=False, cache=cache)
    assert len(cache) == 1
    (before >> Smear(3)).update(progress=False, cache=cache)
    assert len(cache) == 1


def test_the_folder_keeps_to_its_limit_and_what_was_used_longest_ago_goes_first(series, folder):
    path, stored = series
    (sw.SeriesReader(path) >> Smear(1)).update(progress=False, cache=sw.ResultCache(1, folder))
    (only,) = results_in(folder)
    size = only.stat().st_size
    assert size > stored.size * 4
    limit = 3 * size + 100

    def update(reach):
        (sw.SeriesReader(path) >> Smear(reach)).update(progress=False, cache=sw.ResultCache(1, folder, limit))
        gc.collect()
        time.sleep(0.02)

    def kept():
        cache = sw.ResultCache(1, folder, limit)
        texts = {k: (sw.SeriesReader(path) >> Smear(k)).explain(cache=cache) for k in range(1, 6)}
        return [k for k, text in texts.items() if "from the cache on disk" in text]

    for reach in (1, 2, 3):
        update(reach)
    assert kept() == [1, 2, 3]
    update(1)
    update(4)
    assert kept() == [1, 3, 4]
    update(5)
    assert kept() == [1, 4, 5]
    assert sum(p.stat().st_size for p in folder.iterdir()) <= limit


def test_a_result_larger_than_the_folder_may_be_is_not_kept(series, folder):
    path, stored = series
    graph = sw.SeriesReader(path) >> Smear(1)
    found = graph.update(progress=False, cache=sw.ResultCache(1, folder, "1kB"))
    assert np.array_equal(found.array, whole(stored))
    assert results_in(folder) == []


@pytest.mark.parametrize("limits", [{"limit": 0}, {"folder_limit": 0}, {"folder_limit": "lots"}])
def test_limits_that_are_no_amounts_are_refused(limits, folder):
    with pytest.raises(errors.ParameterError):
        sw.ResultCache(**{"folder": folder, **limits})


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(errors.WriteError, match="file/cache"):
        sw.ResultCache(folder=tmp_path / "file" / "cache")


def test_the_folder_is_for_its_owner_alone(series, folder):
    path, _ = series
    (sw.SeriesReader(path) >> Smear(1)).update(progress=False, cache=sw.ResultCache("1MB", folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [p.stat().st_mode & 0o777 for p in results_in(folder)] == [0o600]


def test_keeping_a_large_intermediate_on_disk_takes_no_memory_for_all_of_it(tmp_path, folder):
    stored = np.zeros((64, 128, 128), np.int16)
    for path in write_series(tmp_path / "large", stored):
        aged(path)
    graph = sw.SeriesReader(tmp_path / "large") >> Smear(1) >> Smear(1)
    assert graph.info.slices * graph.info.slice_bytes == 4_194_304
    slabs = []
    _ = graph.headers[0]

    def run(cache):
        from slicewise.pipeline.run import Runner

        tracemalloc.start()
        options = RunOptions(memory="1MB", workers=1, progress=False, cache=cache)
        Runner(options).stream(graph, lambda slab, values: slabs.append(len(slab)), "test")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    cache = sw.ResultCache("1GB", folder)
    assert run(cache) < 2_500_000
    assert len(results_in(folder)) == 2
    gc.collect()
    # From the folder as well, slab by slab.
    assert run(sw.ResultCache("1GB", folder)) < 2_500_000
    assert sum(slabs) == 128


# --- files --------------------------------------------------------------------------------------------------


def test_a_reader_made_before_its_files_changed_gets_no_cached_result(series, folder):
    path, _ = series
    cache = sw.ResultCache("10MB", folder)
    reader = sw.SeriesReader(path)
    graph = reader >> Smear(1)
    held = graph.update(progress=False, cache=cache)
    write_series(path, np.ones(SHAPE, np.int16))
    with pytest.raises(errors.ReadError, match="changed since its header was read"):
        graph.update(progress=False, cache=cache)
    del held
    gc.collect()
    for kept in (cache, sw.ResultCache("10MB", folder)):
        with pytest.raises(errors.ReadError, match="changed since its header was read"):
            graph.update(progress=False, cache=kept)
        with pytest.raises(errors.ReadError, match="changed since its header was read"):
            (graph >> Smear(2)).update(progress=False, cache=kept)
    fresh = (sw.SeriesReader(path) >> Smear(1)).update(progress=False, cache=cache)
    assert np.array_equal(fresh.array, whole(np.ones(SHAPE, np.int16)))


def test_a_file_that_changed_a_moment_ago_is_not_cached(tmp_path, folder):
    now = time.time_ns()
    stamp = (now + 3_600_000_000_000, now + 3_600_000_000_001)
    cache = sw.ResultCache("10MB", folder)
    for value in (1, 2):
        stored = np.full(SHAPE, value, np.int16)
        # The same size, and the same time of change, as where a clock stands still.
        for path in write_series(tmp_path / "young", stored):
            os.utime(path, ns=stamp)
        graph = sw.SeriesReader(tmp_path / "young") >> Smear(1)
        assert np.array_equal(graph.update(progress=False, cache=cache).array, whole(stored))
    assert results_in(folder) == []
    assert len(cache) == 0


@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_a_copy_of_the_same_size_and_time_of_change_is_another_file(tmp_path, folder, kind):
    cache = cache_of(kind, folder)
    held = []
    for value in (1, 2):
        stored = np.full(SHAPE, value, np.int16)
        for path in write_series(tmp_path / "copied", stored):
            os.utime(path, ns=(10**18 + 7, 10**18 + 7))
        graph = sw.SeriesReader(tmp_path / "copied") >> Smear(1)
        held.append(graph.update(progress=False, cache=cache))
        assert np.array_equal(held[-1].array, whole(stored))
        time.sleep(0.03)


@pytest.mark.parametrize("moment", [1, 5])
def test_a_file_that_changes_while_it_is_read_is_an_error(series, monkeypatch, moment):
    path, _ = series
    reader = sw.SeriesReader(path)
    _ = reader.info
    target = reader.files[moment]
    real = os.preadv

    def change_after_reading(descriptor, buffers, offset):
        count = real(descriptor, buffers, offset)
        if os.fstat(descriptor).st_ino == target.stat().st_ino:
            with target.open("r+b") as file:
                file.seek(-2, os.SEEK_END)
                file.write(b"\x01\x02")
        return count

    monkeypatch.setattr(os, "preadv", change_after_reading)
    with pytest.raises(errors.ReadError, match=rf"{target.name}.*changed while it was read"):
        reader.update(progress=False)


def test_the_same_path_in_another_working_folder_is_another_series(tmp_path, folder, monkeypatch):
    for name, value in (("a", 1), ("b", 2)):
        for path in write_series(tmp_path / name / "ct", np.full(SHAPE, value, np.int16)):
            os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    for name, value in (("a", 1), ("b", 2)):
        monkeypatch.chdir(tmp_path / name)
        found = (sw.SeriesReader("ct") >> Smear(0)).update(progress=False, cache=sw.ResultCache("10MB", folder))
        assert (found.array == value).all()


# --- explain ------------------------------------------------------------------------------------------------


def test_explain_says_where_each_result_is_taken_from(series, folder):
    path, _ = series
    before = sw.SeriesReader(path) >> Smear(1)
    graph = before >> Smear(2)
    memory, disk = sw.ResultCache("10MB"), sw.ResultCache("10MB", folder)
    held = graph.update(progress=False, cache=memory)
    assert "computed already: the image is in memory" in graph.explain().splitlines()[0]
    del held
    gc.collect()
    assert "from the cache in memory" in graph.explain(cache=memory).splitlines()[0]
    del memory
    (before >> Smear(3)).update(progress=False, cache=disk)
    del disk
    gc.collect()
    first, second, *rest = graph.explain(cache=sw.ResultCache("10MB", folder)).splitlines()
    assert "streamed" in first
    assert "from the cache on disk" in second
    assert not any("SeriesReader" in line for line in rest)
    assert "cache" not in graph.explain()


def test_explain_says_what_is_not_kept_on_disk(folder):
    text = (image() >> Smear(1)).explain(cache=sw.ResultCache("10MB", folder))
    assert "in memory only what comes of InMemory" in text


# --- what is the same in another process --------------------------------------------------------------------


def test_what_comes_of_images_in_memory_is_kept_in_memory_only(folder):
    cache, count = sw.ResultCache("10MB", folder), counting()
    before = image(SHAPE) >> count
    (before >> Smear(1)).update(progress=False, cache=cache)
    gc.collect()
    assert results_in(folder) == []
    seen = count.count.slices
    (before >> Smear(2)).update(progress=False, cache=cache)
    assert count.count.slices == seen


SCRIPT = """
import sys
import numpy as np
import slicewise as sw
{more}
cache = sw.ResultCache("10MB", sys.argv[2])
graph = sw.SeriesReader(sys.argv[1]) >> sw.Function({function}, dtype="int16")
print("from the cache on disk" in graph.explain(cache=cache), graph.update(progress=False, cache=cache).array.max())
"""


def run_script(tmp_path, series, folder, function, more=""):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(function=function, more=more))
    done = subprocess.run(
        [sys.executable, str(script), str(series), str(folder)], capture_output=True, text=True, check=True
    )
    found, largest = done.stdout.split()
    return found == "True", int(largest)


def test_a_function_is_found_again_by_another_process_until_its_code_changes(series, folder, tmp_path):
    path, stored = series
    one, more = "lambda a: a + np.int16(STEP) + step()", "STEP = 1\ndef step(): return np.int16(2)"
    top = int(stored.max())
    assert run_script(tmp_path, path, folder, one, more) == (False, top + 3)
    assert run_script(tmp_path, path, folder, one, more) == (True, top + 3)
    assert run_script(tmp_path, path, folder, one.replace("+ step()", "+ step() + step()"), more) == (False, top + 5)
    assert run_script(tmp_path, path, folder, one, more.replace("STEP = 1", "STEP = 4")) == (False, top + 6)
    assert run_script(tmp_path, path, folder, one, more.replace("16(2)", "16(7)")) == (False, top + 8)
    inner = "STEP = 1\nMORE = 5\ndef inner(): return MORE\ndef step(): return np.int16(inner())"
    assert run_script(tmp_path, path, folder, one, inner) == (False, top + 6)
    assert run_script(tmp_path, path, folder, one, inner.replace("MORE = 5", "MORE = 6")) == (False, top + 7)


@pytest.mark.parametrize(
    "more",
    [
        "import helpers\ndef step(): return helpers.step()",
        "def step():\n    from helpers import step\n    return step()",
        "class Step:\n    def __call__(self): return np.int16(3)\nstep = Step()",
        "class Step:\n    value = np.int16(3)\ndef step(): return Step.value",
    ],
    ids=["module", "import within", "object", "class"],
)
def test_a_function_that_looks_at_what_may_be_edited_is_not_kept_on_disk(series, folder, tmp_path, more):
    path, stored = series
    (tmp_path / "helpers.py").write_text("import numpy as np\ndef step(): return np.int16(3)")
    for _ in range(2):
        assert run_script(tmp_path, path, folder, "lambda a: a + step()", more) == (False, int(stored.max()) + 3)
    assert results_in(folder) == []


OWN_NODE = """
from slicewise.image import Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Filter, node
@node
class Shift(Filter):
    step: int = 1
    factor = 1
    @property
    def effect(self):
        return Effect(Operation.PIXEL)
    def compute(self, slab, *blocks):
        return blocks[0].inner(slab) + np.int16(self.step * self.factor + EXTRA)
"""


def test_a_node_of_ones_own_is_computed_again_when_its_code_changes(series, folder, tmp_path):
    path, stored = series
    top = int(stored.max())

    def run(more):
        script = SCRIPT.replace('sw.Function({function}, dtype="int16")', "Shift(2)").format(more=more)
        (tmp_path / "own.py").write_text(script)
        command = [sys.executable, str(tmp_path / "own.py"), str(path), str(folder)]
        found, largest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return found == "True", int(largest)

    code = OWN_NODE.replace("EXTRA", "0")
    assert run(code) == (False, top + 2)
    assert run(code) == (True, top + 2)
    assert run(code.replace("+ 0)", "+ 1)")) == (False, top + 3)
    assert run(code.replace("factor = 1", "factor = 3")) == (False, top + 6)


def test_results_of_other_versions_are_not_taken(series, folder, monkeypatch):
    path, _ = series
    graph = sw.SeriesReader(path) >> Smear(1)
    graph.update(progress=False, cache=sw.ResultCache("10MB", folder))
    gc.collect()
    assert "from the cache on disk" in graph.explain(cache=sw.ResultCache("10MB", folder))
    # As if another package were installed.
    packages = folder.parent / "packages"
    (packages / "numpy-99.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(packages)
    from slicewise.pipeline import installed

    installed.installation.cache_clear()
    try:
        assert "from the cache" not in graph.explain(cache=sw.ResultCache("10MB", folder))
    finally:
        monkeypatch.undo()
        installed.installation.cache_clear()


def test_an_image_that_is_held_is_not_changed_by_the_cache(series, folder):
    path, _ = series
    found = (sw.SeriesReader(path) >> Smear(1)).update(progress=False, cache=sw.ResultCache("10MB", folder))
    assert isinstance(found, Image)
    with pytest.raises(ValueError, match="read-only"):
        found.array[0] = 0
