"""The phantom is what it says: a valid CT series, in no order that a name or a number gives away."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from slicewise.errors import ParameterError
from slicewise.io import phantom


def test_files_are_returned_by_position_and_named_otherwise(phantom_ct):
    datasets = [pydicom.dcmread(path) for path in phantom_ct.paths]
    heights = [float(dataset.ImagePositionPatient[2]) for dataset in datasets]
    assert heights == sorted(heights)
    assert [path.name for path in phantom_ct.paths] != sorted(path.name for path in phantom_ct.paths)
    numbers = [int(dataset.InstanceNumber) for dataset in datasets]
    assert numbers == sorted(numbers, reverse=True)


def test_header_holds_what_programs_like_to_lose(phantom_ct):
    first, second = (pydicom.dcmread(path) for path in phantom_ct.paths[:2])
    assert len(first) > 140
    assert first.PatientName.family_name == "Müller"
    context = first.RequestAttributesSequence[0].ScheduledProtocolCodeSequence[0].ProtocolContextSequence[0]
    assert context.MeasurementUnitsCodeSequence[0].CodeValue == "kV"
    step = first.private_block(0x0021, "PHANTOM RECONSTRUCTION")[0x01][0]
    assert step.private_block(0x0021, "PHANTOM RECONSTRUCTION")[0x03].value == "Größe=groß"
    assert len(first.private_block(0x0029, "PHANTOM SCANNER HEADER")[0x10].value) > 4000
    assert "ImageComments" in first
    assert "ImageComments" not in second


@pytest.mark.parametrize("signed", [False, True])
def test_modality_values_do_not_depend_on_how_they_are_stored(tmp_path, signed):
    path = phantom.ct_series(tmp_path, slices=1, size=(40, 30), signed=signed)[0]
    dataset = pydicom.dcmread(path)
    values = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    expected = phantom.hounsfield_slice((40, 30), 0.0, np.random.default_rng((0, 3)))
    assert np.array_equal(values, expected)


def test_same_arguments_give_the_same_bytes(tmp_path):
    one, other = (phantom.ct_series(tmp_path / name, slices=3, size=(16, 16)) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_another_series_number_is_another_series_of_the_same_study(tmp_path):
    paths = (phantom.ct_series(tmp_path / name, slices=1, size=(8, 8), series_number=int(name))[0] for name in "34")
    one, other = (pydicom.dcmread(path) for path in paths)
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.FrameOfReferenceUID == other.FrameOfReferenceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_no_voxels_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="must be positive"):
        phantom.ct_series(tmp_path, slices=0)


@pytest.mark.tool
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(phantom_ct):
    for path in phantom_ct.paths:
        found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
        assert "Error" not in found
        assert "CTImage" in found
