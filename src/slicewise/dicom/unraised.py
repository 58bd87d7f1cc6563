"""Errors within compiled code that could not be raised there: Python prints and forgets them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

__all__ = ["unraised_errors"]


class _Watch:
    """Takes note of such errors for those who ask, each for its own thread; all others go where they went."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, tuple[str, list[BaseException]]] = {}
        self._before: Callable[[Any], object] = sys.unraisablehook

    @contextmanager
    def errors(self, package: str) -> Iterator[list[BaseException]]:
        thread, found = threading.get_ident(), list[BaseException]()
        with self._lock:
            if not self._asked:
                self._before, sys.unraisablehook = sys.unraisablehook, self._note
            self._asked[thread] = package, found
        try:
            yield found
        finally:
            with self._lock:
                del self._asked[thread]
                if not self._asked:
                    sys.unraisablehook = self._before

    def _note(self, unraised: Any) -> None:
        package, found = self._asked.get(threading.get_ident(), ("", []))
        # Of compiled functions the name is all that is told; anything may be collected as garbage meanwhile.
        if package and isinstance(unraised.object, str) and unraised.object.startswith(f"{package}."):
            found.append(unraised.exc_value)
        else:
            self._before(unraised)


_watch = _Watch()


def unraised_errors(package: str) -> AbstractContextManager[list[BaseException]]:
    """Return a context that gives a list, to which errors are added that compiled code of a package could not raise.

    Functions of C that give nothing back have no way to say that they failed: the caller goes on with what there is.

    Parameters
    ----------
    package : str
        Name of the package.
    """
    return _watch.errors(package)
