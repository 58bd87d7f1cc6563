"""Display windows: the VOI functions of the standard (PS3.3, C.11.2.1.2), and the windows of headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = ["FUNCTIONS", "VoiWindow", "header_windows"]

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

_CENTER = tag_of("WindowCenter")
_WIDTH = tag_of("WindowWidth")
_FUNCTION = tag_of("VOILUTFunction")

FloatArray = npt.NDArray[np.float64]


@attrs.frozen
class VoiWindow:
    """A window and the function it is applied by.

    Parameters
    ----------
    center, width : float
        In units of the values.
    function : str
        One of ``FUNCTIONS``.
    """

    center: float
    width: float
    function: str = "LINEAR"

    @classmethod
    def checked(cls, center: float, width: float, function: str) -> VoiWindow:
        """Return a window whose width is one the function can work with.

        Raises
        ------
        ParameterError
            If the width is below 1 (LINEAR) or not above 0 (the others).
        """
        if not (width >= 1 if function == "LINEAR" else width > 0):
            wanted = "1 or more" if function == "LINEAR" else "above 0"
            raise ParameterError(f"'width' must be {wanted} for the function {function} (got {width})")
        return cls(center, width, function)

    def apply(self, values: FloatArray, low: float, high: float) -> FloatArray:
        """Return the grey levels of values, from low to high; of NaN the low one."""
        return np.where(np.isnan(values), float(low), self._levels(values, low, high))

    def _levels(self, values: FloatArray, low: float, high: float) -> FloatArray:
        if self.function == "SIGMOID":
            # Beyond this the exponential overflows, and the level has long been reached.
            slope = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return np.asarray((high - low) / (1 + np.exp(slope)) + low)
        center, width = self.center, self.width
        if self.function == "LINEAR":
            # Window values are stated for integers: width 2 is two values, one step apart.
            center, width = center - 0.5, width - 1
        if width == 0:
            return np.where(values <= center, float(low), float(high))
        levels = ((values - center) / width + 0.5) * (high - low) + low
        return np.asarray(np.clip(levels, low, high))


def header_windows(headers: Headers, slices: Sequence[int], function: str | None = None) -> list[VoiWindow]:
    """Return for some slices the first window in their headers.

    Parameters
    ----------
    headers : Headers
        Headers of the image.
    slices : sequence of int
        The slices.
    function : str, optional
        The function to use instead of the header's.

    Raises
    ------
    HeaderError
        If a slice has no window, or one that cannot be used.
    """
    return [_header_window(headers, index, function) for index in slices]


def _header_window(headers: Headers, index: int, function: str | None) -> VoiWindow:
    centers, widths = (decimals(headers.element(tag, index)) for tag in (_CENTER, _WIDTH))
    if not centers or not widths:
        raise HeaderError(
            f"slice {index} has no WindowCenter and WindowWidth in its header: give them, as in "
            "Window(center=40, width=400)"
        )
    stated: Any = function or text_of(headers.element(_FUNCTION, index)) or "LINEAR"
    if stated not in FUNCTIONS:
        raise HeaderError(f"VOILUTFunction of slice {index} must be one of {', '.join(FUNCTIONS)} (got {stated!r})")
    try:
        return VoiWindow.checked(centers[0], widths[0], stated)
    except ParameterError as error:
        raise HeaderError(f"the window in the header of slice {index} cannot be used: {error}") from None
