"""segment makes segmentations of label maps and label maps of segmentations, as dcmqi does."""

from __future__ import annotations

import json
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from segmentation_judges import by_highdicom
from segmentation_makers import headers_of, structure_set, write_segmentation
from witnesses import tool

TEMPLATE = "algorithm: MANUAL\n1: Liver\n2: Spleen\n"


@pytest.fixture
def labels(phantom_ct, tmp_path):
    """Give a label map on the phantom, its file, and a template."""
    ct = sw.SeriesReader(phantom_ct.folder)
    found = np.zeros(ct.shape, np.uint8)
    found[2:6, 10:30, 5:25], found[4:9, 32:50, 30:60] = 1, 2
    path = tmp_path / "labels.nii.gz"
    (sw.Image.from_array(found, geometry=ct.geometry) >> sw.VolumeWriter(path)).update(progress=False)
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    return found, path, template


def test_a_label_map_becomes_a_segmentation(shell, phantom_ct, labels, tmp_path):
    array, path, template = labels
    output = tmp_path / "seg.dcm"
    told = shell("segment", path, "--source", phantom_ct.folder, "--template", template, "--output", output)
    assert told.startswith(f"2 segments in 9 frames written to {output}")
    theirs = hd.seg.segread(output)
    assert [theirs.get_segment_description(n).segment_label for n in (1, 2)] == ["Liver", "Spleen"]
    instances = [str(image.SOPInstanceUID) for image in headers_of(phantom_ct.paths)]
    pixels = theirs.get_pixels_by_source_instance(
        source_sop_instance_uids=instances, combine_segments=True, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(pixels, array)


def test_what_does_not_lie_on_the_series_is_told(shell, phantom_ct, labels, tmp_path):
    array, _, template = labels
    shifted = sw.Image.from_array(array, geometry=sw.Geometry.from_box((72, 56, 12), (5, 5.5, 4), (1, 2, 3)))
    (shifted >> sw.VolumeWriter(tmp_path / "other.nrrd")).update(progress=False)
    command = ("segment", tmp_path / "other.nrrd", "--source", phantom_ct.folder, "--template", template)
    assert "do not lie on the grid" in shell(*command, "--output", tmp_path / "seg.dcm", code=1)
    assert not (tmp_path / "seg.dcm").exists()


def test_what_is_missing_is_asked_for(shell, labels, tmp_path):
    _, path, template = labels
    assert "--template" in shell("segment", path, code=2)
    assert "--output" in shell("segment", path, "--template", template, code=2)


@pytest.fixture
def segmentation(phantom_ct, labels, tmp_path):
    return write_segmentation(tmp_path / "seg.dcm", headers_of(phantom_ct.paths), labels[0], [1, 2])


@pytest.mark.filterwarnings("ignore::slicewise.errors.SlicewiseWarning")
@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz"])
def test_a_segmentation_becomes_a_label_map_with_a_description(shell, labels, segmentation, suffix, tmp_path):
    told = shell("segment", segmentation, "--output", tmp_path / "out", "--format", suffix)
    assert "1 label map written" in told
    image = sitk.ReadImage(tmp_path / "out" / f"seg.{suffix}")
    # Without a source the grid is that of the frames.
    assert np.array_equal(sitk.GetArrayFromImage(image), labels[0][2:9])
    described = json.loads((tmp_path / "out" / "seg.json").read_text())["segmentAttributes"]
    assert [(s["labelID"], s["SegmentLabel"]) for s in described[0]] == [(1, "Liver"), (2, "Spleen")]


@pytest.mark.filterwarnings("ignore::slicewise.errors.SlicewiseWarning")
def test_segments_become_files_and_these_the_segmentation_again(shell, phantom_ct, labels, segmentation, tmp_path):
    out, again = tmp_path / "out", tmp_path / "again.dcm"
    shell("segment", segmentation, "--source", phantom_ct.folder, "--output", out, "--each")
    assert sorted(path.name for path in out.iterdir()) == ["seg-1.nrrd", "seg-2.nrrd", "seg.json"]
    for label in (1, 2):
        array = sitk.GetArrayFromImage(sitk.ReadImage(out / f"seg-{label}.nrrd"))
        assert np.array_equal(array, np.where(labels[0] == label, label, 0))
    # In whatever order they are given: the description knows the files.
    files = [out / "seg-2.nrrd", out / "seg-1.nrrd"]
    shell("segment", *files, "--source", phantom_ct.folder, "--template", out / "seg.json", "--output", again)
    theirs = hd.seg.segread(again)
    for number, label in ((1, "Liver"), (2, "Spleen")):
        assert theirs.get_segment_description(number).segment_label == label
        mask = theirs.get_volume(segment_numbers=[number], allow_missing_positions=True).array
        assert mask.sum() == (labels[0] == number).sum()
    (out / "seg-2.nrrd").rename(out / "b.nrrd")
    files = [out / "b.nrrd", out / "seg-1.nrrd"]
    command = ("segment", *files, "--source", phantom_ct.folder, "--template", out / "seg.json")
    assert "which is which" in shell(*command, "--output", tmp_path / "other.dcm", code=2)


@pytest.fixture
def floating(labels, tmp_path):
    """Give the label map as floating-point numbers, as many programs write it, and with a value in between."""
    image = sitk.Cast(sitk.ReadImage(labels[1]), sitk.sitkFloat32)
    sitk.WriteImage(image, tmp_path / "float.nii.gz")
    image[7, 20, 3] = 0.25
    sitk.WriteImage(image, tmp_path / "between.nii.gz")
    return tmp_path / "float.nii.gz", tmp_path / "between.nii.gz"


def test_labels_may_be_stored_as_floating_point_numbers(shell, phantom_ct, labels, floating, tmp_path):
    array, _, template = labels
    options = ("--source", phantom_ct.folder, "--template", template, "--output", tmp_path / "seg.dcm")
    shell("segment", floating[0], *options)
    assert np.array_equal(by_highdicom(tmp_path / "seg.dcm", phantom_ct.paths, combine_segments=True), array)
    told = shell("segment", floating[1], *options, "--overwrite", code=1)
    assert "labels must be whole numbers from 0 on, and there is 0.25" in told
    assert np.array_equal(by_highdicom(tmp_path / "seg.dcm", phantom_ct.paths, combine_segments=True), array)


def test_fractions_are_not_taken_for_labels(shell, phantom_ct, labels, tmp_path):
    _, path, template = labels
    template.write_text("algorithm: MANUAL\n1: Liver\n")
    image = sitk.Cast(sitk.ReadImage(path), sitk.sitkFloat32) / 4
    sitk.WriteImage(image, tmp_path / "fractions.nii.gz")
    options = ("--source", phantom_ct.folder, "--template", template, "--output", tmp_path / "seg.dcm")
    shell("segment", tmp_path / "fractions.nii.gz", *options, "--kind", "fractional")
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    assert found.SegmentationType == "FRACTIONAL"
    assert sorted(np.unique(found.pixel_array)) == [0, 64, 128]


def test_contours_need_the_series_they_were_drawn_on(shell, labels, tmp_path):
    corners = np.array([(0.0, 0, 0), (9, 0, 0), (9, 9, 0)])
    folder = tmp_path / "contours"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        structure_set(folder / name / "RS.dcm", {"Liver": [corners]})
    told = shell("segment", folder / "a", "--template", labels[2], "--output", tmp_path / "new.dcm", code=2)
    assert "--source: is missing: contours lie on the series they were drawn on" in " ".join(told.split())
    (folder / "a" / "note.txt").write_text("no DICOM")
    assert shell("segment", folder / "a").count("1 file passed over as not DICOM") == 1
    several = shell("segment", folder, code=1)
    assert f"give one file: {folder / 'a' / 'RS.dcm'}, {folder / 'b' / 'RS.dcm'}" in several


def test_nothing_is_written_over(shell, segmentation, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    told = shell("segment", segmentation, "--output", tmp_path / "out", code=1)
    assert "the folder is not empty (notes.txt)" in told
    assert "overwrite" not in told
    assert f"choose another, such as {tmp_path / 'out' / 'seg'}" in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_segments_are_listed(shell, segmentation):
    lines = shell("segment", segmentation).splitlines()
    assert [line.split()[:2] for line in lines] == [["number", "label"], ["1", "Liver"], ["2", "Spleen"]]
    rows = json.loads(shell("segment", segmentation, "--json"))
    assert [(row["number"], row["code"], row["slices"]) for row in rows] == [
        (1, "10200004, SCT", 4),
        (2, "78961009, SCT", 5),
    ]


def test_ls_and_info_tell_a_segmentation_as_such(shell, segmentation):
    (line,) = [line for line in shell("ls", segmentation).splitlines() if " SEG " in line]
    assert "2 segments, 9 frames" in line
    told = json.loads(shell("info", segmentation, "--json"))
    assert (told["segmentation"], told["size"]) == ("BINARY", [72, 56, 7])
    assert told["segments"] == ["1: 'Liver', Liver (10200004, SCT)", "2: 'Spleen', Spleen (78961009, SCT)"]


def test_who_reads_a_segmentation_as_a_series_is_told_how_to(program, segmentation, tmp_path):
    done = program("convert", segmentation, tmp_path / "out")
    assert done.returncode == 1
    assert "SegmentationReader reads its segments as masks or a label map" in done.stderr


def test_overlap_is_told_with_the_options_that_resolve_it(shell, phantom_ct, tmp_path):
    masks = np.zeros((12, 56, 72, 2), np.uint8)
    masks[3, 5:20, 5:20, 0] = masks[3, 10:30, 10:30, 1] = 1
    path = write_segmentation(tmp_path / "seg.dcm", headers_of(phantom_ct.paths), masks, [1, 2])
    told = shell("segment", path, "--output", tmp_path / "out", code=1)
    assert "1 (Liver) and 2 (Spleen) share 100 pixels" in told
    assert "--overlap first or last" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_contours_become_a_segmentation(shell, data, tmp_path):
    folder = data("multimodal-sts-001") / "STS_001" / "CT"
    template, output = tmp_path / "template.yaml", tmp_path / "seg.dcm"
    template.write_text("algorithm: MANUAL\n1: {label: GTV, type: Neoplasm}\n")
    contours = folder / "dicom" / "mask" / "RS.dcm"
    assert "GTV_Mass_CT" in shell("segment", contours)
    options = ("--source", folder / "dicom" / "image", "--template", template, "--output", output)
    shell("segment", contours, *options)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(folder / "nifti" / "mask" / "mask.nii.gz"))
    assert hd.seg.segread(output).get_volume(allow_missing_positions=True).array.sum() == expected.sum()


@pytest.mark.tool
@pytest.mark.data
@pytest.mark.parametrize("each", [False, True])
def test_dcmqi_makes_the_same_segmentation_of_what_is_written(shell, data, tmp_path, each):
    folder, out, made = data("seg-dcmqi"), tmp_path / "out", tmp_path / "dcmqi.dcm"
    name = "partial_overlaps" if each else "liver"
    shell("segment", folder / f"{name}.dcm", "--source", folder / "ct-3slice", "--output", out, *["--each"] * each)
    volumes = sorted(str(path) for path in out.glob("*.nrrd"))
    images = ",".join(str(path) for path in sorted((folder / "ct-3slice").iterdir()))
    command = [tool("itkimage2segimage"), "--inputImageList", ",".join(volumes), "--inputDICOMList", images]
    command += ["--inputMetadata", str(out / f"{name}.json"), "--outputDICOM", str(made), "--skip", "1"]
    subprocess.run(command, check=True, capture_output=True)
    theirs, before = pydicom.dcmread(made), pydicom.dcmread(folder / f"{name}.dcm")
    keywords = ("SegmentLabel", "SegmentAlgorithmType", "SegmentedPropertyTypeCodeSequence")
    for a, b in zip(theirs.SegmentSequence, before.SegmentSequence, strict=True):
        assert [a.get(keyword) for keyword in keywords] == [b.get(keyword) for keyword in keywords]
    for segment in before.SegmentSequence:
        masks = [
            hd.seg.Segmentation.from_dataset(ds)
            .get_volume(segment_numbers=[segment.SegmentNumber], allow_missing_positions=True)
            .array
            for ds in (theirs, before)
        ]
        assert masks[0].sum() == masks[1].sum()
