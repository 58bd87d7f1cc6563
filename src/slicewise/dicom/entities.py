"""A series made of several volumes: what belongs to each volume, and what one series has but once (PS3.3, A.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from slicewise.dicom.rule_table import mark_for, row_for
from slicewise.errors import HeaderError
from slicewise.image import Headers, ImageInfo, Operation, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["by_volume", "conflicting_columns", "primary_columns"]

_BY_SLICE = frozenset(map(tag_of, ("SpecificCharacterSet", "TimezoneOffsetFromUTC")))
"""What the rules take from the first of several inputs, and each image may have of its own."""

_BY_MODULE = {
    "General Series (C.7.3.1)": (
        "Laterality PerformingPhysicianName PerformingPhysicianIdentificationSequence ProtocolName "
        "OperatorsName OperatorIdentificationSequence ReferencedPerformedProcedureStepSequence BodyPartExamined "
        "PatientPosition RequestAttributesSequence PerformedProcedureStepID PerformedProcedureStepStartDate "
        "PerformedProcedureStepStartTime PerformedProcedureStepEndDate PerformedProcedureStepEndTime "
        "PerformedProcedureStepDescription PerformedProtocolCodeSequence CommentsOnThePerformedProcedureStep "
        "AnatomicalOrientationType SeriesDate SeriesTime"
    ),
    "General Equipment (C.7.5.1)": (
        "Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName "
        "ManufacturerModelName DeviceSerialNumber SoftwareVersions GantryID SpatialResolution DateOfLastCalibration "
        "TimeOfLastCalibration"
    ),
    "PET Series (C.8.9.1)": (
        "CountsSource SeriesType ReprojectionMethod CorrectedImage RandomsCorrectionMethod "
        "AttenuationCorrectionMethod ScatterCorrectionMethod DecayCorrection ReconstructionDiameter ConvolutionKernel "
        "ReconstructionMethod CollimatorType"
    ),
}
_OF_THE_SERIES = frozenset(tag_of(keyword) for keywords in _BY_MODULE.values() for keyword in keywords.split())
"""Attributes of which one series has one (PS3.3, C)."""

_MUST_AGREE = ("Modality", "SOPClassUID")


def by_volume(
    volumes: Sequence[ImageInfo], make: Callable[[ImageInfo], Mapping[int, Column | None]]
) -> dict[int, Column | None]:
    """Return attributes that are made for each volume for itself; where one has none made, it stays as it is.

    Parameters
    ----------
    volumes : sequence of ImageInfo
        The volumes of a stack; or one.
    make : callable
        Makes the attributes of a volume.
    """
    made = [make(volume) for volume in volumes]
    if len(made) == 1:
        return dict(made[0])
    tags = {tag for columns in made for tag in columns}
    return {
        tag: _joined(
            [columns.get(tag, v.headers.column(tag)) for v, columns in zip(volumes, made, strict=True)], volumes
        )
        for tag in sorted(tags)
    }


def _joined(columns: Sequence[Column | None], volumes: Sequence[ImageInfo]) -> Column | None:
    found: list[RawElement | None] = []
    for column, volume in zip(columns, volumes, strict=True):
        found += [column] * volume.slices if column is None or isinstance(column, RawElement) else column
    if any(element != found[0] for element in found):
        return tuple(found)
    return found[0]


def primary_columns(headers: Headers) -> dict[int, Column | None]:
    """Return the attributes of patient, study and frame of reference in which slices differ, as on the first slice.

    Raises
    ------
    HeaderError
        If the slices are of several modalities or storage classes, and so no series.
    """
    for keyword in _MUST_AGREE:
        column = headers.column(tag_of(keyword))
        if column is not None and not isinstance(column, RawElement):
            there = sorted({"none" if e is None else e.value.decode("ascii", "replace").strip(" \0") for e in column})
            raise HeaderError(
                f"the volumes make no one series: their {keyword} is {' and '.join(there)}. Write them one by one"
            )
    chosen = [tag for tag in _varying(headers) if not tag >> 16 & 1 and _is_primary(tag) and tag not in _BY_SLICE]
    return {tag: headers.element(tag, 0) for tag in chosen}


def _is_primary(tag: int) -> bool:
    return mark_for(row_for(tag), Operation.MULTI) == "F"


def conflicting_columns(headers: Headers) -> dict[int, Column | None]:
    """Return the attributes of series and equipment in which slices differ, to be dropped."""
    return {tag: None for tag in _varying(headers) if tag in _OF_THE_SERIES}


def _varying(headers: Headers) -> list[int]:
    return [tag for tag, column in headers.columns().items() if not isinstance(column, RawElement)]
