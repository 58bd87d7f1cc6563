"""A segmentation holds what was segmented, where it was, for everybody who reads it."""

from __future__ import annotations

import json
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.sr.codedict import codes

import slicewise as sw
from makers import write_series
from segmentation_judges import by_dcmqi, by_highdicom, source_grid
from witnesses import datasets, findings_of_dciodvfy, sitk_image, tool

TISSUE = codes.SCT.Tissue
TEMPLATE = sw.SegmentTemplate(
    {
        2: sw.Segment("Fat", codes.SCT.AdiposeTissue, TISSUE),
        5: sw.Segment("Soft", codes.SCT.SoftTissue, TISSUE, colour=(50000, 40000, 30000)),
        9: sw.Segment("Bone", codes.SCT.BoneTissue, TISSUE, tracking_id="b", tracking_uid="1.2.3"),
        12: sw.Segment("Metal", codes.SCT.ForeignBody, codes.SCT.PhysicalObject),
    },
    algorithm_type="AUTOMATIC",
    algorithm_name="thresholds",
)
ONE = sw.SegmentTemplate({1: sw.Segment("All", TISSUE, TISSUE)}, algorithm_type="MANUAL")


@pytest.fixture(scope="module")
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


@pytest.fixture(scope="module")
def paths(phantom_ct):
    return phantom_ct.paths


@pytest.fixture(scope="module")
def labels(phantom_ct):
    """Give labels 2, 5 and 9 by thresholds; nothing at the margins nor on some slices."""
    values = sitk.GetArrayFromImage(sitk_image(phantom_ct.folder))
    array = np.select([values > 200, values > 0, values > -200], [9, 5, 2], 0).astype(np.uint8)
    array[[0, 4, 11]] = 0
    array[:, :6] = 0
    array[:, :, -11:] = 0
    assert set(np.unique(array)) == {0, 2, 5, 9}
    return array


@pytest.fixture(scope="module")
def mask(ct, labels):
    return sw.WithPixelsFrom(ct, labels)


def written(node, path, template=TEMPLATE, **options):
    (node >> sw.SegmentationWriter(path, template, **options)).update(progress=False)
    return path


def renumbered(array, table):
    out = np.zeros_like(array)
    for old, new in table.items():
        out[array == old] = new
    return out


# --- values and places --------------------------------------------------------------------------------


CROPPED = {"inplane_cropping": True}


@pytest.mark.parametrize("options", [{}, CROPPED, {"transfer_syntax": "deflated"}, {"transfer_syntax": "jpeg-2000"}])
def test_masks_of_a_label_map_are_where_they_were(mask, labels, paths, tmp_path, options):
    path = written(mask, tmp_path / "seg.dcm", **options)
    read = by_highdicom(path, paths, combine_segments=True)
    assert np.array_equal(read, renumbered(labels, {2: 1, 5: 2, 9: 3}))
    rows, columns = (np.flatnonzero(labels.any(axis=a)) for a in ((0, 2), (0, 1)))
    dataset = pydicom.dcmread(path)
    extent = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert (dataset.Rows, dataset.Columns) == (extent if options == CROPPED else labels.shape[1:])
    assert dataset.NumberOfFrames == sum(len(np.flatnonzero((labels == k).any(axis=(1, 2)))) for k in (2, 5, 9))


@pytest.mark.parametrize("columns", [1, 7, 8, 13, 16, 21])
@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("crop", [False, True])
def test_bits_stand_one_behind_the_other_whatever_the_size(tmp_path, rows, columns, crop):
    generator = np.random.default_rng(rows * 100 + columns)
    paths = write_series(tmp_path / "ct", np.zeros((5, rows, columns), np.int16))
    array = (generator.random((5, rows, columns)) < 0.4).astype(np.uint8) * (1 + generator.integers(0, 2, (5, 1, 1)))
    array[2] = 0
    array[0, 0, 0] = 1
    image = sw.WithPixelsFrom(sw.SeriesReader(tmp_path / "ct"), array.astype(np.uint8))
    two = sw.SegmentTemplate({1: TISSUE_SEGMENT, 2: TISSUE_SEGMENT}, algorithm_type="MANUAL")
    path = written(image, tmp_path / "seg.dcm", two, inplane_cropping=crop)
    assert np.array_equal(by_highdicom(path, paths, combine_segments=True), array)


