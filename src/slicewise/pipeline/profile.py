"""What a run took: time, threads and memory of each node."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import attrs

from slicewise.image import Image, ImageStack
from slicewise.image.extras import optional_module
from slicewise.pipeline.computing import Work
from slicewise.pipeline.node import Node
from slicewise.pipeline.plan import Plan
from slicewise.pipeline.resident import PeakMemory
from slicewise.pipeline.run import RunOptions, update
from slicewise.pipeline.sizes import format_bytes, format_seconds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Profile", "ProfileRow", "by_node", "lanes_of", "profile"]

_LONGEST = 40


@attrs.frozen(kw_only=True)
class ProfileRow:
    """What one node took, or what was done with the results.

    Parameters
    ----------
    name : str
        Name of the node, with its parameters where several have the same; or what was done, such as writing.
    time : float
        Seconds at work, those of all threads together.
    share : float
        Part of the time of all rows, from 0 to 1.
    off_processor : float
        Seconds of ``time`` in which the thread was on no processor: it waited for a disk, for another thread or for its
        turn, or threads of a library worked for it, as those of SimpleITK do. Where a node computes all slices at once
        these count as the thread itself.
    slices : int
        How many slices were computed, or taken.
    twice : int
        How many of them had been before.
    bytes : int
        Size of all that was made.
    peak_bytes : int
        Size of the slabs that were at work at once, at most.
    threads : int
        How many threads took part.
    """

    name: str
    time: float
    share: float
    off_processor: float
    slices: int
    twice: int
    bytes: int
    peak_bytes: int
    threads: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Profile:
    """What a run took; ``print`` shows it as a table.

    Parameters
    ----------
    result : object
        What ``update`` would have returned.
    target : str
        Name of the node that was run.
    works : tuple of Work
        What was done, in the order it began.
    began : float
        When the run began, by ``time.perf_counter``.
    wall : float
        Seconds from the begin to the end.
    processor : float
        Seconds that all threads of the process, also those of libraries, were on processors meanwhile.
    planned_bytes : int
        Memory that the run was expected to take, the result not counted.
    memory_before, memory_peak : int
        Resident set size of the process in bytes: before the run, and the largest of looks every 10 ms.
    """

    result: Any
    target: str
    works: tuple[Work, ...]
    began: float
    wall: float
    processor: float
    planned_bytes: int
    memory_before: int
    memory_peak: int

    @cached_property
    def rows(self) -> tuple[ProfileRow, ...]:
        """What each node took, in the order in which they began."""
        everything = sum(work.ended - work.began for work in self.works)
        return tuple(_row(name, works, everything) for name, works in by_node(self.works).items())

    @property
    def threads(self) -> int:
        """How many threads were at work at once, at most."""
        return _most_at_once([(work.began, work.ended, 1) for work in self.works])

    @property
    def result_bytes(self) -> int:
        """Size of the result, if it is in memory."""
        return self.result.array.nbytes if isinstance(self.result, Image | ImageStack) else 0

    def table(self) -> pd.DataFrame:
        """Return a pandas table, a row for each node; columns are those of ``ProfileRow``, in seconds and bytes.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = optional_module("pandas", "jupyter", "profile.table()")
        names = [field.name for field in attrs.fields(ProfileRow)]
        frame: pd.DataFrame = pandas.DataFrame([attrs.asdict(row) for row in self.rows], columns=names)
        return frame.set_index("name")

    def timeline(self) -> str:
        """Return a picture of the run as SVG: a lane for each thread, and a box for each slab."""
        from slicewise.pipeline.timeline import timeline_svg

        return timeline_svg(self)

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The table as texts, titles first."""
        titles = ("node", "time", "share", "off cpu", "slices", "twice", "made", "at once", "threads")
        return [titles, *map(_cells, self.rows)]

    @property
    def notes(self) -> list[str]:
        """What is to be said of the whole run, in lines."""
        if not self.works:
            return [f"{self.target}: the result was there already, {format_seconds(self.wall)}"]
        at_work = sum(row.time for row in self.rows)
        count = self.threads
        busy = f"{at_work / max(count * self.wall, 1e-9):.0%}"
        threads = f"a thread at work {busy} of it" if count == 1 else f"{count} threads at work {busy} of it"
        result = f" and {format_bytes(self.result_bytes)} of the result" if self.result_bytes else ""
        grown = format_bytes(max(0, self.memory_peak - self.memory_before))
        planned, peak = format_bytes(self.planned_bytes), format_bytes(self.memory_peak)
        wall, processor = format_seconds(self.wall), format_seconds(self.processor)
        return [
            f"{self.target}: {wall} in all, {threads}; {processor} on processors",
            f"memory: planned {planned}{result}; the process grew by {grown}, to {peak}",
        ]

    def __str__(self) -> str:
        if not self.works:
            return "\n".join(self.notes)
        widths = [max(map(len, column)) for column in zip(*self.cells, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(w) if k else cell.ljust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in self.cells
        ]
        return "\n".join([*lines, "", *self.notes])

    def __repr__(self) -> str:
        return f"Profile of {self.target}: {format_seconds(self.wall)}, {len(self.works)} slabs"


def profile(target: Node, options: RunOptions) -> Profile:
    """Compute the result of a node and tell what it took; raises what ``update`` raises."""
    recording = _Recording()
    began, processor = time.perf_counter(), time.process_time()
    with PeakMemory() as memory:
        result = update(target, attrs.evolve(options, recorder=recording))
    wall, processor = time.perf_counter() - began, time.process_time() - processor
    return Profile(
        result=result,
        target=target.name,
        works=tuple(sorted(recording.works, key=lambda work: work.began)),
        began=began,
        wall=wall,
        processor=processor,
        planned_bytes=max((plan.peak_bytes for plan in recording.plans), default=0),
        memory_before=memory.before,
        memory_peak=memory.peak,
    )


class _Recording:
    """All that was done; appending to lists is safe from any thread."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.plans: list[Plan] = []
        self.record = self.works.append
        self.planned = self.plans.append


