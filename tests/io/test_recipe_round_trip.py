"""Every node that there is goes into a recipe and comes back as it was: the same key, and the same recipe again."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID

import slicewise as sw
from segmentation_makers import edited, structure_set
from slicewise.errors import GraphError, ParameterError
from slicewise.filters.sitk_reflection import spec_of
from slicewise.pipeline.arithmetic import arithmetic
from slicewise.pipeline.node import Node
from strategies import AXIS_ORIENTATIONS, points, rotations, spacings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(LIMITS, max_examples=3)

IMAGE = sw.Image.from_array(np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4))
OTHER = sw.Image.from_array(np.ones((2, 3, 4), np.int16))
MASK = sw.Image.from_array(np.ones((2, 3, 4), bool))

# --- values -----------------------------------------------------------------------------------------


def codes() -> st.SearchStrategy[tuple[str, str, str]]:
    told = st.text("abcXYZ 0129-ä$", min_size=1, max_size=20).filter(str.strip)
    return st.one_of(
        st.sampled_from([("10200004", "SCT", "Liver"), ("24028007", "SCT", "Right"), ("0010", "99X", "${radius}")]),
        st.tuples(told, st.sampled_from(["SCT", "DCM", "99MINE"]), told),
    )


@st.composite
def segments(draw: st.DrawFn) -> sw.Segment:
    item = Dataset()
    item.SegmentedPropertyTypeModifierCodeSequence, item.PatientComments = [Dataset()], draw(words)
    given: dict[str, Any] = {
        "type_modifiers": st.lists(codes(), max_size=3),
        "anatomic_region": codes(),
        "algorithm_type": st.sampled_from(["AUTOMATIC", "MANUAL"]),
        "algorithm_name": names,
        "description": words,
        "colour": st.tuples(*[st.integers(0, 65535)] * 3),
        "further": st.just(item.to_json()),
    }
    known = {name: draw(s) for name, s in given.items() if draw(st.booleans())}
    if draw(st.booleans()):
        known |= {"tracking_id": draw(names), "tracking_uid": draw(uids)}
    kind = draw(codes())
    category = st.sampled_from([("123037004", "SCT", "Anatomical Structure"), ("85756007", "SCT", "Tissue")])
    return sw.Segment(draw(st.one_of(st.just(kind[2]), names)), kind, draw(category), **known)


@st.composite
def templates(draw: st.DrawFn, lists: int = 1) -> sw.SegmentTemplate:
    labels = st.integers(1, 2**32 - 1)
    known = st.one_of(segments(), st.just(("10200004", "SCT", "Liver")))
    made = [draw(st.dictionaries(labels, known, min_size=1, max_size=3)) for _ in range(lists)]
    given: dict[str, Any] = {
        "attributes": st.just({"SeriesNumber": "7", "ContentCreatorName": "Doe^Jane"}),
        "fallbacks": st.just({"ContentLabel": "SEGMENTATION"}),
        "files": st.lists(names, max_size=2),
    }
    try:
        return sw.SegmentTemplate(
            made,
            algorithm_type=draw(st.sampled_from(["AUTOMATIC", "MANUAL", None])),
            algorithm_name=draw(names),
            **{name: draw(s) for name, s in given.items() if draw(st.booleans())},
        )
    except ParameterError:
        assume(condition=False)
        raise


any_float = st.floats(allow_nan=False)
real = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.integers(-(2**40), 2**40), real, st.just(-0.0), st.just(1e-5), st.just(1e22))
np_numbers = st.one_of(numbers, st.integers(-100, 100).map(np.int16), real.map(np.float64))
small = st.integers(0, 9)
radii = st.one_of(small, st.tuples(small, small, small), st.lists(small, min_size=3, max_size=3))
lengths = st.floats(0.01, 1e4)
sizes = st.one_of(st.integers(1, 500), st.tuples(*[st.one_of(st.none(), st.integers(1, 500))] * 3))
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=9
).filter(str.isprintable)
words = st.one_of(
    names,
    st.text(max_size=12),
    st.sampled_from(
        ["no", "null", "12:30", "1e5", "0x1F", "2026-01-31", "${radius}", "", " ", "~", "input", "a: b", "#"]
    ),
)
dtypes = st.sampled_from(["uint8", "int16", np.float32, np.dtype("float64"), "bool"])
interpolators = st.sampled_from(["linear", "nearest", "lanczos", "bspline3"])
uids = st.lists(st.integers(0, 99999), min_size=2, max_size=5).map(lambda p: "1.2." + ".".join(map(str, p)))
paths = st.sampled_from(["out", "../out dir/ä", "/tmp/out", "${out}", "1e3", "no"])  # noqa: S108 - not written


@st.composite
def geometries(draw: st.DrawFn) -> sw.Geometry:
    direction = draw(st.one_of(rotations(), st.sampled_from([d for d in AXIS_ORIENTATIONS if np.linalg.det(d) > 0])))
    size = draw(st.tuples(*[st.integers(1, 30)] * 3))
    return sw.Geometry.from_box(size, draw(st.tuples(spacings, spacings, spacings)), draw(points), direction)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "Doe^Jane"
    dataset.StudyID = draw(st.text("ABC 012", max_size=8).map(str.strip))
    dataset.PatientSize = draw(st.integers(0, 300)) / 100
    dataset.ReferencedSOPInstanceUID = draw(uids)
    dataset.OtherPatientIDsSequence = [Dataset()]
    return dataset


@st.composite
def transforms(draw: st.DrawFn) -> Any:
    centre = draw(points)
    angles = draw(st.tuples(*[st.floats(-1, 1)] * 3))
    field = sitk.GetImageFromArray(np.full((5, 4, 3, 3), (1 / 3, 0.0, draw(st.floats(-1, 1)))), isVector=True)
    spline = sitk.BSplineTransformInitializer(sitk.Image([9, 9, 9], sitk.sitkUInt8), [2, 2, 2], order=2)
    spline.SetParameters([draw(st.floats(-1, 1))] * len(spline.GetParameters()))
    made = [
        sitk.Euler3DTransform(centre, *angles, draw(points)),
        sitk.TranslationTransform(3, draw(points)),
        sitk.AffineTransform(draw(rotations()).ravel().tolist(), draw(points), centre),
        sitk.Similarity3DTransform(1.5, (0, 0, 1), angles[0], (1, 2, 3), centre),
        sitk.VersorRigid3DTransform((0, 0, 1), angles[0], (1, 2, 3), centre),
        sitk.ScaleTransform(3, (1.0, 2.0, 1.0 / 3)),
        sitk.DisplacementFieldTransform(field),
        spline,
        sitk.Transform(),
    ]
    one = draw(st.sampled_from(made))
    inner = sitk.CompositeTransform([made[0], one])
    return draw(st.sampled_from([one, inner, sitk.CompositeTransform([inner, made[1]])]))


def matrices() -> st.SearchStrategy[np.ndarray]:
    return st.tuples(rotations(), points).map(lambda p: np.vstack([np.column_stack([p[0], p[1]]), [0, 0, 0, 1]]))


@st.composite
def registrations(draw: st.DrawFn) -> Dataset:
    matrix = Dataset()
    matrix.FrameOfReferenceTransformationMatrixType = "RIGID"
    matrix.FrameOfReferenceTransformationMatrix = draw(matrices()).ravel().round(6).tolist()
    steps, item, whole = Dataset(), Dataset(), Dataset()
    steps.MatrixSequence = [matrix]
    item.MatrixRegistrationSequence, item.FrameOfReferenceUID = [steps], draw(uids)
    whole.RegistrationSequence, whole.FrameOfReferenceUID, whole.SOPInstanceUID = [item], draw(uids), draw(uids)
    return whole


def tables() -> st.SearchStrategy[Any]:
    few = st.lists(st.integers(-99, 99), min_size=1, max_size=9)
    return st.one_of(
        few,
        few.map(lambda v: np.array(v, np.float32) / 3),
        few.map(lambda v: np.array([*v, np.nan, np.inf, -0.0])),
        st.just(np.arange(4096, dtype=np.uint16)),
        st.just(np.linspace(0, 1, 300)),
    )


def doubled(array: Any) -> Any:
    return array * 2


@sw.filter(dtype="float64")
def powered(array: Any, exponent: float = 2.0, weights: Any = ()) -> Any:
    return array**exponent


@sw.filter(takes="sitk")
def opened(image: Any, radius: int = 1) -> Any:
    return sitk.GrayscaleMorphologicalOpening(image, [radius] * 3)


# --- nodes ------------------------------------------------------------------------------------------


def built(make: Callable[..., Any], *positional: Any, **given: Any) -> st.SearchStrategy[Any]:
    """Give nodes of a maker; values that it does not take are left out."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> Any:
        values = [draw(s) for s in positional]
        named = {name: draw(s) for name, s in given.items() if draw(st.booleans())}
        try:
            return make(*values, **named)
        except ParameterError:
            assume(condition=False)

    return draw_one()


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


