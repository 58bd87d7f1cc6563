"""Grids of United Imaging: the slices of a volume as tiles of one frame, each described by an item of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from slicewise.dicom.items import item_spans, items_of
from slicewise.dicom.private import private_element, private_tag
from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["GRID_TAGS", "grid_columns", "grid_layout", "holds_grid"]

_CREATOR = "Image Private Header"
_IMAGE_COUNT = (_CREATOR, 0x0065, 0x50)
_FRAMES = (_CREATOR, 0x0065, 0x51)
"""Creator, group and number within its block of private elements that describe a grid."""

_BLOCKS = range(0x10, 0x20)
GRID_TAGS = frozenset(_IMAGE_COUNT[1] << 16 | low for block in _BLOCKS for low in (block, block << 8 | _IMAGE_COUNT[2]))
"""What ``holds_grid`` looks at."""

_POSITION = tag_of("ImagePositionPatient")


def holds_grid(element: Callable[[int], RawElement | None]) -> bool:
    """Whether private elements say that a frame holds several slices."""
    group = _IMAGE_COUNT[1] << 16
    for block in _BLOCKS:
        if text_of(element(group | block)) == _CREATOR:
            return text_of(element(group | block << 8 | _IMAGE_COUNT[2])) not in ("", "0", "1")
    return False


def grid_layout(elements: Mapping[int, RawElement]) -> tuple[int, int, int]:
    """Return how many tiles there are, and how many places down and across: no row of places is left over.

    Raises
    ------
    HeaderError
        If the private elements are missing or disagree.
    """
    frames = private_element(elements, *_FRAMES)
    stated = decimals(private_element(elements, *_IMAGE_COUNT))
    count = len(items_of(frames)) if frames is not None else 0
    if not count or (stated and stated[0] != count):
        raise HeaderError(
            "the frame is a grid of slices (ImageType VFRAME), and its private elements must say how many: there are "
            f"{f'{stated[0]:g}' if stated else 'none'} by (0065,xx50) and {count} by the items of (0065,xx51)"
        )
    across = math.ceil(math.sqrt(count))
    return count, math.ceil(count / across), across


def grid_columns(elements: Mapping[int, RawElement]) -> dict[int, Column]:
    """Return what the items of a grid say of each slice: position, location, times; and the item, as the only one.

    Raises
    ------
    HeaderError
        If an item has no position.
    """
    frames_tag, count_tag = private_tag(elements, *_FRAMES), private_tag(elements, *_IMAGE_COUNT)
    if frames_tag is None:
        return {}
    frames = elements[frames_tag]
    items = items_of(frames)
    unplaced = [k for k, item in enumerate(items) if len(decimals(item.get(_POSITION))) != 3]
    if unplaced:
        raise HeaderError(
            f"the frame is a grid of slices, and item {unplaced[0] + 1} of (0065,xx51) has no ImagePositionPatient"
        )
    tags = {tag for item in items for tag in item if not tag >> 16 & 1}
    columns: dict[int, Column] = {tag: tuple(item.get(tag) for item in items) for tag in tags}
    if count_tag is not None:
        columns[count_tag] = elements[count_tag]._replace(value=b"1 ")
    columns[frames_tag] = tuple(frames._replace(value=frames.value[a:b]) for a, b in item_spans(frames))
    return columns
