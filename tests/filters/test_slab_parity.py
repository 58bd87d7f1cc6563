"""The result of streaming is the result of one piece, bit for bit, however the slabs are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slabs import image, in_slabs, random_array

from slicewise.filters.cropping import Crop
from slicewise.filters.function import Function
from slicewise.filters.geometry import Resample
from slicewise.filters.intensity import Cast, Clip, Threshold, Window
from slicewise.filters.neighbourhood import Gaussian, Median

if TYPE_CHECKING:
    from collections.abc import Callable

    from slicewise.image import Image
    from slicewise.pipeline.node import Node

TYPES = ["int16", "uint16", "uint8", "float32", "float64", "int32"]

sizes = st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 7))
shapes = st.one_of(sizes, sizes.map(lambda s: (*s, 3)))
axes = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
lengths = st.floats(0.3, 6, allow_nan=False)


@st.composite
def images(draw: st.DrawFn) -> Image:
    array = random_array(draw(shapes), draw(st.sampled_from(TYPES)), draw(st.integers(0, 1000)))
    return image(array, draw(st.tuples(lengths, lengths, lengths)))


def references(draw: st.DrawFn) -> Image:
    spacing, origin = draw(st.tuples(lengths, lengths, lengths)), draw(st.tuples(*[st.floats(-5, 5)] * 3))
    return image(np.zeros(draw(sizes), "uint8"), spacing, origin)


INTERPOLATORS = st.sampled_from(["linear", "nearest", "lanczos"])
FILTERS: dict[str, Callable[[st.DrawFn], Node]] = {
    "Median": lambda draw: Median(draw(axes)),
    "Median 1": lambda draw: Median(draw(st.sampled_from([1, (1, 1, 0)]))),
    "Gaussian": lambda draw: Gaussian(draw(st.tuples(*[st.floats(0, 3)] * 3))),
    "Clip": lambda draw: Clip(draw(st.integers(0, 100)), 200),
    "Threshold": lambda draw: Threshold(draw(st.integers(0, 100)), outside=1),
    "Cast": lambda draw: Cast("float64"),
    "Window": lambda draw: Window(draw(st.floats(-100, 100)), draw(st.floats(1, 1000))),
    "Resample spacing": lambda draw: Resample(spacing=draw(lengths), interpolator=draw(INTERPOLATORS)),
    "Resample size": lambda draw: Resample(size=draw(sizes), interpolator=draw(INTERPOLATORS)),
    "Resample like": lambda draw: Resample(like=references(draw), interpolator=draw(INTERPOLATORS)),
    "Crop": lambda draw: Crop.box(0, (None, None, 1)),
    "Function": lambda draw: Function(np.square),
}


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_streamed_equals_whole(name: str, data: st.DataObject) -> None:
    node: Any = data.draw(images()) >> FILTERS[name](data.draw)
    whole = in_slabs(node)
    cuts = data.draw(st.lists(st.integers(1, node.geometry.slices), max_size=6))
    np.testing.assert_array_equal(in_slabs(node, cuts), whole)
    np.testing.assert_array_equal(in_slabs(node, range(node.geometry.slices)), whole)


def test_threads_and_slabs_of_a_run_give_the_same_as_one_piece() -> None:
    source = image(random_array((23, 40, 50), "int16"), (1, 1, 2))
    chain = Median(1) >> Gaussian(1.5) >> Resample(spacing=1.3) >> Clip(-500, 500)
    one = (source >> chain).update(progress=False, workers=1).array
    for workers, memory in ((2, "1MB"), (4, "300kB")):
        run = (source >> chain).update(progress=False, workers=workers, memory=memory)
        np.testing.assert_array_equal(run.array, one)
