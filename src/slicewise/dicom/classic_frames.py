"""Frames of enhanced images as classic single-frame images: their class, what these state, what is dropped."""

from __future__ import annotations

from slicewise.dicom.encoding import text
from slicewise.dicom.values import text_of
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["CLASSIC_CLASSES", "classic_columns"]

_CT, _MR, _PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
CLASSIC_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2.1": _CT,
    "1.2.840.10008.5.1.4.1.1.2.2": _CT,
    "1.2.840.10008.5.1.4.1.1.4.1": _MR,
    "1.2.840.10008.5.1.4.1.1.4.4": _MR,
    "1.2.840.10008.5.1.4.1.1.128.1": _PET,
}
"""Enhanced CT and MR, and legacy converted CT, MR and PET images; and the class of their frames on their own.

Enhanced PET is not here: it states units, decay and times by other means, which do not translate one by one.
"""

_OF_THE_FRAMES = tuple(
    tag_of(keyword)
    for keyword in (
        "NumberOfFrames",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "FrameType",
        "StackID",
        "InStackPositionNumber",
        "TemporalPositionIndex",
        "FrameAcquisitionNumber",
        "DimensionIndexValues",
        "DimensionOrganizationSequence",
        "DimensionOrganizationType",
        "DimensionIndexSequence",
        "ConcatenationUID",
        "ConcatenationFrameOffsetNumber",
        "InConcatenationNumber",
        "InConcatenationTotalNumber",
        "SOPInstanceUIDOfConcatenationSource",
        "RepresentativeFrameNumber",
    )
)
"""What places a frame among the others (PS3.3, C.7.6.16 and C.7.6.17)."""

_OF_SUPPLEMENTAL_COLOUR = (
    tag_of("PixelPresentation"),
    *(
        tag_of(f"{colour}PaletteColorLookupTable{part}")
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
)
"""A classic CT or MR image has no colours beside its grey values (PS3.3, C.7.6.19)."""

_TYPE = tag_of("ImageType")
_CLASS = tag_of("SOPClassUID")


def classic_columns(headers: Headers, sop_class: str) -> dict[int, Column | None]:
    """Return class and required attributes of the frames as images of their own; None for what goes with the others.

    Parameters
    ----------
    headers : Headers
        One header per frame, with its functional groups as ordinary attributes.
    sop_class : str
        UID of the classic class.
    """
    columns: dict[int, Column | None] = dict.fromkeys((*_OF_THE_FRAMES, *_OF_SUPPLEMENTAL_COLOUR))
    columns[_CLASS] = text("SOPClassUID", sop_class, "UI")
    if all(headers.column(tag_of(keyword)) is None for keyword in ("Laterality", "BodyPartExamined")):
        # Type 2C (C.7.3.1): nobody knows whether the body part is one of a pair.
        columns[tag_of("Laterality")] = text("Laterality", "", "CS")
    if sop_class == _CT:
        columns[_TYPE] = tuple(_ct_type(headers.element(_TYPE, k)) for k in range(len(headers)))
    if sop_class == _MR:
        columns |= _phase_encoding(headers)
        for keyword, found in (("ScanningSequence", _scanning_sequence), ("SequenceVariant", _sequence_variant)):
            if headers.column(tag_of(keyword)) is None:
                columns[tag_of(keyword)] = tuple(text(keyword, found(headers, k), "CS") for k in range(len(headers)))
    return columns


def _ct_type(element: RawElement | None) -> RawElement:
    # Value 3 of classic CT images is AXIAL or LOCALIZER (PS3.3, C.8.2.1.1.1); what stood there follows.
    stated = text_of(element).split("\\")
    kind = "LOCALIZER" if "LOCALIZER" in stated[2:] else "AXIAL"
    more = [value for value in stated[2:] if value not in (kind, "NONE", "VOLUME")]
    return text("ImageType", "\\".join([*stated[:2], kind, *more]), "CS")


def _phase_encoding(headers: Headers) -> dict[int, Column]:
    # The same word is shorter in classic images (C.8.3.1 and C.8.13.5.3).
    tag = tag_of("InPlanePhaseEncodingDirection")
    said = [_said(headers, "InPlanePhaseEncodingDirection", k) for k in range(len(headers))]
    if "COLUMN" not in said:
        return {}
    short = text("InPlanePhaseEncodingDirection", "COL", "CS")
    return {tag: tuple(short if word == "COLUMN" else headers.element(tag, k) for k, word in enumerate(said))}


def _said(headers: Headers, keyword: str, index: int) -> str:
    return text_of(headers.element(tag_of(keyword), index))


_SEQUENCES = (
    ("SE", "EchoPulseSequence", ("SPIN", "BOTH")),
    ("GR", "EchoPulseSequence", ("GRADIENT", "BOTH")),
    ("IR", "InversionRecovery", ("YES",)),
    ("EP", "EchoPlanarPulseSequence", ("YES",)),
)
_VARIANTS = (
    ("SK", "SegmentedKSpaceTraversal", ("PARTIAL", "FULL")),
    ("MTC", "MagnetizationTransfer", ("ON_RESONANCE", "OFF_RESONANCE", "BOTH")),
    ("SS", "SteadyStatePulseSequence", ("FREE_PRECESSION", "TRANSVERSE", "TIME_REVERSED", "LONGITUDINAL")),
    ("SP", "Spoiling", ("RF", "GRADIENT", "RF_AND_GRADIENT")),
    ("OSP", "OversamplingPhase", ("2D", "3D", "2D_3D")),
)
"""Terms of classic MR images, and what says the same in enhanced ones (PS3.3, C.8.3.1.1 and C.8.13.4)."""


def _scanning_sequence(headers: Headers, index: int) -> str:
    found = [term for term, keyword, values in _SEQUENCES if _said(headers, keyword, index) in values]
    return "\\".join(found) or "RM"


def _sequence_variant(headers: Headers, index: int) -> str:
    found = [term for term, keyword, values in _VARIANTS if _said(headers, keyword, index) in values]
    return "\\".join(found) or "NONE"
