"""Stored values to modality values and back: rescale slope and intercept (PS3.3, C.11.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.values import column_decimals
from slicewise.errors import HeaderError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = ["Rescale", "modality_dtype", "rescales", "to_modality"]

Array = npt.NDArray[Any]


class Rescale(NamedTuple):
    """Modality value = slope x stored value + intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether values are as stored."""
        return self.slope == 1 and self.intercept == 0

    @property
    def is_integral(self) -> bool:
        """Whether integers stay integers."""
        return self.slope == int(self.slope) and self.intercept == int(self.intercept)


def rescales(headers: Headers) -> list[Rescale]:
    """Return the rescale of each slice; the identity where a slice states none.

    Raises
    ------
    HeaderError
        If slope or intercept is not a usable number; the message names the slice.
    """
    slopes = column_decimals(headers, tag_of("RescaleSlope"))
    intercepts = column_decimals(headers, tag_of("RescaleIntercept"))
    found = []
    for k, (slope, intercept) in enumerate(zip(slopes, intercepts, strict=True)):
        rescale = Rescale(slope[0] if slope else 1.0, intercept[0] if intercept else 0.0)
        if not np.isfinite(rescale).all() or rescale.slope == 0:
            raise HeaderError(
                f"slice {k} has RescaleSlope {rescale.slope:g} and RescaleIntercept {rescale.intercept:g}: the slope "
                "must be a number other than 0, the intercept a number"
            )
        found.append(rescale)
    return found


def modality_dtype(formats: list[PixelFormat], rescale: list[Rescale]) -> np.dtype[Any]:
    """Return the type that holds every modality value these slices can have.

    An integer type if every slope and intercept is an integer, else float32, or float64 where
    stored values have more than 16 bits. It follows from the headers, not from the pixels.
    """
    if not all(r.is_integral for r in rescale):
        wide = any(f.bits_stored > 16 for f in formats)
        return np.dtype(np.float64 if wide else np.float32)
    ends = [v * r.slope + r.intercept for f, r in set(zip(formats, rescale, strict=True)) for v in f.limits]
    low, high = int(min(ends)), int(max(ends))
    for candidate in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64):
        limits = np.iinfo(candidate)
        if limits.min <= low and high <= limits.max:
            return np.dtype(candidate)
    return np.dtype(np.float64)


def to_modality(stored: Array, rescale: Rescale, out: Array) -> None:
    """Write modality values into an array of the type ``modality_dtype`` gives."""
    if rescale.is_identity:
        np.copyto(out, stored, casting="unsafe")
    elif out.dtype.kind == "f":
        # In double precision and rounded once.
        np.copyto(out, stored * np.float64(rescale.slope) + rescale.intercept, casting="unsafe")
    elif rescale.slope < 0:
        # The product may be negative where the result is not.
        np.copyto(out, stored.astype(np.int64) * int(rescale.slope) + int(rescale.intercept), casting="unsafe")
    else:
        np.multiply(stored, out.dtype.type(rescale.slope), out=out, casting="unsafe", dtype=out.dtype)
        np.add(out, out.dtype.type(rescale.intercept), out=out)
