"""Operators give what exact arithmetic gives: no integer ever wraps; indexing is numpy's."""

from __future__ import annotations

import operator
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_nodes import Counting, image

from slicewise.errors import GraphError, ParameterError, SpaceMismatchError, ValueRangeError
from slicewise.image import Geometry, Image
from slicewise.pipeline.arithmetic import arithmetic

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64"]
EXACT = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "maximum": max,
    "minimum": min,
}
COMPARISONS = {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}


def of(values, dtype):
    return Image.from_array(np.array(values, dtype).reshape(1, 1, -1))


def extremes(dtype):
    kind = np.dtype(dtype)
    return (0, 1) if kind.kind == "b" else (int(np.iinfo(kind).min), int(np.iinfo(kind).max))


def numbers_of(dtype):
    low, high = extremes(dtype)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high]))


def computed(node):
    return (node if not isinstance(node, Image) else node >> Counting()).update(progress=False).array.ravel()


def assert_exact_or_refused(node, wanted, reach):
    """Every value is exact; where no integer type holds what the values can reach, that is an error."""
    if min(reach) < -(2**63) or max(reach) > 2**63 - 1:
        with pytest.raises(ValueRangeError, match="no integer type holds"):
            computed(node)
    else:
        assert [int(v) for v in computed(node)] == wanted


@given(
    name=st.sampled_from(sorted(EXACT)), left=st.sampled_from(INTEGERS), right=st.sampled_from(INTEGERS), data=st.data()
)
@settings(max_examples=150, deadline=None)
def test_integers_never_wrap_between_images(name, left, right, data):
    a = data.draw(st.lists(numbers_of(left), min_size=1, max_size=5))
    b = [data.draw(numbers_of(right)) for _ in a]
    try:
        node = arithmetic(name, of(a, left) >> Counting(), of(b, right) >> Counting())
    except ParameterError as error:
        # Refused when the graph is built, and only if some values of these types would not fit.
        reach = [EXACT[name](x, y) for x in extremes(left) for y in extremes(right)]
        assert min(reach) < -(2**63) or max(reach) > 2**63 - 1 or "maximum" in name or "minimum" in name
        assert "Cast" in str(error)  # noqa: PT017
        return
    wanted = [EXACT[name](x, y) for x, y in zip(a, b, strict=True)]
    assert node.dtype.kind in "iu"
    assert_exact_or_refused(node, wanted, [EXACT[name](x, y) for x in a for y in b])


