"""Progress of a run, where a person looks: a notebook, a terminal, or a function of their own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator

__all__ = ["Progress", "show_progress"]

Progress = Callable[[int, int], None]
"""Told how many of how many slices or files are done."""


def _silent(done: int, total: int) -> None:
    """Say nothing."""


@contextlib.contextmanager
def show_progress(
    wanted: Progress | bool | None,  # noqa: FBT001 - as users say it
    title: str,
    unit: str = "slice",
) -> Iterator[Progress]:
    """Give a function to tell progress to.

    Parameters
    ----------
    wanted : bool, callable or None
        A callable is told directly. True shows a bar, False none; None shows one in notebooks and
        on terminals, and none where output is piped.
    title : str
        What is being done.
    unit : str
        What is counted.
    """
    if callable(wanted):
        yield wanted
    elif wanted is False or (wanted is None and not (_in_notebook() or sys.stderr.isatty())):
        yield _silent
    elif _in_notebook() and importlib.util.find_spec("tqdm") is not None:
        with _notebook_bar(title, unit) as tell:
            yield tell
    else:
        with _terminal_bar(title) as tell:
            yield tell


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


@contextlib.contextmanager
def _notebook_bar(title: str, unit: str) -> Iterator[Progress]:
    tqdm = importlib.import_module("tqdm.auto").tqdm
    with tqdm(desc=title, unit=unit) as bar:

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell


@contextlib.contextmanager
def _terminal_bar(title: str) -> Iterator[Progress]:
    rich_progress = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
