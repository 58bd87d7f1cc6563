"""A run: the passes over a graph, what is held meanwhile, slabs and threads; the data pass."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from slicewise.image import Image, ImageStack
from slicewise.pipeline.block import Array, Block, Slab, unasked
from slicewise.pipeline.cache import ResultCache, find_held, find_image, keep_result
from slicewise.pipeline.computing import Computing, Recorder
from slicewise.pipeline.failing import telling_of_memory
from slicewise.pipeline.flow import Flow, Passing, Taker
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.holding import Held, InFile, Room
from slicewise.pipeline.keeping import Keeping, as_image
from slicewise.pipeline.node import Node
from slicewise.pipeline.phases import Phases
from slicewise.pipeline.plan import Hold, Limits, Plan, Streaming, make_plan, plan_streaming
from slicewise.pipeline.progress import Show
from slicewise.pipeline.result_file import ResultFile
from slicewise.pipeline.run_log import logged
from slicewise.pipeline.schedule import Wanted, requested
from slicewise.pipeline.sources import are_settled, check_unchanged
from slicewise.pipeline.threads import allowing, in_threads

__all__ = ["Consume", "RunOptions", "Runner"]

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


class Runner:
    """One run of a graph, in one pass or several.

    Parameters
    ----------
    options : RunOptions
        How to run.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.phases = Phases(options.progress, options.cancel, options.recorder, options.limits.threads)
        self._as_run: dict[Node, Node] = {}

    def image(self, target: Node, later: int = 0) -> Image | ImageStack:
        """Return the result of a node in memory; how many phases will follow is told to whoever looks."""
        began = time.time_ns()
        known = find_image(self.as_run(target), self.options.cache)
        if known is not None:
            check_unchanged([target])
            _LOG.debug("result of %r is there already", target)
            return known
        room = Room.of(target.info, f"{target!r}")
        self.run({target: room}, target.name, later)
        image = as_image(room.array, target.info)
        if are_settled([target], began):
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
        return fused(target, self._as_run)

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
        with telling_of_memory(next(iter(takers))):
            self._run_all({self.as_run(n): taker for n, taker in takers.items()}, title, later)

    def _run_all(self, wanted: Mapping[Node, Taker], title: str, later: int) -> None:
        began = time.time_ns()
        there = self._there(wanted)
        in_memory = [n for n, taker in wanted.items() if isinstance(taker, Room)]
        plan = make_plan(list(wanted), {n: h.in_file for n, h in there.items()}, self.options.limits, in_memory)
        if self.options.recorder is not None:
            self.options.recorder.planned(plan)
        held: dict[Node, Held] = dict(there)
        kept = {h.node for h in plan.holds if not h.in_file}
        streams = any(n not in {*there, *kept} or not isinstance(taker, Room) for n, taker in wanted.items())
        self.phases.expect(len(plan.holds) + streams + later)
        with (
            self.phases.listener.listening(),
            logged(title, plan),
            _clearing(held),
            closing(Keeping(self.options.cache, wanted, there, kept, began)) as keeping,
        ):
            self._run(plan, held, wanted, keeping, title)
            keeping.commit()

    def _run(
        self, plan: Plan, held: dict[Node, Held], wanted: Mapping[Node, Taker], keeping: Keeping, title: str
    ) -> None:
        limits = plan.limits
        for k, hold in enumerate(plan.holds):
            held[hold.node] = self._held(plan, k, held, keeping)
            keeping.adopt(hold.node, held[hold.node])
            for done in (h for h in plan.holds if h.until == k):
                held.pop(done.node).close()
        rest = {n: taker for n, taker in wanted.items() if not _adopted(held.get(n), taker)}
        if rest:
            in_files = {n: h.in_file for n, h in held.items()}
            streaming = (
                plan.streaming
                if len(rest) == len(wanted)
                else plan_streaming(list(rest), in_files, limits.memory - plan.held_bytes, limits.threads)
            )
            self._stream(streaming, held, rest, title, keeping.taps)

    def _there(self, targets: Iterable[Node]) -> dict[Node, Held]:
        """Return what is held or cached, and nothing behind it."""
        found: dict[Node, Held] = {}
        waiting, seen = list(targets), set[Node]()
        while waiting:
            n = waiting.pop()
            if n in seen:
                continue
            seen.add(n)
            known = find_held(n, self.options.cache)
            if known is None:
                waiting.extend(n.inputs.values())
            else:
                _LOG.debug("result of %r is there already", n)
                found[n] = known
        # Of what is read anew, the readers look themselves.
        check_unchanged(found)
        return found

    def _held(self, plan: Plan, k: int, held: Mapping[Node, Held], keeping: Keeping) -> Held:
        hold = plan.holds[k]
        n = hold.node
        if n.whole:
            return self._whole(hold, held, keeping)
        store = self._store(hold)
        title = f"{n.name}, held {'in a file' if hold.in_file else 'whole'}"
        with _unless_whole(store):
            self._stream(plan.streaming_to_hold(k), held, {n: store}, title, keeping.taps)
        return store

    def _whole(self, hold: Hold, held: Mapping[Node, Held], keeping: Keeping) -> Held:
        n = hold.node
        slab = range(n.info.slices)
        inputs = list(n.inputs.values())
        with self.phases.in_one(n, f"{n.name}, whole") as computing:
            taken = zip(inputs, requested(n, slab, inputs), strict=True)
            blocks = [_block(source, part, held, computing) for source, part in taken]
            array = computing.slab(n, slab, blocks)
        keeping.take(n, slab, array)
        del blocks
        for result in held.values():
            if isinstance(result, InFile | ResultFile):
                result.unmapped()
        if not hold.in_file:
            # A view would keep all of what it is a part of, and change with what the node does to it later.
            return Room(array if array.flags.owndata else array.copy())
        store = self._store(hold)
        with _unless_whole(store):
            store.put(slab, array)
        return store

    def _store(self, hold: Hold) -> Room | InFile:
        what = f"{hold.node.name}, which is needed whole,"
        return InFile(hold.node.info, self.options.spill, what) if hold.in_file else Room.of(hold.node.info, what)

    def _stream(
        self,
        plan: Streaming,
        held: Mapping[Node, Held],
        takers: Mapping[Node, Taker],
        title: str,
        taps: Mapping[Node, Taker],
    ) -> None:
        computing = self.phases.computing(title)
        allowed = max(1, self.options.limits.threads // plan.workers)

        def go(piece: list[Wanted]) -> Iterator[tuple[int, int]]:
            for wanted in Flow(held, takers, taps, computing).run(piece):
                yield _amount({n: len(slab) for n, slab in wanted.items()})

        total, done = _amount({n: n.info.slices for n in plan.targets}), (0, 0)
        results = (
            _in_this_thread(plan, go, allowed)
            if plan.workers == 1
            else in_threads(plan, go, plan.workers, allowed=allowed, stop=computing.stop)
        )
        with self.phases.shown(title) as tell, closing(results):
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
def _clearing(held: Mapping[Node, Held]) -> Iterator[None]:
    """Let go of what is held in the end."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note("the run was cancelled; nothing of it was kept")
        raise
    finally:
        for result in held.values():
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
