"""The slices of a segmentation, and which frames lie in each."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np

from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS
from slicewise.dicom.grid_attributes import GENERATORS
from slicewise.dicom.pixel_size import pixel_size
from slicewise.dicom.values import decimal_strings, text_of
from slicewise.errors import DuplicateSliceError, SeriesError, SpaceMismatchError
from slicewise.image import Geometry, Headers, ImageInfo, RawElement, Source, Step
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.segmentation_reader_file import Kind, OpenedSegmentation, StoredFrame
from slicewise.io.segmentation_reader_frames import SegmentPlane
from slicewise.io.segmentation_reader_grid import FramePlaces, Placed, as_they_lie, on_own_grid, on_source_grid

__all__ = ["PlacedFrame", "SegmentFrame", "SegmentLayout", "layout_of"]

_OF_FRAMES = (
    FRAME_GROUPS,
    SHARED_GROUPS,
    *(
        tag_of(keyword)
        for keyword in (
            "NumberOfFrames",
            "DimensionOrganizationSequence",
            "DimensionOrganizationType",
            "DimensionIndexSequence",
            "ConcatenationUID",
            "ConcatenationFrameOffsetNumber",
            "InConcatenationNumber",
            "InConcatenationTotalNumber",
            "SOPInstanceUIDOfConcatenationSource",
            "PixelPaddingValue",
        )
    ),
)
"""What is said of frames, and is not true of slices, of which several may be made; and of stored labels."""

_PLANE = tuple(tag_of(k) for k in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
_FRAME_OF_REFERENCE = tag_of("FrameOfReferenceUID")
_ROWS, _COLUMNS = tag_of("Rows"), tag_of("Columns")
_THICKNESS, _BETWEEN = tag_of("SliceThickness"), tag_of("SpacingBetweenSlices")


class SegmentFrame(NamedTuple):
    """What is known of a frame of a segmentation.

    Attributes
    ----------
    number : int
        Which frame it is, from 1.
    segment : int or None
        The number of its segment; None in label maps, which hold all.
    slice : int
        The slice of the image that it lies in.
    sources : tuple of Source
        The instances, or frames of them, that it was made of.
    """

    number: int
    segment: int | None
    slice: int
    sources: tuple[Source, ...]


class PlacedFrame(NamedTuple):
    """A frame, and row and column of the slice at which its first pixel lies."""

    frame: StoredFrame
    row: int
    column: int


@attrs.frozen(eq=False)
class SegmentLayout:
    """The grid of a segmentation, and for each slice its frames in the order of their segments.

    Parameters
    ----------
    opened : OpenedSegmentation
        The file.
    geometry : Geometry
        The grid.
    slices : tuple of tuple of PlacedFrame
        For each slice its frames.
    told : tuple of SegmentFrame
        The frames in the order of the file.
    source : ImageInfo, optional
        What was segmented.
    notes : str
        What was let pass, for the history.
    """

    opened: OpenedSegmentation
    geometry: Geometry
    slices: tuple[tuple[PlacedFrame, ...], ...]
    told: tuple[SegmentFrame, ...]
    source: ImageInfo | None
    notes: str

    def info(self, dtype: np.dtype[Any], components: int) -> ImageInfo:
        """Return what is known of the image."""
        return ImageInfo(
            geometry=self.geometry,
            dtype=dtype,
            components=components,
            headers=self._headers(),
            sources=tuple(self._sources(k) for k in range(self.geometry.slices)),
            history=(Step("SegmentationReader", self.notes),) if self.notes else (),
        )

    def _sources(self, k: int) -> tuple[Source, ...]:
        """Return what a slice was made of: what its frames say, else the source's slice, else the frames themselves."""
        stated = dict.fromkeys(source for placed in self.slices[k] for source in placed.frame.sources)
        if stated:
            return tuple(stated)
        if self.source is not None and self.source.sources[k]:
            return self.source.sources[k]
        return tuple(_itself(self.opened.headers, placed.frame) for placed in self.slices[k])

    def _headers(self) -> Headers:
        geometry = self.geometry
        columns: dict[int, Column] = {
            tag: column for tag, column in self.opened.headers.columns().items() if tag not in _OF_FRAMES
        }
        for tag, number in ((_ROWS, geometry.rows), (_COLUMNS, geometry.columns)):
            columns[tag] = RawElement(tag, "US", number.to_bytes(2, "little"))
        frame = None if self.source is None else self.source.headers.column(_FRAME_OF_REFERENCE)
        if frame is not None:
            columns[_FRAME_OF_REFERENCE] = frame
        plane = self.opened.facts[0].plane
        if geometry.is_in_patient and plane is not None:
            for tag in _PLANE:
                made = [decimal_strings(GENERATORS[tag](geometry, k)) for k in range(geometry.slices)]
                columns[tag] = tuple(RawElement(tag, "DS", value) for value in made)
            if plane.thickness:
                columns[_THICKNESS] = _decimal(_THICKNESS, plane.thickness)
            if geometry.slices > 1 and geometry.is_even:
                columns[_BETWEEN] = _decimal(_BETWEEN, float(f"{geometry.slice_spacing:.9g}"))
        return Headers(geometry.slices, columns)


