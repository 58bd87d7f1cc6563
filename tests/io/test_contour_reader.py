"""Contours as masks: what is inside is told by another library, or by the shape that was drawn."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture
from PIL import ImageDraw

import slicewise as sw
from makers import box_positions, write_series
from segmentation_makers import structure_set
from slicewise.errors import (
    HeaderError,
    ParameterError,
    PatientMismatchError,
    SeriesError,
    SeveralSeriesError,
    SlicewiseError,
    SlicewiseWarning,
    SpaceMismatchError,
)
from slicewise.io.contour_reader_fill import polygon_mask

SHAPE = (10, 60, 80)
SPACING = (0.7, 0.9, 2.0)  # columns, rows, slices
ORIGIN = (-30.0, 12.0, 5.0)


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    write_series(
        folder,
        np.zeros(SHAPE, np.int16),
        positions=box_positions(ORIGIN, (0, 0, 1), SPACING[2], SHAPE[0]),
        PixelSpacing=[SPACING[1], SPACING[0]],
    )
    return sw.SeriesReader(folder)


def points(columns, rows, z):
    """Return corners given as indices in mm."""
    x, y = ORIGIN[0] + np.asarray(columns, float) * SPACING[0], ORIGIN[1] + np.asarray(rows, float) * SPACING[1]
    return np.stack([x, y, np.full_like(x, ORIGIN[2] + z * SPACING[2])], axis=1)


def box(first, last, z):
    """Return the outline of columns and rows from one to another, both included."""
    (left, top), (right, bottom) = first, last
    corners = [(left, top), (right + 1, top), (right + 1, bottom + 1), (left, bottom + 1)]
    return points([c - 0.5 for c, _ in corners], [r - 0.5 for _, r in corners], z)


def values(reader):
    return reader.update(progress=False).array


# --- what is inside ---------------------------------------------------------------------------------


def test_a_box_is_filled_to_the_pixel(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"box": [box((10, 5), (29, 44), z) for z in range(2, 7)]})
    expected = np.zeros(SHAPE, bool)
    expected[2:7, 5:45, 10:30] = True
    reader = ct >> sw.ContourReader(path, roi="box")
    assert reader.dtype == np.bool_
    assert np.array_equal(values(reader), expected)
    assert np.array_equal(values(sw.ContourReader(path, source=ct)), 3 * expected)


def test_a_cylinder_has_its_volume(tmp_path, ct):
    angles = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    centre, radius = (-2.0, 40.0), 15.0
    rings = [
        np.stack(
            [centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles), np.full(720, 5 + 2.0 * z)], 1
        )
        for z in range(1, 9)
    ]
    mask = values(ct >> sw.ContourReader(structure_set(tmp_path / "rs.dcm", {"cylinder": rings}), roi=3))
    volume = mask.sum() * math.prod(SPACING)
    assert volume == pytest.approx(math.pi * radius**2 * 16, rel=0.005)
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    apart = np.hypot(ORIGIN[0] + columns * SPACING[0] - centre[0], ORIGIN[1] + rows * SPACING[1] - centre[1])
    assert np.array_equal(mask[4], apart < radius)


@given(
    st.lists(st.tuples(st.floats(-4, 20, width=16), st.floats(-4, 16, width=16)), min_size=3, max_size=9),
)
def test_polygons_are_filled_as_the_rule_says(corners):
    polygon = (
        np.array(corners, float) + np.array([math.pi, math.e]) / 1e4
    )  # centres on a border belong to neither side here
    expected = [[_is_inside(polygon, column, row) for column in range(16)] for row in range(12)]
    assert np.array_equal(polygon_mask([polygon], 12, 16), expected)


def _is_inside(polygon, x, y):
    """Count crossings of a ray to the left, point by point, as textbooks have it."""
    odd = False
    for ends in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        (x0, y0), (x1, y1) = sorted(ends, key=lambda end: end[1])
        if (y0 > y) != (y1 > y) and x > x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


def test_a_large_polygon_is_filled_as_pillow_fills_it():
    angles = np.sort(np.random.default_rng(3).uniform(0, 2 * np.pi, 60))
    polygon = np.stack([150 + 120 * np.cos(angles), 100 + 80 * np.sin(angles)], axis=1)
    picture = Picture.new("1", (300 * 8, 200 * 8))
    ImageDraw.Draw(picture).polygon([tuple((corner + 0.5) * 8) for corner in polygon], fill=1)
    shares = np.asarray(picture, float).reshape(200, 8, 300, 8).mean(axis=(1, 3))
    found = polygon_mask([polygon], 200, 300)
    # Of pixels that a finer picture shows to be all within or all without, there is no doubt.
    assert found[shares > 0.99].all()
    assert not found[shares < 0.01].any()
    assert abs(found.sum() - shares.sum()) < 60


def test_polygons_that_share_a_border_share_no_pixel():
    left = np.array([[2.0, 2.0], [5.0, 2.0], [5.0, 8.0], [2.0, 8.0]])
    right = left + np.array([3.0, 0.0])
    found = polygon_mask([left], 12, 12).astype(int) + polygon_mask([right], 12, 12)
    assert found.max() == 1
    assert found.sum() == 36


def test_contours_within_contours_are_holes(tmp_path, ct):
    ring = {"ring": [box((10, 5), (49, 44), 4), box((20, 15), (39, 34), 4), box((25, 20), (29, 24), 4)]}
    mask = values(ct >> sw.ContourReader(structure_set(tmp_path / "rs.dcm", ring), roi="ring"))
    expected = np.zeros(SHAPE[1:], bool)
    expected[5:45, 10:50], expected[15:35, 20:40], expected[20:25, 25:30] = True, False, True
    assert np.array_equal(mask[4], expected)


def test_a_keyhole_is_a_hole(tmp_path, ct):
    corners = [(9.5, 4.5), (49.5, 4.5), (49.5, 44.5), (9.5, 44.5), (9.5, 20.5)]  # outside, and back to the channel
    corners += [(19.5, 20.5), (19.5, 34.5), (39.5, 34.5), (39.5, 14.5), (19.5, 14.5), (19.5, 20.5), (9.5, 20.5)]
    path = structure_set(tmp_path / "rs.dcm", {"keyhole": [points(*zip(*corners, strict=True), 4)]})
    expected = np.zeros(SHAPE[1:], bool)
    expected[5:45, 10:50], expected[15:35, 20:40] = True, False
    assert np.array_equal(values(ct >> sw.ContourReader(path, roi="keyhole"))[4], expected)


# --- several regions --------------------------------------------------------------------------------


def test_regions_are_labels_or_masks(tmp_path, ct):
    regions = {"A": [box((2, 2), (9, 9), 1)], "B": [box((5, 5), (19, 19), 1), box((5, 5), (6, 6), 3)]}
    path = structure_set(tmp_path / "rs.dcm", regions)
    masks = values(ct >> sw.ContourReader(path, values="masks"))
    assert masks.shape == (*SHAPE, 2)
    with pytest.raises(SeriesError, match=r"'A' and 'B' share 25 pixels of slice 1"):
        values(ct >> sw.ContourReader(path))
    first, second = masks[..., 0], masks[..., 1]
    assert np.array_equal(values(ct >> sw.ContourReader(path, overlap="first")), np.where(first, 3, 4 * second))
    assert np.array_equal(values(ct >> sw.ContourReader(path, overlap="last")), np.where(second, 4, 3 * first))
    described = [(r.number, r.name, r.type, r.colour, r.contours) for r in sw.ContourReader(path).regions]
    assert described == [(3, "A", "ORGAN", (255, 0, 0), 1), (4, "B", "ORGAN", (255, 10, 0), 2)]


def test_a_region_that_is_not_there_is_told_with_those_that_are(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"A": [box((2, 2), (9, 9), 1)]})
    with pytest.raises(ParameterError, match="no region 'B'; there are\n  3: 'A', 1 contours"):
        ct >> sw.ContourReader(path, roi="B")


# --- where it lies ----------------------------------------------------------------------------------


def test_contours_between_slices_are_refused_or_go_to_the_nearest(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"A": [box((2, 2), (9, 9), 4.3)]})
    with pytest.raises(SpaceMismatchError, match=r"contour 1 lies in no slice .* 0\.6 mm from the nearest, slice 4"):
        ct >> sw.ContourReader(path)
    mask = values(ct >> sw.ContourReader(path, tolerance=0.5))
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [4]


def test_contours_of_another_plane_are_refused(tmp_path, ct):
    upright = np.array([[0, 20, 5], [0, 40, 5], [0, 40, 15], [0, 20, 15]], float)
    with pytest.raises(SpaceMismatchError, match="10 mm apart along their normal"):
        ct >> sw.ContourReader(structure_set(tmp_path / "rs.dcm", {"A": [upright]}))


def test_what_reaches_beyond_the_images_is_told_and_cut_off(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"A": [box((70, -5), (99, 9), 4)]})
    with pytest.warns(SlicewiseWarning, match=r"beyond the images by up to 14 mm \('A'\)"):
        reader = ct >> sw.ContourReader(path, roi="A")
    expected = np.zeros(SHAPE, bool)
    expected[4, :10, 70:] = True
    assert np.array_equal(values(reader), expected)


def test_another_patient_or_frame_of_reference_is_refused(tmp_path, ct):
    contours = {"A": [box((2, 2), (9, 9), 1)]}
    with pytest.raises(PatientMismatchError, match="'other'"):
        ct >> sw.ContourReader(structure_set(tmp_path / "rs.dcm", contours, PatientID="other"))
    path = structure_set(tmp_path / "rs.dcm", contours)
    dataset = pydicom.dcmread(path)
    dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3"
    dataset.save_as(path)
    with pytest.raises(SpaceMismatchError, match=r"frame of reference 1\.2\.3"):
        ct >> sw.ContourReader(path)


def test_points_enclose_nothing(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"A": [points([3], [3], 1)]}, kind="POINT")
    with pytest.raises(SeriesError, match="none of 1 regions has a closed contour"):
        ct >> sw.ContourReader(path)


def test_a_header_that_contradicts_itself_is_told(tmp_path, ct):
    path = structure_set(tmp_path / "rs.dcm", {"A": [box((2, 2), (9, 9), 1)]})
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[0].ContourSequence[0].ContourData = ["1", "2", "3", "4"]
    dataset.save_as(path)
    with pytest.raises(HeaderError, match="contour 1 of 'A': ContourData must be three numbers for each point"):
        ct >> sw.ContourReader(path)
    with pytest.raises(SeriesError, match=r"no structure set .* but CT"):
        _ = sw.ContourReader(ct.path).regions
    structure_set(tmp_path / "other.dcm", {"A": [box((2, 2), (9, 9), 1)]})
    with pytest.raises(SeveralSeriesError, match="2 structure sets"):
        _ = sw.ContourReader(tmp_path).regions


def test_damaged_bytes_are_an_error_of_ours_or_other_contours(tmp_path, ct):
    path = structure_set(
        tmp_path / "rs.dcm", {"A": [box((2, 2), (9, 9), z) for z in range(8)], "B": [box((20, 20), (39, 39), 3)]}
    )
    whole, chance = path.read_bytes(), random.Random(4)  # noqa: S311 - no secret
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3))):
            damaged[chance.randrange(132, len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(200, len(damaged))] if chance.random() < 0.3 else damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            try:
                found = values(ct >> sw.ContourReader(path, values="masks"))
            except SlicewiseError:
                continue
        # Any other exception fails the test.
        assert found.shape[:3] == SHAPE


def test_slabs_give_what_the_whole_does(tmp_path, ct):
    sw.check_streaming(ct >> sw.ContourReader(structure_set(tmp_path / "rs.dcm", {"A": [box((2, 2), (9, 9), 1)]})))


@pytest.mark.data
@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
def test_a_real_region_is_the_mask_beside_it(data, modality):
    folder = data("multimodal-sts-001") / "STS_001" / modality
    source = sw.SeriesReader(folder / "dicom" / "image")
    mask = values(source >> sw.ContourReader(folder / "dicom" / "mask" / "RS.dcm"))
    expected = sitk.GetArrayFromImage(sitk.ReadImage(folder / "nifti" / "mask" / "mask.nii.gz"))
    assert np.array_equal(mask, expected)
