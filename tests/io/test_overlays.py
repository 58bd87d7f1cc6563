"""Overlays of a series become masks, wherever their bits stand; what cannot be placed is refused."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, JPEGLSLossless, RLELossless, UltrasoundMultiFrameImageStorage

import slicewise as sw
from frame_makers import enhanced_ct
from makers import SHIPPED_FILES, dataset_of_slice, write_series
from slicewise.errors import GraphError, HeaderError, ParameterError

ROWS, COLUMNS = 6, 10
PATTERN = np.random.default_rng(3).integers(0, 2, (ROWS, COLUMNS), dtype=np.uint8)


def packed(bits):
    data = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)


def add_overlay(dataset, pattern, *, group=0x6000, origin=(1, 1), **elements):
    frames = pattern if pattern.ndim == 3 else pattern[None]
    dataset.add_new((group, 0x0010), "US", frames.shape[1])
    dataset.add_new((group, 0x0011), "US", frames.shape[2])
    dataset.add_new((group, 0x0040), "CS", elements.get("kind", "G"))
    if origin is not None:
        dataset.add_new((group, 0x0050), "SS", list(origin))
    dataset.add_new((group, 0x0100), "US", elements.get("bits", 1))
    dataset.add_new((group, 0x0102), "US", 0)
    dataset.add_new((group, 0x3000), "OW", elements.get("data", packed(frames)))
    for element, vr, key in ((0x0022, "LO", "description"), (0x1500, "LO", "label")):
        if key in elements:
            dataset.add_new((group, element), vr, elements[key])


def embed(dataset, bit, *, group=0x6002):
    for element, vr, value in (
        (0x0010, "US", dataset.Rows),
        (0x0011, "US", dataset.Columns),
        (0x0040, "CS", "R"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 16),
        (0x0102, "US", bit),
    ):
        dataset.add_new((group, element), vr, value)


def slices(count=3, **attributes):
    for k in range(count):
        yield dataset_of_slice(
            np.full((ROWS, COLUMNS), 100 + k, np.uint16),
            (0, 0, 2 * k),
            SOPInstanceUID=f"1.2.826.0.1.3680043.10.1.3.{k + 1}",
            InstanceNumber=k + 1,
            **attributes,
        )


def save(folder, datasets):
    folder.mkdir(exist_ok=True)
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return sw.SeriesReader(folder)


def mask_of(reader, group=0x6000):
    return (reader >> sw.OverlayMask(group)).update(progress=False)


def test_mask_equals_what_pydicom_finds():
    path = SHIPPED_FILES / "examples_overlay.dcm"
    reader = sw.SeriesReader(path)
    mask = mask_of(reader)
    expected = pydicom.dcmread(path).overlay_array(0x6000)
    assert mask.array.dtype == np.uint8
    assert np.array_equal(mask.array[0], expected)
    assert 0 < mask.array.sum() < mask.array.size
    assert mask.geometry == reader.geometry
    (found,) = reader.overlays
    assert (found.group, found.description, found.type) == (0x6000, "Siemens MedCom Object Graphics", "G")


def test_slices_without_the_overlay_are_empty_and_the_list_says_which_have_it(tmp_path):
    datasets = list(slices())
    add_overlay(datasets[1], PATTERN, label="Lesion", description="drawn by hand", kind="R")
    add_overlay(datasets[2], PATTERN, group=0x601E)
    reader = save(tmp_path / "s", datasets)
    lesion, other = reader.overlays
    assert (lesion.group, lesion.label, lesion.description, lesion.type, lesion.slices) == (
        0x6000,
        "Lesion",
        "drawn by hand",
        "R",
        (1,),
    )
    assert (other.group, other.slices) == (0x601E, (2,))
    assert np.array_equal(mask_of(reader).array, [PATTERN * 0, PATTERN, PATTERN * 0])
    assert np.array_equal(mask_of(reader, 0x601E).array, [PATTERN * 0, PATTERN * 0, PATTERN])


@pytest.mark.parametrize("origin", [(1, 1), (3, 4), (0, -2), (-3, 1), (5, 9), (50, 1), (1, -40)])
@pytest.mark.parametrize("size", [(6, 10), (3, 4), (9, 17)])
def test_overlay_lies_at_its_origin_and_is_cut_off_at_the_border(tmp_path, origin, size):
    bits = np.random.default_rng(5).integers(0, 2, size, dtype=np.uint8)
    expected = np.zeros((ROWS, COLUMNS), np.uint8)
    for i in range(size[0]):  # by hand, pixel by pixel: 1\1 is the first pixel of the image
        for j in range(size[1]):
            row, column = origin[0] - 1 + i, origin[1] - 1 + j
            if 0 <= row < ROWS and 0 <= column < COLUMNS:
                expected[row, column] = bits[i, j]
    datasets = list(slices())
    add_overlay(datasets[0], bits, origin=origin)
    assert np.array_equal(mask_of(save(tmp_path / "s", datasets)).array[0], expected)


@pytest.mark.parametrize("syntax", ["native", "rle", "big"])
@pytest.mark.parametrize(("bit", "high", "signed"), [(12, 11, 0), (15, 11, 1), (0, 15, 0), (3, 15, 1)])
def test_overlay_in_unused_bits_of_the_pixels_is_read(tmp_path, syntax, bit, high, signed):
    values = np.random.default_rng(7).integers(0, 4096, (3, ROWS, COLUMNS), dtype=np.uint16)
    datasets = []
    for k, dataset in enumerate(slices(BitsStored=12, HighBit=high, PixelRepresentation=signed)):
        cells = (values[k] << (high - 11) | (PATTERN.astype(np.uint16) << bit if k != 1 else 0)).astype(np.uint16)
        dataset.PixelData = cells.astype("<u2").tobytes()
        embed(dataset, bit)
        if syntax == "rle":
            dataset.compress(RLELossless, generate_instance_uid=False)
        datasets.append(dataset)
    folder = tmp_path / "s"
    folder.mkdir()
    for k, dataset in enumerate(datasets):
        if syntax == "big":
            dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
            pydicom.dcmwrite(
                folder / f"{k}.dcm", dataset, little_endian=False, implicit_vr=False, enforce_file_format=True
            )
        else:
            dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    reader = sw.SeriesReader(folder)
    assert np.array_equal(mask_of(reader, 0x6002).array, [PATTERN, PATTERN * 0, PATTERN])
    expected = np.where(values > 2047, values.astype(int) - 4096, values) if signed else values
    assert np.array_equal(reader.update(progress=False).array, expected)


def test_overlay_in_bits_that_compression_does_not_keep_is_refused(tmp_path):
    (dataset,) = slices(1, BitsStored=12, HighBit=11)
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    embed(dataset, 12)
    reader = save(tmp_path / "s", [dataset])
    with pytest.raises(HeaderError, match=r"0\.dcm.*bit 12.*compression does not keep"):
        reader >> sw.OverlayMask(0x6002)


def test_overlays_of_frames_lie_over_the_frames_they_name(tmp_path):
    frames = np.random.default_rng(9).integers(0, 2, (2, ROWS, COLUMNS), dtype=np.uint8)
    path = enhanced_ct(tmp_path / "m.dcm", np.zeros((5, ROWS, COLUMNS), np.uint16))
    dataset = pydicom.dcmread(path)
    add_overlay(dataset, frames)
    dataset.add_new((0x6000, 0x0015), "IS", 2)
    dataset.add_new((0x6000, 0x0051), "US", 3)
    add_overlay(dataset, PATTERN, group=0x6004)  # of no frame: over all
    dataset.save_as(path)
    reader = sw.SeriesReader(path)
    empty = PATTERN * 0
    assert [o.slices for o in reader.overlays] == [(2, 3), (0, 1, 2, 3, 4)]
    assert np.array_equal(mask_of(reader).array, [empty, empty, *frames, empty])
    assert np.array_equal(mask_of(reader).array[2:4], dataset.overlay_array(0x6000))
    assert np.array_equal(mask_of(reader, 0x6004).array, [PATTERN] * 5)


def test_big_endian_words_of_overlay_data_are_turned(tmp_path):
    (dataset,) = slices(1)
    turned = np.frombuffer(packed(PATTERN), np.uint16).byteswap().tobytes()
    add_overlay(dataset, PATTERN, data=turned)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.PixelData = np.frombuffer(dataset.PixelData, np.uint16).byteswap().tobytes()
    pydicom.dcmwrite(tmp_path / "b.dcm", dataset, little_endian=False, implicit_vr=False, enforce_file_format=True)
    assert np.array_equal(mask_of(sw.SeriesReader(tmp_path / "b.dcm")).array[0], PATTERN)


def test_a_group_that_no_slice_has_is_an_error_that_lists_those_there_are(tmp_path):
    datasets = list(slices())
    reader = save(tmp_path / "none", datasets)
    with pytest.raises(HeaderError, match=r"no slice has an overlay 0x6000; there are: none at all"):
        reader >> sw.OverlayMask()
    add_overlay(datasets[0], PATTERN, group=0x6006, label="Lung", kind="R")
    reader = save(tmp_path / "one", datasets)
    with pytest.raises(HeaderError, match=r"no slice has an overlay 0x6002; there are: 0x6006 \(R, Lung, 1 slice\)"):
        reader >> sw.OverlayMask(0x6002)


@pytest.mark.parametrize("group", [0x6001, 0x6020, 0x5FFE, 0, True, "6000"])
def test_groups_that_are_none_of_overlays_are_refused(group):
    with pytest.raises(ParameterError, match="even group from 0x6000 to 0x601E"):
        sw.OverlayMask(group)


def test_what_is_no_series_as_it_was_read_is_refused(tmp_path):
    datasets = list(slices())
    add_overlay(datasets[0], PATTERN)
    reader = save(tmp_path / "s", datasets)
    with pytest.raises(GraphError, match="as it was read"):
        reader >> sw.Clip(lower=0) >> sw.OverlayMask()
    assert (reader >> sw.OverlayMask())[0:2].update(progress=False).array.shape == (2, ROWS, COLUMNS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": packed(PATTERN)[:6]}, r"slice 0.*0x6000.*8 bytes at least \(got 6\)"),
        ({"origin": None}, "OverlayOrigin"),
        ({"bits": 16, "data": bytes(2 * ROWS * COLUMNS)}, "16 bits for a pixel, and must have one"),
    ],
)
def test_what_cannot_be_placed_is_an_error_that_names_slice_and_group(tmp_path, change, message):
    datasets = list(slices())
    add_overlay(datasets[0], PATTERN, **change)
    reader = save(tmp_path / "s", datasets)
    with pytest.raises(HeaderError, match=message):
        reader >> sw.OverlayMask()


@pytest.mark.parametrize("bit", [11, 16])
def test_a_bit_that_is_the_value_or_is_not_there_is_refused(tmp_path, bit):
    (dataset,) = slices(1, BitsStored=12, HighBit=11)
    embed(dataset, bit)
    reader = save(tmp_path / "s", [dataset])
    with pytest.raises(HeaderError, match=f"OverlayBitPosition {bit} must be an unused bit"):
        reader >> sw.OverlayMask(0x6002)


def test_mask_says_that_it_is_a_mask_and_is_written_as_one(tmp_path):
    datasets = list(slices(WindowCenter="40", WindowWidth="400"))
    for dataset in datasets:
        add_overlay(dataset, PATTERN)
    reader = save(tmp_path / "s", datasets)
    mask = reader >> sw.OverlayMask()
    assert "WindowCenter" not in mask.headers
    assert mask.info.history[-1].name == "OverlayMask"
    assert mask.info.history[-1].derivation[0].meaning == "Segmentation"
    written = (mask >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    first = pydicom.dcmread(written.paths[0])
    assert np.array_equal(first.pixel_array, PATTERN)
    assert (first.RescaleSlope, first.RescaleIntercept, first.RescaleType) == (1, 0, "US")


def test_what_is_written_claims_no_overlay_in_bits_that_are_not_written(tmp_path):
    (dataset,) = slices(1, BitsStored=12, HighBit=11)
    dataset.PixelData = (np.frombuffer(dataset.PixelData, np.uint16) | 1 << 12).tobytes()
    embed(dataset, 12)
    add_overlay(dataset, PATTERN, group=0x6004)
    reader = save(tmp_path / "s", [dataset])
    written = (reader >> sw.Clip(lower=0) >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    first = pydicom.dcmread(written.paths[0])
    assert not [e.tag for e in first if e.tag.group == 0x6002]
    assert np.array_equal(first.overlay_array(0x6004), PATTERN)


def test_one_slice_of_many_is_made_as_the_whole_is(tmp_path):
    write_series(tmp_path / "s", np.zeros((4, ROWS, COLUMNS), np.int16))
    for k, path in enumerate(sorted((tmp_path / "s").iterdir())):
        dataset = pydicom.dcmread(path)
        add_overlay(dataset, np.roll(PATTERN, k))
        dataset.save_as(path)
    mask = sw.SeriesReader(tmp_path / "s") >> sw.OverlayMask()
    whole = mask.update(progress=False)
    assert len({plane.tobytes() for plane in whole.array}) == 4
    assert np.array_equal(mask[2:3].update(progress=False).array, whole.array[2:3])


def test_single_images_made_of_frames_claim_no_overlay_of_frames(tmp_path):
    (dataset,) = slices(1, SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=3)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"):
        del dataset[keyword]
    dataset.PixelData = dataset.PixelData * 3
    add_overlay(dataset, np.stack([PATTERN] * 3))
    dataset.add_new((0x6000, 0x0015), "IS", 3)
    add_overlay(dataset, PATTERN, group=0x6002)
    dataset.save_as(tmp_path / "cine.dcm", enforce_file_format=True)
    reader = sw.SeriesReader(tmp_path / "cine.dcm", on_no_plane="pixels")
    assert np.array_equal(mask_of(reader).array, [PATTERN] * 3)
    written = (reader >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    for path in written.paths:
        image = pydicom.dcmread(path)
        assert not [e.tag for e in image if e.tag.group == 0x6000]
        assert np.array_equal(image.overlay_array(0x6002), PATTERN)
