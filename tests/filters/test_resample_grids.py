"""A new spacing or size keeps orientation, centre and field of view, of boxes and of stacks that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from resampling import assert_values, itk_resample, rotation, sheared_stack, uneven_stack
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError
from slicewise.filters.geometry import Resample
from slicewise.image import Geometry, Image


def field_of_view(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and extent of a box in mm."""
    size, spacing = np.array(geometry.size), np.array(geometry.spacing)
    return geometry.index_to_point((size - 1) / 2), size * spacing


@pytest.mark.parametrize("spacing", [0.3, 1.0, 2.9, 100.0, (0.5, 4.0, 1.7)])
def test_a_new_spacing_keeps_centre_orientation_and_field_of_view(spacing: Any) -> None:
    source = image(np.zeros((10, 20, 30), "int16"), (0.7, 0.8, 2.5), (5, -3, 40), rotation(30, 1))
    result = (source >> Resample(spacing=spacing)).geometry
    np.testing.assert_allclose(result.spacing, np.broadcast_to(spacing, 3))
    np.testing.assert_allclose(result.direction, source.geometry.direction)
    centre, extent = field_of_view(source.geometry)
    new_centre, new_extent = field_of_view(result)
    np.testing.assert_allclose(new_centre, centre)
    assert (np.abs(new_extent - extent) <= 0.5 * np.array(result.spacing) + 1e-9).all() or min(result.size) == 1


def test_a_new_size_keeps_centre_and_field_of_view_exactly() -> None:
    source = image(np.zeros((10, 20, 30), "int16"), (0.7, 0.8, 2.5), (5, -3, 40))
    result = (source >> Resample(size=(64, 20, 7))).geometry
    assert result.size == (64, 20, 7)
    for found, wanted in zip(field_of_view(result), field_of_view(source.geometry), strict=True):
        np.testing.assert_allclose(found, wanted)


def test_no_sample_of_a_new_spacing_lies_outside_the_image() -> None:
    source = image(np.full((7, 9, 11), 5, "int16"))
    for spacing in np.linspace(0.2, 30, 60):
        assert (in_slabs(source >> Resample(spacing=spacing, fill=-99)) == 5).all()


def test_an_axis_whose_spacing_stays_keeps_its_exact_positions_and_values() -> None:
    source = image(random_array((6, 8, 9), "int16"), (0.7, 0.8, 2.5), (0.1, 0.2, 0.3))
    for same in ((0.7, 0.8, 2.5), (None, None, None), (0.7, None, 2.5)):
        node = source >> Resample(spacing=same)
        assert node.geometry == source.geometry
        np.testing.assert_array_equal(in_slabs(node), source.array)
    in_plane = source >> Resample(spacing=(1, 1, None))
    heights = in_plane.geometry.positions @ in_plane.geometry.normal
    np.testing.assert_array_equal(heights, source.geometry.positions @ source.geometry.normal)


def test_stacks_that_run_downwards_stay_so() -> None:
    source = image(random_array((6, 8, 9), "int16"), (1, 1, 2.5), (0, 0, 0), np.diag([1.0, -1.0, -1.0]))
    reverse = Image.from_array(source.array[::-1].copy(), geometry=source.geometry.take(range(5, -1, -1)))
    for stack in (source, reverse):
        node = stack >> Resample(spacing=(1, 1, 1))
        assert node.geometry.mean_step @ stack.geometry.mean_step > 0
        if stack is source:
            assert_values(in_slabs(node), itk_resample(source, node.geometry, "linear"))
    np.testing.assert_array_equal(
        in_slabs(reverse >> Resample(spacing=1)), in_slabs(source >> Resample(spacing=1))[::-1]
    )


def test_unevenly_spaced_slices_are_interpolated_between_their_true_positions() -> None:
    stack = uneven_stack([0.0, 1.0, 2.0, 6.0, 7.0, 8.0])
    node = stack >> Resample(spacing=(1, 1, 1))
    assert node.geometry.is_regular
    heights = node.geometry.positions[:, 2]
    np.testing.assert_allclose(in_slabs(node)[:, 0, 0], 10 * heights.clip(0, 8))


def test_uneven_slices_become_even_also_when_their_number_stays() -> None:
    stack = uneven_stack([0.0, 1.0, 5.0])
    for parameters in ({"size": (4, 3, 3)}, {"spacing": (1, 1, 2.5)}):
        node = stack >> Resample(**parameters)
        np.testing.assert_allclose(node.geometry.positions[:, 2], [0, 2.5, 5])
        np.testing.assert_allclose(in_slabs(node)[:, 0, 0], [0, 25, 50])


def test_uneven_slices_stay_where_they_are_in_resampling_within_the_plane() -> None:
    stack = uneven_stack([0.0, 1.0, 5.0])
    node = stack >> Resample(spacing=(0.5, 0.5, None))
    np.testing.assert_array_equal(node.geometry.positions[:, 2], [0, 1, 5])
    assert node.info.headers is not None
    np.testing.assert_allclose(in_slabs(node)[:, 2, 2], [0, 10, 50])


def test_a_stack_under_gantry_tilt_keeps_its_tilt_in_resampling_within_the_plane() -> None:
    stack = sheared_stack()
    node = stack >> Resample(spacing=(0.5, 0.5, None))
    assert node.geometry.tilt == pytest.approx(stack.geometry.tilt)
    box = image(stack.array, (1, 1, 2))
    np.testing.assert_array_equal(in_slabs(node), in_slabs(box >> Resample(spacing=(0.5, 0.5, None))))


@pytest.mark.parametrize(
    "parameters", [{"spacing": 1}, {"size": (None, None, 9)}, {"spacing": 1, "interpolator": "bspline"}]
)
def test_slices_under_gantry_tilt_are_not_interpolated(parameters: dict[str, Any]) -> None:
    with pytest.raises(IrregularGeometryError, match=r"sheared by 16.70 degrees.*spacing=\(x, y, None\)"):
        sheared_stack() >> Resample(**parameters)
