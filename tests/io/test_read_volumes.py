"""All volumes of a series: found, named, chosen, and read as each would be alone."""

from __future__ import annotations

import numpy as np
import pytest

import slicewise as sw
from makers import write_series
from slicewise.errors import (
    DuplicateSliceError,
    MixedSlicesError,
    ParameterError,
    SeveralSeriesError,
    SlicewiseWarning,
    SpaceMismatchError,
)
from slicewise.io import opened_series

STORED = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


def add_volume(folder, number, **attributes):
    """Write three slices more into a series, with values of their own."""
    uids = [{"SOPInstanceUID": f"1.2.{number}.{k}"} for k in range(1, 4)]
    return write_series(folder, STORED + 100 * number, prefix=f"v{number}-", per_slice=uids, **attributes)


@pytest.fixture
def echoes(tmp_path):
    add_volume(tmp_path, 1, EchoTime="9.84")
    add_volume(tmp_path, 2, EchoTime="4.92")
    return tmp_path


@pytest.fixture
def grid(tmp_path):
    """Two echoes, each with magnitude and phase."""
    for number, (echo, part) in enumerate([("2", "M"), ("2", "P"), ("5", "M"), ("5", "P")], start=1):
        add_volume(tmp_path, number, EchoTime=echo, ImageType=["ORIGINAL", "PRIMARY", part, "ND"])
    return tmp_path


def values(node):
    return node.update(progress=False).array


def test_volumes_stand_in_the_order_of_what_separates_them(echoes):
    volumes = sw.read_volumes(echoes)
    assert len(volumes) == 2
    assert volumes.names == ("EchoTime 4.92", "EchoTime 9.84")
    assert [dict(labels) for labels in volumes.labels] == [{"EchoTime": 4.92}, {"EchoTime": 9.84}]
    assert volumes.axis == ("echo",)
    assert np.array_equal(values(volumes[0]), STORED + 200)
    assert np.array_equal(values(volumes["EchoTime 9.84"]), STORED + 100)
    assert [values(volume)[0, 0, 0] for volume in volumes] == [200, 100]
    assert volumes[1:].names == ("EchoTime 9.84",)


def test_two_dimensions_are_both_in_names_and_labels(grid):
    volumes = sw.read_volumes(grid)
    assert volumes.axis == ("echo", "image type")
    assert volumes.names == (
        "EchoTime 2, ImageType M",
        "EchoTime 2, ImageType P",
        "EchoTime 5, ImageType M",
        "EchoTime 5, ImageType P",
    )
    assert volumes.labels[3] == {"EchoTime": 5.0, "ImageType": ("ORIGINAL", "PRIMARY", "P", "ND")}
    assert np.array_equal(values(volumes[2]), STORED + 300)


def test_a_series_of_one_volume_is_one_volume_without_a_name(tmp_path):
    add_volume(tmp_path, 1)
    volumes = sw.read_volumes(tmp_path)
    assert volumes.names == ("",)
    assert volumes.axis == ()
    assert volumes[0].key == sw.SeriesReader(tmp_path).key


def test_a_volume_that_is_not_there_is_an_error_that_lists_those_that_are(echoes):
    with pytest.raises(ParameterError, match=r"no volume 'echo 1'.*'EchoTime 4\.92', 'EchoTime 9\.84'"):
        sw.read_volumes(echoes)["echo 1"]
    for wrong in (2, -3, "echo 1"):
        with pytest.raises(
            ParameterError, match=r"(?s)from 0 to 1 or a name.*0: EchoTime 4\.92 \(3 slices\).*1: EchoTime 9\.84"
        ):
            _ = sw.SeriesReader(echoes, volume=wrong).geometry
    with pytest.raises(IndexError):
        sw.read_volumes(echoes)[2]


@pytest.mark.parametrize("wrong", [1.0, True, ["EchoTime"]])
def test_a_volume_is_chosen_by_number_or_name_only(wrong):
    with pytest.raises(ParameterError, match="'volume' must be the number or the name"):
        sw.SeriesReader("x", volume=wrong)


@pytest.mark.parametrize("volume", [1, -1, "EchoTime 9.84"])
def test_a_reader_of_one_volume_is_the_same_however_it_is_chosen(echoes, volume):
    reader = sw.SeriesReader(echoes, volume=volume)
    assert np.array_equal(values(reader), STORED + 100)
    assert reader.key == sw.SeriesReader(echoes, where={"EchoTime": 9.84}).key == sw.read_volumes(echoes)[1].key
    assert reader.headers == sw.read_volumes(echoes)[1].headers
    assert f"volume={volume!r}" in repr(reader)


def test_headers_are_read_once_for_all_volumes(echoes, monkeypatch):
    opened = []
    reading = opened_series.open_series
    monkeypatch.setattr("slicewise.io.series_reader.open_series", lambda *a, **k: opened.append(a) or reading(*a, **k))
    volumes = sw.read_volumes(echoes)
    assert [volume.geometry.slices for volume in volumes] == [3, 3]
    assert len(opened) == 1


def test_a_reader_of_a_volume_reads_by_itself_what_it_was_not_given(echoes):
    import attrs

    anew = attrs.evolve(sw.read_volumes(echoes)[0], tolerance=0.2)
    assert np.array_equal(values(anew), STORED + 200)


