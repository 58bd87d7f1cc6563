"""Real series as one multi-frame image: nothing is wrong with it that was not wrong before, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import ParameterError
from witnesses import all_by_dcm2niix, findings_of_dciodvfy, findings_of_dcmdump, on_grid_of

pytestmark = pytest.mark.data

CONVERTED = {
    "ct-ge-liver": ("ct-ge-liver-41/CRLM-CT-1004/image", {}),
    "pet-ge-wholebody": ("pet-ge-wholebody-267/STS_001/FDG_PET/image", {}),
    "sts-ct": ("multimodal-sts-001/STS_001/CT/dicom/image", {}),
    "sts-mr": ("multimodal-sts-001/STS_001/MR_T1/dicom/image", {}),
    "mr-canon-adc": ("mr-canon-adc-36/SCAN_001/adc_image", {}),
    "ct-ge-tilt": ("ct-ge-tilt", {"on_gap": "keep"}),
}
OWN = frozenset(
    "ImageType InstanceCreationDate InstanceCreationTime InstanceCreatorUID SOPClassUID SOPInstanceUID SeriesDate "  # noqa: SIM905
    "SeriesTime SeriesDescription SeriesInstanceUID SeriesNumber InstanceNumber DerivationDescription "
    "SmallestImagePixelValue LargestImagePixelValue InStackPositionNumber TemporalPositionIndex "
    "ReferencedImageSequence StackID".split()
)
"""What an image of its own says otherwise, or does not say."""


def path_of(data, name):
    first, _, rest = name.partition("/")
    return data(first) / rest


@pytest.fixture(params=CONVERTED, scope="module")
def pair(request, data, tmp_path_factory):
    """Give a classic series, and the file that it became."""
    name, options = CONVERTED[request.param]
    reader = sw.SeriesReader(path_of(data, name), **options)
    path = tmp_path_factory.mktemp("converted") / "image.dcm"
    (reader >> sw.MultiFrameWriter(path)).update(progress=False)
    return reader, path


@pytest.mark.tool
@pytest.mark.parametrize("program", [findings_of_dciodvfy, findings_of_dcmdump])
def test_no_finding_that_the_source_has_not(pair, program):
    reader, path = pair
    before = set().union(*(program(p) for p in reader.files[:: max(1, len(reader.files) // 3)]))
    assert program(path) <= before


def test_values_times_slopes_are_those_of_each_slice(pair):
    reader, path = pair
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    sources = {uid: p for p in reader.files for uid in [pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID]}
    for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        source = pydicom.dcmread(sources[frame.ConversionSourceAttributesSequence[0].ReferencedSOPInstanceUID])
        scale = (frame if "PixelValueTransformationSequence" in frame else shared).PixelValueTransformationSequence[0]
        assert np.array_equal(dataset.pixel_array[k], source.pixel_array)
        assert float(scale.RescaleSlope) == float(source.get("RescaleSlope", 1))
        assert float(scale.RescaleIntercept) == float(source.get("RescaleIntercept", 0))
        assert frame.PlanePositionSequence[0].ImagePositionPatient == source.ImagePositionPatient


def test_every_slice_has_its_attributes_again(pair):
    reader, path = pair
    before, after = reader.headers, sw.SeriesReader(path, on_gap="keep").headers
    lost = []
    for k in (0, len(before) // 2, len(before) - 1):
        for element in before[k]:
            is_creator = element.tag.is_private and element.tag.element < 0x100
            if element.keyword not in OWN and not is_creator:
                there = after[k].get(element.tag)
                if there is None or there.value != element.value:
                    lost.append(str(element)[:80])
    assert not lost


@pytest.mark.tool
@pytest.mark.parametrize("name", ["ct-ge-liver-41/CRLM-CT-1004/image", "multimodal-sts-001/STS_001/MR_T1/dicom/image"])
def test_dcm2niix_makes_the_same_volume(data, name, tmp_path):
    image = sw.SeriesReader(path_of(data, name)).update(progress=False)
    path = tmp_path / "image.dcm"
    (sw.as_node(image) >> sw.MultiFrameWriter(path)).update(progress=False)
    (found,) = all_by_dcm2niix(path, tmp_path / "nifti")
    found = on_grid_of(found, image.geometry.affine)
    assert np.array_equal(found.array, image.array)
    assert np.abs(found.affine - image.geometry.affine).max() < 1e-3


def test_highdicom_reads_the_volume_and_its_slopes(data, tmp_path):
    highdicom = pytest.importorskip("highdicom")
    image = sw.SeriesReader(path_of(data, CONVERTED["pet-ge-wholebody"][0])).update(progress=False)
    path = tmp_path / "image.dcm"
    (sw.as_node(image) >> sw.MultiFrameWriter(path)).update(progress=False)
    frames = highdicom.imread(path).get_frames(apply_modality_transform=True)
    assert np.allclose(frames, image.array, rtol=1e-6)


@pytest.mark.tool
@pytest.mark.parametrize("name", ["mr-enhanced", "ct-enhanced", "mr-enhanced-color"])
def test_enhanced_images_stay_what_they_are(data, name, tmp_path):
    for source in sorted(p for p in data(name).rglob("*.dcm") if "Enhanced" in pydicom.dcmread(p).SOPClassUID.name):
        volumes = sw.read_volumes(source)
        path = tmp_path / f"{source.stem}.dcm"
        node = volumes[0] if len(volumes) == 1 else sw.Stack(tuple(volumes), axis="volume")
        (node >> sw.MultiFrameWriter(path)).update(progress=False)
        after, before = pydicom.dcmread(path), pydicom.dcmread(source)
        assert after.SOPClassUID == before.SOPClassUID
        assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(source)
        again = sw.read_volumes(path)
        assert len(again) == len(volumes)
        for one, other in zip(volumes, again, strict=True):
            first, second = one.update(progress=False), other.update(progress=False)
            assert np.array_equal(first.array, second.array)
            assert first.geometry == second.geometry


def test_volumes_of_several_times_are_told_apart(data, tmp_path):
    volumes = sw.read_volumes(sorted(data("mr-ge-fmri-4d").rglob("*.dcm")))
    path = tmp_path / "image.dcm"
    (sw.Stack(tuple(volumes), axis="time") >> sw.MultiFrameWriter(path)).update(progress=False)
    dataset = pydicom.dcmread(path)
    indices = [tuple(f.FrameContentSequence[0].DimensionIndexValues) for f in dataset.PerFrameFunctionalGroupsSequence]
    slices = volumes[0].geometry.slices
    assert indices == [(1, t + 1, k + 1) for t in range(len(volumes)) for k in range(slices)]
    for one, other in zip(volumes, sw.read_volumes(path), strict=True):
        assert np.array_equal(one.update(progress=False).array, other.update(progress=False).array)


def test_an_ultrasound_loop_keeps_its_times(data, tmp_path):
    source = path_of(data, "pydicom-misc/examples_ybr_color.dcm")
    path = tmp_path / "loop.dcm"
    (sw.SeriesReader(source, on_no_plane="pixels")[3:9] >> sw.MultiFrameWriter(path)).update(progress=False)
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    assert after.SOPClassUID == before.SOPClassUID
    assert after.NumberOfFrames == 6
    assert after.FrameIncrementPointer == before.FrameIncrementPointer
    expected = pydicom.pixels.pixel_array(source)[3:9]
    assert np.abs(after.pixel_array.astype(int) - expected).max() <= 1  # JPEG decoders differ by one


@pytest.mark.tool
def test_an_enhanced_image_of_classic_ones_is_sound_once_all_is_said(data, tmp_path):
    reader = sw.SeriesReader(path_of(data, CONVERTED["ct-ge-liver"][0]))
    path = tmp_path / "image.dcm"
    with pytest.raises(ParameterError, match=r"EnhancedCTImageStorage must state DeviceSerialNumber"):
        reader >> sw.MultiFrameWriter(path, sop_class="EnhancedCTImageStorage")
    region = pydicom.Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "818981001", "SCT", "Abdomen"
    anatomy = pydicom.Dataset()
    anatomy.AnatomicRegionSequence, anatomy.FrameLaterality = [region], "U"
    said = {
        "DeviceSerialNumber": "1",
        "BurnedInAnnotation": "NO",
        "IrradiationEventUID": "1.2.826.0.1.3680043.10.1.9",
        "FrameAnatomySequence": [anatomy],
    }
    (reader >> sw.MultiFrameWriter(path, sop_class="EnhancedCTImageStorage", overrides=said)).update(progress=False)
    assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(reader.files[0])


@pytest.mark.tool
def test_a_parametric_map_holds_every_value_as_it_is(data, tmp_path):
    highdicom = pytest.importorskip("highdicom")
    node = sw.SeriesReader(data("mr-canon-adc-36") / "SCAN_001/adc_image") >> sw.Function(
        lambda a: np.where(a > 0, a * np.float32(1.7e-7), np.float32("nan")), dtype="float32"
    )
    path = tmp_path / "map.dcm"
    unit = ("mm2/s", "UCUM", "square millimeter per second")
    writer = sw.MultiFrameWriter(
        path,
        sop_class="ParametricMapStorage",
        unit=unit,
        overrides={"DeviceSerialNumber": "1", "RecognizableVisualFeatures": "NO"},
    )
    (node >> writer).update(progress=False)
    values = node.update(progress=False).array
    dataset = pydicom.dcmread(path)
    stored = np.frombuffer(dataset.FloatPixelData, np.float32).reshape(values.shape)
    assert np.array_equal(stored, values, equal_nan=True)
    assert not findings_of_dciodvfy(path)
    mapping = dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mm2/s"
    assert mapping.DoubleFloatRealWorldValueLastValueMapped == np.nanmax(values)
    volume = highdicom.imread(path).get_volume(apply_real_world_transform=True)
    assert volume.array.shape == values.shape


@pytest.mark.tool
def test_a_resampled_dose_says_where_its_planes_are_and_what_they_are_worth(data, tmp_path):
    source = path_of(data, "pydicom-misc/rtdose.dcm")
    node = sw.SeriesReader(source) >> sw.Resample(spacing=(5, 5, 2.5))
    path = tmp_path / "dose.dcm"
    (node >> sw.MultiFrameWriter(path)).update(progress=False)
    image = node.update(progress=False)
    dataset, before = pydicom.dcmread(path), pydicom.dcmread(source)
    step = float(dataset.DoseGridScaling)
    assert np.abs(dataset.pixel_array * step - image.array).max() <= step
    assert step < 1e-8
    first = np.array(dataset.ImagePositionPatient, float)
    offsets = np.array(dataset.GridFrameOffsetVector, float)
    assert np.allclose(first + offsets[:, np.newaxis] * [0, 0, 1], image.geometry.positions)
    assert (dataset.DoseUnits, dataset.DoseType) == (before.DoseUnits, before.DoseType)
    assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(source)


def test_a_dose_that_is_only_copied_keeps_its_stored_values(data, tmp_path):
    source = path_of(data, "pydicom-misc/rtdose.dcm")
    path = tmp_path / "dose.dcm"
    (sw.SeriesReader(source) >> sw.MultiFrameWriter(path)).update(progress=False)
    dataset, before = pydicom.dcmread(path), pydicom.dcmread(source)
    assert np.array_equal(dataset.pixel_array, before.pixel_array)
    assert dataset.DoseGridScaling == before.DoseGridScaling
    assert dataset.GridFrameOffsetVector == before.GridFrameOffsetVector
    assert dataset.SOPInstanceUID != before.SOPInstanceUID


@pytest.mark.filterwarnings("ignore:Incorrect value for Specific Character Set")
def test_times_between_frames_count_from_the_first_that_is_written(data, tmp_path):
    source = path_of(data, "us-multiframe-fragments/multi-frame/IM00001.implicit_little_endian.dcm")
    path, other = tmp_path / "loop.dcm", tmp_path / "gaps.dcm"
    reader = sw.SeriesReader(source, on_no_plane="pixels")
    (reader[3:7] >> sw.MultiFrameWriter(path)).update(progress=False)
    times = [float(v) for v in pydicom.dcmread(source).FrameTimeVector]
    assert [float(v) for v in pydicom.dcmread(path).FrameTimeVector] == [0, *times[4:7]]
    (reader[::2] >> sw.MultiFrameWriter(other)).update(progress=False)
    assert "FrameTimeVector" not in pydicom.dcmread(other)  # frames between are gone, and so are their times
