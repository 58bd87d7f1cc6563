"""A series becomes one volume in the order of space, with the values the scanner meant, or an error says why not."""

from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

import slicewise as sw
from makers import SHIPPED_FILES, box_positions, dataset_of_slice, ds, write_series
from slicewise.errors import (
    DuplicateSliceError,
    MissingSliceError,
    MixedSlicesError,
    ParameterError,
    PatientMismatchError,
    ReadError,
    SeriesError,
    SeveralSeriesError,
    SlicewiseError,
    SlicewiseWarning,
    UnknownAttributeError,
)
from strategies import AXIS_ORIENTATIONS

STORED = np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5)


def read(path, **options):
    return sw.SeriesReader(path, **options).update(progress=False)


def names(reader):
    return [p.name for p in reader.files]


# --- order ------------------------------------------------------------------------------------------------


def test_slices_are_ordered_by_position_and_not_by_name_or_number(tmp_path):
    paths = write_series(tmp_path / "a", STORED)
    reader = sw.SeriesReader(tmp_path / "a")
    assert list(reader.files) == paths
    assert sorted(paths) != paths
    numbers = [int(n) for n in reader.headers["InstanceNumber"]]
    assert numbers != sorted(numbers)
    assert numbers != sorted(numbers, reverse=True)
    assert np.array_equal(reader.update(progress=False).array, STORED)


def test_headers_go_with_their_pixels(tmp_path):
    write_series(tmp_path / "a", STORED, per_slice=[{"ImageComments": str(int(s[0, 0]))} for s in STORED])
    image = read(tmp_path / "a")
    assert [int(v) for v in image.headers["ImageComments"]] == image.array[:, 0, 0].tolist()


@pytest.mark.parametrize("direction", AXIS_ORIENTATIONS, ids=range(48))
def test_values_are_where_simpleitk_finds_them_in_all_48_orientations(tmp_path, direction):
    normal = np.cross(direction[:, 0], direction[:, 1])
    write_series(
        tmp_path / "a",
        STORED,
        positions=box_positions((10, 20, 30), direction[:, 2], 2.5, len(STORED)),
        ImageOrientationPatient=[ds(v) for v in [*direction[:, 0], *direction[:, 1]]],
        PixelSpacing=["1.5", "0.5"],
    )
    image = read(tmp_path / "a")
    assert np.allclose(image.geometry.mean_step, 2.5 * normal)
    found = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "a")))
    for index in ((0, 0, 0), (4, 0, 0), (0, 3, 0), (0, 0, 5), (2, 1, 3)):
        point = image.geometry.index_to_point(index)
        there = found.TransformPhysicalPointToIndex([float(v) for v in point])
        assert found.GetPixel(*there) == image.array[index[::-1]]


def test_a_list_a_folder_and_a_pattern_are_the_same_series(tmp_path):
    paths = write_series(tmp_path / "deep" / "er", STORED)
    for source in (
        tmp_path,
        str(tmp_path),
        paths,
        [str(p) for p in paths[::-1]],
        tmp_path / "deep" / "er" / "*.dcm",
        f"{tmp_path}/**/*.dcm",
    ):
        assert list(sw.SeriesReader(source).files) == paths


def test_single_slice_is_a_volume(tmp_path):
    write_series(tmp_path / "a", STORED[:1], SliceThickness="4")
    image = read(tmp_path / "a")
    assert image.shape == (1, 4, 5)
    assert image.geometry.spacing == (1, 1, 4)


def test_hidden_files_and_a_dicomdir_are_no_part_of_a_folder(tmp_path):
    write_series(tmp_path, STORED)
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / "DICOMDIR").write_text("x")
    assert len(sw.SeriesReader(tmp_path).files) == len(STORED)


def test_other_files_are_passed_over_with_a_warning_that_names_them(tmp_path):
    write_series(tmp_path, STORED)
    (tmp_path / "notes.txt").write_text("hello, this is no image " * 20)
    with pytest.warns(SlicewiseWarning, match=r"notes\.txt"):
        assert len(sw.SeriesReader(tmp_path).files) == len(STORED)


