"""Recipes as people write them: what they mean, what they must not do, and what is said where they are wrong."""

from __future__ import annotations

import functools
import math
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.sr.codedict import codes

import slicewise as sw
from slicewise.errors import ReadError, RecipeError, SlicewiseWarning

IMAGE = sw.Image.from_array(np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5))
SECRET = "0123456789abcdef"  # noqa: S105 - of nobody
VERSIONS = """\
versions: {Median: 1, Gaussian: 1, Function: 1, add: 1, sitk.CurvatureFlow: 1, Resample: 1, LookupTable: 1,
  "os:system": 1}
"""


def text(body: str, *, result: str = "m") -> str:
    return f"slicewise: 1\nnodes:\n  ct: {{node: Image}}\n  m:\n{body}result: {result}\n{VERSIONS}"


def median(more: str) -> str:
    return text(f"    node: Median\n    input: ct\n    {more}\n")


def module_level(array):
    return array


called = []


@functools.cache
def wrapped_by_another(**given):
    called.append(given)


# --- what recipes mean ------------------------------------------------------------------------------


def test_a_recipe_by_hand_makes_what_python_makes():
    recipe = sw.Recipe.from_yaml("""\
# a comment
slicewise: 1
nodes:
  b: {node: less, left: 100, right: a}     # order does not matter
  a: {node: Median, input: ct, radius: [1, 1, 0]}
  ct: {node: Image}
  c: {node: where, condition: b, inside: ct, outside: -1.5e3}
  d: {node: Select, input: c, slices: !slice "1:"}
result: d
versions: {less: 1, Median: 1, where: 1, Select: 1}
""")
    a = IMAGE >> sw.Median((1, 1, 0))
    expected = sw.where(a > 100, IMAGE, -1500.0)[1:]
    made = recipe.build(ct=IMAGE)
    assert np.array_equal(made.update(progress=False).array, expected.update(progress=False).array)
    assert recipe.inputs == ("ct",)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("0x1F", 31),
        ("010", 10),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ('"1"', "1"),
        ("[1, [2, x]]", (1, (2, "x"))),
    ],
)
def test_words_are_those_of_yaml_1_2(written, value):
    recipe = sw.Recipe.from_yaml(median(f"radius: {written}"))
    found = recipe.nodes[-1].fields["radius"]
    assert found == value
    assert type(found) is type(value)


def test_numbers_are_written_exactly():
    numbers = [0.1, 1 / 3, 1e22, 5e-324, -0.0, 1.7976931348623157e308, 123456789.123456789]
    for number in numbers:
        written = sw.Recipe.of(sw.Clip(lower=number)).to_yaml()
        found = sw.Recipe.from_yaml(written).build().lower
        assert np.float64(found).tobytes() == np.float64(number).tobytes()


def test_what_is_left_at_its_default_is_not_written():
    written = sw.Recipe.of(sw.Resample(spacing=(1, 1, 1)) >> sw.SeriesWriter("out", series_number=7)).to_yaml()
    assert written.splitlines()[1:10] == [
        "nodes:",
        "  resample:",
        "    node: Resample",
        "    spacing: 1.0",
        "  writer:",
        "    node: SeriesWriter",
        "    input: resample",
        "    folder: out",
        "    series_number: 7",
    ]


SEGMENTING = """\
slicewise: 1
parameters: {{tool: {{default: by eye}}}}
nodes:
  mask: {{node: Image}}
  seg:
    node: SegmentationWriter
    input: mask
    path: seg.dcm
    template: !SegmentTemplate
      algorithm_type: AUTOMATIC
      algorithm_name: "${{tool}}"
      segments: {segments}
result: seg
versions: {{SegmentationWriter: 1}}
"""
LIVER = ("10200004", "SCT", "Liver")


def template_of(segments):
    return sw.Recipe.from_yaml(SEGMENTING.format(segments=segments)).build(mask=sw.SegmentationReader("x")).template


@pytest.fixture
def no_check(monkeypatch):
    """Let a writer be that has nothing to write."""
    monkeypatch.setattr(sw.SegmentationWriter, "check", lambda self: None)


