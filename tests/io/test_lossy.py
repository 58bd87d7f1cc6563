"""Compression with loss: within its bound by other people's decoders, and told by the header."""

from __future__ import annotations

import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from makers import SHIPPED_FILES, dataset_of_slice
from slicewise.errors import ParameterError, ReadError, WriteError
from witnesses import findings_of_dciodvfy, tool


def values_by_gdcm(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0].astype(np.int64)


def values_by_dcmtk(path, program, target):
    subprocess.run([tool(program), path, target], check=True)
    ds = pydicom.dcmread(target)
    return ds.pixel_array.astype(np.int64) * int(ds.get("RescaleSlope", 1)) + int(ds.get("RescaleIntercept", 0))


@pytest.mark.parametrize("error", [1, 7])
@pytest.mark.parametrize("bits", [12, 16])
def test_near_lossless_keeps_signed_values_within_the_error(tmp_path, error, bits):
    half = 1 << (bits - 1)
    planes = np.random.default_rng(bits).integers(-half, half, (2, 30, 40)).astype(np.int16)
    planes[:, 0, :3] = -half, -1, half - 1
    (tmp_path / "in").mkdir()
    for k, plane in enumerate(planes):
        uid = f"1.2.826.0.1.3680043.10.1.3.{k}"
        made = dataset_of_slice(plane, (0, 0, k), BitsStored=bits, HighBit=bits - 1, SOPInstanceUID=uid)
        made.PixelPaddingValue = -half
        made.save_as(tmp_path / "in" / f"{k}.dcm", enforce_file_format=True)
    done = sw.transcode(tmp_path / "in", tmp_path / "out", sw.Lossy("jpeg-ls-near", error=error), progress=False)
    for wanted, path in zip(planes.astype(int), done.paths, strict=True):
        assert "PixelPaddingValue" not in pydicom.dcmread(path)
        dcmtk = values_by_dcmtk(path, "dcmdjpls", tmp_path / path.name)
        for found in (values_by_gdcm(path), dcmtk):
            assert 0 < np.abs(found - wanted).max() <= error


@pytest.mark.parametrize("dtype", ["int16", "uint16"])
def test_the_ends_of_the_range_come_back(tmp_path, dtype):
    limits = np.iinfo(dtype)
    array = np.random.default_rng(3).integers(limits.min, limits.max, (2, 20, 30), endpoint=True).astype(dtype)
    array[0, 0, :2] = limits.min, limits.max
    node = sw.as_node(sw.Image.from_array(array)) >> sw.NewSeries("CT")
    lossy = sw.Lossy("jpeg-ls-near", error=3)
    written = (node >> sw.SeriesWriter(tmp_path / "out", transfer_syntax=lossy)).update(progress=False)
    for path, plane in zip(written.paths, array, strict=True):
        assert 0 < np.abs(values_by_gdcm(path) - plane).max() <= 3
        assert findings_of_dciodvfy(path) == set()
        ds = pydicom.dcmread(path)
        (frame,) = pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)
        assert float(ds.LossyImageCompressionRatio) == pytest.approx(plane.nbytes / len(frame), rel=0.01)
        assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_14495_1")
        assert [c.CodeValue for c in ds.DerivationCodeSequence] == ["113040"]
    assert written.report.loss.largest_difference == written.report.largest_error == 3


def test_a_second_loss_stands_behind_the_first_and_instances_are_new(phantom_ct, tmp_path):
    first = sw.transcode(phantom_ct.folder, tmp_path / "a", sw.Lossy("jpeg-ls-near", error=2), progress=False)
    second = sw.transcode(tmp_path / "a", tmp_path / "b", sw.Lossy("jpeg-2000-lossy", psnr=80), progress=False)
    assert first.loss.largest_difference == 2
    sets = [[pydicom.dcmread(p) for p in paths] for paths in (sorted(phantom_ct.paths), first.paths, second.paths)]
    for original, once, twice in zip(*sets, strict=True):
        assert list(twice.LossyImageCompressionMethod) == ["ISO_14495_1", "ISO_15444_1"]
        assert twice.LossyImageCompressionRatio[0] == once.LossyImageCompressionRatio
        assert [c.CodeValue for c in twice.DerivationCodeSequence][-2:] == ["113040", "113040"]
        assert once.ImageType[0] == "DERIVED"
        assert once.SourceImageSequence[-1].ReferencedSOPInstanceUID == original.SOPInstanceUID
        assert once.SourceImageSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
        assert twice.SourceImageSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "121330"
        assert len({ds.SOPInstanceUID for ds in (original, once, twice)}) == 3
        assert once.file_meta.MediaStorageSOPInstanceUID == once.SOPInstanceUID
        assert findings_of_dciodvfy(once.filename) <= findings_of_dciodvfy(original.filename)
    assert all(len({ds.SeriesInstanceUID for ds in one}) == 1 for one in sets)
    assert len({one[0].SeriesInstanceUID for one in sets}) == 3


