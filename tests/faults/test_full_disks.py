"""Disks that are full at any point: an error that says so and where, nothing half written, no signal that kills."""

from __future__ import annotations

import os
import tempfile
import threading
import zipfile

import numpy as np
import pytest
from disturbances import WAYS, long_way, open_files, some_of, values_of

import slicewise as sw
from disks import small_disk
from slicewise.errors import SlicewiseError, WriteError
from slicewise.io import phantom

SEED = int.from_bytes(os.urandom(4), "little")
PAGE = 4096


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as folder:
        yield folder


def fill(folder, left):
    """Fill a disk but for some bytes."""
    (folder / "filler").unlink(missing_ok=True)
    status = os.statvfs(folder)
    size = status.f_bavail * status.f_frsize - left
    with (folder / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, size))


def there(folder):
    return {path.name for path in folder.iterdir()} - {"filler"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("workers", [1, 2])
def test_full_destination_is_told_and_nothing_is_half_written(source, disk, tmp_path, way, workers):
    way = WAYS[way]
    spill = tmp_path / "spill"
    spill.mkdir()
    options = {"memory": 1, "spill": spill, "progress": False, "workers": workers}
    way.run(source, disk, **options)
    expected = {name: values_of(disk / name) for name in way.names}
    for path in sorted(disk.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    threads, files, failed = threading.active_count(), open_files(), 0
    for pages in some_of(40, 6, SEED):
        fill(disk, pages * PAGE)
        try:
            way.run(source, disk, **options)
        except WriteError as error:
            found, failed = str(error), failed + 1
        else:
            found = "written"
        assert "No space left on device" in found or there(disk) == set(way.names)
        assert there(disk) <= set(way.names)
        for name in there(disk):
            assert np.array_equal(values_of(disk / name), expected[name])
        assert list(spill.iterdir()) == []
        assert (open_files(), threading.active_count()) == (files, threads)
        for path in sorted(disk.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert failed


@pytest.mark.parametrize("where", ["spill", "TMPDIR"])
@pytest.mark.parametrize("workers", [1, 2])
def test_full_folder_for_what_is_set_aside_is_told_and_nothing_is_written(  # noqa: PLR0917 - fixtures
    source, disk, where, workers, tmp_path, monkeypatch
):
    results = tmp_path / "results"
    options = {"memory": 1, "progress": False, "workers": workers}
    if where == "spill":
        options["spill"] = disk
    else:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
    node = long_way(source, lambda *_: None)
    expected = node.update(**{**options, "memory": "1MB"}).array
    files, failed = open_files(), 0
    # Of the input that is needed whole and of what is made of it, the pages are 5 each.
    for pages in (0, 2, 5, 7, 9, 11, 20):
        fill(disk, pages * PAGE)
        fresh = long_way(source, lambda *_: None)
        try:
            found = fresh.update(**options).array
        except WriteError:
            failed += 1
            with pytest.raises(WriteError, match=rf"(?s){disk}.*spill="):
                fresh.update(**options)
            with pytest.raises(WriteError, match="No space left on device"):
                (fresh >> sw.SeriesWriter(results)).update(**options)
            assert not results.exists()
        else:
            assert np.array_equal(found, expected)
        assert there(disk) == set()
        assert open_files() == files
    assert 2 <= failed <= 5


def test_full_temporary_folder_of_an_archive_is_told(tmp_path, disk, monkeypatch):
    """Large members are unpacked there."""
    files = phantom.ct_series(tmp_path / "large", slices=2, size=(1600, 1500))
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.name)
    reader = sw.SeriesReader(tmp_path / "large.zip")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    with pytest.raises(SlicewiseError, match=r"(?s)large\.zip.*No space left on device.*TMPDIR"):
        reader.update(progress=False)