attributes = st.fixed_dictionaries(
    {},
    optional={
        "PatientComments": words,
        "OperatorsName": st.lists(names, min_size=2, max_size=3),
        "SoftwareVersions": st.tuples(names, names),
        "PatientWeight": real,
        "ReferencedStudySequence": st.lists(datasets(), max_size=2),
        "StudyInstanceUID": uids.map(UID),
        "SpectroscopyData": st.binary(max_size=20),
        "PatientID": st.none(),
    },
)
regridding: dict[str, Any] = {
    "interpolator": interpolators,
    "fill": np_numbers,
    "mark": st.booleans(),
    "fuse": st.booleans(),
}
derived: dict[str, Any] = {
    "series_description": names,
    "series_number": st.integers(1, 9999),
    "image_type": st.one_of(st.tuples(names, names), st.lists(names, min_size=2)),
    "uid_prefix": st.just("1.2.3"),
    "uids": st.just("reproducible"),
    "equipment": st.just("software"),
    "private": st.sampled_from(["keep", "drop"]),
    "overrides": attributes,
    "transfer_syntax": st.sampled_from(
        [
            "rle",
            sw.Lossy("jpeg-ls-near", error=3),
            sw.Lossy("jpeg-2000-lossy", psnr=61.5),
            sw.Lossy("1.2.840.10008.1.2.4.50", quality=90),
        ]
    ),
    "strict_iod": st.booleans(),
    "overwrite": st.booleans(),
}
operations = st.sampled_from(["add", "divide", "power", "maximum", "less", "equal", "greater_equal"])
scalars = st.one_of(st.integers(-5, 5), real, st.booleans(), st.just(np.float32(0.1)))

