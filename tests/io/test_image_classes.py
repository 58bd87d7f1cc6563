"""Images of every class that is written: from scratch, and as another class than that of their source."""

from __future__ import annotations

import attrs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

import slicewise as sw
from slicewise.errors import HeaderError, ParameterError, ValueRangeError
from witnesses import by_pydicom, by_sitk, findings_of_dciodvfy, findings_of_dcmdump


def _view() -> Dataset:
    view = Dataset()
    view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = "399162004", "SCT", "cranio-caudal"
    view.ViewModifierCodeSequence = []
    return view


DETECTED = {
    "ImageLaterality": "L",
    "PatientOrientation": ["A", "F"],
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "ImagerPixelSpacing": [0.1, 0.1],
}
FLUOROSCOPIC = {"PixelIntensityRelationship": "LIN", "RadiationSetting": "GR"}
KNOWN = {
    "CR": {},
    "DX": DETECTED,
    "MG": {**DETECTED, "PositionerType": "NONE", "ViewCodeSequence": [_view()]},
    "US": {},
    "XA": FLUOROSCOPIC,
    "RF": FLUOROSCOPIC,
    "OT": {},
}
CLASSES = {
    "CR": uid.ComputedRadiographyImageStorage,
    "DX": uid.DigitalXRayImageStorageForPresentation,
    "MG": uid.DigitalMammographyXRayImageStorageForPresentation,
    "US": uid.UltrasoundImageStorage,
    "XA": uid.XRayAngiographicImageStorage,
    "RF": uid.XRayRadiofluoroscopicImageStorage,
    "OT": uid.SecondaryCaptureImageStorage,
}
PET = {"Units": "BQML", "DecayCorrection": "NONE", "FrameReferenceTime": 0, "ActualFrameDuration": 1000}


def picture(dtype=np.uint16, *, in_patient=False, colour=False):
    shape = (2, 20, 30, 3) if colour else (2, 20, 30)
    array = np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    geometry = sw.Geometry.from_box((30, 20, 2), spacing=(0.1, 0.1, 1.0))
    if not in_patient:
        geometry = attrs.evolve(geometry, coordinates=sw.Coordinates.PIXELS)
    return sw.as_node(sw.Image.from_array(array, geometry=geometry)), array


def write(node, folder, **options):
    return (node >> sw.SeriesWriter(folder, **options)).update(progress=False)


@pytest.mark.parametrize("in_patient", [True, False], ids=["in the patient", "no place"])
@pytest.mark.parametrize("modality", KNOWN)
def test_new_images_of_every_class_are_sound(modality, in_patient, tmp_path):
    node, array = picture(np.uint8 if modality == "US" else np.uint16, in_patient=in_patient)
    written = write(node >> sw.NewSeries(modality, attributes=KNOWN[modality]), tmp_path / "out")
    for path, values in zip(written.paths, array, strict=True):
        found = pydicom.dcmread(path)
        assert (found.SOPClassUID, found.Modality) == (CLASSES[modality], modality)
        assert found.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert ("ImagePositionPatient" in found) is in_patient
        np.testing.assert_array_equal(found.pixel_array, values)
        assert findings_of_dciodvfy(path) == set()
        assert findings_of_dcmdump(path) == set()


@pytest.mark.parametrize("modality", ["OT", "US"])
def test_colour_keeps_its_samples(modality, tmp_path):
    node, array = picture(np.uint8, colour=True)
    written = write(node >> sw.NewSeries(modality), tmp_path / "out")
    np.testing.assert_array_equal([pydicom.dcmread(path).pixel_array for path in written.paths], array)
    assert findings_of_dciodvfy(written.paths[0]) == set()
    assert "RescaleSlope" not in pydicom.dcmread(written.paths[0])


def test_what_only_the_caller_can_know_is_asked_for():
    node, _ = picture()
    with pytest.raises(ParameterError, match="modality XA must state PixelIntensityRelationship, RadiationSetting"):
        _ = (node >> sw.NewSeries("XA")).info
    with pytest.raises(ParameterError, match=r"PixelIntensityRelationship LOG of XRayAngiographic.* asks for a table"):
        _ = (node >> sw.NewSeries("XA", attributes={**FLUOROSCOPIC, "PixelIntensityRelationship": "LOG"})).info


