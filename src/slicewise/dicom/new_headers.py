"""What headers of a series must say that comes from no other series: by modality, as PS3.3 asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slicewise.dicom.class_attributes import check_known, required_attributes
from slicewise.dicom.derived import FOLLOWS_FROM_THE_IMAGE
from slicewise.dicom.image_classes import IMAGE_CLASSES, ImageClass, class_of_modality
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of

__all__ = ["MODALITIES", "new_attributes"]

MODALITIES = tuple(kind.modality for kind in IMAGE_CLASSES.values())
"""Of what new series are made; OT, other, is a secondary capture: of it nothing is asked."""


def new_attributes(
    info: ImageInfo, modality: str, *, given: Mapping[str, Any], study_uid: str, frame_of_reference_uid: str
) -> dict[str, Any]:
    """Return the attributes that make pixels without headers the beginning of a series.

    Parameters
    ----------
    info : ImageInfo
        The image.
    modality : str
        One of ``MODALITIES``.
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
    kind = class_of_modality(modality)
    if kind is None:
        raise ParameterError(f"'modality' must be one of {', '.join(MODALITIES)} (got {modality!r})")
    _check_image(info, modality, kind)
    _check_given(kind, given)
    made: dict[str, Any] = {
        "SOPClassUID": kind.uid,
        "Modality": modality,
        "ImageType": list(kind.image_type),
        "StudyInstanceUID": study_uid,
        **required_attributes(kind),
    }
    if info.geometry.is_in_patient:
        made["FrameOfReferenceUID"] = frame_of_reference_uid
        made["PositionReferenceIndicator"] = ""
    if not _is_ascii(given):
        made["SpecificCharacterSet"] = "ISO_IR 192"
    return made | dict(given)


def _check_image(info: ImageInfo, modality: str, kind: ImageClass) -> None:
    if info.headers.column(tag_of("SOPClassUID")) is not None:
        raise HeaderError(
            "the image has the headers of a DICOM series already, and a new series would lose them: leave NewSeries "
            "out, and SeriesWriter writes a derived one"
        )
    misfit = kind.misfit_of_new(info)
    if misfit:
        raise HeaderError(
            f"images of modality {modality} cannot hold {misfit}: Cast, Window or take one component first, or take "
            "modality='OT', a secondary capture"
        )


def _check_given(kind: ImageClass, given: Mapping[str, Any]) -> None:
    for keyword in given:
        # Whether values were lost before, nothing but the caller can tell.
        if tag_of(keyword) in FOLLOWS_FROM_THE_IMAGE and keyword != "LossyImageCompression":
            raise ParameterError(
                f"'attributes' cannot set {keyword}: it follows from the image, and another value would be untrue"
            )
    check_known(kind, given, "attributes")


def _is_ascii(given: Mapping[str, Any]) -> bool:
    return all(str(value).isascii() for value in given.values())
