"""The files that results come from: whether they are still what they were."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from slicewise.errors import ReadError

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["SourceFile", "are_settled", "check_unchanged", "source_files"]

_TICK_NS = 20_000_000
"""Longer than the step of the clock that file systems take times of change from."""

_COARSE_TICK_NS = 2_000_000_000
"""The step of file systems that know even seconds only, such as FAT."""


@attrs.frozen
class SourceFile:
    """A file on disk as it was when it was looked at.

    Parameters
    ----------
    path : Path
        The file.
    size, mtime_ns : int
        Its size in bytes and its time of change.
    """

    path: Path
    size: int
    mtime_ns: int

    def check_unchanged(self) -> None:
        """Raise if the file is not what it was.

        Raises
        ------
        ReadError
            If it is another, or gone.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise ReadError(f"{self.path}: the file is gone since its header was read ({error.strerror})") from error
        if status.st_size != self.size:
            what = f"it has {status.st_size} bytes now and had {self.size}"
        elif status.st_mtime_ns != self.mtime_ns:
            what = "its time of change is another"
        else:
            return
        raise ReadError(f"{self.path}: the file changed since its header was read ({what}): make the reader again")

    @property
    def ctime_ns(self) -> int:
        """When the file, or what is known of it, changed last; 0 if it is gone.

        It differs where a copy took the place of a file with its size and time of change.
        """
        try:
            return self.path.stat().st_ctime_ns
        except OSError:
            return 0

    def is_settled(self, now: int) -> bool:
        """Whether a change of the file from now on, in nanoseconds since 1970, gives it another time of change."""
        tick = _TICK_NS if self.mtime_ns % 1_000_000_000 else _COARSE_TICK_NS
        return self.mtime_ns + tick < now


def source_files(nodes: Iterable[Node]) -> list[SourceFile]:
    """Return the files that some nodes come from, each once."""
    seen = dict.fromkeys(n for target in nodes for n in target.walk())
    return list(dict.fromkeys(file for n in seen for file in n.source_files))


def check_unchanged(nodes: Iterable[Node]) -> None:
    """Raise if a file that nodes come from is not what it was when it was looked at.

    Raises
    ------
    ReadError
        If one is another, or gone.
    """
    for file in source_files(nodes):
        file.check_unchanged()


def are_settled(nodes: Iterable[Node], now: int) -> bool:
    """Whether size and time of change tell the content of all files that nodes come from, read from now on."""
    return all(file.is_settled(now) for file in source_files(nodes))
