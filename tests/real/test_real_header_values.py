"""Values of real headers are what pydicom, dcmtk and dcm2niix read; none of them stops anyone."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.dicom.header_parser import assemble
from slicewise.errors import SlicewiseError, SlicewiseWarning
from slicewise.image.attribute_text import flat
from slicewise.io.header_files import read_headers

pytestmark = pytest.mark.data

FOLDERS = [
    "big-endian", "charsets", "color-series", "compressed-series", "ct-enhanced", "ct-ge-liver-41", "ct-ge-tilt",
    "ct-head-tiny-93", "defect-duplicate-positions", "defect-not-a-volume", "defect-slice-increment", "deflate",
    "dicomdir", "float-pixels", "htj2k", "malformed", "mr-canon-adc-36", "mr-enhanced", "mr-enhanced-color",
    "mr-ge-dce-4d", "mr-ge-fmri-4d", "mr-ge-localizer-3plane", "mr-hitachi-japanese", "mr-jpegll-fragments-24",
    "mr-siemens-mosaic", "mr-siemens-multiecho", "mr-siemens-orientations", "mr-siemens-time-formats", "mr-uih-dti",
    "multimodal-sts-001", "pet-ge-wholebody-267", "pydicom-misc", "seg-dcmqi", "seg-highdicom", "signed-12bit",
    "us-multiframe-fragments",
]  # fmt: skip

OTHERWISE = {
    # GB 2312 after its escape sequence; pydicom leaves the escape sequence in the text.
    ("chrX2.dcm", 0x00100010),
}
"""What is not read as pydicom reads it, though it does not complain."""


def header_of(path):
    """Return the header of a file; None if it is refused as a whole."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            (file,) = read_headers([path], strict=True)
            return assemble([file.header])
    except SlicewiseError:
        return None


def compared(found, expected, name):
    """Yield whether each value, at any depth, is that of pydicom; nothing of what pydicom fails at or warns of."""
    for tag in expected.keys():  # noqa: SIM118 - iterating a Dataset itself would decode its elements
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                other = expected[tag]
            except Exception:  # noqa: BLE001 - any error of pydicom
                other = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            one = found[tag]
        if other is None or (name, int(tag)) in OTHERWISE:
            continue
        if other.VR == one.VR == "SQ":
            assert len(one.value) == len(other.value), (name, tag)
            for inner, outer in zip(one.value, other.value, strict=True):
                yield from compared(inner, outer, name)
            continue
        values = [repr(None if e.value == b"" else e.value) for e in (one, other)]
        assert values[0] == values[1], (name, tag)
        yield True


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_value_of_every_file_is_what_pydicom_reads(data, folder):
    count = 0
    for path in sorted(p for p in data(folder).rglob("*") if p.is_file()):
        headers = header_of(path)
        if headers is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            count += sum(compared(headers[0], expected, path.name))
    assert count


@pytest.mark.parametrize("folder", ["charsets", "malformed", "mr-hitachi-japanese", "pydicom-misc", "mr-uih-dti"])
def test_everything_can_be_asked_of_every_file(data, folder):
    for path in sorted(p for p in data(folder).rglob("*") if p.is_file()):
        headers = header_of(path)
        if headers is None:
            continue
        with warnings.catch_warnings():
            # Nothing else is warned of: warnings are errors in tests.
            warnings.simplefilter("ignore", SlicewiseWarning)
            assert str(headers[0])
            assert dict(flat(headers[0]))
            assert headers[0].copy_out() is not None
            assert len(headers.table("all")) == 1
        assert all(problem.slices == (0,) and problem.reason for problem in headers.problems)


def test_values_that_are_no_numbers_are_listed(data):
    headers = header_of(data("malformed") / "badVR.dcm")
    assert headers is not None
    bad = {problem.attribute for problem in headers.problems if "kept as bytes" in problem.reason}
    assert bad == {"NumberOfFrames"}
    with pytest.warns(SlicewiseWarning, match="NumberOfFrames of slice 0: an integer is wanted"):
        assert headers["NumberOfFrames"] == [b"1A"]


# --- texts, by dcmtk --------------------------------------------------------------------------------------


def by_dcmdump(path):
    """Return the patient's name as dcmtk turns it into UTF-8; None if it cannot."""
    command = ["dcmdump", "+U8", "-q", "+P", "0010,0010", str(path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    found = re.search(r"PN \[(.*?)\s*\]", done.stdout)
    return found[1] if done.returncode == 0 and found else None


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmtk is not installed")
@pytest.mark.parametrize("folder", ["charsets", "mr-uih-dti", "malformed"])
def test_names_are_what_dcmtk_reads(data, folder):
    compared_names = 0
    for path in sorted(p for p in data(folder).rglob("*") if p.is_file()):
        headers, expected = header_of(path), by_dcmdump(path)
        if headers is None or expected is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            (name,) = headers["PatientName"]
        # A yen sign stands where ASCII has a backslash, an overline where it has a tilde.
        assert str(name).rstrip("=") == expected.rstrip("="), path.name
        compared_names += 1
    assert compared_names


# --- b-values and directions, by dcm2niix -----------------------------------------------------------------


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
def test_b_values_and_directions_are_those_of_dcm2niix(data, tmp_path):
    folder = data("mr-uih-dti")
    command = ["dcm2niix", "-b", "n", "-z", "n", "-f", "out", "-o", str(tmp_path), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    b_values, vectors = np.loadtxt(tmp_path / "out.bval"), np.loadtxt(tmp_path / "out.bvec")
    files = read_headers(sorted(folder.rglob("*.dcm")), strict=True)
    headers = assemble([file.header for file in files])
    order = np.argsort([int(number) for number in headers["InstanceNumber"]])
    np.testing.assert_allclose(np.array(headers["BValue"])[order], b_values, rtol=1e-5)
    # FSL's directions are along rows and columns of the image, columns upwards.
    iop = np.array([float(v) for v in headers["ImageOrientationPatient"][0]]).reshape(2, 3)
    along = np.array([iop[0], -iop[1], np.cross(iop[0], iop[1])])
    found = along @ np.array(headers["GradientDirection"])[order].T
    np.testing.assert_allclose(found, vectors, atol=2e-5)


def test_b_values_and_directions_of_enhanced_frames(data):
    (path,) = (data("mr-enhanced") / "philips_enhanced" / "dti").rglob("*.dcm")
    volumes = sw.read_volumes(path)
    stated = pydicom.dcmread(path, stop_before_pixels=True).PerFrameFunctionalGroupsSequence
    expected = sorted({float(frame.MRDiffusionSequence[0].DiffusionBValue) for frame in stated})
    found = sorted({b for volume in volumes for b in volume.headers["BValue"]})
    assert found == expected
    directions = {d for volume in volumes for d in volume.headers["GradientDirection"] if d is not None}
    wanted = {
        tuple(frame.MRDiffusionSequence[0].DiffusionGradientDirectionSequence[0].DiffusionGradientOrientation)
        for frame in stated
        if "DiffusionGradientDirectionSequence" in frame.MRDiffusionSequence[0]
    }
    assert directions == wanted


def test_dose_of_a_real_examination_is_found(data):
    files = read_headers(sorted(data("pet-ge-wholebody-267").rglob("*.dcm")), strict=True)
    headers = assemble([file.header for file in files])
    (dose,) = set(headers["RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"])
    assert dose == 3.88777472e8
    assert {tuple(found) for found in headers.find("RadionuclideTotalDose")} == {
        (("RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose", dose),)
    }
