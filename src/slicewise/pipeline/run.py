"""Running a plan: what is held, slabs, threads, progress and cancelling; the data pass."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from slicewise.errors import CancelledError, GraphError
from slicewise.image import Image, ImageInfo, ImageStack
from slicewise.pipeline.block import Array, Block, Slab, unasked
from slicewise.pipeline.cache import ResultCache, find_result, keep_result
from slicewise.pipeline.computing import Computing, Recorder
from slicewise.pipeline.flow import Flow, Passing, Taker
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.holding import Held, InFile, Room
from slicewise.pipeline.node import Filter, Node, node
from slicewise.pipeline.plan import Hold, Limits, Streaming, make_plan, plan_streaming
from slicewise.pipeline.progress import Show, Tell, show_progress
from slicewise.pipeline.run_log import logged, note_phase
from slicewise.pipeline.schedule import Wanted
from slicewise.pipeline.telling_once import Listener
from slicewise.pipeline.threads import allowing, in_threads
from slicewise.pipeline.watching import Caught, watched

__all__ = ["RunOptions", "Runner", "Sink", "result_of", "update"]

Consume = Callable[[Slab, Array], object]
_LOG = logging.getLogger(__name__)


def _folder(value: str | os.PathLike[str] | None) -> Path | None:
    return None if value is None else Path(value).expanduser()


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to run; see ``Node.update``."""

    memory: int | str | None = None
    workers: int | None = None
    progress: bool | Show | None = None
    cancel: threading.Event | None = None
    cache: ResultCache | None = None
    spill: Path | None = attrs.field(default=None, converter=_folder)
    recorder: Recorder | None = None

    @property
    def limits(self) -> Limits:
        """What the run may take."""
        return Limits.of(self.memory, self.workers)


@node
class Sink(Filter):
    """A node at the end of a pipeline, which does something with the result of its input."""

    @cached_property
    def info(self) -> ImageInfo:
        """What is known of the input: a sink adds nothing."""
        return self.input_infos()[0]

    def _connected(self, name: str, source: Node) -> Node:
        # The results of several sinks are no stack.
        return self._with(name, source)

    def execute(self, runner: Runner) -> Any:
        """Run the pipeline and return what came of it."""
        raise NotImplementedError


def update(target: Node, options: RunOptions) -> Any:
    """Compute the result of a node: an ``Image``, or for a sink what came of it.

    Raises
    ------
    GraphError
        If an input is not connected.
    ComputeError
        If a node failed; the message shows the graph up to it, and the slices.
    CancelledError
        If the run was cancelled.
    """
    if not target.is_connected:
        raise GraphError(f"{target!r} is not connected to a reader or an image: write 'reader >> ...' first")
    target.check()
    return result_of(target, Runner(options))


def result_of(target: Node, runner: Runner) -> Any:
    """Return what comes of a node that is connected and checked, in a run."""
    return target.execute(runner) if isinstance(target, Sink) else runner.image(target)


