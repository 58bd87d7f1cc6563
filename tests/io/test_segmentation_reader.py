"""Segmentations read: what highdicom wrote is what is there, on the grid where it lies."""

from __future__ import annotations

from typing import NamedTuple

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import slicewise as sw
from makers import box_positions, write_series
from segmentation_makers import blobs, cropped, edited, headers_of, write_segmentation
from slicewise.errors import (
    DuplicateSliceError,
    HeaderError,
    MissingSliceError,
    MixedSlicesError,
    ParameterError,
    PatientMismatchError,
    ReadError,
    SeriesError,
    SeveralSeriesError,
    SlicewiseWarning,
    SpaceMismatchError,
)

SHAPE = (9, 36, 40)
SPACING = (0.8, 0.7, 2.5)  # columns, rows, slices


class Source(NamedTuple):
    """A CT series, as a node and as headers."""

    node: sw.SeriesReader
    images: list[pydicom.Dataset]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    paths = write_series(
        folder,
        np.zeros(SHAPE, np.int16),
        positions=box_positions((-10, -20, 30), (0, 0, 1), SPACING[2], SHAPE[0]),
        PixelSpacing=[SPACING[1], SPACING[0]],
        SliceThickness="2.5",
        PatientBirthDate="",
        PatientSex="O",
        StudyID="1",
        StudyDate="20200101",
        StudyTime="",
        AccessionNumber="",
        ReferringPhysicianName="",
    )
    return Source(sw.SeriesReader(folder), headers_of(paths))


def values(reader, **how):
    return reader.update(progress=False, **how).array


# --- label maps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [SHAPE, (9, 35, 33)])
def test_a_label_map_is_what_was_written(tmp_path, source, shape):
    labels = blobs(SHAPE, [1, 2, 3])[:, : shape[1], : shape[2]]
    options = {} if shape == SHAPE else cropped(source.images, 0, 0)
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2, 3], **options)
    reader = sw.SegmentationReader(path)
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    assert reader.dtype == np.uint8
    assert np.array_equal(values(reader), labels[filled[0] : filled[-1] + 1])
    assert np.allclose(reader.geometry.origin, (-10, -20, 30 + SPACING[2] * filled[0]))
    assert np.allclose(reader.geometry.spacing, SPACING)


def test_slices_without_frames_are_empty(tmp_path, source):
    labels = blobs(SHAPE, [1, 2])
    labels[[3, 4, 6]] = 0
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2])
    first = int(np.flatnonzero(labels.any(axis=(1, 2)))[0])
    found = values(sw.SegmentationReader(path))
    assert np.array_equal(found, labels[first : first + len(found)])
    kept = sw.SegmentationReader(path, on_gap="keep")
    assert np.array_equal(values(kept), labels[labels.any(axis=(1, 2))])
    assert not kept.geometry.is_even


