"""Multi-frame images are read frame by frame, each frame a slice with a header of its own."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

import slicewise as sw
from slicewise.errors import DuplicateSliceError, HeaderError, MissingSliceError, SeriesError, SeveralSeriesError

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


# --- what functional groups say ------------------------------------------------------------------------


def changed(path, change, order=(2, 0, 1)):
    """Write the enhanced CT with something changed."""
    pixels = enhanced(path, order)
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return pixels


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, False)])
def test_functional_groups_are_read_in_every_encoding(tmp_path, implicit, little):
    enhanced(tmp_path / "e.dcm")
    read = pydicom.dcmread(tmp_path / "e.dcm")
    read.walk(lambda *_: None)  # which decodes all of it
    dataset = Dataset({element.tag: element for element in read})
    dataset.PixelData = pixels_of_three().astype("<u2" if little else ">u2").tobytes()
    dataset.file_meta = read.file_meta
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRBigEndian
    dcmwrite(tmp_path / "e.dcm", dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    image = sw.SeriesReader(tmp_path).update(progress=False)
    expected = np.stack([pixels_of_three()[k].astype(int) * (place + 1) - 10 for place, k in enumerate((1, 2, 0))])
    assert np.array_equal(image.array, expected)
    assert image.geometry.spacing == (0.75, 0.5, 2.0)


def pixels_of_three():
    return np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)


def test_what_a_frame_says_goes_before_what_all_share_and_that_before_the_instance(tmp_path):
    def several(dataset):
        dataset.SliceThickness = "9"
        dataset.ImageComments = "instance"
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.FrameContentSequence = [item(FrameComments="shared")]
        for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.FrameContentSequence = [item(FrameComments="own")] if k == 1 else []

    changed(tmp_path / "e.dcm", several)
    headers = sw.SeriesReader(tmp_path).headers
    # The second frame is the first slice.
    assert headers["FrameComments"] == ["own", "shared", "shared"]
    assert [float(v) for v in headers["SliceThickness"]] == [2, 2, 2]
    assert headers["ImageComments"] == ["instance"] * 3
    assert "FrameContentSequence" not in headers


def test_times_and_numbers_of_frames_stand_under_the_names_of_single_images(tmp_path):
    def timed(dataset):
        dataset.AcquisitionDateTime = "20240101000000"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "MIXED", "NONE"]
        for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.FrameContentSequence = [
                item(
                    FrameAcquisitionDateTime=f"2024010100000{k}",
                    FrameAcquisitionNumber=k + 4,
                    StackID="1",
                    InStackPositionNumber=k + 1,
                    TemporalPositionIndex=1,
                )
            ]
            frame.CTImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", f"N{k}"])]
            frame.MREchoSequence = [item(EffectiveEchoTime=2.5)]
            direction = item(DiffusionGradientOrientation=[0.0, 0.0, float(k)])
            diffusion = item(DiffusionBValue=700.0, DiffusionGradientDirectionSequence=[direction])
            frame.MRDiffusionSequence = [diffusion]

    changed(tmp_path / "e.dcm", timed)
    headers = sw.SeriesReader(tmp_path).headers
    assert headers["AcquisitionDateTime"] == ["20240101000001", "20240101000002", "20240101000000"]
    assert headers["AcquisitionNumber"] == [5, 6, 4]
    assert headers["InStackPositionNumber"] == [2, 3, 1]
    assert [list(v) for v in headers["ImageType"]] == [["ORIGINAL", "PRIMARY", "VOLUME", f"N{k}"] for k in (1, 2, 0)]
    assert [float(v) for v in headers["EchoTime"]] == [2.5] * 3
    assert [v[2] for v in headers["DiffusionGradientOrientation"]] == [1, 2, 0]


def test_attributes_that_a_conversion_left_unassigned_are_ordinary_attributes(tmp_path):
    def converted(dataset):
        unassigned = item(ProtocolName="left over", SOPInstanceUID="1.2.3", Rows=99)
        dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [unassigned]
        for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.UnassignedPerFrameConvertedAttributesSequence = [item(SliceLocation=str(k))]
            source = item(ReferencedSOPInstanceUID=f"1.2.{k}")
            frame.ConversionSourceAttributesSequence = [source]

    changed(tmp_path / "e.dcm", converted)
    headers = sw.SeriesReader(tmp_path).headers
    assert headers["ProtocolName"] == ["left over"] * 3
    assert [float(v) for v in headers["SliceLocation"]] == [1, 2, 0]
    assert [h.ConversionSourceAttributesSequence[0].ReferencedSOPInstanceUID for h in headers] == [
        "1.2.1",
        "1.2.2",
        "1.2.0",
    ]
    # What is of the instance no group can say otherwise.
    assert headers["Rows"] == [4] * 3
    assert "1.2.3" not in headers["SOPInstanceUID"]


def test_frames_without_a_position_of_their_own_are_an_error(tmp_path):
    def unplaced(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence

    changed(tmp_path / "e.dcm", unplaced)
    with pytest.raises(SeriesError, match=r"e\.dcm, frame 2: ImagePositionPatient must be 3 numbers"):
        _ = sw.SeriesReader(tmp_path).geometry


@pytest.mark.parametrize("frames", [2, 4])
def test_pixels_of_another_number_of_frames_are_an_error_that_names_the_file(tmp_path, frames):
    def fewer(dataset):
        dataset.PixelData = np.zeros((frames, 4, 5), np.uint16).tobytes()

    changed(tmp_path / "e.dcm", fewer)
    with pytest.raises(HeaderError, match=rf"e\.dcm: NumberOfFrames is 3 and the pixels are those of {frames} frames"):
        _ = sw.SeriesReader(tmp_path).geometry


# --- concatenations ------------------------------------------------------------------------------------


def concatenation(folder, sizes=(2, 3, 1), skipped=(), **attributes):
    """Write an enhanced CT of six frames in several files."""
    folder.mkdir()
    enhanced(folder / "all.dcm")
    whole = pydicom.dcmread(folder / "all.dcm")
    (folder / "all.dcm").unlink()
    pixels = np.arange(6 * 4 * 5, dtype=np.uint16).reshape(6, 4, 5)
    first = 0
    for number, size in enumerate(sizes, 1):
        part = pydicom.Dataset(whole)
        part.file_meta = whole.file_meta
        part.SOPInstanceUID = generate_uid()
        part.ConcatenationUID, part.InConcatenationNumber = "1.2.3.4", number
        part.InConcatenationTotalNumber, part.ConcatenationFrameOffsetNumber = len(sizes), first
        part.NumberOfFrames = size
        part.PerFrameFunctionalGroupsSequence = [_frame(place) for place in range(first, first + size)]
        part.PixelData = pixels[first : first + size].tobytes()
        for keyword, value in attributes.items():
            setattr(part, keyword, value)
        if number not in skipped:
            part.save_as(folder / f"{9 - number}.dcm", enforce_file_format=True)
        first += size
    return pixels


def test_files_of_a_concatenation_are_one_image(tmp_path):
    pixels = concatenation(tmp_path / "in")
    image = sw.SeriesReader(tmp_path / "in").update(progress=False)
    assert np.array_equal(image.array, np.stack([pixels[k].astype(int) * (k + 1) - 10 for k in range(6)]))
    assert [source.frame for (source,) in image.sources] == [1, 2, 1, 2, 3, 1]


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_part_of_a_concatenation_is_an_error_and_can_be_done_without(tmp_path, missing):
    concatenation(tmp_path / "in", skipped=(missing,))
    with pytest.raises(MissingSliceError, match=rf"part {missing} is missing.*on_gap='keep'"):
        _ = sw.SeriesReader(tmp_path / "in").geometry
    assert sw.SeriesReader(tmp_path / "in", on_gap="keep").geometry.slices == 6 - (2, 3, 1)[missing - 1]


def test_a_part_whose_frames_do_not_follow_those_before_is_an_error(tmp_path):
    concatenation(tmp_path / "in", InConcatenationTotalNumber=None, skipped=(1,))
    with pytest.raises(MissingSliceError, match="part 1 is missing"):
        _ = sw.SeriesReader(tmp_path / "in").geometry


def test_a_part_that_is_there_twice_is_an_error_that_names_both(tmp_path):
    concatenation(tmp_path / "in")
    (tmp_path / "in" / "copy.dcm").write_bytes((tmp_path / "in" / "8.dcm").read_bytes())
    with pytest.raises(DuplicateSliceError, match=r"8\.dcm.*copy\.dcm|copy\.dcm.*8\.dcm"):
        _ = sw.SeriesReader(tmp_path / "in").geometry
