"""A DICOMDIR stands for the files it refers to, found as they are named on real discs, and never for others."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import warnings
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

import slicewise as sw
from makers import SHIPPED_FILES, write_series
from slicewise.errors import ReadError, SlicewiseError, SlicewiseWarning
from slicewise.io.discover import discover
from slicewise.io.listing import list_files

SHIPPED = SHIPPED_FILES / "dicomdirtests"
STORED = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)

needs_shipped = pytest.mark.skipif(not SHIPPED.is_dir(), reason="pydicom does not ship its DICOMDIR trees")


def record(*file_id, kind="IMAGE", in_use=True):
    item = Dataset()
    item.OffsetOfTheNextDirectoryRecord = 0
    item.RecordInUseFlag = 0xFFFF if in_use else 0
    item.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    item.DirectoryRecordType = kind
    if file_id:
        # Past pydicom's own opinion of names.
        item.add_new("ReferencedFileID", "LO", list(file_id) if len(file_id) > 1 else file_id[0])
    return item


def write_dicomdir(path, records):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.FileSetID = "TEST"
    dataset.DirectoryRecordSequence = records
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def disc(tmp_path):
    """A folder like that of a disc: a DICOMDIR, and images of which one is not in it."""
    paths = write_series(tmp_path / "disc" / "IMAGES" / "SER1", STORED)
    for k, path in enumerate(paths):
        path.rename(path.with_name(f"IM{k}"))
    write_series(tmp_path / "disc" / "OTHER", STORED, SeriesInstanceUID="1.2.99")
    images = [record("IMAGES", "SER1", f"IM{k}") for k in range(4)]
    write_dicomdir(tmp_path / "disc" / "DICOMDIR", [record(kind="PATIENT"), record(kind="SERIES"), *images])
    return tmp_path / "disc"


def by_pydicom(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is wrong with the directory
        files = FileSet(str(path))
    paths = {item.path for item in files}
    files._stage["t"].cleanup()  # it would warn when it is collected
    return paths


def names(files):
    return [file.path.name for file in files]


# --- what it refers to ----------------------------------------------------------------------------------


def test_files_of_the_directory_are_read_and_no_others(disc):
    reader = sw.SeriesReader(disc / "DICOMDIR")
    assert names(list_files(disc / "DICOMDIR")) == ["IM0", "IM1", "IM2", "IM3"]
    assert np.array_equal(reader.update(progress=False).array, STORED)
    assert reader.files == tuple(disc / "IMAGES" / "SER1" / f"IM{k}" for k in range(4))


def test_it_is_known_by_its_sop_class_and_not_by_its_name(disc):
    (disc / "DICOMDIR").rename(disc / "index.bin")
    assert names(list_files(disc / "index.bin")) == ["IM0", "IM1", "IM2", "IM3"]
    # A file of that name that is none is a file.
    (disc / "IMAGES" / "SER1" / "IM0").rename(disc / "DICOMDIR")
    assert names(list_files(disc / "DICOMDIR")) == ["DICOMDIR"]


def test_directory_stands_beside_other_paths_in_a_list(disc):
    found = list_files([disc / "DICOMDIR", disc / "OTHER"])
    assert len(found) == 8


@needs_shipped
@pytest.mark.parametrize(
    "name",
    [
        "DICOMDIR",
        "DICOMDIR-bigEnd",
        "DICOMDIR-implicit",
        "DICOMDIR-nooffset",
        "DICOMDIR-reordered",
        "TINY_ALPHA/DICOMDIR",
    ],
)
def test_broken_and_sound_directories_give_the_files_that_pydicom_gives(name):
    expected = by_pydicom(SHIPPED / name)
    # The last record of this one states more bytes than there are.
    is_short = name == "DICOMDIR-nooffset"
    with pytest.warns(SlicewiseWarning, match="break off") if is_short else contextlib.nullcontext():
        found = list_files(SHIPPED / name)
    assert {str(file.path) for file in found} == expected
    assert len(found) == len(expected) > 0


@needs_shipped
def test_directory_with_unknown_patients_gives_all_files_that_are_there():
    # pydicom's file sets refuse it.
    found = {file.path for file in list_files(SHIPPED / "DICOMDIR-nopatient")}
    assert found == {file.path for file in list_files(SHIPPED / "DICOMDIR")}


@needs_shipped
def test_directory_that_refers_to_nothing_is_an_error():
    with pytest.raises(ReadError, match=r"DICOMDIR-empty\.dcm: the DICOMDIR refers to no file"):
        list_files(SHIPPED / "DICOMDIR-empty.dcm")


@needs_shipped
def test_series_of_a_directory_are_those_of_its_files():
    found = discover(SHIPPED / "DICOMDIR")
    files = by_pydicom(SHIPPED / "DICOMDIR")
    expected = {pydicom.dcmread(path).SeriesInstanceUID for path in files}
    assert {series.uid for series in found} == expected
    assert sum(series.images for series in found) == len(files)


@pytest.mark.data
def test_tree_of_a_real_disc_is_that_of_pydicom(data):
    for path in (data("dicomdir") / "DICOMDIR", data("dicomdir") / "TINY_ALPHA" / "DICOMDIR"):
        assert {str(file.path) for file in list_files(path)} == by_pydicom(path)


# --- names on discs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [str.lower, "{}.".format, "{};1".format, "{}.;1".format, lambda n: f"{n.lower()}.;1"]
)
def test_names_are_found_as_they_come_from_discs(disc, change):
    for path in sorted((disc / "IMAGES" / "SER1").iterdir()):
        path.rename(path.with_name(change(path.name)))
    (disc / "IMAGES").rename(disc / "images")
    reader = sw.SeriesReader(disc / "DICOMDIR")
    assert np.array_equal(reader.update(progress=False).array, STORED)


def test_exact_name_goes_before_one_of_another_case(disc):
    folder = disc / "IMAGES" / "SER1"
    shutil.copy(folder / "IM1", folder / "im0")
    assert names(list_files(disc / "DICOMDIR")) == ["IM0", "IM1", "IM2", "IM3"]
    (folder / "IM0").rename(folder / "Im0")
    with pytest.raises(ReadError, match=r"refers to 'IMAGES/SER1/IM0', and several names fit 'IM0': Im0, im0"):
        list_files(disc / "DICOMDIR")


def test_file_that_is_referred_to_twice_is_read_once(disc):
    twice = [record("IMAGES", "SER1", "IM0"), record("images", "ser1", "im0"), record("IMAGES/SER1/IM1")]
    write_dicomdir(disc / "DICOMDIR", twice)
    assert names(list_files(disc / "DICOMDIR")) == ["IM0", "IM1"]


def test_records_that_were_taken_out_are_not_read(disc):
    write_dicomdir(disc / "DICOMDIR", [record("IMAGES", "SER1", f"IM{k}", in_use=k != 1) for k in range(4)])
    assert names(list_files(disc / "DICOMDIR")) == ["IM0", "IM2", "IM3"]


# --- what is wrong --------------------------------------------------------------------------------------


def test_files_that_are_not_there_are_counted_and_named_in_one_warning(disc):
    for k in (0, 2):
        (disc / "IMAGES" / "SER1" / f"IM{k}").unlink()
    with pytest.warns(SlicewiseWarning) as told:
        assert names(list_files(disc / "DICOMDIR")) == ["IM1", "IM3"]
    (message,) = [str(one.message) for one in told]
    assert "2 of the 4 files that the DICOMDIR refers to are not there" in message
    assert message.endswith("IMAGES/SER1/IM0, IMAGES/SER1/IM2")


def test_directory_away_from_its_files_is_an_error(disc, tmp_path):
    shutil.move(disc / "DICOMDIR", tmp_path / "DICOMDIR")
    with pytest.raises(ReadError, match=r"none of the 4 files that the DICOMDIR refers to is there.*IMAGES/SER1/IM0"):
        list_files(tmp_path / "DICOMDIR")


@pytest.mark.parametrize(
    "reference",
    [
        ("..", "secret"),
        ("IMAGES", "..", "..", "secret"),
        ("../secret",),
        ("/etc/passwd",),
        ("", "etc", "passwd"),
        ("C:", "x"),
    ],
)
def test_reference_that_would_leave_the_folder_is_refused(disc, reference):
    (disc.parent / "secret").write_text("x")
    write_dicomdir(disc / "DICOMDIR", [record("IMAGES", "SER1", "IM0"), record(*reference)])
    with pytest.raises(ReadError, match=r"DICOMDIR: the DICOMDIR refers to .* must lead to a file below its folder"):
        list_files(disc / "DICOMDIR")


def test_reference_to_a_folder_is_one_that_is_not_there(disc):
    write_dicomdir(disc / "DICOMDIR", [record("IMAGES", "SER1", "IM0"), record("IMAGES", "SER1")])
    with pytest.warns(SlicewiseWarning, match=r"1 of the 2 files .*: IMAGES/SER1$"):
        assert names(list_files(disc / "DICOMDIR")) == ["IM0"]


def test_mutated_directory_is_read_or_refused_and_nothing_else(disc):
    path = disc / "DICOMDIR"
    whole = path.read_bytes()
    rng = np.random.default_rng(20260402)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(132, len(data)))] = int(rng.integers(256))
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                files = list_files(path)
            except SlicewiseError as error:
                assert "DICOMDIR" in str(error)  # noqa: PT017
                continue
            except Exception as error:  # noqa: BLE001
                changed = [(k, a, b) for k, (a, b) in enumerate(zip(whole, data, strict=True)) if a != b]
                pytest.fail(f"{type(error).__name__}: {error} with {changed}")
        assert all(disc in file.path.parents for file in files)


# --- in archives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_directory_in_an_archive_stands_for_the_members_it_refers_to(disc, tmp_path, kind):
    archive = tmp_path / f"disc.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for path in sorted(p for p in disc.rglob("*") if p.is_file()):
                target.write(path, f"burnt/{path.relative_to(disc)}".lower().replace("dicomdir", "DICOMDIR"))
    else:
        with tarfile.open(archive, "w:gz") as target:
            target.add(disc, "burnt")
    reader = sw.SeriesReader(archive / "burnt" / "DICOMDIR")
    assert len(reader.files) == 4
    assert np.array_equal(reader.update(progress=False).array, STORED)
    # Without it, all that is in the archive but the directory itself.
    assert len(list_files(archive)) == 8