@pytest.mark.parametrize("stated", [True, False])
def test_the_distance_of_slices_is_told_by_the_frames_where_nothing_states_it(tmp_path, source, stated):
    labels = blobs(SHAPE, [1])
    labels[[2, 5]] = 0
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1])

    def edit(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SpacingBetweenSlices = 2.5
        if not stated:
            del measures.SpacingBetweenSlices

    reader = sw.SegmentationReader(edited(path, edit))
    assert np.allclose(reader.geometry.slice_spacing, 2.5)
    assert np.array_equal(values(reader), labels[1:7])


def test_on_the_grid_of_the_source_all_its_slices_are_there(tmp_path, source):
    labels = blobs(SHAPE, [1, 2, 3])
    rows, columns = slice(2, 21), slice(5, 30)
    cut = np.zeros_like(labels)
    cut[:, rows, columns] = labels[:, rows, columns]
    path = write_segmentation(
        tmp_path / "seg.dcm", source.images, labels[:, rows, columns], [1, 2, 3], **cropped(source.images, 2, 5)
    )
    reader = sw.SegmentationReader(path, source=source.node)
    assert reader.geometry == source.node.geometry
    assert np.array_equal(values(reader), cut)
    assert np.array_equal(values(sw.SegmentationReader(path, source=source.node.geometry)), cut)
    assert np.array_equal(values(sw.SegmentationReader(path, source=source.node, segment=2)), cut == 2)


def test_frames_cropped_each_for_itself_are_put_in_their_places(tmp_path, source):
    labels = blobs(SHAPE, [1, 2])
    path = write_segmentation(
        tmp_path / "seg.dcm", source.images, labels[:, :16, :16], [1], **cropped(source.images, 0, 0)
    )

    def shift(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            x, y, z = frame.PlanePositionSequence[0].ImagePositionPatient
            k = round((z - 30) / SPACING[2])
            frame.PlanePositionSequence[0].ImagePositionPatient = [
                x + k % 3 * SPACING[0],
                y + k % 2 * SPACING[1],
                z,
            ]

    expected = np.zeros(SHAPE, np.uint8)
    for k in range(SHAPE[0]):
        expected[k, k % 2 : 16 + k % 2, k % 3 : 16 + k % 3] = labels[k, :16, :16]
    path = edited(path, shift)
    assert np.array_equal(values(sw.SegmentationReader(path, source=source.node)), expected)


def test_what_does_not_lie_on_the_source_is_an_error_that_says_by_how_much(tmp_path, source):
    labels = blobs(SHAPE, [1])
    half = write_segmentation(tmp_path / "half.dcm", source.images, labels, [1], **cropped(source.images, 0.5, 0))
    with pytest.raises(SpaceMismatchError, match=r"0\.5 rows \(0\.35 mm\) beside"):
        _ = sw.SegmentationReader(half, source=source.node).geometry
    beyond = write_segmentation(tmp_path / "beyond.dcm", source.images, labels, [1], **cropped(source.images, 2, 0))
    with pytest.raises(SpaceMismatchError, match="reaches 2 pixels beyond the source"):
        _ = sw.SegmentationReader(beyond, source=source.node).geometry
    with pytest.raises(SpaceMismatchError, match=r"rows"):
        _ = sw.SegmentationReader(beyond, source=source.node >> sw.Resample(spacing=(0.8, 0.8, 2.5))).geometry
    with pytest.raises(SpaceMismatchError, match="slices"):
        _ = sw.SegmentationReader(beyond, source=source.node[:4]).geometry


def test_another_patient_is_refused(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])
    edited(path, lambda ds: setattr(ds, "PatientID", "somebody else"))
    with pytest.raises(PatientMismatchError, match="somebody else"):
        _ = sw.SegmentationReader(path, source=source.node).geometry


def test_another_frame_of_reference_is_refused_unless_the_images_are_those_of_the_source(tmp_path, source):
    labels = blobs(SHAPE, [1])
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1])
    edited(path, lambda ds: setattr(ds, "FrameOfReferenceUID", "1.2.3"))
    # As pydicom-seg writes it.
    with pytest.warns(SlicewiseWarning, match=r"FrameOfReferenceUID 1\.2\.3 and .* refers to the images of the source"):
        headers = (reader := sw.SegmentationReader(path, source=source.node)).headers
    assert set(headers["FrameOfReferenceUID"]) == {source.images[0].FrameOfReferenceUID}
    assert np.array_equal(values(reader), labels)

    def forget(dataset):
        del dataset.ReferencedSeriesSequence
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame.DerivationImageSequence

    edited(path, forget)
    with pytest.raises(SpaceMismatchError, match="does not refer to the images of the source"):
        _ = sw.SegmentationReader(path, source=source.node).geometry


# --- overlap ----------------------------------------------------------------------------------------


@pytest.fixture
def overlapping(tmp_path, source):
    """Give two segments as masks, of which pixels of slice 4 overlap, and their file."""
    masks = np.zeros((*SHAPE, 2), np.uint8)
    masks[2:7, 3:12, 4:20, 0] = 1
    masks[4, 10:20, 18:30, 1] = 1
    return masks, write_segmentation(tmp_path / "seg.dcm", source.images, masks, [1, 2])


def test_overlap_is_refused_with_the_segments_and_the_slice(overlapping):
    _, path = overlapping
    with pytest.raises(SeriesError, match=r"1 \(Liver\) and 2 \(Spleen\) share 4 pixels of slice 2"):
        values(sw.SegmentationReader(path))


@pytest.mark.parametrize("shape", [SHAPE, (9, 35, 33)])
def test_overlap_is_resolved_as_asked(tmp_path, source, overlapping, shape):
    masks, path = overlapping
    if shape != SHAPE:
        masks = masks[:, : shape[1], : shape[2]]
        path = write_segmentation(tmp_path / "odd.dcm", source.images, masks, [1, 2], **cropped(source.images, 0, 0))
    first, second = masks[2:7, ..., 0], masks[2:7, ..., 1]
    assert np.array_equal(values(sw.SegmentationReader(path, overlap="first")), np.where(first, 1, 2 * second))
    assert np.array_equal(values(sw.SegmentationReader(path, overlap="last")), np.where(second, 2, first))
    assert np.array_equal(values(sw.SegmentationReader(path, values="masks")), masks[2:7].astype(bool))


# --- one segment ------------------------------------------------------------------------------------


