"""Which segment of a segmentation is meant: by number, label or code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slicewise.dicom.coded import to_code
from slicewise.dicom.segments import Segment
from slicewise.errors import ParameterError
from slicewise.image import Code

__all__ = ["SegmentKey", "chosen_segment", "line_of", "segment_key"]

SegmentKey = int | str | Code


def segment_key(value: Any) -> SegmentKey | None:
    """Return a number, a label or a code, of pydicom's dictionaries or as value, scheme and meaning.

    Raises
    ------
    ParameterError
        If it is none of them.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    try:
        return to_code(value)
    except ParameterError as error:
        raise ParameterError(f"'segment' must be the number, label or code of a segment (got {value!r})") from error


def chosen_segment(segments: Sequence[Segment], key: SegmentKey) -> Segment:
    """Return the one segment that is meant.

    A code is compared with what the segment is of (Segmented Property Type), whatever its meaning is called.

    Raises
    ------
    ParameterError
        If there is none, or there are several; the message lists those there are.
    """
    found = [segment for segment in segments if _is_meant(segment, key)]
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  {line_of(segment)}" for segment in segments)
    if not found:
        raise ParameterError(f"'segment': there is no segment {_told(key)}; there are\n{listed}")
    numbers = ", ".join(str(segment.number) for segment in found)
    raise ParameterError(f"'segment': {_told(key)} are several, {numbers}; give the number of one:\n{listed}")


def _is_meant(segment: Segment, key: SegmentKey) -> bool:
    if isinstance(key, Code):
        return (segment.type.value, segment.type.scheme) == (key.value, key.scheme)
    return key == (segment.label if isinstance(key, str) else segment.number)


def _told(key: SegmentKey) -> str:
    return f"of {key.meaning} ({key.value}, {key.scheme})" if isinstance(key, Code) else repr(key)


def line_of(segment: Segment) -> str:
    """Return a segment in a line: number, label and what it is."""
    return f"{segment.number}: {segment.label!r}, {segment.type.meaning} ({segment.type.value}, {segment.type.scheme})"