def test_where_leaves_what_it_asks_for_and_volumes_are_those_of_the_rest(grid):
    assert sw.read_volumes(grid, where={"EchoTime": 5}).names == ("ImageType M", "ImageType P")
    one = sw.SeriesReader(grid, where={"EchoTime": 5}, volume="ImageType P")
    assert np.array_equal(values(one), STORED + 400)


def test_several_volumes_and_none_chosen_is_an_error_that_lists_them(grid):
    with pytest.raises(
        SeveralSeriesError,
        match=r"(?s)12 slices at 3 positions.*4 volumes:\n  0: EchoTime 2, ImageType M \(3 slices\)\n.*volume=0.*"
        r"where=.*sw\.read_volumes",
    ):
        _ = sw.SeriesReader(grid).geometry


def test_the_first_of_each_position_is_not_taken_where_that_mixes_volumes(echoes):
    with pytest.raises(SeveralSeriesError, match="volume=0"):
        _ = sw.SeriesReader(echoes, on_duplicate="first").geometry


def test_volumes_whose_slices_do_not_meet_are_apart_all_the_same(tmp_path):
    for number in (1, 2):
        uids = [{"SOPInstanceUID": f"1.2.{number}.{k}"} for k in range(1, 4)]
        positions = [(0, 0, 3.0 * number + k) for k in range(3)]
        write_series(
            tmp_path, STORED, prefix=f"s{number}", positions=positions, per_slice=uids, ReferencedSegmentNumber=number
        )
    with pytest.raises(SeveralSeriesError, match=r"1: ReferencedSegmentNumber 2 \(3 slices\)"):
        _ = sw.SeriesReader(tmp_path).geometry
    assert [v.geometry.origin[2] for v in sw.read_volumes(tmp_path)] == [3, 6]


def test_a_folder_that_holds_each_file_twice_is_one_volume_of_duplicates(tmp_path):
    for name in ("a", "b"):
        write_series(tmp_path / name, STORED)
    with pytest.raises(DuplicateSliceError, match=r"the same SOPInstanceUID.*2 other pairs.*on_duplicate='first'"):
        _ = sw.SeriesReader(tmp_path).geometry
    (volume,) = sw.read_volumes(tmp_path, on_duplicate="first")
    with pytest.warns(SlicewiseWarning, match="3 slices at positions"):
        assert np.array_equal(values(volume), STORED)
    assert all(path.parent.name == "a" for path in volume.files)


def test_orientations_are_volumes_that_no_stack_takes(tmp_path):
    add_volume(tmp_path, 1)
    write_series(
        tmp_path, STORED, prefix="cor", ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        positions=[(0, 2.0 * k, 0) for k in range(3)],
        per_slice=[{"SOPInstanceUID": f"1.2.9.{k}"} for k in range(3)],
    )  # fmt: skip
    with pytest.raises(MixedSlicesError, match=r"(?s)ImageOrientationPatient.*0: coronal \(3 slices\)"):
        _ = sw.SeriesReader(tmp_path).geometry
    volumes = sw.read_volumes(tmp_path)
    assert volumes.names == ("coronal", "axial")
    assert [volume.geometry.slice_spacing for volume in volumes] == [2, 1]
    with pytest.raises(SpaceMismatchError):
        _ = volumes.stacked.info


def test_a_missing_slice_of_one_volume_is_the_error_of_that_volume(tmp_path):
    add_volume(tmp_path, 1, EchoTime="5")
    paths = write_series(
        tmp_path, np.zeros((4, 4, 5), np.int16), prefix="b", EchoTime="7",
        per_slice=[{"SOPInstanceUID": f"1.3.{k}"} for k in range(4)],
    )  # fmt: skip
    paths[1].unlink()
    volumes = sw.read_volumes(tmp_path)
    assert volumes[0].geometry.slices == 3
    with pytest.raises(sw.errors.MissingSliceError):
        _ = volumes[1].geometry


def test_volumes_along_a_number_are_stacked_with_it_as_coordinate(echoes):
    stack = sw.read_volumes(echoes).stacked
    assert (stack.axis, stack.coordinates, stack.info.axis.unit) == ("EchoTime", (4.92, 9.84), "ms")
    assert np.array_equal(values(stack), np.stack([STORED + 200, STORED + 100]))


def test_times_are_stacked_by_the_clock_of_acquisition(tmp_path):
    for number, time in enumerate(("235958", "000001.5", "000005"), start=1):
        add_volume(tmp_path, number, AcquisitionTime=time, AcquisitionDate="20260301" if number == 1 else "20260302")
    stack = sw.read_volumes(tmp_path).stacked
    # The day ends within the series: by the time of day alone, the first volume would be the last.
    assert (stack.axis, stack.coordinates, stack.unit) == ("time", (0, 3.5, 7), "s")
    assert [v[0, 0, 0] for v in values(stack)] == [100, 200, 300]


def test_times_without_a_clock_of_acquisition_get_no_seconds(tmp_path):
    for number, time in enumerate(("100000", "100107"), start=1):
        add_volume(tmp_path, number, ContentTime=time)
    stack = sw.read_volumes(tmp_path).stacked
    assert (stack.axis, stack.coordinates, stack.unit) == ("time", ("ContentTime 100000", "ContentTime 100107"), None)


def test_volumes_show_themselves_as_a_table(grid):
    volumes = sw.read_volumes(grid)
    assert repr(volumes).splitlines()[:2] == ["4 volumes of a series", "0: EchoTime 2, ImageType M, 3 slices of 5 x 4"]
    assert volumes.rows[3] == (3, "EchoTime 5, ImageType P", 3, "5 x 4")
