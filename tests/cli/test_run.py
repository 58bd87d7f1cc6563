"""run does what a recipe says, on the images, with the values and to the place that its options name."""

from __future__ import annotations

import json
import os

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from segmentation_judges import by_highdicom


@pytest.fixture
def recipe(phantom_ct, tmp_path):
    """Give the file of a recipe that has parameters."""
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"""\
slicewise: 1
parameters:
  radius: {{default: 1, help: in voxels}}
nodes:
  ct: {{node: SeriesReader, path: {phantom_ct.folder}}}
  smooth: {{node: Median, input: ct, radius: "${{radius}}"}}
  writer: {{node: SeriesWriter, input: smooth, folder: {tmp_path / "usual"}, series_description: Median}}
result: writer
versions: {{SeriesReader: 1, Median: 1, SeriesWriter: 1}}
""",
        encoding="utf-8",
    )
    return path


def values(folder):
    return sw.SeriesReader(folder).update(progress=False).array


def test_a_recipe_is_run_as_it_stands(shell, recipe, phantom_ct, tmp_path):
    told = shell("run", recipe)
    expected = (sw.SeriesReader(phantom_ct.folder) >> sw.Median(1)).update(progress=False).array
    assert np.array_equal(values(tmp_path / "usual"), expected)
    assert f"12 slices written to {tmp_path / 'usual'}" in told


def test_input_output_and_values_can_be_others(shell, recipe, phantom_ct, tmp_path):
    (sw.SeriesReader(phantom_ct.folder)[2:8] >> sw.SeriesWriter(tmp_path / "part")).update(progress=False)
    options = ("--input", tmp_path / "part", "--output", tmp_path / "out", "--set", "radius=2,2,0")
    told = json.loads(shell("run", recipe, *options, "--set", "writer.series_description=other, no", "--json"))
    expected = (sw.SeriesReader(tmp_path / "part") >> sw.Median((2, 2, 0))).update(progress=False).array
    assert np.array_equal(values(tmp_path / "out"), expected)
    assert not (tmp_path / "usual").exists()
    first = pydicom.dcmread(told["paths"][0])
    assert first.SeriesDescription == "other, no"
    assert told["slices"] == 6


def test_a_dry_run_shows_the_plan_and_writes_nothing(shell, recipe, tmp_path):
    told = shell("run", recipe, "--dry-run", "--set", "radius=3", "--output", tmp_path / "out")
    assert "Median(radius=(3, 3, 3))" in told
    assert "3 slices of overlap" in told
    assert [*tmp_path.iterdir()] == [recipe]


def test_a_recipe_without_a_writer_writes_to_output(shell, phantom_ct, tmp_path):
    path = tmp_path / "bone.yaml"
    path.write_text(sw.Recipe.of(sw.SeriesReader(phantom_ct.folder) >> sw.Cast("float32")).to_yaml(), encoding="utf-8")
    shell("run", path, "--output", tmp_path / "out.nrrd", "--set", "cast.dtype=float64", "--quiet")
    read = sw.VolumeReader(tmp_path / "out.nrrd")
    assert read.dtype == np.float64
    assert np.array_equal(read.update(progress=False).array, values(phantom_ct.folder))
    assert "--output" in shell("run", path, code=2)


def test_images_in_memory_are_read_from_where_input_says(shell, phantom_ct, tmp_path):
    image, mask = (sw.SeriesReader(phantom_ct.folder).update(progress=False) for _ in range(2))
    path = tmp_path / "mask.yaml"
    path.write_text(sw.Recipe.of(image >> sw.Mask(sw.as_node(mask) > 100, outside=-5)).to_yaml(), encoding="utf-8")
    where = phantom_ct.folder
    assert "--input input=path" in shell("run", path, "--output", tmp_path / "out", code=1)
    assert "input, mask" in shell("run", path, "--input", where, code=2)
    shell("run", path, "-i", f"input={where}", "-i", f"mask={where}", "-o", tmp_path / "out")
    assert np.array_equal(values(tmp_path / "out"), np.where(image.array > 100, image.array, -5))


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (("--set", "radius=big"), "line 6: smooth.radius: 'radius' must be an integer", 1),
        (("--set", "size=1"), "the parameters are radius", 1),
        (("--set", "smooth.size=1"), "smooth is a Median, which takes input, radius", 1),
        (("--set", "smooth.input=ct"), "names nodes, not a value", 1),
        (("--set", "radius"), "radius=2", 2),
        (("--input", "/nowhere"), "/nowhere: there is no such file or folder", 1),
    ],
)
def test_what_cannot_be_set_is_said(shell, recipe, options, told, code):
    assert told in " ".join(shell("run", recipe, *options, code=code).split())


