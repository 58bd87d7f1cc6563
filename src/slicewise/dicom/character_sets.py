"""Character sets of headers, and the change to UTF-8 where text asks for it (PS3.3, C.12.1.1.2)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset

from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

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
    return (
        all(_can_hold(letter, convert_encodings(list(t))) for t in terms if t for letter in foreign) and () not in terms
    )


def _can_hold(letter: str, encodings: Iterable[str]) -> bool:
    for encoding in encodings:
        try:
            letter.encode(encoding)
        except UnicodeError:
            continue
        return True
    return False


def in_utf8(headers: Headers) -> Headers:
    """Return headers with all text in UTF-8 (ISO_IR 192), also within sequences.

    Raises
    ------
    HeaderError
        If a text cannot be decoded as what it is declared to be.
    """
    datasets = []
    for k, header in enumerate(headers):
        try:
            dataset = header.copy_out()
            _drop_nested_sets(dataset)
        except (ValueError, TypeError, LookupError, NotImplementedError) as error:
            raise HeaderError(
                f"slice {k}: its text cannot be changed to UTF-8 ({error}); use letters of its own character set"
            ) from error
        dataset.SpecificCharacterSet = "ISO_IR 192"
        datasets.append(dataset)
    return Headers.from_datasets(datasets)


def _drop_nested_sets(dataset: Dataset) -> None:
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            item.pop(_CHARACTER_SET, None)
            _drop_nested_sets(item)