def test_instances_of_the_series_without_pixels_are_not_left_out_without_a_word(tmp_path):
    paths = write_series(tmp_path, STORED)
    last = pydicom.dcmread(paths[-1])
    del last.PixelData
    last.save_as(paths[-1])
    with pytest.warns(SlicewiseWarning, match=paths[-1].name):
        assert len(sw.SeriesReader(tmp_path).files) == len(STORED) - 1


@pytest.mark.parametrize("source", ["nowhere", "*.nothing", []])
def test_nothing_there_is_an_error(tmp_path, source, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ReadError, ParameterError)):
        _ = sw.SeriesReader(source).geometry


def test_empty_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ReadError, match=str(tmp_path)):
        _ = sw.SeriesReader(tmp_path).geometry


# --- which series -----------------------------------------------------------------------------------------


@pytest.fixture
def two_series(tmp_path):
    write_series(tmp_path, STORED, SeriesDescription="thin")
    write_series(
        tmp_path,
        STORED[:3] + 500,
        prefix="g",
        SeriesInstanceUID="1.2.3.9",
        SeriesNumber=7,
        Modality="MR",
        SeriesDescription="thick",
    )
    return tmp_path


def test_several_series_are_listed_with_how_to_choose(two_series):
    with pytest.raises(SeveralSeriesError) as caught:
        _ = sw.SeriesReader(two_series).geometry
    message = str(caught.value)
    for text in (
        "2 series",
        "series=",
        "1.2.826.0.1.3680043.10.1.2",
        "1.2.3.9",
        "number 7",
        "CT",
        "MR",
        "'thin'",
        "'thick'",
        "6 images of 5 x 4",
        "3 images of 5 x 4",
    ):
        assert text in message


@pytest.mark.parametrize("series", ["1.2.3.9", 7])
def test_series_is_chosen_by_uid_or_number(two_series, series):
    assert np.array_equal(read(two_series, series=series).array, STORED[:3] + 500)


@pytest.mark.parametrize("series", ["1.2.3", 9])
def test_series_that_is_not_there_is_an_error_that_lists_those_that_are(two_series, series):
    with pytest.raises(SeriesError, match=r"no series.*\n.*\n.*'thick'"):
        _ = sw.SeriesReader(two_series, series=series).geometry


@pytest.fixture
def two_echoes(tmp_path):
    for echo, shift in ((4.92, 0), (9.84, 300)):
        write_series(
            tmp_path, STORED + shift, prefix=f"e{shift}", EchoTime=str(echo), AcquisitionMatrix=[0, 1, 2, shift],
            per_slice=[{"SOPInstanceUID": f"1.2.{shift + 1}.{k + 1}"} for k in range(6)],
            PatientSize=None if shift else "1.75",
        )  # fmt: skip
    return tmp_path


def test_two_volumes_in_a_series_are_an_error_that_says_what_tells_them_apart(two_echoes):
    with pytest.raises(
        SeveralSeriesError,
        match=r"(?s)12 slices at 6 positions.*0: EchoTime 4\.92 \(6 slices\).*1: EchoTime 9\.84 \(6 slices\).*volume=0",
    ):
        _ = sw.SeriesReader(two_echoes).geometry


@pytest.mark.parametrize(
    "where", [{"EchoTime": 9.84}, {"EchoTime": "9.84"}, {"AcquisitionMatrix": [0, 1, 2, 300]}, {"PatientSize": None}]
)
def test_volume_is_chosen_by_the_value_of_an_attribute(two_echoes, where):
    assert np.array_equal(read(two_echoes, where=where).array, STORED + 300)


def test_value_that_no_file_has_is_an_error_that_lists_those_there_are(two_echoes):
    with pytest.raises(ParameterError, match=r"EchoTime 5.*4\.92.*9\.84"):
        _ = sw.SeriesReader(two_echoes, where={"EchoTime": 5}).geometry
    with pytest.raises(UnknownAttributeError, match="echo_time"):
        _ = sw.SeriesReader(two_echoes, where={"echo_time": 5}).geometry


