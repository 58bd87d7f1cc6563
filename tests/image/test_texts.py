"""Names and texts are read as they were meant, whatever their character set is called, and what was guessed is told."""

from __future__ import annotations

import struct
import warnings

import pydicom
import pytest

from makers import SHIPPED_FILES
from slicewise.errors import SlicewiseWarning
from slicewise.image import Headers, RawElement
from slicewise.image.character_sets import character_set_of

CHARSET_FILES = SHIPPED_FILES.parent / "charset_files"


def headers_of(name, terms=None, *, tag=0x00100010, vr="PN"):
    columns = {tag: RawElement(tag, vr, name)}
    if terms is not None:
        columns[0x00080005] = RawElement(0x00080005, "CS", terms)
    return Headers(2, columns)


def quietly(ask):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)
        return ask()


UTF8 = "Müller^Jürgen".encode()
LATIN = "Müller^Jürgen".encode("latin-1")
CHINESE = "王^小东"


@pytest.mark.parametrize(
    ("terms", "stored", "text"),
    [
        (b"ISO_IR 192", UTF8, "Müller^Jürgen"),
        (b"ISO-IR 192", UTF8, "Müller^Jürgen"),
        (b"ISO_IR_192", UTF8, "Müller^Jürgen"),
        (b"UTF8", UTF8, "Müller^Jürgen"),
        (b"utf-8\0", UTF8, "Müller^Jürgen"),
        (b"ISO 2022 IR 192", UTF8, "Müller^Jürgen"),
        (b"iso_ir 192 ", UTF8, "Müller^Jürgen"),
        (b"ISO_IR 192\\", UTF8, "Müller^Jürgen"),
        (b"ISO IR 100", LATIN, "Müller^Jürgen"),
        (b"ISO 2022 IR100", LATIN, "Müller^Jürgen"),
        (b"ISO_IR100", LATIN, "Müller^Jürgen"),
        (b"ISO8859-1", LATIN, "Müller^Jürgen"),
        (b"latin-1", LATIN, "Müller^Jürgen"),
        (b"ISO_8859-5", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (b"GB18030", CHINESE.encode("gb18030"), CHINESE),
        (b"gb18030", CHINESE.encode("gb18030"), CHINESE),
        (b"GBK", CHINESE.encode("gbk"), CHINESE),
        (b"GB2312", CHINESE.encode("gb2312"), CHINESE),
        # PS3.5, H.3: the example of a Japanese name in JIS X 0208.
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        # and with half-width katakana of JIS X 0201 first.
        (
            b"ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        ),
        # PS3.5, I.2: Korean in KS X 1001.
        (
            b"\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        # PS3.5, K.2: Chinese in GB 2312.
        (
            b"\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "Zhang^XiaoDong=张^小东",
        ),
        # JIS X 0212, whose letters are no part of JIS X 0208.
        (b"\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B", "丂"),
    ],
)
def test_name_is_read_however_its_character_set_is_spelt(terms, stored, text):
    headers = headers_of(stored, terms)
    # No warning: what is meant is beyond doubt.
    assert [str(name) for name in headers["PatientName"]] == [text] * 2
    assert str(headers[1].PatientName) == text


@pytest.mark.parametrize("terms", [b"ISO-IR 192", b"utf-8", b"ISO_IR 192\\", b"iso_ir 192"])
def test_misspelt_character_set_is_a_problem(terms):
    (problem,) = headers_of(b"A", terms).problems
    assert problem.attribute == "SpecificCharacterSet"
    assert "taken as 'ISO_IR 192'" in problem.reason


def test_padding_of_a_character_set_is_no_problem():
    assert headers_of(b"A", b"ISO_IR 100 ").problems == []
    assert headers_of(b"A", b"\\ISO 2022 IR 87 ").problems == []


@pytest.mark.parametrize(
    ("terms", "stored", "text", "reason"),
    [
        (None, UTF8, "Müller^Jürgen", "taken as UTF-8"),
        (b"", UTF8, "Müller^Jürgen", "taken as UTF-8"),
        (b"ISO_IR 6", UTF8, "Müller^Jürgen", "taken as UTF-8"),
        (None, LATIN, "Müller^Jürgen", "taken as Latin-1"),
        (b"KLINGON", LATIN, "Müller^Jürgen", "taken as Latin-1"),
        (b"ISO_IR 192", LATIN, "M\ufffdller^J\ufffdrgen", "not ISO_IR 192"),
        (b"ISO_IR 166", b"A\xfc\xfd", "A\ufffd\ufffd", "not ISO_IR 166"),
        (None, b"\x1b$B;3ED\x1b(B", "山田", "a character set that is not declared"),
        (b"ISO_IR 100", b"A\x1b%zB", "A\ufffd%zB", "escape sequence of no character set"),
    ],
)
def test_text_that_is_not_what_is_declared_is_guessed_and_told(terms, stored, text, reason):
    headers = headers_of(stored, terms)
    with pytest.warns(SlicewiseWarning, match=f"PatientName of slices 0-1: .*{reason}") as caught:  # noqa: PT031
        assert [str(name) for name in headers["PatientName"]] == [text] * 2
        _ = headers[0].PatientName
    assert len(caught) == 1
    assert any(p.attribute == "PatientName" and reason in p.reason for p in headers.problems)


def test_unknown_character_set_is_a_problem_even_if_no_text_needs_it():
    (problem,) = headers_of(b"A", b"KLINGON").problems
    assert problem.reason == "'KLINGON' is no character set of the standard"


def test_guessed_text_is_written_as_the_bytes_it_was():
    headers = headers_of(LATIN, b"ISO_IR 192")
    quietly(lambda: headers["PatientName"])
    assert headers.element(0x00100010, 0).value == LATIN


def test_change_to_utf8_writes_what_was_read():
    headers = quietly(lambda: headers_of(LATIN).replace(SpecificCharacterSet="ISO_IR 192"))
    assert headers.element(0x00100010, 0).value.rstrip() == UTF8
    assert [str(v) for v in headers["PatientName"]] == ["Müller^Jürgen"] * 2


def test_value_is_replaced_in_the_misspelt_character_set_of_its_header():
    headers = headers_of(b"A", b"ISO-IR 192").replace(PatientID="Łódź")
    assert headers["PatientID"] == ["Łódź"] * 2
    assert headers.element(0x00100020, 0).value.rstrip() == "Łódź".encode()


def test_several_texts_are_split_after_they_are_decoded():
    # The second byte of this letter is a backslash in GBK and Shift JIS.
    text = "誠\\a"
    headers = headers_of(text.encode("gbk"), b"GBK", tag=0x00081030, vr="LO")
    assert headers["StudyDescription"] == [["誠", "a"]] * 2


def test_components_of_a_name_can_be_asked_for():
    name = headers_of("Wang^XiaoDong=王^小东=".encode(), b"ISO_IR 192")["PatientName"][0]
    assert (name.family_name, name.given_name, name.ideographic) == ("Wang", "XiaoDong", "王^小东")


def test_several_names_are_several():
    names = headers_of(b"A^B\\C^D", tag=0x00081070)["OperatorsName"][0]
    assert [str(name) for name in names] == ["A^B", "C^D"]


def nested(text, terms=None):
    """Return the value of a sequence with one item that holds a code meaning."""
    content = b"" if terms is None else struct.pack("<HH2sH", 8, 5, b"CS", len(terms)) + terms
    content += struct.pack("<HH2sH", 8, 0x0104, b"LO", len(text)) + text
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


def test_item_has_the_character_set_of_what_it_stands_in_or_its_own():
    outer = headers_of(nested("Кость".encode("iso8859_5")), b"ISO_IR 144", tag=0x00081032, vr="SQ")
    own = headers_of(nested("Knöchel".encode(), b"UTF8"), b"ISO_IR 144", tag=0x00081032, vr="SQ")
    assert outer["ProcedureCodeSequence.CodeMeaning"] == ["Кость"] * 2
    assert own["ProcedureCodeSequence.CodeMeaning"] == ["Knöchel"] * 2
    assert [p.attribute for p in own.problems] == ["ProcedureCodeSequence[0].SpecificCharacterSet"]


@pytest.mark.parametrize("path", sorted(CHARSET_FILES.glob("*.dcm")), ids=lambda p: p.name)
def test_names_of_the_character_sets_pydicom_ships_are_what_pydicom_reads(path):
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    if "PatientName" not in dataset:
        pytest.skip("no name")
    headers = Headers.from_datasets([pydicom.dcmread(path, stop_before_pixels=True)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            expected = str(dataset.PatientName)
        except UserWarning as warning:
            pytest.skip(f"pydicom warns: {warning}")
    assert quietly(lambda: str(headers["PatientName"][0])) == expected


def test_terms_of_the_standard_are_known():
    for term in ("ISO_IR 100", "ISO_IR 13", "ISO_IR 166", "ISO_IR 203", "ISO 2022 IR 149", "ISO 2022 IR 58", "GBK"):
        found = character_set_of(term.encode())
        assert (found.terms, found.reason) == ((term,), "")
