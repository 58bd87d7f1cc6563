"""Geometry tells where every voxel is, for every stack DICOM can describe."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from slicewise.errors import GeometryError, IrregularGeometryError
from slicewise.image import Geometry
from strategies import AXIS_ORIENTATIONS, coordinates, points, rotations, spacings

SIZE = (4, 3, 5)


def itk_image(size=SIZE, spacing=(0.7, 1.3, 2.5), origin=(-10.5, 20.25, 3.0), direction=None):
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.eye(3).ravel() if direction is None else direction.ravel())
    return image


def stack(positions, **changes):
    values = {
        "rows": 6,
        "columns": 5,
        "row_direction": (1, 0, 0),
        "column_direction": (0, 1, 0),
        "pixel_spacing": (2.0, 0.5),
        "positions": positions,
    }
    return Geometry(**(values | changes))


def assert_same_points(geometry, image):
    size = image.GetSize()
    for index in np.ndindex(*size):
        expected = image.TransformIndexToPhysicalPoint([int(i) for i in index])
        assert np.allclose(geometry.index_to_point(index), expected, atol=1e-9)
        assert np.allclose((geometry.affine @ [*index, 1])[:3], expected, atol=1e-9)
        assert np.allclose(geometry.point_to_index(expected), index, atol=1e-9)


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS, ids=range(48))
def test_each_voxel_is_where_simpleitk_puts_it_in_all_48_orientations(direction):
    image = itk_image(direction=direction)
    geometry = Geometry.from_box(image.GetSize(), image.GetSpacing(), image.GetOrigin(), direction)
    assert_same_points(geometry, image)
    assert geometry.size == image.GetSize()
    assert np.allclose(geometry.spacing, image.GetSpacing())
    assert np.allclose(geometry.origin, image.GetOrigin())
    assert np.allclose(geometry.direction, direction)


@given(direction=rotations(), spacing=st.tuples(spacings, spacings, spacings), origin=points, mirror=st.booleans())
@settings(max_examples=40, deadline=None)
def test_each_voxel_is_where_simpleitk_puts_it_in_oblique_orientations(direction, spacing, origin, mirror):
    matrix = direction * ([1, 1, -1] if mirror else [1, 1, 1])
    image = itk_image((2, 3, 3), spacing, origin, matrix)
    geometry = Geometry.from_box(image.GetSize(), spacing, origin, matrix)
    assert_same_points(geometry, image)
    assert np.allclose(geometry.direction, matrix, atol=1e-9)


@given(
    gaps=st.lists(spacings, min_size=1, max_size=6),
    shear=st.tuples(coordinates, coordinates),
    direction=rotations(),
    index=st.tuples(*[st.floats(-3, 9, allow_nan=False)] * 3),
    backwards=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_points_and_indices_convert_both_ways_on_uneven_and_sheared_stacks(gaps, shear, direction, index, backwards):
    heights = np.concatenate([[0.0], np.cumsum(gaps)]) * (-1 if backwards else 1)
    local = np.stack([heights * shear[0] / 500, heights * shear[1] / 500, heights], axis=1)
    geometry = stack(local @ direction.T, row_direction=direction[:, 0], column_direction=direction[:, 1])
    point = geometry.index_to_point(index)
    assert np.allclose(geometry.point_to_index(point), index, atol=1e-6)


@given(
    lengths=st.tuples(*[st.floats(0.9999, 1.0001)] * 2),
    cosine=st.floats(-9e-4, 9e-4),
    index=st.tuples(st.floats(0, 511), st.floats(0, 511), st.floats(0, 1)),
)
@settings(max_examples=40, deadline=None)
def test_points_and_indices_convert_both_ways_with_directions_rounded_in_the_header(lengths, cosine, index):
    geometry = stack(
        [(0, 0, 0), (0, 0, 2)],
        rows=512,
        columns=512,
        row_direction=(lengths[0], 0, 0),
        column_direction=(cosine, lengths[1], 0),
    )
    assert np.allclose(geometry.point_to_index(geometry.index_to_point(index)), index, atol=1e-3)


def test_points_of_slices_are_those_of_the_header():
    positions = [(0, 0, 0), (1, 2, 3), (1.5, 2, 9)]
    geometry = stack(positions)
    for k, position in enumerate(positions):
        assert np.array_equal(geometry.index_to_point((0, 0, k)), position)
        # Pixel Spacing is between rows, then between columns: x takes the second.
        assert np.allclose(geometry.index_to_point((3, 0, k)), np.add(position, (1.5, 0, 0)))
        assert np.allclose(geometry.index_to_point((0, 3, k)), np.add(position, (0, 6, 0)))


def test_gantry_tilt_is_represented_and_has_an_affine_but_no_itk_direction():
    angle = np.radians(20)
    step = 4 * np.array([0, -np.tan(angle), 1])
    geometry = stack([k * step for k in range(5)])
    assert geometry.is_even
    assert geometry.is_sheared
    assert not geometry.is_regular
    assert geometry.tilt == pytest.approx(20)
    assert geometry.spacing == pytest.approx((0.5, 2.0, 4.0))
    assert np.allclose((geometry.affine @ [0, 0, 4, 1])[:3], 4 * step)
    with pytest.raises(IrregularGeometryError, match=r"sheared by 20\.00 degrees.*5\.824 mm"):
        _ = geometry.direction


def test_uneven_stack_is_represented_and_says_between_which_slices_the_gap_is():
    geometry = stack([(0, 0, z) for z in (0, 3, 6, 12, 15)])
    assert not geometry.is_even
    assert geometry.slice_spacing == pytest.approx(15 / 4)
    for name in ("spacing", "affine", "direction"):
        with pytest.raises(IrregularGeometryError, match=r"slices 2 and 3 are 6 mm apart, the median is 3 mm"):
            getattr(geometry, name)
    assert np.allclose(geometry.index_to_point((0, 0, 2.5)), (0, 0, 9))


def test_rounded_positions_of_a_whole_body_pet_are_regular():
    geometry = stack([(0, 0, round(k * 3.27, 1)) for k in range(100)])
    assert geometry.is_regular
    assert geometry.spacing[2] == pytest.approx(3.27, abs=0.002)


def test_slices_stacked_against_their_normal_are_regular_and_left_handed():
    geometry = stack([(0, 0, -z) for z in range(4)])
    assert geometry.is_regular
    assert np.linalg.det(geometry.direction) == pytest.approx(-1)


def test_single_slice_takes_the_spacing_stated_and_the_normal_of_its_plane():
    geometry = stack([(1, 2, 3)], single_slice_spacing=7.0)
    assert geometry.is_regular
    assert geometry.spacing == (0.5, 2.0, 7.0)
    assert np.allclose(geometry.index_to_point((0, 0, 1)), (1, 2, 10))
    assert np.allclose(geometry.point_to_index((1, 2, 10)), (0, 0, 1))


@given(data=st.data(), direction=rotations())
@settings(max_examples=50, deadline=None)
def test_cropped_flipped_and_chosen_voxels_stay_where_they_are(data, direction):
    image = itk_image((5, 6, 7), direction=direction)
    geometry = Geometry.from_box(image.GetSize(), image.GetSpacing(), image.GetOrigin(), direction)

    def part(length):
        start = data.draw(st.integers(0, length - 1))
        step = data.draw(st.sampled_from([-3, -1, 1, 2]))
        stop = data.draw(st.integers(start + 1, length)) if step > 0 else data.draw(st.integers(-1, start - 1))
        return range(start, stop, step)

    columns, rows = part(5), part(6)
    slices = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=7))
    cut = geometry.take(slices).crop_plane(rows, columns)
    assert cut.shape == (len(slices), len(rows), len(columns))
    for k, i in enumerate(slices):
        for r, row in enumerate(rows):
            for c, column in enumerate(columns):
                expected = image.TransformIndexToPhysicalPoint((column, row, i))
                assert np.allclose(geometry.index_to_point((column, row, i)), expected)
                here = cut.positions[k] + c * cut.pixel_spacing[1] * cut.row_direction
                here = here + r * cut.pixel_spacing[0] * cut.column_direction
                assert np.allclose(here, expected)


def test_single_slice_taken_from_a_stack_keeps_its_spacing():
    assert stack([(0, 0, z) for z in (0, 3, 6)]).take([1]).spacing[2] == pytest.approx(3)


def test_geometries_are_equal_only_if_nothing_differs():
    first = stack([(0, 0, 0), (0, 0, 1)])
    assert first == stack([(0, 0, 0), (0, 0, 1)])
    assert hash(first) == hash(stack([(0, 0, 0), (0, 0, 1)]))
    assert first != stack([(0, 0, 0), (0, 0, 1.001)])
    assert first != stack([(0, 0, 0), (0, 0, 1)], columns=6)
    assert first != "a geometry"


def test_geometry_cannot_be_changed():
    geometry = stack([(0, 0, 0)])
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        geometry.rows = 3
    for array in (geometry.positions, geometry.row_direction, geometry.column_direction):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_geometry_does_not_follow_later_changes_of_the_arrays_it_was_made_of():
    positions = np.zeros((2, 3))
    positions[1, 2] = 1
    geometry = stack(positions)
    positions[1, 2] = 9
    assert geometry.positions[1, 2] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row_direction": (1, 0.1, 0)}, "orthogonal.*cosine"),
        ({"row_direction": (0, 0, 0)}, "length zero"),
        ({"row_direction": (1, np.nan, 0)}, "finite"),
        ({"rows": 0}, "positive"),
        ({"pixel_spacing": (0, 1)}, "positive"),
        ({"pixel_spacing": (1,)}, "two positive"),
        ({"positions": [(0, 0)]}, "shape"),
        ({"positions": np.empty((0, 3))}, "at least one"),
        ({"positions": [(0, 0, np.inf)]}, "finite"),
    ],
)
def test_grid_that_cannot_be_is_refused(changes, message):
    with pytest.raises(GeometryError, match=message):
        stack(**({"positions": [(0, 0, 0)]} | changes))


def test_nothing_left_of_a_grid_is_refused():
    geometry = stack([(0, 0, 0), (0, 0, 1)])
    with pytest.raises(GeometryError, match="no slice"):
        geometry.take([])
    with pytest.raises(GeometryError, match="no pixel"):
        geometry.crop_plane(range(0), range(2))


def test_repr_says_what_is_irregular():
    assert "sheared by" in repr(stack([(0, 0, 0), (0, 2, 4)]))
    assert "uneven by up to" in repr(stack([(0, 0, z) for z in (0, 3, 6, 12)]))
