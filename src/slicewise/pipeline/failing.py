"""What failed, and where: the graph up to the node, its slices, and the error itself last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slicewise.errors import CancelledError, ComputeError, SlicewiseError
from slicewise.pipeline.block import Slab
from slicewise.pipeline.node import Node
from slicewise.pipeline.order import graph_of

__all__ = ["failure_text", "placing", "telling_of_memory"]

_MOST_LINES = 20


class placing:  # noqa: N801 - used like a function
    """Tell of an error in the block which node it comes from: of slicewise as it is, else as a ComputeError.

    Parameters
    ----------
    n : Node
        The node.
    slab : range
        The slices it is to compute.
    """

    def __init__(self, n: Node, slab: Slab) -> None:
        self._node = n
        self._slab = slab

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, CancelledError):
            return
        if isinstance(error, SlicewiseError):
            error.args = (failure_text(self._node, self._slab, str(error)),)
            return
        text = f"{type(error).__name__}: {error}"
        raise ComputeError(failure_text(self._node, self._slab, text)) from error


def failure_text(n: Node, slab: Slab, text: str) -> str:
    """Return the graph up to a node, a line for each node in the order they are computed, and a text last."""
    order = graph_of([n])
    numbers = {each: str(k) for k, each in enumerate(order, 1)}
    lines = [f"{numbers[each]:>3}  {_line(each, numbers)}" for each in order]
    if len(lines) > _MOST_LINES:
        lines = ["  ...", *lines[-_MOST_LINES:]]
    slices = f"slice {slab.start}" if len(slab) == 1 else f"slices {slab.start} to {slab.stop - 1}"
    return "\n".join([*lines[:-1], f"{lines[-1]}, {slices} of {n.info.slices}:", text])


def _line(n: Node, numbers: dict[Node, str]) -> str:
    sources = [numbers[source] for source in n.inputs.values()]
    told = f"{n.name}({n.parameter_text})"
    if len(sources) > 4:
        sources = [*sources[:2], "...", sources[-1]]
    return f"{told} of {', '.join(sources)}" if sources else told


@contextmanager
def telling_of_memory(target: Node) -> Iterator[None]:
    """Tell of a lack of memory in the block, for whose result it was, and what to do."""
    try:
        yield
    except MemoryError as error:
        told = f" ({error})" if str(error) else ""
        raise ComputeError(
            f"{target!r}: there is no memory left{told}: grant less with memory=, take fewer workers=, or write to "
            "files instead of getting an image"
        ) from error
