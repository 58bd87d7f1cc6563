"""``slicewise verify``: whether derived series have the pixels that they were written with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slicewise.cli.options import Json, Workers
from slicewise.cli.output import print_json

__all__ = ["verify"]


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, file, archive or quoted pattern.")],
    *,
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit code tells.")] = False,
    json: Json = False,
) -> None:
    """Tell whether derived series have the pixels that they were written with, and all their instances.

    Other attributes may have been edited, and the transfer syntax changed without loss.

    Exit code 0: all is as written; 1: instances are changed, missing or added; 2: trouble, or nothing tells.
    """
    from slicewise.io.provenance.verification import verify

    found = verify(path, workers=workers, progress=False if quiet or json else None)
    if json:
        print_json(
            {
                "where": found.where,
                "intact": found.is_intact,
                "verified": found.verified,
                "differences": [one._asdict() for one in found],
                "silent": list(found.silent),
            }
        )
    elif not quiet:
        print(found)
    raise typer.Exit(0 if found.is_intact else 1 if len(found) else 2)
