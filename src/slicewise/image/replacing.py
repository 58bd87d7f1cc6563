"""Values of headers replaced: encoded for every slice, in its character set, at its place (PS3.5, 6.1, 7.8.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydicom.datadict import dictionary_VM, dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.errors import HeaderError
from slicewise.image.asking import tags_on_slices
from slicewise.image.attribute_keys import PrivateTag, Step, path_of
from slicewise.image.character_sets import UNDECLARED, CharacterSet, character_set_of
from slicewise.image.diffusion import DIFFUSION
from slicewise.image.elements import RawElement, name_of
from slicewise.image.encoding import encode_data_element, encode_element

if TYPE_CHECKING:
    from slicewise.image.headers import Column, Headers

__all__ = ["PerSlice", "replaced"]

_CHARACTER_SET = 0x00080005
_TEXT_VRS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])


class PerSlice(tuple[Any, ...]):
    """Values of an attribute, one for each slice; None leaves the attribute out of that slice.

    Needed only where an attribute has several values itself; elsewhere a list will do.
    """

    __slots__ = ()


def replaced(headers: Headers, values: Mapping[Any, Any]) -> dict[int, Column | None]:
    """Return the columns of headers that other values make; None drops an attribute.

    Raises
    ------
    HeaderError
        If a value does not fit its attribute, or a list has not one value per slice.
    """
    steps = {_step(key): value for key, value in values.items()}
    columns: dict[int, Column | None] = {}
    terms = next((value for step, value in steps.items() if step.tag == _CHARACTER_SET), _KEPT)
    if terms is not _KEPT:
        columns = _in_character_set(headers, terms)
        headers = headers.with_columns(columns)
    for step, value in steps.items():
        if isinstance(step.tag, PrivateTag):
            columns |= _private(headers, step.tag, value)
            headers = headers.with_columns(columns)
        elif step.tag != _CHARACTER_SET:
            columns[step.tag] = None if value is None else _encode(headers, step.tag, value)
    return columns


_KEPT = object()


def _step(key: Any) -> Step:
    if key in DIFFUSION:
        raise HeaderError(f"{key!r} stands for what several attributes state: replace the one that is meant")
    path = path_of(key)
    if len(path) > 1 or path[0].item is not None:
        raise HeaderError(f"{key!r}: items of sequences cannot be replaced singly; give {path[0]} as a whole")
    return path[0]


def _encode(headers: Headers, tag: int, value: Any) -> Column:
    if not _is_per_slice(tag, value):
        if len({_declared(headers, k) for k in range(len(headers))}) <= 1:
            return _encode_one(headers, tag, value, 0)
        return tuple(_encode_one(headers, tag, value, k) for k in range(len(headers)))
    _check_count(headers, name_of(tag), value)
    return tuple(None if v is None else _encode_one(headers, tag, v, k) for k, v in enumerate(value))


def _check_count(headers: Headers, name: str, value: Any) -> None:
    if len(value) != len(headers):
        raise HeaderError(
            f"{name}: {len(value)} values were given for {len(headers)} slices; give one for each, or one value for all"
        )


def _encode_one(headers: Headers, tag: int, value: Any, index: int, vr: str | None = None) -> RawElement:
    existing = headers.element(tag, index)
    if vr is None and existing is not None and tag >> 16 & 1:
        vr = existing.vr
    context = headers.part(index, tag) if len(headers) else Dataset()
    terms = _declared(headers, index).terms if len(headers) else ()
    return encode_element(tag, value, vr=vr, character_set=terms, context=context)


def _declared(headers: Headers, index: int) -> CharacterSet:
    element = headers.element(_CHARACTER_SET, index) if len(headers) else None
    return UNDECLARED if element is None else character_set_of(element.value)


def _is_per_slice(tag: int, value: Any) -> bool:
    if isinstance(value, PerSlice):
        return True
    if not isinstance(value, list | tuple):
        return False
    try:
        # The items of a sequence are a list, too.
        return dictionary_VM(tag) == "1" and dictionary_VR(tag) != "SQ"
    except KeyError:
        return False


# --- private attributes -----------------------------------------------------------------------------------


def _private(headers: Headers, wanted: PrivateTag, value: Any) -> dict[int, Column | None]:
    """Return the columns of a private attribute, on each slice in the block that its creator has there."""
    per_slice = value if isinstance(value, PerSlice) else PerSlice([value] * len(headers))
    _check_count(headers, str(wanted), per_slice)
    rows: dict[int, list[RawElement | None]] = {}

    def put(tag: int, k: int, element: RawElement | None) -> None:
        row = rows.setdefault(tag, [headers.element(tag, i) for i in range(len(headers))])
        row[k] = element

    for k, tag in enumerate(tags_on_slices(headers, Step(wanted))):
        own = per_slice[k]
        if own is None:
            if tag is not None:
                put(tag, k, None)
            continue
        place = tag if tag is not None else _reserved(headers, wanted, k, put)
        put(place, k, _encode_one(headers, place, own, k, vr=_private_vr(headers, wanted, place, k)))
    return {tag: tuple(row) for tag, row in rows.items()}


def _reserved(headers: Headers, wanted: PrivateTag, k: int, put: Callable[[int, int, RawElement], None]) -> int:
    """Return the tag of an attribute in its creator's block, reserved if there is none."""
    creators = {block: headers.element(wanted.group << 16 | block, k) for block in range(0x10, 0x100)}
    stated = wanted.creator.encode("latin-1", "replace")
    known = (b for b, e in creators.items() if e is not None and e.value.strip(b" \0") == stated)
    block = next(known, None) or next((b for b, e in creators.items() if e is None), None)
    if block is None:
        raise HeaderError(f"{wanted}: all private blocks of group {wanted.group:04X} are taken on slice {k}")
    creator = wanted.group << 16 | block
    if creators[block] is None:
        put(creator, k, _encode_one(headers, creator, wanted.creator, k, vr="LO"))
    return wanted.group << 16 | block << 8 | wanted.element


