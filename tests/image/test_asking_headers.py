"""Whatever is in a header can be asked for: at the top, in items, private ones by creator, or wherever it is."""

from __future__ import annotations

import struct

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from makers import SHIPPED_FILES
from slicewise.errors import HeaderError, UnknownAttributeError
from slicewise.image import Headers, PerSlice, RawElement

pandas = pytest.importorskip("pandas")

DOSE = "RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"
SIEMENS = (0x0019, "SIEMENS MR HEADER", 0x0C)


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def series(*datasets):
    return Headers.from_datasets(datasets)


@pytest.fixture
def pet():
    def header(k, doses):
        code = item(CodeValue="C-111A1", CodeMeaning="F-18")
        return item(
            PatientID="A",
            InstanceNumber=k,
            CodeValue="top",
            RadiopharmaceuticalInformationSequence=Items(
                [item(RadionuclideTotalDose=d, RadionuclideCodeSequence=[code]) for d in doses]
            ),
        )

    return series(header(1, [1.5e8]), header(2, [1e8, 2e8]), header(3, []))


def test_nested_attribute_is_asked_for_by_its_path(pet):
    assert pet[DOSE] == [1.5e8, [1e8, 2e8], None]
    assert pet["RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose"] == [1.5e8, 1e8, None]
    assert pet["RadiopharmaceuticalInformationSequence[1].RadionuclideTotalDose"] == [None, 2e8, None]
    assert pet["RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence.CodeMeaning"] == [
        "F-18",
        "F-18",
        None,
    ]
    assert pet["(0054,0016)[0].(0018,1074)"] == [1.5e8, 1e8, None]


def test_item_is_asked_for_by_its_number(pet):
    first, _, none = pet["RadiopharmaceuticalInformationSequence[0]"]
    assert first.RadionuclideTotalDose == 1.5e8
    assert none is None


def test_nested_attribute_is_not_taken_for_one_of_the_top_level(pet):
    assert pet["RadionuclideTotalDose"] == [None] * 3
    assert "RadionuclideTotalDose" not in pet
    assert DOSE in pet
    assert "RadiopharmaceuticalInformationSequence[1]" in pet
    assert "RadiopharmaceuticalInformationSequence[2]" not in pet


def test_find_tells_each_value_and_where_it_stands(pet):
    found = pet.find("CodeValue")
    assert [(f.path, f.value) for f in found[0]] == [
        ("CodeValue", "top"),
        ("RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence[0].CodeValue", "C-111A1"),
    ]
    assert [len(f) for f in found] == [2, 3, 1]
    for k, values in enumerate(found):
        for path, value in values:
            assert pet[path][k] == value


def test_find_of_what_is_nowhere_is_empty(pet):
    assert pet.find("SliceThickness") == [[], [], []]
    with pytest.raises(HeaderError, match="a path is asked for by headers"):
        pet.find(DOSE)


@pytest.mark.parametrize("name", ["MR_small.dcm", "rtplan.dcm", "MR_small_bigendian.dcm", "nested_priv_SQ.dcm"])
def test_find_finds_what_pydicom_walks_over(name):
    dataset = pydicom.dcmread(SHIPPED_FILES / name, stop_before_pixels=True)
    headers = series(pydicom.dcmread(SHIPPED_FILES / name, stop_before_pixels=True))
    walked = [e for e in dataset.iterall() if e.VR != "SQ" and e.tag.group >= 8]
    for tag in {e.tag for e in walked}:
        found = headers.find((tag.group, tag.element))[0]
        assert sorted(repr(f.value) for f in found) == sorted(repr(e.value) for e in walked if e.tag == tag)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("SliceLocatoin", "did you mean 'SliceLocation'"),
        ("patientname", "did you mean 'PatientName'"),
        ("Nothing Of That Kind", r"headers.find\('CodeValue'\)"),
        ("RadiopharmaceuticalInformationSequence.RadionuclideTotalDosis", "did you mean 'RadionuclideTotalDose'"),
    ],
)
def test_unknown_name_is_an_error_that_helps(pet, key, near):
    with pytest.raises(UnknownAttributeError, match=near):
        pet[key]


@pytest.mark.parametrize("key", ["PatientID.CodeValue", "PatientID[0]"])
def test_path_into_what_is_no_sequence_is_an_error(pet, key):
    with pytest.raises(HeaderError, match="PatientID is no sequence"):
        pet[key]


