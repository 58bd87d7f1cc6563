"""All real images in one go: what is found is what pydicom finds file by file."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

import slicewise as sw
from slicewise.errors import SlicewiseError
from slicewise.io.frames import frames_of
from slicewise.io.header_files import read_headers

if TYPE_CHECKING:
    from slicewise.io.discovery import Discovery

pytestmark = pytest.mark.data

# What pydicom takes for DICOM or not, and slicewise judges otherwise, with the reason.
TRUNCATED = {"MR_truncated.dcm", "rtplan_truncated.dcm"}  # pydicom reads what there is
INCONSISTENT = {"liver_expb_1frame.dcm", "liver_1frame.dcm"}  # functional groups of 3 frames, NumberOfFrames 1
NO_NUMBER = {"badVR.dcm"}  # NumberOfFrames is '1A'
YOUNGER = {"1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage"}  # than pydicom's dictionary


@pytest.fixture(scope="module")
def root(data) -> Path:
    return data("ct-ge-liver-41").parent


@pytest.fixture(scope="module")
def found(root) -> Discovery:
    return sw.discover(root, progress=False)


def walked(root: Path) -> dict[Path, pydicom.Dataset]:
    """Read all files with pydicom, as the folder walk of the documentation would."""
    headers = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or name == "DICOMDIR":
                continue
            path = Path(folder) / name
            try:
                headers[path] = pydicom.dcmread(path, stop_before_pixels=True)
            except InvalidDicomError:
                head = path.read_bytes()[:16]
                if head[:2] in (b"\x08\x00", b"\x02\x00"):
                    headers[path] = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    return headers


@pytest.fixture(scope="module")
def witnesses(root) -> dict[Path, pydicom.Dataset]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return walked(root)


def text(dataset: pydicom.Dataset, keyword: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = dataset.get(keyword)
        return "" if value is None else str(value).strip()


def test_the_same_files_are_dicom(found, witnesses):
    images = {path for series in found for path in series.paths}
    assert images | {odd.path for odd in found.broken} == set(witnesses)
    assert {odd.path.name for odd in found.broken} == TRUNCATED | INCONSISTENT | NO_NUMBER


def test_the_same_studies_and_series_are_found(found, witnesses):
    broken = {odd.path for odd in found.broken}
    whole = {path: header for path, header in witnesses.items() if path not in broken}
    keys = {
        path: (
            text(h, "PatientID") or text(h, "PatientName"),
            text(h, "StudyInstanceUID"),
            text(h, "SeriesInstanceUID"),
        )
        for path, h in whole.items()
    }
    expected = Counter(keys.values())
    told = Counter(
        {
            (s.patient_id or p.name, s.study_uid, s.uid): s.images
            for p in found.patients
            for t in p.studies
            for s in t.series
        }
    )
    assert told == expected
    assert len({key[:2] for key in expected}) == len(found.studies)
    assert len({key[0] for key in expected}) == len(found.patients)


def test_each_series_is_told_as_pydicom_tells_it(found, witnesses):
    for series in found:
        first = witnesses[series.paths[0]]
        assert series.modality == text(first, "Modality")
        assert series.number == text(first, "SeriesNumber")
        classes = dict.fromkeys(text(witnesses[path], "SOPClassUID") for path in series.paths)
        kinds = [YOUNGER.get(uid, UID(uid).name) for uid in classes]
        assert series.kind == ", ".join(kind.removesuffix(" Storage") for kind in kinds if kind)


def test_copies_are_those_of_a_walk(found, witnesses):
    broken = {odd.path for odd in found.broken}
    uids = Counter(text(h, "SOPInstanceUID") for path, h in witnesses.items() if path not in broken)
    assert {copies.uid: len(copies.paths) for copies in found.copies} == {
        uid: number for uid, number in uids.items() if uid and number > 1
    }


def test_every_volume_told_to_be_even_is_read_with_the_spacing_told(found):
    read = 0
    for volume in found.volumes:
        if not volume.is_even:
            continue
        try:
            geometry = volume.reader().geometry
        except SlicewiseError as error:
            # Label maps, floating-point pixels: there is a grid, and another reader for it.
            assert "not read by SeriesReader" in str(error), volume  # noqa: PT017
            continue
        assert geometry.size == (volume.columns, volume.rows, volume.slices)
        assert (geometry.pixel_spacing[1], geometry.pixel_spacing[0], geometry.slice_spacing) == volume.spacing
        read += 1
    assert read > 100


def test_each_file_has_the_slices_that_a_reader_of_it_finds(found):
    told = Counter()
    for series in found:
        with_pixels = {path for volume in series.volumes for path in volume.paths}
        told[series.uid, series.paths] = sum(volume.slices for volume in series.volumes)
        headers = [file for file in read_headers(sorted(with_pixels), strict=True) if file.has_pixels]
        assert told[series.uid, series.paths] == len(frames_of(headers)[0])
    assert sum(told.values()) > 3000


@pytest.mark.parametrize(
    ("case", "images", "told"),
    [
        ("ct-ge-liver-41", 41, {"": "41 slices of 5 mm"}),
        ("pet-ge-wholebody-267", 267, {"": "267 slices of 3.27 mm"}),
        ("mr-ge-fmri-4d", 150, {f"time {k} of 10": "15 slices of 5 mm" for k in range(1, 11)}),
        ("mr-siemens-multiecho", 72, {f"EchoTime {t}": "36 slices of 3.6 mm" for t in ("5.19", "7.65")}),
        ("ct-ge-tilt", 28, {"": "uneven: 28 slices 1.081 to 6.999 mm apart (missing slices?), gantry tilt 18.5 deg"}),
        ("mr-ge-localizer-3plane", 21, dict.fromkeys(("coronal", "sagittal", "axial"), "7 slices of 15 mm")),
    ],
)
def test_real_series_are_recognised(data, case, images, told):
    (series,) = sw.discover(data(case), progress=False)
    assert (series.images, {v.name: v.note for v in series.volumes}) == (images, told)
