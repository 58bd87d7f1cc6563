"""What images of a class must say, and what becomes of the rest where the class is another than that of the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from slicewise.dicom.image_classes import IMAGE_CLASSES, SECONDARY_CAPTURE, ImageClass
from slicewise.dicom.required import is_known_to
from slicewise.dicom.values import text_of, unsigned_short
from slicewise.errors import ParameterError
from slicewise.image import Code, Headers, ImageInfo
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["check_known", "class_columns", "class_that_holds", "required_attributes"]

_OF_DECAY = ("DecayFactor", "SeriesDate", "SeriesTime")
"""By how much, and to which time, PET values are corrected for decay (C.8.9.1, C.8.9.4)."""


def check_known(kind: ImageClass, known: Mapping[str, Any], parameter: str) -> None:
    """Raise if an attribute of a class has no value, or one that cannot stand, that only the caller can know.

    Parameters
    ----------
    kind : ImageClass
        The class.
    known : mapping of str to object
        What is known, by keyword.
    parameter : str
        Where the caller gives it.

    Raises
    ------
    ParameterError
        If there is one.
    """
    asked = kind.asked
    if "DecayCorrection" in asked and known.get("DecayCorrection") not in (None, "", "NONE"):
        asked += _OF_DECAY
    missing = [keyword for keyword in asked if known.get(keyword) in (None, "")]
    if missing:
        raise ParameterError(
            f"images of modality {kind.modality} must state {', '.join(missing)}, and only you can know: give them "
            f"with {parameter}={{{missing[0]!r}: ..., ...}}, or make secondary captures, which state none "
            f"(modality='OT', sop_class={SECONDARY_CAPTURE.keyword!r})"
        )
    for keyword, value in kind.refused.items():
        if known.get(keyword) == value:
            raise ParameterError(
                f"{parameter!r}: {keyword} {value} of {kind.keyword} asks for a table, and none is written"
            )


def required_attributes(kind: ImageClass) -> dict[str, Any]:
    """Return attributes of a class that claim nothing: with a neutral value, or empty."""
    codes = {keyword: [_code_dataset(code)] for keyword, code in kind.codes.items()}
    return {
        **dict.fromkeys(kind.unknown, ""),
        **{keyword: [] for keyword in kind.unknown_sequences},
        **{keyword: value.split("\\") if "\\" in value else value for keyword, value in kind.neutral.items()},
        **codes,
    }


def _code_dataset(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item


_CT = str(CTImageStorage)

_OF_THE_PLANE = frozenset(
    tag_of(keyword)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "FrameOfReferenceUID",
        "PositionReferenceIndicator",
        "SpacingBetweenSlices",
        "SliceThickness",
        "SliceLocation",
    )
)
"""Where images lie is true of them in any class, as a Standard Extended one (PS3.2, 3.11.3)."""


def class_that_holds(info: ImageInfo, sop_class: str, wanted: ImageClass | None) -> tuple[ImageClass | None, str]:
    """Return the class that an image is written in if it is another than that of its headers, and why.

    Parameters
    ----------
    info : ImageInfo
        The image.
    sop_class : str
        UID of the class of its headers.
    wanted : ImageClass, optional
        What the caller wants.

    Raises
    ------
    ParameterError
        If what the caller chose, here or for a new series, cannot hold it.
    """
    kind = wanted or IMAGE_CLASSES.get(sop_class)
    misfit = "" if kind is None else kind.misfit(info) if wanted is None else kind.misfit_of_new(info)
    if kind is None or not misfit:
        is_other = wanted is not None and wanted.uid != sop_class
        return (wanted, "sop_class") if is_other else (None, "")
    if wanted is None and _breaks_already(kind, info):
        return None, ""
    if wanted is not None or not any(info.sources):
        raise ParameterError(
            f"{kind.keyword} cannot hold {misfit}: Cast, Window or take one component first, or write with "
            f"sop_class={SECONDARY_CAPTURE.keyword!r}"
        )
    return SECONDARY_CAPTURE, f"{kind.keyword}, the class of the source, cannot hold {misfit}"


def _breaks_already(kind: ImageClass, info: ImageInfo) -> bool:
    """Whether the source itself has grey values of bits that its class does not allow, which stay then."""
    bits = unsigned_short(info.headers.element(tag_of("BitsAllocated"), 0))
    return any(info.sources) and info.components == 1 and bits is not None and bits not in kind.bits


def class_columns(headers: Headers, kind: ImageClass, *, keeps_units: bool) -> dict[int, Column | None]:
    """Return the attributes that make headers those of another class; None for what only the old one knows.

    Parameters
    ----------
    headers : Headers
        Headers of images of a class.
    kind : ImageClass
        The other class. A secondary capture keeps the modality.
    keeps_units : bool
        Whether values are in the units of the source.
    """
    old = text_of(headers.element(tag_of("SOPClassUID"), 0))
    columns: dict[int, Column | None] = {
        tag: None
        for tag in headers.columns()
        if not tag >> 16 & 1 and tag not in _OF_THE_PLANE and _is_foreign(keyword_for_tag(tag), old, kind.uid)
    }
    columns |= {tag_of(keyword): None for keyword in kind.excluded}
    kept = {tag for tag in headers.columns() if tag not in columns}
    values = {keyword: value for keyword, value in required_attributes(kind).items() if tag_of(keyword) not in kept}
    if tag_of("BodyPartExamined") in kept:
        values.pop("Laterality", None)  # 2C: the part is known, and said to be one of a pair if it is
    values |= {"SOPClassUID": kind.uid, "ImageType": list(kind.image_type)}
    if kind is not SECONDARY_CAPTURE:
        values["Modality"] = kind.modality
    if headers.column(tag_of("RescaleType")) is None and _CT in (kind.uid, old):
        # Of CT images no type says Hounsfield units (C.8.2.1.1.2), of others nothing.
        values["RescaleType"] = "HU" if old == _CT and keeps_units else "US"
    if "PresentationLUTShape" in values and "MONOCHROME1" in headers["PhotometricInterpretation"]:
        values["PresentationLUTShape"] = "INVERSE"  # C.8.11.3.1.2
    made = headers.replace(values)
    return columns | {tag_of(keyword): made.column(tag_of(keyword)) for keyword in values}


def _is_foreign(keyword: str, old: str, new: str) -> bool:
    return bool(keyword) and is_known_to(old, keyword) and not is_known_to(new, keyword)
