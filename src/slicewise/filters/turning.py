"""Axes of a grid exchanged and turned round: what the lattice allows without interpolation."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.image import Geometry, SliceMap

__all__ = ["PLANES", "Turn", "letters_of", "turn_to"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

PLANES = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIR"}
"""How planes are shown: columns, rows and slices run this way; stacked along their normal."""

_AXES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
_NAMES = {place: letter for letter, place in _AXES.items()}


@attrs.frozen
class Turn:
    """Which axis of the source each axis of the result is, and whether it runs the other way; in x, y, z order.

    Parameters
    ----------
    order : (x, y, z)
        For each axis of the result the axis of the source, 0 to 2.
    flips : (x, y, z)
        For each axis of the result whether it runs against that of the source.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    @property
    def keeps_slices(self) -> bool:
        """Whether slices stay slices."""
        return self.order[2] == 2

    @property
    def keeps_planes(self) -> bool:
        """Whether slices stay as they are, in whatever order."""
        return self.order == (0, 1, 2) and not any(self.flips[:2])

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.keeps_planes and not self.flips[2]

    def of_geometry(self, source: Geometry) -> Geometry:
        """Return the grid of the result: each voxel stays where it is.

        Raises
        ------
        IrregularGeometryError
            If slices are cut across that are no box.
        """
        if not self.keeps_slices:
            return self._across(source)
        steps = (source.pixel_spacing[1] * source.row_direction, source.pixel_spacing[0] * source.column_direction)
        corner = np.zeros(3)
        for axis in (0, 1):
            if self.flips[axis]:
                corner = corner + (source.size[self.order[axis]] - 1) * steps[self.order[axis]]
        directions = (source.row_direction, source.column_direction)
        signs = [-1.0 if flip else 1.0 for flip in self.flips]
        spacing = source.pixel_spacing[::-1]
        positions = (source.positions[::-1] if self.flips[2] else source.positions) + corner
        return attrs.evolve(
            source,
            columns=source.size[self.order[0]],
            rows=source.size[self.order[1]],
            row_direction=signs[0] * directions[self.order[0]],
            column_direction=signs[1] * directions[self.order[1]],
            pixel_spacing=(spacing[self.order[1]], spacing[self.order[0]]),
            positions=positions,
            single_slice_spacing=source.slice_spacing,
        )

    def _across(self, source: Geometry) -> Geometry:
        if not source.is_in_patient:
            raise IrregularGeometryError(
                "slices cannot be cut across: the image has no place in the patient, and nothing says how they lie to "
                "each other"
            )
        direction, spacing = source.direction, source.spacing
        corner = source.positions[0]
        for axis, flip in zip(self.order, self.flips, strict=True):
            if flip:
                corner = corner + (source.size[axis] - 1) * spacing[axis] * direction[:, axis]
        signs = np.where(self.flips, -1.0, 1.0)
        turned = Geometry.from_box(
            [source.size[axis] for axis in self.order],
            [spacing[axis] for axis in self.order],
            corner,
            direction[:, list(self.order)] * signs,
        )
        return attrs.evolve(turned, tolerance=source.tolerance)

    def of_array(self, values: Array) -> Array:
        """Return values (slices, rows, columns[, components]) turned."""
        axes = [2 - self.order[2 - k] for k in range(3)]
        turned = values.transpose(*axes, *range(3, values.ndim))
        return turned[tuple(slice(None, None, -1 if flip else None) for flip in reversed(self.flips))]

    def source_slab(self, slab: range, slices: int) -> range:
        """Return the source slices of a slab of the result."""
        if not self.keeps_slices:
            return range(slices)
        return range(slices - slab.stop, slices - slab.start) if self.flips[2] else slab

    def slice_map(self, source: Geometry) -> SliceMap:
        """Return where the slices of the result come from."""
        if self.keeps_slices:
            return SliceMap.of(range(source.slices)[:: -1 if self.flips[2] else 1])
        count = source.size[self.order[2]]
        return SliceMap((None,) * count, (range(source.slices),) * count)


def letters_of(geometry: Geometry) -> str:
    """Return the letters of the orientation nearest to that of a grid: where its x, y and z index grow to.

    Sheared and uneven stacks have one too: what counts is the side to which they are stacked.
    """
    axes = _axes(geometry)
    best = max(permutations(range(3)), key=lambda order: sum(abs(axes[a, k]) for k, a in enumerate(order)))
    return "".join(_NAMES[a, 1 if axes[a, k] >= 0 else -1] for k, a in enumerate(best))


def turn_to(geometry: Geometry, orientation: str) -> Turn:
    """Return the turn that brings a grid nearest to an orientation, given as letters or as a plane.

    Raises
    ------
    ParameterError
        If it is no orientation.
    """
    wanted = [_AXES[letter] for letter in checked(orientation)]
    have = [_AXES[letter] for letter in letters_of(geometry)]
    axes = [axis for axis, _ in have]
    order = [axes.index(axis) for axis, _ in wanted]
    flips = [have[k][1] != sign for k, (_, sign) in zip(order, wanted, strict=True)]
    return Turn((order[0], order[1], order[2]), (flips[0], flips[1], flips[2]))


def checked(orientation: Any) -> str:
    """Return the letters of an orientation.

    Raises
    ------
    ParameterError
        If it is none.
    """
    text = PLANES.get(orientation.lower(), orientation.upper()) if isinstance(orientation, str) else ""
    if len(text) != 3 or not set(text) <= set(_AXES) or {_AXES[c][0] for c in text} != {0, 1, 2}:
        raise ParameterError(
            f"'orientation' must be three letters, one of L/R, P/A and S/I each, such as 'LPS', or one of "
            f"{', '.join(map(repr, PLANES))} (got {orientation!r})"
        )
    return text


def _axes(geometry: Geometry) -> FloatArray:
    along = 1.0 if float(geometry.mean_step @ geometry.normal) >= 0 else -1.0
    return np.column_stack([geometry.row_direction, geometry.column_direction, along * geometry.normal])
