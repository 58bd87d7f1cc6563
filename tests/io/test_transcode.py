"""Transcoded instances are the instances they were: pydicom compares every element and every stored value."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from makers import SHIPPED_FILES
from slicewise.errors import DestinationError, NotDicomError, ParameterError, ReadError

NAMES = ["explicit", "deflated", "rle", "jpeg-ls", "jpeg-2000", "jpeg-lossless", "htj2k"]
TIED = {"PixelData", "BitsStored", "HighBit", "PlanarConfiguration", "PhotometricInterpretation"}


def same_but_for_the_coding(a, b):
    """Whether two datasets have the same elements at all depths, but for those that the coding decides."""
    ours, theirs = ({e.tag: e for e in ds if e.tag.element and e.keyword not in TIED} for ds in (a, b))
    ours.pop(0xFFFCFFFC, None)  # padding at the end of a file, without a meaning
    assert ours.keys() == theirs.keys()
    for tag, element in ours.items():
        assert element == theirs[tag], element.name


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back_again(phantom_ct, tmp_path, name):
    there = sw.transcode(phantom_ct.folder, tmp_path / "there", name, progress=False)
    back = sw.transcode(tmp_path / "there", tmp_path / "back", "explicit", progress=False)
    assert [path.name for path in back.paths] == sorted(path.name for path in phantom_ct.paths)
    assert there.bytes_before == sum(path.stat().st_size for path in phantom_ct.paths)
    assert there.bytes_after == sum(path.stat().st_size for path in there.paths)
    for first, coded, last in zip(sorted(phantom_ct.paths), there.paths, back.paths, strict=True):
        datasets = [pydicom.dcmread(path) for path in (first, coded, last)]
        for other in datasets[1:]:
            same_but_for_the_coding(datasets[0], other)
        np.testing.assert_array_equal(datasets[0].pixel_array, datasets[2].pixel_array)
        assert datasets[1].file_meta.MediaStorageSOPInstanceUID == datasets[0].SOPInstanceUID


@pytest.mark.parametrize("name", ["rle", "jpeg-ls", "jpeg-2000", "jpeg-lossless"])
def test_gdcm_reads_the_same_values(phantom_ct, tmp_path, name):
    done = sw.transcode(phantom_ct.folder, tmp_path / "out", name, progress=False)
    for first, coded in zip(sorted(phantom_ct.paths), done.paths, strict=True):
        one, other = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (first, coded))
        np.testing.assert_array_equal(one, other)


FILES = [
    "CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm",
    "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_2frame.dcm", "examples_palette.dcm", "image_dfl.dcm",
    "J2K_pixelrep_mismatch.dcm", "SC_rgb_small_odd_big_endian.dcm",
]  # fmt: skip


@pytest.mark.parametrize("name", ["jpeg-ls", "rle", "explicit", "htj2k"])
@pytest.mark.parametrize("file", FILES)
def test_shipped_files_keep_elements_and_values(tmp_path, file, name):
    source = SHIPPED_FILES / file
    (path,) = sw.transcode(source, tmp_path / "out", name, progress=False).paths
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    same_but_for_the_coding(before, after)
    if name == "htj2k":
        (path,) = sw.transcode(path, tmp_path / "plain", "explicit", progress=False).paths
        after = pydicom.dcmread(path)
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_lossy_stays_lossy(tmp_path):
    source = SHIPPED_FILES / "SC_rgb_jpeg_dcmtk.dcm"
    (path,) = sw.transcode(source, tmp_path / "out", "explicit", progress=False).paths
    found = pydicom.dcmread(path)
    assert found.LossyImageCompression == "01"
    assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("RGB", 0)


def test_the_tree_is_kept_and_the_destination_is_whole_or_absent(phantom_ct, tmp_path):
    for k, folder in enumerate(("a/b", "c")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        shutil.copy(phantom_ct.paths[k], tmp_path / "in" / folder / "x")
    done = sw.transcode(tmp_path / "in", tmp_path / "out", "rle", progress=False)
    assert [str(path.relative_to(tmp_path / "out")) for path in done.paths] == ["a/b/x", "c/x"]
    with pytest.raises(DestinationError, match="out"):
        sw.transcode(tmp_path / "in", tmp_path / "out", "rle", progress=False)
    (tmp_path / "in" / "notes.txt").write_text("not an image" * 20)
    with pytest.raises(NotDicomError, match=r"notes\.txt"):
        sw.transcode(tmp_path / "in", tmp_path / "other", "rle", progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_what_would_be_lost_is_an_error_by_name(phantom_ct, tmp_path):
    dataset = pydicom.dcmread(phantom_ct.paths[0])
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 15)
    dataset.save_as(tmp_path / "overlay.dcm")
    with pytest.raises(ReadError, match=r"overlay\.dcm: an overlay is stored in unused bits"):
        sw.transcode(tmp_path / "overlay.dcm", tmp_path / "out", "rle", progress=False)
    dataset = pydicom.dcmread(phantom_ct.paths[0])
    dataset.add_new(0xFFFAFFFA, "SQ", [pydicom.Dataset()])
    dataset.save_as(tmp_path / "signed.dcm")
    with pytest.raises(ReadError, match=r"signed\.dcm: elements stand behind the pixels"):
        sw.transcode(tmp_path / "signed.dcm", tmp_path / "out", "rle", progress=False)
    with pytest.raises(ParameterError, match="'transfer_syntax' must be one of"):
        sw.transcode(phantom_ct.folder, tmp_path / "out", "mp3", progress=False)


@pytest.mark.parametrize(
    "file", ["rtdose.dcm", "liver_1frame.dcm", "SC_ybr_full_422_uncompressed.dcm", "MR_small_bigendian.dcm"]
)
@pytest.mark.parametrize("name", ["explicit", "implicit", "deflated"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_uncompressed_pixels_of_every_kind_stay_as_they_are(tmp_path, file, name):
    (path,) = sw.transcode(SHIPPED_FILES / file, tmp_path / "out", name, progress=False).paths
    before, after = pydicom.dcmread(SHIPPED_FILES / file), pydicom.dcmread(path)
    assert after.PhotometricInterpretation == before.PhotometricInterpretation
    if before.file_meta.TransferSyntaxUID.is_little_endian:
        assert after.PixelData == before.PixelData
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_values_of_32_bits_come_out_of_run_lengths(tmp_path):
    (path,) = sw.transcode(SHIPPED_FILES / "rtdose_rle.dcm", tmp_path / "out", "explicit", progress=False).paths
    wanted = pydicom.dcmread(SHIPPED_FILES / "rtdose.dcm").pixel_array
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, wanted)
