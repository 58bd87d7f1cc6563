"""pydicom's datasets made read-only: what a header hands out cannot be changed by mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from slicewise.errors import HeaderError
from slicewise.image.elements import RawElement

__all__ = ["ReadOnlyDataset", "dataset_of", "read_only_dataset"]


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

    _decoding = 0

    def __getitem__(self, key: Any) -> Any:
        # pydicom stores what it decodes through __setitem__: allowed while it does so.
        object.__setattr__(self, "_decoding", self._decoding + 1)
        try:
            found = super().__getitem__(key)
        finally:
            object.__setattr__(self, "_decoding", self._decoding - 1)
        if type(found) is DataElement and not self._decoding:
            _lock(found)
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
    if isinstance(value, MultiValue):
        value = MultiValue(lambda one: one, list(value))
    return DataElement(element.tag, element.VR, value, already_converted=True)


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
    # Codecs cannot even be asked for by a name with null characters.
    declared = character_set.replace(b"\0", b"").decode("ascii", "replace")
    return convert_encodings([term.strip() for term in declared.split("\\")])
