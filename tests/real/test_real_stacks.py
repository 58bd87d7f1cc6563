"""Real series of several volumes: stacked, changed, written as one series, and looked at by others."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel
import numpy as np
import pytest

import slicewise as sw
from witnesses import datasets, dicom_files, findings_of_dcentvfy, findings_of_dciodvfy, tool

pytestmark = pytest.mark.data


class FourD(NamedTuple):
    """Which files of a folder are which volume, by pydicom alone."""

    folder: str
    axis: str
    volumes: int
    slices: int
    coordinate: Callable


CASES = {
    "dce": FourD("mr-ge-dce-4d", "ContentTime", 3, 60, lambda ds: str(ds.ContentTime)),
    "fmri": FourD("mr-ge-fmri-4d", "time", 10, 15, lambda ds: (int(ds.InstanceNumber) - 1) // 15 * 5.0),
    "echoes": FourD("mr-siemens-multiecho", "EchoTime", 2, 36, lambda ds: float(ds.EchoTime)),
}

WAYS = {
    "as it is": lambda n: n,
    "median": lambda n: n >> sw.Median(radius=1),
    "crop": lambda n: n[2:12, 10:50, 5:41],
    "resample": lambda n: n >> sw.Resample(spacing=(None, None, 4)),
}


class Source(NamedTuple):
    """The volumes of a case: files in slice order for each, and the stack of them."""

    case: FourD
    files: list[list[Path]]
    stack: sw.Stack

    @property
    def paths(self) -> list[Path]:
        return [path for volume in self.files for path in volume]


@pytest.fixture(scope="module", params=CASES)
def source(request, data):
    case = CASES[request.param]
    groups: dict = {}
    for ds in datasets(dicom_files(data(case.folder)), pixels=False):
        if ds.get("SeriesDescription") != "Sagittal-IR_3DFGRE: PE1":
            groups.setdefault(case.coordinate(ds), []).append(Path(ds.filename))
    coordinates = sorted(groups)
    files = [groups[c] for c in coordinates]
    readers = [sw.SeriesReader(volume) for volume in files]
    return Source(case, files, sw.Stack(readers, axis=case.axis, coordinates=coordinates))


@pytest.fixture(scope="module", params=WAYS)
def result(request, source, tmp_path_factory):
    node = WAYS[request.param](source.stack)
    folder = tmp_path_factory.mktemp("stacks") / "derived"
    return node, (node >> sw.SeriesWriter(folder)).update(progress=False)


def volumes_of(paths, case):
    """Return volumes as pydicom finds them in a written series, by what they differ in."""
    found: dict = {}
    for ds in datasets(paths):
        key = case.coordinate(ds) if case.axis == "EchoTime" else int(ds.TemporalPositionIdentifier)
        found.setdefault(key, []).append(ds)
    return [found[key] for key in sorted(found)]


def test_the_series_holds_the_volumes_in_their_order(result, source):
    node, written = result
    values = node.update(progress=False).array
    found = volumes_of(written.paths, source.case)
    assert [len(v) for v in found] == [node.geometry.slices] * source.case.volumes
    for volume, expected in zip(found, values, strict=True):
        got = np.stack([ds.pixel_array * float(ds.get("RescaleSlope", 1)) for ds in volume])
        assert np.array_equal(got, expected)


def test_each_volume_is_what_the_filter_makes_of_it_alone(result, source):
    node, _ = result
    way = next(way for way in WAYS.values() if way(source.stack).key == node.key)
    image = node.update(progress=False)
    for files, volume in zip(source.files, image.volumes, strict=True):
        alone = way(sw.SeriesReader(files)).update(progress=False)
        assert np.array_equal(volume.array, alone.array)
        assert volume.headers == alone.headers
        assert volume.geometry == alone.geometry


def test_instance_numbers_are_those_of_the_source_order(result, source):
    _, written = result
    before = {ds.SOPInstanceUID: int(ds.InstanceNumber) for ds in datasets(source.paths, pixels=False)}
    found = datasets(written.paths, pixels=False)
    assert sorted(int(ds.InstanceNumber) for ds in found) == list(range(1, len(found) + 1))
    one_source = all(len(ds.SourceImageSequence) == 1 for ds in found)
    if not one_source or len(set(before.values())) < len(before):
        return
    found.sort(key=lambda ds: int(ds.InstanceNumber))
    numbers = [before[ds.SourceImageSequence[0].ReferencedSOPInstanceUID] for ds in found]
    assert numbers == sorted(numbers)


@pytest.mark.tool
def test_verifiers_find_nothing_that_the_source_has_not(result, source):
    _, written = result
    some = [0, len(written.paths) // 2, -1]
    before = set().union(*(findings_of_dciodvfy(source.paths[k]) for k in (0, len(source.paths) // 2, -1)))
    after = set().union(*(findings_of_dciodvfy(written.paths[k]) for k in some))
    assert after <= before, "\n".join(sorted(after - before))
    assert findings_of_dcentvfy(written.paths) <= findings_of_dcentvfy(source.paths)


def nifti(paths, folder):
    folder.mkdir()
    for k, path in enumerate(paths):
        (folder / f"{k:04d}.dcm").symlink_to(path)
    command = [tool("dcm2niix"), "-z", "n", "-f", "out_%e", "-o", str(folder), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return {path.name: nibabel.load(path) for path in sorted(folder.glob("*.nii"))}


@pytest.mark.tool
def test_dcm2niix_makes_the_same_file_of_source_and_copy(source, tmp_path):
    written = (source.stack >> sw.SeriesWriter(tmp_path / "derived")).update(progress=False)
    before, after = nifti(source.paths, tmp_path / "a"), nifti(written.paths, tmp_path / "b")
    assert list(before) == list(after)
    assert sum(image.shape[3] if image.ndim == 4 else 1 for image in before.values()) == source.case.volumes
    for name, image in before.items():
        assert np.array_equal(np.asarray(image.dataobj), np.asarray(after[name].dataobj))
        assert np.array_equal(image.affine, after[name].affine)
        assert np.array_equal(image.header["pixdim"], after[name].header["pixdim"])


@pytest.mark.tool
def test_nifti_written_here_holds_what_dcm2niix_writes(source, tmp_path):
    if source.case.axis != "time":
        pytest.skip("dcm2niix makes a file of each echo, and takes the time of DCE from the repetition time")
    stack = sw.Stack(source.stack.volumes, axis="time", coordinates=source.stack.coordinates, unit="s")
    ours = nibabel.load((stack >> sw.VolumeWriter(tmp_path / "a.nii", on_headers="drop")).update(progress=False))
    (theirs,) = nifti(source.paths, tmp_path / "b").values()
    assert ours.header["pixdim"][4] == theirs.header["pixdim"][4] == 5
    # dcm2niix turns rows round.
    assert np.array_equal(
        np.asarray(nibabel.as_closest_canonical(ours).dataobj), np.asarray(nibabel.as_closest_canonical(theirs).dataobj)
    )
    assert nibabel.as_closest_canonical(ours).affine == pytest.approx(
        nibabel.as_closest_canonical(theirs).affine, abs=1e-3
    )
