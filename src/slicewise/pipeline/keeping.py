"""What a run puts into a cache: what it makes, and what the last nodes are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from slicewise.errors import ComputeError
from slicewise.image import Image, ImageInfo, ImageStack
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.cache import ResultCache
from slicewise.pipeline.flow import Taker
from slicewise.pipeline.holding import Held, Room
from slicewise.pipeline.keys import is_fleeting
from slicewise.pipeline.node import Node
from slicewise.pipeline.result_folder import ResultWriting
from slicewise.pipeline.sources import are_settled

__all__ = ["Keeping", "as_image"]


class Keeping:
    """What becomes of the results of a run that are worth keeping.

    They are taken as they are computed. To the folder they go slab by slab, and take no memory; what may not go there,
    or where there is none, is kept in memory, as far as the limit of the cache goes. Nothing is found there before
    all of it is, and the run has succeeded.

    Parameters
    ----------
    cache : ResultCache or None
        Where results are kept.
    targets : mapping of Node to Taker
        What the run computes.
    there : set or mapping of Node
        What need not be computed.
    in_memory : set of Node
        What the run holds in memory as a whole anyway.
    now : int
        When the run began, in nanoseconds since 1970: files that were changed a moment before may change again without
        their times telling, and what comes of them is not kept.
    """

    def __init__(
        self,
        cache: ResultCache | None,
        targets: Mapping[Node, Taker],
        there: Collection[Node],
        in_memory: Collection[Node],
        now: int,
    ) -> None:
        self._cache = cache
        self._writings: dict[Node, ResultWriting] = {}
        self._rooms: dict[Node, _Filling] = {}
        self._adopted: dict[Node, Array | None] = {}
        if cache is None:
            return
        self._left = cache.limit
        for n in _worth_keeping(targets, there):
            if are_settled([n], now):
                # The result that is wanted in memory goes into the cache as the image it becomes.
                self._choose(cache, n, in_memory, becomes_image=n in targets and targets[n].is_in_memory)

    def _choose(self, cache: ResultCache, n: Node, in_memory: Collection[Node], *, becomes_image: bool) -> None:
        writing = None
        if cache.folder is not None and not is_fleeting(n.key):
            writing = cache.folder.begin(n.key, n.info)
        if writing is not None:
            self._writings[n] = writing
        size = n.info.slices * n.info.slice_bytes
        if size > self._left or (writing is not None and not becomes_image):
            return
        self._left -= size
        if becomes_image:
            return
        cache.make_room(cache.limit - self._left)
        if n in in_memory:
            self._adopted[n] = None
        else:
            # Where there is no memory for it, it is not kept.
            with contextlib.suppress(ComputeError):
                self._rooms[n] = _Filling(n.info, f"{n!r}")

    @property
    def taps(self) -> dict[Node, Taker]:
        """What takes slices as they are computed."""
        return {**self._writings, **self._rooms}

    def take(self, n: Node, slab: Slab, values: Array) -> None:
        """Take slices of a node that does not flow."""
        if n in self.taps:
            self.taps[n].put(slab, values)

    def adopt(self, n: Node, result: Held) -> None:
        """Keep what the run holds in memory itself."""
        if n in self._adopted and isinstance(result, Room):
            self._adopted[n] = result.array

    def commit(self) -> None:
        """Put into the cache what is whole."""
        if self._cache is None:
            return
        for writing in self._writings.values():
            try:
                writing.commit()
            except OSError as error:
                if self._cache.folder is not None:
                    self._cache.folder.give_up(error, writing.size)
        whole = {n: filling.array for n, filling in self._rooms.items() if filling.is_whole}
        for n, array in {**self._adopted, **whole}.items():
            if array is not None:
                self._cache.put(n.key, as_image(array, n.info))

    def close(self) -> None:
        """Let go of what was not put into the cache."""
        for writing in self._writings.values():
            writing.close()
        self._rooms.clear()
        self._adopted.clear()


class _Filling(Room):
    """A result that fills memory, from several threads."""

    def __init__(self, info: ImageInfo, what: str) -> None:
        super().__init__(Room.of(info, what).array)
        self._is_there = np.zeros(info.slices, bool)

    def put(self, slab: Slab, values: Array) -> None:
        """Set some slices."""
        super().put(slab, values)
        self._is_there[slab.start : slab.stop] = True

    @property
    def is_whole(self) -> bool:
        """Whether all slices are there."""
        return bool(self._is_there.all())


def as_image(slices: Array, info: ImageInfo) -> Image | ImageStack:
    """Return slices as the image they are; of several volumes, as a stack."""
    return Image(slices, info) if info.axis is None else ImageStack(slices.reshape(info.shape), info)


def _worth_keeping(targets: Iterable[Node], there: Collection[Node]) -> list[Node]:
    computed = [n for n in targets if n not in there]
    inputs = [source for n in computed for source in _taken_whole(n)]
    return [n for n in dict.fromkeys([*computed, *inputs]) if n not in there and not n.is_cheap]


def _taken_whole(n: Node) -> Iterator[Node]:
    """Iterate over the inputs of which a node takes every slice: of others, not all would be there to be kept."""
    sources = list(n.inputs.values())
    for source, taken in zip(sources, n.request(range(n.info.slices), *(s.info for s in sources)), strict=False):
        if len(taken) == source.info.slices:
            yield source