def test_segments_are_written_as_codes_or_by_their_names(no_check):
    known = {
        "{1: Liver}": sw.Segment("Liver", LIVER, codes.SCT.AnatomicalStructure),
        "{1: ['10200004', SCT, Liver]}": sw.Segment("Liver", LIVER, codes.SCT.AnatomicalStructure),
        "{1: {label: L, type: liver, category: Tissue}}": sw.Segment("L", LIVER, codes.SCT.Tissue),
        "{1: {type: Kidney, type_modifiers: Left, algorithm_type: MANUAL}}": sw.Segment(
            "Kidney",
            codes.SCT.Kidney,
            codes.SCT.AnatomicalStructure,
            type_modifiers=[codes.SCT.Left],
            algorithm_type="MANUAL",
        ),
        "{1: {type: Neoplasm, anatomic_region: ['10200004', SCT, Liver], colour: [1, 2, 3]}}": sw.Segment(
            "Neoplasm",
            codes.SCT.Neoplasm,
            codes.SCT.MorphologicallyAbnormalStructure,
            anatomic_region=LIVER,
            colour=(1, 2, 3),
        ),
    }
    for text, segment in known.items():
        expected = sw.SegmentTemplate({1: segment}, algorithm_type="AUTOMATIC", algorithm_name="by eye")
        assert template_of(text) == expected
    several = template_of("[{1: Liver}, {1: Spleen}]")
    assert [one[1].type.meaning for one in several.segments] == ["Liver", "Spleen"]


def test_of_segments_what_follows_is_not_written():
    template = sw.SegmentTemplate(
        {
            1: LIVER,
            2: sw.Segment("Lesion", codes.SCT.Neoplasm, codes.SCT.MorphologicallyAbnormalStructure),
            3: sw.Segment("Spleen", codes.SCT.Spleen, codes.SCT.Tissue, algorithm_type="MANUAL", further='{"a": 1}'),
        },
        algorithm_type="AUTOMATIC",
        algorithm_name="a network",
    )
    lines = sw.Recipe.of(sw.SegmentationWriter("seg.dcm", template)).to_yaml().splitlines()
    assert lines[5:19] == [
        "    template: !SegmentTemplate",
        "      segments:",
        "        1: ['10200004', SCT, Liver]",
        "        2:",
        "          label: Lesion",
        "          type: ['108369006', SCT, Neoplasm]",
        "        3:",
        "          type: ['78961009', SCT, Spleen]",
        "          category: ['85756007', SCT, Tissue]",
        "          algorithm_type: MANUAL",
        """          further: '{"a": 1}'""",
        "      algorithm_type: AUTOMATIC",
        "      algorithm_name: a network",
        "result: writer",
    ]


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        ("{1: Lver}", "segment 1, type: no code is named 'Lver'; did you mean 'Liver'"),
        ("{1: [10200004, SCT, Liver]}", "segment 1, type: the value of a code stands in quotes"),
        ("{1: {label: Liver}}", "segment 1: 'type' is missing"),
        ("{1: {type: Liver, region: Abdomen}}", "segment 1 has no 'region': it has label, type, category, "),
        ("{0: Liver}", "a label must be a whole number from 1 on"),
        ("{1: Artery}", "the standard has Tissue and Anatomical Structure for 'Artery', so that it must be said"),
        ("Liver", "'segments' are written by their labels, e.g. segments: {1: Liver}"),
        ("{1: {type: Liver, algorithm_type: BYHAND}}", "'algorithm_type' must be one of AUTOMATIC, SEMIAUTOMATIC"),
    ],
)
def test_what_is_wrong_with_a_segment_is_told_with_its_line(no_check, segments, told):
    with pytest.raises(RecipeError) as raised:
        template_of(segments)
    assert str(raised.value).startswith("recipe, line 9: seg.template is no !SegmentTemplate: ")
    assert told in str(raised.value)


def test_parameters_stand_for_whole_values():
    recipe = sw.Recipe.from_yaml(
        "slicewise: 1\nparameters:\n  width: 2\n  high: {help: the upper end}\nnodes:\n"
        "  ct: {node: Image}\n  m: {node: Median, input: ct, radius: ['${width}', '${width}', 0]}\n"
        "  c: {node: Clip, input: m, upper: '${high}'}\n"
        "result: c\nversions: {Median: 1, Clip: 1}\n"
    )
    assert [(p.name, p.is_required, p.help) for p in recipe.parameters] == [
        ("width", False, ""),
        ("high", True, "the upper end"),
    ]
    made = recipe.build(ct=IMAGE, values={"high": 9.5, "width": 1})
    assert made.key == (sw.as_node(IMAGE) >> sw.Median((1, 1, 0)) >> sw.Clip(upper=9.5)).key
    assert sw.Recipe.from_yaml(recipe.to_yaml()) == recipe
    with pytest.raises(RecipeError, match=r"c\.upper is missing: give it, values=\{'high': \.\.\.\}"):
        recipe.build(ct=IMAGE)


