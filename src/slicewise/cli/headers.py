"""``slicewise headers``: the attributes of a series, slice by slice."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from slicewise.cli.options import (
    Filters,
    OnDuplicate,
    OnGap,
    OnNoPlane,
    Series,
    Source,
    Tolerance,
    Volume,
    Where,
    reader_of,
)
from slicewise.cli.output import print_table

if TYPE_CHECKING:
    from slicewise.image import Headers

__all__ = ["headers"]


def headers(
    source: Source,
    *,
    varying: Annotated[bool, typer.Option("--varying", help="Only what differs from slice to slice.")] = False,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            "-a",
            metavar="KEY",
            help="Only this attribute, on every slice: a keyword, a dotted path, (gggg,eeee), (gggg,creator,ee) for a "
            "private one, BValue or GradientDirection. May be repeated.",
        ),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write a row per slice and a column per attribute; - for here."),
    ] = None,
    filters: Filters = None,
    series: Series = None,
    where: Where = None,
    volume: Volume = None,
    on_gap: OnGap = "error",
    on_duplicate: OnDuplicate = "error",
    tolerance: Tolerance = None,
    on_no_plane: OnNoPlane = "error",
) -> None:
    """Show attributes, slice by slice.

    What all slices share has one value; of what differs from slice to slice the first and the last are shown.
    With filters, those that the result would have. Nested sequences are shown item by item, with dotted names.
    """
    from slicewise.cli.filter_text import chain
    from slicewise.image.attribute_text import flat

    result = chain(
        reader_of(
            source,
            series=series,
            where=where,
            volume=volume,
            on_gap=on_gap,
            on_duplicate=on_duplicate,
            tolerance=tolerance,
            on_no_plane=on_no_plane,
        ),
        filters,
    )
    table = Attributes([dict(flat(header)) for header in result.headers])
    table = table.choose(attribute, result.headers) if attribute else table
    table = table.that_vary() if varying else table
    if csv_file is not None:
        _write_csv(table, csv_file)
    elif attribute:
        rows = [(k, *("" if v is None else v for v in values)) for k, values in enumerate(table.by_slice())]
        print_table(("slice", *table.names), rows, folded=table.names)
    else:
        rows = [(name, _summary(table.values(name))) for name in table.names]
        print_table(("attribute", "value"), rows, folded=("attribute", "value"))


class Attributes:
    """Attributes by dotted name, on every slice.

    Parameters
    ----------
    slices : sequence of dict
        For each slice its attributes as text.
    """

    def __init__(self, slices: Sequence[dict[str, str]], names: Sequence[str] | None = None) -> None:
        self._slices = slices
        # In the order of the first slice, with what only later ones have at the end.
        self.names = tuple(names) if names is not None else tuple(dict.fromkeys(n for s in slices for n in s))

    def values(self, name: str) -> list[str | None]:
        """Return an attribute on each slice; None where it is absent."""
        return [one.get(name) for one in self._slices]

    def by_slice(self) -> list[list[str | None]]:
        """Return a row for each slice."""
        return [[one.get(name) for name in self.names] for one in self._slices]

    def that_vary(self) -> Attributes:
        """Return those that are not the same on all slices."""
        return Attributes(self._slices, [name for name in self.names if len(set(self.values(name))) > 1])

    def choose(self, wanted: Sequence[str], headers: Headers) -> Attributes:
        """Return some attributes, with all that is in them if they are sequences."""
        from slicewise.image.attribute_text import plain_text

        slices = [dict(one) for one in self._slices]
        chosen: list[str] = []
        for keyword in wanted:
            found = [
                n for n in self.names if n == keyword or n.startswith((f"{keyword}[", f"{keyword}.", f"{keyword} ["))
            ]
            if not found:
                # One that is known, and that these slices lack, is shown as absent.
                for one, value in zip(slices, headers[keyword], strict=True):
                    if value is not None:
                        one[keyword] = plain_text(value)
            chosen += found or [keyword]
        return Attributes(slices, chosen)


def _summary(values: Sequence[str | None]) -> str:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0] or ""
    present = sum(v is not None for v in values)
    count = f"{len(distinct)} values" if present == len(values) else f"on {present} of {len(values)} slices"
    first, last = ("absent" if v is None else v for v in (values[0], values[-1]))
    return f"{first} ... {last}  ({count})"


def _write_csv(table: Attributes, where: str) -> None:
    if where == "-":
        _write_rows(table, sys.stdout)
        return
    from slicewise.errors import WriteError

    try:
        # What opens CSV files most often takes them for UTF-8 only with a mark at the beginning.
        with Path(where).open("w", encoding="utf-8-sig", newline="") as file:
            _write_rows(table, file)
    except OSError as error:
        raise WriteError(f"{where}: cannot be written ({error.strerror})") from error


def _write_rows(table: Attributes, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["slice", *table.names])
    for number, row in enumerate(table.by_slice()):
        writer.writerow([number, *("" if value is None else value for value in row)])
