"""One multi-frame image holds what the slices held, for everybody who reads it."""

from __future__ import annotations

import resource
import threading

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from makers import box_positions, write_series
from slicewise.dicom.encoders import syntax_of
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import CancelledError, DestinationError, HeaderError, ParameterError, ValueRangeError, WriteError
from slicewise.io import multi_frame_file
from witnesses import findings_of_dciodvfy, sitk_affine, tool

SYNTAXES = ["explicit", "deflated", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"]


@pytest.fixture(scope="module")
def converted(phantom_ct, tmp_path_factory):
    """Give a CT phantom as a file of its own."""
    path = tmp_path_factory.mktemp("multi-frame") / "ct.dcm"
    (sw.SeriesReader(phantom_ct.folder) >> sw.MultiFrameWriter(path)).update(progress=False)
    return path


def written(node, path, **options):
    (node >> sw.MultiFrameWriter(path, **options)).update(progress=False)
    return path


def frames_of(paths):
    datasets = sorted((pydicom.dcmread(p) for p in paths), key=lambda ds: float(ds.ImagePositionPatient[2]))
    return datasets, np.stack([ds.pixel_array for ds in datasets])


def test_classic_ct_becomes_legacy_converted_with_the_stored_values_of_each_slice(phantom_ct, converted):
    dataset = pydicom.dcmread(converted)
    sources, stored = frames_of(phantom_ct.paths)
    assert dataset.SOPClassUID == pydicom.uid.LegacyConvertedEnhancedCTImageStorage
    assert dataset.NumberOfFrames == len(sources)
    assert np.array_equal(dataset.pixel_array, stored)
    for frame, source in zip(dataset.PerFrameFunctionalGroupsSequence, sources, strict=True):
        assert frame.PlanePositionSequence[0].ImagePositionPatient == source.ImagePositionPatient
        (origin,) = frame.ConversionSourceAttributesSequence
        assert origin.ReferencedSOPInstanceUID == source.SOPInstanceUID
    shared = dataset.SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == sources[0].PixelSpacing
    assert shared.PixelValueTransformationSequence[0].RescaleIntercept == sources[0].RescaleIntercept


def test_a_macro_is_shared_or_per_frame_and_frames_are_indexed_once(converted):
    dataset = pydicom.dcmread(converted)
    shared = {element.tag for element in dataset.SharedFunctionalGroupsSequence[0]}
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence, 1):
        assert not shared & {element.tag for element in frame}
        assert frame.FrameContentSequence[0].DimensionIndexValues == [1, number]
        assert frame.FrameContentSequence[0].InStackPositionNumber == number


@pytest.mark.tool
def test_dciodvfy_finds_nothing_that_the_source_has_not(phantom_ct, converted):
    tool("dciodvfy")
    assert findings_of_dciodvfy(converted) <= findings_of_dciodvfy(phantom_ct.paths[0])


def test_simpleitk_reads_the_grid_and_the_values(phantom_ct, converted):
    reader = sw.SeriesReader(phantom_ct.folder)
    image = sitk.ReadImage(str(converted))
    assert np.array_equal(sitk.GetArrayFromImage(image), reader.update(progress=False).array)
    assert np.allclose(sitk_affine(image), reader.geometry.affine, atol=1e-6)


def test_highdicom_reads_the_grid_and_the_values(phantom_ct, converted):
    highdicom = pytest.importorskip("highdicom")
    image = sw.SeriesReader(phantom_ct.folder).update(progress=False)
    volume = highdicom.imread(converted).get_volume(apply_modality_transform=True)
    affine = np.array(volume.affine)[:, [2, 1, 0, 3]]
    corner = np.linalg.inv(image.geometry.affine) @ affine
    steps = np.rint(np.diag(corner)[:3])
    array = np.asarray(volume.array)[:: int(steps[2]), :: int(steps[1]), :: int(steps[0])]
    assert np.array_equal(array, image.array)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_are_the_same_in_every_transfer_syntax(phantom_ct, syntax, tmp_path):
    image = sw.SeriesReader(phantom_ct.folder).update(progress=False)
    path = written(sw.as_node(image), tmp_path / "f.dcm", transfer_syntax=syntax)
    assert np.array_equal(sw.SeriesReader(path).update(progress=False).array, image.array)
    if syntax != "htj2k":  # GDCM has no codec for it
        assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), image.array)


