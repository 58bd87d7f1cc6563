"""Where an attribute of a frame stands in a multi-frame image: in it, or in a functional group (PS3.3, C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import keyword_for_tag

from slicewise.dicom.encoding import element_bytes, explicit_column
from slicewise.dicom.frame_layout import UNASSIGNED_PER_FRAME, UNASSIGNED_SHARED, FrameLayout, Group, is_shared, says
from slicewise.dicom.frame_macros import Macros, macros_of
from slicewise.dicom.iods import AttributeType, Iod, iod_of
from slicewise.dicom.items import items_of
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["IN_BOTH", "lacking", "laid_out", "missing_attributes"]

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

_MIXED = b"MIXED "

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
        elif not kind.has_groups:
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
        if column is None or (tag in IN_BOTH and isinstance(column, RawElement) and not says(column)):
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
        if says_anything and not all(says(elements.get(tag)) for tag in required):
            return False
        if is_shared(group):
            break
    return True


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
    if layout.frames == 1 and kind.form is Form.CAPTURE:
        made.add("FrameIncrementPointer")  # there is nothing to point from
    return [
        keyword
        for keyword, attribute in iod.attributes(modules=iod.mandatory).items()
        if attribute.type is AttributeType.REQUIRED
        and keyword not in made
        and not says(layout.image.get(tag_of(keyword)))
    ] + [keyword for keyword in kind.asked if not layout.states(tag_of(keyword))]
