"""The graph that made a derived series, built again from what its instances say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from slicewise.errors import RecipeError, SeriesError
from slicewise.io.listing import PathLike
from slicewise.io.pixel_files import read_stored
from slicewise.io.provenance.digests import digest_like
from slicewise.io.provenance.finding import Study, reader_of_source
from slicewise.io.provenance.recipe_text import CHOICE
from slicewise.io.provenance.story import Given, SourceSeries, given_of
from slicewise.io.provenance.told import NO_FIRST, ToldInstance, ToldSeries
from slicewise.io.recipes import Recipe
from slicewise.io.series_reader import SeriesReader
from slicewise.io.volumes import VolumeReader
from slicewise.pipeline.node import Node, as_node

__all__ = ["Rebuilt", "only_series", "rebuilt"]


@attrs.frozen(eq=False)
class Rebuilt:
    """A graph built again.

    Parameters
    ----------
    node : Node
        Its end.
    changed : tuple of str
        Files of the sources whose pixels are others than they were, as far as they state what they were.
    """

    node: Node
    changed: tuple[str, ...]


def rebuilt(
    series: ToldSeries,
    source: PathLike | Sequence[PathLike] | None,
    *,
    inputs: Mapping[str, Any],
    values: Mapping[str, Any],
    functions: Iterable[Callable[..., Any]],
    allow_modules: Iterable[str],
) -> Rebuilt:
    """Return the graph that made a series.

    Raises
    ------
    RecipeError
        If something is missing in its recipe and not given.
    SeriesError
        If sources are not there.
    """
    block = series.block
    story = series.story
    recipe = Recipe.from_yaml(block.recipe) if block is not None and block.recipe else None
    if recipe is None and story.has_recipe:
        raise SeriesError(f"series {series.uid}: {NO_FIRST}")
    told = given_of(block.instances) if block is not None and block.instances else {}
    secrets = [value for name, value in values.items() if name.endswith(".secret")]
    study: Study | None = None
    given, values = _given(recipe, inputs, values)
    changed: list[str] = []
    for one in story.sources:
        if one.name in given or f"{one.name}.path" in values or not one.series:
            continue
        if one.computed:
            raise RecipeError(
                f"{one.name} was an image in memory, made of series {', '.join(one.series)} by {one.computed}: give "
                f"it, inputs={{{one.name!r}: image}}"
            )
        if source is None:
            raise RecipeError(f"{one.name} read series {', '.join(one.series)}: say where it is (source, or --source)")
        study = study or Study.at(source, secrets)
        instances = told.get(one.name, ())
        reader = reader_of_source(one, instances, study, _options(recipe, one))
        changed += _changed(reader, instances)
        given[one.name] = reader
    if recipe is not None:
        node = _built(recipe, given, values, functions, allow_modules)
    elif len(given) == 1:
        node = as_node(next(iter(given.values())))
    else:
        raise RecipeError("an image in memory was written as it was: give it, inputs={'input': image}")
    return Rebuilt(node, tuple(changed))


def _built(
    recipe: Recipe,
    given: Mapping[str, Any],
    values: Mapping[str, Any],
    functions: Iterable[Callable[..., Any]],
    allow_modules: Iterable[str],
) -> Node:
    try:
        node: Node = recipe.build(values=values, functions=functions, allow_modules=allow_modules, **given)
    except RecipeError as error:
        for name in sorted(set(recipe.missing) - {*values, *given}):
            how = f"values={{{name!r}: ...}}" if "." in name else f"inputs={{{name!r}: ...}}"
            error.add_note(f"the series does not tell {name}: give it with {how}")
        raise
    return node


def _given(
    recipe: Recipe | None, inputs: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what stands for the inputs of a recipe; where they are paths, as values of the readers that it has."""
    paths = {name: where for name, where in inputs.items() if isinstance(where, str | os.PathLike)}
    reads = {entry.id for entry in recipe.nodes if entry.kind_name == VolumeReader.__name__} if recipe else set()
    given = {name: SeriesReader(paths[name]) if name in paths else image for name, image in inputs.items()}
    told = {f"{name}.path": os.fspath(paths[name]) for name in reads & set(paths)}
    return {name: image for name, image in given.items() if f"{name}.path" not in told}, {**values, **told}


def _options(recipe: Recipe | None, source: SourceSeries) -> dict[str, Any]:
    entry = None if recipe is None else next((e for e in recipe.nodes if e.id == source.name), None)
    if entry is None or entry.kind_name != SeriesReader.__name__:
        return {}
    return {name: tree for name, tree in entry.fields.items() if name not in CHOICE}


def _changed(reader: SeriesReader, given: Sequence[Given]) -> list[str]:
    """Return the files of sources that are not as they said they were when they were read."""
    marks = {(one.uid, one.frame): one.mark for one in given if one.mark}
    found = []
    for stored, sources in zip(reader.stored_slices, reader.info.sources, strict=True):
        mark = next((marks[key] for s in sources if (key := (s.sop_instance_uid, s.frame)) in marks), "")
        if mark:
            cells = ToldInstance.of(stored.frame.file).cells
            form = cells[stored.frame.index or 0]
            if digest_like(read_stored(stored.frame, form), mark) != mark:
                found.append(str(stored.frame.file.path))
    return found


def only_series(found: Sequence[ToldSeries], where: str) -> ToldSeries:
    """Return the only series.

    Raises
    ------
    SeriesError
        If there are several.
    """
    if len(found) > 1:
        listed = ", ".join(series.uid for series in found[:3])
        raise SeriesError(
            f"{where}: holds {len(found)} series ({listed}{', ...' if len(found) > 3 else ''}): name one folder"
        )
    return found[0]
