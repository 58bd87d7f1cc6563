"""Character sets of headers, and the change to UTF-8 where text asks for it (PS3.3, C.12.1.1.2)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.charset import convert_encodings

from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.image.encoding import CODING_ERRORS, character_set_holds

__all__ = ["can_hold", "character_set", "in_utf8"]

_CHARACTER_SET = "SpecificCharacterSet"


def character_set(headers: Headers, index: int = 0) -> list[str]:
    """Return the defined terms of the character set of a slice; none for plain ASCII."""
    stated = text_of(headers.element(tag_of(_CHARACTER_SET), index)) if len(headers) else ""
    return [term.strip() for term in stated.split("\\")] if stated else []


def can_hold(headers: Headers, texts: Iterable[str]) -> bool:
    """Whether the character set of every slice can hold some texts."""
    foreign = {letter for text in texts for letter in text if not letter.isascii()}
    if not foreign:
        return True
    terms = {tuple(character_set(headers, k)) for k in range(len(headers))}
    if () in terms:
        return False
    return all(character_set_holds(letter, convert_encodings(list(t))) for t in terms for letter in foreign)


def in_utf8(headers: Headers) -> Headers:
    """Return headers with all text in UTF-8 (ISO_IR 192), also within sequences.

    Raises
    ------
    HeaderError
        If a text cannot be decoded as what it is declared to be.
    """
    try:
        return headers.replace(SpecificCharacterSet="ISO_IR 192")
    except HeaderError:
        raise
    except CODING_ERRORS as error:
        raise HeaderError(f"text cannot be changed to UTF-8 ({error}); use letters of its own character set") from error
