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


def test_ten_thousand_images_take_a_fraction_of_a_second():
    import time

    images = [image(k, 2.0 * (k % 50), TemporalPositionIdentifier=1 + k // 50) for k in range(10_000)]
    headers = Headers.from_datasets(images)
    begin = time.perf_counter()
    assert len(partition(headers)) == 200
    assert time.perf_counter() - begin < 5  # a bound that a busy machine keeps; 0.2 s are usual