@given(
    name=st.sampled_from(sorted(EXACT)),
    dtype=st.sampled_from(INTEGERS),
    scalar=st.one_of(st.integers(-(2**40), 2**40), st.integers(-300, 300), st.booleans()),
    reflected=st.booleans(),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_integers_never_wrap_with_a_number(name, dtype, scalar, reflected, data):
    a = data.draw(st.lists(numbers_of(dtype), min_size=1, max_size=5))
    source = of(a, dtype) >> Counting()
    try:
        node = arithmetic(name, scalar, source) if reflected else arithmetic(name, source, scalar)
    except ParameterError:
        reach = [EXACT[name](x, int(scalar)) for x in extremes(dtype)] + [
            EXACT[name](int(scalar), x) for x in extremes(dtype)
        ]
        assert min(reach) < -(2**63) or max(reach) > 2**63 - 1
        return
    pairs = [(scalar, x) if reflected else (x, scalar) for x in a]
    wanted = [EXACT[name](int(x), int(y)) for x, y in pairs]
    assert_exact_or_refused(node, wanted, wanted)


@given(
    name=st.sampled_from(sorted(COMPARISONS)),
    left=st.sampled_from(INTEGERS),
    right=st.sampled_from(INTEGERS),
    scalar=st.integers(-(2**40), 2**40),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_comparison_of_integers_is_exact(name, left, right, scalar, data):
    a = data.draw(st.lists(numbers_of(left), min_size=1, max_size=5))
    b = [data.draw(numbers_of(right)) for _ in a]
    compare = COMPARISONS[name]
    source = of(a, left) >> Counting()
    for node, expected in (
        (arithmetic(name, source, of(b, right)), [compare(x, y) for x, y in zip(a, b, strict=True)]),
        (arithmetic(name, source, scalar), [compare(x, scalar) for x in a]),
        (arithmetic(name, scalar, source), [compare(scalar, x) for x in a]),
    ):
        assert node.dtype == bool
        assert computed(node).tolist() == expected


@given(a=st.lists(st.integers(-1000, 1000), min_size=1, max_size=5), scalar=st.floats(-100, 100))
@settings(max_examples=60, deadline=None)
def test_floats_are_as_true_as_their_type(a, scalar):
    assume(abs(scalar) > 1e-6 or scalar == 0)
    source = of(a, "int16") >> Counting()
    for node, function in (
        (source + scalar, operator.add),
        (source * scalar, operator.mul),
        (scalar - source, lambda x, s: s - x),
    ):
        assert node.dtype == np.float32
        expected = [float(function(Fraction(x), Fraction(scalar))) for x in a]
        assert np.allclose(computed(node), expected, rtol=3e-7, atol=3e-5)


def test_division_and_powers_are_floats():
    source = of([-3, 0, 7], "int16") >> Counting()
    assert np.allclose(computed(source / 2), [-1.5, 0, 3.5])
    assert np.allclose(computed(2 / (source + 10)), [2 / 7, 0.2, 2 / 17])
    assert np.allclose(computed(source**2), [9, 0, 49])
    assert computed(source / 0)[2] == np.inf
    assert np.isnan(computed(source / 0)[1])


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [("int32", "float64"), ("float64", "float64"), ("int16", "float32"), ("float32", "float32"), ("uint8", "float32")],
)
def test_floating_results_are_wide_enough_for_their_operands(dtype, wide):
    assert ((of([1], dtype) >> Counting()) * 0.5).dtype == wide


EVERYDAY = {
    "sum of four": lambda a: a + a + a + a,
    "linear": lambda a: (a * 2 + 100) * 3,
    "difference of sums": lambda a: (a + a) - (a + 1) + (a - 1),
    "weighted": lambda a: a + a * 2 - a,
}


@pytest.mark.parametrize("expression", EVERYDAY.values(), ids=EVERYDAY)
def test_everyday_expressions_of_a_ct_are_computed_exactly(expression):
    values = [-1024, 0, 3071, 32767, -32768]
    node = expression(of(values, "int16") >> Counting())
    assert [int(v) for v in computed(node)] == [expression(v) for v in values]


def test_negation_does_not_wrap():
    assert computed(-(of([-128, 0, 127], "int8") >> Counting())).tolist() == [128, 0, -127]
    assert computed(-(of([0, 255], "uint8") >> Counting())).tolist() == [0, -255]


def test_conditions_combine_to_masks():
    ct = of([-1000, 0, 50, 300, 3000], "int16") >> Counting()
    array = np.array([-1000, 0, 50, 300, 3000])
    assert computed((ct > 0) & (ct < 1000)).tolist() == ((array > 0) & (array < 1000)).tolist()
    assert computed((ct <= 0) | (ct == 300)).tolist() == ((array <= 0) | (array == 300)).tolist()
    assert computed(~(ct >= 50)).tolist() == (~(array >= 50)).tolist()
    assert computed((ct != 0) ^ (ct > 0)).tolist() == ((array != 0) ^ (array > 0)).tolist()
    assert computed((ct > 0) & True).tolist() == (array > 0).tolist()
    assert computed(True ^ (ct > 0)).tolist() == (array <= 0).tolist()
    assert computed((ct > 0) * ct).tolist() == ((array > 0) * array).tolist()


def test_logic_of_floats_is_refused_when_the_graph_is_built():
    with pytest.raises(ParameterError, match="masks and integers"):
        (of([1], "float32") >> Counting()) & 1
    with pytest.raises(ParameterError, match="compare first"):
        ~(of([1], "int16") >> Counting())


def test_number_that_the_type_cannot_hold_is_refused_when_the_graph_is_built_or_works():
    source = of([-1, 5], "int16") >> Counting()
    try:
        node = source & 0xFFFF
    except ParameterError:
        return
    assert [int(v) for v in computed(node)] == [0xFFFF, 5]


@pytest.mark.parametrize("number", [np.int16(3), np.float32(2.5), np.uint8(3), np.bool_(True), np.float64(0.5)])  # noqa: FBT003
def test_numbers_of_numpy_are_numbers_on_either_side(number):
    array = np.array([1, 2, 300], np.int16)
    source = of(array, "int16") >> Counting()
    assert np.allclose(computed(source + number), array.astype(float) + float(number))
    assert np.allclose(computed(number - source), float(number) - array.astype(float))


@pytest.mark.parametrize("number", [Fraction(1, 2), 1 + 2j, "2", None, np.zeros(3)])
def test_what_is_no_number_and_no_image_is_refused_and_never_taken_for_something_else(number):
    source = of([1, 2], "int16") >> Counting()
    for operation in (operator.add, operator.mul):
        with pytest.raises((TypeError, ParameterError)):
            operation(source, number).update(progress=False)


def test_comparing_with_something_else_is_not_equal():
    source = of([1, 2], "int16") >> Counting()
    assert (source == "text") is False
    assert (source != None) is True  # noqa: E711


def test_image_is_an_operand_on_either_side():
    a, b = image(seed=1), image(seed=2)
    wide = a.array.astype(int), b.array.astype(int)
    node = a >> Counting()
    assert np.array_equal((node + b).update(progress=False).array, wide[0] + wide[1])
    assert np.array_equal((b - node).update(progress=False).array, wide[1] - wide[0])


def test_images_on_other_grids_are_refused():
    a = image()
    moved = Image.from_array(a.array, geometry=Geometry.from_box((5, 4, 12), origin=(0, 0, 0.5)))
    with pytest.raises(SpaceMismatchError, match=r"0\.5 mm apart.*tolerance"):
        (a >> Counting()) + moved


def test_colour_and_grey_do_not_mix():
    grey = Image.from_array(np.zeros((2, 3, 4), np.uint8))
    colour = Image.from_array(np.zeros((2, 3, 4, 3), np.uint8))
    with pytest.raises(GraphError, match="values per pixel"):
        (grey >> Counting()) + colour


# --- indexing ---------------------------------------------------------------------------------------------

SHAPE = (7, 5, 6)
ARRAY = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


def positions_of(geometry):
    return [geometry.index_to_point((x, y, 0)) for x in range(geometry.columns) for y in range(geometry.rows)]


@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_index_takes_what_numpy_takes_and_leaves_it_where_it_is(data):
    bound = st.one_of(st.none(), st.integers(-9, 9))
    part = st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, 3, -1, -2]))
    index = tuple(data.draw(part) for _ in range(data.draw(st.integers(1, 3))))
    expected = ARRAY[index]
    geometry = Geometry.from_box(SHAPE[::-1], (0.5, 0.75, 3), (10, 20, 30))
    source = Image.from_array(ARRAY, geometry=geometry) >> Counting()
    if expected.size == 0:
        with pytest.raises(ParameterError, match="leaves nothing"):
            source[index]
        return
    node = source[index if len(index) > 1 else index[0]]
    assert node.shape == expected.shape
    for options in ({}, {"memory": 1000, "workers": 2}):
        assert np.array_equal(node.update(progress=False, **options).array, expected)
    # Values tell where they came from: each is still at its place.
    for k, r, c in {(0, 0, 0), tuple(n - 1 for n in expected.shape)}:
        z, y, x = np.unravel_index(int(expected[k, r, c]), SHAPE)
        here = node.geometry.positions[k] + r * node.geometry.pixel_spacing[0] * node.geometry.column_direction
        here = here + c * node.geometry.pixel_spacing[1] * node.geometry.row_direction
        assert np.allclose(here, geometry.index_to_point((x, y, z)))