def _private_vr(headers: Headers, wanted: PrivateTag, tag: int, k: int) -> str:
    existing = headers.element(tag, k)
    if existing is not None and existing.vr not in (None, "UN"):
        return str(existing.vr)
    try:
        return private_dictionary_VR(BaseTag(tag), wanted.creator)
    except KeyError:
        raise HeaderError(
            f"{wanted}: nothing tells the VR of this private attribute; give its tag and bytes with "
            "headers.with_columns({tag: RawElement(tag, vr, value)})"
        ) from None


# --- another character set --------------------------------------------------------------------------------


def _in_character_set(headers: Headers, terms: Any) -> dict[int, Column | None]:
    """Return the columns of all text in another character set, also within sequences; the rest stays as it is."""
    stated = [terms] if isinstance(terms, str) else list(terms or ())
    plain = not stated or stated == ["ISO_IR 6"]
    columns: dict[int, Column | None] = {}
    for tag, column in headers.columns().items():
        if tag == _CHARACTER_SET:
            columns[tag] = None
            continue
        shared = isinstance(column, RawElement) and not headers.depends_on_slice(tag)
        count = min(len(headers), 1) if shared else len(headers)
        new = [_recoded(headers, tag, k, () if plain else stated) for k in range(count)]
        if count:
            columns[tag] = new[0] if shared else tuple(new)
    if not plain:
        columns[_CHARACTER_SET] = encode_element(_CHARACTER_SET, stated if len(stated) > 1 else stated[0])
    return columns


def _recoded(headers: Headers, tag: int, k: int, terms: Any) -> RawElement | None:
    existing = headers.element(tag, k)
    if existing is None or existing.vr not in (*_TEXT_VRS, "SQ", "UN", None):
        return existing
    element = headers.part(k, tag)[BaseTag(tag)]
    if element.VR in _TEXT_VRS:
        if existing.value.isascii() and b"\x1b" not in existing.value:
            return existing
    elif element.VR != "SQ" or not _holds_text(element):
        return existing
    copied = Dataset({element.tag: element}) if element.VR != "SQ" else _without_character_sets(element)
    if not terms and (foreign := _foreign_text(copied)) is not None:
        raise HeaderError(f"SpecificCharacterSet: plain ASCII cannot hold {foreign!r}; name a set that can")
    return encode_data_element(copied[element.tag], character_set=terms, context=headers.part(k, tag))


def _holds_text(element: DataElement) -> bool:
    """Whether a sequence has text outside ASCII, or names a character set."""
    for item in element.value:
        for inner in item:
            if inner.tag == _CHARACTER_SET or (inner.VR == "SQ" and _holds_text(inner)):
                return True
            if inner.VR in _TEXT_VRS and not str(inner.value).isascii():
                return True
    return False


def _without_character_sets(element: DataElement) -> Dataset:
    copied = Dataset()
    copied.add(DataElement(element.tag, "SQ", [item.copy_out() for item in element.value]))
    _drop_character_sets(copied)
    return copied


def _drop_character_sets(dataset: Dataset) -> None:
    dataset.pop("SpecificCharacterSet", None)
    for element in dataset:
        for item in element.value or () if element.VR == "SQ" else ():
            _drop_character_sets(item)


def _foreign_text(dataset: Dataset) -> str | None:
    for element in dataset:
        for item in element.value or () if element.VR == "SQ" else ():
            if (found := _foreign_text(item)) is not None:
                return found
        if element.VR in _TEXT_VRS and not str(element.value).isascii():
            return str(element.value)
    return None
