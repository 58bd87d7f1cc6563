"""Volumes of other formats as new DICOM series: what pydicom, SimpleITK, nibabel and dciodvfy say of them."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from slicewise import errors
from witnesses import by_pydicom, dicom_files, findings_of_dciodvfy, on_grid_of, sitk_affine

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
PET = {
    "Units": "BQML",
    "DecayCorrection": "START",
    "DecayFactor": 1.02,
    "SeriesDate": "20240131",
    "SeriesTime": "101500",
    "FrameReferenceTime": 0,
    "ActualFrameDuration": 120000,
}
KNOWN = {"CT": {}, "MR": {}, "PT": PET, "OT": {}}
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
}


def turned(axes):
    """Affine (RAS, mm) of 5 x 4 x 6 voxels whose axes run along these axes of the patient; "oblique" along none."""
    if axes == "oblique":
        turn = nibabel.quaternions.quat2mat(np.array([0.8, 0.3, -0.4, 0.33]) / np.linalg.norm([0.8, 0.3, -0.4, 0.33]))
    else:
        turn = np.stack([np.eye(3)["RAS".index(a)] if a in "RAS" else -np.eye(3)["LPI".index(a)] for a in axes], axis=1)
    affine = np.eye(4)
    affine[:3, :3] = turn * (0.7, 1.3, 2.5)
    affine[:3, 3] = (-12.5, 33.0, 7.25)
    return affine


def volume(path, affine=None, dtype=np.int16):
    """Write a ramp that is another one along each axis."""
    x, y, z = np.indices((5, 4, 6))
    array = (x + 10 * y + 100 * z - 40).astype(dtype)
    nibabel.save(nibabel.Nifti1Image(array, turned("RAS") if affine is None else affine), path)
    return path


def new(path, modality="MR", **options):
    options = {"attributes": KNOWN[modality], **options}
    return sw.VolumeReader(path) >> sw.NewSeries(modality, **options)


def write(node, folder, **options):
    return (node >> sw.SeriesWriter(folder, **options)).update(progress=False)


@pytest.mark.parametrize("modality", KNOWN)
def test_a_new_series_has_no_error_of_dciodvfy(tmp_path, modality):
    written = write(new(volume(tmp_path / "v.nii"), modality), tmp_path / "out")
    assert pydicom.dcmread(written.paths[0]).SOPClassUID == SOP_CLASSES[modality]
    for path in written.paths:
        assert findings_of_dciodvfy(path) == set()


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR", "ASL", "RSA", "LIP", "oblique"])
def test_every_voxel_keeps_its_place_and_value(tmp_path, axes):
    path = volume(tmp_path / "v.nii", turned(axes))
    written = write(new(path), tmp_path / "out")
    source = nibabel.load(path)
    by_files = by_pydicom(written.paths)
    found = on_grid_of(by_files, LPS @ source.affine)
    np.testing.assert_array_equal(found.array, np.asarray(source.dataobj).T)
    np.testing.assert_allclose(found.affine, LPS @ source.affine, atol=1e-5)
    # ITK sorts slices itself.
    series = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "out")))
    for index in ((0, 0, 0), (4, 3, 5), (2, 1, 3)):
        place = sitk_affine(series) @ (*index, 1)
        there = np.rint(np.linalg.solve(LPS @ source.affine, place)[:3]).astype(int)
        assert series[index] == source.dataobj[tuple(there)]


@pytest.mark.parametrize("modality", ["MR", "CT", "OT"])
def test_floats_come_back_within_the_stated_error(tmp_path, modality):
    affine = turned("RAS")
    array = np.random.default_rng(1).normal(0, 0.02, (5, 4, 6)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "v.nii.gz")
    written = write(new(tmp_path / "v.nii.gz", modality), tmp_path / "out")
    found = on_grid_of(by_pydicom(written.paths), LPS @ affine).array
    error = np.abs(found - array.T).max()
    assert 0 < error <= written.report.largest_error * 1.0001
    assert error <= np.ptp(array) / 65000


def test_it_says_what_it_is_and_claims_nothing_more(tmp_path):
    node = new(volume(tmp_path / "v.nii"), patient_name="Müller^Jörg", patient_id="P-1")
    written = write(node, tmp_path / "out", series_description="T1", series_number=7, instance_number_start=11)
    slices = [pydicom.dcmread(path) for path in written.paths]
    first = slices[0]
    assert (first.PatientName, first.PatientID, first.SpecificCharacterSet) == ("Müller^Jörg", "P-1", "ISO_IR 192")
    assert (first.SeriesDescription, first.SeriesNumber, first.InstanceNumber) == ("T1", 7, 11)
    assert first.ImageType == ["DERIVED", "SECONDARY", "OTHER"]
    assert (first.ScanningSequence, first.SequenceVariant) == ("RM", "NONE")
    for keyword in ("Manufacturer", "EchoTime", "RepetitionTime", "SliceThickness", "PatientBirthDate", "StudyDate"):
        assert first[keyword].is_empty, keyword
    assert "SourceImageSequence" not in first
    assert "AcquisitionDate" not in first
    assert "slicewise" in first.DerivationDescription
    assert "NIfTI" in first.DerivationDescription
    assert len({s.SOPInstanceUID for s in slices}) == 6
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({s[keyword].value for s in slices}) == 1
        assert first[keyword].value.is_valid
    # Most of what there is between the smallest value and the largest.
    assert -40 < first.WindowCenter < 494
    assert 250 < first.WindowWidth < 700


def test_a_second_volume_joins_study_and_frame_of_reference(tmp_path):
    path = volume(tmp_path / "v.nii")
    first = pydicom.dcmread(write(new(path), tmp_path / "a").paths[0])
    other = pydicom.dcmread(write(new(path), tmp_path / "b").paths[0])
    assert other.StudyInstanceUID != first.StudyInstanceUID
    joined = new(path, study_uid=first.StudyInstanceUID, frame_of_reference_uid=first.FrameOfReferenceUID)
    third = pydicom.dcmread(write(joined, tmp_path / "c").paths[0])
    assert third.StudyInstanceUID == first.StudyInstanceUID
    assert third.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert third.SeriesInstanceUID != first.SeriesInstanceUID


def test_filters_before_and_after_are_told(tmp_path):
    reader = sw.VolumeReader(volume(tmp_path / "v.nii"))
    node = reader >> sw.Median(radius=1) >> sw.NewSeries("MR") >> sw.Gaussian(sigma=1.0)
    first = pydicom.dcmread(write(node, tmp_path / "out").paths[0])
    assert first.DerivationDescription.index("Median") < first.DerivationDescription.index("Gaussian")
    assert findings_of_dciodvfy(tmp_path / "out" / "0001.dcm") == set()


def test_colour_is_a_secondary_capture(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (6, 4, 5, 3), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), tmp_path / "c.mha")
    written = write(new(tmp_path / "c.mha", "OT"), tmp_path / "out")
    found = np.stack([pydicom.dcmread(path).pixel_array for path in written.paths])
    np.testing.assert_array_equal(found, array)
    assert findings_of_dciodvfy(written.paths[0]) == set()
    with pytest.raises(errors.HeaderError, match=r"modality MR cannot hold 3 samples per pixel"):
        _ = new(tmp_path / "c.mha", "MR").info


def test_several_volumes_become_one_series(tmp_path):
    array = np.arange(5 * 4 * 6 * 3, dtype=np.int16).reshape(5, 4, 6, 3)
    nibabel.save(nibabel.Nifti1Image(array, turned("RAS")), tmp_path / "v.nii")
    volumes = [sw.VolumeReader(tmp_path / "v.nii", time=k) for k in range(3)]
    stack = sw.Stack(volumes, axis="time", coordinates=[0, 2, 4])
    write(stack >> sw.NewSeries("MR"), tmp_path / "out")
    slices = [pydicom.dcmread(path) for path in dicom_files(tmp_path / "out")]
    assert [s.TemporalPositionIdentifier for s in slices] == [1] * 6 + [2] * 6 + [3] * 6
    assert {s.NumberOfTemporalPositions for s in slices} == {3}
    assert len({(s.StudyInstanceUID, s.SeriesInstanceUID, s.FrameOfReferenceUID) for s in slices}) == 1


def test_what_only_the_caller_can_know_is_asked_for(tmp_path):
    path = volume(tmp_path / "v.nii")
    known = {key: value for key, value in PET.items() if key != "Units"}
    with pytest.raises(errors.ParameterError, match=r"modality PT must state Units, and only you can know"):
        _ = new(path, "PT", attributes=known).info
    known = {key: value for key, value in PET.items() if key != "DecayFactor"}
    with pytest.raises(errors.ParameterError, match=r"modality PT must state DecayFactor, and only you can know"):
        _ = new(path, "PT", attributes=known).info
    assert new(path, "PT", attributes={**known, "DecayCorrection": "NONE"}).info.slices == 6
    with pytest.raises(errors.ParameterError, match=r"cannot set PixelSpacing: it follows from the image"):
        _ = new(path, attributes={"PixelSpacing": [1, 1]}).info
    with pytest.raises(errors.ParameterError, match=r"'modality' must be .* \(got 'NM'\)"):
        sw.NewSeries("NM")


def test_an_image_with_headers_keeps_them(phantom_ct):
    with pytest.raises(errors.HeaderError, match="has the headers of a DICOM series already"):
        _ = (sw.SeriesReader(phantom_ct.folder) >> sw.NewSeries("CT")).info