def test_a_reader_can_be_replaced_and_so_can_a_stack(phantom_ct):
    recipe = sw.Recipe.of(sw.SeriesReader(phantom_ct.folder) >> sw.Median(1))
    assert recipe.inputs == ("input",)
    assert recipe.build(input=IMAGE).key == (sw.as_node(IMAGE) >> sw.Median(1)).key
    stack = sw.Stack([IMAGE, IMAGE], axis="time")
    assert recipe.build(input=stack).key == (stack >> sw.Median(1)).key


def test_several_inputs_have_the_names_of_what_they_are_for(phantom_ct):
    fixed, moving = sw.SeriesReader(phantom_ct.folder), sw.SeriesReader(list(phantom_ct.paths))
    recipe = sw.Recipe.of((moving >> sw.Resample(like=fixed)) - fixed)
    assert set(recipe.inputs) == {"left", "like"}
    assert len(recipe.nodes) == 4


def test_an_open_chain_stays_open():
    chain = sw.Recipe.of(sw.Median(1) >> sw.Gaussian(2.0)).build()
    assert (sw.as_node(IMAGE) >> chain).key == (sw.as_node(IMAGE) >> sw.Median(1) >> sw.Gaussian(2.0)).key


# --- what cannot travel -----------------------------------------------------------------------------


def test_what_cannot_be_written_is_told_and_asked_for():
    def local(array):
        return array

    table = np.random.default_rng(0).integers(0, 99, 2**16)
    node = (
        sw.as_node(IMAGE)
        >> sw.Function(lambda array: array)
        >> sw.Function(local)
        >> sw.LookupTable(table)
        >> sw.Deidentify(secret=SECRET)
    )
    recipe = sw.Recipe.of(node)
    assert {name: reason.partition(":")[0] for name, reason in recipe.missing.items()} == {
        "function.function": "a lambda has no name to import it by",
        "function_2.function": "the function local is defined within another, and cannot be imported",
        "lookup_table.table": "an array of 524288 bytes of int64 is not written (256 KiB of numbers at most)",
        "deidentify.secret": "a secret is not written into recipes",
    }
    assert SECRET not in recipe.to_yaml()
    again = sw.Recipe.from_yaml(recipe.to_yaml())
    assert again.missing == recipe.missing
    with pytest.raises(RecipeError, match=r"line 8: function\.function is missing: a lambda has no name"):
        again.build(input=IMAGE)
    first, second = (n.function for n in [*node.walk()][1:3])
    values = {
        "function.function": first,
        "function_2.function": second,
        "lookup_table.table": table,
        "deidentify.secret": SECRET,
    }
    assert again.build(input=IMAGE, values=values).key == node.key


def test_a_class_of_nodes_that_cannot_be_imported_is_asked_for():
    class Own(sw.Median):
        pass

    recipe = sw.Recipe.of(sw.as_node(IMAGE) >> Own(1) >> sw.Gaussian(1.0))
    assert [*recipe.missing] == ["own"]
    node = sw.as_node(IMAGE) >> sw.Median(2)
    assert sw.Recipe.from_yaml(recipe.to_yaml()).build(own=node).key == (node >> sw.Gaussian(1.0)).key
    with pytest.raises(RecipeError, match="own is missing: the function Own is defined within another"):
        recipe.build(input=IMAGE)


# --- what must not happen ---------------------------------------------------------------------------


def test_nothing_is_imported_or_called_that_is_not_allowed(tmp_path, monkeypatch):
    (tmp_path / "unasked_for.py").write_text("raise SystemExit\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    refused = [
        text("    node: unasked_for:thing\n    input: ct\n").replace("os:system", "unasked_for:thing"),
        text("    node: Function\n    input: ct\n    function: !function unasked_for:thing\n"),
        text("    node: Function\n    input: ct\n    function: !function os:system\n"),
        text("    node: Function\n    input: ct\n    function: !partial [!function os:system, [ls], {}]\n"),
    ]
    for one in refused:
        recipe = sw.Recipe.from_yaml(one)
        with pytest.raises(RecipeError, match=r"is not slicewise's own, and nothing of (unasked_for|os) is imported"):
            recipe.build(ct=IMAGE)
    assert "unasked_for" not in sys.modules


def test_what_an_allowed_module_has_imported_is_not_allowed_with_it():
    for name in (f"{__name__}:sys.exit", f"{__name__}:functools.partial", f"{__name__}:math", "numpy:os.system"):
        recipe = sw.Recipe.from_yaml(text(f"    node: Function\n    input: ct\n    function: !function {name}\n"))
        with pytest.raises(RecipeError, match="defines no function or class"):
            recipe.build(ct=IMAGE, allow_modules=[__name__, "numpy"])


