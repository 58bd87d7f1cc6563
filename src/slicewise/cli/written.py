"""What was written, told to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicewise.io.derived_writer import Written

__all__ = ["for_programs", "print_written"]


def print_written(written: Written, *, whole: bool) -> None:
    """Print what was written, where, and what became of attributes and pixels; ``whole`` prints all of the report."""
    told = written.report
    counts = ", ".join(f"{number} {action}" for action, number in told.counts.items())
    (first, *more) = written.paths
    where = written.folder if more or told.slices == 1 else first
    print(f"{told.slices} {'slices' if where == written.folder else 'frames'} written to {where}")
    print(f"series {written.series_uid}")
    if whole:
        print(told)
        return
    print(f"attributes: {counts} (--report tells which and why)")
    print(f"pixels: {told.storage}; largest error {told.largest_error:.3g}")
    if told.loss is not None:
        print(told.loss)
    for warning in told.warnings:
        print(f"note: {warning}")


def for_programs(written: Written) -> dict[str, object]:
    """Return what was written as JSON has it."""
    return {
        "folder": written.folder,
        "series_uid": written.series_uid,
        "paths": written.paths,
        **written.report.as_dict(),
    }