def test_a_segment_is_chosen_by_number_label_or_code(tmp_path, source):
    labels = blobs(SHAPE, [1, 2, 3])
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2, 3])
    filled = labels.any(axis=(1, 2))
    for key in (2, "Spleen", codes.SCT.Spleen, ("78961009", "SCT", "called otherwise")):
        reader = sw.SegmentationReader(path, segment=key)
        assert reader.dtype == np.bool_
        assert np.array_equal(values(reader), labels[filled] == 2)


def test_a_segment_that_is_not_there_is_told_with_those_that_are(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1, 2, 3, 4]), [1, 2, 3, 4])
    with pytest.raises(ParameterError, match=r"no segment 'Lung'; there are\n  1: 'Liver', Liver \(10200004, SCT\)"):
        _ = sw.SegmentationReader(path, segment="Lung").info
    with pytest.raises(ParameterError, match=r"of Kidney \(64033007, SCT\) are several, 3, 4"):
        _ = sw.SegmentationReader(path, segment=codes.SCT.Kidney).info
    with pytest.raises(ParameterError, match="number, label or code"):
        sw.SegmentationReader(path, segment=1.5)


def test_nothing_is_decoded_but_what_is_asked_for(tmp_path, source):
    labels = blobs(SHAPE, [1, 2])
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2], transfer_syntax_uid=JPEG2000Lossless)

    def spoil(dataset):
        frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
        for k, item in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            if item.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 2:
                frames[k] = frames[k][:40] + b"\xff" * (len(frames[k]) - 40)
        dataset.PixelData = encapsulate(frames)

    edited(path, spoil)
    filled = labels.any(axis=(1, 2))
    assert np.array_equal(values(sw.SegmentationReader(path, segment=1)), labels[filled] == 1)
    with pytest.raises(ReadError, match=r"seg\.dcm"):
        values(sw.SegmentationReader(path, segment=2))


# --- fractions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("largest", [255, 100])
def test_fractions_are_numbers_up_to_one(tmp_path, source, largest):
    stored = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % (largest + 1)).astype(np.uint8)
    path = write_segmentation(
        tmp_path / "seg.dcm",
        source.images,
        stored.astype(np.float64) / largest,
        [1],
        segmentation_type="FRACTIONAL",
        fractional_type="PROBABILITY",
        max_fractional_value=largest,
    )
    reader = sw.SegmentationReader(path)
    assert (reader.dtype, reader.kind) == (np.float32, "FRACTIONAL")
    assert np.array_equal(values(reader), (stored / np.float32(largest)).astype(np.float32))
    edited(path, lambda ds: setattr(ds, "MaximumFractionalValue", 90))
    with pytest.raises(ReadError, match="MaximumFractionalValue"):
        values(sw.SegmentationReader(path))


def test_fractions_of_several_segments_are_components(tmp_path, source):
    stored = np.random.default_rng(1).integers(0, 256, (*SHAPE, 2)).astype(np.uint8)
    path = write_segmentation(
        tmp_path / "seg.dcm",
        source.images,
        stored / 255.0,
        [1, 2],
        segmentation_type="FRACTIONAL",
        fractional_type="OCCUPANCY",
    )
    with pytest.raises(ParameterError, match="values='masks'"):
        _ = sw.SegmentationReader(path).info
    expected = (stored / np.float32(255)).astype(np.float32)
    assert np.array_equal(values(sw.SegmentationReader(path, values="masks")), expected)
    assert np.array_equal(values(sw.SegmentationReader(path, segment="Spleen")), expected[..., 1])


# --- label maps as they are stored, and other transfer syntaxes ----------------------------------------


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("numbers", [[1, 2, 3], [2, 7, 200], [3, 500, 60000]])
def test_stored_label_maps_keep_their_numbers(tmp_path, source, syntax, numbers):
    labels = blobs(SHAPE, numbers)
    path = write_segmentation(
        tmp_path / "seg.dcm", source.images, labels, numbers, segmentation_type="LABELMAP", transfer_syntax_uid=syntax
    )
    reader = sw.SegmentationReader(path, source=source.node)
    assert reader.dtype == labels.dtype
    assert np.array_equal(values(reader), labels)
    assert [segment.number for segment in reader.segments] == numbers
    assert np.array_equal(
        values(sw.SegmentationReader(path, source=source.node, segment=numbers[1])), labels == numbers[1]
    )
    masks = values(sw.SegmentationReader(path, source=source.node, values="masks"))
    assert np.array_equal(masks, labels[..., np.newaxis] == np.array(numbers))


