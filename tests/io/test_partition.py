"""The volumes of a series are found from what varies between images at the same place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from slicewise.image import Headers
from slicewise.io.partition import partition


def image(number, height, **attributes):
    """Return the header of an axial image; attributes replace what it has, None leaves them out."""
    values = {
        "SOPInstanceUID": f"1.2.{number + 1}",
        "InstanceNumber": number + 1,
        "Rows": 8,
        "Columns": 6,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, height],
        "PixelSpacing": [1, 1],
        **attributes,
    }
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def parts_of(datasets):
    return partition(Headers.from_datasets(datasets))


DIMENSIONS = {
    "EchoTime": [2.5, 5.0, 7.5],
    "ImageType": [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]],
    "TemporalPositionIdentifier": [1, 2, 3, 4],
    "FlipAngle": [3, 15],
    "DiffusionBValue": [0.0, 500.0, 1000.0],
}


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(sorted(DIMENSIONS)), min_size=0, max_size=3, unique=True),
    slices=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_nested_dimensions_are_found_again_in_shuffled_images(chosen, slices, seed):
    combinations = [{}]
    for keyword in chosen:
        combinations = [{**known, keyword: value} for known in combinations for value in DIMENSIONS[keyword]]
    # What differs from slice to slice, or tells nothing, must mislead nobody.
    images = [
        image(k * slices + z, 2.5 * z, **values, AcquisitionNumber=z, SliceLocation=z, FrameOfReferenceUID=f"1.9.{z}")
        for k, values in enumerate(combinations)
        for z in range(slices)
    ]
    order = np.random.default_rng(seed).permutation(len(images))
    parts = parts_of([images[i] for i in order])
    assert sorted(i for part in parts for i in part.indices) == list(range(len(images)))
    found = {frozenset(int(order[i]) for i in part.indices) for part in parts}
    assert found == {frozenset(range(k * slices, (k + 1) * slices)) for k in range(len(combinations))}
    if chosen:
        assert {name for part in parts for name in part.labels} == set(chosen)


def test_a_whole_stack_is_one_volume_whatever_else_differs():
    images = [image(z, 3.0 * z, AcquisitionNumber=z // 4, EchoTime=1.0 + z, KVP=100 + 20 * (z % 2)) for z in range(12)]
    (part,) = parts_of(images)
    assert (part.name, part.indices) == ("", tuple(range(12)))


def test_where_only_the_clock_tells_volumes_are_in_the_order_of_time():
    times = [f"1200{10 * t + z:02d}.5" for t in range(3) for z in range(4)]
    images = [image(40 - k, k % 4, AcquisitionTime=time) for k, time in enumerate(times)]
    parts = parts_of(images[::-1])
    assert [part.name for part in parts] == ["time 1 of 3", "time 2 of 3", "time 3 of 3"]
    found = [{11 - i for i in part.indices} for part in parts]
    assert found == [{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}]
    assert all(part.axis == ("time",) for part in parts)


def test_without_a_clock_the_instance_number_counts():
    parts = parts_of([image(k, k % 2, InstanceNumber=100 - k) for k in range(6)])
    assert [part.indices for part in parts] == [(4, 5), (2, 3), (0, 1)]


def test_a_scan_broken_off_leaves_a_last_volume_of_fewer_slices():
    images = [image(k, k % 5, TemporalPositionIdentifier=1 + k // 5) for k in range(13)]
    parts = parts_of(images)
    assert [len(part.indices) for part in parts] == [5, 5, 3]


def test_a_few_places_taken_twice_are_no_further_volume():
    images = [image(z, 5.0 * z, AcquisitionTime=f"1000{z:02d}") for z in range(10)]
    (part,) = parts_of([*images, image(10, 15.0, AcquisitionTime="100100")])
    assert len(part.indices) == 11


def test_copies_of_the_same_images_are_no_further_volume():
    images = [image(z, 2.0 * z) for z in range(3)]
    assert [part.indices for part in parts_of([*images, *images])] == [(0, 1, 2, 3, 4, 5)]


def test_copies_stay_with_the_volume_of_their_original():
    images = [image(k, 2.0 * (k % 3), EchoTime=5.0 + k // 3) for k in range(6)]
    parts = parts_of([*images, *images[2:4]])
    assert [(part.name, part.indices) for part in parts] == [
        ("EchoTime 5", (0, 1, 2, 6)),
        ("EchoTime 6", (3, 4, 5, 7)),
    ]


def test_noise_in_the_orientation_makes_no_further_volume():
    images = [image(z, 2.0 * z, ImageOrientationPatient=[1, 0, 1e-5 * z, 0, 1, -1e-5 * z]) for z in range(5)]
    assert len(parts_of(images)) == 1


def test_orientations_and_sizes_are_volumes_of_their_own():
    coronal = [1, 0, 0, 0, 0, -1]
    images = [image(z, 2.0 * z) for z in range(3)]
    images += [image(3 + z, 0, ImageOrientationPatient=coronal, ImagePositionPatient=[0, 4.0 * z, 0]) for z in range(2)]
    images += [image(5, 0, Rows=16)]
    assert [(part.name, part.indices) for part in parts_of(images)] == [
        ("axial 6 x 8", (0, 1, 2)),
        ("coronal", (3, 4)),
        ("axial 6 x 16", (5,)),
    ]


def test_segments_are_apart_even_where_they_do_not_meet():
    images = [image(z, 2.0 * z, ReferencedSegmentNumber=1 + z // 3) for z in range(6)]
    assert [part.name for part in parts_of(images)] == ["ReferencedSegmentNumber 1", "ReferencedSegmentNumber 2"]


def test_images_without_a_plane_stay_together_in_order():
    images = [image(k, 0, ImagePositionPatient=None, ImageOrientationPatient=None) for k in range(4)]
    assert [part.indices for part in parts_of(images)] == [(0, 1, 2, 3)]


def test_private_b_values_are_found_by_their_creator_wherever_its_block_is():
    images = []
    for k in range(6):
        dataset = image(k, 2.0 * (k % 3))
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", 0 if k < 3 else 700)
        images.append(dataset)
    other = images[0].private_block(0x0019, "SIEMENS MR HEADER")
    assert other.block_start == 0x1000
    parts = parts_of(images)
    assert [part.labels["BValue"] for part in parts] == [0.0, 700.0]
    assert [part.axis for part in parts] == [("b-value",)] * 2


@pytest.mark.parametrize("broken", ["1\\2", "x\\y\\z", ""])
def test_a_broken_position_is_an_image_without_a_plane_not_an_error(broken):
    images = [image(z, 2.0 * z) for z in range(3)]
    headers = Headers.from_datasets(images)
    tag = 0x00200032
    column = headers.column(tag)
    headers = headers.with_columns({tag: (column[0]._replace(value=broken.encode()), *column[1:])})
    assert sorted(len(part.indices) for part in partition(headers)) == [1, 2]


# --- what varies, and what that means ---------------------------------------------------------------


def sets_of(datasets):
    return {frozenset(datasets[k].InstanceNumber for k in part.indices) for part in parts_of(datasets)}


def names_of(datasets):
    return [part.name for part in parts_of(datasets)]


_BROKEN_VALUES = {
    "EchoTime": st.sampled_from([None, "", "2", "2.0", "5"]),
    "ImageType": st.sampled_from([None, "", ["ORIGINAL", "PRIMARY"], ["DERIVED", "PRIMARY", "P"]]),
    "AcquisitionTime": st.sampled_from([None, "", "10", "101010.5", "235959"]),
    "TriggerTime": st.sampled_from([None, "", "0", "40"]),
    "InstanceNumber": st.sampled_from([None, "", "1", "7"]),
    "SOPInstanceUID": st.sampled_from([None, "1.2", "1.3", "1.4"]),
    "NumberOfFrames": st.sampled_from([None, "1", "2"]),
    "Rows": st.sampled_from([None, 8, 16]),
    "PixelSpacing": st.sampled_from([None, "", [1, 1], [2, 1]]),
    "ImagePositionPatient": st.sampled_from([None, "", [0, 0, 0], [0, 0, 2], [40, 0, 2], [0, 0, 2.00001]]),
    "ImageOrientationPatient": st.sampled_from([None, [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [1, 0, 0, 1, 0, 0]]),
    "DiffusionBValue": st.sampled_from([None, 0.0, 1000.0, float("nan")]),
    "SeriesDescription": st.sampled_from([None, "", "a", "b"]),
}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.fixed_dictionaries(_BROKEN_VALUES), max_size=12))
def test_no_image_is_lost_or_doubled_whatever_the_headers_say(rows):
    parts = parts_of([image(0, 0, **row) for row in rows])
    assert sorted(k for part in parts for k in part.indices) == list(range(len(rows)))
    assert all(list(part.indices) == sorted(part.indices) and part.indices for part in parts)
    assert len({part.name for part in parts}) == len(parts)
    assert [part.name for part in parts] == [""] if len(parts) == 1 else all(part.name for part in parts)


def test_a_counter_of_volumes_does_not_hide_what_they_are():
    # As Siemens numbers them: each volume is an acquisition of its own, at a time of its own.
    images = [
        image(3 * v + z, z, EchoTime=2 + v % 2, AcquisitionNumber=v + 1, AcquisitionTime=f"10000{v}")
        for v in range(6)
        for z in range(3)
    ]
    assert names_of(images) == [
        f"EchoTime {2 + v % 2}, AcquisitionNumber {v + 1}" for v in (0, 2, 4, 1, 3, 5)
    ]  # fmt: skip


def test_contrast_given_meanwhile_does_not_break_a_dynamic_series():
    agents = [None, *["Gd"] * 4]
    images = [
        image(4 * t + z, z, TemporalPositionIdentifier=t + 1, ContrastBolusAgent=agents[t])
        for t in range(5)
        for z in range(4)
    ]
    assert names_of(images) == [f"TemporalPositionIdentifier {t}" for t in range(1, 6)]


def test_repeated_baselines_of_diffusion_are_told_apart_by_what_counts_them():
    scheme = [(0, None), (1000, [1, 0, 0]), (0, None), (1000, [0, 1, 0])]
    images = [
        image(3 * v + z, z, DiffusionBValue=float(b), DiffusionGradientOrientation=d, AcquisitionNumber=v)
        for v, (b, d) in enumerate(scheme)
        for z in range(3)
    ]
    assert names_of(images) == [
        "DiffusionBValue 0, AcquisitionNumber 0",
        "DiffusionBValue 0, AcquisitionNumber 2",
        r"DiffusionBValue 1000, DiffusionGradientOrientation 1\0\0",
        r"DiffusionBValue 1000, DiffusionGradientOrientation 0\1\0",
    ]


def test_a_few_images_of_another_echo_are_a_volume_and_a_few_of_another_time_are_not():
    images = [image(z, 2.0 * z, EchoTime=5, AcquisitionTime=f"1000{z:02d}") for z in range(10)]
    odd = [image(10 + z, 2.0 * z, EchoTime=9, AcquisitionTime=f"1100{z:02d}") for z in (4, 5)]
    assert [len(part.indices) for part in parts_of([*images, *odd])] == [10, 2]
    again = [image(10 + z, 2.0 * z, EchoTime=5, AcquisitionTime=f"1100{z:02d}", AcquisitionNumber=9) for z in (4, 5)]
    assert [len(part.indices) for part in parts_of([*images, *again])] == [12]


def test_the_same_number_written_in_two_ways_is_one_value():
    images = [image(k, k % 4, EchoTime=["4.92", "4.9200000"][k % 2] if k < 4 else "9.84") for k in range(8)]
    assert names_of(images) == ["EchoTime 4.92", "EchoTime 9.84"]


def test_only_the_components_that_differ_are_in_the_name():
    types = [["ORIGINAL", "PRIMARY", part, "ND"] for part in "MP"]
    images = [image(k, k % 2, ImageType=types[k // 2]) for k in range(4)]
    assert names_of(images) == ["ImageType M", "ImageType P"]
    assert parts_of(images)[1].labels["ImageType"] == ("ORIGINAL", "PRIMARY", "P", "ND")


def test_text_beyond_ascii_is_told_as_it_is_written():
    images = [
        image(k, k % 2, SpecificCharacterSet="ISO_IR 144", SeriesDescription=["до", "после"][k // 2]) for k in range(4)
    ]
    assert names_of(images) == ["SeriesDescription до", "SeriesDescription после"]


def test_private_attributes_of_each_maker_separate():
    def with_private(k, creator, group, *elements):
        dataset = image(k, k % 2)
        block = dataset.private_block(group, creator, create=True)
        for offset, vr, value in elements:
            block.add_new(offset, vr, value)
        return dataset

    component = [with_private(k, "GEMS_PARM_01", 0x0043, (0x2F, "SS", k // 2)) for k in range(4)]
    assert names_of(component) == ["RawDataType MAGNITUDE", "RawDataType PHASE"]
    b_value = [
        with_private(k, "GEMS_PARM_01", 0x0043, (0x39, "IS", [1_000_000_000 + 700 * (k // 2), 8, 0, 0]))
        for k in range(4)
    ]
    assert [part.labels["BValue"] for part in parts_of(b_value)] == [0, 700]
    x, y, z = 0xBB, 0xBC, 0xBD
    ge = [
        with_private(k, "GEMS_ACQU_01", 0x0019, (x, "DS", 1 - k // 2), (y, "DS", k // 2), (z, "DS", 0))
        for k in range(4)
    ]
    assert [part.labels["GradientDirection"] for part in parts_of(ge)] == [(1, 0, 0), (0, 1, 0)]
    philips = [with_private(k, "Philips Imaging DD 001", 0x2001, (0x03, "FL", 500.0 * (k // 2))) for k in range(4)]
    assert [part.labels["BValue"] for part in parts_of(philips)] == [0, 500]
    uih = [with_private(k, "Image Private Header", 0x0065, (0x09, "FD", 800.0 * (k // 2))) for k in range(4)]
    assert [part.axis for part in parts_of(uih)] == [("b-value",)] * 2


# --- places ------------------------------------------------------------------------------------------


def test_stacks_beside_each_other_are_apart_also_under_tilt():
    for tilt in (0.0, 0.4):
        images = [
            image(10 * s + z, 0, Rows=100, Columns=100, ImagePositionPatient=[90.0 * s, tilt * 3 * z, 3.0 * z])
            for z in range(6)
            for s in range(2)
        ]
        parts = parts_of(images)
        assert [part.axis for part in parts] == [("stack",)] * 2
        assert sets_of(images) == {frozenset(range(1, 7)), frozenset(range(11, 17))}


def test_a_tilted_stack_taken_twice_is_two_times_and_not_many_stacks():
    images = [
        image(10 * t + z, 0, ImagePositionPatient=[0, 2.0 * z, 3.0 * z], AcquisitionTime=f"10{t}000")
        for t in range(2)
        for z in range(6)
    ]
    assert names_of(images) == ["AcquisitionTime 100000", "AcquisitionTime 101000"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0011, 0.05))
def test_times_whose_positions_scatter_a_little_are_times_all_the_same(seed, noise):
    jitter = np.random.default_rng(seed).uniform(-noise / 2, noise / 2, 40)
    images = [image(k, round(4.0 * (k % 8) + jitter[k], 4), TemporalPositionIdentifier=k // 8 + 1) for k in range(40)]
    assert names_of(images) == [f"TemporalPositionIdentifier {t}" for t in range(1, 6)]


@pytest.mark.parametrize("distance", [0.002, 0.05, 1.0])
def test_thin_slices_of_one_volume_are_no_scatter(distance):
    # As in micro-CT, where pixels are as small, and of two blocks that lie apart.
    images = [image(z, distance * (z + 50 * (z > 9)), PixelSpacing=[distance, distance]) for z in range(20)]
    assert len(parts_of(images)) == 1


def test_the_order_of_volumes_does_not_depend_on_the_order_of_files():
    kinds = [["ORIGINAL", "PRIMARY", kind] for kind in ("M", "P", "PHASE MAP")]
    images = [image(4 * k + z, z, ImageType=kind) for k, kind in enumerate(kinds) for z in range(4)]
    shuffled = [images[k] for k in np.random.default_rng(5).permutation(len(images))]
    assert names_of(images) == names_of(images[::-1]) == names_of(shuffled)
    assert names_of(images) == ["ImageType M", "ImageType P", "ImageType PHASE MAP"]


# --- time ---------------------------------------------------------------------------------------------


def test_a_slice_missing_from_one_time_does_not_move_others_to_another_time():
    images = [image(5 * t + z, z, AcquisitionTime=f"10{t:02d}0{z}") for t in range(4) for z in range(5)]
    del images[7]
    assert sorted(map(sorted, sets_of(images))) == [[1, 2, 3, 4, 5], [6, 7, 9, 10], [*range(11, 16)], [*range(16, 21)]]


def test_times_that_cannot_be_told_stay_together():
    # Slice by slice, all times of each: of which time is the one that slice 2 lacks?
    images = [image(10 * z + t, z, AcquisitionTime=f"10{z:02d}0{t}") for z in range(5) for t in range(4)]
    assert len(parts_of(images)) == 4
    del images[9]
    assert [len(part.indices) for part in parts_of(images)] == [19]


def test_phases_whose_trigger_times_differ_from_slice_to_slice_are_in_their_order():
    images = [image(10 * z + p, z, TriggerTime=40.0 * p + 0.7 * z) for z in range(3) for p in range(4)]
    assert names_of(images[::-1]) == [f"time {p} of 4" for p in range(1, 5)]
    assert sets_of(images) == {frozenset(10 * z + p + 1 for z in range(3)) for p in range(4)}


def test_trigger_times_that_scatter_do_not_mix_the_heartbeats_of_a_perfusion():
    delay = np.random.default_rng(3).normal(100, 3, (6, 3))
    images = [
        image(3 * t + z, 10 * z, TriggerTime=round(200 * z + delay[t, z], 2), AcquisitionTime=f"1000{2 * t:02d}.{z}")
        for t in range(6)
        for z in range(3)
    ]
    assert sets_of(images) == {frozenset(3 * t + z + 1 for z in range(3)) for t in range(6)}


def test_phases_stay_in_order_of_trigger_time_where_instances_are_numbered_otherwise():
    images = [
        image(20 * z + (5 * p) % 7, z, TriggerTime=40.0 * p + z, AcquisitionTime=f"10000{p}")
        for z in range(3)
        for p in range(7)
    ]
    assert sets_of(images) == {frozenset(20 * z + (5 * p) % 7 + 1 for z in range(3)) for p in range(7)}


def test_times_go_on_over_midnight():
    moments = [("20260301", "235950"), ("20260302", "000010"), ("20260302", "000030")]
    images = [
        image(3 * t + z, z, AcquisitionDate=day, AcquisitionTime=time)
        for t, (day, time) in enumerate(moments)
        for z in range(3)
    ]
    assert [part.indices[0] for part in parts_of(images)] == [0, 3, 6]


def test_ten_thousand_images_take_a_fraction_of_a_second():
    import time

    images = [image(k, 2.0 * (k % 50), TemporalPositionIdentifier=1 + k // 50) for k in range(10_000)]
    headers = Headers.from_datasets(images)
    begin = time.perf_counter()
    assert len(partition(headers)) == 200
    assert time.perf_counter() - begin < 5  # a bound that a busy machine keeps; 0.2 s are usual
