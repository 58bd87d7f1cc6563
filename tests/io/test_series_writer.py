"""A derived series is true: its headers, its grid, its values, its report; and each parameter does what it says."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from pydicom.uid import UID, ImplicitVRLittleEndian

import slicewise as sw
from makers import box_positions, ds, write_series
from slicewise.errors import (
    DestinationError,
    HeaderError,
    ParameterError,
    SlicewiseError,
    UnknownAttributeError,
    ValueRangeError,
)
from slicewise.image import Action, Geometry, Headers, Image, PerSlice
from strategies import AXIS_ORIENTATIONS, rotations
from witnesses import tool

SLICES = 12


@pytest.fixture
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


def write(source, folder, **options):
    return (source >> sw.SeriesWriter(folder, **options)).update(progress=False)


def read_back(written):
    return [pydicom.dcmread(path) for path in written.paths]


def values_of(datasets):
    return np.stack(
        [
            d.pixel_array.astype(np.float64) * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))
            for d in datasets
        ]
    )


# --- the whole --------------------------------------------------------------------------------------------


def test_values_come_back_exactly(ct, tmp_path):
    written = write(ct, tmp_path / "out")
    assert np.array_equal(values_of(read_back(written)), ct.update(progress=False).array)
    assert written.report.largest_error == 0


def test_files_are_conformant_dicom_with_their_own_identity(ct, tmp_path):
    written = write(ct, tmp_path / "out")
    found = read_back(written)
    source_uids = {s.sop_instance_uid for sources in ct.info.sources for s in sources}
    assert len({d.SOPInstanceUID for d in found}) == SLICES
    assert not source_uids & {d.SOPInstanceUID for d in found}
    assert {d.SeriesInstanceUID for d in found} == {written.series_uid}
    assert written.series_uid != ct.info.sources[0][0].series_uid
    for d in found:
        assert UID(d.SOPInstanceUID).is_valid
        assert d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID
        assert d.file_meta.MediaStorageSOPClassUID == d.SOPClassUID
        assert d.StudyInstanceUID == ct.headers[0].StudyInstanceUID
        assert d.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert [int(d.InstanceNumber) for d in found] == list(range(1, SLICES + 1))


def test_each_slice_names_its_own_source_and_how_it_was_made(ct, tmp_path):
    found = read_back(write(ct[3:7] >> sw.Median(radius=1), tmp_path / "out"))
    assert len(found) == 4
    for k, d in enumerate(found):
        (reference,) = d.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == ct.headers[3 + k].SOPInstanceUID
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        listed = d.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        assert [i.ReferencedSOPInstanceUID for i in listed] == [reference.ReferencedSOPInstanceUID]
        assert "Median(radius=" in d.DerivationDescription
        assert d.ContributingEquipmentSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "109102"


# --- parameters -------------------------------------------------------------------------------------------


def test_series_description_is_the_one_given(ct, tmp_path):
    for text in ("Median 1 mm", "Größe", "x" * 64):
        found = read_back(write(ct, tmp_path / text[:9], series_description=text))
        assert {d.SeriesDescription for d in found} == {text}


def test_series_description_by_default_names_source_and_operations(ct, tmp_path):
    found = read_back(write(ct >> sw.Median(radius=1), tmp_path / "out"))
    assert found[0].SeriesDescription == "Thorax 5.0 Br40 venös - Median"


def test_long_default_description_is_cut_to_what_the_standard_allows(tmp_path):
    write_series(tmp_path / "in", np.zeros((2, 4, 4), np.int16), SeriesDescription="d" * 64)
    found = read_back(write(sw.SeriesReader(tmp_path / "in") + 1, tmp_path / "out"))
    assert len(found[0].SeriesDescription) <= 64


@pytest.mark.parametrize("text", ["x" * 65, "two\\values", "line\nbreak"])
def test_series_description_that_the_standard_does_not_allow_is_refused_before_anything_is_written(ct, tmp_path, text):
    with pytest.raises((ParameterError, HeaderError), match=r"series_description|SeriesDescription"):
        ct >> sw.SeriesWriter(tmp_path / "out", series_description=text)
    assert not (tmp_path / "out").exists()


def test_series_number_is_the_one_given_and_by_default_not_that_of_the_source(ct, tmp_path):
    assert int(read_back(write(ct, tmp_path / "a", series_number=77))[0].SeriesNumber) == 77
    assert int(read_back(write(ct, tmp_path / "b"))[0].SeriesNumber) == 301


@pytest.mark.parametrize("number", [3, 2**31, -(2**31) - 1, "many", 1.5])
def test_series_number_that_cannot_be_is_refused(ct, tmp_path, number):
    with pytest.raises(ParameterError, match="series_number"):
        ct >> sw.SeriesWriter(tmp_path / "out", series_number=number)


@pytest.mark.parametrize(
    ("kind", "made"), [(("DERIVED", "PRIMARY", "AXIAL"), None), (["derived", "secondary"], ["DERIVED", "SECONDARY"])]
)
def test_image_type_is_the_one_given(ct, tmp_path, kind, made):
    found = read_back(write(ct, tmp_path / "out", image_type=kind))
    assert list(found[0].ImageType) == (made or list(kind))


def test_original_is_allowed_only_where_nothing_changed(ct, tmp_path):
    found = read_back(write(ct[2:4], tmp_path / "a", image_type=("ORIGINAL", "PRIMARY", "AXIAL")))
    assert found[0].ImageType[0] == "ORIGINAL"
    for changed in (ct + 1, ct[:, 2:9]):
        with pytest.raises(ParameterError, match="cannot be ORIGINAL"):
            changed >> sw.SeriesWriter(tmp_path / "b", image_type=("ORIGINAL", "PRIMARY"))


@pytest.mark.parametrize(
    "kind",
    [
        ("DERIVED",),
        ("NEW", "PRIMARY"),
        ("DERIVED", "TERTIARY"),
        (),
        "DERIVED",
        ("DERIVED", "SECONDARY", "not a code string, too long"),
    ],
)
def test_image_type_that_the_standard_does_not_know_is_refused(ct, tmp_path, kind):
    with pytest.raises((ParameterError, HeaderError), match=r"image_type|ImageType"):
        ct >> sw.SeriesWriter(tmp_path / "out", image_type=kind)


@pytest.mark.parametrize(
    ("pattern", "start", "first"),
    [
        ("{:04d}.dcm", 1, "0001.dcm"),
        ("slice_{}", 1, "slice_1"),
        ("CT{0:03d}.IMA", 5, "CT005.IMA"),
        ("{:x}-é.dcm", 10, "a-é.dcm"),
    ],
)
def test_files_are_named_by_the_pattern_and_the_first_number(ct, tmp_path, pattern, start, first):
    written = write(ct, tmp_path / "out", file_pattern=pattern, instance_number_start=start)
    assert written.paths[0].name == first
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in written.paths)
    assert [int(d.InstanceNumber) for d in read_back(written)] == list(range(start, start + SLICES))


@pytest.mark.parametrize(
    "pattern",
    [
        "slice.dcm",
        "",
        "{:04d",
        "{name}.dcm",
        "a/{}.dcm",
        "../{}.dcm",
        ".{}",
        "{}\0",
        "{} {}",
        "{:s}.dcm",
        "x" * 300 + "{}",
    ],
)
def test_pattern_that_makes_no_file_names_is_refused(tmp_path, pattern):
    with pytest.raises(ParameterError, match="file_pattern"):
        sw.SeriesWriter(tmp_path / "out", file_pattern=pattern)


def test_pattern_that_gives_two_slices_one_name_is_refused(ct, tmp_path):
    with pytest.raises(ParameterError, match="file_pattern"):
        ct >> sw.SeriesWriter(tmp_path / "out", file_pattern="{:.0e}.dcm")  # 10 and 11 are both 1e+01


@pytest.mark.parametrize("start", [2**31, -(2**31) - 1, 2**31 - 3, "one", 1.5])
def test_first_instance_number_that_cannot_be_is_refused(ct, tmp_path, start):
    with pytest.raises(ParameterError, match="instance_number_start"):
        ct >> sw.SeriesWriter(tmp_path / "out", instance_number_start=start)


def test_identifiers_are_under_the_prefix(ct, tmp_path):
    written = write(ct, tmp_path / "out", uid_prefix="1.2.826.0.1.")
    for d in read_back(written):
        assert d.SOPInstanceUID.startswith("1.2.826.0.1.")
        assert d.SeriesInstanceUID.startswith("1.2.826.0.1.")
    with pytest.raises(ParameterError, match="uid_prefix"):
        sw.SeriesWriter(tmp_path / "x", uid_prefix="1.2")


def uids_of(written):
    return [written.series_uid, *(d.SOPInstanceUID for d in read_back(written))]


def test_reproducible_identifiers_are_the_same_twice_and_fresh_ones_are_not(phantom_ct, tmp_path):
    made = {
        (uids, k): uids_of(write(sw.SeriesReader(phantom_ct.folder) * 2, tmp_path / f"{uids}{k}", uids=uids))
        for uids in ("reproducible", "fresh")
        for k in range(2)
    }
    assert made["reproducible", 0] == made["reproducible", 1]
    assert not set(made["fresh", 0]) & set(made["fresh", 1])


def add_one(array):
    return array + np.int16(1)


def add_two(array):
    return array + np.int16(2)


DIFFERENT = {
    "a parameter": (lambda ct: ct * 2, lambda ct: ct * 3),
    "an operation": (lambda ct: ct + 1, lambda ct: ct - 1),
    "slices": (lambda ct: ct[0:3], lambda ct: ct[1:4]),
    "a function": (lambda ct: ct >> sw.Function(add_one), lambda ct: ct >> sw.Function(add_two)),
    "the order": (lambda ct: (ct + 1) * 2, lambda ct: (ct * 2) + 1),
    "the order of operands": (lambda ct: (ct + 0) - ct * 2, lambda ct: ct * 2 - (ct + 0)),
    "what the operands share": (
        lambda ct: (ct + 1) - (ct >> sw.Median(radius=1)),
        lambda ct: ct - ((ct + 1) >> sw.Median(radius=1)),
    ),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_reproducible_identifiers_of_different_results_differ(phantom_ct, tmp_path, pair):
    first, second = (
        uids_of(write(make(sw.SeriesReader(phantom_ct.folder)), tmp_path / f"{k}", uids="reproducible"))
        for k, make in enumerate(pair)
    )
    assert not set(first) & set(second)


def test_reproducible_identifiers_of_different_pixels_differ(ct, tmp_path):
    made = []
    for value in range(2):
        foreign = Image.from_array(np.full(ct.shape, value, np.int16), geometry=ct.geometry, headers=ct.headers)
        try:
            made.append(uids_of(write(foreign, tmp_path / f"{value}", uids="reproducible")))
        except ParameterError:
            return  # refusing is as good
    assert not set(made[0]) & set(made[1])


def test_scanner_stays_the_equipment_unless_the_software_is_to_be(ct, tmp_path):
    source = ct.headers[0]
    kept, ours = (read_back(write(ct, tmp_path / e, equipment=e))[0] for e in ("scanner", "software"))
    for keyword in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"):
        assert kept[keyword].value == source[keyword].value
        assert ours[keyword].value != source[keyword].value
    before = len(source.get("ContributingEquipmentSequence", []))
    assert len(kept.ContributingEquipmentSequence) == before + 1
    assert len(ours.ContributingEquipmentSequence) == before + 2
    scanner = ours.ContributingEquipmentSequence[0]
    assert scanner.Manufacturer == source.Manufacturer
    assert scanner.ManufacturerModelName == source.ManufacturerModelName
    assert scanner.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"


PROVENANCE = 0x7755
"""Group of the block that tells where an image comes from."""


def private_of(dataset):
    return {(e.tag, e.VR, str(e.value)) for e in dataset if e.tag.is_private and e.tag.group != PROVENANCE}


@pytest.mark.parametrize(
    ("private", "after_crop", "after_resampling"),
    [("rules", True, False), ("keep", True, True), ("drop", False, False)],
)
def test_private_elements_are_kept_or_dropped_as_asked(ct, tmp_path, private, after_crop, after_resampling):
    source = [private_of(h) for h in ct.headers]
    assert source[0]
    cropped = read_back(write(ct[2:5, 4:20], tmp_path / "a", private=private))
    assert [private_of(d) for d in cropped] == (source[2:5] if after_crop else [set()] * 3)
    resampled = read_back(write(ct >> sw.Resample(spacing=(4, 4, 4)), tmp_path / "b", private=private))
    if after_resampling:
        shared = set.intersection(*source)
        assert shared
        assert all(shared <= private_of(d) for d in resampled)
    else:
        assert [private_of(d) for d in resampled] == [set()] * len(resampled)


def test_overrides_are_written_and_told_of(ct, tmp_path):
    overrides = {
        "PatientID": "ANON",
        "SliceThickness": [k / 2 for k in range(SLICES)],
        "ImageComments": None,
        "ProtocolName": ["odd" if k % 2 else None for k in range(SLICES)],
        "KVP": PerSlice(["80"] * SLICES),
        (0x0029, 0x1010): None,
    }
    written = write(ct, tmp_path / "out", overrides=overrides)
    for k, d in enumerate(read_back(written)):
        assert d.PatientID == "ANON"
        assert d.SliceThickness == k / 2
        assert "ImageComments" not in d
        assert d.get("ProtocolName") == ("odd" if k % 2 else None)
        assert d.KVP == 80
        assert (0x0029, 0x1010) not in d
    rows = {row.name: row for row in written.report.rows}
    assert rows["PatientID"].action.value == "regenerated"
    assert rows["PatientID"].reason == "given by the caller"
    assert rows["ImageComments"].action.value == "dropped"


HONOURED = {
    "WindowCenter": "40",
    "WindowWidth": "400",
    "RescaleType": "OD",
    "ImageComments": "for research",
    "SeriesDate": "20200101",
    "ContentTime": "101010",
    "Units": "GML",
    "SpacingBetweenSlices": "4",
    "FrameOfReferenceUID": "1.2.3.4",
    "DerivationDescription": "by hand",
    "BodyPartExamined": "CHEST",
    "PixelPaddingValue": -1024,
}


def multiplied(ct):
    return ct * 2.5


def masked(ct):
    return ct > 100


@pytest.mark.parametrize("make", [None, multiplied, masked])
@pytest.mark.parametrize("keyword", HONOURED)
def test_override_is_written_or_refused_but_never_ignored(ct, tmp_path, keyword, make):
    node = ct if make is None else make(ct)
    try:
        written = write(node, tmp_path / "out", overrides={keyword: HONOURED[keyword]})
    except SlicewiseError as error:
        assert keyword in str(error)  # noqa: PT017
        return
    for d in read_back(written):
        assert keyword in d
        assert str(d[keyword].value) == str(HONOURED[keyword])


UNTRUE = [
    {"Rows": 3},
    {"PixelSpacing": [1, 1]},
    {"ImagePositionPatient": [0, 0, 0]},
    {"RescaleSlope": 2},
    {"ImageType": ["ORIGINAL", "PRIMARY"]},
    {"PixelData": b"1234"},
    {"TransferSyntaxUID": str(ImplicitVRLittleEndian)},
    {"MediaStorageSOPInstanceUID": "1.2.3"},
    {"ExtendedOffsetTable": b"12345678"},
    {"FloatPixelData": b"1234"},
    {"SOPInstanceUID": "1.2.3"},
    {"SOPInstanceUID": None},
    {"SeriesInstanceUID": None},
    {"StudyInstanceUID": None},
    {"SeriesInstanceUID": [f"1.2.{k + 1}" for k in range(SLICES)]},
    {"SeriesInstanceUID": ""},
]


@pytest.mark.parametrize("overrides", UNTRUE, ids=lambda o: "-".join(f"{k}={v}"[:40] for k, v in o.items()))
def test_override_that_would_make_a_file_untrue_or_unreadable_is_refused(ct, tmp_path, overrides):
    with pytest.raises(SlicewiseError):
        ct >> sw.SeriesWriter(tmp_path / "out", overrides=overrides)


def test_override_with_an_identifier_of_the_source_is_refused(ct, tmp_path):
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        value = ct.headers[0][keyword].value if keyword.startswith("Series") else [h.SOPInstanceUID for h in ct.headers]
        with pytest.raises(ParameterError, match="identifier of the source"):
            ct >> sw.SeriesWriter(tmp_path / "out", overrides={keyword: value})


def test_override_of_what_is_no_attribute_or_does_not_fit_is_refused_when_the_graph_is_built(ct, tmp_path):
    with pytest.raises(UnknownAttributeError, match="Patient_ID"):
        ct >> sw.SeriesWriter(tmp_path / "out", overrides={"Patient_ID": "A"})
    with pytest.raises(HeaderError, match="2 values were given for 12 slices"):
        ct >> sw.SeriesWriter(tmp_path / "out", overrides={"SliceThickness": [1, 2]})
    with pytest.raises(HeaderError, match="StudyDate"):
        ct >> sw.SeriesWriter(tmp_path / "out", overrides={"StudyDate": "tomorrow"})


def test_character_set_can_be_changed_without_harm_to_the_text(ct, tmp_path):
    found = read_back(write(ct, tmp_path / "out", overrides={"SpecificCharacterSet": "ISO_IR 192"}))
    assert found[0].PatientName == ct.headers[0].PatientName


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.2", "JPEG", ""])
def test_other_transfer_syntaxes_are_refused(tmp_path, syntax):
    with pytest.raises(ParameterError, match=r"transfer_syntax.*1\.2\.840\.10008\.1\.2\.1"):
        sw.SeriesWriter(tmp_path / "out", transfer_syntax=syntax)


@pytest.mark.parametrize("option", [{"uids": "old"}, {"equipment": "none"}, {"private": "some"}])
def test_unknown_choice_is_refused_with_those_there_are(tmp_path, option):
    with pytest.raises(ParameterError, match=f"'{next(iter(option))}' must be '.*' or '"):
        sw.SeriesWriter(tmp_path / "out", **option)


def test_series_that_is_there_is_replaced_only_if_asked_for(ct, tmp_path):
    first = write(ct, tmp_path / "out")
    with pytest.raises(DestinationError, match="overwrite=True"):
        ct >> sw.SeriesWriter(tmp_path / "out")
    second = write(ct[2:5], tmp_path / "out", overwrite=True)
    assert sorted((tmp_path / "out").iterdir()) == sorted(second.paths)
    assert second.series_uid != first.series_uid
    assert {d.SeriesInstanceUID for d in read_back(second)} == {second.series_uid}


def test_other_files_are_never_overwritten(ct, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(DestinationError, match=r"thesis\.txt"):
        ct >> sw.SeriesWriter(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_source_is_never_written_to(tmp_path):
    paths = write_series(tmp_path / "in" / "deep", np.zeros((3, 4, 4), np.int16))
    before = [p.read_bytes() for p in paths]
    reader = sw.SeriesReader(tmp_path / "in")
    for folder in (tmp_path / "in", tmp_path / "in" / "deep", tmp_path / "in" / "deep" / ".." / "deep"):
        with pytest.raises(DestinationError, match="source"):
            (reader + 1) >> sw.SeriesWriter(folder, overwrite=True)
    assert [p.read_bytes() for p in paths] == before


def test_failure_leaves_nothing_behind(ct, tmp_path):
    def fail(array):
        raise ZeroDivisionError

    with pytest.raises(SlicewiseError):
        write(ct >> sw.Function(fail), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# --- values -------------------------------------------------------------------------------------------------


def image_on(ct, array):
    return Image.from_array(array, geometry=ct.geometry, headers=ct.headers)


def random_values(shape, dtype, seed=0, low=None, high=None):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.random(shape) * ((high or 1) - (low or 0)) + (low or 0)).astype(dtype)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int16", -1024, 3071), ("int16", -32768, 32767), ("uint16", 0, 65535), ("uint8", 0, 255), ("int8", -128, 127),
        ("int32", -1024, 3071), ("int32", 0, 65535), ("int32", -32768, 32767), ("bool", 0, 1),
        ("int32", -33792, 31488), ("int32", 100000, 165535), ("int64", -(2**49), -(2**49) + 65535),
    ],
)  # fmt: skip
def test_integers_that_fit_16_bits_come_back_exactly(ct, tmp_path, dtype, low, high):
    array = random_values(ct.shape, dtype, low=low, high=high)
    written = write(image_on(ct, array), tmp_path / "out")
    assert np.array_equal(values_of(read_back(written)), array.astype(float))
    assert written.report.largest_error == 0


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("float32", -1024, 3071), ("float32", 0, 1), ("float64", -1e-6, 1e-6), ("float32", 1e5, 1e6),
        ("int32", 0, 200001), ("int32", 0, 65534 * 3), ("int32", -(2**31), 2**31 - 1),
        ("uint32", 0, 2**32 - 1), ("int64", -(2**40), 2**40),
    ],
)  # fmt: skip
def test_other_values_come_back_to_the_error_that_the_report_tells(ct, tmp_path, dtype, low, high):
    array = random_values(ct.shape, dtype, low=low, high=high)
    array[0, 0, :2] = low, high
    written = write(image_on(ct, array), tmp_path / "out")
    found = read_back(written)
    true_error = np.abs(values_of(found) - array.astype(np.float64)).max()
    slope = max(float(d.RescaleSlope) for d in found)
    assert true_error <= slope / 2 * (1 + 1e-4)
    assert written.report.largest_error == pytest.approx(true_error, rel=1e-3, abs=1e-12 * max(abs(low), abs(high)))
    assert len(str(found[0]["RescaleSlope"].value)) <= 16


def test_float_image_of_one_value_comes_back(ct, tmp_path):
    array = np.full(ct.shape, 0.1, np.float32)
    written = write(image_on(ct, array), tmp_path / "out")
    assert np.allclose(values_of(read_back(written)), array, atol=1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_refused_and_nothing_is_left_behind(ct, tmp_path, bad):
    array = np.zeros(ct.shape, np.float32)
    array[5, 2, 2] = bad
    with pytest.raises(ValueRangeError, match=r"slices? 5|slices \d+ to \d+"):
        write(image_on(ct, array), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_smallest_and_largest_value_of_each_slice_are_true(ct, tmp_path):
    for d in read_back(write(ct + 10, tmp_path / "out")):
        stored = d.pixel_array
        assert d.SmallestImagePixelValue == stored.min()
        assert d.LargestImagePixelValue == stored.max()


def test_pet_keeps_an_intercept_of_zero_and_a_slope_for_each_slice(tmp_path):
    stored = np.random.default_rng(0).integers(0, 30000, (5, 4, 4)).astype(np.int16)
    slopes = [f"{0.3 * (k + 1):.5f}" for k in range(5)]
    write_series(
        tmp_path / "in", stored, per_slice=[{"RescaleSlope": s} for s in slopes], Modality="PT", Units="BQML",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.128", SeriesTime="101112", DecayCorrection="START",
    )  # fmt: skip
    reader = sw.SeriesReader(tmp_path / "in")
    expected = reader.update(progress=False).array
    same = write(reader, tmp_path / "same")
    assert np.array_equal(values_of(read_back(same)).astype(np.float32), expected)
    assert [str(d.RescaleSlope) for d in read_back(same)] == slopes
    smooth = reader >> sw.Gaussian(sigma=1.0)
    written = write(smooth, tmp_path / "smooth")
    found = read_back(written)
    assert {float(d.RescaleIntercept) for d in found} == {0}
    assert len({str(d.RescaleSlope) for d in found}) == 5
    assert {d.SeriesTime for d in found} == {"101112"}
    error = np.abs(values_of(found) - smooth.update(progress=False).array).max()
    assert written.report.largest_error == pytest.approx(error, rel=1e-3)


def test_monochrome1_stays_monochrome1(tmp_path):
    stored = np.arange(48, dtype=np.int16).reshape(3, 4, 4)
    write_series(tmp_path / "in", stored, PhotometricInterpretation="MONOCHROME1")
    found = read_back(write(sw.SeriesReader(tmp_path / "in") + 1, tmp_path / "out"))
    assert {d.PhotometricInterpretation for d in found} == {"MONOCHROME1"}
    assert np.array_equal(values_of(found), stored + 1)


def test_window_follows_the_values_when_their_units_change(ct, tmp_path):
    found = read_back(write(ct * 10, tmp_path / "out"))
    low, high = np.percentile(values_of(found), [1, 99])
    assert float(found[0].WindowCenter) == pytest.approx((low + high) / 2, rel=0.05, abs=500)
    assert float(found[0].WindowWidth) == pytest.approx((high - low) * 1.1, rel=0.05)
    kept = read_back(write(ct + 10, tmp_path / "kept"))
    assert kept[0].WindowCenter == ct.headers[0].WindowCenter


def test_mask_is_not_in_hounsfield_units(ct, tmp_path):
    found = read_back(write(ct > 100, tmp_path / "out"))
    assert found[0].RescaleType != "HU"
    assert np.array_equal(values_of(found), ct.update(progress=False).array > 100)


def test_colour_comes_back(ct, tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (*ct.shape, 3)).astype(np.uint8)
    found = read_back(write(image_on(ct, rgb), tmp_path / "out"))
    assert np.array_equal(np.stack([d.pixel_array for d in found]), rgb)
    assert found[0].PhotometricInterpretation == "RGB"


# --- grid ---------------------------------------------------------------------------------------------------


def assert_points_carry_the_same_values(written, array, geometry):
    """Look up voxels by their place in the patient in what SimpleITK reads."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(written.folder))
    found = sitk.ReadImage(names)
    assert found.GetSize() == geometry.size
    assert np.allclose(found.GetSpacing(), geometry.spacing, atol=1e-6)
    last = tuple(n - 1 for n in geometry.size)
    for index in [(0, 0, 0), last, (last[0], 0, 0), (0, last[1], 0), (0, 0, last[2]), (1, 2, 1)]:
        point = [float(v) for v in geometry.index_to_point(index)]
        continuous = found.TransformPhysicalPointToContinuousIndex(point)
        assert np.allclose(continuous, np.rint(continuous), atol=1e-4)
        assert found.GetPixel(*(round(v) for v in continuous)) == array[index[::-1]]


