"""Notebook output is safe, readable, and costs nothing."""

from __future__ import annotations

import base64
import io
import re
import timeit
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
from IPython.core.interactiveshell import InteractiveShell

import slicewise as sw
from slicewise.display import register
from slicewise.display.geometry import geometry_rows
from slicewise.display.headers import headers_html
from slicewise.display.images import image_html, stack_html
from slicewise.display.nodes import node_html
from slicewise.display.tables import comparison_html, discovery_html, report_html, volumes_html, written_html
from slicewise.image import Geometry, Headers, Image
from slicewise.io.compare import compare
from slicewise.io.discover import discover
from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.node import Node

VOID = {"img", "br", "hr"}


class Balanced(HTMLParser):
    """Collects what is shown, and fails where a tag is closed that is not open."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def shown(html):
    return " ".join(Balanced(html).text)


@pytest.fixture(scope="module")
def image(phantom_ct):
    return (sw.SeriesReader(phantom_ct.folder) >> sw.Median(radius=1)).update(progress=False)


def refuse(*_, **__):
    pytest.fail("something was computed to show a node")


def test_showing_a_node_computes_nothing(phantom_ct, monkeypatch):
    smooth = sw.SeriesReader(phantom_ct.folder) >> sw.Median(radius=1)
    mask = (smooth > 100) & (smooth < 300)
    monkeypatch.setattr(type(smooth), "compute", refuse)
    monkeypatch.setattr(SeriesReader, "compute_into", refuse)
    monkeypatch.setattr(Node, "update", refuse)
    told = shown(node_html(mask))
    assert "SeriesReader" in told
    assert "12 × 56 × 72 bool" in told
    assert "5 × 5.5 × 4 mm" in told


def test_showing_a_reader_opens_no_file(tmp_path):
    told = shown(node_html(sw.SeriesReader(tmp_path / "not there")))
    assert "no header was read yet" in told


def test_a_node_without_input_is_shown_too():
    told = shown(node_html(sw.Median(radius=2)))
    assert "(2, 2, 2)" in told
    assert "not connected" in told


def test_a_known_node_is_shown_at_once(phantom_ct):
    smooth = sw.SeriesReader(phantom_ct.folder) >> sw.Median(radius=1)
    node_html(smooth)
    # The best of some: on a busy machine any of them may have to wait.
    assert min(timeit.repeat(lambda: node_html(smooth), number=1, repeat=20)) < 0.03


def test_the_graph_has_a_box_for_each_node_and_a_line_for_each_input(phantom_ct):
    ct = sw.SeriesReader(phantom_ct.folder)
    html = node_html((ct > 100) & (ct < 300))
    assert html.count("<rect") == 4
    assert html.count("<path") == 4


def test_an_image_shows_its_slices(image):
    html = image_html(image)
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", html)]
    assert len(pictures) == 5
    greys = [np.asarray(PIL.Image.open(io.BytesIO(png))) for png in pictures]
    assert all(grey.std() > 10 for grey in greys)
    # In true proportions: 72 x 5 mm wide, 56 x 5.5 mm high.
    assert greys[0].shape == (256, 300)
    told = shown(html)
    assert "12 × 56 × 72 int16" in told
    assert "Median(radius=(1, 1, 1))" in told
    assert "Müller^Jürgen" in told


def test_a_stack_shows_a_slice_of_its_volumes(image):
    stack = sw.Stack([image] * 6, axis="time", coordinates=range(6), unit="s")
    html = stack_html(stack.update(progress=False))
    assert len(re.findall(r"base64,", html)) == 4
    told = shown(html)
    assert "6 × 12 × 56 × 72 int16" in told
    assert "6 volumes along time: 0, 1, 2, 3, 4, 5 s" in told
    assert "12 slices" not in told
    lazy = node_html(stack >> sw.Median(radius=1))
    assert "6 volumes along time" in shown(lazy)
    assert lazy.count("<rect") == 3  # image, filter, stack: of volumes that are alike, one


def test_what_files_say_is_never_html():
    nasty = "<script>alert('x')</script>"
    headers = Headers(2).replace(
        SpecificCharacterSet="ISO_IR 192", PatientName=nasty, SeriesDescription=[nasty, "b & c"]
    )
    image = Image.from_array(np.zeros((2, 3, 4), np.int16), headers=headers)
    for html in (headers_html(headers), image_html(image), node_html(image >> sw.Median(1))):
        assert "<script" not in html
        assert nasty in shown(html)


def test_pictures_without_headers_are_shown():
    colour = Image.from_array(np.full((1, 8, 8, 3), 200, np.uint8))
    mask = Image.from_array(np.zeros((3, 4, 5), np.bool_))
    assert image_html(colour).count("<img") == 1
    assert image_html(mask).count("<img") == 4


def test_headers_show_what_varies_first_and_last(phantom_ct):
    told = shown(headers_html(sw.SeriesReader(phantom_ct.folder).headers))
    assert "12 slices" in told
    assert re.search(r"SliceLocation\s+-22\s+22\b", told)


def test_no_headers_are_shown_as_none():
    assert "0 slices" in shown(headers_html(Headers(0)))


def test_what_was_written_and_what_differs_is_shown(image, phantom_ct, tmp_path):
    written = (image >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert written.series_uid in shown(written_html(written))
    assert "marking of a derived image" in shown(report_html(written.report))
    told = shown(comparison_html(compare(phantom_ct.folder, tmp_path / "out")))
    assert "12 matched by position" in told
    assert "DerivationDescription" in told


def test_what_is_in_a_folder_is_shown(phantom_ct):
    assert "12 slices of 4 mm" in shown(discovery_html(discover(phantom_ct.folder)))


def test_volumes_of_a_series_are_shown(phantom_ct):
    html = volumes_html(sw.read_volumes(phantom_ct.folder))
    assert "the only volume 12" in " ".join(Balanced(html).text)


def test_ipython_shows_values_by_themselves(image, phantom_ct):
    shell = InteractiveShell()
    register(shell)
    show = shell.display_formatter.formatters["text/html"]
    assert "<img" in show(image)
    assert "ImageStack" in show(sw.Stack([image, image], axis="time").update(progress=False))
    assert "<svg" in show(sw.SeriesReader(phantom_ct.folder) >> sw.Median(radius=1))
    assert "attributes" in show(image.headers)
    assert "1 series" in show(discover(phantom_ct.folder))
    assert show(SimpleNamespace()) is None


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], "L, P, H"),
        ([[0, 0, -1], [1, 0, 0], [0, -1, 0]], "P, F, R"),
        ([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]], "L, PH, HA"),
    ],
)
def test_directions_are_told_in_letters(direction, letters):
    geometry = Geometry.from_box((4, 4, 4), direction=direction)
    assert dict(geometry_rows(geometry))["x, y, z grow to"] == letters


def test_what_is_unusual_about_a_grid_is_told():
    positions = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 4, 4)]
    geometry = Geometry(4, 4, (1, 0, 0), (0, 1, 0), (1, 1), positions)
    told = dict(geometry_rows(geometry))
    assert told["sheared"] == "by 45.00 degrees, as under gantry tilt"
    assert told["uneven"].startswith("slices are up to")
