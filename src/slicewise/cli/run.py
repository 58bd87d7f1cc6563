"""``slicewise run``: the graph of a recipe, on other images if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import Json, Memory, Workers
from slicewise.cli.output import print_json
from slicewise.cli.written import for_programs, print_written

if TYPE_CHECKING:
    from slicewise.io.recipes import Recipe
    from slicewise.pipeline.node import Node

__all__ = ["run"]

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".vtk")
_DESTINATIONS = ("folder", "path")


def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, .yaml: a graph that was written down.")],
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="[NAME=]PATH",
            help="What to read instead of what the recipe says; with the name of an input where there are several. "
            "May be repeated.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DST", help="Where to write instead, or to write at all.")
    ] = None,
    set_values: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A parameter of the recipe, or node.field=value. May be repeated."
        ),
    ] = None,
    allow_modules: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-module",
            metavar="MODULE",
            help="Import functions and filters that the recipe names from this module; that runs it. May be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be read, computed and held, and do nothing.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at DST.")] = False,
    memory: Memory = None,
    workers: Workers = None,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show progress, or not.")] = True,
    report: Annotated[bool, typer.Option("--report", help="Print what became of each attribute.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
    json: Json = False,
) -> None:
    """Run a recipe: read, filter and write as it says, or with other inputs, outputs and parameters.

    A recipe is made in Python by Recipe.of(node).to_yaml(), or by hand.
    """
    from slicewise.io.recipes import Recipe
    from slicewise.pipeline.run import Sink

    known = Recipe.from_yaml(recipe)
    values = _values(set_values)
    given = _read_instead(known, inputs, values)
    node = _built(known, output, values, given, allow_modules or (), overwrite=overwrite)
    writes = isinstance(node, Sink)
    if dry_run:
        print(node.explain())
        return
    if not writes:
        raise typer.BadParameter("is missing: the recipe writes nothing by itself", param_hint="--output")
    result = node.update(memory=memory, workers=workers, progress=None if progress and not quiet else False)
    if quiet and not json:
        return
    _tell(result, json=json, whole=report)


def _values(texts: Sequence[str] | None) -> dict[str, Any]:
    """Return values as they would stand in a recipe: numbers, words, lists and mappings."""
    from slicewise.io.recipes import value_of_text

    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"must be like radius=2 or node.field=value (got {text!r})", param_hint="--set")
        found[name.strip()] = value_of_text(value, f"--set {name.strip()}")
    return found


def _read_instead(recipe: Recipe, texts: Sequence[str] | None, values: dict[str, Any]) -> dict[str, Any]:
    """Return readers for images that the recipe does not read itself; the paths of those that it does go to values."""
    from slicewise.io.recipes.entries import FILE_READERS

    kinds = {entry.id: entry.kind_name for entry in recipe.nodes}
    given: dict[str, Any] = {}
    for text in texts or ():
        name, path = _named(recipe, text)
        if kinds[name] in FILE_READERS:
            values[f"{name}.path"] = path
        else:
            given[name] = _reader(path)
    return given


def _named(recipe: Recipe, text: str) -> tuple[str, str]:
    names = recipe.inputs
    name, equals, path = text.partition("=")
    if equals and name in names:
        return name, path
    if len(names) != 1:
        told = f"of which inputs it has {', '.join(names)}" if names else "and the recipe has no inputs"
        raise typer.BadParameter(
            f"must be like {(names or ('name',))[0]}=path {told} (got {text!r})", param_hint="--input"
        )
    return names[0], text


def _reader(name: str) -> Node:
    from slicewise.io.series_reader import SeriesReader
    from slicewise.io.volumes import VolumeReader

    return VolumeReader(Path(name)) if name.lower().endswith(_VOLUMES) else SeriesReader(name)


def _built(
    recipe: Recipe,
    output: Path | None,
    values: dict[str, Any],
    given: dict[str, Any],
    modules: Sequence[str],
    *,
    overwrite: bool,
) -> Node:
    """Return the graph with what writes its result: as the recipe says, or to another place."""
    from slicewise.io.series_writer import SeriesWriter
    from slicewise.io.volume_writer import VolumeWriter
    from slicewise.pipeline.run import Sink

    last = (
        recipe.nodes[-1]
        if recipe.nodes[-1].id == recipe.result
        else next(e for e in recipe.nodes if e.id == recipe.result)
    )
    place = next((f for f in _DESTINATIONS if "Writer" in last.kind_name and last.place(f) is not None), None)
    if place is not None:
        values |= {} if output is None else {f"{last.id}.{place}": output}
        values |= {f"{last.id}.overwrite": True} if overwrite else {}
    node: Node = recipe.build(values=values, allow_modules=modules, **given)
    if output is None or place is not None or isinstance(node, Sink):
        return node
    is_volume = output.name.lower().endswith(_VOLUMES)
    writer = VolumeWriter(output, overwrite=overwrite) if is_volume else SeriesWriter(output, overwrite=overwrite)
    connected: Node = node >> writer
    return connected


def _tell(result: Any, *, json: bool, whole: bool) -> None:
    from slicewise.io.derived_writer import Written

    if isinstance(result, Written):
        if json:
            print_json(for_programs(result))
        else:
            print_written(result, whole=whole)
    elif json:
        print_json({"result": str(result) if isinstance(result, Path) else result})
    else:
        print(result)
