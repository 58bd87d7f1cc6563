"""Nothing that pydicom can hold is lost in headers, and nobody changes them by accident."""

from __future__ import annotations

import copy
import pickle
import warnings

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from makers import SHIPPED_FILES
from slicewise.errors import HeaderError, MissingExtraError, UnknownAttributeError
from slicewise.image import Headers, PerSlice, RawElement
from strategies import KANJI, dataset_series

SLICES = 3


def make(count=SLICES, **attributes):
    """Return datasets; a callable attribute is called with the number of the slice."""
    datasets = []
    for k in range(count):
        dataset = Dataset()
        for keyword, value in attributes.items():
            own = value(k) if callable(value) else value
            if own is not None:
                setattr(dataset, keyword, own)
        datasets.append(dataset)
    return datasets


def headers_of(count=SLICES, **attributes):
    return Headers.from_datasets(make(count, **attributes))


def without_pixels(dataset):
    kept = Dataset()
    for element in dataset:
        if element.tag.group != 0x7FE0 and element.tag.group >= 8:
            kept[element.tag] = element
    return kept


def assert_same_value(found, expected):
    """Compare elements; an empty value may be None or an empty string, which no file can tell apart."""
    if expected.VR == "SQ":
        assert len(found.value) == len(expected.value)
        for one, other in zip(found.value, expected.value, strict=True):
            assert [e.tag for e in one] == [e.tag for e in other]
            for element in other:
                assert_same_value(one[element.tag], element)
    elif expected.is_empty:
        assert found.is_empty
    elif expected.VR in ("OB", "UN") and len(expected.value) % 2:
        assert found.value in (expected.value, expected.value + b"\0")
    else:
        assert found == expected


# --- fidelity -----------------------------------------------------------------------------------------


@given(series=dataset_series())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_everything_pydicom_can_hold_survives(series):
    originals = copy.deepcopy(series)
    headers = Headers.from_datasets(series)
    assert len(headers) == len(series)
    for k, original in enumerate(originals):
        found = headers[k]
        assert [e.tag for e in found] == [e.tag for e in original]
        for element in original:
            assert found[element.tag].VR == element.VR
            assert_same_value(found[element.tag], element)
    assert [list(d.keys()) for d in series] == [list(d.keys()) for d in originals]


@given(series=dataset_series(max_slices=2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_datasets_given_are_left_as_they_are(series):
    def flags(dataset):
        return [(e.tag, getattr(e, "is_undefined_length", None)) for e in dataset.iterall()]

    before = [flags(d) for d in series]
    Headers.from_datasets(series)
    assert [flags(d) for d in series] == before


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "nested_priv_SQ.dcm"]
)
def test_header_of_a_file_survives(name):
    path = SHIPPED_FILES / name
    expected = without_pixels(pydicom.dcmread(path))
    untouched = pydicom.dcmread(path)
    found = Headers.from_datasets([untouched])[0]
    assert [e.tag for e in found] == [e.tag for e in expected]
    for element in expected:
        assert found[element.tag] == element


def test_pixels_are_left_out():
    path = SHIPPED_FILES / "CT_small.dcm"
    headers = Headers.from_datasets([pydicom.dcmread(path)])
    assert "PixelData" not in headers
    assert "Rows" in headers


def test_element_that_only_some_slices_have_is_on_those_only():
    headers = headers_of(ImageComments=lambda k: "second" if k == 1 else None)
    assert headers["ImageComments"] == [None, "second", None]
    assert ["ImageComments" in h for h in headers] == [False, True, False]


def test_empty_value_is_not_the_same_as_none():
    headers = headers_of(StudyID="")
    assert headers["StudyID"] == [""] * SLICES
    assert headers["AccessionNumber"] == [None] * SLICES
    assert "StudyID" in headers
    assert "AccessionNumber" not in headers


def test_character_set_of_each_slice_decodes_its_own_text():
    def name(k):
        return ("Müller", "Жуков", KANJI[:2])[k]

    terms = ("ISO_IR 100", "ISO_IR 144", ["", "ISO 2022 IR 87"])
    headers = headers_of(SpecificCharacterSet=lambda k: terms[k], PatientName=name)
    assert [str(v) for v in headers["PatientName"]] == [name(k) for k in range(3)]
    assert [str(h.PatientName) for h in headers] == [name(k) for k in range(3)]


