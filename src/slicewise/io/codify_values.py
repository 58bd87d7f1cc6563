"""Values of elements as Python expressions that pydicom encodes to the very bytes of the file."""

from __future__ import annotations

import ast
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from slicewise.errors import ReadError
from slicewise.image.decoding import DECODING_ERRORS

__all__ = ["BYTES_VRS", "Coded", "coded", "encoded", "is_text", "quiet", "stored_element"]

BYTES_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_TEXTS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_SINGLE = frozenset(["LT", "ST", "UR", "UT"])
_FLOATS = {"FL": "f", "FD": "d"}
_CONCRETE = 2
_CHARACTER_SET = 0x00080005
_ERRORS = (*DECODING_ERRORS, SyntaxError)
"""Whatever pydicom raises of a value that it cannot decode, or cannot encode."""


class Coded(NamedTuple):
    """An element as code.

    Parameters
    ----------
    vr : str
        Its VR.
    value : bytes
        Its value as it is in the file.
    text : str or None
        A Python literal of the value; None where no literal of its VR gives the same bytes again, or it is large.
    is_bytes : bool
        Whether pydicom takes the bytes themselves for a value of this VR.
    """

    vr: str
    value: bytes
    text: str | None = None
    is_bytes: bool = False


@contextmanager
def quiet() -> Iterator[None]:
    """Take a warning for an error: a value that pydicom warns of is not written so that it does."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def is_text(vr: str) -> bool:
    """Tell whether values of a VR are characters."""
    return vr in _TEXTS


def coded(dataset: Dataset, tag: BaseTag, character_set: Any, largest: int) -> Coded:
    """Return an element, which is no sequence, as code.

    Parameters
    ----------
    dataset : Dataset
        Where it stands, as pydicom read it.
    tag : int
        Its tag.
    character_set : str or sequence of str
        Specific Character Set that applies to it.
    largest : int
        The most bytes, of a value that is no text, for which a literal is wanted.
    """
    found = stored_element(dataset, tag)
    if isinstance(found, RawDataElement):
        value = found.value or b""
        vr, decoded = _decoded(dataset, found)
        little_endian = found.is_little_endian
    else:
        vr, decoded, little_endian = str(found.VR), found, True
        value = _encoded_again(found, character_set)
    if not value:
        return Coded(vr, b"", "''" if is_text(vr) else "None")
    if tag == _CHARACTER_SET:
        # pydicom looks it up as text whenever it writes, also where it is misspelt.
        return Coded("CS", value, _literal(value.decode("latin-1").rstrip(" \0").split("\\")))
    if vr in BYTES_VRS:
        # UN of a known element becomes the VR of the dictionary, and what is odd is padded.
        is_mended = vr == "UN" and not tag.is_private and dictionary_has_tag(tag)
        return Coded(vr, value, None, not is_mended and len(value) % 2 == 0)
    if len(value) > largest and not is_text(vr):
        return Coded(vr, value)
    if value.isascii() and b"\x1b" not in value:
        # It is the same in all character sets, also in those that pydicom does not know by their name.
        character_set = default_encoding
    for text in _candidates(vr, value, decoded, little_endian=little_endian):
        if _encodes_to(tag, vr, text, value, character_set, little_endian=little_endian):
            return Coded(vr, value, text)
    return Coded(vr, value)


def stored_element(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """Return an element of a dataset, not decoded if it has not been before."""
    return dataset.get_item(tag)


def _encoded_again(element: DataElement, character_set: Any) -> bytes:
    """Return the bytes of an element that pydicom decoded as soon as it read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for encodings in (character_set, "ISO_IR 192"):
            value = encoded(element, encodings, little_endian=True)
            if value is not None:
                return value
    raise ReadError(f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}): pydicom cannot encode again what it read")


def encoded(element: DataElement, character_set: Any, *, little_endian: bool) -> bytes | None:
    """Return the bytes that pydicom writes for a value; None where it cannot, or warns of it."""
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = little_endian, True
    try:
        write_data_element(file, element, convert_encodings(character_set))
    except _ERRORS:
        return None
    return file.getvalue()[8:]


def _decoded(dataset: Dataset, raw: RawDataElement) -> tuple[str, DataElement | None]:
    stated = raw.VR
    try:
        element = dataset[raw.tag]
    except _ERRORS:
        return _fallback_vr(raw), None
    vr = str(element.VR)
    if stated is not None and stated != vr:
        # The file says UN, or a VR that pydicom mends: it is kept as it is.
        return str(stated), None
    return (vr, element) if len(vr) == _CONCRETE else ("UN", None)


def _fallback_vr(raw: RawDataElement) -> str:
    if raw.VR is not None:
        return str(raw.VR)
    try:
        vr = dictionary_VR(raw.tag)
    except KeyError:
        return "UN"
    return vr if len(vr) == _CONCRETE and vr != "SQ" else "UN"


def _candidates(vr: str, value: bytes, decoded: DataElement | None, *, little_endian: bool) -> Iterator[str]:
    """Iterate over literals that may have the bytes of the value, the plainest first."""
    if decoded is None:
        return
    if vr in ("DS", "IS"):
        yield _literal(value.decode("latin-1").rstrip(" \0").split("\\"))
    elif vr in _TEXTS:
        yield _literal(_strings(decoded.value, vr))
        # Some pad to a fixed width, which pydicom cuts off.
        if value.isascii():
            text = value.decode("ascii")
            whole = [text] if vr in _SINGLE else text.split("\\")
            yield _literal(whole)
    elif vr in _FLOATS:
        yield _literal(_floats(value, vr, little_endian=little_endian))
    elif vr == "AT":
        tags = _several(decoded.value)
        shown = [f"0x{int(tag):08X}" for tag in tags]
        yield shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
    else:
        yield _literal(_several(decoded.value))


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def _strings(value: Any, vr: str) -> list[str]:
    return [str(value)] if vr in _SINGLE else [str(part) for part in _several(value)]


def _literal(values: list[Any]) -> str:
    return repr(values[0]) if len(values) == 1 else repr(values)


def _floats(value: bytes, vr: str, *, little_endian: bool) -> list[float]:
    form = f"{'<' if little_endian else '>'}{_FLOATS[vr]}"
    numbers = [number for (number,) in struct.iter_unpack(form, value)]
    return [_shortest(number) for number in numbers] if vr == "FL" else numbers


def _shortest(number: float) -> float:
    """Return the number with the fewest digits that is the same in 32 bits."""
    shorter = (float(f"{number:.{digits}g}") for digits in (6, 7, 8, 9))
    return next((one for one in shorter if struct.pack("<f", one) == struct.pack("<f", number)), number)


def _encodes_to(tag: BaseTag, vr: str, text: str, value: bytes, character_set: Any, *, little_endian: bool) -> bool:
    try:
        element = DataElement(tag, vr, ast.literal_eval(text))
    except _ERRORS:
        return False
    return encoded(element, character_set, little_endian=little_endian) == value
