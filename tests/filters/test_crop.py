"""Crop takes away what SimpleITK's Crop takes away, and box keeps what its RegionOfInterest keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, in_slabs, random_array

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.filters.cropping import Crop
from slicewise.image import Image
from slicewise.pipeline.node import as_node

DIRECTION = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)


def assert_same(node: Any, expected: sitk.Image) -> None:
    np.testing.assert_array_equal(in_slabs(node), sitk.GetArrayFromImage(expected))
    np.testing.assert_allclose(node.geometry.origin, expected.GetOrigin())
    np.testing.assert_allclose(node.geometry.direction.ravel(), expected.GetDirection())
    assert node.geometry.size == expected.GetSize()


@pytest.mark.parametrize(("lower", "upper"), [((1, 2, 3), (4, 0, 1)), ((0, 0, 2), 0), (1, 1), (0, (0, 3, 0))])
def test_crop_equals_simpleitk(lower: Any, upper: Any) -> None:
    source = image(random_array((7, 8, 9), "int16"), (0.7, 0.8, 2.5), (1, 2, 3), DIRECTION)
    low, up = (np.broadcast_to(v, 3).tolist() for v in (lower, upper))
    assert_same(source >> Crop(lower, upper), sitk.Crop(source.to_sitk(), low, up))


def test_box_equals_the_region_of_interest_of_simpleitk() -> None:
    source = image(random_array((7, 8, 9), "int16"), (0.7, 0.8, 2.5), (1, 2, 3), DIRECTION)
    assert_same(source >> Crop.box((1, 2, 3), (5, 4, 2)), sitk.RegionOfInterest(source.to_sitk(), (5, 4, 2), (1, 2, 3)))
    rest = source >> Crop.box((1, 2, 3), None)
    assert rest.geometry.size == (8, 6, 4)


def test_crop_is_the_same_as_indexing(ct: Image) -> None:
    cropped, indexed = ct >> Crop((10, 5, 2), (12, 6, 3)), as_node(ct)[2:-3, 5:-6, 10:-12]
    assert cropped.geometry == indexed.geometry
    assert cropped.headers == indexed.headers
    assert cropped.info.sources == indexed.info.sources == ct.info.sources[2:9]
    np.testing.assert_array_equal(in_slabs(cropped), ct.array[2:9, 5:50, 10:60])


def test_cropped_slices_say_where_they_are(ct: Image) -> None:
    cropped = ct >> Crop((10, 5, 0))
    np.testing.assert_allclose(
        [list(p) for p in cropped.headers["ImagePositionPatient"]], np.add(ct.geometry.positions, [50.0, 27.5, 0])
    )
    assert cropped.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert cropped.headers["PixelSpacing"] == ct.headers["PixelSpacing"]
    assert cropped.info.history[-1].derivation == (codes.CROP,)


def test_without_slices_nothing_but_slices_is_missing(ct: Image) -> None:
    fewer = ct >> Crop((0, 0, 3), (0, 0, 4))
    assert fewer.headers == ct.headers[3:8]
    assert fewer.info.history[-1].derivation == (codes.SUBSET,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Crop(-1), r"'lower' must be an integer, 0 or more, or three of them \(got -1\)"),
        (lambda: Crop(0, (1, 2)), r"'upper' must be an integer, 0 or more, or three of them \(got \(1, 2\)\)"),
        (lambda: Crop.box(0, 0), "'size' must be a positive integer"),
        (lambda: Crop.box((1, -2, 3), 2), "'start' must be an integer, 0 or more"),
        (lambda: Crop(0, 1, size=2), "'upper' and 'size' must not both be given"),
        (lambda: image(np.zeros((3, 4, 5))) >> Crop((2, 0, 0), (3, 0, 0)), "leaves nothing: at least one"),
        (lambda: image(np.zeros((3, 4, 5))) >> Crop.box((0, 0, 2), (5, 4, 2)), "along z it ends at 4 of 3 voxels"),
    ],
)
def test_what_leaves_nothing_or_reaches_out_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()
