"""Numbers fit a decimal string and stay as true as one can be; identifiers are valid, new or reproducible."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from slicewise.dicom.uids import check_prefix, fresh_uids, reproducible_uids
from slicewise.dicom.values import decimal_string, decimal_strings
from slicewise.errors import HeaderError, ParameterError

# PS3.5, 6.2: a decimal string.
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


# Near the largest float a shorter decimal may be infinite.
@given(value=st.floats(-1e307, 1e307))
@settings(max_examples=300, deadline=None)
@example(-0.0)
@example(1e15)
@example(1e16)
@example(123456789012345678.0)
@example(-1.2345678901234567e-308)
@example(5e-324)
@example(0.1 + 0.2)
@example(-99999999999999.99)
@example(99999.999999999999)
def test_decimal_string_has_at_most_16_characters_and_no_other_is_nearer(value):
    text = decimal_string(value)
    assert len(text) <= 16
    assert DECIMAL.fullmatch(text)
    error = abs(Fraction(text) - Fraction(value))
    # No decimal string that Python's formatting finds within 16 characters comes nearer.
    for digits in range(17):
        for kind in "feg":
            other = f"{value:.{digits}{kind}}"
            if len(other) <= 16:
                # As near as double precision can tell.
                assert error <= abs(Fraction(other) - Fraction(value)) or float(text) == float(other)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_no_decimal_string(value):
    with pytest.raises(HeaderError, match="cannot hold"):
        decimal_string(value)


def test_several_decimal_strings_are_padded_and_separated():
    assert decimal_strings([1.5, -0.0, 2]) == b"1.5\\0\\2 "


VALID_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
PREFIXES = [None, "1.2.3.", "1.2.826.0.1.3680043.8.498.", "1." + "2." * 26]


@pytest.mark.parametrize("prefix", PREFIXES)
@given(entropy=st.lists(st.text(max_size=9), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_identifiers_are_valid_and_under_their_prefix(prefix, entropy):
    for uids in (fresh_uids(prefix), reproducible_uids(prefix, entropy)):
        found = list(islice(uids, 20))
        assert len(set(found)) == 20
        for uid in found:
            assert len(uid) <= 64
            assert VALID_UID.fullmatch(uid)
            assert UID(uid).is_valid
            assert uid.startswith(prefix or "2.25.")


def test_reproducible_identifiers_are_the_same_for_the_same_and_differ_for_others():
    def made(*entropy, prefix=None):
        return tuple(islice(reproducible_uids(prefix, entropy), 3))

    assert made("a", "b") == made("a", "b")
    assert (
        len({made("a", "b"), made("a", "c"), made("ab"), made("b", "a"), made("a"), made("a", "b", prefix="1.2.")}) == 6
    )


def test_fresh_identifiers_are_new_each_time():
    assert next(fresh_uids(None)) != next(fresh_uids(None))


@pytest.mark.parametrize("prefix", ["1.2", "x.", "1..2.", "01.2.", "", ".", "1.2." * 16])
def test_prefix_that_makes_no_valid_identifier_is_refused(prefix):
    with pytest.raises(ParameterError, match="uid_prefix"):
        check_prefix(prefix)
