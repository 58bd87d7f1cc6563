"""Statistics of labels: as SimpleITK and numpy compute them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from segmentation_makers import headers_of, write_segmentation
from slicewise.errors import IrregularGeometryError, ParameterError, SpaceMismatchError

SHAPE = (13, 40, 50)
GEOMETRY = sw.Geometry.from_box((50, 40, 13), (0.7, 0.8, 2.5), (10, -20, 30))


@pytest.fixture
def labels():
    found = np.zeros(SHAPE, np.uint8)
    found[2:9, 5:30, 8:40] = 1
    found[4:7, 10:20, 10:30] = 3
    found[11, 20, 20] = 200
    return found


def pair(values, labels):
    return sw.Image.from_array(values, geometry=GEOMETRY), sw.Image.from_array(labels, geometry=GEOMETRY)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.int32])
@pytest.mark.parametrize("memory", [None, "300KB"])
def test_values_are_those_of_simpleitk_and_numpy(labels, dtype, memory):
    values = np.random.default_rng(2).normal(100, 30, SHAPE).clip(0, 250).astype(dtype)
    image, mask = pair(values, labels)
    found = sw.label_statistics(image, mask, memory=memory, percentiles=(2.5, 50, 90), progress=False)
    intensity, shape = sitk.LabelStatisticsImageFilter(), sitk.LabelShapeStatisticsImageFilter()
    intensity.Execute(image.to_sitk(), mask.to_sitk())
    shape.Execute(mask.to_sitk())
    assert [row["label"] for row in found] == list(shape.GetLabels()) == [1, 3, 200]
    for row in found:
        label = row["label"]
        assert row["voxels"] == shape.GetNumberOfPixels(label)
        assert row["volume"] == pytest.approx(shape.GetPhysicalSize(label) / 1000)
        assert row["mean"] == pytest.approx(intensity.GetMean(label))
        assert row["std"] == pytest.approx(intensity.GetSigma(label), rel=1e-9, abs=1e-9)
        assert (row["min"], row["max"]) == (intensity.GetMinimum(label), intensity.GetMaximum(label))
        percentiles = [row[name] for name in ("p2.5", "p50", "p90")]
        assert np.allclose(percentiles, np.percentile(values[labels == label], (2.5, 50, 90)))


def test_the_result_does_not_depend_on_how_it_was_run(labels):
    image, mask = pair(np.random.default_rng(3).normal(size=SHAPE).astype(np.float32), labels)
    runs = [
        sw.label_statistics(image, mask, memory=memory, workers=workers, progress=False)
        for memory, workers in ((None, 1), ("300KB", 2), ("1MB", 3))
    ]
    assert [list(map(dict, run)) for run in runs[1:]] == [list(map(dict, runs[0]))] * 2


def test_names_come_of_segments_and_absent_ones_are_told(tmp_path, phantom_ct, labels):
    ct = sw.SeriesReader(phantom_ct.folder)
    found = np.zeros(ct.shape, np.uint8)
    found[2:5, 10:20, 10:20] = 1
    path = write_segmentation(
        tmp_path / "seg.dcm", headers_of(phantom_ct.paths), found, [1, 2], omit_empty_frames=False
    )
    table = sw.label_statistics(ct, sw.SegmentationReader(path, source=ct), progress=False)
    assert [(row["label"], row["name"], row["voxels"]) for row in table] == [(1, "Liver", 300), (2, "Spleen", 0)]
    assert table.of("Liver")["unit"] == "HU"
    assert table.of(2)["mean"] is None
    frame = table.table()
    assert frame.loc[1, "volume"] == pytest.approx(300 * 5.0 * 5.5 * 4.0 / 1000)
    assert "Liver" in repr(table)


def test_segments_that_overlap_are_measured_as_masks(tmp_path, phantom_ct):
    ct = sw.SeriesReader(phantom_ct.folder)
    masks = np.zeros((*ct.shape, 2), np.uint8)
    masks[2:6, 5:15, 5:15, 0] = masks[3:9, 10:30, 10:30, 1] = 1
    path = write_segmentation(tmp_path / "seg.dcm", headers_of(phantom_ct.paths), masks, [1, 2])
    values = ct.update(progress=False).array
    by_masks = sw.label_statistics(ct, sw.SegmentationReader(path, source=ct, values="masks"), progress=False)
    alone = sw.label_statistics(ct, sw.SegmentationReader(path, source=ct, segment=2), progress=False)
    for row, mask in ((by_masks.of("Liver"), masks[..., 0]), (by_masks.of("Spleen"), masks[..., 1])):
        assert row["voxels"] == mask.sum()
        assert row["mean"] == pytest.approx(values[mask == 1].mean())
    assert dict(alone.of(2)) == dict(by_masks.of(2))


def test_units_are_those_of_the_values(labels):
    image, mask = pair(np.ones(SHAPE, np.float32), labels)
    headers = {"Modality": "PT", "Units": "GML", "SUVType": "BW"}
    pet = sw.Image.from_array(image.array, geometry=GEOMETRY, headers=sw.Headers(SHAPE[0]).replace(headers))
    assert sw.label_statistics(pet, mask, progress=False)[0]["unit"] == "SUVbw"
    assert sw.label_statistics(image, mask, progress=False)[0]["unit"] == ""


def test_what_does_not_fit_is_refused(labels):
    image, mask = pair(np.ones(SHAPE, np.int16), labels)
    with pytest.raises(SpaceMismatchError, match="the image and the labels"):
        sw.label_statistics(image, sw.as_node(mask)[1:], progress=False)
    with pytest.raises(ParameterError, match="labels must be integers"):
        sw.label_statistics(image, sw.Image.from_array(labels.astype(np.float32), geometry=GEOMETRY), progress=False)
    with pytest.raises(ParameterError, match="'percentiles'"):
        sw.label_statistics(image, mask, percentiles=[101], progress=False)
    uneven = sw.as_node(image) >> sw.SelectSlices([0, 1, 5])
    with pytest.raises(IrregularGeometryError):
        sw.label_statistics(uneven, sw.as_node(mask) >> sw.SelectSlices([0, 1, 5]), progress=False)
