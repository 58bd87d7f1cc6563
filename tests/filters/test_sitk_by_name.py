"""Every image filter of SimpleITK by its name, with its own results."""

from __future__ import annotations

import subprocess
import sys

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, in_slabs, random_array

import slicewise as sw
from slicewise.dicom import codes
from slicewise.errors import ComputeError, GraphError, IrregularGeometryError, ParameterError
from slicewise.image import Geometry, Image

STREAMED = [
    sw.sitk.Abs(),
    sw.sitk.BinaryThreshold(lower_threshold=50, upper_threshold=100, inside_value=3),
    sw.sitk.Clamp(lower_bound=-100, upper_bound=100),
    sw.sitk.IntensityWindowing(window_minimum=-100, window_maximum=900),
    sw.sitk.InvertIntensity(maximum=1000),
    sw.sitk.ShiftScale(shift=3, scale=0.5),
    sw.sitk.Sigmoid(alpha=100, beta=40),
    sw.sitk.Threshold(lower=-10, upper=300, outside_value=-1),
    sw.sitk.Mean(radius=(1, 2, 3)),
    sw.sitk.Median(radius=(2, 1, 1)),
    sw.sitk.GrayscaleDilate(kernel_radius=(1, 2, 2)),
    sw.sitk.GrayscaleErode(kernel_radius=(1, 1, 3), kernel_type=sitk.sitkCross),
]


def test_a_filter_gives_what_simpleitk_gives() -> None:
    source = image(random_array((9, 12, 15), "int16"), (1.0, 1.2, 3.0))
    filtered = (source >> sw.sitk.CurvatureFlow(time_step=0.05, number_of_iterations=3)).update(progress=False)
    expected = sitk.GetArrayFromImage(sitk.CurvatureFlow(source.to_sitk(), timeStep=0.05, numberOfIterations=3))
    assert filtered.dtype == expected.dtype
    np.testing.assert_array_equal(filtered.array, expected)


def test_spacing_and_direction_reach_the_filter() -> None:
    direction = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)
    source = image(random_array((9, 12, 15), "float32"), (0.5, 2.0, 3.0), (1, 2, 3), direction)
    filtered = (source >> sw.sitk.SmoothingRecursiveGaussian(sigma=[2.0, 1.0, 3.0])).update(progress=False)
    expected = sitk.SmoothingRecursiveGaussian(source.to_sitk(), [2.0, 1.0, 3.0])
    np.testing.assert_array_equal(filtered.array, sitk.GetArrayFromImage(expected))
    assert filtered.geometry == source.geometry


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("node", STREAMED, ids=lambda n: n.filter_name)
def test_filters_known_to_look_at_a_neighbourhood_only_are_streamed_and_equal(node: object, dtype: str) -> None:
    array = random_array((11, 13, 9), dtype)
    streamed = image(array) >> node
    assert not streamed.whole
    whole = sitk.GetArrayFromImage(streamed._filter().Execute(sitk.GetImageFromArray(array)))
    for cuts in ((), (1, 2), (3, 4, 9), range(11)):
        np.testing.assert_array_equal(in_slabs(streamed, cuts), whole)


def test_the_type_of_the_result_is_known_before_it_is_computed() -> None:
    source = image(random_array((3, 4, 5), "int16"))
    for node, wanted in (
        (sw.sitk.CurvatureFlow(), "float64"),
        (sw.sitk.OtsuThreshold(), "uint8"),
        (sw.sitk.Cast(output_pixel_type=sitk.sitkFloat32), "float32"),
        (sw.sitk.ConnectedComponent(), "uint32"),
    ):
        assert (source >> node).dtype == wanted
        assert (source >> node).update(progress=False).dtype == wanted


def test_masks_go_in_as_bytes() -> None:
    array = random_array((5, 6, 7), "bool")
    node = image(array) >> sw.sitk.BinaryDilate(kernel_radius=(1, 1, 1))
    expected = sitk.BinaryDilate(sitk.GetImageFromArray(array.astype("uint8")), [1, 1, 1])
    np.testing.assert_array_equal(node.update(progress=False).array, sitk.GetArrayFromImage(expected))


def test_pixels_outlive_the_image_of_simpleitk_they_came_in() -> None:
    arrays = [Image.from_sitk(sitk.GetImageFromArray(np.full((40, 40, 40), k, "int16"))).array for k in range(8)]
    _others = [sitk.GetImageFromArray(np.full((40, 40, 40), -1, "int16")) for _ in range(16)]
    assert [(a.min(), a.max()) for a in arrays] == [(k, k) for k in range(8)]


def test_colour_goes_in_and_comes_out_as_it_may() -> None:
    array = random_array((3, 4, 5, 3), "float32")
    gray = (image(array) >> sw.sitk.VectorMagnitude()).update(progress=False)
    assert gray.shape == (3, 4, 5)
    np.testing.assert_allclose(gray.array, np.linalg.norm(array, axis=-1), rtol=1e-6)
    colour = (image(random_array((3, 4, 5), "uint8")) >> sw.sitk.LabelToRGB()).update(progress=False)
    assert colour.shape == (3, 4, 5, 3)


def test_all_filters_are_listed_and_explain_themselves() -> None:
    names = dir(sw.sitk)
    assert {"CurvatureFlow", "Median", "OtsuThreshold", "N4BiasFieldCorrection"} <= set(names)
    assert {"Add", "Mask", "Statistics", "GaussianSource", "DemonsRegistration"} <= set(names)
    assert len(names) > 280
    text = sw.sitk.CurvatureFlow.__doc__
    assert "Parameters: number_of_iterations, time_step" in text
    assert "curvature driven flow" in text