def test_what_is_no_filter_is_not_called_where_a_node_is_wanted():
    for name in ("wrapped_by_another", "module_level"):
        recipe = sw.Recipe.from_yaml(
            text(f"    node: {__name__}:{name}\n    number: 1\n")
            .replace("os:system", f"{__name__}:{name}")
            .replace("  ct: {node: Image}\n", "")
        )
        with pytest.raises(RecipeError, match=r"is no filter: a node class or what @sw\.filter made is wanted"):
            recipe.build(allow_modules=[__name__])
    sw.Recipe.of(sw.as_node(IMAGE) >> sw.Function(functools.partial(wrapped_by_another.__wrapped__, a=1)))
    assert called == []


def test_functions_that_are_given_or_allowed_are_used():
    node = sw.as_node(IMAGE) >> sw.Function(module_level) >> sw.Function(functools.partial(module_level))
    recipe = sw.Recipe.of(node)
    assert recipe.missing == {}
    assert recipe.build(input=IMAGE, functions=[module_level]).key == node.key
    assert recipe.build(input=IMAGE, allow_modules=[__name__]).key == node.key


@pytest.mark.parametrize(
    "radius",
    [
        "!!python/object/apply:os.system [ls]",
        "!!python/name:os.system",
        "!exec ls",
        "!!set {a}",
        "!!timestamp 2026-01-01",
    ],
)
def test_tags_of_python_are_refused(radius):
    with pytest.raises(RecipeError, match=r"line 7: "):
        sw.Recipe.from_yaml(median(f"radius: {radius}")).build(ct=IMAGE)


def test_short_texts_do_not_become_long_ones():
    bomb = "slicewise: 1\nnodes: {a: &a [x, x]}\nresult: *a\n"
    with pytest.raises(RecipeError, match="line 3: is no YAML: aliases"):
        sw.Recipe.from_yaml(bomb)
    with pytest.raises(RecipeError, match="nested too deeply"):
        sw.Recipe.from_yaml("slicewise: 1\nnodes: " + "[" * 5000)
    table = "!array {dtype: float64, shape: [999999999], zlib: eJwDAAAAAAE=}"
    recipe = sw.Recipe.from_yaml(text(f"    node: LookupTable\n    input: ct\n    table: {table}\n"))
    with pytest.raises(RecipeError, match="an array has at most 256 KiB"):
        recipe.build(ct=IMAGE)


