"""Who made the images: the scanner, or this software with the scanner as a contributor (PS3.3, C.7.5)."""

from __future__ import annotations

from slicewise.dicom import codes
from slicewise.dicom.derivation import Software
from slicewise.dicom.encoding import code_item, explicit_column, item, sequence, text
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["software_as_equipment"]

_SCANNER = (
    "Manufacturer",
    "InstitutionName",
    "StationName",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
)
_NOT_OURS = ("StationName", "DeviceSerialNumber")


def software_as_equipment(headers: Headers, software: Software) -> dict[int, Column | None]:
    """Return general equipment of this software, with the scanner first among the contributors.

    Parameters
    ----------
    headers : Headers
        Headers whose Contributing Equipment Sequence, if any, is in explicit VR.
    software : Software
        This software.
    """
    tag = tag_of("ContributingEquipmentSequence")
    columns: dict[int, Column | None] = {
        tag: tuple(_with_scanner(headers, k, headers.element(tag, k)) for k in range(len(headers))),
        tag_of("Manufacturer"): text("Manufacturer", software.manufacturer, "LO"),
        tag_of("ManufacturerModelName"): text("ManufacturerModelName", software.model, "LO"),
        tag_of("SoftwareVersions"): text("SoftwareVersions", software.version, "LO"),
    }
    return columns | {tag_of(keyword): None for keyword in _NOT_OURS}


def _with_scanner(headers: Headers, index: int, contributors: RawElement | None) -> RawElement:
    known = [_explicit(headers, tag_of(keyword), index) for keyword in _SCANNER]
    stated = [element for element in known if element is not None]
    purpose = sequence("PurposeOfReferenceCodeSequence", [code_item(codes.SCANNER)])
    scanner = item([*stated, purpose])
    return RawElement(
        tag_of("ContributingEquipmentSequence"), "SQ", scanner + (contributors.value if contributors else b"")
    )


def _explicit(headers: Headers, tag: int, index: int) -> RawElement | None:
    column = explicit_column(tag, headers)
    return column if column is None or isinstance(column, RawElement) else column[index]
