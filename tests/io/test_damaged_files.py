"""Headers that are well-formed and claim what cannot be: refused before memory is taken, by an error that says why."""

from __future__ import annotations

import sqlite3

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

import slicewise as sw
from makers import SHIPPED_FILES, dataset_of_slice, write_series
from slicewise.errors import ComputeError, HeaderError, ReadError, ValueRangeError
from slicewise.io import discovery_index


def written(path, keyword, vr, value, **attributes):
    """Write a CT slice with one element as no library would encode it."""
    dataset = dataset_of_slice(np.zeros((4, 6), np.uint16), (0, 0, 0), **attributes)
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    ("vr", "value"),
    [("DS", b"1e308 "), ("DS", b"nan "), ("US", b"\4\0\4\0"), ("UL", b"\xff\xff\xff\x7f"), ("IS", b"2147483647")],
)
@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
@pytest.mark.parametrize("has_plane", [True, False])
def test_rows_and_columns_that_are_no_short_number_are_refused_by_name(tmp_path, keyword, vr, value, has_plane):
    plane = {} if has_plane else {"ImagePositionPatient": None}
    path = written(tmp_path / "a.dcm", keyword, vr, value, **plane)
    with pytest.raises(HeaderError, match=f"{keyword} must be one number of 16 bits"):
        sw.SeriesReader(path, on_no_plane="pixels").update(progress=False)


def test_a_series_whose_rows_are_no_number_is_listed_all_the_same(tmp_path):
    written(tmp_path / "a.dcm", "Rows", "DS", b"nan ")
    (series,) = sw.discover(tmp_path, progress=False).series
    assert series.modality == "CT"


@pytest.mark.parametrize("frames", ["2147483647", "9" * 5000])
def test_more_frames_than_a_file_has_bytes_are_refused_at_once(tmp_path, frames):
    path = tmp_path / "a.dcm"
    dataset = pydicom.dcmread(SHIPPED_FILES / "rtdose_rle.dcm")
    dataset["NumberOfFrames"] = RawDataElement(
        Tag("NumberOfFrames"), "IS", len(frames), frames.encode(), 0, is_implicit_VR=False, is_little_endian=True
    )
    dataset.save_as(path)
    with pytest.raises(HeaderError, match="NumberOfFrames"):
        sw.SeriesReader(path, on_no_plane="pixels").update(progress=False)


def test_many_frames_of_a_size_that_their_file_cannot_hold_are_refused(tmp_path):
    dataset = pydicom.dcmread(SHIPPED_FILES / "rtdose_rle.dcm")
    dataset.Rows = dataset.Columns = 8000  # 256 MB a frame, which for itself could be empty
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ReadError, match="claim 15 x 8000 x 8000 values"):
        _ = sw.SeriesReader(tmp_path / "a.dcm", on_no_plane="pixels").info


@pytest.mark.parametrize(("slope", "intercept"), [("1e308", "0"), ("-1e308", "1.5"), ("1", "1e999")])
def test_values_beyond_all_numbers_are_refused(tmp_path, slope, intercept):
    write_series(tmp_path, np.zeros((2, 4, 4), np.uint16), RescaleSlope=slope)
    path = written(tmp_path / "f000.dcm", "RescaleIntercept", "DS", intercept.encode(), RescaleSlope=slope)
    with pytest.raises(HeaderError, match="slice 0"):
        _ = sw.SeriesReader(path).info


@pytest.mark.parametrize("slope", ["1e-60", "1.5e60"])
def test_values_beyond_float32_are_read_in_double_precision(tmp_path, slope):
    write_series(tmp_path, np.full((1, 4, 4), 3, np.uint16), RescaleSlope=slope)
    image = sw.SeriesReader(tmp_path).update(progress=False)
    assert image.array.dtype == np.float64
    assert np.all(image.array == 3 * float(slope))


