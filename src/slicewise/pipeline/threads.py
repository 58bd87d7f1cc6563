"""Threads: several that go through pieces of a run, and how many a filter may use of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from slicewise.errors import ComputeError

__all__ = ["allowed_threads", "allowing", "in_threads", "waiting_pool"]

_LOG = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

_ALLOWED: ContextVar[int] = ContextVar("threads a filter may use of its own", default=1)


def allowed_threads() -> int:
    """Return how many threads a node may use within ``compute``: one where slabs are computed side by side.

    For nodes that hand work to a library with threads of its own, such as SimpleITK.
    """
    return _ALLOWED.get()


@contextlib.contextmanager
def allowing(number: int) -> Iterator[None]:
    """Allow nodes that are computed in the block a number of threads of their own."""
    token = _ALLOWED.set(max(1, number))
    try:
        yield
    finally:
        _ALLOWED.reset(token)


@contextlib.contextmanager
def waiting_pool(
    workers: int | None, name: str = "slicewise", *, at_end: Callable[[], object] = lambda: None
) -> Iterator[ThreadPoolExecutor]:
    """Give threads, and wait for them at the end, however often Ctrl-C is pressed meanwhile.

    They work on files and memory that are cleared away after the block.

    Parameters
    ----------
    workers : int, optional
        How many, at most; as many as cores if not given.
    name : str
        Begin of their names.
    at_end : callable
        Called before it is waited, whatever happened: tells them to stop.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was pressed while it was waited, when all have ended.
    """
    pool = _Pool(workers or os.cpu_count(), thread_name_prefix=name)
    try:
        yield pool
    finally:
        at_end()
        interrupts = list(_shut_down(pool))
        if interrupts:
            raise interrupts[0]


class _Pool(ThreadPoolExecutor):
    """Threads whose work can be waited for. A thread that was joined once and interrupted counts as ended."""

    def __init__(self, workers: int | None, *, thread_name_prefix: str) -> None:
        super().__init__(workers, thread_name_prefix=thread_name_prefix)
        self._unfinished: set[Future[Any]] = set()

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something done.

        Raises
        ------
        ComputeError
            If the system starts no more threads.
        """
        try:
            future = super().submit(function, *args, **kwargs)
        except RuntimeError as error:
            raise ComputeError(
                f"a thread cannot be started ({error}): each takes memory of its own; take fewer, e.g. workers=1"
            ) from error
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return future

    def wait(self) -> None:
        """Wait until all is done."""
        wait(set(self._unfinished))


def _shut_down(pool: _Pool) -> Iterator[KeyboardInterrupt]:
    while True:
        try:
            pool.wait()
            pool.shutdown()
        except KeyboardInterrupt as interrupt:
            _LOG.info("interrupted: waiting for the slabs at work, then nothing is left")
            yield interrupt
        else:
            return


def in_threads(
    pieces: Iterable[T], work: Callable[[T], Iterator[U]], workers: int, *, allowed: int, stop: threading.Event
) -> Generator[U, None, None]:
    """Go through pieces of work in several threads, and yield in this one what comes of them, as it comes.

    Parameters
    ----------
    pieces : iterable
        The pieces; a thread takes the next one when it is through with one.
    work : callable
        Makes of a piece an iterator over what comes of it.
    workers : int
        Number of threads.
    allowed : int
        Threads that nodes may use of their own, in each of these.
    stop : threading.Event
        Set when one of them fails, or when this thread is interrupted: the work is to look at it and raise.

    Raises
    ------
    BaseException
        What the first of them failed with, when all have ended.
    """
    told: queue.SimpleQueue[U | _Ended] = queue.SimpleQueue()
    waiting = _Shared(pieces)
    failures: list[BaseException] = []

    def go_through() -> None:
        with allowing(allowed):
            for piece in waiting:
                for result in work(piece):
                    told.put(result)

    def end(future: Future[None]) -> None:
        if (error := future.exception()) is not None:
            failures.append(error)
            stop.set()
        told.put(_Ended())

    # Also for Ctrl-C, and where nobody wants to hear more: the threads end at their next node.
    with waiting_pool(workers, "slicewise", at_end=stop.set) as pool:
        for _ in range(workers):
            pool.submit(go_through).add_done_callback(end)
        yield from _until_ended(told, workers)
    if failures:
        try:
            raise failures[0]
        finally:
            # What failed refers to all that was at work, and must not go on through this list.
            failures.clear()


def _until_ended(told: queue.SimpleQueue[U | _Ended], workers: int) -> Iterator[U]:
    while workers:
        result = told.get()
        if isinstance(result, _Ended):
            workers -= 1
        else:
            yield result


class _Ended:
    """Told when a thread is through."""


class _Shared(Iterator[T]):
    """An iterator for several threads."""

    def __init__(self, values: Iterable[T]) -> None:
        self._values = iter(values)
        self._lock = threading.Lock()

    def __next__(self) -> T:
        with self._lock:
            return next(self._values)
