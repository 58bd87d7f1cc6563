"""Header propagation: the header rules applied to the headers of a node's inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import attrs
import numpy as np

from slicewise.dicom.grid_attributes import generator_for, regenerate
from slicewise.dicom.pixel_size import same_pixel_size
from slicewise.dicom.provenance_block import FAMILY, GROUP
from slicewise.dicom.rule_table import (
    COLUMNS,
    PRIVATE,
    PRIVATE_GRID,
    PRIVATE_GRID_CREATORS,
    PRIVATE_PROVENANCE,
    Row,
    mark_for,
    row_for,
)
from slicewise.dicom.unplaced import gained, unplaced
from slicewise.dicom.values import text_of
from slicewise.errors import PatientMismatchError
from slicewise.image import Action, Change, Geometry, Headers, Operation, RawElement, SliceMap
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["Propagated", "propagate", "row_of", "strictest_mark"]

_STRICTEST_FIRST = "XGEBUDOAPCNFWK"
"""Where a node is of several classes the strictest mark wins."""

_GRAVE = {b"YES", b"01"}
_PATIENT_ID = tag_of("PatientID")


@attrs.frozen(slots=False)
class _Task:
    inputs: Sequence[Headers]
    maps: Sequence[SliceMap]
    operations: frozenset[Operation]
    before: Geometry
    after: Geometry
    keeps_units: bool

    @property
    def primary(self) -> Headers:
        return self.inputs[0]

    @property
    def slices(self) -> int:
        return self.after.slices

    @cached_property
    def is_identity(self) -> bool:
        """Whether each slice stands where its one source slice stood."""
        maps = self.maps[0]
        return len(self.inputs) == 1 and maps.is_choice and maps.match == tuple(range(self.before.slices))

    @cached_property
    def is_choice(self) -> bool:
        """Whether each slice has one source slice, so that nothing can contradict."""
        return len(self.inputs) == 1 and self.maps[0].is_choice


class Propagated(NamedTuple):
    """Headers of a result, and what the rules did.

    ``withheld`` are private attributes that the rules dropped, as they would stand if they were
    kept: a writer may be told to keep them.
    """

    headers: Headers
    withheld: Headers
    changes: tuple[Change, ...]


def propagate(
    inputs: Sequence[Headers],
    maps: Sequence[SliceMap],
    operations: Iterable[Operation],
    *,
    before: Geometry,
    after: Geometry,
    keeps_units: bool = True,
    withheld: Headers | None = None,
    mixes_patients: bool = False,
) -> Propagated:
    """Return the headers of a result, and what was regenerated or dropped and why.

    Parameters
    ----------
    inputs : sequence of Headers
        Headers of each input; the first is the primary one.
    maps : sequence of SliceMap
        For each input where the output slices come from.
    operations : iterable of Operation
        What is done; the strictest rule wins.
    before, after : Geometry
        Grid of the primary input and of the result.
    keeps_units : bool
        Whether values mean the same afterwards.
    withheld : Headers, optional
        What was withheld of the primary input before.
    mixes_patients : bool
        Whether inputs may be of different patients.

    Raises
    ------
    PatientMismatchError
        If inputs are of different patients, and may not be.
    """
    inputs, maps = _with_headers(inputs, maps)
    task = _Task(inputs, maps, frozenset(operations), before, after, keeps_units)
    if not mixes_patients:
        _check_patients(inputs)
    kept: dict[int, Column] = {}
    aside = _still_withheld(withheld, task)
    changes: list[Change] = []
    for tag in sorted({tag for headers in inputs for tag in headers.columns()}):
        row = row_of(tag, task.primary)
        column, change = _settle(tag, row, strictest_mark(row, task.operations), task)
        if column is not None:
            kept[tag] = column
        elif tag >> 16 & 1 and (private := _common(tag, task)) is not None:
            aside[tag] = private
        if change is not None:
            changes.append(change)
    for tag, element in gained(task.before, task.after, kept).items():
        kept[tag] = element
        changes.append(Change(tag, Action.REGENERATED, row_for(tag).why))
    return Propagated(Headers(task.slices, kept), Headers(task.slices, aside), tuple(changes))


def _with_headers(inputs: Sequence[Headers], maps: Sequence[SliceMap]) -> tuple[Sequence[Headers], Sequence[SliceMap]]:
    # An image without headers, such as a mask made elsewhere, has nothing to say and nothing to contradict.
    pairs = [(h, m) for h, m in zip(inputs, maps, strict=True) if h.columns()]
    if not pairs:
        return inputs, maps
    return [h for h, _ in pairs], [m for _, m in pairs]


def _still_withheld(withheld: Headers | None, task: _Task) -> dict[int, Column]:
    if withheld is None:
        return {}
    alone = attrs.evolve(task, inputs=[withheld], maps=[task.maps[0]])
    found = {tag: _common(tag, alone) for tag in withheld.columns()}
    return {tag: column for tag, column in found.items() if column is not None}


def row_of(tag: int, headers: Headers) -> Row:
    """Return the row of the table for an attribute; a private one is judged by its creator."""
    if not tag >> 16 & 1:
        return row_for(tag)
    block = (tag & 0xFFFF) >> 8 or tag & 0xFFFF
    column = headers.column((tag & 0xFFFF0000) | block)
    creator = column if isinstance(column, RawElement) else next((e for e in column or () if e is not None), None)
    name = text_of(creator)
    if tag >> 16 == GROUP and name.startswith(FAMILY):
        return PRIVATE_PROVENANCE
    return PRIVATE_GRID if name in PRIVATE_GRID_CREATORS else PRIVATE


def strictest_mark(row: Row, operations: Iterable[Operation]) -> str:
    """Return the mark of a row where several classes of operation meet."""
    done = frozenset(operations)
    marks = {mark_for(row, operation) for operation in COLUMNS if operation in done}
    return next((mark for mark in _STRICTEST_FIRST if mark in marks), "K")


def _settle(tag: int, row: Row, mark: str, task: _Task) -> tuple[Column | None, Change | None]:
    reason = _drop_reason(row, mark, task)
    if reason is not None:
        return None, Change(tag, Action.DROPPED, reason)
    if mark in "GEP" and not task.after.is_in_patient:
        return unplaced(tag, row, _from_match(tag, task), task.before, task.after)
    if mark in "GE":
        return _regenerated(tag, row, mark, task)
    if mark in "KFWU" or task.is_choice:
        column = _from_match(tag, task)
    elif mark == "N":
        column = _nearest(tag, task)
    elif mark == "B":
        column = _gravest(tag, task)
    else:
        column = _common(tag, task)
    return column, _partial_drop(tag, row, column, task)


def _drop_reason(row: Row, mark: str, task: _Task) -> str | None:
    if mark == "X":
        return row.why
    if mark in "UD" and not task.keeps_units:
        return f"{row.why}, and the units changed"
    if mark in "OA" and not _same_orientation(task.before, task.after, signed=mark == "O"):
        return f"{row.why}, and the orientation changed"
    if mark == "P" and task.after.is_in_patient and not same_pixel_size(task.before, task.after):
        return f"{row.why}, which changed"
    return None


def _same_orientation(before: Geometry, after: Geometry, *, signed: bool) -> bool:
    pairs = [
        (before.row_direction, after.row_direction),
        (before.column_direction, after.column_direction),
    ]
    cosines = [float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))) for a, b in pairs]
    return all((c if signed else abs(c)) > 1 - 1e-8 for c in cosines)


def _regenerated(tag: int, row: Row, mark: str, task: _Task) -> tuple[Column | None, Change | None]:
    source = _from_match(tag, task)
    if source is None and (mark == "E" or task.primary.column(tag) is None):
        return None, None
    if tag == tag_of("SpacingBetweenSlices") and not task.after.is_even:
        return None, Change(tag, Action.DROPPED, "the output slices are not evenly spaced")
    if tag == tag_of("SliceThickness") and not np.isclose(task.before.slice_spacing, task.after.slice_spacing):
        # Slices at another distance are of one thickness, also those in the plane of a source slice.
        matches: tuple[int | None, ...] = (None,) * task.slices
    else:
        matches = task.maps[0].match
    generator, keeps_matched = generator_for(tag, task.before, task.primary.column(tag))
    column = tuple(
        regenerate(generator, tag, task.after, k, _at(source, k), matched=keeps_matched and matches[k] is not None)
        for k in range(task.slices)
    )
    if all(element is _at(source, k) for k, element in enumerate(column)):
        return source, None
    return column, Change(tag, Action.REGENERATED, row.why)


def _at(column: Column | None, index: int) -> RawElement | None:
    return column if column is None or isinstance(column, RawElement) else column[index]


def _from_match(tag: int, task: _Task) -> Column | None:
    column = task.primary.column(tag)
    if column is None or isinstance(column, RawElement) or task.is_identity:
        return column
    slices = task.maps[0]
    return tuple(
        column[match] if match is not None else _agreed([column[i] for i in support])
        for match, support in zip(slices.match, slices.support, strict=True)
    )


def _nearest(tag: int, task: _Task) -> Column | None:
    column = task.primary.column(tag)
    if column is None or isinstance(column, RawElement):
        return column
    slices = task.maps[0]
    drawn = [m if m is not None else s[0] if s else None for m, s in zip(slices.match, slices.support, strict=True)]
    known = [k for k, index in enumerate(drawn) if index is not None]
    # A slice that draws on nothing, such as padding, takes the value of the nearest that does: one must be there.
    nearest = [min(known, key=lambda n: abs(n - k), default=0) for k in range(len(drawn))]
    return tuple(column[drawn[k] or 0] for k in nearest)


def _common(tag: int, task: _Task) -> Column | None:
    columns = [headers.column(tag) for headers in task.inputs]
    if all(isinstance(column, RawElement) for column in columns):
        return _agreed(columns)  # type: ignore[arg-type]
    if any(column is None for column in columns):
        return None
    return tuple(_agreed(_contributing(columns, task, k)) for k in range(task.slices))


def _contributing(columns: Sequence[Column | None], task: _Task, k: int) -> list[RawElement | None]:
    return [_at(column, i) for column, m in zip(columns, task.maps, strict=True) for i in m.support[k]]


def _agreed(elements: Sequence[RawElement | None]) -> RawElement | None:
    first = elements[0] if elements else None
    if first is None:
        return None
    return first if all(e is not None and e.value == first.value for e in elements) else None


def _gravest(tag: int, task: _Task) -> Column | None:
    columns = [headers.column(tag) for headers in task.inputs]
    if all(column is None for column in columns):
        return None
    return tuple(_graver(_contributing(columns, task, k)) for k in range(task.slices))


def _graver(elements: Sequence[RawElement | None]) -> RawElement | None:
    present = [e for e in elements if e is not None]
    grave = next((e for e in present if e.value.strip(b" \0") in _GRAVE), None)
    if grave is not None:
        return grave
    return present[0] if present else None


def _partial_drop(tag: int, row: Row, column: Column | None, task: _Task) -> Change | None:
    if isinstance(column, RawElement) or task.is_choice:
        return None
    had = [
        any(e is not None for e in _contributing([h.column(tag) for h in task.inputs], task, k))
        for k in range(task.slices)
    ]
    lost = tuple(k for k in range(task.slices) if had[k] and _at(column, k) is None)
    if not lost:
        return None
    reason = f"{row.why}, and the contributing slices differ in it"
    return Change(tag, Action.DROPPED, reason, None if len(lost) == task.slices else lost)


def _check_patients(inputs: Sequence[Headers]) -> None:
    found = {text_of(headers.element(_PATIENT_ID, k)) for headers in inputs for k in range(len(headers))}
    found.discard("")
    if len(inputs) > 1 and len(found) > 1:
        raise PatientMismatchError(
            f"images of different patients meet here (PatientID {', '.join(sorted(map(repr, found)))}); "
            "combine images of one patient"
        )
