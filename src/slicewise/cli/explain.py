"""``slicewise explain``: what a conversion would do; and of a derived series, where everything in it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from slicewise.io.provenance.origins import Origins

__all__ = ["explain"]


def explain(
    source: Source,
    *,
    filters: Filters = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            "-a",
            metavar="KEYWORD",
            help="Of a derived series: where this attribute comes from. A keyword or gggg,eeee. May be repeated.",
        ),
    ] = None,
    slice_index: Annotated[
        int | None, typer.Option("--slice", metavar="NUMBER", help="Of which slice, from 0; of the first if not given.")
    ] = None,
    series: Series = None,
    where: Where = None,
    volume: Volume = None,
    on_gap: OnGap = "error",
    on_duplicate: OnDuplicate = "error",
    tolerance: Tolerance = None,
    on_no_plane: OnNoPlane = "error",
) -> None:
    """Show what filters would do; or where a derived series comes from.

    What is read, streamed or held whole, and how much memory it takes. Headers are read, pixels are not. Of a series
    that slicewise derived: its sources, the steps, and what became of each attribute, by which step and why.
    """
    from slicewise.cli.filter_text import chain

    if attribute or slice_index is not None:
        _print_attributes(_origins(source, series), attribute or [], slice_index)
        return
    reader = reader_of(
        source,
        series=series,
        where=where,
        volume=volume,
        on_gap=on_gap,
        on_duplicate=on_duplicate,
        tolerance=tolerance,
        on_no_plane=on_no_plane,
    )
    print(chain(reader, filters).explain())
    if not filters:
        from slicewise.dicom.provenance_block import block_tags

        if block_tags(reader.headers):
            print(f"\n{_origins(source, str(reader.headers['SeriesInstanceUID'][0])).overview()}")


def _origins(source: Path, series: str | None) -> Origins:
    from slicewise.errors import SeriesError
    from slicewise.io.provenance.origins import Origins
    from slicewise.io.provenance.rebuilding import only_series
    from slicewise.io.provenance.told import SILENT, told_series

    found = [one for one in told_series(source) if series is None or series == one.uid]
    if not found:
        raise SeriesError(f"{source}: holds no series {series}; give its SeriesInstanceUID")
    one = only_series(found, str(source))
    if one.block is None:
        raise SeriesError(f"{source}: the series {SILENT}")
    return Origins(one)


def _print_attributes(origins: Origins, attributes: list[str], slice_index: int | None) -> None:
    index = min(origins.slices) if slice_index is None else slice_index
    print(origins.place(index))
    for name in attributes or origins.names(index):
        print(origins.of(name, index))
