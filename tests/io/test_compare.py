"""A comparison finds every difference there is, and none that is not."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from makers import write_series
from slicewise.image import Image
from slicewise.io import phantom
from slicewise.io.compare import compare
from slicewise.io.series_reader import SeriesReader

STORED = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


@pytest.fixture
def copies(tmp_path):
    """Give a series, a copy of it, and the paths of the copy by position."""
    paths = phantom.ct_series(tmp_path / "a", slices=4, size=(12, 10))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    return tmp_path / "a", tmp_path / "b", [tmp_path / "b" / path.name for path in paths]


def edit(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def test_a_copy_is_the_same_also_under_other_names(copies):
    a, b, paths = copies
    for number, path in enumerate(paths):
        path.rename(b / f"other-{number}")
    found = compare(a, b)
    assert found.is_same
    assert len(found) == 0
    assert (found.matched, found.matched_by) == (4, "position")
    assert found.pixels is not None
    assert (found.pixels.compared, found.pixels.voxels, found.pixels.different) == (4, 4 * 120, 0)


def test_one_changed_attribute_is_one_row(copies):
    a, b, paths = copies
    edit(paths[1], lambda ds: setattr(ds, "XRayTubeCurrent", 7))
    found = compare(a, b)
    assert not found.is_same
    (row,) = found
    assert (row.attribute, row.b, row.slices, row.varies) == ("XRayTubeCurrent", "7", 1, False)
    assert row.a == str(pydicom.dcmread(a / paths[1].name).XRayTubeCurrent)


def test_differences_in_sequences_have_dotted_names(copies):
    a, b, paths = copies

    def change(dataset):
        dataset.RequestAttributesSequence[0].ScheduledProcedureStepID = "other"
        del dataset.ReferencedImageSequence[1]

    for path in paths:
        edit(path, change)
    found = {row.attribute: row for row in compare(a, b)}
    assert found["RequestAttributesSequence[0].ScheduledProcedureStepID"].b == "other"
    assert found["RequestAttributesSequence[0].ScheduledProcedureStepID"].slices == 4
    # The lower half has two items of which one is left, the upper half three.
    assert found["ReferencedImageSequence[1]"].a == "item of 3 elements"
    assert found["ReferencedImageSequence[1]"].b is None


def test_private_elements_are_named_by_their_creator(copies):
    a, b, paths = copies

    def change(dataset):
        block = dataset.private_block(0x0029, "PHANTOM SCANNER HEADER")
        value = bytearray(block[0x10].value)
        value[100] ^= 1
        block[0x10].value = bytes(value)
        inner = dataset.private_block(0x0021, "PHANTOM RECONSTRUCTION")[0x01][0]
        inner.private_block(0x0021, "PHANTOM RECONSTRUCTION")[0x03].value = "klein"

    edit(paths[0], change)
    found = {row.attribute: (row.a, row.b) for row in compare(a, b)}
    creator = "[PHANTOM RECONSTRUCTION]"
    assert found == {
        f"(0021,1001) {creator}[0].(0021,1003) {creator}": ("Größe=groß", "klein"),
        "(0029,1010) [PHANTOM SCANNER HEADER]": ("4094 bytes, another from byte 100 on",) * 2,
    }


def test_a_private_block_in_another_place_is_the_same_block(tmp_path):
    write_series(tmp_path / "a", STORED)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for folder, place in (("a", 0x10), ("b", 0x42)):
        for path in (tmp_path / folder).iterdir():
            edit(path, lambda ds, place=place: add_block(ds, place))
    assert [row.attribute for row in compare(tmp_path / "a", tmp_path / "b")] == ["(0029,0010)", "(0029,0042)"]


def add_block(dataset, place):
    dataset.add_new((0x0029, place), "LO", "MAKER")
    dataset.add_new((0x0029, place << 8 | 0x05), "LO", "value")


def test_how_values_are_encoded_makes_no_difference(copies):
    a, b, paths = copies

    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SliceThickness = "5.000"

    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.decode()
        change(dataset)
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    found = {row.attribute: (row.a, row.b) for row in compare(a, b)}
    # In implicit VR nobody can tell that a private element is a sequence.
    assert found == {
        "SpecificCharacterSet": ("ISO_IR 100", "ISO_IR 192"),
        "(0021,1001) [PHANTOM RECONSTRUCTION]": ("2 items", "180 bytes"),
    }


def test_an_absent_attribute_is_not_an_empty_one(copies):
    a, b, paths = copies
    edit(paths[0], lambda ds: setattr(ds, "ImageComments", ""))
    edit(paths[1], lambda ds: setattr(ds, "ImageComments", ""))
    (row,) = compare(a, b)
    assert (row.attribute, row.slices, row.varies) == ("ImageComments", 2, True)
    assert row.a == "Läsion? Schicht 0"
    assert row.b == ""


def test_ignored_attributes_are_ignored_at_any_depth(copies):
    a, b, paths = copies

    def change(dataset):
        dataset.SOPInstanceUID += "1"
        dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2"

    edit(paths[2], change)
    assert len(compare(a, b)) == 2
    assert compare(a, b, ignore=["SOPInstanceUID", "ReferencedSOPInstanceUID"]).is_same


def test_pixels_are_compared_as_modality_values(tmp_path):
    write_series(tmp_path / "a", STORED)
    write_series(tmp_path / "b", STORED + 10, RescaleIntercept="-10")
    found = compare(tmp_path / "a", tmp_path / "b", ignore=["RescaleIntercept"])
    assert found.is_same


def test_the_largest_difference_is_found_and_placed(tmp_path):
    write_series(tmp_path / "a", STORED)
    other = STORED.copy()
    other[1, 2, 3] += 5
    other[2, 0, 4] -= 70
    write_series(tmp_path / "b", other)
    pixels = compare(tmp_path / "a", tmp_path / "b").pixels
    assert pixels is not None
    assert (pixels.different, pixels.voxels, pixels.largest, pixels.place) == (2, 60, 70.0, (2, 0, 4))
    assert str(pixels) == "2 of 60 values differ (3.33 %), by up to 70 (slice 2, row 0, column 4 of A)"


def test_slices_are_matched_by_position_and_the_rest_is_named(tmp_path):
    write_series(tmp_path / "a", STORED, positions=[(0, 0, z) for z in (0, 2, 4)])
    write_series(tmp_path / "b", STORED, positions=[(0, 0, z) for z in (4, 2, 1)])
    found = compare(tmp_path / "a", tmp_path / "b", ignore=["SOPInstanceUID", "InstanceNumber"])
    assert (found.matched, len(found.only_a), len(found.only_b)) == (2, 1, 1)
    assert [row.attribute for row in found] == []
    assert not found.is_same


def test_without_a_plane_instance_numbers_match(tmp_path):
    # Instance numbers run against the file names.
    write_series(tmp_path / "a", STORED, ImageOrientationPatient=None)
    write_series(tmp_path / "b", STORED, ImageOrientationPatient=None, prefix="other")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.matched_by == "instance number"
    assert found.is_same


def test_two_files_are_a_pair_whatever_they_are(copies):
    a, _, paths = copies
    found = compare(a / paths[0].name, a / paths[3].name)
    assert found.matched == 1
    assert "SliceLocation" in {row.attribute for row in found}


def test_other_sizes_are_told_and_not_compared(tmp_path):
    write_series(tmp_path / "a", STORED)
    write_series(tmp_path / "b", STORED[:, :3])
    found = compare(tmp_path / "a", tmp_path / "b")
    assert [row.attribute for row in found] == ["Rows"]
    assert found.pixels is not None
    assert found.pixels.problem == "slice 0 has 4 x 5 and 3 x 5 values (rows x columns)"
    assert not found.is_same


def test_nodes_and_images_can_be_compared(phantom_ct):
    reader = SeriesReader(phantom_ct.folder)
    image = reader.update(progress=False)
    assert compare(phantom_ct.folder, image).is_same
    louder = Image.from_array(np.asarray(image) + 1, geometry=image.geometry, headers=image.headers)
    found = compare(reader, louder)
    assert found.pixels is not None
    assert (found.pixels.different, found.pixels.largest) == (image.array.size, 1.0)
    assert len(found) == 0


@pytest.mark.data
@pytest.mark.parametrize(
    "case", ["mr-siemens-multiecho", "mr-ge-localizer-3plane", "mr-hitachi-japanese", "ct-ge-tilt"]
)
def test_real_series_are_the_same_as_themselves(data, case, tmp_path):
    shutil.copytree(data(case), tmp_path / "copy")
    found = compare(data(case), tmp_path / "copy")
    assert found.is_same
    assert found.matched == sum(1 for path in data(case).rglob("*") if path.is_file() and path.suffix != ".md")
