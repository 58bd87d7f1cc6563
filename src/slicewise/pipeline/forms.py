"""Inputs that are equal in form, for texts and drawings that need not show each of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from slicewise.pipeline.node import Node
from slicewise.pipeline.order import graph_of

__all__ = ["Alike", "inputs_by_form"]


class Alike(NamedTuple):
    """Inputs of a node that come about in the same way.

    Parameters
    ----------
    first : Node
        The first of them.
    number : int
        How many there are.
    """

    first: Node
    number: int


def inputs_by_form(n: Node) -> list[Alike]:
    """Return the inputs of a node, those of a stack that are equal in form as one.

    Nodes are equal in form if they are of one class, have the same parameters and inputs equal in form; readers and
    images in memory if they are of one class.
    """
    known: dict[Node, int] = {}
    numbers: dict[Any, int] = {}
    alike: dict[Any, list[Node]] = {}
    for name, source in n.inputs.items():
        # What is given by a name of its own is shown by itself.
        key = _form(source, known, numbers) if name.endswith("]") else name
        alike.setdefault(key, []).append(source)
    return [Alike(nodes[0], len(nodes)) for nodes in alike.values()]


def _form(target: Node, known: dict[Node, int], numbers: dict[Any, int]) -> int:
    """Return a number that nodes of equal form share."""
    for n in graph_of([target], known):
        if n not in known:
            inputs = tuple(known[source] for source in n.inputs.values())
            form = (type(n), n.parameter_text if inputs or not n.is_connected else "", inputs)
            known[n] = numbers.setdefault(form, len(numbers))
    return known[target]
