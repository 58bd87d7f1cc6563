"""The entries of a graph: each node once, inputs before those that use them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slicewise.io.recipes.document import RESERVED
from slicewise.io.recipes.encoding import tree_of_value
from slicewise.io.recipes.entries import Entry, uses_in
from slicewise.io.recipes.kinds import Kind
from slicewise.io.recipes.registry import kind_of
from slicewise.io.recipes.tree import Missing, Tagged, Tree
from slicewise.pipeline.node import Node
from slicewise.pipeline.run import Sink

__all__ = ["entries_of"]


def entries_of(target: Node) -> tuple[Entry, ...]:
    """Return the entries of a graph, that of the node itself last."""
    nodes = list(target.walk())
    kinds = {id(n): kind_of(n) for n in nodes}
    ids = _ids(target, nodes, kinds)
    return tuple(_entry(n, kinds[id(n)], ids) for n in nodes)


def _entry(n: Node, kind: Kind | str, ids: Mapping[int, str]) -> Entry:
    name = ids[id(n)]
    if isinstance(kind, str):
        inputs = {field.replace("[", "_").rstrip("]"): ids[id(source)] for field, source in n.inputs.items()}
        return Entry(name, Missing(f"{kind}, or give {name!r} when the graph is built"), inputs)
    return Entry(name, kind, {field: _tree(kind, field, value, ids) for field, value in kind.fields(n).items()})


def _tree(kind: Kind, field: str, value: Any, ids: Mapping[int, str]) -> Tree:
    place = kind.place(field)
    if isinstance(value, Node):
        return ids[id(value)]
    if place is not None and place.several and isinstance(value, tuple):
        return tuple(ids[id(source)] for source in value)
    tree = tree_of_value(value, None if place is None else place.convert)
    if place is not None and isinstance(tree, str) and uses_in(tree, place, dict.fromkeys(ids.values())):
        return Tagged("text", tree)
    return tree


# --- names ------------------------------------------------------------------------------------------


def _ids(target: Node, nodes: Sequence[Node], kinds: Mapping[int, Kind | str]) -> dict[int, str]:
    sources = [n for n in nodes if not n.inputs and _reads(n, kinds[id(n)])]
    roles = dict(_roles(target)) if len(sources) > 1 else {}
    found: dict[int, str] = {}
    taken = set(RESERVED)
    # Names of sources are those by which others are put in their place: they are given first.
    for n in (*sources, *(n for n in nodes if not any(n is s for s in sources))):
        wanted = roles.get(id(n), "input") if any(n is s for s in sources) else _wanted(n, kinds[id(n)])
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{wanted}_{count}"
        taken.add(name)
        found[id(n)] = name
    return found


def _reads(n: Node, kind: Kind | str) -> bool:
    return n.is_connected and (isinstance(kind, str) or not kind.name.startswith("sitk."))


def _roles(target: Node) -> Iterator[tuple[int, str]]:
    """Iterate over nodes and what they are to those that use them: the first name but ``input``."""
    seen: set[int] = set()
    waiting = [(target, "")]
    while waiting:
        n, role = waiting.pop()
        if id(n) in seen:
            continue
        seen.add(id(n))
        yield id(n), role or "input"
        inner = [(s, role if name == "input" else _word(name)) for name, s in n.inputs.items()]
        waiting.extend(reversed(inner))


def _wanted(n: Node, kind: Kind | str) -> str:
    if isinstance(n, Sink) and not (isinstance(kind, str) or kind.name.startswith("sitk.")):
        return "writer"
    name = type(n).__name__ if isinstance(kind, str) else re.split(r"[.:]", kind.name)[-1]
    return _word(name)


def _word(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return re.sub(r"\W+", "_", snake).strip("_") or "node"
