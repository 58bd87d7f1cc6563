"""Files of many layouts: read as pydicom reads them, in bounded time and memory, and only what is wanted."""

from __future__ import annotations

import io
import struct

import numpy as np
import pydicom
import pytest

from makers import dataset_of_slice
from slicewise.dicom import header_families, header_parser
from slicewise.dicom.header_parser import HeaderParser, assemble
from slicewise.image.elements import tag_of

PIXELS = np.zeros((2, 2), np.uint16)


def file_of(number, **attributes):
    """Return a file with a private attribute of its own: a layout that no other has."""
    dataset = dataset_of_slice(PIXELS, (0, 0, number), SOPInstanceUID=f"1.2.{number}", **attributes)
    block = dataset.private_block(0x0009 + 2 * (number // 200), "MAKER", create=True)
    block.add_new(number % 200, "LO", f"value {number}")
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def assert_same(header, data):
    expected = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    (found,) = assemble([header])
    assert found.copy_out() == pydicom.Dataset(expected)


def test_thousands_of_layouts_are_read_in_bounded_time_and_memory(monkeypatch):
    files = [file_of(k) for k in range(600)]
    tried = []
    fit = header_families.Family.fit
    monkeypatch.setattr(header_families.Family, "fit", lambda self, data: tried.append(1) or fit(self, data))
    parser = HeaderParser()
    for data in [*files, *files]:
        tried.clear()
        assert_same(parser.parse(data, complete=True), data)
        assert len(tried) <= 8
        assert len(parser.families) <= header_parser._REMEMBERED == 256


def test_layouts_met_before_are_known_again_even_if_not_among_the_last():
    files = [file_of(k) for k in range(20)]
    others = [file_of(k, PatientID=f"other {k}", SliceThickness="2.5") for k in range(20)]
    parser = HeaderParser()
    headers = [parser.parse(data, complete=True) for data in [*files, *others]]
    assert len(parser.families) == 20
    for header, data in zip(headers, [*files, *others], strict=True):
        assert_same(header, data)


def test_what_is_not_wanted_is_an_error_rather_than_that_of_another_file():
    wanted = {tag_of("PatientID"), tag_of("InstanceNumber")}
    parser = HeaderParser(wanted)
    names = [("A", "Doe"), ("A", "Roe"), ("B", "Roe")]
    for k, (patient, name) in enumerate(names):
        data = file_of(1, PatientID=patient, PatientName=name, InstanceNumber=k)
        header = parser.parse(data, complete=True)
        assert header.element(tag_of("PatientID")).value.strip() == patient.encode()
        assert header.element(tag_of("InstanceNumber")).value.strip() == str(k).encode()
        with pytest.raises(LookupError, match="PatientName is not among the elements that were wanted"):
            header.element(tag_of("PatientName"))
        assert set(header.differing) <= wanted
    assert len(parser.families) == 1


def explicit(tag, vr, value, *, length=None):
    size = len(value) if length is None else length
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, size) + value


ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 16)
INNER = struct.pack("<HHL", 0x0008, 0x0104, 8) + b"meaning%d"
END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def sequence_file(number, *, undefined):
    """Return a file with a private sequence told as UN, of undefined length or of a stated one."""
    meta = dataset_of_slice(PIXELS, (0, 0, 0)).file_meta
    written = io.BytesIO()
    whole = dataset_of_slice(PIXELS, (0, 0, 0), SOPInstanceUID=f"1.2.{number}", PatientID=f"P{number}")
    whole.file_meta = meta
    whole.save_as(written, enforce_file_format=True)
    data = written.getvalue()
    items = ITEM + INNER % number
    element = explicit(0x00091010, b"UN", items + END if undefined else items, length=0xFFFFFFFF if undefined else None)
    creator = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 6) + b"MAKER "
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    return data[:at] + creator + element + data[at:]


@pytest.mark.parametrize("order", [(True, True, False, False), (False, False, True, True), (True, False, True, False)])
def test_sequences_told_as_unknown_are_what_their_length_makes_them(order):
    parser = HeaderParser()
    for number, undefined in enumerate(order, 1):
        data = sequence_file(number, undefined=undefined)
        header = parser.parse(data, complete=True)
        expected = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        found = header.element(0x00091010)
        assert found.vr == ("SQ" if undefined else "UN")
        assert found.value == ITEM + INNER % number
        assert header.element(0x00100020).value.strip() == expected.PatientID.encode()
        assert expected.get_item(0x00091010).value is not None
