"""Whether two images lie on the same grid, and where they differ if not."""

from __future__ import annotations

import numpy as np

from slicewise.errors import SpaceMismatchError
from slicewise.image.geometry import Geometry

__all__ = ["check_same_space", "space_differences"]

COORDINATE_TOLERANCE = 1e-3
"""Positions and spacings may differ by this fraction of a pixel (ITK: 1e-6 of the first spacing).

Positions come as decimal strings of the header, often rounded to a thousandth of a mm.
"""

DIRECTION_TOLERANCE = 1e-5
"""Each cosine of the directions may differ by this much (ITK: 1e-6)."""


def space_differences(first: Geometry, second: Geometry) -> tuple[str, ...]:
    """Return a sentence for each way in which two grids differ; none if they are the same.

    Tolerances work as in ITK: a fraction of the pixel spacing for coordinates, an absolute
    one for direction cosines.
    """
    found: list[str] = []
    if first.is_in_patient != second.is_in_patient:
        found.append(f"coordinates: {first.coordinates.value}; and {second.coordinates.value}")
    if first.shape != second.shape:
        found.append(f"size: {_size(first)} and {_size(second)} (columns x rows x slices)")
    tolerance = COORDINATE_TOLERANCE * min(*first.pixel_spacing, first.slice_spacing)
    found += _compare("pixel spacing", first.pixel_spacing, second.pixel_spacing, tolerance, "mm")
    found += _compare("row direction", first.row_direction, second.row_direction, DIRECTION_TOLERANCE, "")
    found += _compare("column direction", first.column_direction, second.column_direction, DIRECTION_TOLERANCE, "")
    if first.slices == second.slices:
        apart = np.abs(first.positions - second.positions).max(axis=1)
        worst = int(np.argmax(apart))
        found += _compare(
            f"position of slice {worst}", first.positions[worst], second.positions[worst], tolerance, "mm"
        )
    else:
        found += _compare("origin", first.origin, second.origin, tolerance, "mm")
    return tuple(found)


def check_same_space(first: Geometry, second: Geometry, names: tuple[str, str] = ("first", "second")) -> None:
    """Raise unless two grids are the same.

    Raises
    ------
    SpaceMismatchError
        With each difference, its size and the tolerance.
    """
    differences = space_differences(first, second)
    if first.is_in_patient != second.is_in_patient:
        placed, other = names if first.is_in_patient else names[::-1]
        raise SpaceMismatchError(
            f"{placed} has a place in the patient and {other} has none, as its headers state no plane: nothing says "
            "how they lie to each other"
        )
    if differences:
        lines = "".join(f"\n  {line}" for line in differences)
        raise SpaceMismatchError(
            f"{names[0]} and {names[1]} do not lie on the same grid:{lines}\n"
            "Resample one onto the other with Resample(like=...)"
        )


def _compare(what: str, first: object, second: object, tolerance: float, unit: str) -> list[str]:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    difference = float(np.abs(a - b).max())
    if difference <= tolerance:
        return []
    suffix = f" {unit}" if unit else ""
    return [f"{what}: {_numbers(a)} and {_numbers(b)}, {difference:.4g}{suffix} apart (tolerance {tolerance:.2g})"]


def _numbers(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values.ravel()) + ")"


def _size(geometry: Geometry) -> str:
    return " x ".join(str(n) for n in geometry.size)
