"""Modality values to stored values: the choice of slope and intercept, and the proof that it holds.

A slope is first fixed as the decimal string that will stand in the header; values are quantised
with exactly that number, decoded again and compared. What does not fit is an error, never clipped.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.rescale import Rescale
from slicewise.dicom.values import decimal_below, decimal_string
from slicewise.errors import ValueRangeError

__all__ = ["Misfit", "Storage", "covering", "identity_storage", "moved_up", "quantise"]

Array = npt.NDArray[Any]

_STEPS = 65534
"""Steps between the ends of a 16-bit range, less one for the rounding of the slope."""


class Misfit(Exception):  # noqa: N818 - not an error: another storage is tried
    """The values do not fit a storage."""


@attrs.frozen
class Storage:
    """How values are stored: slope and intercept as written, and the bits.

    Parameters
    ----------
    slope, intercept : str
        Decimal strings of at most 16 characters, as they stand in the header.
    form : PixelFormat
        The stored format.
    exact : bool
        Whether every value must be met exactly, but for the rounding of its floating-point type.
    """

    slope: str
    intercept: str
    form: PixelFormat
    exact: bool = False

    @property
    def rescale(self) -> Rescale:
        """Slope and intercept as numbers."""
        return Rescale(float(self.slope), float(self.intercept))


def identity_storage(form: PixelFormat) -> Storage:
    """Return the storage of values as they are."""
    return Storage("1", "0", form, exact=True)


def moved_up(storage: Storage) -> Storage:
    """Return the storage of the same values as unsigned ones: half their range more, and a lower intercept."""
    shift = 1 << (storage.form.bits_stored - 1)
    intercept = Decimal(storage.intercept) - Decimal(storage.slope) * shift
    exact = f"{intercept:f}"
    exact = exact.rstrip("0").rstrip(".") if "." in exact else exact
    return attrs.evolve(
        storage,
        intercept=exact if len(exact) <= 16 else decimal_string(float(intercept)),
        form=attrs.evolve(storage.form, signed=False),
    )


def covering(low: float, high: float, form: PixelFormat, *, zero_intercept: bool) -> Storage:
    """Return a 16-bit storage that covers a range of values as finely as it can.

    Parameters
    ----------
    low, high : float
        Smallest and largest value.
    form : PixelFormat
        Rows, columns and photometric interpretation of the result.
    zero_intercept : bool
        Whether the intercept must be 0, as in PET (PS3.3, C.8.9.4).

    Raises
    ------
    ValueRangeError
        If the range is wider than numbers reach.
    """
    if zero_intercept:
        signed = low < 0
        reach = max(abs(low), abs(high))
        slope = _slope(reach / ((_STEPS // 2) if signed else _STEPS))
        return Storage(slope, "0", _sixteen_bits(form, signed=signed))
    intercept = decimal_below(low)
    slope = _slope((high - float(intercept)) / _STEPS)
    return Storage(slope, intercept, _sixteen_bits(form, signed=False))


def _slope(step: float) -> str:
    if not math.isfinite(step):
        raise ValueRangeError("the values reach too far apart to be stored: Clip them first")
    if step == 0:
        return "1"
    return decimal_string(float(f"{step:.7e}"))


def _sixteen_bits(form: PixelFormat, *, signed: bool) -> PixelFormat:
    return attrs.evolve(form, bits_allocated=16, bits_stored=16, high_bit=15, signed=signed)


def quantise(values: Array, storage: Storage, place: str) -> tuple[Array, float]:
    """Return the stored values of a slice and the largest error they make.

    Parameters
    ----------
    values : array of shape (rows, columns[, samples])
        Modality values.
    storage : Storage
        How to store them.
    place : str
        What slice this is, for messages.

    Raises
    ------
    Misfit
        If a value is out of range, or an exact storage is not exact.
    ValueRangeError
        If a value is not finite.
    """
    if values.dtype.kind != "f" and storage.exact and storage.rescale.is_integral:
        return _quantise_integers(values, storage), 0.0
    return _quantise_floats(values, storage, place)


def _quantise_integers(values: Array, storage: Storage) -> Array:
    rescale, form = storage.rescale, storage.form
    numbers = values.view(np.uint8) if values.dtype == np.bool_ else values
    if rescale.is_identity and numbers.dtype == form.dtype and form.bits_stored == form.bits_allocated:
        return numbers
    slope, intercept = int(rescale.slope), int(rescale.intercept)
    smallest, largest = int(numbers.min()), int(numbers.max())
    low, high = form.limits
    ends = sorted((v - intercept) / slope for v in (smallest, largest))
    if ends[0] < low or ends[1] > high:
        raise Misfit(
            f"values {smallest} to {largest} do not fit {low} to {high} at {storage.slope}, {storage.intercept}"
        )
    wide = numbers if intercept == 0 else numbers.astype(np.int64) - intercept
    stored, rest = (wide, 0) if slope == 1 else np.divmod(wide, slope)
    if np.any(rest):
        raise Misfit(f"values are no multiples of the slope {storage.slope}")
    return stored.astype(form.dtype)


def _quantise_floats(values: Array, storage: Storage, place: str) -> tuple[Array, float]:
    exact = values.astype(np.float64)
    if not np.isfinite(exact).all():
        bad = int(np.count_nonzero(~np.isfinite(exact)))
        raise ValueRangeError(
            f"{place}: {bad} values are infinite or not a number, and cannot be stored: replace them first, e.g. with "
            "Clip or Function(numpy.nan_to_num)"
        )
    slope, intercept = storage.rescale
    steps = np.rint((exact - intercept) / slope)
    low, high = storage.form.limits
    if steps.min() < low or steps.max() > high:
        raise Misfit(f"values {exact.min():g} to {exact.max():g} do not fit {low} to {high} at slope {storage.slope}")
    error = float(np.abs(steps * slope + intercept - exact).max())
    _check_error(error, exact, values.dtype, storage, place)
    return steps.astype(storage.form.dtype), error


def _check_error(error: float, exact: Array, dtype: np.dtype[Any], storage: Storage, place: str) -> None:
    largest = float(np.abs(exact).max())
    rounding = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps) * max(
        largest, abs(storage.rescale.intercept)
    )
    allowed = rounding if storage.exact else abs(storage.rescale.slope) / 2 * (1 + 1e-6) + rounding
    if error <= allowed:
        return
    if storage.exact:
        raise Misfit(f"values are off the steps of {storage.slope} by up to {error:g}")
    raise ValueRangeError(
        f"{place}: stored with slope {storage.slope} the values come back wrong by {error:g} (allowed {allowed:g})"
    )
