"""What of a dataset becomes code: which elements, in which character set, and where their bytes are put."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from slicewise.image.decoding import DECODING_ERRORS, vr_of
from slicewise.image.elements import name_of
from slicewise.io.codify_side import SideFile
from slicewise.io.codify_values import Coded, coded, is_text, stored_element

__all__ = ["Choice", "Value", "character_set_of", "elements_of", "title_of"]

_CHARACTER_SET = 0x00080005
_UNDEFINED = 0xFFFFFFFF


@attrs.frozen
class Choice:
    """What is left out of a script, and what is put beside it.

    Parameters
    ----------
    side : SideFile
        Takes large values.
    side_size : int
        Values that are no text, and have more bytes than this, go there.
    exclude_size : int, optional
        Values that are no text, and have more bytes than this, are left out.
    private : bool
        Whether private elements are taken.
    """

    side: SideFile
    side_size: int
    exclude_size: int | None = None
    private: bool = True

    def bytes_text(self, value: bytes) -> str:
        """Return the expression of some bytes: a literal, or where they are in the side file."""
        if len(value) <= self.side_size:
            return repr(value)
        offset, length = self.side.add(value)
        return f"beside({offset}, {length})"


class Value(NamedTuple):
    """An element to be coded: either a sequence of items or a value; or why it is left out.

    Parameters
    ----------
    tag : BaseTag
        Its tag.
    items : list of Dataset or None
        The items of a sequence.
    code : Coded or None
        What is no sequence.
    is_undefined : bool
        Whether its length is not stated in the file, but its end marked.
    omission : str
        Why it is left out.
    """

    tag: BaseTag
    items: list[Dataset] | None = None
    code: Coded | None = None
    is_undefined: bool = False
    omission: str = ""


def character_set_of(dataset: Dataset, outer: Any) -> Any:
    """Return the character set of a dataset as pydicom finds it when it writes: its own, or that around it."""
    return dataset.get("SpecificCharacterSet", outer)


def elements_of(dataset: Dataset, choice: Choice, character_set: Any) -> Iterator[Value]:
    """Iterate over the elements of a dataset in the order of their tags."""
    for tag in sorted(dataset.keys()):
        value = _value_of(dataset, BaseTag(tag), choice, character_set)
        if value is not None:
            yield value


def _value_of(dataset: Dataset, tag: BaseTag, choice: Choice, character_set: Any) -> Value | None:
    if tag.is_private and not choice.private:
        return None
    if tag.element == 0 and tag.group > 2:
        return None  # a group length is retired, and pydicom writes none
    element = stored_element(dataset, tag)
    is_undefined = (
        element.length == _UNDEFINED if isinstance(element, RawDataElement) else bool(element.is_undefined_length)
    )
    items = _items_of(dataset, tag)
    if items is not None:
        return Value(tag, items=items, is_undefined=is_undefined)
    code = coded(dataset, tag, character_set, choice.side_size)
    size = len(code.value)
    if choice.exclude_size is not None and size > choice.exclude_size and not is_text(code.vr):
        return Value(tag, omission=f"{size} bytes of VR {code.vr} are left out")
    return Value(tag, code=code, is_undefined=is_undefined)


def _items_of(dataset: Dataset, tag: BaseTag) -> list[Dataset] | None:
    found = stored_element(dataset, tag)
    if isinstance(found, RawDataElement) and (found.VR == "UN" or vr_of(found, dataset)[0] != "SQ"):
        return None
    try:
        # What pydicom warns of in items stays as it is.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = dataset[tag].value
    except DECODING_ERRORS:
        return None
    return list(value) if isinstance(value, Items) else None


def title_of(tag: BaseTag) -> str:
    """Return how an element is named in comments."""
    name = name_of(tag)
    return name if name.startswith("(") else f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
