"""A folder of results that processes share, and what may happen to it: a result is right, or computed anew."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from small_nodes import Count, Counting, Smear

import slicewise as sw
from disks import small_disk
from makers import write_series
from slicewise import errors
from slicewise.pipeline.run import Runner, RunOptions

SHAPE = (6, 8, 9)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def stored():
    return np.random.default_rng(5).integers(-1000, 1000, SHAPE).astype(np.int16)


@pytest.fixture
def series(tmp_path, stored):
    """Give a folder with a series whose files have not changed for a minute."""
    for path in write_series(tmp_path / "series", stored):
        os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    return tmp_path / "series"


def counted(series):
    count = Count()
    return count, sw.SeriesReader(series) >> Counting(count, "counted")


def updated(series, folder):
    """Return the array of the counted series, and how many slices were computed."""
    count, graph = counted(series)
    array = graph.update(progress=False, cache=sw.ResultCache(1, folder)).array.copy()
    gc.collect()
    return array, count.slices


def results_in(folder):
    return sorted(path for path in folder.iterdir() if path.name.endswith(".result"))


def only_result(series, folder):
    updated(series, folder)
    (path,) = results_in(folder)
    return path


# --- damage -------------------------------------------------------------------------------------------------


def test_a_changed_byte_anywhere_never_changes_a_result(series, stored, folder):
    path = only_result(series, folder)
    sound = path.read_bytes()
    slices = len(sound) - stored.nbytes
    rng = np.random.default_rng(11)
    header = sound[:slices].rstrip(b"\0")
    places = [0, 18, 19, 22, 23, 38, 39, len(header) - 1, slices, len(sound) - 1]
    places += [int(k) for k in rng.integers(0, len(header), 20)] + [
        int(k) for k in rng.integers(slices, len(sound), 40)
    ]
    for place in places:
        broken = bytearray(sound)
        broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(broken))
        array, computed = updated(series, folder)
        assert np.array_equal(array, stored), place
        assert computed == SHAPE[0], place
    # And it is there again, sound.
    assert updated(series, folder)[1] == 0


def test_bytes_out_of_place_are_noticed(series, stored, folder):
    path = only_result(series, folder)
    sound = path.read_bytes()
    size = stored[0].nbytes
    start = len(sound) - stored.nbytes
    exchanged = sound[:start] + sound[start + size : start + 2 * size] + sound[start : start + size]
    zeros = sound[:start] + bytes(stored.nbytes)
    for broken in (exchanged + sound[start + 2 * size :], zeros, bytes(len(sound)), sound[::-1]):
        path.write_bytes(broken)
        array, computed = updated(series, folder)
        assert np.array_equal(array, stored)
        assert computed == SHAPE[0]


@pytest.mark.parametrize("length", [0, 1, 19, 100, 4096, -1, -100])
def test_a_truncated_file_is_removed_and_computed_anew(series, stored, folder, length):
    path = only_result(series, folder)
    data = path.read_bytes()
    path.write_bytes(data[:length])
    array, computed = updated(series, folder)
    assert np.array_equal(array, stored)
    assert computed == SHAPE[0]
    assert path.read_bytes() == data


def test_the_file_of_another_result_is_not_taken(series, stored, folder):
    path = only_result(series, folder)
    (sw.SeriesReader(series) >> sw.Clip(-3, 3)).update(progress=False, cache=sw.ResultCache(1, folder))
    (other,) = [p for p in results_in(folder) if p != path]
    shutil.copy(other, path)
    array, computed = updated(series, folder)
    assert np.array_equal(array, stored)
    assert computed == SHAPE[0]


def _as_folder(path):
    path.unlink()
    path.mkdir()


def _as_full_folder(path):
    _as_folder(path)
    (path / "notes.txt").write_text("mine")


def _as_pipe(path):
    path.unlink()
    os.mkfifo(path)


def _as_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("replace", [_as_folder, _as_full_folder, _as_pipe, _as_link])
def test_what_is_no_file_is_no_result(series, stored, folder, replace):
    path = only_result(series, folder)
    replace(path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        array, computed = updated(series, folder)
    assert np.array_equal(array, stored)
    assert computed == SHAPE[0]
    if path.is_dir():
        # It is not deleted: nobody knows what it is.
        assert "cannot be kept there" in str(told[0].message)
    if replace is _as_full_folder:
        assert (path / "notes.txt").read_text() == "mine"


def test_damage_after_a_result_was_checked_is_an_error_and_the_next_run_is_right(series, stored, folder):
    path = only_result(series, folder)
    _, graph = counted(series)
    cache = sw.ResultCache(1, folder)
    status = path.stat()
    seen = []

    def spoil_the_last_slice(slab, values):
        seen.append(slab)
        with path.open("r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"xyz")

    with pytest.raises(errors.ReadError, match=r"damaged in slice 5, and was deleted; run again"):
        Runner(RunOptions(cache=cache, progress=False, workers=1, memory=300)).stream(graph, spoil_the_last_slice, "")
    assert seen
    assert status.st_size > 0
    assert not path.exists()
    assert np.array_equal(updated(series, folder)[0], stored)


# --- several processes --------------------------------------------------------------------------------------

SHARING = """
import sys, time
import numpy as np
import slicewise as sw
series, folder, out, limit, begin = sys.argv[1:]
time.sleep(max(0, float(begin) - time.time()))
for turn in range(3):
    for low in (-500, -400, -300, -200):
        cache = sw.ResultCache(1, folder, limit)
        graph = sw.SeriesReader(series) >> sw.Clip(low, 900) >> sw.Median(radius=1) >> sw.Clip(low, 800)
        array = graph.update(progress=False, cache=cache, workers=2).array
        np.save(f"{out}-{turn}{low}.npy", array)
