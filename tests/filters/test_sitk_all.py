"""Every filter of the installed SimpleITK, run as a node and by the library itself on the same small volumes."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image

import slicewise as sw
from slicewise.filters.sitk_measurements import Measurements
from slicewise.filters.sitk_table import reach_of
from slicewise.filters.sitk_unreachable import UNREACHABLE

SHAPE = (6, 8, 10)
GRID = ((1.0, 1.5, 2.0), (3.0, 4.0, 5.0), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float))
SUFFIXES = ("ImageFilter", "ImageSource", "Filter")
NOT_FILTERS = {
    "ImageFilter": "what all filters share",
    "ImageRegistrationMethod": "an optimisation that is set up step by step, and returns a transform",
}
TRANSFORM = sitk.TranslationTransform(3, (1.0, -2.0, 3.0))

PARAMETERS: dict[str, dict[str, Any]] = {
    "AdditiveGaussianNoise": {"seed": 7, "standard_deviation": 4.0},
    "BSplineTransformInitializer": {"transform_domain_mesh_size": (2, 2, 2)},
    "BinShrink": {"shrink_factors": (2, 2, 3)},
    "BinaryThreshold": {"lower_threshold": 10.0, "upper_threshold": 300.0},
    "CenteredTransformInitializer": {"transform": sitk.Euler3DTransform(), "operation_mode": "geometry"},
    "CenteredVersorTransformInitializer": {"transform": sitk.VersorRigid3DTransform()},
    "ChangeLabel": {"change_map": {1: 5, 2: 1}},
    "ChangeLabelLabelMap": {"change_map": {1: 5}},
    "CollidingFronts": {"seed_points1": [(1, 1, 1)], "seed_points2": [(4, 4, 4)]},
    "ConfidenceConnected": {"seed_list": [(3, 3, 3)]},
    "ConnectedThreshold": {"seed_list": [(3, 3, 3)], "lower": -1000.0, "upper": 500.0},
    "ConstantPad": {"pad_lower_bound": (1, 0, 2), "pad_upper_bound": (0, 3, 1), "constant": 7.0},
    "Crop": {"lower_boundary_crop_size": (1, 2, 1), "upper_boundary_crop_size": (0, 1, 2)},
    "CyclicShift": {"shift": (1, 2, 3)},
    "DICOMOrient": {"desired_coordinate_orientation": "RAI"},
    "DoubleThreshold": {"threshold1": 0.0, "threshold2": 100.0, "threshold3": 400.0, "threshold4": 800.0},
    "Expand": {"expand_factors": (2, 1, 2)},
    "Extract": {"index": (1, 2, 3), "size": (4, 5, 2)},
    "FastMarching": {"trial_points": [(2, 2, 2)]},
    "FastMarchingBase": {"trial_points": [(2, 2, 2)]},
    "FastMarchingUpwindGradient": {"trial_points": [(2, 2, 2)]},
    "Flip": {"flip_axes": (True, False, True)},
    "GaborSource": {"size": (5, 6, 7)},
    "GaussianSource": {"size": (5, 6, 7), "sigma": (2.0, 2.0, 2.0), "mean": (2.0, 2.0, 2.0)},
    "GrayscaleConnectedClosing": {"seed": (2, 3, 4)},
    "GrayscaleConnectedOpening": {"seed": (2, 3, 4)},
    "GridSource": {"size": (5, 6, 7), "grid_spacing": (2.0, 2.0, 2.0)},
    "InverseDisplacementField": {"size": (4, 4, 4), "output_spacing": (2.0, 2.0, 2.0)},
    "IsolatedConnected": {"seed1": (1, 1, 1), "seed2": (6, 6, 4), "lower": -500.0},
    "LabelShapeStatistics": {"compute_oriented_bounding_box": True, "compute_feret_diameter": True},
    "MirrorPad": {"pad_lower_bound": (1, 0, 2)},
    "NeighborhoodConnected": {"seed_list": [(3, 3, 3)], "lower": -1000.0, "upper": 900.0},
    "PatchBasedDenoising": {"patch_radius": 2, "number_of_iterations": 1, "number_of_sample_patches": 4},
    "PermuteAxes": {"order": (1, 2, 0)},
    "PhysicalPointSource": {"size": (5, 6, 7)},
    "RegionOfInterest": {"index": (1, 2, 3), "size": (4, 5, 2)},
    "Resample": {
        "size": (7, 6, 5),
        "output_spacing": (1.0, 1.0, 2.5),
        "output_origin": (4.0, 4.5, 5.0),
        "output_direction": tuple(GRID[2].ravel()),
        "interpolator": "bspline",
        "transform": TRANSFORM,
    },
    "SaltAndPepperNoise": {"seed": 7, "probability": 0.2},
    "ShotNoise": {"seed": 7},
    "Shrink": {"shrink_factors": (2, 1, 3)},
    "Slice": {"start": (1, 0, 0), "stop": (9, 8, 6), "step": (2, 1, 2)},
    "SpeckleNoise": {"seed": 7},
    "StochasticFractalDimension": {"neighborhood_radius": (1, 1, 1)},
    "Threshold": {"lower": 0.0, "upper": 300.0},
    "Tile": {"layout": (2, 1, 1)},
    "TransformGeometry": {"transform": TRANSFORM},
    "TransformToDisplacementField": {"transform": TRANSFORM, "size": (4, 5, 6)},
    "VectorConfidenceConnected": {"seed_list": [(3, 3, 3)]},
    "WrapPad": {"pad_upper_bound": (0, 3, 1)},
    "ZeroFluxNeumannPad": {"pad_lower_bound": (1, 0, 2), "pad_upper_bound": (0, 3, 1)},
}
MASKS = ("mask", "label", "marker")


def volumes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    blob = np.zeros(SHAPE, np.uint8)
    blob[1:4, 2:6, 3:8] = 1
    return {
        "int16": rng.integers(-200, 900, SHAPE).astype("int16"),
        "float32": rng.normal(100, 30, SHAPE).astype("float32"),
        "labels": rng.integers(0, 3, SHAPE).astype("uint8"),
        "blob": blob,
        "vectors": rng.normal(0, 1, (*SHAPE, 3)).astype("float32"),
        "displacements": rng.normal(0, 1, (*SHAPE, 3)).astype("float64"),
    }


VOLUMES = volumes()


def classes() -> dict[str, Any]:
    """Return SimpleITK's classes of filters by their short names."""
    found = {}
    for name, cls in inspect.getmembers(sitk, inspect.isclass):
        suffix = next((s for s in SUFFIXES if name.endswith(s)), None)
        if suffix and issubclass(cls, sitk.ProcessObject) and name not in NOT_FILTERS:
            found[name.removesuffix(suffix) + ("Source" if suffix == "ImageSource" else "")] = cls
    return found