ARRAY = np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5)


def oriented_series(folder, direction, spacing=(0.5, 1.5, 2.5), origin=(10, 20, 30)):
    write_series(
        folder,
        ARRAY,
        positions=box_positions(origin, direction[:, 2], spacing[2], len(ARRAY)),
        ImageOrientationPatient=[ds(v) for v in [*direction[:, 0], *direction[:, 1]]],
        PixelSpacing=[ds(spacing[1]), ds(spacing[0])],
        SliceThickness=ds(spacing[2]),
    )
    return sw.SeriesReader(folder)


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS, ids=range(48))
def test_written_values_are_where_they_were_in_all_48_orientations(tmp_path, direction):
    reader = oriented_series(tmp_path / "in", direction)
    for k, node in enumerate((reader, reader[::-1, 1:, ::-1], reader[:, ::-1])):
        image = node.update(progress=False)
        assert_points_carry_the_same_values(write(node, tmp_path / f"out{k}"), image.array, image.geometry)


@given(direction=rotations())
@settings(max_examples=10, deadline=None)
def test_written_values_are_where_they_were_in_oblique_orientations(tmp_path_factory, direction):
    folder = tmp_path_factory.mktemp("oblique")
    reader = oriented_series(folder / "in", direction)
    for k, node in enumerate((reader, reader[1:5, 1:, 2:])):
        image = node.update(progress=False)
        assert_points_carry_the_same_values(write(node, folder / f"out{k}"), image.array, image.geometry)


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS[::5], ids=range(0, 48, 5))
def test_image_of_simpleitk_is_written_where_it_is_and_not_where_its_headers_were(ct, tmp_path, direction):
    """Headers lend patient and study; the grid is the image's own."""
    foreign = sitk.GetImageFromArray(np.arange(SLICES * 20, dtype=np.int16).reshape(SLICES, 4, 5))
    foreign.SetSpacing((0.5, 1.5, 2.5))
    foreign.SetOrigin((100, 200, 300))
    foreign.SetDirection(direction.ravel())
    image = Image.from_sitk(foreign, headers=ct.headers)
    try:
        written = write(image, tmp_path / "out")
    except SlicewiseError:
        return  # headers that contradict the grid may be refused
    assert_points_carry_the_same_values(written, image.array, image.geometry)


