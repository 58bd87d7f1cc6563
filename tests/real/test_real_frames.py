"""Real mosaics, grids and multi-frame files make the slices that other software makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import SeriesError
from witnesses import Volume, dicom_files, on_grid_of, tool

nib = pytest.importorskip("nibabel")
pytestmark = pytest.mark.filterwarnings("ignore:Incorrect value for Specific Character Set")

TILED = ["mr-siemens-mosaic/cmrr_Asc_6", "mr-siemens-mosaic/ep2d_Asc_2", "mr-uih-dti"]


def converted(source: Path, target: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return volumes (volumes, slices, rows, columns) and the affine in LPS, as dcm2niix makes them."""
    command = [tool("dcm2niix"), "-z", "n", "-b", "n", "-f", "i", "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = target.glob("*.nii")
    image = nib.load(path)
    values = np.asanyarray(image.dataobj)
    volumes = values[..., np.newaxis] if values.ndim == 3 else values
    return volumes.transpose(3, 2, 1, 0), np.diag([-1, -1, 1, 1]) @ image.affine


def assert_same(image: sw.Image, values: np.ndarray, affine: np.ndarray) -> None:
    """Compare an image with a volume of dcm2niix, whose rows run the other way."""
    found = on_grid_of(Volume(values, affine), image.geometry.affine)
    assert np.array_equal(found.array, image.array)
    assert np.abs(found.affine - image.geometry.affine).max() < 1e-4


@pytest.mark.parametrize("case", TILED)
def test_tiles_are_the_volumes_that_dcm2niix_makes(data, case, tmp_path):
    folder = data(case.partition("/")[0]) / case.partition("/")[2]
    volumes = sw.read_volumes(folder)
    expected, affine = converted(folder, tmp_path)
    assert len(volumes) == len(expected)
    images = [volume.update(progress=False) for volume in volumes]
    by_number = sorted(images, key=lambda image: int(image.headers["InstanceNumber"][0]))
    for image, values in zip(by_number, expected, strict=True):
        assert_same(image, values, affine)


@pytest.mark.parametrize("case", TILED)
def test_a_written_mosaic_is_for_dcm2niix_the_volume_it_was(data, case, tmp_path):
    first = dicom_files(data(case.partition("/")[0]) / case.partition("/")[2])[0]
    reader = sw.SeriesReader(first)
    (reader >> sw.SeriesWriter(tmp_path / "tiles")).update(progress=False)
    for folder in ("nifti-of-source", "nifti-of-tiles", "source"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source" / "first.dcm").write_bytes(first.read_bytes())
    values, affine = converted(tmp_path / "source", tmp_path / "nifti-of-source")
    again, affine_again = converted(tmp_path / "tiles", tmp_path / "nifti-of-tiles")
    assert np.array_equal(again, values)
    assert np.abs(affine - affine_again).max() < 1e-4


@pytest.mark.parametrize(("old", "new"), [(b"0.12360148\0", b"-.12360148\0"), (b"0.99233194\0", b"-.99233194\0")])
def test_half_a_turned_normal_is_refused(data, old, new, tmp_path):
    # One component alone turned round is no normal of the plane.
    dataset = pydicom.dcmread(dicom_files(data("mr-siemens-mosaic") / "ep2d_Asc_2")[0])
    header = dataset[0x0029, 0x1010].value
    assert old in header
    dataset[0x0029, 0x1010].value = header.replace(old, new)
    dataset.save_as(tmp_path / "m.dcm")
    with pytest.raises(sw.errors.HeaderError, match="SliceNormalVector"):
        _ = sw.SeriesReader(tmp_path).geometry


def test_a_mosaic_with_its_normal_turned_round_is_stacked_as_dcm2niix_stacks_it(data, tmp_path):
    dataset = pydicom.dcmread(dicom_files(data("mr-siemens-mosaic") / "ep2d_Asc_2")[0])
    header = dataset[0x0029, 0x1010].value
    for part in (b".12360148\0", b".99233194\0"):
        assert header.count(b"0" + part) == 1
        header = header.replace(b"0" + part, b"-" + part)
    dataset[0x0029, 0x1010].value = header
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    dataset.save_as(tmp_path / "in" / "m.dcm")
    values, affine = converted(tmp_path / "in", tmp_path / "out")
    image = sw.SeriesReader(tmp_path / "in").update(progress=False)
    original = sw.SeriesReader(dicom_files(data("mr-siemens-mosaic") / "ep2d_Asc_2")[0]).update(progress=False)
    assert_same(image, values[0], affine)
    assert np.array_equal(image.array, original.array[::-1])


def test_a_mosaic_whose_slices_are_numbered_backwards_lies_where_dcm2niix_puts_it(data, tmp_path):
    dataset = pydicom.dcmread(dicom_files(data("mr-siemens-mosaic") / "ep2d_Asc_2")[0])
    header = dataset[0x0029, 0x1010].value
    at = header.index(b"ProtocolSliceNumber\0")
    digit = header.index(b"0", at + 100)
    dataset[0x0029, 0x1010].value = header[:digit] + b"5" + header[digit + 1 :]
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    dataset.save_as(tmp_path / "in" / "m.dcm")
    values, affine = converted(tmp_path / "in", tmp_path / "out")
    assert_same(sw.SeriesReader(tmp_path / "in").update(progress=False), values[0], affine)


# --- dose ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["pydicom-misc/rtdose.dcm", "pydicom-misc/rtdose_rle.dcm", "big-endian/rtdose_expb.dcm"]
)
def test_planes_of_a_dose_grid_lie_at_their_offsets(data, name):
    path = data(name.partition("/")[0]) / name.partition("/")[2]
    dataset = pydicom.dcmread(path)
    image = sw.SeriesReader(path).update(progress=False)
    offsets = np.array(dataset.GridFrameOffsetVector, float)
    x, y, z = (float(v) for v in dataset.ImagePositionPatient)
    assert offsets[0] == 0
    order = np.argsort(offsets)
    assert np.allclose(image.geometry.positions, [(x, y, z + v) for v in offsets[order]], atol=1e-6)
    assert np.allclose(image.array, dataset.pixel_array[order] * float(dataset.DoseGridScaling), rtol=1e-12)
    assert "GridFrameOffsetVector" not in image.headers


# --- segmentations and slides -------------------------------------------------------------------------


def test_frames_of_a_segmentation_tell_their_segment(data):
    path = data("seg-highdicom") / "seg_image_ct_binary_overlap.dcm"
    dataset = pydicom.dcmread(path)
    volumes = sw.read_volumes(path, on_gap="keep")  # segments have no frames where they are empty
    told = {
        (int(number), tuple(round(float(v), 4) for v in position))
        for volume in volumes
        for number, position in zip(
            volume.headers["ReferencedSegmentNumber"], volume.headers["ImagePositionPatient"], strict=True
        )
    }
    expected = {
        (
            int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
            tuple(round(float(v), 4) for v in frame.PlanePositionSequence[0].ImagePositionPatient),
        )
        for frame in dataset.PerFrameFunctionalGroupsSequence
    }
    assert told == expected


@pytest.mark.parametrize("name", ["sm_image.dcm", "seg_image_sm_dots.dcm", "seg_image_sm_dots_tiled_full.dcm"])
@pytest.mark.parametrize("policy", ["error", "pixels"])
def test_a_whole_slide_is_refused_as_no_volume(data, name, policy):
    with pytest.raises(SeriesError, match=r"tiles of one plane of 50 x 50 pixels.*no slices of a volume"):
        _ = sw.SeriesReader(data("seg-highdicom") / name, on_no_plane=policy).geometry


# --- images without a plane ---------------------------------------------------------------------------

LOOPS = {
    "us-multiframe-fragments/multi-frame/IM00001.implicit_little_endian.dcm": None,
    "us-multiframe-fragments/multi-frame/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm": None,
    "pydicom-misc/examples_ybr_color.dcm": 0.510497,
}
PLANELESS = {
    "dicomdir/77654033/CR1/6154": (0.1, 0.1),
    "seg-highdicom/dx_image.dcm": (1.2, 1.2012),
    "charsets/chrArab.dcm": None,
    "pydicom-misc/examples_rgb_color.dcm": None,
    "big-endian/ExplVR_BigEnd.dcm": None,
    "deflate/image_dfl.dcm": None,
}
PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceLocation", "PixelSpacing")


@pytest.mark.parametrize("name", LOOPS)
def test_frames_of_an_ultrasound_loop_are_those_of_pydicom_in_their_order(data, name):
    path = data(name.partition("/")[0]) / name.partition("/")[2]
    image = sw.SeriesReader(path, on_no_plane="pixels").update(progress=False)
    expected = pydicom.pixels.pixel_array(path)
    assert np.abs(image.array.astype(int) - expected).max() <= 1  # decoders of JPEG round differently
    spacing = LOOPS[name]
    assert np.allclose(image.geometry.pixel_spacing, spacing or 1, rtol=1e-5)
    assert not image.geometry.is_in_patient


@pytest.mark.parametrize("name", [*PLANELESS, *LOOPS])
@pytest.mark.parametrize("change", ["median", "crop", "resample"])
def test_real_images_without_a_plane_gain_none_when_they_are_written(data, name, change, tmp_path):
    path = data(name.partition("/")[0]) / name.partition("/")[2]
    reader = sw.SeriesReader(path, on_no_plane="pixels")
    rows, columns = reader.geometry.pixel_spacing
    if PLANELESS.get(name):
        assert np.allclose((rows, columns), PLANELESS[name])
    changed = {
        "median": lambda: reader >> sw.Median(radius=(1, 1, 0)),
        "crop": lambda: reader[:, 2:-2, 3:-1],
        "resample": lambda: reader >> sw.Resample(spacing=(2 * columns, 3 * rows, None)),
    }[change]()
    written = (changed >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    source, found = pydicom.dcmread(path, stop_before_pixels=True), pydicom.dcmread(written.paths[0])
    is_known = PLANELESS.get(name) or LOOPS.get(name)
    gained = {keyword for keyword in PLACES if keyword in found and keyword not in source}
    assert gained <= ({"PixelSpacing"} if change == "resample" and is_known else set())
    if change == "resample" and is_known:
        assert np.allclose([float(v) for v in found.PixelSpacing], (3 * rows, 2 * columns))
    elif change == "resample":
        assert [int(v) for v in found.PixelAspectRatio] == [3, 2]
    assert len(written.paths) == reader.geometry.slices
