"""What a drawing of a graph shows: its nodes, what is said of each, and what goes into what."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import attrs

from slicewise.image import ImageInfo
from slicewise.pipeline.forms import inputs_by_form
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Node
from slicewise.pipeline.selection import Select

__all__ = ["Edge", "edges", "facts", "needs_whole", "second_line", "shown_nodes", "told_parameters"]


class Edge(NamedTuple):
    """An input of a node.

    Parameters
    ----------
    source, target : Node
        The input and the node.
    label : str
        The name of the input where the node has several, and how many are alike.
    """

    source: Node
    target: Node
    label: str


def shown_nodes(target: Node) -> list[Node]:
    """Return the nodes that are drawn, inputs before those that use them; of many volumes alike, one."""
    found: dict[int, Node] = {}
    waiting = [(target, False)]
    while waiting:
        n, is_ready = waiting.pop()
        if id(n) in found:
            continue
        if is_ready:
            found[id(n)] = n
        else:
            waiting.append((n, True))
            waiting.extend((source, False) for source, _ in reversed(inputs_by_form(n)))
    return list(found.values())


def edges(n: Node) -> list[Edge]:
    """Return the inputs of a node, each once."""
    alike = inputs_by_form(n)
    names = {id(source): name for name, source in reversed(list(n.inputs.items()))}
    found = []
    for source, number in alike:
        name = names[id(source)].partition("[")[0] if number > 1 else names[id(source)]
        label = f"{number} {name}" if number > 1 else name if len(alike) > 1 and name != "input" else ""
        found.append(Edge(source, n, label))
    return found


def told_parameters(n: Node) -> dict[str, Any]:
    """Return the parameters of a node that are not left at their defaults."""
    defaults = {field.name.lstrip("_"): field.default for field in attrs.fields(cast("Any", type(n)))}
    return {name: v for name, v in n.parameters.items() if _is_told(v) and repr(v) != repr(defaults[name])}


def _is_told(value: Any) -> bool:
    return value is not None and not (isinstance(value, dict) and not value)


def second_line(n: Node, most: int) -> str:
    """Return the values of the parameters, as many as there is room for; of a path its end."""
    if isinstance(n, InMemory):
        return ""
    path = n.parameters.get("path", n.parameters.get("folder"))
    if path is not None and not callable(path):
        text = f"{len(path)} files" if isinstance(path, tuple) else str(path)
        return text if len(text) <= most else "…" + text[1 - most :]
    told = told_parameters(n)
    if isinstance(n, Select) or "operation" in told or hasattr(n, "settings"):
        # Indices, operators and filters of other libraries have a text of their own.
        text = n.parameter_text
    else:
        text = ", ".join(map(_shown, told.values()))
    return text if len(text) <= most else text[: most - 1] + "…"


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 3 and len({repr(v) for v in value}) == 1:
        # One number for all three axes, as it is written.
        return _shown(value[0])
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    return str(value)


def facts(n: Node) -> str:
    """Return size and type of the result as far as they are known; nothing is read to find out."""
    info = vars(n).get("info")
    if not isinstance(info, ImageInfo):
        return ""
    volumes = "" if info.axis is None else f"{info.axis.volumes} × "
    size = " × ".join(map(str, info.geometry.shape))
    components = f" × {info.components}" if info.components > 1 else ""
    return f"{volumes}{size}{components}  {info.dtype}"


def needs_whole(n: Node) -> bool:
    """Tell whether a node needs all slices of its inputs at once; False where nothing is known of them yet."""
    return bool(n.inputs) and isinstance(vars(n).get("info"), ImageInfo) and n.whole