@pytest.mark.parametrize("scale", [b"1e-320", b"1e-310"])
def test_a_scale_slope_that_no_number_can_divide_by_is_refused(tmp_path, scale):
    dataset = dataset_of_slice(np.zeros((4, 4), np.uint16), (0, 0, 0), RescaleSlope="1e-300", RescaleIntercept="5")
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "DS", scale.decode())
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(HeaderError, match=r"\(2005,xx0E\)"):
        _ = sw.SeriesReader(tmp_path / "a.dcm", values="philips").info


def test_a_number_after_zero_bytes_is_a_number_and_a_problem(tmp_path):
    path = written(tmp_path / "a.dcm", "SliceThickness", "DS", b"\x002.5")
    headers = sw.SeriesReader(path).headers
    assert list(headers["SliceThickness"]) == [2.5]
    assert [problem.attribute for problem in headers.problems] == ["SliceThickness"]


def test_a_high_throughput_frame_that_breaks_off_is_no_image_with_zeros_below(tmp_path):
    codecs = pytest.importorskip("imagecodecs")
    if not codecs.HTJ2K.available:
        pytest.skip("this imagecodecs has no HTJ2K")
    stored = np.random.default_rng(3).integers(0, 4000, (1, 64, 48)).astype(np.uint16)
    write_series(tmp_path, stored)
    (path,) = tmp_path.iterdir()
    dataset = pydicom.dcmread(path)
    stream = codecs.htj2k_encode(stored[0])
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    outcomes = set()
    for at in range(stream.index(b"\xff\x93") + 2, len(stream) - 2, 40):
        damaged = stream[:at] + bytes([stream[at] ^ 0xFF]) + stream[at + 1 :]
        dataset.PixelData = pydicom.encaps.encapsulate([damaged])
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)
        try:
            array = sw.SeriesReader(path).update(progress=False).array
        except ReadError as error:
            outcomes.add(str(error).rpartition(": ")[2])
        else:
            assert array[0, -1].any(), f"rows are missing after damage at byte {at}"
    assert "ojph error" in outcomes


def test_an_image_that_memory_does_not_hold_says_how_large_it_is(tmp_path, monkeypatch):
    write_series(tmp_path, np.zeros((2, 4, 4), np.uint16))
    reader = sw.SeriesReader(tmp_path)
    _ = reader.info

    def none_left(*_, **__):
        raise MemoryError

    monkeypatch.setattr("slicewise.pipeline.holding.np.empty", none_left)
    with pytest.raises(ComputeError, match="2 x 4 x 4 of uint16"):
        reader.update(progress=False)


def test_more_columns_than_dicom_can_tell_of_are_not_written(tmp_path):
    write_series(tmp_path / "ct", np.zeros((1, 4, 4), np.uint16))
    fine = sw.Resample((4 / 70_000, None, None))
    with pytest.raises(ValueRangeError, match="Columns would be 70000"):
        (sw.SeriesReader(tmp_path / "ct") >> fine >> sw.SeriesWriter(tmp_path / "out")).update()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE files SET frames = 1099511627776",
        "UPDATE files SET frames = 2, per_frame = '[[2097184,[null]]]'",
        "UPDATE files SET own = CAST(x'e2' AS TEXT)",
        "UPDATE shared SET elements = replace(elements, 'Doe^Jane', 'Doe^John')",
    ],
)
def test_a_damaged_record_of_an_index_is_an_error_that_says_what_to_do(tmp_path, monkeypatch, statement):
    monkeypatch.setattr(discovery_index, "_SETTLED_NS", -(10**12))
    write_series(tmp_path / "study", np.zeros((2, 4, 4), np.uint16))
    index = tmp_path / "index"
    sw.discover(tmp_path / "study", index=index, progress=False)
    with sqlite3.connect(index) as database:
        database.execute(statement)
    database.close()
    with pytest.raises(ReadError, match="remove it and run again"):
        sw.discover(tmp_path / "study", index=index, progress=False)
