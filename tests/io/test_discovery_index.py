"""The index of discover: only what is new or changed is read again, and nothing else changes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pydicom
import pytest

from makers import SHIPPED_FILES
from slicewise.errors import DestinationError, ReadError, SlicewiseWarning, WriteError
from slicewise.io import discovery_index, discovery_scan, phantom
from slicewise.io.discover import discover
from slicewise.io.listing import list_files

SETTLED = 1_600_000_000


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch):
    """Keep files that were changed a moment ago, too: no test shall have to wait."""
    monkeypatch.setattr(discovery_index, "_SETTLED_NS", -(10**12))


@pytest.fixture
def read(monkeypatch):
    """Names of the files whose headers are read."""
    names = []
    original = discovery_scan.FactScanner.read

    def reading(self, source):
        names.append(source.path.name)
        return original(self, source)

    monkeypatch.setattr(discovery_scan.FactScanner, "read", reading)
    return names


@pytest.fixture
def study(tmp_path):
    """Give a folder with two series, a foreign and a broken file."""
    folder = tmp_path / "study"
    phantom.ct_series(folder / "a", slices=5, size=(8, 8))
    paths = phantom.ct_series(folder / "b", slices=3, size=(8, 8), series_number=9)
    paths[0].write_bytes(paths[0].read_bytes()[:-10])
    (folder / "notes.txt").write_text("not an image")
    return folder


def same(one, other):
    return str(one) == str(other) and one.table().equals(other.table()) and one.broken == other.broken


def test_the_second_run_reads_nothing_and_finds_the_same(study, tmp_path, read):
    plain = discover(study)
    first = discover(study, index=tmp_path / "x.sqlite")
    read.clear()
    second = discover(study, index=tmp_path / "x.sqlite")
    assert read == []
    assert same(plain, first)
    assert same(plain, second)
    assert second.foreign == plain.foreign
    assert second.series[0].reader().geometry == plain.series[0].reader().geometry


def test_frames_and_private_attributes_come_back_from_the_index(tmp_path, read):
    names = (
        "eCT_Supplemental.dcm",
        "liver_1frame.dcm",
        "MR_small.dcm",
        "examples_ybr_color.dcm",
        "liver.dcm",
        "rtdose.dcm",
    )
    paths = [path for name in names if (path := SHIPPED_FILES / name).is_file()]
    assert len(paths) > 2
    plain = discover(paths)
    discover(paths, index=tmp_path / "x.sqlite")
    read.clear()
    assert same(plain, discover(paths, index=tmp_path / "x.sqlite"))
    assert read == []


@pytest.mark.data
def test_all_real_images_come_back_from_the_index(data, tmp_path, read):
    root = data("ct-ge-liver-41").parent
    plain = discover(root, progress=False)
    discover(root, index=tmp_path / "x.sqlite", progress=False)
    read.clear()
    assert same(plain, discover(root, index=tmp_path / "x.sqlite", progress=False))
    assert read == []


def test_nothing_is_written_unasked(study):
    before = sorted(study.rglob("*"))
    discover(study)
    assert sorted(study.rglob("*")) == before


def test_the_index_is_for_its_owner_alone(study, tmp_path):
    before = os.umask(0)
    try:
        discover(study, index=tmp_path / "x.sqlite")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.sqlite").stat().st_mode) == 0o600


def test_a_changed_file_is_read_again(study, tmp_path, read):
    discover(study, index=tmp_path / "x.sqlite")
    path = min((study / "a").iterdir())
    dataset = pydicom.dcmread(path)
    dataset.PatientID = "PHANTOM-2"  # of the same length
    times = path.stat()
    dataset.save_as(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    read.clear()
    found = discover(study, index=tmp_path / "x.sqlite")
    assert read == [path.name]
    assert [p.id for p in found.patients] == ["PHANTOM-1", "PHANTOM-2"]


def test_new_and_vanished_files_are_noticed(study, tmp_path, read):
    discover(study, index=tmp_path / "x.sqlite")
    gone = min((study / "a").iterdir())
    gone.unlink()
    new = phantom.ct_series(study / "c", slices=2, size=(8, 8), series_number=11)
    read.clear()
    found = discover(study, index=tmp_path / "x.sqlite")
    assert sorted(read) == sorted(path.name for path in new)
    assert [s.images for s in found] == [4, 2, 2]
    assert os.fsencode(gone) not in kept(tmp_path / "x.sqlite")


def kept(index):
    database = sqlite3.connect(index)
    try:
        return {path for (path,) in database.execute("SELECT path FROM files")}
    finally:
        database.close()


def test_what_is_not_listed_but_still_there_is_not_forgotten(study, tmp_path, read):
    discover(study, index=tmp_path / "x.sqlite")
    discover(study, recursive=False, index=tmp_path / "x.sqlite")
    discover(study / "a", index=tmp_path / "x.sqlite")
    read.clear()
    discover(study, index=tmp_path / "x.sqlite")
    assert read == []


def test_one_index_serves_several_folders_and_any_working_folder(study, tmp_path, read, monkeypatch):
    discover([*study.glob("a/*")], index=tmp_path / "x.sqlite")
    discover(study, index=tmp_path / "x.sqlite")
    monkeypatch.chdir(study)
    read.clear()
    assert len(discover("a", index="../x.sqlite")) == 1
    assert read == []


def test_an_index_within_the_folder_is_no_file_of_it(study):
    plain = discover(study)
    assert same(plain, discover(study, index=study / "x.sqlite"))
    assert same(plain, discover(study, index=study / "x.sqlite"))


def test_members_of_archives_are_read_again_when_the_archive_changes(study, tmp_path, read):
    folder = tmp_path / "zips"
    folder.mkdir()

    def make(paths):
        with zipfile.ZipFile(folder / "s.zip", "w") as archive:
            for path in paths:
                archive.write(path, path.name)

    paths = sorted((study / "a").iterdir())
    make(paths)
    plain = discover(folder, archives=True, index=tmp_path / "x.sqlite")
    read.clear()
    assert same(plain, discover(folder, archives=True, index=tmp_path / "x.sqlite"))
    assert read == []
    discover(folder, index=tmp_path / "x.sqlite")  # of the archive itself as a file
    make(paths[:2])
    read.clear()
    (series,) = discover(folder, archives=True, index=tmp_path / "x.sqlite")
    assert series.images == len(read) == 2


def test_names_that_are_no_text_are_kept(tmp_path, read):
    (path, *_) = phantom.ct_series(tmp_path / "a", slices=1, size=(8, 8))
    strange = Path(os.fsdecode(os.fsencode(tmp_path / "a") + b"/\xff\xfe.dcm"))
    path.rename(strange)
    discover(tmp_path / "a", index=tmp_path / "x.sqlite")
    read.clear()
    found = discover(tmp_path / "a", index=tmp_path / "x.sqlite")
    assert read == []
    assert found.series[0].paths == (strange,)
    str(found).encode("utf-8")


def test_an_interrupted_run_is_resumed(tmp_path, read, monkeypatch):
    monkeypatch.setattr(discovery_scan, "_BATCH", 4)
    phantom.ct_series(tmp_path / "a", slices=20, size=(8, 8))

    class Stopped(BaseException):
        pass

    original = discovery_scan.FactScanner.read

    def stopping(self, source):
        if len(read) == 10:
            raise Stopped
        return original(self, source)

    with monkeypatch.context() as patch:
        patch.setattr(discovery_scan.FactScanner, "read", stopping)
        with pytest.raises(Stopped):
            discover(tmp_path / "a", index=tmp_path / "x.sqlite")
    read.clear()
    found = discover(tmp_path / "a", index=tmp_path / "x.sqlite")
    assert len(read) == 10
    assert same(found, discover(tmp_path / "a"))


def test_a_process_killed_leaves_an_index_that_serves(tmp_path, read):
    phantom.ct_series(tmp_path / "a", slices=12, size=(8, 8))
    script = f"""
