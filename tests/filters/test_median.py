"""The median is SimpleITK's, value by value, faster."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, in_slabs, random_array

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.filters.neighbourhood import Median
from slicewise.image import Image

SHAPES = [(1, 1, 1), (1, 1, 9), (1, 7, 1), (5, 1, 1), (2, 2, 2), (6, 13, 17), (3, 40, 300)]
TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
RADII = [(1, 1, 1), (1, 1, 0), (0, 0, 0), (0, 1, 2), (2, 1, 1)]


def itk_median(array: np.ndarray, radius: tuple[int, ...]) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(array), radius))


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("dtype", TYPES)
def test_equals_simpleitk_for_every_type_and_radius(dtype: str, radius: tuple[int, ...]) -> None:
    array = random_array((5, 11, 14), dtype)
    result = in_slabs(image(array) >> Median(radius))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, itk_median(array, radius))


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_simpleitk_up_to_the_edges_of_images_of_every_shape(
    shape: tuple[int, ...], radius: tuple[int, ...]
) -> None:
    array = random_array(shape, "int16")
    np.testing.assert_array_equal(in_slabs(image(array) >> Median(radius)), itk_median(array, radius))


def test_equals_simpleitk_where_values_are_equal() -> None:
    array = np.random.default_rng(3).integers(0, 3, (6, 20, 21)).astype(np.uint8)
    np.testing.assert_array_equal(in_slabs(image(array) >> Median(1)), itk_median(array, (1, 1, 1)))


def test_large_slices_are_cut_into_pieces_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slicewise.filters.medians._BYTES_AT_ONCE", 200)
    array = random_array((3, 23, 19), "int16")
    np.testing.assert_array_equal(in_slabs(image(array) >> Median(1)), itk_median(array, (1, 1, 1)))


def test_a_mask_stays_a_mask() -> None:
    array = random_array((4, 9, 9), "bool")
    for radius in ((1, 1, 1), (2, 2, 0)):
        result = in_slabs(image(array) >> Median(radius))
        assert result.dtype == np.bool_
        np.testing.assert_array_equal(result, itk_median(array.astype(np.uint8), radius).astype(bool))


@pytest.mark.parametrize("radius", [(1, 1, 1), (1, 1, 0), (2, 1, 1)])
def test_colour_components_are_filtered_each_for_itself(radius: tuple[int, ...]) -> None:
    array = random_array((4, 8, 9, 3), "uint8")
    result = in_slabs(image(array) >> Median(radius))
    for c in range(3):
        np.testing.assert_array_equal(result[..., c], itk_median(np.ascontiguousarray(array[..., c]), radius))


def test_nan_makes_nan_of_its_neighbourhood_and_no_more() -> None:
    array = random_array((7, 9, 9), "float32")
    array[3, 4, 4] = np.nan
    expected = np.zeros(array.shape, bool)
    expected[2:5, 3:6, 3:6] = True
    np.testing.assert_array_equal(np.isnan(in_slabs(image(array) >> Median(1))), expected)


def test_looks_as_many_slices_to_each_side_as_its_radius_along_z(ct: Image) -> None:
    assert (ct >> Median((3, 2, 1))).halo(ct.info) == 1
    assert (ct >> Median((1, 1, 0))).halo(ct.info) == 0


def test_headers_are_kept_with_units_and_the_derivation_is_smoothing(ct: Image) -> None:
    filtered = ct >> Median(1)
    assert filtered.headers["WindowCenter"] == ct.headers["WindowCenter"]
    assert filtered.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert filtered.headers["ImagePositionPatient"] == ct.headers["ImagePositionPatient"]
    (step,) = filtered.info.history
    assert (step.derivation, step.keeps_units) == ((codes.SMOOTHING,), True)


@pytest.mark.parametrize("radius", [-1, 1.5, "1", (1, 1), (1, 1, -1), True, None])
def test_a_radius_that_is_none_is_refused_with_what_was_given(radius: object) -> None:
    with pytest.raises(ParameterError, match=r"'radius' must be an integer, 0 or more, or three of them \(got "):
        Median(radius)
