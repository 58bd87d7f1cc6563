"""Frames of a multi-frame instance, each with a header of its own (PS3.3, C.7.6.16).

What stands in the shared and the per-frame functional groups is presented as ordinary attributes of
each frame. The groups themselves stay: the shared ones as they are, of the others the item of the frame.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from slicewise.dicom.items import item_spans, items_of
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["FRAME_GROUPS", "SHARED_GROUPS", "frame_headers", "number_of_frames"]

SHARED_GROUPS = tag_of("SharedFunctionalGroupsSequence")
FRAME_GROUPS = tag_of("PerFrameFunctionalGroupsSequence")
_FRAMES = tag_of("NumberOfFrames")

_STAY_SEQUENCES = frozenset(
    tag_of(keyword)
    for keyword in (
        "ReferencedImageSequence",
        "RealWorldValueMappingSequence",
        "ContrastBolusUsageSequence",
        "DerivationImageSequence",
        "ConversionSourceAttributesSequence",
        "FrameAnatomySequence",
    )
)
"""Functional groups that are sequences in ordinary headers, too, or lists."""

_ORDINARY_NAMES = {tag_of("EffectiveEchoTime"): (tag_of("EchoTime"), "DS")}
"""Attributes of frames that single-frame images know by another name and VR."""


def number_of_frames(element: RawElement | None) -> int:
    """Return the number of frames; 1 where it is not stated.

    Raises
    ------
    HeaderError
        If it is no positive integer.
    """
    text = text_of(element)
    if not text:
        return 1
    if not text.isdigit() or int(text) < 1:
        raise HeaderError(f"NumberOfFrames must be a positive integer (got {text!r:.40})")
    return int(text)


def frame_headers(elements: Mapping[int, RawElement], frames: int) -> Headers:
    """Return a header for each frame of an instance.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of the instance, without file meta information.
    frames : int
        The number of its frames.

    Raises
    ------
    HeaderError
        If there are functional groups for another number of frames.
    """
    columns: dict[int, Column] = dict(elements)
    shared = elements.get(SHARED_GROUPS)
    for group in items_of(shared) if shared is not None else []:
        columns.update(_presented(group))
    per_frame = elements.get(FRAME_GROUPS)
    if per_frame is None:
        return Headers(frames, columns)
    groups = items_of(per_frame)
    if len(groups) != frames:
        raise HeaderError(f"there are functional groups for {len(groups)} frames and NumberOfFrames is {frames}")
    presented = [_presented(group) for group in groups]
    for tag in {tag for attributes in presented for tag in attributes}:
        fallback = columns.get(tag)
        shared_one = fallback if isinstance(fallback, RawElement) else None
        columns[tag] = tuple(attributes.get(tag, shared_one) for attributes in presented)
    spans = item_spans(per_frame)
    columns[FRAME_GROUPS] = tuple(per_frame._replace(value=per_frame.value[a:b]) for a, b in spans)
    return Headers(frames, columns)


def _presented(group: Mapping[int, RawElement]) -> dict[int, RawElement]:
    found: dict[int, RawElement] = {}
    for tag, element in group.items():
        macros = items_of(element) if element.vr == "SQ" and tag not in _STAY_SEQUENCES and not tag >> 16 & 1 else []
        if len(macros) == 1:
            found.update(macros[0])
        else:
            found[tag] = element
    for tag, (ordinary, vr) in _ORDINARY_NAMES.items():
        if tag in found and ordinary not in found:
            found[ordinary] = _as_decimal(found[tag], ordinary, vr)
    return found


def _as_decimal(element: RawElement, tag: int, vr: str) -> RawElement:
    order = "<" if element.little_endian else ">"
    (value,) = struct.unpack(order + "d", element.value[:8])
    return RawElement(tag, vr, f"{value:.12g}".encode("ascii"))
