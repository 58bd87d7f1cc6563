"""One header per slice: what all slices share is stored once, what varies once per slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.errors import HeaderError
from slicewise.image.elements import RawElement, name_of, tag_of
from slicewise.image.encoding import encode_data_element, encode_element
from slicewise.image.extras import optional_module
from slicewise.image.read_only import ReadOnlyDataset, dataset_of, read_only_dataset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Headers", "PerSlice"]

Key = str | tuple[int, int]
Column = RawElement | tuple[RawElement | None, ...]
"""An attribute over the slices: one element where all share it, else one (or None) per slice."""

_CHARACTER_SET = 0x00080005


class PerSlice(tuple[Any, ...]):
    """Values of an attribute, one for each slice; None leaves the attribute out of that slice.

    Needed only where an attribute has several values itself; elsewhere a list will do.
    """

    __slots__ = ()


class Headers(Sequence[ReadOnlyDataset]):
    """The metadata dictionaries of the slices of an image, in slice order.

    An immutable sequence of read-only pydicom Datasets without pixel data. Elements are kept as
    encoded in their file and decoded when asked for, so that sequences, private blocks, character
    sets and unknown VRs pass through untouched.

    Parameters
    ----------
    length : int
        Number of slices.
    columns : mapping of int to Column, optional
        For each tag the element shared by all slices, or a tuple with one element (or None) per slice.

    Examples
    --------
    >>> headers = Headers.from_datasets([])
    >>> len(headers)
    0
    """

    __slots__ = ("_length", "_shared", "_shared_raw", "_varying")

    def __init__(self, length: int, columns: Mapping[int, Column] | None = None) -> None:
        self._length = length
        self._shared: dict[int, RawElement] = {}
        self._varying: dict[int, tuple[RawElement | None, ...]] = {}
        for tag, column in sorted((columns or {}).items()):
            if isinstance(column, RawElement):
                self._shared[tag] = column
            else:
                self._add_varying(tag, column)
        self._shared_raw: dict[BaseTag, RawDataElement] | None = None

    def _add_varying(self, tag: int, column: tuple[RawElement | None, ...]) -> None:
        if len(column) != self._length:
            raise HeaderError(f"{name_of(tag)} has {len(column)} values for {self._length} slices")
        first = column[0] if column else None
        if all(element == first for element in column):
            if first is not None:
                self._shared[tag] = first
        else:
            self._varying[tag] = column

    @classmethod
    def from_datasets(cls, datasets: Iterable[Dataset]) -> Headers:
        """Return the headers of pydicom Datasets, one per slice; pixel data is left out."""
        rows = [_raw_elements(dataset) for dataset in datasets]
        tags = sorted({tag for row in rows for tag in row})
        return cls(len(rows), {tag: tuple(row.get(tag) for row in rows) for tag in tags})

    @classmethod
    def joined(cls, parts: Sequence[Headers]) -> Headers:
        """Return the headers of several stacks as those of one, in order."""
        tags = sorted({tag for part in parts for tag in part.columns()})
        columns = {tag: tuple(part.element(tag, k) for part in parts for k in range(len(part))) for tag in tags}
        return cls(sum(len(part) for part in parts), columns)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, key: int) -> ReadOnlyDataset: ...
    @overload
    def __getitem__(self, key: slice) -> Headers: ...
    @overload
    def __getitem__(self, key: Key) -> list[Any]: ...
    def __getitem__(self, key: int | slice | Key) -> ReadOnlyDataset | Headers | list[Any]:
        """Return the header of a slice, the headers of a range, or an attribute's value on each slice.

        ``headers[3]`` is the header of the fourth slice, ``headers[3:9]`` the headers of six slices,
        ``headers["SliceLocation"]`` or ``headers[0x0020, 0x1041]`` a list of values, with None where a
        slice has not the attribute.

        Raises
        ------
        UnknownAttributeError
            If the keyword is in no dictionary.
        """
        if isinstance(key, slice):
            return self.take(range(self._length)[key])
        if isinstance(key, str | tuple):
            return self._values(tag_of(key))
        return self._dataset(range(self._length)[key])

    def __contains__(self, key: object) -> bool:
        """Tell whether at least one slice has the attribute."""
        if not isinstance(key, str | tuple):
            return False
        tag = tag_of(key)
        return tag in self._shared or tag in self._varying

    def __iter__(self) -> Iterator[ReadOnlyDataset]:
        return (self._dataset(i) for i in range(self._length))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        same_size = self._length == other._length
        return same_size and self._shared == other._shared and self._varying == other._varying

    def __hash__(self) -> int:
        return hash((self._length, tuple(self._shared.values())))

    def __repr__(self) -> str:
        return f"Headers({self._length} slices, {len(self._shared)} attributes shared, {len(self._varying)} varying)"

    def _dataset(self, index: int) -> ReadOnlyDataset:
        if self._shared_raw is None:
            self._shared_raw = {BaseTag(tag): e.to_pydicom() for tag, e in self._shared.items()}
        elements = dict(self._shared_raw)
        for tag, column in self._varying.items():
            element = column[index]
            if element is not None:
                elements[BaseTag(tag)] = element.to_pydicom()
        # pydicom iterates in tag order whatever the order here.
        return read_only_dataset(elements)

    def _values(self, tag: int) -> list[Any]:
        if tag in self._shared and not self._depends_on_slice():
            return [_value(self.shared, tag)] * self._length
        if tag not in self._shared and tag not in self._varying:
            return [None] * self._length
        return [_value(header, tag) for header in self]

    def _depends_on_slice(self) -> bool:
        # Text is decoded by the character set of its slice, some numbers by its pixel representation.
        return _CHARACTER_SET in self._varying or 0x00280103 in self._varying

    @property
    def shared(self) -> ReadOnlyDataset:
        """The attributes that are the same on all slices."""
        return dataset_of(self._shared.values())

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the attributes that differ between slices: keywords, or ``(gggg,eeee)``."""
        return tuple(name_of(tag) for tag in self._varying)

    def columns(self) -> dict[int, Column]:
        """Return the undecoded elements by tag, shared and varying, in tag order."""
        columns: dict[int, Column] = {**self._shared}
        columns.update(self._varying)
        return dict(sorted(columns.items()))

    def column(self, tag: int) -> Column | None:
        """Return the undecoded element or elements of one tag; None if no slice has it."""
        return self._shared.get(tag) or self._varying.get(tag)

    def element(self, tag: int, index: int) -> RawElement | None:
        """Return the undecoded element of one tag on one slice."""
        if tag in self._shared:
            return self._shared[tag]
        column = self._varying.get(tag)
        return None if column is None else column[index]

    def take(self, indices: Sequence[int]) -> Headers:
        """Return the headers of the given slices, in that order."""
        taken: dict[int, Column] = {tag: tuple(c[i] for i in indices) for tag, c in self._varying.items()}
        return Headers(len(indices), {**self._shared, **taken})

    def with_columns(self, columns: Mapping[int, Column | None]) -> Self:
        """Return headers with undecoded elements put in place; None drops the attribute."""
        merged = self.columns()
        for tag, column in columns.items():
            if column is None:
                merged.pop(tag, None)
            else:
                merged[tag] = column
        return type(self)(self._length, merged)

    def replace(
        self, attributes: Mapping[str, Any] | Mapping[tuple[int, int], Any] | None = None, **keywords: Any
    ) -> Self:
        """Return headers with other values for some attributes.

        Parameters
        ----------
        attributes, **keywords
            Keyword or (group, element), and its value for all slices; a list with one value per
            slice; or ``PerSlice([...])`` where the attribute itself takes several values. None
            drops the attribute.

        Raises
        ------
        HeaderError
            If a value does not fit its attribute, or a list has not one value per slice.

        Examples
        --------
        >>> headers = Headers(2).replace(PatientID="A", SliceLocation=[0.0, 2.5])
        >>> [float(location) for location in headers["SliceLocation"]]
        [0.0, 2.5]
        """
        given: dict[Any, Any] = {**(attributes or {}), **keywords}
        values = {tag_of(key): value for key, value in given.items()}
        if _CHARACTER_SET in values:
            return self._in_character_set(values.pop(_CHARACTER_SET)).replace(
                {(tag >> 16, tag & 0xFFFF): value for tag, value in values.items()}
            )
        columns = {tag: None if value is None else self._encode(tag, value) for tag, value in values.items()}
        return self.with_columns(columns)

    def _in_character_set(self, terms: Any) -> Self:
        """Return headers with all text in another character set, also within sequences."""
        datasets = []
        for header in self:
            dataset = header.copy_out()
            _drop_character_sets(dataset)
            if terms and terms not in ("ISO_IR 6", ["ISO_IR 6"]):
                dataset.SpecificCharacterSet = terms
            elif (foreign := _foreign_text(dataset)) is not None:
                raise HeaderError(f"SpecificCharacterSet: plain ASCII cannot hold {foreign!r}; name a set that can")
            datasets.append(dataset)
        columns: dict[int, Column | None] = dict.fromkeys(self.columns())
        columns.update(type(self).from_datasets(datasets).columns())
        return self.with_columns(columns)

    def _encode(self, tag: int, value: Any) -> Column:
        if not _is_per_slice(tag, value):
            if len({self._terms(i) for i in range(self._length)}) <= 1:
                return self._encode_one(tag, value, 0)
            return tuple(self._encode_one(tag, value, i) for i in range(self._length))
        if len(value) != self._length:
            raise HeaderError(
                f"{name_of(tag)}: {len(value)} values were given for {self._length} slices; give one for each, "
                "or one value for all"
            )
        return tuple(None if v is None else self._encode_one(tag, v, i) for i, v in enumerate(value))

    def _encode_one(self, tag: int, value: Any, index: int) -> RawElement:
        existing = self.element(tag, index)
        vr = existing.vr if existing is not None and tag >> 16 & 1 else None
        context = self._dataset(index) if self._length else Dataset()
        return encode_element(tag, value, vr=vr, character_set=self._terms(index), context=context)

    def _terms(self, index: int) -> tuple[str, ...]:
        element = self.element(_CHARACTER_SET, index) if self._length else None
        if element is None or not element.value.strip():
            return ()
        return tuple(term.strip() for term in element.value.decode("ascii", "replace").split("\\"))

    def table(self, attributes: Sequence[Key] | None = None) -> pd.DataFrame:
        """Return a pandas table, one row per slice.

        Parameters
        ----------
        attributes : sequence of keywords or tags, optional
            The columns; those that vary between slices if not given.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = optional_module("pandas", "jupyter", "headers.table()")
        tags = [tag_of(key) for key in attributes] if attributes is not None else list(self._varying)
        values = {name_of(tag): self._values(tag) for tag in tags}
        return pandas.DataFrame(values, index=range(self._length))


def _raw_elements(dataset: Dataset) -> dict[int, RawElement]:
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


def _value(dataset: ReadOnlyDataset, tag: int) -> Any:
    element: Any = dataset.get(BaseTag(tag))
    return None if element is None else element.value


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


def _foreign_text(dataset: Dataset) -> str | None:
    for element in dataset:
        for item in element.value or () if element.VR == "SQ" else ():
            if (found := _foreign_text(item)) is not None:
                return found
        if element.VR in ("LO", "LT", "PN", "SH", "ST", "UC", "UT") and not str(element.value).isascii():
            return str(element.value)
    return None


def _drop_character_sets(dataset: Dataset) -> None:
    dataset.pop("SpecificCharacterSet", None)
    for element in dataset:
        for item in element.value or () if element.VR == "SQ" else ():
            _drop_character_sets(item)
