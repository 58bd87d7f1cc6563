"""Running a plan: what is held, slabs, threads, progress and cancelling; the data pass."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from slicewise.errors import ComputeError, GraphError
from slicewise.image import Image, ImageInfo, ImageStack
from slicewise.pipeline.block import Array, Block, Slab, unasked
from slicewise.pipeline.cache import ResultCache, find_result, keep_result
from slicewise.pipeline.computing import Computing, Recorder
from slicewise.pipeline.flow import Flow, Passing, Taker
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.holding import Held, InFile, Room
from slicewise.pipeline.node import Filter, Node, node
from slicewise.pipeline.plan import Hold, Limits, Plan, Streaming, make_plan, plan_streaming
from slicewise.pipeline.progress import Progress, show_progress
from slicewise.pipeline.schedule import Wanted
from slicewise.pipeline.threads import allowing, in_threads

__all__ = ["RunOptions", "Runner", "Sink", "result_of", "update"]

Consume = Callable[[Slab, Array], object]


def _folder(value: str | os.PathLike[str] | None) -> Path | None:
    return None if value is None else Path(value).expanduser()


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to run; see ``Node.update``."""

    memory: int | str | None = None
    workers: int | None = None
    progress: bool | Progress | None = None
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
    with _telling_of_memory(target):
        return target.execute(runner) if isinstance(target, Sink) else runner.image(target)


@contextmanager
def _telling_of_memory(target: Node) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        told = f" ({error})" if str(error) else ""
        raise ComputeError(
            f"{target!r}: there is no memory left{told}: grant less with memory=, take fewer workers=, or write to "
            "files instead of getting an image"
        ) from error


class Runner:
    """One run of a graph, in one pass or several.

    Parameters
    ----------
    options : RunOptions
        How to run.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self._as_run: dict[Node, Node] = {}

    def image(self, target: Node) -> Image | ImageStack:
        """Return the result of a node in memory."""
        known = find_result(self.as_run(target), self.options.cache)
        if known is not None:
            return known
        room = Room.of(target.info, f"{target!r}")
        self.run({target: room}, target.name)
        image = _in_memory(room.array, target.info)
        keep_result(target, image, self.options.cache)
        return image

    def stream(self, target: Node, consume: Consume, title: str) -> None:
        """Compute the result of a node slab by slab and hand each to a function.

        Slabs come in any order and from several threads; the array is not to be kept.
        """
        self.run({target: Passing(consume)}, title)

    def as_run(self, target: Node) -> Node:
        """Return the node as it is run: with what is better done at once as one node."""
        return fused(target, self._as_run)

    def run(self, takers: Mapping[Node, Taker], title: str) -> None:
        """Compute the results of some nodes in one pass, and give each slab to its taker.

        Raises
        ------
        ComputeError
            If a node failed; errors of slicewise keep their type.
        CancelledError
            If the run was cancelled.
        """
        with _telling_of_memory(next(iter(takers))):
            self._run({self.as_run(n): taker for n, taker in takers.items()}, title)

    def _run(self, wanted: Mapping[Node, Taker], title: str) -> None:
        there = self._there(wanted)
        limits = self.options.limits
        in_memory = [n for n, taker in wanted.items() if isinstance(taker, Room)]
        plan = make_plan(list(wanted), there, limits, in_memory)
        held: dict[Node, Held] = dict(there)
        try:
            for k, hold in enumerate(plan.holds):
                held[hold.node] = self._held(plan, k, held)
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
        finally:
            for n, result in held.items():
                if n not in there:
                    result.close()

    def _there(self, targets: Mapping[Node, Taker]) -> dict[Node, Held]:
        found: dict[Node, Held] = {}
        for n in dict.fromkeys(n for target in targets for n in target.walk()):
            known = find_result(n, self.options.cache)
            if known is not None:
                found[n] = Room(known.array.reshape(-1, *n.info.slice_shape))
        return found

    def _held(self, plan: Plan, k: int, held: Mapping[Node, Held]) -> Held:
        hold = plan.holds[k]
        n = hold.node
        if n.whole:
            return self._whole(hold, held, plan.limits)
        title = f"{n.name}, held {'in a file' if hold.in_file else 'whole'}"
        with self._store(hold) as store:
            self._stream(plan.streaming_to_hold(k), held, {n: store}, title)
        return store

    def _whole(self, hold: Hold, held: Mapping[Node, Held], limits: Limits) -> Held:
        n = hold.node
        slab = range(n.info.slices)
        inputs = list(n.inputs.values())
        computing = Computing(self.options.cancel, self.options.recorder)
        blocks = []
        for source, taken in zip(inputs, n.request(slab, *(i.info for i in inputs)), strict=True):
            blocks.append(_block(source, taken, held, computing))
        # Nothing else is computed meanwhile: the threads are all its own.
        with show_progress(self.options.progress, f"{n.name}, whole") as tell, allowing(limits.threads):
            tell(0, len(slab))
            array = computing.slab(n, slab, blocks)
            tell(len(slab), len(slab))
        del blocks
        for result in held.values():
            if isinstance(result, InFile):
                result.unmapped()
        if not hold.in_file:
            # A view would keep all of what it is a part of, and change with what the node does to it later.
            return Room(array if array.flags.owndata else array.copy())
        with self._store(hold) as store:
            store.put(slab, array)
        return store

    @contextmanager
    def _store(self, hold: Hold) -> Iterator[Room | InFile]:
        """Give room for a result; if the block raises, it is let go of."""
        what = f"{hold.node.name}, which is needed whole,"
        store = InFile(hold.node.info, self.options.spill, what) if hold.in_file else Room.of(hold.node.info, what)
        with ExitStack() as undone:
            undone.callback(store.close)
            yield store
            undone.pop_all()

    def _stream(self, plan: Streaming, held: Mapping[Node, Held], takers: Mapping[Node, Taker], title: str) -> None:
        computing = Computing(self.options.cancel, self.options.recorder)
        allowed = max(1, self.options.limits.threads // plan.workers)

        def go(piece: list[Wanted]) -> Iterator[int]:
            for wanted in Flow(held, takers, {}, computing).run(piece):
                yield sum(len(slab) for slab in wanted.values())

        total, done = sum(n.info.slices for n in plan.targets), 0
        results = (
            _in_this_thread(plan, go, allowed)
            if plan.workers == 1
            else in_threads(plan, go, plan.workers, allowed=allowed, stop=computing.stop)
        )
        with show_progress(self.options.progress, title) as tell, closing(results):
            tell(0, total)
            for count in results:
                done += count
                tell(done, total)


def _in_this_thread(
    plan: Streaming, go: Callable[[list[Wanted]], Iterator[int]], allowed: int
) -> Generator[int, None, None]:
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
