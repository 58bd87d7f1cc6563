"""Frames of multi-frame images as images of their own: their class, and what is left of a loop."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR

from slicewise.dicom.classic_frames import CLASSIC_CLASSES, classic_columns
from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, ImageInfo, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["is_multi_frame", "loop_columns", "single_frame_columns"]

_CLASS = tag_of("SOPClassUID")
_FRAMES = tag_of("NumberOfFrames")

_ULTRASOUND, _CAPTURE = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"
_SINGLE_FRAME_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.3.1": _ULTRASOUND,
    _ULTRASOUND: _ULTRASOUND,
    "1.2.840.10008.5.1.4.1.1.7.2": _CAPTURE,
    "1.2.840.10008.5.1.4.1.1.7.3": _CAPTURE,
    "1.2.840.10008.5.1.4.1.1.7.4": _CAPTURE,
    _CAPTURE: _CAPTURE,
    "1.2.840.10008.5.1.4.1.1.12.1": "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.2": "1.2.840.10008.5.1.4.1.1.12.2",
}
"""Classes of multi-frame images whose frames can stand alone, and in which: ultrasound, secondary capture, X-ray."""

_OF_THE_LOOP = tuple(
    tag_of(keyword)
    for keyword in (
        "NumberOfFrames",
        "FrameIncrementPointer",
        "FrameTime",
        "FrameTimeVector",
        "FrameDelay",
        "StartTrim",
        "StopTrim",
        "RecommendedDisplayFrameRate",
        "CineRate",
        "EffectiveDuration",
        "PreferredPlaybackSequencing",
        "RepresentativeFrameNumber",
        "FrameNumbersOfInterest",
        "FrameOfInterestDescription",
        "FrameOfInterestType",
        "MaskSubtractionSequence",
        "RecommendedViewingMode",
    )
)
"""What is said of several frames together (PS3.3, C.7.6.5, C.7.6.6, C.7.6.9 and C.7.6.10)."""

_TIMES = tag_of("FrameTimeVector")
_OF_TIME = frozenset(map(tag_of, ("FrameTime", "FrameTimeVector", "RecommendedDisplayFrameRate", "CineRate")))
"""What is as true of some frames that follow each other as of all."""

_MOVED = {
    "PositionerMotion": ("PositionerPrimaryAngle", "PositionerSecondaryAngle"),
    "TableMotion": (),
}
_STEPS = tuple(
    tag_of(keyword)
    for keyword in (
        "PositionerPrimaryAngleIncrement",
        "PositionerSecondaryAngleIncrement",
        "TableVerticalIncrement",
        "TableLongitudinalIncrement",
        "TableLateralIncrement",
    )
)
"""How positioner and table moved from frame to frame (PS3.3, C.8.7.4 and C.8.7.5)."""


_SEGMENTATION_CLASSES = frozenset(["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"])
"""Of whose frames slices are made that are no frames any more, and could not be files of that class."""


def is_multi_frame(headers: Headers) -> bool:
    """Whether a slice is a frame of several, or of an image with functional groups."""
    if headers.column(FRAME_GROUPS) is not None or headers.column(SHARED_GROUPS) is not None:
        return True
    if not _SEGMENTATION_CLASSES.isdisjoint(_texts(headers, _CLASS)):
        return True
    return any(text not in ("", "1") for text in _texts(headers, _FRAMES))


def single_frame_columns(headers: Headers) -> dict[int, Column | None]:
    """Return the class of frames that become images of their own; and None for what is said of several together.

    Raises
    ------
    HeaderError
        If frames of their class cannot stand alone, as those of segmentations.
    """
    classes = set(_texts(headers, _CLASS))
    classic = {CLASSIC_CLASSES.get(uid, "") for uid in classes}
    if len(classic) == 1 and all(classic):
        return classic_columns(headers, classic.pop())
    has_groups = headers.column(FRAME_GROUPS) is not None or headers.column(SHARED_GROUPS) is not None
    single = {_SINGLE_FRAME_CLASSES.get(uid) for uid in classes}
    if has_groups or len(single) != 1 or None in single:
        raise HeaderError(
            f"a derived series of multi-frame images of class {', '.join(sorted(classes))} is not written: the class "
            "cannot hold single frames. Save the pixels with VolumeWriter, segments with SegmentationWriter, or "
            "convert the source to single-frame images first"
        )
    uid = str(single.pop()).encode("ascii")
    columns: dict[int, Column | None] = dict.fromkeys(_OF_THE_LOOP)
    columns[_CLASS] = RawElement(_CLASS, "UI", uid if len(uid) % 2 == 0 else uid + b"\0")
    return columns | _standing_still(headers)


def loop_columns(info: ImageInfo) -> dict[int, Column | None]:
    """Return what is still true of a loop when its frames become one again; None for what is not.

    Frames that follow each other in their source keep their times, all frames of it also the rest.
    """
    headers = info.headers
    if not is_multi_frame(headers):
        return {}
    stated = text_of(headers.element(_FRAMES, 0))
    numbers = [sources[0].frame for sources in info.sources if len(sources) == 1 and sources[0].frame is not None]
    instances = {source.sop_instance_uid for sources in info.sources for source in sources}
    first = numbers[0] if numbers else 0
    if len(instances) != 1 or numbers != list(range(first, first + info.slices)):
        return dict.fromkeys(_OF_THE_LOOP[1:])
    columns: dict[int, Column | None] = {}
    if stated != str(info.slices):
        columns = {tag: None for tag in _OF_THE_LOOP[1:] if tag not in _OF_TIME}
    vector = headers.column(_TIMES)
    if vector is not None:
        times = [text_of(headers.element(_TIMES, k)) for k in range(info.slices)]
        values = "\\".join(["0", *times[1:]]).encode("ascii")
        columns[_TIMES] = RawElement(_TIMES, "DS", values) if all("\\" not in t and t for t in times) else None
    return columns


def _standing_still(headers: Headers) -> dict[int, Column | None]:
    """Return what is left of a movement in a single frame: no steps, and no angles that are those of the first frame.

    The attributes stay, empty (type 2).
    """
    columns: dict[int, Column | None] = dict.fromkeys(_STEPS)
    for motion, angles in _MOVED.items():
        if "DYNAMIC" in _texts(headers, tag_of(motion)):
            columns |= {tag_of(k): RawElement(tag_of(k), dictionary_VR(k), b"") for k in (motion, *angles)}
    return columns


def _texts(headers: Headers, tag: int) -> list[str]:
    column = headers.column(tag)
    elements = [column] if column is None or isinstance(column, RawElement) else column
    return [text_of(element) for element in elements]
