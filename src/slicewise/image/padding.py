"""Padding: the value of pixels that were never imaged (PS3.3, C.7.5.1.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.image.elements import RawElement, tag_of
from slicewise.image.headers import Headers, PerSlice

__all__ = ["Line", "Padding", "common_padding", "paddings", "stated_lines"]

Line = tuple[float, float]
"""Slope and intercept from stored values to values."""

_VALUE = tag_of("PixelPaddingValue")
_LIMIT = tag_of("PixelPaddingRangeLimit")
_SIGNED = tag_of("PixelRepresentation")
_SLOPE = tag_of("RescaleSlope")
_INTERCEPT = tag_of("RescaleIntercept")
_OTHERWISE = (tag_of("ModalityLUTSequence"), tag_of("DoseGridScaling"))


@attrs.frozen
class Padding:
    """The value, or the range of values, of pixels that were never imaged; in the units of the image.

    Parameters
    ----------
    value : number
        Pixel Padding Value.
    limit : number
        The other end of the range; the value itself where there is none.
    marks : bool
        Whether pixels with it are padding. After a filter it is only what the image is filled up with outside.
    """

    value: float
    limit: float
    marks: bool = attrs.field(default=True, repr=False)

    @property
    def low(self) -> float:
        """The lower end of the range."""
        return min(self.value, self.limit)

    @property
    def high(self) -> float:
        """The upper end of the range."""
        return max(self.value, self.limit)

    def contains(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Tell for each value whether it is padding."""
        return (values >= self.low) & (values <= self.high)


def common_padding(slices: Sequence[Padding | None]) -> Padding | PerSlice | None:
    """Return the padding of an image: one for all its slices, or one for each; None where nothing is padding."""
    marking = [p if p is not None and p.marks else None for p in slices]
    if all(p == marking[0] for p in marking):
        return marking[0] if marking else None
    return PerSlice(marking)


def paddings(headers: Headers, lines: Sequence[Line | None], dtype: np.dtype[Any]) -> tuple[Padding | None, ...]:
    """Return the padding that the header of each slice states; nothing at all where none does.

    Parameters
    ----------
    headers : Headers
        Headers of the slices, as the stored values are described by them.
    lines : sequence of (slope, intercept) or None
        For each slice what its stored values become; None where that is no line.
    dtype : numpy dtype
        Type of the values. What it cannot hold is no padding.
    """
    if headers.column(_VALUE) is None or dtype.kind == "b":
        return ()
    found = tuple(_padding(headers, k, line, dtype) if line else None for k, line in enumerate(lines))
    return found if any(found) else ()


def stated_lines(headers: Headers) -> tuple[Line | None, ...]:
    """Return the rescale slope and intercept of each slice; None where they are not all there is, or no numbers."""
    return tuple(_stated_line(headers, k) for k in range(len(headers)))


def _stated_line(headers: Headers, index: int) -> Line | None:
    if any(headers.element(tag, index) is not None for tag in _OTHERWISE):
        return None
    slope, intercept = headers.element(_SLOPE, index), headers.element(_INTERCEPT, index)
    try:
        return _number(slope, 1.0), _number(intercept, 0.0)
    except ValueError:
        return None


def _number(element: RawElement | None, default: float) -> float:
    text = "" if element is None else element.value.decode("ascii", "replace").strip(" \0")
    return float(text.split("\\")[0]) if text else default


def _padding(headers: Headers, index: int, line: Line, dtype: np.dtype[Any]) -> Padding | None:
    value, limit = (headers.element(tag, index) for tag in (_VALUE, _LIMIT))
    if value is None or len(value.value) < 2:
        return None
    ends = [_stored(e, headers.element(_SIGNED, index)) for e in (value, limit) if e is not None and len(e.value) >= 2]
    meant = [_in_type(end * line[0] + line[1], dtype) for end in ends]
    return None if None in meant else Padding(meant[0], meant[-1])  # type: ignore[arg-type]


def _stored(element: RawElement, representation: RawElement | None) -> int:
    # The element is of type "US or SS": it is read as the pixels are.
    signed = element.vr == "SS" if representation is None else b"\x01" in representation.value[:2]
    return int.from_bytes(element.value[:2], "little" if element.little_endian else "big", signed=signed)


def _in_type(value: float, dtype: np.dtype[Any]) -> float | None:
    if dtype.kind == "f":
        rounded: float = dtype.type(value).item()
        return rounded if np.isfinite(rounded) else None
    limits = np.iinfo(dtype)
    return int(value) if limits.min <= value <= limits.max and value == int(value) else None
