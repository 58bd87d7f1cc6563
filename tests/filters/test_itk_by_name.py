"""Filters of itk by their names, against itk itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from slabs import image

import slicewise as sw
from slicewise.errors import GraphError, ParameterError, SpaceMismatchError

itk = pytest.importorskip("itk")

GRID = ((1.0, 1.5, 2.0), (3.0, 4.0, 5.0))
SHAPE = (10, 12, 14)
RNG = np.random.default_rng(0)
FLOATS = image(RNG.normal(100, 30, SHAPE).astype("float32"), *GRID)
SHORTS = image(RNG.integers(-500, 900, SHAPE).astype("int16"), *GRID)
BYTES = image((RNG.random(SHAPE) > 0.5).astype("uint8"), *GRID)

CASES: list[tuple[str, sw.Image, dict[str, Any]]] = [
    ("abs_image_filter", FLOATS, {}),
    ("adaptive_histogram_equalization_image_filter", FLOATS, {"radius": 2}),
    ("bilateral_image_filter", FLOATS, {"domain_sigma": 2.0, "range_sigma": 30.0}),
    ("bin_shrink_image_filter", FLOATS, {"shrink_factors": (2, 2, 2)}),
    ("binary_threshold_image_filter", SHORTS, {"lower_threshold": 0, "upper_threshold": 300}),
    ("connected_component_image_filter", BYTES, {}),
    ("crop_image_filter", FLOATS, {"lower_boundary_crop_size": (1, 2, 1), "upper_boundary_crop_size": (0, 1, 2)}),
    ("curvature_anisotropic_diffusion_image_filter", FLOATS, {"time_step": 0.05, "number_of_iterations": 2}),
    ("curvature_flow_image_filter", FLOATS, {"time_step": 0.05, "number_of_iterations": 2}),
    ("discrete_gaussian_image_filter", FLOATS, {"variance": 2.0}),
    ("flip_image_filter", SHORTS, {"flip_axes": (True, False, False)}),
    ("gradient_anisotropic_diffusion_image_filter", FLOATS, {"time_step": 0.05, "number_of_iterations": 2}),
    ("gradient_magnitude_image_filter", FLOATS, {}),
    ("gradient_magnitude_recursive_gaussian_image_filter", FLOATS, {"sigma": 2.0}),
    ("grayscale_fillhole_image_filter", SHORTS, {}),
    ("grayscale_grind_peak_image_filter", SHORTS, {}),
    ("h_maxima_image_filter", SHORTS, {"height": 50}),
    ("hessian_recursive_gaussian_image_filter", FLOATS, {"sigma": 2.0}),
    ("intensity_windowing_image_filter", FLOATS, {"window_minimum": 50.0, "window_maximum": 150.0}),
    ("invert_intensity_image_filter", SHORTS, {"maximum": 900}),
    ("laplacian_image_filter", FLOATS, {}),
    ("laplacian_recursive_gaussian_image_filter", FLOATS, {"sigma": 2.0}),
    ("mean_image_filter", SHORTS, {"radius": (1, 2, 1)}),
    ("median_image_filter", SHORTS, {"radius": 2}),
    ("noise_image_filter", FLOATS, {"radius": 1}),
    ("normalize_image_filter", FLOATS, {}),
    ("otsu_threshold_image_filter", SHORTS, {"number_of_histogram_bins": 64}),
    ("permute_axes_image_filter", SHORTS, {"order": (1, 2, 0)}),
    ("recursive_gaussian_image_filter", FLOATS, {"sigma": 2.0, "direction": 1}),
    ("relabel_component_image_filter", BYTES, {}),
    ("rescale_intensity_image_filter", FLOATS, {"output_minimum": 0.0, "output_maximum": 10.0}),
    ("shift_scale_image_filter", FLOATS, {"shift": 3.0, "scale": 2.0}),
    ("shrink_image_filter", SHORTS, {"shrink_factors": (2, 1, 3)}),
    ("sigmoid_image_filter", FLOATS, {"alpha": 20.0, "beta": 100.0}),
    ("signed_maurer_distance_map_image_filter", BYTES, {"squared_distance": False}),
    ("smoothing_recursive_gaussian_image_filter", FLOATS, {"sigma": 2.0}),
    ("sobel_edge_detection_image_filter", FLOATS, {}),
    ("threshold_image_filter", SHORTS, {"lower": 0, "upper": 300}),
    ("unsharp_mask_image_filter", FLOATS, {}),
    ("zero_crossing_image_filter", FLOATS, {}),
    ("zero_flux_neumann_pad_image_filter", SHORTS, {"pad_lower_bound": (1, 0, 2)}),
]


def own(source: sw.Image) -> Any:
    """Return an itk image over a copy of the pixels, made by itk alone."""
    made = itk.image_from_array(source.array.copy())
    made.SetSpacing(GRID[0])
    made.SetOrigin(GRID[1])
    return made


@pytest.mark.parametrize(("name", "source", "given"), CASES, ids=[name for name, _, _ in CASES])
def test_a_node_makes_what_itk_makes(name: str, source: sw.Image, given: dict[str, Any]) -> None:
    expected = getattr(itk, name)(own(source), **{k: list(v) if isinstance(v, tuple) else v for k, v in given.items()})
    before = source.array.copy()
    found = (source >> getattr(sw.itk, name)(**given)).update(progress=False)
    array = itk.array_from_image(expected)
    assert found.array.dtype == array.dtype
    np.testing.assert_array_equal(found.array, array)
    assert found.geometry.size == tuple(itk.size(expected))
    np.testing.assert_allclose(found.geometry.spacing, expected.GetSpacing(), rtol=1e-9)
    np.testing.assert_allclose(found.geometry.origin, expected.GetOrigin(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.geometry.direction, itk.array_from_matrix(expected.GetDirection()), atol=1e-9)
    # itk works in place where it may.
    np.testing.assert_array_equal(source.array, before)


def test_a_second_image_goes_by_its_name() -> None:
    mask = image(BYTES.array.astype("int16"), *GRID)
    found = (SHORTS >> sw.itk.mask_image_filter(mask_image=mask)).update(progress=False)
    np.testing.assert_array_equal(found.array, np.where(BYTES.array > 0, SHORTS.array, 0))
    with pytest.raises(SpaceMismatchError, match=r"the image and mask_image of itk.mask_image_filter"):
        SHORTS >> sw.itk.mask_image_filter(mask_image=image(mask.array, (1, 1, 1)))


def test_structuring_elements_are_parameters() -> None:
    ball = itk.FlatStructuringElement[3].Ball(1)
    found = (SHORTS >> sw.itk.grayscale_dilate_image_filter(kernel=ball)).update(progress=False)
    expected = itk.array_from_image(itk.grayscale_dilate_image_filter(own(SHORTS), kernel=ball))
    np.testing.assert_array_equal(found.array, expected)


def test_what_is_wrong_is_said_when_the_node_or_the_graph_is_made() -> None:
    with pytest.raises(ParameterError, match=r"'radios' is no parameter of itk.median_image_filter: it takes .*radius"):
        sw.itk.median_image_filter(radios=1)
    with pytest.raises(AttributeError, match="itk has no filter 'medan_image_filter'; close to it: m"):
        _ = sw.itk.medan_image_filter
    with pytest.raises(GraphError, match=r"does not work on images like this one.*try Cast\('float32'\) before it"):
        SHORTS >> sw.itk.laplacian_image_filter()
    assert len(dir(sw.itk)) > 300
    assert "radius" in sw.itk.median_image_filter.__doc__
    assert sw.itk.MedianImageFilter is sw.itk.median_image_filter


def test_itk_is_imported_on_use_and_missed_by_its_extra() -> None:
    code = (
        "import sys, slicewise; slicewise.itk; hasattr(slicewise.itk, 'nothing'); assert 'itk' not in sys.modules\n"
        "sys.modules['itk'] = None\n"
        "try: slicewise.itk.median_image_filter\n"
        "except slicewise.errors.MissingExtraError as error: assert 'slicewise[itk]' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
