"""Labels are shown where they are, in the colours of their segments."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from segmentation_makers import edited, headers_of, write_segmentation
from slicewise.display.images import image_html
from slicewise.display.labels import label_table_html, preview_html
from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.image.pictures.labels import overlaid
from slicewise.image.pictures.surfaces import surface_views

RED, GREEN = (250, 10, 10), (20, 240, 30)


def test_labels_are_drawn_over_the_picture_and_nowhere_else():
    grey = np.full((20, 30), 100, np.uint8)
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 8:22] = 1
    picture = overlaid(grey, labels, {1: RED})
    assert (picture[labels == 0] == 100).all()
    assert (picture[5, 8:22] == RED).all()  # the border
    inside = picture[10, 15].astype(int)
    assert inside[0] > 100 > inside[1]  # the picture shows through


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "SPL", "ASR"])
def test_surfaces_are_seen_from_where_they_say(orientation):
    labels = np.zeros((40, 50, 60), np.uint8)  # z, y, x in LPS
    labels[30:38, 5:15, 5:15] = 1  # at the head, in front, at the right
    labels[3:9, 35:48, 45:58] = 2  # at the feet, behind, at the left
    image = sw.Image.from_array(labels, geometry=sw.Geometry.from_box((60, 50, 40), (1, 1, 2), (0, 0, 0)))
    turned = (sw.as_node(image) >> sw.Reorient(orientation)).update(progress=False)
    views = {view.name: view for view in surface_views(turned.array, turned.geometry, {1: RED, 2: GREEN})}
    for name, place in (("front", "up left"), ("left", "up left"), ("feet", "up left")):
        picture = views[f"from the {name}"].picture.astype(int)
        red, green = picture[..., 0] > 2 * picture[..., 1], picture[..., 1] > 2 * picture[..., 0]
        assert red.any(), name
        assert green.any(), name
        row, column = (np.argwhere(red).mean(axis=0) < np.argwhere(green).mean(axis=0)).tolist()
        assert f"{'up' if row else 'down'} {'left' if column else 'right'}" == place, name


def test_what_is_in_front_hides_what_is_behind():
    labels = np.zeros((20, 40, 20), np.uint8)
    labels[5:15, 5:10, 5:15], labels[5:15, 30:35, 5:15] = 1, 2
    geometry = sw.Geometry.from_box((20, 40, 20), (1, 1, 1), (0, 0, 0))
    front = surface_views(labels, geometry, {1: RED, 2: GREEN})[0].picture.astype(int)
    assert (front[..., 0] >= front[..., 1]).all()


@pytest.fixture
def reader(tmp_path, phantom_ct):
    ct = sw.SeriesReader(phantom_ct.folder)
    labels = np.zeros(ct.shape, np.uint8)
    labels[2:8, 10:30, 10:40], labels[5:10, 35:50, 30:60] = 1, 2
    path = write_segmentation(tmp_path / "seg.dcm", headers_of(phantom_ct.paths), labels, [1, 2])

    def colour(dataset):
        dataset.SegmentSequence[0].RecommendedDisplayCIELabValue = list(
            sw.Segment("A", ("1", "2", "3"), ("1", "2", "3")).with_rgb(RED).colour
        )

    return sw.SegmentationReader(edited(path, colour), source=ct)


def test_a_preview_shows_segments_over_the_image(reader, tmp_path):
    preview = sw.preview_labels(reader, reader.source)
    assert [(entry.label, entry.name) for entry in preview.entries] == [(1, "Liver"), (2, "Spleen")]
    assert np.abs(np.array(preview.entries[0].colour) - RED).max() <= 2
    html = preview_html(preview)
    assert "1: Liver" in html
    assert html.count("<figure>") == 4 + 3
    for data in re.findall(r"base64,([^\"]+)", html):
        (tmp_path / "one.png").write_bytes(base64.b64decode(data))
        assert sitk.ReadImage(tmp_path / "one.png").GetNumberOfComponentsPerPixel() == 3
    saved = sitk.GetArrayFromImage(sitk.ReadImage(preview.save(tmp_path / "sheet.png")))
    red = (saved[..., 0] > 150) & (saved[..., 1] < 60)
    assert red.any()


def test_a_segmentation_in_memory_shows_its_segments(reader):
    html = image_html(reader.update(progress=False))
    assert "labels of segments" in html
    assert "2: Spleen" in html
    changed = (reader >> sw.sitk.BinaryThreshold(lower_threshold=1)).update(progress=False)
    assert "labels of segments" not in image_html(changed)


def test_statistics_are_shown_as_a_table(reader):
    html = label_table_html(sw.label_statistics(reader.source, reader, progress=False))
    assert "<td>Liver</td><td>3600</td>" in html


def test_what_does_not_fit_is_refused(reader):
    with pytest.raises(SpaceMismatchError):
        sw.preview_labels(reader, reader.source[1:])
    with pytest.raises(ParameterError, match="integers"):
        sw.preview_labels(reader.source >> sw.Cast("float32"))
