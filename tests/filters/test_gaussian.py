"""Gaussian smoothing has ITK's kernel, in mm, and its edges."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from slabs import SPACING, image, in_slabs, random_array

from slicewise.dicom import codes
from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.gaussians import gaussian_kernel
from slicewise.filters.neighbourhood import Gaussian
from slicewise.image import Geometry, Image


def itk_gaussian(array: np.ndarray, sigma: tuple[float, ...], spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    volume = sitk.GetImageFromArray(array.astype(np.float64))
    volume.SetSpacing(spacing)
    variance = [s * s for s in sigma]
    return sitk.GetArrayFromImage(sitk.DiscreteGaussian(volume, variance, 1000, 0.001, useImageSpacing=True))


@pytest.mark.parametrize("sigma", [(1.0, 1.0, 1.0), (0.3, 2.0, 0.5), (3.0, 0.2, 6.0)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_equals_simpleitk_from_edge_to_edge(dtype: str, sigma: tuple[float, ...]) -> None:
    array = random_array((9, 14, 21), dtype)
    result = in_slabs(image(array) >> Gaussian(sigma))
    # ITK's Bessel functions are good to seven digits; so is float32.
    np.testing.assert_allclose(result, itk_gaussian(array, sigma), rtol=2e-6, atol=2e-6 * np.abs(array).max())


def test_the_kernel_has_the_variance_asked_for() -> None:
    for sigma in (0.4, 1.0, 2.5, 12.0):
        half = gaussian_kernel(sigma)
        distances = np.arange(len(half))
        assert half[0] + 2 * half[1:].sum() == pytest.approx(1)
        assert 2 * (half * distances**2).sum() == pytest.approx(sigma**2, rel=0.03)


def test_a_wide_kernel_is_not_cut_off_at_32_pixels() -> None:
    assert len(gaussian_kernel(40)) > 100


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [("bool", "f4"), ("uint8", "f4"), ("int16", "f4"), ("float32", "f4"), ("int32", "f4"), ("float64", "f8")],
)
def test_the_result_is_float32_and_of_float64_float64(dtype: str, wanted: str) -> None:
    array = random_array((3, 4, 5), dtype)
    result = in_slabs(image(array) >> Gaussian(1))
    assert result.dtype == wanted
    np.testing.assert_allclose(result, itk_gaussian(array, (1, 1, 1)), rtol=1e-5, atol=1e-5 * np.abs(array).max())


def test_a_sigma_of_zero_leaves_an_axis_as_it_is() -> None:
    array = random_array((4, 5, 6), "int16")
    np.testing.assert_array_equal(in_slabs(image(array) >> Gaussian(0)), array.astype(np.float32))
    node = image(array) >> Gaussian((2, 2, 0))
    assert node.halo(node.input.info) == 0
    alone = in_slabs(image(array[2:3]) >> Gaussian((2, 2, 0)))
    np.testing.assert_array_equal(in_slabs(node)[2:3], alone)


def test_a_single_slice_can_be_smoothed() -> None:
    array = random_array((1, 6, 7), "float64")
    result = in_slabs(image(array) >> Gaussian(1.5))
    np.testing.assert_allclose(result, itk_gaussian(array, (1.5, 1.5, 1.5)), rtol=1e-6, atol=1e-4)


def test_colour_components_are_smoothed_each_for_itself() -> None:
    array = random_array((3, 6, 7, 3), "uint8")
    result = in_slabs(image(array) >> Gaussian(1.2))
    for c in range(3):
        alone = in_slabs(image(np.ascontiguousarray(array[..., c])) >> Gaussian(1.2))
        np.testing.assert_array_equal(result[..., c], alone)


def test_uneven_or_sheared_stacks_are_smoothed_within_their_slices_only() -> None:
    array = random_array((4, 5, 6), "int16")
    box = Geometry.from_box((6, 5, 4))
    heights = np.array([0.0, 1.0, 5.0, 6.0])
    uneven = attrs.evolve(box, positions=np.stack([0 * heights, 0 * heights, heights], axis=1))
    sheared = attrs.evolve(box, positions=np.stack([0 * heights, np.arange(4) * 0.5, np.arange(4.0)], axis=1))
    for geometry, message in ((uneven, "unevenly spaced, 1 to 4 mm apart"), (sheared, "sheared by 26.57 degrees")):
        stack = Image.from_array(array, geometry=geometry)
        np.testing.assert_array_equal(
            in_slabs(stack >> Gaussian((1, 1, 0))),
            in_slabs(image(array, (1, 1, 1)) >> Gaussian((1, 1, 0))),
        )
        with pytest.raises(IrregularGeometryError, match=message):
            stack >> Gaussian(1)


def test_headers_keep_their_units_and_the_derivation_is_gaussian_blur(ct: Image) -> None:
    smooth = ct >> Gaussian(4)
    assert smooth.headers["WindowWidth"] == ct.headers["WindowWidth"]
    (step,) = smooth.info.history
    assert (step.derivation, step.keeps_units) == ((codes.GAUSSIAN,), True)


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf"), "2", (1, 2), None])
def test_a_sigma_that_is_none_is_refused(sigma: object) -> None:
    with pytest.raises(ParameterError, match="'sigma' must be a length in mm, 0 or more, or three of them"):
        Gaussian(sigma)
