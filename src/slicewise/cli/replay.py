"""``slicewise replay``: a derived series made once more from its sources, and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slicewise.cli.options import Json, Memory, Workers, assignments
from slicewise.cli.output import print_json
from slicewise.cli.written import print_written

__all__ = ["replay"]


def replay(
    derived: Annotated[Path, typer.Argument(metavar="DERIVED", help="A series that slicewise derived.")],
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", "-s", metavar="SRC", help="Where its sources are: a folder, with all below, or archive."
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME=PATH", help="A volume that was read, by its name in the recipe."),
    ] = None,
    set_values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What the recipe could not hold, as node.field=value."),
    ] = None,
    allow_modules: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-module", metavar="MODULE", help="Import functions that the recipe names from here; that runs it."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DST", help="Also write the result as a series of its own.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at DST.")] = False,
    memory: Memory = None,
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit code tells.")] = False,
    json: Json = False,
) -> None:
    """Make the pixels of a derived series once more from its sources, and compare them bit for bit.

    The series says itself how it was made; its sources are found by their SOP Instance UIDs.

    Exit code 0: all slices are the same; 1: some differ; 2: trouble, such as a source that is not there.
    """
    from slicewise.io.provenance.replay import replay
    from slicewise.io.recipes import value_of_text

    values = assignments(set_values, "--set")
    found = replay(
        derived,
        source,
        inputs=assignments(inputs, "--input"),
        values={name: value_of_text(text, f"--set {name}") for name, text in values.items()},
        allow_modules=allow_modules or (),
        output=output,
        overwrite=overwrite,
        memory=memory,
        workers=workers,
        progress=False if quiet or json else None,
    )
    if json:
        print_json(
            {
                "where": found.where,
                "agrees": found.agrees,
                "slices": found.slices,
                "differences": [one._asdict() for one in found],
                "versions": list(found.versions),
                "notes": list(found.notes),
            }
        )
    elif not quiet:
        print(found)
        if found.written is not None:
            print_written(found.written, whole=False)
    raise typer.Exit(0 if found.agrees else 1)
