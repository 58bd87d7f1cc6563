"""What a segmentation states but for its frames (PS3.3, A.51 and C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import attrs
from pydicom.datadict import dictionary_VR

from slicewise.dicom import codes
from slicewise.dicom.character_sets import can_hold, character_set, in_utf8
from slicewise.dicom.derivation import Software, derivation_columns, evidence_columns
from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.encoding import code_item, explicit_column, item, sequence
from slicewise.dicom.grid_attributes import GENERATORS
from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segmentation_attributes import KEPT, MUST_AGREE, MUST_BE_THERE
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Action, Change, ImageInfo, RawElement, Source
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element
from slicewise.image.headers import Column

__all__ = ["SegmentationNames", "check_source", "evidence", "segmentation_headers"]

_CONTRIBUTORS = tag_of("ContributingEquipmentSequence")
_OF_EQUIPMENT = (
    "Manufacturer",
    "InstitutionName",
    "StationName",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
)
_WITH_A_VALUE = (tag_of("SpecificCharacterSet"), tag_of("Laterality"))
"""What is stated with a value, or not at all (types 1C and 2C)."""

_LOCATION = tag_of("SliceLocation")
_BY_FRAME = "stated of the frames, in functional groups (PS3.3, C.7.6.16.2)"
_NOT_STATED = "segmentations do not state it (PS3.3, A.51)"


@attrs.frozen(kw_only=True)
class SegmentationNames:
    """What the caller wants a segmentation to be called; None where the template says it."""

    series_description: str | None = None
    series_number: int | None = None


def check_source(info: ImageInfo) -> None:
    """Raise unless it is known which patient, study and place in the patient a mask belongs to.

    Raises
    ------
    HeaderError
        If it is not.
    """
    if info.headers.column(tag_of("StudyInstanceUID")) is None or info.headers.column(tag_of("SOPClassUID")) is None:
        raise HeaderError(
            "the mask has no headers of a DICOM series, so that nobody knows whose it is: give the series it was made "
            "of, SegmentationWriter(..., source=series), or WithPixelsFrom(series, mask) >> SegmentationWriter(...)"
        )
    if not info.geometry.is_in_patient:
        raise HeaderError("the mask has no place in the patient, and the frames of a segmentation state theirs")
    for keyword in MUST_AGREE:
        column = info.headers.column(tag_of(keyword))
        if column is not None and not isinstance(column, RawElement):
            found = sorted({text_of(element) or "none" for element in column})
            raise HeaderError(
                f"the slices have several {keyword}, {' and '.join(found[:3])}, and a segmentation has one: write "
                "them one by one"
            )


def segmentation_headers(
    info: ImageInfo,
    template: SegmentTemplate,
    *,
    names: SegmentationNames,
    software: Software,
    serial_number: str,
    uids: Iterator[str],
    now: datetime,
    texts: Sequence[str] = (),
) -> DerivedHeaders:
    """Return what a segmentation states but for segments, frames and pixels; what is of the instance, all slices share.

    Parameters
    ----------
    info : ImageInfo
        The mask, with the headers of its source.
    template : SegmentTemplate
        What is to be said of it.
    names : SegmentationNames
        What the caller says otherwise.
    software : Software
        What made it.
    serial_number : str
        Device Serial Number of the software, which segmentations must state (PS3.3, C.7.5.2).
    uids : iterator of str
        New identifiers.
    now : datetime
        The time of writing.
    texts : sequence of str
        What else is going to be written; where the character set cannot hold it, all text becomes UTF-8.

    Raises
    ------
    HeaderError
        If it is not known whose mask it is.
    ParameterError
        If the series number is that of the source.
    """
    check_source(info)
    headers = info.headers
    dropped = [tag for tag in headers.columns() if tag not in KEPT]
    derived = DerivedHeaders(headers, {}).updated(dict.fromkeys(dropped), _NOT_STATED)
    derived = derived.noting(
        Change(tag, Action.REGENERATED, _BY_FRAME) for tag in dropped if tag in GENERATORS and tag != _LOCATION
    )
    empty = [tag for tag in _WITH_A_VALUE if not any(text_of(headers.element(tag, k)) for k in range(info.slices))]
    derived = derived.updated(dict.fromkeys(empty), "it says nothing")
    varying = [tag for tag, c in derived.headers.columns().items() if not isinstance(c, RawElement)]
    differing: dict[int, Column | None] = dict.fromkeys(varying)
    if tag_of("SpecificCharacterSet") in differing or not can_hold(headers, [*texts, *_texts(template, names)]):
        derived = derived.updated(in_utf8(derived.headers).columns(), "its text is written in UTF-8")
        differing.pop(tag_of("SpecificCharacterSet"), None)
    derived = derived.updated(differing, "slices differ in it, and a segmentation has one")
    terms = character_set(derived.headers)
    values = {**_identity(uids, now), **_called(info, template, names)}
    encoded = {tag_of(k): encode_element(tag_of(k), v, character_set=terms) for k, v in values.items()}
    derived = derived.updated(encoded, "of the segmentation itself")
    derived = derived.updated(_equipment(info, software, serial_number), "this software made it")
    description = derivation_columns(info, software, now, is_extracted=False)[tag_of("DerivationDescription")]
    derived = derived.updated({tag_of("DerivationDescription"): _first(description)})
    derived = derived.updated(_compression(info), "as of the source: what was once compressed with loss is always so")
    missing = [tag_of(k) for k in MUST_BE_THERE if derived.headers.column(tag_of(k)) is None]
    filled = {tag: RawElement(tag, dictionary_VR(tag), b"") for tag in missing}
    return derived.updated(filled, "nothing true is known of it, and it must be there (type 2)")


def evidence(info: ImageInfo, slices: Sequence[int]) -> dict[int, RawElement]:
    """Return the references of a segmentation to the instances that its frames come from (PS3.3, C.12.2).

    Parameters
    ----------
    info : ImageInfo
        The mask.
    slices : sequence of int
        The slices of which there are frames.
    """
    there = set(slices)
    nothing: tuple[Source, ...] = ()
    used = tuple(own if k in there else nothing for k, own in enumerate(info.sources))
    columns = evidence_columns(attrs.evolve(info, sources=used))
    columns.pop(tag_of("SourceImageEvidenceSequence"), None)
    return columns


def _texts(template: SegmentTemplate, names: SegmentationNames) -> list[str]:
    texts = [*template.attributes.values(), *template.fallbacks.values(), names.series_description or ""]
    for segment in (s for one in template.segments for s in one.values()):
        codes = [segment.type, segment.category, segment.anatomic_region, *segment.type_modifiers]
        texts += [segment.label, segment.description, segment.algorithm_name, segment.tracking_id]
        texts += [code.meaning for code in [*codes, *segment.anatomic_region_modifiers] if code is not None]
    return texts


def _identity(uids: Iterator[str], now: datetime) -> dict[str, Any]:
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S.%f")
    dates = {f"{kind}Date": date for kind in ("InstanceCreation", "Series", "Content")}
    times = {f"{kind}Time": time for kind in ("InstanceCreation", "Series", "Content")}
    return {
        **dates,
        **times,
        "SeriesInstanceUID": next(uids),
        "SOPInstanceUID": next(uids),
        "Modality": "SEG",
        "ImageType": ["DERIVED", "PRIMARY"],
    }


def _called(info: ImageInfo, template: SegmentTemplate, names: SegmentationNames) -> dict[str, Any]:
    """Return what caller or template say, or where they do not, the source, or the fallbacks of the template."""
    said: dict[str, Any] = dict(template.attributes)
    if names.series_description is not None:
        said["SeriesDescription"] = names.series_description
    said["SeriesNumber"] = _series_number(info, template, names)
    for keyword, value in template.fallbacks.items():
        if info.headers.column(tag_of(keyword)) is None or tag_of(keyword) not in KEPT:
            said.setdefault(keyword, value)
    said = {
        "SeriesDescription": "Segmentation",
        "InstanceNumber": "1",
        "ContentLabel": "SEGMENTATION",
        "ContentDescription": "",
        "ContentCreatorName": "",
    } | said
    coordinating = "ClinicalTrialCoordinatingCenterName"
    if "ClinicalTrialSeriesID" in said and info.headers.column(tag_of(coordinating)) is None:
        said.setdefault(coordinating, "")  # type 2 where the module is there
    return said


def _series_number(info: ImageInfo, template: SegmentTemplate, names: SegmentationNames) -> int:
    source = text_of(info.headers.element(tag_of("SeriesNumber"), 0))
    wanted = names.series_number if names.series_number is not None else template.attributes.get("SeriesNumber")
    if wanted is None:
        number = int(template.fallbacks.get("SeriesNumber", 300))
        return number + 1 if source == str(number) else number
    if source != str(int(wanted)):
        return int(wanted)
    raise ParameterError(
        f"'series_number' must differ from that of the source ({source}): two series of a study must not share it"
    )


def _equipment(info: ImageInfo, software: Software, serial_number: str) -> dict[int, Column | None]:
    """Return this software as the equipment, and behind earlier contributors what made the source."""
    known = {keyword: explicit_column(tag_of(keyword), info.headers) for keyword in _OF_EQUIPMENT}
    earlier = explicit_column(_CONTRIBUTORS, info.headers)
    # A segmentation that is written again was not made by a scanner.
    is_segmentation = text_of(info.headers.element(tag_of("Modality"), 0)) == "SEG"
    purpose = codes.PROCESSING_EQUIPMENT if is_segmentation else codes.SCANNER
    stated_purpose = sequence("PurposeOfReferenceCodeSequence", [code_item(purpose)])
    items: dict[bytes, None] = {}
    for k in range(info.slices):
        own = {keyword: _of_slice(column, k) for keyword, column in known.items()}
        before = _of_slice(earlier, k)
        items.update(dict.fromkeys([before.value] if before else []))
        # A contributor must state its manufacturer (PS3.3, C.12.1.1.5).
        if text_of(own["Manufacturer"]):
            items[item([*(e for e in own.values() if e is not None), stated_purpose])] = None
    made: dict[int, Column | None] = {
        tag_of(keyword): encode_element(tag_of(keyword), value)
        for keyword, value in (
            ("Manufacturer", software.manufacturer),
            ("ManufacturerModelName", software.model),
            ("SoftwareVersions", software.version),
            ("DeviceSerialNumber", serial_number),
        )
    }
    return {**made, _CONTRIBUTORS: RawElement(_CONTRIBUTORS, "SQ", b"".join(items)) if items else None}


def _of_slice(column: Column | None, index: int) -> RawElement | None:
    return column if column is None or isinstance(column, RawElement) else column[index]


def _compression(info: ImageInfo) -> dict[int, Column | None]:
    keywords = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
    for k in range(info.slices):
        elements = [info.headers.element(tag_of(keyword), k) for keyword in keywords]
        if text_of(elements[0]) == "01":
            stated = {e.tag: RawElement(e.tag, dictionary_VR(e.tag), e.value) for e in elements if e is not None}
            return dict(stated)
    return {tag_of(keywords[0]): RawElement(tag_of(keywords[0]), "CS", b"00")}


def _first(column: Column) -> RawElement | None:
    return column if isinstance(column, RawElement) else next((e for e in column if e is not None), None)
