"""Marking of a derived series: from which images, how, and with what (PS3.3, C.7.6.1.1.2, C.12.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import attrs

from slicewise.dicom import codes
from slicewise.dicom.encoding import code_item, explicit_column, item, sequence, text
from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError
from slicewise.image import Code, Headers, ImageInfo, Operation, RawElement, Source, Step
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element
from slicewise.image.headers import Column

__all__ = [
    "Software",
    "derivation_columns",
    "described",
    "equipment_columns",
    "evidence_columns",
    "image_type",
    "operations_of",
    "predecessor_columns",
    "source_columns",
    "with_code",
]

_CODE_SEQUENCE = tag_of("DerivationCodeSequence")
_DESCRIPTION = tag_of("DerivationDescription")
_EQUIPMENT = tag_of("ContributingEquipmentSequence")
_IMAGE_TYPE = tag_of("ImageType")

_DESCRIPTION_LENGTH = 1024
"""Length of an ST value (PS3.5, 6.2)."""

_MOVED = frozenset([Operation.LATTICE, Operation.GEOMETRY, Operation.PROJECTION])


@attrs.frozen
class Software:
    """The software that derives, as it names itself in what it writes."""

    manufacturer: str
    model: str
    version: str


def operations_of(history: Sequence[Step]) -> frozenset[Operation]:
    """Return all classes of operation in a history."""
    return frozenset(operation for step in history for operation in step.operations)


# --- image type -----------------------------------------------------------------------------------


def image_type(info: ImageInfo, wanted: Sequence[str] | None) -> Column:
    """Return Image Type: DERIVED, SECONDARY, and of the source what still holds.

    PET images are PRIMARY whatever was done to them (PS3.3, C.8.9.4.1.1).

    Parameters
    ----------
    info : ImageInfo
        The image to be written.
    wanted : sequence of str, optional
        Values the caller wants instead.

    Raises
    ------
    ParameterError
        If ORIGINAL is wanted and pixels or grid changed.
    """
    operations = operations_of(info.history)
    if wanted is not None:
        return _wanted_type(wanted, operations)
    column = info.headers.column(_IMAGE_TYPE)
    if column is None or isinstance(column, RawElement):
        return _derived_type(column, info.headers, operations)
    return tuple(_derived_type(element, info.headers, operations) for element in column)


def _wanted_type(wanted: Sequence[str], operations: frozenset[Operation]) -> RawElement:
    values = [value.strip().upper() for value in wanted]
    if len(values) < 2 or values[0] not in ("ORIGINAL", "DERIVED") or values[1] not in ("PRIMARY", "SECONDARY"):
        raise ParameterError(
            "'image_type' must begin with ORIGINAL or DERIVED and PRIMARY or SECONDARY, e.g. "
            f"('DERIVED', 'SECONDARY', 'AXIAL') (got {tuple(wanted)!r})"
        )
    if values[0] == "ORIGINAL" and operations - {Operation.SUBSET}:
        raise ParameterError("'image_type' cannot be ORIGINAL: pixels or grid were changed, and the image is DERIVED")
    return encode_element(_IMAGE_TYPE, values)


def _derived_type(source: RawElement | None, headers: Headers, operations: frozenset[Operation]) -> RawElement:
    modality = text_of(headers.element(tag_of("Modality"), 0))
    values = text_of(source).split("\\")[2:] if source is not None else []
    if operations & {Operation.PROJECTION, Operation.MULTI}:
        kind = "PROJECTION IMAGE" if Operation.PROJECTION in operations else "OTHER"
        values = [kind] if modality == "MR" else values[:1]
    if modality == "CT" and not values:
        values = ["AXIAL"]  # one of two that there must be (PS3.3, C.8.2.1.1.1); a localizer would say so
    second = "PRIMARY" if modality == "PT" else "SECONDARY"
    return RawElement(_IMAGE_TYPE, "CS", "\\".join(["DERIVED", second, *values]).encode("ascii", "replace"))


# --- sources --------------------------------------------------------------------------------------


def source_columns(info: ImageInfo) -> dict[int, Column]:
    """Return the references of each slice to the instances it comes from.

    Source Image Sequence names the direct sources with their purpose (CID 7202); Referenced Series
    Sequence, or for other studies the sequence for those, lists exactly these instances.
    """
    operations = operations_of(info.history)
    preserved = "NO" if operations & _MOVED or _reordered(info) else "YES"
    study = text_of(info.headers.element(tag_of("StudyInstanceUID"), 0))
    references = tuple(_source_sequence(sources, preserved) for sources in info.sources)
    series = tuple(_series_sequence([s for s in sources if s.study_uid == study]) for sources in info.sources)
    others = tuple(_studies_sequence([s for s in sources if s.study_uid != study]) for sources in info.sources)
    columns = {
        "SourceImageSequence": references,
        "ReferencedSeriesSequence": series,
        "StudiesContainingOtherReferencedInstancesSequence": others,
    }
    return {tag_of(keyword): column for keyword, column in columns.items() if any(column)}


def evidence_columns(info: ImageInfo) -> dict[int, RawElement]:
    """Return the references of one instance to all that its frames come from.

    Referenced Series Sequence, or for other studies the sequence for those, lists the instances; so does Source Image
    Evidence Sequence, by study (PS3.3, C.8.13.2 and C.12.1.3).
    """
    # Frames of one instance are one instance.
    sources = list(dict.fromkeys(s._replace(frame=None, mask=False, tile=False) for own in info.sources for s in own))
    study = text_of(info.headers.element(tag_of("StudyInstanceUID"), 0))
    series = _series_sequence([s for s in sources if s.study_uid == study])
    others = _studies_sequence([s for s in sources if s.study_uid != study])
    studies = [
        item([text("StudyInstanceUID", uid, "UI"), sequence("ReferencedSeriesSequence", inner)])
        for uid in dict.fromkeys(s.study_uid for s in sources if s.study_uid)
        if (inner := _series_items([s for s in sources if s.study_uid == uid], "ReferencedSOPSequence"))
    ]
    evidence = sequence("SourceImageEvidenceSequence", studies) if studies else None
    return {element.tag: element for element in (series, others, evidence) if element is not None}


def _reordered(info: ImageInfo) -> bool:
    # Slices stacked against their normal were flipped.
    return info.geometry.slices > 1 and float(info.geometry.mean_step @ info.geometry.normal) < 0


def _source_sequence(sources: Sequence[Source], preserved: str) -> RawElement | None:
    if not sources:
        return None
    return sequence("SourceImageSequence", [_source_item(source, preserved) for source in sources])


def _reference(source: Source) -> list[RawElement]:
    elements = [
        text("ReferencedSOPClassUID", source.sop_class_uid, "UI"),
        text("ReferencedSOPInstanceUID", source.sop_instance_uid, "UI"),
    ]
    if source.frame is not None:
        elements.append(text("ReferencedFrameNumber", str(source.frame), "IS"))
    return elements


def _source_item(source: Source, preserved: str) -> bytes:
    return item(
        [
            *_reference(source),
            text("SpatialLocationsPreserved", "NO" if source.tile else preserved, "CS"),
            _purpose(codes.MASK_IMAGE if source.mask else codes.SOURCE_IMAGE),
        ]
    )


@lru_cache(maxsize=8)
def _purpose(code: Code) -> RawElement:
    return sequence("PurposeOfReferenceCodeSequence", [code_item(code)])


def _series_sequence(sources: Sequence[Source]) -> RawElement | None:
    items = _series_items(sources)
    return sequence("ReferencedSeriesSequence", items) if items else None


def _series_items(sources: Sequence[Source], within: str = "ReferencedInstanceSequence") -> list[bytes]:
    items = []
    # An item must name its series (PS3.3, 10.4): what knows none is referred to by Source Image Sequence alone.
    for uid in dict.fromkeys(source.series_uid for source in sources if source.series_uid):
        instances = [item(_reference(source)) for source in sources if source.series_uid == uid]
        items.append(item([sequence(within, instances), text("SeriesInstanceUID", uid, "UI")]))
    return items


def _studies_sequence(sources: Sequence[Source]) -> RawElement | None:
    items = []
    for uid in dict.fromkeys(source.study_uid for source in sources if source.study_uid):
        inner = _series_items([source for source in sources if source.study_uid == uid])
        if not inner:
            continue
        items.append(item([sequence("ReferencedSeriesSequence", inner), text("StudyInstanceUID", uid, "UI")]))
    return sequence("StudiesContainingOtherReferencedInstancesSequence", items) if items else None


def predecessor_columns(headers: Headers, source: Source, purpose: Code) -> dict[int, Column | None]:
    """Return the reference to the one image that a single image was coded from, behind earlier sources.

    Parameters
    ----------
    headers : Headers
        Headers of the image.
    source : Source
        The instance it was.
    purpose : Code
        In what sense it is the source (CID 7202).
    """
    reference = item([*_reference(source), text("SpatialLocationsPreserved", "YES", "CS"), _purpose(purpose)])
    tag = tag_of("SourceImageSequence")
    columns = {tag: _appended(tag, reference, headers)}
    referenced = _series_sequence([source])
    if headers.column(tag_of("ReferencedSeriesSequence")) is None and referenced is not None:
        columns[referenced.tag] = referenced
    return columns


# --- how and with what ----------------------------------------------------------------------------


def derivation_columns(info: ImageInfo, software: Software, now: datetime, *, is_extracted: bool) -> dict[int, Column]:
    """Return derivation codes and description, and the contributing equipment; earlier ones are kept.

    Parameters
    ----------
    info : ImageInfo
        The image to be written.
    software : Software
        What derives it.
    now : datetime
        The time of writing.
    is_extracted : bool
        Whether slices are frames of multi-frame images.
    """
    headers = info.headers
    found = [code_item(code) for step in info.history for code in step.derivation]
    done = [("Derivation of a new series", codes.PROCESSING_EQUIPMENT)]
    if is_extracted:
        done.insert(0, ("Frames as single images", codes.FRAME_EXTRACTING))
    columns: dict[int, Column | None] = {
        _CODE_SEQUENCE: _appended(_CODE_SEQUENCE, b"".join(found), headers),
        _DESCRIPTION: _description(info, software),
        _EQUIPMENT: _appended(_EQUIPMENT, b"".join(_equipment_item(software, now, *what) for what in done), headers),
    }
    return {tag: column for tag, column in columns.items() if column is not None}


def _appended(tag: int, items: bytes, headers: Headers) -> Column | None:
    column = explicit_column(tag, headers)
    if not items:
        return column
    if column is None or isinstance(column, RawElement):
        return RawElement(tag, "SQ", (column.value if column else b"") + items)
    return tuple(RawElement(tag, "SQ", (element.value if element else b"") + items) for element in column)


def _description(info: ImageInfo, software: Software) -> Column:
    steps = "; ".join(step.description for step in info.history) or "written again"
    return described(info.headers, f"{software.model} {software.version}: {steps}")[_DESCRIPTION]


def described(headers: Headers, newest: str) -> dict[int, Column]:
    """Return Derivation Description with a new text before the earlier one."""
    earlier = headers.column(_DESCRIPTION)
    if earlier is None or isinstance(earlier, RawElement):
        return {_DESCRIPTION: _description_element(newest, earlier)}
    return {_DESCRIPTION: tuple(_description_element(newest, element) for element in earlier)}


def with_code(headers: Headers, code: Code) -> dict[int, Column | None]:
    """Return Derivation Code Sequence with a code behind the earlier ones."""
    return {_CODE_SEQUENCE: _appended(_CODE_SEQUENCE, code_item(code), headers)}


def equipment_columns(
    headers: Headers, software: Software, now: datetime, description: str
) -> dict[int, Column | None]:
    """Return Contributing Equipment Sequence with the software behind earlier contributors."""
    added = _equipment_item(software, now, description, codes.PROCESSING_EQUIPMENT)
    return {_EQUIPMENT: _appended(_EQUIPMENT, added, headers)}


def _description_element(newest: str, earlier: RawElement | None) -> RawElement:
    # Bytes of the earlier text stay in the character set they are in.
    value = newest.encode("ascii", "backslashreplace")
    if earlier is not None and earlier.value.strip(b" \0"):
        value += b" [" + earlier.value.strip(b" \0") + b"]"
    if len(value) > _DESCRIPTION_LENGTH:
        value = value[: _DESCRIPTION_LENGTH - 4] + b"...]"
    return RawElement(_DESCRIPTION, "ST", value)


def _equipment_item(software: Software, now: datetime, description: str, purpose: Code) -> bytes:
    return item(
        [
            text("Manufacturer", software.manufacturer, "LO"),
            text("ManufacturerModelName", software.model, "LO"),
            text("SoftwareVersions", software.version, "LO"),
            text("ContributionDateTime", now.strftime("%Y%m%d%H%M%S.%f%z"), "DT"),
            text("ContributionDescription", description, "ST"),
            sequence("PurposeOfReferenceCodeSequence", [code_item(purpose)]),
        ]
    )
