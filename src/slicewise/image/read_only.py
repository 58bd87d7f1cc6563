"""pydicom's datasets made read-only: what a header hands out cannot be changed by mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from slicewise.errors import HeaderError
from slicewise.image.character_sets import UNDECLARED, CharacterSet, character_set_of
from slicewise.image.decoding import Decoded, decode, unknown_element, vr_of
from slicewise.image.elements import RawElement

__all__ = ["Place", "ReadOnlyDataset", "dataset_of", "read_only_dataset"]

_CHARACTER_SET = BaseTag(0x00080005)
_DEEPEST = 64


class Place(Protocol):
    """Where a dataset stands: on which slice, in which item; takes note of what is wrong there."""

    def report(self, tag: int, reason: str, *, is_doubtful: bool) -> None:
        """Take note that the value of an attribute breaks a rule."""

    def within(self, tag: int, number: int) -> Place:
        """Return the place of an item of a sequence."""


def _refuse(what: object) -> NoReturn:
    raise HeaderError(
        f"headers are read-only (asked to change {what!r}): use headers.replace(...), the writer's overrides=, "
        "or copy_out() for a dataset of your own"
    )


def _refusing(name: str) -> Any:
    def method(_: Any, *__: Any, **___: Any) -> NoReturn:
        _refuse(name)

    return method


_LIST_CHANGES = (
    "append",
    "extend",
    "insert",
    "pop",
    "remove",
    "clear",
    "sort",
    "reverse",
    "__setitem__",
    "__delitem__",
)


class _ReadOnlySequence(Sequence):
    """Items of a sequence that cannot be exchanged."""


class _ReadOnlyValues(MultiValue[Any]):
    """Values of an element that cannot be exchanged."""


for _name in (*_LIST_CHANGES, "__iadd__"):
    setattr(_ReadOnlySequence, _name, _refusing(_name))
    setattr(_ReadOnlyValues, _name, _refusing(_name))


class _ReadOnlyElement(DataElement):
    """An element whose value cannot be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("value", "VR", "tag"):
            _refuse(self.keyword or str(self.tag))
        super().__setattr__(name, value)


