"""A contact sheet: some images above each other, cut at the same places and shown in the same proportions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.image.image import Image
from slicewise.image.pictures.lettering import CHARACTER, draw_text, text_width
from slicewise.image.pictures.planes import Levels, Plane, across, fitted, levels_of, slice_plane
from slicewise.image.pictures.png import encode_png

__all__ = ["contact_sheet"]

Grey = npt.NDArray[np.uint8]

_GAP = 8
_PAPER = 24
_INK = 235
_FAINT = 150
_MARGIN = 0.12
"""Share of the stack left out at each end when slices are chosen: there is little to see."""


class _Tile(NamedTuple):
    plane: Plane
    label: str


def contact_sheet(
    images: Sequence[Image],
    titles: Sequence[str],
    *,
    columns: int = 4,
    tile_height: int = 240,
    levels: Levels | None = None,
) -> bytes:
    """Return a PNG with a row for each image: a few slices, and a cut across the slices.

    All rows show the same places, in the same scale, and the same values as the same grey.

    Parameters
    ----------
    images : sequence of Image
        The images, e.g. before and after.
    titles : sequence of str
        A title for each.
    columns : int
        How many slices of each.
    tile_height : int
        Height in pixels of the highest slice.
    levels : Levels, optional
        Which values are black and white; those the first image is best shown in, if not given.
    """
    shown = levels or levels_of(images[0])
    rows = [[*_slices(image, images[0], columns), _cut(image)] for image in images]
    scale = _scale([tile.plane for row in rows for tile in row], tile_height)
    pictures = [[_picture(tile.plane, shown, scale) for tile in row] for row in rows]
    widths = [
        max(_width(row[c], labels[c].label) for row, labels in zip(pictures, rows, strict=True))
        for c in range(columns + 1)
    ]
    parts = [_row(title, row, tiles, widths) for title, row, tiles in zip(titles, pictures, rows, strict=True)]
    return encode_png(_stacked(parts))


def _slices(image: Image, reference: Image, columns: int) -> list[_Tile]:
    """Choose the slices nearest to some of the reference, spread evenly over it."""
    shares = np.linspace(_MARGIN, 1 - _MARGIN, columns) if columns > 1 else np.array([0.5])
    places = reference.geometry.positions[np.rint(shares * (reference.geometry.slices - 1)).astype(np.intp)]
    geometry = image.geometry
    chosen = [int(np.abs((geometry.positions - place) @ geometry.normal).argmin()) for place in places]
    axis = int(np.abs(geometry.normal).argmax())
    return [
        _Tile(slice_plane(image, k), f"slice {k}, {'xyz'[axis]} {geometry.positions[k, axis]:.1f} mm") for k in chosen
    ]


def _cut(image: Image) -> _Tile:
    return _Tile(across(image), f"across, row {image.geometry.rows // 2}")


def _scale(planes: Sequence[Plane], tile_height: int) -> float:
    """Return pixels per mm."""
    return tile_height / max(max(plane.extent) for plane in planes)


def _picture(plane: Plane, levels: Levels, scale: float) -> Grey:
    height, width = (max(1, round(scale * length)) for length in plane.extent)
    # Grey first: a value that is not a number must not spread.
    return np.asarray(fitted(levels.apply(plane.values), height, width), np.uint8)


def _width(picture: Grey, label: str) -> int:
    return max(int(picture.shape[1]), text_width(label))


def _row(title: str, pictures: Sequence[Grey], tiles: Sequence[_Tile], widths: Sequence[int]) -> Grey:
    line = CHARACTER[0]
    height = max(picture.shape[0] for picture in pictures)
    colour = any(picture.ndim == 3 for picture in pictures)
    width = max(sum(widths) + _GAP * (len(widths) + 1), text_width(title, 2) + 2 * _GAP)
    shape = (2 * line + _GAP + height + _GAP + line, width)
    canvas = np.full((*shape, 3) if colour else shape, _PAPER, np.uint8)
    draw_text(canvas, 0, _GAP, title, scale=2, level=_INK)
    left, top = _GAP, 2 * line + _GAP
    for picture, tile, width in zip(pictures, tiles, widths, strict=True):
        at = top + (height - picture.shape[0]) // 2, left + (width - picture.shape[1]) // 2
        area = canvas[at[0] : at[0] + picture.shape[0], at[1] : at[1] + picture.shape[1]]
        area[...] = picture[..., np.newaxis] if colour and picture.ndim == 2 else picture
        draw_text(canvas, top + height + _GAP // 2, left, tile.label, level=_FAINT)
        left += width + _GAP
    return canvas


def _stacked(parts: Sequence[Grey]) -> Grey:
    colour = any(part.ndim == 3 for part in parts)
    width = max(part.shape[1] for part in parts)
    height = sum(part.shape[0] + 2 * _GAP for part in parts)
    sheet = np.full((height, width, 3) if colour else (height, width), _PAPER, np.uint8)
    top = _GAP
    for part in parts:
        whole = part[..., np.newaxis] if colour and part.ndim == 2 else part
        sheet[top : top + part.shape[0], : part.shape[1]] = whole
        top += part.shape[0] + 2 * _GAP
    return sheet