# --- stacks that are none -----------------------------------------------------------------------------------


def at(heights, tmp_path, stored=None, **options):
    array = np.zeros((len(heights), 2, 2), np.int16) if stored is None else stored
    return write_series(tmp_path, array, positions=[(0, 0, z) for z in heights], **options)


def test_missing_slice_is_an_error_that_names_both_files_and_the_distances(tmp_path):
    paths = at([0, 3, 6, 12, 15, 18], tmp_path)
    with pytest.raises(MissingSliceError) as caught:
        _ = sw.SeriesReader(tmp_path).geometry
    for text in (
        paths[2].name,
        paths[3].name,
        "6 mm apart where 3 mm are usual",
        "1 or so are missing",
        "on_gap='keep'",
    ):
        assert text in str(caught.value)


def test_gap_is_kept_if_asked_for_and_the_stack_is_no_box(tmp_path):
    at([0, 3, 6, 12, 15, 18], tmp_path)
    image = read(tmp_path, on_gap="keep")
    assert not image.geometry.is_even
    assert image.geometry.positions[:, 2].tolist() == [0, 3, 6, 12, 15, 18]


@pytest.mark.parametrize(
    "heights",
    [[0, 1, 3], [0, 1, 2, 3, 5], [0, 2, 3, 4], [0, 1, 2, *range(4, 200)]],
)
def test_missing_slice_is_found_wherever_it_is(tmp_path, heights):
    at(heights, tmp_path)
    with pytest.raises(MissingSliceError):
        _ = sw.SeriesReader(tmp_path).geometry


def test_uneven_spacing_is_an_error_unless_the_tolerance_allows_it(tmp_path):
    at([0, 3, 6.5, 9.5, 12.5], tmp_path)
    with pytest.raises(MissingSliceError, match=r"unevenly spaced.*3\.5 mm apart where 3 mm.*tolerance 0\.05"):
        _ = sw.SeriesReader(tmp_path).geometry
    assert sw.SeriesReader(tmp_path, tolerance=0.1).geometry.is_regular


def test_duplicate_is_an_error_that_names_both_files(tmp_path):
    paths = at([0, 3, 3, 6, 9], tmp_path)
    with pytest.raises(DuplicateSliceError) as caught:
        _ = sw.SeriesReader(tmp_path).geometry
    assert paths[1].name in str(caught.value)
    assert paths[2].name in str(caught.value)
    assert "on_duplicate='first'" in str(caught.value)


def test_first_of_two_is_taken_if_asked_for_with_a_warning(tmp_path):
    stored = np.arange(5, dtype=np.int16)[:, None, None] * np.ones((1, 2, 2), np.int16)
    paths = at([0, 3, 3, 6, 9], tmp_path, stored)
    reader = sw.SeriesReader(tmp_path, on_duplicate="first")
    with pytest.warns(SlicewiseWarning, match="left out"):
        found = list(reader.files)
    assert len(found) == 4
    first = min(paths[1:3])  # by name, as files of a folder come
    assert found[1] == first


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"Rows": 2, "Columns": 8}, "Rows|Columns"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "ImageOrientationPatient"),
        ({"PixelSpacing": [2, 2]}, "PixelSpacing"),
    ],
)
def test_slices_that_differ_are_an_error_that_names_both_files_and_values(tmp_path, changes, what):
    odd_one = [{}, {}, changes, {}]
    paths = write_series(tmp_path, np.zeros((4, 4, 4), np.int16), per_slice=odd_one)
    with pytest.raises(MixedSlicesError, match=what) as caught:
        _ = sw.SeriesReader(tmp_path).geometry
    assert paths[2].name in str(caught.value)
    assert "(3 slices)" in str(caught.value)
    assert "volume=0" in str(caught.value)


def test_tilted_stack_is_read_as_it_is_and_refused_as_a_box(tmp_path):
    write_series(tmp_path, STORED, positions=[(0, 2.0 * k, 4.0 * k) for k in range(6)])
    image = read(tmp_path)
    assert image.geometry.is_sheared
    assert np.allclose(image.geometry.positions[5], (0, 10, 20))
    with pytest.raises(SlicewiseError, match="sheared by 26"):
        image.to_sitk()


