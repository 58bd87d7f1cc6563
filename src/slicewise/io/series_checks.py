"""Instances checked against each other: identifiers, what they share, how they lie, what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from slicewise.dicom.checks.faults import Severity, fault, shortened
from slicewise.dicom.checks.level import Level, values_of, vr_of_element
from slicewise.dicom.header_parser import assemble
from slicewise.dicom.iods import iod_of
from slicewise.dicom.items import leading_items
from slicewise.errors import HeaderError, SlicewiseError
from slicewise.image import RawElement
from slicewise.image.elements import name_of, tag_of
from slicewise.io.file_checks import CheckedFile, finding
from slicewise.io.found_volumes import describe_volumes
from slicewise.io.validation import Finding

__all__ = ["by_series", "study_findings"]

_SHARED = {"Patient": "PatientID", "Study": "StudyInstanceUID", "Series": "SeriesInstanceUID"}
_SERIES_ENTITIES = ("Series", "Frame of Reference", "Equipment")
_OF_INSTANCES = frozenset(
    ["PixelPaddingValue", "SpatialResolution", "LargestPixelValueInSeries", "SmallestPixelValueInSeries"]
)
"""Attributes that modules of a series hold and that are of single images all the same."""
_CLASS, _INSTANCE = tag_of("ReferencedSOPClassUID"), tag_of("ReferencedSOPInstanceUID")
_GEOMETRY = ("Rows", "ImagePositionPatient", "ImageOrientationPatient")

_NOT_STORED = ("1.2.840.10008.3.1.", "1.2.840.10008.1.")
"""Studies, procedure steps and the like: they are no instances that lie in files."""

Reference = tuple[str, str, str]
"""Attribute, SOP class and instance of a reference."""


def by_series(files: Sequence[CheckedFile]) -> dict[str, list[CheckedFile]]:
    """Return files by the instance UID of their series."""
    found: dict[str, list[CheckedFile]] = {}
    for file in files:
        found.setdefault(file.level.value("SeriesInstanceUID"), []).append(file)
    return found


def study_findings(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    """Give what is wrong between instances.

    Parameters
    ----------
    files : sequence of CheckedFile
        All that were given: references may lead from one series to another.
    """
    yield from _duplicates(files)
    for entity, keyword in _SHARED.items():
        groups: dict[str, list[CheckedFile]] = {}
        for file in files:
            if identity := file.level.value(keyword):
                groups.setdefault(identity, []).append(file)
        for group in groups.values():
            entities = _SERIES_ENTITIES if entity == "Series" else (entity,)
            for one in entities:
                yield from _unequal(group, one, f"{entity.lower()} {group[0].level.value(keyword)!r}")
    for group in by_series(files).values():
        yield from _placed(group)
    yield from _references(files)


def _duplicates(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    met: dict[str, str] = {}
    for file in files:
        uid = file.level.value("SOPInstanceUID")
        if uid and uid in met:
            what = fault("duplicate-uid", "SOPInstanceUID", f"{uid}, as in {met[uid]}", "an identifier of its own")
            yield finding(file.name, what)
        met.setdefault(uid, file.name)


# --- what instances share -------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _attributes_of(sop_class: str, entity: str) -> frozenset[int]:
    """Return the tags that a SOP class has in modules of an entity, and in none of images."""
    try:
        iod = iod_of(sop_class)
    except HeaderError:
        return frozenset()
    of_entity = {module.name for module in iod.modules if module.entity == entity}
    others = {module.name for module in iod.modules if module.entity not in _SHARED and module.entity != entity}
    kept = set(iod.attributes(modules=of_entity)) - set(iod.attributes(modules=others)) - _OF_INSTANCES
    return frozenset(tag_of(keyword) for keyword in kept)


def _unequal(files: Sequence[CheckedFile], entity: str, whose: str) -> Iterator[Finding]:
    if len(files) < 2:
        return
    common = frozenset.intersection(*(_attributes_of(file.level.value("SOPClassUID"), entity) for file in files))
    first = files[0]
    rule = "equipment" if entity == "Equipment" else "entity"
    for tag in sorted(common):
        wanted = _plain(first.level.elements.get(tag))
        for file in files[1:]:
            found = _plain(file.level.elements.get(tag))
            if found != wanted:
                # Where one says nothing, nothing is contradicted.
                severity = None if found and wanted else Severity.WARNING
                said = f"{shortened(_told(wanted))}, as in {first.name} of {whose}"
                what = fault(rule, name_of(tag), _told(found), said, severity=severity)
                yield finding(file.name, what)


def _plain(element: RawElement | None) -> tuple[str, ...]:
    """Return values for comparison, however they are encoded: absent and empty are alike."""
    if element is None or not element.value:
        return ()
    if vr_of_element(element) != "SQ" or element.vr == "UN":
        return values_of(element)
    return tuple(
        "; ".join(f"{name_of(tag)}={_told(_plain(inner))}" for tag, inner in sorted(elements.items()) if tag & 0xFFFF)
        for elements in leading_items(element)
    )


def _told(values: tuple[str, ...]) -> str:
    return repr("\\".join(values)) if values else "no value"


# --- how they lie ---------------------------------------------------------------------------------


def _placed(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    images = [file for file in files if all(file.level.values(keyword) for keyword in _GEOMETRY)]
    if len(images) < 2:
        return
    try:
        volumes = describe_volumes(assemble([image.file.header for image in images]))
    except SlicewiseError as error:
        yield finding(images[0].name, fault("geometry", "", str(error), "images that make volumes"))
        return
    for volume in volumes:
        if not volume.is_even and len(volume.indices) > 1:
            named = f" ({volume.name})" if volume.name else ""
            what = fault(
                "geometry", "ImagePositionPatient", f"{volume.note}{named}", "slices evenly spaced in a volume"
            )
            yield finding(images[volume.indices[0]].name, what)
    if len(volumes) > 1:
        names = ", ".join(volume.name or "?" for volume in volumes[:4])
        shown = f"{len(volumes)} volumes: {names}{', ...' if len(volumes) > 4 else ''}"
        yield finding(images[0].name, fault("several-volumes", "", shown, "one volume, or readers that separate them"))


# --- what they refer to ---------------------------------------------------------------------------


def _references(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    given = {file.level.value("SOPInstanceUID"): file.level.value("SOPClassUID") for file in files}
    known: dict[RawElement, tuple[Reference, ...]] = {}
    for group in by_series(files).values():
        missing: dict[str, list[tuple[CheckedFile, str]]] = {}
        for file in group:
            for attribute, sop_class, uid in _references_of(file.level, known):
                if uid not in given:
                    missing.setdefault(attribute, []).append((file, uid))
                elif sop_class and sop_class != given[uid]:
                    yield finding(
                        file.name, fault("reference-class", attribute, sop_class, f"{given[uid]}, as {uid} is")
                    )
        for attribute, cases in missing.items():
            count = len({uid for _, uid in cases})
            found = (
                f"{count} {'instance' if count == 1 else 'instances'} not among the files given, first {cases[0][1]}"
            )
            yield finding(cases[0][0].name, fault("reference", attribute, found, "instances that are there"))


def _references_of(level: Level, known: dict[RawElement, tuple[Reference, ...]]) -> Iterator[Reference]:
    for element in level.elements.values():
        if vr_of_element(element) == "SQ" and element.vr != "UN":
            if element not in known:
                known[element] = tuple(_within(element, name_of(element.tag)))
            yield from known[element]


def _within(sequence: RawElement, name: str) -> Iterator[Reference]:
    for elements in leading_items(sequence):
        item = Level(elements)
        if _INSTANCE in elements and not item.value("ReferencedSOPClassUID").startswith(_NOT_STORED):
            yield (
                f"{name}.ReferencedSOPInstanceUID",
                item.value("ReferencedSOPClassUID"),
                item.value(name_of(_INSTANCE)),
            )
        yield from ((f"{name}.{rest}", sop_class, uid) for rest, sop_class, uid in _references_of(item, {}))