def test_headers_without_a_grid_take_that_of_the_image(ct, tmp_path):
    bare = ct.headers.replace(ImagePositionPatient=None, ImageOrientationPatient=None, PixelSpacing=None)
    array = np.arange(SLICES * 20, dtype=np.int16).reshape(SLICES, 4, 5)
    geometry = Geometry.from_box((5, 4, SLICES), (0.5, 1.5, 2.5), (100, 200, 300))
    written = write(Image.from_array(array, geometry=geometry, headers=bare), tmp_path / "out")
    assert_points_carry_the_same_values(written, array, geometry)


def test_uneven_and_tilted_stacks_are_written_as_they_are(tmp_path):
    places = [(0, 2.0 * k, z) for k, z in enumerate((0, 3, 6, 12, 15, 18))]
    write_series(tmp_path / "in", ARRAY, positions=places)
    reader = sw.SeriesReader(tmp_path / "in", on_gap="keep")
    found = read_back(write(reader + 1, tmp_path / "out"))
    assert [[float(v) for v in d.ImagePositionPatient] for d in found] == [list(p) for p in places]


# --- headers and report ---------------------------------------------------------------------------------------


def comparable(dataset):
    return {e.tag: (e.VR, str(e.value)) for e in dataset if e.tag != 0x7FE00010}