def by_node(works: Sequence[Work]) -> dict[str, list[Work]]:
    """Return what was done by node, under names that tell them apart."""
    found: dict[Hashable, list[Work]] = {}
    for work in works:
        found.setdefault(work.name if work.node is None else work.node, []).append(work)
    names = [each[0].name for each in found.values()]
    named: dict[str, list[Work]] = {}
    for each in found.values():
        name = each[0].name if names.count(each[0].name) == 1 else _with_parameters(each[0])
        same = sum(known.partition(" #")[0] == name for known in named)
        named[f"{name} #{same + 1}" if same else name] = each
    return named


def _with_parameters(work: Work) -> str:
    text = work.name if work.node is None else f"{work.name}({work.node.parameter_text})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def lanes_of(works: Sequence[Work]) -> list[list[Work]]:
    """Return what was done in lanes: threads that were not there at the same time share one."""
    of_threads: dict[int, list[Work]] = {}
    for work in works:
        of_threads.setdefault(work.thread, []).append(work)
    lanes: list[list[Work]] = []
    for mine in of_threads.values():
        free = next((lane for lane in lanes if lane[-1].ended <= mine[0].began), None)
        if free is None:
            lanes.append(free := [])
        free += mine
    return lanes


def _row(name: str, works: Sequence[Work], everything: float) -> ProfileRow:
    seconds = sum(work.ended - work.began for work in works)
    slices = sum(len(work.slab) for work in works)
    return ProfileRow(
        name=name,
        time=seconds,
        share=seconds / everything if everything else 0.0,
        off_processor=sum(max(0.0, work.ended - work.began - work.processor) for work in works),
        slices=slices,
        twice=slices - len({k for work in works for k in work.slab}),
        bytes=sum(work.size for work in works),
        peak_bytes=_most_at_once([(work.began, work.ended, work.size) for work in works]),
        threads=len({work.thread for work in works}),
    )


def _most_at_once(spans: Iterable[tuple[float, float, int]]) -> int:
    """Return the largest sum of amounts at one time, each given with its begin and end."""
    changes = sorted(change for began, ended, n in spans for change in ((began, n), (ended, -n)))
    return max(accumulate(n for _, n in changes), default=0)


def _cells(row: ProfileRow) -> tuple[str, ...]:
    return (
        row.name,
        format_seconds(row.time),
        f"{row.share:.0%}",
        format_seconds(row.off_processor),
        str(row.slices),
        str(row.twice),
        format_bytes(row.bytes),
        format_bytes(row.peak_bytes),
        str(row.threads),
    )