TISSUE_SEGMENT = sw.Segment("Tissue", TISSUE, TISSUE)


@pytest.mark.parametrize(
    "options",
    [
        {},
        CROPPED,
        {"transfer_syntax": "deflated"},
        {"transfer_syntax": "rle"} | CROPPED,
        {"transfer_syntax": "jpeg-ls"},
        {"transfer_syntax": "jpeg-2000"} | CROPPED,
    ],
)
def test_label_maps_keep_their_labels(mask, labels, paths, tmp_path, options):
    path = written(mask, tmp_path / "seg.dcm", kind="labelmap", **options)
    assert np.array_equal(by_highdicom(path, paths, combine_segments=True), labels)
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.7"
    assert [s.SegmentNumber for s in dataset.SegmentSequence] == [0, 2, 5, 9, 12]
    assert (dataset.PixelPaddingValue, dataset.BitsAllocated) == (0, 8)


def test_label_maps_with_many_labels_have_16_bits(ct, labels, paths, tmp_path):
    large = renumbered(labels.astype(np.int32), {2: 300, 5: 65535})
    template = sw.SegmentTemplate({300: TISSUE_SEGMENT, 65535: TISSUE_SEGMENT}, algorithm_type="MANUAL")
    image = sw.WithPixelsFrom(ct, large)
    path = written(image, tmp_path / "seg.dcm", template, kind="labelmap")
    assert pydicom.dcmread(path).BitsAllocated == 16
    assert np.array_equal(by_highdicom(path, paths, combine_segments=True), large)


def test_labels_that_no_number_can_be_are_kept_beside_it(ct, labels, tmp_path):
    large = renumbered(labels.astype(np.int64), {2: 70000, 5: 100000})
    template = sw.SegmentTemplate({70000: TISSUE_SEGMENT, 100000: TISSUE_SEGMENT}, algorithm_type="MANUAL")
    for kind in ("binary", "labelmap"):
        path = written(sw.WithPixelsFrom(ct, large), tmp_path / f"{kind}.dcm", template, kind=kind)
        segments = [s for s in pydicom.dcmread(path).SegmentSequence if s.SegmentNumber]
        stated = [(s.SegmentNumber, s.private_block(0x0063, "SLICEWISE")[1].value) for s in segments]
        assert stated == [(1, 70000), (2, 100000)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"maximum_fractional_value": 100, "fractional_type": "OCCUPANCY", "inplane_cropping": True},
        {"maximum_fractional_value": 1, "transfer_syntax": "rle"},
        {"maximum_fractional_value": 254, "transfer_syntax": "jpeg-ls", "inplane_cropping": True},
    ],
)
def test_fractions_are_kept_as_finely_as_they_are_stored(ct, paths, tmp_path, options):
    generator = np.random.default_rng(7)
    shape, _ = source_grid(paths)
    fractions = np.zeros(shape, np.float32)
    fractions[2:9, 10:40, 20:61] = generator.random((7, 30, 41))
    fractions[5, 12, 22] = 1
    path = written(sw.WithPixelsFrom(ct, fractions), tmp_path / "seg.dcm", ONE, kind="fractional", **options)
    largest = options.get("maximum_fractional_value", 255)
    read = by_highdicom(path, paths, combine_segments=False, rescale_fractional=True)[..., 0]
    assert np.abs(read - fractions).max() <= 0.5 / largest + 1e-6
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert (dataset.SegmentationFractionalType, dataset.MaximumFractionalValue) == (
        options.get("fractional_type", "PROBABILITY"),
        largest,
    )
    assert dataset.NumberOfFrames == 7