@pytest.mark.parametrize(
    "index", [3, -1, -7, (3, 2), (slice(None), -1), (..., 2), (slice(1, 3), ..., 0), (0, ..., 5), ...]
)
def test_integer_index_keeps_its_axis(index):
    source = Image.from_array(ARRAY) >> Counting()
    kept = ARRAY[np.ix_(*_lists(index))]
    assert np.array_equal(source[index].update(progress=False).array, kept)


def _lists(index):
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [p for p in parts if p is Ellipsis]:
        at = next(i for i, p in enumerate(parts) if p is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (4 - len(parts))
    parts += [slice(None)] * (3 - len(parts))
    return [[range(n)[p]] if isinstance(p, int) else list(range(n)[p]) for p, n in zip(parts, SHAPE, strict=True)]


def test_integers_of_numpy_are_integers():
    source = Image.from_array(ARRAY) >> Counting()
    assert np.array_equal(source[np.int64(3)].update(progress=False).array, ARRAY[3:4])
    assert np.array_equal(source[np.int64(1) : np.int64(3)].update(progress=False).array, ARRAY[1:3])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (7, "out of range for 7 slices"),
        (-8, "out of range"),
        ((0, 5), "rows: index 5"),
        ((0, 0, 0, 0), "got 4 indices"),
        ("a", "integer or a slice"),
        (1.5, "integer or a slice"),
        ([1, 2], "integer or a slice"),
    ],
)
def test_index_that_takes_nothing_sensible_is_refused_when_the_graph_is_built(index, message):
    with pytest.raises(ParameterError, match=message):
        (Image.from_array(ARRAY) >> Counting())[index]


def test_index_of_an_unconnected_node_is_applied_once_it_is_connected():
    chain = Counting()[2:4, ::-1]
    assert np.array_equal((Image.from_array(ARRAY) >> chain).update(progress=False).array, ARRAY[2:4, ::-1])


def test_colour_keeps_its_components():
    array = np.arange(120, dtype=np.uint8).reshape(2, 4, 5, 3)
    source = Image.from_array(array) >> Counting()
    assert np.array_equal(source[:, 1:3, ::-2].update(progress=False).array, array[:, 1:3, ::-2])


def test_iterating_over_a_node_ends():
    source = Image.from_array(ARRAY) >> Counting()
    with pytest.raises((TypeError, ParameterError, IndexError)):
        list(islice(iter(source), 20))


def test_slices_not_asked_for_are_not_computed():
    counting = Counting()
    (Image.from_array(ARRAY) >> counting)[2:4].update(progress=False)
    assert counting.count.slices == 2
