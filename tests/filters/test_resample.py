"""Resampling gives the values of SimpleITK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from resampling import assert_values, itk_resample, rotation
from slabs import image, in_slabs, random_array

from slicewise.errors import ParameterError
from slicewise.filters.geometry import Resample


@pytest.mark.parametrize("interpolator", ["linear", "nearest", "bspline"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize(
    "parameters",
    [{"spacing": 1.3}, {"spacing": (1.15, 0.55, 0.93)}, {"size": (7, 30, 5)}, {"size": (9, 10, None)}, {"size": 1}],
    ids=str,
)
def test_values_are_those_of_simpleitk_up_to_the_edges(
    parameters: dict[str, Any], dtype: str, interpolator: str
) -> None:
    array = random_array((6, 11, 13), dtype)
    source = image(array, (0.7, 0.8, 2.5), (-20, 3, 7), rotation(20, 0) @ rotation(10))
    node = source >> Resample(**parameters, interpolator=interpolator)
    result = in_slabs(node)
    assert result.dtype == dtype
    expected = itk_resample(source, node.geometry, interpolator)
    if interpolator == "bspline" and result.dtype.kind != "f":
        limits = np.iinfo(dtype)
        expected = expected.clip(limits.min, limits.max)
    assert_values(result, expected)


def test_lanczos_keeps_a_plain_image_plain_and_comes_near_simpleitk() -> None:
    plain = image(np.full((8, 9, 10), 1000, "float32"))
    np.testing.assert_allclose(in_slabs(plain >> Resample(spacing=0.9, interpolator="lanczos")), 1000, rtol=1e-6)
    x, y, z = np.meshgrid(np.arange(40.0), np.arange(36.0), np.arange(20.0), indexing="ij")
    smooth = image((1000 + 500 * np.sin(x / 5) * np.cos(y / 4) * np.sin(z / 6)).T.copy(), (1, 1, 1))
    node = smooth >> Resample(spacing=(0.8, 1.3, 0.7), interpolator="lanczos")
    expected = sitk.Resample(
        smooth.to_sitk(), node.geometry.size, sitk.Transform(), sitk.sitkLanczosWindowedSinc, node.geometry.origin,
        node.geometry.spacing, node.geometry.direction.ravel().tolist(), 0.0, sitk.sitkFloat64,
    )  # fmt: skip
    np.testing.assert_allclose(in_slabs(node), sitk.GetArrayFromImage(expected), rtol=0.02)


def test_overshoot_is_kept_in_the_range_of_the_type() -> None:
    step = np.zeros((1, 1, 20), "uint8")
    step[..., 10:] = 255
    for interpolator in ("lanczos", "bspline"):
        result = in_slabs(image(step, (1, 1, 1)) >> Resample(size=(60, None, None), interpolator=interpolator))
        assert (result[0, 0, :25] < 60).all()
        assert (result[0, 0, 35:] > 200).all()


def test_integers_are_rounded_to_the_nearest_on_both_sides_of_zero() -> None:
    source = image(np.array([[[0, 3, -3]]], "int16"), (1, 1, 1))
    result = in_slabs(source >> Resample(size=(6, 1, 1)))
    # At -0.25, 0.25, ... 2.25 pixels: 0, 0.75, 2.25, 1.5, -1.5, -3.
    assert result.ravel().tolist() == [0, 1, 2, 2, -2, -3]


def test_labels_stay_labels_and_masks_masks() -> None:
    labels = np.random.default_rng(0).choice([0, 7, 200], (4, 9, 10)).astype("uint8")
    result = in_slabs(image(labels) >> Resample(spacing=0.6, interpolator="nearest"))
    assert set(np.unique(result)) == {0, 7, 200}
    for interpolator in ("linear", "nearest", "bspline"):
        mask = in_slabs(image(labels > 0) >> Resample(spacing=0.6, interpolator=interpolator))
        assert mask.dtype == bool


def test_large_integers_are_taken_exactly_where_nothing_is_interpolated() -> None:
    array = np.array([[[2**62 + 1, -(2**62) - 1]]])
    assert in_slabs(image(array) >> Resample(size=(4, 1, 1), interpolator="nearest")).ravel().tolist() == [
        2**62 + 1, 2**62 + 1, -(2**62) - 1, -(2**62) - 1,
    ]  # fmt: skip


def test_colour_components_are_interpolated_each_for_itself() -> None:
    array = random_array((4, 6, 7, 3), "uint8")
    for interpolator in ("linear", "bspline"):
        result = in_slabs(image(array) >> Resample(spacing=(0.5, 1.0, 2.0), interpolator=interpolator))
        for c in range(3):
            alone = image(np.ascontiguousarray(array[..., c])) >> Resample(
                spacing=(0.5, 1.0, 2.0), interpolator=interpolator
            )
            np.testing.assert_array_equal(result[..., c], in_slabs(alone))


def test_nan_stays_where_it_is_when_an_axis_is_kept() -> None:
    array = random_array((5, 4, 4), "float32")
    array[2] = np.nan
    result = in_slabs(image(array) >> Resample(size=(8, 8, None)))
    assert np.isnan(result[2]).all()
    assert not np.isnan(result[[0, 1, 3, 4]]).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"exactly one of 'spacing', 'size' and 'like' must be given \(got none\)"),
        ({"spacing": 1, "size": 3}, r"exactly one of .* \(got spacing, size\)"),
        ({"spacing": 0}, r"'spacing' must be a positive length in mm or three of them, None .* \(got 0\)"),
        ({"spacing": (1, -1, 1)}, r"\(got \(1, -1, 1\)\)"),
        ({"spacing": (1, 1)}, r"\(got \(1, 1\)\)"),
        ({"size": (10, 0, 3)}, "'size' must be a positive integer or three of them, None"),
        ({"size": 2.5}, "'size' must be a positive integer"),
        (
            {"spacing": 1, "interpolator": "cubic"},
            "'interpolator' must be one of 'linear', 'nearest', 'lanczos', 'bspl",
        ),
        ({"spacing": 1, "fill": "air"}, "'fill' must be a number"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Resample(**parameters)


def test_a_fill_that_the_type_does_not_hold_is_refused() -> None:
    with pytest.raises(ParameterError, match="'fill' must be a value of the image's type uint8, 0 to 255"):
        image(np.zeros((1, 1, 1), "uint8")) >> Resample(spacing=1, fill=-1024)
