"""When a PET scan started: the time that START decay correction refers to (PS3.3, C.8.9.1).

It should be the series time, but software that makes new series of old ones writes its own time there. What is done
then is as in the vendor-neutral pseudo-code of QIBA (Profile FDG-PET/CT, version 1.13, appendix G): the private scan
time of GE, else the time is computed back from the acquisition of each bed position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from slicewise.dicom.private import private_element, slice_elements
from slicewise.dicom.times import date_of, moment_of, time_of
from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, ImageInfo, Operation
from slicewise.image.elements import tag_of

__all__ = ["scan_start"]

_SERIES = (tag_of("SeriesDate"), tag_of("SeriesTime"))
_ACQUISITION = (tag_of("AcquisitionDate"), tag_of("AcquisitionTime"))
_ACQUISITION_MOMENT = tag_of("AcquisitionDateTime")
_ZONE = tag_of("TimezoneOffsetFromUTC")
_REFERENCE = tag_of("FrameReferenceTime")
_DURATION = tag_of("ActualFrameDuration")
_SLICES = tag_of("NumberOfSlices")
_TIMES = tag_of("NumberOfTimeSlices")

_GE = "GEMS_PETD_01"
_GE_GROUP = 0x0009
_GE_SCAN = 0x0D

_TOLERANCE = timedelta(seconds=2)
"""How far times may differ that are rounded to seconds."""


def scan_start(info: ImageInfo, half_life: float) -> datetime:
    """Return the start of the scan.

    Parameters
    ----------
    info : ImageInfo
        The PET image.
    half_life : float
        Half-life of the radionuclide in seconds.

    Raises
    ------
    HeaderError
        If it cannot be known; the message says why.
    """
    headers = info.headers
    series = _series_time(headers)
    acquired = [_acquisition(headers, k) for k in range(len(headers))]
    known = [moment for moment in acquired if moment is not None]
    if not known:
        raise HeaderError(
            "no slice has AcquisitionDate and AcquisitionTime: whether SeriesTime is the start of the scan cannot be "
            "told"
        )
    earliest = min(known)
    if series == earliest or (series < earliest and _is_whole(info)):
        return series
    private = _ge_scan_time(info)
    if private is not None:
        return private
    if series > earliest:
        return _computed_back(headers, acquired, half_life)
    if not _is_confirmed(series, headers, acquired, half_life):
        raise HeaderError(
            f"whether SeriesTime ({series}) is the start of the scan cannot be told: these are not all slices of the "
            "series, and FrameReferenceTime does not lead back to it. Make uptake before slices are chosen or resampled"
        )
    return series


def _series_time(headers: Headers) -> datetime:
    found = {_moment(headers, k, _SERIES) for k in range(len(headers))}
    if len(found) != 1:
        raise HeaderError(f"SeriesDate and SeriesTime must be the same on all slices (got {len(found)} of them)")
    series = found.pop()
    if series is None:
        raise HeaderError("SeriesDate or SeriesTime is missing: the start of the scan is not known")
    return series


def _moment(headers: Headers, index: int, tags: tuple[int, int]) -> datetime | None:
    day, time = date_of(headers.element(tags[0], index)), time_of(headers.element(tags[1], index))
    return datetime.combine(day, time) if day is not None and time is not None else None


def _acquisition(headers: Headers, index: int) -> datetime | None:
    zone = text_of(headers.element(_ZONE, index))
    return _moment(headers, index, _ACQUISITION) or moment_of(headers.element(_ACQUISITION_MOMENT, index), zone)


def _is_whole(info: ImageInfo) -> bool:
    """Whether the earliest slice of the series is among these, as far as can be told."""
    if any(step.operations & {Operation.SUBSET, Operation.GEOMETRY, Operation.PROJECTION} for step in info.history):
        return False
    return len(info.headers) >= _count(info.headers, _SLICES) * _count(info.headers, _TIMES)


def _count(headers: Headers, tag: int) -> int:
    element = headers.element(tag, 0)
    if element is None or len(element.value) < 2:
        return 1
    return int.from_bytes(element.value[:2], "little" if element.little_endian else "big")


def _ge_scan_time(info: ImageInfo) -> datetime | None:
    # Resampling withholds private attributes, but what they say of the scan stays true.
    for headers in (info.headers, info.withheld):
        for k in range(len(headers or ())):
            elements = slice_elements(headers, k, _GE_GROUP)  # type: ignore[arg-type] # there is one
            moment = moment_of(private_element(elements, _GE, _GE_GROUP, _GE_SCAN))
            if moment is not None:
                return moment
    return None


def _computed_back(headers: Headers, acquired: Sequence[datetime | None], half_life: float) -> datetime:
    """Return the scan start by frame reference time: its offset to when the average of the counts fell."""
    starts = [moment + _average(duration, half_life) for moment, duration in _references(headers, acquired)]
    if not starts:
        raise HeaderError(
            "SeriesTime is not the start of the scan (a slice was acquired before it), and neither GE's scan time "
            "(0009,xx0D) nor FrameReferenceTime and ActualFrameDuration above 0 tell it"
        )
    if max(starts) - min(starts) > 2 * _TOLERANCE:
        raise HeaderError(
            f"the slices disagree on the start of the scan: computed back from AcquisitionTime, FrameReferenceTime and "
            f"ActualFrameDuration it lies between {min(starts)} and {max(starts)}"
        )
    return min(starts)


def _is_confirmed(series: datetime, headers: Headers, acquired: Sequence[datetime | None], half_life: float) -> bool:
    """Whether frame reference times lead back to the series time, be they of the average or of the frame's start."""
    found = _references(headers, acquired)
    of_averages = [moment + _average(duration, half_life) for moment, duration in found]
    of_starts = [moment for moment, _ in found]
    return any(
        bool(starts) and all(abs(start - series) <= _TOLERANCE for start in starts)
        for starts in (of_averages, of_starts)
    )


def _references(headers: Headers, acquired: Sequence[datetime | None]) -> list[tuple[datetime, float]]:
    """Return acquisition less frame reference time, and frame duration in s, of the slices that state them."""
    found = []
    for k, moment in enumerate(acquired):
        reference, duration = (decimals(headers.element(tag, k)) for tag in (_REFERENCE, _DURATION))
        if moment is not None and reference and duration and reference[0] > 0 and duration[0] > 0:
            found.append((moment - timedelta(seconds=reference[0] / 1000), duration[0] / 1000))
    return found


def _average(duration: float, half_life: float) -> timedelta:
    """Return how long after the start of a frame its counts are at their average."""
    decay = math.log(2) * duration / half_life
    return timedelta(seconds=half_life / math.log(2) * math.log(decay / -math.expm1(-decay)))