def _itself(headers: Headers, frame: StoredFrame) -> Source:
    study, series, sop_class = (
        text_of(headers.element(tag_of(k), 0)) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID")
    )
    instance = frame.store.of(0).file.text(tag_of("SOPInstanceUID"))
    return Source(study, series, sop_class, instance, frame.number + 1)


def _decimal(tag: int, value: float) -> RawElement:
    return RawElement(tag, "DS", decimal_strings([value]))


def layout_of(
    opened: OpenedSegmentation, source: ImageInfo | None, tolerance: float, *, on_gap: str, on_no_plane: str
) -> SegmentLayout:
    """Return the slices of a segmentation.

    Parameters
    ----------
    opened : OpenedSegmentation
        The file.
    source : ImageInfo or None
        What was segmented.
    tolerance, on_gap, on_no_plane
        As for ``SegmentationReader``.

    Raises
    ------
    SeriesError, SpaceMismatchError
        If frames have no place, or make no grid; see there.
    """
    placed = _placed(opened, source, tolerance, on_gap=on_gap, on_no_plane=on_no_plane)
    found: list[list[PlacedFrame]] = [[] for _ in range(placed.geometry.slices)]
    taken: dict[tuple[int, int | None], StoredFrame] = {}
    for frame, k, (row, column) in zip(opened.frames, placed.slices.tolist(), placed.corners.tolist(), strict=True):
        other = taken.setdefault((k, frame.segment), frame)
        if other is not frame:
            whose = "" if frame.segment is None else f" of segment {frame.segment}"
            raise DuplicateSliceError(f"{other.name} and {frame.name} are both frames{whose} at slice {k}")
        found[k].append(PlacedFrame(frame, row, column))
    for frames in found:
        frames.sort(key=lambda one: one.frame.segment or 0)
    told = [
        SegmentFrame(n + 1, frame.segment, k, frame.sources)
        for n, (frame, k) in enumerate(zip(opened.frames, placed.slices.tolist(), strict=True))
    ]
    notes = "" if placed.geometry.is_in_patient else "on_no_plane='pixels': no place in the patient"
    if source is None and on_gap == "keep" and not placed.geometry.is_even:
        notes = "on_gap='keep': slices without frames are left out"
    return SegmentLayout(opened, placed.geometry, tuple(map(tuple, found)), tuple(told), source, notes)


def _placed(
    opened: OpenedSegmentation, source: ImageInfo | None, tolerance: float, *, on_gap: str, on_no_plane: str
) -> Placed:
    positions, plane = opened.positions, opened.facts[0].plane
    size = (opened.form.rows, opened.form.columns)
    if positions is None or plane is None:
        return _without_places(opened, source, size, on_no_plane)
    for facts in opened.facts[1:]:
        _check_same_plane(plane, facts.plane)
    frames = FramePlaces(positions, plane, size)
    if source is not None:
        return on_source_grid(frames, source.geometry, tolerance)
    return as_they_lie(frames, tolerance) if on_gap == "keep" else on_own_grid(frames, tolerance)


def _check_same_plane(first: SegmentPlane, other: SegmentPlane | None) -> None:
    planes = [np.hstack(plane[:3]) for plane in (first, other) if plane is not None]
    if len(planes) < 2 or not np.allclose(planes[0], planes[1], rtol=1e-4, atol=1e-3):
        raise SeriesError("the parts of the concatenation lie in different planes, and make no one grid")


def _without_places(
    opened: OpenedSegmentation, source: ImageInfo | None, size: tuple[int, int], on_no_plane: str
) -> Placed:
    """Return a slice for each image that was segmented, in the order in which frames name them."""
    if on_no_plane == "error":
        raise SeriesError(
            f"{opened.name}: the frames have no place in the patient (no ImagePositionPatient), as those of "
            "projections: they are read with on_no_plane='pixels', a slice for each image that was segmented"
        )
    if source is not None:
        raise SpaceMismatchError(
            f"{opened.name}: the frames have no place in the patient, so that nothing says where they lie on the "
            "source: read it without source=..."
        )
    if opened.kind is Kind.LABELMAP:
        numbers = list(range(len(opened.frames)))
    else:
        images: dict[tuple[Source, ...], int] = {}
        numbers = [images.setdefault(frame.sources, len(images)) for frame in opened.frames]
    coordinates, spacing = pixel_size(opened.headers)
    geometry = Geometry(
        rows=size[0],
        columns=size[1],
        row_direction=np.array([1.0, 0.0, 0.0]),
        column_direction=np.array([0.0, 1.0, 0.0]),
        pixel_spacing=spacing,
        positions=np.arange(max(numbers) + 1)[:, np.newaxis] * np.array([0.0, 0.0, 1.0]),
        coordinates=coordinates,
    )
    return Placed(geometry, np.array(numbers, np.intp), np.zeros((len(numbers), 2), np.intp))
