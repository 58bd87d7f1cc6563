"""Values encoded as they stand in a file, in explicit VR little endian, through pydicom."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, cast

from pydicom import config
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element

from slicewise.errors import HeaderError
from slicewise.image.elements import LONG_HEADER_VRS, RawElement, name_of

__all__ = ["CODING_ERRORS", "character_set_holds", "encode_data_element", "encode_element", "raw_elements"]

_TEXT_VRS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
"""VRs whose text is in the character set of the dataset."""

CODING_ERRORS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    OSError,
    EOFError,
    RecursionError,
    struct.error,
    BytesLengthException,
)
"""What pydicom raises on values that break the rules of their VR."""


def encode_element(
    tag: int,
    value: Any,
    *,
    vr: str | None = None,
    character_set: Sequence[str] = (),
    context: Dataset | None = None,
) -> RawElement:
    """Encode a value in explicit VR little endian.

    Parameters
    ----------
    tag : int
        The attribute.
    value : object
        Anything pydicom takes as the value of an element of this VR; None or "" for empty.
    vr : str, optional
        Its VR; from the dictionary if not given.
    character_set : sequence of str
        Defined terms of Specific Character Set (PS3.3, C.12.1.1.2), for text.
    context : Dataset, optional
        Where Pixel Representation is looked up if the VR depends on it.

    Raises
    ------
    HeaderError
        If the value cannot be encoded; the message names attribute and value.
    """
    try:
        known_vr = vr or dictionary_VR(tag)
    except KeyError:
        raise HeaderError(f"{name_of(tag)} is not in the dictionary: give its VR as well") from None
    try:
        element = DataElement(tag, known_vr, value, validation_mode=config.RAISE)
        return encode_data_element(element, character_set=character_set, context=context)
    except CODING_ERRORS as error:
        raise HeaderError(f"{name_of(tag)} (VR {known_vr}) cannot hold {value!r}: {error}") from error


def encode_data_element(
    element: DataElement, *, character_set: Sequence[str] = (), context: Dataset | None = None
) -> RawElement:
    """Encode a decoded pydicom element in explicit VR little endian, sequences included.

    Raises
    ------
    HeaderError
        If its value cannot be encoded; the message names the attribute.
    """
    encodings = convert_encodings(list(character_set)) if character_set else [default_encoding]
    try:
        return _encode(element, encodings, context or Dataset())
    except HeaderError:
        raise
    except CODING_ERRORS as error:
        raise HeaderError(f"{name_of(int(element.tag))} (VR {element.VR}) cannot be encoded: {error}") from error


def raw_elements(dataset: Dataset) -> dict[int, RawElement]:
    """Return the elements of a pydicom Dataset by tag, but for pixels; those not yet decoded as they stand."""
    character_set = dataset.get("SpecificCharacterSet") or ()
    terms = [character_set] if isinstance(character_set, str) else list(character_set)
    found: dict[int, RawElement] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset itself would decode its elements
        if tag.group == 0x7FE0 or tag.group < 8:
            continue
        raw: Any = dataset.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.value is not None and raw.length != 0xFFFFFFFF:
            found[int(tag)] = RawElement(int(tag), raw.VR, raw.value, raw.is_implicit_VR, raw.is_little_endian)
        else:
            found[int(tag)] = encode_data_element(dataset[tag], character_set=terms, context=dataset)
    return found


def _encode(element: DataElement, encodings: Sequence[str], context: Dataset) -> RawElement:
    if " or " in element.VR:
        element = cast("DataElement", correct_ambiguous_vr_element(element, context, is_little_endian=True))
    _check_text(element, encodings)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_data_element(buffer, _even(element), list(encodings))
    encoded = buffer.getvalue()
    vr = encoded[4:6].decode("ascii")
    start = 12 if vr in LONG_HEADER_VRS else 8
    is_undefined = encoded[8:12] == b"\xff\xff\xff\xff" and start == 12
    return RawElement(int(element.tag), vr, encoded[start : -8 if is_undefined else None])


def _even(element: DataElement) -> DataElement:
    """Return the element with bytes of odd length padded, in sequences as well; the one given stays as it is."""
    if element.VR == "SQ":
        items = [Dataset({e.tag: _even(e) for e in item}) for item in element.value or ()]
        for item, source in zip(items, element.value or (), strict=True):
            item.is_undefined_length_sequence_item = source.is_undefined_length_sequence_item
        return DataElement(element.tag, "SQ", items)
    if element.VR in ("OB", "UN") and isinstance(element.value, bytes) and len(element.value) % 2:
        padded = DataElement(element.tag, element.VR, element.value + b"\0", already_converted=True)
        # pydicom takes a public attribute of VR UN for one of its VR in the dictionary.
        padded.VR = element.VR
        return padded
    return element


def _check_text(element: DataElement, encodings: Sequence[str]) -> None:
    # pydicom replaces what it cannot encode by question marks, with a warning.
    if element.VR == "SQ":
        for item in element.value or ():
            own = item.get("SpecificCharacterSet")
            inner = convert_encodings(own) if own else encodings
            for nested in item:
                _check_text(nested, inner)
    if element.VR not in _TEXT_VRS:
        return
    foreign = [letter for letter in str(element.value) if not letter.isascii()]
    for letter in foreign:
        if not character_set_holds(letter, encodings):
            raise HeaderError(
                f"{name_of(int(element.tag))} (VR {element.VR}) cannot hold {str(element.value)!r:.60}: {letter!r} "
                f"cannot be written in the character set {', '.join(encodings)}; SpecificCharacterSet ISO_IR 192 "
                "(UTF-8) can hold it"
            )


def character_set_holds(letter: str, encodings: Iterable[str]) -> bool:
    """Whether one of some Python encodings has a letter."""
    for encoding in encodings:
        try:
            letter.encode("latin-1" if encoding == "iso8859" else encoding)
        except UnicodeError:
            continue
        return True
    return False
