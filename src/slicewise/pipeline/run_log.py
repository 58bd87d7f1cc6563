"""What runs tell the log: names of nodes, amounts and times; nothing of patients, and paths only to those who debug."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from slicewise.pipeline.plan import Plan
from slicewise.pipeline.sizes import format_bytes, format_seconds

__all__ = ["logged", "note_phase"]

_LOG = logging.getLogger(__name__)


@contextmanager
def logged(title: str, plan: Plan) -> Iterator[None]:
    """Tell the log of a pass: how it is going to run, and how it ended."""
    if not _LOG.isEnabledFor(logging.INFO):
        yield
        return
    names = ", ".join(dict.fromkeys(n.name for n in plan.streaming.targets))
    what = title if title == names else f"{title} {names}"
    _LOG.info("%s: begins, %s", what, _told(plan))
    for target in plan.streaming.targets:
        _LOG.debug("%s: %r", what, target)
    began, outcome = time.perf_counter(), "done"
    try:
        yield
    except BaseException as error:
        # Not its message: that may name files, and whom they are of.
        outcome = f"ended by {type(error).__name__}"
        raise
    finally:
        _LOG.info("%s: %s, %s", what, outcome, format_seconds(time.perf_counter() - began))


def note_phase(title: str, phase: int, phases: int) -> None:
    """Tell the log of a phase that begins."""
    _LOG.debug("phase %d of %d: %s", phase, phases, title)


def _told(plan: Plan) -> str:
    streaming = plan.streaming
    parts = [
        f"slabs: {streaming.count}",
        f"slices in each: {streaming.slab}",
        f"threads: {streaming.workers}",
        f"memory: about {format_bytes(plan.peak_bytes)} of {format_bytes(plan.limits.memory)}",
    ]
    if plan.held_bytes:
        parts.append(f"held whole: {format_bytes(plan.held_bytes)}")
    if plan.file_bytes:
        parts.append(f"in files: {format_bytes(plan.file_bytes)}")
    return ", ".join(parts)