NODES: dict[str, st.SearchStrategy[Any]] = {
    "Arithmetic": operations.map(lambda op: arithmetic(op, IMAGE, OTHER)),
    "ScalarArithmetic": st.one_of(
        st.tuples(operations, scalars).map(lambda p: arithmetic(p[0], IMAGE, p[1])),
        st.tuples(operations, scalars).map(lambda p: arithmetic(p[0], p[1], IMAGE)),
        st.just(~sw.as_node(MASK)),
    ),
    "Blend": built(sw.Blend, st.just(OTHER), weight=st.floats(0, 1), allow_mixed_patients=st.booleans()),
    "Cast": built(sw.Cast, dtypes),
    "Clip": built(sw.Clip, lower=np_numbers, upper=st.one_of(np_numbers, st.just(np.inf))),
    "Concatenate": st.just(sw.Concatenate([IMAGE])),
    "ContourReader": st.nothing(),
    "Crop": st.one_of(
        built(sw.Crop, lower=radii, upper=radii, grid=geometries()),
        built(sw.Crop, size=sizes),
        built(sw.Crop.within, points, points),
    ),
    "Deidentify": built(
        sw.Deidentify, secret=st.just("0123456789abcdef"), dates=st.just("shift"), retain_uids=st.booleans()
    ),
    "FillMissing": built(sw.FillMissing, method=st.just("constant"), value=np_numbers, spacing=lengths),
    "Flip": built(sw.Flip, st.one_of(st.sampled_from(["x", "xz"]), st.tuples(*[st.booleans()] * 3))),
    "Function": st.one_of(
        built(
            sw.Function, st.sampled_from([doubled, np.sqrt]), halo=small, dtype=dtypes, name=names, whole=st.booleans()
        ),
        built(sw.Function, real.map(lambda v: functools.partial(doubled, v))),
        built(powered, exponent=real, weights=st.one_of(st.tuples(real), st.lists(real), words, tables())),
        built(opened, radius=small),
    ),
    "Gaussian": built(sw.Gaussian, st.one_of(lengths, st.tuples(lengths, lengths, lengths))),
    "InMemory": st.just(sw.as_node(IMAGE)),
    "Isotropic": built(sw.Isotropic, spacing=maybe(lengths), **regridding),
    "ItkFilter": st.one_of(
        built(lambda **v: sw.itk.median_image_filter(**v), radius=radii),  # noqa: PLW0108 - imports itk on use
        built(lambda **v: sw.itk.mask_image_filter(mask_image=MASK, **v), outside_value=numbers),
    ),
    "Join": st.just(sw.Join([IMAGE, OTHER, IMAGE])),
    "LookupTable": built(sw.LookupTable, tables(), first=st.integers(-2000, 2000), keeps_units=st.booleans()),
    "MPR": built(sw.MPR, normal=points, up=points, centre=points, spacing=maybe(lengths), size=sizes, **regridding),
    "Mask": built(sw.Mask, st.just(MASK), outside=np_numbers, allow_mixed_patients=st.booleans()),
    "Median": built(sw.Median, radius=radii),
    "MultiFrameWriter": built(
        sw.MultiFrameWriter,
        paths,
        sop_class=st.just("ParametricMapStorage"),
        unit=st.just(("mm2/s", "UCUM", "mm2/s")),
        **derived,
    ),
    "NewSeries": built(
        sw.NewSeries, st.sampled_from(["CT", "MR", "OT"]), patient_name=words, study_uid=uids, attributes=attributes
    ),
    "Normalize": built(sw.Normalize),
    "OverlayMask": built(sw.OverlayMask, group=st.sampled_from([0x6000, 0x6002])),
    "Pad": built(sw.Pad, lower=radii, upper=radii, value=np_numbers, mark=st.booleans()),
    "PaddingMask": built(sw.PaddingMask),
    "Permute": built(sw.Permute, st.sampled_from(["zyx", (1, 2, 0), [2, 0, 1]])),
    "Project": built(sw.Project, st.sampled_from(["maximum", "mean"]), slices=small, step=small),
    "ProjectVolumes": st.just(sw.Stack([IMAGE, OTHER], axis="time") >> sw.Project("mean", axis="time")),
    "RectifyTilt": built(sw.RectifyTilt, tilt=st.floats(-30, 30), interpolator=st.just("nearest"), fill=np_numbers),
    "Reorient": built(sw.Reorient, st.sampled_from(["LPS", "axial", "RAI"])),
    "Resample": st.one_of(
        built(sw.Resample, spacing=lengths, **regridding),
        built(sw.Resample, size=sizes, **regridding),
        built(lambda **v: sw.Resample(like=IMAGE, **v), transform=transforms(), **regridding),
        built(lambda t: sw.Resample(spacing=1, transform=t), st.one_of(transforms(), matrices(), registrations())),
    ),
    "Rescale": built(
        sw.Rescale, output=st.tuples(numbers, numbers), input_range=st.lists(real, min_size=2), dtype=dtypes
    ),
    "SUVbw": built(sw.SUVbw),
    "SegmentationReader": st.nothing(),
    "SegmentationWriter": built(
        sw.SegmentationWriter,
        paths,
        st.one_of(templates(), templates(2)),
        kind=st.sampled_from(["binary", "labelmap", "fractional"]),
        inplane_cropping=st.booleans(),
        maximum_fractional_value=st.integers(1, 255),
        source=st.just(IMAGE),
        series_number=st.integers(1, 9999),
        overrides=attributes,
        transfer_syntax=st.just("deflated"),
    ),
    "Select": st.tuples(maybe(st.integers(-2, 2)), maybe(st.integers(-3, 3)), maybe(st.sampled_from([-1, 1, 2]))).map(
        lambda s: sw.Median()[slice(*s), :, 1:]
    ),
    "SelectSlices": st.one_of(
        built(
            sw.SelectSlices,
            st.one_of(small, st.lists(small, min_size=1), st.just(range(2, 30, 3)), st.just(slice(1, None))),
        ),
        built(sw.SelectSlices, every=st.integers(1, 4), where=st.just(doubled)),
    ),
    "SeriesReader": st.nothing(),  # needs files: see below
    "SeriesWriter": built(
        sw.SeriesWriter, paths, file_pattern=st.just("{:05d}.dcm"), instance_number_start=small, **derived
    ),
    "SitkFilter": st.nothing(),  # each by its name: see below
    "SitkMeasurement": st.nothing(),
    "SitkSource": st.nothing(),
    "Stack": st.tuples(names, st.one_of(st.tuples(real, real), st.tuples(names, names)), maybe(names)).map(
        lambda p: sw.Stack([IMAGE, OTHER], axis=p[0], coordinates=p[1], unit=p[2])
    ),
    "Threshold": built(sw.Threshold, lower=np_numbers, upper=np_numbers, outside=np_numbers),
    "VolumeReader": st.nothing(),
    "VolumeWriter": built(
        sw.VolumeWriter, st.sampled_from(["a.nii.gz", "b/c.nrrd"]), compress=st.booleans(), on_headers=st.just("drop")
    ),
    "Where": st.one_of(
        st.tuples(numbers, numbers).map(lambda p: sw.where(MASK, IMAGE, p[0])),
        st.just(sw.where(MASK, 3, OTHER, allow_mixed_patients=True)),
        st.just(sw.where(MASK, IMAGE, OTHER)),
    ),
    "Window": built(
        sw.Window, center=st.just(40.5), width=st.just(400), output=st.just((0, 1000)), dtype=st.just("uint16")
    ),
    "WithPixelsFrom": st.just(sw.WithPixelsFrom(IMAGE, OTHER, keeps_units=True, tool="a tool")),
}
BASES = {"Filter", "Sink", "Turning", "Regrid", "NamedInputs", "SitkCall", "DerivedWriter"}
WITHIN_RUNS = {"Fused", "Spooled", "WrittenVolume", "_Bounds", "_Measuring", "_Pair"}
"""What no graph of a user holds: made while one runs."""
SECRET = {"secret": "0123456789abcdef"}


