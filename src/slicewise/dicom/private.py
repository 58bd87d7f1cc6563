"""Private attributes, found by their creator (PS3.5, 7.8.1)."""

from __future__ import annotations

from collections.abc import Mapping

from slicewise.dicom.values import text_of
from slicewise.image import Headers, RawElement

__all__ = ["private_element", "slice_elements"]


def private_element(elements: Mapping[int, RawElement], creator: str, group: int, element: int) -> RawElement | None:
    """Return a private element; None if there is none.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of a dataset or of an item, by tag.
    creator : str
        Who reserved the block.
    group : int
        The group.
    element : int
        The element within the block, 0 to 255.
    """
    for block in range(0x10, 0x100):
        reserved = elements.get(group << 16 | block)
        if reserved is not None and text_of(reserved) == creator:
            found = elements.get(group << 16 | block << 8 | element)
            if found is not None:
                return found
    return None


def slice_elements(headers: Headers, index: int, group: int) -> dict[int, RawElement]:
    """Return the elements of a group on one slice."""
    tags = [tag for tag in headers.columns() if tag >> 16 == group]
    found = {tag: headers.element(tag, index) for tag in tags}
    return {tag: element for tag, element in found.items() if element is not None}