@pytest.mark.parametrize(
    "option",
    [
        {"on_gap": "skip"},
        {"on_duplicate": "both"},
        {"tolerance": -1},
        {"tolerance": float("nan")},
        {"tolerance": "wide"},
    ],
)
def test_impossible_policy_is_refused_when_the_reader_is_made(option):
    with pytest.raises(ParameterError, match=next(iter(option))):
        sw.SeriesReader("x", **option)


BROKEN = {
    "no position": {"ImagePositionPatient": None},
    "no orientation": {"ImageOrientationPatient": None},
    "no spacing": {"PixelSpacing": None},
    "no rows": {"Rows": None},
    "no columns": {"Columns": None},
    "no bits": {"BitsAllocated": None},
    "orientation of zeros": {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
    "parallel orientation": {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
    "spacing of zero": {"PixelSpacing": [0, 0]},
    "negative spacing": {"PixelSpacing": [-1, 1]},
    "one spacing": {"PixelSpacing": "1"},
    "high bit too low": {"BitsStored": 12, "HighBit": 9},
    "high bit too high": {"HighBit": 20},
    "no samples": {"SamplesPerPixel": 0},
    "no rescale": {"RescaleSlope": "0"},
    "more bits than there are": {"BitsStored": 17},
    "many frames": {"NumberOfFrames": 3},
    "palette": {"PhotometricInterpretation": "PALETTE COLOR"},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_header_that_makes_no_sense_is_an_error_of_the_package(tmp_path, changes):
    write_series(tmp_path, STORED, **changes)
    with pytest.raises(SlicewiseError):
        read(tmp_path)


def test_mutated_series_is_read_or_refused_and_nothing_else(tmp_path):
    paths = write_series(tmp_path, STORED)
    whole = paths[2].read_bytes()
    start = whole.index(b"\x08\x00\x08\x00CS")
    rng = np.random.default_rng(7)
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(start, len(data) - 40))] = int(rng.integers(0, 256))
        paths[2].write_bytes(bytes(data))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pydicom")
            warnings.filterwarnings("ignore", category=SlicewiseWarning)
            try:
                read(tmp_path)
            except SlicewiseError:
                continue
            except Exception as error:  # noqa: BLE001
                changed = [(k, a, b) for k, (a, b) in enumerate(zip(whole, data, strict=True)) if a != b]
                pytest.fail(f"{type(error).__name__}: {error} with {changed}")


# --- values -------------------------------------------------------------------------------------------------


def modality_values(paths):
    """Return the values by pydicom and double precision."""
    found = []
    for path in paths:
        dataset = pydicom.dcmread(path)
        found.append(
            dataset.pixel_array.astype(np.float64) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        )
    return np.stack(found)


FULL = np.array([0, 1, 2047, 2048, 4095, 32767, 32768, 65535], np.uint16).reshape(2, 2, 2)
SIGNED = FULL.view(np.int16)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "dtype"),
    [
        (FULL, "1", "0", "uint16"),
        (SIGNED, "1", "0", "int16"),
        (FULL, "1", "-1024", "int32"),
        (FULL, "1", "-32768", "int16"),
        (SIGNED, "1", "-1024", "int32"),
        (FULL, "2", "0", "uint32"),
        (SIGNED, "2", "-1024", "int32"),
        (FULL, "-1", "65535", "uint16"),
        (FULL, "-1", "0", "int32"),
        (FULL, "1.0", "-1024.000", "int32"),
        (FULL, "0.5", "0", "float32"),
        (FULL, "1", "0.5", "float32"),
        (FULL, "0.333333", "-17.25", "float32"),
        (FULL, "1e-5", "0", "float32"),
        (FULL.astype(np.uint8), "1", "0", "uint8"),
        (FULL.astype(np.uint8), "1", "-100", "int16"),
        (FULL.astype(np.uint8), "300", "0", "uint32"),
        (FULL.astype(np.uint8), "-1", "255", "uint8"),
    ],
)
def test_values_are_integers_where_exact_and_never_wrap(tmp_path, stored, slope, intercept, dtype):
    paths = write_series(tmp_path, stored, RescaleSlope=slope, RescaleIntercept=intercept)
    image = read(tmp_path)
    expected = modality_values(paths)
    assert image.dtype == dtype
    if np.dtype(dtype).kind == "f":
        assert np.array_equal(image.array, expected.astype(np.float32))
    else:
        assert np.array_equal(image.array.astype(np.float64), expected)


