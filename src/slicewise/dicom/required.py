"""Attributes that must be there: with a value (type 1), or empty if nothing is known (type 2; PS3.3, A and C)."""

from __future__ import annotations

from functools import cache

from slicewise.dicom.iods import AttributeType, Iod, iod_of
from slicewise.errors import HeaderError
from slicewise.image.elements import tag_of

__all__ = ["is_known_to", "neutral_values", "type_2"]

_ALL = (
    "PatientName PatientID PatientBirthDate PatientSex StudyID StudyDate StudyTime ReferringPhysicianName "
    "AccessionNumber SeriesNumber InstanceNumber"
)
_PLANAR = "Manufacturer PositionReferenceIndicator SliceThickness"
_PET = "1.2.840.10008.5.1.4.1.1.128"

_BY_CLASS = {
    "1.2.840.10008.5.1.4.1.1.2": f"{_PLANAR} KVP AcquisitionNumber",
    "1.2.840.10008.5.1.4.1.1.4": f"{_PLANAR} ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength",
    _PET: (
        f"{_PLANAR} AcquisitionDate AcquisitionTime CollimatorType CorrectedImage "
        "RadiopharmaceuticalInformationSequence"
    ),
}
"""CT, MR and PET, which are written most, and need not wait for the tables of all IODs to be read."""


@cache
def type_2(sop_class: str) -> frozenset[int]:
    """Return the tags that images of a class must have, if only empty.

    Parameters
    ----------
    sop_class : str
        UID of the storage class; of one that no table knows, what all images must have is returned.
    """
    if sop_class in _BY_CLASS:
        return frozenset(tag_of(keyword) for keyword in f"{_ALL} {_BY_CLASS[sop_class]}".split())
    iod = _iod(sop_class)
    attributes = {} if iod is None else iod.attributes(modules=iod.mandatory)
    named = [name for name, a in attributes.items() if a.type is AttributeType.REQUIRED_MAY_BE_EMPTY]
    return frozenset(tag_of(keyword) for keyword in (*_ALL.split(), *named))


def is_known_to(sop_class: str, keyword: str) -> bool:
    """Whether the IOD of a class has an attribute; of a class that no table knows, every attribute is known."""
    iod = _iod(sop_class)
    return iod is None or iod.knows(keyword)


def _iod(sop_class: str) -> Iod | None:
    try:
        return iod_of(sop_class)
    except HeaderError:
        return None


_NEUTRAL = {_PET: {"Units": b"NONE"}}


def neutral_values(sop_class: str) -> dict[int, bytes]:
    """Return the values that stand for "nothing known" in attributes that must have one (type 1).

    PET values that are no activity any more are of units NONE (PS3.3, C.8.9.1.1.3).
    """
    return {tag_of(keyword): value for keyword, value in _NEUTRAL.get(sop_class, {}).items()}
