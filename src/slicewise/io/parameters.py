"""Checks of parameters that readers and writers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from slicewise.errors import ParameterError

__all__ = ["fixed_mapping", "integer_string", "one_of", "tolerance"]


def one_of(*choices: str) -> Callable[[Any, attrs.Attribute[str], str], None]:
    """Return a validator that takes one of some words."""

    def check(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in choices:
            wanted = " or ".join(repr(c) for c in choices)
            raise ParameterError(f"{attribute.name!r} must be {wanted} (got {value!r})")

    return check


def fixed_mapping(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return a copy of a mapping that cannot be changed; an empty one for None."""
    return MappingProxyType(dict(value or {}))


def tolerance(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Take a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ParameterError(f"{attribute.name!r} must be a number that is not negative (got {value!r})")


def integer_string(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Take an integer that an IS element holds (PS3.5, 6.2)."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise ParameterError(f"{attribute.name!r} must be an integer from {-(2**31)} to {2**31 - 1} (got {value!r})")
