"""Whatever fails or stops a run, at whatever moment: what is there is whole, and nothing else is left."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from disturbances import WAYS, Moments, open_files, some_of, values_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_nodes import Calling

import slicewise as sw
from slicewise.errors import CancelledError, ComputeError, SlicewiseError

SEED = int.from_bytes(os.urandom(4), "little")


class Sight:
    """Looks at what there is before and after."""

    def __init__(self, way, source, tmp_path):
        self.way, self.source = way, source
        self.folder, self.spill = tmp_path / "results", tmp_path / "spill"
        self.folder.mkdir()
        self.spill.mkdir()
        self.options = {"memory": 1, "spill": self.spill, "progress": False}
        tell = Moments()
        self.run(tell, progress=tell, workers=1)
        self.expected = {name: values_of(self.folder / name) for name in way.names}
        self.moments = tell.number
        self.clear()
        self.files, self.threads = open_files(), threading.active_count()

    def run(self, tell, **options):
        self.way.run(self.source, self.folder, tell, **{**self.options, **options})

    def clear(self):
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def check(self):
        """Check that there is nothing but what is whole."""
        for path in self.folder.iterdir():
            assert path.name in self.way.names
            assert np.array_equal(values_of(path), self.expected[path.name])
        assert list(self.spill.iterdir()) == []
        assert open_files() == self.files
        assert threading.active_count() == self.threads


@pytest.fixture(params=WAYS)
def sight(request, source, tmp_path):
    return Sight(WAYS[request.param], source, tmp_path)


def refuse():
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize("workers", [1, 3])
def test_error_at_any_moment_leaves_nothing_half_done(sight, workers):
    for moment in some_of(sight.moments, 8, SEED):
        tell = Moments(moment, refuse)
        with pytest.raises((ComputeError, ZeroDivisionError), match="by nothing"):
            sight.run(tell, progress=tell, workers=workers)
        sight.check()
        sight.clear()
    sight.run(Moments())
    assert {path.name for path in sight.folder.iterdir()} == set(sight.way.names)
    sight.check()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt_at_any_moment_comes_through_and_leaves_nothing_half_done(sight, workers):
    for moment in some_of(sight.moments, 4, SEED):
        tell = Moments(moment, interrupt)
        with pytest.raises(KeyboardInterrupt):
            sight.run(tell, progress=tell, workers=workers)
        sight.check()
        sight.clear()


@pytest.mark.parametrize("workers", [1, 4])
def test_cancelling_at_any_moment_leaves_nothing_half_done(sight, workers):
    for moment in some_of(sight.moments, 8, SEED):
        cancel = threading.Event()
        tell = Moments(moment, cancel.set)
        try:
            sight.run(tell, progress=tell, cancel=cancel, workers=workers)
        except CancelledError:
            pass
        else:
            assert {path.name for path in sight.folder.iterdir()} == set(sight.way.names)
        sight.check()
        sight.clear()


@pytest.mark.parametrize("call", ["pwrite", "writev", "open", "preadv", "posix_fallocate"])
def test_disk_that_breaks_at_any_moment_leaves_nothing_half_done(sight, call, monkeypatch):
    real = getattr(os, call)

    def fail():
        raise OSError(5, os.strerror(5))

    def counted(tell):
        def do(*args, **options):
            # Of what is opened, new files alone: what deletes folders opens them, too, and cannot be helped.
            if call != "open" or args[1] & os.O_CREAT:
                tell()
            return real(*args, **options)

        return do

    count = Moments()
    monkeypatch.setattr(os, call, counted(count))
    sight.run(Moments(), workers=1)
    monkeypatch.undo()
    sight.clear()
    for moment in some_of(count.number, 4, SEED) if count.number else ():
        tell = Moments(moment, fail)
        monkeypatch.setattr(os, call, counted(tell))
        with pytest.raises(SlicewiseError, match="Input/output error"):
            sight.run(Moments(), workers=1)
        monkeypatch.undo()
        assert tell.has_acted
        sight.check()
        sight.clear()


# --- several results in one pass ----------------------------------------------------------------------------


def written_by(source, folder, tell, k):
    """Return a writer of one of several kinds: as stored, measured first, or of another format."""
    node = sw.SeriesReader(source) >> Calling(tell)
    return [
        node >> sw.SeriesWriter(folder / "plain"),
        node * 7.3 + 0.01 >> sw.SeriesWriter(folder / "wide.zip"),
        node >> sw.Median(radius=1) >> sw.VolumeWriter(folder / "smooth.nii.gz", on_headers="drop"),
        node * 1.7 >> sw.MultiFrameWriter(folder / "frames.dcm"),
        node >> sw.Function(np.flip, whole=True) >> sw.SeriesWriter(folder / "turned"),
    ][k]


@pytest.fixture
def alone(source, tmp_path):
    """Give the values that each of them writes when it is run alone."""
    writers = [written_by(source, tmp_path / "alone", lambda *_: None, k) for k in range(5)]
    for writer in writers:
        writer.update(progress=False)
    return [values_of(getattr(writer, "path", None) or writer.folder) for writer in writers]


def refusing(name, content):
    raise OSError("no room on the tape")


@given(
    kinds=st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True),
    what=st.sampled_from(["nothing", "error", "cancel", "interrupt", "writer"]),
    moment=st.integers(0, 60),
    workers=st.integers(1, 3),
    memory=st.sampled_from([1, 30_000, "1MB"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_writers_at_once_end_and_leave_nothing_half_done(  # noqa: PLR0917 - fixtures
    source, tmp_path_factory, alone, kinds, what, moment, workers, memory
):
    folder = tmp_path_factory.mktemp("several")
    cancel = threading.Event()
    act = {"error": refuse, "cancel": cancel.set, "interrupt": interrupt}.get(what)
    tell = Moments(moment, act)
    writers = [written_by(source, folder, tell, k) for k in kinds]
    names = [n.path.name if hasattr(n, "path") else n.folder.name for n in writers]
    if what == "writer":
        writers.append(sw.SeriesReader(source) >> sw.SeriesWriter(refusing))
    threads = threading.active_count()
    try:
        sw.update_all(*writers, workers=workers, memory=memory, progress=tell, cancel=cancel)
    except (SlicewiseError, ZeroDivisionError, KeyboardInterrupt, OSError):
        assert tell.has_acted or what == "writer"
    else:
        assert what != "writer"
        assert {path.name for path in folder.iterdir()} == set(names)
    assert threading.active_count() == threads
    for path in folder.iterdir():
        assert path.name in names
        assert np.array_equal(values_of(path), alone[kinds[names.index(path.name)]])