def test_text_outside_the_declared_character_set_is_an_error_that_names_the_attribute():
    with pytest.raises(HeaderError, match="PatientName"):
        headers_of(PatientName="山田")


def test_value_whose_vr_depends_on_pixel_representation_follows_it():
    datasets = make(2, PixelRepresentation=lambda k: k)
    for dataset, value in zip(datasets, (40000, -5), strict=True):
        dataset.SmallestImagePixelValue = value
    headers = Headers.from_datasets(datasets)
    assert headers["SmallestImagePixelValue"] == [40000, -5]
    assert [h["SmallestImagePixelValue"].VR for h in headers] == ["US", "SS"]


# --- asking ---------------------------------------------------------------------------------------------


def test_attribute_is_a_list_over_the_slices_by_keyword_or_tag():
    headers = headers_of(SliceLocation=lambda k: k * 2.5, PatientID="A")
    assert headers["SliceLocation"] == [0, 2.5, 5]
    assert headers[0x0020, 0x1041] == [0, 2.5, 5]
    assert headers["PatientID"] == ["A"] * SLICES


def test_misspelt_keyword_is_an_error_that_says_so():
    headers = headers_of(PatientID="A")
    for ask in (
        lambda: headers["PatientId"],
        lambda: "Slicelocation" in headers,
        lambda: headers.replace(Patientname="x"),
    ):
        with pytest.raises(UnknownAttributeError, match="spelt as in the standard") as caught:
            ask()
        assert isinstance(caught.value, KeyError)
        assert not str(caught.value).startswith('"')


def test_slices_are_asked_for_as_of_a_list():
    headers = headers_of(InstanceNumber=lambda k: k + 1)
    assert headers[-1].InstanceNumber == SLICES
    assert [h.InstanceNumber for h in headers] == [1, 2, 3]
    assert [h.InstanceNumber for h in headers[::-1]] == [3, 2, 1]
    with pytest.raises(IndexError):
        headers[SLICES]


def test_taken_slices_come_in_the_order_asked_for():
    headers = headers_of(InstanceNumber=lambda k: k + 1, PatientID="A")
    taken = headers.take([2, 0, 2])
    assert taken["InstanceNumber"] == [3, 1, 3]
    assert taken["PatientID"] == ["A"] * 3
    assert headers.take([1]).varying == ()
    assert headers.take([1]).shared.InstanceNumber == 2
    assert len(headers.take([])) == 0


def test_what_varies_and_what_is_shared_is_told_apart():
    headers = headers_of(SliceLocation=lambda k: k, PatientID="A", ImageComments=lambda k: "x" if k else None)
    assert set(headers.varying) == {"SliceLocation", "ImageComments"}
    assert [e.keyword for e in headers.shared] == ["PatientID"]


def test_private_element_that_varies_is_named_by_its_tag():
    datasets = make(2)
    for k, dataset in enumerate(datasets):
        dataset.private_block(0x29, "ME", create=True).add_new(0x10, "LO", str(k))
    headers = Headers.from_datasets(datasets)
    assert headers.varying == ("(0029,1010)",)
    assert headers[0x29, 0x1010] == ["0", "1"]
    assert headers[1].private_block(0x29, "ME")[0x10].value == "1"


