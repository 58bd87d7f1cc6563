"""Headers of slices as those of the frames of one multi-frame image: one identity, and what frames state."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from pydicom.datadict import dictionary_VR, keyword_for_tag

from slicewise.dicom import codes
from slicewise.dicom.character_sets import in_utf8
from slicewise.dicom.derivation import evidence_columns, operations_of
from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.dose_grids import dose_columns
from slicewise.dicom.encoding import code_item, explicit_column, item, sequence, text
from slicewise.dicom.enhanced_names import CLASSIC_NAMES, enhanced_columns, without_ordinary_names
from slicewise.dicom.frame_attributes import derivation_images, order_columns, plane_columns, type_columns
from slicewise.dicom.frame_macros import macros_of
from slicewise.dicom.frame_places import lacking
from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS
from slicewise.dicom.iods import AttributeType, iod_of
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind
from slicewise.dicom.overlays import OVERLAY_GROUPS
from slicewise.dicom.single_frames import loop_columns
from slicewise.dicom.stored_attributes import EXTREMES
from slicewise.dicom.uids import reproducible_uids
from slicewise.dicom.values import decimal_strings, text_of
from slicewise.image import Code, Headers, ImageInfo, Operation, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["as_frames", "capture_columns", "floating_columns", "unit_columns", "unknown_to", "with_required"]

_OF_THE_SOURCE = (
    SHARED_GROUPS,
    FRAME_GROUPS,
    *(
        tag_of(keyword)
        for keyword in (
            "NumberOfFrames",
            "FrameType",
            "StackID",
            "InStackPositionNumber",
            "TemporalPositionIndex",
            "DimensionIndexValues",
            "DimensionOrganizationSequence",
            "DimensionOrganizationType",
            "DimensionIndexSequence",
            "ConcatenationUID",
            "ConcatenationFrameOffsetNumber",
            "InConcatenationNumber",
            "InConcatenationTotalNumber",
            "SOPInstanceUIDOfConcatenationSource",
            "RepresentativeFrameNumber",
        )
    ),
)
"""What places a frame among those of its source (PS3.3, C.7.6.16 and C.7.6.17)."""

_OF_ONE_PICTURE = (*EXTREMES, tag_of("IconImageSequence"))


_REFERENCES = ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence")
_CREATED = ("InstanceCreationDate", "InstanceCreationTime")


def as_frames(derived: DerivedHeaders, info: ImageInfo, kind: MultiFrameKind, *, type_is_given: bool) -> DerivedHeaders:
    """Return the headers of derived slices as those of frames of one image, each attribute still by itself.

    Parameters
    ----------
    derived : DerivedHeaders
        Headers of the slices with a new identity, marked as derived.
    info : ImageInfo
        The image.
    kind : MultiFrameKind
        The class.
    type_is_given : bool
        Whether the caller gave Image Type.
    """
    if not isinstance(derived.headers.column(tag_of("SpecificCharacterSet")), RawElement | None):
        derived = derived.updated(in_utf8(derived.headers).columns(), "its text is written in UTF-8")
    is_new = text_of(info.headers.element(tag_of("SOPClassUID"), 0)) != kind.sop_class
    if kind.has_groups:
        derived = derived.updated(without_ordinary_names(derived.headers), "said under another name")
        if is_new:
            unproven = _unproven(derived.headers)
            derived = derived.updated(unproven, "of which series they are is not known, and must be said")
    if kind.form is Form.GROUPS:
        renamed = enhanced_columns(derived.headers, _known_to(kind), _described_in(derived.headers, kind))
        derived = derived.updated(renamed, "enhanced images say it in other words")
        if is_new:
            derived = _without_lacking(derived, kind)
    made = attrs.evolve(info, headers=derived.headers)
    typed = type_columns(made, kind, is_given=type_is_given) if kind.has_groups else {}
    derived = derived.updated(dict.fromkeys(_OF_THE_SOURCE), "it places a frame among those of the source")
    derived = derived.updated(dict.fromkeys(_OF_ONE_PICTURE), "it describes one picture, and there are several frames")
    derived = derived.updated(_idle_creators(derived.headers), "a creator of private elements, of which there are none")
    overlays = [tag for tag in derived.headers.columns() if tag >> 16 in OVERLAY_GROUPS]
    derived = derived.updated(dict.fromkeys(overlays), "overlays are not written over frames")
    derived = derived.updated(_identity(derived.headers, info, kind), "one image has one")
    derived = derived.updated(plane_columns(attrs.evolve(info, headers=derived.headers)), "the grid of the image")
    derived = derived.updated(typed, "what the frames are")
    return _with_frames(derived, info, kind)


def _without_lacking(derived: DerivedHeaders, kind: MultiFrameKind) -> DerivedHeaders:
    for tag, column in derived.headers.columns().items():
        element = explicit_column(tag, derived.headers)
        wanted = lacking(kind, element) if isinstance(element, RawElement) else []
        if wanted and column is not None:
            derived = derived.updated({tag: None}, f"enhanced images must say more: {', '.join(wanted)}")
    return derived


def _idle_creators(headers: Headers) -> dict[int, Column | None]:
    private = [tag for tag in headers.columns() if tag >> 16 & 1]
    blocks = {tag & 0xFFFF0000 | tag >> 8 & 0xFF for tag in private}
    return {tag: None for tag in private if 0x10 <= tag & 0xFFFF <= 0xFF and tag not in blocks}


def _with_frames(derived: DerivedHeaders, info: ImageInfo, kind: MultiFrameKind) -> DerivedHeaders:
    made = attrs.evolve(info, headers=derived.headers)
    uid = text_of(derived.headers.element(tag_of("SOPInstanceUID"), 0))
    evidence: dict[int, Column | None] = dict(evidence_columns(made))
    if kind.has_groups:
        derived = derived.updated(order_columns(made, kind, uid), "the order of the frames")
        is_copy = operations_of(info.history) <= {Operation.SUBSET}
        images = derivation_images(derived.headers, codes.SUBSET if is_copy else codes.PROCESSED)
        single = ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence")
        moved = dict.fromkeys(map(tag_of, single if any(info.sources) else ()))
        derived = derived.updated({**moved, tag_of("DerivationImageSequence"): images}, "in the group of derivations")
        # Either lists them all; maps do not know the one, and where there is that, the other says it again.
        twice = ["SourceImageEvidenceSequence"] if kind.form is Form.MAP else list(_REFERENCES)
        evidence |= dict.fromkeys(map(tag_of, twice))
        if kind.form is Form.CONVERTED:
            derived = derived.updated(_conversion_sources(made), "the images that were converted")
    else:
        evidence.pop(tag_of("SourceImageEvidenceSequence"), None)
        evidence |= _all_sources(derived.headers)
        placed = dose_columns(made) if kind.form is Form.DOSE else _increments(made, kind)
        derived = derived.updated(placed, "the order of the frames")
    return derived.updated(evidence, "marking of a derived image")


def _known_to(kind: MultiFrameKind) -> Callable[[str], bool]:
    macros, iod = macros_of(kind.sop_class), iod_of(kind.sop_class)
    return lambda keyword: tag_of(keyword) in macros.of or iod.knows(keyword)


def _described_in(headers: Headers, kind: MultiFrameKind) -> Callable[[int], bool]:
    macros = macros_of(kind.sop_class)

    def is_known(tag: int) -> bool:
        columns = (headers.column(tag), headers.column(CLASSIC_NAMES.get(tag, tag)))
        return any(column is not None for column in columns)

    return lambda tag: all(is_known(other) for other in macros.described.get(macros.of.get(tag, 0), ()))


def _identity(headers: Headers, info: ImageInfo, kind: MultiFrameKind) -> dict[int, Column | None]:
    first = headers.element(tag_of("SOPInstanceUID"), 0)
    columns: dict[int, Column | None] = {
        tag_of("SOPInstanceUID"): first,
        tag_of("SOPClassUID"): text("SOPClassUID", kind.sop_class, "UI"),
        tag_of("InstanceNumber"): text("InstanceNumber", "1", "IS"),
        tag_of("NumberOfFrames"): text("NumberOfFrames", str(info.slices), "IS"),
    }
    if info.geometry.is_in_patient:
        # Frames on one grid have one; that it is another's as well, is not said.
        own = next(reproducible_uids(None, [text_of(first), "frame of reference"]))
        needed = {"FrameOfReferenceUID": own, "PositionReferenceIndicator": ""}
        absent = [keyword for keyword in needed if headers.column(tag_of(keyword)) is None]
        columns |= {tag_of(k): text(k, needed[k], dictionary_VR(k)) for k in absent}
    for keyword, created in zip(("ContentDate", "ContentTime"), _CREATED, strict=True):
        if not text_of(headers.element(tag_of(keyword), 0)):
            instant = headers.element(tag_of(created), 0)
            columns[tag_of(keyword)] = None if instant is None else instant._replace(tag=tag_of(keyword))
    return columns


def _unproven(headers: Headers) -> dict[int, Column | None]:
    """Return None for references to images of which enhanced images must say more than classic ones (C.8.13.2.1)."""
    references, evidence = tag_of("ReferencedImageSequence"), tag_of("ReferencedImageEvidenceSequence")
    return {} if headers.column(references) is None or headers.column(evidence) is not None else {references: None}


# --- sources --------------------------------------------------------------------------------------


def _conversion_sources(info: ImageInfo) -> dict[int, Column]:
    """Return the image that each frame was converted from; of several it is made of, the one in the middle.

    Frames of converted images say it themselves (PS3.3, C.7.6.16.2.21).
    """
    tag = tag_of("ConversionSourceAttributesSequence")
    if info.headers.column(tag) is not None or not all(info.sources):
        return {}
    found = []
    for sources in info.sources:
        source = sources[len(sources) // 2]
        elements = {"ReferencedSOPClassUID": source.sop_class_uid, "ReferencedSOPInstanceUID": source.sop_instance_uid}
        reference = [text(keyword, value, "UI") for keyword, value in elements.items()]
        if source.frame is not None:
            reference.append(text("ReferencedFrameNumber", str(source.frame), "IS"))
        found.append(sequence("ConversionSourceAttributesSequence", [item(reference)]))
    return {tag: tuple(found)}


def _all_sources(headers: Headers) -> dict[int, Column]:
    """Return the sources of all frames as those of the image."""
    tag = tag_of("SourceImageSequence")
    column = headers.column(tag)
    if column is None or isinstance(column, RawElement):
        return {}
    items = dict.fromkeys(element.value for element in column if element is not None)
    return {tag: RawElement(tag, "SQ", b"".join(items))}


# --- loops and captures ---------------------------------------------------------------------------


def _increments(info: ImageInfo, kind: MultiFrameKind) -> dict[int, Column | None]:
    """Return what tells frames apart that have no functional group for it (PS3.3, C.7.6.6 and C.8.6.3)."""
    pointer = tag_of("FrameIncrementPointer")
    columns = loop_columns(info)
    if info.slices == 1 and kind.form is Form.CAPTURE:
        return columns | {pointer: None}
    timed = [tag_of(k) for k in ("FrameTimeVector", "FrameTime")]
    known = [t for t in timed if columns.get(t, info.headers.column(t)) is not None]
    if known:
        return columns | {pointer: _points_to(known[0])}
    if info.geometry.is_in_patient and kind.form is Form.CAPTURE:
        places = [float(f"{place:.9g}") for place in info.geometry.distances] * len(info.volumes)
        vector, value, vr = tag_of("SliceLocationVector"), decimal_strings(np.array(places)), "DS"
    else:
        vector = tag_of("PageNumberVector")
        value, vr = "\\".join(str(k + 1) for k in range(info.slices)).encode("ascii"), "IS"
    return columns | {vector: RawElement(vector, vr, value), pointer: _points_to(vector)}


def _points_to(tag: int) -> RawElement:
    value = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return RawElement(tag_of("FrameIncrementPointer"), "AT", value)


# --- what must be there ---------------------------------------------------------------------------


def with_required(derived: DerivedHeaders, kind: MultiFrameKind) -> DerivedHeaders:
    """Return headers with what images of a class must have: neutral values, and empty ones where nothing is known."""
    iod = iod_of(kind.sop_class)
    attributes = iod.attributes(modules=iod.mandatory)
    empty = [k for k, a in attributes.items() if a.type is AttributeType.REQUIRED_MAY_BE_EMPTY]
    missing: dict[int, Column | None] = {
        tag_of(k): RawElement(tag_of(k), dictionary_VR(k), b"")
        for k in empty
        if derived.headers.column(tag_of(k)) is None
    }
    derived = derived.updated(missing, "nothing true is known of it, and it must be there (type 2)")
    orientation = tag_of("PatientOrientation")
    if kind.form in (Form.CAPTURE, Form.LOOP) and derived.headers.column(orientation) is None:
        unknown = text("PatientOrientation", "", "CS")
        derived = derived.updated({orientation: unknown}, "no plane is said of the image itself (type 2C)")
    laterality = tag_of("Laterality")
    if derived.headers.column(tag_of("FrameAnatomySequence")) is not None and not text_of(
        derived.headers.element(laterality, 0)
    ):
        derived = derived.updated({laterality: None}, "the anatomy of the frames says it")
    neutral: Mapping[str, str] = kind.neutral
    absent: dict[int, Column | None] = {
        tag_of(k): text(k, value, dictionary_VR(k))
        for k, value in neutral.items()
        if not text_of(derived.headers.element(tag_of(k), 0))
    }
    return derived.updated(absent, "there must be one (type 1), and this claims nothing")


def capture_columns(headers: Headers) -> dict[int, Column | None]:
    """Return the identity that grey levels of a secondary capture are stored with (PS3.3, C.8.6.3)."""
    if text_of(headers.element(tag_of("PhotometricInterpretation"), 0)) == "RGB":
        return dict.fromkeys(map(tag_of, ("RescaleSlope", "RescaleIntercept", "RescaleType")))
    said = {"RescaleSlope": ("1", "DS"), "RescaleIntercept": ("0", "DS"), "RescaleType": ("US", "LO")}
    said |= {"PresentationLUTShape": ("IDENTITY", "CS")}
    columns: dict[int, Column | None] = {tag_of(k): text(k, value, vr) for k, (value, vr) in said.items()}
    return columns


def floating_columns() -> dict[int, Column | None]:
    """Return None for what floating-point pixels have not (PS3.3, C.7.6.24 and C.7.6.25)."""
    return dict.fromkeys(map(tag_of, ("BitsStored", "HighBit", "PixelRepresentation")))


def unit_columns(unit: Sequence[str], ends: tuple[float, float]) -> dict[int, Column | None]:
    """Return the mapping of stored values to the same values in a unit (PS3.3, C.7.6.16.2.11).

    Parameters
    ----------
    unit : sequence of str
        Code of the unit, its scheme and meaning.
    ends : (float, float)
        The smallest and the largest value.
    """
    first, last = ends
    numbers = {
        "DoubleFloatRealWorldValueFirstValueMapped": first,
        "DoubleFloatRealWorldValueLastValueMapped": last,
        "RealWorldValueSlope": 1.0,
        "RealWorldValueIntercept": 0.0,
    }
    code = Code(*unit)
    mapping = item(
        [
            *(RawElement(tag_of(k), "FD", struct.pack("<d", number)) for k, number in numbers.items()),
            text("LUTExplanation", code.meaning[:64], "LO"),
            text("LUTLabel", code.value[:16], "SH"),
            sequence("MeasurementUnitsCodeSequence", [code_item(code)]),
        ]
    )
    return {tag_of("RealWorldValueMappingSequence"): sequence("RealWorldValueMappingSequence", [mapping])}


def unknown_to(derived: DerivedHeaders, kind: MultiFrameKind) -> list[int]:
    """Return the public attributes that the class knows neither of the image nor of a frame."""
    known, macros = _known_to(kind), macros_of(kind.sop_class)
    return [
        tag
        for tag in derived.headers.columns()
        if not tag >> 16 & 1 and tag not in macros.whole and not known(keyword_for_tag(tag))
    ]
