"""How a graph is going to run: what is held whole and where, how thick the slabs are, how much memory it takes."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Self

import attrs

from slicewise.errors import ParameterError
from slicewise.pipeline.footprint import computed_bytes, peak_bytes
from slicewise.pipeline.node import Node, Slab
from slicewise.pipeline.order import graph_of
from slicewise.pipeline.schedule import Step, Wanted, requested, scheduled
from slicewise.pipeline.sizes import available_memory, parse_bytes

__all__ = ["Hold", "Limits", "Plan", "Streaming", "make_plan", "plan_streaming"]

_THICKEST = 32
"""Slices per slab beyond which nothing is gained: caches are left behind."""

_MARGINS = 16
"""Slices per slab, as a multiple of a halo whose slices are computed and thrown away."""

_FREE_SHARE = 0.25
"""Share of the free memory that a run may take if nothing is said."""

_WORTH = 0.03
"""Share of the work that may be done twice where a run is cut into pieces for the threads."""

_THICKNESSES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)


@attrs.frozen
class Limits:
    """What a run may take.

    Parameters
    ----------
    memory : int
        Bytes for what is held and for slabs at work, the result not counted.
    threads : int
        Most threads.
    """

    memory: int
    threads: int

    @classmethod
    def of(cls, memory: int | str | None, workers: int | None) -> Self:
        """Return the limits that a caller states: by default a quarter of the free memory, and all cores.

        Raises
        ------
        ParameterError
            If the number of workers is not positive, or the memory is no amount.
        """
        threads = workers if workers is not None else os.cpu_count() or 1
        if threads < 1:
            raise ParameterError(f"'workers' must be a positive integer (got {workers})")
        return cls(parse_bytes(memory) if memory is not None else int(_FREE_SHARE * available_memory()), threads)


@attrs.frozen
class Streaming:
    """How some results are computed slab by slab.

    Parameters
    ----------
    targets : tuple of Node
        The nodes whose results are wanted.
    count : int
        Number of steps, each of a slab of each target.
    workers : int
        Threads.
    pieces : int
        Number of pieces of consecutive steps, of which each thread takes one after the other.
    bytes_at_work : int
        Estimate of the memory that a thread takes.
    """

    targets: tuple[Node, ...]
    count: int
    workers: int
    pieces: int
    bytes_at_work: int

    @property
    def slab(self) -> int:
        """Slices of the thickest slab."""
        return max(-(-n.info.slices // self.count) for n in self.targets)

    @property
    def slabs(self) -> list[Slab]:
        """The slabs of the first target, in order."""
        return [wanted[self.targets[0]] for wanted in self.steps(range(self.count)) if self.targets[0] in wanted]

    def steps(self, numbers: range) -> list[Wanted]:
        """Return what is wanted in some of the steps."""
        return [_wanted(self.targets, k, self.count) for k in numbers]

    def __iter__(self) -> Iterator[list[Wanted]]:
        """Iterate over the pieces."""
        ends = [k * self.count // self.pieces for k in range(self.pieces + 1)]
        for start, stop in pairwise(ends):
            yield self.steps(range(start, stop))


@attrs.frozen
class Hold:
    """A result that is held as a whole.

    Parameters
    ----------
    node : Node
        The node.
    in_file : bool
        Whether it is in a file, as memory does not hold it.
    until : int
        The number of the last hold that takes it; that of holds where the results themselves take it.
    is_result : bool
        Whether it is wanted in memory for itself.
    """

    node: Node
    in_file: bool
    until: int
    is_result: bool = False

    @property
    def counts(self) -> bool:
        """Whether it takes of the memory that was granted."""
        return not self.in_file and not self.is_result

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.node.info.slices * self.node.info.slice_bytes


@attrs.frozen
class Plan:
    """How results are computed.

    Parameters
    ----------
    holds : tuple of Hold
        What is held as a whole, in the order it is computed: what needs all slices of an input at once, these
        inputs, and what would be computed over and over.
    streaming : Streaming
        How the results themselves are computed from there.
    limits : Limits
        What the run may take.
    there : mapping of Node to bool
        Nodes whose results were there already, and whether they are on disk.
    """

    holds: tuple[Hold, ...]
    streaming: Streaming
    limits: Limits
    there: Mapping[Node, bool]

    @property
    def held_bytes(self) -> int:
        """Most memory that is held at once."""
        return _most_held(self.holds)

    @property
    def file_bytes(self) -> int:
        """Bytes that are set aside in files."""
        return sum(hold.size for hold in self.holds if hold.in_file)

    @property
    def peak_bytes(self) -> int:
        """Estimate of the memory the run takes, the result not counted."""
        holding = [self._bytes_to_hold(k) for k in range(len(self.holds))]
        return max(self.held_bytes + self.streaming.workers * self.streaming.bytes_at_work, *holding, 0)

    def streaming_to_hold(self, k: int) -> Streaming:
        """Return how a result that is held, and can be had slab by slab, is computed."""
        before = {hold.node: hold.in_file for hold in self.holds[:k] if hold.until >= k}
        left = self.limits.memory - self._held_before(k)
        return plan_streaming([self.holds[k].node], {**self.there, **before}, left, self.limits.threads)

    def _held_before(self, k: int) -> int:
        return sum(hold.size for hold in self.holds[:k] if hold.counts and hold.until >= k)

    def _bytes_to_hold(self, k: int) -> int:
        hold = self.holds[k]
        own = hold.size if hold.counts else 0
        if hold.node.whole:
            # In one piece, also where it goes to a file from there.
            return self._held_before(k) + max(own, hold.size if hold.in_file else 0)
        streaming = self.streaming_to_hold(k)
        return self._held_before(k) + own + streaming.workers * streaming.bytes_at_work


def make_plan(
    targets: Sequence[Node], there: Mapping[Node, bool], limits: Limits, in_memory: Collection[Node] = ()
) -> Plan:
    """Plan the computation of some results in one run.

    Parameters
    ----------
    targets : sequence of Node
        Connected nodes.
    there : mapping of Node to bool
        Nodes whose results are there already, and whether they are on disk.
    limits : Limits
        What the run may take.
    in_memory : set or mapping of Node
        Those of the targets whose result is wanted in memory: it is not counted.
    """
    # Sets, as nodes are compared by their values: == between two of them is a node.
    in_memory = frozenset(in_memory)
    nodes = _held_whole(targets, there)
    while True:
        holds = _placed(nodes, targets, limits.memory, in_memory)
        held = {**there} | {hold.node: hold.in_file for hold in holds}
        streaming = plan_streaming(targets, held, limits.memory - _most_held(holds), limits.threads)
        costly = _costliest(streaming, held) if streaming.bytes_at_work > limits.memory else None
        if costly is None:
            return Plan(holds, streaming, limits, dict(there))
        # Even the thinnest slab takes too many slices of this one: they are better read from a file.
        chosen = {costly, *nodes}
        nodes = [n for n in graph_of(targets) if n in chosen]


# --- what is held -----------------------------------------------------------------------------------


def _held_whole(targets: Sequence[Node], there: Collection[Node]) -> list[Node]:
    found: dict[Node, None] = {}
    for n in graph_of(targets, there):
        if n.whole and n not in there:
            inputs = list(n.inputs.values())
            needed = requested(n, range(n.info.slices), inputs)
            asked = (i for i, slab in zip(inputs, needed, strict=True) if len(slab))
            found |= dict.fromkeys(i for i in asked if not i.at_hand and i not in there)
            found[n] = None
    return list(found)


def _placed(
    nodes: Sequence[Node], targets: Sequence[Node], memory: int, in_memory: Collection[Node]
) -> tuple[Hold, ...]:
    """Return the holds with how long they last; the largest in files, until the others fit in half of the memory."""
    until = {n: k for k, n in enumerate(nodes)}
    held = frozenset(nodes)
    for k, n in enumerate(nodes):
        for used in graph_of(n.inputs.values(), held):
            until[used] = max(until.get(used, 0), k)
    for used in graph_of(targets, held):
        until[used] = len(nodes)
    holds = [Hold(n, in_file=False, until=until[n], is_result=n in in_memory) for n in nodes]
    while _most_held(holds) > memory // 2:
        k = max((k for k, hold in enumerate(holds) if hold.counts), key=lambda k: holds[k].size)
        holds[k] = attrs.evolve(holds[k], in_file=True)
    return tuple(holds)


def _most_held(holds: Sequence[Hold]) -> int:
    live = [sum(h.size for h in holds[: k + 1] if h.counts and h.until >= k) for k in range(len(holds))]
    return max(live, default=0)


def _costliest(streaming: Streaming, held: Mapping[Node, bool]) -> Node | None:
    """Return the node of which a slab takes the most memory, if holding it in a file makes it less."""
    (step,) = scheduled(streaming.steps(range(streaming.count // 2, streaming.count // 2 + 1)), held)
    known = {*held, *streaming.targets}
    parts = [p for p in step if p.node not in known and not p.node.at_hand]
    found = max(parts, key=lambda p: len(p.needed) * p.node.info.slice_bytes, default=None)
    return None if found is None or len(found.needed) <= 2 * streaming.slab else found.node


# --- slabs ------------------------------------------------------------------------------------------


def plan_streaming(targets: Sequence[Node], held: Mapping[Node, bool], memory: int, threads: int) -> Streaming:
    """Plan the computation of results slab by slab.

    Parameters
    ----------
    targets : sequence of Node
        Their nodes.
    held : mapping of Node to bool
        Nodes whose result is there, and whether it is in a file.
    memory : int
        Bytes for all threads together.
    threads : int
        Most threads.
    """
    counts = list(dict.fromkeys(_count(targets, t) for t in _THICKNESSES if t <= _thickest(targets, held, threads)))
    at_work = [0] * len(counts)
    for k, count in enumerate(counts):
        at_work[k] = _bytes_at_work(targets, count, held)
        if threads * at_work[k] <= memory:
            return _in_pieces(targets, count, held, threads, at_work[k])
    # Where even the thinnest slabs are too much for all threads at once, fewer work.
    fewer = max(1, min(threads, memory // max(at_work[-1], 1)))
    return _in_pieces(targets, counts[-1], held, fewer, at_work[-1])


def _thickest(targets: Sequence[Node], held: Collection[Node], threads: int) -> int:
    slices = max(n.info.slices for n in targets)
    margins = [
        n.halo(next(iter(n.inputs.values())).info) for n in graph_of(targets, held) if n.computes_margins and n.inputs
    ]
    widest = max(margins, default=0)
    # Thin enough that every thread has something to do; more than once, but where that is work done twice.
    shares = threads if widest else 2 * threads
    return max(1, min(max(_THICKEST, _MARGINS * widest), -(-slices // shares)))


def _count(targets: Sequence[Node], thickness: int) -> int:
    # A step does not reach from one volume of a stack into the next: they may come from far apart.
    volumes = math.lcm(*(len(n.info.volumes) for n in targets))
    slices = max(n.info.slices for n in targets)
    return volumes * -(-slices // (thickness * volumes))


def _wanted(targets: Sequence[Node], k: int, count: int) -> Wanted:
    slabs = {n: range(k * n.info.slices // count, (k + 1) * n.info.slices // count) for n in targets}
    return {n: slab for n, slab in slabs.items() if len(slab)}


def _bytes_at_work(targets: Sequence[Node], count: int, held: Mapping[Node, bool]) -> int:
    starts = {0, max(0, count // 2 - 1), max(0, count - 3)}
    return max(peak_bytes(_sample(targets, count, held, start), held) for start in starts)


def _sample(targets: Sequence[Node], count: int, held: Collection[Node], start: int) -> list[Step]:
    numbers = range(start, min(start + 3, count))
    return scheduled([_wanted(targets, k, count) for k in numbers], held)


def _in_pieces(
    targets: Sequence[Node], count: int, held: Mapping[Node, bool], threads: int, bytes_at_work: int
) -> Streaming:
    """Return the plan in as many pieces as are worth it: each begins with slices that the one before ends with."""
    first, *rest = _sample(targets, count, held, max(0, count // 2 - 1))
    usual = sum(map(computed_bytes, rest)) / len(rest) if rest else computed_bytes(first)
    extra = max(0, computed_bytes(first) - usual)
    total = count * usual
    threads = min(threads, count) if extra < total else 1
    worth = next((k for k in (8, 4, 3, 2) if k * threads <= count and extra * k * threads <= _WORTH * total), 1)
    return Streaming(tuple(targets), count, threads, 1 if threads == 1 else worth * threads, bytes_at_work)
