"""Headers parsed by slicewise are those pydicom parses, whatever is in the file; a broken file gives a clear error."""

from __future__ import annotations

import contextlib
import struct
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from makers import SHIPPED_FILES
from slicewise.dicom.header_parser import HeaderParser, assemble
from slicewise.errors import NotDicomError, ReadError, SlicewiseError, SlicewiseWarning, TruncatedError
from slicewise.io.header_files import read_headers
from strategies import dataset_series

PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}

SHIPPED = sorted([*SHIPPED_FILES.glob("*.dcm"), *SHIPPED_FILES.parent.glob("charset_files/*.dcm")])


def read_one(path):
    (file,) = read_headers([Path(path)], strict=True)
    return file


def by_pydicom(path):
    """Return pydicom's dataset up to the pixels, or the error it ends with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True, stop_before_pixels=True)


def header_of(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return assemble([file.header])[0]


def is_refused_by_pydicom(path):
    """Whether pydicom takes the file only if it is forced to."""
    try:
        pydicom.dcmread(path, stop_before_pixels=True)
    except pydicom.errors.InvalidDicomError:
        return True
    return False


def decoded_without_complaint(dataset, tag):
    """Return the element that pydicom decodes; None if it fails, or warns of the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return dataset[tag]
        except Exception:  # noqa: BLE001 - any error of pydicom
            return None


def assert_same_header(found, expected, *, padded=False):
    """Compare headers element by element; if padded, binary values of odd length have a null byte more.

    What pydicom fails at, or warns of, has only to be there.
    """
    tags = sorted(expected.keys())
    assert sorted(found.keys()) == tags
    for tag in tags:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found_element = found[tag]
            element = decoded_without_complaint(expected, tag)
            if element is None:
                continue
            vr, found_vr = element.VR, found_element.VR
            if {str(found_vr), str(vr)} == {"SQ", "UN"} and not found_element.value and not element.value:
                continue  # a private sequence without items: in implicit VR nothing tells that it is one
            assert found_vr == vr, tag
            if vr == "SQ":
                assert len(found_element.value) == len(element.value), tag
                for one, other in zip(found_element.value, element.value, strict=True):
                    assert_same_header(one, other, padded=padded)
            elif padded and element is not None and isinstance(element.value, bytes) and len(element.value) % 2:
                assert found_element.value == element.value + b"\0"
            else:
                assert _plain(found_element) == _plain(element), tag


def _plain(element):
    # NaN is equal to itself here, and nothing to nothing.
    return None if element is None else repr(None if element.value == b"" else element.value)