class ReadOnlyDataset(Dataset):
    """A pydicom Dataset that decodes values on access and refuses to be changed.

    Change headers with ``Headers.replace`` or the writer's ``overrides=``; ``copy_out`` gives a
    plain Dataset of one's own.
    """

    _inherited: CharacterSet = UNDECLARED
    _place: Place | None = None
    _depth = 0

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._part(key)
        try:
            tag = key if isinstance(key, BaseTag) else Tag(key)
        except (ValueError, TypeError, OverflowError) as error:
            raise KeyError(f"{key!r}") from error
        element = self._dict[tag]
        if isinstance(element, RawDataElement):
            element = self.decoded(element, self._place)
            self._dict[tag] = element
        elif type(element) is DataElement:
            # pydicom takes sequences of undefined length apart together with what they stand in.
            if element.VR == "SQ":
                self._hand_down(element, self._place)
            _lock(element)
        return element

    def decoded(self, raw: RawDataElement, place: Place | None) -> DataElement:
        """Return an element decoded as one of this dataset, whose place is told of what is wrong with it."""
        if self._depth > _DEEPEST and raw.VR in ("SQ", None) and vr_of(raw, self)[0] == "SQ":
            reason = f"sequences are nested more than {_DEEPEST} deep; kept as bytes"
            found = Decoded(unknown_element(raw.tag, raw.value or b""), reason, is_doubtful=True)
        else:
            found = decode(raw, self, self.character_set)
        element = found.element
        if element.tag.group % 2 and element.tag.element > 0xFF:
            element.private_creator = self._creator(element.tag)
        if element.VR == "SQ":
            self._hand_down(element, place)
        _lock(element)
        if found.reason and place is not None:
            place.report(int(raw.tag), found.reason, is_doubtful=found.is_doubtful)
        return element

    def _creator(self, tag: BaseTag) -> str | None:
        reserved = BaseTag(tag.group << 16 | tag.element >> 8)
        return str(self[reserved].value) if reserved in self._dict else None

    def _hand_down(self, element: DataElement, place: Place | None) -> None:
        """Give the items of a sequence what they take from the dataset around them."""
        self._set_pixel_representation(element)
        for number, item in enumerate(element.value):
            item.__class__ = ReadOnlyDataset
            inner = None if place is None else place.within(int(element.tag), number)
            item.set_surroundings(self.character_set, self._depth + 1, inner)

    @property
    def character_set(self) -> CharacterSet:
        """The character set of text: its own, or that of the dataset it stands in (PS3.3, C.12.1.1.2)."""
        declared = self._dict.get(_CHARACTER_SET)
        if declared is None:
            return self._inherited
        if isinstance(declared, RawDataElement):
            return character_set_of(declared.value or b"")
        value = declared.value or ""
        terms = [value] if isinstance(value, str) else value
        return character_set_of("\\".join(map(str, terms)).encode("ascii", "replace"))

    def _part(self, key: slice) -> ReadOnlyDataset:
        part = ReadOnlyDataset({tag: self._dict[tag] for tag in self._slice_dataset(key.start, key.stop, key.step)})
        part.set_surroundings(self.character_set, self._depth, self._place)
        return part

    def set_surroundings(self, inherited: CharacterSet, depth: int, place: Place | None) -> None:
        """Set what comes from where it stands: character set, depth of nesting, and who is told of problems."""
        state = self.__dict__
        state["_inherited"], state["_depth"], state["_place"] = inherited, depth, place

    def __getstate__(self) -> dict[str, Any]:
        # Where it comes from is no part of a header.
        return {name: value for name, value in self.__dict__.items() if name != "_place"}

    def __setitem__(self, key: Any, elem: Any) -> None:
        _refuse(key)

    def __setattr__(self, name: str, value: Any) -> None:
        if tag_for_keyword(name) is not None:
            _refuse(name)
        super().__setattr__(name, value)

    def __delitem__(self, key: Any) -> None:
        _refuse(key)

    def __delattr__(self, name: str) -> None:
        _refuse(name)

    pop = _refusing("pop")
    popitem = _refusing("popitem")
    clear = _refusing("clear")
    update = _refusing("update")
    setdefault = _refusing("setdefault")
    add = _refusing("add")
    add_new = _refusing("add_new")

    def copy_out(self) -> Dataset:
        """Return a plain pydicom Dataset with the same elements, free to be changed."""
        plain = Dataset()
        for element in self:
            plain.add(_unlocked(element))
        return plain


def _lock(element: DataElement) -> None:
    value = element.value
    if isinstance(value, Sequence):
        for item in value:
            item.__class__ = ReadOnlyDataset
        value.__class__ = _ReadOnlySequence
    elif isinstance(value, MultiValue):
        value.__class__ = _ReadOnlyValues
    element.__class__ = _ReadOnlyElement


def _unlocked(element: DataElement) -> DataElement:
    value = element.value
    if element.VR == "SQ":
        items = [item.copy_out() if isinstance(item, ReadOnlyDataset) else item for item in value or ()]
        return DataElement(element.tag, "SQ", items)
    if element.VR == "UN":
        return unknown_element(element.tag, value)
    if isinstance(value, MultiValue):
        value = MultiValue(lambda one: one, list(value))
    return DataElement(element.tag, element.VR, value, already_converted=True)


def dataset_of(elements: Iterable[RawElement]) -> ReadOnlyDataset:
    """Return a read-only pydicom Dataset over undecoded elements."""
    return read_only_dataset({BaseTag(e.tag): e.to_pydicom() for e in elements})


def read_only_dataset(elements: dict[BaseTag, Any], place: Place | None = None) -> ReadOnlyDataset:
    """Return a read-only Dataset over pydicom's undecoded elements, which it may decode in place.

    Parameters
    ----------
    elements : dict
        The elements by tag.
    place : Place, optional
        Is told of values that break the rules of their VR, when they are decoded.
    """
    dataset = ReadOnlyDataset(elements)
    dataset.set_surroundings(UNDECLARED, 0, place)
    first = next(iter(elements.values()), None)
    implicit, little = (first.is_implicit_VR, first.is_little_endian) if first is not None else (False, True)
    dataset.set_original_encoding(implicit, little, list(dataset.character_set.encodings))
    return dataset
