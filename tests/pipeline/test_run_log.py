"""What the log is told: how a run goes, and at no level but DEBUG where files are and whose they are."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from small_nodes import Calling, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import ComputeError


def told(caplog, level):
    return [r.getMessage() for r in caplog.records if r.name.startswith("slicewise") and r.levelno >= level]


def test_begin_and_end_of_a_run_are_told_with_the_plan(caplog):
    caplog.set_level(logging.INFO, "slicewise")
    (image((40, 20, 20)) >> Smear(1) >> Ranked() >> Smear(1)).update(progress=False, memory=100_000, workers=2)
    begin, end = told(caplog, logging.INFO)
    assert begin.startswith("Smear: begins, slabs: ")
    assert "threads: " in begin
    assert "of 100 kB" in begin
    assert "in files: 128 kB" in begin
    assert end.startswith("Smear: done, ")


def test_phases_and_results_that_are_there_are_told_to_those_who_debug(caplog):
    node = image((40, 20, 20)) >> Smear(1) >> Ranked()
    caplog.set_level(logging.DEBUG, "slicewise")
    held = node.update(progress=False)
    assert node.update(progress=False) is held
    texts = told(caplog, logging.DEBUG)
    assert "phase 1 of 2: Smear, held whole" in texts
    assert "phase 2 of 2: Ranked, whole" in texts
    assert texts[-1].startswith("result of Ranked() of Smear is there already")


def test_a_run_that_fails_is_told_without_its_message(caplog):
    def fail(slab):
        raise ZeroDivisionError("Doe^Jane")

    caplog.set_level(logging.INFO, "slicewise")
    with pytest.raises(ComputeError):
        (image() >> Calling(fail)).update(progress=False)
    texts = told(caplog, logging.INFO)
    assert texts[-1].startswith("Calling: ended by ComputeError")
    assert not any("Doe" in text for text in texts)


def test_nothing_of_a_patient_is_told_above_debug(phantom_ct, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "slicewise")
    ct = sw.SeriesReader(phantom_ct.folder)
    (ct >> sw.Gaussian(sigma=1.0) >> sw.SeriesWriter(tmp_path / "Doe-Jane")).update(progress=False)
    header = ct.headers[0]
    personal = [str(phantom_ct.folder), "Doe-Jane", str(header.PatientName), header.PatientID, header.StudyInstanceUID]
    texts = told(caplog, logging.INFO)
    assert texts
    assert not any(word in text for text in texts for word in personal)


def test_warnings_are_not_told_twice(caplog):
    import warnings

    def odd(slab):
        warnings.warn("odd", UserWarning, stacklevel=1)

    caplog.set_level(logging.INFO, "slicewise")
    with pytest.warns(UserWarning, match="odd"):
        (image() >> Calling(odd)).update(progress=False)
    assert not any("odd" in text for text in told(caplog, logging.INFO))


def test_a_program_that_sets_up_no_log_hears_nothing():
    code = (
        "import numpy as np, slicewise as sw\n"
        "(sw.Image.from_array(np.zeros((9, 4, 4))) >> sw.Median(radius=1)).update(progress=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
