"""The information pass: what is known of a result, from what is known of the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from slicewise.dicom.rules import Propagated, propagate
from slicewise.image import Action, Change, ImageInfo, Operation, Padding, SliceMap, Source, Step
from slicewise.image.elements import tag_of
from slicewise.pipeline.block import Outline

__all__ = ["infer"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def infer(
    inputs: Sequence[ImageInfo],
    outline: Outline,
    step: Step,
    *,
    attributes: Mapping[str, Any] = _NOTHING,
    mixes_patients: bool = False,
) -> ImageInfo:
    """Return what is known of the result of a step: its headers by the header rules, its sources and history.

    Parameters
    ----------
    inputs : sequence of ImageInfo
        What is known of the inputs; the first is the primary one.
    outline : Outline
        Grid and type of the result.
    step : Step
        What is done; the changes that the rules make are added to it.
    attributes : mapping of str to object
        What the step itself knows to be true of its result; see ``Effect``.
    mixes_patients : bool
        Whether inputs may be of different patients.
    """
    # An input without a slice map lends its grid only: no header, source or step of it goes on.
    inputs = inputs[: len(outline.slices)]
    propagated = propagate(
        [info.headers for info in inputs],
        outline.slices,
        step.operations,
        before=inputs[0].geometry,
        after=outline.geometry,
        keeps_units=step.keeps_units,
        withheld=inputs[0].withheld,
        mixes_patients=mixes_patients,
    )
    if attributes:
        propagated = _with_attributes(propagated, attributes, step)
    return ImageInfo(
        geometry=outline.geometry,
        dtype=outline.dtype,
        components=outline.components,
        headers=propagated.headers,
        withheld=propagated.withheld,
        sources=_merged_sources(inputs, outline.slices),
        history=(*_merged_history(inputs), attrs.evolve(step, changes=propagated.changes)),
        paddings=(
            _paddings(inputs[0].paddings, outline.slices[0], step) if outline.paddings is None else outline.paddings
        ),
    )


def _with_attributes(propagated: Propagated, attributes: Mapping[str, Any], step: Step) -> Propagated:
    known = propagated.headers.columns()
    headers = propagated.headers.replace(attributes)
    stated = {tag_of(keyword): value for keyword, value in attributes.items()}
    changes = [change for change in propagated.changes if stated.get(change.tag) is None]
    for tag, value in stated.items():
        if value is not None:
            changes.append(Change(tag, Action.REGENERATED, f"true of the result of {step.name}"))
        elif tag in known:
            changes.append(Change(tag, Action.DROPPED, f"untrue of the result of {step.name}"))
    return propagated._replace(headers=headers, changes=tuple(changes))


def _paddings(source: Sequence[Padding | None], slices: SliceMap, step: Step) -> tuple[Padding | None, ...]:
    if not source or not step.keeps_units or step.operations & {Operation.PROJECTION, Operation.MULTI}:
        return ()
    drawn = [
        [source[i] for i in ([m] if m is not None else s)] for m, s in zip(slices.match, slices.support, strict=True)
    ]
    found = [p[0] if p and all(q == p[0] for q in p) else None for p in drawn]
    if Operation.PIXEL in step.operations:
        found = [attrs.evolve(p, marks=False) if p is not None else None for p in found]
    return tuple(found) if any(found) else ()


def _merged_sources(inputs: Sequence[ImageInfo], maps: Sequence[SliceMap]) -> tuple[tuple[Source, ...], ...]:
    merged: list[tuple[Source, ...]] = []
    for k in range(len(maps[0].support)):
        found: dict[Source, None] = {}
        for info, slices in zip(inputs, maps, strict=True):
            for i in slices.support[k]:
                found.update(dict.fromkeys(info.sources[i]))
        merged.append(tuple(found))
    return tuple(merged)


def _merged_history(inputs: Sequence[ImageInfo]) -> tuple[Step, ...]:
    merged: dict[int, Step] = {}
    for info in inputs:
        merged.update({id(step): step for step in info.history})
    return tuple(merged.values())