def test_report_accounts_for_every_attribute_of_every_slice_and_is_true(ct, tmp_path):
    written = write(ct[2:9, 4:40] >> sw.Median(radius=1), tmp_path / "out")
    found = [comparable(d) for d in read_back(written)]
    source = [comparable(h) for h in ct.headers][2:9]
    by_tag = {}
    for row in written.report.rows:
        by_tag.setdefault(row.tag, {})[row.action.value] = row
    for tag in {t for d in [*found, *source] for t in d}:
        if not tag & 0xFFFF:
            continue
        assert int(tag) in by_tag, tag
        rows = by_tag[int(tag)]
        assert all(row.reason for row in rows.values())
        for k in range(7):
            before, after = source[k].get(tag), found[k].get(tag)
            if set(rows) == {"kept"}:
                assert before == after, tag
            if before is not None and after is None:
                assert "dropped" in rows, tag
            if after is not None and before != after:
                assert "regenerated" in rows, tag
    counts = written.report.counts
    assert counts["kept"] > 50
    assert sum(counts.values()) >= len(by_tag)


def test_report_reads_well(ct, tmp_path):
    text = str(write(ct >> sw.Resample(spacing=(5, 5, 5)), tmp_path / "out").report)
    assert "slices; attributes:" in text
    assert re.search(r"pixels: \d+ bits (un)?signed, slope", text)
    assert "SOPInstanceUID" in text
    assert "private elements" in text


