"""What is in a folder is told from headers, whatever else lies there."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from makers import write_series
from slicewise.errors import ReadError
from slicewise.io import phantom
from slicewise.io.discover import discover

STORED = np.arange(4 * 6 * 5, dtype=np.uint16).reshape(4, 6, 5)


def test_each_series_is_described(tmp_path):
    phantom.ct_series(tmp_path / "a", slices=5, size=(24, 16), spacing=(1, 1, 4))
    phantom.ct_series(tmp_path / "b" / "deep", slices=3, size=(8, 8), series_number=12, series_description="Lung")
    found = discover(tmp_path)
    assert len(found) == 2
    first, second = found
    assert (first.number, first.modality, first.images, first.size) == ("3", "CT", 5, "24 x 16")
    assert first.volume == "5 slices of 4 mm"
    assert first.description == "Thorax 5.0 Br40 venös"
    assert first.patient_id == "PHANTOM-1"
    assert first.folder == tmp_path / "a"
    assert (second.number, second.description, second.volume) == ("12", "Lung", "3 slices of 5 mm")
    assert second.study_uid == first.study_uid
    assert second.uid != first.uid


def test_broken_and_foreign_files_are_counted_and_stop_nothing(tmp_path):
    paths = phantom.ct_series(tmp_path, slices=5, size=(8, 8))
    paths[2].write_bytes(paths[2].read_bytes()[:-100])
    (tmp_path / "notes.txt").write_text("not an image")
    found = discover(tmp_path)
    assert [s.images for s in found] == [4]
    assert [odd.path for odd in found.broken] == [paths[2]]
    assert "too early" in found.broken[0].reason
    assert found.foreign == (tmp_path / "notes.txt",)
    assert str(found).splitlines()[-2:] == [
        f"{tmp_path}: 1 series, 4 images, 1 broken file, 1 file that is not DICOM",
        f"broken: {paths[2]}: {found.broken[0].reason}",
    ]


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        ([(0, 0, 2.5 * k) for k in range(4)], "4 slices of 2.5 mm"),
        ([(0, 0, z) for z in (0, 2, 6, 8)], "uneven: 4 slices 2 to 4 mm apart (missing slices?)"),
        ([(0, k * np.tan(np.radians(15)), k) for k in range(4)], "4 slices of 1 mm, gantry tilt 15.0 deg"),
        ([(0, 0, k % 2) for k in range(4)], "2 volumes? 2 positions"),
        ([(0, 0, 0)] * 4, "4 images at one position"),
        ([(0, 0, z) for z in (0, 1, 2, 2)], "positions taken twice"),
    ],
)
def test_it_says_whether_slices_make_a_volume(tmp_path, positions, told):
    write_series(tmp_path, STORED, positions=positions)
    assert [s.volume for s in discover(tmp_path)] == [told]


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"ImageOrientationPatient": None}, "no plane"),
        ({"NumberOfFrames": 3}, "3 frames in a file"),
    ],
)
def test_what_has_no_plane_is_listed_all_the_same(tmp_path, attributes, told):
    write_series(tmp_path, STORED, **attributes)
    assert [s.volume for s in discover(tmp_path)] == [told]


def test_slices_of_several_orientations_are_no_volume(tmp_path):
    turned = [{}, {}, {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, {}]
    write_series(tmp_path, STORED, per_slice=turned)
    assert [s.volume for s in discover(tmp_path)] == ["sizes or orientations differ"]


def test_a_folder_with_nothing_is_an_error(tmp_path):
    with pytest.raises(ReadError, match="holds no file"):
        discover(tmp_path)


def test_a_table_has_a_row_for_each_series(phantom_ct):
    table = discover(phantom_ct.folder).table()
    assert list(table["images"]) == [12]
    assert list(table["size"]) == ["72 x 56"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("case", "images", "told"),
    [
        ("ct-ge-liver-41", 41, "41 slices of 5 mm"),
        ("pet-ge-wholebody-267", 267, "267 slices of 3.27 mm"),
        ("mr-ge-fmri-4d", 150, "10 volumes? 15 positions"),
        ("mr-siemens-multiecho", 72, "2 volumes? 36 positions"),
        ("ct-ge-tilt", 28, "uneven: 28 slices 1.081 to 6.999 mm apart (missing slices?), gantry tilt 18.5 deg"),
        ("mr-ge-localizer-3plane", 21, "sizes or orientations differ"),
    ],
)
def test_real_series_are_recognised(data, case, images, told):
    found = discover(data(case))
    assert [(s.images, s.volume) for s in found] == [(images, told)]


def test_a_copy_elsewhere_makes_the_folder_the_common_one(tmp_path):
    paths = phantom.ct_series(tmp_path / "x", slices=4, size=(8, 8))
    (tmp_path / "y").mkdir()
    shutil.move(paths[0], tmp_path / "y")
    assert [s.folder for s in discover(tmp_path)] == [tmp_path]
