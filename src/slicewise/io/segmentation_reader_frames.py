"""What the frames of a segmentation say of themselves: segment, plane and sources (PS3.3, C.8.20.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.frame_items import FrameItem, Path, frame_items, path_of
from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS
from slicewise.dicom.items import items_of
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, MixedSlicesError
from slicewise.image import Headers, RawElement, Source
from slicewise.image.elements import name_of, tag_of
from slicewise.io.image_planes import ORIENTATION_TOLERANCE

__all__ = ["FrameFacts", "SegmentPlane", "frame_facts"]

FloatArray = npt.NDArray[np.float64]

_SEGMENT = path_of("SegmentIdentificationSequence", 0, "ReferencedSegmentNumber")
_POSITION = path_of("PlanePositionSequence", 0, "ImagePositionPatient")
_ORIENTATION = path_of("PlaneOrientationSequence", 0, "ImageOrientationPatient")
_SPACING = path_of("PixelMeasuresSequence", 0, "PixelSpacing")
_BETWEEN = path_of("PixelMeasuresSequence", 0, "SpacingBetweenSlices")
_THICKNESS = path_of("PixelMeasuresSequence", 0, "SliceThickness")
_DERIVATIONS = path_of("DerivationImageSequence")
_SOURCES = tag_of("SourceImageSequence")
_CLASS, _INSTANCE, _FRAME = (
    tag_of(k) for k in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "ReferencedFrameNumber")
)
_SERIES_UID, _STUDY_UID = tag_of("SeriesInstanceUID"), tag_of("StudyInstanceUID")
_SERIES_LIST, _INSTANCE_LIST = tag_of("ReferencedSeriesSequence"), tag_of("ReferencedInstanceSequence")
_STUDIES = tag_of("StudiesContainingOtherReferencedInstancesSequence")
_SAME_SPACING = 1e-4


class SegmentPlane(NamedTuple):
    """The plane that all frames share: orientation, distances of rows and of columns, and of slices as far as stated.

    ``between`` and ``thickness`` are in mm, 0 where they are not stated.
    """

    row_direction: FloatArray
    column_direction: FloatArray
    pixel_spacing: tuple[float, float]
    between: float
    thickness: float

    @property
    def normal(self) -> FloatArray:
        """Normal of the plane."""
        normal = np.cross(self.row_direction, self.column_direction)
        return np.asarray(normal / np.linalg.norm(normal), np.float64)


@attrs.frozen(eq=False, slots=False)
class FrameFacts:
    """The frames of one file.

    Parameters
    ----------
    count : int
        How many there are.
    segments : tuple of int or None
        For each frame the number of its segment; of a label map, whose pixels say it, None.
    positions : array of shape (frames, 3), optional
        Centre of the first pixel of each in mm, LPS; None where they have no place in the patient.
    plane : SegmentPlane, optional
        The plane that they share; None likewise.
    """

    count: int
    segments: tuple[int | None, ...]
    positions: FloatArray | None
    plane: SegmentPlane | None
    _items: Sequence[FrameItem] = attrs.field(repr=False)
    _shared: FrameItem | None = attrs.field(repr=False)
    _headers: Headers = attrs.field(repr=False)

    @property
    def referenced(self) -> frozenset[str]:
        """The instances that the file as a whole refers to."""
        return frozenset(_series_of_instances(self._headers))

    @cached_property
    def sources(self) -> tuple[tuple[Source, ...], ...]:
        """For each frame the instances, or frames of them, that it was made of."""
        series = _series_of_instances(self._headers)
        study = text_of(self._headers.element(_STUDY_UID, 0))
        known: dict[tuple[bytes, ...], tuple[Source, ...]] = {}
        found = []
        items: Sequence[FrameItem | None] = self._items or [None] * self.count
        for item in items:
            stated = _stated_sources(item) or _stated_sources(self._shared)
            if stated not in known:
                known[stated] = _as_sources(stated, series, study)
            found.append(known[stated])
        return tuple(found)


def frame_facts(headers: Headers, count: int, *, are_labels: bool) -> FrameFacts:
    """Return what the frames of a file say of themselves.

    Parameters
    ----------
    headers : Headers
        The header of the file.
    count : int
        The number of its frames.
    are_labels : bool
        Whether pixels are labels, so that frames belong to no segment.

    Raises
    ------
    HeaderError
        If there are functional groups for another number of frames, or a frame does not say what it must.
    MixedSlicesError
        If frames differ in orientation or spacing, and so make no one grid.
    """
    groups, shared_groups = headers.element(FRAME_GROUPS, 0), headers.element(SHARED_GROUPS, 0)
    items = [] if groups is None else frame_items(groups)
    if groups is not None and len(items) != count:
        raise HeaderError(f"there are functional groups for {len(items)} frames and NumberOfFrames is {count}")
    shared = next(iter(frame_items(shared_groups)), None) if shared_groups is not None else None
    said = _Said(items, shared, count)
    segments = (None,) * count if are_labels else tuple(said.number(k) for k in range(count))
    positions = said.vectors(_POSITION, 3)
    orientation, spacing = said.vectors(_ORIENTATION, 6), said.vectors(_SPACING, 2)
    plane = None
    if positions is not None:
        if orientation is None or spacing is None:
            missing = "ImageOrientationPatient" if orientation is None else "PixelSpacing"
            raise HeaderError(f"the frames have positions and no {missing}, without which they have no place")
        plane = _plane(orientation, spacing, said)
    return FrameFacts(count, segments, positions, plane, items, shared, headers)


@attrs.frozen
class _Said:
    """Values of the frames: those of their own items before those that all share."""

    items: Sequence[FrameItem]
    shared: FrameItem | None
    count: int

    def values(self, path: Path) -> list[bytes | None]:
        default = None if self.shared is None else self.shared.value(path)
        own = [item.value(path) for item in self.items] or [None] * self.count
        return [default if value is None else value for value in own]

    def vectors(self, path: Path, length: int) -> FloatArray | None:
        values = self.values(path)
        if not any(values):
            return None
        known: dict[bytes | None, tuple[float, ...]] = {}
        for k, value in enumerate(values):
            if value not in known:
                known[value] = _numbers(value, path, length, k)
        return np.array([known[value] for value in values])

    def number(self, k: int) -> int:
        value = self.items[k].value(_SEGMENT) if self.items else None
        source = self.items[k] if value is not None else self.shared
        if value is None and self.shared is not None:
            value = self.shared.value(_SEGMENT)
        if value is None or source is None or len(value) != 2:
            found = "none" if value is None else f"{len(value)} bytes"
            raise HeaderError(f"frame {k + 1}: ReferencedSegmentNumber must be one number of 16 bits (got {found})")
        return int.from_bytes(value, "little" if source.little_endian else "big")

    def millimetres(self, path: Path) -> float:
        found = self.vectors(path, 1)
        return float(found[0, 0]) if found is not None and found[0, 0] > 0 else 0.0


def _numbers(value: bytes | None, path: Path, length: int, k: int) -> tuple[float, ...]:
    text = (value or b"").decode("ascii", "replace").strip(" \0")
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError:
        numbers = ()
    if len(numbers) != length or not np.isfinite(numbers).all():
        raise HeaderError(f"frame {k + 1}: {name_of(path[-1])} must be {length} numbers (got {text!r:.60})")
    return numbers


def _plane(orientation: FloatArray, spacing: FloatArray, said: _Said) -> SegmentPlane:
    turned = np.abs(orientation - orientation[0]).max(axis=1) > ORIENTATION_TOLERANCE
    if turned.any():
        k = int(np.argmax(turned))
        raise MixedSlicesError(
            f"the frames lie in planes of several orientations and make no one grid: {_text(orientation[0])} in "
            f"frame 1 and {_text(orientation[k])} in frame {k + 1} ({int(turned.sum())} of {said.count} differ)"
        )
    if not (spacing > 0).all():
        raise HeaderError(f"PixelSpacing must be two positive numbers of mm (got {spacing.min(axis=0).tolist()})")
    scaled = np.abs(spacing / spacing[0] - 1).max(axis=1) > _SAME_SPACING
    if scaled.any():
        k = int(np.argmax(scaled))
        raise MixedSlicesError(
            f"the frames differ in PixelSpacing and make no one grid: {_text(spacing[0])} in frame 1 and "
            f"{_text(spacing[k])} in frame {k + 1}"
        )
    row, column = orientation[0, :3], orientation[0, 3:]
    if np.linalg.norm(np.cross(row, column)) < 0.5:
        raise HeaderError(
            f"ImageOrientationPatient must be two directions at right angles (got {orientation[0].tolist()})"
        )
    distances = (float(spacing[0, 0]), float(spacing[0, 1]))
    return SegmentPlane(row, column, distances, said.millimetres(_BETWEEN), said.millimetres(_THICKNESS))


def _text(values: FloatArray) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"


# --- sources --------------------------------------------------------------------------------------


def _stated_sources(item: FrameItem | None) -> tuple[bytes, ...]:
    """Return class, instance and frames of each source of a frame, one behind the other."""
    if item is None:
        return ()
    found: list[bytes] = []
    for k in range(item.count(_DERIVATIONS)):
        images = (*_DERIVATIONS, k, _SOURCES)
        for j in range(item.count(images)):
            found += [item.value((*images, j, tag)) or b"" for tag in (_CLASS, _INSTANCE, _FRAME)]
    return tuple(found)


def _as_sources(stated: Sequence[bytes], series: Mapping[str, tuple[str, str]], study: str) -> tuple[Source, ...]:
    found: dict[Source, None] = {}
    for k in range(0, len(stated), 3):
        sop_class, instance, frames = (value.decode("ascii", "replace").strip(" \0") for value in stated[k : k + 3])
        if not instance:
            continue
        study_uid, series_uid = series.get(instance, (study, ""))
        numbers: list[int | None] = [int(n) for n in frames.split("\\") if n.strip().isdigit()]
        for frame in numbers or [None]:
            found[Source(study_uid or study, series_uid, sop_class, instance, frame)] = None
    return tuple(found)


def _series_of_instances(headers: Headers) -> dict[str, tuple[str, str]]:
    """Return study and series of each instance that the file refers to."""
    found: dict[str, tuple[str, str]] = {}
    studies = headers.element(_STUDIES, 0)
    for study in items_of(studies) if studies is not None else []:
        _add_instances(found, study.get(_SERIES_LIST), text_of(study.get(_STUDY_UID)))
    _add_instances(found, headers.element(_SERIES_LIST, 0), text_of(headers.element(_STUDY_UID, 0)))
    return found


def _add_instances(found: dict[str, tuple[str, str]], series_list: RawElement | None, study: str) -> None:
    for series in items_of(series_list) if series_list is not None else []:
        instances = series.get(_INSTANCE_LIST)
        for instance in items_of(instances) if instances is not None else []:
            found[text_of(instance.get(_INSTANCE))] = (study, text_of(series.get(_SERIES_UID)))
