"""What commands print: tables for people on terminals, plain lines where output is piped, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

_WIDEST = 60
"""A few very long names shall not push all values to the right."""

__all__ = ["on_terminal", "print_json", "print_table", "shortened"]


def on_terminal() -> bool:
    """Tell whether a person is looking."""
    return sys.stdout.isatty()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, folded: Collection[str]) -> None:
    """Print a table. On a terminal the columns named are folded; in a pipe a row is one line, and nothing is cut."""
    cells = [[str(cell) for cell in row] for row in rows]
    if on_terminal():
        _print_folded(columns, cells, folded)
        return
    lines = [list(columns), *cells]
    widths = [min(max(len(line[c]) for line in lines), _WIDEST) for c in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_folded(columns: Sequence[str], rows: Sequence[Sequence[str]], folded: Collection[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in folded, min_width=len(column))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        # JSON has no infinities and no NaN.
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return [_plain(v) for v in value]


def shortened(text: str, length: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
