"""How a graph is going to run: what is held whole, how thick the slabs are, how much memory it takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import attrs

from slicewise.errors import ParameterError
from slicewise.pipeline.node import Node, Slab
from slicewise.pipeline.sizes import available_memory, parse_bytes

__all__ = ["Plan", "consumers", "make_plan", "requests"]

_THICKEST = 32
"""Slices per slab beyond which nothing is gained: the overlap is small and caches are left behind."""

_FREE_SHARE = 0.25
"""Share of the free memory that slabs may take if nothing is said."""


@attrs.frozen
class Plan:
    """How the result of a node is computed.

    Parameters
    ----------
    node : Node
        The node whose result is wanted.
    whole : tuple of Node
        Nodes whose result is held as a whole, in the order they are computed: those that need all
        slices of an input at once, and their inputs.
    slab : int
        Slices per slab.
    workers : int
        Threads, each at one slab.
    slab_bytes : int
        Estimate of the memory a slab takes, all nodes together.
    held_bytes : int
        Memory of what is held whole.
    budget : int
        The memory the slabs may take.
    """

    node: Node
    whole: tuple[Node, ...]
    slab: int
    workers: int
    slab_bytes: int
    held_bytes: int
    budget: int

    @property
    def slabs(self) -> list[Slab]:
        """The slabs, in order."""
        slices = self.node.info.slices
        return [range(a, min(a + self.slab, slices)) for a in range(0, slices, self.slab)]

    @property
    def peak_bytes(self) -> int:
        """Estimate of the memory the run takes, the result not counted."""
        return self.held_bytes + self.workers * self.slab_bytes


def make_plan(
    node: Node, held: Mapping[int, object], *, memory: int | str | None = None, workers: int | None = None
) -> Plan:
    """Plan the computation of a node's result.

    Parameters
    ----------
    node : Node
        A connected node.
    held : mapping
        By ``id`` of the node, the results that are there already.
    memory : int or str, optional
        Most memory for slabs; a quarter of what is free if not given.
    workers : int, optional
        Threads; as many as there are cores if not given.

    Raises
    ------
    ParameterError
        If the number of workers is not positive.
    """
    threads = workers if workers is not None else os.cpu_count() or 1
    if threads < 1:
        raise ParameterError(f"'workers' must be a positive integer (got {workers})")
    budget = parse_bytes(memory) if memory is not None else int(_FREE_SHARE * available_memory())
    whole = tuple(n for n in _held_whole(node) if id(n) not in held)
    there = {id(n) for n in whole} | set(held)
    slices = node.info.slices
    # Thin enough that every thread has something to do.
    thickest = max(1, min(_THICKEST, -(-slices // (2 * threads))))
    slab = next((t for t in _candidates(thickest) if threads * _slab_bytes(node, t, there) <= budget), 1)
    if slab == 1:
        # Where even the thinnest slabs are too much for all threads at once, fewer work.
        threads = max(1, min(threads, budget // max(_slab_bytes(node, 1, there), 1)))
    return Plan(
        node=node,
        whole=whole,
        slab=slab,
        workers=threads,
        slab_bytes=_slab_bytes(node, slab, there),
        held_bytes=sum(n.info.slice_bytes * n.info.slices for n in whole),
        budget=budget,
    )


def _candidates(thickest: int) -> Sequence[int]:
    return [t for t in (32, 24, 16, 12, 8, 6, 4, 3, 2, 1) if t <= thickest] or [1]


def _held_whole(node: Node) -> list[Node]:
    found: dict[int, Node] = {}
    for n in node.walk():
        if n.whole:
            inputs = list(n.inputs.values())
            needed = n.request(range(n.info.slices), *(i.info for i in inputs))
            found.update({id(i): i for i, slab in zip(inputs, needed, strict=True) if len(slab)})
            found[id(n)] = n
    return list(found.values())


def requests(node: Node, slab: Slab, held: Mapping[int, object] | set[int]) -> dict[int, Slab]:
    """Return which slices of each node are needed for a slab of a result: the requested region pass.

    Parameters
    ----------
    node : Node
        The node whose slab is wanted.
    slab : range
        Its slices.
    held : collection of ids
        Nodes whose result is there and need not be computed.
    """
    wanted: dict[int, Slab] = {id(node): slab}
    for n in reversed(list(node.walk())):
        if id(n) not in wanted or id(n) in held:
            continue
        inputs = list(n.inputs.values())
        for source, needed in zip(inputs, n.request(wanted[id(n)], *(i.info for i in inputs)), strict=True):
            if len(needed) == 0:
                continue
            already = wanted.get(id(source), needed)
            wanted[id(source)] = range(min(already.start, needed.start), max(already.stop, needed.stop))
    return wanted


def consumers(node: Node, wanted: Mapping[int, Slab], held: Mapping[int, object]) -> dict[int, int]:
    """Return for each node how many others use its slab."""
    count: dict[int, int] = {}
    for n in node.walk():
        if id(n) in wanted and id(n) not in held:
            for source in n.inputs.values():
                count[id(source)] = count.get(id(source), 0) + 1
    return count


def _slab_bytes(node: Node, thickness: int, held: set[int]) -> int:
    slices = node.info.slices
    middle = max(0, (slices - thickness) // 2)
    wanted = requests(node, range(middle, min(middle + thickness, slices)), held)
    nodes = {id(n): n for n in node.walk()}
    return sum(len(slab) * nodes[i].info.slice_bytes for i, slab in wanted.items() if i not in held)
