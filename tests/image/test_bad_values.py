"""A value that its VR cannot hold never stops anyone: it is given as bytes, told once, and written as it stands."""

from __future__ import annotations

import copy
import pickle
import struct
import warnings

import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from slicewise.dicom.encoding import SeriesTemplate
from slicewise.display.headers import headers_html
from slicewise.errors import SlicewiseWarning
from slicewise.image import Headers, RawElement
from slicewise.image.attribute_text import flat

ITEM = b"\xfe\xff\x00\xe0"


def element(tag, vr, value, **encoding):
    return RawElement(tag, vr, value, **encoding)


def headers_with(*elements, count=3):
    """Return headers whose slices share some elements, and differ in one."""
    places = tuple(element(0x00201041, "DS", b"%d " % k) for k in range(count))
    return Headers(
        count, {0x00100020: element(0x00100020, "LO", b"ID"), 0x00201041: places} | {e.tag: e for e in elements}
    )


NESTED = struct.pack("<HH2sH", 0x0008, 0x0100, b"SH", 4) + b"CODE"
BAD = {
    "letters in DS": element(0x00181314, "DS", b"thick "),
    "comma in DS": element(0x00180050, "DS", b"1,5 "),
    "not a number in DS": element(0x00180050, "DS", b"NaN "),
    "half an integer": element(0x00200013, "IS", b"12.5"),
    "letters in IS": element(0x00280008, "IS", b"1A"),
    "three bytes in US": element(0x00280010, "US", b"\1\2\3"),
    "seven bytes in FD": element(0x00189087, "FD", bytes(7)),
    "six bytes in AT": element(0x00280009, "AT", bytes(6)),
    "no items in a sequence": element(0x00081032, "SQ", b"this is no sequence of items"),
    "unknown VR": element(0x00081030, "QQ", b"text"),
    "unknown that cannot be what the standard says": element(0x00280010, "UN", b"\1\2\3"),
}


@pytest.fixture(params=BAD, ids=lambda name: name.replace(" ", "-"))
def bad(request):
    return BAD[request.param]


def quietly(ask):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)
        return ask()


WAYS = {
    "column": lambda h, tag: h[tag >> 16, tag & 0xFFFF][1],
    "element": lambda h, tag: h[1][tag].value,
    "part": lambda h, tag: h[1][tag : tag + 1][tag].value,
    "attribute": lambda h, tag: getattr(h[1], pydicom.datadict.keyword_for_tag(tag)),
    "iteration": lambda h, tag: next(e.value for e in h[1] if e.tag == tag),
    "get": lambda h, tag: h[1].get(tag).value,
    "shared": lambda h, tag: h.shared[tag].value,
    "copy": lambda h, tag: h[1].copy_out()[tag].value,
    "pickle": lambda h, tag: pickle.loads(pickle.dumps(h[1]))[tag].value,  # noqa: S301
    "deep copy": lambda h, tag: copy.deepcopy(h[1])[tag].value,
}


@pytest.mark.parametrize("way", WAYS)
def test_bad_value_is_given_as_its_bytes_on_every_way_of_asking(bad, way):
    assert quietly(lambda: WAYS[way](headers_with(bad), bad.tag)) == bad.value


def test_bad_value_does_not_stop_what_shows_headers(bad):
    headers = headers_with(bad)
    name = pydicom.datadict.keyword_for_tag(bad.tag)
    assert "ID" in quietly(lambda: str(headers[0]))
    assert name in quietly(lambda: dict(flat(headers[0])))
    assert name in quietly(lambda: headers_html(headers))
    assert quietly(lambda: headers.table("all")).shape == (3, 3)


def test_bad_value_is_told_once_for_all_slices_and_listed(bad):
    headers = headers_with(bad)
    name = pydicom.datadict.keyword_for_tag(bad.tag)
    with pytest.warns(SlicewiseWarning, match=f"{name} of slices 0-2: .*kept as bytes") as caught:  # noqa: PT031
        for header in headers:
            _ = header[bad.tag]
        _ = headers[name]
    assert len(caught) == 1
    (problem,) = headers.problems
    assert problem.slices == (0, 1, 2)
    assert problem.attribute == name
    assert "kept as bytes" in problem.reason


