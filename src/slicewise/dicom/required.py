"""Attributes that must be there: with a value (type 1), or empty if nothing is known (type 2; PS3.3, A and C)."""

from __future__ import annotations

from slicewise.image.elements import tag_of

__all__ = ["neutral_values", "type_2"]

_ALL = (
    "PatientName PatientID PatientBirthDate PatientSex StudyID StudyDate StudyTime ReferringPhysicianName "
    "AccessionNumber SeriesNumber InstanceNumber"
)
_PLANAR = "Manufacturer PositionReferenceIndicator SliceThickness"

_BY_MODALITY = {
    "CT": f"{_PLANAR} KVP AcquisitionNumber",
    "MR": f"{_PLANAR} ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength",
    "PT": (
        f"{_PLANAR} AcquisitionDate AcquisitionTime CollimatorType CorrectedImage "
        "RadiopharmaceuticalInformationSequence"
    ),
}


def type_2(modality: str) -> frozenset[int]:
    """Return the tags that images of a modality must have, if only empty."""
    return frozenset(tag_of(keyword) for keyword in f"{_ALL} {_BY_MODALITY.get(modality, '')}".split())


_NEUTRAL = {"PT": {"Units": b"NONE"}}


def neutral_values(modality: str) -> dict[int, bytes]:
    """Return the values that stand for "nothing known" in attributes that must have one (type 1).

    PET values that are no activity any more are of units NONE (PS3.3, C.8.9.1.1.3).
    """
    return {tag_of(keyword): value for keyword, value in _NEUTRAL.get(modality, {}).items()}
