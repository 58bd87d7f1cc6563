"""Data elements as they stand in a file: tag, VR and undecoded value, to and from pydicom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from pydicom import config
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.tag import BaseTag, Tag

from slicewise.errors import HeaderError, UnknownAttributeError

__all__ = [
    "LONG_HEADER_VRS",
    "RawElement",
    "ReadOnlyDataset",
    "dataset_of",
    "encode_data_element",
    "encode_element",
    "name_of",
    "read_only_dataset",
    "tag_of",
]

LONG_HEADER_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
"""VRs whose length field has 32 bits in explicit VR (PS3.5, 7.1.2)."""


class RawElement(NamedTuple):
    """A data element with its value as encoded in the file it comes from.

    The value of a sequence is its items, without a delimiter. ``vr`` is None where the
    transfer syntax is implicit and the file does not tell.
    """

    tag: int
    vr: str | None
    value: bytes
    implicit: bool = False
    little_endian: bool = True

    def to_pydicom(self) -> RawDataElement:
        """Return pydicom's undecoded element, which it decodes on first access."""
        return RawDataElement(
            BaseTag(self.tag), self.vr, len(self.value), self.value, 0, self.implicit, self.little_endian
        )


class ReadOnlyDataset(Dataset):
    """A pydicom Dataset that decodes values on access and refuses to be changed.

    Change headers with ``Headers.replace`` or the writer's ``overrides=``; ``copy_out`` gives a
    plain Dataset of one's own.
    """

    _decoding = 0

    def __getitem__(self, key: Any) -> Any:
        # pydicom stores what it decodes through __setitem__: allowed while it does so.
        object.__setattr__(self, "_decoding", self._decoding + 1)
        try:
            found = super().__getitem__(key)
        finally:
            object.__setattr__(self, "_decoding", self._decoding - 1)
        if isinstance(found, DataElement) and found.VR == "SQ":
            for item in found.value or ():
                item.__class__ = ReadOnlyDataset
        return found

    def __setitem__(self, key: Any, elem: Any) -> None:
        if not self._decoding:
            _refuse(key)
        super().__setitem__(key, elem)

    def __setattr__(self, name: str, value: Any) -> None:
        if tag_for_keyword(name) is not None:
            _refuse(name)
        super().__setattr__(name, value)

    def __delitem__(self, key: Any) -> None:
        _refuse(key)

    def __delattr__(self, name: str) -> None:
        _refuse(name)

    def copy_out(self) -> Dataset:
        """Return a plain pydicom Dataset with the same elements, free to be changed."""
        plain = Dataset()
        for element in self:
            plain.add(_unlocked(element))
        return plain


def _unlocked(element: DataElement) -> DataElement:
    if element.VR != "SQ":
        return DataElement(element.tag, element.VR, element.value, already_converted=True)
    items = [item.copy_out() if isinstance(item, ReadOnlyDataset) else item for item in element.value or ()]
    return DataElement(element.tag, "SQ", items)


def _refuse(key: object) -> None:
    raise HeaderError(
        f"headers are read-only (asked to change {key!r}): use headers.replace(...), the writer's overrides=, "
        "or copy_out() for a dataset of your own"
    )


def tag_of(key: str | int | tuple[int, int]) -> int:
    """Return the tag of a keyword, a tag number or a (group, element) pair.

    Raises
    ------
    UnknownAttributeError
        If no attribute of the dictionary has the keyword.
    """
    if not isinstance(key, str):
        return int(Tag(key))
    tag = tag_for_keyword(key)
    if tag is None:
        raise UnknownAttributeError(
            f"{key!r} is not the keyword of a DICOM attribute (keywords are spelt as in the standard, e.g. "
            "'SliceLocation'; private elements are asked for by tag, e.g. (0x0029, 0x1010))"
        )
    return int(tag)


def name_of(tag: int) -> str:
    """Return the keyword of a tag, or ``(gggg,eeee)`` where it has none."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def dataset_of(elements: Iterable[RawElement]) -> ReadOnlyDataset:
    """Return a read-only pydicom Dataset over undecoded elements."""
    return read_only_dataset({BaseTag(e.tag): e.to_pydicom() for e in elements})


def read_only_dataset(elements: dict[BaseTag, Any]) -> ReadOnlyDataset:
    """Return a read-only Dataset over pydicom's undecoded elements, which it may decode in place."""
    dataset = ReadOnlyDataset(elements)
    first = next(iter(elements.values()), None)
    implicit, little = (first.is_implicit_VR, first.is_little_endian) if first is not None else (False, True)
    declared = elements.get(BaseTag(0x00080005))
    encodings = _encodings(declared.value) if declared is not None and declared.value else default_encoding
    dataset.set_original_encoding(implicit, little, encodings)
    return dataset


def _encodings(character_set: bytes) -> list[str]:
    return convert_encodings([term.strip() for term in character_set.decode("ascii", "replace").split("\\")])


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
    except (ValueError, TypeError, AttributeError, UnicodeError, OverflowError) as error:
        raise HeaderError(f"{name_of(tag)} (VR {known_vr}) cannot hold {value!r}: {error}") from error


def encode_data_element(
    element: DataElement, *, character_set: Sequence[str] = (), context: Dataset | None = None
) -> RawElement:
    """Encode a decoded pydicom element in explicit VR little endian, sequences included."""
    if " or " in element.VR:
        settled = correct_ambiguous_vr_element(element, context or Dataset(), is_little_endian=True)
        element = cast("DataElement", settled)
    encodings = convert_encodings(list(character_set)) if character_set else [default_encoding]
    _check_text(element, encodings)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    element.is_undefined_length = False
    write_data_element(buffer, element, encodings)
    encoded = buffer.getvalue()
    vr = encoded[4:6].decode("ascii")
    return RawElement(int(element.tag), vr, encoded[12 if vr in LONG_HEADER_VRS else 8 :])


def _check_text(element: DataElement, encodings: Sequence[str]) -> None:
    # pydicom replaces what it cannot encode by question marks, with a warning.
    if element.VR not in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
        return
    for character in str(element.value):
        if character.isascii():
            continue
        if not any(_encodes(character, encoding) for encoding in encodings):
            raise ValueError(
                f"{character!r} cannot be written in the character set {', '.join(encodings)}; "
                "SpecificCharacterSet ISO_IR 192 (UTF-8) can hold it"
            )


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode("latin-1" if encoding == "iso8859" else encoding)
    except UnicodeError:
        return False
    return True
