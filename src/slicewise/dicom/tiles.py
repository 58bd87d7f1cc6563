"""Slices laid out as tiles in one frame: mosaics of Siemens, grids of United Imaging.

The tiles stand row by row, from the top left; places may be left over at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from slicewise.dicom.mosaics import MOSAIC, mosaic_layout, mosaic_places
from slicewise.dicom.uih_grids import GRID_TAGS, grid_columns, grid_layout, holds_grid
from slicewise.dicom.values import padded, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["TILE_TAGS", "Window", "has_tiles", "tile_headers"]

_TYPE = tag_of("ImageType")
_MODALITY = tag_of("Modality")
_ROWS, _COLUMNS = tag_of("Rows"), tag_of("Columns")
_OF_WHOLE_FRAME = frozenset(
    tag_of(keyword) for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "IconImageSequence")
)
_GRID = "VFRAME"

TILE_TAGS = GRID_TAGS | {_TYPE, _MODALITY}
"""What ``has_tiles`` looks at."""


class Window(NamedTuple):
    """The part of a frame that a slice takes: its first row and column, and its size in pixels."""

    top: int
    left: int
    rows: int
    columns: int


def has_tiles(element: Callable[[int], RawElement | None]) -> bool:
    """Whether a frame holds several slices, by what returns the elements of its instance."""
    if text_of(element(_MODALITY)) != "MR":
        return False
    return not {MOSAIC, _GRID}.isdisjoint(_values(element(_TYPE))) or holds_grid(element)


def _values(image_type: RawElement | None) -> list[str]:
    return [value.strip() for value in text_of(image_type).split("\\")]


def tile_headers(elements: Mapping[int, RawElement]) -> tuple[Headers, list[Window]]:
    """Return a header for each tile of a frame, and where it stands.

    Position, size, slice location and Image Type (without MOSAIC or VFRAME) are those of the tile. What is only true
    of the whole frame (the extremes of its pixels, overlays, an icon) is left out; all else is what the file says,
    also the instance number and the private header, which are those of the frame.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of the instance.

    Raises
    ------
    HeaderError
        If it is not said how many tiles there are, or where their slices lie.
    """
    kinds = _values(elements.get(_TYPE))
    is_mosaic = MOSAIC in kinds
    size = (_number(elements, _ROWS, "Rows"), _number(elements, _COLUMNS, "Columns"))
    windows = _windows(size, *(mosaic_layout(elements) if is_mosaic else grid_layout(elements)))
    tile = windows[0]
    columns: dict[int, Column] = {tag: e for tag, e in elements.items() if not _is_of_whole_frame(tag)}
    columns.update(mosaic_places(elements, size, tile[2:]) if is_mosaic else grid_columns(elements))
    for tag, length in ((_ROWS, tile.rows), (_COLUMNS, tile.columns)):
        columns[tag] = elements[tag]._replace(value=length.to_bytes(2, _order(elements[tag])))
    kept = [kind for kind in kinds if kind not in (MOSAIC, _GRID)]
    if _TYPE in elements:
        columns[_TYPE] = elements[_TYPE]._replace(value=padded("\\".join(kept).encode("ascii", "replace")))
    return Headers(len(windows), columns), windows


def _is_of_whole_frame(tag: int) -> bool:
    return tag in _OF_WHOLE_FRAME or tag >> 24 == 0x60


def _windows(size: tuple[int, int], count: int, down: int, across: int) -> list[Window]:
    rows, columns = size
    if rows % down or columns % across:
        raise HeaderError(
            f"{count} slices must stand in {across} x {down} places of one size, and the frame of {columns} x {rows} "
            "pixels cannot be cut so"
        )
    height, width = rows // down, columns // across
    return [Window(k // across * height, k % across * width, height, width) for k in range(count)]


def _number(elements: Mapping[int, RawElement], tag: int, keyword: str) -> int:
    element = elements.get(tag)
    if element is None or len(element.value) != 2 or not any(element.value):
        raise HeaderError(f"the frame holds several slices and has no {keyword}, without which it cannot be cut")
    return int.from_bytes(element.value, _order(element))


def _order(element: RawElement) -> Literal["little", "big"]:
    return "little" if element.little_endian else "big"
