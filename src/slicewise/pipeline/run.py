"""Running a plan: slabs, threads, progress and cancelling; the data pass."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.errors import CancelledError, ComputeError, GraphError, SlicewiseError
from slicewise.image import Image, ImageInfo, ImageStack
from slicewise.pipeline.cache import ResultCache, find_result, keep_result
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.node import Array, Block, Filter, Node, Slab, node
from slicewise.pipeline.plan import Plan, consumers, make_plan, requests
from slicewise.pipeline.progress import Progress, show_progress

__all__ = ["RunOptions", "Runner", "Sink", "update"]

Consume = Callable[[Slab, Array], None]


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to run; see ``Node.update``."""

    memory: int | str | None = None
    workers: int | None = None
    progress: bool | Progress | None = None
    cancel: threading.Event | None = None
    cache: ResultCache | None = None


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
        If a node failed; the message names it and the slices.
    CancelledError
        If the run was cancelled.
    """
    if not target.is_connected:
        raise GraphError(f"{target!r} is not connected to a reader or an image: write 'reader >> ...' first")
    target.check()
    runner = Runner(options)
    if isinstance(target, Sink):
        return target.execute(runner)
    return runner.image(target)


class Runner:
    """One run of a graph: knows how to run and what is held whole for it."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self._stop = threading.Event()
        self._held: dict[int, Array] = {}
        self._fused: dict[int, tuple[Node, Node]] = {}

    def image(self, target: Node) -> Image | ImageStack:
        """Return the result of a node in memory."""
        target = self._as_run(target)
        known = find_result(target, self.options.cache)
        if known is not None:
            return known
        plan = self._prepare(target)
        held = self._held.get(id(target))
        image = _in_memory(self._collect(plan, f"{target.name}") if held is None else held, target.info)
        keep_result(target, image, self.options.cache)
        return image

    def stream(self, target: Node, consume: Consume, title: str) -> None:
        """Compute the result of a node slab by slab and hand each to a function.

        Slabs come in any order and from several threads; the array is not to be kept.
        """
        target = self._as_run(target)
        plan = self._prepare(target)

        def work(slab: Slab) -> None:
            consume(slab, self._evaluate(target, slab))

        self._run(plan, work, title)

    def _as_run(self, target: Node) -> Node:
        # Once for each node: what is held is held of the nodes that are run.
        if id(target) not in self._fused:
            self._fused[id(target)] = (target, fused(target))
        return self._fused[id(target)][1]

    def _prepare(self, target: Node) -> Plan:
        for n in target.walk():
            known = find_result(n, self.options.cache)
            if known is not None:
                self._held[id(n)] = known.array.reshape(-1, *n.info.slice_shape)
        plan = self._plan(target)
        for n in plan.whole:
            self._hold(n)
        return plan

    def _plan(self, target: Node) -> Plan:
        return make_plan(target, self._held, memory=self.options.memory, workers=self.options.workers)

    def _hold(self, n: Node) -> None:
        if id(n) in self._held:
            return
        if not n.whole:
            self._held[id(n)] = self._collect(self._plan(n), f"{n.name}, held whole")
            return
        inputs = n.inputs.values()
        blocks = [
            Block(self._held[id(i)], range(i.info.slices), i.info) if id(i) in self._held else _unasked(i)
            for i in inputs
        ]
        self._held[id(n)] = _computed(n, range(n.info.slices), blocks)

    def _collect(self, plan: Plan, title: str) -> Array:
        target = plan.node
        out = _room((target.info.slices, *target.info.slice_shape), target.dtype, target)

        def work(slab: Slab) -> None:
            self._evaluate_into(target, slab, out[slab.start : slab.stop])

        self._run(plan, work, title)
        return out

    # --- one slab ------------------------------------------------------------------------------

    def _evaluate(self, target: Node, slab: Slab) -> Array:
        if id(target) in self._held:
            return self._held[id(target)][slab.start : slab.stop]
        return _computed(target, slab, self._blocks(target, slab))

    def _evaluate_into(self, target: Node, slab: Slab, out: Array) -> None:
        blocks = self._blocks(target, slab)
        if type(target).compute_into is Node.compute_into:
            # What is computed is checked before it goes into memory that would take anything.
            out[...] = _computed(target, slab, blocks)
            return
        with _named(target, slab):
            target.compute_into(slab, out, *blocks)

    def _blocks(self, target: Node, slab: Slab) -> list[Block]:
        wanted = requests(target, slab, self._held)
        uses = consumers(target, wanted, self._held)
        arrays: dict[int, Array] = {}
        for n in target.walk():
            if n is target or id(n) not in wanted:
                continue
            self._check_cancelled()
            part = wanted[id(n)]
            if id(n) in self._held:
                arrays[id(n)] = self._held[id(n)][part.start : part.stop]
            else:
                arrays[id(n)] = _computed(n, part, _take(n, arrays, wanted, uses))
        return _take(target, arrays, wanted, uses)

    # --- threads -------------------------------------------------------------------------------

    def _run(self, plan: Plan, work: Callable[[Slab], None], title: str) -> None:
        self._stop.clear()
        slabs = plan.slabs
        total = plan.node.info.slices
        with show_progress(self.options.progress, title) as tell:
            tell(0, total)
            if plan.workers == 1 or len(slabs) == 1:
                done = 0
                for slab in slabs:
                    self._check_cancelled()
                    work(slab)
                    done += len(slab)
                    tell(done, total)
            else:
                self._run_threads(plan, work, tell)

    def _run_threads(self, plan: Plan, work: Callable[[Slab], None], tell: Progress) -> None:
        def guarded(slab: Slab) -> int:
            self._check_cancelled()
            work(slab)
            return len(slab)

        waiting = iter(plan.slabs)
        done = 0
        with ThreadPoolExecutor(plan.workers, thread_name_prefix="slicewise") as pool:
            running: set[Future[int]] = set()
            try:
                for future in _finished(pool, guarded, waiting, running, plan.workers):
                    done += future.result()
                    tell(done, plan.node.info.slices)
            except BaseException:
                # Also for Ctrl-C: the threads end at their next node, and nothing more is started.
                self._stop.set()
                wait(running)
                raise

    def _check_cancelled(self) -> None:
        asked = self.options.cancel is not None and self.options.cancel.is_set()
        if asked or self._stop.is_set():
            raise CancelledError("the run was cancelled; nothing of it was kept")


