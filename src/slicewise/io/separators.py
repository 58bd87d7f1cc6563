"""What can tell the volumes of a series from each other: attributes that are one within a volume."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["CLOCKS", "PARTITION_TAGS", "SEGMENT", "SEPARATORS", "Separator", "raw_values"]

Values = list[RawElement | None]


class Separator(NamedTuple):
    """An attribute that may differ between the volumes of a series.

    ``axis`` is the plain name of the dimension it stands for. Private attributes are named by group, creator
    and element within their block (PS3.5, 7.8.1), and ``decode`` turns their bytes into a value.
    """

    name: str
    axis: str
    tag: int
    creator: str = ""
    decode: Callable[[RawElement], object] | None = None


def _text(element: RawElement) -> str:
    return element.value.decode("ascii", "replace").strip(" \0")


def _number(element: RawElement) -> object:
    text = _text(element).split("\\")[0]
    try:
        return float(text)
    except ValueError:
        return _floats(element, "f")[0] if len(element.value) == 4 else _floats(element, "d")[0]


def _floats(element: RawElement, kind: str) -> tuple[object, ...]:
    order = "<" if element.little_endian else ">"
    size = struct.calcsize(order + kind)
    whole = element.value[: len(element.value) // size * size]
    return tuple(value for (value,) in struct.iter_unpack(order + kind, whole)) or (element.value,)


def _doubles(element: RawElement) -> object:
    return _floats(element, "d") if len(element.value) % 8 == 0 else _text(element)


def _ge_b_value(element: RawElement) -> object:
    # Some versions add a thousand million to the b-value.
    value = _number(element)
    return value % 1_000_000_000 if isinstance(value, float) else value


def _public(axis: str, *keywords: str) -> tuple[Separator, ...]:
    return tuple(Separator(keyword, axis, tag_of(keyword)) for keyword in keywords)


SEGMENT = Separator("ReferencedSegmentNumber", "segment", tag_of("ReferencedSegmentNumber"))
"""Separates wherever it varies: what two segments share is no volume."""

SEPARATORS: tuple[Separator, ...] = (
    *_public("stack", "StackID"),
    *_public("time", "TemporalPositionIdentifier", "TemporalPositionIndex"),
    *_public("echo", "EchoTime", "EchoNumbers"),
    *_public("component", "ComplexImageComponent"),
    *_public("image type", "ImageType"),
    *_public("inversion", "InversionTime"),
    *_public("flip angle", "FlipAngle"),
    *_public("repetition", "RepetitionTime"),
    *_public("b-value", "DiffusionBValue"),
    Separator("BValue", "b-value", 0x0019000C, "SIEMENS MR HEADER", _number),
    Separator("BValue", "b-value", 0x00430039, "GEMS_PARM_01", _ge_b_value),
    Separator("BValue", "b-value", 0x20010003, "Philips Imaging DD 001", _number),
    Separator("BValue", "b-value", 0x00650009, "Image Private Header", _number),
    *_public("direction", "DiffusionGradientOrientation"),
    Separator("GradientDirection", "direction", 0x0019000E, "SIEMENS MR HEADER", _doubles),
    Separator("GradientDirection", "direction", 0x00650037, "Image Private Header", _doubles),
    *_public("phase", "NominalCardiacTriggerDelayTime", "TriggerTime", "NominalPercentageOfCardiacPhase"),
    *_public("energy window", "EnergyWindowVector", "KVP"),
    *_public("detector", "DetectorVector"),
    *_public("phase", "PhaseVector", "RRIntervalVector", "TimeSlotVector"),
    *_public("kernel", "ConvolutionKernel", "ReconstructionAlgorithm"),
    *_public("thickness", "SliceThickness"),
    *_public("contrast", "ContrastBolusAgent"),
    *_public("time", "FrameReferenceTime", "TemporalPositionTimeOffset"),
    *_public("acquisition", "AcquisitionNumber"),
    *_public("time", "FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime", "ContentTime"),
    *_public("series", "SeriesTime", "SeriesNumber", "SeriesDescription", "ProtocolName"),
)
"""In the order of preference: what has a meaning first, what merely counts or tells the time last."""

CLOCKS = tuple(
    tag_of(keyword)
    for keyword in (
        "TriggerTime",
        "FrameReferenceTime",
        "FrameAcquisitionDateTime",
        "AcquisitionDateTime",
        "AcquisitionDate",
        "AcquisitionTime",
        "ContentDate",
        "ContentTime",
    )
)
"""What orders images at one position in time, where nothing else tells them apart."""

_GEOMETRY = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
    "SOPInstanceUID",
    "NumberOfFrames",
    "InstanceNumber",
)
_BLOCK_CREATORS = range(0x10, 0x20)

PARTITION_TAGS = frozenset(
    [
        *(tag_of(keyword) for keyword in _GEOMETRY),
        *CLOCKS,
        SEGMENT.tag,
        *(s.tag for s in SEPARATORS if not s.creator),
        *(
            s.tag & 0xFFFF0000 | (block << 8 | s.tag & 0xFF if whole else block)
            for s in SEPARATORS
            if s.creator
            for block in _BLOCK_CREATORS
            for whole in (False, True)
        ),
    ]
)
"""All attributes that the partition of a series looks at; of private blocks, the first sixteen places."""


def raw_values(headers: Headers, separator: Separator) -> Values | None:
    """Return the element of a separator on each image; None if no image has it, or all have the same."""
    if not separator.creator:
        column = headers.column(separator.tag)
        return None if column is None or isinstance(column, RawElement) else list(column)
    group, number = separator.tag & 0xFFFF0000, separator.tag & 0xFF
    wanted = separator.creator.encode("ascii")
    found: Values = [None] * len(headers)
    for block in _BLOCK_CREATORS:
        creators, tag = headers.column(group | block), group | block << 8 | number
        if creators is None or headers.column(tag) is None:
            continue
        for k in range(len(headers)):
            creator = creators if isinstance(creators, RawElement) else creators[k]
            if creator is not None and creator.value.rstrip(b" \0") == wanted:
                found[k] = headers.element(tag, k)
    return None if all(element == found[0] for element in found) else found