def test_a_name_that_is_none_is_answered_with_names_close_to_it() -> None:
    with pytest.raises(AttributeError, match="no filter 'CurvatureFlw'; close to it: CurvatureFlow"):
        _ = sw.sitk.CurvatureFlw
    with pytest.raises(AttributeError, match=r"ForwardFFT of SimpleITK is not reached.*complex numbers"):
        _ = sw.sitk.ForwardFFT
    with pytest.raises(AttributeError, match="has no attribute 'curvature_flow'"):
        _ = sw.sitk.curvature_flow


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("CurvatureFlow", {"timestep": 1}, "'timestep' is no parameter of sitk.CurvatureFlow: it takes number_of_it"),
        ("CurvatureFlow", {"time_step": "a"}, "'time_step' of sitk.CurvatureFlow cannot be 'a': it takes a number"),
        ("ConnectedThreshold", {"seed_list": "a"}, "takes a sequence of sequences of whole numbers from 0$"),
        (
            "Median",
            {"radius": -1},
            "cannot be -1: it takes a sequence of whole numbers from 0 or a whole number from 0$",
        ),
        ("Resample", {"transform": 3}, "'transform' of sitk.Resample cannot be 3: it takes a Transform$"),
        ("CurvatureFlow", {"number_of_iterations": -1}, "'number_of_iterations' of sitk.CurvatureFlow cannot be -1"),
        (
            "Median",
            {"radius": (1, "b")},
            r"'radius' of sitk.Median cannot be \(1, 'b'\): it takes a sequence of whole n",
        ),
        ("Median", {"number_of_threads": 1}, "'number_of_threads' is no parameter of sitk.Median"),
        ("Abs", {"radius": 1}, r"sitk.Abs takes no parameters \(got 'radius'\)"),
        ("ShotNoise", {"scale": 1.0}, "'seed' of sitk.ShotNoise must be given"),
    ],
)
def test_parameters_are_checked_when_the_node_is_made(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        getattr(sw.sitk, name)(**parameters)


def test_parameters_may_be_values_of_numpy() -> None:
    node = sw.sitk.Median(radius=np.array([1, 2, 0]))
    assert repr(node) == "sitk.Median(radius=(1, 2, 0))"
    assert sw.sitk.CurvatureFlow(time_step=np.float32(0.5)).settings == (("time_step", 0.5),)
    source = image(random_array((3, 4, 5), "int16"))
    assert (source >> node).key == (source >> sw.sitk.Median(radius=[1, 2, 0])).key
    assert (source >> node).key != (source >> sw.sitk.Median(radius=[1, 2, 1])).key
    assert (source >> node).key != (source >> sw.sitk.Mean(radius=[1, 2, 0])).key


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (sw.sitk.GrayscaleMorphologicalClosing(kernel_radius=0, kernel_type="box"), "read beyond the image"),
        (sw.sitk.GrayscaleDilate(kernel_radius=5, kernel_type="box"), "the box must fit into the image"),
        (sw.sitk.Extract(size=(4, 4, 0)), "an image of 2 dimensions, and not a volume"),
        (sw.sitk.Crop(lower_boundary_crop_size=(5, 5, 5), upper_boundary_crop_size=(5, 5, 5)), "does not work"),
        (sw.sitk.Derivative(), "16-bit signed integer is not supported in 3D.*try Cast"),
        (sw.sitk.Median(radius=(1, 1)), "does not work on images like this one"),
    ],
)
def test_what_cannot_work_on_an_image_is_said_when_the_graph_is_built(node: object, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        image(random_array((9, 9, 9), "int16")) >> node


def test_a_stack_that_is_no_box_is_refused_unless_the_filter_is_streamed() -> None:
    heights = np.array([0.0, 1.0, 5.0])
    positions = np.stack([0 * heights, 0 * heights, heights], axis=1)
    geometry = attrs.evolve(Geometry.from_box((5, 4, 3)), positions=positions)
    stack = Image.from_array(random_array((3, 4, 5), "int16"), geometry=geometry)
    with pytest.raises(IrregularGeometryError, match="slices are unevenly spaced"):
        stack >> sw.sitk.CurvatureFlow()
    assert (stack >> sw.sitk.Median(radius=1)).update(progress=False).geometry == geometry


def test_an_error_of_simpleitk_at_work_names_the_filter() -> None:
    # The trial is made on an image with contrast.
    array = np.zeros((9, 9, 9), "int16")
    node = image(array) >> sw.sitk.NormalizeToConstant()
    with pytest.raises(ComputeError, match=r"sitk\.NormalizeToConstant\(\) of InMemory: .*denominator"):
        node.update(progress=False)


def test_known_filters_keep_units_and_have_their_code(ct: Image) -> None:
    for node, code, kept in (
        (sw.sitk.CurvatureFlow(), codes.SMOOTHING, True),
        (sw.sitk.SmoothingRecursiveGaussian(), codes.GAUSSIAN, True),
        (sw.sitk.GradientMagnitude(), codes.EDGE_ENHANCEMENT, False),
        (sw.sitk.OtsuThreshold(), codes.SEGMENTATION, False),
        (sw.sitk.Square(), None, False),
    ):
        (step,) = (ct >> node).info.history
        assert step.derivation == ((code,) if code else ())
        assert step.keeps_units == kept
        assert ("WindowCenter" in (ct >> node).headers) == kept
    assert (ct >> sw.sitk.CurvatureFlow(time_step=0.1)).info.history[
        0
    ].description == "sitk.CurvatureFlow(time_step=0.1)"


def test_asking_for_the_room_does_not_import_simpleitk() -> None:
    code = "import sys, slicewise; slicewise.sitk; slicewise.Median(1); assert 'SimpleITK' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