def _finished(
    pool: ThreadPoolExecutor,
    work: Callable[[Slab], int],
    waiting: Iterator[Slab],
    running: set[Future[int]],
    workers: int,
) -> Iterator[Future[int]]:
    # No more slabs are under way than there are threads: that bounds the memory.
    for slab in waiting:
        running.add(pool.submit(work, slab))
        if len(running) < workers:
            continue
        ready, _ = wait(running, return_when=FIRST_COMPLETED)
        running -= ready
        yield from ready
    while running:
        ready, _ = wait(running, return_when=FIRST_COMPLETED)
        running -= ready
        yield from ready


def _room(shape: tuple[int, ...], dtype: np.dtype[Any], target: Node) -> Array:
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError) as error:
        size = math.prod(shape) * dtype.itemsize / 1024**3
        raise ComputeError(
            f"{target!r}: the image takes {size:.3g} GiB ({' x '.join(map(str, shape))} of {dtype}), and there is no "
            "memory for it: crop it, or write it to files, which goes slab by slab"
        ) from error


def _in_memory(slices: Array, info: ImageInfo) -> Image | ImageStack:
    return Image(slices, info) if info.axis is None else ImageStack(slices.reshape(info.shape), info)


def _take(
    n: Node, arrays: MutableMapping[int, Array], wanted: dict[int, Slab], uses: MutableMapping[int, int]
) -> list[Block]:
    blocks = []
    for source in n.inputs.values():
        key = id(source)
        if key not in wanted:
            blocks.append(_unasked(source))
            continue
        blocks.append(Block(arrays[key], wanted[key], source.info))
        uses[key] -= 1
        if uses[key] == 0:
            del arrays[key]
    return blocks


def _unasked(source: Node) -> Block:
    """Return the block of an input none of whose slices were asked for."""
    return Block(np.empty((0, *source.info.slice_shape), source.dtype), range(0), source.info)


class _named:  # noqa: N801 - used like a function
    """Say which node and slices an error comes from."""

    def __init__(self, n: Node, slab: Slab) -> None:
        self.place = f"{n!r}, slices {slab.start} to {slab.stop - 1}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, CancelledError):
            return
        if isinstance(error, SlicewiseError):
            error.add_note(f"in {self.place}")
            return
        raise ComputeError(f"{self.place}: {type(error).__name__}: {error}") from error


def _computed(n: Node, slab: Slab, blocks: list[Block]) -> Array:
    with _named(n, slab):
        array = n.compute(slab, *blocks)
        shape = (len(slab), *n.info.slice_shape)
        if array.shape != shape or array.dtype != n.dtype:
            raise ComputeError(
                f"{n!r} promised an array of shape {shape} and type {n.dtype} for slices {slab.start} to "
                f"{slab.stop - 1}, and computed one of {array.shape} and {array.dtype}"
            )
    return array
