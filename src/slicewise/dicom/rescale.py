"""Stored values to modality values and back: rescale slope and intercept (PS3.3, C.11.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import column_decimals
from slicewise.errors import HeaderError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = ["Rescale", "rescales"]

Array = npt.NDArray[Any]


class Rescale(NamedTuple):
    """Value = slope x stored value + intercept: a value mapping (see ``dicom.value_mapping``)."""

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

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return what the lowest and the highest stored value become, in either order."""
        return low * self.slope + self.intercept, high * self.slope + self.intercept

    def apply(self, stored: Array, out: Array) -> None:
        """Write the values of stored values into an array of the type ``value_dtype`` gives."""
        if self.is_identity:
            np.copyto(out, stored, casting="unsafe")
        elif out.dtype.kind == "f":
            # In double precision and rounded once.
            np.copyto(out, stored * np.float64(self.slope) + self.intercept, casting="unsafe")
        elif self.slope < 0:
            # The product may be negative where the result is not.
            np.copyto(out, stored.astype(np.int64) * int(self.slope) + int(self.intercept), casting="unsafe")
        else:
            np.multiply(stored, out.dtype.type(self.slope), out=out, casting="unsafe", dtype=out.dtype)
            np.add(out, out.dtype.type(self.intercept), out=out)


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
