"""Every filter of SimpleITK that is streamed gives, however the slabs are cut, what the library makes of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from slabs import image, in_slabs, random_array
from test_sitk_all import CLASSES, MASKS, REACHED, roles, snake

import slicewise as sw
from slicewise.errors import GraphError
from slicewise.filters.sitk_table import BY_LINES, reach_of

STREAMED = [name for name in REACHED if reach_of(name) is not None]

radii = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
numbers = st.floats(-500, 500, allow_nan=False, width=32)
bytes_ = st.integers(0, 255)
flags = st.booleans()
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "kernel_radius": radii,
    "kernel_type": st.sampled_from(["ball", "box", "cross"]),
    "foreground_value": st.sampled_from([0.0, 1.0]),
    "background_value": st.sampled_from([0.0, 1.0]),
    "safe_border": flags,
    "boundary_to_foreground": flags,
    "fully_connected": flags,
    "use_image_spacing": flags,
    "inside_value": bytes_,
    "outside_value": bytes_,
}
OWN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "BinaryMedian": {"radius": radii},
    "BinomialBlur": {"repetitions": st.integers(0, 3)},
    "BoxMean": {"radius": radii},
    "BoxSigma": {"radius": radii},
    "ChangeLabel": {"change_map": st.dictionaries(st.integers(0, 3), st.integers(0, 9))},
    "Clamp": {"lower_bound": st.floats(-500, 0), "upper_bound": st.floats(0, 500)},
    "Cast": {"output_pixel_type": st.sampled_from(["float32", "float64", "int32"])},
    "CurvatureFlow": {"number_of_iterations": st.integers(0, 3), "time_step": st.floats(0.01, 0.06)},
    "Derivative": {"direction": st.integers(0, 2), "order": st.integers(0, 4)},
    "DiscreteGaussian": {
        "variance": st.tuples(*[st.floats(0.01, 9)] * 3),
        "maximum_kernel_width": st.integers(1, 20),
        "maximum_error": st.floats(0.001, 0.5),
    },
    "FastApproximateRank": {"radius": radii, "rank": st.floats(0, 1)},
    "Gradient": {"use_image_direction": flags},
    "IntensityWindowing": {"window_minimum": st.floats(-500, 0), "window_maximum": st.floats(1, 500)},
    "InvertIntensity": {"maximum": numbers},
    "LabelOverlay": {"opacity": st.floats(0, 1)},
    "LabelToRGB": {"background_value": numbers},
    "Mask": {"masking_value": st.sampled_from([0.0, 1.0])},
    "Mean": {"radius": radii},
    "Median": {"radius": radii},
    "Noise": {"radius": radii},
    "Rank": {"radius": radii, "rank": st.floats(0, 1)},
    "ShiftScale": {"shift": numbers, "scale": st.floats(-3, 3)},
    "Sigmoid": {"alpha": st.floats(1, 300), "beta": numbers},
    "SimpleContourExtractor": {"radius": radii, "input_foreground_value": st.just(1.0)},
    "ScalarToRGBColormap": {
        "use_input_image_extrema_for_scaling": st.just(value=False),
        "colormap": st.sampled_from(["jet", "hot"]),
    },
    "Threshold": {"lower": st.floats(-500, 0), "upper": st.floats(0, 500)},
    "VotingBinary": {"radius": radii, "birth_threshold": st.integers(0, 5), "survival_threshold": st.integers(0, 5)},
    "VotingBinaryHoleFilling": {"radius": radii, "majority_threshold": st.integers(0, 3)},
}
KINDS = ["int16", "float32", "labels", "vector"]


def volume(kind: str, shape: tuple[int, int, int], seed: int) -> np.ndarray:
    if kind == "labels":
        return np.random.default_rng(seed).integers(0, 3, shape).astype("uint8")
    if kind == "vector":
        return random_array((*shape, 3), "float32", seed)
    return random_array(shape, kind, seed)


def parameters(draw: st.DrawFn, name: str) -> dict[str, Any]:
    taken = {m[3:].lower() for m in dir(CLASSES[name]) if m.startswith("Set")}
    known = {**SHARED, **OWN.get(name, {})}
    found = {key: draw(strategy) for key, strategy in known.items() if key.replace("_", "") in taken}
    if found.get("foreground_value") is not None and found.get("foreground_value") == found.get("background_value"):
        found["background_value"] = 1.0 - found["foreground_value"]
    if name in BY_LINES:
        found["kernel_type"] = draw(st.sampled_from(["ball", "cross"]))
    setters = {key: getattr(CLASSES[name], f"Set{key.title().replace('_', '')}", None) for key in found}
    # Bytes are whole numbers.
    return {k: int(v) if "uint8_t" in (getattr(setters[k], "__doc__", "") or "") else v for k, v in found.items()}


def library_filter(name: str, given: dict[str, Any]) -> Any:
    image_filter = CLASSES[name]()
    for key, value in given.items():
        setter = next(m for m in dir(image_filter) if m.lower() == f"set{key.replace('_', '')}")
        number = constant(name, value) if isinstance(value, str) else value
        getattr(image_filter, setter)(number)
    return image_filter


def constant(name: str, value: str) -> int:
    for owner, prefix in ((sitk, "sitk"), (CLASSES[name], "")):
        for member in dir(owner):
            if member.lower() == prefix + value:
                return int(getattr(owner, member))
    raise AssertionError(value)


@pytest.mark.parametrize("name", STREAMED)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_streamed_is_whole_bit_for_bit(name: str, data: st.DataObject) -> None:
    draw = data.draw
    kind = draw(st.sampled_from(KINDS))
    shape = draw(st.tuples(st.integers(3, 12), st.integers(3, 8), st.integers(3, 8)))
    spacing = draw(st.tuples(*[st.sampled_from([0.7, 1.0, 2.5])] * 3))
    cuts = draw(st.lists(st.integers(1, 11), max_size=5))
    chosen = parameters(draw, name)
    images = {}
    for k, role in enumerate(roles(CLASSES[name])):
        of = "labels" if k and any(word in role.lower() for word in MASKS) else kind
        images[role] = image(volume(of, shape, k + len(cuts)), spacing, (1.0, 2.0, 3.0))
    try:
        expected = library_filter(name, chosen).Execute(*(i.to_sitk() for i in images.values()))
    except RuntimeError:
        assume(condition=False)
    first, *others = images
    named = {snake(role): images[role] for role in others}
    try:
        node = images[first] >> getattr(sw.sitk, name)(**named, **chosen)
    except GraphError:
        assume(condition=False)
    if node.whole:
        assert name in ("BoxMean", "BoxSigma")
        return
    found = in_slabs(node, cuts)
    whole = sitk.GetArrayFromImage(expected)
    assert found.dtype == whole.dtype
    assert found.tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("node", "halo"),
    [
        (sw.sitk.Abs(), 0),
        (sw.sitk.Median(radius=(3, 2, 1)), 1),
        (sw.sitk.GradientMagnitude(), 1),
        (sw.sitk.Derivative(direction=2, order=1), 1),
        (sw.sitk.Derivative(direction=2, order=4), 2),
        (sw.sitk.Derivative(direction=0, order=4), 0),
        # The weights of a discrete Gaussian of 3 mm at 5 mm: 0.721, 0.128, 0.011, and less than 1 % beyond.
        (sw.sitk.DiscreteGaussian(variance=(4.0, 4.0, 9.0)), 2),
        (sw.sitk.GrayscaleMorphologicalClosing(kernel_radius=(1, 1, 2)), 4),
        (sw.sitk.CurvatureFlow(number_of_iterations=3), 3),
    ],
    ids=repr,
)
def test_no_more_slices_are_read_than_are_needed(node: Any, halo: int) -> None:
    source = image(random_array((30, 6, 5), "float32"), (0.7, 0.7, 5.0))
    filtered = source >> node
    assert not filtered.whole
    assert filtered.halo(source.info) == halo


@pytest.mark.parametrize(
    "node",
    [
        sw.sitk.OtsuThreshold(),
        sw.sitk.Bilateral(),
        sw.sitk.BoxMean(radius=1),
        sw.sitk.GrayscaleDilate(kernel_radius=1, kernel_type="box"),
        sw.sitk.ScalarToRGBColormap(),
        sw.sitk.RescaleIntensity(),
    ],
    ids=repr,
)
def test_what_depends_on_more_takes_the_whole(node: Any) -> None:
    assert (image(random_array((12, 6, 5), "float32")) >> node).whole
