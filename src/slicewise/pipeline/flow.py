"""One thread's way through consecutive steps: it computes what is new, and keeps what the next step needs again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from slicewise.pipeline.block import Array, Block, Slab, unasked
from slicewise.pipeline.computing import Computing
from slicewise.pipeline.footprint import uses_of
from slicewise.pipeline.holding import Held
from slicewise.pipeline.node import Node
from slicewise.pipeline.schedule import Part, Step, Wanted, scheduled

__all__ = ["Flow", "Passing", "Taker"]


class Taker(Protocol):
    """What takes the slices of a node as they are computed, from any thread."""

    @property
    def is_in_memory(self) -> bool:
        """Whether all slices are in memory in the end."""

    def room(self, slab: Slab) -> Array | None:
        """Return memory that a slab is to be computed into; None if there is none."""

    def put(self, slab: Slab, values: Array) -> object:
        """Take a slab, which is not to be kept; not called for what was computed into its room."""


class Passing:
    """Slabs handed to a function.

    Parameters
    ----------
    consume : callable
        Gets the slab and its values.
    """

    is_in_memory = False

    def __init__(self, consume: Callable[[Slab, Array], object]) -> None:
        self.put = consume

    def room(self, slab: Slab) -> None:
        """Return None."""


class Flow:
    """A way through consecutive steps.

    Parameters
    ----------
    held : mapping of Node to Held
        Results that are there.
    takers : mapping of Node to Taker
        What becomes of the results that are wanted.
    taps : mapping of Node to Taker
        What else takes the slices of some nodes as they are computed. At the joints of pieces it gets some twice.
    computing : Computing
        How slabs are computed.
    """

    def __init__(
        self,
        held: Mapping[Node, Held],
        takers: Mapping[Node, Taker],
        taps: Mapping[Node, Taker],
        computing: Computing,
    ) -> None:
        self._held = held
        self._takers = takers
        self._taps = taps
        self._computing = computing
        self._there: dict[Node, tuple[Slab, Array]] = {}

    def run(self, steps: Sequence[Wanted]) -> Iterator[Wanted]:
        """Go through the steps, and yield what was wanted of each when it is done."""
        for wanted, step in zip(steps, scheduled(steps, self._held), strict=True):
            self._go(wanted, step)
            yield wanted
        self._there.clear()

    def _go(self, wanted: Wanted, step: Step) -> None:
        uses = uses_of(step)
        kept = {part.node: part.kept for part in step}
        for part in step:
            n = part.node
            # Nothing here refers to the blocks later, so that slices go when they are released.
            self._there[n] = (part.needed, self._slices(part, self._blocks(part), wanted))
            if n in wanted and n in self._takers:
                self._hand_over(n, wanted[n], part)
            for source, taken in zip(n.inputs.values(), part.taken, strict=False):
                if len(taken):
                    uses[source] -= 1
                    self._release(source, uses, kept[source])
            self._release(n, uses, part.kept)

    def _blocks(self, part: Part) -> list[Block]:
        blocks = []
        for source, taken in zip(part.node.inputs.values(), part.taken, strict=False):
            if len(taken) == 0:
                blocks.append(unasked(source.info))
                continue
            slab, array = self._there[source]
            view = array[taken.start - slab.start : taken.stop - slab.start]
            view.flags.writeable = False
            blocks.append(Block(view, taken, source.info))
        return blocks

    def _slices(self, part: Part, blocks: Sequence[Block], wanted: Wanted) -> Array:
        """Return the needed slices of a node: those that were kept, and those that are computed now."""
        n, needed, computed = part.node, part.needed, part.computed
        if n in self._held:
            return self._held[n].part(needed)
        taker = self._takers.get(n)
        room = taker.room(needed) if taker is not None and wanted.get(n) == needed == computed else None
        if len(computed) == len(needed):
            array = self._computing.slab(n, computed, blocks, room)
        else:
            slab, there = self._there[n]
            array = np.empty((len(needed), *n.info.slice_shape), n.dtype)
            first, last = max(needed.start, slab.start), min(needed.stop, slab.stop)
            array[first - needed.start : last - needed.start] = there[first - slab.start : last - slab.start]
            if len(computed):
                self._computing.slab(
                    n, computed, blocks, array[computed.start - needed.start : computed.stop - needed.start]
                )
        if n in self._taps and len(computed):
            self._taps[n].put(computed, array[computed.start - needed.start : computed.stop - needed.start])
        return array

    def _hand_over(self, n: Node, slab: Slab, part: Part) -> None:
        taker = self._takers[n]
        if n not in self._held and slab == part.needed == part.computed and taker.room(slab) is not None:
            return
        values = self._there[n][1][slab.start - part.needed.start : slab.stop - part.needed.start]
        self._computing.check_cancelled()
        with self._computing.noted(None, slab, values.nbytes):
            taker.put(slab, values)

    def _release(self, n: Node, uses: Mapping[Node, int], kept: Slab) -> None:
        """Let go of what nobody needs any more; what the next step needs again is copied, so that the rest goes."""
        if uses.get(n, 0):
            return
        slab, array = self._there.pop(n)
        # Also where all of it is kept: it may be a part of something larger, or memory that the node uses again.
        if len(kept):
            self._there[n] = (kept, array[kept.start - slab.start : kept.stop - slab.start].copy())
