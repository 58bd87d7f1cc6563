"""Sources that change while they are read: an error that names the file, never an image of both."""

from __future__ import annotations

import os
import shutil
import zipfile

import pytest
from disturbances import Moments, open_files
from small_nodes import Calling

import slicewise as sw
from slicewise.errors import ReadError


def truncated(path):
    os.truncate(path, path.stat().st_size - 100)


def deleted(path):
    path.unlink()


def replaced(path):
    """Put another file of the same size in its place."""
    other = path.with_name("other")
    other.write_bytes(bytes(reversed(path.read_bytes())))
    other.replace(path)


def overwritten(path):
    """Write to the very same file, which keeps its size."""
    with path.open("r+b") as file:
        file.seek(-200, os.SEEK_END)
        file.write(b"\7" * 200)


CHANGES = [truncated, deleted, replaced, overwritten]


def series(files, folder):
    return sw.SeriesReader(files[0].parent), files[-1]


def zipped(files, folder):
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in files:
            archive.write(path, path.name)
    return sw.SeriesReader(folder / "all.zip"), folder / "all.zip"


def compressed_zip(files, folder):
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.name)
    return sw.SeriesReader(folder / "all.zip"), folder / "all.zip"


def tarred(files, folder):
    shutil.make_archive(str(folder / "all"), "tar", files[0].parent)
    return sw.SeriesReader(folder / "all.tar"), folder / "all.tar"


def multi_frame(files, folder):
    (sw.SeriesReader(files[0].parent) >> sw.MultiFrameWriter(folder / "all.dcm")).update(progress=False)
    return sw.SeriesReader(folder / "all.dcm"), folder / "all.dcm"


def volume(name):
    def made(files, folder):
        writer = sw.VolumeWriter(folder / name, on_headers="drop")
        (sw.SeriesReader(files[0].parent) >> writer).update(progress=False)
        return sw.VolumeReader(folder / name), folder / name

    made.__name__ = name
    return made


KINDS = [series, zipped, compressed_zip, tarred, multi_frame, volume("a.nrrd"), volume("a.nii"), volume("a.nii.gz")]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request, files, tmp_path):
    """Give a reader and a file that the last slice is in, which may be changed."""
    return request.param(files, tmp_path)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("workers", [1, 2])
def test_file_that_changes_between_slices_is_an_error_that_names_it(kind, change, workers, tmp_path):
    reader, path = kind
    assert reader.info.slices == 8
    tell = Moments(2, lambda: change(path))
    node = reader >> Calling(tell) >> sw.VolumeWriter(tmp_path / "new.mha", on_headers="drop")
    if not reader.streams:
        pytest.skip("is read at once")
    opened = open_files()
    with pytest.raises(ReadError, match=path.name):
        node.update(progress=False, workers=workers, memory=1)
    assert tell.has_acted
    assert open_files() == opened
    assert not list(tmp_path.glob("*new.mha*"))


@pytest.mark.parametrize("change", CHANGES)
def test_file_that_changed_after_its_header_was_read_is_an_error_that_names_it(kind, change):
    reader, path = kind
    assert reader.info.slices == 8
    change(path)
    with pytest.raises(ReadError, match=path.name):
        reader.update(progress=False)


@pytest.mark.parametrize("change", [truncated, overwritten])
def test_file_that_changes_within_a_slice_is_an_error_that_names_it(files, change, monkeypatch):
    reader = sw.SeriesReader(files[0].parent)
    assert reader.info.slices == 8
    real = os.preadv

    def read_and_change(descriptor, buffers, place):
        count = real(descriptor, buffers, place)
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(files[5]):  # noqa: PTH115 - a number, not a path
            change(files[5])
        return count

    monkeypatch.setattr(os, "preadv", read_and_change)
    real_pread = os.pread

    def read_at_and_change(descriptor, length, place):
        data = real_pread(descriptor, length, place)
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(files[5]):  # noqa: PTH115 - a number, not a path
            change(files[5])
        return data

    monkeypatch.setattr(os, "pread", read_at_and_change)
    with pytest.raises(ReadError, match=files[5].name):
        reader.update(progress=False, workers=1)


def test_header_that_changes_while_it_is_read_is_an_error_that_names_the_file(files, monkeypatch):
    real = os.pread

    def read_and_change(descriptor, length, place):
        data = real(descriptor, length, place)
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(files[5]):  # noqa: PTH115 - a number, not a path
            overwritten(files[5])
        return data

    monkeypatch.setattr(os, "pread", read_and_change)
    with pytest.raises(ReadError, match=files[5].name):
        _ = sw.SeriesReader(files).info
