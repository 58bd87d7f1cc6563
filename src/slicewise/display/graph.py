"""A graph of nodes as a drawing (SVG), readers at the top."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slicewise.display.graph_parts import Edge, edges, facts, needs_whole, second_line, shown_nodes
from slicewise.display.layers import layered
from slicewise.display.markup import escape
from slicewise.pipeline.node import Node

__all__ = ["graph_svg"]

_WIDTH, _HEIGHT = 176, 52
_GAP_X, _GAP_Y = 20, 30
_MARGIN = 4
_LONGEST_NAME, _LONGEST_TEXT = 24, 32
_ARROW = (
    '<defs><marker id="slicewise-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><polygon points="0,1 8,4 0,7" fill="currentColor" stroke="none" fill-opacity="0.7"/></marker></defs>'
)


class _Box(NamedTuple):
    left: float
    top: float
    node: Node

    @property
    def middle(self) -> float:
        return self.left + _WIDTH / 2


def graph_svg(target: Node) -> str:
    """Return a drawing of a graph; all parameters of a node are shown when one points at it.

    What needs the whole volume has a broken edge. Sizes and types are told as far as they are known: nothing is read.
    """
    nodes = shown_nodes(target)
    numbers = {id(n): k for k, n in enumerate(nodes)}
    lines = [edge for n in nodes for edge in edges(n)]
    layout = layered({k: [numbers[id(e.source)] for e in edges(n)] for k, n in enumerate(nodes)})
    boxes = [_Box(_x(column), _y(layer), n) for n, (column, layer) in zip(nodes, layout.places.values(), strict=True)]
    drawn = [
        _line(boxes[a], boxes[b], edge, layout.lines[a, b])
        for edge in lines
        for a, b in [(numbers[id(edge.source)], numbers[id(edge.target)])]
    ]
    width = max([b.left + _WIDTH for b in boxes] + [_x(x) + _WIDTH / 2 for p in layout.lines.values() for x, _ in p])
    height = max(b.top for b in boxes) + _HEIGHT
    size = f"{width + _MARGIN:.0f}", f"{height + _MARGIN:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        f'viewBox="0 0 {size[0]} {size[1]}" fill="none" stroke="currentColor" '
        f'font-family="system-ui, sans-serif">{_ARROW}{"".join([*drawn, *map(_drawn, boxes)])}</svg>'
    )


def _x(column: float) -> float:
    return _MARGIN + column * (_WIDTH + _GAP_X)


def _y(layer: int) -> float:
    return _MARGIN + layer * (_HEIGHT + _GAP_Y)


def _line(source: _Box, target: _Box, edge: Edge, between: Sequence[tuple[float, int]]) -> str:
    points = [
        (source.middle, source.top + _HEIGHT),
        *(p for column, layer in between for p in _through(_x(column) + _WIDTH / 2, _y(layer))),
        (target.middle, target.top - 1),
    ]
    path = f"M {points[0][0]:.1f} {points[0][1]:.1f} {' '.join(_curves(points))}"
    drawn = f'<path d="{path}" stroke-opacity="0.6" marker-end="url(#slicewise-arrow)"/>'
    if not edge.label:
        return drawn
    # Near the node that it is an input of, on the side from which the line comes.
    before = points[-2][0]
    side = -1 if before < target.middle - 1 else 1
    anchor = "end" if side < 0 else "start"
    return drawn + _text(target.middle + 10 * side, target.top - 5, edge.label, 9, 0.75, anchor)


def _through(x: float, top: float) -> list[tuple[float, float]]:
    return [(x, top), (x, top + _HEIGHT)]


def _curves(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        bend = (y2 - y1) / 2
        yield f"C {x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"


def _drawn(box: _Box) -> str:
    n = box.node
    name = n.name if len(n.name) <= _LONGEST_NAME else n.name[: _LONGEST_NAME - 1] + "…"
    whole = needs_whole(n)
    edge = ' stroke-dasharray="5 3" stroke-width="1.5"' if whole else ""
    rows = [(name, 12, 1.0), (second_line(n, _LONGEST_TEXT), 9, 0.75), (_known(n, whole=whole), 9, 0.75)]
    shown = [row for row in rows if row[0]]
    first = box.top + _HEIGHT / 2 - 6.5 * (len(shown) - 1) + 4
    texts = [_text(box.middle, first + 13.5 * k, *row, "middle") for k, row in enumerate(shown)]
    return (
        f"<g><title>{escape(repr(n))}</title>"
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="{6 if n.inputs else 18}" '
        f'fill="currentColor" fill-opacity="{0.07 if n.inputs else 0.14}" stroke-opacity="0.6"{edge}/>'
        f"{''.join(texts)}</g>"
    )


def _known(n: Node, *, whole: bool) -> str:
    return " · ".join(part for part in (facts(n), "whole" if whole else "") if part)


def _text(x: float, y: float, text: str, size: int, opacity: float, anchor: str) -> str:  # noqa: PLR0917 - private
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity="{opacity}" stroke="none">{escape(text)}</text>'
    )
