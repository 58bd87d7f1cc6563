"""Arithmetic, comparison and logic of nodes, element by element."""

from __future__ import annotations

import itertools
import numbers
import operator
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.errors import GraphError, ParameterError, ValueRangeError
from slicewise.image import Code, Image, ImageInfo, ImageStack, Operation, check_same_space
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, as_node, input_node, node
from slicewise.pipeline.stack import volume_by_volume

__all__ = ["Arithmetic", "ScalarArithmetic", "arithmetic"]

Scalar = bool | int | float
_OPERANDS = (Node, Image, ImageStack)

_COMPARISONS = frozenset(["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
_LOGIC = frozenset(["bitwise_and", "bitwise_or", "bitwise_xor"])
_EXACT: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "maximum": max,
    "minimum": min,
}
_UNTRUE = dict.fromkeys(("PixelPaddingValue", "PixelPaddingRangeLimit"))
"""What may be any pixel's value afterwards."""
_KEEPS_UNITS = frozenset(["add", "subtract", "maximum", "minimum"])
_INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)

_CODES: dict[str, Code] = {
    "add": codes.ADDITION,
    "subtract": codes.SUBTRACTION,
    "multiply": codes.MULTIPLICATION,
    "divide": codes.DIVISION,
    "maximum": codes.MAXIMUM,
    "minimum": codes.MINIMUM,
}


def arithmetic(operation: str, left: Any, right: Any) -> Any:
    """Return the node of an operation between nodes, images and numbers; at least one is a node."""
    if _is_scalar(right):
        number = _python(right)
        return as_node(left).each(lambda n: ScalarArithmetic(operation=operation, scalar=number, input=n))
    if _is_scalar(left):
        number = _python(left)
        return as_node(right).each(
            lambda n: ScalarArithmetic(operation=operation, scalar=number, reflected=True, input=n)
        )
    if not isinstance(left, _OPERANDS) or not isinstance(right, _OPERANDS):
        return NotImplemented
    return volume_by_volume(lambda a, b: _of_two(operation, a, b), as_node(left), as_node(right))


def _of_two(operation: str, left: Node, right: Node) -> Node:
    both = Arithmetic(operation=operation, left=left, right=right)
    if both.is_connected:
        both.check()
    return both


def _is_scalar(value: Any) -> bool:
    return isinstance(value, numbers.Real | np.number | np.bool_)


def _python(value: Any) -> Scalar:
    return value.item() if isinstance(value, np.generic) else value  # type: ignore[no-any-return]


@node
class Arithmetic(Node):
    """An operation between two images on the same grid, pixel by pixel.

    Parameters
    ----------
    operation : str
        Name of the numpy function: add, subtract, multiply, divide, power, maximum, minimum,
        less, less_equal, greater, greater_equal, equal, not_equal, bitwise_and, bitwise_or, bitwise_xor.
    left, right : Node
        The operands.

    Raises
    ------
    SpaceMismatchError
        If the grids differ.
    PatientMismatchError
        If the patients differ.
    ParameterError
        If no integer type holds the result, or logic is asked of floats.
    """

    operation: str
    left: Node | None = input_node()
    right: Node | None = input_node()

    @property
    def name(self) -> str:
        """The operation."""
        return self.operation

    @property
    def parameter_text(self) -> str:
        """Nothing: the operands are inputs."""
        return ""

    @property
    def effect(self) -> Effect:
        """Several inputs made one."""
        return _effect(self.operation, Operation.MULTI)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid both share and a type that holds every result."""
        left, right = inputs
        check_same_space(left.geometry, right.geometry, ("the left operand", "the right operand"))
        if left.components != right.components:
            raise GraphError(
                f"the operands must have as many values per pixel (got {left.components} and {right.components})"
            )
        return Outline.like(left, right, dtype=result_type(self.operation, left.dtype, right.dtype))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the result for a slab."""
        left, right = (block.inner(slab) for block in blocks)
        infos = [block.info.dtype for block in blocks]
        return apply(self.operation, left, right, result_type(self.operation, *infos))


