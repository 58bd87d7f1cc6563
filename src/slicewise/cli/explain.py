"""``slicewise explain``: what a conversion would do."""

from __future__ import annotations

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

__all__ = ["explain"]


def explain(
    source: Source,
    *,
    filters: Filters = None,
    series: Series = None,
    where: Where = None,
    volume: Volume = None,
    on_gap: OnGap = "error",
    on_duplicate: OnDuplicate = "error",
    tolerance: Tolerance = None,
    on_no_plane: OnNoPlane = "error",
) -> None:
    """Show what filters would do.

    What is read, streamed or held whole, and how much memory it takes. Headers are read, pixels are not.
    """
    from slicewise.cli.filter_text import chain

    print(
        chain(
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
        ).explain()
    )
