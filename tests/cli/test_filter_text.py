"""Filters on the command line mean what they mean in Python."""

from __future__ import annotations

import pytest
import typer

import slicewise as sw
from slicewise.cli.filter_text import chain, parse_filter
from slicewise.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("median", sw.Median()),
        ("median:2", sw.Median(2)),
        ("median:radius=1", sw.Median(radius=1)),
        ("median:radius=1,2,0", sw.Median(radius=(1, 2, 0))),
        ("Median(radius=(1, 2, 0))", sw.Median(radius=(1, 2, 0))),
        ("sw.Median(1)", sw.Median(1)),
        (
            "resample: spacing = 1, 1.5, none , interpolator=nearest",
            sw.Resample(spacing=(1, 1.5, None), interpolator="nearest"),
        ),
        ("clip:lower=-100,upper=300", sw.Clip(-100, 300)),
        ("median:1,2,0", sw.Median((1, 2, 0))),
        ("clip:lower=-1e3", sw.Clip(lower=-1e3)),
        ("cast:float32", sw.Cast("float32")),
        ("window:center=40,width=400,output=0,1000,dtype=uint16", sw.Window(40, 400, (0, 1000), "uint16")),
        ("sitk.CurvatureFlow:time_step=0.1", sw.sitk.CurvatureFlow(time_step=0.1)),
        ("sitk.curvature_flow(time_step=0.1)", sw.sitk.CurvatureFlow(time_step=0.1)),
    ],
)
def test_text_and_python_make_the_same_node(text, node):
    parsed = parse_filter(text)
    assert type(parsed) is type(node)
    assert parsed.identity == node.identity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "median:",
        ":radius=1",
        "median radius=1",
        "median(radius=1",
        "Median(**x)",
        "median:radius=1,radius",
        "9lives",
    ],
)
def test_what_cannot_be_understood_is_said_so(text):
    if text == "median:":
        assert parse_filter(text).identity == sw.Median().identity
        return
    with pytest.raises((typer.BadParameter, ParameterError)):
        parse_filter(text)


def test_nothing_is_evaluated(tmp_path):
    for text in (f"median:radius=open('{tmp_path}/x','w')", f"Median(radius=open('{tmp_path}/x','w'))"):
        with pytest.raises((typer.BadParameter, ParameterError)):
            parse_filter(text)
    assert not (tmp_path / "x").exists()


def test_a_wrong_value_is_the_filters_own_error():
    with pytest.raises(ParameterError, match="'radius' must be an integer"):
        parse_filter("median:radius=-1")


def test_unknown_filters_of_simpleitk_are_named():
    with pytest.raises(typer.BadParameter, match="CurvatureFlw"):
        parse_filter("sitk.CurvatureFlw")


def test_filters_follow_each_other(phantom_ct):
    result = chain(sw.SeriesReader(phantom_ct.folder), ["median:1", "gaussian:sigma=2"])
    assert [n.name for n in result.walk()] == ["SeriesReader", "Median", "Gaussian"]


def test_another_series_can_lend_its_grid(phantom_ct):
    node = parse_filter(f"resample:like=@{phantom_ct.folder}")
    assert node.inputs["like"].geometry.size == (72, 56, 12)