def test_bad_value_is_written_as_it_stands(bad):
    written = quietly(lambda: SeriesTemplate(headers_with(bad)).encode(1, {}))
    padding = len(bad.value) % 2
    assert bad.value + b"\0" * padding in written or bad.value + b" " * padding in written


def test_slices_that_differ_are_told_in_one_warning():
    values = [b"1.5 ", b"bad ", b"2   ", b"worse ", b"worst "]
    column = tuple(element(0x00180050, "DS", value) for value in values)
    headers = Headers(5, {0x00180050: column})
    with pytest.warns(SlicewiseWarning, match=r"SliceThickness of slices 1, 3-4: .*got 'bad'") as caught:
        found = headers["SliceThickness"]
    assert len(caught) == 1
    assert found == [1.5, b"bad ", 2, b"worse ", b"worst "]
    assert [(p.slices, p.attribute) for p in headers.problems] == [((1, 3, 4), "SliceThickness")]


def test_bad_value_in_an_item_leaves_the_rest_of_the_item():
    thickness = struct.pack("<HH2sH", 0x0018, 0x0050, b"DS", 4) + b"thin"
    items = ITEM + struct.pack("<L", len(NESTED + thickness)) + NESTED + thickness
    headers = headers_with(element(0x00081032, "SQ", items))
    with pytest.warns(SlicewiseWarning, match=r"ProcedureCodeSequence\[0\].SliceThickness of slices 0-2"):  # noqa: PT031
        item = headers[0].ProcedureCodeSequence[0]
        assert (item.CodeValue, item.SliceThickness) == ("CODE", b"thin")
    assert [p.attribute for p in headers.problems] == ["ProcedureCodeSequence[0].SliceThickness"]


def test_item_that_goes_beyond_its_sequence_is_given_as_far_as_it_goes_and_written_as_it_stands():
    broken = element(0x00081032, "SQ", ITEM + struct.pack("<L", 99) + NESTED)
    headers = headers_with(broken)
    with pytest.warns(SlicewiseWarning, match="of slices 0-2: its last item goes on for 87 bytes beyond its end"):
        assert headers["ProcedureCodeSequence.CodeValue"] == ["CODE"] * 3
    assert broken.value in SeriesTemplate(headers).encode(1, {})


def test_value_cut_off_by_the_end_of_its_item_is_bytes():
    # An element that claims ten characters, in an item that ends after four.
    short = struct.pack("<HH2sH", 0x0008, 0x0100, b"SH", 10) + b"CODE"
    headers = headers_with(element(0x00081032, "SQ", ITEM + struct.pack("<L", len(short)) + short))
    with pytest.warns(SlicewiseWarning, match="10 bytes are stated, and what it stands in ends after 4"):
        assert headers[0].ProcedureCodeSequence[0].CodeValue == b"CODE"


def test_sequences_nested_deeper_than_anyone_needs_are_bytes():
    content = NESTED
    for _ in range(200):
        item = ITEM + struct.pack("<L", len(content)) + content
        content = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, len(item)) + item
    headers = headers_with(element(0x0040A730, "SQ", content[12:]))
    with pytest.warns(SlicewiseWarning, match="nested more than 64 deep"):
        assert "Content Sequence" in str(headers[0])
    assert quietly(lambda: headers[0].copy_out().ContentSequence)
    assert quietly(lambda: dict(flat(headers[0])))


