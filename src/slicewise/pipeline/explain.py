"""The graph as a text a person reads."""

from __future__ import annotations

from slicewise.pipeline.forms import inputs_by_form
from slicewise.pipeline.fusion import fused
from slicewise.pipeline.node import Node
from slicewise.pipeline.plan import Plan, make_plan
from slicewise.pipeline.sizes import format_bytes

__all__ = ["explain"]


def explain(target: Node) -> str:
    """Return the graph of a node as text: what is read, streamed or held whole, and how much memory it takes."""
    if not target.is_connected:
        return "\n".join(["not connected to a reader or an image:", *_tree(target, None, {})])
    target = fused(target)
    plan = make_plan(target, {})
    numbers: dict[int, int] = {}
    info = target.info
    size = format_bytes(info.slice_bytes * info.slices)
    held = f", of which {format_bytes(plan.held_bytes)} held whole" if plan.held_bytes else ""
    runs = (
        f"{_count(len(plan.slabs), 'slab')} of up to {_count(plan.slab, 'slice')} in {_count(plan.workers, 'thread')}"
    )
    lines = [
        *_tree(target, plan, numbers),
        "",
        f"result    {' x '.join(map(str, target.shape))} {info.dtype}, {size}",
        f"run       {runs}",
        f"memory    about {format_bytes(plan.peak_bytes)} at work{held} (budget {format_bytes(plan.budget)})",
    ]
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _tree(n: Node, plan: Plan | None, numbers: dict[int, int], indent: str = "") -> list[str]:
    if id(n) in numbers:
        return [f"{indent}the {n.name} above ({numbers[id(n)]})"]
    numbers[id(n)] = len(numbers) + 1
    marks = [] if plan is None else [_mark(n, plan)]
    if n.is_connected:
        marks.append(f"{' x '.join(map(str, n.shape))} {n.dtype}")
    lines = [f"{indent}{n.name}({n.parameter_text})" + (f"   [{'; '.join(marks)}]" if marks else "")]
    if not n.inputs and n.is_connected:
        lines += [f"{indent}  note: {step.parameters}" for step in n.info.history if step.is_note]
    for source, count in inputs_by_form(n):
        inner = indent + "  "
        if count > 1:
            lines.append(f"{inner}{count} volumes like this one:")
            inner += "  "
        lines += _tree(source, plan, numbers, inner)
    return lines


def _mark(n: Node, plan: Plan) -> str:
    if n.whole:
        return "needs the whole volume"
    if any(n is held for held in plan.whole):
        return "held whole"
    if not n.inputs:
        return "read slab by slab"
    halo = n.halo(next(iter(n.inputs.values())).info)
    return f"streamed, {_count(halo, 'slice')} of overlap" if halo else "streamed"
