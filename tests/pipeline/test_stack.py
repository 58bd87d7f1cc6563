"""Several volumes of one grid as one: what is done to a stack is done to each volume, and to nothing across them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from slicewise import errors
from slicewise.image import Geometry, Headers

GRID = Geometry.from_box((7, 6, 5), (0.7, 0.8, 2.5), (10, -20, 30), [[0, 0, 1], [1, 0, 0], [0, 1, 0]])


def volume(seed, *, geometry=GRID, dtype=np.int16, **attributes):
    values = np.random.default_rng(seed).integers(0, 200, geometry.shape).astype(dtype)
    return sw.Image.from_array(
        values, geometry=geometry, headers=Headers(geometry.slices).replace(PatientID="P", **attributes)
    )


@pytest.fixture
def volumes():
    return [volume(seed) for seed in range(3)]


@pytest.fixture
def stack(volumes):
    return sw.Stack(volumes, axis="time", coordinates=[0, 2.5, 5.0], unit="s")


def computed(node, **how):
    return node.update(progress=False, **how)


def arrays(volumes, change):
    return np.stack([computed(change(sw.as_node(v))).array for v in volumes])


WAYS = {
    "a neighbourhood": lambda n: n >> sw.Median(radius=(1, 1, 2)),
    "smoothing": lambda n: n >> sw.Gaussian(sigma=(0.5, 0.5, 3.0)),
    "another grid": lambda n: n >> sw.Resample(spacing=(1, 1, 2)),
    "the whole volume": lambda n: n >> sw.sitk.CurvatureFlow(time_step=0.05),
    "a function": lambda n: n >> sw.Function(lambda a: a - a.mean(), whole=True, dtype="float64"),
    "a comparison": lambda n: n > 100,
    "a number on the left": lambda n: 3 - n,
    "negation": lambda n: -n,
    "logic": lambda n: (n > 20) & ~(n > 120),
    "an index": lambda n: n[1:4, ::-1, 2],
    "flipped slices": lambda n: n[::-1],
    "a chain": lambda n: n >> (sw.Median(radius=1) >> sw.Cast("float32")),
    "both operands": lambda n: n * n - (n >> sw.Median(radius=1)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_done_to_a_stack_is_done_to_each_volume(stack, volumes, way):
    made = way(stack)
    result = computed(made)
    assert isinstance(made, sw.Stack)
    assert result.array.tobytes() == arrays(volumes, way).tobytes()
    assert (result.axis, result.coordinates, result.unit) == ("time", (0, 2.5, 5.0), "s")


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("memory", ["2kB", "100MB"])
def test_slabs_that_reach_over_a_border_change_nothing(stack, volumes, memory, workers):
    # Slabs are not cut at the borders of volumes: 15 slices in slabs of 1 to 3.
    result = computed(stack >> sw.Median(radius=1), memory=memory, workers=workers)
    assert np.array_equal(result.array, arrays(volumes, lambda n: n >> sw.Median(radius=1)))


def test_one_image_is_combined_with_every_volume(stack, volumes):
    difference = computed(stack - volumes[0])
    assert np.array_equal(difference.array, np.stack([v.array for v in volumes]).astype(int) - volumes[0].array)
    assert not difference.array[0].any()
    assert np.array_equal(computed(volumes[0] - stack).array, -difference.array)


def test_an_image_stack_stands_wherever_a_stack_stands(stack, volumes):
    image = computed(stack)
    smooth = image >> sw.Median(radius=1)
    assert isinstance(smooth, sw.Stack)
    assert smooth.coordinates == (0, 2.5, 5.0)
    assert np.array_equal(computed(smooth).array, computed(stack >> sw.Median(radius=1)).array)
    assert np.array_equal(computed(stack - image).array, np.zeros(image.shape))
    assert np.array_equal(computed(sw.as_node(image)).array, image.array)


def test_different_filters_over_one_image_are_a_stack_too(volumes):
    scales = volumes[0] >> sw.Stack([sw.Median(radius=1), sw.Median(radius=2)], axis="radius", coordinates=[1, 2])
    expected = [computed(volumes[0] >> sw.Median(radius=r)).array for r in (1, 2)]
    assert np.array_equal(computed(scales).array, np.stack(expected))


def test_the_same_volume_may_stand_in_a_stack_twice(volumes):
    reader = sw.as_node(volumes[0]) >> sw.Median(radius=1)
    result = computed(sw.Stack([reader, reader], axis="time"))
    assert np.array_equal(result.array[0], result.array[1])


# --- what is known without pixels --------------------------------------------------------------------


def test_a_stack_has_the_grid_of_a_volume_and_the_headers_of_all(stack):
    assert stack.shape == (3, 5, 6, 7)
    assert stack.geometry == GRID
    assert stack.geometry.is_regular
    assert len(stack.headers) == 15
    assert (len(stack), [v.shape for v in stack]) == (3, [(5, 6, 7)] * 3)


def test_headers_of_a_stack_are_those_of_its_volumes_in_turn():
    stack = sw.Stack([volume(k, EchoTime=str(k), SliceLocation=list(range(5))) for k in range(2)], axis="EchoTime")
    assert stack.headers["EchoTime"] == [0.0] * 5 + [1.0] * 5
    assert [float(v) for v in stack.headers["SliceLocation"]] == [0, 1, 2, 3, 4] * 2
    image = computed(stack)
    assert image.volumes[1].headers["EchoTime"] == [1.0] * 5


def test_values_take_the_type_that_holds_those_of_all_volumes():
    stack = sw.Stack([volume(1, dtype=np.int16), volume(2, dtype=np.float32)], axis="time")
    assert stack.dtype == np.float32
    assert np.array_equal(computed(stack).array[0], volume(1).array)


@pytest.mark.parametrize(
    ("name", "unit"), [("EchoTime", "ms"), ("DiffusionBValue", "s/mm2"), ("TriggerTime", "ms"), ("time", None)]
)
def test_the_unit_of_an_attribute_is_known(volumes, name, unit):
    assert computed(sw.Stack(volumes, axis=name)).unit == unit
    assert computed(sw.Stack(volumes, axis=name, unit="us")).unit == "us"


def test_equal_stacks_have_equal_keys_and_others_have_not(volumes):
    first = sw.Stack(volumes, axis="time", coordinates=[0, 1, 2])
    assert first.key == sw.Stack(volumes, axis="time", coordinates=[0, 1, 2]).key
    others = [
        sw.Stack(volumes, axis="time", coordinates=[0, 1, 3]),
        sw.Stack(volumes, axis="echo", coordinates=[0, 1, 2]),
        sw.Stack(volumes[::-1], axis="time", coordinates=[0, 1, 2]),
    ]
    assert len({first.key, *(other.key for other in others)}) == 4


def test_a_result_that_is_alive_is_not_computed_again(stack):
    first = computed(stack >> sw.Median(radius=1))
    assert computed(stack >> sw.Median(radius=1)) is first


def test_progress_counts_the_slices_of_all_volumes(stack):
    told = []
    (stack >> sw.Median(radius=1)).update(progress=told.append)
    assert (told[-1].done, told[-1].total) == (15, 15)


def test_explain_shows_volumes_that_are_alike_once(stack, volumes):
    text = (stack >> sw.Median(radius=1)).explain()
    assert text.count("Median") == 1
    assert "3 volumes like this one:" in text
    assert "3 x 5 x 6 x 7 int16" in text
    mixed = sw.Stack([stack.volumes[0], stack.volumes[1] >> sw.Median(radius=1)], axis="time").explain()
    assert "Median" in mixed
    assert "like this one" not in mixed


def test_memory_is_planned_for_a_sink_as_for_what_it_writes(stack, tmp_path):
    smooth = stack >> sw.Median(radius=1)
    texts = [n.explain() for n in (smooth, smooth >> sw.VolumeWriter(tmp_path / "a.nrrd", on_headers="drop"))]
    used, written = (float(text.partition("memory    about ")[2].split()[0]) for text in texts)
    assert written >= used > 0


def test_history_of_a_stack_tells_each_step_once(stack):
    image = computed(stack >> sw.Median(radius=1) >> sw.Cast("float32"))
    assert [step.name for step in image.history] == ["Median", "Cast"]
    assert [step.name for step in image.volumes[2].history] == ["Median", "Cast"]


def test_each_volume_keeps_its_own_history(volumes):
    stack = sw.Stack([volumes[0], volumes[1] >> sw.Median(radius=2)], axis="time")
    first, second = computed(stack).volumes
    assert first.history == ()
    assert [step.description for step in second.history] == ["Median(radius=(2, 2, 2))"]


# --- in memory ----------------------------------------------------------------------------------------


def test_volumes_of_an_image_stack_are_views(stack):
    image = computed(stack)
    assert isinstance(image, sw.ImageStack)
    assert all(np.shares_memory(v.array, image.array) for v in image.volumes)
    assert np.asarray(image).shape == (3, 5, 6, 7)
    assert len(image) == len(list(image)) == 3
    with pytest.raises(ValueError, match="read-only"):
        image.array[0, 0, 0, 0] = 1


def test_simpleitk_sees_four_axes(stack, volumes):
    image = computed(stack).to_sitk()
    assert image.GetSize() == (7, 6, 5, 3)
    assert image.GetSpacing() == pytest.approx((0.7, 0.8, 2.5, 2.5))
    assert image.GetOrigin() == pytest.approx((10, -20, 30, 0))
    third = sitk.Extract(image, (7, 6, 5, 0), (0, 0, 0, 2))
    assert np.array_equal(sitk.GetArrayFromImage(third), volumes[2].array)
    assert np.array(third.GetDirection()).reshape(3, 3) == pytest.approx(GRID.direction)


def test_uneven_coordinates_give_no_spacing(volumes):
    assert computed(sw.Stack(volumes, axis="time", coordinates=[0, 1, 5])).to_sitk().GetSpacing()[3] == 1
    assert computed(sw.Stack(volumes, axis="phase", coordinates=["art", "ven", "late"])).to_sitk().GetOrigin()[3] == 0


def test_a_stack_tells_what_it_is(stack):
    text = repr(computed(stack))
    assert "3 x 5 x 6 x 7 int16" in text
    assert "3 volumes along time: 0, 2.5, 5 s" in text
    assert "3 volumes of InMemory" in repr(stack)


# --- what does not go together -------------------------------------------------------------------------


def test_volumes_on_other_grids_are_refused_by_number(volumes):
    moved = volume(9, geometry=Geometry.from_box((7, 6, 5), (0.7, 0.8, 2.5), (10, -20, 31), GRID.direction))
    with pytest.raises(errors.SpaceMismatchError, match=r"volume 0 and volume 2 of the stack.*\n.*position.*1 mm"):
        sw.Stack([*volumes[:2], moved], axis="time")


def test_volumes_in_other_frames_of_reference_are_refused():
    with pytest.raises(
        errors.SpaceMismatchError, match=r"frames of reference \(FrameOfReferenceUID 1\.2\.3 and 1\.2\.4"
    ):
        sw.Stack([volume(1, FrameOfReferenceUID="1.2.3"), volume(2, FrameOfReferenceUID="1.2.4")], axis="time")


def test_volumes_of_several_patients_are_refused(volumes):
    other = sw.Image.from_array(volumes[0].array, geometry=GRID, headers=Headers(5).replace(PatientID="Q"))
    with pytest.raises(errors.PatientMismatchError, match="volume 1"):
        sw.Stack([volumes[0], other], axis="time")


def test_masks_and_values_are_no_stack(volumes):
    with pytest.raises(errors.GraphError, match="masks"):
        sw.Stack([volumes[0], sw.as_node(volumes[1]) > 3], axis="time")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"volumes": [], "axis": "time"}, "at least one"),
        ({"axis": ""}, "'axis' must be a name"),
        ({"axis": "time", "coordinates": [1, 2]}, r"one for each of 3 volumes \(got 2\)"),
        ({"axis": "time", "coordinates": "abc"}, "one number or text per volume"),
        ({"axis": "time", "coordinates": [1, 2, float("nan")]}, "numbers or texts"),
        ({"axis": "time", "coordinates": [1, 2, None]}, "numbers or texts"),
        ({"axis": "time", "unit": 3}, "'unit' must be a name"),
    ],
)
def test_parameters_that_cannot_work_are_refused(volumes, arguments, message):
    with pytest.raises(errors.ParameterError, match=message):
        sw.Stack(**{"volumes": volumes, **arguments})


def test_stacks_of_other_lengths_or_axes_are_not_combined(stack, volumes):
    with pytest.raises(errors.GraphError, match=r"as many volumes \(got 3 and 2\)"):
        _ = stack * sw.Stack(volumes[:2], axis="time")
    with pytest.raises(errors.GraphError, match="different axes, 'time' and 'EchoTime'"):
        _ = stack * sw.Stack(volumes, axis="EchoTime")


def test_stacks_have_one_axis(stack):
    with pytest.raises(errors.GraphError, match="a stack itself"):
        sw.Stack([stack, stack], axis="echo")


def test_a_node_for_one_volume_never_takes_a_stack_for_one(stack):
    node = sw.Median(radius=1, input=stack)
    for ask in (lambda: node.info, lambda: computed(node), node.explain):
        with pytest.raises(errors.GraphError, match="Median takes one volume, and its input is a stack of 3"):
            ask()
    with pytest.raises(errors.GraphError, match="its like is a stack of 3"):
        _ = stack.volumes[0] >> sw.Resample(like=stack)


def test_a_sink_for_one_volume_refuses_a_stack(stack):
    from slicewise.pipeline.node import node
    from slicewise.pipeline.run import Sink

    @node
    class Hospital(Sink):
        pass

    with pytest.raises(errors.GraphError, match="Hospital takes one volume"):
        _ = stack >> Hospital()


# --- files of four axes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nii", "a.nii.gz"])
def test_a_stack_is_written_as_a_file_of_four_axes(stack, volumes, tmp_path, name):
    path = (stack >> sw.VolumeWriter(tmp_path / name, on_headers="drop")).update(progress=False)
    image = sitk.ReadImage(path)
    assert image.GetSize() == (7, 6, 5, 3)
    assert image.GetSpacing() == pytest.approx((0.7, 0.8, 2.5, 2.5))
    assert np.array_equal(sitk.GetArrayFromImage(image), np.stack([v.array for v in volumes]))
    for k, expected in enumerate(volumes):
        read = sw.VolumeReader(path, time=k)
        assert np.array_equal(computed(read).array, expected.array)
        assert read.geometry.positions == pytest.approx(GRID.positions, abs=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("axis", "stated"),
    [
        (("time", [1000, 3500, 6000], "ms"), (2.5, 1.0, "sec")),
        (("TriggerTime", [0, 40, 80], None), (0.04, 0.0, "sec")),
        (("EchoTime", [2.5, 5, 7.5], None), (1.0, 0.0, "unknown")),  # no time that passes
        (("time", [0, 1, 2], None), (1.0, 0.0, "unknown")),
        (("time", [0, 1, 5], "s"), (1.0, 0.0, "unknown")),
        (("time", None, "s"), (1.0, 0.0, "unknown")),
    ],
)
def test_nifti_states_times_in_seconds_and_nothing_it_cannot(volumes, tmp_path, suffix, axis, stated):
    name, coordinates, unit = axis
    step, start, known = stated
    stack = sw.Stack(volumes, axis=name, coordinates=coordinates, unit=unit)
    path = (stack >> sw.VolumeWriter(tmp_path / f"a{suffix}", on_headers="drop")).update(progress=False)
    header = nibabel.load(path).header
    assert header["pixdim"][4] == pytest.approx(step)
    assert header["toffset"] == pytest.approx(start)
    assert header.get_xyzt_units() == ("mm", known)
    assert nibabel.load(path).shape == (7, 6, 5, 3)


def test_legacy_vtk_holds_one_volume(tmp_path):
    plain = Geometry.from_box((7, 6, 5))
    stack = sw.Stack([volume(k, geometry=plain) for k in range(2)], axis="time")
    with pytest.raises(errors.GeometryError, match="holds one volume, and there are 2"):
        _ = stack >> sw.VolumeWriter(tmp_path / "a.vtk")