@pytest.mark.parametrize("key", ["A[x]", "[0]", "PatientID..CodeValue", "PatientID["])
def test_text_that_is_no_path_is_an_error(pet, key):
    with pytest.raises(HeaderError):
        pet[key]


# --- private attributes -----------------------------------------------------------------------------------


def with_block(block, creator, number, vr, value, **attributes):
    dataset = item(PatientID="A", **attributes)
    group = 0x0019
    dataset.add_new(group << 16 | block, "LO", creator)
    dataset.add_new(group << 16 | block << 8 | number, vr, value)
    return dataset


@pytest.fixture
def moved():
    """Give slices on which the same creator has block 10, block 12, and none."""
    other = with_block(0x12, "SIEMENS MR HEADER", 0x0C, "IS", "800")
    other.add_new(0x00190010, "LO", "SOMEBODY ELSE")
    other.add_new(0x0019100C, "IS", "4711")
    return series(with_block(0x10, "SIEMENS MR HEADER", 0x0C, "IS", "0"), other, item(PatientID="A"))


def test_private_attribute_is_asked_for_by_creator_wherever_its_block_is(moved):
    assert moved[SIEMENS] == [0, 800, None]
    assert moved["(0019,SIEMENS MR HEADER,0C)"] == [0, 800, None]
    assert moved[0x0019, "SOMEBODY ELSE", 0x0C] == [None, 4711, None]
    assert SIEMENS in moved
    assert (0x0019, "NOBODY", 0x0C) not in moved
    assert list(moved.table([SIEMENS])["(0019,SIEMENS MR HEADER,0C)"][:2]) == [0, 800]
    assert [[f.value for f in found] for found in moved.find(SIEMENS)] == [[0], [800], []]


def test_private_attribute_in_an_item():
    inner = with_block(0x10, "SIEMENS MR HEADER", 0x0C, "IS", "5")
    headers = series(item(ProcedureCodeSequence=[inner]))
    assert headers["ProcedureCodeSequence.(0019,SIEMENS MR HEADER,0C)"] == [5]
    assert headers.find(SIEMENS) == [[("ProcedureCodeSequence[0].(0019,SIEMENS MR HEADER,0C)", 5)]]


def test_private_attribute_is_replaced_in_the_block_of_its_slice(moved):
    new = moved.replace({SIEMENS: PerSlice([1, 2, 3])})
    assert new[SIEMENS] == [1, 2, 3]
    assert new[0x0019, "SOMEBODY ELSE", 0x0C] == [None, 4711, None]
    assert [h.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value for h in new] == [1, 2, 3]
    assert moved.replace({SIEMENS: None})[SIEMENS] == [None] * 3
    assert moved.replace({SIEMENS: 7})[SIEMENS] == [7, 7, 7]


def test_private_attribute_without_a_known_vr_cannot_be_made(moved):
    with pytest.raises(HeaderError, match="nothing tells the VR"):
        moved.replace({(0x0019, "NOBODY", 0x0C): 1})


def test_paths_and_quantities_cannot_be_replaced(pet):
    with pytest.raises(HeaderError, match="cannot be replaced singly"):
        pet.replace({DOSE: 1})
    with pytest.raises(HeaderError, match="stands for what several attributes state"):
        pet.replace(BValue=1)


@pytest.mark.parametrize("key", [(0x0018, "EVEN", 1), (0x0019, "X", 0x100), (0x0019, "X", -1)])
def test_key_that_can_be_no_private_attribute_is_an_error(pet, key):
    with pytest.raises(UnknownAttributeError, match="is no private attribute"):
        pet[key]


# --- diffusion --------------------------------------------------------------------------------------------


def vendor(group, creator, elements):
    columns = {group << 16 | 0x10: RawElement(group << 16 | 0x10, "LO", creator)}
    for number, vr, value in elements:
        columns[group << 16 | 0x1000 | number] = RawElement(group << 16 | 0x1000 | number, vr, value)
    orientation = RawElement(0x00200037, "DS", b"0\\1\\0\\0\\0\\-1 ")  # sagittal
    return Headers(1, columns | {0x00200037: orientation})


Z = struct.pack("<3d", 0, 0, 1)


