"""Values against their VR; what is allowed is from the table of PS3.5, 6.2."""

from __future__ import annotations

import pytest
from pydicom.datadict import tag_for_keyword

from slicewise.dicom.checks.value_forms import value_faults
from slicewise.image import RawElement
from slicewise.image.character_sets import character_set_of


def rules(keyword: str, vr: str, value: bytes, characters: bytes = b"") -> set[str]:
    element = RawElement(tag_for_keyword(keyword), vr, value)
    return {fault.rule for fault in value_faults(element, keyword, character_set_of(characters))}


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("SliceThickness", "DS", b"-1.2345678901e-5"),
        ("SliceThickness", "DS", b" 5  "),
        ("WindowCenter", "DS", b"40\\1.5e3"),
        ("InstanceNumber", "IS", b"-2147483648 "),
        ("PatientAge", "AS", b"042Y"),
        ("StudyDate", "DA", b"20240229"),
        ("StudyTime", "TM", b"235960.123456 "),
        ("StudyTime", "TM", b"10"),
        ("AcquisitionDateTime", "DT", b"20240131235959.99+0100"),
        ("PatientName", "PN", b"Doe^Jane=" + b"x" * 63),
        ("StudyID", "SH", b"1234567890123456"),
        ("SOPInstanceUID", "UI", b"1.2.840.0.1\0"),
        ("PixelSpacing", "DS", b"1\\2 "),
        ("StudyDate", "DA", b""),
        ("ImageComments", "LT", b"one\r\ntwo\\three"),
    ],
)
def test_what_the_standard_allows_has_no_fault(keyword, vr, value):
    assert rules(keyword, vr, value) == set()


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "rule"),
    [
        ("SliceThickness", "DS", b"-1.23456789012345678 ", "value-length"),
        ("SliceThickness", "DS", b"5,0 ", "value-form"),
        ("SliceThickness", "DS", b"NaN ", "value-form"),
        ("InstanceNumber", "IS", b"1.0 ", "value-form"),
        ("InstanceNumber", "IS", b"2147483648", "value-form"),
        ("Modality", "CS", b"ct", "value-form"),
        ("PatientAge", "AS", b"42Y ", "value-form"),
        ("StudyDate", "DA", b"20240132", "value-form"),
        ("StudyDate", "DA", b"2024.01.31", "value-form"),
        ("StudyTime", "TM", b"14:04:38", "value-form"),
        ("StudyID", "SH", b"12345678901234567 ", "value-length"),
        ("PatientID", "LO", b"x" * 66, "value-length"),
        ("PatientID", "LO", b"a\nb ", "value-form"),
        ("SOPInstanceUID", "UI", b"1.2.03", "value-form"),
        ("SOPInstanceUID", "UI", b"1.2.3 ", "padding"),
        ("PatientID", "LO", b"abc\0", "padding"),
        ("PatientID", "LO", b"abc", "odd-length"),
        ("PixelSpacing", "DS", b"1 ", "multiplicity"),
        ("Rows", "US", b"\1\0\2\0", "multiplicity"),
        ("Rows", "US", b"\1\0\2", "value-length"),
        ("Rows", "SS", b"\1\0", "vr"),
        ("PatientID", "UN", b"ab", "unknown-vr"),
        ("PatientName", "PN", b"M\xfcller", "character-set"),
    ],
)
def test_each_rule_is_broken_by_its_own_kind_of_value(keyword, vr, value, rule):
    assert rule in rules(keyword, vr, value)


def test_letters_of_the_declared_set_are_counted_as_letters():
    sixty_four = ("ü" * 64).encode()
    assert rules("PatientID", "LO", sixty_four, b"ISO_IR 192") == set()
    assert rules("PatientID", "LO", ("ü" * 65).encode(), b"ISO_IR 192") == {"value-length"}
