"""A damaged file has exactly the finding of its damage, and what is whole has none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

import slicewise as sw
from slicewise.dicom.checks.faults import RULES
from slicewise.io import phantom
from witnesses import dicom_files, tool


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give a series in which there is nothing to find but that it looks like a scanner's and refers to localizers."""
    folder = tmp_path_factory.mktemp("whole")
    phantom.ct_series(folder, slices=4, size=(24, 20), spacing=(8, 8, 4))
    return folder


EXPECTED = {("looks-original", "ImageType"), ("reference", "ReferencedImageSequence.ReferencedSOPInstanceUID")}


def found(path) -> set[tuple[str, str]]:
    return {(finding.rule, finding.attribute) for finding in sw.validate(path, progress=False)}


@pytest.fixture
def damaged(whole, tmp_path):
    """Give a function that changes the first file of a copy of the series and returns the folder."""

    def damage(change) -> Path:
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        path = min(folder.iterdir())
        dataset = pydicom.dcmread(path)
        change(dataset)
        with pydicom.config.disable_value_validation():
            dataset.save_as(path)
        return folder

    return damage


def test_a_whole_series_has_no_error(whole):
    validation = sw.validate(whole, progress=False)
    assert found(whole) == EXPECTED
    assert validation.is_valid
    assert (validation.files, validation.series, validation.foreign) == (4, 1, 0)


def put(keyword, value, vr=None):
    """Return a change that sets an attribute, unchecked."""

    def change(dataset: Dataset) -> None:
        with pydicom.config.disable_value_validation():
            if vr is None:
                setattr(dataset, keyword, value)
            else:
                dataset.pop(keyword, None)
                dataset.add_new(keyword, vr, value)

    return change


def without(keyword):
    return lambda dataset: dataset.__delitem__(keyword)


def in_item(sequence, keyword, value=None):
    def change(dataset: Dataset) -> None:
        item = dataset[sequence].value[0]
        if value is None:
            del item[keyword]
        else:
            setattr(item, keyword, value)

    return change


def meta(keyword, value):
    return lambda dataset: setattr(dataset.file_meta, keyword, value)


def all_of(*changes):
    def change(dataset: Dataset) -> None:
        for one in changes:
            one(dataset)

    return change


def derived(dataset: Dataset) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]


# A slice of another form is a volume of its own, and leaves a hole in the one that it is from.
SPLIT = {("several-volumes", ""), ("geometry", "ImagePositionPatient")}