def all_classes() -> set[type[Node]]:
    for room in ("pipeline", "filters", "io"):
        package = importlib.import_module(f"slicewise.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: set[type[Node]] = set()
    waiting: list[type[Node]] = [Node]
    while waiting:
        waiting += (new := [c for c in waiting.pop().__subclasses__() if c.__module__.startswith("slicewise.")])
        found |= set(new)
    return found


def test_every_class_of_nodes_has_a_strategy() -> None:
    assert {cls.__name__ for cls in all_classes()} == set(NODES) | BASES | WITHIN_RUNS


def travel(node: Any) -> sw.Recipe:
    """Write a graph, read it, build it with the same images, and hold it against what it was."""
    recipe = sw.Recipe.of(node)
    again = sw.Recipe.from_yaml(recipe.to_yaml())
    assert again == recipe
    assert again.to_yaml() == recipe.to_yaml()
    nodes = dict(zip((e.id for e in recipe.nodes), node.walk(), strict=True))
    images = {name: nodes[name] for name in recipe.inputs if type(nodes[name]).__name__ == "InMemory"}
    values = {name: SECRET["secret"] for name in recipe.missing if name.endswith(".secret")}
    assert set(recipe.missing) == set(values), recipe.missing
    back = again.build(values=values, functions=[doubled, np.sqrt, powered, opened], **images)
    assert back.key == node.key
    assert type(back) is type(node)
    assert sw.Recipe.of(back) == recipe
    for ours, its in zip(node.walk(), back.walk(), strict=True):
        assert type(its) is type(ours)
        assert its.parameter_text == ours.parameter_text
    return recipe


@pytest.mark.parametrize("name", [name for name, strategy in NODES.items() if not strategy.is_empty])
@LIMITS
@given(data=st.data())
def test_a_node_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    node = data.draw(NODES[name])
    # Secrets of no one's choosing differ.
    assume(name != "Deidentify" or node.key == sw.Deidentify(**{**settings_of(node), **SECRET}).key)
    recipe = travel(node)
    assert recipe.nodes[-1].id == recipe.result


def settings_of(node: sw.Deidentify) -> dict[str, Any]:
    return {"dates": node.dates, "retain_uids": node.retain_uids}


# --- SimpleITK --------------------------------------------------------------------------------------


def of_kind(default: Any) -> st.SearchStrategy[Any]:
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(0, 5)
    if isinstance(default, float):
        return st.floats(0.125, 9.5)
    if isinstance(default, tuple) and default:
        return st.tuples(*map(of_kind, default))
    return st.just(default)


@st.composite
def sitk_nodes(draw: st.DrawFn, name: str) -> Any:
    spec = spec_of(name)
    given: dict[str, Any] = {}
    for p in spec.parameters.values():
        if p.name == "seed" and spec.is_random:
            given["seed"] = 7
        elif p.kind == "Transform":
            given[p.name] = draw(transforms())
        elif p.default is not None and draw(st.booleans()):
            given[p.name] = draw(st.sampled_from(sorted(p.members)) if p.members else of_kind(p.default))
    images = {a.name: OTHER for a in spec.images[1:] if a.required or draw(st.booleans())}
    if not (spec.constant and images):
        images |= {"image2": OTHER, "image3": IMAGE} if spec.several else {}
    given |= {a.name: sitk.Euler3DTransform() for a in spec.arguments if a.kind == "Transform"}
    given |= {} if spec.images else {"size": (5, 6, 7)}
    given |= {"reference_image": OTHER} if spec.takes_reference and draw(st.booleans()) else {}
    try:
        node = getattr(sw.sitk, name)(**given, **images)
        if not spec.images:
            _ = node.info
    except (ParameterError, GraphError):
        # Some parameters do not go together: then as few as there can be.
        least = {k: v for k, v in given.items() if k in ("seed", "size") or spec.parameters.get(k) is None}
        node = getattr(sw.sitk, name)(**least, **images)
    return node


@pytest.mark.parametrize("name", dir(sw.sitk))
@FEW
@given(data=st.data())
def test_a_filter_of_simpleitk_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    travel(data.draw(sitk_nodes(name)))


def test_a_number_first_and_an_image_after_it_come_back() -> None:
    travel(sw.sitk.Subtract(constant=100.0, image2=IMAGE))
    travel(IMAGE >> sw.sitk.Subtract(constant=100.0))
    travel(IMAGE >> sw.sitk.ChangeLabel(change_map={1: 5, 2: 1}))
    travel(IMAGE >> sw.sitk.Mask(mask_image=MASK))


# --- graphs and files -------------------------------------------------------------------------------


def test_readers_and_writers_come_back_with_files(phantom_ct: Any, tmp_path: Path) -> None:
    (sw.SeriesReader(phantom_ct.folder) >> sw.VolumeWriter(tmp_path / "a.nrrd", on_headers="drop")).update(
        progress=False
    )
    ct = sw.SeriesReader(phantom_ct.folder, where={"Modality": "CT"}, on_gap="keep", tolerance=0.1)
    travel(ct >> sw.Median(1) >> sw.SeriesWriter(tmp_path / "out", series_description="Median"))
    travel(sw.SeriesReader(list(phantom_ct.paths)) >> sw.MultiFrameWriter(tmp_path / "one.dcm"))
    travel(sw.VolumeReader(tmp_path / "a.nrrd") >> sw.NewSeries("CT") >> sw.SeriesWriter(tmp_path / "new"))


def test_readers_of_segmentations_and_contours_come_back_with_files(phantom_ct: Any, tmp_path: Path) -> None:
    ct = sw.SeriesReader(phantom_ct.folder)
    liver = sw.SegmentTemplate({1: ("10200004", "SCT", "Liver")}, algorithm_type="MANUAL")
    ((ct > 0) >> sw.SegmentationWriter(tmp_path / "seg.dcm", liver)).update(progress=False)
    headers = pydicom.dcmread(phantom_ct.paths[0], stop_before_pixels=True)
    corners = np.array([ct.geometry.index_to_point(corner) for corner in ((5, 5, 3), (20, 5, 3), (20, 30, 3))])
    contours = structure_set(tmp_path / "rt.dcm", {"Liver, ${left}": [corners]}, PatientID=headers.PatientID)
    frame = headers.FrameOfReferenceUID
    edited(contours, lambda ds: setattr(ds.StructureSetROISequence[0], "ReferencedFrameOfReferenceUID", frame))
    for key in (None, 1, "Liver", ("10200004", "SCT", "Liver")):
        travel(sw.SegmentationReader(tmp_path / "seg.dcm", segment=key, series=None))
        recipe = travel(ct >> sw.Mask(sw.SegmentationReader(tmp_path / "seg.dcm", segment=key, source=ct)))
        assert recipe.inputs == ("input", "segmentation_reader")
    for key in (None, 3, "Liver, ${left}"):
        reader = sw.ContourReader(contours, source=ct, roi=key, tolerance=0.25, overlap="last")
        assert travel(reader >> sw.SegmentationWriter(tmp_path / "b.dcm", liver)).inputs == ("input", "contour_reader")
        scripted(reader)
    scripted(sw.SegmentationReader(tmp_path / "seg.dcm", segment=("10200004", "SCT", "Liver"), source=ct))


def test_codes_that_no_header_could_state_come_back_as_they_were_read() -> None:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel, item.SegmentAlgorithmType = 7, "x", "MANUAL"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "", ""
    item.SegmentedPropertyCategoryCodeSequence = item.SegmentedPropertyTypeCodeSequence = [code]
    read = sw.Segment.from_item(item)
    node = sw.Function(functools.partial(doubled, read))
    assert "!Segment" in travel(node).to_yaml()
    scripted(node)


def test_what_is_shared_stays_shared(phantom_ct: Any) -> None:
    ct = sw.SeriesReader(phantom_ct.folder)
    smooth = ct >> sw.Gaussian(2.0)
    recipe = travel(sw.where((smooth > 100) & (ct < 2000), ct - smooth, 0)[2:8])
    assert [e.kind_name for e in recipe.nodes].count("Gaussian") == 1
    assert [e.kind_name for e in recipe.nodes].count("SeriesReader") == 1
    assert recipe.inputs == ("input",)


BREAKS = "\n\r\x85\u2028\u2029\t\x00\x1b\ufeff\udcff: #'\"-{}[],&*!|>%@`~?$"


@settings(LIMITS, max_examples=400)
@given(st.one_of(st.text(max_size=30), st.text(st.sampled_from(f"a 0{BREAKS}"), max_size=12)))
def test_any_text_comes_back_as_it_was(written: str) -> None:
    node = sw.SeriesWriter("out", overrides={"PatientComments": written, "OperatorsName": [written, "b"]})
    back = sw.Recipe.from_yaml(sw.Recipe.of(node).to_yaml()).build()
    assert dict(back.overrides) == dict(node.overrides)
    path = sw.SeriesReader(f"x{written}")
    assert sw.Recipe.from_yaml(sw.Recipe.of(path).to_yaml()).nodes[0].fields == sw.Recipe.of(path).nodes[0].fields


@settings(LIMITS, max_examples=400)
@given(st.floats())
def test_any_number_comes_back_as_it_was(written: float) -> None:
    node = sw.SeriesWriter("out", overrides={"PatientWeight": written})
    back = sw.Recipe.from_yaml(sw.Recipe.of(node).to_yaml()).build()
    found = back.overrides["PatientWeight"]
    assert np.isnan(written) == np.isnan(found)
    assert np.isnan(written) or np.float64(found).tobytes() == np.float64(written).tobytes()


# --- as Python --------------------------------------------------------------------------------------


def scripted(node: Any) -> None:
    """Write a graph as a script, run that, and hold what it makes against what it was."""
    recipe = sw.Recipe.of(node)
    nodes = {e.id: n for e, n in zip(recipe.nodes, node.walk(), strict=True)}
    text = recipe.to_python()
    for name in (n for n in recipe.inputs if type(nodes[n]).__name__ == "InMemory"):
        text = text.replace(f"\n{name} = ...\n", f"\n{name} = given[{name!r}]\n")
    text = text.replace("secret=...", f"secret={SECRET['secret']!r}")
    names: dict[str, Any] = {"__name__": "script", "given": nodes}
    exec(compile(text, "script.py", "exec"), names)  # noqa: S102 - the point of the test
    found = [v for v in names.values() if isinstance(v, Node) and type(v) is type(node)]
    assert found[-1].key == node.key, text


@pytest.mark.parametrize("name", [name for name, strategy in NODES.items() if not strategy.is_empty])
@FEW
@given(data=st.data())
def test_a_script_makes_the_same_node(name: str, data: st.DataObject) -> None:
    node = data.draw(NODES[name])
    assume(name != "Deidentify" or node.key == sw.Deidentify(**{**settings_of(node), **SECRET}).key)
    scripted(node)
