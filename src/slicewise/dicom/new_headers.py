"""What headers of a series must say that comes from no other series: by modality, as PS3.3 asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from slicewise.dicom.derived import FOLLOWS_FROM_THE_IMAGE
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of

__all__ = ["NEW_KINDS", "NewKind", "new_attributes"]


@attrs.frozen
class NewKind:
    """A kind of image that can be made of pixels alone.

    Parameters
    ----------
    sop_class : str
        UID of the storage class.
    image_type : tuple of str
        Image Type: such images are DERIVED, whatever their pixels were before.
    neutral : mapping of str to str
        Values of type 1 attributes that claim nothing, where the standard has one.
    asked : tuple of str
        Attributes of type 1 without such a value: the caller must know them.
    unknown : tuple of str
        Attributes that stand empty if their condition is met (type 2C), of which nothing tells whether it is.
    unknown_sequences : tuple of str
        The same, of sequences.
    is_planar : bool
        Whether each image has a place in the patient, and one sample per pixel.
    """

    sop_class: str
    image_type: tuple[str, ...]
    neutral: Mapping[str, str] = MappingProxyType({})
    asked: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ("Laterality", "PatientPosition")
    unknown_sequences: tuple[str, ...] = ()
    is_planar: bool = True


NEW_KINDS: Mapping[str, NewKind] = MappingProxyType(
    {
        "CT": NewKind(CTImageStorage, ("DERIVED", "SECONDARY", "AXIAL")),  # C.8.2.1.1.1
        # Research mode and no variant are what MR knows of sequences that nobody can name (C.8.3.1).
        "MR": NewKind(
            MRImageStorage,
            ("DERIVED", "SECONDARY", "OTHER"),
            neutral={"ScanningSequence": "RM", "SequenceVariant": "NONE"},
        ),
        "PT": NewKind(
            PositronEmissionTomographyImageStorage,
            ("DERIVED", "PRIMARY"),  # C.8.9.4.1.1
            neutral={"SeriesType": r"STATIC\IMAGE", "CountsSource": "EMISSION"},
            unknown=("Laterality",),
            unknown_sequences=("PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence"),  # C.8.4.6
            asked=("Units", "DecayCorrection", "FrameReferenceTime", "ActualFrameDuration"),  # C.8.9.1, C.8.9.4
        ),
        "OT": NewKind(
            SecondaryCaptureImageStorage,
            ("DERIVED", "SECONDARY"),
            neutral={"ConversionType": "WSD"},  # C.8.6.1
            unknown=("Laterality", "PatientOrientation"),
            is_planar=False,
        ),
    }
)
"""By modality. OT, other, is a secondary capture: of it nothing is asked."""

_OF_DECAY = ("DecayFactor", "SeriesDate", "SeriesTime")
"""By how much, and to which time, PET values are corrected for decay (C.8.9.1, C.8.9.4)."""


def new_attributes(
    info: ImageInfo, modality: str, *, given: Mapping[str, Any], study_uid: str, frame_of_reference_uid: str
) -> dict[str, Any]:
    """Return the attributes that make pixels without headers the beginning of a series.

    Parameters
    ----------
    info : ImageInfo
        The image.
    modality : str
        One of ``NEW_KINDS``.
    given : mapping of str to object
        What the caller knows, by keyword.
    study_uid, frame_of_reference_uid : str
        Identifiers, where none are given.

    Raises
    ------
    HeaderError
        If the image has headers of a series, or cannot be of this kind.
    ParameterError
        If an attribute is missing that only the caller can know, or one is given that follows from the image.
    """
    kind = NEW_KINDS[modality]
    _check_image(info, modality, kind)
    _check_given(modality, kind, given)
    made: dict[str, Any] = {
        "SOPClassUID": kind.sop_class,
        "Modality": modality,
        "ImageType": list(kind.image_type),
        "StudyInstanceUID": study_uid,
        **dict.fromkeys(kind.unknown, ""),
        **{keyword: [] for keyword in kind.unknown_sequences},
        **{keyword: value.split("\\") if "\\" in value else value for keyword, value in kind.neutral.items()},
    }
    if info.geometry.is_in_patient:
        made["FrameOfReferenceUID"] = frame_of_reference_uid
        made["PositionReferenceIndicator"] = ""
    if not _is_ascii(given):
        made["SpecificCharacterSet"] = "ISO_IR 192"
    return made | dict(given)


def _check_image(info: ImageInfo, modality: str, kind: NewKind) -> None:
    if info.headers.column(tag_of("SOPClassUID")) is not None:
        raise HeaderError(
            "the image has the headers of a DICOM series already, and a new series would lose them: leave NewSeries "
            "out, and SeriesWriter writes a derived one"
        )
    if kind.is_planar and info.components > 1:
        raise HeaderError(
            f"images of modality {modality} have one sample per pixel (got {info.components}): take one component, or "
            "modality='OT', a secondary capture"
        )
    if kind.is_planar and not info.geometry.is_in_patient:
        raise HeaderError(
            f"images of modality {modality} have a place in the patient, and this one has none: take modality='OT', a "
            "secondary capture"
        )


def _check_given(modality: str, kind: NewKind, given: Mapping[str, Any]) -> None:
    for keyword in given:
        if tag_of(keyword) in FOLLOWS_FROM_THE_IMAGE:
            raise ParameterError(
                f"'attributes' cannot set {keyword}: it follows from the image, and another value would be untrue"
            )
    asked = kind.asked
    if "DecayCorrection" in asked and given.get("DecayCorrection") not in (None, "", "NONE"):
        asked += _OF_DECAY
    missing = [keyword for keyword in asked if given.get(keyword) in (None, "")]
    if missing:
        raise ParameterError(
            f"images of modality {modality} must state {', '.join(missing)}, and only you can know: give them with "
            f"attributes={{{missing[0]!r}: ..., ...}}, or take modality='OT', a secondary capture, which states none"
        )


def _is_ascii(given: Mapping[str, Any]) -> bool:
    return all(str(value).isascii() for value in given.values())
