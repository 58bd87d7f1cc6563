"""A grid in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slicewise.image import Coordinates, Geometry

__all__ = ["geometry_rows"]

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
"""Where x, y and z grow and shrink towards: left and right, back (posterior) and front, head and feet."""


def geometry_rows(geometry: Geometry) -> Iterator[tuple[str, str]]:
    """Iterate over what a person wants to know of a grid, as (name, value)."""
    if not geometry.is_in_patient:
        yield from _pixel_rows(geometry)
        return
    spacing = (*geometry.pixel_spacing[::-1], geometry.slice_spacing)
    yield "size", f"{_joined(geometry.size)} (x, y, z)"
    yield "spacing", f"{_joined(spacing)} mm"
    yield "origin", f"({', '.join(f'{mm:.5g}' for mm in geometry.origin)}) mm, LPS"
    directions = (geometry.row_direction, geometry.column_direction, geometry.mean_step)
    yield "x, y, z grow to", ", ".join(_towards(direction) for direction in directions)
    if geometry.is_sheared:
        yield "sheared", f"by {geometry.tilt:.2f} degrees, as under gantry tilt"
    if not geometry.is_even and geometry.slices > 1:
        yield "uneven", f"slices are up to {geometry.unevenness:.3g} mm from even spacing"


def _pixel_rows(geometry: Geometry) -> Iterator[tuple[str, str]]:
    yield "size", f"{_joined(geometry.size)} (x, y, z)"
    unit = "mm" if geometry.coordinates is Coordinates.PLANE else "(size unknown)"
    yield "pixels", f"{_joined(geometry.pixel_spacing[::-1])} {unit}"
    yield "place", "none in the patient"


def _joined(numbers: Iterable[float]) -> str:
    return " × ".join(f"{number:.5g}" for number in numbers)


def _towards(direction: Iterable[float]) -> str:
    """Return the letters of a direction, the main one first, e.g. ``PH`` for back and a little to the head."""
    vector = [float(v) for v in direction]
    length = max(sum(v * v for v in vector) ** 0.5, 1e-12)
    strong = sorted(
        (axis for axis in range(3) if abs(vector[axis]) > 0.1 * length), key=lambda axis: -abs(vector[axis])
    )
    return "".join(_LETTERS[axis][vector[axis] < 0] for axis in strong)
