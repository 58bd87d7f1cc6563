"""What is said of the frames of a multi-frame image and follows from the image: place, order, type, derivation."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from slicewise.dicom.encoding import code_item, explicit_column, item, sequence, text
from slicewise.dicom.frame_macros import macros_of
from slicewise.dicom.grid_attributes import GENERATORS
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind
from slicewise.dicom.uids import reproducible_uids
from slicewise.dicom.values import decimal_strings, text_of
from slicewise.errors import UnknownAttributeError
from slicewise.image import Code, Headers, ImageInfo, RawElement, StackAxis
from slicewise.image.elements import name_of, tag_of
from slicewise.image.headers import Column

__all__ = ["derivation_images", "order_columns", "plane_columns", "type_columns"]

# --- where a frame is -----------------------------------------------------------------------------


def plane_columns(info: ImageInfo) -> dict[int, Column | None]:
    """Return the attributes of the plane of each frame that the headers lack, and the distance of the planes.

    Slice Thickness, which does not follow from a grid, is left out where it is empty (PS3.3, C.7.6.16.2.1).
    """
    geometry, headers = info.geometry, info.headers
    thickness, between = tag_of("SliceThickness"), tag_of("SpacingBetweenSlices")
    columns: dict[int, Column | None] = {}
    if not text_of(headers.element(thickness, 0)):
        columns[thickness] = None
    if not geometry.is_in_patient:
        return columns
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        tag = tag_of(keyword)
        if headers.column(tag) is None:
            made = [decimal_strings(GENERATORS[tag](geometry, k)) for k in range(geometry.slices)]
            columns[tag] = tuple(RawElement(tag, "DS", value) for value in made) * len(info.volumes)
    columns[between] = None
    if geometry.slices > 1 and geometry.is_even:
        stated = headers.element(between, 0)
        spacing = float(f"{geometry.slice_spacing:.9g}")
        columns[between] = (
            stated if _says(stated, spacing) else RawElement(between, "DS", decimal_strings(np.array([spacing])))
        )
    return columns


def _says(element: RawElement | None, value: float) -> bool:
    try:
        return bool(np.isclose(float(text_of(element)), value, rtol=1e-6))
    except ValueError:
        return False


# --- in which order -------------------------------------------------------------------------------


def order_columns(info: ImageInfo, kind: MultiFrameKind, uid: str) -> dict[int, Column]:
    """Return the stack and place of each frame, and the dimensions along which frames are indexed.

    Slices of a volume are a stack, counted as they lie. Volumes that follow each other in time are one stack at
    several temporal positions; those that differ in an attribute of a functional group are told apart by it; others
    are stacks of their own (PS3.3, C.7.6.16.2.2 and C.7.6.17).

    Parameters
    ----------
    info : ImageInfo
        The image, with the headers that are written.
    kind : MultiFrameKind
        The class.
    uid : str
        Identifier of the instance, of which that of the dimensions is made.
    """
    slices, axis = info.geometry.slices, info.axis
    volumes = 1 if axis is None else axis.volumes
    along = None if axis is None else _pointer(info, axis, kind)
    places = [(v, k) for v in range(volumes) for k in range(slices)]
    has_stacks = axis is not None and along is None
    columns: dict[int, Column] = {
        tag_of("StackID"): tuple(text("StackID", str(v + 1 if has_stacks else 1), "SH") for v, _ in places),
        tag_of("InStackPositionNumber"): tuple(_long("InStackPositionNumber", [k + 1]) for _, k in places),
    }
    content = tag_of("FrameContentSequence")
    stack, place = (tag_of("StackID"), content), (tag_of("InStackPositionNumber"), content)
    pointers = [stack, place]
    indices = [[v + 1 if has_stacks else 1, k + 1] for v, k in places]
    if axis is not None and along is not None:
        group = content if along == tag_of("TemporalPositionIndex") else macros_of(kind.sop_class).of[along]
        ranks = _ranks(axis)
        # In the order of the frames: what comes first changes slowest.
        pointers = [stack, (along, group), place]
        indices = [[1, ranks[v], k + 1] for v, k in places]
        if axis.is_time:
            index = tag_of("TemporalPositionIndex")
            columns[index] = tuple(_long("TemporalPositionIndex", [ranks[v]]) for v, _ in places)
    organization = next(reproducible_uids(None, [uid, "dimensions"]))
    named = text("DimensionOrganizationUID", organization, "UI")
    columns[tag_of("DimensionIndexValues")] = tuple(_long("DimensionIndexValues", index) for index in indices)
    columns[tag_of("DimensionOrganizationSequence")] = sequence("DimensionOrganizationSequence", [item([named])])
    columns[tag_of("DimensionIndexSequence")] = sequence(
        "DimensionIndexSequence", [_dimension(pointer, group, named) for pointer, group in pointers]
    )
    if info.geometry.is_regular and slices > 1 and (axis is None or axis.is_time):
        words = "3D" if axis is None else "3D_TEMPORAL"
        columns[tag_of("DimensionOrganizationType")] = text("DimensionOrganizationType", words, "CS")
    return columns


def _pointer(info: ImageInfo, axis: StackAxis, kind: MultiFrameKind) -> int | None:
    """Return the attribute of a functional group in which each volume has a value of its own."""
    if axis.is_time:
        return tag_of("TemporalPositionIndex")
    named = {"EchoTime": "EffectiveEchoTime", "InversionTime": "InversionTimes"}.get(axis.name, axis.name)
    try:
        tag = tag_of(named)
    except UnknownAttributeError:
        return None
    if tag not in macros_of(kind.sop_class).of:
        return None
    values = [info.headers.element(tag, v * info.geometry.slices) for v in range(axis.volumes)]
    column = [info.headers.element(tag, k) for k in range(info.slices)]
    per_volume = all(column[k] == values[k // info.geometry.slices] for k in range(info.slices))
    return tag if per_volume and None not in values and len(set(values)) == axis.volumes else None


def _ranks(axis: StackAxis) -> list[int]:
    known = axis.coordinates or ()
    if len(set(known)) == axis.volumes and len({type(c) is str for c in known}) == 1:
        return [1 + int(rank) for rank in np.argsort(np.argsort(np.array(known)))]
    return [1 + v for v in range(axis.volumes)]


def _dimension(pointer: int, group: int, organization: RawElement) -> bytes:
    tags = {"DimensionIndexPointer": pointer, "FunctionalGroupPointer": group}
    return item(
        [
            *(RawElement(tag_of(k), "AT", struct.pack("<HH", tag >> 16, tag & 0xFFFF)) for k, tag in tags.items()),
            text("DimensionDescriptionLabel", name_of(pointer), "LO"),
            organization,
        ]
    )


def _long(keyword: str, values: Sequence[int]) -> RawElement:
    return RawElement(tag_of(keyword), "UL", struct.pack(f"<{len(values)}L", *values))


# --- of what type ---------------------------------------------------------------------------------

_CONTRAST = {
    "113085": "RESAMPLED",
    "113086": "FILTERED",
    "113087": "FILTERED",
    "113088": "FILTERED",
    "113042": "ADDITION",
    "113062": "SUBTRACTION",
    "113053": "MULTIPLICATION",
    "113046": "DIVISION",
    "113048": "MAXIMUM",
    "113051": "MINIMUM",
}
"""Derived pixel contrast, value 4 of Image Type (PS3.3, C.8.16.1.4), by the code of the derivation (CID 7203)."""

_FLAVOURS = ("LOCALIZER", "VOLUME")


def type_columns(info: ImageInfo, kind: MultiFrameKind, *, is_given: bool) -> dict[int, Column]:
    """Return Frame Type with its four values, and Image Type of them all; and what else is said of the frames' pixels.

    Parameters
    ----------
    info : ImageInfo
        The image, with Image Type as that of single images.
    kind : MultiFrameKind
        The class.
    is_given : bool
        Whether the caller gave Image Type.
    """
    tag = tag_of("ImageType")
    types = [_frame_type(info, k, kind, is_given=is_given) for k in range(info.slices)]
    whole = [values[0] if len(set(values)) == 1 else "MIXED" for values in zip(*types, strict=True)]
    columns: dict[int, Column] = {
        tag: text("ImageType", "\\".join(whole), "CS"),
        tag_of("FrameType"): tuple(text("FrameType", "\\".join(values), "CS") for values in types),
    }
    has_palette = info.headers.column(tag_of("RedPaletteColorLookupTableDescriptor")) is not None
    said = {
        "PixelPresentation": "TRUE_COLOR" if info.components > 1 else "COLOR" if has_palette else "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    if kind.form is Form.MAP:
        return columns
    component = None if kind.modality != "MR" else _component(info)
    if component is not None:
        columns[tag_of("ComplexImageComponent")] = component
    for keyword, value in said.items():
        if info.headers.column(tag_of(keyword)) is None or (keyword == "PixelPresentation" and not has_palette):
            columns[tag_of(keyword)] = text(keyword, value, "CS")
    return columns


_COMPONENTS = {"M": "MAGNITUDE", "P": "PHASE", "R": "REAL", "I": "IMAGINARY"}


def _component(info: ImageInfo) -> Column | None:
    """Return which part of complex values the frames are, where Image Type of classic images has a word for it."""
    if info.headers.column(tag_of("ComplexImageComponent")) is not None:
        return None
    words = [text_of(info.headers.element(tag_of("ImageType"), k)).split("\\")[2:3] for k in range(info.slices)]
    found = [next((_COMPONENTS.get(w, w) for w in said), "") for said in words]
    if any(part not in _COMPONENTS.values() for part in found):
        return None
    return tuple(text("ComplexImageComponent", part, "CS") for part in found)


def _frame_type(info: ImageInfo, index: int, kind: MultiFrameKind, *, is_given: bool) -> list[str]:
    stated = [v.strip() for v in text_of(info.headers.element(tag_of("ImageType"), index)).split("\\")]
    if is_given:
        return [*stated, *(["VOLUME", "NONE"])[max(0, len(stated) - 2) :]]
    codes = [_CONTRAST[code.value] for step in info.history for code in step.derivation if code.value in _CONTRAST]
    is_enhanced = len(stated) == 4 and info.headers.column(tag_of("FrameType")) is not None
    flavour = stated[2] if is_enhanced else next((w for w in _FLAVOURS if w in stated[2:]), "VOLUME")
    contrast = codes[-1] if codes else stated[3] if is_enhanced else "NONE"
    if kind.form is Form.MAP:
        contrast = "QUANTITY"
    # What is made of images of a patient is not secondary to these (C.8.16.1.2).
    return [stated[0], "PRIMARY", flavour, contrast]


# --- made of what ---------------------------------------------------------------------------------

_DERIVATION = ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence")


def derivation_images(headers: Headers, code: Code) -> Column | None:
    """Return the functional group of derivations: those of the source, and this (PS3.3, C.7.6.16.2.6).

    Parameters
    ----------
    headers : Headers
        Headers that say in attributes of single images how and from what they are derived.
    code : Code
        What was done, where they have no code of it.
    """
    tag = tag_of("DerivationImageSequence")
    earlier = explicit_column(tag, headers)
    ours = [explicit_column(tag_of(keyword), headers) for keyword in _DERIVATION]
    if ours[-1] is None:
        return earlier
    return tuple(
        RawElement(tag, "SQ", b"".join([*(e.value for e in [_at(earlier, k)] if e), _derivation(ours, k, code)]))
        for k in range(len(headers))
    )


def _derivation(columns: Sequence[Column | None], index: int, code: Code) -> bytes:
    found = [element for column in columns if (element := _at(column, index)) is not None]
    if all(element.tag != tag_of("DerivationCodeSequence") for element in found):
        found.append(sequence("DerivationCodeSequence", [code_item(code)]))
    if all(element.tag != tag_of("SourceImageSequence") for element in found):
        found.append(sequence("SourceImageSequence", []))
    return item(found)


def _at(column: Column | None, index: int) -> RawElement | None:
    return column if column is None or isinstance(column, RawElement) else column[index]
