"""Where an attribute of a frame stands in a multi-frame image: in it, or in a functional group (PS3.3, C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import attrs
from pydicom.datadict import keyword_for_tag

from slicewise.dicom.encoding import element_bytes, explicit_column
from slicewise.dicom.iods import AttributeType, Iod, iod_of
from slicewise.dicom.items import items_of
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["IN_BOTH", "FrameLayout", "Macros", "lacking", "laid_out", "macros_of", "missing_attributes"]

SHARED = tag_of("SharedFunctionalGroupsSequence")
PER_FRAME = tag_of("PerFrameFunctionalGroupsSequence")
UNASSIGNED_SHARED = tag_of("UnassignedSharedConvertedAttributesSequence")
UNASSIGNED_PER_FRAME = tag_of("UnassignedPerFrameConvertedAttributesSequence")

_OF_A_FRAME = frozenset([tag_of("FrameContentSequence"), UNASSIGNED_PER_FRAME])
"""Macros that are never shared (PS3.3, C.7.6.16.2.2 and C.7.6.16.2.23)."""

IN_BOTH = frozenset(
    tag_of(keyword)
    for keyword in (
        "PixelPresentation",
        "VolumetricProperties",
        "VolumeBasedCalculationTechnique",
        "ComplexImageComponent",
        "AcquisitionContrast",
    )
)
"""What the image says of all frames, and its Frame Type macro of each (PS3.3, C.8.16.2)."""

_TEXTS = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT SQ".split())  # noqa: SIM905
_MIXED = b"MIXED "
_LAST_RESORT = frozenset(["CTAdditionalXRaySourceSequence", "MRSpatialSaturationSequence", "SliceProgressionSequence"])
"""Macros of several items: what a frame says once is not said there."""

_WHOLE = frozenset(
    [
        "ReferencedImageSequence",
        "DerivationImageSequence",
        "RealWorldValueMappingSequence",
        "ContrastBolusUsageSequence",
        "ConversionSourceAttributesSequence",
        "FrameAnatomySequence",
        "RadiopharmaceuticalUsageSequence",
        *_LAST_RESORT,
    ]
)
"""Macros that are presented as they are, as sequences."""

_SELDOM = frozenset(
    "ReferencedPathIndex ReferencedXRaySourceIndex EnergyWeightingFactor TubeAngle SpiralPitchFactor "  # noqa: SIM905
    "WaterEquivalentDiameterCalculationMethodCodeSequence ReconstructionFieldOfView TagAngleFirstAxis "
    "TagAngleSecondAxis TagSpacingFirstDimension TagSpacingSecondDimension TagThickness "
    "FlowCompensationDirection PartialFourierDirection InversionTimes ParallelReductionFactorInPlane "
    "ParallelReductionFactorOutOfPlane ParallelReductionFactorSecondInPlane ParallelAcquisitionTechnique "
    "DiffusionGradientDirectionSequence DiffusionBMatrixSequence DiffusionAnisotropyType "
    "MRAcquisitionPhaseEncodingStepsOutOfPlane GradientOutput GradientOutputType".split()
)
"""Conditional attributes that most acquisitions have no use for."""

_MERGED = frozenset(["UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence"])


@attrs.frozen
class Macros:
    """The functional groups of a class.

    Parameters
    ----------
    of : mapping of int to int
        For the tag of an attribute, the tag of the sequence that holds it.
    whole : frozenset of int
        Tags of sequences that are attributes of a frame themselves.
    required : mapping of int to frozenset of int
        For the tag of such a sequence, what each item must have (type 1).
    described : mapping of int to frozenset of int
        For the tag of a sequence that describes the acquisition, what an enhanced image of that class itself states in
        it (type 1C, for all but converted images).
    """

    of: Mapping[int, int]
    whole: frozenset[int]
    required: Mapping[int, frozenset[int]]
    described: Mapping[int, frozenset[int]]


@cache
def macros_of(sop_class: str) -> Macros:
    """Return the functional groups of a class, as its IOD knows them."""
    iod = iod_of(sop_class)
    top = "SharedFunctionalGroupsSequence"
    of: dict[int, int] = {}
    required: dict[int, frozenset[int]] = {}
    described: dict[int, frozenset[int]] = {}
    sequences = [keyword for keyword in iod.attributes((top,)) if keyword not in _MERGED]
    for sequence in sequences:
        attributes = iod.attributes((top, sequence))
        required[tag_of(sequence)] = frozenset(
            tag_of(k) for k, a in attributes.items() if a.type is AttributeType.REQUIRED
        )
        if sequence.startswith(("CT", "MR", "PET")) and "FrameType" not in sequence:
            described[tag_of(sequence)] = frozenset(
                tag_of(k) for k, a in attributes.items() if a.type.must_have_value and k not in _SELDOM
            )
        for keyword in attributes if sequence not in _WHOLE else ():
            of.setdefault(tag_of(keyword), tag_of(sequence))
    whole = frozenset(tag_of(keyword) for keyword in sequences if keyword in _WHOLE)
    return Macros(MappingProxyType(of), whole, MappingProxyType(required), MappingProxyType(described))


Group = dict[int, Column]
"""Columns of the attributes of one item, by tag; a tuple has one for each frame."""


@attrs.frozen
class FrameLayout:
    """The attributes of frames at their places.

    Parameters
    ----------
    frames : int
        Number of frames.
    image : mapping of int to RawElement
        What is said of the image.
    macros : mapping of int to Group
        Of each sequence with one item its attributes.
    whole : mapping of int to Column
        Sequences with any number of items, and private groups.
    """

    frames: int
    image: Mapping[int, RawElement]
    macros: Mapping[int, Group]
    whole: Mapping[int, Column]

    def states(self, tag: int) -> bool:
        """Whether something is said of the image, or of each frame."""
        columns = [self.image.get(tag), self.whole.get(tag), *(group.get(tag) for group in self.macros.values())]
        return any(
            _says(c) if isinstance(c, RawElement) else all(_says(e) for e in c) for c in columns if c is not None
        )

    def elements(self) -> dict[int, RawElement]:
        """Return the elements of the image, the functional groups among them."""
        found = dict(self.image)
        if self.macros or self.whole:
            found[SHARED] = RawElement(SHARED, "SQ", _item(self._shared()))
            items = self._per_frame()
            found[PER_FRAME] = RawElement(PER_FRAME, "SQ", b"".join(items))
        return found

    def _shared(self) -> dict[int, bytes]:
        shared = {tag: group for tag, group in self.macros.items() if _is_shared(group) and tag not in _OF_A_FRAME}
        parts = {tag: _items_of(tag, group, 1)[0] for tag, group in shared.items()}
        return parts | {tag: element_bytes(c) for tag, c in self.whole.items() if isinstance(c, RawElement)}

    def _per_frame(self) -> list[bytes]:
        varying: dict[int, list[bytes]] = {}
        for tag, group in self.macros.items():
            if not _is_shared(group) or tag in _OF_A_FRAME:
                varying[tag] = _items_of(tag, group, self.frames)
        for tag, column in self.whole.items():
            if not isinstance(column, RawElement):
                varying[tag] = [b"" if e is None else element_bytes(e) for e in column]
        ordered = [varying[tag] for tag in sorted(varying)]
        return [_wrapped(b"".join(parts[k] for parts in ordered)) for k in range(self.frames)]


def _is_shared(group: Group) -> bool:
    return all(isinstance(column, RawElement) for column in group.values())


def _items_of(tag: int, group: Group, frames: int) -> list[bytes]:
    """Return the element of a macro for each frame; what the frames share is encoded once.

    A frame of which nothing is said has none; a macro without any attributes is there, with an empty item.
    """
    if not group:
        return [_sequence(tag, b"")] * frames
    encoded = [
        element_bytes(column)
        if isinstance(column, RawElement)
        else [b"" if e is None else element_bytes(e) for e in column]
        for _, column in sorted(group.items())
    ]
    anything = [any(isinstance(c, RawElement) or c[k] is not None for c in group.values()) for k in range(frames)]
    return [
        _sequence(tag, b"".join(part if isinstance(part, bytes) else part[k] for part in encoded))
        if anything[k]
        else b""
        for k in range(frames)
    ]


def _wrapped(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def _item(parts: Mapping[int, bytes]) -> bytes:
    return _wrapped(b"".join(parts[tag] for tag in sorted(parts)))


def _sequence(tag: int, content: bytes) -> bytes:
    return element_bytes(RawElement(tag, "SQ", _wrapped(content)))


# --- what goes where ------------------------------------------------------------------------------


def laid_out(headers: Headers, kind: MultiFrameKind, *, is_new: bool) -> tuple[FrameLayout, dict[int, str]]:
    """Return the attributes of frames at their places in a multi-frame image, and why some have none.

    An attribute that the class knows in a functional group goes there; a group without an attribute that it must have
    is none, and its attributes count as unknown. What frames share and no group knows is said of the image. The rest
    goes to the groups for unassigned attributes, where the class has them; what frames differ in is put there in other
    enhanced classes, too, as Standard Extended SOP classes may (PS3.2, 3.11.3).

    Parameters
    ----------
    headers : Headers
        One header per frame.
    kind : MultiFrameKind
        The class.
    is_new : bool
        Whether the source is of another class: descriptions of the acquisition that this asks more of are left as
        they are, and so are modules of which something is missing.
    """
    iod = iod_of(kind.sop_class)
    macros = macros_of(kind.sop_class)
    placed, rest = _in_macros(headers, kind, macros, is_new=is_new)
    begun = _begun_modules(iod, rest) if is_new and kind.has_groups else frozenset()
    image: dict[int, RawElement] = {}
    whole: dict[int, Column] = {}
    unassigned: Group = {}
    lost: dict[int, str] = {}
    conditional = _of_originals(iod, headers)
    for tag, column in rest.items():
        if tag in conditional or (begun and _is_only_of(begun, iod, tag)):
            unassigned[tag] = column
        elif tag in macros.whole and _is_complete(tag, column):
            whole[tag] = column
        elif isinstance(column, RawElement) and (
            kind.form is not Form.CONVERTED or (_knows(iod, tag) and not lacking(kind, column))
        ):
            image[tag] = column
        elif kind.form in (Form.CAPTURE, Form.LOOP):
            first = _first(column)
            if first.value and _must_be_there(iod, tag):
                image[tag] = first
                lost[tag] = "frames differ in it, and the image has one: that of the first"
            else:
                lost[tag] = "frames differ in it, and the class has no place for that"
        elif tag >> 16 & 1 and _is_private_group(column) and kind.form is not Form.CONVERTED:
            whole[tag] = column
        else:
            if not isinstance(column, RawElement) and _must_be_there(iod, tag):
                image[tag] = _first(column)
            unassigned[tag] = column
    groups = {**placed, **_unassigned(headers, unassigned, kind)}
    said = {tag: _first(c) for tag, c in _with_creators(image, headers).items()}
    return FrameLayout(len(headers), said, groups, _group_creators(whole, headers)), lost


def _first(column: Column) -> RawElement:
    """Return the first element with a value; an empty one if there is none."""
    if isinstance(column, RawElement):
        return column
    stated = [element for element in column if element is not None]
    return next((e for e in stated if e.value.strip(b" \0")), stated[0]._replace(value=b""))


def _in_macros(
    headers: Headers, kind: MultiFrameKind, macros: Macros, *, is_new: bool
) -> tuple[dict[int, Group], dict[int, Column]]:
    placed: dict[int, Group] = {}
    rest: dict[int, Column] = {}
    has_planes = headers.column(tag_of("ImagePositionPatient")) is not None
    for tag in headers.columns():
        column = explicit_column(tag, headers)
        if column is None or (tag in IN_BOTH and isinstance(column, RawElement) and not _says(column)):
            continue
        if tag not in macros.of or (kind.form is Form.CAPTURE and not has_planes):
            rest[tag] = column
            continue
        placed.setdefault(macros.of[tag], {})[tag] = column
        if tag in IN_BOTH:
            rest[tag] = _summary(tag, column)
    asked = dict(macros.required)
    if is_new and kind.form is Form.GROUPS:
        asked |= {m: asked[m] | tags for m, tags in macros.described.items()}
    for macro in [m for m, group in placed.items() if not _has(group, asked[m], len(headers))]:
        rest |= placed.pop(macro)
    return placed, rest


def _has(group: Group, required: frozenset[int], frames: int) -> bool:
    """Whether each frame that says anything in a macro says what must be said there, and says it with a value."""
    for k in range(frames):
        elements = {tag: c if isinstance(c, RawElement) else c[k] for tag, c in group.items()}
        says_anything = any(e is not None for e in elements.values())
        if says_anything and not all(_says(elements.get(tag)) for tag in required):
            return False
        if _is_shared(group):
            break
    return True


def _says(element: RawElement | None) -> bool:
    return element is not None and bool(element.value.strip(b" \0") or element.vr not in _TEXTS)


def _summary(tag: int, column: Column) -> RawElement:
    if isinstance(column, RawElement):
        return column
    return RawElement(tag, "CS", _MIXED)


def _is_complete(tag: int, column: Column) -> bool:
    # Classic images refer to others without saying what for, which a functional group must (C.7.6.16.2.5).
    if keyword_for_tag(tag) != "ReferencedImageSequence":
        return True
    purpose = element_bytes(RawElement(tag_of("PurposeOfReferenceCodeSequence"), "SQ", b""))[:6]
    elements = [column] if isinstance(column, RawElement) else [e for e in column if e is not None]
    return all(e.value.count(b"\xfe\xff\x00\xe0") <= 2 * e.value.count(purpose) for e in elements)


def _begun_modules(iod: Iod, columns: Mapping[int, Column]) -> frozenset[str]:
    """Return the optional modules of which an attribute is missing that they must have."""
    # How pixels are stored, one of several modules says.
    optional = [m.name for m in iod.modules if m.name not in iod.mandatory and not m.name.endswith("image-pixel")]
    return frozenset(
        name
        for name in optional
        if any(
            a.type is AttributeType.REQUIRED and not isinstance(columns.get(tag_of(k)), RawElement)
            for k, a in iod.attributes(modules=[name]).items()
        )
    )


def _is_only_of(modules: frozenset[str], iod: Iod, tag: int) -> bool:
    attribute = iod.attribute(keyword_for_tag(tag))
    return attribute is not None and modules.issuperset(attribute.modules)


def _of_originals(iod: Iod, headers: Headers) -> frozenset[int]:
    """Return what enhanced MR images state of the pulse sequence only where they are ORIGINAL (PS3.3, A.36.2.3)."""
    if text_of(headers.element(tag_of("ImageType"), 0)).split("\\")[0] != "DERIVED":
        return frozenset()
    module = "mr-pulse-sequence"
    return frozenset(tag_of(k) for k, a in iod.attributes(modules=[module]).items() if iod.attribute(k) == a)


def lacking(kind: MultiFrameKind, sequence: RawElement) -> list[str]:
    """Return what items of a sequence lack that they must have in a class, as those of classic images may."""
    keyword = keyword_for_tag(sequence.tag)
    if sequence.vr != "SQ" or not keyword:
        return []
    attributes = iod_of(kind.sop_class).attributes((keyword,))
    asked = {tag_of(k): k for k, a in attributes.items() if a.type.must_be_present}
    try:
        items = items_of(sequence) if asked else []
    except HeaderError:
        return list(asked.values())
    return [name for tag, name in asked.items() if any(tag not in elements for elements in items)]


def _knows(iod: Iod, tag: int) -> bool:
    return not tag >> 16 & 1 and iod.knows(keyword_for_tag(tag))


def _must_be_there(iod: Iod, tag: int) -> bool:
    attribute = iod.attribute(keyword_for_tag(tag), modules=iod.mandatory)
    return attribute is not None and attribute.type.must_be_present


def _is_private_group(column: Column) -> bool:
    return all(e is None or e.vr == "SQ" for e in ([column] if isinstance(column, RawElement) else column))


def _unassigned(headers: Headers, group: Group, kind: MultiFrameKind) -> dict[int, Group]:
    """Return the groups of unassigned attributes; private elements stand there with their creators."""
    shared = {tag: c for tag, c in group.items() if isinstance(c, RawElement) and not _is_creator(tag)}
    varying = {tag: c for tag, c in group.items() if not isinstance(c, RawElement) and not _is_creator(tag)}
    found = {UNASSIGNED_SHARED: _with_creators(shared, headers), UNASSIGNED_PER_FRAME: _with_creators(varying, headers)}
    # Converted images have both, if only empty (PS3.3, A.70 to A.72).
    return {tag: columns for tag, columns in found.items() if columns or kind.form is Form.CONVERTED}


def _is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def _with_creators(columns: Mapping[int, Column], headers: Headers) -> dict[int, Column]:
    """Return attributes with the creators of their private blocks, and no others (PS3.5, 7.8.1)."""
    kept = {tag: c for tag, c in columns.items() if not _is_creator(tag)}
    blocks = {tag & 0xFFFF0000 | tag >> 8 & 0xFF for tag in kept if tag >> 16 & 1}
    creators = {tag: column for tag in blocks if (column := explicit_column(tag, headers)) is not None}
    return {**kept, **creators}


def _group_creators(whole: dict[int, Column], headers: Headers) -> dict[int, Column]:
    """Return private groups with their creators; those that vary, on each frame that has the group."""
    found = _with_creators(whole, headers)
    for tag in [tag for tag in found if _is_creator(tag)]:
        users = [c for t, c in whole.items() if t >> 16 & 1 and (t & 0xFFFF0000 | t >> 8 & 0xFF) == tag]
        varying = [c for c in users if not isinstance(c, RawElement)]
        if len(varying) == len(users):
            creator = found[tag]
            found[tag] = tuple(
                (creator if isinstance(creator, RawElement) else creator[k]) if any(c[k] for c in varying) else None
                for k in range(len(headers))
            )
    return found


def missing_attributes(layout: FrameLayout, kind: MultiFrameKind) -> list[str]:
    """Return the keywords of attributes that an image of a class must have with a value (type 1), and this has not."""
    iod = iod_of(kind.sop_class)
    made = {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"}
    return [
        keyword
        for keyword, attribute in iod.attributes(modules=iod.mandatory).items()
        if attribute.type is AttributeType.REQUIRED
        and keyword not in made
        and not _says(layout.image.get(tag_of(keyword)))
    ] + [keyword for keyword in kind.asked if not layout.states(tag_of(keyword))]
