"""Private attributes, found by their creator (PS3.5, 7.8.1)."""

from __future__ import annotations

from collections.abc import Mapping

from slicewise.dicom.values import text_of
from slicewise.image import Headers, RawElement

__all__ = ["private_element", "private_tag", "private_tags", "slice_elements"]


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
    tag = private_tag(elements, creator, group, element)
    return None if tag is None else elements[tag]


def private_tag(elements: Mapping[int, RawElement], creator: str, group: int, element: int) -> int | None:
    """Return the tag under which a private element stands; None if there is none. Parameters as above."""
    for block in range(0x10, 0x100):
        reserved = elements.get(group << 16 | block)
        tag = group << 16 | block << 8 | element
        if reserved is not None and tag in elements and text_of(reserved) == creator:
            return tag
    return None


def private_tags(headers: Headers, creator: str, group: int, element: int) -> list[int]:
    """Return the tags under which a private element stands on any slice."""
    found = []
    for block in range(0x10, 0x100):
        reserved, tag = headers.column(group << 16 | block), group << 16 | block << 8 | element
        creators = [reserved] if isinstance(reserved, RawElement) else reserved or ()
        if headers.column(tag) is not None and creator in {text_of(c) for c in creators}:
            found.append(tag)
    return found


def slice_elements(headers: Headers, index: int, group: int) -> dict[int, RawElement]:
    """Return the elements of a group on one slice."""
    tags = [tag for tag in headers.columns() if tag >> 16 == group]
    found = {tag: headers.element(tag, index) for tag in tags}
    return {tag: element for tag, element in found.items() if element is not None}
