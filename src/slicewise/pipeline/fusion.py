"""The graph as it is run: steps that are better done at once are one node."""

from __future__ import annotations

import copy
from typing import Any

from slicewise.pipeline.node import Node, input_fields
from slicewise.pipeline.order import graph_of

__all__ = ["fused"]


def fused(target: Node, known: dict[Node, Node] | None = None) -> Node:
    """Return a graph with the same results in which nodes that fuse are one; the same graph if none do.

    What is known of each result, and its key, stay: a node decides by itself, whatever else is in the graph.

    Parameters
    ----------
    target : Node
        A connected node.
    known : dict of Node to Node, optional
        What became of nodes of other graphs, which may share some with this one; those of this one are added.
    """
    known = {} if known is None else known
    for n in graph_of([target], known):
        if n not in known:
            known[n] = _on_new_inputs(n.fused(), known)
    return known[target]


def _on_new_inputs(n: Node, known: dict[Node, Node]) -> Node:
    changed: dict[str, Any] = {}
    for name, value in input_fields(n):
        several = value if isinstance(value, tuple) else (value,)
        new = tuple(known[v] for v in several)
        if any(a is not b for a, b in zip(new, several, strict=True)):
            changed[name] = new if isinstance(value, tuple) else new[0]
    if not changed:
        return n
    _ = n.info, n.key  # of the graph as it was written, and kept by the copy
    other = copy.copy(n)
    other.__dict__.pop("inputs", None)
    for name, new in changed.items():
        object.__setattr__(other, name, new)
    return other
