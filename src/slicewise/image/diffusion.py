"""B-value and gradient direction, wherever a scanner states them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from slicewise.image.attribute_keys import Key

__all__ = ["DIFFUSION", "Source", "in_patient"]

_GE_OFFSET = 1_000_000_000
"""Some versions of GE add it to the b-value, to tell that it is one."""


class Source(NamedTuple):
    """Where a quantity may be stated, as so many numbers.

    What is above ``modulus`` is no part of it. If ``in_image``, a vector is along rows, columns and normal.
    """

    key: Key
    size: int = 1
    modulus: float | None = None
    in_image: bool = False

    def decoded(self, value: Any) -> float | tuple[float, ...] | None:
        """Return the number or numbers; None if they are not there, or are none."""
        numbers = _numbers(value)[: self.size]
        if len(numbers) < self.size:
            return None
        if self.modulus is not None:
            numbers = tuple(number % self.modulus for number in numbers)
        return numbers[0] if self.size == 1 else numbers


DIFFUSION: dict[str, tuple[Source, ...]] = {
    "BValue": (
        Source("DiffusionBValue"),
        Source("MRDiffusionSequence.DiffusionBValue"),
        Source((0x0019, "SIEMENS MR HEADER", 0x0C)),
        Source((0x0043, "GEMS_PARM_01", 0x39), modulus=_GE_OFFSET),
        Source((0x2001, "Philips Imaging DD 001", 0x03)),
        Source((0x0065, "Image Private Header", 0x09)),
    ),
    "GradientDirection": (
        Source("DiffusionGradientOrientation", 3),
        Source("DiffusionGradientDirectionSequence.DiffusionGradientOrientation", 3),
        Source("MRDiffusionSequence.DiffusionGradientDirectionSequence.DiffusionGradientOrientation", 3),
        Source((0x0019, "SIEMENS MR HEADER", 0x0E), 3),
        Source((0x0065, "Image Private Header", 0x37), 3, in_image=True),
    ),
}
"""For each quantity its sources, in the order of preference: s/mm2; and a unit vector in LPS."""


def in_patient(vector: tuple[float, ...], orientation: Any) -> tuple[float, ...] | None:
    """Return a vector along rows, columns and normal of an image in LPS; None if its orientation is not known.

    Parameters
    ----------
    vector : tuple of float
        The vector.
    orientation : object
        Image Orientation (Patient), as it is in the header.
    """
    cosines = _numbers(orientation)
    if len(cosines) != 6:
        return None
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    axes = zip(cosines[:3], cosines[3:], normal, strict=True)
    return tuple(sum(v * along for v, along in zip(vector, axis, strict=True)) for axis in axes)


def _numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of a value, whose VR the file may not tell."""
    if isinstance(value, bytes):
        return _numbers_of_bytes(value)
    parts: Sequence[Any] = [value] if value is None or isinstance(value, str | int | float) else list(value)
    try:
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return ()


def _numbers_of_bytes(value: bytes) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in value.decode("ascii").strip(" \0").split("\\"))
    except ValueError:
        pass
    size, kind = (8, "d") if len(value) % 8 == 0 else (4, "f")
    if len(value) % size:
        return ()
    return struct.unpack(f"<{len(value) // size}{kind}", value)
