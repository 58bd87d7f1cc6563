"""The information pass: what is known of a result, from what is known of the inputs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from slicewise.dicom.rules import propagate
from slicewise.image import ImageInfo, SliceMap, Source, Step
from slicewise.pipeline.block import Outline

__all__ = ["infer"]


def infer(inputs: Sequence[ImageInfo], outline: Outline, step: Step) -> ImageInfo:
    """Return what is known of the result of a step: its headers by the header rules, its sources and history.

    Parameters
    ----------
    inputs : sequence of ImageInfo
        What is known of the inputs; the first is the primary one.
    outline : Outline
        Grid and type of the result.
    step : Step
        What is done; the changes that the rules make are added to it.
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
    )
    return ImageInfo(
        geometry=outline.geometry,
        dtype=outline.dtype,
        components=outline.components,
        headers=propagated.headers,
        withheld=propagated.withheld,
        sources=_merged_sources(inputs, outline.slices),
        history=(*_merged_history(inputs), attrs.evolve(step, changes=propagated.changes)),
    )


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