def test_what_is_kept_is_kept_to_the_byte(phantom_ct, ct, tmp_path):
    written = write(ct, tmp_path / "out")
    kept = {row.tag for row in written.report.rows if row.action.value == "kept"}
    for path, source_path in zip(written.paths, ct.files, strict=True):
        after, before = pydicom.dcmread(path), pydicom.dcmread(source_path)
        for tag in kept:
            if tag in before:
                assert after.get_item(tag).value == before.get_item(tag).value


def test_image_without_dicom_headers_is_refused_with_what_to_do(tmp_path):
    image = Image.from_array(np.zeros((2, 3, 4), np.int16), headers=Headers(2))
    with pytest.raises(HeaderError, match=r"headers=series.headers"):
        image >> sw.SeriesWriter(tmp_path / "out")


def test_implicit_source_is_written_explicitly_with_the_same_header(tmp_path):
    paths = write_series(tmp_path / "in", ARRAY)
    for path in paths:
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0029, "ME", create=True)
        block.add_new(0x10, "OB", b"\1\2\3\4")
        dataset.RequestAttributesSequence = [pydicom.Dataset()]
        dataset.RequestAttributesSequence[0].StudyID = "S"
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        pydicom.dcmwrite(path, dataset, implicit_vr=True, little_endian=True, enforce_file_format=True)
    found = read_back(write(sw.SeriesReader(tmp_path / "in"), tmp_path / "out"))
    assert found[0].RequestAttributesSequence[0].StudyID == "S"
    assert found[0][0x0029, 0x1010].value == b"\1\2\3\4"
    assert found[0].file_meta.TransferSyntaxUID.is_implicit_VR is False


