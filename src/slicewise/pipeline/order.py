"""The nodes of a graph in the order they are computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["graph_of"]


def graph_of(targets: Iterable[Node], held: Collection[Node] = frozenset()) -> list[Node]:
    """Return the nodes that take part in computing some results, inputs before those that use them, each once.

    Parameters
    ----------
    targets : iterable of Node
        The nodes whose results are wanted.
    held : set or mapping of Node
        Nodes whose result is there: they take part, and nothing behind them.
    """
    order: dict[Node, None] = {}

    def sources(n: Node) -> Iterator[Node]:
        return iter(() if n in held else n.inputs.values())

    # No function that calls itself: a graph may be deeper than Python's calls.
    for target in targets:
        way = [] if target in order else [(target, sources(target))]
        while way:
            n, rest = way[-1]
            source = next((s for s in rest if s not in order), None)
            if source is None:
                order[n] = None
                way.pop()
            else:
                way.append((source, sources(source)))
    return list(order)
