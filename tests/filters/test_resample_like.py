"""Resampling onto the grid of another image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from resampling import assert_values, itk_resample, rotation, sheared_stack, uneven_stack
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError, SpaceMismatchError
from slicewise.filters.function import Function
from slicewise.filters.geometry import Resample
from slicewise.image import Headers, Image
from slicewise.pipeline.node import as_node


@pytest.mark.parametrize("interpolator", ["linear", "nearest", "bspline"])
@pytest.mark.parametrize(
    "direction",
    [np.eye(3), np.diag([1.0, -1.0, -1.0]), np.diag([-1.0, -1.0, 1.0]), rotation(12), rotation(-25, 1) @ rotation(8)],
    ids=["parallel", "turned", "flipped", "rotated", "oblique"],
)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_like_gives_the_values_of_simpleitk_on_the_grid_of_the_reference(
    dtype: str, direction: np.ndarray, interpolator: str
) -> None:
    source = image(random_array((8, 15, 17), dtype), (0.71, 0.83, 2.2), (10.03, -5.01, 3.02))
    centre = source.geometry.index_to_point((8, 7, 3.5))
    start = centre - direction @ np.array([9.1, 8.2, 9.3])
    reference = image(np.zeros((11, 16, 18), "uint8"), (1.01, 1.03, 1.72), start, direction)
    node = source >> Resample(like=reference, interpolator=interpolator, fill=-7)
    result = in_slabs(node)
    assert node.geometry == reference.geometry
    assert result.dtype == dtype
    expected = itk_resample(source, reference.geometry, interpolator, -7)
    assert (expected == -7).any()
    if dtype == "int16":
        expected = expected.clip(-32768, 32767)
    assert_values(result, expected)


def test_like_is_streamed_where_axes_are_parallel_and_whole_where_they_are_not() -> None:
    source = image(random_array((8, 9, 10), "int16"), (1, 1, 1))
    parallel = image(np.zeros((30, 4, 4), "uint8"), (1, 1, 0.2), (0, 0, 1.05))
    node = source >> Resample(like=parallel)
    assert not node.whole
    assert node.request(range(5), source.info, parallel.info) == (range(1, 3), range(0))
    oblique = image(np.zeros((3, 4, 4), "uint8"), (1, 1, 1), (0, 0, 0), rotation(5, 0))
    assert (source >> Resample(like=oblique)).whole
    assert not Resample(like=oblique).whole


def test_like_runs_without_a_pixel_of_the_reference() -> None:
    def fail(array: np.ndarray) -> np.ndarray:
        raise AssertionError

    source = image(random_array((8, 9, 10), "int16"), (1, 1, 1))
    for direction in (np.eye(3), rotation(5, 0)):
        reference = image(np.zeros((3, 4, 4), "uint8"), (1, 1, 1), (1, 1, 1), direction) >> Function(fail)
        node = source >> Resample(like=reference)
        np.testing.assert_array_equal(node.update(progress=False).array, in_slabs_of_whole(node))


def in_slabs_of_whole(node: Any) -> np.ndarray:
    source, reference = node.inputs["input"], node.inputs["like"]
    grid = image(np.zeros(reference.shape, "uint8"), (1, 1, 1), (1, 1, 1), reference.geometry.direction)
    return in_slabs(source.image >> Resample(like=grid))


def test_like_itself_is_the_image_itself() -> None:
    source = sheared_stack()
    node = source >> Resample(like=source)
    assert node.geometry == source.geometry
    np.testing.assert_array_equal(node.update(progress=False).array, source.array)


def test_like_refuses_a_sheared_image_or_reference() -> None:
    box = image(np.zeros((3, 4, 5), "int16"))
    with pytest.raises(
        IrregularGeometryError, match="the image cannot be resampled with like=: its slices are sheared"
    ):
        sheared_stack() >> Resample(like=box)
    with pytest.raises(IrregularGeometryError, match="the reference cannot be resampled with like="):
        box >> Resample(like=sheared_stack())


def test_like_takes_unevenly_spaced_slices_and_gives_them() -> None:
    stack = uneven_stack([0.0, 1.0, 2.0, 6.0, 7.0, 8.0])
    other = uneven_stack([0.5, 3.0, 5.0, 7.5, 9.0])
    node = stack >> Resample(like=other, fill=-1)
    np.testing.assert_allclose(in_slabs(node)[:, 0, 0], [5, 30, 50, 75, -1])
    assert node.info.sources == ((),) * 5
    with pytest.raises(IrregularGeometryError, match="unevenly spaced"):
        stack >> Resample(like=image(np.zeros((3, 3, 3)), (1, 1, 1), (0, 0, 0), rotation(5)))


def test_like_refuses_another_frame_of_reference() -> None:
    def framed(uid: str) -> Image:
        return image(np.zeros((2, 3, 4), "int16"), headers=Headers(2).replace(FrameOfReferenceUID=uid))

    framed("1.2.3") >> Resample(like=framed("1.2.3"))
    with pytest.raises(SpaceMismatchError, match=r"FrameOfReferenceUID 1\.2\.3 and 1\.2\.4\)"):
        framed("1.2.3") >> Resample(like=framed("1.2.4"))


@pytest.mark.parametrize(
    ("attributes", "dtype", "expected"),
    [
        ({}, "int16", 0),
        ({"PixelPaddingValue": 48, "RescaleSlope": 1, "RescaleIntercept": -1024}, "int16", -976),
        ({"PixelPaddingValue": -2000, "PixelRepresentation": 1}, "int16", -2000),
        ({"PixelPaddingValue": 63536, "PixelRepresentation": 0}, "float32", 63536),
        ({"PixelPaddingValue": 3, "RescaleSlope": 0.5, "RescaleIntercept": 0}, "float32", 1.5),
        ({"PixelPaddingValue": 2000}, "uint8", 0),
        ({"PixelPaddingValue": 5, "RescaleSlope": [1.0, 2.0], "RescaleIntercept": 0}, "float32", 0),
    ],
)
def test_outside_the_image_is_the_padding_value_of_the_headers(
    attributes: dict[str, Any], dtype: str, expected: float
) -> None:
    headers = Headers(2).replace(PixelRepresentation=attributes.get("PixelRepresentation", 0)).replace(attributes)
    source = image(np.ones((2, 3, 4), dtype), (1, 1, 1), headers=headers)
    far = image(np.zeros((1, 1, 1)), (1, 1, 1), (100, 0, 0))
    assert in_slabs(source >> Resample(like=far)).item() == expected


def test_padding_counts_only_while_values_are_in_the_units_of_the_source() -> None:
    headers = Headers(1).replace(PixelRepresentation=0, PixelPaddingValue=77)
    far = image(np.zeros((1, 1, 1)), (1, 1, 1), (100, 0, 0))
    halved = as_node(image(np.ones((1, 3, 4), "int16"), (1, 1, 1), headers=headers)) / 2
    assert (halved >> Resample(like=far)).update(progress=False).array.item() == 0
