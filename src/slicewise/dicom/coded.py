"""Coded concepts as datasets, and as others name them (PS3.3, 8.8)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Code

__all__ = ["check_code", "code_dataset", "code_of_dataset", "is_code_value", "to_code"]

_SHORT = 16
"""Length of an SH value (PS3.5, 6.2)."""


def to_code(value: Any) -> Code:
    """Return a code of one of pydicom's dictionaries, or of value, scheme and meaning; a code as it is.

    Raises
    ------
    ParameterError
        If it is neither, or no header could state it.

    Examples
    --------
    >>> from pydicom.sr.codedict import codes
    >>> to_code(codes.SCT.Liver)
    Code(value='10200004', scheme='SCT', meaning='Liver')
    """
    if isinstance(value, Code):
        # What was read may be broken; what is written is checked.
        return value
    parts = (value.value, value.scheme_designator, value.meaning) if hasattr(value, "scheme_designator") else value
    if not isinstance(parts, tuple | list) or len(parts) != 3 or not all(isinstance(p, str) for p in parts):
        raise _no_code(value)
    code = Code(*parts)
    check_code(code)
    return code


def check_code(code: Code) -> None:
    """Raise unless a header can state a code.

    Raises
    ------
    ParameterError
        If it cannot.
    """
    if not all(p.strip() and p.isprintable() and "\\" not in p for p in code):
        raise _no_code(code)
    if len(code.scheme) > _SHORT or len(code.meaning) > 64:
        raise ParameterError(
            f"the scheme of a code has at most 16 characters, and its meaning at most 64 (got {tuple(code)!r})"
        )


def _no_code(value: Any) -> ParameterError:
    return ParameterError(
        "a code must be value, scheme and meaning, e.g. ('10200004', 'SCT', 'Liver'), or one of pydicom's "
        f"dictionaries, e.g. codes.SCT.Liver (got {value!r})"
    )


def is_code_value(value: str) -> bool:
    """Whether a value is short enough for Code Value, and not a URN."""
    return len(value) <= _SHORT and not value.startswith(("urn:", "http"))


def code_dataset(code: Code) -> Dataset:
    """Return the item of a coded concept."""
    item = Dataset()
    if is_code_value(code.value):
        item.CodeValue = code.value
    elif code.value.startswith(("urn:", "http")):
        item.URNCodeValue = code.value
    else:
        item.LongCodeValue = code.value
    if "URNCodeValue" not in item:
        item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return item


def code_of_dataset(item: Dataset, place: str) -> Code:
    """Return the code of an item.

    Parameters
    ----------
    item : Dataset
        The item.
    place : str
        Where it stands, for the message.

    Raises
    ------
    HeaderError
        If it has no value.
    """
    found = [str(item.get(k) or "") for k in ("CodeValue", "LongCodeValue", "URNCodeValue")]
    value = next((text for text in found if text), "")
    if not value:
        raise HeaderError(f"{place}: the code has no value")
    scheme = str(item.get("CodingSchemeDesignator") or ("URN" if found[2] else ""))
    return Code(value, scheme, str(item.get("CodeMeaning") or ""))
