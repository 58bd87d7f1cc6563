"""Converters of the parameters of filters: one form of message for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.errors import ParameterError

__all__ = [
    "Number",
    "check_order",
    "checked_by",
    "choice",
    "integer",
    "integers",
    "lengths",
    "number",
    "number_pair",
    "pixel_type",
]

Number = int | float

_PIXEL_TYPES = "bool, int8 to int64, uint8 to uint64, float32 and float64"


def integer(name: str, minimum: int = 0) -> Callable[[Any], int]:
    """Return a converter to an integer not below a minimum."""

    def convert(value: Any) -> int:
        if not _is_integer(value, minimum):
            raise ParameterError(f"{name!r} must be {_integer_kind(minimum)} (got {value!r})")
        return int(value)

    return convert


def integers(name: str, minimum: int = 0, *, axes_optional: bool = False) -> Callable[[Any], tuple[Any, ...]]:
    """Return a converter to three integers (x, y, z); one is taken for all axes.

    With ``axes_optional`` an axis may be None.
    """

    def convert(value: Any) -> tuple[Any, ...]:
        three = _three(value)
        if three is None or not all((v is None and axes_optional) or _is_integer(v, minimum) for v in three):
            kept = ", None to leave an axis as it is" if axes_optional else ""
            raise ParameterError(f"{name!r} must be {_integer_kind(minimum)} or three of them{kept} (got {value!r})")
        return tuple(None if v is None else int(v) for v in three)

    return convert


def lengths(name: str, *, zero_allowed: bool = False, axes_optional: bool = False) -> Callable[[Any], tuple[Any, ...]]:
    """Return a converter to three lengths in mm (x, y, z); one is taken for all axes.

    With ``axes_optional`` an axis may be None.
    """

    def fits(value: Any) -> bool:
        if value is None:
            return axes_optional
        return _is_finite(value) and (value > 0 or (zero_allowed and value == 0))

    def convert(value: Any) -> tuple[Any, ...]:
        three = _three(value)
        if three is None or not all(fits(v) for v in three):
            kind = "a length in mm, 0 or more," if zero_allowed else "a positive length in mm"
            kept = ", None to leave an axis as it is" if axes_optional else ""
            raise ParameterError(f"{name!r} must be {kind} or three of them{kept} (got {value!r})")
        return tuple(None if v is None else float(v) for v in three)

    return convert


def number(name: str) -> Callable[[Any], Number]:
    """Return a converter to a number that is not NaN; whole numbers stay integers."""

    def convert(value: Any) -> Number:
        if not _is_number(value):
            raise ParameterError(f"{name!r} must be a number (got {value!r})")
        return _python(value)

    return convert


def number_pair(name: str) -> Callable[[Any], tuple[Number, Number]]:
    """Return a converter to two finite numbers, the lower one first."""

    def convert(value: Any) -> tuple[Number, Number]:
        pair = tuple(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else ()
        if len(pair) != 2 or not all(_is_finite(v) for v in pair) or not pair[0] < pair[1]:
            raise ParameterError(f"{name!r} must be two numbers, the lower one first (got {value!r})")
        return _python(pair[0]), _python(pair[1])

    return convert


def choice(name: str, allowed: Sequence[str]) -> Callable[[Any], str]:
    """Return a converter that takes one of some words."""

    def convert(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ParameterError(f"{name!r} must be one of {', '.join(map(repr, allowed))} (got {value!r})")
        return value

    return convert


def pixel_type(name: str) -> Callable[[Any], str]:
    """Return a converter to the name of a type pixels can have."""

    def convert(value: npt.DTypeLike) -> str:
        try:
            dtype = np.dtype(value)
        except TypeError:
            raise ParameterError(f"{name!r} must be a pixel type: {_PIXEL_TYPES} (got {value!r})") from None
        if dtype.kind not in "biuf" or (dtype.kind == "f" and dtype.itemsize not in (4, 8)):
            raise ParameterError(f"{name!r} must be a pixel type: {_PIXEL_TYPES} (got {dtype})")
        return dtype.name

    return convert


def checked_by(convert: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    """Return a validator of attrs that lets pass what a converter takes: the parameter is told as it was written."""

    def validate(_: Any, __: Any, value: Any) -> None:
        convert(value)

    return validate


def check_order(lower: Number | None, upper: Number | None) -> None:
    """Raise if bounds leave nothing between them.

    Raises
    ------
    ParameterError
        If there is no bound, or the lower one is above the upper one.
    """
    if lower is None and upper is None:
        raise ParameterError("'lower' or 'upper' must be given (got neither)")
    if lower is not None and upper is not None and lower > upper:
        raise ParameterError(f"'lower' must not be above 'upper' (got {lower} and {upper})")


def _three(value: Any) -> tuple[Any, ...] | None:
    if value is None or isinstance(value, int | float | np.number):
        return (value,) * 3
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        return None
    three = tuple(value)
    return three if len(three) == 3 else None


def _is_integer(value: Any, minimum: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= minimum


def _is_number(value: Any) -> bool:
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool) and not math.isnan(value)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)


def _python(value: Any) -> Number:
    return int(value) if isinstance(value, int | np.integer) else float(value)


def _integer_kind(minimum: int) -> str:
    kinds = {0: "an integer, 0 or more,", 1: "a positive integer"}
    return kinds.get(minimum, f"an integer of {minimum} or more")
