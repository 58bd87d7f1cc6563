"""The recipe of a graph as it is written into files: without paths, without patients."""

from __future__ import annotations

import attrs

from slicewise.pipeline.node import Node

__all__ = ["ToldRecipe", "told_recipe"]


@attrs.frozen(eq=False)
class ToldRecipe:
    """The recipe of a graph, for files.

    Parameters
    ----------
    text : str
        The recipe as YAML, in ASCII.
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
    ends = [n for n in target.walk() if not n.inputs]
    return ToldRecipe("", (), {n: "input" if k == 0 else f"input_{k + 1}" for k, n in enumerate(ends)})
