"""Paths as readers take them: one, or several."""

from __future__ import annotations

import os
from collections.abc import Sequence

from slicewise.io.listing import PathLike

__all__ = ["path_or_paths"]


def path_or_paths(value: PathLike | Sequence[PathLike]) -> str | tuple[str, ...]:
    """Return a path as text, or several as a tuple of texts."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    return tuple(os.fspath(v) for v in value)
