"""``slicewise edit``: corrected copies that say what was there before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slicewise.cli.options import Workers, assignments

__all__ = ["edit"]


def edit(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder, file or archive.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="The folder to write to.")],
    *,
    set_values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEYWORD=VALUE", help="Give an attribute this value. May be repeated."),
    ] = None,
    delete: Annotated[
        list[str] | None, typer.Option(metavar="KEYWORD", help="Leave an attribute out. May be repeated.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="CORRECT|COERCE", help="Why the values are changed.")] = "CORRECT",
    system: Annotated[str, typer.Option(metavar="NAME", help="Who changes them.")] = "slicewise",
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
) -> None:
    """Write corrected copies of instances, which keep what was there before.

    Identifiers and pixels stay. The old values stand in the Original Attributes Sequence.
    """
    from slicewise.cli.convert import typed_value
    from slicewise.io.edit import edit

    values = {keyword: typed_value(keyword, text) for keyword, text in assignments(set_values, "--set").items()}
    done = edit(
        source,
        destination,
        values=values,
        delete=delete or (),
        reason=reason,
        system=system,
        workers=workers,
        progress=False if quiet else None,
    )
    if not quiet:
        print(f"{len(done.paths)} files written to {done.folder}")
