"""The header rules on real series: each operation is written, and pydicom reads every attribute as its rule says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from rule_specification import MARKS

import slicewise as sw
from slicewise.dicom.rule_table import ROWS
from witnesses import datasets

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::slicewise.errors.SlicewiseWarning")]

SERIES = {"CT": "ct-ge-liver-41", "MR": "mr-canon-adc-36", "PT": "pet-ge-wholebody-267"}
OPERATIONS = {
    "P": lambda node: node >> sw.Median(radius=1),
    "L": lambda node: node[:, 4:-4, 6:-6],
    "G": lambda node: node >> sw.Resample(spacing=(None, None, 1.5 * node.geometry.slice_spacing)),
    "S": lambda node: node[1:9:2],
    "J": lambda node: node >> sw.Project("maximum", slices=3),
    "M": lambda node: node >> sw.Blend(node >> sw.Median(radius=1)),
}
SETTLED = (
    "identity of the new series and instance",
    "marking of a derived image",
    "description of the stored pixels",
)
"""What the writer settles, and other tests look at; and what restates the grid."""
GRID = {
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SliceLocation",
}


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text; empty where it is absent or empty."""
    if keyword not in dataset:
        return ""
    element = dataset[keyword]
    return "" if element.is_empty else str(element.value)


@pytest.fixture(scope="module")
def written(data, tmp_path_factory):
    """Give source slices, and what an operation made of the first twelve."""

    @cache
    def make(modality: str, operation: str) -> tuple[list[Dataset], list[Dataset]]:
        volume = sw.discover(data(SERIES[modality]), progress=False).series[0].volumes[0]
        folder: Path = tmp_path_factory.mktemp(f"{modality}-{operation}")
        node = OPERATIONS[operation](volume.reader()[:12])
        done = (node >> sw.SeriesWriter(folder / "out")).update(progress=False)
        return datasets(volume.paths, pixels=False), datasets(done.paths)

    return make


def contributing(found: Dataset, sources: list[Dataset]) -> list[Dataset]:
    uids = {item.ReferencedSOPInstanceUID for item in found.SourceImageSequence}
    return [source for source in sources if source.SOPInstanceUID in uids]


def in_plane(found: Dataset, among: list[Dataset]) -> Dataset | None:
    """Return the source slice in the plane of an output slice."""
    normal = np.cross(*np.reshape([float(v) for v in found.ImageOrientationPatient], (2, 3)))
    for source in among:
        apart = np.subtract(*([float(v) for v in ds.ImagePositionPatient] for ds in (found, source)))
        if abs(apart @ normal) < 1e-3:
            return source
    return None


def expected(keyword: str, mark: str, found: Dataset, sources: list[Dataset]) -> str:
    of = contributing(found, sources)
    values = [text(source, keyword) for source in of]
    agreed = values[0] if len(set(values)) == 1 else ""
    if mark == "X":
        return ""
    if mark in ("K", "primary", "units"):
        own = in_plane(found, of)
        return text(own, keyword) if own is not None else agreed
    if mark == "worst":
        return next((value for value in values if value in ("YES", "01")), values[0])
    return agreed


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("modality", SERIES)
def test_every_attribute_becomes_what_its_rule_says(modality, operation, written):
    sources, found = written(modality, operation)
    looked_at = 0
    for keyword, marks in MARKS.items():
        mark = marks[operation]
        # A window that is dropped is chosen anew, when the pixels are known.
        is_settled = mark == "turned" or (keyword.startswith("Window") and mark == "X")
        if is_settled or not any(keyword in source for source in sources):
            continue
        looked_at += 1
        for one in found:
            wanted = expected(keyword, mark, one, sources)
            assert text(one, keyword) == wanted, (keyword, mark)
    assert looked_at >= 20


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("modality", SERIES)
def test_the_grid_is_where_the_pixels_are(modality, operation, written):
    sources, found = written(modality, operation)
    spacing = [float(v) for v in sources[0].PixelSpacing]
    positions = np.array([[float(v) for v in ds.ImagePositionPatient] for ds in found])
    for one in found:
        assert [float(v) for v in one.PixelSpacing] == pytest.approx(spacing, rel=1e-6)
        assert np.allclose(one.ImageOrientationPatient, sources[0].ImageOrientationPatient, atol=1e-6)
    gaps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    before = np.array(sorted(float(ds.ImagePositionPatient[2]) for ds in sources))
    step = float(np.median(np.diff(before)))
    steps = {"P": 1, "L": 1, "G": 1.5, "S": 2, "J": 3, "M": 1}
    assert np.median(gaps) == pytest.approx(steps[operation] * step, rel=0.01)
    if operation == "L":
        row, column = np.reshape([float(v) for v in sources[0].ImageOrientationPatient], (2, 3))
        moved = 6 * spacing[1] * row + 4 * spacing[0] * column
        own = contributing(found[0], sources)[0]
        assert np.allclose(positions[0] - [float(v) for v in own.ImagePositionPatient], moved, atol=1e-3)


def test_no_rule_is_without_a_test():
    """Attributes that neither these tables name nor the writer or the grid settles, by row: one of each is named."""
    untested = [
        row.keywords.split()[0]
        for row in ROWS
        if row.why not in SETTLED and not {*row.keywords.split()} & {*MARKS, *GRID, *TESTED_ELSEWHERE}
    ]
    assert untested == []


TESTED_ELSEWHERE = {
    "PixelAspectRatio": "test_planeless.py",
    "SequenceOfUltrasoundRegions": "test_planeless.py",
    "PatientOrientation": "test_planeless.py",
    "InPlanePhaseEncodingDirection": "test_header_rules.py",
    "RealWorldValueMappingSequence": "test_values.py",
    "FrameReferenceTime": "test_derived_marking.py",
    "NumberOfTemporalPositions": "test_writing_stacks.py",
}
"""Rows that no real series at hand shows in all its marks, and where they are tested."""


@pytest.mark.parametrize(("keyword", "name"), TESTED_ELSEWHERE.items())
def test_what_is_tested_elsewhere_is(keyword, name):
    (path,) = Path(__file__).parent.parent.rglob(name)
    assert keyword in path.read_text(encoding="utf-8"), f"{name} says nothing of {keyword}"
    assert pydicom.datadict.tag_for_keyword(keyword)
