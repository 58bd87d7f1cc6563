"""Numbers and counts of the instances of a series of one volume or several (PS3.3, C.7.6.1, C.8.3.1, C.8.9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slicewise.dicom.values import column_decimals, text_of
from slicewise.errors import HeaderError, ValueRangeError
from slicewise.image import Action, Geometry, Headers, ImageInfo, RawElement, StackAxis
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["instance_numbers", "is_pet", "pet_columns", "time_columns"]

_LARGEST_SHORT = 2**16 - 1
_SERIES_TYPE = tag_of("SeriesType")
_TEMPORAL_POSITION = tag_of("TemporalPositionIdentifier")


def is_pet(headers: Headers) -> bool:
    """Whether the headers are of PET images."""
    return text_of(headers.element(tag_of("Modality"), 0)) == "PT"


def instance_numbers(info: ImageInfo, first: int) -> list[int]:
    """Return the number of each instance, in the order of the slices.

    Slices of one volume are numbered as they lie. Those of a stack are numbered in the order of the source, where
    that numbered them all, else volume by volume.

    Parameters
    ----------
    info : ImageInfo
        The image to be written.
    first : int
        The lowest number.
    """
    numbers = list(range(first, first + info.slices))
    stated = [] if info.axis is None else _stated_numbers(info.headers)
    if len(set(stated)) != info.slices:
        return numbers
    ranks = np.argsort(np.argsort(stated))
    return [first + int(rank) for rank in ranks]


def _stated_numbers(headers: Headers) -> list[float]:
    if not isinstance(headers.column(tag_of("SeriesInstanceUID")), RawElement):
        # Each source series counts for itself.
        return []
    return [value[0] for value in _numbers(headers, "InstanceNumber") if len(value) == 1]


def _numbers(headers: Headers, keyword: str) -> list[tuple[float, ...]]:
    try:
        return column_decimals(headers, tag_of(keyword))
    except HeaderError:
        # What is no number says nothing.
        return [()] * len(headers)


# --- PET ------------------------------------------------------------------------------------------


def pet_columns(info: ImageInfo) -> dict[int, Column | None]:
    """Return how many slices and times there are, and the place of each image among them (PS3.3, C.8.9.4.1.9).

    Slices are counted along the normal, volumes by the time they stand for.
    """
    volumes = info.volumes
    slices = info.geometry.slices
    order = _volume_order(volumes)
    indices = [
        rank * slices + index
        for rank, volume in zip(order, volumes, strict=True)
        for index in _slice_indices(volume.geometry)
    ]
    columns: dict[int, Column | None] = {
        tag_of("NumberOfSlices"): _short("NumberOfSlices", slices),
        tag_of("ImageIndex"): tuple(_short("ImageIndex", index) for index in indices),
    }
    return columns | _pet_times(info)


def _pet_times(info: ImageInfo) -> dict[int, Column | None]:
    kind, *rest = text_of(info.headers.element(_SERIES_TYPE, 0)).split("\\")
    count = len(info.volumes)
    if kind == "GATED":
        stated = [_numbers(info.headers, keyword)[0] for keyword in ("NumberOfRRIntervals", "NumberOfTimeSlots")]
        if all(stated) and stated[0][0] * stated[1][0] == count:
            return {}
        return {
            tag_of("NumberOfRRIntervals"): _short("NumberOfRRIntervals", 1),
            tag_of("NumberOfTimeSlots"): _short("NumberOfTimeSlots", count),
        }
    if kind == "DYNAMIC":
        return {tag_of("NumberOfTimeSlices"): _short("NumberOfTimeSlices", count)}
    if count > 1 and _are_times(info):
        dynamic = "\\".join(["DYNAMIC", *(rest or ["IMAGE"])])
        return {
            _SERIES_TYPE: RawElement(_SERIES_TYPE, "CS", dynamic.encode("ascii", "replace")),
            tag_of("NumberOfTimeSlices"): _short("NumberOfTimeSlices", count),
        }
    return {}


def _are_times(info: ImageInfo) -> bool:
    times = {_numbers(volume.headers, "FrameReferenceTime")[0] for volume in info.volumes}
    return len(times) == len(info.volumes) or (info.axis is not None and info.axis.is_time)


def _volume_order(volumes: Sequence[ImageInfo]) -> list[int]:
    """Return the rank of each volume in time; as they are stacked where that is not told."""
    for keyword in ("TriggerTime", "FrameReferenceTime"):
        times = [_numbers(volume.headers, keyword)[0] for volume in volumes]
        if all(len(time) == 1 for time in times) and len(set(times)) == len(times) > 1:
            return [int(rank) for rank in np.argsort(np.argsort([time[0] for time in times]))]
    return list(range(len(volumes)))


def _slice_indices(geometry: Geometry) -> list[int]:
    ranks = np.argsort(np.argsort(geometry.distances, kind="stable"))
    return [1 + int(rank) for rank in ranks]


def _short(keyword: str, value: int) -> RawElement:
    if value > _LARGEST_SHORT:
        raise ValueRangeError(
            f"{keyword} holds {_LARGEST_SHORT} at most (PS3.5, 6.2, US; got {value}): write fewer slices"
        )
    return RawElement(tag_of(keyword), "US", value.to_bytes(2, "little"))


# --- MR -------------------------------------------------------------------------------------------


def time_columns(info: ImageInfo) -> dict[int, Column | None]:
    """Return which time each volume of a stack is, if nothing says it yet, and the counts that are not the source's.

    Times of MR images are often told apart by Content Time alone, which a derived image has of its own. Counts that the
    source stated and that are not known of the stack are dropped.
    """
    if info.axis is None:
        return {}
    return _identifiers(info, info.axis) | _counts(info, info.axis)


def _identifiers(info: ImageInfo, axis: StackAxis) -> dict[int, Column | None]:
    if not axis.is_time or text_of(info.headers.element(tag_of("Modality"), 0)) != "MR":
        return {}
    if info.headers.column(_TEMPORAL_POSITION) is not None:
        return {}
    positions = [1 + rank for rank in _ranks(axis) for _ in range(info.geometry.slices)]
    count = tag_of("NumberOfTemporalPositions")
    return {
        _TEMPORAL_POSITION: tuple(_integer(_TEMPORAL_POSITION, position) for position in positions),
        count: _integer(count, axis.volumes),
    }


def _ranks(axis: StackAxis) -> list[int]:
    """Return the place of each volume in time; as they are stacked where coordinates do not tell."""
    known = axis.coordinates or ()
    are_numbers = all(not isinstance(c, str) for c in known)
    # Times as DICOM writes them sort as texts.
    are_times = all(isinstance(c, str) and c[:6].isdecimal() for c in known)
    if len(set(known)) == axis.volumes and (are_numbers or are_times):
        return [int(rank) for rank in np.argsort(np.argsort(np.array(known)))]
    return list(range(axis.volumes))


def _counts(info: ImageInfo, axis: StackAxis) -> dict[int, Column | None]:
    by_axis = axis.volumes if axis.is_time else None
    identified = [value for value in _numbers(info.headers, "TemporalPositionIdentifier") if value]
    by_identifier = len(set(identified)) if len(identified) == info.slices else by_axis
    counts = {"NumberOfTemporalPositions": by_identifier, "CardiacNumberOfImages": by_axis}
    columns: dict[int, Column | None] = {}
    for keyword, count in counts.items():
        columns |= _counted(keyword, count, info)
    return columns


def _counted(keyword: str, count: int | None, info: ImageInfo) -> dict[int, Column | None]:
    tag = tag_of(keyword)
    stated = max((value[0] for value in _numbers(info.headers, keyword) if value), default=None)
    dropped = any(c.tag == tag and c.action is Action.DROPPED for step in info.history for c in step.changes)
    if stated is None and not dropped:
        return {}
    most = len(info.volumes) if count is None else count
    if stated is not None and stated <= most:
        return {}
    return {tag: None if count is None else _integer(tag, count)}


def _integer(tag: int, value: int) -> RawElement:
    return RawElement(tag, "IS", str(value).encode("ascii"))