def test_modules_are_imported_only_if_they_are_allowed(program, phantom_ct, tmp_path, monkeypatch):
    (tmp_path / "house_filters.py").write_text(
        'print("imported")\nimport slicewise as sw\n\n\n@sw.filter(dtype="int32")\ndef plus(array, number=1):\n'
        '    return array.astype("int32") + number\n',
        encoding="utf-8",
    )
    path = tmp_path / "own.yaml"
    path.write_text(
        f"""\
slicewise: 1
nodes:
  ct: {{node: SeriesReader, path: {phantom_ct.folder}}}
  plus: {{node: "house_filters:plus", input: ct, number: 7}}
result: plus
versions: {{SeriesReader: 1, "house_filters:plus": 1}}
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    refused = program("run", path, "--output", tmp_path / "out")
    assert refused.returncode == 1
    assert "imported" not in refused.stdout
    assert "line 4: plus.node: house_filters:plus is not slicewise's own" in refused.stderr
    assert "--allow-module house_filters" in refused.stderr
    done = program("run", path, "--output", tmp_path / "out", "--allow-module", "house_filters")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(values(tmp_path / "out"), values(phantom_ct.folder) + 7)


def test_convert_writes_down_what_it_does(shell, phantom_ct, tmp_path):
    path = tmp_path / "recipe.yaml"
    shell("convert", phantom_ct.folder, tmp_path / "one", "-f", "median:radius=1,1,0", "--recipe", path)
    shell("run", path, "--output", tmp_path / "two")
    assert np.array_equal(values(tmp_path / "one"), values(tmp_path / "two"))


SEGMENTING = """\
slicewise: 1
parameters: {{level: {{default: 300, help: in Hounsfield units}}}}
nodes:
  ct: {{node: SeriesReader, path: {folder}}}
  bone: {{node: greater, left: ct, right: "${{level}}"}}
  seg:
    node: SegmentationWriter
    input: bone
    path: {path}
    template: !SegmentTemplate
      segments: {{1: {{label: Bone, type: Bone tissue}}}}
      algorithm_type: AUTOMATIC
      algorithm_name: a threshold
result: seg
versions: {{SeriesReader: 1, greater: 1, SegmentationWriter: 1}}
"""


@pytest.fixture
def segmenting(phantom_ct, tmp_path):
    """Give the file of a recipe that ends in a segmentation."""
    path = tmp_path / "segmenting.yaml"
    path.write_text(SEGMENTING.format(folder=phantom_ct.folder, path=tmp_path / "bone.dcm"), encoding="utf-8")
    return path


def test_a_recipe_may_end_in_a_segmentation(shell, program, segmenting, phantom_ct, tmp_path):
    told = shell("run", segmenting)
    dataset = pydicom.dcmread(tmp_path / "bone.dcm")
    (segment,) = dataset.SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmName) == ("Bone", "a threshold")
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning) == ("3138006", "SCT", "Bone")
    hounsfield = values(phantom_ct.folder)
    with_bone = int((hounsfield > 300).any(axis=(1, 2)).sum())
    assert np.array_equal(by_highdicom(tmp_path / "bone.dcm", phantom_ct.paths)[..., 0], hounsfield > 300)
    assert told.startswith(
        f"{with_bone} frames written to {tmp_path / 'bone.dcm'}\nseries {dataset.SeriesInstanceUID}\n"
    )

    again = program("run", segmenting)
    assert again.returncode == 1
    assert f"{tmp_path / 'bone.dcm'}: there is a file already" in again.stderr
    other = tmp_path / "other.dcm"
    (sw.SeriesReader(phantom_ct.folder)[2:8] >> sw.SeriesWriter(tmp_path / "part")).update(progress=False)
    shell("run", segmenting, "--input", tmp_path / "part", "--output", other, "--set", "level=100")
    assert np.array_equal(by_highdicom(other, sorted((tmp_path / "part").iterdir()))[..., 0], hounsfield[2:8] > 100)
    shell("run", segmenting, "--set", "seg.path=" + str(other), "--overwrite", "--set", "level=200")
    assert by_highdicom(other, phantom_ct.paths).sum() == (hounsfield > 200).sum()


def test_another_segmentation_can_be_read_instead(shell, segmenting, phantom_ct, tmp_path):
    shell("run", segmenting)
    shell("run", segmenting, "--output", tmp_path / "lower.dcm", "--set", "level=100")
    read = sw.SegmentationReader(tmp_path / "bone.dcm") >> sw.VolumeWriter(tmp_path / "a.nrrd", on_headers="drop")
    (tmp_path / "read.yaml").write_text(sw.Recipe.of(read).to_yaml(), encoding="utf-8")
    shell("run", tmp_path / "read.yaml", "--input", tmp_path / "lower.dcm")
    found = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "a.nrrd"))
    assert found.sum() == (values(phantom_ct.folder) > 100).sum()


def test_the_script_of_a_segmentation_makes_the_same(shell, segmenting):
    text = shell("codify", segmenting)
    assert '{1: sw.Segment("Bone", ("3138006", "SCT", "Bone"), ("85756007", "SCT", "Tissue"))}' in text
    names: dict[str, object] = {"__name__": "script"}
    exec(compile(text, "script.py", "exec"), names)  # noqa: S102 - the point of the test
    assert names["seg"].key == sw.Recipe.from_yaml(segmenting).build().key


def test_codify_prints_the_script_of_a_recipe(shell, recipe, tmp_path):
    text = shell("codify", recipe)
    assert "smooth = ct >> sw.Median(radius)" in text
    shell("codify", recipe, tmp_path / "script.py")
    assert (tmp_path / "script.py").read_text(encoding="utf-8") == text
    names: dict[str, object] = {"__name__": "script"}
    exec(compile(text, "script.py", "exec"), names)  # noqa: S102 - the point of the test
    assert names["writer"].key == sw.Recipe.from_yaml(recipe).build().key
