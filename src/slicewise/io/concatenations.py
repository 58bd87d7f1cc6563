"""Concatenations: one multi-frame image in several files (PS3.3, C.7.6.16.1 and C.7.6.16.2.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from slicewise.dicom.functional_groups import number_of_frames
from slicewise.errors import DuplicateSliceError, HeaderError, MissingSliceError
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile

__all__ = ["check_concatenations"]

_UID = tag_of("ConcatenationUID")
_NUMBER = tag_of("InConcatenationNumber")
_TOTAL = tag_of("InConcatenationTotalNumber")
_OFFSET = tag_of("ConcatenationFrameOffsetNumber")
_FRAMES = tag_of("NumberOfFrames")


def check_concatenations(files: Sequence[HeaderFile], *, may_lack_parts: bool) -> None:
    """Raise unless the parts of each concatenation are there, each once.

    Parameters
    ----------
    files : sequence of HeaderFile
        The files of a series.
    may_lack_parts : bool
        Whether parts may be missing.

    Raises
    ------
    MissingSliceError
        If a part is missing; the message says which.
    DuplicateSliceError
        If a part is there twice.
    HeaderError
        If a file does not say which part it is.
    """
    parts: dict[str, list[HeaderFile]] = {}
    for file in files:
        if uid := file.text(_UID):
            parts.setdefault(uid, []).append(file)
    for group in parts.values():
        _check_parts(group, may_lack_parts=may_lack_parts)


def _check_parts(files: Sequence[HeaderFile], *, may_lack_parts: bool) -> None:
    ordered = sorted(files, key=_part_number)
    numbers = [_part_number(file) for file in ordered]
    for first, second in pairwise(ordered):
        if _part_number(first) == _part_number(second):
            raise DuplicateSliceError(
                f"{first.path} and {second.path} are both part {_part_number(first)} of one concatenation: take out one"
            )
    total = max([*numbers, *(found for file in files if (found := _unsigned(file, _TOTAL)))])
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    if not missing:
        missing = _offset_gap(ordered)
    if missing and not may_lack_parts:
        raise MissingSliceError(
            f"{ordered[0].path}: the image is in {total} or more files, a concatenation, and part "
            f"{', '.join(map(str, missing))} is missing. Find it, or read what is there with on_gap='keep'"
        )


def _offset_gap(ordered: Sequence[HeaderFile]) -> list[int]:
    """Return the part after the first whose frames do not follow those of the part before."""
    known = 0
    for file in ordered:
        offset = _unsigned(file, _OFFSET)
        if offset is not None and offset != known:
            return [_part_number(file) - 1]
        known += number_of_frames(file.header.element(_FRAMES))
    return []


def _part_number(file: HeaderFile) -> int:
    number = _unsigned(file, _NUMBER)
    if not number:
        raise HeaderError(
            f"{file.path}: the file is a part of a concatenation (ConcatenationUID) and InConcatenationNumber does not "
            "say which"
        )
    return number


def _unsigned(file: HeaderFile, tag: int) -> int | None:
    element = file.header.element(tag)
    if element is None or len(element.value) not in (2, 4):
        return None
    return int.from_bytes(element.value, "little" if element.little_endian else "big")
