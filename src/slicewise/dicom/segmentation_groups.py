"""The functional groups of a segmentation, packed frame by frame (PS3.3, C.7.6.16 and C.8.20.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import attrs

from slicewise.dicom import codes
from slicewise.dicom.derivation import source_columns
from slicewise.dicom.encoding import code_item, element_bytes, item, sequence
from slicewise.dicom.grid_attributes import GENERATORS, regenerate
from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Geometry, ImageInfo, Operation, RawElement, Step
from slicewise.image.elements import tag_of

__all__ = ["Box", "Frame", "dimension_elements", "group_elements"]

_SHARED = tag_of("SharedFunctionalGroupsSequence")
_PER_FRAME = tag_of("PerFrameFunctionalGroupsSequence")
_SEGMENT = tag_of("ReferencedSegmentNumber")
_POSITION = tag_of("ImagePositionPatient")
_THICKNESS = tag_of("SliceThickness")
_BETWEEN = tag_of("SpacingBetweenSlices")

_CUT = Step("inplane_cropping", operations=frozenset([Operation.LATTICE]))


class Frame(NamedTuple):
    """A frame: the number of its segment, None where it has all of them, and its slice."""

    segment: int | None
    slice: int


class Box(NamedTuple):
    """The part of the plane that frames show: first and one beyond the last row and column."""

    first_row: int
    stop_row: int
    first_column: int
    stop_column: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.stop_row - self.first_row

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.stop_column - self.first_column


def group_elements(info: ImageInfo, frames: Sequence[Frame], box: Box) -> list[RawElement]:
    """Return the shared and the per-frame functional groups.

    Parameters
    ----------
    info : ImageInfo
        The mask.
    frames : sequence of Frame
        The frames, in order.
    box : Box
        What of the plane they show.
    """
    geometry = info.geometry
    is_cut = (box.rows, box.columns) != (geometry.rows, geometry.columns)
    if is_cut:
        info = attrs.evolve(info, geometry=_cut(geometry, box), history=(*info.history, _CUT))
    elif text_of(info.headers.element(tag_of("Modality"), 0)) == "SEG":
        # Frames of a segmentation that was read may be a part of the plane of their sources.
        info = attrs.evolve(info, history=(*info.history, _CUT))
    slices = sorted({frame.slice for frame in frames})
    measures = {k: _measures(info, k) for k in slices}
    is_shared = len(set(measures.values())) == 1
    shared = [_macro("PlaneOrientationSequence", [_of_grid(info, tag_of("ImageOrientationPatient"), slices[0])])]
    if is_shared:
        shared.append(measures[slices[0]])
    content = b"".join(shared)
    elements = [RawElement(_SHARED, "SQ", _wrapped(content))]
    places = {k: _macro("PlanePositionSequence", [_of_grid(info, _POSITION, k)]) for k in slices}
    if not is_shared:
        places = {k: places[k] + measures[k] for k in slices}
    per_frame = _packed(frames, _derivations(info, slices), places)
    return [*elements, RawElement(_PER_FRAME, "SQ", per_frame)]


def dimension_elements(uid: str, *, by_segment: bool) -> list[RawElement]:
    """Return what the indices of frames count: segments, unless frames have all of them, and positions (C.7.6.17).

    Parameters
    ----------
    uid : str
        Identifier of this organisation of dimensions.
    by_segment : bool
        Whether each frame is of one segment.
    """
    organization = RawElement(tag_of("DimensionOrganizationUID"), "UI", uid.encode("ascii"))
    dimensions = [(_POSITION, tag_of("PlanePositionSequence"), b"Image Position (Patient)")]
    if by_segment:
        dimensions.insert(0, (_SEGMENT, tag_of("SegmentIdentificationSequence"), b"Segment Number"))
    items = [
        item(
            [
                organization,
                RawElement(tag_of("DimensionIndexPointer"), "AT", _pointer(attribute)),
                RawElement(tag_of("FunctionalGroupPointer"), "AT", _pointer(group)),
                RawElement(tag_of("DimensionDescriptionLabel"), "LO", label),
            ]
        )
        for attribute, group, label in dimensions
    ]
    return [
        sequence("DimensionOrganizationSequence", [item([organization])]),
        sequence("DimensionIndexSequence", items),
    ]


def _pointer(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def _cut(geometry: Geometry, box: Box) -> Geometry:
    between_rows, between_columns = geometry.pixel_spacing
    along_row = box.first_column * between_columns * geometry.row_direction
    along_column = box.first_row * between_rows * geometry.column_direction
    moved = geometry.positions + along_row + along_column
    return attrs.evolve(geometry, rows=box.rows, columns=box.columns, positions=moved)


def _wrapped(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


def _macro(keyword: str, elements: Sequence[RawElement]) -> bytes:
    return element_bytes(RawElement(tag_of(keyword), "SQ", item(elements)))


def _of_grid(info: ImageInfo, tag: int, index: int) -> RawElement:
    # With the digits of the source, where they still say the same.
    stated = info.headers.element(tag, index)
    made = regenerate(GENERATORS[tag], tag, info.geometry, index, stated, matched=False)
    return RawElement(tag, "DS", made.value)


def _measures(info: ImageInfo, index: int) -> bytes:
    """Return the pixel measures of a slice (PS3.3, C.7.6.16.2.1)."""
    elements = [_of_grid(info, tag_of("PixelSpacing"), index), _thickness(info, index)]
    if info.geometry.slices > 1 and info.geometry.is_even:
        elements.append(_of_grid(info, _BETWEEN, index))
    return _macro("PixelMeasuresSequence", elements)


def _thickness(info: ImageInfo, index: int) -> RawElement:
    stated = info.headers.element(_THICKNESS, index)
    try:
        values = decimals(stated)
    except HeaderError:
        values = ()
    if stated is not None and len(values) == 1 and values[0] > 0:
        return RawElement(_THICKNESS, "DS", stated.value)
    return _of_grid(attrs.evolve(info, headers=info.headers.with_columns({_THICKNESS: None})), _THICKNESS, index)


def _derivations(info: ImageInfo, slices: Sequence[int]) -> dict[int, bytes]:
    """Return for each slice which instances it comes from (PS3.3, C.7.6.16.2.6)."""
    column = source_columns(info).get(tag_of("SourceImageSequence"))
    if column is None:
        return dict.fromkeys(slices, b"")
    code = sequence("DerivationCodeSequence", [code_item(codes.SEGMENTATION)])
    sources = {k: column if isinstance(column, RawElement) else column[k] for k in slices}
    return {k: b"" if s is None else _macro("DerivationImageSequence", [code, s]) for k, s in sources.items()}


def _packed(frames: Sequence[Frame], derivations: dict[int, bytes], places: dict[int, bytes]) -> bytes:
    """Return an item for each frame; what frames of a slice, or of a segment, share is encoded once."""
    slice_ranks = {k: rank for rank, k in enumerate(sorted(places), start=1)}
    segments = sorted({frame.segment for frame in frames if frame.segment is not None})
    segment_ranks = {number: rank for rank, number in enumerate(segments, start=1)}
    identities: dict[int | None, bytes] = {
        n: _macro("SegmentIdentificationSequence", [RawElement(_SEGMENT, "US", struct.pack("<H", n))]) for n in segments
    }
    identities[None] = b""
    head = _content_head(1 if not segments else 2)
    parts: list[bytes] = []
    for segment, k in frames:
        ranks = struct.pack("<L", slice_ranks[k])
        if segment is not None:
            ranks = struct.pack("<L", segment_ranks[segment]) + ranks
        # In the order of tags: derivation, content, place (and measures), segment.
        parts.append(_wrapped(b"".join((derivations[k], head, ranks, places[k], identities[segment]))))
    return b"".join(parts)


def _content_head(dimensions: int) -> bytes:
    """Return the frame content up to the dimension index values, which are of one length."""
    values = RawElement(tag_of("DimensionIndexValues"), "UL", bytes(4 * dimensions))
    return _macro("FrameContentSequence", [values])[: -4 * dimensions]
