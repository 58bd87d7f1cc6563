"""One header per slice: what all slices share is stored once, what varies once per slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.errors import HeaderError
from slicewise.image.asking import Found, find, has, values
from slicewise.image.attribute_keys import Key
from slicewise.image.elements import RawElement, name_of
from slicewise.image.encoding import raw_elements
from slicewise.image.problems import FindingPlace, Problem, Problems, Tell, visit
from slicewise.image.read_only import ReadOnlyDataset, read_only_dataset
from slicewise.image.replacing import PerSlice, replaced
from slicewise.image.tables import table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Headers", "PerSlice"]

Column = RawElement | tuple[RawElement | None, ...]
"""An attribute over the slices: one element where all share it, else one (or None) per slice."""

_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103
_CONTEXT = (_CHARACTER_SET, _PIXEL_REPRESENTATION, 0x00283002)
"""What the decoding of other attributes depends on."""


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

    __slots__ = ("_length", "_problems", "_shared", "_shared_raw", "_varying")

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
        self._problems = Problems(self._find_problems, length)

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
        rows = [raw_elements(dataset) for dataset in datasets]
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

        ``headers[3]`` is the header of the fourth slice, ``headers[3:9]`` the headers of six slices. All else
        gives a list of values, one for each slice, with None where a slice has not the attribute:

        - ``headers["SliceLocation"]`` or ``headers[0x0020, 0x1041]``: an attribute of the top level;
        - ``headers["RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"]``: one of an item of a
          sequence, which is chosen by its number in brackets; without it, of the only item, or a list of
          the values in all;
        - ``headers[0x0019, "SIEMENS MR HEADER", 0x0C]``: a private one by group, creator, and element within
          the block (PS3.5, 7.8.1), also in a path, as ``"(0019,SIEMENS MR HEADER,0C)"``;
        - ``headers["BValue"]`` in s/mm2 and ``headers["GradientDirection"]`` in LPS, however the scanner
          states them.

        Values that their VR cannot hold are bytes; a warning tells of them, and so does ``problems``.

        Raises
        ------
        UnknownAttributeError
            If the keyword is in no dictionary.
        HeaderError
            If a path goes into what is no sequence.
        """
        if isinstance(key, slice):
            return self.take(range(self._length)[key])
        if isinstance(key, str | tuple):
            return values(self, key)
        return self._dataset(range(self._length)[key])

    def __contains__(self, key: object) -> bool:
        """Tell whether at least one slice has the attribute, asked for in any way."""
        return isinstance(key, str | tuple) and has(self, key)

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
        elements = self._shared_elements()
        for tag, column in self._varying.items():
            element = column[index]
            if element is not None:
                elements[BaseTag(tag)] = element.to_pydicom()
        # pydicom iterates in tag order whatever the order here.
        return read_only_dataset(elements, self._problems.place(index))

    def _shared_elements(self) -> dict[BaseTag, RawDataElement]:
        if self._shared_raw is None:
            self._shared_raw = {BaseTag(tag): e.to_pydicom() for tag, e in self._shared.items()}
        return dict(self._shared_raw)

    def part(self, index: int, tag: int) -> ReadOnlyDataset:
        """Return the header of a slice with one attribute alone, and what its decoding depends on."""
        elements: dict[BaseTag, RawDataElement] = {}
        for wanted in (tag, *_context(tag)):
            element = self.element(wanted, index)
            if element is not None:
                elements[BaseTag(wanted)] = element.to_pydicom()
        return read_only_dataset(elements, self._problems.place(index))

    def decoded(self, tag: int) -> list[DataElement | None]:
        """Return an attribute of the top level on each slice; None where a slice has it not."""
        column = self.column(tag)
        if column is None or not self._length:
            return [None] * self._length
        if self.depends_on_slice(tag):
            return [self.part(k, tag).get(BaseTag(tag)) for k in range(self._length)]
        context, place = self.part(0, tag), self._problems.place
        if isinstance(column, RawElement):
            return [context[BaseTag(tag)]] * self._length
        raw = (None if element is None else element.to_pydicom() for element in column)
        return [None if element is None else context.decoded(element, place(k)) for k, element in enumerate(raw)]

    def depends_on_slice(self, tag: int) -> bool:
        """Whether what is encoded alike may be decoded otherwise on another slice.

        Text is decoded by the character set of its slice, some numbers by its pixel representation.
        """
        return any(context in self._varying for context in _context(tag))

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the values, at any depth: slices, attribute and reason.

        Values that their VR cannot hold (PS3.5, 6.2), which are given as bytes; text that is not of its character
        set, or of none that is known; and what is outside a rule, but is given as it stands: text that is too long,
        dates, codes and identifiers of another form. All headers are decoded for it.
        """
        return [problem for tag in self.columns() for problem in self._problems.of(tag)]

    def _find_problems(self, tag: int, tell: Tell) -> Iterable[int]:
        everywhere = tag in self._shared and not self.depends_on_slice(tag)
        decoded = range(min(self._length, 1) if everywhere else self._length)
        for k in decoded:
            element = self.element(tag, k)
            if element is not None:
                part = self.part(k, tag)
                visit(part.decoded(element.to_pydicom(), FindingPlace(k, tell)))
        return decoded

    @property
    def shared(self) -> ReadOnlyDataset:
        """The attributes that are the same on all slices."""
        return read_only_dataset(self._shared_elements(), self._problems.place(0))

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
        self,
        attributes: Mapping[str, Any] | Mapping[tuple[int, int], Any] | Mapping[Key, Any] | None = None,
        **keywords: Any,
    ) -> Self:
        """Return headers with other values for some attributes.

        Parameters
        ----------
        attributes, **keywords
            Keyword, (group, element) or (group, private creator, element), and its value for all slices; a list
            with one value per slice; or ``PerSlice([...])`` where the attribute itself takes several values, or is
            private. None drops the attribute.

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
        return self.with_columns(replaced(self, {**(attributes or {}), **keywords}))

    def find(self, key: Key) -> list[list[Found]]:
        """Return all values of an attribute at any depth, a list for each slice, each with the path to it.

        Examples
        --------
        >>> item = Dataset()
        >>> item.CodeValue = "113087"
        >>> headers = Headers(1).replace(DerivationCodeSequence=[item])
        >>> headers.find("CodeValue")
        [[Found(path='DerivationCodeSequence[0].CodeValue', value='113087')]]
        """
        return find(self, key)

    def table(self, attributes: Sequence[Key] | Literal["all"] | None = None) -> pd.DataFrame:
        """Return a pandas table, one row per slice.

        Numbers are numbers, several values lists; dates, names and identifiers text; sequences and binary values
        are told by their size.

        Parameters
        ----------
        attributes : sequence of keys, or "all", optional
            The columns, by whatever an attribute can be asked for; those of the top level that vary between
            slices if not given.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return table(self, attributes)


def _context(tag: int) -> tuple[int, ...]:
    """Return the tags that the decoding of another depends on."""
    return (*_CONTEXT, tag & 0xFFFF0000 | tag >> 8 & 0xFF) if tag >> 16 & 1 else _CONTEXT