def test_private_and_unknown_attributes_are_read_back_slice_by_slice(tmp_path):
    private = [f"value {k}" for k in range(4)]
    stored = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    paths = write_series(tmp_path / "in", stored, positions=box_positions((0, 0, 0), (0, 0, 1), 2.5, 4))
    for k, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0019, "MAKER", create=True)
        block.add_new(0x01, "LO", private[k])
        block.add_new(0x02, "LO", "all")
        dataset.SliceLocation = 2.5 * k
        dataset.ProtocolName = "abdomen"
        dataset.save_as(path)
    path = written(sw.SeriesReader(tmp_path / "in"), tmp_path / "f.dcm")
    headers = sw.SeriesReader(path).headers
    assert headers[0x0019, "MAKER", 0x01] == private
    assert headers[0x0019, "MAKER", 0x02] == ["all"] * 4
    assert [float(v) for v in headers["SliceLocation"]] == [0.0, 2.5, 5.0, 7.5]
    item = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence[2].UnassignedPerFrameConvertedAttributesSequence[0]
    assert item.private_block(0x0019, "MAKER")[0x01].value == "value 2"


def test_pixels_without_headers_become_a_secondary_capture(tmp_path):
    array = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5) * 900
    image = sw.Image.from_array(array, geometry=sw.Geometry.from_box((5, 4, 3), spacing=(1.0, 2.0, 3.0)))
    path = written(sw.as_node(image), tmp_path / "f.dcm", overrides={"BurnedInAnnotation": "NO"})
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == pydicom.uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    assert np.array_equal(dataset.pixel_array, array)
    again = sw.SeriesReader(path).update(progress=False)
    assert np.array_equal(again.array, array)
    assert np.allclose(again.geometry.affine, image.geometry.affine)


def test_what_nobody_knows_is_asked_for(tmp_path):
    image = sw.Image.from_array(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(ParameterError, match=r"must state BurnedInAnnotation.*overrides="):
        written(sw.as_node(image), tmp_path / "f.dcm")


def test_a_secondary_capture_holds_no_negative_values(tmp_path):
    image = sw.Image.from_array(np.full((2, 4, 4), -1, np.int16))
    with pytest.raises(ValueRangeError, match="whole numbers from 0 to 65535"):
        written(sw.as_node(image), tmp_path / "f.dcm", overrides={"BurnedInAnnotation": "NO"})
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(phantom_ct, tmp_path):
    node, path = sw.SeriesReader(phantom_ct.folder), tmp_path / "f.dcm"
    first = pydicom.dcmread(written(node, path)).SOPInstanceUID
    with pytest.raises(DestinationError, match="overwrite=True"):
        written(node, path)
    assert pydicom.dcmread(path).SOPInstanceUID == first
    assert pydicom.dcmread(written(node, path, overwrite=True)).SOPInstanceUID != first
    assert [p.name for p in tmp_path.iterdir()] == ["f.dcm"]


def test_what_is_no_dicom_file_is_not_replaced(phantom_ct, tmp_path):
    path = tmp_path / "f.dcm"
    path.write_bytes(b"mine")
    with pytest.raises(DestinationError, match="not a DICOM file"):
        written(sw.SeriesReader(phantom_ct.folder), path, overwrite=True)
    assert path.read_bytes() == b"mine"


def test_a_source_is_never_replaced(tmp_path):
    paths = write_series(tmp_path / "in", np.zeros((3, 4, 4), np.int16))
    with pytest.raises(DestinationError, match="file of the source"):
        written(sw.SeriesReader(tmp_path / "in"), paths[0], overwrite=True)


# --- pixels -------------------------------------------------------------------------------------------


def test_frames_beyond_four_gibibytes_have_an_extended_offset_table(phantom_ct, monkeypatch, tmp_path):
    monkeypatch.setattr(multi_frame_file, "_LONGEST", 5000)
    image = sw.SeriesReader(phantom_ct.folder).update(progress=False)
    dataset = pydicom.dcmread(written(sw.as_node(image), tmp_path / "f.dcm", transfer_syntax="jpeg-ls"))
    offsets = np.frombuffer(dataset.ExtendedOffsetTable, np.uint64)
    assert len(offsets) == len(image.array)
    extended = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, extended_offsets=extended))
    assert len(frames) == len(image.array)
    slope, intercept = (
        1,
        float(dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleIntercept),
    )
    assert np.array_equal(dataset.pixel_array * slope + intercept, image.array)


def test_uncompressed_frames_beyond_four_gibibytes_are_refused(tmp_path):
    form = PixelFormat(rows=65535, columns=32768)
    with pytest.raises(ValueRangeError, match=r"2 frames take 8 GiB.*compressed"):
        multi_frame_file.MultiFrameFile(tmp_path / "f.dcm", 2, form, syntax_of("explicit"))
    assert not list(tmp_path.iterdir())


