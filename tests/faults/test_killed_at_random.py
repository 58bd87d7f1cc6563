"""A process that is killed, interrupted or runs out of memory at a random moment leaves a whole series or none."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# One process that has everything imported, and a child of it for each moment.
NURSERY = """
import json, os, random, resource, signal, sys, time
from pathlib import Path
import numpy as np
import slicewise as sw
from slicewise.errors import SlicewiseError
from slicewise.io import phantom, series_reader, series_writer

place, seed, way, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
source, target, aside = place / "source", place / "results" / "derived", place / "aside"
aside.mkdir()
target.parent.mkdir()
os.environ["TMPDIR"] = str(aside)
phantom.ct_series(source, slices=48, size=(144, 128))
expected = None

def turned(array):
    return array[::-1] * np.float32(1.7)

def graph():
    node = sw.SeriesReader(source) >> sw.Median(radius=1)
    node = node >> sw.Function(turned, whole=True, dtype="float32") >> sw.Function(abs)
    return node >> sw.SeriesWriter(target, overwrite=True)

def run(node):
    node.update(memory="5MB", workers=2, progress=False)

def write():
    run(graph())

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        said = os.open(place / "said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        try:
            work()
        except KeyboardInterrupt:
            os._exit(3)
        except BaseException as error:
            os.write(said, f"{type(error).__name__}: {error}".encode())
            os._exit(4 if isinstance(error, SlicewiseError) else 5)
        os._exit(0)
    return child

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def state():
    global expected
    names = sorted(path.name for path in target.parent.iterdir() if path != target)
    is_right = None
    if target.exists():
        values = sw.SeriesReader(target).update(progress=False, workers=1).array
        if expected is None:
            expected = values
        is_right = bool(np.array_equal(values, expected))
    return {"right": is_right, "beside": names, "aside": os.listdir(aside)}

def clear():
    for path in target.iterdir() if target.exists() else ():
        path.unlink()
    if target.exists():
        target.rmdir()

def limited(extra):
    # Not of the graph itself, which is built before.
    node = graph()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * os.sysconf("SC_PAGE_SIZE") + extra
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    run(node)

began = time.perf_counter()
assert ended(in_child(write)) == 0
took = time.perf_counter() - began
assert state()["right"]
clear()
chance = random.Random(seed)
for k in range(number):
    if way == "memory":
        extra = int(chance.uniform(0.02, 1) * 6e7)
        code = ended(in_child(lambda: limited(extra)))
    else:
        child = in_child(write)
        time.sleep(chance.uniform(0, took))
        os.kill(child, signal.SIGKILL if way == "killed" else signal.SIGINT)
        code = ended(child)
    moment = {"code": code, "said": (place / "said").read_text(), "then": state()}
    moment["again"] = ended(in_child(write))
    moment["next"] = state()
    clear()
    print(json.dumps(moment), flush=True)
"""


@pytest.fixture
def moments(tmp_path):
    """Give a function that returns what was found at some random moments."""

    def run(way, number):
        seed = int.from_bytes(os.urandom(4), "little")
        print(f"seed {seed}")  # noqa: T201 - shown where the test fails
        command = [sys.executable, "-c", NURSERY, tmp_path, str(seed), way, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(found) == number
        return found

    return run


def check(moment):
    assert moment["then"]["right"] in (True, None), moment
    assert all(name.startswith(".derived.partial-") for name in moment["then"]["beside"]), moment
    assert moment["then"]["aside"] == [], moment
    assert moment["again"] == 0, moment
    assert moment["next"] == {"right": True, "beside": [], "aside": []}, moment


def test_killed_at_random_moments_it_leaves_a_whole_series_or_none(moments):
    found = moments("killed", 20)
    for moment in found:
        check(moment)
    assert sum(moment["code"] == -9 for moment in found) > 5


def test_interrupted_at_random_moments_it_leaves_a_whole_series_or_none(moments):
    found = moments("interrupted", 12)
    for moment in found:
        check(moment)
        assert moment["code"] in (0, 3), moment
    assert sum(moment["code"] == 3 for moment in found) > 3


def test_without_memory_it_says_so_and_leaves_no_series(moments):
    found = moments("memory", 8)
    for moment in found:
        check(moment)
        assert moment["code"] in (0, 4), moment
        assert moment["code"] == 0 or "emory" in moment["said"], moment
