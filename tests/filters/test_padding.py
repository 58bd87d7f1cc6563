"""Padding is known in the values of the image as long as it marks pixels, and no longer."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import slicewise as sw
from makers import write_series
from slicewise.errors import HeaderError
from slicewise.image import Headers

STORED = np.random.default_rng(1).integers(-2000, 100, (3, 6, 5), "int16")
STORED[:, :2] = -2000


def series(folder, **attributes):
    stated = {"PixelPaddingValue": -2000, "RescaleIntercept": "-24", "RescaleSlope": "2"} | attributes
    write_series(folder, STORED, **stated)
    return sw.SeriesReader(folder)


def test_padding_is_told_in_modality_values(tmp_path):
    ct = series(tmp_path)
    assert ct.padding == sw.Padding(-4024, -4024)
    assert ct.update(progress=False).padding == ct.padding


def test_padding_range_is_told_from_low_to_high(tmp_path):
    ct = series(tmp_path, PixelPaddingRangeLimit=-1900, RescaleSlope="-1")
    assert (ct.padding.low, ct.padding.high) == (1876, 1976)


def test_padding_is_told_for_each_slice_where_it_differs(tmp_path):
    ct = series(tmp_path, per_slice=[{"PixelPaddingValue": v} for v in (-2000, -1999, None)])
    assert isinstance(ct.padding, sw.PerSlice)
    assert ct.padding == (sw.Padding(-4024, -4024), sw.Padding(-4022, -4022), None)
    assert ct[:1].padding == sw.Padding(-4024, -4024)


def test_mask_of_padding_is_where_the_stored_value_is_the_padding_value(tmp_path):
    mask = (series(tmp_path, PixelPaddingRangeLimit=-1500) >> sw.PaddingMask()).update(progress=False)
    files = sorted(map(pydicom.dcmread, tmp_path.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    expected = np.stack([(f.pixel_array >= -2000) & (f.pixel_array <= -1500) for f in files])
    assert expected[:, :2].all()
    assert not expected.all()
    np.testing.assert_array_equal(mask.array, expected)


def test_padding_marks_pixels_until_a_filter_changes_them(tmp_path):
    ct = series(tmp_path)
    assert ct[1:, 2:].padding == ct.padding
    for changed in (ct + 1, ct >> sw.Median(radius=1), ct / 2, ct > 0):
        assert changed.padding is None
        with pytest.raises(HeaderError, match="nothing marks pixels"):
            changed >> sw.PaddingMask()


def test_images_without_padding_have_none(tmp_path):
    assert series(tmp_path, PixelPaddingValue=None).padding is None
    assert sw.Image.from_array(np.zeros((2, 3, 3), "int16")).padding is None


def test_padding_of_an_image_made_of_an_array_is_that_of_its_headers():
    headers = Headers(2).replace(PixelRepresentation=1).replace(PixelPaddingValue=-2000, RescaleIntercept="-24")
    image = sw.Image.from_array(np.zeros((2, 3, 3), "int16"), headers=headers)
    assert image.padding == sw.Padding(-2024, -2024)


def test_padding_of_a_stack_is_that_of_its_volumes(tmp_path):
    one, other = series(tmp_path / "a"), series(tmp_path / "b", PixelPaddingValue=None)
    same = sw.Stack([one, one], axis="time")
    assert same.padding == one.padding
    assert same.update(progress=False).volumes[1].padding == one.padding
    mixed = sw.Stack([one, other], axis="time")
    assert mixed.padding == (one.padding,) * 3 + (None,) * 3
    assert [volume.padding for volume in mixed.update(progress=False).volumes] == [one.padding, None]