def test_equal_headers_are_equal_and_hash_alike():
    one, other = (headers_of(PatientID="A", SliceLocation=lambda k: k) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != headers_of(PatientID="A", SliceLocation=lambda k: k + 1)
    assert one != headers_of(2, PatientID="A", SliceLocation=lambda k: k)


def test_headers_pickle():
    headers = headers_of(PatientID="A", SliceLocation=lambda k: k)
    assert pickle.loads(pickle.dumps(headers)) == headers  # noqa: S301 - just made


def test_header_copies_deeply():
    header = headers_of(PatientID="A", RequestAttributesSequence=lambda _: make(1, StudyID="S"))[0]
    assert copy.deepcopy(header).RequestAttributesSequence[0].StudyID == "S"


# --- read-only ------------------------------------------------------------------------------------------


def _set_attribute(header):
    header.PatientID = "B"


def _set_item(header):
    header[0x00100020] = pydicom.DataElement(0x00100020, "LO", "B")


def _delete_attribute(header):
    del header.PatientID


def _set_nested(header):
    header.RequestAttributesSequence[0].StudyID = "T"


def _set_value(header):
    header["PatientID"].value = "B"


CHANGES = {
    "set an attribute": _set_attribute,
    "set an item": _set_item,
    "delete an attribute": _delete_attribute,
    "delete an item": lambda h: h.__delitem__(0x00100020),
    "add": lambda h: h.add_new(0x00100030, "DA", "20200101"),
    "add in a sequence": _set_nested,
    "set the value of an element": _set_value,
    "append to a sequence": lambda h: h.RequestAttributesSequence.append(Dataset()),
    "update": lambda h: h.update({0x00100020: pydicom.DataElement(0x00100020, "LO", "B")}),
    "setdefault": lambda h: h.setdefault(0x00100030, pydicom.DataElement(0x00100030, "DA", "20200101")),
    "pop": lambda h: h.pop(0x00100020),
    "popitem": lambda h: h.popitem(),
    "clear": lambda h: h.clear(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_a_header_is_refused_and_the_message_says_what_to_do(change):
    headers = headers_of(PatientID="A", RequestAttributesSequence=lambda _: make(1, StudyID="S"))
    with pytest.raises(HeaderError, match=r"read-only.*replace"):
        change(headers[0])
    assert headers[0].PatientID == "A"
    assert headers[0].RequestAttributesSequence[0].StudyID == "S"


def test_changing_one_header_never_reaches_another():
    headers = headers_of(PatientID="A", ImageType=["ORIGINAL", "PRIMARY"])
    header = headers[0]
    with pytest.raises(HeaderError, match="read-only"):
        header.ImageType[0] = "DERIVED"
    header.copy_out().ImageType[0] = "DERIVED"
    assert header.ImageType[0] == "ORIGINAL"
    assert headers[0].ImageType[0] == "ORIGINAL"
    assert headers[1].ImageType[0] == "ORIGINAL"


def test_copy_is_a_plain_dataset_free_to_be_changed():
    headers = headers_of(PatientID="A", RequestAttributesSequence=lambda _: make(1, StudyID="S"))
    mine = headers[0].copy_out()
    assert type(mine) is Dataset
    assert mine == headers[0]
    mine.PatientID = "B"
    mine.RequestAttributesSequence[0].StudyID = "T"
    mine.RequestAttributesSequence.append(Dataset())
    assert headers[0].PatientID == "A"
    assert headers[0].RequestAttributesSequence[0].StudyID == "S"


# --- replacing ------------------------------------------------------------------------------------------


def test_one_value_is_put_on_all_slices_and_a_list_on_each():
    before = headers_of(PatientID="A", SliceLocation=lambda k: k)
    after = before.replace(PatientID="B", SliceLocation=[5, 6, 7])
    assert after["PatientID"] == ["B"] * SLICES
    assert after["SliceLocation"] == [5, 6, 7]
    assert before["PatientID"] == ["A"] * SLICES


def test_none_drops_an_attribute_from_all_slices_or_from_some():
    headers = headers_of(PatientID="A", SliceLocation=lambda k: k)
    assert "PatientID" not in headers.replace(PatientID=None)
    assert headers.replace(SliceLocation=[1, None, 3])["SliceLocation"] == [1, None, 3]
    assert "PatientID" not in headers.replace(PatientID=[None] * SLICES)


def test_attribute_of_several_values_takes_a_list_for_all_slices_and_perslice_for_each():
    headers = headers_of(PatientID="A")
    assert headers.replace(ImageType=["DERIVED", "SECONDARY"])["ImageType"] == [["DERIVED", "SECONDARY"]] * SLICES
    each = headers.replace(WindowCenter=PerSlice([[40, 400], 50, None]))
    assert each["WindowCenter"] == [[40, 400], 50, None]


def test_sequence_is_put_on_all_slices_as_a_list_of_its_items():
    item = make(1, ReferencedSOPInstanceUID="1.2.3")[0]
    for items in ([item], Items([item])):
        replaced = headers_of(PatientID="A").replace(ReferencedStudySequence=items)
        assert [h.ReferencedStudySequence[0].ReferencedSOPInstanceUID for h in replaced] == ["1.2.3"] * SLICES


def test_sequence_is_put_on_each_slice_with_perslice():
    items = [make(1, ReferencedSOPInstanceUID=f"1.2.{k}") for k in range(SLICES)]
    replaced = headers_of(PatientID="A").replace(ReferencedStudySequence=PerSlice(items))
    assert [h.ReferencedStudySequence[0].ReferencedSOPInstanceUID for h in replaced] == ["1.2.0", "1.2.1", "1.2.2"]


def test_private_element_keeps_its_vr_when_replaced():
    datasets = make(2)
    for dataset in datasets:
        dataset.private_block(0x29, "ME", create=True).add_new(0x10, "FL", 1.5)
    replaced = Headers.from_datasets(datasets).replace({(0x29, 0x1010): 2.5})
    assert replaced[0][0x29, 0x1010].VR == "FL"
    assert replaced[0x29, 0x1010] == [2.5, 2.5]


def test_private_element_without_a_known_vr_is_refused():
    with pytest.raises(HeaderError, match=r"\(0029,1010\).*VR"):
        headers_of(PatientID="A").replace({(0x29, 0x1010): 2.5})


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SliceLocation", "not a number"),
        ("InstanceNumber", 2**31),
        ("Rows", 70000),
        ("Rows", "many"),
        ("SOPInstanceUID", "1.2.x"),
        ("SeriesDescription", "x" * 65),
        ("PatientName", "山田"),
        ("AccessionNumber", "x" * 17),
        ("StudyDate", "yesterday"),
    ],
)
def test_value_that_does_not_fit_is_refused_with_attribute_and_value(keyword, value):
    with pytest.raises(HeaderError, match=keyword) as caught:
        headers_of(PatientID="A").replace({keyword: value})
    assert repr(value)[:20] in str(caught.value)


def test_wrong_number_of_values_is_refused_with_both_numbers():
    with pytest.raises(HeaderError, match="SliceLocation: 2 values were given for 3 slices"):
        headers_of(PatientID="A").replace(SliceLocation=[1, 2])


def test_text_in_a_sequence_that_the_character_set_cannot_hold_is_refused():
    item = make(1, RequestedProcedureDescription="山田")
    with pytest.raises(HeaderError, match="ISO_IR 192"):
        headers_of(PatientID="A").replace(RequestAttributesSequence=PerSlice([item] * SLICES))


def test_text_is_encoded_in_the_character_set_of_its_slice():
    headers = headers_of(SpecificCharacterSet=lambda k: ("ISO_IR 100", "ISO_IR 192", "ISO_IR 100")[k], PatientID="A")
    replaced = headers.replace(PatientName="Müller")
    assert [h.get_item("PatientName").value for h in replaced] == [
        b"M\xfcller",
        "Müller ".encode()[:7] + b" " * 1,
        b"M\xfcller",
    ]
    assert [str(v) for v in replaced["PatientName"]] == ["Müller"] * SLICES


def test_another_character_set_does_not_change_what_text_says():
    headers = headers_of(SpecificCharacterSet="ISO_IR 100", PatientName="Müller", PatientID="A")
    changed = headers.replace(SpecificCharacterSet="ISO_IR 192")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the point is what comes out
        assert [str(v) for v in changed["PatientName"]] == ["Müller"] * SLICES


def test_text_can_be_given_together_with_the_character_set_that_holds_it():
    headers = headers_of(SpecificCharacterSet="ISO_IR 100", PatientID="A")
    changed = headers.replace(SpecificCharacterSet="ISO_IR 192", PatientName=KANJI)
    assert [str(v) for v in changed["PatientName"]] == [KANJI] * SLICES


def test_column_must_have_one_element_per_slice():
    element = RawElement(0x00100020, "LO", b"A ")
    with pytest.raises(HeaderError, match="2 values for 3 slices"):
        Headers(3, {element.tag: (element, element)})


# --- table ----------------------------------------------------------------------------------------------


def test_table_has_a_row_per_slice_and_a_column_per_varying_attribute():
    headers = headers_of(SliceLocation=lambda k: k * 2.5, PatientID="A")
    table = headers.table()
    assert list(table.columns) == ["SliceLocation"]
    assert [float(v) for v in table["SliceLocation"]] == [0, 2.5, 5]
    asked = headers.table(["PatientID", (0x20, 0x1041)])
    assert list(asked.columns) == ["PatientID", "SliceLocation"]
    assert list(asked["PatientID"]) == ["A"] * SLICES


def test_table_has_a_row_per_slice_even_if_nothing_varies():
    assert len(headers_of(PatientID="A").table()) == SLICES


def test_table_without_pandas_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"slicewise\[jupyter\]"):
        headers_of(PatientID="A").table()


def test_repr_counts():
    assert (
        repr(headers_of(PatientID="A", SliceLocation=lambda k: k))
        == "Headers(3 slices, 1 attributes shared, 1 varying)"
    )
