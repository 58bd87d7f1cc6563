"""Frames: what becomes a slice, be it a file of its own, one of several frames in a file, or a tile of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS, frame_headers, number_of_frames
from slicewise.dicom.header_parser import assemble
from slicewise.dicom.tiles import TILE_TAGS, Window, has_tiles, tile_headers
from slicewise.errors import HeaderError, SlicewiseError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile

__all__ = ["FRAME_TAGS", "Frame", "checked_count", "frames_of", "is_multi_frame"]

_FRAMES = tag_of("NumberOfFrames")
_DETECTORS = tag_of("DetectorInformationSequence")
_GROUPS = (FRAME_GROUPS, SHARED_GROUPS, _DETECTORS)

FRAME_TAGS = TILE_TAGS | {_FRAMES, *_GROUPS}
"""What ``is_multi_frame`` looks at."""

_PHOTOMETRIC = tag_of("PhotometricInterpretation")
_SIZE = tuple(tag_of(keyword) for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"))


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
    window : Window, optional
        The part of the frame that the slice takes, where several slices stand in it as tiles.
    """

    file: HeaderFile
    index: int | None = None
    count: int = 1
    window: Window | None = None

    @property
    def name(self) -> str:
        """Name for messages."""
        name = self.file.path.name if self.index is None else f"{self.file.path.name}, frame {self.index + 1}"
        if self.window is None:
            return name
        across, down = self.window.left // self.window.columns + 1, self.window.top // self.window.rows + 1
        return f"{name}, tile {across} of row {down}"


def frames_of(files: Sequence[HeaderFile]) -> tuple[list[Frame], Headers]:
    """Return the frames of some files, in order, with a header for each.

    Raises
    ------
    HeaderError
        If a file has functional groups, vectors or pixels for another number of frames, or does not say where its
        tiles lie; the message names it.
    """
    if not any(is_multi_frame(file) for file in files):
        return [Frame(file) for file in files], assemble([file.header for file in files])
    frames: list[Frame] = []
    parts: list[Headers] = []
    for file in files:
        found, headers = _frames_of_one(file)
        frames += found
        parts.append(headers)
    return frames, Headers.joined(parts)


def is_multi_frame(file: HeaderFile) -> bool:
    """Tell whether a file may become more than one slice, or has functional groups."""
    return _has_frames(file) or has_tiles(file.header.element)


def _has_frames(file: HeaderFile) -> bool:
    return file.text(_FRAMES) not in ("", "1") or any(file.header.element(tag) is not None for tag in _GROUPS)


def _frames_of_one(file: HeaderFile) -> tuple[list[Frame], Headers]:
    headers = assemble([file.header])
    multi_frame, tiled = _has_frames(file), has_tiles(file.header.element)
    if not multi_frame and not tiled:
        return [Frame(file)], headers
    elements = {tag: element for tag in headers.columns() if (element := headers.element(tag, 0)) is not None}
    try:
        if multi_frame and tiled:
            raise HeaderError("the file has several frames, and tiles in each: how they are arranged is not known")
        if tiled:
            headers, windows = tile_headers(elements)
            return [Frame(file, window=window) for window in windows], headers
        count = checked_count(file)
        return [Frame(file, k, count) for k in range(count)], frame_headers(elements, count)
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from error


def checked_count(file: HeaderFile) -> int:
    """Return the number of frames of a file, if its pixels are as many.

    Raises
    ------
    HeaderError
        If they are not, or it is no number.
    """
    count = number_of_frames(file.header.element(_FRAMES))
    _check_room(file, count)
    _check_pixels(file, count)
    return count


def _check_room(file: HeaderFile, count: int) -> None:
    # A compressed frame has at least the head of its item, eight bytes, and a plain one its pixels.
    if count > file.size:
        raise HeaderError(
            f"NumberOfFrames is {count} and the file has {file.size} bytes, fewer than one for each frame: it is "
            "broken, or made to use up memory"
        )


def _check_pixels(file: HeaderFile, count: int) -> None:
    """Raise if uncompressed pixels are those of another number of frames."""
    pixels = file.header.pixels
    if pixels is None or file.is_encapsulated or "422" in file.text(_PHOTOMETRIC):
        return
    rows, columns, samples, bits = (_number(file.header.element(tag)) for tag in _SIZE)
    wanted = (rows * columns * max(samples, 1) * bits * count + 7) // 8
    found = pixels.value_stop - pixels.value_start
    frame_bytes = wanted / count
    if not wanted:
        return
    if found < wanted or (count > 1 and found >= wanted + frame_bytes):
        raise HeaderError(
            f"NumberOfFrames is {count} and the pixels are those of {found / frame_bytes:.4g} frames: {wanted} bytes "
            f"are wanted and there are {found}"
        )


def _number(element: RawElement | None) -> int:
    return 0 if element is None else int.from_bytes(element.value[:2], "little" if element.little_endian else "big")
