"""``slicewise codify``: an instance, a series or a recipe as a Python script that makes it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slicewise.cli.options import Json
from slicewise.cli.output import print_json
from slicewise.cli.text_file import write_text

if TYPE_CHECKING:
    from slicewise.filters.deidentify import Deidentify

__all__ = ["codify"]

_RECIPES = (".yaml", ".yml")


def codify(
    source: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="A DICOM file; a folder or archive with one series; or a recipe, .yaml."),
    ],
    script: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCRIPT",
            help="The script to write, .py; here, named like SRC, if not given; of a recipe it is printed.",
        ),
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
    deidentified: Annotated[
        bool, typer.Option("--deidentified", help="Take out of the headers what tells who the patient is.")
    ] = False,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --deidentified: UIDs and pseudonyms follow from what is in this file."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a script that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a Python script that makes a file, or a series, again.

    The script needs pydicom alone. Values that are no text and large are put into one file beside it, SCRIPT with .bin.
    The script of a recipe makes its graph with slicewise, and runs it.
    """
    from slicewise.io.codify import codify as write

    if source.suffix.lower() in _RECIPES:
        for option, given in (
            ("--exclude-size", exclude_size),
            ("--save-as", save_as),
            ("--deidentified", deidentified),
        ):
            if given:
                raise typer.BadParameter("is for instances, not for recipes", param_hint=option)
        _codify_recipe(source, script, overwrite=overwrite, json=json)
        return
    if secret_file is not None and not deidentified:
        raise typer.BadParameter("is for --deidentified alone", param_hint="--secret-file")
    done = write(
        source,
        script,
        exclude_size=exclude_size,
        private=private,
        side_size=side_size,
        save_as=save_as,
        deidentify=_deidentify(secret_file) if deidentified else None,
        overwrite=overwrite,
    )
    if json:
        print_json({"script": done.script, "side": done.side, "instances": done.instances})
        return
    beside = f", with {done.side.name} beside it" if done.side else ""
    print(f"{done.script}{beside}: makes {done.instances} {'instance' if done.instances == 1 else 'instances'}")


def _codify_recipe(source: Path, script: Path | None, *, overwrite: bool, json: bool) -> None:
    from slicewise.io.recipes import Recipe

    recipe = Recipe.from_yaml(source)
    if script is not None:
        write_text(script, recipe.to_python(), overwrite=overwrite)
    if json:
        print_json({"script": script, "nodes": len(recipe.nodes)} if script else {"python": recipe.to_python()})
    elif script is None:
        print(recipe.to_python(), end="")
    else:
        print(f"{script}: makes and runs a graph of {len(recipe.nodes)} nodes")


def _deidentify(secret_file: Path | None) -> Deidentify:
    from slicewise.filters.deidentify import Deidentify

    if secret_file is None:
        return Deidentify()
    try:
        return Deidentify(secret=secret_file.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"cannot be read ({error.strerror})", param_hint="--secret-file") from error
