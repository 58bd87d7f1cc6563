"""Images without a plane are read by policy, in coordinates of their own, and never gain a place in the patient."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, SecondaryCaptureImageStorage, UltrasoundImageStorage

import slicewise as sw
from makers import dataset_of_slice
from slicewise.errors import MixedSlicesError, SeriesError, SpaceMismatchError
from slicewise.image import Coordinates

PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceLocation", "PixelSpacing")
PIXELS = np.random.default_rng(3).integers(0, 200, (3, 12, 16)).astype(np.uint16)


def planeless(pixels, number, **attributes):
    """Return a radiograph, which has no plane; attributes replace what it has."""
    values = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": f"1.2.826.0.1.3680043.10.1.5.{number}",
        "Modality": "CR",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "InstanceNumber": number,
        "ImageOrientationPatient": None,
        "ImagePositionPatient": None,
        "FrameOfReferenceUID": None,
        "PixelSpacing": None,
        "SliceThickness": None,
        "PatientOrientation": ["L", "F"],
    }
    return dataset_of_slice(pixels, (0, 0, 0), **values | attributes)


def folder_of(tmp_path, *, numbers=(3, 1, 2), **attributes):
    """Write three images; file names run against the instance numbers."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k, number in enumerate(numbers):
        planeless(PIXELS[k], number, **attributes).save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def regions(*sizes, unit=3):
    """Return ultrasound regions calibrated in the unit (3 is cm) per pixel."""
    items = []
    for x, y in sizes:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
        item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 0
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 15, 11
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = unit
        item.PhysicalDeltaX, item.PhysicalDeltaY = x, y
        items.append(item)
    return items


def reader(folder):
    return sw.SeriesReader(folder, on_no_plane="pixels")


def test_without_the_policy_an_image_without_a_plane_is_an_error_that_names_file_and_policy(tmp_path):
    folder = folder_of(tmp_path)
    with pytest.raises(SeriesError, match=r"0\.dcm: Image\w+Patient must be . numbers.*none.*on_no_plane='pixels'"):
        _ = sw.SeriesReader(folder).geometry


def test_images_stand_in_the_order_of_their_numbers_in_a_grid_of_their_own(tmp_path):
    image = reader(folder_of(tmp_path)).update(progress=False)
    assert np.array_equal(image.array, PIXELS[[1, 2, 0]])
    assert not image.geometry.is_in_patient
    assert image.geometry.coordinates is Coordinates.PIXELS
    assert image.geometry.spacing == (1, 1, 1)
    assert np.array_equal(image.geometry.affine, np.eye(4))
    assert "no place in the patient" in repr(image.geometry)


@pytest.mark.parametrize(
    ("attributes", "rows_and_columns"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.3]}, (0.1, 0.1)),
        ({"NominalScannedPixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": regions((0.03, -0.02))}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": regions((0.03, 0.02), (0.03, 0.02))}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": regions((0.03, 0.02), (0.05, 0.02))}, None),
        ({"SequenceOfUltrasoundRegions": regions((0.03, 0.02), unit=4)}, None),
        ({"PixelAspectRatio": [4, 3]}, None),
        ({"ImagerPixelSpacing": [0, 0.3]}, None),
    ],
)
def test_pixels_have_the_size_that_all_images_state(tmp_path, attributes, rows_and_columns):
    geometry = reader(folder_of(tmp_path, **attributes)).geometry
    if rows_and_columns is not None:
        assert np.allclose(geometry.pixel_spacing, rows_and_columns)
        assert geometry.coordinates is Coordinates.PLANE
    else:
        ratio = 4 / 3 if "PixelAspectRatio" in attributes else 1
        assert np.allclose(geometry.pixel_spacing, (ratio, 1))
        assert geometry.coordinates is Coordinates.PIXELS
    assert geometry.slice_spacing == 1


def test_sizes_that_differ_between_images_are_no_size(tmp_path):
    folder = folder_of(tmp_path, ImagerPixelSpacing=[0.2, 0.2])
    planeless(PIXELS[0], 4, ImagerPixelSpacing=[0.4, 0.4]).save_as(folder / "9.dcm", enforce_file_format=True)
    assert reader(folder).geometry.coordinates is Coordinates.PIXELS


@pytest.mark.parametrize("numbers", [(1, 2, 2), (1, None, 2)])
def test_an_order_that_nothing_tells_is_an_error(tmp_path, numbers):
    folder = tmp_path / "in"
    folder.mkdir()
    for k, number in enumerate(numbers):
        image = planeless(PIXELS[k], 1, SOPInstanceUID=f"1.2.3.{k}", InstanceNumber=number)
        image.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    with pytest.raises(SeriesError, match=r"InstanceNumber.*order.*where="):
        _ = reader(folder).geometry


