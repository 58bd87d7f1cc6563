"""Frames: what becomes a slice, be it a file of its own or one of several in a multi-frame file."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from slicewise.dicom.functional_groups import FRAME_GROUPS, frame_headers, number_of_frames
from slicewise.dicom.header_parser import assemble
from slicewise.errors import SlicewiseError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile

__all__ = ["Frame", "frames_of"]

_FRAMES = tag_of("NumberOfFrames")


@attrs.frozen(eq=False)
class Frame:
    """One frame of a file.

    Parameters
    ----------
    file : HeaderFile
        The file.
    index : int or None
        Which of its frames, from 0; None in a single-frame image.
    count : int
        How many there are.
    """

    file: HeaderFile
    index: int | None = None
    count: int = 1

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.file.path.name if self.index is None else f"{self.file.path.name}, frame {self.index + 1}"


def frames_of(files: Sequence[HeaderFile]) -> tuple[list[Frame], Headers]:
    """Return the frames of some files, in order, with a header for each.

    Raises
    ------
    HeaderError
        If a file has functional groups for another number of frames; the message names it.
    """
    if not any(_is_multi_frame(file) for file in files):
        return [Frame(file) for file in files], assemble([file.header for file in files])
    frames: list[Frame] = []
    parts: list[Headers] = []
    for file in files:
        found, headers = _frames_of_one(file)
        frames += found
        parts.append(headers)
    return frames, Headers.joined(parts)


def _is_multi_frame(file: HeaderFile) -> bool:
    return file.text(_FRAMES) not in ("", "1") or file.header.element(FRAME_GROUPS) is not None


def _frames_of_one(file: HeaderFile) -> tuple[list[Frame], Headers]:
    headers = assemble([file.header])
    if not _is_multi_frame(file):
        return [Frame(file)], headers
    try:
        count = number_of_frames(file.header.element(_FRAMES))
        elements = {tag: element for tag in headers.columns() if (element := headers.element(tag, 0)) is not None}
        return [Frame(file, k, count) for k in range(count)], frame_headers(elements, count)
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from error
