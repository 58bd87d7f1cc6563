"""Whatever is wrong with the files, the reader says so in the right words, or passes over it with a warning."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

import slicewise as sw
from slicewise import errors
from slicewise.io import phantom

NOISE = random.Random(0).randbytes(4000)  # noqa: S311 - the same each time


def read(where, **options):
    return sw.SeriesReader(where, **options).update(progress=False)


def start_of_pixels(path):
    """Return where the element with the pixels begins in a file of the phantom."""
    return path.stat().st_size - len(pydicom.dcmread(path).PixelData) - 12


# --- which files ------------------------------------------------------------------------------------


def test_two_series_are_listed_and_one_can_be_chosen(files):
    folder = files[0].parent
    others = phantom.ct_series(folder / "other", slices=5, size=(20, 24), series_number=4, series_description="Kopf")
    with pytest.raises(errors.SeveralSeriesError) as refusal:
        read(folder)
    message = str(refusal.value)
    for path in (files[0], others[0]):
        header = pydicom.dcmread(path)
        for told in (header.SeriesInstanceUID, header.SeriesDescription, "CT", f"{header.Columns} x {header.Rows}"):
            assert told in message
    assert "8 images" in message
    assert "5 images" in message
    assert "series=" in message
    assert read(folder, series=4).array.shape == (5, 24, 20)
    assert read(folder, series=pydicom.dcmread(files[0]).SeriesInstanceUID).array.shape == (8, 32, 40)
    with pytest.raises(errors.SeriesError, match="there is no series 77"):
        read(folder, series=77)


def test_a_missing_slice_is_an_error_that_names_its_neighbours(files):
    files[4].unlink()
    with pytest.raises(errors.MissingSliceError, match=r"10 mm apart where 5 mm are usual") as refusal:
        read(files[0].parent)
    assert files[3].name in str(refusal.value)
    assert files[5].name in str(refusal.value)
    assert "on_gap='keep'" in str(refusal.value)
    kept = read(files[0].parent, on_gap="keep")
    assert np.allclose(np.diff(kept.geometry.positions[:, 2]), [5, 5, 5, 10, 5, 5])


def test_a_doubled_slice_is_an_error_that_names_both_files(files):
    twin = files[2].with_name("twin.dcm")
    shutil.copy(files[2], twin)
    with pytest.raises(errors.DuplicateSliceError) as refusal:
        read(files[0].parent)
    assert files[2].name in str(refusal.value)
    assert twin.name in str(refusal.value)
    assert "on_duplicate='first'" in str(refusal.value)
    with pytest.warns(errors.SlicewiseWarning, match=r"1 slice.*twin\.dcm"):
        assert len(read(files[0].parent, on_duplicate="first").array) == 8


def test_files_that_are_not_dicom_are_passed_over_by_name(files):
    folder = files[0].parent
    (folder / "README.txt").write_text("hello")
    (folder / "empty.dcm").touch()
    (folder / "noise.dcm").write_bytes(NOISE)
    (folder / "folder.dcm").mkdir()
    (folder / ".hidden").write_text("hello")
    with pytest.warns(errors.SlicewiseWarning, match=r"3 files passed over.*README\.txt.*empty\.dcm.*noise\.dcm"):
        assert len(read(folder).array) == 8


@pytest.mark.parametrize("content", [b"", b"hello", NOISE])
def test_a_listed_file_that_is_not_dicom_is_an_error(files, content):
    foreign = files[0].with_name("foreign.dcm")
    foreign.write_bytes(content)
    with pytest.raises(errors.NotDicomError, match=r"foreign\.dcm"):
        read([*files, foreign])


def test_an_empty_folder_a_missing_one_and_a_pattern_without_match_are_errors(tmp_path):
    with pytest.raises(errors.ReadError, match="holds no file"):
        read(tmp_path)
    with pytest.raises(errors.ReadError, match="no such file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(errors.ReadError, match="no file matches"):
        read(tmp_path / "*.dcm")


def test_a_folder_of_nothing_but_other_files_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with (
        pytest.warns(errors.SlicewiseWarning, match=r"a\.txt"),
        pytest.raises(errors.SeriesError, match="no DICOM file was found"),
    ):
        read(tmp_path)


def test_a_link_to_nowhere_is_an_error_by_name(files):
    (files[0].parent / "broken.dcm").symlink_to("/nowhere")
    with pytest.raises(errors.ReadError, match=r"broken\.dcm"):
        read(files[0].parent)


def test_a_link_to_a_folder_is_not_followed_and_named(files, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (files[0].parent / "link").symlink_to(elsewhere)
    with pytest.warns(errors.SlicewiseWarning, match=r"link.*not followed"):
        read(files[0].parent)


def test_a_pipe_among_the_files_does_not_hang_the_reader(files):
    os.mkfifo(files[0].parent / "pipe")
    code = f"import slicewise as sw; print(sw.SeriesReader({str(files[0].parent)!r}).geometry.slices)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=8, check=False)
    assert done.stdout.strip() == "8" or "pipe" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="takes root and setpriv")
def test_a_file_that_must_not_be_read_is_an_error_by_name(sound_series):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in sound_series:
            shutil.copy(path, folder)
        secret = folder / sound_series[3].name
        secret.chmod(0)
        done = as_nobody(f"import slicewise as sw\nsw.SeriesReader({name!r}).info")
    assert "slicewise.errors.ReadError" in done.stderr
    assert secret.name in done.stderr
    assert "Permission denied" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="takes root and setpriv")
def test_a_folder_that_must_not_be_written_to_is_an_error_by_name(sound_series):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "source").mkdir()
        for path in sound_series:
            shutil.copy(path, folder / "source")
        done = as_nobody(
            f"import slicewise as sw\n(sw.SeriesReader({name!r} + '/source') >> sw.SeriesWriter({name!r} + '/new'))"
            ".update(progress=False)"
        )
        assert sorted(path.name for path in folder.iterdir()) == ["source"]
    assert "slicewise.errors.WriteError" in done.stderr
    assert name in done.stderr


def as_nobody(code):
    wrapped = f"import sys\ntry:\n    import slicewise.io.series_writer\nexcept Exception: sys.exit(77)\n{code}"
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-c", wrapped]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)
    # Where the interpreter itself, or its libraries, belong to root alone.
    unstartable = "error while loading shared libraries" in done.stderr or "Permission denied: '/" in done.stderr[:200]
    if done.returncode == 77 or unstartable:
        pytest.skip("nobody cannot import slicewise here")
    return done


# --- files that end too early -----------------------------------------------------------------------


def test_a_file_cut_in_its_header_is_an_error_by_name(files):
    whole = files[3].read_bytes()
    ends = {140, 333, 1001, 4000, start_of_pixels(files[3]) - 3, start_of_pixels(files[3]) + 5}
    for end in ends:
        files[3].write_bytes(whole[:end])
        with pytest.raises((errors.ReadError, errors.SlicewiseWarning), match=files[3].name):
            read(files)


def test_a_file_cut_in_its_pixels_is_an_error_that_says_what_is_missing(files):
    whole = files[3].read_bytes()
    for short in (1, 2, 1000, 2559):
        files[3].write_bytes(whole[:-short])
        with pytest.raises(errors.TruncatedError, match=f"{files[3].name}.*{len(whole)} bytes") as refusal:
            sw.SeriesReader(files[0].parent).info  # noqa: B018 - known before a pixel is read
        assert str(len(whole) - short) in str(refusal.value)


@pytest.mark.parametrize("which", [0, 3, -1])
def test_an_image_without_pixels_is_never_left_out_in_silence(files, which):
    """Cut just before its pixels, a file is a whole dataset: at an end of the stack nothing else would tell."""
    path = files[which]
    path.write_bytes(path.read_bytes()[: start_of_pixels(path)])
    with pytest.raises((errors.ReadError, errors.SlicewiseWarning), match=path.name):
        read(files[0].parent)


def compressed(files, folder, uid, encode):
    folder.mkdir()
    made = []
    for path in files:
        image = pydicom.dcmread(path)
        image.PixelData = encapsulate([encode(image.pixel_array)])
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
        image.file_meta.TransferSyntaxUID = uid
        made.append(folder / path.name)
        image.save_as(made[-1])
    return made


CODECS = {
    "jpeg-lossless": ("1.2.840.10008.1.2.4.70", lambda a: imagecodecs.ljpeg_encode(a, bitspersample=16)),
    "jpeg-ls": ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
    "jpeg-2000": (
        "1.2.840.10008.1.2.4.90",
        lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", reversible=True, level=0),
    ),
    "htj2k": ("1.2.840.10008.1.2.4.201", imagecodecs.htj2k_encode),
}


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_pixels_that_end_too_early_are_an_error(files, tmp_path, codec):
    made = compressed(files, tmp_path / codec, *CODECS[codec])
    wanted = read(files).array
    assert np.array_equal(read(made).array, wanted)
    whole = made[3].read_bytes()
    for short in (10, 20, 60, 400):
        made[3].write_bytes(whole[:-short])
        with pytest.raises(errors.ReadError, match=made[3].name):
            read(made)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_compressed_pixels_that_no_decoder_takes_are_an_error(files, tmp_path):
    for codec, (uid, encode) in CODECS.items():
        made = compressed(files, tmp_path / codec, uid, encode)
        image = pydicom.dcmread(made[3])
        image.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(500)])
        image["PixelData"].is_undefined_length = True
        image.save_as(made[3])
        with pytest.raises(errors.ReadError, match=made[3].name):
            read(made)


# --- files that change under way --------------------------------------------------------------------


def test_a_file_changed_after_its_header_was_read_is_an_error(files):
    reader = sw.SeriesReader(files)
    assert reader.geometry.slices == 8
    files[5].write_bytes(files[5].read_bytes() + b"\0\0")
    with pytest.raises(errors.ReadError, match=f"{files[5].name}.*changed since its header was read") as refusal:
        reader.update(progress=False)
    assert "make the reader again" in str(refusal.value)


def test_a_file_deleted_after_its_header_was_read_is_an_error(files, target, nothing_left):
    node = sw.SeriesReader(files) >> sw.Median(radius=1) >> sw.SeriesWriter(target)
    assert node.geometry.slices == 8
    files[5].unlink()
    with pytest.raises(errors.ReadError, match=files[5].name):
        node.update(progress=False)
    assert nothing_left()


# --- files full of faults ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::slicewise.errors.SlicewiseWarning")
def test_whatever_the_bytes_the_error_is_one_of_ours(files, target):
    rng = random.Random(20)  # noqa: S311 - the same each time
    whole = files[2].read_bytes()
    end = start_of_pixels(files[2])
    foreign = {}
    for trial in range(400):
        broken = mutated(whole, end, rng)
        files[2].write_bytes(broken)
        try:
            node = sw.SeriesReader(files[0].parent)
            (node >> sw.SeriesWriter(target, overwrite=True)).update(progress=False)
        except errors.SlicewiseError as error:
            named = str(error)
            assert named
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            foreign.setdefault(f"{type(error).__name__}: {error}"[:100], trial)
    assert not foreign


def mutated(whole, end, rng):
    data = bytearray(whole)
    place = rng.randrange(128, end)
    kind = rng.randrange(4)
    if kind == 0:
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(end)] = rng.randrange(256)
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        del data[place : place + rng.randrange(1, 9)]
    else:
        data[place:place] = rng.randbytes(rng.randrange(1, 9))
    return bytes(data)
