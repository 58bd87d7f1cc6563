"""CIELab colours as headers state them (PS3.3, C.10.7.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slicewise.errors import ParameterError

__all__ = ["Lab", "check_lab", "lab_of_rgb", "rgb_of_lab"]

Lab = tuple[int, int, int]
"""L*, a* and b* from 0 to 65535 each: 0 to 100 for the first, -128 to 127 for the others."""

# Standard RGB (IEC 61966-2-1) to XYZ, adapted from D65 to D50 after Bradford, as the profile connection space has it.
_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_KNEE = 6 / 29
"""Where the curve of lightness becomes a straight line."""


def check_lab(value: Sequence[int]) -> Lab:
    """Return a colour, if it is one.

    Raises
    ------
    ParameterError
        If it is not three whole numbers from 0 to 65535.
    """
    found = tuple(value)
    if (
        len(found) != 3
        or not all(isinstance(v, int | np.integer) for v in found)
        or min(found) < 0
        or max(found) > 0xFFFF
    ):
        raise ParameterError(
            "'colour' must be L*, a* and b* as three whole numbers from 0 to 65535, or be made of red, green and blue "
            f"with lab_of_rgb((255, 0, 0)) (got {value!r})"
        )
    lightness, a, b = (int(v) for v in found)
    return lightness, a, b


def lab_of_rgb(rgb: Any) -> Lab:
    """Return a colour of red, green and blue from 0 to 255 (sRGB), as they come from a user.

    Raises
    ------
    ParameterError
        If it is not three numbers from 0 to 255.

    Examples
    --------
    >>> lab_of_rgb((255, 255, 255))
    (65535, 32896, 32896)
    """
    is_triple = isinstance(rgb, Sequence | np.ndarray) and len(rgb) == 3
    if not is_triple or not all(isinstance(v, int | float | np.number) for v in rgb):
        raise ParameterError(f"a colour must be red, green and blue from 0 to 255 (got {rgb!r})")
    values = np.asarray(rgb, np.float64)
    if not ((values >= 0) & (values <= 255)).all():
        raise ParameterError(f"a colour must be red, green and blue from 0 to 255 (got {rgb!r})")
    share = values / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    x, y, z = _bent(_TO_XYZ @ linear / _WHITE)
    scaled = np.array([(116 * y - 16) / 100, (500 * (x - y) + 128) / 255, (200 * (y - z) + 128) / 255])
    lightness, a, b = np.rint(np.clip(scaled, 0, 1) * 0xFFFF).astype(int).tolist()
    return lightness, a, b


def rgb_of_lab(lab: Sequence[int]) -> tuple[int, int, int]:
    """Return red, green and blue from 0 to 255 (sRGB) of a colour; what a screen cannot show is clipped."""
    lightness, a, b = (v / 0xFFFF for v in check_lab(lab))
    y = (100 * lightness + 16) / 116
    curve = np.array([y + (255 * a - 128) / 500, y, y - (255 * b - 128) / 200])
    straight = 3 * _KNEE**2 * (curve - 4 / 29)
    xyz = np.where(curve > _KNEE, curve**3, straight) * _WHITE
    linear = np.clip(np.linalg.solve(_TO_XYZ, xyz), 0, 1)
    share = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(255 * share).astype(int).tolist()
    return red, green, blue


def _bent(ratio: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    found: list[float] = np.where(ratio > _KNEE**3, np.cbrt(ratio), ratio / (3 * _KNEE**2) + 4 / 29).tolist()
    return found
