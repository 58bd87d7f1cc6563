"""Values checked against their VR: length, form, letters, and how many there are (PS3.5, 6.1 to 6.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.datadict import dictionary_VM

from slicewise.dicom.checks.faults import Fault, fault
from slicewise.dicom.checks.level import dictionary_vrs, vr_of_element
from slicewise.image import RawElement
from slicewise.image.character_sets import CharacterSet, decode_text

__all__ = ["value_faults"]

_SIZES = {"AT": 4, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4, "SS": 2, "SV": 8}
_SIZES |= {"UL": 4, "US": 2, "UV": 8}
_COUNTED = frozenset(["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])
_PLAIN = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"])
"""VRs whose text is ASCII whatever the character set."""
_LONGEST = {"AE": 16, "CS": 16, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "PN": 64, "SH": 16, "ST": 1024}
_LONGEST |= {"TM": 14, "UI": 64}
_SINGLE = frozenset(["LT", "ST", "UT", "UR"])
"""VRs in which a backslash separates nothing."""
_TEXTS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])

_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?"
_FORMS = {
    "AE": (r"[ -\[\]-~]*", "letters of ASCII without a backslash"),
    "AS": (r"\d{3}[DWMY]", "an age as 042Y"),
    "CS": (r"[A-Z0-9 _]*", "capitals, digits, spaces and underscores"),
    "DA": (_DATE, "a date as 20240131"),
    "DS": (r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", "a decimal number"),
    "DT": (
        rf"\d{{4}}((0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])({_TIME})?)?)?([+-]\d{{4}})?",
        "a date and time as 20240131235959.99",
    ),
    "IS": (r"[+-]?\d+", "an integer"),
    "TM": (_TIME, "a time as 235959.99"),
    "UI": (r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", "numbers without leading zeros, separated by dots"),
}
_PATTERNS = {vr: re.compile(pattern) for vr, (pattern, _) in _FORMS.items()}
_CONTROL = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]")
_CONTROL_IN_LONG = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_IS_RANGE = range(-(2**31), 2**31)
_VM = re.compile(r"(\d+)(?:-(\d+|\d*n))?")


def value_faults(element: RawElement, name: str, characters: CharacterSet) -> Iterator[Fault]:
    """Give what is wrong with a value, whatever it means.

    Parameters
    ----------
    element : RawElement
        Any element but a sequence.
    name : str
        Its name or path, for the faults.
    characters : CharacterSet
        What its dataset declares.
    """
    yield from _vr_faults(element, name)
    vr, value = vr_of_element(element), element.value
    if len(value) % 2:
        yield fault("odd-length", name, f"{len(value)} bytes", "an even number of bytes")
    if vr in _SIZES and len(value) % _SIZES[vr]:
        yield fault("value-length", name, f"{len(value)} bytes", f"a multiple of {_SIZES[vr]} bytes, as of VR {vr}")
    elif vr in _COUNTED and value:
        yield from _count_faults(element.tag, len(value) // _SIZES[vr], name)
    elif vr in _FORMS or vr in _TEXTS or vr == "UR":
        yield from _text_faults(element, vr, name, characters)


def _vr_faults(element: RawElement, name: str) -> Iterator[Fault]:
    known = dictionary_vrs(element.tag)
    if element.vr is None or not known or element.vr in known:
        return
    wanted = f"VR {' or '.join(known)}"
    if element.vr == "UN":
        yield fault("unknown-vr", name, "VR UN", wanted)
    elif not (element.vr in ("OB", "OW") and set(known) & {"OB", "OW"} and element.tag >> 16 != 0x7FE0):
        yield fault("vr", name, f"VR {element.vr}", wanted)


def _text_faults(element: RawElement, vr: str, name: str, characters: CharacterSet) -> Iterator[Fault]:
    value = element.value
    if vr != "UI" and value.endswith(b"\0"):
        yield fault("padding", name, f"{_shown(value)} ends in NUL", f"padding with spaces, as of VR {vr}")
    bare = value.rstrip(b"\0 ") if vr == "UI" else value.rstrip(b"\0").rstrip(b" ")
    if vr == "UI" and value.rstrip(b"\0").endswith(b" "):
        yield fault("padding", name, f"{_shown(value)} ends in a space", "padding with one NUL, as of VR UI")
    if not bare:
        return
    yield from _letter_faults(bare, vr, name, characters)
    text = bare.decode("latin-1") if vr in _PLAIN else decode_text(bare, characters).text
    parts = [text] if vr in _SINGLE else text.split("\\")
    if vr not in _SINGLE:
        yield from _count_faults(element.tag, len(parts), name)
    for part in parts:
        yield from _part_faults(part, vr, name)


def _letter_faults(value: bytes, vr: str, name: str, characters: CharacterSet) -> Iterator[Fault]:
    control = _CONTROL_IN_LONG if vr in ("LT", "ST", "UT") else _CONTROL
    if vr in _TEXTS and (bad := control.search(value)):
        yield fault("value-form", name, f"{_shown(value)} with byte 0x{bad[0].hex()}", f"no such control in VR {vr}")
    if vr in _TEXTS and (reason := decode_text(value, characters).reason):
        declared = "\\".join(characters.terms) or "none: ASCII"
        yield fault("character-set", name, f"{_shown(value)}: {reason}", f"text in the declared set ({declared})")


def _part_faults(part: str, vr: str, name: str) -> Iterator[Fault]:
    # Leading and trailing spaces are no part of these values, but count for the length of numbers (PS3.5, 6.2).
    bare = part.strip(" ")
    groups = bare.split("=") if vr == "PN" else [part if vr in ("DS", "IS") else bare]
    longest = max(map(len, groups))
    if vr in _LONGEST and longest > _LONGEST[vr]:
        yield fault("value-length", name, f"{longest} characters: {part!r}", f"at most {_LONGEST[vr]} (VR {vr})")
    pattern = _PATTERNS.get(vr)
    if not bare or pattern is None:
        return
    text = part.rstrip(" ") if vr in ("DA", "TM", "DT", "AS", "UI") else bare
    if pattern.fullmatch(text) is None:
        yield fault("value-form", name, repr(part), f"{_FORMS[vr][1]} (VR {vr})")
    elif vr == "IS" and int(bare) not in _IS_RANGE:
        yield fault("value-form", name, repr(part), "an integer of 32 bits (VR IS)")


def _count_faults(tag: int, count: int, name: str) -> Iterator[Fault]:
    try:
        stated = dictionary_VM(tag)
    except KeyError:
        return
    if not _fits(count, stated):
        yield fault("multiplicity", name, f"{count} {'value' if count == 1 else 'values'}", f"multiplicity {stated}")


def _fits(count: int, stated: str) -> bool:
    choices = [match for part in stated.split(" or ") if (match := _VM.fullmatch(part))]
    return not choices or any(_in_range(count, int(match[1]), match[2]) for match in choices)


def _in_range(count: int, least: int, most: str | None) -> bool:
    if most is None:
        return count == least
    if most.endswith("n"):
        return count >= least and count % int(most[:-1] or 1) == 0
    return least <= count <= int(most)


def _shown(value: bytes) -> str:
    return repr(value[:40].decode("latin-1"))
