"""Checks of parameters that readers and writers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from slicewise.errors import ParameterError

__all__ = ["one_of"]


def one_of(*choices: str) -> Callable[[Any, attrs.Attribute[str], str], None]:
    """Return a validator that takes one of some words."""

    def check(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in choices:
            wanted = " or ".join(repr(c) for c in choices)
            raise ParameterError(f"{attribute.name!r} must be {wanted} (got {value!r})")

    return check
