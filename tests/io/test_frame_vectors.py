"""Frames that vectors tell apart: nuclear medicine, dose, cine, secondary capture and X-ray."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import NuclearMedicineImageStorage, RTDoseStorage, XRayAngiographicImageStorage

import slicewise as sw
from makers import dataset_of_slice
from slicewise.errors import HeaderError, SeriesError

PIXELS = np.random.default_rng(4).integers(0, 500, (6, 4, 5)).astype(np.uint16)


def frames(pixels, position=(0, 0, 0), **attributes):
    """Return a multi-frame instance; attributes replace what it has, None leaves them out."""
    stacked = pixels.reshape(-1, pixels.shape[2])
    values = {"Rows": pixels.shape[1], "NumberOfFrames": len(pixels), "RescaleSlope": None, "RescaleIntercept": None}
    return dataset_of_slice(stacked, position, **values | attributes)


def save(dataset, folder):
    dataset.save_as(folder / "frames.dcm", enforce_file_format=True)
    return folder


def nuclear(pixels=PIXELS, *, kind="RECON TOMO", plane=(1, 0, 0, 0, 1, 0), detectors=1, **attributes):
    items = []
    for k in range(detectors):
        detector = Dataset()
        detector.ImagePositionPatient = [10, 20, 30 + 100 * k]
        detector.ImageOrientationPatient = list(plane)
        items.append(detector)
    values = {
        "SOPClassUID": NuclearMedicineImageStorage,
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "FrameIncrementPointer": 0x00540080,
        "SliceVector": list(range(1, len(pixels) + 1)),
        "SpacingBetweenSlices": "2.5",
        "DetectorInformationSequence": items,
    }
    return frames(pixels, **values | attributes)


@pytest.mark.parametrize("spacing", [2.5, -2.5])
@pytest.mark.parametrize("plane", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1)])
def test_reconstructed_slices_follow_the_normal_or_turn_against_it(tmp_path, spacing, plane):
    save(nuclear(plane=plane, SpacingBetweenSlices=str(spacing)), tmp_path)
    image = sw.SeriesReader(tmp_path).update(progress=False)
    normal = np.cross(plane[:3], plane[3:])
    order = np.arange(6) if spacing > 0 else np.arange(6)[::-1]
    assert np.array_equal(image.array, PIXELS[order])
    assert np.allclose(image.geometry.positions, [np.array((10, 20, 30)) + k * spacing * normal for k in order])
    assert image.headers["SliceVector"] == [k + 1 for k in order]


def test_slices_lie_by_their_number_and_not_by_their_frame(tmp_path):
    save(nuclear(SliceVector=[3, 1, 2, 6, 5, 4]), tmp_path)
    image = sw.SeriesReader(tmp_path).update(progress=False)
    assert np.array_equal(image.array, PIXELS[[1, 2, 0, 5, 4, 3]])
    assert np.allclose(image.geometry.positions[:, 2], 30 + 2.5 * np.arange(6))


def test_time_slots_of_a_gated_reconstruction_are_volumes(tmp_path):
    gated = nuclear(
        kind="RECON GATED TOMO",
        FrameIncrementPointer=[0x00540070, 0x00540080],
        TimeSlotVector=[1, 1, 1, 2, 2, 2],
        SliceVector=[1, 2, 3, 1, 2, 3],
    )
    volumes = sw.read_volumes(save(gated, tmp_path))
    assert [list(volume.headers["TimeSlotVector"]) for volume in volumes] == [[1] * 3, [2] * 3]
    assert np.array_equal(volumes[1].update(progress=False).array, PIXELS[3:])
    chosen = sw.SeriesReader(tmp_path, where={"TimeSlotVector": 2})
    assert np.array_equal(chosen.update(progress=False).array, PIXELS[3:])


def test_static_frames_lie_where_their_detector_does(tmp_path):
    static = nuclear(
        PIXELS[:2],
        kind="STATIC",
        detectors=2,
        FrameIncrementPointer=[0x00540020],
        SliceVector=None,
        DetectorVector=[2, 1],
    )
    image = sw.SeriesReader(save(static, tmp_path)).update(progress=False)
    assert np.array_equal(image.array, PIXELS[[1, 0]])
    assert image.geometry.positions[:, 2].tolist() == [30, 130]


@pytest.mark.parametrize("change", [{"ImageType": ["ORIGINAL", "PRIMARY", "TOMO"]}, {"SpacingBetweenSlices": None}])
def test_projections_and_slices_at_no_known_distance_have_no_plane(tmp_path, change):
    save(nuclear(**change), tmp_path)
    with pytest.raises(SeriesError, match=r"frames\.dcm, frame 1: Image\w+Patient.*on_no_plane"):
        _ = sw.SeriesReader(tmp_path).geometry
    image = sw.SeriesReader(tmp_path, on_no_plane="pixels").update(progress=False)
    assert np.array_equal(image.array, PIXELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SliceVector": [1, 2, 3]}, "SliceVector must have one number for each of 6 frames .it has 3"),
        ({"SliceVector": [0, 1, 2, 3, 4, 5]}, "SliceVector counts from 1"),
        ({"DetectorVector": [1, 1, 1, 1, 1, 2]}, "DetectorVector names detector 2 and there are 1"),
    ],
)
def test_vectors_that_do_not_fit_are_an_error_that_names_the_file(tmp_path, change, message):
    save(nuclear(**change), tmp_path)
    with pytest.raises(HeaderError, match=rf"frames\.dcm: {message}"):
        _ = sw.SeriesReader(tmp_path).geometry


# --- dose ---------------------------------------------------------------------------------------------


def dose(offsets, position=(1, 2, -40), plane=(1, 0, 0, 0, 1, 0), **attributes):
    values = {
        "SOPClassUID": RTDoseStorage,
        "Modality": "RTDOSE",
        "FrameIncrementPointer": 0x3004000C,
        "GridFrameOffsetVector": list(offsets),
        "ImageOrientationPatient": list(plane),
        "DoseGridScaling": "0.5",
        "DoseUnits": "GY",
    }
    return frames(PIXELS, position, **values | attributes)


@pytest.mark.parametrize("offsets", [(0, 2, 4, 6, 8, 10), (-40, -38, -36, -34, -32, -30)])
def test_offsets_of_dose_planes_count_from_the_first_or_are_coordinates(tmp_path, offsets):
    image = sw.SeriesReader(save(dose(offsets), tmp_path)).update(progress=False)
    assert np.allclose(image.geometry.positions, [(1, 2, -40 + 2 * k) for k in range(6)])
    assert np.allclose(image.array, PIXELS * 0.5)


def test_offsets_run_along_the_normal_of_the_planes(tmp_path):
    plane = (1, 0, 0, 0, 0, -1)  # coronal: its normal points to the back
    image = sw.SeriesReader(save(dose((0, -3, -6, -9, -12, -15), plane=plane), tmp_path)).update(progress=False)
    assert np.allclose(image.geometry.positions, [(1, 2 - 3 * k, -40) for k in range(5, -1, -1)])
    assert np.array_equal(image.array, PIXELS[::-1] * 0.5)


@pytest.mark.parametrize(
    ("offsets", "plane", "message"),
    [
        ((5, 7, 9, 11, 13, 15), (1, 0, 0, 0, 1, 0), "must begin with 0.*coordinate z.*-40 .it begins with 5"),
        ((-40, -38, -36, -34, -32, -30), (1, 0, 0, 0, 0, -1), "must begin with 0"),
        ((0, 2, 4), (1, 0, 0, 0, 1, 0), "an offset for each of 6 frames .it has 3"),
    ],
)
def test_offsets_that_mean_nothing_are_an_error(tmp_path, offsets, plane, message):
    save(dose(offsets, plane=plane), tmp_path)
    with pytest.raises(HeaderError, match=rf"frames\.dcm: GridFrameOffsetVector.*{message}"):
        _ = sw.SeriesReader(tmp_path).geometry


# --- vectors of X-ray and of any attribute that the instance points to ----------------------------------


def test_each_frame_of_an_angiogram_has_its_own_angle(tmp_path):
    angles = ["0", "1.5", "3", "4.5", "6", "7.5"]
    angiogram = frames(
        PIXELS,
        SOPClassUID=XRayAngiographicImageStorage,
        Modality="XA",
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
        ImagerPixelSpacing=[0.3, 0.3],
        PositionerPrimaryAngleIncrement=angles,
        FrameIncrementPointer=0x00181063,
        FrameTime="66",
    )
    headers = sw.SeriesReader(save(angiogram, tmp_path), on_no_plane="pixels").headers
    assert [float(v) for v in headers["PositionerPrimaryAngleIncrement"]] == [0, 1.5, 3, 4.5, 6, 7.5]
    assert [float(v) for v in headers["FrameTime"]] == [66] * 6
    assert headers["ImagerPixelSpacing"][0] == [0.3, 0.3]


def test_an_attribute_that_the_instance_points_to_is_told_frame_by_frame(tmp_path):
    labels = ["a", "b", "c", "d", "e", "f"]
    capture = frames(
        PIXELS,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        FrameIncrementPointer=[0x00182002, 0x00182005],
        FrameLabelVector=labels,
        SliceLocationVector=["1", "2"],
    )
    headers = sw.SeriesReader(save(capture, tmp_path), on_no_plane="pixels").headers
    assert headers["FrameLabelVector"] == labels
    # One that does not fit says nothing of single frames, and stays as it is.
    assert [float(v) for v in headers["SliceLocationVector"][4]] == [1, 2]


@pytest.mark.parametrize("motion", ["DYNAMIC", "STATIC"])
def test_a_single_frame_of_a_rotation_has_not_the_angle_of_the_first(tmp_path, motion):
    angiogram = frames(
        PIXELS,
        SOPClassUID=XRayAngiographicImageStorage,
        Modality="XA",
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
        PositionerMotion=motion,
        PositionerPrimaryAngle="10",
        PositionerPrimaryAngleIncrement=["0", "1", "2", "3", "4", "5"] if motion == "DYNAMIC" else None,
    )
    reader = sw.SeriesReader(save(angiogram, tmp_path), on_no_plane="pixels")
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    for frame in map(pydicom.dcmread, written.paths):
        assert "PositionerPrimaryAngleIncrement" not in frame
        assert frame.PositionerPrimaryAngle == (10 if motion == "STATIC" else None)
        assert frame.PositionerMotion == ("STATIC" if motion == "STATIC" else "")
