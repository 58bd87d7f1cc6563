"""A run ends where it is told to: between slabs, within a filter of SimpleITK, by Ctrl-C once or again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_nodes import Calling, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import CancelledError
from slicewise.pipeline.holding import InFile
from slicewise.pipeline.watching import tell_share


def slow_filter(iterations=400):
    """Return a filter of SimpleITK that takes many seconds for the whole volume."""
    source = image((40, 160, 160), "float32")
    return source >> sw.sitk.CurvatureAnisotropicDiffusion(time_step=0.03, number_of_iterations=iterations)


def test_slow_filter_is_one_that_takes_all_slices():
    assert "needs the whole volume" in slow_filter().explain()


def test_filter_of_simpleitk_tells_how_far_it_is():
    told = []
    slow_filter(iterations=10).update(progress=told.append)
    done = [p.done for p in told if "whole" in p.title]
    assert len(done) > 5
    assert done == sorted(done)
    assert 0 < done[len(done) // 2] < 40
    assert done[-1] == 40


def test_filter_of_simpleitk_is_aborted_when_the_run_is_cancelled():
    cancel, told, began = threading.Event(), [], time.perf_counter()

    def look(progress):
        told.append(progress)
        if progress.done > 0:
            cancel.set()

    with pytest.raises(CancelledError, match="nothing of it was kept"):
        slow_filter().update(progress=look, cancel=cancel)
    # All of it takes a minute.
    assert time.perf_counter() - began < 15
    assert told[-1].done < 5


def test_measurement_of_simpleitk_is_aborted_too():
    cancel = threading.Event()
    labels = image((60, 200, 200), "uint8") >> sw.sitk.ConnectedComponent()
    node = labels >> sw.sitk.LabelShapeStatistics(compute_oriented_bounding_box=True)

    def look(progress):
        if progress.title.startswith("sitk.LabelShape"):
            cancel.set()

    with pytest.raises(CancelledError):
        node.update(progress=look, cancel=cancel)


def test_error_of_the_progress_function_ends_a_filter_of_simpleitk():
    def refuse(progress):
        if progress.done:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match=r"^no more$"):
        slow_filter().update(progress=refuse)


def test_node_of_ones_own_may_tell_how_far_it_is_and_stop_there():
    cancel, reached = threading.Event(), []

    def work(slab):
        for k in range(10):
            reached.append(k)
            if k == 4:
                cancel.set()
            tell_share(k / 10)

    with pytest.raises(CancelledError):
        (image() >> sw.Function(lambda a: work(a) or a, whole=True)).update(progress=False, cancel=cancel)
    assert reached == [0, 1, 2, 3, 4]


def test_nobody_needs_to_listen():
    tell_share(0.5)


# --- Ctrl-C -------------------------------------------------------------------------------------------------

PROGRAM = """
import sys, time
import numpy as np
import slicewise as sw
{source}
print("done", flush=True)
"""

SLABS = """
def slow(array):
    print("computing", flush=True)
    time.sleep(1.0)
    print("computed", flush=True)
    return array * np.float32(1.5)

ct = sw.SeriesReader(sys.argv[1])
(ct >> sw.Function(slow, dtype="float32") >> sw.SeriesWriter(sys.argv[2])).update(
    progress=False, workers=2, memory="1MB"
)
"""

TOGETHER = SLABS.replace(
    '(ct >> sw.Function(slow, dtype="float32") >> sw.SeriesWriter(sys.argv[2])).update(',
    "slowly = ct >> sw.Function(slow, dtype='float32')\nsw.update_all(slowly >> sw.SeriesWriter(sys.argv[2]), slowly,",
)

FILTER = """
def look(progress):
    if progress.done:
        print("computing", flush=True)

source = sw.Image.from_array(np.random.default_rng(1).standard_normal((40, 160, 160)).astype(np.float32))
node = source >> sw.sitk.CurvatureAnisotropicDiffusion(time_step=0.03, number_of_iterations=400)
node.update(progress=look)
"""


def interrupted(source, *arguments, times):
    """Run a program, send it Ctrl-C when it computes, and again while it still does; return what it says."""
    command = [sys.executable, "-c", PROGRAM.format(source=source), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if "computing" in line:  # of several threads, lines run into each other
                    break
            for _ in range(times):
                time.sleep(0.15)
                process.send_signal(signal.SIGINT)
            said, told = process.communicate(timeout=40)
        finally:
            process.kill()
    return process.returncode, said, told


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("source", [SLABS, TOGETHER], ids=["one", "together"])
def test_interrupts_wait_for_the_slabs_at_work_and_leave_nothing(phantom_ct, tmp_path, source, times):
    code, said, told = interrupted(source, phantom_ct.folder, tmp_path / "derived", times=times)
    assert code == -signal.SIGINT
    assert "done" not in said.split()
    # What was at work ended in peace, before what it writes to was cleared away.
    assert said.count("computed") >= 1
    assert told.rstrip().endswith("KeyboardInterrupt\nthe run was cancelled; nothing of it was kept")
    assert "partial" not in told
    assert list(tmp_path.iterdir()) == []


def test_interrupt_reaches_a_filter_of_simpleitk():
    began = time.perf_counter()
    code, _, told = interrupted(FILTER, times=1)
    assert code == -signal.SIGINT
    assert told.rstrip().endswith("KeyboardInterrupt\nthe run was cancelled; nothing of it was kept")
    assert time.perf_counter() - began < 20


# --- what was set aside -------------------------------------------------------------------------------------


OPEN = Path("/proc/self/fd")


def open_files():
    """Return the files without a name that are open; one that lists them is gone when it is looked at."""
    found = set()
    for link in OPEN.iterdir():
        with contextlib.suppress(OSError):
            found.add(str(link.readlink()))
    return {path for path in found if path.endswith("(deleted)")}


@pytest.mark.skipif(not OPEN.exists(), reason="Linux tells which files are open")
def test_file_that_was_being_filled_is_gone_when_the_run_ends():
    cancel, before = threading.Event(), open_files()

    def stop(slab):
        if slab.start > 20:
            assert open_files() - before
            cancel.set()

    node = image((100, 20, 20)) >> Calling(stop) >> Ranked() >> Smear(1)
    assert "held in a file" in node.explain(memory=20_000)
    with pytest.raises(CancelledError):
        node.update(progress=False, cancel=cancel, memory=20_000, workers=2)
    assert open_files() == before


def test_file_that_is_closed_takes_nothing_more(tmp_path):
    held = InFile(image((4, 2, 2)).info, tmp_path, "it")
    held.close()
    with (tmp_path / "other").open("wb") as other, pytest.raises(sw.errors.WriteError):
        # A thread that is late must not write to the file that has its number now.
        held.put(range(2), np.ones((2, 2, 2), np.int16))
    assert other.closed
    assert (tmp_path / "other").read_bytes() == b""
