"""Isotropic and MPR against SimpleITK, boxes in mm and around masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from resampling import assert_values, itk_resample, rotation, sheared_stack
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError, ParameterError, SpaceMismatchError
from slicewise.filters.cropping import Crop
from slicewise.filters.planes import MPR, Isotropic
from slicewise.image import Image
from slicewise.pipeline.node import as_node


def source_of(direction: Any = None) -> Image:
    return image(random_array((9, 14, 13), "float32"), (0.9, 1.1, 2.1), (1.0, 2.0, 3.0), direction)


@pytest.mark.parametrize("spacing", [None, 1.3])
def test_isotropic_voxels_hold_the_values_of_simpleitk(spacing: float | None) -> None:
    source = source_of(rotation(12))
    node = source >> Isotropic(spacing)
    assert node.geometry.spacing == pytest.approx((spacing or 0.9,) * 3)
    assert not node.whole
    assert_values(in_slabs(node), itk_resample(source, node.geometry, "linear"))
    for value in (0, -1, (1, 1, 1), "fine"):
        with pytest.raises(ParameterError):
            Isotropic(value)


@pytest.mark.parametrize(
    ("normal", "up", "row", "column"),
    [
        ((0, 0, 1), None, (1, 0, 0), (0, 1, 0)),
        ((0, 2, 0), None, (1, 0, 0), (0, 0, -1)),
        ((-1, 0, 0), None, (0, 1, 0), (0, 0, -1)),
        ((0, 0, 1), (1, 0, 0), (0, 1, 0), (-1, 0, 0)),
    ],
)
def test_planes_are_shown_with_up_upwards(normal: Any, up: Any, row: Any, column: Any) -> None:
    grid = (source_of() >> MPR(normal, up, size=5)).geometry
    np.testing.assert_allclose(grid.row_direction, row, atol=1e-12)
    np.testing.assert_allclose(grid.column_direction, column, atol=1e-12)
    np.testing.assert_allclose(grid.normal, np.array(normal) / np.linalg.norm(normal), atol=1e-12)
    assert grid.mean_step @ grid.normal > 0


@pytest.mark.parametrize("interpolator", ["linear", "nearest", "bspline"])
def test_oblique_planes_hold_the_values_of_simpleitk(interpolator: str) -> None:
    source = source_of(rotation(7, 1))
    node = source >> MPR((1, 2, 3), (0, 1, 1), spacing=(0.8, 0.9, 1.5), interpolator=interpolator, fill=-3)
    result = node.update(progress=False).array
    assert_values(result, itk_resample(source, node.geometry, interpolator, -3))
    # Every corner of the image is within the stack.
    for corner in np.ndindex(2, 2, 2):
        point = source.geometry.index_to_point([c * (n - 1) for c, n in zip(corner, source.geometry.size, strict=True)])
        index = node.geometry.point_to_index(point.tolist())
        assert (index > -1e-6).all()
        assert (index < np.array(node.geometry.size) - 1 + 1e-6).all()


def test_the_middle_plane_goes_through_three_points() -> None:
    points = ((2.0, 3.0, 5.0), (9.0, 4.0, 8.0), (4.0, 12.0, 15.0))
    grid = (source_of() >> MPR(points=points, size=(30, 30, 5), spacing=0.7)).geometry
    for point in points:
        assert grid.point_to_index(point)[2] == pytest.approx(2)
    a, b, c = (grid.point_to_index(p) for p in points)
    assert b[1] == pytest.approx(a[1])
    assert b[0] > a[0]
    assert c[1] > a[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "one of 'normal' and 'points'"),
        ({"normal": (0, 0, 1), "points": np.eye(3)}, "one of 'normal' and 'points'"),
        ({"normal": (0, 0, 0)}, "length zero"),
        ({"normal": (0, 0, 1), "up": (0, 0, 2)}, "along the normal"),
        ({"points": ((0, 0, 0), (1, 1, 1), (3, 3, 3))}, "on a line"),
        ({"normal": (0, 1)}, "'normal' must be"),
        ({"points": np.eye(3), "up": (0, 0, 1)}, "'up' must not"),
    ],
)
def test_what_gives_no_plane_is_refused(arguments: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        MPR(**arguments)


def test_headers_of_oblique_planes(ct: Image) -> None:
    node = ct >> MPR((0, 1, 0.2), spacing=(2, 2, 3), size=(20, 10, 4))
    headers = node.headers
    np.testing.assert_allclose([list(p) for p in headers["ImagePositionPatient"]], node.geometry.positions, atol=1e-6)
    orientation = [*node.geometry.row_direction, *node.geometry.column_direction]
    np.testing.assert_allclose(list(headers["ImageOrientationPatient"][0]), orientation, atol=1e-9)
    assert headers["SliceThickness"] == [pytest.approx(3)] * 4
    assert "XRayTubeCurrent" not in headers
    assert [s.derivation[0].value for s in node.info.history] == ["113072"]
    with pytest.raises(IrregularGeometryError, match="sheared"):
        sheared_stack() >> MPR((0, 1, 0))


@pytest.mark.parametrize(
    ("direction", "origin"), [(None, -3.0), (np.diag([-1.0, -1.0, 1.0]), 2.0), (rotation(25), -2.0)]
)
def test_a_box_in_the_patient_keeps_the_voxels_whose_centres_lie_in_it(direction: Any, origin: float) -> None:
    source = image(random_array((6, 7, 8), "int16"), (1, 1, 2), (origin, origin, 0), direction)
    low, high = np.array([-1.0, -2.0, 1.0]), np.array([1.5, 1.0, 8.0])
    node = source >> Crop.within(high, low)
    inside = [
        index for index in np.ndindex(*source.geometry.size)
        if (low - 1e-9 <= (p := source.geometry.index_to_point(index))).all() and (p <= high + 1e-9).all()
    ]  # fmt: skip
    first, last = np.min(inside, axis=0), np.max(inside, axis=0)
    x, y, z = (slice(a, b + 1) for a, b in zip(first, last, strict=True))
    if direction is None or np.abs(direction).max(axis=0).min() == 1:
        np.testing.assert_array_equal(in_slabs(node), source.array[z, y, x])
    for index in inside:
        at = node.geometry.point_to_index(source.geometry.index_to_point(index).tolist())
        assert (at > -0.01).all()
        assert (at < np.array(node.geometry.size) - 0.99).all()
    with pytest.raises(ParameterError, match="no voxel lies within"):
        source >> Crop.within((500, 500, 500), (501, 501, 501))
    with pytest.raises(ParameterError, match="'region' must be two points"):
        Crop(region=(1, 2))


def test_the_box_around_a_mask() -> None:
    source = image(random_array((9, 10, 11), "int16"), (1.0, 1.0, 2.0))
    mask = np.zeros(source.array.shape, bool)
    mask[3:5, 2, 6:9] = mask[4, 7, 7] = True
    there = image(mask, (1.0, 1.0, 2.0))
    np.testing.assert_array_equal(in_slabs(source >> Crop.around(there)), source.array[3:5, 2:8, 6:9])
    np.testing.assert_array_equal(in_slabs(source >> Crop.around(as_node(there), 2)), source.array[2:6, 0:10, 4:11])
    lazy = (as_node(there) > 0) & (as_node(source) >= -(2**15))
    np.testing.assert_array_equal(in_slabs(source >> Crop.around(lazy)), source.array[3:5, 2:8, 6:9])
    with pytest.raises(SpaceMismatchError, match="the mask to crop to"):
        image(np.zeros((9, 10, 11)), (1, 1, 3)) >> Crop.around(there)
    with pytest.raises(ParameterError, match="nothing is in the mask"):
        Crop.around(image(np.zeros((2, 2, 2), bool)))
