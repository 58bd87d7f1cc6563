"""Flip, Permute and Reorient against SimpleITK: values and grid; and what the headers say."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from resampling import rotation, sheared_stack
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.orientation import Flip, Permute, Reorient
from slicewise.filters.turning import letters_of
from slicewise.image import Image
from strategies import AXIS_ORIENTATIONS

CODES = [
    "".join(pair[k] for pair, k in zip(order, picks, strict=True))
    for order in permutations(("LR", "PA", "SI"))
    for picks in product((0, 1), repeat=3)
]


def source_of(direction: Any = None, dtype: str = "int16") -> Image:
    return image(random_array((4, 5, 6), dtype), (0.7, 1.1, 2.5), (-3.0, 4.0, 5.5), direction)


def assert_is(node: Any, expected: sitk.Image) -> None:
    result = node.update(progress=False)
    np.testing.assert_array_equal(result.array, sitk.GetArrayFromImage(expected))
    np.testing.assert_allclose(result.geometry.origin, expected.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(result.geometry.spacing, expected.GetSpacing(), atol=1e-9)
    np.testing.assert_allclose(result.geometry.direction.ravel(), expected.GetDirection(), atol=1e-9)
    np.testing.assert_array_equal(in_slabs(node, range(node.geometry.slices)), result.array)


@pytest.mark.parametrize("direction", [None, rotation(17) @ rotation(-31, 1)], ids=["straight", "oblique"])
@pytest.mark.parametrize("axes", ["x", "y", "z", "xy", "xz", "yz", "xyz"])
def test_flip_is_that_of_simpleitk(axes: str, direction: Any) -> None:
    source = source_of(direction)
    flags = [name in axes for name in "xyz"]
    expected = sitk.Flip(source.to_sitk(), flags)
    assert_is(source >> Flip(axes), expected)
    assert_is(source >> Flip(tuple(flags)), expected)


@pytest.mark.parametrize("direction", [None, rotation(17) @ rotation(-31, 1)], ids=["straight", "oblique"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_permute_is_that_of_simpleitk(order: tuple[int, int, int], direction: Any) -> None:
    source = source_of(direction)
    expected = sitk.PermuteAxes(source.to_sitk(), order)
    assert_is(source >> Permute(order), expected)
    assert_is(source >> Permute("".join("xyz"[k] for k in order)), expected)


@pytest.mark.parametrize("code", CODES)
def test_reorient_is_that_of_simpleitk(code: str) -> None:
    for direction in (
        AXIS_ORIENTATIONS[0],
        AXIS_ORIENTATIONS[13],
        AXIS_ORIENTATIONS[40],
        rotation(20) @ rotation(9, 0),
    ):
        source = source_of(direction)
        node = source >> Reorient(code)
        assert_is(node, sitk.DICOMOrient(source.to_sitk(), code))
        assert letters_of(node.geometry) == code


@pytest.mark.parametrize(("plane", "across"), [("axial", 2), ("coronal", 1), ("sagittal", 0)])
@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS[::5])
def test_planes_are_stacked_along_their_normal(plane: str, across: int, direction: np.ndarray) -> None:
    grid = (source_of(direction) >> Reorient(plane)).geometry
    assert np.argmax(np.abs(grid.normal)) == across
    assert grid.mean_step @ grid.normal > 0
    # Rows run from right to left, or from front to back; columns downwards, or from front to back.
    assert grid.row_direction.tolist() == ([0, 1, 0] if plane == "sagittal" else [1, 0, 0])
    assert grid.column_direction.tolist() == ([0, 1, 0] if plane == "axial" else [0, 0, -1])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_streamed_equals_whole_and_values_stay_at_their_points(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    components = data.draw(st.sampled_from([(), (3,)]))
    dtype = data.draw(st.sampled_from(["int16", "float32", "bool"]))
    source = image(random_array((*shape, *components), dtype), direction=data.draw(st.sampled_from(AXIS_ORIENTATIONS)))
    make = data.draw(
        st.sampled_from([Flip("z"), Flip("xy"), Flip("xyz"), Permute("yxz"), Permute("zxy"), Reorient("PSR")])
    )
    node = source >> make
    whole = in_slabs(node)
    cuts = data.draw(st.lists(st.integers(1, node.geometry.slices), max_size=5))
    np.testing.assert_array_equal(in_slabs(node, cuts), whole)
    x, y, z = (data.draw(st.integers(0, n - 1)) for n in node.geometry.size)
    at = np.rint(source.geometry.point_to_index(node.geometry.index_to_point((x, y, z)).tolist())).astype(int)
    np.testing.assert_array_equal(whole[z, y, x], source.array[at[2], at[1], at[0]])


def test_slices_that_stay_slices_are_streamed_and_may_be_sheared() -> None:
    tilted = sheared_stack()
    node = tilted >> Permute("yxz") >> Flip("yz")
    assert not any(n.whole for n in node.walk())
    assert node.geometry.is_sheared
    np.testing.assert_array_equal(node.update(progress=False).array, tilted.array.transpose(0, 2, 1)[::-1, ::-1])
    np.testing.assert_allclose(
        node.geometry.index_to_point((2, 0, 4)), tilted.geometry.index_to_point((tilted.geometry.columns - 1, 2, 0))
    )
    with pytest.raises(IrregularGeometryError, match="sheared"):
        tilted >> Permute("xzy")
    assert (source_of() >> Permute("xzy")).whole


def test_headers_of_a_flip_tell_of_the_same_places(ct: Image) -> None:
    node = ct >> Flip("x")
    for k, header in enumerate(node.headers):
        np.testing.assert_allclose(header.ImagePositionPatient, ct.geometry.index_to_point((71, 0, k)), atol=1e-6)
        assert list(header.ImageOrientationPatient) == [-1, 0, 0, 0, 1, 0]
    assert node.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert node.headers["SliceThickness"] == ct.headers["SliceThickness"]
    turned = ct >> Flip("z")
    assert turned.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"][::-1]
    assert turned.headers["SliceLocation"] == ct.headers["SliceLocation"][::-1]
    assert turned.info.sources == ct.info.sources[::-1]


def test_headers_of_reformatted_slices_tell_of_their_own_grid(ct: Image) -> None:
    node = ct >> Reorient("sagittal")
    assert node.geometry.size == (56, 12, 72)
    assert node.headers["SliceThickness"] == [5.0] * 72
    assert [list(v) for v in node.headers["PixelSpacing"]] == [[4.0, 5.5]] * 72
    np.testing.assert_allclose([list(v) for v in node.headers["ImagePositionPatient"]], node.geometry.positions)
    assert "XRayTubeCurrent" not in node.headers  # it differs from slice to slice of the source
    assert node.headers["KVP"] == [ct.headers["KVP"][0]] * 72
    assert all(len(sources) == 12 for sources in node.info.sources)
    assert node.info.history[-1].derivation[0].value == "113072"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Flip("q"),
        lambda: Flip(""),
        lambda: Flip((True, False)),
        lambda: Permute("xxy"),
        lambda: Permute((0, 1)),
        lambda: Permute((True, 0, 2)),
        lambda: Reorient("LPX"),
        lambda: Reorient("LRS"),
        lambda: Reorient("top"),
        lambda: Reorient(3),
    ],
)
def test_what_is_no_turn_is_refused(make: Any) -> None:
    with pytest.raises(ParameterError):
        make()
