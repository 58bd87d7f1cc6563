"""The phases of a run: how far each is, what it warns of, and that it stops where the run is to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from slicewise.errors import CancelledError
from slicewise.pipeline.computing import Computing, Recorder
from slicewise.pipeline.node import Node
from slicewise.pipeline.progress import Show, Tell, show_progress
from slicewise.pipeline.run_log import note_phase
from slicewise.pipeline.telling_once import Listener
from slicewise.pipeline.threads import allowing
from slicewise.pipeline.watching import Caught, watched

__all__ = ["Phases"]


class Phases:
    """The phases of one run, one after the other.

    Parameters
    ----------
    progress : bool, callable or None
        Where to show how far they are.
    cancel : threading.Event, optional
        Set by whoever wants the run to end.
    recorder : Recorder, optional
        Told of each slab.
    threads : int
        How many a node may use that has them all to itself.
    """

    def __init__(
        self,
        progress: bool | Show | None,  # noqa: FBT001 - as users say it
        cancel: threading.Event | None,
        recorder: Recorder | None,
        threads: int,
    ) -> None:
        self.listener = Listener()
        self._progress = progress
        self._cancel = cancel
        self._recorder = recorder
        self._threads = threads
        self._number, self._expected = 0, 0

    def expect(self, count: int) -> None:
        """Take note of how many are still to come."""
        self._expected = self._number + count

    @contextmanager
    def shown(self, title: str) -> Iterator[Tell]:
        """Begin one, and give what tells how far it is."""
        self._number += 1
        self._expected = max(self._number, self._expected)
        note_phase(title, self._number, self._expected)
        with show_progress(self._progress, title, phase=(self._number, self._expected)) as tell:
            yield tell

    def computing(self, title: str, processor_time: Callable[[], float] = time.thread_time) -> Computing:
        """Return what computes slabs in one of them."""
        return Computing(self._cancel, self._recorder, self.listener, title, processor_time)

    @contextmanager
    def in_one(self, n: Node, title: str) -> Iterator[Computing]:
        """Show how far a node is that takes all slices at once, and stop it where the run is to stop."""
        total, size = n.info.slices, n.info.slices * n.info.slice_bytes
        computing, caught = self.computing(title, time.process_time), Caught()

        def look(share: float) -> None:
            computing.check_cancelled()
            with caught:
                tell(int(share * total), total, int(share * size), size)
            if caught.error is not None:
                # What is raised from here would be taken for a failure of the node.
                raise CancelledError("the run was cancelled: its progress could not be told")

        # Nothing else is computed meanwhile: the threads are all its own.
        with self.listener.listening(), self.shown(title) as tell, allowing(self._threads), watched(look):
            try:
                look(0.0)
                yield computing
                look(1.0)
            except CancelledError:
                if caught.error is None:
                    raise
                raise caught.error from None
