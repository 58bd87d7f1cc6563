"""A series is complete or absent: whatever stops the writer, nothing half is left under the final name."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import slicewise as sw
from disks import small_disk
from slicewise import errors

DISTURBER = """
import sys, time
import numpy as np
import slicewise as sw

source, target, workers, whole = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])

def slow(array):
    print("computing", flush=True)
    time.sleep(whole * array.shape[0] / 8)
    return array * np.float32(1.5)

node = sw.SeriesReader(source) >> sw.Function(slow, dtype="float32") >> sw.SeriesWriter(target, overwrite=True)
print("ready", flush=True)
node.update(progress=False, workers=workers, memory="1MB")
print("done", flush=True)
"""


def disturbed(source, target, *, workers, after, sent, whole=1.0):
    """Write in another process, and send it a signal some time after it began to compute."""
    command = [sys.executable, "-c", DISTURBER, source, target, str(workers), str(whole)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "computing" in line:  # of several threads, lines run into each other
                break
        time.sleep(after)
        process.send_signal(sent)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said


# --- killed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0.0, 0.13, 0.41, 0.77])
def test_a_killed_process_leaves_no_series_and_the_next_one_cleans_up(  # noqa: PLR0917 - fixtures
    source, target, beside, write, is_whole, after
):
    code, _ = disturbed(source, target, workers=1, after=after, sent=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not target.exists()
    assert all(name.startswith(f".{target.name}.") for name in beside())
    write()
    assert is_whole(target)
    assert beside() == []


MOMENTS = """
import json, os, signal, sys
from pathlib import Path
import pydicom
import slicewise as sw
from slicewise.io import series_reader, series_writer  # imported now, so that only writing is counted

source, target = sys.argv[1], Path(sys.argv[2])
CHANGES = ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree", "shutil.move", "os.chmod", "open")

def write():
    (sw.SeriesReader(source) >> sw.SeriesWriter(target, overwrite=True)).update(progress=False, workers=1)

def killed_before_change(number):
    seen = 0
    def hook(event, args):
        nonlocal seen
        if event not in CHANGES or str(target.parent) not in str(args[0]):
            return
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if child == 0:
        sys.addaudithook(hook)
        write()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

def forked_write():
    child = os.fork()
    if child == 0:
        write()
        os._exit(0)
    os.waitpid(child, 0)

def whole(path):
    try:
        return len(pydicom.dcmread(path).PixelData) == 32 * 40 * 2
    except Exception:
        return False

def state():
    here = {p.name: sorted(f.name for f in p.iterdir() if whole(f)) for p in target.parent.iterdir()}
    return {"final": here.pop(target.name, None), "beside": here}

first = sys.argv[3] == "replace"
if first:
    forked_write()
    assert target.exists()
number = 1
while True:
    if not first and target.exists():
        for path in target.iterdir():
            path.unlink()
        target.rmdir()
    killed = killed_before_change(number)
    moment = {"number": number, "killed": killed, "then": state()}
    forked_write()
    moment["next"] = state()
    print(json.dumps(moment), flush=True)
    number += 1
    if not killed or number > 200:
        break
