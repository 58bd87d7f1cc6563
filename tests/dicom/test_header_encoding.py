"""What slicewise encodes, pydicom reads as the headers say."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from test_header_parsing import assert_same_header, encoded

from makers import SHIPPED_FILES
from slicewise.dicom.encoding import SeriesTemplate, code_item, element_bytes, item, meta_bytes, sequence, text
from slicewise.dicom.header_parser import HeaderParser, assemble
from slicewise.image import Code, Headers, RawElement
from strategies import dataset_series


def read_explicit(data):
    buffer = DicomBytesIO(data)
    return pydicom.filereader.read_dataset(buffer, is_implicit_VR=False, is_little_endian=True)


@given(
    series=dataset_series(),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_encoded_headers_are_what_the_headers_say_whatever_syntax_they_came_in(series, syntax):
    blobs = [encoded(copy.deepcopy(dataset), syntax) for dataset in series]
    parser = HeaderParser()
    headers = assemble([parser.parse(blob, complete=True) for blob in blobs])
    template = SeriesTemplate(headers)
    for k in range(len(headers)):
        written = template.encode(k, {})
        assert len(written) % 2 == 0
        expected = headers[k] if syntax != ExplicitVRBigEndian else with_words_turned(headers[k].copy_out())
        assert_same_header(read_explicit(written), expected, padded=True)


def with_words_turned(dataset):
    """Turn the words of binary values, which pydicom gives as they stand in big endian (PS3.5, 7.3)."""
    sizes = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
    for element in dataset:
        if element.VR == "SQ":
            element.value = [with_words_turned(item) for item in element.value]
        elif element.VR in sizes and element.value and len(element.value) % sizes[element.VR] == 0:
            element.value = np.frombuffer(element.value, f">u{sizes[element.VR]}").byteswap().tobytes()
    return dataset


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "nested_priv_SQ.dcm",
        "examples_overlay.dcm",
    ],
)
def test_header_of_a_file_survives_encoding(name):
    blob = (SHIPPED_FILES / name).read_bytes()
    parsed = HeaderParser().parse(blob, complete=True)
    headers = assemble([parsed])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read_explicit(SeriesTemplate(headers).encode(0, {}))
        expected = headers[0]
        assert [t for t in sorted(expected.keys()) if t.element] == sorted(found.keys())
        for tag in found.keys():  # noqa: SIM118
            # A nested value of odd length is padded.
            assert (
                str(found[tag].value).replace("\\x00", "").rstrip()
                == str(expected[tag].value).replace("\\x00", "").rstrip()
            )


@pytest.mark.parametrize(
    ("vr", "value", "padded"),
    [
        ("LO", b"odd", b"odd "),
        ("UI", b"1.2.3", b"1.2.3\0"),
        ("OB", b"\1\2\3", b"\1\2\3\0"),
        ("UN", b"\1", b"\1\0"),
        ("UT", b"x", b"x "),
        ("OW", b"\1\2\3", b"\1\2\3\0"),
    ],
)
def test_odd_lengths_are_padded_as_the_vr_demands(vr, value, padded):
    element = read_explicit(element_bytes(RawElement(0x00091010, vr, value))).get_item(0x00091010)
    assert element.value == padded
    assert vr == element.VR


def test_sequence_whose_items_make_an_odd_length_can_still_be_read():
    content = b"\xfe\xff\x00\xe0\x0d\0\0\0" + b"\x20\0\x10\0SH\5\0ABCDE"  # some writers do not pad
    (found,) = read_explicit(element_bytes(RawElement(0x00400275, "SQ", content))).RequestAttributesSequence
    assert found.StudyID == "ABCDE"


def test_value_too_long_for_its_vr_becomes_unknown_and_keeps_its_bytes():
    value = b"x" * 70000
    written = element_bytes(RawElement(0x00204000, "LT", value))
    element = read_explicit(written).get_item(0x00204000)
    assert element.VR == "UN"
    assert element.value == value
    longest = element_bytes(RawElement(0x00204000, "LT", b"x" * 0xFFFE))
    assert read_explicit(longest).get_item(0x00204000).VR == "LT"


def test_vr_that_is_none_becomes_unknown():
    element = read_explicit(element_bytes(RawElement(0x00091010, "ZZ", b"ab"))).get_item(0x00091010)
    assert (element.VR, element.value) == ("UN", b"ab")


def test_late_elements_stand_in_tag_order_and_only_where_they_are_given():
    headers = Headers(2).replace(PatientID="A", StudyID="S")
    template = SeriesTemplate(headers, late=(0x00100030,))
    late = {0x00100030: RawElement(0x00100030, "DA", b"20200101")}
    first, second = read_explicit(template.encode(0, late)), read_explicit(template.encode(1, {}))
    assert [e.keyword for e in first] == ["PatientID", "PatientBirthDate", "StudyID"]
    assert [e.keyword for e in second] == ["PatientID", "StudyID"]
    data = template.encode(0, late)
    assert data.index(b"\x10\x00\x30\x00") > data.index(b"\x10\x00\x20\x00")
    assert data.index(b"\x10\x00\x30\x00") < data.index(b"\x20\x00\x10\x00")


def test_retired_group_lengths_are_left_out():
    headers = Headers(1, {0x00100000: RawElement(0x00100000, "UL", b"\x10\0\0\0")}).replace(PatientID="A")
    assert [e.keyword for e in read_explicit(SeriesTemplate(headers).encode(0, {}))] == ["PatientID"]


def test_items_and_codes_are_read_by_pydicom():
    inner = sequence("PurposeOfReferenceCodeSequence", [code_item(Code("121322", "DCM", "Source image"))])
    outer = sequence("SourceImageSequence", [item([text("ReferencedSOPInstanceUID", "1.2.3", "UI"), inner])])
    (found,) = read_explicit(element_bytes(outer)).SourceImageSequence
    assert found.ReferencedSOPInstanceUID == "1.2.3"
    (code,) = found.PurposeOfReferenceCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == ("121322", "DCM", "Source image")


def test_file_meta_information_is_read_by_pydicom():
    data = meta_bytes("1.2.840.10008.5.1.4.1.1.2", "1.2.3.45", ExplicitVRLittleEndian, ("1.2.9", "NAME"))
    dataset = Dataset()
    dataset.PatientID = "A"
    found = pydicom.dcmread(DicomBytesIO(data + SeriesTemplate(Headers.from_datasets([dataset])).encode(0, {})))
    assert found.file_meta.MediaStorageSOPInstanceUID == "1.2.3.45"
    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert found.file_meta.FileMetaInformationGroupLength == len(data) - 132 - 12
    assert found.PatientID == "A"
