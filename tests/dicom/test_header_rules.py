"""What becomes of each attribute is what the header rules say, told by an oracle of their own words."""

from __future__ import annotations

from collections import defaultdict

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from rule_specification import MARKS

from slicewise.dicom.rule_table import ROWS
from slicewise.dicom.rules import propagate
from slicewise.errors import PatientMismatchError
from slicewise.image import Action, Geometry, Headers, Operation, RawElement, SliceMap
from slicewise.image.elements import tag_of

P, L, G, S, J, M = (
    Operation.PIXEL,
    Operation.LATTICE,
    Operation.GEOMETRY,
    Operation.SUBSET,
    Operation.PROJECTION,
    Operation.MULTI,
)
SLICES = 4
BOX = Geometry.from_box((5, 6, SLICES), (0.5, 0.75, 3.0), (1.0, 2.0, 3.0))


@attrs.frozen
class Case:
    """An operation as a node would describe it."""

    operation: Operation
    maps: tuple
    after: Geometry
    inputs: int = 1

    @property
    def slices(self):
        return self.after.slices


def oblique(geometry):
    angle = np.radians(30)
    return attrs.evolve(geometry, column_direction=(0, np.cos(angle), np.sin(angle)))


CASES = {
    "P": Case(P, (SliceMap.identity(SLICES),), BOX),
    "L": Case(L, (SliceMap.identity(SLICES),), BOX.crop_plane(range(1, 6), range(1, 4))),
    "L flip": Case(L, (SliceMap.identity(SLICES),), BOX.crop_plane(range(5, -1, -1), range(5))),
    "G": Case(
        G,
        (SliceMap((0, None, None), ((0, 1), (1, 2), (2, 3))),),
        Geometry.from_box((9, 9, 3), (0.4, 0.4, 4.0), (1.0, 2.0, 3.0)),
    ),
    "G oblique": Case(G, (SliceMap((None, None), ((0, 1, 2, 3), (0, 1, 2, 3))),), oblique(BOX.take([0, 1]))),
    "S": Case(S, (SliceMap.of([2, 0]),), BOX.take([2, 0])),
    "J": Case(J, (SliceMap((None,), ((0, 1, 2, 3),)),), BOX.take([1])),
    "M": Case(M, (SliceMap.identity(SLICES), SliceMap.identity(SLICES)), BOX, 2),
}


def value_for(tag, k):
    """Return an encoded value that fits the VR, another one for each k."""
    vr = dictionary_VR(tag)
    if vr in ("DS", "IS"):
        return f"{k + 1}\\{k + 2}\\{k + 3}\\{k + 4}\\{k + 5}\\{k + 6}"[
            : {0x00200032: 5, 0x00200037: 11, 0x00280030: 3}.get(tag, 1)
        ].encode()
    if vr == "SQ":
        return b"\xfe\xff\x00\xe0\x0a\0\0\0\x08\0\x50\x11UI\2\0" + f"1{k}"[-2:].encode()
    return f"V{k}".encode()


def headers(keyword, values):
    """Return headers in which one attribute has an encoded value on each slice; None for none."""
    tag = tag_of(keyword)
    vr = dictionary_VR(tag).split(" ")[0]
    return Headers(len(values), {tag: tuple(None if v is None else RawElement(tag, vr, v) for v in values)})


def run(case, inputs, **options):
    return propagate(inputs, case.maps, [case.operation], before=BOX, after=case.after, **options)


def found_values(result, tag):
    return [None if (e := result.headers.element(tag, k)) is None else e.value for k in range(len(result.headers))]


# --- the oracle: the specification in its own words -------------------------------------------------------


def expected_values(mark, case, per_input):
    """Return the values the mark gives, by its meaning in words."""
    expected = []
    for k in range(case.slices):
        contributing = [per_input[n][i] for n in range(case.inputs) for i in case.maps[n].support[k]]
        own = [per_input[0][i] for i in case.maps[0].support[k]]
        match = case.maps[0].match[k]
        agreed = contributing[0] if all(v == contributing[0] for v in contributing) else None
        own_agreed = own[0] if all(v == own[0] for v in own) else None
        if mark == "X":
            expected.append(None)
        elif mark in ("K", "primary", "units"):
            expected.append(per_input[0][match] if match is not None else own_agreed)
        elif mark == "worst":
            grave = [v for v in contributing if v in (b"YES", b"01")]
            expected.append(grave[0] if grave else next((v for v in contributing if v is not None), None))
        else:
            expected.append(agreed)
    return expected


