"""Pictures of graphs: every node once, nothing upon another, and what is told is true."""

from __future__ import annotations

import itertools
import random
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import slicewise as sw
from slicewise.display.layers import layered
from slicewise.errors import ParameterError, ReadError

SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg):
    """Return the texts of each box, by where it is."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):  # noqa: S314 - our own
        rect = group.find(f"{SVG}rect")
        place = tuple(float(rect.get(name)) for name in ("x", "y", "width", "height"))
        found[place] = [text.text for text in group.iter(f"{SVG}text")]
    return found


@pytest.fixture(scope="module")
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


def test_a_picture_tells_names_parameters_sizes_and_types(ct):
    told = [*boxes(sw.draw(ct >> sw.Median(1) >> sw.Crop.box(0, (40, 30, 10)) >> sw.Cast("float64")).svg).values()]
    assert told[0][0] == "SeriesReader"
    assert told[0][2].split() == ["12", "×", "56", "×", "72", "int16"]
    assert told[1][:2] == ["Median", "1"]
    assert told[3][0:2] == ["Cast", "float64"]
    assert told[3][2].split() == ["10", "×", "30", "×", "40", "float64"]


def test_what_is_shared_is_drawn_once_and_inputs_are_named(ct):
    smooth = ct >> sw.Gaussian(2.0)
    drawing = sw.draw(sw.where(smooth > 100, ct - smooth, 0))
    names = [told[0] for told in boxes(drawing.svg).values()]
    assert sorted(names) == ["Gaussian", "SeriesReader", "greater", "subtract", "where"]
    assert drawing.svg.count("<path") == 6
    assert re.findall(r">(left|right|inside|condition)<", drawing.svg) == ["left", "right", "inside", "condition"]


def test_what_needs_the_whole_volume_is_marked(ct):
    drawing = sw.draw(ct >> sw.Median(1) >> sw.sitk.OtsuThreshold())
    assert drawing.svg.count('stroke-dasharray="5 3"') == 1
    whole = [told for told in boxes(drawing.svg).values() if "whole" in told[-1]]
    assert [told[0] for told in whole] == ["sitk.OtsuThreshold"]
    assert "class n2 whole" in drawing.mermaid


def test_volumes_alike_are_drawn_once_with_their_number(phantom_ct):
    readers = [sw.SeriesReader(phantom_ct.folder) for _ in range(5)]
    drawing = sw.draw(sw.Stack(readers, axis="time") >> sw.Median(1))
    assert len(boxes(drawing.svg)) == 3
    assert ">5 volumes<" in drawing.svg
    assert 'n1 -- "5 volumes" --> n2' in drawing.mermaid


@pytest.mark.parametrize("seed", range(12))
def test_no_box_lies_upon_another_and_inputs_are_above(seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    count = chance.randint(1, 40)
    inputs = {k: sorted({chance.randrange(k) for _ in range(chance.randint(0, 3))}) if k else [] for k in range(count)}
    layout = layered(inputs)
    assert set(layout.places) == set(range(count))
    for n, sources in inputs.items():
        for source in sources:
            assert layout.places[source][1] < layout.places[n][1]
            layers = [layer for _, layer in layout.lines[source, n]]
            assert layers == [*range(layout.places[source][1] + 1, layout.places[n][1])]
    for (a, level_a), (b, level_b) in itertools.combinations(layout.places.values(), 2):
        assert level_a != level_b or abs(a - b) >= 1 - 1e-9
    for column, _ in layout.places.values():
        assert column >= -1e-9


def test_a_chain_stands_in_one_column():
    layout = layered({k: [k - 1] if k else [] for k in range(40)})
    assert [layer for _, layer in layout.places.values()] == [*range(40)]
    assert len({round(column, 6) for column, _ in layout.places.values()}) == 1


def test_texts_of_files_cannot_become_markup(phantom_ct, tmp_path):
    folder = tmp_path / '<b>&"];x'
    folder.symlink_to(phantom_ct.folder)
    drawing = sw.draw(sw.SeriesReader(folder))
    ET.fromstring(drawing.svg)  # noqa: S314 - our own
    assert "<b>" not in drawing.svg
    label = re.search(r'n0\(\["(.*)"\]\)', drawing.mermaid)[1]
    assert "#60;b#62;#38;#34;];x" in label


def test_a_drawing_is_saved_and_shows_itself(tmp_path):
    drawing = sw.draw(sw.Image.from_array(np.zeros((2, 3, 4), np.int16)))
    assert drawing.save(tmp_path / "a.svg").read_text(encoding="utf-8") == drawing._repr_svg_()
    assert drawing.save(tmp_path / "a.mmd").read_text(encoding="utf-8").startswith("flowchart TD\n")
    with pytest.raises(ParameterError, match=r"must end in \.svg or \.mmd"):
        drawing.save(tmp_path / "a.png")
    with pytest.raises(ReadError, match="no such file or folder"):
        sw.draw(sw.SeriesReader("nowhere"))


def test_what_is_open_is_drawn_without_sizes():
    told = [*boxes(sw.draw(sw.Median(2) >> sw.Gaussian(1.5)).svg).values()]
    assert told == [["Median", "2"], ["Gaussian", "1.5"]]
