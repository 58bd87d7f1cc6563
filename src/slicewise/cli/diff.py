"""``slicewise diff``: what differs between two series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from slicewise.cli.options import Json, series_choice
from slicewise.cli.output import on_terminal, print_json, print_table

if TYPE_CHECKING:
    from slicewise.io.compare import AttributeDifference, Comparison

__all__ = ["diff"]


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A series or a file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What to compare it with.")],
    *,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="KEYWORD", help="An attribute to leave out. May be repeated.")
    ] = None,
    pixels: Annotated[bool, typer.Option(help="Compare the pixels, too.")] = True,
    series_a: Annotated[str | None, typer.Option(metavar="UID|NUMBER", help="Which series of A.")] = None,
    series_b: Annotated[str | None, typer.Option(metavar="UID|NUMBER", help="Which series of B.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit code tells.")] = False,
    json: Json = False,
) -> None:
    """Compare two series.

    They are compared attribute by attribute on slices at the same place, sequences and private elements included, and
    value by value.

    Exit code 0: nothing differs; 1: something does; 2: trouble.
    """
    from slicewise.io.compare import compare

    found = compare(a, b, pixels=pixels, ignore=ignore or (), series=(series_choice(series_a), series_choice(series_b)))
    if json:
        print_json({"same": found.is_same, **attrs.asdict(found)})
    elif not quiet:
        _print(found)
    raise typer.Exit(0 if found.is_same else 1)


def _print(found: Comparison) -> None:
    print(found.summary)
    if on_terminal() and found.rows:
        cells = [(row.attribute, _side(row.a), _side(row.b), _slices(row, found.matched)) for row in found]
        print_table(("attribute", "A", "B", "slices"), cells, folded=("attribute", "A", "B"))
        return
    for row in found:
        print(f"  {row.attribute}: {_side(row.a)} -> {_side(row.b)}  ({_slices(row, found.matched)})")


def _side(value: str | None) -> str:
    return "absent" if value is None else f"'{value}'"


def _slices(row: AttributeDifference, matched: int) -> str:
    count = "all slices" if row.slices == matched else f"{row.slices} of {matched} slices"
    return f"{count}, values vary" if row.varies else count
