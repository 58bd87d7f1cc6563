"""What a policy of a reader let pass can be asked for, and goes with what is written; nothing else does."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import slicewise as sw
from makers import write_series

PIXELS = np.random.default_rng(6).integers(0, 99, (6, 4, 4)).astype(np.int16)
EVEN = [(0, 0, 2.0 * k) for k in range(6)]


def series(folder, heights):
    write_series(folder, PIXELS[: len(heights)], positions=[(0, 0, z) for z in heights])
    return folder


CASES = {
    "gap": ([0, 2, 4, 10, 12, 14], {"on_gap": "keep"}, "on_gap='keep': slices 2 to 6 mm apart"),
    "copy": ([0, 2, 4, 4, 6, 8], {"on_duplicate": "first"}, "on_duplicate='first': 1 of 6 slices left out"),
    "uneven": ([0, 2.3, 4, 6, 8, 10], {"tolerance": 0.2}, "tolerance=0.2: slices up to 0.3 mm from their place"),
}


@pytest.mark.filterwarnings("ignore:.*slices at positions")
@pytest.mark.parametrize("name", CASES)
def test_what_a_policy_let_pass_is_told_everywhere(tmp_path, name):
    heights, policy, note = CASES[name]
    reader = sw.SeriesReader(series(tmp_path / "in", heights), **policy)
    assert [step.description for step in reader.info.history] == [f"SeriesReader({note})"]
    median = reader >> sw.Median(radius=(1, 1, 0))
    assert note in median.explain()
    written = (median >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert f"note: SeriesReader({note})" in str(written.report)
    header = pydicom.dcmread(written.paths[0])
    assert f"SeriesReader({note}); Median(" in header.DerivationDescription
    assert "SeriesReader" not in header.SeriesDescription


@pytest.mark.parametrize("name", CASES)
def test_a_policy_that_had_nothing_to_do_leaves_no_trace(tmp_path, name):
    _, policy, _ = CASES[name]
    write_series(tmp_path / "in", PIXELS, positions=EVEN)
    reader = sw.SeriesReader(tmp_path / "in", **policy)
    assert reader.info.history == ()
    assert "note" not in reader.explain()
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert written.report.warnings == ()
    assert "SeriesReader" not in pydicom.dcmread(written.paths[0]).DerivationDescription


def test_positions_rounded_by_the_scanner_are_no_news(tmp_path):
    reader = sw.SeriesReader(series(tmp_path / "in", [0, 2.05, 4, 6, 8, 10]), tolerance=0.5)
    assert reader.info.history == ()
