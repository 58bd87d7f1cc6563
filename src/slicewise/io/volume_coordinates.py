"""Where the volumes of a series stand on the axis they are stacked along."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from pydicom.valuerep import DA, DT, TM

from slicewise.dicom.values import text_of
from slicewise.image import Headers
from slicewise.image.axis import Coordinate
from slicewise.image.elements import tag_of
from slicewise.io.partition import Part

__all__ = ["stack_coordinates"]

_CLOCKS = (
    ("FrameReferenceDateTime", ""),
    ("FrameAcquisitionDateTime", ""),
    ("AcquisitionDateTime", ""),
    ("AcquisitionTime", "AcquisitionDate"),
)
"""What tells when an image was acquired, and its day. Content Time may be that of reconstruction."""
_DURATIONS = ("FrameReferenceTime", "TemporalPositionTimeOffset", "TriggerTime", "ActualCardiacTriggerDelayTime")
_UNITS = {"BValue": "s/mm2"}
"""Of attributes that are in no dictionary; the unit of others is known by their name."""
_NO_DAY = "19700101"
"""Where only the time of day is told: differences count."""


def stack_coordinates(headers: Headers, parts: Sequence[Part]) -> tuple[str, tuple[Coordinate, ...] | None, str | None]:
    """Return the name of the axis of a stack of volumes, their coordinates and the unit of these.

    Parameters
    ----------
    headers : Headers
        Headers of all images.
    parts : sequence of Part
        The volumes.
    """
    axes = tuple(dict.fromkeys(axis for part in parts for axis in part.axis))
    names = tuple(dict.fromkeys(name for part in parts for name in part.labels))
    if axes == ("time",) and not set(names) & set(_DURATIONS):
        seconds = _seconds(headers, parts)
        if seconds is not None:
            return "time", seconds, "s"
    if names in ((), ("time",)):
        return axes[0] if axes else "volume", None, None  # numbers that merely count would pass for seconds
    texts = tuple(part.name for part in parts)
    if len(names) > 1:
        return ", ".join(axes), texts, None
    (name,) = names
    values = [part.labels.get(name) for part in parts]
    numbers = tuple(value for value in values if isinstance(value, int | float))
    return (name, numbers, _UNITS.get(name)) if len(numbers) == len(parts) else (axes[0], texts, None)


def _seconds(headers: Headers, parts: Sequence[Part]) -> tuple[float, ...] | None:
    """Return when each volume begins, from the first; None where the clock does not go on from each to the next."""
    for keyword, day in _CLOCKS:
        begins = [_earliest(headers, part, keyword, day) for part in parts]
        known = [begin for begin in begins if begin is not None]
        if len(known) == len(parts) and all(a < b for a, b in pairwise(known)):
            return tuple(round((begin - known[0]).total_seconds(), 6) for begin in known)
    return None


def _earliest(headers: Headers, part: Part, keyword: str, day: str) -> datetime | None:
    found = [_moment(headers, k, keyword, day) for k in part.indices]
    known = [moment for moment in found if moment is not None]
    return min(known) if len(known) == len(found) else None


def _moment(headers: Headers, image: int, keyword: str, day: str) -> datetime | None:
    text = text_of(headers.element(tag_of(keyword), image))
    date = text_of(headers.element(tag_of(day), image)) if day else ""
    if not text:
        return None
    try:
        return DT(text).replace(tzinfo=UTC) if not day else datetime.combine(DA(date or _NO_DAY), TM(text), tzinfo=UTC)
    except ValueError:
        return None
