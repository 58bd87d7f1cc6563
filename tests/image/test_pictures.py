"""Pictures show what is there, in true proportions."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest

from slicewise.image import Geometry, Headers, Image
from slicewise.image.pictures import Levels, across, contact_sheet, encode_png, levels_of
from slicewise.image.pictures.lettering import draw_text, text_width
from slicewise.image.pictures.planes import fitted


def opened(png):
    return np.asarray(PIL.Image.open(io.BytesIO(png)))


def image_of(array, spacing=(1.0, 1.0, 1.0), **attributes):
    geometry = Geometry.from_box(array.shape[::-1], spacing)
    return Image.from_array(array, geometry=geometry, headers=Headers(len(array)).replace(**attributes))


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 33), (5, 4, 3)])
def test_png_is_read_back_as_it_was(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    assert np.array_equal(opened(encode_png(pixels)), pixels)


def test_png_of_anything_else_is_an_error():
    with pytest.raises(ValueError, match="uint8"):
        encode_png(np.zeros((4, 4)))


def test_the_window_of_the_header_is_used_where_it_shows_something():
    values = np.linspace(-1000, 1000, 4 * 32 * 32).reshape(4, 32, 32).astype(np.int16)
    assert levels_of(image_of(values, WindowCenter=40, WindowWidth=400)) == Levels(-160, 240)
    useless = levels_of(image_of(values, WindowCenter=50000, WindowWidth=10))
    assert useless.black == pytest.approx(-990, abs=2)
    assert useless.white == pytest.approx(990, abs=2)


def test_without_a_window_percentiles_leave_out_what_is_extreme():
    values = np.full((4, 50, 50), 100.0, np.float32)
    values[:, :25] = 20
    values[0, 0, :3] = 1e9, np.nan, -1e9
    assert levels_of(image_of(values)) == Levels(20, 100)


def test_images_meant_to_be_inverted_are_shown_so():
    values = np.arange(4 * 4 * 4, dtype=np.int16).reshape(4, 4, 4)
    levels = levels_of(image_of(values, PhotometricInterpretation="MONOCHROME1"))
    assert levels.black > levels.white
    assert levels.apply(values[0])[0, 0] == 255


def test_nothing_but_a_constant_is_shown_without_complaint():
    constant = image_of(np.zeros((2, 3, 3), np.int16))
    assert levels_of(constant).apply(constant.array[0]).max() == 0


def test_resizing_keeps_the_mean_and_leaves_nothing_out():
    picture = np.zeros((9, 9), np.uint8)
    picture[4, 4] = 90
    assert fitted(picture, 3, 3).tolist() == [[0, 0, 0], [0, 10, 0], [0, 0, 0]]
    assert fitted(np.array([[10, 20]], np.uint8), 2, 4).tolist() == [[10, 10, 20, 20]] * 2


def test_a_cut_across_axial_slices_has_the_head_up_and_the_right_height():
    array = np.zeros((5, 4, 6), np.int16)
    array[4] = 7
    plane = across(image_of(array, spacing=(2.0, 2.0, 3.0)))
    assert plane.values[0].tolist() == [7] * 6
    assert plane.extent == (15.0, 12.0)


def test_contact_sheet_shows_both_images_at_the_same_places():
    # The grey is ten times the position in mm.
    fine = image_of(np.repeat(np.arange(0, 200, 10, dtype=np.int16), 400).reshape(20, 20, 20))
    coarse_values = np.repeat(np.arange(0, 200, 20, dtype=np.int16), 400).reshape(10, 20, 20)
    coarse = Image.from_array(coarse_values, geometry=Geometry.from_box((20, 20, 10), (1, 1, 2)))
    sheet = opened(contact_sheet([fine, coarse], ["fine", "coarse"], columns=3, tile_height=20, levels=Levels(0, 255)))
    middles = (sheet.shape[0] // 4 + 5, 3 * sheet.shape[0] // 4 + 5)
    upper, lower = (set(sheet[row].tolist()) for row in middles)
    assert {20, 100, 170} <= upper
    # No slice is at 17 mm: there are two as near.
    assert {20, 100, 160} <= lower


def test_lettering_stays_inside_the_picture():
    picture = np.zeros((12, 20), np.uint8)
    draw_text(picture, 1, 1, "Größe × 5 °C 無")
    assert picture.any()
    assert text_width("ß") == 2 * text_width("s")
