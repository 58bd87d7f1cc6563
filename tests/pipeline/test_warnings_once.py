"""Warnings of nodes: once in a run, with the name of the node, in threads too; nothing global is left changed."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from small_nodes import Calling, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import ComputeError, SlicewiseWarning


def warning_slab(slab):
    warnings.warn("values look odd", SlicewiseWarning, stacklevel=2)


def told_by(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [(w.category, str(w.message)) for w in caught]


@pytest.mark.parametrize("workers", [1, 3])
def test_warning_of_each_slab_is_told_once_with_the_node(workers):
    node = image((60, 4, 5)) >> Calling(warning_slab) >> Smear(1)
    slabs = []
    told = told_by(lambda: node.update(progress=lambda p: slabs.append(p.done), workers=workers, memory=4000))
    assert len(slabs) > 3
    assert told == [(SlicewiseWarning, "Calling: values look odd")]


@pytest.mark.parametrize("workers", [1, 2])
def test_warning_of_numpy_in_a_function_is_told_once(workers):
    def odd(array):
        return (array - array.min()) / np.float32(0)

    node = image((40, 4, 5), "float32") >> sw.Function(odd, dtype="float32", name="odd")
    told = told_by(lambda: node.update(progress=False, workers=workers, memory=3000))
    assert sorted(told) == [
        (RuntimeWarning, "odd: divide by zero encountered in divide"),
        (RuntimeWarning, "odd: invalid value encountered in divide"),
    ]


def test_other_warnings_and_other_nodes_are_told_too():
    def other(slab):
        warnings.warn(f"slab {slab.start >= 30}", UserWarning, stacklevel=2)

    source = image((60, 4, 5)) >> Calling(warning_slab)
    node = (source >> Calling(other)) + (source >> Calling(warning_slab) >> Ranked())
    texts = sorted(text for _, text in told_by(lambda: node.update(progress=False, workers=2, memory=4000)))
    assert texts == ["Calling: slab False", "Calling: slab True", "Calling: values look odd"]


def test_the_next_run_tells_again():
    node = image((60, 4, 5)) >> Calling(warning_slab)
    for _ in range(2):
        assert len(told_by(lambda: node.update(progress=False, workers=2, memory=4000))) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_warnings_that_are_errors_are_raised(workers):
    node = image((60, 4, 5)) >> Calling(warning_slab)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ComputeError, match="SlicewiseWarning: values look odd"):
            node.update(progress=False, workers=workers)


def test_ignored_warnings_are_not_told():
    node = image((60, 4, 5)) >> Calling(warning_slab)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        node.update(progress=False, workers=2)
    assert caught == []


def test_warning_is_shown_by_whoever_shows_warnings_and_where_it_arose(monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda *a, **k: shown.append(a))
    with pytest.warns(UserWarning, match="outside"):  # not of a node
        warnings.warn("outside", UserWarning, stacklevel=1)
    warnings.simplefilter("always")
    (image() >> Calling(warning_slab)).update(progress=False, workers=1)
    ((message, category, filename, _),) = [a[:4] for a in shown]
    assert str(message) == "Calling: values look odd"
    assert category is SlicewiseWarning
    assert filename.endswith("small_nodes.py")


def state():
    return warnings.showwarning, list(warnings.filters)


def test_nothing_global_is_left_changed_however_a_run_ends():
    def fail(slab):
        raise ZeroDivisionError

    before = state()
    told_by(lambda: (image() >> Calling(warning_slab)).update(progress=False))
    assert state() == before
    with pytest.raises(ComputeError):
        (image() >> Calling(fail)).update(progress=False, workers=2)
    assert state() == before


def test_runs_in_several_threads_tell_each_once_and_leave_nothing():
    gates = [threading.Barrier(4), threading.Barrier(4)]

    def run(k):
        def odd(slab):
            if slab.start == 0:
                gates[0].wait(20)
                gates[1].wait(20)
            warnings.warn(f"odd {k}", UserWarning, stacklevel=2)

        (image((60, 4, 5), seed=k) >> Calling(odd)).update(progress=False, workers=2, memory=4000)

    before = state()

    def all_at_once():
        threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    texts = sorted(text for _, text in told_by(all_at_once))
    assert texts == [f"Calling: odd {k}" for k in range(4)]
    assert state() == before


def test_block_of_catch_warnings_in_another_thread_does_not_keep_what_stands_in():
    entered, ended = threading.Event(), threading.Event()

    def other():
        with warnings.catch_warnings():
            entered.set()
            ended.wait(20)

    def start(slab):
        if not entered.is_set():
            thread.start()
            entered.wait(20)

    thread = threading.Thread(target=other)
    before = warnings.showwarning
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        own = warnings.showwarning
        (image() >> Calling(start)).update(progress=False, workers=1)
        ended.set()
        thread.join()
        # It put back what stood in when it began; the first warning clears that away, and is told.
        warnings.warn("later", UserWarning, stacklevel=1)
        assert [str(w.message) for w in caught] == ["later"]
        assert warnings.showwarning is own
    assert warnings.showwarning is before


def test_run_within_catch_warnings_of_a_thread_while_another_run_is_on():
    inner_done, inside = threading.Event(), threading.Event()
    texts = []

    def inner():
        inside.wait(20)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            (image(seed=5) >> Calling(warning_slab)).update(progress=False, workers=1)
            texts.extend(str(w.message) for w in caught)
        inner_done.set()

    def wait(slab):
        inside.set()
        inner_done.wait(20)

    before = warnings.showwarning
    thread = threading.Thread(target=inner)
    thread.start()
    (image() >> Calling(wait)).update(progress=False, workers=2)
    thread.join()
    assert texts == ["Calling: values look odd"]
    assert warnings.showwarning is before


ERRORS = """
import warnings
import numpy as np
import slicewise as sw
source = sw.Image.from_array(np.arange(60, dtype=np.float32).reshape(15, 2, 2))
(source >> sw.Function(lambda a: np.log(-1 - a), dtype="float32", name="logarithm")).update(workers=2, progress=False)
"""


@pytest.mark.parametrize(("option", "code"), [("always", 0), ("error", 1)])
def test_option_of_the_interpreter_holds_in_threads(option, code):
    done = subprocess.run(
        [sys.executable, "-W", option, "-c", ERRORS], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    if option == "always":
        assert done.stderr.count("invalid value encountered in log") == 1
        assert "RuntimeWarning: logarithm: invalid value" in done.stderr
    else:
        assert "RuntimeWarning: invalid value encountered in log" in done.stderr.splitlines()[-1]