ODD = {
    "too long": (element(0x00080080, "LO", b"x" * 70), "x" * 70, "at most 64 characters"),
    "nonsense in DT": (element(0x0008002A, "DT", b"yesterday "), "yesterday", "a date and time"),
    "nonsense in TM": (element(0x00080030, "TM", b"25:99 "), "25:99", "a time"),
    "nonsense in DA": (element(0x00080020, "DA", b"20241399"), "20241399", "a date"),
    "small letters in CS": (element(0x00080060, "CS", b"mr"), "mr", "a code"),
    "no UID": (element(0x00080018, "UI", b"1.02.x"), "1.02.x", "a unique identifier"),
    "DS of 20 characters": (element(0x00180050, "DS", b"1.234567890123456789"), 1.234567890123456789, "at most 16"),
    "integer with a point": (element(0x00200013, "IS", b"12.0"), 12, "an integer"),
}


@pytest.mark.parametrize("name", ODD)
def test_value_that_breaks_a_rule_and_is_plain_nevertheless_is_given_and_listed_without_a_warning(name):
    bad, value, reason = ODD[name]
    headers = headers_with(bad)
    keyword = pydicom.datadict.keyword_for_tag(bad.tag)
    assert headers[keyword] == [value] * 3
    assert getattr(headers[1], keyword) == value
    (problem,) = headers.problems
    assert (problem.slices, problem.attribute) == ((0, 1, 2), keyword)
    assert reason in problem.reason


def test_good_values_are_no_problem():
    assert headers_with().problems == []


def test_settings_of_pydicom_are_left_alone():
    before = (
        config.settings.reading_validation_mode,
        config.convert_wrong_length_to_UN,
        config.replace_un_with_known_vr,
    )
    quietly(lambda: [str(headers_with(bad)[0]) for bad in BAD.values()])
    after = (
        config.settings.reading_validation_mode,
        config.convert_wrong_length_to_UN,
        config.replace_un_with_known_vr,
    )
    assert before == after


@pytest.mark.parametrize(
    ("vr", "stored", "value"),
    [
        ("DS", b" +1.50e1 ", [15.0]),
        ("DS", b"1.5\0", [1.5]),
        ("DS", b"1\\\\3 ", [[1.0, None, 3.0]]),
        ("IS", b" +7 ", [7]),
        ("IS", b"1\\ \\3", [[1, None, 3]]),
        ("DS", b"", [None]),
        ("UN", b"2.5 ", [2.5]),
    ],
)
def test_numbers_are_numbers_however_they_are_padded(vr, stored, value):
    tag = 0x00180050 if vr != "IS" else 0x00200013
    assert Headers(1, {tag: element(tag, vr, stored)})[tag >> 16, tag & 0xFFFF] == value


def test_empty_number_among_several_is_written_empty_again():
    headers = Headers(1, {0x00281050: element(0x00281050, "DS", b"40\\\\50")})
    assert headers["WindowCenter"] == [[40, None, 50]]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(buffer, headers[0].copy_out())
    assert b"40\\\\50" in buffer.getvalue()


def test_copy_with_bad_values_can_be_written_by_pydicom_and_read_back():
    bad = BAD["three bytes in US"]
    plain = quietly(headers_with(bad)[0].copy_out)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(buffer, plain)
    assert b"UN\0\0\3\0\0\0\1\2\3" in buffer.getvalue()


def test_headers_can_be_made_again_of_copies_with_bad_values():
    bad = BAD["letters in DS"]
    copies = quietly(lambda: [header.copy_out() for header in headers_with(bad)])
    again = Headers.from_datasets(copies)
    assert quietly(lambda: again[0x0018, 0x1314]) == [b"thick "] * 3


def test_another_character_set_leaves_bad_values_alone():
    bad = BAD["comma in DS"]
    headers = headers_with(bad).replace(SpecificCharacterSet="ISO_IR 192")
    assert headers.column(bad.tag) == bad


def test_private_blob_is_no_problem():
    elements = (element(0x00290010, "LO", b"SIEMENS CSA HEADER"), element(0x00291010, "UN", b"\1\2\3"))
    headers = headers_with(*elements)
    assert headers[0x0029, 0x1010] == [b"\1\2\3"] * 3
    assert headers.problems == []


def test_plain_dataset_has_no_place_to_tell():
    dataset = Dataset()
    dataset.PatientID = "A"
    assert Headers.from_datasets([dataset]).problems == []
