"""What an index on disk says of a file: its stamp, its facts, and both as text."""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from slicewise.image import RawElement
from slicewise.io.file_facts import FACT_TAGS, FileFacts

__all__ = [
    "DamagedRecordError",
    "Elements",
    "Record",
    "Stamp",
    "checksum_of",
    "elements_of",
    "format_number",
    "frames_of_text",
    "stamp_of",
    "text_of_elements",
    "text_of_frames",
    "text_of_values",
    "values_of",
]

Elements = Mapping[int, RawElement]
Frames = Mapping[int, Sequence[RawElement | None]]

_LAYOUT = 3
"""Of the tables and texts below; another number when they change."""


_BROKEN = (ValueError, TypeError, AttributeError, RecursionError)
"""What comes of a text that was not written here."""


class DamagedRecordError(Exception):
    """A record of an index is not what was written."""


class Stamp(NamedTuple):
    """What tells that a file is as it was; of a member of an archive, that of the archive."""

    size: int
    mtime_ns: int
    ctime_ns: int


class Record(NamedTuple):
    """What is known of a file: its facts, why it is broken, or (neither) that it is not DICOM."""

    facts: FileFacts | None = None
    reason: str | None = None


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file, or of the archive it is in; None if there is neither."""
    for place in (path, *path.parents):
        try:
            status = os.stat(place)  # noqa: PTH116 - tens of thousands of times
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
        if place is not path and not stat.S_ISREG(status.st_mode):
            return None
        return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return None


def format_number() -> int:
    """Return what tells the indexes of this version of slicewise, and of these facts, from others."""
    try:
        release = version("slicewise")
    except PackageNotFoundError:  # a checkout that is not installed
        release = ""
    told = f"{_LAYOUT} {release} {sorted(FACT_TAGS)}"
    return zlib.crc32(told.encode("ascii")) >> 1


def checksum_of(values: Iterable[object]) -> int:
    """Return a checksum of bytes, texts and integers."""
    return zlib.crc32(repr(tuple(values)).encode("utf-8", "backslashreplace"))


def text_of_elements(elements: Elements) -> str:
    """Return elements as text."""
    return _text([_listed(element) for element in elements.values()])


def elements_of(text: str) -> dict[int, RawElement]:
    """Return the elements of a text.

    Raises
    ------
    DamagedRecordError
        If there are none in it.
    """
    try:
        return {element.tag: element for element in map(_element, json.loads(text))}
    except _BROKEN as error:
        raise DamagedRecordError(f"a record is damaged: {error}") from error


def text_of_values(values: Mapping[int, bytes]) -> str:
    """Return values of elements as text."""
    return _text([[tag, value.decode("latin-1")] for tag, value in values.items()])


def values_of(text: str) -> dict[int, bytes]:
    """Return the values of a text.

    Raises
    ------
    DamagedRecordError
        If there are none in it.
    """
    try:
        return {int(tag): value.encode("latin-1") for tag, value in json.loads(text)}
    except _BROKEN as error:
        raise DamagedRecordError(f"a record is damaged: {error}") from error


def text_of_frames(frames: Frames) -> str | None:
    """Return elements of frames as text; None if there are none."""
    if not frames:
        return None
    return _text([[tag, [None if e is None else _listed(e) for e in column]] for tag, column in frames.items()])


def frames_of_text(text: str | None) -> Frames:
    """Return the elements of frames of a text.

    Raises
    ------
    DamagedRecordError
        If there are none in it.
    """
    if text is None:
        return {}
    try:
        return {int(tag): tuple(None if e is None else _element(e) for e in column) for tag, column in json.loads(text)}
    except _BROKEN as error:
        raise DamagedRecordError(f"a record is damaged: {error}") from error


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _listed(element: RawElement) -> tuple[int, str | None, str, int]:
    # Bytes as the letters of the same numbers.
    kind = element.implicit | element.little_endian << 1
    return element.tag, element.vr, element.value.decode("latin-1"), kind


def _element(listed: Sequence[Any]) -> RawElement:
    tag, vr, value, kind = listed
    return RawElement(int(tag), vr, value.encode("latin-1"), bool(kind & 1), bool(kind & 2))
