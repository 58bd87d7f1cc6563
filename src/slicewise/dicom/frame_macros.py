"""The functional groups of a class of multi-frame images, as its IOD knows them (PS3.3, C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import attrs

from slicewise.dicom.iods import AttributeType, iod_of
from slicewise.image.elements import tag_of

__all__ = ["Macros", "macros_of"]

_LAST_RESORT = frozenset(["CTAdditionalXRaySourceSequence", "MRSpatialSaturationSequence", "SliceProgressionSequence"])
"""Macros of several items: what a frame says once is not said there."""

_WHOLE = frozenset(
    [
        "ReferencedImageSequence",
        "DerivationImageSequence",
        "RealWorldValueMappingSequence",
        "ContrastBolusUsageSequence",
        "ConversionSourceAttributesSequence",
        "FrameAnatomySequence",
        "RadiopharmaceuticalUsageSequence",
        *_LAST_RESORT,
    ]
)
"""Macros that are presented as they are, as sequences."""

_SELDOM = frozenset(
    "ReferencedPathIndex ReferencedXRaySourceIndex EnergyWeightingFactor TubeAngle SpiralPitchFactor "  # noqa: SIM905
    "WaterEquivalentDiameterCalculationMethodCodeSequence ReconstructionFieldOfView TagAngleFirstAxis "
    "TagAngleSecondAxis TagSpacingFirstDimension TagSpacingSecondDimension TagThickness "
    "FlowCompensationDirection PartialFourierDirection InversionTimes ParallelReductionFactorInPlane "
    "ParallelReductionFactorOutOfPlane ParallelReductionFactorSecondInPlane ParallelAcquisitionTechnique "
    "DiffusionGradientDirectionSequence DiffusionBMatrixSequence DiffusionAnisotropyType "
    "MRAcquisitionPhaseEncodingStepsOutOfPlane GradientOutput GradientOutputType".split()
)
"""Conditional attributes that most acquisitions have no use for."""

_MERGED = frozenset(["UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence"])


@attrs.frozen
class Macros:
    """The functional groups of a class.

    Parameters
    ----------
    of : mapping of int to int
        For the tag of an attribute, the tag of the sequence that holds it.
    whole : frozenset of int
        Tags of sequences that are attributes of a frame themselves.
    required : mapping of int to frozenset of int
        For the tag of such a sequence, what each item must have (type 1).
    described : mapping of int to frozenset of int
        For the tag of a sequence that describes the acquisition, what an enhanced image of that class itself states in
        it (type 1C, for all but converted images).
    """

    of: Mapping[int, int]
    whole: frozenset[int]
    required: Mapping[int, frozenset[int]]
    described: Mapping[int, frozenset[int]]


@cache
def macros_of(sop_class: str) -> Macros:
    """Return the functional groups of a class, as its IOD knows them."""
    iod = iod_of(sop_class)
    top = "SharedFunctionalGroupsSequence"
    of: dict[int, int] = {}
    required: dict[int, frozenset[int]] = {}
    described: dict[int, frozenset[int]] = {}
    sequences = [keyword for keyword in iod.attributes((top,)) if keyword not in _MERGED]
    for sequence in sequences:
        attributes = iod.attributes((top, sequence))
        required[tag_of(sequence)] = frozenset(
            tag_of(k) for k, a in attributes.items() if a.type is AttributeType.REQUIRED
        )
        if sequence.startswith(("CT", "MR", "PET")) and "FrameType" not in sequence:
            described[tag_of(sequence)] = frozenset(
                tag_of(k) for k, a in attributes.items() if a.type.must_have_value and k not in _SELDOM
            )
        for keyword in attributes if sequence not in _WHOLE else ():
            of.setdefault(tag_of(keyword), tag_of(sequence))
    whole = frozenset(tag_of(keyword) for keyword in sequences if keyword in _WHOLE)
    return Macros(MappingProxyType(of), whole, MappingProxyType(required), MappingProxyType(described))
