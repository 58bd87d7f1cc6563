"""The information pass of a stack: what is known of volumes, told of all their slices together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from slicewise.dicom.values import text_of
from slicewise.errors import GraphError, PatientMismatchError, SpaceMismatchError
from slicewise.image import Action, Change, Headers, ImageInfo, StackAxis, Step, check_same_space
from slicewise.image.axis import Coordinate, StackedVolume
from slicewise.image.elements import tag_of

__all__ = ["joined_info"]

_FRAME_OF_REFERENCE = tag_of("FrameOfReferenceUID")
_PATIENT = tag_of("PatientID")

Histories = tuple[tuple[Step, ...], ...]


def joined_info(
    infos: Sequence[ImageInfo], name: str, coordinates: tuple[Coordinate, ...] | None, unit: str | None
) -> ImageInfo:
    """Return what is known of a stack, from what is known of its volumes.

    Parameters
    ----------
    infos : sequence of ImageInfo
        What is known of each volume.
    name : str
        Name of the axis.
    coordinates : tuple of number or str, optional
        Where each volume stands on it.
    unit : str, optional
        Unit of the coordinates.

    Raises
    ------
    SpaceMismatchError, PatientMismatchError, GraphError
        If the volumes do not go together; the message says which one, and what differs.
    """
    for k, info in enumerate(infos):
        _check_alike(infos[0], info, k)
    histories = tuple(info.history for info in infos)
    paddings = [p for info in infos for p in info.paddings or (None,) * info.slices]
    withheld = [info.withheld if info.withheld is not None else Headers(info.slices) for info in infos]
    return ImageInfo(
        geometry=infos[0].geometry,
        dtype=np.result_type(*{info.dtype for info in infos}),
        components=infos[0].components,
        headers=Headers.joined([info.headers for info in infos]),
        sources=tuple(sources for info in infos for sources in info.sources),
        history=_merged(histories, infos[0].slices),
        withheld=None if all(info.withheld is None for info in infos) else Headers.joined(withheld),
        paddings=tuple(paddings) if any(paddings) else (),
        axis=StackAxis(name, coordinates, tuple(StackedVolume(i.geometry, i.history) for i in infos), unit),
    )


def _check_alike(first: ImageInfo, other: ImageInfo, k: int) -> None:
    check_same_space(first.geometry, other.geometry, ("volume 0", f"volume {k} of the stack"))
    frames = [text_of(info.headers.element(_FRAME_OF_REFERENCE, 0)) for info in (first, other)]
    if all(frames) and frames[0] != frames[1]:
        raise SpaceMismatchError(
            f"volume 0 and volume {k} of the stack are in different frames of reference (FrameOfReferenceUID "
            f"{frames[0]} and {frames[1]}): nothing says how they lie to each other. Register one to the other first"
        )
    patients = {text_of(info.headers.element(_PATIENT, 0)) for info in (first, other)} - {""}
    if len(patients) > 1:
        raise PatientMismatchError(
            f"volume 0 and volume {k} of the stack are of different patients (PatientID "
            f"{', '.join(sorted(map(repr, patients)))}); stack images of one patient"
        )
    if first.components != other.components:
        raise GraphError(
            f"the volumes of a stack must have as many values per pixel (got {first.components} in volume 0 and "
            f"{other.components} in volume {k})"
        )
    if (first.dtype.kind == "b") != (other.dtype.kind == "b"):
        raise GraphError(
            f"volume 0 is of {first.dtype} and volume {k} of {other.dtype}: a stack is of masks, or of values; Cast one"
        )


# --- history ----------------------------------------------------------------------------------------


def _merged(histories: Histories, slices: int) -> tuple[Step, ...]:
    """Return one history: steps of the same form, done to several volumes, are one step."""
    groups: dict[Any, list[tuple[int, Step]]] = {}
    for volume, steps in enumerate(histories):
        for form, step in _formed(steps):
            groups.setdefault(form, []).append((volume, step))
    return tuple(_together(group, len(histories), slices) for group in groups.values())


def _formed(steps: Sequence[Step]) -> Iterator[tuple[Any, Step]]:
    """Iterate over steps with what makes one the same step as one of another volume: all but its parameters."""
    seen: dict[Any, int] = {}
    for step in steps:
        form = (step.name, step.operations, step.derivation, step.keeps_units)
        seen[form] = seen.get(form, 0) + 1
        yield (form, seen[form]), step


def _together(group: Sequence[tuple[int, Step]], volumes: int, slices: int) -> Step:
    told = dict.fromkeys(step.parameters for _, step in group)
    parameters = next(iter(told)) if len(told) == 1 else "parameters by volume"
    found: dict[tuple[int, Action, str], set[int]] = {}
    for volume, step in group:
        for change in step.changes:
            of = range(slices) if change.slices is None else change.slices
            concerned = found.setdefault((change.tag, change.action, change.reason), set())
            concerned.update(volume * slices + k for k in of)
    changes = tuple(
        Change(tag, action, reason, None if len(concerned) == volumes * slices else tuple(sorted(concerned)))
        for (tag, action, reason), concerned in found.items()
    )
    return attrs.evolve(group[0][1], parameters=parameters, changes=changes)