def per_slice_patterns(tag):
    """Yield values over the slices: all the same, all different, some the same, missing on some."""
    one, two, three, four = (value_for(tag, k) for k in range(4))
    yield [one] * 4
    yield [one, two, three, four]
    yield [one, one, two, two]
    yield [one, None, one, None]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("keyword", MARKS)
def test_attribute_becomes_what_the_specification_says(keyword, name):
    case, tag = CASES[name], tag_of(keyword)
    mark = MARKS[keyword][name[0]]
    if mark == "turned":
        mark = "K1" if name == "G" else "X"
    grave = [b"YES", b"NO ", b"NO ", b"NO "] if mark == "worst" else None
    for values in [*per_slice_patterns(tag), *([grave] if grave else [])]:
        others = [values, [values[0]] * 4, list(reversed(values))] if case.inputs == 2 else [None]
        for other in others:
            per_input = [values, other][: case.inputs]
            inputs = [headers(keyword, v) for v in per_input]
            result = run(case, inputs)
            assert found_values(result, tag) == expected_values(mark, case, per_input), (values, other)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("keyword", [k for k, marks in MARKS.items() if "units" in marks.values()])
def test_attribute_in_units_is_dropped_when_the_units_change(keyword, name):
    case = CASES[name]
    same = [headers(keyword, [value_for(tag_of(keyword), 0)] * SLICES)] * case.inputs
    result = run(case, same, keeps_units=False)
    assert keyword not in result.headers
    (change,) = result.changes
    assert change.action is Action.DROPPED
    assert change.reason


@pytest.mark.parametrize("name", CASES)
def test_no_row_of_the_table_forgets_a_class_or_loses_a_value_without_saying_so(name):
    case = CASES[name]
    for row in ROWS:
        assert len(row.marks.split()) == 6
        for keyword in row.keywords.split():
            if keyword == "PatientID" and case.inputs > 1:
                continue  # several patients are an error there
            tag = tag_of(keyword)
            for values in per_slice_patterns(tag):
                result = run(case, [headers(keyword, values)] * case.inputs)
                changes = {c.tag: c for c in result.changes}
                kept = found_values(result, tag)
                wanted = expected_values("K", case, [values] * case.inputs)
                lost = [
                    k
                    for k, v in enumerate(kept)
                    if v is None
                    and any(values[i] is not None for i in case.maps[0].support[k])
                    and wanted[k] is not None
                ]
                if lost:
                    assert changes[tag].action is Action.DROPPED, (keyword, values)
                    assert changes[tag].slices is None or set(lost) <= set(changes[tag].slices)
                if tag in changes:
                    assert changes[tag].reason, keyword


def test_each_attribute_stands_in_one_row_only():
    count = defaultdict(int)
    for row in ROWS:
        for keyword in row.keywords.split():
            count[keyword] += 1
    assert [k for k, n in count.items() if n > 1] == []


# --- the grid ---------------------------------------------------------------------------------------------


def grid_headers(geometry=BOX, **more):
    datasets = []
    for k in range(geometry.slices):
        dataset = Dataset()
        dataset.ImagePositionPatient = [f"{v:.3f}" for v in geometry.positions[k]]
        dataset.ImageOrientationPatient = [*geometry.row_direction, *geometry.column_direction]
        dataset.PixelSpacing = ["0.750", "0.500"]
        dataset.SliceThickness = "5.00"
        dataset.SliceLocation = f"{-100 - k:.2f}"
        for keyword, value in more.items():
            setattr(dataset, keyword, value)
        datasets.append(dataset)
    return Headers.from_datasets(datasets)


