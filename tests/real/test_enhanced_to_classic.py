"""Frames of enhanced images become classic single-frame series that pydicom, SimpleITK and dciodvfy agree with."""

from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

import slicewise as sw
from slicewise import errors
from witnesses import by_pydicom, by_sitk, findings_of_dciodvfy

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
CASES = {
    "ct-enhanced/eCT_Supplemental.dcm": CT,
    "ct-enhanced/23x38x3/multiframe": CT,
    "mr-enhanced/Siemens": MR,
    "mr-enhanced/philips_enhanced": MR,
}
GROUPS = {
    "PixelSpacing": "PixelMeasuresSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "EffectiveEchoTime": "MREchoSequence",
}


def said(source, frame, keyword):
    """Return what the functional groups say of a frame, by pydicom."""
    for groups in (source.PerFrameFunctionalGroupsSequence[frame], source.SharedFunctionalGroupsSequence[0]):
        for item in groups.get(GROUPS[keyword], []):
            if keyword in item:
                return item[keyword].value
    return None


@pytest.mark.parametrize("case", CASES)
def test_frames_become_single_images_at_their_places(data, tmp_path, case):
    folder, _, inner = case.partition("/")
    series = sw.discover(data(folder) / inner, progress=False).series[0]
    reader = series.volumes[0].reader(on_gap="keep")
    image = reader.update(progress=False)
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    for witness in (by_pydicom(written.paths), by_sitk(tmp_path / "out")):
        np.testing.assert_allclose(witness.array, image.array, atol=written.report.largest_error + 1e-9, rtol=0)
        np.testing.assert_allclose(witness.affine, image.geometry.affine, atol=1e-4)
    for k, path in enumerate(written.paths):
        single = pydicom.dcmread(path)
        assert single.SOPClassUID == CASES[case]
        assert "NumberOfFrames" not in single
        assert "PerFrameFunctionalGroupsSequence" not in single
        (reference,) = single.SourceImageSequence
        source = next(pydicom.dcmread(p) for p in series.paths if _uid(p) == reference.ReferencedSOPInstanceUID)
        frame = int(reference.ReferencedFrameNumber) - 1
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            np.testing.assert_allclose(single[keyword].value, said(source, frame, keyword), atol=1e-5)
        if (echo := said(source, frame, "EffectiveEchoTime")) is not None:
            assert float(single.EchoTime) == pytest.approx(echo)
        purposes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in single.ContributingEquipmentSequence]
        assert purposes[-2:] == ["109105", "109102"]
        if k in (0, len(written.paths) - 1):
            assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(source.filename)


def _uid(path):
    return pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID


def test_the_sequence_is_told_in_classic_terms(data, tmp_path):
    series = sw.discover(data("mr-enhanced") / "Siemens", progress=False).series[0]
    reader = series.volumes[0].reader(on_gap="keep")
    first = pydicom.dcmread((reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False).paths[0])
    # GRADIENT with EchoPlanarPulseSequence YES, no spoiling, steady state, segments or oversampling.
    assert first.ScanningSequence == ["GR", "EP"]
    assert first.SequenceVariant == "NONE"
    assert first.InPlanePhaseEncodingDirection == "COL"


def test_a_series_converted_by_highdicom_comes_back(phantom_ct, tmp_path):
    slices = [pydicom.dcmread(path) for path in phantom_ct.paths]
    converted = highdicom.legacy.LegacyConvertedEnhancedCTImage(
        slices,
        series_instance_uid=generate_uid(),
        series_number=7,
        sop_instance_uid=generate_uid(),
        instance_number=1,
    )
    converted.save_as(tmp_path / "converted.dcm")
    reader = sw.SeriesReader(tmp_path / "converted.dcm")
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    found, wanted = by_pydicom(written.paths), by_pydicom(phantom_ct.paths)
    np.testing.assert_array_equal(found.array, wanted.array)
    np.testing.assert_allclose(found.affine, wanted.affine, atol=1e-6)
    for path, source in zip(written.paths, slices, strict=True):
        single = pydicom.dcmread(path)
        assert single.SOPClassUID == CT
        for keyword in ("KVP", "ConvolutionKernel", "SliceThickness", "PatientName", "StudyInstanceUID"):
            assert single[keyword].value == source[keyword].value, keyword


def test_colour_maps_of_mr_are_refused_in_words(data, tmp_path):
    series = sw.discover(data("mr-enhanced-color"), progress=False).series[0]
    with pytest.raises(errors.HeaderError, match="cannot hold single frames"):
        _ = series.volumes[0].reader() >> sw.SeriesWriter(tmp_path / "out")
