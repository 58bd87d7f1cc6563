"""Clip, Threshold, Cast and Window: nothing wraps, nothing is cut off without a word."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, in_slabs, random_array

from slicewise.dicom import codes
from slicewise.errors import HeaderError, ParameterError, ValueRangeError
from slicewise.filters.intensity import Cast, Clip, Threshold, Window
from slicewise.image import Headers, Image, PerSlice

TYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


def values(*numbers: float, dtype: str = "int16") -> Image:
    return image(np.array(numbers, dtype).reshape(1, 1, -1))


def result(node: object) -> list[float]:
    return in_slabs(node).ravel().tolist()  # type: ignore[arg-type]


# --- Clip --------------------------------------------------------------------------------------


def test_clip_moves_values_to_the_bounds() -> None:
    assert result(values(-5, 0, 5, 10) >> Clip(0, 7)) == [0, 0, 5, 7]
    assert result(values(-5, 0, 5, 10) >> Clip(upper=0)) == [-5, 0, 0, 0]
    assert result(values(-5, 0.5, 5, dtype="float32") >> Clip(lower=0.25)) == [0.25, 0.5, 5]


def test_clip_of_integers_between_fractions_stays_within_them() -> None:
    assert result(values(-5, 0, 5) >> Clip(-1.5, 1.5)) == [-1, 0, 1]


@pytest.mark.parametrize("dtype", TYPES)
def test_clip_keeps_the_type_and_bounds_beyond_it_do_nothing(dtype: str) -> None:
    array = random_array((2, 3, 4), dtype)
    clipped = in_slabs(image(array) >> Clip(-1e30, 10**30))
    assert clipped.dtype == dtype
    np.testing.assert_array_equal(clipped, array)


@pytest.mark.parametrize(
    ("node", "dtype"), [(Clip(lower=300), "uint8"), (Clip(upper=-1), "uint16"), (Clip(0.2, 0.8), "int16")]
)
def test_clip_that_leaves_no_value_of_the_type_is_refused(node: Clip, dtype: str) -> None:
    with pytest.raises(ParameterError, match=f"must leave a value of the image's type {dtype}"):
        values(1, dtype=dtype) >> node


@pytest.mark.parametrize("filter_class", [Clip, Threshold])
def test_bounds_must_be_there_and_in_order(filter_class: type) -> None:
    with pytest.raises(ParameterError, match=r"'lower' or 'upper' must be given \(got neither\)"):
        filter_class()
    with pytest.raises(ParameterError, match=r"'lower' must not be above 'upper' \(got 2 and 1\)"):
        filter_class(2, 1)
    with pytest.raises(ParameterError, match=r"'lower' must be a number \(got nan\)"):
        filter_class(float("nan"))


def test_clip_keeps_all_that_headers_say_of_units(ct: Image) -> None:
    clipped = ct >> Clip(-1000, 1000)
    assert clipped.headers == ct.headers
    assert clipped.info.history[-1].derivation == ()


# --- Threshold ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_threshold_equals_simpleitk(dtype: str) -> None:
    array = random_array((3, 9, 10), dtype)
    lower, upper = np.percentile(array, [20, 70]).astype(dtype).tolist()
    expected = sitk.Threshold(sitk.GetImageFromArray(array), lower, upper, 7)
    thresholded = in_slabs(image(array) >> Threshold(lower, upper, outside=7))
    assert thresholded.dtype == dtype
    np.testing.assert_array_equal(thresholded, sitk.GetArrayFromImage(expected))


def test_threshold_takes_the_bounds_as_inside_and_one_is_enough() -> None:
    assert result(values(1, 2, 3) >> Threshold(2, outside=-9)) == [-9, 2, 3]
    assert result(values(1, 2, 3) >> Threshold(upper=2)) == [1, 2, 0]


def test_threshold_takes_nan_as_outside() -> None:
    assert result(values(1, np.nan, dtype="float32") >> Threshold(-10, 10, outside=5)) == [1, 5]


def test_threshold_refuses_a_value_that_the_type_does_not_hold() -> None:
    for outside in (-1, 256, 0.5):
        with pytest.raises(ParameterError, match="'outside' must be a value of the image's type uint8, 0 to 255"):
            values(1, dtype="uint8") >> Threshold(1, outside=outside)


def test_threshold_keeps_headers_and_is_coded_as_segmentation(ct: Image) -> None:
    thresholded = ct >> Threshold(-200, 300)
    assert thresholded.headers == ct.headers
    assert thresholded.info.history[-1].derivation == (codes.SEGMENTATION,)


# --- Cast --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", TYPES)
@pytest.mark.parametrize("dtype", TYPES)
def test_cast_keeps_every_value_that_both_types_hold(dtype: str, wanted: str) -> None:
    cast = image(np.array([[[0, 1, 1, 0]]], dtype)) >> Cast(wanted)
    assert cast.dtype == wanted
    assert result(cast) == [0, 1, 1, 0]


def test_cast_keeps_the_last_digit_of_large_integers() -> None:
    large = 2**62 + 1
    assert result(values(large, dtype="int64") >> Cast("uint64")) == [large]
    assert result(values(large, dtype="uint64") >> Cast("int64")) == [large]


def test_cast_rounds_to_the_nearest_integer() -> None:
    assert result(values(-1.5, -0.6, 0.4, 0.5, 1.5, 2.7, dtype="float64") >> Cast("int16")) == [-2, -1, 0, 0, 2, 3]


@pytest.mark.parametrize(
    ("number", "dtype", "wanted"),
    [
        (-1, "int16", "uint16"),
        (256, "int16", "uint8"),
        (2, "uint8", "bool"),
        (2**63, "uint64", "int64"),
        (-1, "int64", "uint64"),
        (9.3e18, "float64", "int64"),
        (32767.6, "float32", "int16"),
        (np.nan, "float32", "int16"),
        (np.inf, "float64", "int64"),
        (1e39, "float64", "float32"),
    ],
)
def test_cast_refuses_what_does_not_fit_and_says_what_and_where(number: float, dtype: str, wanted: str) -> None:
    array = np.zeros((4, 3, 5), dtype)
    array[2, 1, 3] = number
    node = image(array) >> Cast(wanted)
    with pytest.raises(ValueRangeError, match=f"does not fit {wanted}: .* in slice 2, row 1, column 3") as caught:
        in_slabs(node, (1, 2))
    assert f": {array[2, 1, 3]} in slice" in str(caught.value)


def test_cast_keeps_nan_and_infinity_among_floats() -> None:
    cast = in_slabs(values(np.nan, np.inf, -np.inf, 1, dtype="float64") >> Cast("float32"))
    np.testing.assert_array_equal(cast.ravel(), np.array([np.nan, np.inf, -np.inf, 1], "float32"))


def test_cast_takes_the_names_and_types_of_numpy() -> None:
    for same in ("float32", "f4", np.float32, np.dtype("<f4"), np.dtype(">f4")):
        assert Cast(same).parameters == {"dtype": "float32"}
    for wrong in ("colour", "complex64", "U5", object, "float16"):
        with pytest.raises(ParameterError, match="'dtype' must be a pixel type: bool, int8 to int64"):
            Cast(wrong)


def test_cast_keeps_headers(ct: Image) -> None:
    assert (ct >> Cast("float32")).headers == ct.headers


# --- Window ------------------------------------------------------------------------------------


def linear_window(x: float, center: float, width: float, low: float, high: float) -> float:
    """Return what the pseudo-code of PS3.3, C.11.2.1.2.1 says."""
    if x <= center - 0.5 - (width - 1) / 2:
        return low
    if x > center - 0.5 + (width - 1) / 2:
        return high
    return ((x - (center - 0.5)) / (width - 1) + 0.5) * (high - low) + low


@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (40, 400), (0.5, 1), (100, 2), (-600, 1500.5)])
def test_window_follows_the_linear_function_of_the_standard(center: float, width: float) -> None:
    numbers = np.arange(-1100, 1100, 7)
    windowed = result(values(*numbers) >> Window(center, width, output=(0, 1000), dtype="float64"))
    assert windowed == pytest.approx([linear_window(x, center, width, 0, 1000) for x in numbers])


def test_window_follows_the_other_functions_of_the_standard() -> None:
    exact = values(-100, 0, 50, 100, 200) >> Window(50, 100, output=(0, 1), dtype="float32", function="LINEAR_EXACT")
    assert result(exact) == [0, 0, 0.5, 1, 1]
    sigmoid = values(-30000, 50, 75, 30000) >> Window(50, 100, output=(0, 1), dtype="float64", function="SIGMOID")
    assert result(sigmoid) == pytest.approx([0, 0.5, 1 / (1 + np.exp(-1)), 1])


def test_window_makes_bytes_rounded_to_the_nearest() -> None:
    windowed = in_slabs(values(-1000, 0, 39, 40, 1000) >> Window(40, 400))
    assert windowed.dtype == np.uint8
    expected = [round(linear_window(x, 40, 400, 0, 255)) for x in (-1000, 0, 39, 40, 1000)]
    assert windowed.ravel().tolist() == expected


def test_window_gives_nan_the_lowest_level() -> None:
    assert result(values(np.nan, 1000, dtype="float32") >> Window(40, 400, output=(10, 20))) == [10, 20]


def test_window_without_values_takes_the_first_of_each_header() -> None:
    headers = Headers(2).replace(
        WindowCenter=PerSlice([[0.0, 40.0], 100.0]), WindowWidth=PerSlice([[11.0, 400.0], 11.0])
    )
    stack = image(np.full((2, 1, 3), [-5, 0, 100], "int16"), headers=headers)
    windowed = in_slabs(stack >> Window(output=(0, 10), dtype="float32"), (1,))
    expected = [[linear_window(x, c, 11, 0, 10) for x in (-5, 0, 100)] for c in (0, 100)]
    np.testing.assert_allclose(windowed[:, 0], expected, rtol=1e-6)


def test_window_takes_the_function_of_the_header() -> None:
    headers = Headers(1).replace(WindowCenter=0, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT")
    stack = image(np.array([[[-1, 0, 1]]], "float32"), headers=headers)
    assert result(stack >> Window(output=(0, 2), dtype="float32")) == [0, 1, 2]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "slice 0 has no WindowCenter and WindowWidth"),
        ({"WindowCenter": 40, "WindowWidth": 0}, "the window in the header of slice 0 cannot be used: 'width'"),
        ({"WindowCenter": 1, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "VOILUTFunction of slice 0 must be one of"),
    ],
)
def test_window_says_which_header_it_cannot_use(attributes: dict[str, object], message: str) -> None:
    stack = image(np.zeros((2, 2, 2), "int16"), headers=Headers(2).replace(attributes))
    with pytest.raises(HeaderError, match=message):
        stack >> Window()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"center": 40}, "'center' and 'width' must be given together"),
        ({"center": 40, "width": 0}, r"'width' must be 1 or more for the function LINEAR \(got 0\)"),
        ({"center": 4, "width": 0, "function": "SIGMOID"}, "'width' must be above 0 for the function SIGMOID"),
        ({"output": (0, 300)}, "'output' must be values of the type uint8"),
        ({"output": (255, 0)}, "'output' must be two numbers, the lower one first"),
        ({"function": "SQUARE"}, "'function' must be one of 'LINEAR', 'LINEAR_EXACT', 'SIGMOID'"),
    ],
)
def test_window_refuses_parameters_that_cannot_work(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Window(**parameters)


def test_window_drops_what_headers_say_of_units(ct: Image) -> None:
    windowed = ct >> Window()
    assert "WindowCenter" not in windowed.headers
    assert windowed.headers["PatientName"] == ct.headers["PatientName"]
    assert "RescaleType" not in windowed.headers