@node
class ScalarArithmetic(Filter):
    """An operation between an image and a number, pixel by pixel.

    Parameters
    ----------
    operation : str
        As for ``Arithmetic``.
    scalar : bool, int or float
        The number.
    reflected : bool
        Whether the number is the left operand.
    """

    operation: str = attrs.field(kw_only=True)
    scalar: Scalar = attrs.field(kw_only=True)
    reflected: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.is_connected:
            self.check()

    @property
    def name(self) -> str:
        """The operation."""
        return self.operation

    @property
    def parameter_text(self) -> str:
        """The number, and where the image stands if it is the right operand."""
        return f"{self.scalar}, image" if self.reflected else f"image, {self.scalar}"

    @property
    def effect(self) -> Effect:
        """Pixel values change; adding a number keeps their units."""
        return _effect(self.operation, Operation.PIXEL)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and a type that holds every result."""
        return Outline.like(*inputs, dtype=self._result_type(inputs[0].dtype))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the result for a slab."""
        values = blocks[0].inner(slab)
        left, right = (self.scalar, values) if self.reflected else (values, self.scalar)
        return apply(self.operation, left, right, self._result_type(values.dtype))

    def _result_type(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        pair = (self.scalar, dtype) if self.reflected else (dtype, self.scalar)
        return result_type(self.operation, *pair)


def _effect(operation: str, kind: Operation) -> Effect:
    if operation in _COMPARISONS | _LOGIC:
        return Effect(kind, keeps_units=False, derivation=(codes.SEGMENTATION,), attributes=_UNTRUE)
    # The codes of pixel by pixel operations speak of two images, not of an image and a number.
    code = _CODES.get(operation) if kind is Operation.MULTI else None
    derivation = (code,) if code else ()
    return Effect(kind, keeps_units=operation in _KEEPS_UNITS, derivation=derivation, attributes=_UNTRUE)


def apply(operation: str, left: Any, right: Any, dtype: np.dtype[Any]) -> Array:
    """Return the operation on arrays or numbers, computed in a type in which nothing wraps."""
    function = getattr(np, operation)
    if operation in _COMPARISONS:
        return np.asarray(function(left, right))
    if dtype == np.int64 and operation in _EXACT:
        _check_reach(operation, left, right)
    # Division by zero gives infinity or NaN, which the writer refuses.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(function(_as(left, dtype), _as(right, dtype)), dtype=dtype)


def _check_reach(operation: str, left: Any, right: Any) -> None:
    ends = [(int(v.min()), int(v.max())) if isinstance(v, np.ndarray) else (int(v), int(v)) for v in (left, right)]
    reached = [_EXACT[operation](a, b) for a, b in itertools.product(*ends)]
    limits = np.iinfo(np.int64)
    if min(reached) < limits.min or max(reached) > limits.max:
        raise ValueRangeError(
            f"{operation} can reach {min(reached)} to {max(reached)} here, which no integer type holds: "
            "Cast('float64') first"
        )


def _as(value: Any, dtype: np.dtype[Any]) -> Any:
    return value.astype(dtype, copy=False) if isinstance(value, np.ndarray) else dtype.type(value)


def result_type(operation: str, left: npt.DTypeLike | Scalar, right: npt.DTypeLike | Scalar) -> np.dtype[Any]:
    """Return the type of a result: for integers the smallest one that holds every possible value.

    Parameters
    ----------
    operation : str
        Name of the operation.
    left, right : dtype or number
        Types of the operands, or a number itself.

    Raises
    ------
    ParameterError
        If the operation is not for these types, or no type holds the result.
    """
    if operation in _COMPARISONS:
        return np.dtype(bool)
    dtypes = [v for v in (left, right) if isinstance(v, np.dtype)]
    floating = any(isinstance(v, float) for v in (left, right)) or any(d.kind == "f" for d in dtypes)
    if operation in _LOGIC:
        if floating:
            raise ParameterError(f"{operation} is for masks and integers (got a floating-point operand)")
        if any(isinstance(v, bool) for v in (left, right)) and dtypes[0].kind != "b":
            raise ParameterError(f"~ and logic with True or False are for masks (got {dtypes[0]}): compare first")
        for number in (v for v in (left, right) if isinstance(v, int)):
            low, high = _range(dtypes[0])
            if not low <= number <= high:
                raise ParameterError(f"{operation}: {number} is no value of {dtypes[0]} ({low} to {high})")
        return np.result_type(*dtypes)
    if floating or operation not in _EXACT:
        wide = any(d.itemsize > (4 if d.kind == "f" else 2) for d in dtypes)
        return np.dtype(np.float64 if wide else np.float32)
    return _integer_type(operation, left, right, dtypes)


def _integer_type(operation: str, left: Any, right: Any, dtypes: list[np.dtype[Any]]) -> np.dtype[Any]:
    function = _EXACT[operation]
    results = [function(a, b) for a, b in itertools.product(_range(left), _range(right))]
    low, high, size = min(results), max(results), max(d.itemsize for d in dtypes)
    for candidate in _INTEGERS:
        limits = np.iinfo(candidate)
        # Operands are converted to the type of the result, so it holds them too.
        holds = all(limits.min <= v <= limits.max for v in (low, high, *_range(left), *_range(right)))
        if holds and np.dtype(candidate).itemsize >= size:
            return np.dtype(candidate)
    # What goes beyond is not to be expected, and is an error if it comes (see ``_check_reach``).
    return np.dtype(np.int64)


def _range(operand: Any) -> tuple[int, int]:
    if not isinstance(operand, np.dtype):
        return (int(operand), int(operand))
    if operand.kind == "b":
        return (0, 1)
    limits = np.iinfo(operand)
    return (int(limits.min), int(limits.max))
