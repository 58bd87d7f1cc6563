"""A graph of nodes as a small drawing (SVG), readers on the left."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import attrs

from slicewise.display.markup import escape
from slicewise.pipeline.forms import inputs_by_form
from slicewise.pipeline.node import Node

__all__ = ["graph_svg", "told_parameters"]

_WIDTH, _HEIGHT = 132, 34
_GAP_X, _GAP_Y = 26, 10
_LONGEST_NAME = 18


def told_parameters(n: Node) -> dict[str, Any]:
    """Return the parameters of a node that are not left at their defaults."""
    defaults = {field.name.lstrip("_"): field.default for field in attrs.fields(cast("Any", type(n)))}
    return {name: v for name, v in n.parameters.items() if _is_told(v) and repr(v) != repr(defaults[name])}


def _is_told(value: Any) -> bool:
    return value is not None and not (isinstance(value, dict) and not value)


class _Box(NamedTuple):
    column: int
    row: int
    node: Node

    @property
    def left(self) -> int:
        return self.column * (_WIDTH + _GAP_X) + 1

    @property
    def top(self) -> int:
        return self.row * (_HEIGHT + _GAP_Y) + 1


def graph_svg(target: Node) -> str:
    """Return a drawing of a graph; the parameters of a node are shown when one points at it."""
    boxes = _boxes(target)
    width = max(box.left for box in boxes.values()) + _WIDTH + 1
    height = max(box.top for box in boxes.values()) + _HEIGHT + 1
    lines = [_line(boxes[id(n)], box) for box in boxes.values() for n, _ in inputs_by_form(box.node)]
    drawn = [_drawn(box) for box in boxes.values()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" fill="none" stroke="currentColor">{"".join([*lines, *drawn])}</svg>'
    )


def _boxes(target: Node) -> dict[int, _Box]:
    """Place each node one column to the right of its last input, and below those already in that column."""
    boxes: dict[int, _Box] = {}
    filled: dict[int, int] = {}
    for n in _shown(target, {}).values():
        inputs = [boxes[id(i)] for i, _ in inputs_by_form(n)]
        column = max((box.column + 1 for box in inputs), default=0)
        row = max(filled.get(column, 0), min((box.row for box in inputs), default=0))
        boxes[id(n)] = _Box(column, row, n)
        filled[column] = row + 1
    return boxes


def _shown(n: Node, found: dict[int, Node]) -> dict[int, Node]:
    """Return the nodes that are drawn, inputs before those that use them; of many volumes alike, one."""
    if id(n) not in found:
        for source, _ in inputs_by_form(n):
            _shown(source, found)
        found[id(n)] = n
    return found


def _line(source: _Box, target: _Box) -> str:
    x1, y1 = source.left + _WIDTH, source.top + _HEIGHT // 2
    x2, y2 = target.left, target.top + _HEIGHT // 2
    bend = _GAP_X // 2
    return f'<path d="M {x1} {y1} C {x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" stroke-opacity="0.6"/>'


def _drawn(box: _Box) -> str:
    name = box.node.name
    shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    return (
        f"<g><title>{escape(repr(box.node))}</title>"
        f'<rect x="{box.left}" y="{box.top}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" '
        'fill="currentColor" fill-opacity="0.07" stroke-opacity="0.6"/>'
        f"{_text(box, 14, shown, 12, 1)}{_text(box, 27, _second_line(box.node), 9, 0.7)}</g>"
    )


def _second_line(n: Node) -> str:
    """Return the values of the parameters, as many as there is room for; of a path its end."""
    most = _WIDTH // 6
    path = n.parameters.get("path", n.parameters.get("folder"))
    if path is not None:
        text = str(path)
        return text if len(text) <= most else "…" + text[1 - most :]
    text = ", ".join(str(value) for value in told_parameters(n).values())
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(box: _Box, below: int, text: str, size: int, opacity: float) -> str:
    return (
        f'<text x="{box.left + _WIDTH // 2}" y="{box.top + below}" font-family="system-ui, sans-serif" '
        f'font-size="{size}" text-anchor="middle" fill="currentColor" fill-opacity="{opacity}" stroke="none">'
        f"{escape(text)}</text>"
    )
