"""Images go to SimpleITK and itk and come back: same values, same points, no needless copy."""

from __future__ import annotations

import gc
import sys

import itk
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from slicewise.errors import GeometryError, HeaderError, IrregularGeometryError, MissingExtraError
from slicewise.image import Geometry, Headers, Image
from strategies import AXIS_ORIENTATIONS, points, rotations, spacings

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


def values(dtype="int16", shape=(4, 3, 5)):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def sitk_image(direction=None, array=None, spacing=(0.7, 1.3, 2.5), origin=(-10.5, 20.25, 3.0)):
    image = sitk.GetImageFromArray(values() if array is None else array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction.ravel())
    return image


def assert_same_itk_grid(first, second):
    assert np.allclose(first.GetSpacing(), second.GetSpacing())
    assert np.allclose(first.GetOrigin(), second.GetOrigin())
    assert np.allclose(first.GetDirection(), second.GetDirection(), atol=1e-12)
    assert first.GetSize() == second.GetSize()


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS, ids=range(48))
def test_simpleitk_image_comes_back_the_same_in_all_48_orientations(direction):
    original = sitk_image(direction)
    back = Image.from_sitk(original).to_sitk()
    assert_same_itk_grid(back, original)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(original))


@given(direction=rotations(), spacing=st.tuples(spacings, spacings, spacings), origin=points, mirror=st.booleans())
@settings(max_examples=30, deadline=None)
def test_simpleitk_image_comes_back_the_same_in_oblique_orientations(direction, spacing, origin, mirror):
    original = sitk_image(direction * ([1, 1, -1] if mirror else [1, 1, 1]), spacing=spacing, origin=origin)
    assert_same_itk_grid(Image.from_sitk(original).to_sitk(), original)


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS, ids=range(48))
def test_itk_image_comes_back_the_same_in_all_48_orientations(direction):
    source = Image.from_sitk(sitk_image(direction))
    image = source.to_itk()
    for index in ((0, 0, 0), (4, 2, 3)):
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), source.geometry.index_to_point(index))
    back = Image.from_itk(image)
    assert back.geometry.size == source.geometry.size
    assert np.allclose(back.geometry.affine, source.geometry.affine)
    assert np.array_equal(back.array, source.array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_of_every_type_come_back(dtype):
    image = Image.from_array(values(dtype))
    assert sitk.GetArrayFromImage(image.to_sitk()).dtype == dtype
    back = Image.from_sitk(image.to_sitk())
    assert back.dtype == dtype
    assert np.array_equal(back.array, image.array)


def test_mask_becomes_zeros_and_ones():
    mask = Image.from_array(values() > 10)
    other = mask.to_itk()
    for there in (sitk.GetArrayFromImage(mask.to_sitk()), itk.array_view_from_image(other)):
        assert there.dtype == np.uint8
        assert np.array_equal(there, mask.array)


@pytest.mark.parametrize("step", [(1, 1, 1), (-1, 1, 1), (1, -1, 2), (2, 1, -1)])
def test_views_with_gaps_and_flips_come_out_right(step):
    array = values(shape=(4, 6, 8))[tuple(slice(None, None, s) for s in step)]
    for given_array in (array, array > 50):
        image = Image.from_array(given_array)
        assert np.array_equal(sitk.GetArrayFromImage(image.to_sitk()), given_array)
        assert np.array_equal(itk.array_from_image(image.to_itk()), given_array)


def test_colour_comes_back():
    array = values("uint8", (2, 3, 4, 3))
    image = Image.from_array(array)
    assert image.info.components == 3
    there = image.to_sitk()
    assert there.GetNumberOfComponentsPerPixel() == 3
    assert there.GetSize() == (4, 3, 2)
    assert np.array_equal(Image.from_sitk(there).array, array)
    assert np.array_equal(itk.array_from_image(image.to_itk()), array)


def test_plane_of_simpleitk_is_a_single_slice():
    image = Image.from_sitk(sitk.GetImageFromArray(values(shape=(3, 5))))
    assert image.shape == (1, 3, 5)


def test_other_dimensions_are_refused():
    with pytest.raises(GeometryError, match="2 or 3 dimensions"):
        Image.from_sitk(sitk.Image((2, 2, 2, 2), sitk.sitkUInt8))
    with pytest.raises(GeometryError, match="3 dimensions"):
        Image.from_itk(itk.image_from_array(values(shape=(3, 5))))


def test_no_pixel_is_copied_from_simpleitk_and_itk_nor_to_itk():
    there = sitk_image()
    pixels = sitk.GetArrayViewFromImage(there)
    assert np.shares_memory(Image.from_sitk(there).array, pixels)
    other = itk.image_from_array(values())
    assert np.shares_memory(Image.from_itk(other).array, itk.array_view_from_image(other))
    image = Image.from_array(values())
    other = image.to_itk()
    assert np.shares_memory(image.array, itk.array_view_from_image(other))


def test_no_pixel_is_copied_from_an_array_nor_to_one():
    array = values()
    image = Image.from_array(array)
    assert np.shares_memory(image.array, array)
    assert np.shares_memory(np.asarray(image), array)
    assert not np.shares_memory(np.array(image), array)


def test_image_outlives_the_simpleitk_image_it_was_made_of():
    # Large enough that the system takes freed memory back and gives it out again.
    for array in (values(), values(shape=(3, 5)), np.full((60, 256, 256), 7, np.int16)):
        there = sitk.GetImageFromArray(array)
        image = Image.from_sitk(there)
        del there
        gc.collect()
        rubbish = [sitk.GetImageFromArray(np.full_like(array, -1)) for _ in range(3)]
        assert np.array_equal(image.array.reshape(array.shape), array)
        del rubbish


def test_image_outlives_the_itk_image_it_was_made_of_and_the_other_way_round():
    array = values()
    there = itk.image_from_array(array.copy())
    image = Image.from_itk(there)
    del there
    gc.collect()
    rubbish = [itk.image_from_array(np.full_like(array, -1)) for _ in range(30)]
    assert np.array_equal(image.array, array)
    there = Image.from_array(array[::-1].copy()).to_itk()
    gc.collect()
    rubbish += [np.full_like(array, -1) for _ in range(30)]
    assert np.array_equal(itk.array_view_from_image(there), array[::-1])


def test_image_keeps_its_values_when_the_simpleitk_image_is_written_to():
    there = sitk_image()
    image = Image.from_sitk(there)
    there[0, 0, 0] = 99
    assert image.array[0, 0, 0] == 0


def test_values_of_an_image_cannot_be_changed():
    image = Image.from_array(values())
    for array in (image.array, np.asarray(image), Image.from_sitk(sitk_image()).array):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 1
    np.array(image)[0, 0, 0] = 1


def test_array_of_another_type_is_a_copy():
    image = Image.from_array(values())
    assert np.asarray(image, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.array(image, dtype=np.float32, copy=False)


def test_tilted_stack_is_refused_by_name():
    tilted = Geometry(3, 5, (1, 0, 0), (0, 1, 0), (1, 1), [(0, k, 4 * k) for k in range(4)])
    image = Image.from_array(values(), geometry=tilted)
    for convert in (image.to_sitk, image.to_itk):
        with pytest.raises(IrregularGeometryError, match="sheared"):
            convert()


def test_array_that_is_not_on_its_grid_is_refused():
    with pytest.raises(GeometryError, match="shape"):
        Image.from_array(values(), geometry=Geometry.from_box((5, 4, 3)))
    with pytest.raises(GeometryError, match="shape"):
        Image.from_array(values(shape=(3, 5)))


def test_headers_must_be_one_per_slice():
    with pytest.raises(HeaderError, match=r"got 3 headers.* for 4 slices"):
        Image.from_array(values(), headers=Headers(3))


def test_images_without_itk_installed_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "itk", None)
    with pytest.raises(MissingExtraError, match=r"slicewise\[itk\]"):
        Image.from_array(values()).to_itk()