# --- equality with pydicom, file by file ----------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_header_of_each_file_pydicom_ships_is_what_pydicom_reads(path):
    try:
        file = read_one(path)
    except TruncatedError:
        # Pixels that end too early are found when the header is read; pydicom finds them when it decodes them.
        assert "truncated" in path.name
        pytest.skip("truncated, and said so")
    except NotDicomError:
        assert is_refused_by_pydicom(path)
        pytest.skip("no DICOM file for pydicom either")
    assert_same_header(header_of(file), by_pydicom(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_transfer_syntax_and_place_of_the_pixels_are_what_pydicom_finds(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            whole = pydicom.dcmread(path, force=True)
        except Exception as error:  # noqa: BLE001
            pytest.skip(str(error))
    try:
        file = read_one(path)
    except (NotDicomError, TruncatedError):
        pytest.skip("refused")
    pixels = [t for t in whole.keys() if t in PIXELS]  # noqa: SIM118
    assert file.has_pixels == bool(pixels)
    stated = whole.file_meta.get("TransferSyntaxUID")
    if stated is not None:
        assert file.syntax_uid == stated
    if not pixels or file.syntax_uid == pydicom.uid.DeflatedExplicitVRLittleEndian:
        return
    value = whole.get_item(pixels[0]).value
    assert file.is_encapsulated == bool(stated is not None and stated.is_encapsulated)
    start = file.header.pixels.value_start
    here = path.read_bytes()[start : start + 64]
    assert here == (value if isinstance(value, bytes) else b"")[:64]


def test_one_parser_reads_all_shipped_files_in_sequence_as_pydicom_does():
    found = []
    for path in SHIPPED + SHIPPED[::-1]:
        with contextlib.suppress(SlicewiseError):
            read_one(path)
            found.append(path)
    files = read_headers(found, strict=True)
    for path, file in zip(found, files, strict=True):
        with contextlib.suppress(NotImplementedError):
            assert_same_header(header_of(file), by_pydicom(path))


CASES = [
    "ct-ge-liver-41", "pet-ge-wholebody-267", "multimodal-sts-001", "mr-canon-adc-36", "compressed-series",
    "mr-hitachi-japanese", "signed-12bit", "big-endian", "charsets", "ct-ge-tilt", "deflate", "malformed",
    "mr-siemens-multiecho", "mr-siemens-time-formats", "mr-uih-dti", "us-multiframe-fragments", "seg-highdicom",
]  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_headers_of_a_real_folder_are_what_pydicom_reads(data, case):
    folder = data(case)
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "DICOMDIR")
    usable = []
    for path in paths:
        with contextlib.suppress(SlicewiseError):
            read_one(path)
            usable.append(path)
    if not usable:
        pytest.skip("no DICOM instance there")
    files = read_headers(usable, strict=True)
    headers = assemble([file.header for file in files])
    step = max(1, len(usable) // 24)
    for k in range(0, len(usable), step):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = headers[k]
        assert_same_header(found, by_pydicom(usable[k]))


# --- series made by hypothesis: the fast path -----------------------------------------------------------

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def encoded(dataset, syntax, *, pixels=True):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.ImplementationClassUID = "1.2.3"
    buffer = DicomBytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    pydicom.filewriter.write_file_meta_info(buffer, meta)
    buffer.is_little_endian, buffer.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
    write_dataset(buffer, dataset, dataset.get("SpecificCharacterSet", "iso8859") or "iso8859")
    order = "<" if syntax.is_little_endian else ">"
    head = struct.pack(order + "HH", 0x7FE0, 0x0010) + (b"" if syntax.is_implicit_VR else b"OW\0\0")
    tail = head + struct.pack(order + "L", 4) + b"\1\2\3\4" if pixels else b""
    return buffer.getvalue() + tail


def assert_series_parses(blobs):
    parser = HeaderParser()
    parsed = [parser.parse(blob, complete=True) for blob in blobs]
    headers = assemble(parsed)
    for k, blob in enumerate(blobs):
        expected = by_pydicom(DicomBytesIO(blob))
        assert_same_header(headers[k], expected)
        assert_same_header(assemble([parsed[k]])[0], expected)


@given(
    series=dataset_series(max_slices=4),
    syntax=st.sampled_from(SYNTAXES),
    pixels=st.booleans(),
    order=st.lists(st.integers(0, 3), min_size=4, max_size=9),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_series_parsed_in_sequence_is_what_pydicom_reads(series, syntax, pixels, order):
    blobs = [encoded(dataset, syntax, pixels=pixels) for dataset in series]
    # Files come again, so that what was learnt is used.
    assert_series_parses(blobs + [blobs[i % len(blobs)] for i in order])


def variants(syntax):
    """Return files of one layout, whose elements change value, length, and the way their length is stated."""

    def make(text, undefined, number, private_vr):
        item = Dataset()
        item.StudyID = text
        dataset = Dataset()
        dataset.PatientID = text
        dataset.RequestAttributesSequence = Items([item] * (1 + number % 2))
        dataset["RequestAttributesSequence"].is_undefined_length = undefined
        block = dataset.private_block(0x0021, "ME", create=True)
        block.add_new(1, "SQ", Items([item]))
        dataset[0x00211001].is_undefined_length = undefined
        block.add_new(2, private_vr, text.encode() if private_vr in ("UN", "OB") else text)
        dataset.InstanceNumber = number
        return encoded(dataset, syntax)

    return [
        make(text, undefined, number, vr)
        for text in ("a", "longer text", "")
        for undefined in (False, True)
        for number in (7, 12345)
        for vr in ("LO", "UN")
    ]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=["explicit", "implicit", "big endian"])
@given(order=st.lists(st.integers(0, 23), min_size=3, max_size=12))
@settings(max_examples=40, deadline=None)
def test_values_of_any_length_and_sequences_of_either_kind_parse_in_any_order(syntax, order):
    blobs = variants(syntax)
    assert_series_parses([blobs[i] for i in order])


def explicit(tag, vr, value, *, undefined=False):
    """Return an element as encoded, with its length stated or not."""
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in (b"SQ", b"UN", b"OB", b"OW", b"UT"):
        return head + struct.pack("<HL", 0, 0xFFFFFFFF if undefined else len(value)) + value
    return head + struct.pack("<H", len(value)) + value


ITEM_IMPLICIT = b"\xfe\xff\x00\xe0" + struct.pack("<L", 12) + struct.pack("<HHL", 0x0020, 0x0010, 4) + b"ABCD"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def test_unknown_element_of_defined_and_undefined_length_is_told_apart_after_it_was_learnt():
    def blob(value, *, undefined):
        private = explicit(0x00211001, b"UN", value + SEQUENCE_END if undefined else value, undefined=undefined)
        content = explicit(0x00100020, b"LO", b"ID") + explicit(0x00210010, b"LO", b"ME") + private
        empty = Dataset()
        return encoded(empty, ExplicitVRLittleEndian, pixels=False) + content

    plain, other, items = (
        blob(b"abcd", undefined=False),
        blob(b"efgh", undefined=False),
        blob(ITEM_IMPLICIT, undefined=True),
    )
    assert_series_parses([plain, other, items, plain])
    assert_series_parses([items, blob(ITEM_IMPLICIT * 2, undefined=True), other, items])


def test_sequence_of_implicit_syntax_of_defined_and_undefined_length_is_told_apart_after_it_was_learnt():
    blobs = variants(ImplicitVRLittleEndian)
    defined, undefined = blobs[0], blobs[4]
    assert defined != undefined
    assert len(undefined) > len(defined)
    for series in ([defined, blobs[8], undefined, defined], [undefined, blobs[12], defined, undefined]):
        assert_series_parses(series)


def test_headers_are_the_same_however_much_of_the_file_is_read_at_first(tmp_path):
    dataset = Dataset()
    dataset.PatientID = "A"
    dataset.private_block(0x29, "ME", create=True).add_new(0x10, "OB", bytes(range(256)) * 800)  # over 200 kB
    paths = []
    for k in range(3):
        dataset.InstanceNumber = k
        path = tmp_path / f"{k}.dcm"
        path.write_bytes(encoded(dataset, ExplicitVRLittleEndian))
        paths.append(path)
    for path, file in zip(paths, read_headers(paths, strict=True), strict=True):
        assert_same_header(assemble([file.header])[0], by_pydicom(path))


def test_group_of_the_pixels_is_no_part_of_the_header():
    table = struct.pack("<HH2sHL", 0x7FE0, 0x0001, b"OV", 0, 8) + bytes(8)
    blob = encoded(Dataset({}), ExplicitVRLittleEndian, pixels=False)
    blob += explicit(0x00100020, b"LO", b"ID") + table
    blob += struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 4) + b"\1\2\3\4"
    headers = assemble([HeaderParser().parse(blob, complete=True)])
    # A table of offsets into pixels that are decoded and written anew must not go on.
    assert [e.keyword for e in headers[0]] == ["PatientID"]


# --- broken files ---------------------------------------------------------------------------------------


def test_file_that_is_not_dicom_is_an_error_in_a_list_and_passed_over_with_a_warning_in_a_folder(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a header " * 40)
    with pytest.raises(NotDicomError, match=r"notes\.txt.*DICM"):
        read_headers([path], strict=True)
    with pytest.warns(SlicewiseWarning, match=r"1 file passed over as not DICOM: notes\.txt"):
        assert read_headers([path], strict=False) == []


@pytest.mark.parametrize("content", [b"", b"\0", b"\0" * 132, b"\0" * 128 + b"DIC"])
def test_empty_and_tiny_files_are_not_dicom(tmp_path, content):
    path = tmp_path / "tiny.dcm"
    path.write_bytes(content)
    with pytest.raises(NotDicomError, match=r"tiny\.dcm"):
        read_headers([path], strict=True)


def test_truncated_header_says_how_many_bytes_are_wanted(tmp_path):
    whole = (SHIPPED_FILES / "CT_small.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    start = read_one(SHIPPED_FILES / "CT_small.dcm").header.pixels.start
    path.write_bytes(whole[: start - 2])
    with pytest.raises(TruncatedError, match=rf"cut\.dcm.*bytes are wanted and the file has {start - 2}"):
        read_headers([path], strict=True)


def test_truncated_pixels_are_found_with_the_header(tmp_path):
    whole = (SHIPPED_FILES / "CT_small.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[:-2000])
    with pytest.raises(TruncatedError, match=r"cut\.dcm: the pixels end too early"):
        read_headers([path], strict=True)


def test_sequences_nested_without_end_are_an_error_of_the_file(tmp_path):
    level = explicit(0x0040A730, b"SQ", b"", undefined=True) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path = tmp_path / "deep.dcm"
    path.write_bytes(encoded(Dataset(), ExplicitVRLittleEndian, pixels=False) + level * 5000)
    with pytest.raises(ReadError, match=r"deep\.dcm"):
        read_headers([path], strict=True)


def mutations(rng, whole, count):
    """Yield files with bytes flipped, set to extremes, cut out, put in, or missing at the end."""
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(0, max(1, min(len(data) - 1, 9000))))
            kind = rng.integers(0, 6)
            if kind == 0:
                data[at : at + 1] = bytes([(data[at] if len(data) > at else 0) ^ 1 << int(rng.integers(0, 8))])
            elif kind == 1:
                data[at : at + 1] = bytes([int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))])
            elif kind == 2:
                data[at : at + 4] = b"\xff\xff\xff\xff"
            elif kind == 3:
                del data[at : at + int(rng.integers(1, 12))]
            elif kind == 4:
                data[at:at] = rng.bytes(int(rng.integers(1, 12)))
            else:
                del data[at:]
        yield bytes(data)


FUZZED = [
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "nested_priv_SQ.dcm",
    "UN_sequence.dcm",
    "JPEG2000.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("name", FUZZED)
def test_mutated_file_is_read_or_refused_and_nothing_else(tmp_path, name):
    source = SHIPPED_FILES / name
    rng = np.random.default_rng(20260301)
    path, sane = tmp_path / "mutated.dcm", tmp_path / "sane.dcm"
    sane.write_bytes(source.read_bytes())
    refused = 0
    for data in mutations(rng, source.read_bytes(), 500):
        path.write_bytes(data)
        try:
            # The sane ones before and after teach the parser, and must not be harmed by the other.
            files = read_headers([sane, path, sane], strict=True)
        except SlicewiseError as error:
            refused += 1
            assert "mutated.dcm" in str(error)  # noqa: PT017
        except Exception as error:  # noqa: BLE001
            pytest.fail(f"{type(error).__name__}: {error} on {data[:400]!r}")
        else:
            first, last = (assemble([file.header]) for file in (files[0], files[2]))
            assert first == last
    assert 0 < refused < 500


@pytest.mark.parametrize("name", ["MR_small_implicit.dcm", "CT_small.dcm"])
def test_file_cut_anywhere_in_its_header_is_refused(tmp_path, name):
    whole = (SHIPPED_FILES / name).read_bytes()
    elements = pydicom.dcmread(SHIPPED_FILES / name)
    (start,) = (read_one(SHIPPED_FILES / name).header.pixels.start,)
    path = tmp_path / "cut.dcm"
    passed = []
    for stop in range(140, start, 3):
        path.write_bytes(whole[:stop])
        try:
            file = read_one(path)
        except SlicewiseError as error:
            assert "cut.dcm" in str(error)  # noqa: PT017
        else:
            passed.append(stop)
            assert not file.has_pixels
    # Only where the cut falls between two elements the rest is a header, if a short one.
    assert len(passed) < 4 * len(elements)