def test_what_was_compressed_without_loss_has_lost_nothing_before(phantom_ct, tmp_path):
    small = sw.transcode(phantom_ct.paths[0], tmp_path / "a", "jpeg-ls", progress=False)
    near = sw.transcode(small.paths[0], tmp_path / "b", sw.Lossy("jpeg-ls-near", error=1), progress=False)
    found = pydicom.dcmread(near.paths[0])
    (purpose,) = found.SourceImageSequence[-1].PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodeMeaning) == ("121320", "Uncompressed predecessor")
    assert found.LossyImageCompressionMethod == "ISO_14495_1"


@pytest.mark.parametrize(
    ("lossy", "photometric"),
    [
        (sw.Lossy("jpeg-baseline", quality=95), "YBR_FULL_422"),
        (sw.Lossy("jpeg-2000-lossy", psnr=45), "YBR_ICT"),
        (sw.Lossy("jpeg-ls-near", error=2), "RGB"),
    ],
)
def test_colours_are_right(tmp_path, lossy, photometric):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    plane = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), 40), np.tile(ramp[::-1], (48, 1))], -1)
    array = plane[np.newaxis].astype(np.uint8)
    node = sw.as_node(sw.Image.from_array(array)) >> sw.NewSeries("OT")
    written = (node >> sw.SeriesWriter(tmp_path / "out", transfer_syntax=lossy)).update(progress=False)
    assert pydicom.dcmread(written.paths[0]).PhotometricInterpretation == photometric
    assert np.abs(values_by_gdcm(written.paths[0]) - plane).max() <= 12
    if lossy.name != "jpeg-ls-near":
        rgb = pydicom.pixels.pixel_array(written.paths[0]).astype(int)
        assert np.abs(rgb - plane).max() <= 12


def test_what_cannot_lose_is_refused(phantom_ct, tmp_path):
    for wrong in ({}, {"error": 0}, {"error": 2, "quality": 3}, {"error": 1.5}):
        with pytest.raises(ParameterError, match="error"):
            sw.Lossy("jpeg-ls-near", **wrong)
    for name in ("jpeg-ls-near", "1.2.840.10008.1.2.4.50"):
        with pytest.raises(ParameterError, match="loses values, and how much must be said"):
            sw.SeriesWriter(tmp_path, transfer_syntax=name)
    near = sw.Lossy("jpeg-ls-near", error=2)
    with pytest.raises(ReadError, match="palette"):
        sw.transcode(SHIPPED_FILES / "examples_palette.dcm", tmp_path / "out", near, progress=False)
    with pytest.raises(WriteError, match="codes 8 bits"):
        sw.transcode(phantom_ct.folder, tmp_path / "out", sw.Lossy("jpeg-baseline", quality=9), progress=False)
    mask = sw.SeriesReader(phantom_ct.folder) >> sw.Threshold(0)
    with pytest.raises(ParameterError, match="mask"):
        (mask >> sw.SeriesWriter(tmp_path / "out", transfer_syntax=near)).update(progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("file", ["CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"])
def test_implicit_and_back(tmp_path, file):
    there = sw.transcode(SHIPPED_FILES / file, tmp_path / "a", "implicit", progress=False).paths[0]
    back = sw.transcode(there, tmp_path / "b", "explicit", progress=False).paths[0]
    before, implicit, after = (pydicom.dcmread(p) for p in (SHIPPED_FILES / file, there, back))
    assert implicit.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    for element in before:
        if element.tag.element and element.tag not in (0x7FE00010, 0xFFFCFFFC):
            assert implicit[element.tag].value == element.value or implicit[element.tag].VR == "UN", element
            assert after[element.tag].value == implicit[element.tag].value, element
    if "PixelData" in before:
        np.testing.assert_array_equal(implicit.pixel_array, before.pixel_array)
