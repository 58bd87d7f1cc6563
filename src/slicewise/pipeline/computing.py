"""Computing slabs: whether the run goes on, what nodes promised, where one failed, and what it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from slicewise.errors import CancelledError, ComputeError
from slicewise.pipeline.block import Array, Block, Slab
from slicewise.pipeline.failing import placing
from slicewise.pipeline.node import Node
from slicewise.pipeline.telling_once import Listener

if TYPE_CHECKING:
    from slicewise.pipeline.plan import Plan

__all__ = ["Computing", "Recorder", "Work"]


class Work(NamedTuple):
    """A slab that was computed, or taken by what comes of the results.

    Parameters
    ----------
    node : Node or None
        What computed it; None where it was taken.
    name : str
        Name of the node, or what is done with what is taken.
    slab : range
        Its slices.
    thread : int
        Identifier of the thread.
    began, ended : float
        In seconds, by ``time.perf_counter``.
    processor : float
        Seconds that the thread was on a processor meanwhile; where nothing else was at work, all threads.
    size : int
        Its bytes.
    """

    node: Node | None
    name: str
    slab: Slab
    thread: int
    began: float
    ended: float
    processor: float
    size: int


class Recorder(Protocol):
    """Told by each thread what it did."""

    def planned(self, plan: Plan) -> None:
        """Take note of how a pass is going to run."""

    def record(self, work: Work) -> None:
        """Take note of a slab."""


class Computing:
    """How slabs are computed in one run.

    Parameters
    ----------
    cancel : threading.Event, optional
        Set by whoever wants the run to end.
    recorder : Recorder, optional
        Told of each slab.
    listener : Listener
        Hears what nodes warn of.
    title : str
        What is done with what is taken.
    processor_time : callable
        Returns the seconds that were spent on processors.
    """

    def __init__(
        self,
        cancel: threading.Event | None,
        recorder: Recorder | None,
        listener: Listener,
        title: str,
        processor_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._cancel = cancel
        self._recorder = recorder
        self._listener = listener
        self._title = title
        self._processor_time = processor_time
        self.stop = threading.Event()

    def check_cancelled(self) -> None:
        """Raise if the run was cancelled, or another thread of it failed."""
        if self.stop.is_set() or (self._cancel is not None and self._cancel.is_set()):
            raise CancelledError("the run was cancelled; nothing of it was kept")

    def slab(self, n: Node, slab: Slab, blocks: Sequence[Block], room: Array | None = None) -> Array:
        """Return the values of a slab of a node, computed into memory that is there, if it is.

        Raises
        ------
        CancelledError
            If the run was cancelled.
        ComputeError
            If the node failed, or made something else than it promised; errors of slicewise keep their type.
        """
        self.check_cancelled()
        size = len(slab) * n.info.slice_bytes
        with placing(n, slab), self.noted(n, slab, size):
            # What is computed is checked before it goes into memory that would take anything.
            if room is not None and type(n).compute_into is not Node.compute_into:
                n.compute_into(slab, room, *blocks)
                return room
            array = n.compute(slab, *blocks)
            _check(n, slab, array)
            if room is None:
                return array
            room[...] = array
            return room

    def noted(self, n: Node | None, slab: Slab, size: int) -> AbstractContextManager[None]:
        """Tell the recorder how long the block takes, and hear what it warns of."""
        name = self._title if n is None else n.name
        heard = self._listener.within(name)
        return heard if self._recorder is None else self._noted(self._recorder, heard, (n, name, slab), size)

    @contextmanager
    def _noted(
        self,
        recorder: Recorder,
        heard: AbstractContextManager[None],
        what: tuple[Node | None, str, Slab],
        size: int,
    ) -> Iterator[None]:
        began, processor = time.perf_counter(), self._processor_time()
        with heard:
            yield
        ended, processor = time.perf_counter(), self._processor_time() - processor
        recorder.record(Work(*what, threading.get_ident(), began, ended, processor, size))


def _check(n: Node, slab: Slab, array: object) -> None:
    shape = (len(slab), *n.info.slice_shape)
    # The mask of a masked array would be lost, and what it hides be taken for values.
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
        raise ComputeError(
            f"the node promised an array of shape {shape} and type {n.dtype}, and computed a {type(array).__name__}"
        )
    if array.shape != shape or array.dtype != n.dtype:
        raise ComputeError(
            f"the node promised an array of shape {shape} and type {n.dtype}, and computed one of {array.shape} and "
            f"{array.dtype}"
        )
