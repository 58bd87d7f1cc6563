"""The file beside a script that holds the values too large for it."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

__all__ = ["SideFile"]


class SideFile:
    """Values one after the other in a file; equal ones are there once.

    Parameters
    ----------
    file : binary file
        Where they are written to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[bytes, tuple[int, int]] = {}
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 of all that was added, in hexadecimal digits."""
        return self._digest.hexdigest()

    def add(self, value: bytes) -> tuple[int, int]:
        """Return offset and length in bytes of a value, which is added if it is not there yet."""
        key = hashlib.sha256(value).digest()
        if key not in self._places:
            self._file.write(value)
            self._digest.update(value)
            self._places[key] = (self.size, len(value))
            self.size += len(value)
        return self._places[key]