@pytest.mark.parametrize("name", [n for n in CASES if n != "M"])
def test_position_orientation_and_spacing_say_where_the_output_slice_is(name):
    case = CASES[name]
    result = run(case, [grid_headers()])
    for k in range(case.slices):
        header = result.headers[k]
        assert np.allclose([float(v) for v in header.ImagePositionPatient], case.after.positions[k], atol=1e-9)
        assert np.allclose(header.ImageOrientationPatient[:3], case.after.row_direction)
        assert np.allclose(header.ImageOrientationPatient[3:], case.after.column_direction, atol=1e-9)
        assert np.allclose(header.PixelSpacing, case.after.pixel_spacing)


def test_untouched_positions_keep_the_digits_of_the_source():
    for name in ("P", "S"):
        case = CASES[name]
        result = run(case, [grid_headers()])
        for k, source in enumerate(case.maps[0].match):
            for keyword in ("ImagePositionPatient", "PixelSpacing", "SliceThickness", "SliceLocation"):
                tag = tag_of(keyword)
                assert result.headers.element(tag, k).value == grid_headers().element(tag, source).value


def test_slices_at_another_distance_take_its_thickness_and_count_from_where_the_scanner_does():
    source = grid_headers().replace(SliceLocation=[-100, -97, -94, -91])  # 103 mm below the z of the position
    result = run(CASES["G"], [source])
    assert result.headers["SliceThickness"] == [4, 4, 4]
    assert result.headers["SliceLocation"] == [-100, -96, -92]


def test_slice_location_of_an_oblique_stack_is_its_distance_along_the_normal():
    case = CASES["G oblique"]
    result = run(case, [grid_headers()])
    normal = case.after.normal
    for location, position in zip(result.headers["SliceLocation"], case.after.positions, strict=True):
        assert float(location) == pytest.approx(float(position @ normal), abs=1e-6)


def test_spacing_between_slices_follows_the_slices_taken_and_is_dropped_where_they_are_uneven():
    source = grid_headers(SpacingBetweenSlices="3")
    every_other = Case(S, (SliceMap.of([0, 2]),), BOX.take([0, 2]))
    assert run(every_other, [source]).headers["SpacingBetweenSlices"] == [6, 6]
    uneven = Case(S, (SliceMap.of([0, 1, 3]),), BOX.take([0, 1, 3]))
    result = run(uneven, [source])
    assert "SpacingBetweenSlices" not in result.headers
    assert any(c.tag == tag_of("SpacingBetweenSlices") and "evenly" in c.reason for c in result.changes)
    assert "SpacingBetweenSlices" not in run(every_other, [grid_headers()]).headers


def test_attributes_the_source_has_not_are_not_made_up():
    result = run(CASES["G"], [headers("PatientID", [b"A "] * SLICES)])
    assert [e.keyword for e in result.headers[0]] == ["PatientID"]


@pytest.mark.parametrize(("step", "kept"), [(1, True), (-1, False)])
def test_patient_orientation_survives_a_crop_and_not_a_flip(step, kept):
    rows = range(6) if step == 1 else range(5, -1, -1)
    case = Case(L, (SliceMap.identity(SLICES),), BOX.crop_plane(rows, range(1, 4)))
    result = run(case, [headers("PatientOrientation", [b"L\\P "] * SLICES)])
    assert ("PatientOrientation" in result.headers) is kept


def test_phase_encoding_survives_a_flip_and_not_another_plane():
    source = headers("InPlanePhaseEncodingDirection", [b"ROW "] * SLICES)
    assert "InPlanePhaseEncodingDirection" in run(CASES["L flip"], [source]).headers
    assert "InPlanePhaseEncodingDirection" not in run(CASES["G oblique"], [source]).headers


# --- private ------------------------------------------------------------------------------------------------


def private(creator, *, vary=False):
    datasets = []
    for k in range(SLICES):
        dataset = Dataset()
        block = dataset.private_block(0x0029, creator, create=True)
        block.add_new(0x10, "UN", b"\x01\xff" + bytes([k if vary else 0, 0]))
        datasets.append(dataset)
    return Headers.from_datasets(datasets)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("creator", ["SOMEBODY 1.0", "SIEMENS CSA HEADER"])