DAMAGES = {
    "no pixel spacing": (without("PixelSpacing"), {("missing-type-1", "PixelSpacing"), *SPLIT}),
    "no pixel representation": (without("PixelRepresentation"), {("missing-type-1", "PixelRepresentation")}),
    "empty rescale slope": (put("RescaleSlope", None), {("empty-type-1", "RescaleSlope")}),
    "no referring physician": (without("ReferringPhysicianName"), {("missing-type-2", "ReferringPhysicianName")}),
    "no KVP": (without("KVP"), {("missing-type-2", "KVP")}),
    "no class in a reference": (
        in_item("ReferencedImageSequence", "ReferencedSOPClassUID"),
        {("missing-type-1", "ReferencedImageSequence[0].ReferencedSOPClassUID")},
    ),
    "a window without width": (without("WindowWidth"), {("missing-type-1c", "WindowWidth")}),
    "a width that is empty": (put("WindowWidth", None), {("empty-type-1c", "WindowWidth")}),
    "three samples": (
        put("SamplesPerPixel", 3),
        {
            ("class-value", "SamplesPerPixel"),
            ("pixel-description", "SamplesPerPixel"),
            ("missing-type-1c", "PlanarConfiguration"),
            ("pixel-length", "PixelData"),
            *SPLIT,
        },
    ),
    "a sex that is none": (put("PatientSex", "X"), {("value-set", "PatientSex"), ("entity", "PatientSex")}),
    "a position that is none": (
        put("PatientPosition", "UPSIDE"),
        {("defined-term", "PatientPosition"), ("entity", "PatientPosition")},
    ),
    "another modality": (put("Modality", "MR"), {("class-value", "Modality"), ("entity", "Modality")}),
    "rows as SS": (put("Rows", 20, "SS"), {("vr", "Rows")}),
    "three pixel spacings": (put("PixelSpacing", [8, 8, 8]), {("multiplicity", "PixelSpacing"), *SPLIT}),
    "a long decimal": (put("SliceLocation", "1.2345678901234567", "DS"), {("value-length", "SliceLocation")}),
    "a lower-case code": (
        put("ScanOptions", "helical"),
        {("value-form", "ScanOptions")},
    ),
    "an impossible date": (put("AcquisitionDate", "20240231x"), {("value-form", "AcquisitionDate")}),
    "a long UID": (put("IrradiationEventUID", "1." * 33 + "1"), {("value-length", "IrradiationEventUID")}),
    "UIDs that are one": (
        lambda dataset: setattr(dataset, "FrameOfReferenceUID", dataset.StudyInstanceUID),
        {("shared-uid", "FrameOfReferenceUID"), ("entity", "FrameOfReferenceUID")},
    ),
    "file meta of another": (
        meta("MediaStorageSOPInstanceUID", "1.2.3"),
        {("file-meta", "MediaStorageSOPInstanceUID")},
    ),
    "too many rows": (put("Rows", 21), {("pixel-length", "PixelData"), *SPLIT}),
    "pixels cut": (
        lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[:-2]),
        {("pixel-length", "PixelData")},
    ),
    "no pixels": (without("PixelData"), {("missing-type-1c", "PixelData")}),
    "a high bit of another depth": (put("HighBit", 15), {("pixel-description", "HighBit")}),
    "directions askew": (
        put("ImageOrientationPatient", [1, 0, 0, 0.1, 1, 0]),
        {("orientation", "ImageOrientationPatient"), *SPLIT},
    ),
    "another patient": (put("PatientName", "Roe^Richard"), {("entity", "PatientName")}),
    "another frame of reference": (put("FrameOfReferenceUID", "1.2.3"), {("entity", "FrameOfReferenceUID")}),
    "a planar configuration of grey": (put("PlanarConfiguration", 0), {("forbidden", "PlanarConfiguration")}),
    "lossy without a method": (
        put("LossyImageCompression", "01"),
        {("lossy-marking", "LossyImageCompressionMethod"), ("lossy-marking", "LossyImageCompressionRatio")},
    ),
    "derived of nothing": (
        derived,
        {("derivation", "SourceImageSequence"), ("derivation", "DerivationDescription")},
    ),
    "an original that was derived": (put("DerivationDescription", "smoothed"), {("original-claim", "ImageType")}),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda name: name.replace(" ", "-"))
def test_a_damage_is_found_and_nothing_else(damaged, damage):
    change, expected = DAMAGES[damage]
    assert found(damaged(change)) - EXPECTED == expected


def test_a_file_twice_and_one_that_is_cut(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "series")
    first, second = sorted(folder.iterdir())[:2]
    shutil.copy(first, folder / "copy.dcm")
    assert ("duplicate-uid", "SOPInstanceUID") in found(folder)
    (folder / "copy.dcm").unlink()
    second.write_bytes(second.read_bytes()[:-100])
    (finding,) = [f for f in sw.validate(folder, progress=False) if f.rule == "unreadable"]
    assert finding.file == str(second)


def test_a_slice_that_lies_elsewhere_is_told_of(damaged):
    folder = damaged(lambda ds: setattr(ds, "ImagePositionPatient", [*ds.ImagePositionPatient[:2], 999]))
    validation = sw.validate(folder, progress=False)
    assert [f.rule for f in validation.warnings if f.rule == "geometry"] == ["geometry"]
    assert validation.is_valid


def test_references_among_what_is_given_are_found(whole, tmp_path):
    written = (sw.SeriesReader(whole) >> sw.Median(radius=1) >> sw.SeriesWriter(tmp_path / "derived")).update()
    assert written is not None
    alone = sw.validate(tmp_path / "derived", progress=False)
    together = sw.validate([whole, tmp_path / "derived"], progress=False)
    source = "SourceImageSequence.ReferencedSOPInstanceUID"
    assert alone.is_valid
    assert together.is_valid
    assert source in {f.attribute for f in alone}
    assert source not in {f.attribute for f in together}
    (finding,) = [f for f in alone if f.attribute == source]
    assert finding.found.startswith("4 instances")


