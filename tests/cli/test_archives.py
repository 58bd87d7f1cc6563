"""Commands take an archive wherever they take a folder."""

from __future__ import annotations

import shutil

import pytest

import slicewise as sw


@pytest.fixture(params=["zip", "gztar"])
def archive(request, phantom_ct, tmp_path):
    return shutil.make_archive(str(tmp_path / "study"), request.param, phantom_ct.folder)


def test_listing_describing_and_headers_are_those_of_the_folder(shell, phantom_ct, archive):
    assert shell("info", archive) == shell("info", phantom_ct.folder)
    assert shell("headers", archive, "--csv", "-") == shell("headers", phantom_ct.folder, "--csv", "-")
    listed, expected = shell("ls", archive), shell("ls", phantom_ct.folder)
    assert listed.splitlines()[:2] == expected.splitlines()[:2]


def test_converted_archive_is_the_converted_folder(shell, phantom_ct, archive, tmp_path):
    for source, target in ((archive, "a"), (phantom_ct.folder, "b")):
        shell("convert", source, tmp_path / target, "--filter", "median:radius=1", "--uids", "reproducible", "--quiet")
    assert "pixels: equal on 12 slices" in shell("diff", tmp_path / "a", tmp_path / "b", code=1)  # made at two times
    assert sw.SeriesReader(tmp_path / "a").geometry == sw.SeriesReader(tmp_path / "b").geometry


def test_demo_checks_the_derived_series_against_the_members_it_comes_from(shell, archive, tmp_path):
    told = shell("demo", archive, "--output", tmp_path / "out")
    assert "every slice names the source images it comes from, and these exist" in told


def test_damaged_archive_is_one_line_and_no_trace(program, phantom_ct, tmp_path):
    path = tmp_path / "cut.zip"
    shutil.make_archive(str(tmp_path / "cut"), "zip", phantom_ct.folder)
    path.write_bytes(path.read_bytes()[:5000])
    done = program("ls", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"slicewise: error: {path}: the archive is damaged or was cut off")
    assert done.stderr.count("\n") == 1
