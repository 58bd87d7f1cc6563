"""Places for the nodes of a graph: in layers, inputs above those that use them, with few lines that cross."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import attrs

__all__ = ["Layout", "layered"]

_SWEEPS = 12
_RELAXATIONS = 24
_LINE_WIDTH = 0.25
"""Room that a line which passes by takes, in nodes."""


@attrs.frozen
class Layout:
    """Where nodes and lines are: columns, from 0 and with fractions, and layers from 0 at the top.

    Parameters
    ----------
    places : mapping of int to (float, int)
        Column and layer of each node.
    lines : mapping of (int, int) to tuple of (float, int)
        For an input and the node that uses it, the points in the layers between them that their line goes through.
    """

    places: Mapping[int, tuple[float, int]]
    lines: Mapping[tuple[int, int], tuple[tuple[float, int], ...]]


class _Point:
    """A node, or where a line goes through a layer."""

    def __init__(self, layer: int, width: float) -> None:
        self.layer = layer
        self.width = width
        self.x = 0.0
        self.above: list[_Point] = []
        self.below: list[_Point] = []


def layered(inputs: Mapping[int, Sequence[int]]) -> Layout:
    """Return a layout of a graph.

    Parameters
    ----------
    inputs : mapping of int to sequence of int
        The inputs of each node, which stand before it in the mapping.
    """
    levels = _levels(inputs)
    points = {n: _Point(levels[n], 1.0) for n in inputs}
    lines: dict[tuple[int, int], list[_Point]] = {}
    rows: list[list[_Point]] = [[] for _ in range(max(levels.values(), default=0) + 1)]
    for n in inputs:
        rows[levels[n]].append(points[n])
        for source in inputs[n]:
            lines[source, n] = _connected(points[source], points[n], rows)
    for k in range(_SWEEPS):
        _order(rows, downwards=k % 2 == 0)
    for row in rows:
        _spread(row)
    for k in range(_RELAXATIONS):
        _relax(rows, downwards=k % 2 == 0)
    left = min((p.x - p.width / 2 for row in rows for p in row), default=0.0)
    return Layout(
        {n: (p.x - left - 0.5, p.layer) for n, p in points.items()},
        {ends: tuple((p.x - left - 0.5, p.layer) for p in between) for ends, between in lines.items()},
    )


def _levels(inputs: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return the layer of each node: below its inputs; those without any right above what uses them."""
    levels: dict[int, int] = {}
    for n, sources in inputs.items():
        levels[n] = max((levels[s] + 1 for s in sources), default=0)
    for n in inputs:
        users = [levels[u] for u, sources in inputs.items() if n in sources]
        if not inputs[n] and users:
            levels[n] = min(users) - 1
    return levels


def _connected(source: _Point, target: _Point, rows: list[list[_Point]]) -> list[_Point]:
    """Connect two nodes through the layers between them; return the points there."""
    between = [_Point(layer, _LINE_WIDTH) for layer in range(source.layer + 1, target.layer)]
    for point in between:
        rows[point.layer].append(point)
    chain = [source, *between, target]
    for above, below in itertools.pairwise(chain):
        above.below.append(below)
        below.above.append(above)
    return between


def _order(rows: list[list[_Point]], *, downwards: bool) -> None:
    """Put the points of each layer into the order of what they are connected with."""
    for row in rows:
        for k, point in enumerate(row):
            point.x = float(k)
    for row in rows if downwards else reversed(rows):
        means = {id(p): _mean(p.above if downwards else p.below, p.x) for p in row}
        row.sort(key=lambda p: means[id(p)])
        for k, point in enumerate(row):
            point.x = float(k)


def _spread(row: Sequence[_Point]) -> None:
    """Put the points of a layer side by side, around 0."""
    x = -sum(p.width for p in row) / 2
    for point in row:
        point.x = x + point.width / 2
        x += point.width


def _relax(rows: list[list[_Point]], *, downwards: bool) -> None:
    """Move points towards what they are connected with, as far as their neighbours leave them room."""
    for row in rows if downwards else reversed(rows):
        wanted = [_mean(p.above if downwards else p.below, p.x) for p in row]
        _fit(row, wanted)


def _fit(row: Sequence[_Point], wanted: Sequence[float]) -> None:
    """Place points next to where they are wanted, in their order, none upon another: as blocks that share the shift."""
    blocks: list[tuple[list[_Point], float, float]] = []
    for point, x in zip(row, wanted, strict=True):
        members, center, width = [point], x, point.width
        while blocks and blocks[-1][1] + blocks[-1][2] / 2 > center - width / 2:
            before, its_center, its_width = blocks.pop()
            # Each member has an equal say in where the block goes.
            shift_ours, shift_its = len(members), len(before)
            middle = (shift_its * (its_center + width / 2) + shift_ours * (center - its_width / 2)) / (
                shift_ours + shift_its
            )
            members, center, width = [*before, *members], middle, its_width + width
        blocks.append((members, center, width))
    for members, center, width in blocks:
        x = center - width / 2
        for point in members:
            point.x = x + point.width / 2
            x += point.width


def _mean(points: Sequence[_Point], otherwise: float) -> float:
    return sum(p.x for p in points) / len(points) if points else otherwise
