"""Indexes of a palette become the colours that pydicom makes of them; what is written of them is true RGB."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian

import slicewise as sw
from makers import dataset_of_slice
from slicewise.errors import HeaderError, ParameterError

RNG = np.random.default_rng(21)
COLOURS = ("Red", "Green", "Blue")


def palette_slice(indexes, tables, *, first=0, bits=16, place=0.0, **attributes):
    """Return an image of indexes; tables have 8 or 16 bits an entry."""
    wide = indexes.dtype.itemsize * 8
    dataset = dataset_of_slice(
        indexes, (0, 0, place), PhotometricInterpretation="PALETTE COLOR", RescaleSlope=None, RescaleIntercept=None,
        BitsStored=wide, **({"SOPInstanceUID": f"1.2.826.0.1.3680043.10.1.3.{int(place) + 1}"} | attributes),
    )  # fmt: skip
    vr = "SS" if indexes.dtype.kind == "i" else "US"
    for colour, table in zip(COLOURS, tables, strict=True):
        count = len(table) if len(table) < 65536 else 0
        descriptor = pydicom.DataElement(
            pydicom.tag.Tag(f"{colour}PaletteColorLookupTableDescriptor"), vr, [0, first, 0] if vr == "SS" else [0] * 3
        )
        # The first and third are unsigned whatever the second is.
        descriptor.value = [count if vr == "US" or count < 32768 else count - 65536, first, bits]
        dataset.add(descriptor)
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table.astype("<u2" if bits == 16 else "u1").tobytes())
    return dataset


def saved(folder, *datasets):
    folder.mkdir(exist_ok=True)
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def colours(folder, **options):
    return sw.SeriesReader(folder, **options).update(progress=False)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("dtype", "first"), [("u1", 0), ("u1", 40), ("u2", 0), ("u2", 300), ("i2", -20), ("i1", -20)])
def test_indexes_become_the_colours_pydicom_finds(tmp_path, dtype, first, bits):
    limits = np.iinfo(dtype)
    indexes = RNG.integers(limits.min, limits.max, (9, 8), dtype, endpoint=True)
    indexes[0, :6] = [first, first + 1, first + 99, limits.min, limits.max, min(first + 100, limits.max)]
    tables = RNG.integers(0, 2**bits, (3, 100))
    dataset = palette_slice(indexes, tables, first=first, bits=bits)
    image = colours(saved(tmp_path / "s", dataset))
    assert image.array.shape == (1, 9, 8, 3)
    assert image.array.dtype == (np.uint8 if bits == 8 else np.uint16)
    # By hand: what is below the first entry takes it, what is beyond the last takes that.
    expected = tables.T[np.clip(indexes.astype(int) - first, 0, 99)]
    assert np.array_equal(image.array[0], expected)
    if dtype == "u1" or (dtype == "u2" and bits == 16):  # pydicom has 16-bit indexes wrap where entries have 8 bits
        assert np.array_equal(apply_color_lut(dataset.pixel_array, dataset), expected)


def test_a_palette_of_65536_entries_is_coded_as_0(tmp_path):
    indexes = RNG.integers(0, 65535, (20, 20), np.uint16, endpoint=True)
    indexes[0, :2] = [0, 65535]
    tables = RNG.integers(0, 65536, (3, 65536))
    image = colours(saved(tmp_path / "s", palette_slice(indexes, tables)))
    assert np.array_equal(image.array[0], tables.T[indexes])


@pytest.mark.parametrize(("scale", "dtype"), [(256, "u1"), (257, "u1"), (255, "u2")])
def test_16_bit_entries_that_say_8_bits_become_8_bits(tmp_path, scale, dtype):
    indexes = np.arange(64, dtype=np.uint8).reshape(8, 8)
    base = RNG.integers(1, 256, (3, 64))
    image = colours(saved(tmp_path / "s", palette_slice(indexes, base * scale)))
    assert image.array.dtype == dtype
    assert np.array_equal(image.array[0], (base if dtype == "u1" else base * scale).T[indexes])


def test_segmented_palettes_are_expanded(tmp_path):
    indexes = np.arange(16, dtype=np.uint8).reshape(4, 4)
    dataset = palette_slice(indexes, np.zeros((3, 16), int))
    for colour in COLOURS:
        del dataset[f"{colour}PaletteColorLookupTableData"]
        # Discrete: 4 entries; linear: 8 up to 1000; indirect is left to pydicom's own tests.
        segments = np.array([0, 4, 10, 20, 30, 200, 1, 12, 1400], "<u2")
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", segments.tobytes())
    image = colours(saved(tmp_path / "s", dataset))
    line = [10, 20, 30, 200, *(200 + 100 * np.arange(1, 13))]  # 12 steps of 100 from 200 to 1400
    assert np.array_equal(image.array[0, ..., 0].reshape(-1), line)
    assert np.array_equal(image.array[0], apply_color_lut(dataset.pixel_array, dataset))


def test_stored_values_are_the_indexes(tmp_path):
    indexes = RNG.integers(0, 99, (9, 8), np.uint8)
    folder = saved(tmp_path / "s", palette_slice(indexes, RNG.integers(0, 65536, (3, 100))))
    image = colours(folder, values="stored")
    assert image.array.shape == (1, 9, 8)
    assert np.array_equal(image.array[0], indexes)
    assert image.headers[0].PhotometricInterpretation == "PALETTE COLOR"


def test_palettes_may_differ_between_slices_but_not_stand_beside_grey(tmp_path):
    indexes = RNG.integers(0, 99, (9, 8), np.uint8)
    tables = RNG.integers(0, 256, (2, 3, 100))
    datasets = [palette_slice(indexes, tables[k], bits=8, place=k, InstanceNumber=k + 1) for k in range(2)]
    image = colours(saved(tmp_path / "two", *datasets))
    assert np.array_equal(image.array, [tables[k].T[indexes] for k in range(2)])
    datasets[1].PhotometricInterpretation = "MONOCHROME2"
    with pytest.raises(HeaderError, match=r"slice 1 is MONOCHROME2 and others are PALETTE COLOR.*values='stored'"):
        colours(saved(tmp_path / "mixed", *datasets))


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("RedPaletteColorLookupTableDescriptor", None, "descriptors of red, green and blue must be there"),
        ("RedPaletteColorLookupTableDescriptor", [99, 0, 16], "must agree"),
        ("GreenPaletteColorLookupTableData", None, ""),
        ("BluePaletteColorLookupTableData", b"\0\0", ""),
    ],
)
def test_a_palette_that_is_not_whole_is_an_error_that_names_the_slice(tmp_path, keyword, value, message):
    dataset = palette_slice(np.zeros((4, 4), np.uint8), np.zeros((3, 100), int))
    if value is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)
    with pytest.raises(HeaderError, match=f"slice 0: its palette cannot be used: .*{message}"):
        colours(saved(tmp_path / "s", dataset))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("count", [99, 1000])
def test_tables_of_any_length_and_byte_order_are_read(tmp_path, count, bits, big):
    indexes = RNG.integers(0, count, (9, 8), np.uint16)
    tables = RNG.integers(0, 2**bits, (3, count))
    dataset = palette_slice(indexes, tables, bits=bits)
    if big:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        for keyword in ("PixelData", *(f"{colour}PaletteColorLookupTableData" for colour in COLOURS)):
            words = dataset[keyword].value + b"\0" * (len(dataset[keyword].value) % 2)
            dataset[keyword].value = np.frombuffer(words, np.uint16).byteswap().tobytes()
    pydicom.dcmwrite(tmp_path / "p.dcm", dataset, little_endian=not big, implicit_vr=False, enforce_file_format=True)
    assert np.array_equal(colours(tmp_path / "p.dcm").array[0], tables.T[indexes])


def test_colours_of_more_than_8_bits_are_not_written_but_can_be_scaled(tmp_path):
    indexes = np.zeros((4, 4), np.uint8)
    reader = sw.SeriesReader(saved(tmp_path / "s", palette_slice(indexes, RNG.integers(0, 65536, (3, 100)))))
    with pytest.raises(ParameterError, match="8 bits per sample"):
        reader >> sw.SeriesWriter(tmp_path / "out")


def test_what_is_written_of_a_palette_is_rgb_that_others_read(tmp_path):
    bits = 8
    indexes = RNG.integers(0, 99, (9, 8), np.uint8)
    tables = RNG.integers(0, 2**bits, (3, 100))
    folder = saved(tmp_path / "s", palette_slice(indexes, tables, bits=bits))
    written = (sw.SeriesReader(folder) >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    (path,) = written.paths
    dataset = pydicom.dcmread(path)
    assert (dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.BitsStored) == ("RGB", 3, bits)
    assert not [e for e in dataset if "Palette" in e.keyword]
    assert np.array_equal(dataset.pixel_array, tables.T[indexes])
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], tables.T[indexes])
    assert np.array_equal(colours(tmp_path / "out").array[0], tables.T[indexes])
