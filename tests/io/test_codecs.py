"""Compressed pixels are what was compressed, in every transfer syntax; what cannot be decoded says why."""

from __future__ import annotations

import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from frame_makers import encapsulated_ct
from makers import dataset_of_slice
from slicewise.dicom.codestreams import codestream_size
from slicewise.dicom.decoding import decode_frame
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import MissingCodecError, ReadError, SlicewiseError, TruncatedError

RNG = np.random.default_rng(31)
JPEG = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"
DEFLATED = "1.2.840.10008.1.2.8.1"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


def deflated(values):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(values.tobytes()) + compressor.flush()


def run_lengths(values):
    """Return run-length coded values: a segment for each byte of a sample, the highest first (PS3.5, G)."""
    samples = values[..., None] if values.ndim == 2 else values
    segments = []
    for c in range(samples.shape[-1]):
        planes = samples[..., c].astype(f">u{values.itemsize}").view(np.uint8).reshape(-1, values.itemsize)
        segments += [_packed_bits(planes[:, b].tobytes()) for b in range(values.itemsize)]
    offsets = np.cumsum([64, *map(len, segments)])[:-1]
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def _packed_bits(data):
    parts = [data[k : k + 128] for k in range(0, len(data), 128)]
    packed = b"".join(bytes([len(p) - 1]) + p for p in parts)
    return packed + b"\0" * (len(packed) % 2)


ENCODERS = {
    JPEG + "57": lambda v: imagecodecs.ljpeg_encode(v, bitspersample=v.itemsize * 8),
    JPEG + "70": lambda v: imagecodecs.ljpeg_encode(v, bitspersample=v.itemsize * 8),
    JPEG + "80": imagecodecs.jpegls_encode,
    JPEG + "90": lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="j2k", reversible=True),
    JPEG + "110": lambda v: imagecodecs.jpegxl_encode(v, lossless=True),
    JPEG + "201": imagecodecs.htj2k_encode,
    RLE: run_lengths,
    DEFLATED: deflated,
    UNCOMPRESSED: lambda v: v.tobytes(),
}
"""Lossless encoders of transfer syntaxes."""


def form_of(shape, bits=16, **changes):
    allocated = 8 if bits <= 8 else 16
    return PixelFormat(*shape, bits_allocated=allocated, bits_stored=bits, high_bit=bits - 1, **changes)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", ENCODERS)
def test_unsigned_values_come_back(syntax, bits):
    values = RNG.integers(0, 2**bits, (33, 50)).astype(np.uint8 if bits == 8 else np.uint16)
    found = decode_frame(ENCODERS[syntax](values), syntax, form_of((33, 50), bits))
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", sorted({*ENCODERS} - {JPEG + "110"}))
def test_signed_values_come_back(syntax, bits):
    values = RNG.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (33, 50)).astype(np.int8 if bits == 8 else np.int16)
    # Codecs are given the cells: two's complement without the bits beyond those stored.
    cells = values.view(f"u{values.itemsize}") & np.array(2**bits - 1, f"u{values.itemsize}")
    found = decode_frame(ENCODERS[syntax](cells), syntax, form_of((33, 50), bits, signed=True))
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
@pytest.mark.parametrize("syntax", [JPEG + "80", RLE, DEFLATED])
def test_frames_of_a_file_are_read_one_by_one(tmp_path, syntax, table):
    frames = RNG.integers(0, 65536, (5, 20, 30)).astype(np.uint16)
    path = encapsulated_ct(tmp_path / "a.dcm", [ENCODERS[syntax](f) for f in frames], (20, 30), syntax, table=table)
    reader = sw.SeriesReader(path)
    assert np.array_equal(reader[3:4].update(progress=False).array, frames[3:4])
    assert np.array_equal(reader.update(progress=False).array, frames)


@pytest.mark.parametrize("has_table", [True, False])
def test_frames_in_several_fragments_are_read_one_by_one(tmp_path, has_table):
    frames = RNG.integers(0, 65536, (5, 20, 30)).astype(np.uint16)
    compressed = [ENCODERS[JPEG + "80"](f) for f in frames]
    path = encapsulated_ct(
        tmp_path / "a.dcm", compressed, (20, 30), JPEG + "80", table="basic" if has_table else "none", fragments=3
    )
    assert np.array_equal(sw.SeriesReader(path).update(progress=False, workers=2).array, frames)


def test_a_file_cut_in_its_last_frame_is_an_error_for_every_frame(tmp_path):
    frames = [ENCODERS[RLE](f) for f in np.zeros((5, 20, 30), np.uint16)]
    path = encapsulated_ct(tmp_path / "a.dcm", frames, (20, 30), RLE)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TruncatedError, match=r"a\.dcm.*end too early"):
        sw.SeriesReader(path)[0:1].update(progress=False)


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["100", "101", "102", "103", "104", "105", "106", "107", "108"])
def test_video_is_refused_in_words(number):
    with pytest.raises(MissingCodecError, match=r"is a video stream, which is not read: .* ffmpeg"):
        decode_frame(b"\0\0\1\xb3", JPEG + number, form_of((4, 4), 8))


def test_a_missing_codec_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingCodecError, match=r"JPEG XL Lossless \(.*\).*slicewise\[codecs\]"):
        decode_frame(b"\xff\x0a", JPEG + "110", form_of((4, 4), 8))