class Runner:
    """One run of a graph, in one pass or several.

    Parameters
    ----------
    options : RunOptions
        How to run.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        # The nodes themselves are kept, so that no other is taken for one that is gone.
        self._as_run: dict[Node, Node] = {}
        self._listener = Listener()
        self._phase, self._phases = 0, 0

    def image(self, target: Node, later: int = 0) -> Image | ImageStack:
        """Return the result of a node in memory; how many phases will follow is told to whoever looks."""
        known = find_result(self.as_run(target), self.options.cache)
        if known is not None:
            _LOG.debug("result of %r is there already", target)
            return known
        room = Room.of(target.info, f"{target!r}")
        self.run({target: room}, target.name, later)
        image = _in_memory(room.array, target.info)
        keep_result(target, image, self.options.cache)
        return image

    def stream(self, target: Node, consume: Consume, title: str, later: int = 0) -> None:
        """Compute the result of a node slab by slab and hand each to a function.

        Slabs come in any order and from several threads; the array is not to be kept. How many phases will follow is
        told to whoever looks.
        """
        self.run({target: Passing(consume)}, title, later)

    def as_run(self, target: Node) -> Node:
        """Return the node as it is run: with what is better done at once as one node."""
        return self._as_run.setdefault(target, fused(target))

    @contextmanager
    def in_one(self, n: Node, title: str) -> Iterator[Computing]:
        """Show how far a node is that takes all slices at once, and stop it where the run is to stop."""
        total, size = n.info.slices, n.info.slices * n.info.slice_bytes
        computing, caught = self._computing(title, time.process_time), Caught()

        def look(share: float) -> None:
            computing.check_cancelled()
            with caught:
                tell(int(share * total), total, int(share * size), size)
            if caught.error is not None:
                # What is raised from here would be taken for a failure of the node.
                raise CancelledError("the run was cancelled: its progress could not be told")

        # Nothing else is computed meanwhile: the threads are all its own.
        allowed = allowing(self.options.limits.threads)
        with self._listener.listening(), self._phase_shown(title) as tell, allowed, watched(look):
            try:
                look(0.0)
                yield computing
                look(1.0)
            except CancelledError:
                if caught.error is None:
                    raise
                raise caught.error from None

    def _computing(self, title: str, processor_time: Callable[[], float] = time.thread_time) -> Computing:
        return Computing(self.options.cancel, self.options.recorder, self._listener, title, processor_time)

    @contextmanager
    def _phase_shown(self, title: str) -> Iterator[Tell]:
        self._phase += 1
        self._phases = max(self._phase, self._phases)
        note_phase(title, self._phase, self._phases)
        with show_progress(self.options.progress, title, phase=(self._phase, self._phases)) as tell:
            yield tell

    def run(self, takers: Mapping[Node, Taker], title: str, later: int = 0) -> None:
        """Compute the results of some nodes in one pass, and give each slab to its taker.

        Parameters
        ----------
        takers : mapping of Node to Taker
            What takes the results.
        title : str
            What is being done.
        later : int
            How many phases will follow in this run, for those who look how far it is.

        Raises
        ------
        ComputeError
            If a node failed; errors of slicewise keep their type.
        CancelledError
            If the run was cancelled.
        """
        wanted = {self.as_run(n): taker for n, taker in takers.items()}
        there = self._there(wanted)
        limits = self.options.limits
        in_memory = [n for n, taker in wanted.items() if isinstance(taker, Room)]
        plan = make_plan(list(wanted), there, limits, in_memory)
        if self.options.recorder is not None:
            self.options.recorder.planned(plan)
        held: dict[Node, Held] = dict(there)
        kept = {*there, *(hold.node for hold in plan.holds if not hold.in_file)}
        streams = any(n not in kept or not isinstance(taker, Room) for n, taker in wanted.items())
        self._phases = self._phase + len(plan.holds) + streams + later
        with self._listener.listening(), logged(title, plan), _clearing(held, there):
            for k, hold in enumerate(plan.holds):
                held[hold.node] = self._held(hold, held, limits)
                for done in (h for h in plan.holds if h.until == k):
                    held.pop(done.node).close()
            rest = {n: taker for n, taker in wanted.items() if not _adopted(held.get(n), taker)}
            if rest:
                in_files = {n: isinstance(h, InFile) for n, h in held.items()}
                left = limits.memory - plan.held_bytes
                streaming = (
                    plan.streaming
                    if len(rest) == len(wanted)
                    else plan_streaming(list(rest), in_files, left, limits.threads)
                )
                self._stream(streaming, held, rest, title)

    def _there(self, targets: Mapping[Node, Taker]) -> dict[Node, Held]:
        found: dict[Node, Held] = {}
        for n in dict.fromkeys(n for target in targets for n in target.walk()):
            known = find_result(n, self.options.cache)
            if known is not None:
                _LOG.debug("result of %r is there already", n)
                found[n] = Room(known.array.reshape(-1, *n.info.slice_shape))
        return found

    def _held(self, hold: Hold, held: Mapping[Node, Held], limits: Limits) -> Held:
        n = hold.node
        if n.whole:
            return self._whole(hold, held, limits)
        store = self._store(hold)
        in_files = {h: isinstance(result, InFile) for h, result in held.items()}
        used = sum(h.info.slices * h.info.slice_bytes for h, in_file in in_files.items() if not in_file)
        streaming = plan_streaming([n], in_files, limits.memory - used, limits.threads)
        with _unless_whole(store):
            self._stream(streaming, held, {n: store}, f"{n.name}, held {'in a file' if hold.in_file else 'whole'}")
        return store

    def _whole(self, hold: Hold, held: Mapping[Node, Held], limits: Limits) -> Held:
        n = hold.node
        slab = range(n.info.slices)
        inputs = list(n.inputs.values())
        with self.in_one(n, f"{n.name}, whole") as computing:
            taken = zip(inputs, n.request(slab, *(i.info for i in inputs)), strict=True)
            blocks = [_block(source, part, held, computing) for source, part in taken]
            array = computing.slab(n, slab, blocks)
        if not hold.in_file:
            return Room(array)
        store = self._store(hold)
        with _unless_whole(store):
            store.put(slab, array)
        return store

    def _store(self, hold: Hold) -> Room | InFile:
        what = f"{hold.node.name}, which is needed whole,"
        return InFile(hold.node.info, self.options.spill, what) if hold.in_file else Room.of(hold.node.info, what)

    def _stream(self, plan: Streaming, held: Mapping[Node, Held], takers: Mapping[Node, Taker], title: str) -> None:
        computing = self._computing(title)
        allowed = max(1, self.options.limits.threads // plan.workers)

        def go(piece: list[Wanted]) -> Iterator[tuple[int, int]]:
            for wanted in Flow(held, takers, {}, computing).run(piece):
                yield _amount({n: len(slab) for n, slab in wanted.items()})

        total, done = _amount({n: n.info.slices for n in plan.targets}), (0, 0)
        results = (
            _in_this_thread(plan, go, allowed)
            if plan.workers == 1
            else in_threads(plan, go, plan.workers, allowed=allowed, stop=computing.stop)
        )
        with self._phase_shown(title) as tell, closing(results):
            tell(0, total[0], 0, total[1])
            for slices, size in results:
                done = done[0] + slices, done[1] + size
                tell(done[0], total[0], done[1], total[1])


@contextmanager
def _unless_whole(store: Held) -> Iterator[None]:
    """Let go of what is only held in part if the block fails."""
    with ExitStack() as undone:
        undone.callback(store.close)
        yield
        undone.pop_all()


def _amount(slices: Mapping[Node, int]) -> tuple[int, int]:
    """Return how many slices they are together, and how many bytes."""
    return sum(slices.values()), sum(count * n.info.slice_bytes for n, count in slices.items())


@contextmanager
def _clearing(held: Mapping[Node, Held], there: Collection[Node]) -> Iterator[None]:
    """Let go of what is held in the end, but for what was there before."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note("the run was cancelled; nothing of it was kept")
        raise
    finally:
        for n, result in held.items():
            if n not in there:
                result.close()


def _in_this_thread(
    plan: Streaming, go: Callable[[list[Wanted]], Iterator[tuple[int, int]]], allowed: int
) -> Generator[tuple[int, int], None, None]:
    with allowing(allowed):
        for piece in plan:
            yield from go(piece)


def _block(source: Node, taken: Slab, held: Mapping[Node, Held], computing: Computing) -> Block:
    if len(taken) == 0:
        return unasked(source.info)
    if source in held:
        whole = held[source].whole().view()
        whole.flags.writeable = False
        return Block(whole[taken.start : taken.stop], taken, source.info)
    return Block(computing.slab(source, taken, []), taken, source.info)


def _adopted(result: Held | None, taker: Taker) -> bool:
    """Take a result that is held in memory for the one that is wanted there."""
    if not isinstance(result, Room) or not isinstance(taker, Room):
        return False
    taker.array = result.array
    return True


def _in_memory(slices: Array, info: ImageInfo) -> Image | ImageStack:
    return Image(slices, info) if info.axis is None else ImageStack(slices.reshape(info.shape), info)