def test_private_element_that_cannot_be_encoded_can_be_dropped_as_the_message_says(ct, tmp_path):
    # A keyword of a private element does not exist: messages call it by its tag, and so may the caller.
    found = read_back(write(ct, tmp_path / "out", overrides={"(0029,1010)": None}))
    assert (0x0029, 0x1010) not in found[0]


def unknown_to_the_iod(path):
    """Return what dciodvfy says that the IOD does not have."""
    done = subprocess.run([tool("dciodvfy"), path], capture_output=True, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return {line for line in lines if "not present in standard DICOM IOD" in line and "0x" not in line.split(">")[0]}


def test_strict_iod_leaves_out_what_the_iod_does_not_know(phantom_ct, tmp_path):
    reader = sw.SeriesReader(phantom_ct.folder)
    more = {"EchoTime": 12.5, "VolumetricProperties": "VOLUME"}
    loose = (reader >> sw.SeriesWriter(tmp_path / "loose", overrides=more)).update(progress=False)
    strict = (reader >> sw.SeriesWriter(tmp_path / "strict", overrides=more, strict_iod=True)).update(progress=False)
    kept, left = pydicom.dcmread(loose.paths[0]), pydicom.dcmread(strict.paths[0])
    assert {e.keyword for e in kept} - {e.keyword for e in left} >= set(more)
    assert unknown_to_the_iod(loose.paths[0])
    assert not unknown_to_the_iod(strict.paths[0])
    assert {e.tag for e in kept if e.tag.is_private} == {e.tag for e in left if e.tag.is_private} != set()
    dropped = {row.name: row.reason for row in strict.report.rows if row.action is Action.DROPPED}
    assert dropped["EchoTime"] == "strict_iod: the IOD does not know it"


def test_what_is_made_of_images_of_two_classes_is_of_the_class_that_is_chosen(phantom_ct, tmp_path):
    ct = sw.SeriesReader(phantom_ct.folder)
    image = ct.update(progress=False)
    other = sw.Image.from_array(
        image.array, geometry=image.geometry, headers=image.headers.replace(SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    )
    both = ct >> sw.Mask(sw.as_node(other) > 100)
    with pytest.raises(HeaderError, match=r"several classes.*sop_class=.*WithPixelsFrom"):
        both >> sw.SeriesWriter(tmp_path / "out")
    chosen = sw.SeriesWriter(tmp_path / "chosen", sop_class="SecondaryCaptureImageStorage")
    first = pydicom.dcmread((both >> chosen).update(progress=False).paths[0])
    assert first.SOPClassUID == first.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    back = sw.WithPixelsFrom(ct, both, keeps_units=True) >> sw.SeriesWriter(tmp_path / "back")
    first = pydicom.dcmread(back.update(progress=False).paths[0])
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert first.KVP == pydicom.dcmread(ct.files[0]).KVP
