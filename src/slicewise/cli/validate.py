"""``slicewise validate``: what in DICOM files breaks the standard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import Json
from slicewise.cli.output import on_terminal, print_json

if TYPE_CHECKING:
    from slicewise.io.validation import FindingGroup, Validation

__all__ = ["validate"]

_STYLES = {"error": "bold red", "warning": "yellow"}


def validate(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, file, archive, DICOMDIR or quoted pattern.")],
    *,
    recursive: Annotated[bool, typer.Option(help="Look into subfolders.")] = True,
    archives: Annotated[bool, typer.Option("--archives", help="Look into archives that lie in a folder.")] = False,
    warnings: Annotated[bool, typer.Option(help="Show warnings, too.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit code tells.")] = False,
    json: Json = False,
) -> None:
    """Check DICOM files against the standard, and against each other.

    The same finding in many files is one line. References are looked for among the files given.

    Exit code 0: there is no error (warnings there may be); 1: there is one; 2: trouble.
    """
    from slicewise.io.validate import validate

    found = validate(path, recursive=recursive, archives=archives)
    if json:
        print_json(_as_data(found, warnings=warnings))
    elif not quiet:
        _print(found, warnings=warnings)
    raise typer.Exit(0 if found.is_valid else 1)


def _shown(found: Validation, *, warnings: bool) -> list[FindingGroup]:
    return [group for group in found.groups if warnings or group.first.severity == "error"]


def _print(found: Validation, *, warnings: bool) -> None:
    groups = _shown(found, warnings=warnings)
    if on_terminal() and groups:
        _print_table(groups)
    else:
        for group in groups:
            print(_line(group))
    print(found.summary)
    print(f"not checked: {'; '.join(found.not_checked)}")


def _print_table(groups: list[FindingGroup]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in ("", "attribute", "found", "wanted", "files", "first file"):
        table.add_column(column, overflow="fold")
    for group in groups:
        first = group.first
        table.add_row(
            Text(first.severity, style=_STYLES[first.severity]),
            Text(group.attribute or first.rule),
            Text(_found(group)),
            Text(f"{first.wanted} ({first.reference})"),
            Text(str(group.files)),
            Text(first.file, style="dim"),
        )
    Console(highlight=False).print(table)


def _found(group: FindingGroup) -> str:
    return f"{group.first.found}{', and others' if group.varies else ''}"


def _line(group: FindingGroup) -> str:
    first = group.first
    files = "1 file" if group.files == 1 else f"{group.files} files"
    return (
        f"{first.severity}: {group.attribute or first.rule}: {_found(group)}; wanted: {first.wanted} "
        f"({first.reference}); {files}, first {first.file}"
    )


def _as_data(found: Validation, *, warnings: bool) -> dict[str, Any]:
    return {
        "where": found.where,
        "valid": found.is_valid,
        "files": found.files,
        "series": found.series,
        "foreign": found.foreign,
        "errors": len(found.errors),
        "warnings": len(found.warnings),
        "findings": [
            {
                **{name: str(value) for name, value in group.first._asdict().items()},
                "attribute": group.attribute,
                "occurrences": group.occurrences,
                "files": group.files,
                "varies": group.varies,
            }
            for group in _shown(found, warnings=warnings)
        ],
        "not_checked": list(found.not_checked),
    }
