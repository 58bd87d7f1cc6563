"""Images that do not share a grid are told apart, and the message says by how much."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from slicewise.errors import SpaceMismatchError
from slicewise.image import Geometry, check_same_space, space_differences

BOX = Geometry.from_box((4, 3, 5), (0.5, 2.0, 4.0), (1.0, 2.0, 3.0))


def test_a_grid_is_the_same_as_itself():
    check_same_space(BOX, BOX)
    assert space_differences(BOX, attrs.evolve(BOX)) == ()


def test_rounding_in_the_header_is_no_difference():
    check_same_space(BOX, attrs.evolve(BOX, positions=BOX.positions + 0.0004))


def test_shift_is_named_with_both_values_the_difference_and_the_tolerance():
    moved = attrs.evolve(BOX, positions=BOX.positions + np.array([0, 0.25, 0]))
    with pytest.raises(SpaceMismatchError) as caught:
        check_same_space(BOX, moved, ("the CT", "the mask"))
    message = str(caught.value)
    for text in ("the CT and the mask", "(1, 2, 3)", "(1, 2.25, 3)", "0.25 mm", "tolerance 0.0005"):
        assert text in message


def test_the_worst_slice_is_named():
    positions = np.array(BOX.positions)
    positions[3] += (0, 0, 0.125)
    (line,) = space_differences(BOX, attrs.evolve(BOX, positions=positions))
    assert line.startswith("position of slice 3: ")
    assert "0.125 mm" in line


def test_spacing_size_and_direction_are_each_named():
    other = Geometry.from_box((4, 6, 5), (0.5, 1.0, 4.0), (1.0, 2.0, 3.0))
    lines = space_differences(BOX, other)
    assert any("4 x 3 x 5 and 4 x 6 x 5" in line for line in lines)
    assert any("pixel spacing: (2, 0.5) and (1, 0.5), 1 mm apart" in line for line in lines)
    angle = 0.01
    turned = attrs.evolve(
        BOX, row_direction=(np.cos(angle), np.sin(angle), 0), column_direction=(-np.sin(angle), np.cos(angle), 0)
    )
    assert {line.split(":")[0] for line in space_differences(BOX, turned)} == {"row direction", "column direction"}


def test_other_number_of_slices_is_named():
    lines = space_differences(BOX, BOX.take([0, 1, 2]))
    assert any("4 x 3 x 5 and 4 x 3 x 3" in line for line in lines)


def test_comparison_does_not_depend_on_which_comes_first():
    moved = attrs.evolve(BOX, positions=BOX.positions + np.array([0, 0.25, 0]))
    assert len(space_differences(BOX, moved)) == len(space_differences(moved, BOX)) == 1
