"""What Python's operators mean between nodes: each makes a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["Operators"]


class Operators:
    """Arithmetic, comparison, logic and indexing of nodes, element by element as in numpy.

    Integers never wrap: the result takes the smallest integer type that holds every possible
    value. An operand is a node, an image, or a number.
    """

    def __add__(self, other: Any) -> Node:
        return _arithmetic("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return _arithmetic("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return _arithmetic("subtract", self, other)

    def __rsub__(self, other: Any) -> Node:
        return _arithmetic("subtract", other, self)

    def __mul__(self, other: Any) -> Node:
        return _arithmetic("multiply", self, other)

    def __rmul__(self, other: Any) -> Node:
        return _arithmetic("multiply", other, self)

    def __truediv__(self, other: Any) -> Node:
        return _arithmetic("divide", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return _arithmetic("divide", other, self)

    def __pow__(self, other: Any) -> Node:
        return _arithmetic("power", self, other)

    def __neg__(self) -> Node:
        return _arithmetic("subtract", 0, self)

    def __lt__(self, other: Any) -> Node:
        return _arithmetic("less", self, other)

    def __le__(self, other: Any) -> Node:
        return _arithmetic("less_equal", self, other)

    def __gt__(self, other: Any) -> Node:
        return _arithmetic("greater", self, other)

    def __ge__(self, other: Any) -> Node:
        return _arithmetic("greater_equal", self, other)

    def __eq__(self, other: object) -> Node:  # type: ignore[override]
        return _arithmetic("equal", self, other)

    def __ne__(self, other: object) -> Node:  # type: ignore[override]
        return _arithmetic("not_equal", self, other)

    # Of a class that says what == means, it would be gone; nodes are looked up as the objects they are.
    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Node:
        return _arithmetic("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Node:
        return _arithmetic("bitwise_and", other, self)

    def __or__(self, other: Any) -> Node:
        return _arithmetic("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Node:
        return _arithmetic("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Node:
        return _arithmetic("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Node:
        return _arithmetic("bitwise_xor", other, self)

    def __invert__(self) -> Node:
        return _arithmetic("bitwise_xor", self, True)  # noqa: FBT003 - the operand, not a flag

    def __getitem__(self, index: Any) -> Node:
        """Return slices, rows and columns as numpy would: ``node[10:60, :, ::-1]``."""
        from slicewise.pipeline.selection import select

        return select(self, index)  # type: ignore[arg-type]


def _arithmetic(operation: str, left: Any, right: Any) -> Node:
    from slicewise.pipeline.arithmetic import arithmetic

    made: Node = arithmetic(operation, left, right)
    return made