def test_images_of_several_sizes_make_no_stack(tmp_path):
    folder = folder_of(tmp_path)
    planeless(PIXELS[0][:6], 4).save_as(folder / "9.dcm", enforce_file_format=True)
    with pytest.raises(MixedSlicesError, match=r"differ in Rows.*12.*6.*where="):
        _ = reader(folder).geometry


def test_images_with_and_without_a_plane_make_no_stack(tmp_path):
    folder = folder_of(tmp_path)
    dataset_of_slice(PIXELS[0], (1, 2, 3)).save_as(folder / "9.dcm", enforce_file_format=True)
    with pytest.raises(MixedSlicesError, match=r"9\.dcm has a place in the patient and 0\.dcm has none"):
        _ = reader(folder).geometry


def test_the_policy_changes_nothing_where_there_is_a_plane(phantom_ct):
    plain, allowed = sw.SeriesReader(phantom_ct.folder), reader(phantom_ct.folder)
    assert plain.geometry == allowed.geometry
    assert allowed.info.history == ()


# --- what is written ----------------------------------------------------------------------------------


def written(node, tmp_path):
    result = (node >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    return [pydicom.dcmread(path) for path in result.paths], result


CHANGES = {
    "nothing": lambda image: image,
    "median": lambda image: image >> sw.Median(radius=1),
    "crop": lambda image: image[:, 2:-2, 3:-1],
    "flip": lambda image: image[:, ::-1],
    "some": lambda image: image[::2],
    "arithmetic": lambda image: image - 1,
    "slices": lambda image: image >> sw.Resample(size=(None, None, 5)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [{}, {"ImagerPixelSpacing": [0.2, 0.3]}, {"PixelAspectRatio": [4, 3]}])
def test_no_image_gains_a_place_or_a_size_that_its_source_had_not(tmp_path, change, size):
    images, _ = written(CHANGES[change](reader(folder_of(tmp_path, **size))), tmp_path)
    for image in images:
        assert not [keyword for keyword in PLACES if keyword in image]
        for keyword, value in size.items():
            assert [float(v) for v in image[keyword].value] == value


@pytest.mark.parametrize("change", [c for c in CHANGES if c not in ("nothing", "median", "arithmetic")])
def test_half_a_place_does_not_go_on_to_another_grid(tmp_path, change):
    half = {"ImagePositionPatient": [1, 2, 3], "SliceLocation": "3", "SpacingBetweenSlices": "2"}
    images, _ = written(CHANGES[change](reader(folder_of(tmp_path, **half))), tmp_path)
    stale = ["ImagePositionPatient"] if change in ("crop", "flip") else ["SpacingBetweenSlices"]
    assert not [keyword for image in images for keyword in stale if keyword in image]


def test_resampled_pixels_state_their_new_size_where_the_old_one_was_known(tmp_path):
    image = reader(folder_of(tmp_path, ImagerPixelSpacing=[0.2, 0.3])) >> sw.Resample(spacing=(0.6, 0.4, None))
    (first, *_), _ = written(image, tmp_path)
    assert [float(v) for v in first.PixelSpacing] == [0.4, 0.6]
    assert [float(v) for v in first.ImagerPixelSpacing] == [0.4, 0.6]
    assert not [keyword for keyword in PLACES if keyword != "PixelSpacing" and keyword in first]


def test_a_calibration_keeps_its_ratio_to_the_detector_when_pixels_are_resampled(tmp_path):
    sizes = {"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}
    (first, *_), _ = written(reader(folder_of(tmp_path, **sizes)) >> sw.Resample(size=(8, 6, None)), tmp_path)
    assert [float(v) for v in first.PixelSpacing] == [0.2, 0.2]
    assert [float(v) for v in first.ImagerPixelSpacing] == [0.4, 0.4]


def test_resampled_pixels_of_no_known_size_state_their_shape_and_no_more(tmp_path):
    (first, *_), _ = written(reader(folder_of(tmp_path)) >> sw.Resample(size=(8, 12, None)), tmp_path)
    assert [int(v) for v in first.PixelAspectRatio] == [1, 2]
    assert not [keyword for keyword in PLACES if keyword in first]


def test_ultrasound_regions_go_only_where_their_pixels_stay(tmp_path):
    attributes = {
        "SOPClassUID": UltrasoundImageStorage,
        "Modality": "US",
        "SequenceOfUltrasoundRegions": regions((0.03, 0.02)),
    }
    image = reader(folder_of(tmp_path, **attributes))
    assert "SequenceOfUltrasoundRegions" in (image >> sw.Median(radius=1)).headers
    assert "SequenceOfUltrasoundRegions" not in image[:, 1:].headers
    resampled = image >> sw.Resample(spacing=(0.6, 0.4, None))
    assert "SequenceOfUltrasoundRegions" not in resampled.headers
    assert [float(v) for v in resampled.headers["PixelSpacing"][0]] == [0.4, 0.6]


def test_an_image_that_went_through_simpleitk_gains_no_place(tmp_path):
    image = reader(folder_of(tmp_path)).update(progress=False)
    back = sw.Image.from_sitk(image.to_sitk(), headers=image.headers)
    assert not back.geometry.is_in_patient
    images, _ = written(sw.pipeline.node.as_node(back), tmp_path)
    assert not [keyword for keyword in PLACES if keyword in images[0]]


# --- images that have a place, and images that have none ------------------------------------------------


def with_place(shape=(3, 12, 16)):
    return sw.Image.from_array(np.zeros(shape, np.uint16))


def test_an_image_without_a_place_is_not_combined_with_one_that_has_one(tmp_path):
    image = reader(folder_of(tmp_path))
    with pytest.raises(SpaceMismatchError, match=r"right operand has a place in the patient and the left .*none"):
        image + with_place()
    with pytest.raises(SpaceMismatchError, match="place in the patient"):
        sw.Stack([image, with_place()], axis="time")


def test_an_image_without_a_place_is_not_resampled_onto_another(tmp_path):
    image = reader(folder_of(tmp_path))
    with pytest.raises(SpaceMismatchError, match="the image has no place in the patient"):
        image >> sw.Resample(like=with_place((3, 6, 8)))
    with pytest.raises(SpaceMismatchError, match="the reference has no place in the patient"):
        sw.pipeline.node.as_node(with_place((3, 6, 8))) >> sw.Resample(like=image)
    with pytest.raises(SpaceMismatchError, match="neither of both has a place in the patient"):
        image >> sw.Resample(like=image[:, 2:])


def test_images_without_a_place_are_combined_pixel_by_pixel(tmp_path):
    image = reader(folder_of(tmp_path))
    assert ((image - image).update(progress=False).array == 0).all()


def test_a_volume_file_without_a_place_is_warned_of(tmp_path):
    with pytest.warns(sw.errors.SlicewiseWarning, match="no place in the patient"):
        (reader(folder_of(tmp_path)) >> sw.VolumeWriter(tmp_path / "x.nrrd", on_headers="drop")).update(progress=False)


def test_the_shell_reads_images_without_a_plane_by_the_same_policy(tmp_path):
    from typer.testing import CliRunner

    from slicewise.cli.app import app

    folder = str(folder_of(tmp_path))
    run = CliRunner().invoke(app, ["info", folder, "--on-no-plane", "pixels"])
    assert run.exit_code == 0
    assert "without a place in the patient" in run.output
    assert CliRunner().invoke(app, ["info", folder]).exit_code != 0


# --- frames without a plane ---------------------------------------------------------------------------


def loop(tmp_path, **attributes):
    """Write a loop of three frames of ultrasound."""
    dataset = planeless(
        PIXELS.reshape(36, 16),
        1,
        **{
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1",
            "Modality": "US",
            "Rows": 12,
            "NumberOfFrames": 3,
            "FrameIncrementPointer": 0x00181065,
            "FrameTimeVector": [0, 40, 41],
            "RescaleSlope": None,
            "RescaleIntercept": None,
        }
        | attributes,
    )
    dataset.save_as(tmp_path / "loop.dcm", enforce_file_format=True)
    return tmp_path / "loop.dcm"


def test_frames_of_a_loop_stand_in_their_order_each_with_its_time(tmp_path):
    image = reader(loop(tmp_path)).update(progress=False)
    assert np.array_equal(image.array, PIXELS)
    assert [float(v) for v in image.headers["FrameTimeVector"]] == [0, 40, 41]


def test_frames_of_a_loop_are_written_as_single_images(tmp_path):
    images, _ = written(reader(loop(tmp_path)) >> sw.Clip(lower=0, upper=100), tmp_path)
    for k, image in enumerate(images):
        assert image.SOPClassUID == UltrasoundImageStorage
        assert np.array_equal(image.pixel_array, np.minimum(PIXELS[k], 100))
        assert not {"NumberOfFrames", "FrameIncrementPointer", "FrameTimeVector"}.intersection(image.dir())
        source = image.SourceImageSequence[0]
        assert source.ReferencedFrameNumber == k + 1
        assert source.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.3.1"


def test_frames_of_a_secondary_capture_become_secondary_captures(tmp_path):
    path = loop(tmp_path, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3", Modality="OT")
    images, _ = written(reader(path), tmp_path)
    assert {image.SOPClassUID for image in images} == {SecondaryCaptureImageStorage}
