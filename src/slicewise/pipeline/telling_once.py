"""Warnings of nodes while slabs are computed: each is told once in a run, with the name of the node.

Filters of warnings stay as they are: what is ignored is not told, what is an error is raised in the node. Only how
warnings are shown is taken over, while a run is on, and only in its threads: ``warnings.catch_warnings`` around
a run gets what is told, in one thread or several.
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Listener"]

_AT_WORK: ContextVar[tuple[Listener, str] | None] = ContextVar("who listens, and what computes", default=None)


# Again in the same thread: objects that are collected may warn anywhere.
_LOCK = threading.RLock()


class Listener:
    """Hears the warnings of one run."""

    def __init__(self) -> None:
        self._told: set[tuple[object, ...]] = set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear warnings in the block, of what is ``within`` a node."""
        with _LOCK:
            shown = warnings.showwarning
            layer = shown if isinstance(shown, _Layer) else _Layer(shown)
            layer.runs += 1
            warnings.showwarning = layer
        try:
            yield
        finally:
            with _LOCK:
                layer.runs -= 1
                layer.step_back()

    def within(self, name: str) -> _Within:
        """Take warnings in the block, in this thread, for those of a node."""
        return _Within(self, name)

    def is_new(self, *what: object) -> bool:
        """Return whether a warning has not been told yet, and note it as told."""
        with _LOCK:
            is_new = what not in self._told
            self._told.add(what)
        return is_new


class _Within:
    """A block in which a node computes; there are many of them, so it is kept quick."""

    __slots__ = ("_token", "_what")

    def __init__(self, listener: Listener, name: str) -> None:
        self._what = listener, name

    def __enter__(self) -> None:
        self._token = _AT_WORK.set(self._what)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        _AT_WORK.reset(self._token)


class _Layer:
    """Stands in for a ``warnings.showwarning``, as long as a run needs it.

    Parameters
    ----------
    before : callable
        What it stands in for.
    """

    def __init__(self, before: Callable[..., Any]) -> None:
        self.runs = 0
        self._before = before

    def step_back(self) -> None:
        """Let what was there before take its place again, when no run needs it."""
        if not self.runs and warnings.showwarning is self:
            warnings.showwarning = self._before

    def __call__(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *more: Any, **named: Any
    ) -> None:
        """Show a warning, of nodes those that are new."""
        at_work = _AT_WORK.get()
        if at_work is None:
            self._before(message, category, filename, lineno, *more, **named)
        else:
            listener, name = at_work
            if listener.is_new(name, category, str(message), filename, lineno):
                token = _AT_WORK.set(None)
                try:
                    self._before(_of_node(message, name), category, filename, lineno, *more, **named)
                finally:
                    _AT_WORK.reset(token)
        with _LOCK:
            # A block of catch_warnings in another thread may have put this back after the last run.
            self.step_back()


def _of_node(message: Warning | str, name: str) -> Warning | str:
    if isinstance(message, str):
        return f"{name}: {message}"
    if len(message.args) == 1 and isinstance(message.args[0], str):
        message = copy.copy(message)
        message.args = (f"{name}: {message.args[0]}",)
    return message
