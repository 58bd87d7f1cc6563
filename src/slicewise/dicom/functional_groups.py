"""Frames of a multi-frame instance, each with a header of its own (PS3.3, C.7.6.16).

What stands in the shared and the per-frame functional groups is presented as ordinary attributes of
each frame. The groups themselves stay: the shared ones as they are, of the others the item of the frame.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import dictionary_VR

from slicewise.dicom.frame_names import with_ordinary_names
from slicewise.dicom.frame_vectors import vector_columns
from slicewise.dicom.items import item_spans, items_of
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["FRAME_GROUPS", "SHARED_GROUPS", "frame_headers", "number_of_frames"]

SHARED_GROUPS = tag_of("SharedFunctionalGroupsSequence")
FRAME_GROUPS = tag_of("PerFrameFunctionalGroupsSequence")
_IMAGE_TYPE = tag_of("ImageType")

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

_INNER = tag_of("DiffusionGradientDirectionSequence")
"""A sequence within a functional group whose one item says something of the frame."""

_OF_THE_INSTANCE = frozenset(
    tag_of(keyword)
    for keyword in (
        "SpecificCharacterSet",
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "PatientID",
        "PatientName",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "PlanarConfiguration",
        "PhotometricInterpretation",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
    )
)
"""What no functional group can say otherwise of a frame: its identity, and how all pixels are stored."""

_IS_LENGTH = 12


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
    if not text.isdigit() or len(text) > _IS_LENGTH or int(text) < 1:
        raise HeaderError(f"NumberOfFrames must be a positive integer (got {text!r:.40})")
    return int(text)


def frame_headers(elements: Mapping[int, RawElement], frames: int) -> Headers:
    """Return a header for each frame of an instance.

    What several places say, the more particular one says: the item of the frame before the shared
    groups, these before the instance. A group that is empty says nothing.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of the instance, without file meta information.
    frames : int
        The number of its frames.

    Raises
    ------
    HeaderError
        If there are functional groups for another number of frames, or frames have no place that vectors
        ought to give them.
    """
    columns: dict[int, Column] = {**elements, **vector_columns(elements, frames)}
    image_type = text_of(elements.get(_IMAGE_TYPE))
    shared = elements.get(SHARED_GROUPS)
    for group in items_of(shared) if shared is not None else []:
        columns.update(_presented(group, image_type))
    per_frame = elements.get(FRAME_GROUPS)
    if per_frame is None:
        return Headers(frames, columns)
    groups = items_of(per_frame)
    if len(groups) != frames:
        raise HeaderError(f"there are functional groups for {len(groups)} frames and NumberOfFrames is {frames}")
    presented = [_presented(group, image_type) for group in groups]
    for tag in {tag for attributes in presented for tag in attributes}:
        fallback = columns.get(tag)
        shared_one = fallback if isinstance(fallback, RawElement) else None
        columns[tag] = tuple(attributes.get(tag, shared_one) for attributes in presented)
    spans = item_spans(per_frame)
    columns[FRAME_GROUPS] = tuple(per_frame._replace(value=per_frame.value[a:b]) for a, b in spans)
    return Headers(frames, columns)


def _presented(group: Mapping[int, RawElement], image_type: str) -> dict[int, RawElement]:
    """Return what the groups of a frame, or those of all, say as ordinary attributes."""
    found: dict[int, RawElement] = {}
    for tag, element in group.items():
        if not _is_sequence(element) or tag in _STAY_SEQUENCES or tag >> 16 & 1:
            found[tag] = element
            continue
        macros = items_of(element)
        if len(macros) > 1:
            found[tag] = element
        for macro in macros if len(macros) == 1 else []:
            found.update(macro)
            inner = items_of(macro[_INNER]) if _INNER in macro else []
            found.update(inner[0] if len(inner) == 1 else {})
    return with_ordinary_names({tag: e for tag, e in found.items() if tag not in _OF_THE_INSTANCE}, image_type)


def _is_sequence(element: RawElement) -> bool:
    if element.vr is not None:
        return element.vr == "SQ"
    try:
        # Implicit VR does not tell.
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:
        return False
