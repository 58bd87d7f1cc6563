"""Programs of minima and maxima over whole arrays: how ranks are found without sorting pixels one by one.

A sorting network compares fixed pairs of values, so it can be run on arrays as well as on numbers: each
minimum or maximum is one numpy call over thousands of pixels, which runs at the speed of memory
and lets other threads work. A neighbourhood is a network whose inputs are the same array, shifted.

A network is written as functions of wires. Writing it records it as a list of instructions;
running it reuses a few buffers for all wires.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["Network", "Wire", "highest", "lowest", "middle", "sort3"]

Array = npt.NDArray[Any]


@attrs.frozen(eq=False)
class Wire:
    """A value of a network: what an instruction gave or an input brings, shifted by some pixels."""

    network: Network = attrs.field(repr=False)
    source: int
    shift: int = 0

    def __rshift__(self, pixels: int) -> Wire:
        """Return the values that lie so many pixels further on."""
        return attrs.evolve(self, shift=self.shift + pixels)

    def __and__(self, other: Wire) -> Wire:
        """Return the lower of two values."""
        return self.network.record(np.minimum, self, other)

    def __or__(self, other: Wire) -> Wire:
        """Return the higher of two values."""
        return self.network.record(np.maximum, self, other)


class _Instruction(NamedTuple):
    function: Callable[..., Any]
    left: Wire
    right: Wire


@attrs.define(eq=False)
class Network:
    """A recorded program; inputs are numbered first, then instructions in order.

    Parameters
    ----------
    inputs : int
        Number of input arrays.
    """

    inputs: int
    _instructions: list[_Instruction] = attrs.field(factory=list, init=False)

    def wires(self) -> tuple[Wire, ...]:
        """Return the inputs as wires."""
        return tuple(Wire(self, i) for i in range(self.inputs))

    def record(self, function: Callable[..., Any], left: Wire, right: Wire) -> Wire:
        """Add an instruction and return its result."""
        self._instructions.append(_Instruction(function, left, right))
        return Wire(self, self.inputs + len(self._instructions) - 1)

    def bind(self, inputs: Sequence[Array], output: Wire) -> tuple[Callable[[], None], Array]:
        """Return a function that runs the program on 1-D arrays of one length, and the array it writes to.

        The result is shorter than the inputs by the sum of the shifts on the way to it.
        """
        last = self._last_uses(output)
        held: dict[int, Array] = dict(enumerate(inputs))
        free: list[Array] = []
        steps: list[tuple[Callable[..., Any], Array, Array, Array]] = []
        for k, (function, left, right) in enumerate(self._instructions, start=self.inputs):
            if k not in last:
                continue
            operands = [held[wire.source][wire.shift :] for wire in (left, right)]
            length = min(len(operand) for operand in operands)
            buffer = free.pop() if free else np.empty(len(inputs[0]), inputs[0].dtype)
            held[k] = buffer[:length]
            steps.append((function, operands[0][:length], operands[1][:length], held[k]))
            # A buffer is given back after the instruction, so that none is read and written at once.
            done = {wire.source for wire in (left, right) if last[wire.source] == k and wire.source >= self.inputs}
            free += [_whole(held.pop(source)) for source in done]

        def run() -> None:
            for function, a, b, out in steps:
                function(a, b, out=out)

        return run, held[output.source][output.shift :]

    def _last_uses(self, output: Wire) -> dict[int, int]:
        """Return for each value that is needed the instruction that needs it last."""
        last = {output.source: self.inputs + len(self._instructions)}
        for k in range(len(self._instructions) - 1, -1, -1):
            if self.inputs + k in last:
                for wire in self._instructions[k][1:]:
                    last.setdefault(wire.source, self.inputs + k)
        return last


def _whole(view: Array) -> Array:
    return view if view.base is None else view.base


def sort3(a: Wire, b: Wire, c: Wire) -> tuple[Wire, Wire, Wire]:
    """Return three values in order, the lowest first."""
    low, high = a & b, a | b
    middle_or_low, highest_ = high & c, high | c
    return low & middle_or_low, low | middle_or_low, highest_


def middle(a: Wire, b: Wire, c: Wire) -> Wire:
    """Return the middle one of three values."""
    return (a & b) | ((a | b) & c)


def lowest(*wires: Wire) -> Wire:
    """Return the lowest of some values."""
    result = wires[0]
    for wire in wires[1:]:
        result = result & wire
    return result


def highest(*wires: Wire) -> Wire:
    """Return the highest of some values."""
    result = wires[0]
    for wire in wires[1:]:
        result = result | wire
    return result