def test_a_label_that_nothing_describes_is_refused(tmp_path, source):
    path = write_segmentation(
        tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1, 2, 3]), [1, 2, 3], segmentation_type="LABELMAP"
    )
    edited(path, lambda ds: ds.SegmentSequence.pop(2))
    with pytest.raises(HeaderError, match=r"frame \d+: there are pixels of \d, which is no segment"):
        values(sw.SegmentationReader(path))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, "1.2.840.10008.1.2.1.98"]
)
@pytest.mark.parametrize("shape", [SHAPE, (9, 35, 33)])
def test_masks_are_read_in_every_transfer_syntax(tmp_path, source, syntax, shape):
    labels = blobs(SHAPE, [1, 2])[:, : shape[1], : shape[2]]
    stored = syntax if syntax in (ImplicitVRLittleEndian, JPEG2000Lossless) else ExplicitVRLittleEndian
    path = write_segmentation(
        tmp_path / "seg.dcm",
        source.images,
        labels,
        [1, 2],
        transfer_syntax_uid=stored,
        **({} if shape == SHAPE else cropped(source.images, 0, 0)),
    )
    if syntax != stored:
        edited(path, lambda ds: _restored(ds, syntax))
    assert np.array_equal(values(sw.SegmentationReader(path)), labels[labels.any(axis=(1, 2))])


def _restored(dataset, syntax):
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == "1.2.840.10008.1.2.1.98":
        bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
        size = dataset.Rows * dataset.Columns
        frames = [bits[k * size : (k + 1) * size] for k in range(dataset.NumberOfFrames)]
        packed = [np.packbits(frame, bitorder="little").tobytes() for frame in frames]
        dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2) for frame in packed])
        dataset["PixelData"].VR = "OB"


# --- what is told -----------------------------------------------------------------------------------


def test_references_are_those_of_the_frames(tmp_path, source):
    labels = blobs(SHAPE, [1, 2])
    labels[4] = 0
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2])
    reader = sw.SegmentationReader(path, source=source.node)
    expected = [[str(image.SOPInstanceUID)] for image in source.images]
    assert [[s.sop_instance_uid for s in sources] for sources in reader.references] == expected
    series = {s.series_uid for sources in reader.references for s in sources}
    assert series == {str(source.images[0].SeriesInstanceUID)}
    alone = sw.SegmentationReader(path)
    first = int(np.flatnonzero(labels.any(axis=(1, 2)))[0])
    assert alone.references[4 - first] == ()
    assert [alone.references[k][0].sop_instance_uid for k in (0, 1)] == [
        str(source.images[first + k].SOPInstanceUID) for k in (0, 1)
    ]
    dataset = pydicom.dcmread(path)
    for frame, item in zip(reader.frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        assert frame.segment == item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        place = item.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(reader.geometry.positions[frame.slice], place)


def test_headers_are_those_of_the_segmentation_with_the_plane_of_each_slice(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])
    headers = sw.SegmentationReader(path, source=source.node).headers
    assert headers["Modality"] == ["SEG"] * SHAPE[0]
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert headers[keyword] == [source.images[0][keyword].value] * SHAPE[0]
    assert [list(v) for v in headers["ImagePositionPatient"]] == [list(i.ImagePositionPatient) for i in source.images]
    assert "PerFrameFunctionalGroupsSequence" not in headers
    assert "NumberOfFrames" not in headers


def test_segments_are_told_in_a_table(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1, 2]), [1, 2])
    reader = sw.SegmentationReader(path)
    assert [segment.label for segment in reader.segments] == ["Liver", "Spleen"]
    table = reader.table()
    assert list(table.index) == [1, 2]
    assert list(table["type"]) == ["Liver", "Spleen"]
    assert list(table["algorithm"]) == ["AUTOMATIC net"] * 2
    assert list(table["slices"]) == [6, 6]


def test_slabs_give_what_the_whole_does(tmp_path, source):
    labels = blobs(SHAPE, [1, 2, 3])
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2, 3])
    for options in ({}, {"segment": 2}, {"values": "masks"}):
        sw.check_streaming(sw.SegmentationReader(path, source=source.node, **options))


def test_a_segmentation_goes_on_in_a_pipeline(tmp_path, source):
    labels = blobs(SHAPE, [1, 2])
    path = write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1, 2])
    masked = source.node + 7 >> sw.Mask(mask=sw.SegmentationReader(path, segment=2, source=source.node))
    assert np.array_equal(masked.update(progress=False).array, np.where(labels == 2, 7, 0))
    written = (sw.SegmentationReader(path) >> sw.VolumeWriter(tmp_path / "labels.nrrd", on_headers="drop")).update(
        progress=False
    )
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(written)), labels[labels.any(axis=(1, 2))])


