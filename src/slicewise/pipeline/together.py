"""Several results in one pass: what they share is computed once."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import attrs

from slicewise.errors import CancelledError, GraphError
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.cache import ResultCache
from slicewise.pipeline.flow import Taker
from slicewise.pipeline.node import Node, as_node
from slicewise.pipeline.progress import Show
from slicewise.pipeline.run import Runner, RunOptions, result_of
from slicewise.pipeline.threads import waiting_pool

__all__ = ["update_all"]


def update_all(
    *targets: Any,
    memory: int | str | None = None,
    workers: int | None = None,
    progress: bool | Show | None = None,
    cancel: threading.Event | None = None,
    cache: ResultCache | None = None,
    spill: str | os.PathLike[str] | None = None,
) -> tuple[Any, ...]:
    """Compute the results of several nodes in one pass: what they have in common is read and computed once.

    A writer that has to begin anew, because values do not fit the type that they were tried in, takes another pass on
    its own. What fails, fails for all: those that were not complete by then leave nothing behind.

    Parameters
    ----------
    *targets : Node
        Filters, whose images are returned, and writers, which return what they wrote.
    memory, workers, progress, cancel, cache, spill
        How to run, as for ``update``.

    Returns
    -------
    tuple
        What ``update`` of each would return, in their order.

    Raises
    ------
    GraphError
        If a target is no node, or not connected.
    SlicewiseError
        What ``update`` raises.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Median, update_all
    >>> smooth = Image.from_array(np.arange(60, dtype=np.int16).reshape(3, 4, 5)) >> Median(radius=1)
    >>> bone, doubled = update_all(smooth > 40, smooth * 2, progress=False)  # one median
    >>> int(bone.array.sum()), int(doubled.array.max())
    (19, 108)
    """
    nodes = [as_node(target) for target in targets]
    for n in nodes:
        if not n.is_connected:
            raise GraphError(f"{n!r} is not connected to a reader or an image: write 'reader >> ...' first")
        n.check()
    options = RunOptions(memory=memory, workers=workers, progress=progress, cancel=cancel, cache=cache, spill=spill)
    return _Meeting(nodes, options).results() if nodes else ()


@attrs.define(eq=False)
class _Guest:
    """One of the results, and what it waits for."""

    target: Node
    future: Future[Any] | None = None
    wanted: Mapping[Node, Taker] | None = None
    later: int = 0
    failure: Exception | None = None

    @property
    def waits(self) -> bool:
        """Whether it wants a pass."""
        return self.wanted is not None and not self.is_through

    @property
    def is_through(self) -> bool:
        """Whether its thread has ended."""
        return self.future is not None and self.future.done()


class _Meeting:
    """Where all that want a pass wait for each other, so that one pass serves them all.

    Parameters
    ----------
    targets : sequence of Node
        What is wanted.
    options : RunOptions
        How to run.
    """

    def __init__(self, targets: Sequence[Node], options: RunOptions) -> None:
        self._runner = Runner(options)
        self._guests = [_Guest(target) for target in targets]
        self._changed = threading.Condition()
        self._is_over = False

    def results(self) -> tuple[Any, ...]:
        """Return what comes of all of them."""
        try:
            self._meet()
            return tuple(guest.future.result() for guest in self._guests if guest.future is not None)
        finally:
            # What refers to itself would keep results, and what was at work when something failed.
            for guest in self._guests:
                guest.future = guest.wanted = None

    def _meet(self) -> None:
        with waiting_pool(len(self._guests), "slicewise-result", at_end=self._end) as pool:
            for guest in self._guests:
                guest.future = pool.submit(result_of, guest.target, _AtMeeting(self, guest, self._runner))
                guest.future.add_done_callback(lambda _: self._tell())
            while waiting := self._all_that_wait():
                self._serve(waiting)

    def _end(self) -> None:
        self._is_over = True
        self._tell()

    def wait_for(self, guest: _Guest, wanted: Mapping[Node, Taker], later: int) -> None:
        """Wait, in the thread of one of them, until a pass has given it what it wants."""
        with self._changed:
            guest.wanted, guest.later = wanted, later
            self._changed.notify_all()
            self._changed.wait_for(lambda: guest.wanted is None or self._is_over)
            failure, guest.failure = guest.failure, None
        if failure is not None:
            raise failure
        if guest.wanted is not None:
            raise CancelledError("the run was cancelled; nothing of it was kept")

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _all_that_wait(self) -> list[_Guest]:
        """Return all that want a pass, when none is at work on its own; raise if one failed."""
        with self._changed:
            self._changed.wait_for(lambda: all(g.is_through or g.waits for g in self._guests))
        for guest in self._guests:
            if guest.is_through and guest.future is not None:
                guest.future.result()
        return [guest for guest in self._guests if guest.waits]

    def _serve(self, guests: Sequence[_Guest]) -> None:
        takers: dict[Node, list[_Forgiving]] = {}
        for guest in guests:
            for n, taker in (guest.wanted or {}).items():
                takers.setdefault(self._runner.as_run(n), []).append(_Forgiving(taker, guest, guests))
        names = dict.fromkeys(guest.target.name for guest in guests)
        with _Unless(guests):
            later = max(guest.later for guest in guests)
            self._runner.run({n: _Several(t) for n, t in takers.items()}, ", ".join(names), later)
        with self._changed:
            for guest in guests:
                guest.wanted = None
            self._changed.notify_all()


class _AtMeeting(Runner):
    """The run as one of several results sees it."""

    def __init__(self, meeting: _Meeting, guest: _Guest, runner: Runner) -> None:
        super().__init__(runner.options)
        self._meeting = meeting
        self._guest = guest

    def run(self, takers: Mapping[Node, Taker], title: str, later: int = 0) -> None:
        """Wait for the pass that serves all."""
        self._meeting.wait_for(self._guest, takers, later)


class _Forgiving:
    """A taker whose failure ends what it takes for, and the pass only when nobody is left."""

    def __init__(self, taker: Taker, guest: _Guest, guests: Sequence[_Guest]) -> None:
        self._taker = taker
        self._guest = guest
        self._guests = guests

    @property
    def is_in_memory(self) -> bool:
        """Whether all slices are in memory in the end."""
        return self._taker.is_in_memory

    def put(self, slab: Slab, values: Array) -> None:
        """Take a slab, if none failed before."""
        if self._guest.failure is None:
            with self:
                self._taker.put(slab, values)

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        # Whatever it is goes to where it was asked for: a writer may want to begin anew.
        if not isinstance(error, Exception):
            return False
        if self._guest.failure is None:
            self._guest.failure = error
        return any(guest.failure is None for guest in self._guests)


class _Unless:
    """Lets no error out when nobody is left to take anything: each is told of its own."""

    def __init__(self, guests: Sequence[_Guest]) -> None:
        self._guests = guests

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, Exception) and all(guest.failure is not None for guest in self._guests)


class _Several:
    """Several takers of one result."""

    def __init__(self, takers: Sequence[_Forgiving]) -> None:
        self._takers = takers

    @property
    def is_in_memory(self) -> bool:
        """Whether all slices are in memory in the end, with one of them."""
        return any(taker.is_in_memory for taker in self._takers)

    def put(self, slab: Slab, values: Array) -> None:
        """Give a slab to each."""
        for taker in self._takers:
            taker.put(slab, values)

    def room(self, slab: Slab) -> None:
        """Return None: there are several places."""