@given(
    bits=st.integers(2, 16),
    signed=st.booleans(),
    seed=st.integers(0, 999),
    rescale=st.tuples(st.sampled_from(["1", "2", "-1", "0.25"]), st.sampled_from(["0", "-1024", "7"])),
)
@settings(max_examples=40, deadline=None)
def test_rubbish_above_the_bits_stored_does_not_reach_the_values(tmp_path_factory, bits, signed, seed, rescale):
    slope, intercept = rescale
    folder = tmp_path_factory.mktemp("bits")
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2**16, (2, 3, 3)).astype(np.uint16)
    write_series(
        folder, words, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=int(signed),
        RescaleSlope=slope, RescaleIntercept=intercept,
    )  # fmt: skip
    values = words.astype(int) & (2**bits - 1)
    if signed:
        values = np.where(values >= 2 ** (bits - 1), values - 2**bits, values)
    assert np.array_equal(read(folder).array, values * float(slope) + int(intercept))


def test_value_that_does_not_start_at_the_lowest_bit_is_moved_there(tmp_path):
    words = np.array([0x0010, 0xFFF0, 0x800F], np.uint16).reshape(1, 1, 3)
    write_series(tmp_path, words, BitsStored=12, HighBit=15)
    assert read(tmp_path).array.ravel().tolist() == [1, 0xFFF, 0x800]


def test_slope_of_each_slice_is_its_own(tmp_path):
    per_slice = [{"RescaleSlope": f"{0.1 * (k + 1):.6f}"} for k in range(6)]
    paths = write_series(tmp_path, STORED, per_slice=per_slice, Modality="PT")
    image = read(tmp_path)
    assert image.dtype == np.float32
    assert np.array_equal(image.array, modality_values(paths).astype(np.float32))


def test_one_slice_with_a_fraction_makes_all_floats(tmp_path):
    per_slice = [{"RescaleSlope": "1"}] * 5 + [{"RescaleSlope": "1.5"}]
    paths = write_series(tmp_path, STORED, per_slice=per_slice)
    image = read(tmp_path)
    assert image.dtype == np.float32
    assert np.array_equal(image.array, modality_values(paths))


def test_values_without_rescale_are_as_stored(tmp_path):
    write_series(tmp_path, STORED, RescaleSlope=None, RescaleIntercept=None)
    image = read(tmp_path)
    assert image.dtype == np.int16
    assert np.array_equal(image.array, STORED)


def test_monochrome1_keeps_its_values_and_its_name(tmp_path):
    write_series(tmp_path, STORED, PhotometricInterpretation="MONOCHROME1")
    image = read(tmp_path)
    assert np.array_equal(image.array, STORED)
    assert set(image.headers["PhotometricInterpretation"]) == {"MONOCHROME1"}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("dtype", ["int16", "uint8"])
