"""Attributes that must be there, empty if nothing true is known of them (type 2 in PS3.3, A and C)."""

from __future__ import annotations

from slicewise.image.elements import tag_of

__all__ = ["type_2"]

_ALL = (
    "PatientName PatientID PatientBirthDate PatientSex StudyID StudyDate StudyTime ReferringPhysicianName "
    "AccessionNumber SeriesNumber InstanceNumber"
)
_PLANAR = "Manufacturer PositionReferenceIndicator SliceThickness"

_BY_MODALITY = {
    "CT": f"{_PLANAR} KVP AcquisitionNumber",
    "MR": f"{_PLANAR} RepetitionTime EchoTime EchoTrainLength",
    "PT": f"{_PLANAR} AcquisitionDate AcquisitionTime CollimatorType RadiopharmaceuticalInformationSequence",
}


def type_2(modality: str) -> frozenset[int]:
    """Return the tags that images of a modality must have, if only empty."""
    return frozenset(tag_of(keyword) for keyword in f"{_ALL} {_BY_MODALITY.get(modality, '')}".split())
