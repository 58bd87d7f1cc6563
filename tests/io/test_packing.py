"""Series written as archives: what zipfile, tarfile and pydicom find in them."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import ComputeError, DestinationError

NAMES = ["out.zip", "out.tar", "out.tar.gz", "OUT.TGZ"]


def members(path):
    """Return names and contents, by the standard library."""
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_holds_the_files_of_the_series(phantom_ct, tmp_path, name):
    reader = sw.SeriesReader(phantom_ct.folder)
    written = (reader >> sw.SeriesWriter(tmp_path / name)).update(progress=False)
    found = {key: pydicom.dcmread(io.BytesIO(data)) for key, data in members(tmp_path / name).items()}
    assert sorted(found) == [f"{k:04d}.dcm" for k in range(1, 13)]
    assert {ds.SeriesInstanceUID for ds in found.values()} == {written.series_uid}
    stored = np.stack([found[key].pixel_array for key in sorted(found)])
    source = np.stack([pydicom.dcmread(path).pixel_array for path in phantom_ct.paths])
    np.testing.assert_array_equal(stored, source)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    back = sw.SeriesReader(tmp_path / name).update(progress=False)
    np.testing.assert_array_equal(back, reader.update(progress=False))
    assert written.paths[0] == tmp_path / name / "0001.dcm"


def test_what_is_there_is_replaced_on_request_and_never_if_it_is_something_else(phantom_ct, tmp_path):
    reader = sw.SeriesReader(phantom_ct.folder)
    target = tmp_path / "out.zip"
    (reader >> sw.SeriesWriter(target)).update(progress=False)
    before = target.read_bytes()
    with pytest.raises(DestinationError, match=r"out\.zip: the file is there"):
        _ = reader >> sw.SeriesWriter(target)
    (reader[:3] >> sw.SeriesWriter(target, overwrite=True)).update(progress=False)
    assert len(members(target)) == 3
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("notes.txt", "mine")
    with pytest.raises(DestinationError, match="holds what is not DICOM"):
        _ = reader >> sw.SeriesWriter(target, overwrite=True)
    target.write_bytes(before[:1000])
    with pytest.raises(DestinationError, match="no archive that can be read"):
        _ = reader >> sw.SeriesWriter(target, overwrite=True)
    assert target.read_bytes() == before[:1000]


def test_the_source_is_never_overwritten(phantom_ct, tmp_path):
    target = tmp_path / "study.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for path in phantom_ct.paths:
            archive.write(path, path.name)
    with pytest.raises(DestinationError, match="source"):
        _ = sw.SeriesReader(target) >> sw.SeriesWriter(target, overwrite=True)


def test_a_run_that_fails_leaves_nothing(phantom_ct, tmp_path):
    def broken(array):
        raise RuntimeError("broken")

    node = sw.SeriesReader(phantom_ct.folder) >> sw.Function(broken) >> sw.SeriesWriter(tmp_path / "out.zip")
    with pytest.raises(RuntimeError):
        node.update(progress=False)
    assert list(tmp_path.iterdir()) == []


def test_files_are_handed_over_whole_and_in_order(phantom_ct, tmp_path):
    files: dict[str, bytes] = {}
    reader = sw.SeriesReader(phantom_ct.folder)
    written = (reader >> sw.SeriesWriter(files.__setitem__)).update(progress=False)
    assert (written.folder, written.paths) == (None, ())
    assert list(files) == [f"{k:04d}.dcm" for k in range(1, len(phantom_ct.paths) + 1)]
    read = [pydicom.dcmread(io.BytesIO(data)) for data in files.values()]
    assert {dataset.SeriesInstanceUID for dataset in read} == {written.series_uid}
    np.testing.assert_array_equal(
        [dataset.pixel_array for dataset in read],
        [pydicom.dcmread(path).pixel_array for path in _in_slice_order(phantom_ct)],
    )


def test_nothing_is_handed_over_of_a_series_that_fails(phantom_ct):
    def fail(array):
        if array.max() > -2000:
            raise RuntimeError("no")
        return array

    files: dict[str, bytes] = {}
    broken = sw.SeriesReader(phantom_ct.folder) >> sw.Function(fail) >> sw.SeriesWriter(files.__setitem__)
    with pytest.raises(ComputeError, match="no"):
        broken.update(progress=False)
    assert files == {}


def _in_slice_order(phantom):
    return sorted(phantom.paths, key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2])