import os
from slicewise.io import discovery_index, discovery_scan
from slicewise.io.discover import discover
from slicewise.io.listing import list_files
discovery_scan._BATCH = 3
discovery_index._SETTLED_NS = -10**12
insert = discovery_index.DiscoveryIndex._insert
def killing(self, settled):
    insert(self, settled)
    killing.count += 1
    if killing.count == 3:
        os.kill(os.getpid(), 9)
killing.count = 0
discovery_index.DiscoveryIndex._insert = killing
discover({str(tmp_path / "a")!r}, index={str(tmp_path / "x.sqlite")!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == -9
    found = discover(tmp_path / "a", index=tmp_path / "x.sqlite")
    assert len(read) == 6
    assert same(found, discover(tmp_path / "a"))


def test_files_of_a_moment_ago_are_not_trusted(study, tmp_path, read, monkeypatch):
    monkeypatch.setattr(discovery_index, "_SETTLED_NS", 10**12)
    discover(study, index=tmp_path / "x.sqlite")
    read.clear()
    discover(study, index=tmp_path / "x.sqlite")
    assert len(read) == 9


@pytest.mark.parametrize("content", [b"Dear diary", b"SQLite format 3\0" + bytes(84), b"DICM" * 100])
def test_a_file_that_is_no_index_is_left_alone(study, tmp_path, content):
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(DestinationError, match="no index of slicewise"):
        discover(study, index=path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(study, tmp_path):
    path = tmp_path / "theirs.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE files (path)")
    database.commit()
    database.close()
    before = path.read_bytes()
    with pytest.raises(DestinationError, match="no index of slicewise"):
        discover(study, index=path)
    assert path.read_bytes() == before


def test_a_folder_is_no_index(study, tmp_path):
    with pytest.raises(DestinationError, match="no file"):
        discover(study, index=tmp_path)


def test_a_place_that_is_not_there_is_said_before_files_are_read(study, tmp_path, read):
    with pytest.raises(WriteError, match="cannot be made"):
        discover(study, index=tmp_path / "nowhere" / "x.sqlite")
    assert read == []


def test_an_index_of_another_version_is_made_anew(study, tmp_path, read):
    discover(study, index=tmp_path / "x.sqlite")
    database = sqlite3.connect(tmp_path / "x.sqlite")
    database.execute("ALTER TABLE files RENAME COLUMN own TO former")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    read.clear()
    assert same(discover(study), discover(study, index=tmp_path / "x.sqlite"))
    read.clear()
    discover(study, index=tmp_path / "x.sqlite")
    assert read == []


def test_a_damaged_index_is_an_error_that_says_what_to_do(study, tmp_path):
    path = tmp_path / "x.sqlite"
    discover(study, index=path)
    whole = path.read_bytes()
    for damaged in (whole[:4096], whole[:1000], whole[:4096] + b"\xa5" * (len(whole) - 4096)):
        path.write_bytes(damaged)
        with pytest.raises(ReadError, match="remove it and run again"):
            discover(study, index=path)


@pytest.mark.parametrize(
    "text", ["", "[", "[1]", "[[1,2,3,4]]", '{"a": 1}', '[["x", "UI", 5, 2]]', "null", '[[1,"UI","\\u4e00",2]]']
)
def test_a_record_that_was_tampered_with_is_an_error(study, tmp_path, text):
    discover(study, index=tmp_path / "x.sqlite")
    database = sqlite3.connect(tmp_path / "x.sqlite")
    database.execute("UPDATE files SET own = ? WHERE own NOT NULL", (text,))
    database.commit()
    database.close()
    with pytest.raises(ReadError, match="remove it and run again"):
        discover(study, index=tmp_path / "x.sqlite")


def test_an_index_that_cannot_be_written_is_read_and_told(study, tmp_path, read, monkeypatch):
    discover(study, index=tmp_path / "x.sqlite")
    new = phantom.ct_series(study / "c", slices=2, size=(8, 8), series_number=11)
    connect = sqlite3.connect
    monkeypatch.setattr(
        discovery_index.sqlite3, "connect", lambda path, **options: connect(f"file:{path}?mode=ro", uri=True, **options)
    )
    read.clear()
    with pytest.warns(SlicewiseWarning, match=r"cannot be written \(attempt to write a readonly database\)"):
        found = discover(study, index=tmp_path / "x.sqlite")
    assert sorted(read) == sorted(path.name for path in new)
    assert same(found, discover(study))


def test_a_writer_that_keeps_the_index_is_waited_for_and_then_gone_without(study, tmp_path, monkeypatch):
    monkeypatch.setattr(discovery_index, "_PATIENCE", 0.1)
    discover(study, index=tmp_path / "x.sqlite")
    phantom.ct_series(study / "c", slices=2, size=(8, 8), series_number=11)
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.warns(SlicewiseWarning, match=r"cannot be written \(database is locked\)"):
            found = discover(study, index=tmp_path / "x.sqlite")
    finally:
        other.close()
    assert same(found, discover(study))


def test_processes_at_once_do_not_harm_the_index(tmp_path, read):
    folders = [tmp_path / "study" / name for name in "abc"]
    for k, folder in enumerate(folders):
        phantom.ct_series(folder, slices=30, size=(8, 8), series_number=k + 1)
    script = """
import sys
from slicewise.io import discovery_index, discovery_scan
from slicewise.io.discover import discover
from slicewise.io.listing import list_files
discovery_scan._BATCH = 2
discovery_index._SETTLED_NS = -10**12
for _ in range(3):
    print(discover(sys.argv[1], index=sys.argv[2]).summary)
"""
    where = [folders[0].parent, *folders, folders[0].parent]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, folder, tmp_path / "x.sqlite"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in where
    ]
    for run, folder in zip(runs, where, strict=True):
        out, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
        assert out.splitlines() == [discover(folder).summary] * 3
    database = sqlite3.connect(tmp_path / "x.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("SELECT count(*) FROM files").fetchone() == (90,)
    database.close()
    read.clear()
    assert same(discover(tmp_path / "study", index=tmp_path / "x.sqlite"), discover(tmp_path / "study"))


def test_what_another_process_forgets_meanwhile_is_not_mistaken_for_something_else(tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for number, folder in enumerate(folders):
        phantom.ct_series(folder, slices=3, size=(8, 8), series_number=number + 1)
    place = tmp_path / "index.sqlite"

    def facts_of(folder):
        scanner = discovery_scan.FactScanner()
        return {
            file.path: (discovery_index.stamp_of(file.path), discovery_index.Record(scanner.read(file)))
            for file in list_files(folder)
        }

    a, b, c = (facts_of(folder) for folder in folders)
    first, *rest = a
    with discovery_index.DiscoveryIndex.opened(place) as one, discovery_index.DiscoveryIndex.opened(place) as other:
        one.add({first: a[first]})
        assert set(one.known({first: a[first][0]})) == {first}
        first.rename(tmp_path / "moved")
        other.forget(folders[0], [])  # and with it what the files of this folder share
        other.add(b)
        one.add({path: a[path] for path in rest})
        one.add(c)
        known = one.known({path: stamp for told in (a, b, c) for path, (stamp, _) in told.items() if path != first})
    for folder in (a, b, c):
        for path, (_, record) in folder.items():
            if path != first:
                told, read = known[path].facts, record.facts
                assert {**told.shared, **told.own} == {**read.shared, **read.own}
