"""How much memory the process takes, while something runs."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["PeakMemory", "resident_bytes"]

_EVERY = 0.01
"""Seconds between two looks."""

_OF_LINUX = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Return the resident set size of the process; where the system does not tell, the largest that it ever was."""
    try:
        return int(_OF_LINUX.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        # In kilobytes, but on macOS in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class PeakMemory:
    """The most memory that the process takes while a block runs, looked at a hundred times a second.

    Parameters
    ----------
    look : callable
        Returns the bytes at the moment.
    """

    def __init__(self, look: Callable[[], int] = resident_bytes) -> None:
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="slicewise-memory", daemon=True)
        self.before = self.peak = look()

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look a last time."""
        self._over.set()
        self._thread.join()
        self.peak = max(self.peak, self._look())

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.peak = max(self.peak, self._look())
