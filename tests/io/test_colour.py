"""Colour is read as RGB, however it is coded; expected values are worked out from the formulas of the standard."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate, get_frame

import slicewise as sw
from makers import SHIPPED_FILES, dataset_of_slice
from slicewise.dicom.decoding import decode_frame
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import ReadError

RNG = np.random.default_rng(41)
ROWS, COLUMNS = 32, 48
NATIVE = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"

SMOOTH = np.stack(
    [np.add.outer(np.arange(ROWS) * a, np.arange(COLUMNS) * b) + c for a, b, c in ((2, 3, 10), (4, 1, 60), (1, 2, 90))],
    axis=-1,
).astype(np.uint8)
"""Colours that lossy codecs keep nearly."""


def to_ybr(rgb):
    """Return YBR_FULL of RGB (PS3.3, C.7.6.3.1.2)."""
    r, g, b = np.moveaxis(rgb.astype(float), -1, 0)
    y = 0.2990 * r + 0.5870 * g + 0.1140 * b
    cb = -0.1687 * r - 0.3313 * g + 0.5 * b + 128
    cr = 0.5 * r - 0.4187 * g - 0.0813 * b + 128
    return np.clip(np.rint(np.stack([y, cb, cr], axis=-1)), 0, 255).astype(np.uint8)


def read(path, syntax, data, photometric, *, planar=0, shape=(ROWS, COLUMNS), bits=8):
    """Write one colour image with the bytes given, and read it."""
    dataset = dataset_of_slice(
        np.zeros((2, 2), np.uint8 if bits == 8 else np.uint16),
        (0, 0, 0),
        Rows=shape[0],
        Columns=shape[1],
        SamplesPerPixel=3,
        PlanarConfiguration=planar,
        PhotometricInterpretation=photometric,
        RescaleSlope=None,
        RescaleIntercept=None,
    )
    dataset.PixelData = data if syntax == NATIVE else encapsulate([data])
    dataset["PixelData"].is_undefined_length = syntax != NATIVE
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return sw.SeriesReader(path).update(progress=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "colour.dcm"


def planes(values, planar):
    return (np.moveaxis(values, -1, 0) if planar else values).tobytes()


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("bits", [8, 16])
def test_rgb_is_read_as_it_is(path, planar, bits):
    values = RNG.integers(0, 2**bits, (ROWS, COLUMNS, 3)).astype(f"u{bits // 8}")
    image = read(path, NATIVE, planes(values, planar), "RGB", planar=planar, bits=bits)
    assert image.array.dtype == values.dtype
    assert np.array_equal(image.array[0], values)
    assert np.array_equal(pydicom.dcmread(path).pixel_array, values)


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full_becomes_rgb(path, planar):
    rgb = RNG.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)
    image = read(path, NATIVE, planes(to_ybr(rgb), planar), "YBR_FULL", planar=planar)
    assert np.abs(image.array[0].astype(int) - rgb).max() <= 2  # of rounding twice


def test_ybr_full_422_shares_colour_between_two_columns(path):
    rgb = RNG.integers(40, 200, (ROWS, COLUMNS // 2, 3), dtype=np.uint8).repeat(2, axis=1)
    ybr = to_ybr(rgb)
    pairs = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1)
    image = read(path, NATIVE, pairs.tobytes(), "YBR_FULL_422")
    assert np.abs(image.array[0].astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [JPEG + "80", JPEG + "70", JPEG + "90", JPEG + "201", RLE])
def test_lossless_colour_comes_back(path, syntax, photometric, planar):
    rgb = RNG.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)
    stored = rgb if photometric == "RGB" else to_ybr(rgb)
    image = read(path, syntax, encoded(syntax, stored), photometric, planar=planar)
    assert np.abs(image.array[0].astype(int) - rgb).max() <= (0 if photometric == "RGB" else 2)


def encoded(syntax, values):
    if syntax == JPEG + "80":
        return imagecodecs.jpegls_encode(values)
    if syntax == JPEG + "70":
        return imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, colorspace="RGB", outcolorspace="RGB")
    if syntax == JPEG + "90":
        return imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k", reversible=True, mct=False)
    if syntax == JPEG + "201":
        return imagecodecs.htj2k_encode(values, rgb=False)
    return run_lengths(values)


def run_lengths(values):
    dataset = dataset_of_slice(
        values[..., 0], (0, 0, 0), SamplesPerPixel=3, PlanarConfiguration=0, PhotometricInterpretation="RGB"
    )
    dataset.PixelData = values.tobytes()
    dataset.compress(RLE, generate_instance_uid=False)
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("coded", ["RGB", "YCBCR"])
def test_the_adobe_marker_of_a_jpeg_counts_more_than_the_header(path, coded, stated):
    data = imagecodecs.jpeg8_encode(SMOOTH, level=98, colorspace="RGB", outcolorspace=coded, subsampling="444")
    if coded == "YCBCR":
        data = data[:2] + adobe(1) + data[2:]
    elif b"Adobe" not in data[:64]:
        data = data[:2] + adobe(0) + data[2:]
    image = read(path, JPEG + "50", data, stated)
    assert np.abs(image.array[0].astype(int) - SMOOTH).max() <= 6


def adobe(transform):
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


@pytest.mark.parametrize(("stated", "coded"), [("RGB", "RGB"), ("YBR_FULL_422", "YCBCR"), ("YBR_FULL", "YCBCR")])
def test_without_a_marker_the_header_tells_how_a_jpeg_codes_colour(path, stated, coded):
    data = imagecodecs.jpeg8_encode(SMOOTH, level=98, colorspace="RGB", outcolorspace=coded, subsampling="444")
    at = data.find(b"\xff\xee\x00\x0eAdobe")
    data = data if at < 0 else data[:at] + data[at + 16 :]
    jfif = data.find(b"\xff\xe0")
    if jfif == 2:  # which says YCbCr
        data = data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]
    image = read(path, JPEG + "50", data, stated)
    assert np.abs(image.array[0].astype(int) - SMOOTH).max() <= 6


@pytest.mark.parametrize(("reversible", "photometric"), [(True, "YBR_RCT"), (False, "YBR_ICT")])
def test_component_transforms_of_jpeg_2000_are_undone_by_it(path, reversible, photometric):
    data = imagecodecs.jpeg2k_encode(
        SMOOTH, level=0 if reversible else 60, codecformat="j2k", reversible=reversible, mct=True
    )
    image = read(path, JPEG + ("90" if reversible else "91"), data, photometric)
    assert np.abs(image.array[0].astype(int) - SMOOTH).max() <= (0 if reversible else 2)


def test_jpeg_xl_is_read_as_rgb():
    form = PixelFormat(ROWS, COLUMNS, 3, 8, 8, 7, photometric="RGB")
    data = imagecodecs.jpegxl_encode(SMOOTH, lossless=True)
    assert np.array_equal(decode_frame(data, JPEG + "110", form), SMOOTH)
    jpeg = imagecodecs.jpeg8_encode(SMOOTH, level=95)
    again = decode_frame(imagecodecs.jpegxl_encode_jpeg(jpeg), JPEG + "111", form)
    assert np.abs(again.astype(int) - imagecodecs.jpeg8_decode(jpeg)).max() <= 3


@pytest.mark.parametrize(
    ("photometric", "bits"), [("YBR_FULL", 16), ("YBR_PARTIAL_422", 8), ("YBR_PARTIAL_420", 8), ("CMYK", 8), ("HSV", 8)]
)
def test_colour_that_is_not_known_is_refused_by_name(path, photometric, bits):
    with pytest.raises(ReadError, match=rf"colour\.dcm.*{photometric}"):
        read(path, NATIVE, bytes(ROWS * COLUMNS * 3 * bits // 8), photometric, bits=bits)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_files_of_pydicom_have_the_values_it_finds(name):
    source = SHIPPED_FILES / name
    image = sw.SeriesReader(source, on_no_plane="pixels").update(progress=False)
    expected = pydicom.dcmread(source).pixel_array
    lossy = "jpeg" in name or "dcmtk" in name
    assert np.abs(image.array[0].astype(int) - expected).max() <= (3 if lossy else 0)


def test_real_colour_has_the_values_pydicom_finds(data):
    image = sw.SeriesReader(data("color-series")).update(progress=False)
    by_uid = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, data("color-series").rglob("*.dcm"))}
    for source, plane in zip(image.sources, image.array, strict=True):
        assert np.array_equal(plane, by_uid[source[0].sop_instance_uid].pixel_array)


def test_real_high_throughput_colour_has_the_values_simpleitk_finds(data):
    (path,) = data("htj2k").rglob("*.dcm")
    image = sw.SeriesReader(path, on_no_plane="pixels").update(progress=False)
    assert np.array_equal(image.array, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_what_is_written_of_colour_is_rgb(path, tmp_path):
    read(path, NATIVE, planes(to_ybr(SMOOTH), 1), "YBR_FULL", planar=1)
    reader = sw.SeriesReader(path)
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    dataset = pydicom.dcmread(written.paths[0])
    assert (dataset.PhotometricInterpretation, dataset.PlanarConfiguration) == ("RGB", 0)
    assert np.array_equal(dataset.pixel_array, reader.update(progress=False).array[0])
