"""``slicewise codify``: an instance or a series as a Python script that makes it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slicewise.cli.options import Json
from slicewise.cli.output import print_json

__all__ = ["codify"]


def codify(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="A DICOM file; or a folder or archive with one series.")
    ],
    script: Annotated[
        Path | None,
        typer.Argument(metavar="SCRIPT", help="The script to write, .py; here, named like SRC, if not given."),
    ] = None,
    *,
    exclude_size: Annotated[
        int | None,
        typer.Option("--exclude-size", "-e", metavar="BYTES", min=0, help="Leave out values longer than this."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--include-private/--exclude-private", "-p/-x", help="Take private elements, or leave them.")
    ] = True,
    side_size: Annotated[
        int, typer.Option(metavar="BYTES", min=0, help="Put values longer than this into a file beside the script.")
    ] = 256,
    save_as: Annotated[
        str | None,
        typer.Option("--save-as", "-s", metavar="NAME", help="The file, or folder, that the script writes by default."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a script that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a Python script that makes a file, or a series, again.

    The script needs pydicom alone. Values that are no text and large are put into one file beside it, SCRIPT with .bin.
    """
    from slicewise.io.codify import codify as write

    done = write(
        source,
        script,
        exclude_size=exclude_size,
        private=private,
        side_size=side_size,
        save_as=save_as,
        overwrite=overwrite,
    )
    if json:
        print_json({"script": done.script, "side": done.side, "instances": done.instances})
        return
    beside = f", with {done.side.name} beside it" if done.side else ""
    print(f"{done.script}{beside}: makes {done.instances} {'instance' if done.instances == 1 else 'instances'}")
