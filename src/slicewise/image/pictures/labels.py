"""Labels in colours, alone or over grey levels."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Colours", "coloured", "default_colour", "overlaid"]

Array = npt.NDArray[Any]
Picture = npt.NDArray[np.uint8]
Colours = Mapping[int, tuple[int, int, int]]

_GOLDEN = 0.618033988749895
_INSIDE, _BORDER = 0.4, 1.0
"""How opaque a label is over an image, and its border."""


def default_colour(label: int) -> tuple[int, int, int]:
    """Return a colour of a label that has none: hues of neighbouring numbers lie far apart."""
    hue = (0.02 + label * _GOLDEN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 + 0.2 * (label % 2), 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def coloured(labels: Array, colours: Colours) -> Picture:
    """Return labels as a picture of their colours; 0 is black.

    Parameters
    ----------
    labels : array of integers
        The labels.
    colours : mapping of int to (red, green, blue)
        Colours of labels; others have one of their own.
    """
    present, places = np.unique(labels, return_inverse=True)
    table = np.array([_colour(int(label), colours) for label in present], np.uint8)
    return np.asarray(table[places.reshape(labels.shape)])


def overlaid(grey: Picture, labels: Array, colours: Colours) -> Picture:
    """Return a picture with labels over it: their borders, and their inside so that the picture shows through.

    Parameters
    ----------
    grey : array of uint8 of shape (rows, columns) or (rows, columns, 3)
        The picture.
    labels : array of integers of shape (rows, columns)
        The labels.
    colours : mapping of int to (red, green, blue)
        Their colours.
    """
    base = np.repeat(grey[..., np.newaxis], 3, axis=-1) if grey.ndim == 2 else grey
    opacity = np.where(labels != 0, _INSIDE, 0.0)
    opacity[_border(labels)] = _BORDER
    mixed = base + opacity[..., np.newaxis] * (coloured(labels, colours).astype(np.float64) - base)
    return np.rint(mixed).astype(np.uint8)


def _border(labels: Array) -> npt.NDArray[np.bool_]:
    border = np.zeros(labels.shape, np.bool_)
    for axis in (0, 1):
        first = [slice(None)] * 2
        second = [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        differs = labels[tuple(first)] != labels[tuple(second)]
        border[tuple(first)] |= differs
        border[tuple(second)] |= differs
    return np.asarray(border & (labels != 0))


def _colour(label: int, colours: Colours) -> Iterable[int]:
    return (0, 0, 0) if label == 0 else colours.get(label) or default_colour(label)