CLASSES = classes()
REACHED = sorted(set(CLASSES) - set(UNREACHABLE))


def roles(cls: Any) -> list[str]:
    """Return the required inputs, from the shortest form without a number of what executes the filter."""
    forms = [line.strip() for line in cls.Execute.__doc__.splitlines() if line.strip().startswith("Execute(")]
    inner = [form.partition("(")[2].partition(")")[0].split(", ")[1:] for form in forms]
    whole = [parts for parts in inner if all(part.split()[0] in ("Image", "Transform") for part in parts)]
    return [part.split()[1] for part in min(whole, key=len) if part.startswith("Image")]


@functools.cache
def inputs(name: str, kind: str) -> dict[str, sw.Image]:
    array = VOLUMES[kind]
    given = {}
    for k, role in enumerate(roles(CLASSES[name])):
        wanted = VOLUMES["blob"] if k and any(word in role.lower() for word in MASKS) else array
        given[role] = image(wanted, *GRID)
    if "displacementField" in given:
        given["displacementField"] = image(VOLUMES["displacements"], *GRID)
    if "VectorOfImage" in CLASSES[name].Execute.__doc__:
        given["image2"] = image(np.ascontiguousarray(array[::-1]), *GRID)
    return given


def executed(name: str, kind: str) -> tuple[Any, Any]:
    """Return the filter and what it makes, by the library alone."""
    image_filter = CLASSES[name]()
    extra = []
    if name in ("DilateObjectMorphology", "ErodeObjectMorphology"):
        # With several threads the library itself gives another result every time.
        image_filter.SetNumberOfThreads(1)
        image_filter.SetNumberOfWorkUnits(1)
    for key, value in PARAMETERS.get(name, {}).items():
        setter = next((m for m in dir(image_filter) if m.lower() == f"set{key.replace('_', '')}"), None)
        if setter is None:
            extra.append(value)
        else:
            getattr(image_filter, setter)(number(value))
    images = [given.to_sitk() for given in inputs(name, kind).values()]
    if "LabelMap" in name and name not in ("LabelImageToLabelMap", "BinaryImageToLabelMap"):
        converted = len(images) if name == "MergeLabelMap" else 1
        images[:converted] = [sitk.LabelImageToLabelMap(i) for i in images[:converted]]
    arguments = [images] if "VectorOfImage" in CLASSES[name].Execute.__doc__ else images
    result = image_filter.Execute(*arguments, *extra)
    if isinstance(result, sitk.Image) and "label map" in result.GetPixelIDTypeAsString().replace(
        "label of", "label map"
    ):
        painter = sitk.LabelMapToLabelImageFilter()
        # Merged objects overlap: which of them is seen depends on the threads.
        painter.SetNumberOfThreads(1)
        painter.SetNumberOfWorkUnits(1)
        result = painter.Execute(result)
    return image_filter, result


