"""What a path stands for, and what is left out unless it is asked for."""

from __future__ import annotations

import os

import pytest

from slicewise.errors import ParameterError, ReadError, SlicewiseWarning
from slicewise.io.discover import discover
from slicewise.io.listing import list_files
from slicewise.io.phantom import ct_series


@pytest.fixture
def tree(tmp_path):
    """Return a folder with files two deep, a hidden file and a hidden folder."""
    root = tmp_path / "root"
    for name in ("b", "a", "sub/c", "sub/deep/d", ".hidden", ".git/e", "sub/.f", "DICOMDIR", "sub/DICOMDIR"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def found(where, root, **options):
    return [file.path.relative_to(root).as_posix() for file in list_files(where, **options)]


def test_folder_gives_its_files_and_those_of_its_subfolders_sorted(tree):
    assert found(tree, tree) == ["a", "b", "sub/c", "sub/deep/d"]


def test_subfolders_can_be_left_out(tree):
    assert found(tree, tree, recursive=False) == ["a", "b"]


def test_hidden_files_and_folders_can_be_taken(tree):
    assert found(tree, tree, hidden=True) == [".git/e", ".hidden", "a", "b", "sub/.f", "sub/c", "sub/deep/d"]


def test_links_to_folders_are_named_in_a_warning_and_followed_if_asked(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("x")
    (tree / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(SlicewiseWarning, match=r"root/link: a link to a folder is not followed"):
        assert "link/x" not in found(tree, tree)
    assert "link/x" in found(tree, tree, follow_links=True)


def test_links_that_lead_round_in_circles_end(tree):
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "sub" / "deep" / "side").symlink_to(tree / "sub")
    assert found(tree, tree, follow_links=True) == ["a", "b", "sub/c", "sub/deep/d"]


def test_folder_is_taken_once_whatever_links_lead_there(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("x")
    for name in ("one", "two"):
        (tree / name).symlink_to(tmp_path / "elsewhere")
    assert len([path for path in found(tree, tree, follow_links=True) if path.endswith("/x")]) == 1


def test_link_to_itself_is_an_error_by_name(tree):
    (tree / "loop").symlink_to(tree / "loop")
    with pytest.raises(ReadError, match=r"root/loop"):
        discover_strictly(tree)


def discover_strictly(path):
    from slicewise.io.header_files import read_headers

    return read_headers(list_files(path), strict=True)


def test_list_may_mix_files_folders_and_patterns_of_it(tree):
    assert found([tree / "b", tree / "sub"], tree) == ["b", "sub/c", "sub/deep/d"]
    assert found(tree / "*", tree) == ["DICOMDIR", "a", "b"]


def test_deep_folders_are_walked(tmp_path):
    # Deeper than functions may call each other.
    folder = tmp_path.joinpath(*["d"] * 1100)
    for k in range(1, 1101):
        tmp_path.joinpath(*["d"] * k).mkdir()
    (folder / "x").write_text("x")
    assert [file.path for file in list_files(tmp_path)] == [folder / "x"]
    # Nor may those that tidy up after the tests.
    (folder / "x").unlink()
    for k in range(1100, 0, -1):
        tmp_path.joinpath(*["d"] * k).rmdir()


def test_what_is_not_there_or_no_file_is_an_error_by_name(tree):
    with pytest.raises(ReadError, match=r"root/nowhere: there is no such file or folder"):
        list_files(tree / "nowhere")
    with pytest.raises(ReadError, match=r"root/nowhere: there is no such file or folder"):
        list_files([tree / "a", tree / "nowhere"])
    os.mkfifo(tree / "pipe")
    with pytest.raises(ReadError, match=r"root/pipe: it is neither a file nor a folder"):
        list_files(tree / "pipe")
    (tree / "empty").mkdir()
    with pytest.raises(ReadError, match=r"root/empty: the folder holds no file"):
        list_files([tree / "a", tree / "empty"])
    with pytest.raises(ParameterError, match="empty list"):
        list_files([])
    with pytest.raises(ReadError, match=r"root/a/b: there is no such file or folder"):
        list_files(tree / "a" / "b")


def test_discover_takes_the_same_choices(tmp_path):
    ct_series(tmp_path / "in", slices=3, size=(8, 8))
    ct_series(tmp_path / "in" / ".kept", slices=2, size=(8, 8), series_number=5)
    ct_series(tmp_path / "in" / "deep", slices=4, size=(8, 8), series_number=6)
    ct_series(tmp_path / "linked", slices=5, size=(8, 8), series_number=7)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "linked")
    with pytest.warns(SlicewiseWarning, match="not followed"):
        assert [s.images for s in discover(tmp_path / "in")] == [3, 4]
    assert [s.images for s in discover(tmp_path / "in", recursive=False, hidden=True)] == [3]
    assert [s.images for s in discover(tmp_path / "in", hidden=True, follow_links=True)] == [3, 2, 4, 5]
