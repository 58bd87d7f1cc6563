"""Stored values decode to the values they stand for, to half a step; nothing is clipped."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.storing import Misfit, Storage, covering, identity_storage, quantise
from slicewise.errors import SlicewiseError, ValueRangeError

FORM = PixelFormat(rows=1, columns=1)
finite = st.floats(-1e30, 1e30, allow_nan=False)
everyday = st.floats(-1e5, 1e5, allow_nan=False)


def decoded(stored, storage):
    return [Fraction(storage.slope) * int(v) + Fraction(storage.intercept) for v in stored.ravel()]


def worst(values, stored, storage):
    return max(abs(Fraction(float(v)) - d) for v, d in zip(values.ravel(), decoded(stored, storage), strict=True))


@given(
    values=st.lists(st.one_of(finite, everyday, st.floats(0, 1)), min_size=1, max_size=20),
    dtype=st.sampled_from(["float32", "float64"]),
    zero=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_floats_are_stored_to_half_a_step_over_their_whole_range(values, dtype, zero):
    array = np.array(values, dtype).reshape(1, -1)
    low, high = float(array.min()), float(array.max())
    storage = covering(low, high, FORM, zero_intercept=zero)
    assert max(len(storage.slope), len(storage.intercept)) <= 16
    stored, error = quantise(array, storage, "slice 0")
    assert stored.dtype == storage.form.dtype
    if zero:
        assert storage.intercept == "0"
    true_error = worst(array, stored, storage)
    slope = Fraction(storage.slope)
    rounding = Fraction(max(abs(low), abs(high))) * Fraction(2**-50 if dtype == "float64" else 2**-22)
    rounding += Fraction(2.0**-1074)  # the step between the smallest doubles
    assert true_error <= slope / 2 + rounding
    assert error == pytest.approx(float(true_error), rel=1e-6, abs=float(rounding) + 1e-300)
    if high > low and not zero and high - low > 1e-9 * max(abs(low), abs(high)):
        # The range is used: steps are no coarser than they have to be.
        assert slope <= Fraction(high - low) / 65000


@given(low=st.integers(-(2**40), 2**40), width=st.integers(65536, 2**34), data=st.data())
@settings(max_examples=80, deadline=None)
def test_wide_integers_are_stored_to_half_a_step_and_the_error_is_told(low, width, data):
    inner = data.draw(st.lists(st.integers(low, low + width), max_size=12))
    array = np.array([low, low + width, *inner], np.int64).reshape(1, -1)
    storage = covering(float(low), float(low + width), FORM, zero_intercept=False)
    stored, error = quantise(array, storage, "slice 0")
    true_error = worst(array, stored, storage)
    assert true_error <= Fraction(storage.slope) / 2 + 1
    assert error == pytest.approx(float(true_error), abs=1)


@pytest.mark.parametrize("steps", [2, 3, 10])
def test_integers_over_a_round_multiple_of_the_steps_can_be_stored(steps):
    high = 65534 * steps
    array = np.array([[0, 1, 77777, high]], np.int32)
    storage = covering(0.0, float(high), FORM, zero_intercept=False)
    stored, error = quantise(array, storage, "slice 0")
    assert worst(array, stored, storage) <= Fraction(storage.slope) / 2
    assert error > 0


@given(
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "int32", "bool"]),
    bits=st.integers(2, 16),
    signed=st.booleans(),
    data=st.data(),
)
@settings(max_examples=120, deadline=None)
def test_integers_are_stored_exactly_or_not_at_all(dtype, bits, signed, data):
    kind = np.dtype(dtype)
    limits = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    values = np.array(data.draw(st.lists(st.integers(*limits), min_size=1, max_size=9)), kind).reshape(1, -1)
    form = PixelFormat(rows=1, columns=values.size, bits_stored=bits, high_bit=bits - 1, signed=signed)
    slope, intercept = data.draw(
        st.sampled_from([("1", "0"), ("1", "-1024"), ("2", "0"), ("-1", "10"), ("3", "7"), ("1.0", "-8192.0")])
    )
    storage = Storage(slope, intercept, form, exact=True)
    wanted = [(Fraction(int(v)) - Fraction(intercept)) / Fraction(slope) for v in values.ravel()]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    fits = all(w.denominator == 1 and low <= w <= high for w in wanted)
    if fits:
        stored, error = quantise(values, storage, "slice 0")
        assert [int(v) for v in stored.ravel()] == wanted
        assert error == 0
        assert stored.dtype == form.dtype
    else:
        with pytest.raises(Misfit):
            quantise(values, storage, "slice 0")


@given(value=st.floats(-1e6, 1e6), slope=st.sampled_from(["0.5", "1", "2.25"]))
@settings(max_examples=60, deadline=None)
def test_float_off_the_steps_does_not_fit_an_exact_storage(value, slope):
    steps = Fraction(value) / Fraction(slope)
    assume(abs(steps - round(steps)) > Fraction(1, 1000))
    storage = Storage(slope, "0", FORM, exact=True)
    with pytest.raises(Misfit):
        quantise(np.array([[value]]), storage, "slice 0")


@pytest.mark.parametrize("value", [-1.0, 65536.0, 1e9])
def test_float_out_of_range_does_not_fit_and_is_not_clipped(value):
    with pytest.raises(Misfit):
        quantise(np.array([[0.0, value]]), identity_storage(FORM), "slice 0")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_are_refused_with_the_slice_their_number_and_a_way_out(bad, dtype):
    values = np.array([[0, bad, bad]], dtype)
    with pytest.raises(ValueRangeError, match=r"slice 7: 2 values.*nan_to_num"):
        quantise(values, covering(0.0, 1.0, FORM, zero_intercept=False), "slice 7")


def test_range_too_wide_for_a_float_is_refused_as_an_error_of_the_package():
    low, high = -1.7e308, 1.7e308
    with pytest.raises(SlicewiseError):
        quantise(np.array([[low, high]]), covering(low, high, FORM, zero_intercept=False), "slice 0")


@given(offset=st.floats(1e3, 1e12), width=st.floats(1e-9, 1))
@settings(max_examples=80, deadline=None)
def test_narrow_range_far_from_zero_can_be_stored(offset, width):
    low, high = offset, offset + width
    assume(high > low)
    values = np.linspace(low, high, 7).reshape(1, -1)
    storage = covering(float(values.min()), float(values.max()), FORM, zero_intercept=False)
    stored, _ = quantise(values, storage, "slice 0")
    assert worst(values, stored, storage) <= Fraction(storage.slope) / 2 + Fraction(offset) * Fraction(2**-49)


def test_colour_is_stored_as_it_is():
    form = PixelFormat(rows=2, columns=2, samples=3, bits_allocated=8, bits_stored=8, high_bit=7)
    values = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    stored, error = quantise(values, identity_storage(form), "slice 0")
    assert np.array_equal(stored, values)
    assert error == 0
