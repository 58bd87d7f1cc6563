"""Filters of one's own: what they are given, what they are asked for, and wrong declarations that are caught."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, random_array

import slicewise as sw
from slicewise.errors import ComputeError, ParameterError


def averaged(array, size):
    """Mean along the slices; beyond the ends the last slices are repeated."""
    radius = size // 2
    padded = np.pad(array, ((radius, radius), (0, 0), (0, 0)), mode="edge")
    shifted = [padded[k : k + len(array)] for k in range(size)]
    return np.mean(shifted, axis=0, dtype=np.float64).astype(np.float32)


ARRAY = random_array((9, 8, 7), "float32")


@sw.filter(halo=1, dtype="float32", keeps_units=True)
def uniform(array, size=3):
    """Average neighbours."""
    return averaged(array, size)


@sw.filter(takes="sitk", whole=True, dtype="float32")
def smoothed(volume, *, sigma: float):
    return sitk.Cast(sitk.SmoothingRecursiveGaussian(volume, sigma), sitk.sitkFloat32)


def test_a_function_becomes_a_filter_with_its_parameters():
    node = sw.as_node(image(ARRAY)) >> uniform(size=3)
    found = node.update(progress=False, memory="20kB").array
    np.testing.assert_array_equal(found, averaged(ARRAY, 3))
    assert node.name == "uniform"
    assert node.effect.keeps_units
    assert inspect.signature(uniform).parameters.keys() == {"size"}
    assert uniform.__doc__ == "Average neighbours."


def test_a_function_of_images_is_given_images():
    found = (sw.as_node(image(ARRAY)) >> smoothed(sigma=1.5)).update(progress=False).array
    wanted = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(ARRAY), 1.5))
    np.testing.assert_array_equal(found, wanted)


def test_parameters_are_checked_when_the_filter_is_made():
    with pytest.raises(ParameterError, match=r"uniform: got an unexpected .*'sise'; it takes \(size=3\)"):
        uniform(sise=5)
    with pytest.raises(ParameterError, match="smoothed: missing a required"):
        smoothed()
    with pytest.raises(ParameterError, match="'takes' must be one of"):
        sw.filter(takes="tensor")
    with pytest.raises(ParameterError, match="must take an image"):
        sw.filter()(lambda: None)
    with pytest.raises(ParameterError, match="parameters of a filter have names"):
        sw.filter()(lambda array, *more: array)


def test_equal_parameters_are_equal_filters_and_others_are_not():
    source = sw.as_node(image(ARRAY))
    assert (source >> uniform(size=3)).key == (source >> uniform(3)).key
    assert (source >> uniform(size=3)).key != (source >> uniform(size=5)).key


def test_a_wrong_type_or_shape_is_named_with_the_filter():
    @sw.filter()
    def halved(array):
        return array[:, ::2]

    @sw.filter()
    def doubled(array):
        return array.astype(np.float64)

    for make, told in ((halved, "the shape of the function's result"), (doubled, "say so with dtype='float64'")):
        with pytest.raises(ComputeError, match=told) as raised:
            (sw.as_node(image(ARRAY)) >> make()).update(progress=False)
        assert make.__name__ in str(raised.value)


@pytest.mark.parametrize("size", [3, 5])
def test_a_halo_that_is_too_small_is_caught(size):
    node = sw.as_node(image(ARRAY)) >> uniform(size=size)
    if size == 3:
        sw.check_streaming(node)
    else:
        with pytest.raises(ComputeError, match=r"slice \d of slab .* differs .* larger halo"):
            sw.check_streaming(node)


def test_what_looks_at_all_values_is_caught_unless_it_says_so():
    @sw.filter(dtype="float32")
    def centred(array):
        return array - array.mean(dtype=np.float32)

    source = sw.as_node(image(ARRAY))
    with pytest.raises(ComputeError, match="whole=True"):
        sw.check_streaming(source >> centred())
    sw.check_streaming(source >> sw.Function(lambda a: a - a.mean(dtype=np.float32), dtype="float32", whole=True))


def test_filters_of_the_catalogue_pass():
    source = sw.as_node(image(random_array((9, 8, 7), "int16")))
    for node in (source >> sw.Median(1), source >> sw.Gaussian(sigma=2.0), source + source, source[1:8:2]):
        sw.check_streaming(node)
