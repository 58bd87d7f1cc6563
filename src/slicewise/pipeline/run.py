"""Running a graph: its result in memory, or what a sink at its end does with it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from slicewise.errors import GraphError
from slicewise.image import ImageInfo
from slicewise.pipeline.failing import telling_of_memory
from slicewise.pipeline.node import Filter, Node, node
from slicewise.pipeline.runner import Runner, RunOptions

__all__ = ["RunOptions", "Runner", "Sink", "result_of", "update"]


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
    with telling_of_memory(target):
        return target.execute(runner) if isinstance(target, Sink) else runner.image(target)
