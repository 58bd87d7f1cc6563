"""Pad against SimpleITK, and its headers."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from resampling import rotation, sheared_stack, uneven_stack
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.pad import Pad
from slicewise.image import Headers, Image
from slicewise.io.series_writer import SeriesWriter

amounts = st.tuples(*[st.integers(0, 3)] * 3)


@settings(max_examples=60, deadline=None)
@given(lower=amounts, upper=amounts, dtype=st.sampled_from(["int16", "uint8", "float32"]), data=st.data())
def test_pad_is_that_of_simpleitk(lower, upper, dtype, data) -> None:
    source = image(random_array((3, 4, 5), dtype), direction=rotation(20) @ rotation(5, 1))
    node = source >> Pad(lower, upper, value=7)
    expected = sitk.ConstantPad(source.to_sitk(), lower, upper, 7)
    whole = in_slabs(node)
    np.testing.assert_array_equal(whole, sitk.GetArrayFromImage(expected))
    np.testing.assert_allclose(node.geometry.origin, expected.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(node.geometry.direction.ravel(), expected.GetDirection(), atol=1e-9)
    cuts = data.draw(st.lists(st.integers(1, node.geometry.slices), max_size=5))
    np.testing.assert_array_equal(in_slabs(node, cuts), whole)


def test_colours_are_padded_in_all_components() -> None:
    source = image(random_array((2, 3, 4, 3), "uint8"))
    np.testing.assert_array_equal(
        in_slabs(source >> Pad(1, 2, value=9)),
        np.pad(source.array, ((1, 2), (1, 2), (1, 2), (0, 0)), constant_values=9),
    )


def test_slices_are_added_to_sheared_slices_and_not_to_uneven_ones() -> None:
    tilted = sheared_stack()
    grid = (tilted >> Pad((0, 0, 1), (0, 0, 2))).geometry
    np.testing.assert_allclose(grid.positions[:, 1], 0.6 * np.arange(-1, 7))
    np.testing.assert_allclose(grid.positions[:, 2], 2.0 * np.arange(-1, 7))
    uneven = uneven_stack([0.0, 1.0, 4.0])
    np.testing.assert_allclose((uneven >> Pad((1, 0, 0))).geometry.positions[:, 0], 2.0)
    with pytest.raises(IrregularGeometryError, match="unevenly spaced"):
        uneven >> Pad((0, 0, 1))


def test_headers_of_slices_of_the_image_stay_and_new_slices_have_what_all_share(ct: Image) -> None:
    node = ct >> Pad((2, 1, 1), (0, 0, 2), value=-2000)
    headers = node.headers
    assert headers["XRayTubeCurrent"] == [None, *ct.headers["XRayTubeCurrent"], None, None]
    assert headers["PatientID"] == [ct.headers["PatientID"][0]] * 15
    assert headers["SliceThickness"] == [4.0] * 15
    np.testing.assert_allclose([list(p) for p in headers["ImagePositionPatient"]], node.geometry.positions)
    np.testing.assert_allclose(node.geometry.positions[1], ct.geometry.index_to_point((-2, -1, 0)))
    assert node.info.sources == ((), *ct.info.sources, (), ())


@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_the_value_is_the_padding_of_the_headers_unless_given(kind: str) -> None:
    headers = Headers(2).replace(PixelRepresentation=1).replace(PixelPaddingValue=-2000)
    source = image(np.ones((2, 3, 4), kind), headers=headers)
    node = source >> Pad(1)
    assert in_slabs(node)[0, 0, 0] == -2000
    assert node.padding.value == -2000
    assert in_slabs(image(np.ones((2, 3, 4), kind)) >> Pad(1))[0, 0, 0] == 0


def test_a_value_is_stated_as_padding_if_asked_for() -> None:
    source = image(np.ones((2, 3, 4), "int16"))
    assert (source >> Pad(1, value=-5)).padding is None
    assert (source >> Pad(1, value=-5, mark=True)).padding.value == -5
    with pytest.raises(ParameterError, match="'mark' needs a value"):
        Pad(1, mark=True)
    with pytest.raises(ParameterError, match="'value' must be a value of the image's type uint8"):
        image(np.ones((2, 3, 4), "uint8")) >> Pad(1, value=-1)


@pytest.mark.parametrize(("value", "mark"), [(-2000, True), (-2000, False), (None, False)])
def test_what_is_written_states_the_padding_it_has(ct: Image, tmp_path, value, mark) -> None:
    bare = ct.headers.replace(PixelPaddingValue=None)
    source = Image.from_array(ct.array, geometry=ct.geometry, headers=bare if value else ct.headers)
    written = (source >> Pad((2, 0, 1), value=value, mark=mark) >> SeriesWriter(tmp_path / "padded")).update()
    for path in written.paths:
        dataset = pydicom.dcmread(path)
        corner = int(dataset.pixel_array[0, 0])
        if value and not mark:
            assert "PixelPaddingValue" not in dataset
        else:
            assert dataset.PixelPaddingValue == corner
        if value:
            assert corner * dataset.RescaleSlope + dataset.RescaleIntercept == value
