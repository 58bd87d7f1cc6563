"""What would destroy data or make a header untrue is refused, in words that say what and what to do."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise import errors


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# --- where to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_folder_of_the_source_is_refused(reader, source, overwrite):
    for node in (reader, reader >> sw.Median(radius=1), reader.update(progress=False)):
        with pytest.raises(
            errors.DestinationError, match=r"of the source.*another folder" if overwrite else source.name
        ):
            (node >> sw.SeriesWriter(source, overwrite=overwrite)).update(progress=False)


def test_a_folder_above_the_source_is_refused(reader, source):
    with pytest.raises(errors.DestinationError):
        (reader >> sw.SeriesWriter(source.parent, overwrite=True)).update(progress=False)


def test_the_source_under_another_name_is_refused(reader, source, tmp_path):
    other = tmp_path / "other-name"
    other.symlink_to(source)
    with pytest.raises(errors.DestinationError):
        (reader >> sw.SeriesWriter(other, overwrite=True)).update(progress=False)
    assert other.is_symlink()


def test_a_folder_of_links_to_the_source_is_refused(source, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    for path in source.iterdir():
        (links / path.name).symlink_to(path)
    with pytest.raises(errors.DestinationError):
        (sw.SeriesReader(links) >> sw.SeriesWriter(links, overwrite=True)).update(progress=False)
    assert len(list(links.iterdir())) == 8


def test_a_folder_with_files_is_refused_by_name(write, target):
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(errors.DestinationError, match=r"derived.*notes\.txt"):
        write()
    with pytest.raises(errors.DestinationError, match=r"notes\.txt is not a DICOM file.*another folder"):
        write(overwrite=True)
    assert contents(target) == {"notes.txt": b"mine"}


def test_a_folder_with_folders_or_hidden_files_is_refused(write, target):
    target.mkdir()
    (target / "more").mkdir()
    with pytest.raises(errors.DestinationError, match="more"):
        write(overwrite=True)
    (target / "more").rmdir()
    (target / ".hidden").write_text("mine")
    with pytest.raises(errors.DestinationError, match="hidden"):
        write(overwrite=True)
    assert contents(target) == {".hidden": b"mine"}


def test_a_file_of_that_name_is_refused(write, target):
    target.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(errors.DestinationError, match="file of this name"):
            write(overwrite=overwrite)
    assert target.read_text() == "mine"


def test_a_series_is_replaced_only_when_asked_to_and_then_whole(reader, write, target, beside, is_whole):
    write(file_pattern="old{}.dcm")
    before = contents(target)
    with pytest.raises(errors.DestinationError, match="overwrite=True"):
        write()
    assert contents(target) == before
    (reader[2:5] >> sw.SeriesWriter(target, overwrite=True)).update(progress=False)
    assert sorted(contents(target)) == ["0001.dcm", "0002.dcm", "0003.dcm"]
    assert beside() == []


def test_a_destination_that_is_a_link_stays_one(reader, target, tmp_path, beside, is_whole):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target.symlink_to(elsewhere)
    try:
        (reader >> sw.SeriesWriter(target)).update(progress=False)
    except errors.WriteError:
        assert list(elsewhere.iterdir()) == []
    else:
        assert is_whole(elsewhere)
    assert target.is_symlink()
    assert beside() == []


def test_a_destination_where_a_disk_is_mounted_is_written_to_or_refused_before_computing(reader, tmp_path, is_whole):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    computed = []

    def noting(array):
        computed.append(len(array))
        return array

    try:
        try:
            (reader >> sw.Function(noting) >> sw.SeriesWriter(disk)).update(progress=False)
        except errors.WriteError:
            assert not computed, "refused only when all was computed"
        else:
            assert is_whole(disk)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_new_folders_have_the_usual_permissions(write, target):
    write()
    plain = target.parent / "plain"
    plain.mkdir()
    (plain / "file").touch()
    assert target.stat().st_mode == plain.stat().st_mode
    assert {path.stat().st_mode for path in target.iterdir()} == {(plain / "file").stat().st_mode}


@pytest.mark.parametrize(
    "pattern", ["../{}.dcm", "/somewhere/{}.dcm", "a/{}.dcm", "same.dcm", ".{}", "{", "{:x.y}", "", "{}\0"]
)
def test_file_patterns_that_lead_elsewhere_or_nowhere_are_refused(write, pattern):
    with pytest.raises(errors.ParameterError, match="file_pattern"):
        write(file_pattern=pattern)


# --- what is said -----------------------------------------------------------------------------------


def header(source):
    return pydicom.dcmread(next(iter(sorted(source.iterdir()))), stop_before_pixels=True)


def test_original_is_refused_once_pixels_or_grid_changed(reader, target, nothing_left):
    for node in (reader >> sw.Median(radius=1), reader[:, 2:, :], reader >> sw.Resample(spacing=(2, 2, None))):
        with pytest.raises(errors.ParameterError, match=r"ORIGINAL.*DERIVED"):
            (node >> sw.SeriesWriter(target, image_type=("ORIGINAL", "PRIMARY", "AXIAL"))).update(progress=False)
    assert nothing_left()


@pytest.mark.parametrize("image_type", [("DERIVED",), ("FOO", "PRIMARY"), ("DERIVED", "FOO"), (), "DERIVED\\SECONDARY"])
def test_image_types_that_are_none_are_refused(write, image_type):
    with pytest.raises(errors.ParameterError, match="image_type"):
        write(image_type=image_type)


def test_the_number_of_the_source_series_is_refused(write, source, nothing_left):
    number = int(header(source).SeriesNumber)
    with pytest.raises(errors.ParameterError, match=rf"{number}.*two series"):
        write(series_number=number)
    with pytest.raises(errors.SlicewiseError, match=r"SeriesNumber|series_number"):
        write(overrides={"SeriesNumber": number})
    assert nothing_left()


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, "abc", 1.5])
def test_numbers_that_no_integer_string_holds_are_refused(write, number):
    with pytest.raises(errors.SlicewiseError):
        write(series_number=number)


def test_identifiers_of_the_source_are_refused(write, source, nothing_left):
    taken = header(source)
    for overrides in (
        {"SeriesInstanceUID": taken.SeriesInstanceUID},
        {"SOPInstanceUID": [taken.SOPInstanceUID, *[f"1.2.3.{k}" for k in range(7)]]},
        {"SOPInstanceUID": ["1.2.3.4"] * 8},
        {"SOPInstanceUID": "1.2.3.4"},
    ):
        with pytest.raises(errors.ParameterError, match="overrides"):
            write(overrides=overrides)
    assert nothing_left()


@pytest.mark.parametrize(
    "overrides",
    [
        {"SeriesInstanceUID": [f"1.2.3.{k}" for k in range(8)]},
        {"SeriesInstanceUID": None},
        {"StudyInstanceUID": None},
        {"SOPInstanceUID": None},
        {"Modality": None},
        {"TransferSyntaxUID": "1.2.840.10008.1.2.4.50"},
        {"PixelData": b"\0\0"},
        {"FloatPixelData": b"\0\0\0\0"},
        {"ImagePositionPatient": [0, 0, 0]},
        {"PixelSpacing": [1, 1]},
        {"Rows": 7},
        {"RescaleSlope": 2},
        {"ImageType": ["ORIGINAL", "PRIMARY"]},
        {"StudyInstanceUID": "no uid"},
        {"DerivationDescription": "x" * 1025},
        {"SpecificCharacterSet": "ISO_IR 6"},  # the patient's name is not ASCII
        {"PatientAge": "forty"},
        {"NoSuchKeyword": 1},
        {"PatientName": ["one", "two"]},
    ],
    ids=lambda value: f"{next(iter(value))}={str(next(iter(value.values())))[:12]}",
)
def test_overrides_that_would_make_the_files_untrue_or_invalid_are_refused(write, overrides, nothing_left):
    with pytest.raises(errors.SlicewiseError, match=next(iter(overrides))):
        write(overrides=overrides)
    assert nothing_left()


def test_overrides_that_are_true_are_written(write, target):
    rows = [f"comment {k}" for k in range(8)]
    write(overrides={"ImageComments": rows, "PatientID": "ANON", "PatientName": "Ωμέγα^Ελένη", "StationName": None})
    found = [pydicom.dcmread(path) for path in sorted(target.iterdir())]
    assert [ds.ImageComments for ds in found] == rows
    assert {ds.PatientID for ds in found} == {"ANON"}
    assert {str(ds.PatientName) for ds in found} == {"Ωμέγα^Ελένη"}
    assert not any("StationName" in ds for ds in found)
    assert all(ds.InstitutionName == found[0].InstitutionName for ds in found)


@pytest.mark.parametrize("text", ["x" * 65, "two\\values", "two\nlines"])
def test_descriptions_that_no_long_string_holds_are_refused(write, text):
    with pytest.raises(errors.SlicewiseError, match=r"series_description|SeriesDescription"):
        write(series_description=text)


@pytest.mark.parametrize("prefix", ["1.2.3", "1.2.a.", "01.2.", "1..2.", f"1.{'2' * 60}.", ""])
def test_prefixes_that_make_no_identifiers_are_refused(write, prefix):
    with pytest.raises(errors.ParameterError, match="uid_prefix"):
        write(uid_prefix=prefix)


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_cannot_be_stored_are_an_error_that_names_the_slices(reader, target, nothing_left, value):
    def spoilt(array):
        result = array.astype(np.float32)
        result[:, 3, 4] = value
        return result

    node = reader >> sw.Function(spoilt, dtype="float32") >> sw.SeriesWriter(target)
    with pytest.raises(errors.ValueRangeError, match=r"slices? \d+.*(infinite|not a number).*Clip") as refusal:
        node.update(progress=False)
    assert "nan_to_num" in str(refusal.value)
    assert nothing_left()


def make(values, dtype):
    """Return a function that gives fixed values in turn."""
    return lambda array: np.resize(np.array(values, dtype), array.shape)


RANGES = {
    "16 bits signed": ([-32768, 0, 32767], "int16"),
    "16 bits unsigned": ([0, 65535], "uint16"),
    "below 16 bits": ([-40000, 40000, 12345], "int32"),
    "two steps": ([0, 131068, 77777], "int32"),
    "32 bits": ([-(2**31), 2**31 - 1, 0, 12345], "int32"),
    "64 bits": ([0, 10**15, 10**15 // 3], "int64"),
    "small": ([1e-20, 3e-20, 2.5e-20], "float64"),
    "large": ([-1e30, 1e30, 12.0], "float64"),
    "narrow and far": ([1e9, 1e9 + 1, 1e9 + 0.25], "float64"),
    "one value": ([3.7], "float32"),
    "mask": ([0, 1], "bool"),
}


@pytest.mark.parametrize("name", RANGES)
def test_any_range_comes_back_within_the_stated_error(reader, target, name):
    values, dtype = RANGES[name]
    node = reader >> sw.Function(make(values, dtype), dtype=dtype)
    written = (node >> sw.SeriesWriter(target)).update(progress=False)
    first = pydicom.dcmread(written.paths[0])
    found = first.pixel_array * float(first.get("RescaleSlope", 1)) + float(first.get("RescaleIntercept", 0))
    wanted = np.resize(np.array(values, dtype), found.shape).astype(np.float64)
    stated = written.report.largest_error
    spread = float(wanted.max() - wanted.min())
    rounding = 4 * np.finfo(np.float64).eps * float(np.abs(wanted).max())
    assert np.abs(found - wanted).max() <= stated + rounding
    assert (
        stated <= spread / 65000 + np.finfo(np.dtype(dtype) if dtype == "float32" else float).eps * np.abs(wanted).max()
    )
    assert len(str(first.RescaleSlope)) <= 16
    assert len(str(first.RescaleIntercept)) <= 16


def test_nothing_is_clipped_where_a_source_has_few_bits(reader, target):
    """12 bits hold -1024 to 3071; what lies beyond takes 16."""
    node = reader >> sw.Function(lambda a: a * 4, dtype="int16", keeps_units=True)
    written = (node >> sw.SeriesWriter(target)).update(progress=False)
    again = np.stack([pydicom.dcmread(p).pixel_array * 1.0 for p in written.paths])
    first = pydicom.dcmread(written.paths[0])
    assert np.array_equal(
        again * float(first.RescaleSlope) + float(first.RescaleIntercept), reader.update(progress=False).array * 4.0
    )


def test_the_same_writer_can_write_again_elsewhere(reader, target):
    shutil.rmtree(target, ignore_errors=True)
    first = (reader >> sw.SeriesWriter(target)).update(progress=False)
    second = (reader >> sw.SeriesWriter(target.with_name("again"))).update(progress=False)
    assert first.series_uid != second.series_uid
    same = [
        (reader >> sw.SeriesWriter(target.with_name(name), uids="reproducible")).update(progress=False).series_uid
        for name in ("one", "two")
    ]
    assert same[0] == same[1]
    assert sorted(contents(target.with_name("one"))) == sorted(contents(target.with_name("two")))