def test_pixels_that_a_class_cannot_hold_are_refused_where_it_was_chosen(phantom_ct, tmp_path):
    node, _ = picture(np.float32)
    with pytest.raises(HeaderError, match="modality DX cannot hold floating-point values"):
        _ = (node >> sw.NewSeries("DX", attributes=DETECTED)).info
    with pytest.raises(HeaderError, match="modality US cannot hold grey values of uint16"):
        _ = (picture()[0] >> sw.NewSeries("US")).info
    with pytest.raises(HeaderError, match="modality CT cannot hold images without a place"):
        _ = (picture()[0] >> sw.NewSeries("CT")).info
    far = picture()[0] >> sw.Cast("int32")
    with pytest.raises(ValueRangeError, match="holds values of 16 bits as they are"):
        write((far * 1000) >> sw.NewSeries("DX", attributes=DETECTED), tmp_path / "o")
    reader = sw.SeriesReader(phantom_ct.folder)
    with pytest.raises(ParameterError, match="UltrasoundImageStorage cannot hold grey values of int16"):
        write(reader, tmp_path / "o", sop_class="UltrasoundImageStorage")
    with pytest.raises(ParameterError, match="modality PT must state DecayCorrection"):
        write(reader, tmp_path / "o", sop_class="PositronEmissionTomographyImageStorage")
    with pytest.raises(ParameterError, match="'sop_class' must be one of CTImageStorage"):
        sw.SeriesWriter(tmp_path / "o", sop_class="EnhancedCTImageStorage")
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_the_class_of_the_source_cannot_hold_becomes_a_secondary_capture(phantom_ct, tmp_path):
    colour = sw.SeriesReader(phantom_ct.folder) >> sw.sitk.ScalarToRGBColormap()
    written = write(colour, tmp_path / "out")
    (note,) = [w for w in written.report.warnings if "written as" in w]
    assert note.startswith("written as SecondaryCaptureImageStorage: CTImageStorage, the class of the source, cannot")
    source, found = pydicom.dcmread(phantom_ct.paths[0]), pydicom.dcmread(written.paths[0])
    assert (found.SOPClassUID, found.Modality) == (uid.SecondaryCaptureImageStorage, "CT")
    assert found.PhotometricInterpretation == "RGB"
    assert "RescaleSlope" not in found
    assert "KVP" in source
    assert "KVP" not in found
    assert found.PatientID == source.PatientID
    assert found.ImagePositionPatient == source.ImagePositionPatient
    assert findings_of_dciodvfy(written.paths[0]) == set()


CASES = {
    "ct-head-tiny-93": "CT",
    "mr-canon-adc-36": "MR",
    "mr-siemens-multiecho": "MR",
    "pet-ge-wholebody-267": "PT",
}


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("CTImageStorage", {}),
        ("MRImageStorage", {}),
        ("PositronEmissionTomographyImageStorage", PET),
        ("SecondaryCaptureImageStorage", {}),
        ("ComputedRadiographyImageStorage", {}),
        ("XRayAngiographicImageStorage", FLUOROSCOPIC),
    ],
)
def test_real_series_as_another_class(case, name, overrides, data, tmp_path):
    volume = sw.discover(data(case), progress=False).series[0].volumes[0]
    source = volume.reader()[:3]
    if name.startswith("Positron") and CASES[case] == "PT":
        overrides = {}  # it knows them itself
    written = write(source, tmp_path / "out", sop_class=name, overrides=overrides)
    found = by_pydicom(written.paths)
    image = source.update(progress=False)
    np.testing.assert_allclose(found.array, image.array, atol=written.report.largest_error + 1e-9, rtol=1e-6)
    np.testing.assert_allclose(by_sitk(written.paths).array, found.array, rtol=1e-6, atol=1e-6)
    first = pydicom.dcmread(written.paths[0])
    assert first.SOPClassUID == getattr(uid, name)
    before = pydicom.dcmread(volume.paths[0])
    allowed = findings_of_dciodvfy(volume.paths[0])
    # What every image must say of the body, dciodvfy asks by the class.
    new = {finding for finding in findings_of_dciodvfy(written.paths[0]) - allowed if "<Laterality>" not in finding}
    assert new == set()
    assert first.PatientID == before.PatientID
    assert [item.ReferencedSOPClassUID for item in first.SourceImageSequence] == [before.SOPClassUID]


def test_units_are_said_where_the_class_no_longer_says_them(phantom_ct, tmp_path):
    (tmp_path / "ct").mkdir()
    for path in phantom_ct.paths:
        dataset = pydicom.dcmread(path)
        del dataset.RescaleType  # of a CT image this says Hounsfield units
        dataset.save_as(tmp_path / "ct" / path.name)
    reader = sw.SeriesReader(tmp_path / "ct")
    for node, name, kind in [
        (reader, "CTImageStorage", None),
        (reader, "SecondaryCaptureImageStorage", "HU"),
        (reader >> sw.Median(radius=1), "ComputedRadiographyImageStorage", "HU"),
        (reader >> sw.Window(40, 400), "SecondaryCaptureImageStorage", "US"),
    ]:
        written = write(node, tmp_path / f"{name}{kind}", sop_class=name)
        assert pydicom.dcmread(written.paths[0]).get("RescaleType") == kind
    written = write(reader, tmp_path / "mr", sop_class="MRImageStorage")
    again = write(sw.SeriesReader(written.folder) >> sw.Median(radius=1), tmp_path / "sct", sop_class="CTImageStorage")
    assert [pydicom.dcmread(w.paths[0]).RescaleType for w in (written, again)] == ["HU", "HU"]