def test_values_that_need_a_slope_come_back_within_half_a_step(phantom_ct, tmp_path):
    node = sw.SeriesReader(phantom_ct.folder) >> sw.Cast("float32") >> sw.Gaussian(sigma=3.0)
    path = written(node, tmp_path / "f.dcm")
    image = sitk.ReadImage(str(path))
    step = float(
        pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleSlope
    )
    difference = np.abs(sitk.GetArrayFromImage(image) - node.update(progress=False).array).max()
    assert 0 < difference <= step / 2 * 1.01


def test_a_run_that_is_cancelled_leaves_nothing(phantom_ct, tmp_path):
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        (sw.SeriesReader(phantom_ct.folder) >> sw.MultiFrameWriter(tmp_path / "f.dcm")).update(
            progress=False, cancel=stop
        )
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_leaves_nothing(phantom_ct, tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(WriteError, match=r"f\.dcm: cannot be written \(File too large\)"):
            written(sw.SeriesReader(phantom_ct.folder), tmp_path / "f.dcm")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(tmp_path.iterdir())


# --- classes ------------------------------------------------------------------------------------------

EQUIPMENT = {
    "Manufacturer": "M",
    "ManufacturerModelName": "N",
    "DeviceSerialNumber": "1",
    "SoftwareVersions": "2",
    "BurnedInAnnotation": "NO",
    "ComplexImageComponent": "MAGNITUDE",
    "ApplicableSafetyStandardAgency": "IEC",
    "SliceThickness": "2",
}


def anatomy():
    region, item = pydicom.Dataset(), pydicom.Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "12738006", "SCT", "Brain"
    item.AnatomicRegionSequence, item.FrameLaterality = [region], "U"
    return {"FrameAnatomySequence": [item]}


def new_mr(time):
    geometry = sw.Geometry.from_box((6, 5, 4), spacing=(1.0, 1.0, 2.0))
    array = (np.arange(4 * 5 * 6, dtype=np.uint16) * 7 + 1000 * time).reshape(4, 5, 6)
    shared = {"study_uid": "1.2.826.0.1.3680043.10.1.7", "frame_of_reference_uid": "1.2.826.0.1.3680043.10.1.8"}
    values = {"EchoTime": str(10 * (time + 1)), "RepetitionTime": "900"}
    return sw.as_node(sw.Image.from_array(array, geometry=geometry)) >> sw.NewSeries("MR", attributes=values, **shared)


@pytest.mark.tool
def test_new_mr_volumes_of_several_echoes_are_one_enhanced_image(tmp_path):
    stack = sw.Stack((new_mr(0), new_mr(1)), axis="EchoTime", coordinates=(10.0, 20.0))
    path = written(stack, tmp_path / "f.dcm", overrides={**EQUIPMENT, **anatomy()})
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == pydicom.uid.EnhancedMRImageStorage
    frames = dataset.PerFrameFunctionalGroupsSequence
    assert [f.MREchoSequence[0].EffectiveEchoTime for f in frames] == [10.0] * 4 + [20.0] * 4
    assert [list(f.FrameContentSequence[0].DimensionIndexValues) for f in frames] == [
        [1, e, k] for e in (1, 2) for k in (1, 2, 3, 4)
    ]
    pointer = dataset.DimensionIndexSequence[1]
    assert pointer.DimensionIndexPointer == pydicom.tag.Tag("EffectiveEchoTime")
    assert pointer.FunctionalGroupPointer == pydicom.tag.Tag("MREchoSequence")
    assert not findings_of_dciodvfy(path)


def test_a_mistaken_class_is_refused(phantom_ct, tmp_path):
    node = sw.SeriesReader(phantom_ct.folder)
    with pytest.raises(HeaderError, match=r"EnhancedMRImageStorage holds images of modality MR \(these are of CT\)"):
        written(node, tmp_path / "f.dcm", sop_class="EnhancedMRImageStorage")
    with pytest.raises(ParameterError, match="'sop_class' must be one of EnhancedCTImageStorage"):
        written(node, tmp_path / "f.dcm", sop_class="CTImageStorage")
    with pytest.raises(ParameterError, match="states the unit of its values"):
        written(node, tmp_path / "f.dcm", sop_class="ParametricMapStorage")
    with pytest.raises(ParameterError, match="'unit' is stated by parametric maps alone"):
        written(node, tmp_path / "f.dcm", unit=("1", "UCUM", "no units"))


def test_attributes_are_given_for_the_image_and_by_frame(phantom_ct, tmp_path):
    count = len(phantom_ct.paths)
    overrides = {"ProtocolName": "head", "FrameComments": [f"frame {k}" for k in range(count)]}
    dataset = pydicom.dcmread(written(sw.SeriesReader(phantom_ct.folder), tmp_path / "f.dcm", overrides=overrides))
    told = [f.FrameContentSequence[0].FrameComments for f in dataset.PerFrameFunctionalGroupsSequence]
    assert told == overrides["FrameComments"]
    assert sw.SeriesReader(tmp_path / "f.dcm").headers["ProtocolName"] == ["head"] * count
    uids = [f"1.2.3.{k}" for k in range(count)]
    with pytest.raises(ParameterError, match="one SOPInstanceUID for all frames"):
        written(sw.SeriesReader(phantom_ct.folder), tmp_path / "g.dcm", overrides={"SOPInstanceUID": uids})


def test_one_slice_is_an_image_of_one_frame(phantom_ct, tmp_path):
    path = written(sw.SeriesReader(phantom_ct.folder)[3:4], tmp_path / "f.dcm")
    dataset = pydicom.dcmread(path)
    assert dataset.NumberOfFrames == 1
    assert "FrameContentSequence" in dataset.PerFrameFunctionalGroupsSequence[0]
    assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(phantom_ct.paths[3])


def test_identifiers_are_the_same_for_the_same_work_if_asked(phantom_ct, tmp_path):
    node = sw.SeriesReader(phantom_ct.folder)
    first, second = (
        pydicom.dcmread(written(node, tmp_path / name, uids="reproducible")) for name in ("f.dcm", "g.dcm")
    )
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.DimensionOrganizationSequence == second.DimensionOrganizationSequence


def test_inverted_grey_levels_are_refused_where_the_class_has_none(tmp_path):
    write_series(tmp_path / "in", np.zeros((3, 4, 4), np.int16), PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(HeaderError, match="MONOCHROME1"):
        written(sw.SeriesReader(tmp_path / "in"), tmp_path / "f.dcm")


def test_strict_iod_leaves_out_of_an_enhanced_image_what_it_does_not_know(tmp_path):
    node = new_mr(0)
    extra = {**EQUIPMENT, **anatomy(), "ProtocolName": "head", "GantryDetectorTilt": "0"}
    loose = pydicom.dcmread(written(node, tmp_path / "f.dcm", overrides=extra))
    strict = pydicom.dcmread(written(node, tmp_path / "g.dcm", overrides=extra, strict_iod=True))
    assert "GantryDetectorTilt" in loose
    assert "GantryDetectorTilt" not in strict
    assert strict.ProtocolName == "head"


@pytest.mark.tool
@pytest.mark.parametrize(("dtype", "keyword"), [(np.uint8, "GrayscaleByte"), (np.uint16, "GrayscaleWord")])
@pytest.mark.parametrize("slices", [1, 3])
def test_secondary_captures_of_pixels_alone_are_sound(dtype, keyword, slices, tmp_path):
    array = np.arange(slices * 20, dtype=dtype).reshape(slices, 4, 5)
    node = sw.as_node(sw.Image.from_array(array))
    path = written(node, tmp_path / "f.dcm", overrides={"BurnedInAnnotation": "NO"})
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == getattr(pydicom.uid, f"MultiFrame{keyword}SecondaryCaptureImageStorage")
    assert np.array_equal(dataset.pixel_array.reshape(array.shape), array)
    assert not findings_of_dciodvfy(path)


@pytest.mark.tool
def test_colour_without_headers_is_a_true_colour_capture(tmp_path):
    array = np.random.default_rng(3).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    path = written(sw.as_node(sw.Image.from_array(array)), tmp_path / "f.dcm", overrides={"BurnedInAnnotation": "NO"})
    assert np.array_equal(pydicom.dcmread(path).pixel_array, array)
    assert not findings_of_dciodvfy(path)


def test_enhanced_images_store_no_odd_number_of_bits(tmp_path):
    stored = np.arange(60, dtype=np.uint16).reshape(3, 4, 5) * 100
    write_series(tmp_path / "in", stored, BitsStored=13, HighBit=12)
    dataset = pydicom.dcmread(written(sw.SeriesReader(tmp_path / "in"), tmp_path / "f.dcm"))
    assert (dataset.BitsStored, dataset.HighBit) == (16, 15)
    assert np.array_equal(dataset.pixel_array, stored)