def test_the_same_finding_of_many_files_is_one_group(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "series")
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.PatientSex
        dataset.save_as(path)
    validation = sw.validate(folder, progress=False)
    (group,) = [g for g in validation.groups if g.first.severity == "error"]
    assert (group.attribute, group.occurrences, group.files) == ("PatientSex", 4, 4)
    assert group.first.file == str(min(folder.iterdir()))
    assert group.first.reference == "PS3.5 7.4.3"
    assert validation.not_checked


def test_findings_cannot_be_changed(whole):
    validation = sw.validate(whole, progress=False)
    with pytest.raises(AttributeError):
        validation.files = 0
    with pytest.raises(AttributeError):
        next(iter(validation)).rule = ""


@pytest.mark.tool
@pytest.mark.parametrize("option", ["+ti", "+tb"])
def test_implicit_and_big_endian_files_say_the_same(whole, tmp_path, option):
    for path in whole.iterdir():
        subprocess.run([tool("dcmconv"), option, path, tmp_path / path.name], check=True)
    assert found(tmp_path) == EXPECTED


def test_the_page_names_every_rule():
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    families = ("missing-type-", "empty-type-")
    named = set(re.findall(r"`([a-z0-9-]+)(?:…)?`", page))
    assert {rule for rule in RULES if not rule.startswith(families)} - named == set()


# --- the shell --------------------------------------------------------------------------------------


def test_exit_codes_say_whether_there_is_an_error(whole, damaged):
    from typer.testing import CliRunner

    from slicewise.cli.app import app

    run = CliRunner().invoke
    assert run(app, ["validate", str(whole)]).exit_code == 0
    folder = damaged(without("PixelSpacing"))
    told = run(app, ["validate", str(folder)])
    assert told.exit_code == 1
    assert "error: PixelSpacing: absent; wanted: a value (type 1 of image-plane) (PS3.5 7.4.1); 1 file" in told.stdout
    assert run(app, ["validate", str(folder / "nowhere")]).exit_code == 2
    data = json.loads(run(app, ["validate", str(folder), "--json"]).stdout)
    assert (data["valid"], data["errors"]) == (False, 1)
    assert data["findings"][0]["rule"] == "missing-type-1"
    assert data["not_checked"]


# --- real data --------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize(
    ("case", "rule", "attribute", "files"),
    [
        ("ct-ge-tilt", "empty-type-1c", "DeidentificationMethod", 28),
        ("ct-ge-tilt", "missing-type-2", "PatientSex", 28),
        ("mr-uih-dti", "value-form", "StudyDate", 17),
        ("defect-duplicate-positions", "geometry", "ImagePositionPatient", 1),
        ("us-multiframe-fragments", "value-form", "SpecificCharacterSet", 2),
        ("signed-12bit", "vr-sign", "SmallestImagePixelValue", 1),
    ],
)
def test_what_dciodvfy_and_the_eye_find_in_real_series(data, case, rule, attribute, files):
    groups = sw.validate(data(case), progress=False).groups
    assert [g.files for g in groups if (g.first.rule, g.attribute) == (rule, attribute)] == [files]


@pytest.mark.data
@pytest.mark.tool
@pytest.mark.parametrize(
    "case",
    ["ct-ge-tilt", "ct-head-tiny-93", "pet-ge-wholebody-267", "mr-siemens-mosaic", "mr-canon-adc-36", "color-series"],
)
def test_dciodvfy_misses_the_same_attributes(data, case):
    path = next(path for path in dicom_files(data(case)))
    done = subprocess.run([tool("dciodvfy"), path], capture_output=True, check=False)
    told = (done.stderr + done.stdout).decode("utf-8", "replace")
    pattern = r"Error - (Missing|Empty) attribute .*Element=<(\w+)>"
    theirs = {(what.lower(), keyword) for what, keyword in re.findall(pattern, told)}
    findings = sw.validate(path, progress=False).errors
    ours = {(f.rule.partition("-")[0], f.attribute) for f in findings if f.rule.startswith(("missing", "empty"))}
    # It asks for a side of the body wherever it does not know the part.
    assert ours == theirs - {("missing", "Laterality")}


@pytest.mark.data
def test_a_clean_series_of_a_scanner_has_no_error(data):
    assert sw.validate(data("ct-ge-liver-41"), progress=False).is_valid
