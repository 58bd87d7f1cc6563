"""The recipe of a graph as it is written into files."""

from __future__ import annotations

import attrs

from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Node, fields_of

__all__ = ["CHOICE", "INPUT", "ToldRecipe", "told_recipe"]

CHOICE = ("path", "series", "where", "volume")
"""Parameters of a reader that choose instances, which are told one by one."""

INPUT = "input"
"""What the only end of a graph is called."""


@attrs.frozen(eq=False)
class ToldRecipe:
    """The recipe of a graph, for files.

    Parameters
    ----------
    text : str
        The recipe as YAML, in ASCII; empty where nothing was done but reading.
    missing : tuple of str
        What it cannot hold, in words.
    names : dict of Node to str
        What the ends of the graph are called in it.
    """

    text: str
    missing: tuple[str, ...]
    names: dict[Node, str]


def told_recipe(target: Node) -> ToldRecipe:
    """Return the recipe of a graph, up to and with a node."""
    if isinstance(target, InMemory) or (isinstance(target, SeriesReader) and _is_plain(target)):
        return ToldRecipe("", (), {target: INPUT})
    # Who writes what was read need not wait for YAML.
    from slicewise.io.provenance.harmless_recipe import harmless_recipe

    return harmless_recipe(target)


def _is_plain(reader: SeriesReader) -> bool:
    return all(getattr(reader, f.name) == f.default for f in fields_of(SeriesReader) if f.name not in CHOICE)
