"""Any function of arrays is a filter, and what it gives is checked."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from slabs import image, in_slabs, random_array

from slicewise.errors import ComputeError, ParameterError
from slicewise.filters.function import Function
from slicewise.image import Image


def mean_of_three(array: np.ndarray) -> np.ndarray:
    padded = np.pad(array, ((1, 1), (0, 0), (0, 0)), mode="edge").astype("float64")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def scaled(array: np.ndarray, factor: float) -> np.ndarray:
    return array * factor


class Offset:
    def __init__(self, by: int) -> None:
        self.by = by

    def add(self, array: np.ndarray) -> np.ndarray:
        return array + self.by

    __call__ = add


def test_a_function_is_applied_to_the_array() -> None:
    array = random_array((4, 5, 6), "float32")
    np.testing.assert_array_equal(in_slabs(image(array) >> Function(np.negative)), -array)


def test_a_halo_makes_slabs_equal_the_whole() -> None:
    array = random_array((9, 5, 6), "int16")
    node = image(array) >> Function(mean_of_three, halo=1, dtype="float64")
    for cuts in ((), (1, 2, 3), (4, 5), range(9)):
        np.testing.assert_array_equal(in_slabs(node, cuts), mean_of_three(array))


def test_a_function_of_the_whole_sees_the_whole() -> None:
    array = random_array((6, 5, 6), "float64")
    node = image(array) >> Function(lambda a: a - a.mean(), whole=True)
    assert node.whole
    np.testing.assert_array_equal(node.update(progress=False).array, array - array.mean())


def test_the_image_cannot_be_written_to() -> None:
    def spoil(array: np.ndarray) -> np.ndarray:
        array[...] = 0
        return array

    with pytest.raises(ComputeError, match="read-only"):
        (image(random_array((2, 2, 2), "int16")) >> Function(spoil)).update(progress=False)


@pytest.mark.parametrize(
    ("function", "dtype", "message"),
    [
        (lambda a: a * 1.5, None, r"type of the function's result must be int16 \(got float64\); say so with dtype="),
        (lambda a: a, "float32", r"type of the function's result must be float32 \(got int16\)"),
        (lambda a: a[:, :-1], None, r"shape of the function's result must be \(2, 3, 4\) \(got \(2, 2, 4\)\)"),
        (lambda a: a.sum(), None, r"shape of the function's result must be \(2, 3, 4\) \(got \(\)\)"),
    ],
)
def test_a_result_that_is_not_as_declared_names_node_and_both(
    function: object, dtype: str | None, message: str
) -> None:
    node = image(random_array((2, 3, 4), "int16")) >> Function(function, dtype=dtype, name="Mine")
    with pytest.raises(ComputeError, match=message) as caught:
        in_slabs(node)
    assert "Mine(" in str(caught.value)


def test_an_error_of_the_function_names_the_node() -> None:
    def fail(array: np.ndarray) -> np.ndarray:
        raise KeyError("no such thing")

    with pytest.raises(ComputeError, match=r"Function\(function=fail.*\nKeyError: 'no such thing'"):
        (image(random_array((2, 2, 2), "int16")) >> Function(fail)).update(progress=False)


def test_the_same_function_has_the_same_key_and_another_has_not() -> None:
    source = image(np.zeros((1, 1, 1)))

    def key(function: object, **options: object) -> str:
        return (source >> Function(function, **options)).key

    def threshold(level: float) -> object:
        return lambda a: a > level

    assert key(mean_of_three) == key(mean_of_three)
    assert key(mean_of_three) != key(mean_of_three, halo=1)
    assert key(threshold(1)) == key(threshold(1))
    assert key(threshold(1)) != key(threshold(2))
    assert key(functools.partial(scaled, factor=2)) == key(functools.partial(scaled, factor=2))
    assert key(functools.partial(scaled, factor=2)) != key(functools.partial(scaled, factor=3))
    first, second = Offset(1), Offset(2)
    assert key(first.add) != key(second.add)
    assert key(first) != key(second)
    arrays = np.zeros(3), np.ones(3)
    assert key(arrays[0].searchsorted) != key(arrays[1].searchsorted)
    assert key(np.sqrt) != key(np.negative)


def test_units_are_dropped_unless_they_are_said_to_be_kept(ct: Image) -> None:
    assert "WindowCenter" not in (ct >> Function(np.negative)).headers
    kept = ct >> Function(np.negative, keeps_units=True)
    assert kept.headers == ct.headers
    assert kept.info.history[-1].name == "Function"
    assert (ct >> Function(np.negative, name="Negative")).info.history[-1].name == "Negative"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"function": 3}, r"'function' must be a function of an array \(got 3\)"),
        ({"function": np.sqrt, "halo": -1}, "'halo' must be an integer, 0 or more"),
        ({"function": np.sqrt, "dtype": "text"}, "'dtype' must be a pixel type"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Function(**parameters)


def test_a_chain_can_be_built_before_it_is_connected() -> None:
    chain = Function(np.negative) >> Function(np.negative)
    array = random_array((2, 2, 2), "int16")
    np.testing.assert_array_equal((image(array) >> chain).update(progress=False).array, array)
