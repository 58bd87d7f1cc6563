"""Values in one line, whatever they hold."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from slicewise.image.attribute_text import decoded, element_name, flat, value_text


@pytest.mark.parametrize(
    ("keyword", "value", "text"),
    [
        ("PatientName", "Müller^Jürgen", "Müller^Jürgen"),
        ("PixelSpacing", ["0.50", "1.5"], "0.50\\1.5"),
        ("Rows", 512, "512"),
        ("PatientComments", "one\r\ntwo", "one / two"),
        ("PatientID", "", ""),
        ("PatientBirthDate", None, ""),
        ("FrameIncrementPointer", 0x00181063, "1577059"),
    ],
)
def test_values_are_one_line(keyword, value, text):
    dataset = Dataset()
    setattr(dataset, keyword, value)
    assert value_text(dataset[keyword]) == text


def test_long_binary_values_are_told_by_their_length():
    dataset = Dataset()
    dataset.add_new(0x00291010, "OB", bytes(5000))
    dataset.add_new(0x00291011, "OB", b"\x01\xff")
    assert value_text(dataset[0x00291010]) == "5000 bytes"
    assert value_text(dataset[0x00291011]) == "2 bytes: 01 ff"


def test_private_elements_are_named_by_their_creator_at_any_depth():
    item, dataset = Dataset(), Dataset()
    item.private_block(0x0021, "INNER", create=True).add_new(1, "LO", "x")
    dataset.private_block(0x0029, "OUTER", create=True).add_new(2, "SQ", [item])
    assert element_name(dataset, 0x00291002) == "(0029,1002) [OUTER]"
    assert dict(flat(dataset)) == {
        "(0029,0010)": "OUTER",
        "(0029,1002) [OUTER][0].(0021,0010)": "INNER",
        "(0029,1002) [OUTER][0].(0021,1001) [INNER]": "x",
    }


def test_a_value_that_breaks_its_rules_is_shown_as_it_stands():
    dataset = Dataset()
    dataset[0x00280010] = RawDataElement(Tag(0x00280010), "US", 3, b"abc", 0, False, True)  # noqa: FBT003
    element = decoded(dataset, 0x00280010)
    assert element is not None
    assert value_text(element) == "3 bytes: 61 62 63"


def test_an_empty_sequence_is_told():
    dataset = Dataset()
    dataset.RequestAttributesSequence = []
    assert dict(flat(dataset)) == {"RequestAttributesSequence": "0 items"}
