"""Attributes as text: a dotted path for a name, and the value in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from slicewise.image.elements import name_of
from slicewise.image.encoding import CODING_ERRORS

__all__ = ["count_text", "decoded", "element_name", "flat", "plain_text", "private_creator", "value_text"]

_SHOWN_BYTES = 8


def decoded(dataset: Dataset, tag: int) -> DataElement | RawDataElement | None:
    """Return an element with its value decoded, or as it stands in the file if its value breaks its VR."""
    key = BaseTag(tag)
    try:
        return dataset.get(key)
    except CODING_ERRORS:
        return dataset.get_item(key)


def private_creator(dataset: Dataset, tag: int) -> str:
    """Return the creator of the block that a private element stands in; empty if there is none."""
    block = tag >> 8 & 0xFF
    if not tag >> 16 & 1 or block < 0x10:
        return ""
    element = decoded(dataset, tag & 0xFFFF0000 | block)
    return "" if element is None else value_text(element).strip()


def element_name(dataset: Dataset, tag: int) -> str:
    """Return the keyword of an element, or ``(gggg,eeee) [creator]`` for a private one."""
    creator = private_creator(dataset, tag)
    return f"{name_of(tag)} [{creator}]" if creator else name_of(tag)


def value_text(element: DataElement | RawDataElement) -> str:
    """Return a value in one line: several values joined by backslashes, long binary values as their length."""
    if element.VR == "SQ":
        return count_text(len(element.value or ()), "item")
    return plain_text(element.value)


def plain_text(value: Any) -> str:
    """Return a value in one line, whatever it is."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        size = count_text(len(value), "byte")
        return f"{size}: {value.hex(' ')}" if 0 < len(value) <= _SHOWN_BYTES else size
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(plain_text(v) for v in value)
    text = str(int(value)) if isinstance(value, BaseTag) else str(value)
    return text.replace("\r\n", "\n").replace("\n", " / ").replace("\r", " / ")


def count_text(number: int, what: str) -> str:
    """Return a number of things as text."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def flat(dataset: Dataset, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Iterate over all elements as (dotted path, text), those of nested sequences included.

    Examples
    --------
    >>> inner, outer = Dataset(), Dataset()
    >>> inner.CodeValue = "113087"
    >>> outer.PatientID, outer.DerivationCodeSequence = "A", [inner]
    >>> dict(flat(outer))
    {'DerivationCodeSequence[0].CodeValue': '113087', 'PatientID': 'A'}
    """
    for tag in sorted(dataset.keys()):
        element = decoded(dataset, int(tag))
        if element is None:
            continue
        path = prefix + element_name(dataset, int(tag))
        if element.VR == "SQ" and element.value and not isinstance(element, RawDataElement):
            for number, item in enumerate(element.value):
                yield from flat(item, f"{path}[{number}].")
        else:
            yield path, value_text(element)