def test_private_block_is_kept_whole_or_dropped_whole_and_withheld(name, creator):
    case = CASES[name]
    result = run(case, [private(creator)] * case.inputs)
    kept = name[0] in ("PLS" if creator == "SOMEBODY 1.0" else "PS")
    assert ((0x29, 0x10) in result.headers) is kept
    assert ((0x29, 0x1010) in result.headers) is kept
    for place in (result.headers if kept else result.withheld,):
        assert place[0x29, 0x1010] == [b"\x01\xff\x00\x00"] * case.slices
        assert place[0x29, 0x10] == [creator] * case.slices
    if not kept:
        assert {c.tag for c in result.changes if c.action is Action.DROPPED} == {0x00290010, 0x00291010}
        assert all("private" in c.reason for c in result.changes)


def test_private_values_of_each_slice_go_with_it():
    result = run(CASES["S"], [private("SOMEBODY 1.0", vary=True)])
    assert result.headers[0x29, 0x1010] == [b"\x01\xff\x02\x00", b"\x01\xff\x00\x00"]


def test_private_block_withheld_before_follows_the_slices():
    dropped = run(CASES["G"], [private("SOMEBODY 1.0")])
    again = propagate(
        [dropped.headers],
        [SliceMap.of([2])],
        [S],
        before=CASES["G"].after,
        after=CASES["G"].after.take([2]),
        withheld=dropped.withheld,
    )
    assert again.withheld[0x29, 0x1010] == [b"\x01\xff\x00\x00"]


@pytest.mark.parametrize(("tag", "kept"), [(0x60000010, "PS"), (0x60020010, "PS"), (0x50000005, "PS")])
def test_overlays_and_curves_are_kept_on_their_own_grid_only(tag, kept):
    for name, case in CASES.items():
        given_headers = Headers(SLICES, {tag: RawElement(tag, "US", b"\x05\x00")})
        result = run(case, [given_headers] * case.inputs)
        assert (tag in result.headers.columns()) is (name[0] in kept), name


# --- several classes and inputs -----------------------------------------------------------------------------


@given(
    operations=st.lists(st.sampled_from([P, L, S]), min_size=1, max_size=3, unique=True),
    keyword=st.sampled_from(sorted(MARKS)),
)
@settings(max_examples=60, deadline=None)
def test_node_of_several_classes_follows_the_strictest(operations, keyword):
    tag = tag_of(keyword)
    letters = {P: "P", L: "L", S: "S"}
    source = headers(keyword, [value_for(tag, 0)] * SLICES)
    result = propagate([source], [SliceMap.identity(SLICES)], operations, before=BOX, after=BOX)
    dropped = any(MARKS[keyword][letters[o]] == "X" for o in operations)
    assert (keyword in result.headers) is not dropped


def test_images_of_two_patients_are_refused_with_both_named():
    first, second = (headers("PatientID", [v] * SLICES) for v in (b"ONE ", b"TWO "))
    with pytest.raises(PatientMismatchError, match="'ONE', 'TWO'"):
        run(CASES["M"], [first, second])


def test_two_patients_within_one_input_are_refused_as_well():
    first = headers("PatientID", [b"ONE "] * SLICES)
    second = headers("PatientID", [b"ONE ", b"TWO ", b"TWO ", b"TWO "])
    with pytest.raises(PatientMismatchError, match="'ONE', 'TWO'"):
        run(CASES["M"], [first, second])


def test_input_without_a_patient_is_nobody_else():
    first, second = headers("PatientID", [b"ONE "] * SLICES), Headers(SLICES)
    assert run(CASES["M"], [first, second]).headers["PatientID"] == ["ONE"] * SLICES


def test_mixed_classes_of_image_are_not_passed_off_as_the_first():
    first, second = (
        headers("SOPClassUID", [v] * SLICES) for v in (b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.128\0")
    )
    result = run(CASES["M"], [first, second])
    # K1: kept only if all inputs agree.
    assert "SOPClassUID" not in result.headers


def test_reasons_name_the_slices_concerned():
    result = run(CASES["G"], [headers("KVP", [b"80", b"90", b"90", b"90"])])
    (change,) = result.changes
    assert change.tag == tag_of("KVP")
    assert change.slices == (0,)
    assert "differ" in change.reason
    assert result.headers["KVP"] == [None, 90, 90]


def test_inputs_are_left_as_they_are():
    source = grid_headers()
    before = source.columns()
    run(CASES["G"], [source])
    assert source.columns() == before
