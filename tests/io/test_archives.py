"""A series in an archive is the series in the folder, read in place; what cannot be trusted is refused by name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import slicewise as sw
from makers import SHIPPED_FILES, write_series
from slicewise.errors import (
    DestinationError,
    NotDicomError,
    ReadError,
    SeriesError,
    SlicewiseError,
    SlicewiseWarning,
    TruncatedError,
)
from slicewise.io.discover import discover
from slicewise.io.header_files import read_headers
from slicewise.io.listing import list_files

OPEN_FILES = Path("/proc/self/fd")
STORED = np.arange(6 * 40 * 50, dtype=np.int16).reshape(6, 40, 50)


def zipped(source, target, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            archive.write(path, f"disc/{path.relative_to(source)}")
    return target


def tarred(source, target, mode="w", **options):
    with tarfile.open(target, mode, **options) as archive:
        archive.add(source, "disc")
    return target


MAKERS = {
    "stored": zipped,
    "deflated": lambda source, target: zipped(source, target, zipfile.ZIP_DEFLATED),
    "bzip2": lambda source, target: zipped(source, target, zipfile.ZIP_BZIP2),
    "lzma": lambda source, target: zipped(source, target, zipfile.ZIP_LZMA),
    "ustar": lambda source, target: tarred(source, target, format=tarfile.USTAR_FORMAT),
    "pax": lambda source, target: tarred(source, target, format=tarfile.PAX_FORMAT),
    "gnu": lambda source, target: tarred(source, target, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda source, target: tarred(source, target, "w:gz"),
    "tar.bz2": lambda source, target: tarred(source, target, "w:bz2"),
    "tar.xz": lambda source, target: tarred(source, target, "w:xz"),
}


@pytest.fixture
def folder(tmp_path):
    write_series(tmp_path / "in", STORED, per_slice=[{"ImageComments": f"slice {k}"} for k in range(6)])
    return tmp_path / "in"


def assert_same(found, expected):
    assert found.headers == expected.headers
    assert found.geometry == expected.geometry
    assert np.array_equal(found.update(progress=False).array, expected.update(progress=False).array)


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


# --- the same from everywhere ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_pixels_headers_and_geometry_are_those_of_the_folder_whatever_the_archive_is_called(phantom_ct, tmp_path, kind):
    archive = MAKERS[kind](phantom_ct.folder, tmp_path / "no-telling")
    found, expected = sw.SeriesReader(archive), sw.SeriesReader(phantom_ct.folder)
    assert_same(found, expected)
    assert found.files == tuple(archive / "disc" / path.name for path in expected.files)
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.data
@pytest.mark.parametrize("kind", ["stored", "deflated", "pax", "tar.gz"])
@pytest.mark.parametrize(
    "case", ["mr-canon-adc-36", "mr-jpegll-fragments-24", "mr-enhanced/philips_enhanced/anatomical"]
)
def test_real_series_is_the_same_from_an_archive(data, tmp_path, case, kind):
    archive = MAKERS[kind](data(case), tmp_path / "archive")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)  # of a licence among the images
        assert_same(sw.SeriesReader(archive), sw.SeriesReader(data(case)))


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "image_dfl.dcm", "JPEG2000.dcm", "MR_small_bigendian.dcm"])
@pytest.mark.parametrize("kind", ["stored", "deflated", "gnu", "tar.xz"])
def test_file_of_any_transfer_syntax_has_the_header_it_has_outside(tmp_path, name, kind):
    (tmp_path / "in").mkdir()
    shutil.copy(SHIPPED_FILES / name, tmp_path / "in")
    archive = MAKERS[kind](tmp_path / "in", tmp_path / "archive")
    (found,) = read_headers(list_files(archive), strict=True)
    (expected,) = read_headers([SHIPPED_FILES / name], strict=True)
    assert found.size == expected.size
    assert found.header.pixels == expected.header.pixels
    assert found.header.family.reference == expected.header.family.reference


@pytest.mark.parametrize("kind", ["stored", "deflated", "pax", "tar.gz"])
def test_slices_from_the_middle_are_read_alone(folder, tmp_path, kind):
    archive = MAKERS[kind](folder, tmp_path / "archive")
    assert np.array_equal(sw.SeriesReader(archive)[2:4].update(progress=False).array, STORED[2:4])


def test_only_the_slices_asked_for_are_read_from_the_archive(folder, tmp_path):
    archive = zipped(folder, tmp_path / "a.zip")
    reader = sw.SeriesReader(archive)
    names = [path.name for path in reader.files]
    for k in (0, 1, 4, 5):
        damage_pixels(archive, names[k])
    reader = sw.SeriesReader(archive)
    assert np.array_equal(reader[2:4].update(progress=False).array, STORED[2:4])
    with pytest.raises(ReadError, match="CRC"):
        reader[4:].update(progress=False)


def test_slabs_in_several_threads_are_the_same(folder, tmp_path):
    for kind in ("stored", "deflated", "pax", "tar.bz2"):
        archive = MAKERS[kind](folder, tmp_path / kind)
        image = (sw.SeriesReader(archive) >> sw.Median(radius=1)).update(memory="1MB", workers=8, progress=False)
        expected = (sw.SeriesReader(folder) >> sw.Median(radius=1)).update(progress=False)
        assert np.array_equal(image.array, expected.array)


def test_frames_of_a_large_compressed_member_are_those_of_the_file(tmp_path):
    # Larger than what is inflated in memory, so that it goes through a temporary file.
    stored = np.random.default_rng(0).integers(0, 50, (2, 1500, 1000)).astype(np.uint16)
    write_series(tmp_path / "in", stored, Rows=1500, Columns=1000)
    for path in (tmp_path / "in").iterdir():
        path.write_bytes(path.read_bytes() + b"\xfc\xff\xfc\xff" + b"OB\0\0" + struct.pack("<L", 2**22) + bytes(2**22))
    archive = zipped(tmp_path / "in", tmp_path / "a.zip", zipfile.ZIP_DEFLATED)
    assert np.array_equal(sw.SeriesReader(archive).update(workers=4, progress=False).array, stored)


def test_zip64_is_read_also_beyond_4_gib(folder, tmp_path):
    archive = tmp_path / "large.zip"
    with archive.open("wb") as file:
        file.truncate(5 * 2**30)  # takes no room on the disk
    start = b"PK\x03\x04"
    with archive.open("r+b") as file:
        file.write(start)
    with zipfile.ZipFile(archive, "a") as target:
        for path in sorted(folder.iterdir()):
            with target.open(zipfile.ZipInfo(path.name), "w", force_zip64=True) as member:
                member.write(path.read_bytes())
    assert_same(sw.SeriesReader(archive), sw.SeriesReader(folder))


def test_files_are_named_by_archive_and_member_and_can_be_named_so(folder, tmp_path):
    archive = tarred(folder, tmp_path / "a.tar")
    reader = sw.SeriesReader(archive)
    assert_same(sw.SeriesReader(reader.files), reader)
    assert_same(sw.SeriesReader(archive / "disc"), reader)
    assert np.array_equal(sw.SeriesReader(reader.files[1:3]).update(progress=False).array, STORED[1:3])
    with pytest.raises(ReadError, match=r"elsewhere.*holds no such file or folder"):
        list_files(archive / "elsewhere")


def test_list_may_mix_files_folders_and_archives(tmp_path):
    paths = write_series(tmp_path / "in", STORED)
    for part, chosen in {"zip": paths[2:4], "folder": paths[4:]}.items():
        (tmp_path / part).mkdir()
        for path in chosen:
            shutil.move(path, tmp_path / part)
    archive = zipped(tmp_path / "zip", tmp_path / "a.zip")
    reader = sw.SeriesReader([paths[0], archive, tmp_path / "folder", paths[1]])
    assert np.array_equal(reader.update(progress=False).array, STORED)


def test_key_tells_archives_of_the_same_names_apart(tmp_path):
    keys = set()
    for k in range(2):
        write_series(tmp_path / f"{k}", STORED + k)
        keys.add(sw.SeriesReader(zipped(tmp_path / f"{k}", tmp_path / f"{k}.zip")).key)
    assert len(keys) == 2


def test_thousands_of_members_are_listed_by_one_look_at_the_directory(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(5000):
            archive.writestr(f"{k % 10}/{k}.txt", b"x")
    opens = []
    true_open = os.open
    monkeypatch.setattr(os, "open", lambda *a, **k: opens.append(a) or true_open(*a, **k))
    assert len(list_files(tmp_path / "a.zip")) == 5000
    assert len(opens) < 10


# --- only what is meant ---------------------------------------------------------------------------------


def test_archives_in_a_folder_are_opened_only_if_asked_for(folder, tmp_path):
    (tmp_path / "outer" / "deep").mkdir(parents=True)
    zipped(folder, tmp_path / "outer" / "deep" / "a.zip")
    tarred(folder, tmp_path / "outer" / "b.tgz", "w:gz")
    (tmp_path / "outer" / "notes.txt.gz").write_bytes(gzip.compress(b"no tar"))
    assert [f.path.name for f in list_files(tmp_path / "outer")] == ["b.tgz", "a.zip", "notes.txt.gz"]
    found = list_files(tmp_path / "outer", archives=True)
    assert len(found) == 13
    assert len(list_files(tmp_path / "outer" / "*.tgz", archives=True)) == 6
    with pytest.warns(SlicewiseWarning, match=r"archives are opened if they are named.*b\.tgz, a\.zip$"):
        read_headers(list_files(tmp_path / "outer"), strict=True)


def test_archives_in_an_archive_are_passed_over_with_a_warning(folder, tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped(folder, archive), "a") as outer:
        outer.write(zipped(folder, tmp_path / "inner.zip"), "disc/inner.zip")
    reader = sw.SeriesReader(archive)
    with pytest.warns(
        SlicewiseWarning, match=r"1 file passed over.*not within a folder or another archive: inner\.zip"
    ):
        assert reader.geometry.slices == 6


def test_hidden_members_and_a_dicomdir_are_left_out(folder, tmp_path):
    archive = zipped(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "a") as target:
        for name in ("__MACOSX/disc/._f000.dcm", ".DS_Store", ".hidden/x", "disc/DICOMDIR"):
            target.writestr(name, b"x")
    assert len(list_files(archive)) == 6
    assert len(list_files(archive, hidden=True)) == 9
    with pytest.raises(ReadError, match=r"the archive holds no file"):
        list_files(archive, recursive=False)


def test_links_and_devices_in_a_tar_are_passed_over_with_a_warning(folder, tmp_path):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as target:
        target.add(folder, "disc")
        for name, kind in {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "null": tarfile.CHRTYPE}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            target.addfile(info)
    with pytest.warns(SlicewiseWarning, match="3 members are neither files nor folders.*link, hard, null"):
        assert len(list_files(archive)) == 6


def test_links_in_a_zip_are_passed_over_with_a_warning(folder, tmp_path):
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(zipped(folder, tmp_path / "a.zip"), "a") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.warns(SlicewiseWarning, match=r"1 member is neither file.*link\.dcm"):
        assert len(list_files(tmp_path / "a.zip")) == 6


def test_names_that_lead_out_of_the_archive_lead_nowhere(folder, tmp_path):
    paths = sorted(folder.iterdir())
    names = ["/etc/a.dcm", "../../b.dcm", "x/../../../c.dcm", "./d.dcm", "//e.dcm", "f.dcm"]
    shown = ["etc/a.dcm", "b.dcm", "x/c.dcm", "d.dcm", "e.dcm", "f.dcm"]
    with tarfile.open(tmp_path / "a.tar", "w") as target:
        for path, name in zip(paths, names, strict=True):
            info = target.gettarinfo(path)
            info.name = name
            with path.open("rb") as file:
                target.addfile(info, file)
    for archive in (tmp_path / "a.tar", rewritten(tmp_path / "b.zip", dict(zip(names, paths, strict=True)))):
        reader = sw.SeriesReader(archive)
        assert {str(path.relative_to(archive)) for path in reader.files} == set(shown)
        assert_same(reader, sw.SeriesReader(folder))


def rewritten(target, members):
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in members.items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, path.read_bytes())
    return target


def test_of_members_of_one_name_the_last_counts_with_a_warning(tmp_path):
    first = write_series(tmp_path / "a", STORED)
    second = write_series(tmp_path / "b", STORED + 1)
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as target:
        for path in (*first, second[3]):
            target.add(path, path.name)
    with pytest.warns(SlicewiseWarning, match=rf"there more than once.*{second[3].name}"):
        image = sw.SeriesReader(archive).update(progress=False)
    assert np.array_equal(image.array[3], STORED[3] + 1)
    subprocess.run(["tar", "xf", archive], cwd=tmp_path / "b", check=True)
    assert np.array_equal(image.array, sw.SeriesReader(tmp_path / "b").update(progress=False).array)


def test_members_with_long_and_foreign_names_are_read(folder, tmp_path):
    names = ["d" * 90 + f"/{k}/" + "n" * 120 + ".dcm" for k in range(4)] + ["Prä 検査.dcm"]
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        archive = tmp_path / f"{form}.tar"
        with tarfile.open(archive, "w", format=form) as target:
            for path, name in zip(sorted(folder.iterdir()), names, strict=False):
                target.add(path, name)
        assert {str(f.path.relative_to(archive)) for f in list_files(archive)} == set(names)
    latin = tmp_path / "latin.tar"
    with tarfile.open(latin, "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as target:
        target.add(min(folder.iterdir()), "Prä.dcm")
    assert str(list_files(latin)[0].path).encode("utf-8").endswith(rb"Pr\xe4.dcm")


def test_backslashes_of_windows_are_folders(folder, tmp_path):
    members = {f"disc\\{path.name}": path for path in folder.iterdir()}
    archive = rewritten(tmp_path / "a.zip", members)
    assert {f.path.parent for f in list_files(archive)} == {archive / "disc"}


def test_archive_in_the_folder_written_to_is_a_file_of_the_source(folder, tmp_path):
    (tmp_path / "out").mkdir()
    archive = zipped(folder, tmp_path / "out" / "a.zip")
    whole = archive.read_bytes()
    with pytest.raises(DestinationError, match="holds a file of the source"):
        (sw.SeriesReader(archive) >> sw.SeriesWriter(tmp_path / "out", overwrite=True)).update(progress=False)
    assert archive.read_bytes() == whole


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="open files are not told of")
def test_temporary_file_is_gone_with_the_reader(folder, tmp_path):
    archive = tarred(folder, tmp_path / "a.tgz", "w:gz")
    before = set(OPEN_FILES.iterdir())
    reader = sw.SeriesReader(archive)
    assert reader.geometry.slices == 6
    held = set(OPEN_FILES.iterdir()) - before
    assert len(held) == 1
    assert "(deleted)" in str(held.pop().readlink())
    del reader
    assert set(OPEN_FILES.iterdir()) == before


# --- damage ---------------------------------------------------------------------------------------------


def damage_pixels(archive, name):
    """Flip a bit in the last bytes of a stored member."""
    with zipfile.ZipFile(archive) as target:
        info = next(i for i in target.infolist() if i.filename.endswith(name))
    flipped(archive, info.header_offset + 30 + len(info.filename) + info.compress_size - 100)


@pytest.mark.parametrize("kind", ["stored", "deflated", "bzip2", "lzma"])
def test_damaged_member_of_a_zip_is_an_error_that_names_it(folder, tmp_path, kind):
    archive = MAKERS[kind](folder, tmp_path / "a.zip")
    name = sorted(folder.iterdir())[3].name
    damage_pixels(archive, name)
    with pytest.raises(ReadError, match=rf"a\.zip/disc/{name}.*damaged"):
        sw.SeriesReader(archive).update(progress=False)


@pytest.mark.parametrize("kind", MAKERS)
def test_archive_that_was_cut_off_is_an_error_wherever_it_was_cut(folder, tmp_path, kind):
    whole = MAKERS[kind](folder, tmp_path / "whole").read_bytes()
    archive = tmp_path / "cut"
    member = 512 + -(-len(min(folder.iterdir()).read_bytes()) // 512) * 512
    # Of a tar the last is just between two members.
    for size in (600, len(whole) // 3, len(whole) // 2, len(whole) - 10300, 512 + 2 * member):
        if 0 < size < len(whole):
            archive.write_bytes(whole[:size])
            with pytest.raises(ReadError, match=r"cut.*(cut off|too early|not DICOM|no DICOM)"):
                sw.SeriesReader(archive).update(progress=False)


def test_directory_of_a_zip_that_hides_its_members_is_damaged(folder, tmp_path):
    archive = zipped(folder, tmp_path / "a.zip")
    at = archive.read_bytes().index(b"PK\x01\x02")
    # The length of a comment, which then takes in what follows.
    flipped(archive, at + 33)
    with pytest.raises(ReadError, match=r"a\.zip: the archive is damaged.* tells of 6 members and lists 1"):
        list_files(archive)


def test_zip_of_more_members_than_its_old_directory_counts_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(70000):
            archive.writestr(zipfile.ZipInfo(f"{k}"), b"")
    assert len(list_files(tmp_path / "a.zip")) == 70000


def test_zip_with_a_comment_is_read(folder, tmp_path):
    with zipfile.ZipFile(zipped(folder, tmp_path / "a.zip"), "a") as archive:
        archive.comment = b"made by hand PK\x06\x07"
    assert len(list_files(tmp_path / "a.zip")) == 6


def test_tar_without_its_end_mark_is_not_taken_for_whole(folder, tmp_path):
    archive = tmp_path / "a.tar"
    whole = tarred(folder, archive).read_bytes().rstrip(b"\0")
    archive.write_bytes(whole + bytes(-len(whole) % 512))
    with pytest.raises(TruncatedError, match=r"a\.tar: the archive ends without its end mark"):
        sw.SeriesReader(archive).update(progress=False)


def test_damaged_head_in_a_tar_does_not_end_the_archive_silently(folder, tmp_path):
    archive = tarred(folder, tmp_path / "a.tar")
    with tarfile.open(archive) as target:
        offset = target.getmembers()[4].offset
    flipped(archive, offset + 10)
    with pytest.raises(
        ReadError, match=rf"a\.tar: the archive is damaged: there is no head of a member at byte {offset}"
    ):
        _ = sw.SeriesReader(archive).headers


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_damaged_compressed_tar_is_an_error_that_names_it(folder, tmp_path, kind):
    archive = MAKERS[kind](folder, tmp_path / "a.tar.z")
    flipped(archive, archive.stat().st_size // 2)
    with pytest.raises(ReadError, match=r"a\.tar\.z: .*(damaged|end too early)"):
        _ = sw.SeriesReader(archive).headers


def test_compressed_tar_of_several_streams_with_padding_is_read(folder, tmp_path):
    whole = tarred(folder, tmp_path / "a.tar").read_bytes()
    half = len(whole) // 2
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        (tmp_path / "two").write_bytes(pack(whole[:half]) + pack(whole[half:]) + bytes(1024))
        assert_same(sw.SeriesReader(tmp_path / "two"), sw.SeriesReader(folder))


def test_archive_that_changes_while_it_is_used_is_an_error(folder, tmp_path):
    archive = zipped(folder, tmp_path / "a.zip")
    reader = sw.SeriesReader(archive)
    assert reader.geometry.slices == 6
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(ReadError, match=r"a\.zip/disc.*the archive changed since"):
        reader.update(progress=False)


def test_encrypted_zip_asks_for_unpacking_with_the_password(tmp_path, folder):
    archive = zipped(folder, tmp_path / "a.zip")
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(ReadError, match=r"a\.zip: the archive is encrypted with a password"):
        _ = sw.SeriesReader(archive).headers


def test_member_packed_in_a_way_that_is_not_read_is_named(tmp_path, folder):
    archive = zipped(folder, tmp_path / "a.zip")
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 10 : at + 12] = b"\x09\0"
    archive.write_bytes(data)
    with pytest.raises(ReadError, match=r"a\.zip/disc/f000\.dcm: it is compressed by method 9"):
        _ = sw.SeriesReader(archive).headers


def test_discover_counts_a_damaged_archive_as_a_broken_file(folder, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    zipped(folder, outer / "good.zip")
    bad = zipped(folder, outer / "bad.zip")
    bad.write_bytes(bad.read_bytes()[:-30])
    found = discover(outer, archives=True)
    assert [series.images for series in found] == [6]
    assert found.series[0].folder == outer / "good.zip" / "disc"
    assert [odd.path for odd in found.broken] == [bad]
    assert "cut off" in found.broken[0].reason


def test_archive_without_dicom_and_an_empty_one_say_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("notes.txt", "no image")
    with (
        pytest.warns(SlicewiseWarning, match=r"1 file passed over as not DICOM: notes\.txt$"),
        pytest.raises(SeriesError, match=r"text\.zip: no DICOM file was found"),
    ):
        _ = sw.SeriesReader(tmp_path / "text.zip").headers
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(ReadError, match=r"empty\.zip: the archive holds no file"):
        _ = sw.SeriesReader(tmp_path / "empty.zip").headers
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(NotDicomError, match=r"x\.gz: no DICOM file"):
        _ = sw.SeriesReader(tmp_path / "x.gz").headers


# --- bombs ----------------------------------------------------------------------------------------------


def gibibyte_of_zeros(pack):
    return pack(bytes(2**24)) * 65


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_tar_that_unpacks_without_end_is_refused(tmp_path, pack):
    head = tarfile.TarInfo("image.dcm")
    head.size = 2**40
    archive = tmp_path / "bomb.tar.z"
    archive.write_bytes(pack(head.tobuf()) + gibibyte_of_zeros(pack))
    with pytest.raises(ReadError, match=r"bomb\.tar\.z: the archive unpacks to more than 1 GiB .*bombs"):
        _ = sw.SeriesReader(archive).headers


def deflated_zip(path, members):
    """Write a ZIP of given streams: name to (deflated, size, crc, offset of the data or None)."""
    body, directory = b"", b""
    for name, (data, size, crc, place) in members.items():
        offset = len(body) if place is None else place
        fields = struct.pack("<5H3L2H", 20, 0, 8, 0, 0, crc, len(data), size, len(name), 0)
        if place is None:
            body += b"PK\x03\x04" + fields + name.encode() + data
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<3H2L", 0, 0, 0, 0, offset) + name.encode()
        )
    count = len(members)
    path.write_bytes(
        body + directory + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, count, count, len(directory), len(body), 0)
    )
    return path


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def test_zip_that_states_more_than_images_ever_hold_is_refused_unread(tmp_path):
    data = raw_deflate(bytes(2**20))
    archive = deflated_zip(tmp_path / "bomb.zip", {"a": (data, 2**31, 0, None)})
    with pytest.raises(ReadError, match=r"bomb\.zip: the archive unpacks to more than 1 GiB"):
        _ = sw.SeriesReader(archive).headers


def test_member_that_inflates_beyond_what_is_stated_is_stopped_there(tmp_path):
    head = (SHIPPED_FILES / "CT_small.dcm").read_bytes()
    data = raw_deflate(head + bytes(2**26))
    archive = deflated_zip(tmp_path / "bomb.zip", {"a.dcm": (data, len(head), zlib.crc32(head), None)})
    with pytest.raises(ReadError, match=r"bomb\.zip/a\.dcm.*there are more"):
        sw.SeriesReader(archive).update(progress=False)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    data = raw_deflate(b"x" * 1000)
    one = (data, 1000, zlib.crc32(b"x" * 1000))
    archive = deflated_zip(tmp_path / "bomb.zip", {"a": (*one, None), "b": (*one, 0)})
    with pytest.raises(ReadError, match=r"bomb\.zip: the archive is damaged: its member '.' reaches into"):
        _ = sw.SeriesReader(archive).headers


def test_images_that_compress_well_are_no_bombs(tmp_path):
    zeros = np.zeros((20, 512, 512), np.int16)
    write_series(tmp_path / "in", zeros)
    for kind in ("deflated", "tar.xz"):
        archive = MAKERS[kind](tmp_path / "in", tmp_path / kind)
        assert archive.stat().st_size < zeros.nbytes / 100
        assert np.array_equal(sw.SeriesReader(archive).update(progress=False).array, zeros)


# --- anything at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_mutated_archive_is_read_or_refused_and_nothing_else(tmp_path, kind):
    write_series(tmp_path / "in", STORED[:3, :6, :6])
    whole = MAKERS[kind](tmp_path / "in", tmp_path / "whole").read_bytes()
    archive = tmp_path / "mutated"
    rng = np.random.default_rng(20260401)
    # Heads of members and the directory, where the structure is, as often as anything else.
    places = [m for mark in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04", b"ustar") for m in occurrences(whole, mark)]
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            near = int(rng.choice(places)) - 260 if places and rng.integers(2) else 0
            at = int(rng.integers(max(0, near), min(len(data) - 1, near + 560) if near else len(data) - 1))
            data[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1 << int(rng.integers(8)), 0x39]))
        if rng.integers(8) == 0:
            del data[int(rng.integers(len(data))) :]
        archive.write_bytes(data)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pydicom")
            warnings.filterwarnings("ignore", category=SlicewiseWarning)
            try:
                sw.SeriesReader(archive, on_gap="keep").update(progress=False)
            except SlicewiseError:
                continue
            except Exception as error:  # noqa: BLE001
                changed = [(k, a, b) for k, (a, b) in enumerate(zip(whole, data, strict=False)) if a != b]
                pytest.fail(f"{type(error).__name__}: {error} with {changed}")


def occurrences(data, mark):
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def test_tar_of_other_tools_is_read(folder, tmp_path):
    for form in ("v7", "oldgnu", "gnu", "ustar", "posix"):
        archive = tmp_path / f"{form}.tar"
        done = subprocess.run(["tar", f"--format={form}", "-cf", archive, "-C", folder, "."], check=False)
        if done.returncode:
            pytest.skip("no GNU tar")
        assert_same(sw.SeriesReader(archive), sw.SeriesReader(folder))


def test_files_with_holes_are_passed_over_and_what_follows_them_is_found(folder, tmp_path):
    with (folder / "a-hole").open("wb") as file:
        for k in range(12):
            file.seek(k * 2**17)
            file.write(b"x" * 4096)
        file.truncate(2**22)
    for form in ("gnu", "posix"):
        archive = tmp_path / f"{form}.tar"
        if subprocess.run(["tar", f"--format={form}", "-S", "-cf", archive, "-C", folder, "."], check=False).returncode:
            pytest.skip("no GNU tar")
        with pytest.warns(SlicewiseWarning, match="1 member is neither"):
            assert len(list_files(archive)) == 6


def test_buffer_of_a_member_ends_with_the_member(folder, tmp_path):
    for kind in ("stored", "deflated", "pax", "tar.gz"):
        file = list_files(MAKERS[kind](folder, tmp_path / kind))[0]
        whole = (folder / file.path.name).read_bytes()
        with file.open() as opened:
            buffer = bytearray(len(whole) + 100)
            assert opened.read_into(buffer, 10) == len(whole) - 10
            assert buffer[: len(whole) - 10] == whole[10:]
            assert opened.read_at(10**6, len(whole) - 5) == whole[-5:]
            assert opened.read_at(5, len(whole) + 5) == b""
            assert opened.size == len(whole)


def test_member_of_no_name_is_passed_over(folder, tmp_path):
    archive = rewritten(tmp_path / "a.zip", {"..": min(folder.iterdir()), "b": sorted(folder.iterdir())[1]})
    with pytest.warns(SlicewiseWarning, match="1 member"):
        assert [f.path for f in list_files(archive)] == [archive / "b"]
