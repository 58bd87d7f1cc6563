"""What can tell the volumes of a series from each other: attributes that are one within a volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.io.separator_decoders import code_text, direction_of_item, doubles, ge_b_value, ge_component, number

__all__ = ["BLOCKS", "CLOCKS", "PARTITION_TAGS", "SEGMENT", "TIERS", "Separator", "Tier"]

Decoder = Callable[[RawElement], object]

BLOCKS = range(0x10, 0x20)
"""Blocks in which private attributes are looked for."""


class Separator(NamedTuple):
    """An attribute that may differ between the volumes of a series.

    ``axis`` is the plain name of the dimension it stands for. Private attributes are named by group, creator
    and element within their block (PS3.5, 7.8.1). Several tags are the components of one vector. ``decode``
    turns an element into a value where its VR does not say how. ``day`` is the date that goes with a time of day.
    """

    name: str
    axis: str
    tags: tuple[int, ...]
    creator: str = ""
    decode: Decoder | None = None
    day: int | None = None


class Tier(NamedTuple):
    """Separators of one standing, in the order of preference.

    ``is_telling`` where a difference is one of intent: such attributes separate volumes even if others are needed
    to separate them fully, and volumes of which only the first is whole.
    """

    separators: tuple[Separator, ...]
    is_telling: bool


def _public(axis: str, *keywords: str) -> tuple[Separator, ...]:
    return tuple(Separator(keyword, axis, (tag_of(keyword),)) for keyword in keywords)


def _time_of_day(axis: str, keyword: str, day: str) -> Separator:
    return Separator(keyword, axis, (tag_of(keyword),), day=tag_of(day))


def _private(name: str, axis: str, creator: str, tag: int, decode: Decoder = number) -> Separator:
    return Separator(name, axis, (tag,), creator, decode)


_SIEMENS, _UIH = "SIEMENS MR HEADER", "Image Private Header"
_GE_ACQUISITION, _GE_PARAMETERS = "GEMS_ACQU_01", "GEMS_PARM_01"
_PHILIPS, _PHILIPS_MR, _PHILIPS_MR_5 = (
    "Philips Imaging DD 001",
    "Philips MR Imaging DD 001",
    "Philips MR Imaging DD 005",
)

SEGMENT = Separator("ReferencedSegmentNumber", "segment", (tag_of("ReferencedSegmentNumber"),))
"""Separates wherever it varies: what two segments share is no volume."""

_INTENDED = (
    *_public("stack", "StackID"),
    *_public("echo", "EchoTime", "EchoNumbers"),
    *_public("component", "ComplexImageComponent"),
    _private("RawDataType", "component", _GE_PARAMETERS, 0x0043002F, ge_component),
    _private("ImageTypeMR", "component", _PHILIPS_MR, 0x20050011, code_text),
    *_public("image type", "ImageType", "FrameType"),
    *_public("inversion", "InversionTime", "InversionTimes"),
    *_public("flip angle", "FlipAngle"),
    *_public("magnetization transfer", "MagnetizationTransfer"),
    *_public("label", "ASLContext"),
    _private("LabelType", "label", _PHILIPS_MR_5, 0x20050029, code_text),
    *_public("b-value", "DiffusionBValue"),
    _private("BValue", "b-value", _SIEMENS, 0x0019000C),
    _private("BValue", "b-value", _GE_PARAMETERS, 0x00430039, ge_b_value),
    _private("BValue", "b-value", _PHILIPS, 0x20010003),
    _private("BValue", "b-value", _UIH, 0x00650009),
    *_public("directionality", "DiffusionDirectionality"),
    *_public("direction", "DiffusionGradientOrientation"),
    Separator(
        "DiffusionGradientOrientation",
        "direction",
        (tag_of("DiffusionGradientDirectionSequence"),),
        decode=direction_of_item,
    ),
    _private("GradientDirection", "direction", _SIEMENS, 0x0019000E, doubles),
    _private("GradientDirection", "direction", _UIH, 0x00650037, doubles),
    Separator("GradientDirection", "direction", (0x001900BB, 0x001900BC, 0x001900BD), _GE_ACQUISITION, number),
    Separator("GradientDirection", "direction", (0x200500B0, 0x200500B1, 0x200500B2), _PHILIPS_MR, number),
    _private("GradientNumber", "direction", _PHILIPS_MR_5, 0x20050013),
    *_public("velocity encoding", "VelocityEncodingDirection", "VelocityEncodingMinimumValue"),
    *_public("phase", "NominalPercentageOfCardiacPhase", "NominalCardiacTriggerDelayTime", "PhaseVector"),
    _private("PhaseNumber", "phase", _PHILIPS, 0x20010008),
    *_public("phase", "RRIntervalVector", "TimeSlotVector"),
    *_public("energy", "EnergyWindowVector", "KVP"),
    *_public("detector", "DetectorVector"),
    *_public("correction", "CorrectedImage", "AttenuationCorrectionMethod"),
    *_public("kernel", "ConvolutionKernel", "ReconstructionAlgorithm"),
    *_public("thickness", "SliceThickness"),
    *_public("coil", "ReceiveCoilName"),
    _private("CoilString", "coil", _SIEMENS, 0x0051000F, code_text),
    *_public("sequence", "SequenceName"),
)

_TEMPORAL_POSITIONS = _public("time", "TemporalPositionIdentifier", "TemporalPositionIndex")

_TIMES = (
    *_public("time", "FrameReferenceTime", "TemporalPositionTimeOffset", "TriggerTime"),
    *_public("phase", "ActualCardiacTriggerDelayTime"),
    *_public("acquisition", "AcquisitionNumber", "FrameAcquisitionNumber"),
    *_public("time", "FrameReferenceDateTime", "FrameAcquisitionDateTime", "AcquisitionDateTime"),
    _time_of_day("time", "AcquisitionTime", "AcquisitionDate"),
    _time_of_day("time", "ContentTime", "ContentDate"),
)

_MARKS = (
    *_public("repetition", "RepetitionTime"),
    *_public("contrast", "ContrastBolusAgent"),
    *_public("series", "SeriesNumber", "SeriesDescription", "ProtocolName"),
    _time_of_day("series", "SeriesTime", "SeriesDate"),
    *_public("averages", "NumberOfAverages"),
    *_public("comment", "ImageComments"),
)

TIERS = (
    Tier(_INTENDED, is_telling=True),
    Tier(_TEMPORAL_POSITIONS, is_telling=True),
    Tier(_TIMES, is_telling=False),
    Tier(_MARKS, is_telling=False),
)
"""What has a meaning first, what merely counts or tells the time after it, what goes along last."""

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
    "SpecificCharacterSet",
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


def _tags_looked_at() -> frozenset[int]:
    separators = [SEGMENT, *(separator for tier in TIERS for separator in tier.separators)]
    public = {tag for separator in separators if not separator.creator for tag in separator.tags}
    days = {separator.day for separator in separators if separator.day is not None}
    private = {tag for separator in separators if separator.creator for tag in separator.tags}
    creators = {tag & 0xFFFF0000 | block for tag in private for block in BLOCKS}
    elements = {tag & 0xFFFF0000 | block << 8 | tag & 0xFF for tag in private for block in BLOCKS}
    return frozenset(map(tag_of, _GEOMETRY)).union(CLOCKS, public, days, creators, elements)


PARTITION_TAGS = _tags_looked_at()
"""All attributes that the partition of a series looks at; of private blocks, the first sixteen places."""