def number(value: Any) -> Any:
    return {"bspline": sitk.sitkBSpline, "geometry": 0}.get(value, value) if isinstance(value, str) else value


def by_library(name: str) -> tuple[str, Any, Any]:
    """Return the first kind of image that the filter takes, and what it makes of it."""
    errors = []
    for kind in VOLUMES:
        try:
            return (kind, *executed(name, kind))
        except (RuntimeError, TypeError) as error:
            errors.append(f"{kind}: {error}")
    raise AssertionError("\n".join(errors))


def as_node(name: str, kind: str) -> Any:
    first, *others = inputs(name, kind).items() or [(None, None)]
    named = {snake(role): given for role, given in others}
    node = getattr(sw.sitk, name)(**named, **PARAMETERS.get(name, {}))
    return node if first[0] is None else first[1] >> node


def snake(role: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in role)


@pytest.mark.parametrize("name", REACHED)
def test_a_node_makes_what_the_library_makes(name: str) -> None:
    kind, image_filter, expected = by_library(name)
    node = as_node(name, kind)
    found = node.update(progress=False)
    if isinstance(found, Measurements):
        compare_measurements(found, image_filter)
    elif isinstance(expected, sitk.Image):
        assert found.array.dtype == node.dtype
        np.testing.assert_array_equal(found.array, sitk.GetArrayFromImage(expected))
        assert found.geometry.size == expected.GetSize()
        for own, its in (
            (found.geometry.spacing, expected.GetSpacing()),
            (found.geometry.origin, expected.GetOrigin()),
            (found.geometry.direction.ravel(), expected.GetDirection()),
        ):
            np.testing.assert_allclose(own, its, rtol=1e-9, atol=1e-9)
    elif isinstance(expected, sitk.Transform):
        assert found.GetParameters() == expected.GetParameters()
        assert found.GetFixedParameters() == expected.GetFixedParameters()
    else:
        assert found == expected


def compare_measurements(found: Measurements, image_filter: Any) -> None:
    for name, value in found.items():
        getter = next(m for m in dir(image_filter) if m.lower() == f"get{name.replace('_', '')}")
        np.testing.assert_equal(value, getattr(image_filter, getter)())
    for label, row in found.labels.items():
        for name, value in row.items():
            getter = next(m for m in dir(image_filter) if m.lower() == f"get{name.replace('_', '')}")
            np.testing.assert_equal(value, getattr(image_filter, getter)(label))
    assert found or found.labels


def test_every_filter_of_the_library_is_reached_or_its_reason_stands_in_a_table(capsys: Any) -> None:
    assert set(dir(sw.sitk)) == set(REACHED)
    assert set(UNREACHABLE) <= set(CLASSES) | {"FFT"}
    assert all(len(reason) > 20 for reason in UNREACHABLE.values())
    streaming = [name for name in REACHED if reach_of(name) is not None]
    with capsys.disabled():
        print(  # noqa: T201 - the numbers are to be seen
            f"\nSimpleITK {sitk.Version_VersionString()}: {len(CLASSES)} filters and sources, {len(REACHED)} reached, "
            f"{len(streaming)} of them streamed, {len(REACHED) - len(streaming)} whole, {len(UNREACHABLE)} not reached"
        )
    assert len(REACHED) > 250
    assert len(streaming) > 80


def test_functions_of_the_library_that_make_images_are_reached() -> None:
    functions = [
        name
        for name, value in inspect.getmembers(sitk, inspect.isfunction)
        if name[0].isupper() and "-> Image" in (value.__doc__ or "") and not name.startswith(("Get", "Read", "Image"))
    ]
    assert len(functions) > 200
    assert {name for name in functions if "_" not in name} <= set(REACHED) | set(UNREACHABLE)
