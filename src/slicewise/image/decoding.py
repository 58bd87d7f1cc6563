"""Values decoded by their VR; those that their VR cannot hold stay bytes, and it is said why (PS3.5, 6.2)."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, NamedTuple

from pydicom import config
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.hooks import raw_element_value
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import IS, DSclass, PersonName
from pydicom.values import convert_value

from slicewise.image.character_sets import CharacterSet, character_set_of, decode_text
from slicewise.image.encoding import CODING_ERRORS

__all__ = ["Decoded", "decode", "unknown_element", "vr_of"]

DECODING_ERRORS = (*CODING_ERRORS, Warning)
"""What pydicom raises on values that it cannot decode; its warnings as well, where these are made errors."""

_AMBIGUOUS = frozenset(["US or SS", "OB or OW", "US or OW", "US or SS or OW"])
_BINARY = frozenset(["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])
_SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8, "US or SS": 2}
_TEXTS = frozenset(["LO", "PN", "SH", "UC"])
_LONG_TEXTS = frozenset(["LT", "ST", "UT"])
_NUMBERS: dict[str, Callable[[str], Any]] = {
    "DS": lambda text: DSclass(text, validation_mode=config.IGNORE),
    "IS": lambda text: IS(text, validation_mode=config.IGNORE),
}
_LONGEST = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "PN": 64}
_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?"
_RULES = {
    "AE": (r"[ -\[\]-~]{0,16}", "an application entity of at most 16 characters"),
    "AS": (r"\d{3}[DWMY]", "an age as 042Y"),
    "CS": (r" *[A-Z0-9 _]{0,16} *", "a code of at most 16 capitals, digits, spaces and underscores"),
    "DA": (rf"{_DATE} *|\d{{4}}\.\d\d\.\d\d *", "a date as 20240131"),
    "DS": (r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *", "a decimal number"),
    "DT": (rf"(\d{{4}}(0[1-9]|1[0-2])?|{_DATE}({_TIME})?)([+-]\d{{4}})? *", "a date and time as 20240131235959.99"),
    "IS": (r" *[+-]?\d+ *", "an integer"),
    "TM": (rf"{_TIME} *|([01]\d|2[0-3]):[0-5]\d(:[0-6]\d(\.\d{{1,6}})?)? *", "a time as 235959.99"),
    "UI": (r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", "a unique identifier"),
}
_CLEAN = {vr: re.compile(rf"(?:{rule}| *)".encode("ascii")) for vr, (rule, _) in _RULES.items()}
_WIDEST = {"DS": 16, "IS": 12, "UI": 64, "CS": 16, "AE": 16}

_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET = 0x00080005

_quiet = Lock()


class Decoded(NamedTuple):
    """An element; and, where a rule is broken, how, and whether its value is in doubt therefore."""

    element: DataElement
    reason: str = ""
    is_doubtful: bool = False


def decode(raw: RawDataElement, dataset: Dataset, character_set: CharacterSet) -> Decoded:
    """Decode an element.

    Numbers that are none, binary values of a wrong length, and sequences that cannot be taken apart are given as
    VR UN, with the bytes of the file for a value. Text is decoded as ``decode_text`` says.

    Parameters
    ----------
    raw : RawDataElement
        The element.
    dataset : Dataset
        Where it stands: tells the creators of private blocks, and Pixel Representation.
    character_set : CharacterSet
        That of the dataset.
    """
    vr, is_certain = vr_of(raw, dataset)
    stated, actual = raw.length, len(raw.value or b"")
    if stated not in (actual, _UNDEFINED):
        return _undecoded(raw, f"{stated} bytes are stated, and what it stands in ends after {actual} of them")
    try:
        found = _decode(raw, vr, dataset, character_set)
    except DECODING_ERRORS as error:
        found = _undecoded(raw, f"{_expected(vr)} is wanted ({_in_short(error)})")
    if raw.tag == _CHARACTER_SET:
        return found._replace(reason=character_set_of(raw.value or b"").reason)
    if found.is_doubtful and not is_certain and found.element.VR == "UN":
        # Nobody but a list of private attributes said that it has this VR.
        return Decoded(found.element)
    return found


def unknown_element(tag: BaseTag, value: bytes) -> DataElement:
    """Return an element of VR UN; pydicom makes it the VR of the dictionary, which it cannot have."""
    element = DataElement(tag, "UN", value, already_converted=True)
    element.VR = "UN"
    return element


def vr_of(raw: RawDataElement, dataset: Dataset) -> tuple[str, bool]:
    """Return the VR of an element, and whether the file or the standard states it."""
    if raw.VR is not None and (raw.VR != "UN" or not config.replace_un_with_known_vr):
        return str(raw.VR), True
    tag = raw.tag
    if tag.is_private:
        return ("LO", True) if tag.is_private_creator else (_private_vr(tag, dataset), False)
    if raw.VR == "UN" and raw.value is not None and len(raw.value) >= 0xFFFF:
        return "UN", True
    try:
        return dictionary_VR(tag), True
    except KeyError:
        return ("UL" if tag.element == 0 and raw.VR is None else "UN"), True


def _private_vr(tag: BaseTag, dataset: Dataset) -> str:
    creator = dataset.get(BaseTag(tag.group << 16 | tag.element >> 8)) if tag.element & 0xFF00 else None
    if creator is None or not isinstance(creator.value, str):
        return "UN"
    try:
        return private_dictionary_VR(tag, creator.value)
    except KeyError:
        return "UN"


def _decode(raw: RawDataElement, vr: str, dataset: Dataset, character_set: CharacterSet) -> Decoded:
    value = raw.value or b""
    if not value:
        return _by_pydicom(raw, vr, dataset)
    if vr in _TEXTS or vr in _LONG_TEXTS:
        return _decode_text(raw, vr, value, character_set)
    if vr == "SQ":
        return _decode_items(raw, character_set)
    size = _SIZES.get(vr)
    if size is not None and len(value) % size:
        return _undecoded(raw, f"{_expected(vr)} is wanted: {size} bytes, or a multiple (got {len(value)})")
    pattern = _CLEAN.get(vr)
    if pattern is None or _is_clean(vr, value, pattern):
        return _by_pydicom(raw, vr, dataset)
    return _decode_odd(raw, vr, value)


def _is_clean(vr: str, value: bytes, pattern: re.Pattern[bytes]) -> bool:
    widest = _WIDEST.get(vr, 64)
    parts = value.rstrip(b"\0 ").split(b"\\")
    return all(pattern.fullmatch(part) and len(part) <= widest for part in parts)


def _decode_odd(raw: RawDataElement, vr: str, value: bytes) -> Decoded:
    """Decode text of a fixed form that is not of this form."""
    rule = _RULES[vr][1]
    parts = value.decode("latin-1").strip("\0 " if vr in _NUMBERS else "").rstrip("\0 ").split("\\")
    # Where no part is wrong, there are zero bytes before them.
    whole = value.decode("latin-1")
    wrong = next((part for part in parts if not _is_clean(vr, part.encode("latin-1"), _CLEAN[vr])), whole)
    reason = f"{rule} is wanted (got {wrong!r:.60})"
    if vr in _NUMBERS:
        return _decode_number(raw, vr, parts, reason)
    if config.datetime_conversion and vr in ("DA", "DT", "TM"):
        return _undecoded(raw, reason)
    if vr == "UI":
        uids = [UID(part, validation_mode=config.IGNORE) for part in parts]
        return Decoded(_element(raw, vr, uids[0] if len(uids) == 1 else MultiValue(_same, uids)), reason)
    return _by_pydicom(raw, vr, None)._replace(reason=reason)


def _decode_number(raw: RawDataElement, vr: str, parts: Sequence[str], reason: str) -> Decoded:
    lexical = re.compile(_RULES["DS"][0])
    if not all(lexical.fullmatch(part) or not part.strip() for part in parts):
        return _undecoded(raw, reason)
    if vr == "IS" and any(part.strip() and float(part) != int(float(part)) for part in parts):
        return _undecoded(raw, reason)
    numbers = [_NUMBERS[vr](part) if part.strip() else "" for part in parts]
    longest = max(parts, key=len)
    if len(longest) > _WIDEST[vr]:
        reason = f"at most {_WIDEST[vr]} characters are wanted (got {longest!r:.60})"
    return Decoded(_element(raw, vr, numbers[0] if len(numbers) == 1 else MultiValue(_same, numbers)), reason)


def _decode_text(raw: RawDataElement, vr: str, value: bytes, character_set: CharacterSet) -> Decoded:
    if vr == "PN":
        value = value.rstrip(b"\0 ")
    text, encodings, reason = decode_text(value, character_set)
    values = text.split("\\") if vr in _TEXTS else [text]
    longest = max(map(len, values)) if vr != "PN" else max(len(group) for name in values for group in name.split("="))
    too_long = _LONGEST.get(vr, longest) < longest
    if vr == "PN":
        found: list[Any] = _names(values, value, encodings)
    else:
        found = [one.rstrip("\0 ") for one in values]
    element = _element(raw, vr, found[0] if len(found) == 1 else MultiValue(_same, found))
    if reason or not too_long:
        return Decoded(element, reason, is_doubtful=bool(reason))
    return Decoded(element, f"at most {_LONGEST[vr]} characters are wanted (got {longest})")


def _names(names: Sequence[str], value: bytes, encodings: Sequence[str]) -> list[PersonName]:
    stored: Sequence[bytes | None] = value.split(b"\\")
    if len(stored) != len(names):
        # A backslash is the second byte of some letters of Asia.
        stored = [None] * len(names)
    found = (
        PersonName(name, list(encodings), original_string=own, validation_mode=config.IGNORE)
        for name, own in zip(names, stored, strict=True)
    )
    return list(found)


def _decode_items(raw: RawDataElement, character_set: CharacterSet) -> Decoded:
    beyond = _beyond(raw)
    if beyond is None:
        return _undecoded(raw, "a sequence of items is wanted, and this has something else")
    # pydicom warns of items in another encoding than the file, and of what it makes of character sets.
    with _quiet, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        items = convert_value("SQ", raw, list(character_set.encodings))
    if not hasattr(items, "is_undefined_length"):
        return _undecoded(raw, "a sequence of items is wanted, and this cannot be taken apart into items")
    if beyond:
        reason = f"its last item goes on for {beyond} bytes beyond its end, and is given as far as it goes"
        return Decoded(_element(raw, "SQ", items), reason, is_doubtful=True)
    told = [str(warning.message) for warning in caught if "ncoding" not in str(warning.message)]
    return Decoded(_element(raw, "SQ", items), "; ".join(told))


def _beyond(raw: RawDataElement) -> int | None:
    """Return by how many bytes the last item goes beyond its sequence; None if something is no item.

    pydicom takes anything for an item, and what there is of it.
    """
    data, position = raw.value or b"", 0
    head = struct.Struct("<HHL" if raw.is_little_endian else ">HHL")
    while position + 8 <= len(data):
        group, element, length = head.unpack_from(data, position)
        if (group, element) == (0xFFFE, 0xE0DD):
            return 0
        if (group, element) != (0xFFFE, 0xE000):
            return None
        if length == _UNDEFINED:
            return 0
        position += 8 + length
    return max(position - len(data), 0)


def _by_pydicom(raw: RawDataElement, vr: str, dataset: Dataset | None) -> Decoded:
    """Decode a value that is as its VR wants it."""
    data: dict[str, Any] = {"VR": vr}
    raw_element_value(raw, data, ds=dataset)
    element = _element(raw, data["VR"], data["value"])
    if dataset is not None and vr in _AMBIGUOUS:
        correct_ambiguous_vr_element(element, dataset, raw.is_little_endian)
    return Decoded(element)


def _element(raw: RawDataElement, vr: str, value: Any) -> DataElement:
    return DataElement(raw.tag, vr, value, raw.value_tell, raw.length == _UNDEFINED, already_converted=True)


def _undecoded(raw: RawDataElement, reason: str) -> Decoded:
    return Decoded(unknown_element(raw.tag, raw.value or b""), f"{reason}; kept as bytes", is_doubtful=True)


def _expected(vr: str) -> str:
    if vr in _RULES:
        return _RULES[vr][1]
    return f"{'an attribute tag' if vr == 'AT' else 'a value'} of VR {vr}"


def _in_short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.80}" if text else type(error).__name__


def _same(value: Any) -> Any:
    return value
