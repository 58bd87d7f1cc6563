"""Paths as nodes take them: one, or several."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from slicewise.io.listing import PathLike

__all__ = ["one_path", "path_or_paths"]


def one_path(value: str | os.PathLike[str]) -> Path:
    """Return a path, with the home folder for ``~``."""
    return Path(value).expanduser()


def path_or_paths(value: PathLike | Sequence[PathLike]) -> str | tuple[str, ...]:
    """Return a path as text, or several as a tuple of texts."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    return tuple(os.fspath(v) for v in value)
