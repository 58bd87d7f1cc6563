"""Which slices each node computes in each step of a run, and which it keeps for the next: the requested region pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from slicewise.errors import GraphError
from slicewise.pipeline.node import Node, Slab
from slicewise.pipeline.order import graph_of

__all__ = ["NOTHING", "Part", "Step", "Wanted", "requested", "scheduled"]

Wanted = Mapping[Node, Slab]
"""For each node whose result is wanted, a slab of it."""

NOTHING = range(0)


@attrs.frozen
class Part:
    """What one step does at one node.

    Parameters
    ----------
    node : Node
        The node.
    needed : range
        The slices that others take from it in this step, or that are wanted of it.
    computed : range
        Those of them that are computed in this step; the others were kept from the one before.
    kept : range
        Those that are kept, because the next step that needs the node needs them again.
    taken : tuple of range
        For each input, the slices it takes to compute: none where it computes nothing.
    """

    node: Node
    needed: Slab
    computed: Slab
    kept: Slab
    taken: tuple[Slab, ...]


Step = tuple[Part, ...]
"""The parts of one step, inputs before those that use them."""


def requested(n: Node, slab: Slab, sources: Sequence[Node]) -> tuple[Slab, ...]:
    """Return for each input the slices that a node needs to compute a slab.

    Raises
    ------
    GraphError
        If the node asks for slices that an input does not have, or not of each input.
    """
    taken = n.request(slab, *(source.info for source in sources))
    if len(taken) != len(sources):
        raise GraphError(
            f"{n!r} has {len(sources)} inputs, and its request() gives {len(taken)} ranges of slices: give one for each"
        )
    for name, source, part in zip(n.inputs, sources, taken, strict=True):
        if part.start > part.stop or (len(part) and (part.start < 0 or part.stop > source.info.slices)):
            raise GraphError(_beyond(n, slab, name, part, f"has slices 0 to {source.info.slices - 1}"))
        if part.step != 1:
            raise GraphError(_beyond(n, slab, name, part, "is handed over in consecutive slices"))
    return taken


def _beyond(n: Node, slab: Slab, name: str, part: Slab, there: str) -> str:
    return f"{n!r} asks for {part} of its {name} to compute {slab}, and that {there}: mend request() or halo()"


def scheduled(steps: Sequence[Wanted], held: Collection[Node] = frozenset()) -> list[Step]:
    """Return what each node does in each of consecutive steps.

    No slice that two neighbouring steps need is computed twice: what the next one needs again is kept. Slices of held
    nodes, and of those that have theirs at hand, are taken as they are.

    Parameters
    ----------
    steps : sequence of mapping of Node to range
        For each step, the slabs that are wanted.
    held : set or mapping of Node
        Nodes whose result is there and need not be computed.
    """
    order = graph_of(dict.fromkeys(n for wanted in steps for n in wanted), held)
    inputs = {n: list(n.inputs.values()) for n in order}
    last: dict[Node, Slab] = {}
    found = [_step(wanted, order, inputs, held, last) for wanted in steps]
    return _with_kept(found, held)


def _step(
    wanted: Wanted,
    order: Sequence[Node],
    inputs: Mapping[Node, list[Node]],
    held: Collection[Node],
    last: dict[Node, Slab],
) -> list[Part]:
    needed = dict(wanted)
    parts: list[Part] = []
    for n in reversed(order):
        if n not in needed:
            continue
        slab = needed[n]
        if n in held:
            parts.append(Part(n, slab, NOTHING, NOTHING, ()))
            continue
        computed = slab if n.at_hand else _missing(slab, last.get(n, NOTHING))
        last[n] = slab
        sources = inputs[n]
        taken = requested(n, computed, sources) if len(computed) else (NOTHING,) * len(sources)
        for source, part in zip(sources, taken, strict=True):
            if len(part):
                needed[source] = _hull(needed.get(source, part), part)
        parts.append(Part(n, slab, computed, NOTHING, taken))
    return parts[::-1]


def _with_kept(steps: Sequence[list[Part]], held: Collection[Node]) -> list[Step]:
    following: dict[Node, Part] = {}
    result: list[Step] = []
    for parts in reversed(steps):
        changed = []
        for part in parts:
            later = following.get(part.node)
            following[part.node] = part
            if later is None or later.needed == later.computed or part.node in held or part.node.at_hand:
                changed.append(part)
            else:
                changed.append(attrs.evolve(part, kept=_common(part.needed, later.needed)))
        result.append(tuple(changed))
    return result[::-1]


def _missing(needed: Slab, there: Slab) -> Slab:
    """Return the slices that are needed and not there; all of them where that would be two ranges."""
    common = _common(needed, there)
    if len(common) == 0:
        return needed
    if common.start == needed.start:
        return range(common.stop, needed.stop)
    if common.stop == needed.stop:
        return range(needed.start, common.start)
    return needed


def _common(one: Slab, other: Slab) -> Slab:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return range(start, stop) if start < stop else NOTHING


def _hull(one: Slab, other: Slab) -> Slab:
    return range(min(one.start, other.start), max(one.stop, other.stop))