def test_masks_may_overlap(ct, labels, paths, tmp_path):
    liver, lesion = (labels > 0), (labels == 5)
    both = sw.Join([sw.WithPixelsFrom(ct, liver), sw.WithPixelsFrom(ct, lesion)])
    template = sw.SegmentTemplate({1: codes.SCT.Liver, 3: codes.SCT.Neoplasm}, algorithm_type="MANUAL")
    path = written(both, tmp_path / "seg.dcm", template)
    read = by_highdicom(path, paths, combine_segments=False)
    assert np.array_equal(read[..., 0], liver)
    assert np.array_equal(read[..., 1], lesion)
    assert pydicom.dcmread(path).SegmentsOverlap == "YES"
    apart = sw.Join([sw.WithPixelsFrom(ct, labels == 2), sw.WithPixelsFrom(ct, lesion)])
    assert pydicom.dcmread(written(apart, tmp_path / "apart.dcm", template)).SegmentsOverlap == "NO"


def test_several_label_maps_are_described_by_several_lists(ct, labels, paths, tmp_path):
    first, second = labels, renumbered(labels, {5: 7})
    both = sw.Join([sw.WithPixelsFrom(ct, first), sw.WithPixelsFrom(ct, second)])
    template = sw.SegmentTemplate(
        [{2: TISSUE_SEGMENT, 5: TISSUE_SEGMENT, 9: TISSUE_SEGMENT}, {7: sw.Segment("Seven", TISSUE, TISSUE)}],
        algorithm_type="MANUAL",
    )
    path = written(both, tmp_path / "seg.dcm", template)
    read = by_highdicom(path, paths, combine_segments=False)
    for channel, wanted in enumerate([labels == 2, labels == 5, labels == 9, labels == 5]):
        assert np.array_equal(read[..., channel], wanted)
    assert pydicom.dcmread(path).SegmentSequence[3].SegmentLabel == "Seven"


def test_fractions_of_several_segments_are_components(ct, labels, paths, tmp_path):
    parts = [(labels == k).astype(np.float32) * 0.8 for k in (5, 9)]
    both = sw.Join([sw.WithPixelsFrom(ct, part) for part in parts])
    template = sw.SegmentTemplate({1: codes.SCT.Liver, 2: codes.SCT.Spleen}, algorithm_type="MANUAL")
    path = written(both, tmp_path / "seg.dcm", template, kind="fractional")
    read = by_highdicom(path, paths, combine_segments=False)
    assert np.allclose(read, np.stack(parts, axis=-1), atol=0.002)


def test_what_is_segmented_in_the_graph_needs_no_source_by_hand(ct, paths, tmp_path):
    path = written((ct >> sw.Median(1)) >= 0, tmp_path / "seg.dcm", ONE)
    image = sitk.Median(sitk.Cast(sitk_image(paths[0].parent), sitk.sitkInt16), [1, 1, 1])
    wanted = sitk.GetArrayFromImage(image) >= 0
    assert np.array_equal(by_highdicom(path, paths, combine_segments=True), wanted)


def test_a_mask_is_the_one_segment_of_its_template_whatever_its_label(ct, labels, paths, tmp_path):
    template = sw.SegmentTemplate({5: TISSUE_SEGMENT}, algorithm_type="MANUAL")
    path = written(sw.WithPixelsFrom(ct, labels > 2), tmp_path / "seg.dcm", template)
    assert np.array_equal(by_highdicom(path, paths, combine_segments=True), labels > 2)
    (segment,) = pydicom.dcmread(path).SegmentSequence
    assert (segment.SegmentNumber, segment.private_block(0x0063, "SLICEWISE")[1].value) == (1, 5)


