"""How much memory steps of a run take, told from their schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slicewise.pipeline.node import Node
from slicewise.pipeline.schedule import Part, Step

__all__ = ["computed_bytes", "peak_bytes", "uses_of"]


def uses_of(step: Step) -> dict[Node, int]:
    """Return for each node how many others take slices of it in a step."""
    uses: dict[Node, int] = {}
    for part in step:
        for source, taken in zip(part.node.inputs.values(), part.taken, strict=False):
            if len(taken):
                uses[source] = uses.get(source, 0) + 1
    return uses


def peak_bytes(steps: Sequence[Step], held: Mapping[Node, bool]) -> int:
    """Return the most memory that slices take at once, while one thread goes through some steps.

    Parameters
    ----------
    steps : sequence of Step
        Consecutive steps.
    held : mapping of Node to bool
        Nodes whose result is there, and whether it is on disk, so that slices of it have to be read.
    """
    kept: dict[Node, int] = {}
    most = 0
    for step in steps:
        uses = uses_of(step)
        live = sum(kept.values())
        sizes = {part.node: _bytes(part, held) for part in step}
        keeps = {part.node: len(part.kept) * part.node.info.slice_bytes for part in step}
        for part in step:
            n = part.node
            live += sizes[n]
            most = max(most, live + n.scratch_bytes(part.computed, *part.taken) + _bytes_to_copy(part))
            live -= kept.pop(n, 0)
            used = [s for s, taken in zip(n.inputs.values(), part.taken, strict=False) if len(taken)]
            for source in used:
                uses[source] -= 1
            for done in dict.fromkeys([*(s for s in used if not uses[s]), *([] if n in uses else [n])]):
                # What is kept is copied before the rest goes.
                most = max(most, live + keeps[done])
                live += keeps[done] - sizes[done]
                kept[done] = keeps[done]
    return most


def computed_bytes(step: Step) -> int:
    """Return how much a step computes, all nodes together: what it costs, as far as the sizes tell."""
    return sum(len(part.computed) * part.node.info.slice_bytes for part in step if not part.node.at_hand)


def _bytes_to_copy(part: Part) -> int:
    """Return the bytes of an array that a node makes anew, and that go where the others are that were kept."""
    is_apart = 0 < len(part.computed) < len(part.needed) and type(part.node).compute_into is Node.compute_into
    return len(part.computed) * part.node.info.slice_bytes if is_apart else 0


def _bytes(part: Part, held: Mapping[Node, bool]) -> int:
    is_free = part.node.at_hand or not held.get(part.node, True)
    return 0 if is_free else len(part.needed) * part.node.info.slice_bytes
