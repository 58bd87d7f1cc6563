"""Multi-frame images are read frame by frame, each frame a slice with a header of its own."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

import slicewise as sw
from slicewise.errors import HeaderError, SeveralSeriesError

CASES = {
    "mr-enhanced/philips_enhanced/anatomical/001": {},
    "mr-enhanced/philips_enhanced/dti/001": {"DiffusionBValue": 0.0},
    "mr-enhanced/Siemens/XA10/6_1.dcm": {},
    "ct-enhanced/eCT_Supplemental.dcm": {},
    "ct-enhanced/23x38x3/multiframe": {},
    "mr-enhanced-color/14_DWI_dir80_PA": {},
}


def enhanced(path, order=(2, 0, 1)):
    """Write an enhanced CT whose frames do not stand in the order of their positions."""
    pixels = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedCTImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.PatientID, dataset.NumberOfFrames = "CT", "P", 3
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 5, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 2
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(place) for place in order]
    dataset.PixelData = pixels.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return pixels


def _frame(place):
    frame, position, transformation = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [0, 0, 2 * place]
    transformation.RescaleSlope, transformation.RescaleIntercept = place + 1, -10
    transformation.RescaleType = "HU"
    frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [position], [transformation]
    return frame


def test_frames_stand_in_the_order_of_their_positions_with_their_own_rescale(tmp_path):
    pixels = enhanced(tmp_path / "enhanced.dcm")
    image = sw.SeriesReader(tmp_path).update(progress=False)
    # Position 0 is the second frame, 1 the third, 2 the first.
    expected = np.stack([pixels[k].astype(int) * (place + 1) - 10 for place, k in enumerate((1, 2, 0))])
    assert np.array_equal(image.array, expected)
    assert image.geometry.spacing == (0.75, 0.5, 2.0)
    assert [float(v) for v in image.headers["RescaleSlope"]] == [1, 2, 3]
    assert [float(v) for v in image.headers["SliceThickness"]] == [2, 2, 2]
    assert [s.frame for (s,) in image.sources] == [2, 3, 1]


def test_functional_groups_stay_in_the_header_each_frame_with_its_own(tmp_path):
    enhanced(tmp_path / "enhanced.dcm")
    headers = sw.SeriesReader(tmp_path).headers
    positions = [
        h.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient[2] for h in headers
    ]
    assert positions == [0, 2, 4]
    assert all(len(h.PerFrameFunctionalGroupsSequence) == 1 for h in headers)
    assert "PixelMeasuresSequence" in headers[0].SharedFunctionalGroupsSequence[0]


def test_groups_for_another_number_of_frames_are_an_error_that_names_the_file(tmp_path):
    enhanced(tmp_path / "enhanced.dcm", order=(1, 0))
    with pytest.raises(HeaderError, match=r"enhanced.dcm.*2 frames.*NumberOfFrames is 3"):
        _ = sw.SeriesReader(tmp_path).geometry


def test_derived_series_of_frames_is_refused_and_says_what_to_do(tmp_path):
    enhanced(tmp_path / "enhanced.dcm")
    with pytest.raises(HeaderError, match="VolumeWriter"):
        sw.SeriesReader(tmp_path) >> sw.Median(radius=1) >> sw.SeriesWriter(tmp_path / "derived")


@pytest.mark.parametrize("case", CASES)
def test_real_multi_frame_images_have_the_values_and_places_that_pydicom_finds(data, case):
    path = data(case.partition("/")[0]) / case.partition("/")[2]
    image = sw.SeriesReader(path, where=CASES[case]).update(progress=False)
    file = path if path.is_file() else next(p for p in sorted(path.iterdir()) if p.is_file())
    dataset = pydicom.dcmread(file)
    frames = dataset.pixel_array
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for k, (source,) in enumerate(image.sources):
        own = dataset.PerFrameFunctionalGroupsSequence[source.frame - 1]
        group = own if "PixelValueTransformationSequence" in own else shared
        values = frames[source.frame - 1].astype(float)
        if "PixelValueTransformationSequence" in group:
            transformation = group.PixelValueTransformationSequence[0]
            values = values * float(transformation.RescaleSlope) + float(transformation.RescaleIntercept)
        assert np.allclose(image.array[k], values, rtol=1e-6)
        place = own.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(image.geometry.positions[k], [float(v) for v in place])
    assert image.headers[0].SOPClassUID != CTImageStorage


def test_several_volumes_in_one_file_are_an_error_that_says_what_separates_them(data):
    with pytest.raises(
        SeveralSeriesError, match=r"(?s)32 slices at 8 positions.*0: Diffusion\w+ \S+ \(8 slices\).*read_volumes"
    ):
        _ = sw.SeriesReader(data("mr-enhanced") / "philips_enhanced/dti/001").geometry
