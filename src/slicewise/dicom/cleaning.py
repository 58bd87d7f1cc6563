"""Descriptions without what looks like identification."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.character_sets import CharacterSet, character_set_of, decode_text
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element

__all__ = ["Cleaner"]

_TELLING = tuple(
    tag_of(keyword)
    for keyword in (
        "AccessionNumber",
        "DeviceSerialNumber",
        "InstitutionAddress",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "IssuerOfPatientID",
        "NameOfPhysiciansReadingStudy",
        "OperatorsName",
        "OtherPatientIDs",
        "OtherPatientNames",
        "PatientAddress",
        "PatientBirthDate",
        "PatientBirthName",
        "PatientID",
        "PatientMotherBirthName",
        "PatientName",
        "PerformingPhysicianName",
        "ReferringPhysicianName",
        "RequestingPhysician",
        "StationName",
        "StudyID",
    )
)
_CHARACTER_SET = tag_of("SpecificCharacterSet")
_SHORTEST, _LONG = 3, 5
_WORD = re.compile(r"[^\W_]+")
# Numbers of four digits and more, with what joins dates and telephone numbers; addresses of mail and in the net.
_NUMBERS = re.compile(r"\d[\d./:-]{2,}\d|\S+@\S+|\S+://\S+")


@attrs.frozen
class Cleaner:
    """Takes out of texts the words that name the patient, people and places, long numbers, dates and addresses.

    It cannot know all that would identify somebody: what it leaves has to be read by a person.

    Parameters
    ----------
    words : frozenset of str
        The words, in lower case.
    character_set : CharacterSet
        That of the texts.
    terms : tuple of str
        The same as the header states it.
    """

    words: frozenset[str]
    character_set: CharacterSet
    terms: tuple[str, ...]

    @classmethod
    def of(cls, headers: Headers) -> Cleaner:
        """Return a cleaner that knows what headers say of people and places."""
        declared = headers.element(_CHARACTER_SET, 0) if len(headers) else None
        stated = b"" if declared is None else declared.value
        character_set = character_set_of(stated)
        terms = tuple(part.strip() for part in stated.decode("latin-1").strip(" \0").split("\\"))
        words = frozenset(word for text in _texts(headers, character_set) for word in _words(text))
        return cls(words, character_set, terms if any(terms) else ())

    def cleaned(self, element: RawElement) -> RawElement | None:
        """Return a text without such words; None where it cannot be written again."""
        text = decode_text(element.value, self.character_set)[0].strip(" \0")
        kept = _NUMBERS.sub("", _WORD.sub(lambda found: "" if self._tells(found[0].lower()) else found[0], text))
        kept = re.sub(r"([ _^])[ _^]+", r"\1", kept).strip(" _^")
        try:
            return encode_element(element.tag, kept, vr=element.vr, character_set=self.terms)
        except HeaderError:
            return None

    def _tells(self, word: str) -> bool:
        # Names are also written together, as MuellerThorax.
        return word in self.words or any(len(name) >= _LONG and name in word for name in self.words)


def _texts(headers: Headers, character_set: CharacterSet) -> Iterator[str]:
    for tag in _TELLING:
        column = headers.column(tag)
        elements = [column] if isinstance(column, RawElement) else list(column or ())
        for value in {element.value for element in elements if element is not None}:
            yield decode_text(value, character_set)[0]


def _words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text.lower()) if len(word) >= _SHORTEST)