"""


@pytest.fixture
def killed_at_every_moment(source, target):
    """Give a function that writes and is killed before each change of the file system in turn."""

    def run(kind):
        done = subprocess.run(
            [sys.executable, "-c", MOMENTS, source, target, kind],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        moments = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(moments) > 8
        assert not moments[-1]["killed"]
        return moments

    return run


def test_a_kill_at_no_moment_leaves_a_half_series(killed_at_every_moment):
    for moment in killed_at_every_moment("new"):
        assert moment["then"]["final"] is None or len(moment["then"]["final"]) == 8, moment
        assert len(moment["next"]["final"]) == 8
        assert moment["next"]["beside"] == {}, moment


def test_a_series_being_replaced_is_never_gone_and_the_next_process_cleans_up(killed_at_every_moment):
    for moment in killed_at_every_moment("replace"):
        assert moment["then"]["final"] is not None, moment
        assert len(moment["then"]["final"]) == 8, moment
        assert moment["next"]["beside"] == {}, moment
        assert len(moment["next"]["final"]) == 8, moment


def test_what_a_dead_process_left_is_removed_though_its_number_is_in_use_again(target, write, beside):
    """In a container the next process often has the number of the last."""
    for number in (os.getpid(), os.getppid()):
        abandoned = target.with_name(f".{target.name}.partial-{number}-abandoned")
        abandoned.mkdir()
        (abandoned / "0001.dcm").touch()
    write()
    assert beside() == []


# --- interrupted and cancelled ----------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_the_program_and_leaves_nothing(source, target, nothing_left, workers):
    started = time.monotonic()
    code, said = disturbed(source, target, workers=workers, after=0.2, sent=signal.SIGINT, whole=4.0)
    assert code not in (0, -signal.SIGKILL)
    assert "KeyboardInterrupt" in said
    assert nothing_left()
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_from_another_thread_leaves_nothing(reader, target, nothing_left, workers):
    cancel = threading.Event()
    calls = []

    def cancelled_soon(array):
        calls.append(len(array))
        threading.Thread(target=cancel.set).start()
        time.sleep(0.05)
        return array

    node = reader >> sw.Function(cancelled_soon)
    for wanted in (node, node >> sw.SeriesWriter(target)):
        cancel.clear()
        calls.clear()
        with pytest.raises(errors.CancelledError, match="nothing of it was kept"):
            wanted.update(progress=False, workers=workers, cancel=cancel, memory="200KB")
        assert sum(calls) < 8
        assert nothing_left()


def test_a_function_that_fails_in_the_middle_is_named_with_its_slices(reader, target, nothing_left):
    bad = reader.update(progress=False).array[5]

    def failing(array):
        if any(np.array_equal(plane, bad) for plane in array):
            raise RuntimeError("too bright")
        return array

    node = reader >> sw.Function(failing, name="Checker") >> sw.SeriesWriter(target)
    with pytest.raises(errors.ComputeError, match=r"Checker.*slices? \d+.*\nRuntimeError: too bright") as failure:
        node.update(progress=False)
    first, last = map(int, re.search(r"slices (\d+) to (\d+)", str(failure.value)).groups())
    assert first <= 5 <= last
    assert isinstance(failure.value.__cause__, RuntimeError)
    assert nothing_left()


# --- disk full --------------------------------------------------------------------------------------


@pytest.fixture
def nearly_full(tmp_path):
    with small_disk(tmp_path / "disk", "32k") as folder:
        yield folder


WAYS = {
    "as stored": lambda reader: reader,
    "measured first": lambda reader: reader >> sw.Function(lambda a: a * np.float32(1.5), dtype="float32"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_an_error_in_words_and_leaves_nothing(reader, nearly_full, way, workers):
    node = WAYS[way](reader) >> sw.SeriesWriter(nearly_full / "derived")
    with pytest.raises(errors.WriteError, match="No space left on device"):
        node.update(progress=False, workers=workers)
    assert list(nearly_full.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_under_a_replacement_leaves_the_former_series(reader, tmp_path, way):
    with small_disk(tmp_path / "disk", "144k") as disk:
        target = disk / "derived"
        (reader >> sw.SeriesWriter(target)).update(progress=False)
        before = {path.name: path.read_bytes() for path in target.iterdir()}
        with pytest.raises(errors.WriteError, match="No space left on device"):
            (WAYS[way](reader) >> sw.SeriesWriter(target, overwrite=True)).update(progress=False)
        assert {path.name: path.read_bytes() for path in target.iterdir()} == before
        assert [path.name for path in disk.iterdir()] == ["derived"]


@pytest.mark.parametrize("call", ["writev", "pwrite", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_any_failure_of_the_system_is_a_write_error(  # noqa: PLR0917 - fixtures
    reader, target, nothing_left, monkeypatch, call, number
):
    real = getattr(os, call)
    calls = []

    def failing(*args, **options):
        is_ours = call != "open" or (".partial-" in str(args[0]) and args[1] & os.O_CREAT)
        calls.append(is_ours)
        if is_ours and sum(calls) > 1:
            raise OSError(number, os.strerror(number))
        return real(*args, **options)

    monkeypatch.setattr(os, call, failing)
    node = WAYS["measured first"](reader) >> sw.SeriesWriter(target)
    with pytest.raises(errors.WriteError, match=os.strerror(number)):
        node.update(progress=False, workers=1, memory="100KB")
    monkeypatch.undo()
    assert nothing_left()


def test_a_disk_that_takes_only_a_part_gets_the_rest(reader, write, target, is_whole, monkeypatch):
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, [b"".join(parts)[:1000]]))
    write()
    assert is_whole(target)
    again = sw.SeriesReader(target).update(progress=False)
    assert np.array_equal(again.array, reader.update(progress=False).array)


# --- others at the same place -----------------------------------------------------------------------


def test_what_others_put_at_the_destination_meanwhile_is_not_deleted(reader, target, beside):
    def meddling(array):
        target.mkdir(exist_ok=True)
        (target / "precious.txt").write_text("not ours")
        return array

    for overwrite in (False, True):
        if target.exists():
            (target / "precious.txt").unlink()
            target.rmdir()
        node = reader >> sw.Function(meddling) >> sw.SeriesWriter(target, overwrite=overwrite)
        with pytest.raises(errors.DestinationError, match=r"derived"):
            node.update(progress=False)
        assert (target / "precious.txt").read_text() == "not ours"
        assert beside() == []


def test_two_writers_at_one_destination_leave_one_whole_series(reader, target, beside, is_whole):
    outcomes = []
    start = threading.Barrier(2)

    def write():
        start.wait()
        try:
            (reader >> sw.SeriesWriter(target)).update(progress=False, workers=1)
            outcomes.append("written")
        except errors.DestinationError:
            outcomes.append("refused")

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_whole(target)
    assert beside() == []
    assert sorted(outcomes) == ["refused", "written"]
