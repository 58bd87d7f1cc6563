"""What was written, told to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicewise.io.derived_writer import Written

__all__ = ["for_programs", "print_written"]


def print_written(written: Written, *, whole: bool) -> None:
    """Print what was written, where, and what became of attributes and pixels; ``whole`` prints all of the report."""
    print(written.headline)
    if whole:
        print(written.report)
        return
    attributes, *lines = written.report.brief
    print("\n".join([f"{attributes} (--report tells which and why)", *lines]))


def for_programs(written: Written) -> dict[str, object]:
    """Return what was written as JSON has it."""
    return {
        "folder": written.folder,
        "series_uid": written.series_uid,
        "paths": written.paths,
        **written.report.as_dict(),
    }