def test_other_uncompressed_syntaxes_give_the_same_values(tmp_path, syntax, dtype):
    stored = STORED.astype(dtype)
    paths = []
    for k, plane in enumerate(stored):
        dataset = dataset_of_slice(plane, (0, 0, k), SOPInstanceUID=f"1.2.{k + 1}")
        dataset.file_meta.TransferSyntaxUID = syntax
        if not syntax.is_little_endian:
            # Pixels of 8 bits are in words of 16 as well.
            dataset["PixelData"].VR = "OW"
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        paths.append(tmp_path / f"{k}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    expected = np.stack([pydicom.dcmread(p).pixel_array for p in paths])
    assert np.array_equal(expected, stored)
    assert np.array_equal(read(tmp_path).array, stored)


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_RLE.dcm",
        "JPEG2000.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "693_J2KI.dcm",
        "emri_small.dcm",
    ],
)
def test_shipped_file_gives_the_values_pydicom_gives(name):
    path = SHIPPED_FILES / name
    if not path.is_file():
        pytest.skip("pydicom does not ship it")
    dataset = pydicom.dcmread(path)
    try:
        image = read([path])
    except SeriesError:
        assert "ImagePositionPatient" not in dataset or int(dataset.get("NumberOfFrames", 1)) > 1
        return
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    assert np.array_equal(image.array[0], dataset.pixel_array * slope + intercept)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_is_read_as_pydicom_reads_it(tmp_path, planar):
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    data = rgb if planar == 0 else np.moveaxis(rgb, -1, 0)
    (path,) = write_series(tmp_path, np.zeros((1, 4, 5), np.uint8), RescaleSlope=None, RescaleIntercept=None)
    for photometric in ("RGB", "YBR_FULL"):
        dataset = pydicom.dcmread(path)
        dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, planar, photometric
        dataset.PixelData = data.tobytes()
        dataset.save_as(path)
        expected = pydicom.pixels.pixel_array(path)
        image = read(tmp_path)
        assert image.info.components == 3
        assert np.array_equal(image.array[0], expected), photometric


def test_file_that_changes_after_its_header_was_read_is_an_error(tmp_path):
    paths = write_series(tmp_path, STORED)
    reader = sw.SeriesReader(tmp_path)
    assert reader.geometry.slices == 6
    paths[0].write_bytes(paths[0].read_bytes() + b"more")
    with pytest.raises(ReadError, match=rf"{paths[0].name}.*changed since"):
        reader.update(progress=False)


def test_pixels_of_slices_that_are_not_asked_for_are_not_read(tmp_path):
    paths = write_series(tmp_path, STORED)
    reader = sw.SeriesReader(tmp_path)
    assert reader.geometry.slices == 6
    paths[0].unlink()
    assert np.array_equal(reader[2:].update(progress=False).array, STORED[2:])


@pytest.mark.data
@pytest.mark.parametrize("case", ["mr-canon-adc-36", "mr-hitachi-japanese", "pet-ge-wholebody-267"])
def test_real_values_are_those_of_pydicom(data, case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)  # of a licence among the images
        reader = sw.SeriesReader(data(case))
        files = reader.files
    for k in range(0, len(files), max(1, len(files) // 5)):
        dataset = pydicom.dcmread(files[k])
        expected = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(
            dataset.get("RescaleIntercept", 0)
        )
        found = reader[k].update(progress=False).array[0]
        assert np.array_equal(found, expected.astype(found.dtype))


@pytest.mark.parametrize(
    ("attributes", "other", "error"),
    [
        ({}, {"PatientID": "ID-2"}, PatientMismatchError),
        ({}, {"PhotometricInterpretation": "MONOCHROME1"}, MixedSlicesError),
        ({"Modality": "PT", "Units": "BQML"}, {"Units": "CNTS"}, MixedSlicesError),
    ],
)
def test_slices_whose_values_cannot_be_put_together_are_refused(tmp_path, attributes, other, error):
    paths = write_series(
        tmp_path, np.zeros((4, 8, 8), np.int16), per_slice=[attributes, attributes, attributes | other, attributes]
    )
    (keyword,) = other
    with pytest.raises(error, match=rf"{keyword} is .*{paths[2].name}.*where="):
        _ = sw.SeriesReader(tmp_path).info
    assert sw.SeriesReader(tmp_path, where=other).shape == (1, 8, 8)


def test_a_slice_without_patient_is_of_the_patient_of_the_others(tmp_path):
    write_series(tmp_path, np.zeros((3, 8, 8), np.int16), per_slice=[{}, {"PatientID": ""}, {"PatientID": None}])
    assert sw.SeriesReader(tmp_path).shape == (3, 8, 8)
