"""The graph as a text a person reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from slicewise.pipeline.cache import ON_DISK, ResultCache, place_of
from slicewise.pipeline.forms import inputs_by_form
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.keys import is_fleeting
from slicewise.pipeline.node import Node
from slicewise.pipeline.plan import Hold, Limits, Plan, make_plan
from slicewise.pipeline.sizes import format_bytes

__all__ = ["explain"]


def explain(target: Node, limits: Limits, cache: ResultCache | None = None) -> str:
    """Return the graph of a node as text: what is read, streamed or held whole, and how much memory it takes.

    Parameters
    ----------
    target : Node
        The node.
    limits : Limits
        What a run may take.
    cache : ResultCache, optional
        Where results are looked up that nobody holds.
    """
    if not target.is_connected:
        return "\n".join(["not connected to a reader or an image:", *_tree(target, None)])
    target = fused(target)
    there = {n: place for n in target.walk() if (place := place_of(n, cache)) is not None}
    plan = make_plan([target], {n: place == ON_DISK for n, place in there.items()}, limits)
    info, streaming = target.info, plan.streaming
    slabs = f"{_count(streaming.count, 'slab')} of up to {_count(streaming.slab, 'slice')}"
    held = f", of which {format_bytes(plan.held_bytes)} held whole" if plan.held_bytes else ""
    lines = [
        *_tree(target, _Planned(plan, there, _taken(target))),
        "",
        f"result    {' x '.join(map(str, target.shape))} {info.dtype}, {format_bytes(info.slice_bytes * info.slices)}",
        f"run       {slabs} in {_count(streaming.workers, 'thread')}",
        f"memory    about {format_bytes(plan.peak_bytes)} at work{held} (granted: {format_bytes(limits.memory)})",
    ]
    if plan.file_bytes:
        lines.append(f"disk      {format_bytes(plan.file_bytes)} set aside in files, which are gone after the run")
    own = _known_here_only(target) if cache is not None and cache.folder is not None else []
    if own:
        names = ", ".join(dict.fromkeys(n.name for n in own))
        lines.append(f"cache     in memory only what comes of {names}: another process cannot know it to be the same")
    return "\n".join(lines)


def _known_here_only(target: Node) -> list[Node]:
    found = [n for n in target.walk() if is_fleeting(n.key)]
    return [n for n in found if not any(is_fleeting(source.key) for source in n.inputs.values())]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@attrs.frozen(eq=False)
class _Planned:
    """What is known of a run: the plan, where results are that are there, and of which nodes slices are taken."""

    plan: Plan
    there: Mapping[Node, str]
    taken: Collection[Node]


def _taken(target: Node) -> set[Node]:
    """Return the nodes of which slices are taken: of others, grid and headers alone."""
    found: set[Node] = set()
    waiting = [target]
    while waiting:
        n = waiting.pop()
        if n not in found:
            found.add(n)
            waiting += _inputs_taken(n)
    return found


def _inputs_taken(n: Node) -> list[Node]:
    sources = list(n.inputs.values())
    slabs = n.request(range(n.info.slices), *(source.info for source in sources))
    return [source for source, slab in zip(sources, slabs, strict=False) if len(slab)]


def _tree(target: Node, planned: _Planned | None) -> list[str]:
    numbers: dict[Node, int] = {}
    lines: list[str] = []
    waiting = [(target, 1, "")]
    while waiting:
        n, count, indent = waiting.pop()
        if count > 1:
            lines.append(f"{indent}{count} volumes like this one:")
            indent += "  "
        if n in numbers:
            lines.append(f"{indent}the {n.name} above ({numbers[n]})")
            continue
        numbers[n] = len(numbers) + 1
        lines += _lines(n, planned, indent)
        if planned is None or n not in planned.there:
            waiting += [(source, number, indent + "  ") for source, number in reversed(inputs_by_form(n))]
    return lines


def _lines(n: Node, planned: _Planned | None, indent: str) -> list[str]:
    marks = [] if planned is None else _marks(n, planned)
    if n.is_connected:
        marks.append(f"{' x '.join(map(str, n.shape))} {n.dtype}")
    lines = [f"{indent}{n.name}({n.parameter_text})" + (f"   [{'; '.join(marks)}]" if marks else "")]
    if not n.inputs and n.is_connected and (planned is None or n not in planned.there):
        lines += [f"{indent}  note: {step.parameters}" for step in n.info.history if step.is_note]
    return lines


def _marks(n: Node, planned: _Planned) -> list[str]:
    if n in planned.there:
        return [planned.there[n]]
    if n not in planned.taken:
        return ["grid and headers only"]
    marks = []
    hold = next((hold for hold in planned.plan.holds if hold.node is n), None)
    if n.whole:
        marks.append("needs the whole volume" if n.inputs else "read as a whole: its format allows no less")
    elif not _inputs_taken(n):
        marks.append("in memory" if n.at_hand else "read slab by slab")
    elif hold is None:
        halo = n.halo(next(iter(n.inputs.values())).info)
        marks.append(f"streamed, {_count(halo, 'slice')} of overlap kept" if halo else "streamed")
    if hold is not None:
        marks.append(_held(hold, planned.plan))
    return marks


def _held(hold: Hold, plan: Plan) -> str:
    where = f"held {'in a file' if hold.in_file else 'whole in memory'} ({format_bytes(hold.size)})"
    if hold.until >= len(plan.holds):
        return f"{where} to the end"
    last = plan.holds[hold.until].node
    return where if last is hold.node else f"{where} until {last.name} is done"