def test_the_mask_of_another_program_is_turned_back_to_its_source(ct, labels, paths, tmp_path):
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(sitk_image(paths[0].parent))
    turned = sitk.Flip(sitk.PermuteAxes(image, [1, 0, 2]), [True, False, True])
    path = written(sw.Image.from_sitk(turned), tmp_path / "seg.dcm", source=ct)
    read = by_highdicom(path, paths, combine_segments=True)
    assert np.array_equal(read, renumbered(labels, {2: 1, 5: 2, 9: 3}))


def test_uneven_and_sheared_slices_are_where_they_were(tmp_path):
    corners = [(0, 0, 0), (0, 1, 3), (0, 2, 5), (0, 2.5, 11)]
    paths = write_series(tmp_path / "ct", np.arange(4 * 6 * 9, dtype=np.int16).reshape(4, 6, 9), positions=corners)
    reader = sw.SeriesReader(tmp_path / "ct", on_gap="keep")
    path = written(reader > 60, tmp_path / "seg.dcm", ONE, inplane_cropping=True)
    seg = hd.seg.segread(path)
    found = seg.get_pixels_by_source_instance([pydicom.dcmread(p).SOPInstanceUID for p in paths[1:]])
    assert found.any()
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        (original,) = [d for d in datasets(paths, pixels=False) if source == d.SOPInstanceUID]
        moved = np.subtract(frame.PlanePositionSequence[0].ImagePositionPatient, original.ImagePositionPatient)
        # In the plane, by whole pixels.
        assert moved[2] == 0
        assert np.allclose(moved, np.rint(moved))
    assert "SpacingBetweenSlices" not in seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


# --- options --------------------------------------------------------------------------------------------


def test_slices_without_a_segment_have_a_frame_only_if_asked_for(mask, labels, paths, tmp_path):
    path = written(mask, tmp_path / "seg.dcm", skip_empty_slices=False)
    dataset = pydicom.dcmread(path)
    assert dataset.NumberOfFrames == 3 * len(labels)
    indices = [f.FrameContentSequence[0].DimensionIndexValues for f in dataset.PerFrameFunctionalGroupsSequence]
    assert [list(i) for i in indices] == [[s, k] for s in (1, 2, 3) for k in range(1, len(labels) + 1)]
    read = by_highdicom(path, paths, combine_segments=True)
    assert np.array_equal(read, renumbered(labels, {2: 1, 5: 2, 9: 3}))


def test_equal_positions_have_equal_indices(mask, tmp_path):
    dataset = pydicom.dcmread(written(mask, tmp_path / "seg.dcm"))
    by_index = {}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        segment, index = frame.FrameContentSequence[0].DimensionIndexValues
        assert frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == segment
        by_index.setdefault(index, set()).add(tuple(frame.PlanePositionSequence[0].ImagePositionPatient))
    assert all(len(places) == 1 for places in by_index.values())
    heights = [next(iter(by_index[k]))[2] for k in range(1, len(by_index) + 1)]
    assert heights == sorted(heights)


