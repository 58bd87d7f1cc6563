"""Several results in one pass: equal to one by one, what they share computed once, and failing together."""

from __future__ import annotations

import threading

import numpy as np
import pydicom
import pytest
from small_nodes import Calling, Counting, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import CancelledError, ComputeError, DestinationError, GraphError
from slicewise.image import Image

OPTIONS = [{"workers": 1}, {"workers": 2, "memory": 2_000}, {"workers": 3}]


@pytest.mark.parametrize("options", OPTIONS)
def test_results_are_those_of_one_by_one(options):
    def targets(source):
        shared = source >> Smear(1)
        return shared, shared >> Smear(2), (shared >> Smear(1))[::3], shared >> Ranked(), shared > 0

    array = np.random.default_rng(3).integers(-1000, 1000, (40, 4, 5)).astype(np.int16)
    expected = [node.update(progress=False, workers=1).array for node in targets(Image.from_array(array))]
    found = sw.update_all(*targets(Image.from_array(array)), progress=False, **options)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.array.dtype == other.dtype
        assert np.array_equal(one.array, other)


def test_what_is_shared_is_computed_once():
    counting = Counting()
    shared = image((60, 4, 5)) >> counting
    sw.update_all(shared >> Smear(1), shared >> Smear(4), shared, workers=1, memory=3_000, progress=False)
    assert counting.count.slices == 60


def test_what_is_shared_behind_steps_that_are_run_as_one_is_computed_once():
    counting = Counting()
    half, third = sw.Resample(spacing=(0.5, 0.5, 1)), sw.Resample(spacing=(0.3, 0.3, 1))
    shared = image((60, 4, 5)) >> half >> third >> counting
    sw.update_all(shared >> Smear(1), shared >> Smear(4), workers=1, progress=False)
    assert counting.count.slices == 60


def test_series_of_two_filters_are_written_from_files_read_once(phantom_ct, tmp_path):
    counting = Counting()
    ct = sw.SeriesReader(phantom_ct.folder) >> counting
    median = ct >> sw.Median(radius=1)
    bone = ct > 300
    first, second, smooth = sw.update_all(
        median >> sw.SeriesWriter(tmp_path / "median"), bone >> sw.SeriesWriter(tmp_path / "bone"), median,
        workers=1, progress=False,
    )  # fmt: skip
    assert counting.count.slices == ct.geometry.slices
    assert len(first.paths) == len(second.paths) == ct.geometry.slices
    read = [pydicom.dcmread(path) for path in first.paths]
    values = np.stack([ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in read])
    assert np.array_equal(values, smooth.array)
    assert first.series_uid != second.series_uid


def test_writer_that_begins_anew_is_right_and_so_are_the_others(phantom_ct, tmp_path):
    # Sixteen bits do not hold what comes first from the intercept: the values are measured, and written again.
    ct = sw.SeriesReader(phantom_ct.folder)
    wide = (ct * 7.3) + 0.01
    written, plain = sw.update_all(wide >> sw.SeriesWriter(tmp_path / "wide"), ct, progress=False)
    found = sw.SeriesReader(tmp_path / "wide").update(progress=False).array
    expected = wide.update(progress=False).array
    slope = float(pydicom.dcmread(written.paths[0]).RescaleSlope)
    assert np.abs(found - expected).max() <= 0.51 * slope
    assert np.array_equal(plain.array, ct.update(progress=False).array)


def test_failure_of_a_node_leaves_no_series_behind(phantom_ct, tmp_path):
    def fail(slab):
        if 5 in slab:
            raise ZeroDivisionError("by nothing")

    ct = sw.SeriesReader(phantom_ct.folder)
    with pytest.raises(ComputeError, match="by nothing"):
        sw.update_all(
            ct >> Calling(fail) >> sw.SeriesWriter(tmp_path / "a"),
            ct >> sw.SeriesWriter(tmp_path / "b"),
            progress=False,
        )
    assert list(tmp_path.iterdir()) == []


def test_failure_of_one_writer_is_told(phantom_ct, tmp_path):
    ct = sw.SeriesReader(phantom_ct.folder)

    def refuse(name, content):
        raise OSError("no room on the tape")

    with pytest.raises(OSError, match="no room on the tape"):
        sw.update_all(
            ct >> sw.SeriesWriter(refuse), ct >> sw.Median(1) >> sw.SeriesWriter(tmp_path / "b"), progress=False
        )
    assert all("partial" not in path.name for path in tmp_path.iterdir())


def test_two_writers_to_one_place_do_not_mix(phantom_ct, tmp_path):
    ct = sw.SeriesReader(phantom_ct.folder)
    with pytest.raises(DestinationError):
        sw.update_all(ct >> sw.SeriesWriter(tmp_path / "a"), ct >> sw.SeriesWriter(tmp_path / "a"), progress=False)
    left = list(tmp_path.iterdir())
    assert [path.name for path in left] in ([], ["a"])
    for path in left:
        assert len(list(path.iterdir())) == ct.geometry.slices


def test_cancelling_stops_all():
    cancel = threading.Event()
    node = image((200, 2, 2)) >> Calling(lambda slab: cancel.set())
    with pytest.raises(CancelledError):
        sw.update_all(node, node >> Smear(1), cancel=cancel, memory=100, progress=False)


def test_progress_counts_the_slices_of_all():
    told = []
    source = image((30, 2, 2))
    sw.update_all(source >> Smear(1), source >> Smear(2), progress=told.append, workers=1)
    assert (told[0].done, told[0].total) == (0, 60)
    assert (told[-1].done, told[-1].total) == (60, 60)


def test_nothing_wanted_is_nothing():
    assert sw.update_all() == ()


def test_what_is_no_node_or_not_connected_is_refused():
    with pytest.raises(GraphError, match="not connected"):
        sw.update_all(image() >> Smear(1), Smear(1))
    with pytest.raises(GraphError, match="int"):
        sw.update_all(3)
