"""Bars that show how far a run is, on terminals and in notebooks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

__all__ = ["bar", "person_looks"]

ShowBar = Callable[[str, int, int, str], None]
"""Gets a heading, how many of how many are done, and the figures as a text."""


def person_looks() -> bool:
    """Tell whether what is put out is shown to a person: in a notebook, or on a terminal."""
    return _in_notebook() or sys.stderr.isatty()


def bar() -> AbstractContextManager[ShowBar]:
    """Show a bar: in notebooks that of tqdm, if it is installed, elsewhere that of rich."""
    return _notebook_bar() if _in_notebook() and importlib.util.find_spec("tqdm") is not None else _terminal_bar()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def _notebook_bar() -> Iterator[ShowBar]:
    tqdm = importlib.import_module("tqdm.auto").tqdm
    with tqdm(bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix}") as bar:

        def show(heading: str, done: int, total: int, figures: str) -> None:
            bar.total = total
            bar.set_description_str(heading, refresh=False)
            bar.set_postfix_str(figures, refresh=False)
            bar.update(done - bar.n)
            if done == total:
                bar.refresh()

        yield show


@contextmanager
def _terminal_bar() -> Iterator[ShowBar]:
    rich_progress = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.fields[figures]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, figures="")

        def show(heading: str, done: int, total: int, figures: str) -> None:
            bar.update(task, description=heading, completed=done, total=total, figures=figures)

        yield show
