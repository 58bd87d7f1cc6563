"""Consecutive interpolations are one; against SimpleITK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from resampling import rotation
from slabs import image, in_slabs, random_array

from slicewise.filters.cropping import Crop
from slicewise.filters.function import Function
from slicewise.filters.geometry import Resample
from slicewise.filters.intensity import Clip
from slicewise.filters.orientation import Flip, Permute, Reorient
from slicewise.filters.pad import Pad
from slicewise.filters.planes import MPR, Isotropic
from slicewise.image import Image
from slicewise.pipeline.cache import ResultCache
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.node import as_node


def source_of(dtype: str = "float32") -> Image:
    return image(random_array((9, 14, 13), dtype), (0.9, 1.1, 2.1), (1.0, 2.0, 3.0))


def once(source: Image, grid: Any, fill: float = 0, transform: Any = None) -> np.ndarray:
    """Return SimpleITK's values of one linear interpolation."""
    direction = grid.direction.ravel().tolist()
    resampled = sitk.Resample(
        source.to_sitk(), grid.size, transform or sitk.Transform(), sitk.sitkLinear, grid.origin, grid.spacing,
        direction, fill,
    )  # fmt: skip
    return sitk.GetArrayFromImage(resampled)


def assert_near(result: np.ndarray, expected: np.ndarray, atol: float = 0.05) -> None:
    np.testing.assert_allclose(result, expected, atol=atol)