def test_labels_without_description_are_left_out_if_asked_for(mask, labels, paths, tmp_path):
    template = sw.SegmentTemplate({5: codes.SCT.Liver}, algorithm_type="MANUAL")
    writer = sw.SegmentationWriter(tmp_path / "seg.dcm", template, skip_missing_segment=True, inplane_cropping=True)
    result = (mask >> writer).update(progress=False)
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    rows, columns = (np.flatnonzero((labels == 5).any(axis=a)) for a in ((0, 2), (0, 1)))
    assert (dataset.Rows, dataset.Columns) == (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert np.array_equal(by_highdicom(tmp_path / "seg.dcm", paths, combine_segments=True), labels == 5)
    assert "label 2 is not in the template, and was left out" in result.report.warnings


def test_segments_that_are_nowhere_are_stated_if_asked_for(mask, tmp_path):
    def stated(name, **options):
        return [s.SegmentLabel for s in pydicom.dcmread(written(mask, tmp_path / name, **options)).SegmentSequence]

    assert stated("there.dcm") == ["Fat", "Soft", "Bone"]
    assert stated("all.dcm", keep_absent_segments=True) == ["Fat", "Soft", "Bone", "Metal"]


def test_the_file_does_not_depend_on_how_it_was_run(mask, tmp_path):
    for kind, crop in (("binary", True), ("labelmap", False)):
        pixels = []
        for k, run in enumerate([{"workers": 1}, {"workers": 4, "memory": "3MB"}]):
            path = tmp_path / f"{kind}{k}.dcm"
            writer = sw.SegmentationWriter(path, TEMPLATE, kind=kind, inplane_cropping=crop, uids="reproducible")
            (mask >> sw.Median(0) >> writer).update(progress=False, **run)
            dataset = pydicom.dcmread(path)
            pixels.append((dataset.PixelData, dataset.PerFrameFunctionalGroupsSequence, dataset.SOPInstanceUID))
        assert pixels[0] == pixels[1]


# --- what it says of itself -------------------------------------------------------------------------------


def test_patient_study_and_place_are_those_of_the_source(mask, phantom_ct, tmp_path):
    dataset = pydicom.dcmread(written(mask, tmp_path / "seg.dcm"))
    source = pydicom.dcmread(phantom_ct.paths[0])
    for keyword in ("PatientName", "PatientID", "PatientAge", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"):
        assert dataset[keyword].value == source[keyword].value
    assert dataset.OtherPatientIDsSequence == source.OtherPatientIDsSequence
    assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
    assert not [e for e in dataset if e.tag.is_private]
    assert "KVP" not in dataset
    assert (dataset.Modality, list(dataset.ImageType)) == ("SEG", ["DERIVED", "PRIMARY"])
    contributor = dataset.ContributingEquipmentSequence[0]
    assert (dataset.ManufacturerModelName, contributor.Manufacturer) == ("slicewise", source.Manufacturer)


def test_each_frame_refers_to_the_slice_it_lies_on(mask, phantom_ct, tmp_path):
    dataset = pydicom.dcmread(written(mask, tmp_path / "seg.dcm", inplane_cropping=True))
    by_uid = {str(d.SOPInstanceUID): d for d in datasets(phantom_ct.paths, pixels=False)}
    used = set()
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (derivation,) = frame.DerivationImageSequence
        (source,) = derivation.SourceImageSequence
        assert derivation.DerivationCodeSequence[0].CodeValue == "113076"
        assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        original = by_uid[source.ReferencedSOPInstanceUID]
        height = frame.PlanePositionSequence[0].ImagePositionPatient[2]
        assert height == original.ImagePositionPatient[2]
        used.add(source.ReferencedSOPInstanceUID)
    (series,) = dataset.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == original.SeriesInstanceUID
    # These, and no others.
    assert {i.ReferencedSOPInstanceUID for i in series.ReferencedInstanceSequence} == used
    assert len(used) == 9


def test_frames_refer_to_the_slices_they_come_from_on_another_grid(ct, phantom_ct, tmp_path):
    node = (ct >> sw.Reorient("RAI") >> sw.Resample(spacing=(4, 4, 3)))[2:] > 0
    dataset = pydicom.dcmread(written(node, tmp_path / "seg.dcm", ONE))
    heights = {
        str(d.SOPInstanceUID): float(d.ImagePositionPatient[2]) for d in datasets(phantom_ct.paths, pixels=False)
    }
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        height = frame.PlanePositionSequence[0].ImagePositionPatient[2]
        sources = frame.DerivationImageSequence[0].SourceImageSequence
        assert sources
        assert all(abs(heights[s.ReferencedSOPInstanceUID] - height) < 4 for s in sources)
        assert all(s.SpatialLocationsPreserved == "NO" for s in sources)


def test_what_is_known_of_the_source_is_not_replaced_by_defaults(tmp_path):
    known = {"ClinicalTrialTimePointID": "week 4", "LossyImageCompression": "01", "LossyImageCompressionRatio": "10"}
    write_series(tmp_path / "ct", np.zeros((3, 4, 4), np.int16), LossyImageCompressionMethod="ISO_10918_1", **known)
    template = sw.SegmentTemplate.from_dcmqi(ONE.to_dcmqi())
    dataset = pydicom.dcmread(written(sw.SeriesReader(tmp_path / "ct") >= 0, tmp_path / "seg.dcm", template))
    assert (dataset.ClinicalTrialTimePointID, dataset.ClinicalTrialSeriesID) == ("week 4", "Session1")
    assert dataset.ClinicalTrialCoordinatingCenterName == ""
    assert (dataset.LossyImageCompression, dataset.LossyImageCompressionRatio) == ("01", 10)
    assert (dataset.LossyImageCompressionMethod, dataset.PatientBirthDate) == ("ISO_10918_1", "")


def test_segments_are_described_as_the_template_has_it(mask, tmp_path):
    seg = hd.seg.segread(written(mask, tmp_path / "seg.dcm"))
    soft, bone = seg.get_segment_description(2), seg.get_segment_description(3)
    assert soft.segmented_property_type == codes.SCT.SoftTissue
    assert list(soft.RecommendedDisplayCIELabValue) == [50000, 40000, 30000]
    assert (bone.segment_label, bone.tracking_id, bone.tracking_uid) == ("Bone", "b", "1.2.3")
    assert (bone.algorithm_type.value, bone.SegmentAlgorithmName) == ("AUTOMATIC", "thresholds")
    # The labels of the map, which are not the numbers.
    assert [s.private_block(0x0063, "SLICEWISE")[1].value for s in seg.SegmentSequence] == [2, 5, 9]


def test_names_come_from_caller_template_and_fallbacks_in_this_order(mask, tmp_path):
    def read(name, template, **options):
        dataset = pydicom.dcmread(written(mask, tmp_path / name, template, **options))
        return dataset.SeriesDescription, dataset.SeriesNumber, str(dataset.ContentCreatorName), dataset.ContentLabel

    described = {"segmentAttributes": TEMPLATE.to_dcmqi()["segmentAttributes"]}
    dcmqi = sw.SegmentTemplate.from_dcmqi(described)
    assert read("a.dcm", dcmqi) == ("Segmentation", 300, "Reader1", "SEGMENTATION")
    called = sw.SegmentTemplate.from_dcmqi({**described, "SeriesDescription": "Mine", "SeriesNumber": "7"})
    assert read("b.dcm", called)[:2] == ("Mine", 7)
    assert read("c.dcm", called, series_description="Ours", series_number=8)[:2] == ("Ours", 8)
    assert read("d.dcm", TEMPLATE) == ("Segmentation", 300, "", "SEGMENTATION")


def test_text_of_other_letters_is_written_and_read(mask, tmp_path):
    segments = {k: sw.Segment(f"肝臓 {k}", TISSUE, TISSUE) for k in (2, 5, 9)}
    template = sw.SegmentTemplate(segments, algorithm_type="MANUAL", attributes={"ContentCreatorName": "Ångström^Åsa"})
    dataset = pydicom.dcmread(written(mask, tmp_path / "seg.dcm", template))
    assert dataset.SegmentSequence[1].SegmentLabel == "肝臓 5"
    assert str(dataset.ContentCreatorName) == "Ångström^Åsa"
    assert str(dataset.PatientName) == "Müller^Jürgen^^Dr."


def test_the_same_segmentation_has_the_same_identifiers(mask, tmp_path):
    def uid(name, **options):
        return pydicom.dcmread(written(mask, tmp_path / name, uids="reproducible", **options)).SOPInstanceUID

    assert uid("a.dcm") == uid("b.dcm")
    assert uid("c.dcm", inplane_cropping=True) != uid("a2.dcm")


def test_a_writer_shows_what_was_asked_for(tmp_path):
    writer = sw.SegmentationWriter("seg.dcm", TEMPLATE, kind="labelmap", overrides={"StudyID": "7"})
    labels = "2: 'Fat', 5: 'Soft', 9: 'Bone', 12: 'Metal'"
    told = f"SegmentationWriter('seg.dcm', SegmentTemplate({labels}), kind='labelmap', overrides={{'StudyID': '7'}})"
    assert repr(writer) == told


# --- tools ------------------------------------------------------------------------------------------------


@pytest.mark.tool
@pytest.mark.parametrize("crop", [False, True])
def test_dciodvfy_finds_no_error(mask, labels, ct, tmp_path, crop):
    dcmqi = sw.SegmentTemplate.from_dcmqi({"segmentAttributes": TEMPLATE.to_dcmqi()["segmentAttributes"]})
    fractions = sw.WithPixelsFrom(ct, labels.astype(np.float32) / 9)
    binary = written(mask, tmp_path / "binary.dcm", dcmqi, inplane_cropping=crop)
    fractional = written(fractions, tmp_path / "fractional.dcm", ONE, kind="fractional", inplane_cropping=crop)
    assert findings_of_dciodvfy(binary) == set()
    assert findings_of_dciodvfy(fractional) == set()


@pytest.mark.tool
@pytest.mark.parametrize("crop", [False, True])
def test_dcmqi_reads_the_masks(mask, labels, paths, tmp_path, crop):
    path = written(mask, tmp_path / "seg.dcm", inplane_cropping=crop)
    read = by_dcmqi(path, paths, tmp_path / "dcmqi")
    assert [np.array_equal(r > 0, labels == k) for r, k in zip(read, (2, 5, 9), strict=True)] == [True] * 3


@pytest.mark.tool
def test_dcmqi_takes_the_description_and_says_the_same_of_the_segments(mask, labels, paths, tmp_path):
    described = sw.SegmentTemplate.from_dcmqi(TEMPLATE.to_dcmqi())
    (tmp_path / "metainfo.json").write_text(json.dumps(described.to_dcmqi()))
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(sitk_image(paths[0].parent))
    sitk.WriteImage(image, str(tmp_path / "labels.nrrd"))
    options = {
        "--inputImageList": tmp_path / "labels.nrrd",
        "--inputDICOMDirectory": paths[0].parent,
        "--inputMetadata": tmp_path / "metainfo.json",
        "--outputDICOM": tmp_path / "theirs.dcm",
    }
    command = [tool("itkimage2segimage"), *(word for option in options.items() for word in option), "--skip"]
    subprocess.run(command, check=True, capture_output=True)
    theirs = pydicom.dcmread(tmp_path / "theirs.dcm")
    ours = pydicom.dcmread(written(mask, tmp_path / "ours.dcm", described))
    assert len(ours.SegmentSequence) == len(theirs.SegmentSequence) == 3
    for mine, other in zip(ours.SegmentSequence, theirs.SegmentSequence, strict=True):
        for element in mine:
            # dcmqi has the white of a screen, and not that of the standard.
            if element.tag.group == 0x0062 and element.keyword != "RecommendedDisplayCIELabValue":
                assert element == other[element.tag]
    for keyword in ("SeriesNumber", "SeriesDescription", "ContentCreatorName", "ClinicalTrialSeriesID"):
        assert ours[keyword] == theirs[keyword]
    frames = theirs.pixel_array
    assert np.array_equal(ours.pixel_array, frames[frames.any(axis=(1, 2))])


@pytest.mark.tool
def test_dcmqi_reads_the_label_map(mask, labels, paths, tmp_path):
    path = written(mask, tmp_path / "seg.dcm", kind="labelmap", skip_empty_slices=False)
    read = by_dcmqi(path, paths, tmp_path / "dcmqi")
    assert np.array_equal(sum(r.astype(int) for r in read), labels) or any(np.array_equal(r, labels) for r in read)