# --- what is said -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (text("    node: Medain\n    input: ct\n"), "line 5: there is no filter 'Medain'; did you mean 'Median'?"),
        (
            text("    node: CurvatureFlow\n"),
            "line 5: there is no filter 'CurvatureFlow'; did you mean 'sitk.CurvatureFlow'?",
        ),
        (
            text("    node: sitk.CurvatureFlo\n"),
            "line 5: SimpleITK has no filter 'CurvatureFlo'; close to it: CurvatureFlow",
        ),
        (median("radios: 1"), "line 7: Median takes no 'radios'; it takes input, radius"),
        (
            median("radius: big"),
            "line 7: m.radius: 'radius' must be an integer, 0 or more, or three of them (got 'big')",
        ),
        (
            text("    node: sitk.CurvatureFlow\n    input: ct\n    time_step: big\n"),
            "line 7: m.time_step: 'time_step' of sitk.CurvatureFlow cannot be 'big': it takes a number",
        ),
        (
            text("    node: Median\n    input: cd\n"),
            "line 6: m.input names 'cd', and there is no such node; there are ct, m",
        ),
        (text("    node: add\n    left: ct\n    right: cd\n"), "line 7: m.right names 'cd', and there is no such node"),
        (text("    node: Median\n    input: 3\n"), "line 6: m.input must be the name of a node (got 3)"),
        (median("input: ct"), "line 7: 'input' stands in m twice, first in line 6"),
        (text("    node: Gaussian\n    input: ct\n"), "line 4: m is a Gaussian and lacks 'sigma'"),
        (
            text("    node: Rescale\n    input: ct\n"),
            "line 5: the version of Rescale is not told; write 'Rescale: 1' under",
        ),
        (text("    node: Median\n    input: ct\n", result="n"), "'result' is to be 'n', and there is no such node"),
        (text("    node: Median\n    input: m\n"), "line 4: m: the nodes go in a circle: m -> m"),
        (median("radius: ${r}"), "line 7: m.radius is ${r}, and there is no such parameter"),
        (
            text("    node: Median\n    input: ct\n  x:\n    node: Median\n    input: ct\n"),
            "line 7: x is not used by 'm'",
        ),
        (
            text("    node: Median\n    input: ct\n  m: {node: Image}\n"),
            "line 7: 'm' stands in 'nodes' twice, first in line 4",
        ),
        (text("    - Median\n"), "line 4: m must say what it is"),
        (text("    input: ct\n"), "line 4: m does not say which node it is"),
        (
            text("    node: Resample\n    input: ct\n"),
            "line 4: m: exactly one of 'spacing', 'size' and 'like' must be given",
        ),
        (
            "slicewise: 2\nnodes: {}\n",
            "is a recipe of version 2, of a newer slicewise; this one knows versions up to 1",
        ),
        ("nodes: {}\nresult: m\n", "says no version; a recipe begins with 'slicewise: 1'"),
        ("slicewise: 1\nresult: m\n", "has no nodes"),
        ("slicewise: 1\nnodes: {a: {node: Image\n}\n", "is no YAML"),
        ("- 1\n- 2\n", "line 1: a recipe must be written as 'name: value'"),
        ("slicewise: 1\nnodez: {}\n", "line 2: a recipe has no 'nodez'"),
        (
            text("    node: Median\n    input: ct\n").replace("Median: 1", "Median: 2"),
            "version 2 of Median, by a newer slicewise",
        ),
        (text("    node: Median\n    input: ct\n").replace("ct", "values"), "line 3: a node cannot be called 'values'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(wrong, told):
    with pytest.raises(RecipeError) as caught:
        sw.Recipe.from_yaml(wrong).build(ct=IMAGE)
    assert told in str(caught.value)


def test_a_file_is_named(tmp_path):
    path = tmp_path / "median.yaml"
    path.write_text(median("radios: 1"), encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"{path}, line 7: Median takes no 'radios'"):
        sw.Recipe.from_yaml(path)
    with pytest.raises(ReadError, match=r"nowhere\.yaml: the recipe cannot be read"):
        sw.Recipe.from_yaml("nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"slicewise: \xff\n")
    with pytest.raises(RecipeError, match="is no text in UTF-8"):
        sw.Recipe.from_yaml(tmp_path / "latin.yaml")


def test_errors_of_images_name_the_node_of_the_recipe(tmp_path):
    recipe = sw.Recipe.from_yaml(
        "slicewise: 1\nnodes:\n  ct: {node: SeriesReader, path: /nowhere}\n  m: {node: Median, input: ct}\n"
        "result: m\nversions: {SeriesReader: 1, Median: 1}\n"
    )
    with pytest.raises(ReadError) as caught:
        recipe.build()
    assert "in recipe, line 3: ct" in caught.value.__notes__


def test_an_older_version_of_a_node_is_told_of(monkeypatch):
    monkeypatch.setattr(sw.Median, "version", 2)
    with pytest.warns(SlicewiseWarning, match="was made with version 1 of Median; version 2 here makes other values"):
        sw.Recipe.from_yaml(median("radius: 1"))


def test_inputs_that_there_are_not_are_refused():
    recipe = sw.Recipe.from_yaml(median("radius: 1"))
    with pytest.raises(RecipeError, match="there is no input 'moving': the inputs are ct"):
        recipe.build(moving=IMAGE)
    with pytest.raises(RecipeError, match="ct is an image, and a recipe holds no pixels"):
        recipe.build()


def test_transforms_by_hand_are_those_of_simpleitk():
    body = (
        "    node: Resample\n    input: ct\n    spacing: 1\n"
        "    transform: !transform\n      kind: {}\n      parameters: {}\n"
    )
    made = sw.Recipe.from_yaml(text(body.format("TranslationTransform", "[1, 2.5, 3]"))).build(ct=IMAGE)
    expected = sw.as_node(IMAGE) >> sw.Resample(spacing=1, transform=sitk.TranslationTransform(3, (1, 2.5, 3)))
    assert made.key == expected.key
    with pytest.raises(RecipeError, match=r"line 8: m\.transform: there is no transform 'Affine' of 3 dimensions"):
        sw.Recipe.from_yaml(text(body.format("Affine", "[1]"))).build(ct=IMAGE)
    with pytest.raises(RecipeError, match=r"line 8: m\.transform: the parameters are none of a Euler3DTransform"):
        sw.Recipe.from_yaml(text(body.format("Euler3DTransform", "[1]"))).build(ct=IMAGE)
