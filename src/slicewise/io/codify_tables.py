"""Elements as literals, for tables of what differs from instance to instance."""

from __future__ import annotations

from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.image.elements import name_of
from slicewise.io.codify_elements import Choice, Value, character_set_of, elements_of

__all__ = ["ABSENT", "Key", "Literals", "literals", "shown_key"]

ABSENT = "ABSENT"
"""How a script says that an instance lacks an element."""

Key = str | tuple[int, str]
Literals = dict[Key, str]


def literals(dataset: Dataset, choice: Choice, character_set: Any) -> Literals:
    """Return the elements of a dataset, each by its keyword, or its tag and VR, as the text of a Python expression."""
    character_set = character_set_of(dataset, character_set)
    found: Literals = {}
    for value in elements_of(dataset, choice, character_set):
        if not value.omission:
            vr, text = _literal(value, choice, character_set)
            found[_key(value.tag, vr)] = text
    return found


def shown_key(key: Key) -> str:
    """Return the expression of a key."""
    return repr(key) if isinstance(key, str) else f"(0x{key[0]:08X}, {key[1]!r})"


def _key(tag: BaseTag, vr: str) -> Key:
    name = name_of(tag)
    return name if not name.startswith("(") and dictionary_VR(tag) == vr else (int(tag), vr)


def _literal(value: Value, choice: Choice, character_set: Any) -> tuple[str, str]:
    """Return the VR of an element, and the expression of its value."""
    undefined = "is_undefined=True" if value.is_undefined else ""
    if value.items is not None:
        items = [_item(item, choice, character_set) for item in value.items]
        return "SQ", f"items({', '.join([*items, undefined] if undefined else items)})"
    code = value.code
    if code is None:
        raise ValueError(f"{value.tag} is neither a sequence nor a value")
    if code.text is not None:
        return code.vr, code.text
    text = choice.bytes_text(code.value)
    if code.is_bytes and (not undefined or value.tag == 0x7FE00010):
        return code.vr, text
    return code.vr, f"Stored(0x{value.tag:08X}, {code.vr!r}, {text}{', ' + undefined if undefined else ''})"


def _item(item: Dataset, choice: Choice, character_set: Any) -> str:
    elements = ", ".join(f"{shown_key(key)}: {text}" for key, text in literals(item, choice, character_set).items())
    undefined = ", is_undefined=True" if getattr(item, "is_undefined_length_sequence_item", False) else ""
    return f"item({{{elements}}}{undefined})"
