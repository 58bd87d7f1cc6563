"""A graph as Mermaid text, which many wikis, forges and notebooks draw."""

from __future__ import annotations

from slicewise.display.graph_parts import edges, facts, needs_whole, second_line, shown_nodes
from slicewise.pipeline.node import Node

__all__ = ["graph_mermaid"]

_LONGEST = 60


def graph_mermaid(target: Node) -> str:
    """Return a graph as Mermaid text, readers at the top; what needs the whole volume has a broken edge."""
    nodes = shown_nodes(target)
    names = {id(n): f"n{k}" for k, n in enumerate(nodes)}
    lines = ["flowchart TD"]
    for n in nodes:
        told = [part for part in (n.name, second_line(n, _LONGEST), facts(n)) if part]
        text = "<br>".join(map(_escaped, told))
        left, right = ("[", "]") if n.inputs else ("([", "])")
        lines.append(f'    {names[id(n)]}{left}"{text}"{right}')
    for n in nodes:
        for edge in edges(n):
            arrow = f'-- "{_escaped(edge.label)}" -->' if edge.label else "-->"
            lines.append(f"    {names[id(edge.source)]} {arrow} {names[id(n)]}")
    whole = [names[id(n)] for n in nodes if needs_whole(n)]
    if whole:
        lines += ["    classDef whole stroke-dasharray: 5 3", f"    class {','.join(whole)} whole"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Return a text as Mermaid takes it within quotes: what would be its syntax, by number."""
    return "".join(c if c.isalnum() or c in " .,:;/_-+=()[]'…×" else f"#{ord(c)};" for c in text)