@pytest.mark.parametrize(
    ("headers", "b_value", "direction"),
    [
        (vendor(0x0019, b"SIEMENS MR HEADER ", [(0x0C, "IS", b"1000"), (0x0E, "FD", Z)]), 1000, (0, 0, 1)),
        (vendor(0x0019, b"SIEMENS MR HEADER ", [(0x0C, None, b"1000"), (0x0E, None, Z)]), 1000, (0, 0, 1)),
        (vendor(0x0019, b"SIEMENS MR HEADER ", [(0x0C, "UN", b"1000"), (0x0E, "UN", Z)]), 1000, (0, 0, 1)),
        (vendor(0x0043, b"GEMS_PARM_01", [(0x39, "IS", b"1000000700\\8\\0\\0")]), 700, None),
        (vendor(0x0043, b"GEMS_PARM_01", [(0x39, "IS", b"700\\8\\0\\0 ")]), 700, None),
        (vendor(0x2001, b"Philips Imaging DD 001", [(0x03, "FL", struct.pack("<f", 500))]), 500, None),
        (
            vendor(0x0065, b"Image Private Header", [(0x09, "FD", struct.pack("<d", 929.75)), (0x37, "FD", Z)]),
            929.75,
            (-1, 0, 0),  # along the normal of the image
        ),
        (
            vendor(0x0065, b"Image Private Header", [(0x09, "UN", struct.pack("<d", 929.75)), (0x37, "UN", Z)]),
            929.75,
            (-1, 0, 0),
        ),
        (series(item(DiffusionBValue=50.0, DiffusionGradientOrientation=[1, 0, 0])), 50, (1, 0, 0)),
        (
            series(
                item(
                    DiffusionBValue=50.0,
                    DiffusionGradientDirectionSequence=[item(DiffusionGradientOrientation=[1.0, 0.0, 0.0])],
                )
            ),
            50,
            (1, 0, 0),
        ),
        (series(item(PatientID="A")), None, None),
        (vendor(0x0019, b"SOMEBODY ELSE ", [(0x0C, "IS", b"1000")]), None, None),
    ],
)
def test_b_value_and_direction_are_found_wherever_they_are_stated(headers, b_value, direction):
    assert headers["BValue"] == [b_value]
    assert headers["GradientDirection"] == [direction]
    assert ("BValue" in headers) == (b_value is not None)


def test_each_slice_has_the_b_value_it_states():
    headers = series(
        item(DiffusionBValue=50.0), with_block(0x10, "SIEMENS MR HEADER", 0x0C, "IS", "800"), item(PatientID="A")
    )
    assert headers["BValue"] == [50, 800, None]


# --- tables -----------------------------------------------------------------------------------------------


def test_table_has_numbers_where_there_are_numbers_and_readable_lists():
    datasets = [
        item(
            InstanceNumber=k,
            SliceLocation=k * 2.5,
            PixelSpacing=[0.5, 0.75],
            PatientName="A^B",
            SOPInstanceUID=f"1.2.{k + 1}",
            KVP=120 if k else None,
            ProcedureCodeSequence=[item(CodeValue="X")],
        )
        for k in range(3)
    ]
    headers = series(*datasets)
    table = headers.table("all")
    assert table["InstanceNumber"].dtype.kind == "i"
    assert table["SliceLocation"].dtype.kind == "f"
    assert table["KVP"].dtype.kind == "f"
    assert pandas.isna(table["KVP"][0])
    assert table["PixelSpacing"][1] == [0.5, 0.75]
    assert type(table["PixelSpacing"][1][0]) is float
    assert table["PatientName"][0] == "A^B"
    assert table["SOPInstanceUID"].tolist() == ["1.2.1", "1.2.2", "1.2.3"]
    assert table["ProcedureCodeSequence"][0] == "1 item"
    assert headers.table(["ProcedureCodeSequence.CodeValue", (0x0020, 0x1041), "BValue"]).columns.tolist() == [
        "ProcedureCodeSequence.CodeValue",
        "SliceLocation",
        "BValue",
    ]


def test_table_of_what_varies_is_the_default(pet):
    assert pet.table().columns.tolist() == list(pet.varying)


def test_unknown_public_element_of_unknown_vr_has_that_of_the_dictionary():
    headers = Headers(
        1, {0x00280010: RawElement(0x00280010, "UN", b"\x40\0"), 0x00180050: RawElement(0x00180050, "UN", b"2.5 ")}
    )
    assert headers["Rows"] == [64]
    assert headers["SliceThickness"] == [2.5]
