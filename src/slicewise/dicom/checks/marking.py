"""Whether an image says truly where it comes from: derived from what and how, or from a scanner (PS3.3, C.7.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slicewise.dicom.checks.faults import Fault, fault
from slicewise.dicom.checks.level import Level
from slicewise.dicom.items import leading_items
from slicewise.image.elements import tag_of

__all__ = ["marking_faults"]

_SOURCES = ("SourceImageSequence", "SourceInstanceSequence", "ReferencedSeriesSequence", "ReferencedInstanceSequence")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_HOW = ("DerivationDescription", "DerivationCodeSequence")
_PROCESSING = "109102"
"""Processing Equipment, in DCM: the purpose of an equipment that made one image of another (PS3.16, CID 7005)."""

_SOFTWARE_ROOTS = {
    "2.25.": "made of a UUID",
    "1.2.826.0.1.3680043.8.498.": "of pydicom",
    "1.2.826.0.1.3680043.2.1143.": "of GDCM",
    "1.2.276.0.7230010.3.1.4.8323": "of DCMTK",
    "1.2.826.0.1.3680043.8.1055.": "of fo-dicom",
}
_LONG_FRACTION = re.compile(r"[+-]?\d*\.\d{6,}(?:[eE][+-]?\d+)?|[+-]?\d\.?\d*[eE]-\d+")


def marking_faults(level: Level, sop_class_name: str) -> Iterator[Fault]:
    """Give what an image says untruly, or not at all, of its origin.

    Parameters
    ----------
    level : Level
        The dataset.
    sop_class_name : str
        Name of its IOD: what looks odd in CT or MR is common in PET.
    """
    kind = level.values("ImageType")[:2]
    if not kind:
        return
    yield from _own_source(level)
    if kind[0] == "DERIVED":
        yield from _derived_faults(level)
    elif kind[0] == "ORIGINAL":
        for keyword in ("SourceImageSequence", *_HOW):
            if level.values(keyword):
                found = f"ORIGINAL, with {keyword}"
                yield fault("original-claim", "ImageType", found, "DERIVED, or none of a derivation's attributes")
    if kind == ("ORIGINAL", "PRIMARY") and (signs := list(_signs(level, sop_class_name))):
        wanted = "DERIVED, or an image as the scanner made it"
        yield fault("looks-original", "ImageType", f"ORIGINAL\\PRIMARY with {'; '.join(signs)}", wanted)


def _derived_faults(level: Level) -> Iterator[Fault]:
    if not any(level.has(keyword) and level.values(keyword) for keyword in _SOURCES) and not _has_frame_sources(level):
        yield fault("derivation", "SourceImageSequence", "no source", "the images that a derived image comes from")
    if not any(level.values(keyword) for keyword in _HOW) and not _has_frame_sources(level):
        wanted = "how a derived image was made, there or in DerivationCodeSequence"
        yield fault("derivation", "DerivationDescription", "absent or empty", wanted)


def _has_frame_sources(level: Level) -> bool:
    wanted = tag_of("DerivationImageSequence")
    groups = [level.elements[tag_of(keyword)] for keyword in _GROUPS if level.has(keyword)]
    return any(wanted in elements for group in groups for elements in leading_items(group))


def _own_source(level: Level) -> Iterator[Fault]:
    own, sources = level.value("SOPInstanceUID"), level.elements.get(tag_of("SourceImageSequence"))
    for number, elements in enumerate(leading_items(sources) if sources else []):
        if own and Level(elements).value("ReferencedSOPInstanceUID") == own:
            name = f"SourceImageSequence[{number}].ReferencedSOPInstanceUID"
            yield fault("own-source", name, own, "another instance than the image itself")


def _signs(level: Level, sop_class_name: str) -> Iterator[str]:
    equipment = level.elements.get(tag_of("ContributingEquipmentSequence"))
    if equipment is not None and any(_is_processing(Level(item)) for item in leading_items(equipment)):
        yield "processing equipment in ContributingEquipmentSequence"
    uid = level.value("SOPInstanceUID")
    for root, owner in _SOFTWARE_ROOTS.items():
        if uid.startswith(root):
            yield f"a SOPInstanceUID {owner}"
    slope = level.value("RescaleSlope")
    if sop_class_name == "ct-image" and _LONG_FRACTION.fullmatch(slope.rstrip("0")):
        yield f"RescaleSlope {slope}"


def _is_processing(equipment: Level) -> bool:
    purpose = equipment.elements.get(tag_of("PurposeOfReferenceCodeSequence"))
    return purpose is not None and any(Level(code).value("CodeValue") == _PROCESSING for code in leading_items(purpose))
