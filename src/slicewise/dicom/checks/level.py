"""One level of an instance, the dataset itself or an item of a sequence, with values as text."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

import attrs
from pydicom.datadict import dictionary_VR

from slicewise.image import RawElement
from slicewise.image.elements import name_of, tag_of

__all__ = ["Level", "dictionary_vrs", "numbers", "values_of", "vr_of_element"]

_CODES = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}


@attrs.frozen(eq=False)
class Level:
    """A dataset or an item.

    Parameters
    ----------
    elements : mapping of int to RawElement
        Its elements by tag.
    """

    elements: Mapping[int, RawElement]

    def has(self, keyword: str) -> bool:
        """Whether the attribute is there, with a value or without."""
        return tag_of(keyword) in self.elements

    def values(self, keyword: str) -> tuple[str, ...]:
        """Return the values of an attribute as text without padding; none if it is absent or empty."""
        element = self.elements.get(tag_of(keyword))
        return () if element is None else values_of(element)

    def value(self, keyword: str) -> str:
        """Return the first value of an attribute as text; empty if there is none."""
        return (self.values(keyword) or ("",))[0]

    def number(self, keyword: str) -> float | None:
        """Return the first value of an attribute as a number; None if it is none."""
        try:
            return float(self.value(keyword))
        except ValueError:
            return None

    def keywords(self) -> set[str]:
        """Return the names of the public attributes that are there."""
        return {name_of(tag) for tag in self.elements if not tag >> 16 & 1}


@lru_cache(maxsize=4096)
def dictionary_vrs(tag: int) -> tuple[str, ...]:
    """Return the VRs that the dictionary has for a tag; none if it does not know it."""
    try:
        return tuple(dictionary_VR(tag).split(" or "))
    except KeyError:
        return ()


def vr_of_element(element: RawElement) -> str:
    """Return the VR of an element: the stated one, else (or where that is UN) that of the dictionary, else UN."""
    if element.vr is not None and element.vr != "UN":
        return element.vr
    return (dictionary_vrs(element.tag) or ("UN",))[0]


def values_of(element: RawElement) -> tuple[str, ...]:
    """Return the values of an element as text without padding; items and bytes stand as one text of their length."""
    vr, value = vr_of_element(element), element.value
    if not value:
        return ()
    if vr in _CODES:
        return tuple(f"{number:.17g}" if isinstance(number, float) else str(number) for number in numbers(element, vr))
    if vr == "AT":
        order = "<" if element.little_endian else ">"
        pairs = struct.iter_unpack(order + "HH", value[: len(value) // 4 * 4])
        return tuple(name_of(group << 16 | number) for group, number in pairs)
    if vr == "SQ" or vr[0] == "O" or vr == "UN":
        return (f"{len(value)} bytes",)
    text = value.decode("latin-1").strip(" \0")
    return tuple(part.strip(" \0") for part in text.split("\\")) if text else ()


def numbers(element: RawElement, vr: str) -> tuple[float | int, ...]:
    """Return the numbers of an element of binary numbers."""
    code = ("<" if element.little_endian else ">") + _CODES[vr]
    size = struct.calcsize(code)
    whole = element.value[: len(element.value) // size * size]
    return tuple(number for (number,) in struct.iter_unpack(code, whole))