CHAINS = {
    "resample twice": lambda: Resample(spacing=1.7) >> Resample(spacing=(1.2, 1.3, 1.4)),
    "crop between": lambda: Resample(spacing=1.2) >> Crop((1, 1, 1), (2, 1, 0)) >> Resample(size=(8, 9, 10)),
    "flip between": lambda: Resample(spacing=1.2) >> Flip("xz") >> Resample(size=(8, 9, 10)),
    "permute between": lambda: Resample(spacing=1.2) >> Permute("zxy") >> Resample(size=(8, 9, 10)),
    "to planes": lambda: Isotropic() >> Reorient("coronal") >> MPR((1, 2, 3), centre=(6, 9, 11), size=7, spacing=0.8),
    "three": lambda: Resample(spacing=1.7) >> Isotropic(1.3) >> MPR((0, 1, 1), centre=(6, 9, 11), size=6, spacing=1),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_geometry_interpolates_once_from_the_first_image(name: str) -> None:
    source = source_of()
    node = source >> CHAINS[name]()
    result = node.update(progress=False)
    # Samples of half a voxel at the rim of a grid between may lie outside of it.
    expected = once(source, node.geometry)
    inner = np.abs(result.array - expected) < 0.05
    assert inner.mean() > 0.95
    assert inner[1:-1, 1:-1, 1:-1].all()
    twice = (source >> CHAINS[name]()).geometry
    assert result.geometry == twice
    assert [step.name for step in result.history] == [n.name for n in node.walk() if n.inputs]


def test_explain_shows_what_is_done_at_once() -> None:
    node = source_of() >> Resample(spacing=1.7) >> Crop(1) >> MPR((1, 1, 1), size=5)
    text = node.explain()
    assert "Resample + Crop + MPR(one interpolation: Resample(spacing=(1.7, 1.7, 1.7), " in text
    apart = (source_of() >> Resample(spacing=1.7) >> Resample(spacing=1.2, fuse=False)).explain()
    assert "one interpolation" not in apart


@pytest.mark.parametrize(
    "chain",
    [
        lambda: Resample(spacing=1.7) >> Resample(spacing=1.2, fuse=False),
        lambda: Resample(spacing=1.7) >> Clip(-100, 100) >> Resample(spacing=1.2),
        lambda: Resample(spacing=1.7, interpolator="nearest") >> Resample(spacing=1.2),
        lambda: Crop(1) >> Resample(spacing=1.2),
    ],
)
def test_it_is_done_step_by_step_where_asked_for_or_where_more_than_geometry_lies_between(chain: Any) -> None:
    node = source_of() >> chain()
    assert fused(node) is node
    apart = source_of()
    for step in [n for n in node.walk() if n.inputs]:
        alone = step._with("input", as_node(apart))
        apart = Image.from_array(in_slabs(alone), geometry=alone.geometry)
    np.testing.assert_array_equal(node.update(progress=False).array, apart.array)


def test_with_fuse_false_a_later_step_still_fuses_with_it() -> None:
    node = source_of() >> Resample(spacing=1.7) >> Resample(spacing=1.2, fuse=False) >> Resample(spacing=0.9)
    assert fused(node).name == "Resample + Resample"
    assert fused(node).inputs["input"].name == "Resample"


def test_outside_of_each_step_is_what_that_step_gives_there() -> None:
    source = image(np.full((4, 6, 6), 50, "int16"), (1, 1, 1))
    grid = image(np.zeros((4, 12, 12), "uint8"), (1, 1, 1), (-3, -3, 0))
    wide = image(np.zeros((4, 20, 20), "uint8"), (1, 1, 1), (-7, -7, 0))
    chain = Resample(like=grid, fill=-1) >> Pad((1, 0, 0), value=-2) >> Resample(like=wide, fill=-3)
    node = source >> chain
    assert fused(node).name == "Resample + Pad + Resample"
    row = node.update(progress=False).array[2, 10]
    assert row.tolist() == [-3] * 3 + [-2] + [-1] * 3 + [50] * 6 + [-1] * 3 + [-3] * 4
    assert (node.update(progress=False).array[2, 1] == -3).all()
    turned = image(np.zeros((4, 20, 20), "uint8"), (1, 1, 1), (-7, -7, 0), rotation(1e-3))
    oblique = source >> Resample(like=grid, fill=-1) >> Pad((1, 0, 0), value=-2) >> Resample(like=turned, fill=-3)
    assert oblique.whole
    np.testing.assert_array_equal(oblique.update(progress=False).array[2, 10], row)


def test_transforms_are_composed() -> None:
    source = source_of()
    first = sitk.Euler3DTransform((6.0, 9.0, 11.0), 0.1, 0.05, -0.1, (0.5, 0.2, 0.1))
    second = sitk.TranslationTransform(3, (0.7, -0.4, 0.3))
    node = source >> Resample(transform=first) >> Resample(transform=second)
    expected = once(source, source.geometry, transform=sitk.CompositeTransform([first, second]))
    result = node.update(progress=False).array
    near = np.abs(result - expected) < 0.05
    assert near.mean() > 0.8
    assert near[2:-2, 3:-3, 3:-3].all()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_streamed_equals_whole(data: st.DataObject) -> None:
    lengths = st.floats(0.5, 4)
    source = image(random_array(data.draw(st.tuples(*[st.integers(2, 8)] * 3)), "int16"), (1, 1.2, 1.9))
    between = data.draw(st.sampled_from([Flip("z"), Pad((1, 0, 1), value=3), Flip("xy"), Pad(0)]))
    kind = data.draw(st.sampled_from(["linear", "nearest", "lanczos"]))
    first = Resample(spacing=data.draw(lengths), interpolator=kind)
    node = source >> first >> between >> Resample(spacing=data.draw(lengths), interpolator=kind)
    run = fused(node)
    assert run is not node
    assert not run.whole
    whole = in_slabs(run)
    cuts = data.draw(st.lists(st.integers(1, node.geometry.slices), max_size=5))
    np.testing.assert_array_equal(in_slabs(run, cuts), whole)
    np.testing.assert_array_equal(node.update(progress=False, workers=2, memory="20kB").array, whole)


def test_other_users_of_a_step_and_caches_see_the_same_results() -> None:
    source = source_of()
    middle = source >> Resample(spacing=1.7)
    end = middle >> Resample(spacing=1.2)
    alone = end.update(progress=False).array
    both = end - (middle >> Function(np.copy) >> Resample(spacing=1.2))
    assert np.abs(both.update(progress=False).array).max() > 0
    np.testing.assert_array_equal(end.update(progress=False, cache=ResultCache("1MB")).array, alone)
    assert fused(end).key == end.key
    assert (middle >> Resample(spacing=1.2, fuse=False)).key != end.key
