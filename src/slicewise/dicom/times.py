"""Dates and times of headers (PS3.5, 6.2: DA, TM, DT)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import name_of

__all__ = ["date_of", "moment_of", "time_of"]

# Points and colons are of the time before DICOM, and still met.
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,6})?)?)?")
_MOMENT = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?")


def date_of(element: RawElement | None) -> date | None:
    """Return a date; None where it is missing or empty.

    Raises
    ------
    HeaderError
        If it is no date.
    """
    text = text_of(element)
    return _date(element, text) if text else None


def time_of(element: RawElement | None) -> time | None:
    """Return a time of day; None where it is missing or empty.

    Raises
    ------
    HeaderError
        If it is no time.
    """
    text = text_of(element)
    return _time(element, text) if text else None


def moment_of(element: RawElement | None, zone: str = "") -> datetime | None:
    """Return a date and time (DT), in local time; None where it is missing or empty.

    Parameters
    ----------
    element : RawElement or None
        The attribute.
    zone : str
        Timezone Offset From UTC of the header. A time that states another offset is converted to it.

    Raises
    ------
    HeaderError
        If it is no date and time, or not of a day and an hour.
    """
    text = text_of(element)
    if not text:
        return None
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _wrong(element, text)
    moment = datetime.combine(_date(element, match[1]), _time(element, match[2]))
    if match[3] and re.fullmatch(r"[+-]\d{4}", zone):
        moment += _offset(zone) - _offset(match[3])
    return moment


def _offset(text: str) -> timedelta:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return -offset if text[0] == "-" else offset


def _date(element: RawElement | None, text: str) -> date:
    match = _DATE.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))  # type: ignore[index] # caught
    except (TypeError, ValueError):
        raise _wrong(element, text) from None


def _time(element: RawElement | None, text: str) -> time:
    match = _TIME.fullmatch(text)
    if match is None:
        raise _wrong(element, text)
    microseconds = round(float(match[4] or 0) * 1e6)
    try:
        # A leap second counts as the one before.
        return time(int(match[1]), int(match[2] or 0), min(int(match[3] or 0), 59), microseconds)
    except ValueError:
        raise _wrong(element, text) from None


def _wrong(element: RawElement | None, text: str) -> HeaderError:
    name = name_of(element.tag) if element is not None else "the value"
    return HeaderError(f"{name} must be a date or time of DICOM (got {text!r:.40})")
