"""What nodes that take long in one piece say while they compute, and how they hear that they are to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Caught", "interrupts_kept", "tell_share", "watched"]

_WATCH: ContextVar[Callable[[float], None] | None] = ContextVar("told how far a node is", default=None)


def tell_share(share: float) -> None:
    """Tell how far ``compute`` is with all slices, and stop there if the run is to.

    For nodes that need all slices at once; elsewhere nothing happens. To be called in the thread of ``compute``.

    Parameters
    ----------
    share : float
        What is done, from 0 to 1.

    Raises
    ------
    CancelledError
        If the run was cancelled.
    """
    watch = _WATCH.get()
    if watch is not None:
        watch(share)


@contextmanager
def watched(watch: Callable[[float], None]) -> Iterator[None]:
    """Pass on what is told in the block."""
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


@contextmanager
def interrupts_kept() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C back in the block, and give a function that lets it through; at the end it comes through anyway.

    For calls of libraries that would lose what is raised while they call back. Signals reach the main thread only.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    kept: list[int] = []

    def let_through() -> None:
        while kept:
            before(kept.pop(), None)

    signal.signal(signal.SIGINT, lambda number, _: kept.append(number))
    try:
        yield let_through
    finally:
        signal.signal(signal.SIGINT, before)
        let_through()


class Caught:
    """Keeps the first error of the block, of any kind."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = self.error or error
        return True
