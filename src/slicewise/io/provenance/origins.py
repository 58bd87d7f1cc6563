"""Where the attributes of a derived series come from, slice by slice, for a person to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import attrs
from pydicom.dataset import Dataset

from slicewise.dicom.items import items_of
from slicewise.dicom.rules import row_of, strictest_mark
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Action, Headers, RawElement
from slicewise.image.attribute_text import count_text, decoded, value_text
from slicewise.image.elements import name_of, tag_of
from slicewise.io.provenance.story import SourceSeries, ToldRow
from slicewise.io.provenance.told import ToldInstance, ToldSeries
from slicewise.io.provenance.versions import other_versions

__all__ = ["Origin", "Origins"]

_ORIGINAL = tag_of("OriginalAttributesSequence")
_MODIFIED = tag_of("ModifiedAttributesSequence")
_SYSTEM, _WHEN = tag_of("ModifyingSystem"), tag_of("AttributeModificationDateTime")
_SHOWN = 5
_WIDTH = 60
_RULES = {
    "K": "kept from the source instance in the same plane, or if there is none since all of this slice agree in it",
    "F": "kept from the first input",
    "B": "kept from the source instances of this slice: the graver of their values",
    "N": "kept from the nearest source instance",
}
_AGREED = "kept: all source instances of this slice agree in it"


class Origin(NamedTuple):
    """Where an attribute of a slice comes from.

    Attributes
    ----------
    name : str
        Its keyword, or ``(gggg,eeee)``.
    slice_index : int
        The slice, from 0.
    value : str or None
        Its value as text; None if the slice has it not.
    action : Action or None
        Kept, regenerated or dropped; None if no source had it.
    told : str
        From where, by which step and why.
    """

    name: str
    slice_index: int
    value: str | None
    action: Action | None
    told: str

    def __str__(self) -> str:
        value = (
            "not there" if self.value is None else f"= {self.value[:_WIDTH]}{'...' if len(self.value) > _WIDTH else ''}"
        )
        return f"{self.name} {value}\n  {self.told}"


@attrs.frozen(eq=False)
class _Slice:
    """A slice: an instance, or a frame of one."""

    instance: ToldInstance
    frame: int

    @property
    def headers(self) -> Headers:
        """Headers with that of the slice among them."""
        return self.instance.headers if len(self.instance.frames[0]) == 1 else self.instance.frames[1]

    @property
    def index(self) -> int:
        """Which of the headers is that of the slice."""
        return 0 if len(self.headers) == 1 else self.frame


@attrs.frozen(eq=False, slots=False)
class Origins:
    """Where the attributes of a derived series come from.

    Parameters
    ----------
    series : ToldSeries
        The series.
    """

    series: ToldSeries

    @cached_property
    def slices(self) -> dict[int, _Slice]:
        """The slices that are there, by their number in what was written."""
        found = {}
        for number, one in self.series.by_number.items():
            for k in range(len(one.frames[0])):
                found[number - 1 + k] = _Slice(one, k)
        return found

    def of(self, attribute: str, slice_index: int) -> Origin:
        """Return where an attribute of a slice comes from.

        Parameters
        ----------
        attribute : str
            Keyword, or ``gggg,eeee``.
        slice_index : int
            Which slice, from 0.

        Raises
        ------
        ParameterError
            If there is no such attribute or slice.
        """
        one = self._slice(slice_index)
        tag = tag_of(attribute)
        element = one.headers.element(tag, one.index)
        value = None if element is None else _value(one.headers[one.index], tag)
        action, told = self._told(tag, one, is_there=element is not None)
        edits = "".join(f"\n  {line}" for line in _edits(one, tag))
        return Origin(name_of(tag), slice_index, value, action, told + edits)

    def names(self, slice_index: int) -> list[str]:
        """Return the names of the public attributes that a slice has, and of those that were dropped."""
        one = self._slice(slice_index)
        there = {tag for tag in one.headers.columns() if one.headers.element(tag, one.index) is not None}
        told = {tag for row in self.series.story.rows for tag in row.tags}
        return [name_of(tag) for tag in sorted(there | told) if not tag >> 16 & 1]

    def place(self, slice_index: int) -> str:
        """Return which slice this is, and what it was made of."""
        one = self._slice(slice_index)
        frame = "" if len(one.instance.frames[0]) == 1 else f", frame {one.frame + 1}"
        sources = _sources(one.headers[one.index])
        lines = [
            f"slice {slice_index} of {len(self.slices)} (from 0): {one.instance.file.path}{frame}",
            f"  SOPInstanceUID {one.instance.uid}",
            *(f"  made of {source}" for source in sources[:_SHOWN]),
            *([f"  and of {len(sources) - _SHOWN} more"] if len(sources) > _SHOWN else []),
        ]
        return "\n".join(lines)

    def _slice(self, slice_index: int) -> _Slice:
        if slice_index not in self.slices:
            last = max(self.slices, default=-1)
            raise ParameterError(f"there is no slice {slice_index}: there are {len(self.slices)}, from 0 to {last}")
        return self.slices[slice_index]

    def _rows(self, tag: int) -> list[ToldRow]:
        return [row for row in self.series.story.rows if tag in row.tags]

    def _by(self, row: ToldRow) -> str:
        if row.step is None:
            return f"by {self.series.story.writer}: {row.reason}"
        return f"by step {row.step}, {self.series.story.steps[row.step - 1].text}: {row.reason}"

    def _told(self, tag: int, one: _Slice, *, is_there: bool) -> tuple[Action | None, str]:
        rows = {row.action: row for row in self._rows(tag)}
        if is_there and Action.REGENERATED in rows:
            return Action.REGENERATED, f"regenerated {self._by(rows[Action.REGENERATED])}"
        if is_there:
            return Action.KEPT, self._kept(tag, one)
        if Action.DROPPED in rows:
            row = rows[Action.DROPPED]
            if row.is_partial:
                return Action.DROPPED, f"dropped {self._by(row)}; or the source of this slice did not have it"
            return Action.DROPPED, f"dropped {self._by(row)}"
        return None, "no step dropped it: no source had it"

    def _kept(self, tag: int, one: _Slice) -> str:
        sources = _sources(one.headers[one.index])
        if not sources:
            return "kept from the source, which names no instances"
        if len(sources) == 1:
            return f"kept from source instance {sources[0].uid}"
        operations = frozenset(o for step in self.series.story.steps for o in step.operations)
        mark = strictest_mark(row_of(tag, one.headers), operations)
        return _RULES.get("K" if mark in "WU" else mark, _AGREED)

    # --- the whole ----------------------------------------------------------------------------------

    def overview(self) -> str:
        """Return what the series was made of and how, and what became of all attributes."""
        block, story = self.series.block, self.series.story
        versions = ", ".join(() if block is None else block.versions)
        missing = [] if block is None or not block.missing else block.missing.split("\n")
        other = other_versions(() if block is None else block.versions)
        lines = [
            f"derived series {self.series.uid}: {count_text(len(self.slices), 'slice')} written by {story.writer}",
            *(f"  from {_source(source)}" for source in story.sources),
            *(f"  step {k}: {step.text}" for k, step in enumerate(story.steps, 1)),
            *([f"  compressed with loss: {' '.join(story.loss)}"] if story.loss else []),
            f"  with {versions}",
            *([f"  here there is another: {'; '.join(other)}"] if other else []),
            *(f"  not in its recipe: {line}" for line in missing),
            f"attributes: all kept but {self._counts()}",
        ]
        for action in (Action.REGENERATED, Action.DROPPED):
            for row in (row for row in story.rows if row.action is action):
                lines.append(f"  {action.value} {self._by(row)}")
                lines.append(f"    {_names(row)}")
        return "\n".join(lines)

    def _counts(self) -> str:
        counts = Counter(row.action for row in self.series.story.rows for _ in row.tags)
        return f"{counts[Action.REGENERATED]} regenerated, {counts[Action.DROPPED]} dropped"


def _names(row: ToldRow) -> str:
    public = [name_of(tag) for tag in row.tags if not tag >> 16 & 1]
    private = len(row.tags) - len(public)
    told = ", ".join([*public, *([count_text(private, "private element")] if private else [])])
    return f"{told} (on some slices)" if row.is_partial else told


def _source(source: SourceSeries) -> str:
    if not source.series:
        return f"{source.name}: a {source.kind}, {count_text(source.slices, 'slice')}, no DICOM series"
    before = f", an image in memory after {source.computed}" if source.computed else ""
    made = f", itself derived in run {', '.join(source.runs)}" if source.runs else ""
    renamed = ", its identifiers replaced when identification was taken out" if source.is_renamed else ""
    series = ", ".join(source.series)
    return f"{source.name}: series {series}, {count_text(source.slices, 'slice')}{before}{made}{renamed}"


class _SourceInstance(NamedTuple):
    uid: str
    frame: int | None
    series: str

    def __str__(self) -> str:
        frame = "" if self.frame is None else f", frame {self.frame}"
        series = f" of series {self.series}" if self.series else ""
        return f"{self.uid}{frame}{series}"


def _sources(dataset: Dataset) -> list[_SourceInstance]:
    holders = [dataset, *(dataset.get("DerivationImageSequence") or ())]
    series = {
        str(one.get("ReferencedSOPInstanceUID", "")): str(item.get("SeriesInstanceUID", ""))
        for item in dataset.get("ReferencedSeriesSequence") or ()
        for one in item.get("ReferencedInstanceSequence") or ()
    }
    found = {}
    for one in (one for holder in holders for one in holder.get("SourceImageSequence") or ()):
        uid, frame = str(one.get("ReferencedSOPInstanceUID", "")), one.get("ReferencedFrameNumber")
        number = int(frame) if isinstance(frame, int | str) else None
        found[uid, number] = _SourceInstance(uid, number, series.get(uid, ""))
    return list(found.values())


def _value(dataset: Dataset, tag: int) -> str:
    element = decoded(dataset, tag)
    return "" if element is None else value_text(element)


def _edits(one: _Slice, tag: int) -> Iterator[str]:
    """Iterate over what was done to an attribute after the series was written, as far as it says so."""
    element = one.headers.element(_ORIGINAL, one.index)
    for item in _items(element):
        for before in _items(item.get(_MODIFIED)):
            if tag in before:
                system, when = text_of(item.get(_SYSTEM)), text_of(item.get(_WHEN))
                value = before[tag].value.decode("latin-1").strip(" \0")
                yield f"edited by {system or 'someone'} at {when[:14]}: it was {value!r}"


def _items(element: RawElement | None) -> Sequence[dict[int, RawElement]]:
    try:
        return [] if element is None else [dict(item) for item in items_of(element)]
    except HeaderError:
        return []
