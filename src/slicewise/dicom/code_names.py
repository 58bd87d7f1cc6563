"""Codes by the names that pydicom's dictionaries have for them, and the category of what can be segmented (PS3.16)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any

from slicewise.dicom.coded import to_code
from slicewise.errors import ParameterError
from slicewise.image import Code

__all__ = ["category_of", "code_named", "codes_named"]

_CATEGORIES = {
    "CID7191": "Tissue",
    "CID7192": "AnatomicalStructure",
    "CID7193": "PhysicalObject",
    "CID7194": "MorphologicallyAbnormalStructure",
    "CID7195": "Function",
    "CID7196": "SpatialAndRelationalConcept",
    "CID7197": "BodySubstance",
    "CID7198": "Substance",
}
"""For each context group of types of segments its category (PS3.16, CID 7150)."""

_SCHEMES = ("SCT", "DCM")


def code_named(name: Any, what: str) -> Code:
    """Return a code by its name in pydicom's dictionaries, or its meaning; a code as it is.

    Parameters
    ----------
    name : str or Code
        ``"Liver"``, ``"AnatomicalStructure"``, ``"Anatomical Structure"``; or value, scheme and meaning.
    what : str
        What it is wanted for, for the message.

    Raises
    ------
    ParameterError
        If no code has that name.

    Examples
    --------
    >>> code_named("adrenal gland", "type")
    Code(value='23451007', scheme='SCT', meaning='Adrenal gland')
    """
    if isinstance(name, list | tuple) and len(name) == 3 and isinstance(name[0], int | float):
        raise ParameterError(
            f"{what}: the value of a code stands in quotes, e.g. ['10200004', 'SCT', 'Liver'] (got {[*name]!r})"
        )
    if not isinstance(name, str):
        return to_code(name)
    wanted = _plain(name)
    for names in (_segmented(), _all()):
        if wanted in names:
            return names[wanted]
    near = difflib.get_close_matches(wanted, _segmented(), n=3)
    hint = f"did you mean {' or '.join(repr(_segmented()[n].meaning) for n in near)}? " if near else ""
    raise ParameterError(
        f"{what}: no code is named {name!r}; {hint}Give a name of pydicom's dictionaries, or value, scheme and "
        "meaning, e.g. ['10200004', 'SCT', 'Liver']"
    )


def codes_named(value: Any, what: str) -> list[Code]:
    """Return the codes of one name, of several, or of one code as value, scheme and meaning.

    Raises
    ------
    ParameterError
        If no code has such a name.
    """
    if value is None:
        return []
    if isinstance(value, list | tuple) and not (len(value) == 3 and value[1] in (*_SCHEMES, "SRT", "FMA")):
        return [code_named(one, what) for one in value]
    return [code_named(value, what)]


def category_of(code: Code, what: str) -> Code:
    """Return the category of a type of segments, as the context groups have it.

    Raises
    ------
    ParameterError
        If the type is in none of them, or in several.
    """
    found = _categories().get((code.value, code.scheme), ())
    if len(found) == 1:
        return found[0]
    known = " and ".join(category.meaning for category in found) or "no category"
    raise ParameterError(
        f"{what}: the standard has {known} for {code.meaning!r}, so that it must be said, such as 'Anatomical "
        "Structure', 'Tissue', 'Morphologically Abnormal Structure', 'Physical object': in YAML as 'category: Tissue', "
        "in Python as sw.Segment(label, type, codes.SCT.Tissue)"
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _concepts(collection: Any) -> Iterator[tuple[str, Code]]:
    for name in dir(collection):
        try:
            concept = getattr(collection, name)
        except AttributeError:
            # pydicom lists some names that several codes have.
            continue
        # A few meanings of the dictionary are nothing that a header holds.
        if hasattr(concept, "scheme_designator") and len(concept.meaning) <= 64 and concept.meaning.isprintable():
            yield name, to_code(concept)


def _named(concepts: Iterator[tuple[str, Code]], names: dict[str, Code]) -> None:
    for name, code in concepts:
        names.setdefault(_plain(name), code)
        names.setdefault(_plain(code.meaning), code)


@cache
def _segmented() -> dict[str, Code]:
    """Return the names of what can be segmented, and of its categories."""
    from pydicom.sr.codedict import codes

    names: dict[str, Code] = {}
    for group in ("CID7150", "CID7151", *_CATEGORIES):
        _named(_concepts(getattr(codes, group)), names)
    return names


@cache
def _all() -> dict[str, Code]:
    """Return the names of all codes of the schemes that anatomy and images are described in."""
    from pydicom.sr.codedict import codes

    names: dict[str, Code] = {}
    for scheme in _SCHEMES:
        _named(_concepts(getattr(codes, scheme)), names)
    return names


@cache
def _categories() -> dict[tuple[str, str], tuple[Code, ...]]:
    from pydicom.sr.codedict import codes

    found: dict[tuple[str, str], tuple[Code, ...]] = {}
    for group, name in _CATEGORIES.items():
        category = to_code(getattr(codes.CID7150, name))
        for _, code in _concepts(getattr(codes, group)):
            known = found.get((code.value, code.scheme), ())
            if category not in known:
                found[code.value, code.scheme] = (*known, category)
    return found
