"""How far a run is: one value, for bars and for functions of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import attrs

from slicewise.pipeline.bars import bar, person_looks
from slicewise.pipeline.sizes import format_bytes

__all__ = ["Progress", "Show", "Tell", "show_progress"]

_SURE = 0.5
"""Seconds before which nothing is said of how long it will take."""

_WEIGHT = 0.3
"""How much a new estimate counts against those before: threads that end in turns make it swing."""


@attrs.frozen(kw_only=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    title : str
        What is being done.
    done, total : int
        How many of how many slices, or files, are done in this phase.
    unit : str
        What is counted: ``"slice"`` or ``"file"``.
    bytes_done, bytes_total : int, optional
        How many of how many bytes; None where they are not known. Of slices, those of their values.
    elapsed : float
        Seconds since the phase began.
    remaining : float, optional
        Estimate of the seconds until the phase ends, by what was done so far; None until it can be told.
    phase, phases : int
        Which phase of how many, from 1: a run has several if something is held whole, or measured before it is written.
        Each counts from zero.

    Examples
    --------
    >>> print(
    ...     Progress(
    ...         title="writing", done=20, total=80, bytes_done=10**7, bytes_total=4 * 10**7, elapsed=2, remaining=6
    ...     )
    ... )
    writing: 20 of 80 slices, 10 MB of 40 MB, 5 MB/s, 0:06 left
    """

    title: str
    done: int
    total: int
    unit: str = "slice"
    bytes_done: int | None = None
    bytes_total: int | None = None
    elapsed: float = 0.0
    remaining: float | None = None
    phase: int = 1
    phases: int = 1

    @property
    def heading(self) -> str:
        """The title, with the number of the phase if there are several."""
        return self.title if self.phases == 1 else f"{self.title} ({self.phase} of {self.phases})"

    @property
    def figures(self) -> str:
        """All but the heading as a person reads it."""
        parts = [f"{self.done} of {self.total} {self.unit}s"]
        if self.bytes_done is not None and self.bytes_total is not None:
            parts.append(f"{format_bytes(self.bytes_done)} of {format_bytes(self.bytes_total)}")
            if self.bytes_done and self.elapsed >= _SURE:
                parts.append(f"{format_bytes(self.bytes_done / self.elapsed)}/s")
        if self.remaining is not None and self.done < self.total:
            parts.append(f"{_clock(self.remaining)} left")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.heading}: {self.figures}"


Show = Callable[[Progress], object]
"""What users give: told each time how far the run is."""


class Tell(Protocol):
    """What work tells how far it is."""

    def __call__(self, done: int, total: int, bytes_done: int | None = None, bytes_total: int | None = None, /) -> None:
        """Tell how many of how many are done, and bytes where they are known."""


@contextmanager
def show_progress(
    wanted: Show | bool | None,  # noqa: FBT001 - as users say it
    title: str,
    unit: str = "slice",
    phase: tuple[int, int] = (1, 1),
) -> Iterator[Tell]:
    """Give a function to tell progress to.

    Parameters
    ----------
    wanted : bool, callable or None
        A callable is told each time, in the thread that started the work. True shows a bar, False none; None shows one
        in notebooks and on terminals, and none where output is piped.
    title : str
        What is being done.
    unit : str
        What is counted.
    phase : tuple of int
        Which phase of how many.
    """
    if callable(wanted):
        yield Meter(wanted, title, unit, phase)
    elif wanted is False or (wanted is None and not person_looks()):
        yield _silent
    else:
        with bar() as show:
            yield Meter(lambda p: show(p.heading, p.done, p.total, p.figures), title, unit, phase)


def _silent(done: int, total: int, bytes_done: int | None = None, bytes_total: int | None = None, /) -> None:
    """Say nothing."""


class Meter:
    """Makes of counts what is shown: how long it took, and how long it will take.

    Parameters
    ----------
    show : callable
        Gets the ``Progress``.
    title, unit, phase : str, str, tuple of int
        As for ``show_progress``.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self, show: Show, title: str, unit: str, phase: tuple[int, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show = show
        self._like = Progress(title=title, done=0, total=0, unit=unit, phase=phase[0], phases=phase[1])
        self._clock = clock
        self._began = clock()
        self._end: float | None = None

    def __call__(self, done: int, total: int, bytes_done: int | None = None, bytes_total: int | None = None, /) -> None:
        """Show how many of how many are done."""
        elapsed = self._clock() - self._began
        share = bytes_done / bytes_total if bytes_done is not None and bytes_total else done / max(total, 1)
        remaining = self._remaining(share, elapsed)
        self._show(
            attrs.evolve(
                self._like,
                done=done,
                total=total,
                bytes_done=bytes_done,
                bytes_total=bytes_total,
                elapsed=elapsed,
                remaining=remaining,
            )
        )

    def _remaining(self, share: float, elapsed: float) -> float | None:
        """Return what is left if it goes on as it went so far; estimates of the end are averaged."""
        if share >= 1:
            return 0.0
        if share <= 0 or elapsed < _SURE:
            return None
        end = elapsed / share
        self._end = end if self._end is None else self._end + _WEIGHT * (end - self._end)
        return max(0.0, self._end - elapsed)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
