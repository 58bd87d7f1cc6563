"""How far a run is: slices, bytes, phases and an estimate that holds; what a person sees of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from small_nodes import Ranked, Smear, image

import slicewise as sw
from slicewise.pipeline.progress import Meter, Progress

# --- estimates, by a clock of our own -----------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def told_at(times, total, sizes=None):
    """Return what is told when so many are done, one more at each time."""
    clock, told = Clock(), []
    meter = Meter(told.append, "writing", "slice", (1, 1), clock)
    for done, at in enumerate(times):
        clock.now = 100.0 + at
        meter(done, total, *([] if sizes is None else [sum(sizes[:done]), sum(sizes)]))
    return told


def test_estimate_of_steady_work_is_exact():
    told = told_at(np.arange(21) * 2.0, 20)
    assert told[0].remaining is None
    for p in told[1:]:
        assert p.elapsed == 2.0 * p.done
        assert p.remaining == pytest.approx(2.0 * (20 - p.done))


def test_estimate_goes_by_bytes_where_they_are_known():
    # The first file is as large as all others: half is done when it is.
    told = told_at([0, 10, 11, 12], 11, sizes=[100, *[10] * 10])
    assert told[1].remaining == pytest.approx(10)
    assert (told[1].bytes_done, told[1].bytes_total) == (100, 200)


def test_estimate_does_not_swing_where_two_threads_end_in_turns():
    times = [0.0]
    for k in range(1, 11):
        times += [10.0 * k, 10.0 * k + 0.1]
    told = told_at(times, 20)
    ends = [p.elapsed + p.remaining for p in told[1:-1]]
    # By counts alone it would go up by 33 s and down again each time.
    assert max(b - a for a, b in pairwise(ends)) < 1
    assert max(ends[6:]) < 125
    assert ends[-1] == pytest.approx(100, rel=0.05)


def test_estimate_follows_when_work_gets_slower_and_never_jumps():
    times = [float(k) for k in range(51)] + [50.0 + 3 * k for k in range(1, 51)]
    told = told_at(times, 100)
    ends = [p.elapsed + p.remaining for p in told[1:]]
    assert max(abs(b - a) for a, b in pairwise(ends)) < 6
    assert ends[-10] == pytest.approx(200, rel=0.1)
    assert told[-1].remaining == 0


def test_nothing_is_guessed_in_the_first_moment():
    assert [p.remaining for p in told_at([0, 0.1, 0.2, 0.3], 100)] == [None] * 4


def test_a_person_reads_amounts_speed_and_time_left():
    p = Progress(
        title="writing", done=30, total=120, bytes_done=30 * 10**6, bytes_total=120 * 10**6, elapsed=10.0,
        remaining=3725.0, phase=2, phases=3,
    )  # fmt: skip
    assert str(p) == "writing (2 of 3): 30 of 120 slices, 30 MB of 120 MB, 3 MB/s, 1:02:05 left"
    assert str(Progress(title="Checking", done=3, total=4, unit="file")) == "Checking: 3 of 4 files"


# --- runs ---------------------------------------------------------------------------------------------------


def test_run_tells_slices_and_the_bytes_of_their_values():
    told = []
    (image((30, 4, 5)) >> Smear(1)).update(progress=told.append, workers=1, memory=2000)
    assert all(isinstance(p, sw.Progress) for p in told)
    # Sums are int32: 4 x 5 x 4 bytes for each slice.
    assert all(p.bytes_done == 80 * p.done and p.bytes_total == 80 * 30 for p in told)
    assert {(p.title, p.unit, p.phase, p.phases) for p in told} == {("Smear", "slice", 1, 1)}


def phases_of(told):
    """Return each phase with its title and its last count, and check that it begins at nothing."""
    found = {}
    for p in told:
        if p.phase not in found:
            assert p.done == 0
        found[p.phase] = (p.title, p.done, p.total, p.phases)
    assert list(found) == sorted(found)
    return found


def test_phases_are_named_and_counted():
    told = []
    (image((8, 2, 2)) >> Smear(1) >> Ranked() >> Smear(1)).update(progress=told.append, workers=1)
    assert phases_of(told) == {
        1: ("Smear, held whole", 8, 8, 3),
        2: ("Ranked, whole", 8, 8, 3),
        3: ("Smear", 8, 8, 3),
    }


def test_result_that_is_held_anyway_is_no_phase_of_its_own():
    told = []
    (image((8, 2, 2)) >> Ranked()).update(progress=told.append, workers=1)
    assert phases_of(told) == {1: ("Ranked, whole", 8, 8, 1)}


def test_writing_of_values_that_are_measured_first_says_that_it_is_the_second_phase(phantom_ct, tmp_path):
    told = []
    ct = sw.SeriesReader(phantom_ct.folder)
    slices = ct.geometry.slices
    (ct >> sw.Gaussian(sigma=1.0) >> sw.SeriesWriter(tmp_path / "a")).update(progress=told.append)
    assert list(phases_of(told).values())[-2:] == [
        ("measuring", slices, slices, told[-1].phases),
        ("writing", slices, slices, told[-1].phases),
    ]
    assert told[-1].phase == told[-1].phases


def test_several_results_have_one_progress_with_the_bytes_of_all():
    told = []
    source = image((30, 2, 2))
    sw.update_all(source >> Smear(1), source >> Smear(2), source >> sw.Threshold(0), progress=told.append, workers=1)
    assert phases_of(told) == {1: ("Smear, Threshold", 90, 90, 1)}
    # Sums are int32, what is over the threshold stays int16.
    assert told[-1].bytes_total == 30 * 2 * 2 * (4 + 4 + 2)
    assert told[-1].bytes_done == told[-1].bytes_total


def test_progress_is_told_in_the_thread_that_runs():
    threads = set()
    (image((60, 4, 5)) >> Smear(1)).update(
        progress=lambda p: threads.add(threading.get_ident()), workers=3, memory=2000
    )
    assert threads == {threading.get_ident()}


def test_files_that_are_written_again_are_told_with_their_bytes(phantom_ct, tmp_path):
    told = []
    done = sw.transcode(phantom_ct.folder, tmp_path / "a", "rle", progress=told.append)
    assert {p.unit for p in told} == {"file"}
    assert (told[-1].done, told[-1].bytes_done) == (len(done.paths), done.bytes_before)
    assert done.bytes_before == sum(path.stat().st_size for path in phantom_ct.folder.iterdir())


# --- what a person sees -------------------------------------------------------------------------------------

SLOW = """
import time
import numpy as np
import slicewise as sw

def slow(array):
    time.sleep(0.15)
    return array

source = sw.Image.from_array(np.zeros((12, 50, 50), np.float32))
(source >> sw.Function(slow, whole=False)).update(workers=1, memory=20_000)
"""


def test_terminal_shows_slices_bytes_and_time_left():
    main, side = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SLOW], stderr=side, env={**os.environ, "COLUMNS": "120"}) as process:
        os.close(side)
        seen = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:
                break
            if not part:
                break
            seen += part
    os.close(main)
    assert process.returncode == 0
    text = seen.decode()
    assert "Function" in text
    assert "of 12 slices" in text
    assert "of 120 kB" in text
    assert "left" in text
    assert "12 of 12 slices" in text