@pytest.mark.parametrize("syntax", [JPEG + "80", JPEG + "90", RLE])
def test_without_imagecodecs_the_plugins_of_pydicom_decode(monkeypatch, syntax):
    values = RNG.integers(0, 65536, (33, 50)).astype(np.uint16)
    data = ENCODERS[syntax](values)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert np.array_equal(decode_frame(data, syntax, form_of(values.shape)), values)


@pytest.mark.parametrize("syntax", ENCODERS)
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9])
def test_a_truncated_frame_is_an_error(syntax, keep):
    values = RNG.integers(0, 65536, (64, 64)).astype(np.uint16)
    data = ENCODERS[syntax](values)
    with pytest.raises(SlicewiseError):
        decode_frame(data[: int(len(data) * keep)], syntax, form_of((64, 64)))


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.98])
def test_a_truncated_lossy_frame_is_an_error(keep):
    # libjpeg would fill up with grey.
    data = imagecodecs.jpeg8_encode(RNG.integers(0, 255, (64, 64)).astype(np.uint8))
    whole = decode_frame(data + b"\xff\0", JPEG + "50", form_of((64, 64), 8))
    assert np.array_equal(whole, imagecodecs.jpeg8_decode(data))
    with pytest.raises(TruncatedError, match="ends too early"):
        decode_frame(data[: int(len(data) * keep)], JPEG + "50", form_of((64, 64), 8))


def test_a_deflate_bomb_gives_no_more_than_the_frame():
    bomb = deflated(np.zeros(100_000_000, np.uint8))
    assert len(bomb) < 200_000
    assert np.array_equal(decode_frame(bomb, DEFLATED, form_of((4, 5))), np.zeros((4, 5)))


def test_a_deflated_dataset_that_is_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("slicewise.io.header_files._LARGE", 1_000_000)
    dataset = dataset_of_slice(np.zeros((2000, 2000), np.uint16), (0, 0, 0))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ReadError, match=r"a\.dcm.*made to use up memory"):
        _ = sw.SeriesReader(tmp_path / "a.dcm").info


SIZED = {
    "jpeg": lambda v: imagecodecs.jpeg8_encode(v.astype(np.uint8)),
    "lossless jpeg": lambda v: imagecodecs.ljpeg_encode(v, bitspersample=16),
    "jpeg-ls": imagecodecs.jpegls_encode,
    "jpeg 2000": lambda v: imagecodecs.jpeg2k_encode(v, codecformat="j2k"),
    "jp2 file": lambda v: imagecodecs.jpeg2k_encode(v, codecformat="jp2"),
    "htj2k": imagecodecs.htj2k_encode,
    "jpeg xl": lambda v: imagecodecs.jpegxl_encode(v, lossless=True),
    "jpeg xl file": lambda v: imagecodecs.jpegxl_encode(v, lossless=True, usecontainer=True),
    "jpeg in jpeg xl": lambda v: imagecodecs.jpegxl_encode_jpeg(imagecodecs.jpeg8_encode(v.astype(np.uint8))),
}


@pytest.mark.parametrize("shape", [(64, 64), (77, 52), (120, 100), (3, 5), (90, 160), (9000, 10)])
@pytest.mark.parametrize("kind", SIZED)
def test_a_codestream_tells_the_size_it_was_made_with(kind, shape):
    assert codestream_size(SIZED[kind](np.zeros(shape, np.uint16))) == shape


def test_a_codestream_that_claims_another_size_is_refused_before_it_is_decoded():
    # 65500 x 65500 x 3 would take 12 GB and ten seconds.
    data = bytearray(imagecodecs.jpeg8_encode(np.zeros((64, 64, 3), np.uint8)))
    at = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2") if marker in data)
    data[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    form = form_of((64, 64), 8, samples=3, photometric="YBR_FULL_422")
    with pytest.raises(ReadError, match="65500 rows and 65500 columns where the header says 64 and 64"):
        decode_frame(bytes(data), JPEG + "50", form)


@pytest.mark.parametrize("syntax", ENCODERS)
def test_a_tiny_compressed_file_that_claims_billions_of_pixels_is_refused(tmp_path, syntax):
    data = ENCODERS[syntax](np.zeros((4, 4), np.uint16))
    path = encapsulated_ct(tmp_path / "a.dcm", [data], (65535, 65535), syntax)
    with pytest.raises(ReadError, match="claims 65535 x 65535 pixels"):
        _ = sw.SeriesReader(path).info


def test_compressed_series_have_the_values_that_gdcm_finds(data):
    cases = sorted({p.parent for p in data("compressed-series").rglob("*") if p.is_file()})
    assert len(cases) >= 5
    for case in cases:
        reader = sw.SeriesReader(case)
        for path, plane in zip(reader.files, reader.update(progress=False).array, strict=True):
            assert np.array_equal(plane, sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0])


@pytest.mark.parametrize(("place", "value"), [(0, 1), (0, 0), (1, 0), (2, 64), (2, 1 << 30), (2, 0xFFFFFFFF)], ids=str)
def test_run_lengths_whose_header_leads_astray_are_an_error_and_no_crash(place, value):
    values = RNG.integers(0, 4000, (8, 6), np.uint16)
    frame = bytearray(run_lengths(values))
    struct.pack_into("<L", frame, 4 * place, value)
    with pytest.raises(ReadError, match="segments"):
        decode_frame(bytes(frame), RLE, PixelFormat(8, 6))
    with pytest.raises(TruncatedError, match="64 bytes"):
        decode_frame(bytes(frame[:40]), RLE, PixelFormat(8, 6))
