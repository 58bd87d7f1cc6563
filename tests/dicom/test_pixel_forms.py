"""Stored values of every form of pixel are what the standard says, worked out by hand or by pydicom."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ParametricMapStorage

import slicewise as sw
from frame_makers import enhanced_header
from makers import dataset_of_slice
from slicewise.dicom.pixels import PixelFormat, native_values
from slicewise.errors import ReadError, TruncatedError

RNG = np.random.default_rng(11)


def saved(path, dataset, *, big=False):
    if big:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, little_endian=not big, implicit_vr=False, enforce_file_format=True)
    return path


def stored(path, **options):
    return sw.SeriesReader(path, values="stored", **options).update(progress=False).array


# --- integers ---------------------------------------------------------------------------------------


FORMS = [
    *((8, 8, 7), (8, 6, 5), (8, 5, 7)),
    *((16, 16, 15), (16, 12, 11), (16, 12, 15), (16, 10, 12), (16, 1, 0)),
    *((32, 32, 31), (32, 24, 23), (32, 20, 27)),
]
"""Bits allocated, bits stored, high bit."""


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_values_are_the_stored_bits_whatever_stands_in_the_others(tmp_path, form, signed, big):
    allocated, bits, high = form
    low, top = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = RNG.integers(low, top, (5, 7), endpoint=True)
    values[0, :3] = [low, top, 0]
    shift = high + 1 - bits
    mask = ((1 << bits) - 1) << shift
    rubbish = RNG.integers(0, 2**allocated, values.shape) & ~mask
    cells = ((values << shift) & mask | rubbish).astype(f"u{allocated // 8}")
    stated = {"BitsStored": bits, "HighBit": high, "PixelRepresentation": signed}
    dataset = dataset_of_slice(cells, (0, 0, 0), RescaleSlope=None, RescaleIntercept=None, **stated)
    if big and allocated == 8:
        dataset["PixelData"].VR = "OB"
    elif big:
        dataset.PixelData = cells.astype(cells.dtype.newbyteorder(">")).tobytes()
    found = stored(saved(tmp_path / "a.dcm", dataset, big=big))
    assert found.dtype.itemsize <= allocated // 8
    assert np.array_equal(found[0], values)


def test_bytes_in_words_of_big_endian_are_turned(tmp_path):
    values = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    dataset = dataset_of_slice(values, (0, 0, 0))
    dataset["PixelData"].VR = "OW"
    dataset["PixelData"].value = np.frombuffer(values.tobytes() + b"\0", np.uint16).byteswap().tobytes()
    path = saved(tmp_path / "a.dcm", dataset, big=True)
    assert np.array_equal(stored(path)[0], values)
    assert np.array_equal(pydicom.dcmread(path).pixel_array, values)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"BitsAllocated": 64, "BitsStored": 64, "HighBit": 63}, "64 bits stored in 64.*1, 8, 16 or 32"),
        ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, "12 bits stored in 12"),
        ({"BitsStored": 17}, "17 bits stored in 16"),
        ({"BitsStored": 0}, "0 bits stored"),
        ({"BitsStored": 12, "HighBit": 10}, "high bit 10 for 12 bits"),
        ({"HighBit": 16}, "high bit 16"),
        ({"SamplesPerPixel": 2}, "2 samples per pixel"),
        ({"SamplesPerPixel": 4}, "4 samples per pixel"),
    ],
)
def test_forms_that_make_no_sense_are_refused(tmp_path, attributes, message):
    dataset = dataset_of_slice(np.zeros((4, 4), np.uint16), (0, 0, 0), **attributes)
    with pytest.raises(ReadError, match=f"slice 0 claims .*{message}"):
        stored(saved(tmp_path / "a.dcm", dataset))


# --- single bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("shape", [(3, 5), (4, 7), (8, 8), (1, 3)])
def test_frames_of_single_bits_follow_each_other_within_bytes(tmp_path, shape, big):
    bits = RNG.integers(0, 2, (5, *shape), dtype=np.uint8)
    dataset = enhanced_header(5, *shape, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset["PixelData"].VR = "OB"
    path = saved(tmp_path / "a.dcm", dataset, big=big)
    assert np.array_equal(stored(path), bits)
    assert np.array_equal(pydicom.dcmread(path).pixel_array, bits)
    assert stored(path).dtype == np.uint8


def test_single_bits_in_words_of_big_endian_are_turned(tmp_path):
    bits = RNG.integers(0, 2, (3, 5, 7), dtype=np.uint8)
    dataset = enhanced_header(3, 5, 7, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()  # 105 bits: 14 bytes
    dataset.PixelData = np.frombuffer(packed, np.uint16).byteswap().tobytes()
    dataset["PixelData"].VR = "OW"
    path = saved(tmp_path / "a.dcm", dataset, big=True)
    assert np.array_equal(stored(path), bits)


def test_too_few_bits_are_an_error():
    form = PixelFormat(3, 5, bits_allocated=1, bits_stored=1, high_bit=0)
    with pytest.raises(TruncatedError, match="5 x 3 pixels of 1 bits are 2 bytes and there are 1"):
        native_values(b"\0", form)
    with pytest.raises(TruncatedError, match="15 bits are wanted"):
        native_values(b"\0\0", form, first_bit=2)


# --- floating-point ---------------------------------------------------------------------------------


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)])
def test_floating_point_frames_are_read_as_they_are(tmp_path, keyword, dtype, big):
    frames = RNG.normal(size=(3, 4, 5)).astype(dtype)
    frames[1, 2, 3], frames[1, 0, 0] = np.nan, -np.inf
    dataset = enhanced_header(3, 4, 5, SOPClassUID=ParametricMapStorage, BitsAllocated=frames.itemsize * 8)
    for gone in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, gone)
    setattr(dataset, keyword, frames.astype(frames.dtype.newbyteorder(">" if big else "<")).tobytes())
    image = sw.SeriesReader(saved(tmp_path / "a.dcm", dataset, big=big)).update(progress=False)
    assert image.array.dtype == dtype
    assert np.array_equal(image.array, frames, equal_nan=True)


@pytest.mark.parametrize(("name", "dtype"), [("float", np.float32), ("double_float", np.float64)])
def test_real_parametric_maps_have_the_values_pydicom_finds(data, name, dtype):
    path = data("float-pixels") / f"parametric_map_{name}.dcm"
    image = sw.SeriesReader(path, values="stored").update(progress=False)
    assert image.array.dtype == dtype
    assert np.array_equal(image.array[0], pydicom.dcmread(path).pixel_array)


# --- claims of a size -------------------------------------------------------------------------------


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "PALETTE COLOR", "RGB"])
@pytest.mark.parametrize("bits", [1, 8, 16, 32])
def test_a_tiny_file_that_claims_billions_of_pixels_is_refused_before_memory_is_taken(tmp_path, bits, photometric):
    dataset = dataset_of_slice(
        np.zeros((4, 4), np.uint8), (0, 0, 0), BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1, Rows=65535,
        Columns=65535, PhotometricInterpretation=photometric, SamplesPerPixel=3 if photometric == "RGB" else 1,
        PlanarConfiguration=0,
    )  # fmt: skip
    with pytest.raises(ReadError, match=r"a\.dcm.*claims 65535 x 65535|3 samples of a single bit"):
        _ = sw.SeriesReader(saved(tmp_path / "a.dcm", dataset), values="stored").info


def test_a_few_bytes_that_are_missing_are_an_error_too(tmp_path):
    dataset = dataset_of_slice(np.zeros((4, 5), np.uint16), (0, 0, 0))
    dataset.PixelData = dataset.PixelData[:-2]
    with pytest.raises(TruncatedError, match=r"a\.dcm.*end too early.*40 bytes are (wanted|)"):
        stored(saved(tmp_path / "a.dcm", dataset))
