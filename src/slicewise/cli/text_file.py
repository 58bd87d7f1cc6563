"""Texts that commands write: complete or absent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from slicewise.errors import DestinationError, WriteError

__all__ = ["write_text"]


def write_text(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a text to a file.

    Raises
    ------
    DestinationError
        If there is something already, and it is not to be replaced.
    WriteError
        If it cannot be written.
    """
    if path.exists() and (not overwrite or not path.is_file()):
        raise DestinationError(f"{path}: it is there already; choose another name, or replace it with --overwrite")
    try:
        with tempfile.TemporaryDirectory(prefix=".slicewise.partial-", dir=path.parent) as folder:
            staged = Path(folder, path.name)
            staged.write_text(text, encoding="utf-8")
            staged.replace(path)
    except OSError as error:
        raise WriteError(f"{path}: it cannot be written ({error.strerror})") from error