def test_slices_of_a_segmentation_are_not_written_as_files_of_their_own(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])
    for reader in (sw.SegmentationReader(path), sw.SegmentationReader(path, segment=1)[:1]):
        with pytest.raises(HeaderError, match="segments with SegmentationWriter"):
            reader >> sw.SeriesWriter(tmp_path / "out")


def test_reproducible_identifiers_do_not_depend_on_where_the_file_lies(tmp_path, source):
    path = write_segmentation(tmp_path / "a.dcm", source.images, blobs(SHAPE, [1]), [1])
    other = tmp_path / "b.dcm"
    other.write_bytes(path.read_bytes())
    template = sw.SegmentTemplate({1: codes.SCT.Liver}, algorithm_type="MANUAL")
    made = [
        (
            sw.SegmentationReader(p) >> sw.SegmentationWriter(tmp_path / f"{k}.dcm", template, uids="reproducible")
        ).update(progress=False)
        for k, p in enumerate((path, other))
    ]
    assert made[0].series_uid == made[1].series_uid


# --- what is found ----------------------------------------------------------------------------------


def test_one_segmentation_in_a_folder_is_found(tmp_path, source):
    labels = blobs(SHAPE, [1])
    write_segmentation(tmp_path / "seg.dcm", source.images, labels, [1])
    source.images[0].save_as(tmp_path / "ct.dcm")
    assert np.array_equal(values(sw.SegmentationReader(tmp_path)), labels[labels.any(axis=(1, 2))])
    write_segmentation(tmp_path / "other.dcm", source.images, labels, [1])
    with pytest.raises(SeveralSeriesError, match="2 series"):
        _ = sw.SegmentationReader(tmp_path).info
    series = str(pydicom.dcmread(tmp_path / "seg.dcm").SeriesInstanceUID)
    assert sw.SegmentationReader(tmp_path, series=series).files == (tmp_path / "seg.dcm",)


def test_images_are_not_taken_for_segmentations(source):
    with pytest.raises(SeriesError, match=r"no segmentation .* but CT; SeriesReader reads images"):
        _ = sw.SegmentationReader(source.node.path).info


# --- what makes no grid -----------------------------------------------------------------------------


def test_several_orientations_are_refused(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])

    def turn(dataset):
        for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.PlaneOrientationSequence = hd.PlaneOrientationSequence(
                "PATIENT", [1, 0, 0, 0, 1, 0] if k < 2 else [0, 1, 0, 0, 0, -1]
            )

    with pytest.raises(MixedSlicesError, match=r"\(1, 0, 0, 0, 1, 0\) in frame 1 and \(0, 1, 0, 0, 0, -1\) in frame 3"):
        _ = sw.SegmentationReader(edited(path, turn)).geometry


def test_frames_that_fit_no_even_grid_are_refused(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])

    def shift(dataset):
        frame = dataset.PerFrameFunctionalGroupsSequence[2]
        x, y, z = frame.PlanePositionSequence[0].ImagePositionPatient
        frame.PlanePositionSequence[0].ImagePositionPatient = [x, y, z + 1.1]

    edited(path, shift)
    with pytest.raises(MissingSliceError, match=r"1\.4, 2\.5, 3\.6 mm apart"):
        _ = sw.SegmentationReader(path).geometry
    assert len(sw.SegmentationReader(path, on_gap="keep").headers) == 6


def test_two_frames_of_a_segment_at_one_place_are_refused(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1]), [1])

    def double(dataset):
        frames = dataset.PerFrameFunctionalGroupsSequence
        frames[3].PlanePositionSequence = frames[2].PlanePositionSequence

    with pytest.raises(DuplicateSliceError, match=r"frame 3 and seg\.dcm, frame 4 are both frames of segment 1"):
        _ = sw.SegmentationReader(edited(path, double)).geometry


def test_a_segmentation_of_images_without_a_place_has_a_slice_for_each(tmp_path, source):
    path = write_segmentation(tmp_path / "seg.dcm", source.images, blobs(SHAPE, [1, 2]), [1, 2])

    def displace(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame.PlanePositionSequence
        del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence

    edited(path, displace)
    with pytest.raises(SeriesError, match="on_no_plane='pixels'"):
        _ = sw.SegmentationReader(path).geometry
    reader = sw.SegmentationReader(path, on_no_plane="pixels")
    found = {
        sources[0].sop_instance_uid: plane for sources, plane in zip(reader.references, values(reader), strict=True)
    }
    labels = blobs(SHAPE, [1, 2])
    for image, plane in zip(source.images, labels, strict=True):
        if plane.any():
            assert np.array_equal(found[str(image.SOPInstanceUID)], plane)