"""


@pytest.mark.parametrize("limit", ["1GB", "25kB"])
def test_processes_at_work_in_one_folder_at_once_are_all_right(series, folder, tmp_path, limit):
    expected = {
        low: (sw.SeriesReader(series) >> sw.Clip(low, 900) >> sw.Median(radius=1) >> sw.Clip(low, 800))
        .update(progress=False)
        .array
        for low in (-500, -400, -300, -200)
    }
    begin = str(time.time() + 2)
    commands = [[sys.executable, "-c", SHARING, series, folder, tmp_path / f"out{k}", limit, begin] for k in range(3)]
    processes = [subprocess.Popen(command) for command in commands]
    for process in processes:
        process.wait(timeout=100)
    assert [process.returncode for process in processes] == [0, 0, 0]
    for k in range(3):
        for turn in range(3):
            for low, array in expected.items():
                assert np.array_equal(np.load(tmp_path / f"out{k}-{turn}{low}.npy"), array)
    left = [path for path in folder.iterdir() if path.name != ".lock"]
    assert left == results_in(folder) or set(left) == set(results_in(folder))
    assert left
    assert sum(path.stat().st_size for path in left) <= (10**9 if limit == "1GB" else 25_000)


KILLED = """
import os, signal, sys
import numpy as np
import slicewise as sw
def die(array):
    if array.max() > 999:
        os.kill(os.getpid(), signal.SIGKILL)
    return array
graph = sw.SeriesReader(sys.argv[1]) >> sw.Clip(-900, 1000) >> sw.Function(die)
graph.update(progress=False, cache=sw.ResultCache(1, sys.argv[2]), workers=1, memory=5000)
"""


def test_a_killed_process_leaves_nothing_that_the_next_does_not_remove(tmp_path, stored, folder):
    stored[4, 3, 3] = 1000
    for path in write_series(tmp_path / "deadly", stored):
        os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "deadly", folder], check=False)
    assert done.returncode == -signal.SIGKILL
    left = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
    assert left
    assert results_in(folder) == []
    sw.ResultCache(1, folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_what_another_process_is_writing_is_left_alone_and_counts(series, folder, stored):
    folder.mkdir()
    writing = folder / "another.partial"
    writing.write_bytes(bytes(20_000))
    with writing.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for limit, kept in (("21kB", 0), ("30kB", 1)):
            _, graph = counted(series)
            graph.update(progress=False, cache=sw.ResultCache(1, folder, limit))
            gc.collect()
            assert len(results_in(folder)) == kept
        assert writing.exists()
    sw.ResultCache(1, folder)
    assert not writing.exists()


def test_other_files_in_the_folder_are_never_deleted(series, folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for low in range(5):
        graph = sw.SeriesReader(series) >> sw.Clip(low, 900)
        graph.update(progress=False, cache=sw.ResultCache(1, folder, "6kB"))
        gc.collect()
    assert (folder / "notes.txt").read_text() == "mine"
    assert len(results_in(folder)) == 1


# --- the disk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_on_a_full_disk_caching_is_given_up_with_one_warning_and_the_run_goes_on(tmp_path, series, stored, workers):
    with small_disk(tmp_path / "disk", "16k") as disk:
        cache = sw.ResultCache(1, disk / "cache")
        (disk / "ballast").write_bytes(bytes(12 * 1024))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for low in (-500, -400):
                before = sw.SeriesReader(series) >> sw.Clip(low, 900)
                found = (before >> Smear(0)).update(progress=False, cache=cache, workers=workers)
                assert np.array_equal(found.array, stored.clip(low, 900))
        (message,) = [str(w.message) for w in told]
        assert "No space left on device" in message
        assert "cannot be kept there" in message
        assert results_in(disk / "cache") == []
        assert [p.name for p in (disk / "cache").iterdir()] == [".lock"]


def test_a_failure_while_writing_ends_the_caching_and_not_the_run(series, stored, folder, monkeypatch):
    cache = sw.ResultCache(1, folder)
    real, calls = os.pwrite, []

    def failing(descriptor, data, offset):
        calls.append(offset)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", failing)
    _, graph = counted(series)
    with pytest.warns(errors.SlicewiseWarning, match="Input/output error"):
        found = graph.update(progress=False, cache=cache, workers=1, memory=1000)
    assert np.array_equal(found.array, stored)
    assert results_in(folder) == []
    assert [p.name for p in folder.iterdir()] == [".lock"]


def test_results_on_a_disk_that_cannot_be_written_to_are_still_found(tmp_path, series, stored):
    with small_disk(tmp_path / "disk", "64k") as disk:
        only_result(series, disk / "cache")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        try:
            array, computed = updated(series, disk / "cache")
            assert np.array_equal(array, stored)
            assert computed == 0
            with pytest.warns(errors.SlicewiseWarning, match="Read-only file system"):
                found = (sw.SeriesReader(series) >> Smear(0)).update(
                    progress=False, cache=sw.ResultCache(1, disk / "cache")
                )
            assert np.array_equal(found.array, stored)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_files_and_folders_that_may_not_be_read_or_written(series, stored, folder):
    path = only_result(series, folder)
    path.chmod(0)
    array, computed = updated(series, folder)
    assert np.array_equal(array, stored)
    assert computed == SHAPE[0]
    folder.chmod(0o500)
    try:
        with pytest.warns(errors.SlicewiseWarning, match="Permission denied"):
            (sw.SeriesReader(series) >> Smear(0)).update(progress=False, cache=sw.ResultCache(1, folder))
    finally:
        folder.chmod(0o700)
