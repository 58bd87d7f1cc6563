"""Overlays: bit planes over images, in data of their own or in unused bits of the pixels (PS3.3, C.9.2 and C.9.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.headers import Column

__all__ = ["OVERLAY_GROUPS", "Overlay", "OverlayPlane", "overlay_plane", "overlays_of", "unwritten_overlays"]

Array = npt.NDArray[Any]

OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
"""Groups of the elements of overlays."""

_ROWS, _COLUMNS, _FRAMES, _DESCRIPTION, _TYPE = 0x0010, 0x0011, 0x0015, 0x0022, 0x0040
_ORIGIN, _FIRST_FRAME, _BITS, _BIT, _LABEL, _DATA = 0x0050, 0x0051, 0x0100, 0x0102, 0x1500, 0x3000
_NUMBER_OF_FRAMES = 0x00280008


@attrs.frozen
class Overlay:
    """An overlay of a series.

    Parameters
    ----------
    group : int
        The group of its elements, 0x6000 to 0x601E.
    label, description : str
        Overlay Label and Overlay Description; empty where they are not stated.
    type : str
        Overlay Type: ``G`` for graphics, ``R`` for a region of interest.
    slices : tuple of int
        The slices that have it.
    """

    group: int
    label: str
    description: str
    type: str
    slices: tuple[int, ...]

    def __str__(self) -> str:
        named = " ".join(text for text in (self.label, self.description) if text)
        count = f"{len(self.slices)} slice{'' if len(self.slices) == 1 else 's'}"
        return f"0x{self.group:04X} ({', '.join(text for text in (self.type, named, count) if text)})"


@attrs.frozen(eq=False)
class OverlayPlane:
    """The overlay of one slice.

    Parameters
    ----------
    rows, columns : int
        Its size.
    top, left : int
        The row and column of the image, from 0, at which its first pixel lies; negative before the image.
    bit : int or None
        Which bit of the stored pixels it is; None if it has data of its own.
    data : RawElement or None
        Its Overlay Data.
    frame : int
        Which frame of the data, from 0.
    """

    rows: int
    columns: int
    top: int
    left: int
    bit: int | None = None
    data: RawElement | None = None
    frame: int = 0

    def mask(self, rows: int, columns: int, pixels: Array | None = None) -> npt.NDArray[np.uint8]:
        """Return 1 where the overlay is set and 0 elsewhere; what lies beyond the image is cut off.

        Parameters
        ----------
        rows, columns : int
            Size of the image.
        pixels : array of shape (rows, columns), optional
            All bits of the stored pixels, where the overlay is among them.
        """
        bits = self._own_bits() if pixels is None else (pixels >> (self.bit or 0) & 1).astype(np.uint8)
        out = np.zeros((rows, columns), np.uint8)
        first_row, first_column = max(self.top, 0), max(self.left, 0)
        shown = bits[first_row - self.top : rows - self.top, first_column - self.left : columns - self.left]
        out[first_row : first_row + shown.shape[0], first_column : first_column + shown.shape[1]] = shown
        return out

    def _own_bits(self) -> npt.NDArray[np.uint8]:
        if self.data is None:
            raise HeaderError("the overlay has no data of its own: its bits are among those of the pixels")
        size = self.rows * self.columns
        first = self.frame * size
        # Bits follow each other without a gap, from the lowest of a byte or word to the highest (PS3.5, 8.1.2).
        start, stop = first // 16 * 2, (first + size + 15) // 16 * 2
        packed = np.frombuffer(self.data.value, np.uint8)[start:stop]
        if not self.data.little_endian and self.data.vr != "OB":
            packed = packed[: len(packed) // 2 * 2].view(np.uint16).byteswap().view(np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[first - start * 8 :][:size]
        return bits.reshape(self.rows, self.columns)


def overlays_of(headers: Headers, frames: Sequence[int | None]) -> tuple[Overlay, ...]:
    """Return the overlays of some slices.

    Parameters
    ----------
    headers : Headers
        Headers of the slices.
    frames : sequence of (int or None)
        For each slice its frame in a multi-frame file, from 0.
    """
    found = []
    for group in _groups(headers):
        slices = tuple(k for k, frame in enumerate(frames) if _is_there(headers, k, group, frame))
        if slices:
            label, description, kind = (_text(headers, group, e, slices) for e in (_LABEL, _DESCRIPTION, _TYPE))
            found.append(Overlay(group, label, description, kind, slices))
    return tuple(found)


def overlay_plane(
    headers: Headers, index: int, group: int, frame: int | None, form: PixelFormat
) -> OverlayPlane | None:
    """Return the overlay of a slice; None if it has none in the group.

    Parameters
    ----------
    headers : Headers
        Headers of the slices.
    index : int
        The slice.
    group : int
        The group.
    frame : int or None
        The frame of a multi-frame file that the slice is, from 0.
    form : PixelFormat
        How the pixels of the slice are stored.

    Raises
    ------
    HeaderError
        If what the header says of the overlay is missing or makes no sense; the message names slice and group.
    """
    if not _is_there(headers, index, group, frame):
        return None
    try:
        return _plane(headers, index, group, frame, form)
    except HeaderError as error:
        raise HeaderError(f"slice {index}: the overlay 0x{group:04X} cannot be used: {error}") from None


def unwritten_overlays(headers: Headers, source: Headers) -> dict[int, Column | None]:
    """Return the attributes of overlays as they stand in single-frame images with the values of pixels alone.

    An overlay in unused bits of the pixels is not written with them, and one that lies over frames of an image
    lies over none of this: their attributes are left out of such slices.

    Parameters
    ----------
    headers : Headers
        Headers of the images to be written.
    source : Headers
        Headers of the slices they are made of.
    """
    of_frames = [text_of(source.element(_NUMBER_OF_FRAMES, k)) not in ("", "1") for k in range(len(source))]
    columns: dict[int, Column | None] = {}
    for group in _groups(headers):
        gone = [
            (_element(headers, k, group, _DATA) is None and _embedded_bit(headers, k, group))
            or (of_frames[k] and _element(headers, k, group, _FRAMES) is not None)
            for k in range(len(headers))
        ]
        for tag in headers.columns() if any(gone) else ():
            if tag >> 16 == group:
                kept = tuple(None if is_gone else headers.element(tag, k) for k, is_gone in enumerate(gone))
                columns[tag] = kept if any(kept) else None
    return columns


def _groups(headers: Headers) -> list[int]:
    return sorted({group for tag in headers.columns() if (group := tag >> 16) in OVERLAY_GROUPS})


def _element(headers: Headers, index: int, group: int, element: int) -> RawElement | None:
    found = headers.element(group << 16 | element, index)
    return found if found is not None and found.value.strip(b" \0" if element == _FRAMES else b"") else None


def _text(headers: Headers, group: int, element: int, slices: Sequence[int]) -> str:
    values = headers[group, element]
    return next((str(values[k]).strip() for k in slices if values[k]), "")


def _is_there(headers: Headers, index: int, group: int, frame: int | None) -> bool:
    if _element(headers, index, group, _DATA) is None and not _embedded_bit(headers, index, group):
        return False
    return _overlay_frame(headers, index, group, frame) is not None


def _embedded_bit(headers: Headers, index: int, group: int) -> bool:
    """Whether a group without data of its own says that it is a bit of the pixels."""
    position = _element(headers, index, group, _BIT)
    return position is not None and (_number(position, "bit position") > 0 or _bits(headers, index, group) > 1)


def _bits(headers: Headers, index: int, group: int) -> int:
    stated = _element(headers, index, group, _BITS)
    return 1 if stated is None else _number(stated, "bits allocated")


def _overlay_frame(headers: Headers, index: int, group: int, frame: int | None) -> int | None:
    """Return which frame of an overlay lies over a frame of the image, from 0; None if none does.

    An overlay that is not said to be of frames lies over all of them.
    """
    count = _element(headers, index, group, _FRAMES)
    if count is None or frame is None:
        return 0
    text = text_of(count)
    if not text.isdigit() or int(text) < 1:
        raise HeaderError(f"NumberOfFramesInOverlay must be a positive integer (got {text!r:.40} in 0x{group:04X})")
    first = _element(headers, index, group, _FIRST_FRAME)
    wanted = frame + 1 - (1 if first is None else _number(first, "frame"))
    return wanted if 0 <= wanted < int(text) else None


def _plane(headers: Headers, index: int, group: int, frame: int | None, form: PixelFormat) -> OverlayPlane:
    data = _element(headers, index, group, _DATA)
    sizes = [_element(headers, index, group, element) for element in (_ROWS, _COLUMNS)]
    if data is None:
        stated = [None if size is None else _number(size, "size") for size in sizes]
        return _embedded(headers, index, group, stated, form)
    if None in sizes:
        raise HeaderError("OverlayRows and OverlayColumns must be there")
    rows, columns = (_number(size, "size") for size in sizes if size is not None)
    top, left = _origin(headers, index, group)
    number = _overlay_frame(headers, index, group, frame) or 0
    _check_length(data, rows * columns * (number + 1), _bits(headers, index, group))
    return OverlayPlane(rows, columns, top, left, data=data, frame=number)


def _check_length(data: RawElement, wanted: int, bits: int) -> None:
    least = (wanted + 7) // 8
    if len(data.value) < least:
        raise HeaderError(f"OverlayData must have {least} bytes at least (got {len(data.value)})")
    if bits > 1 and len(data.value) >= wanted * bits // 8:
        raise HeaderError(f"OverlayData has {bits} bits for a pixel, and must have one")


def _embedded(
    headers: Headers, index: int, group: int, stated: Sequence[int | None], form: PixelFormat
) -> OverlayPlane:
    position = _element(headers, index, group, _BIT)
    bit = 0 if position is None else _number(position, "bit position")
    used = range(form.high_bit + 1 - form.bits_stored, form.high_bit + 1)
    if form.samples != 1 or form.floating or bit >= form.bits_allocated or bit in used:
        raise HeaderError(
            f"OverlayBitPosition {bit} must be an unused bit of the pixels: they have {form.bits_allocated}, and "
            f"{used.start} to {used.stop - 1} are their values (or give OverlayData)"
        )
    if any(size not in (None, whole) for size, whole in zip(stated, (form.rows, form.columns), strict=True)):
        raise HeaderError(
            f"an overlay in the bits of the pixels must be of their size, {form.rows} rows and {form.columns} columns "
            f"(got {stated[0]} and {stated[1]})"
        )
    return OverlayPlane(form.rows, form.columns, 0, 0, bit=bit)


def _origin(headers: Headers, index: int, group: int) -> tuple[int, int]:
    origin = _element(headers, index, group, _ORIGIN)
    if origin is None or len(origin.value) < 4:
        raise HeaderError("OverlayOrigin must give the row and column of its first pixel")
    row, column = struct.unpack(("<" if origin.little_endian else ">") + "hh", origin.value[:4])
    return row - 1, column - 1


def _number(element: RawElement, what: str) -> int:
    if len(element.value) < 2:
        raise HeaderError(f"the {what} of an overlay must have two bytes (got {element.value!r})")
    return int.from_bytes(element.value[:2], "little" if element.little_endian else "big")
