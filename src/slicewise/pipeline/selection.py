"""A choice of slices, rows and columns: what ``node[...]`` makes."""

from __future__ import annotations

import operator
from typing import Any

import attrs

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.image import ImageInfo, Operation, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, node

__all__ = ["Select", "select"]

_AXES = ("slices", "rows", "columns")


@node
class Select(Filter):
    """Some slices, rows and columns, by index as in numpy; no interpolation.

    Parameters
    ----------
    slices, rows, columns : slice
        Indices as in numpy; a step of -1 flips the axis, a step of 2 takes every other one.

    Raises
    ------
    ParameterError
        If nothing would be left.
    """

    slices: slice = attrs.field(default=slice(None), kw_only=True)
    rows: slice = attrs.field(default=slice(None), kw_only=True)
    columns: slice = attrs.field(default=slice(None), kw_only=True)

    @property
    def effect(self) -> Effect:
        """A choice of slices; in-plane, a crop, flip or subsampling of the lattice."""
        operations = []
        derivation = []
        if self.rows != slice(None) or self.columns != slice(None):
            operations.append(Operation.LATTICE)
            derivation.append(codes.CROP)
        if self.slices != slice(None) or not operations:
            operations.append(Operation.SUBSET)
            derivation.append(codes.SUBSET)
        return Effect(operations, derivation=tuple(derivation))

    @property
    def identity(self) -> Any:
        """The indices, in a form that can be digested."""
        return [(s.start, s.stop, s.step) for s in (self.slices, self.rows, self.columns)]

    @property
    def parameter_text(self) -> str:
        """The indices as a user would write them."""
        chosen = [(name, getattr(self, name)) for name in _AXES]
        return ", ".join(f"{name}={_text(s)}" for name, s in chosen if s != slice(None))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the part of the grid."""
        (info,) = inputs
        slices, rows, columns = self._ranges(info)
        geometry = info.geometry.take(slices).crop_plane(rows, columns)
        return Outline(geometry, info.dtype, info.components, (SliceMap.of(slices),))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the input slices from the first to the last one chosen."""
        chosen = self._ranges(inputs[0])[0][slab.start : slab.stop]
        return (range(min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the chosen part of a slab."""
        (block,) = blocks
        chosen = self._ranges(block.info)[0][slab.start : slab.stop]
        local = [i - block.slab.start for i in (chosen[0], chosen[-1])]
        stop = local[1] + (1 if chosen.step > 0 else -1)
        along = slice(local[0], stop if stop >= 0 else None, chosen.step)
        return block.array[along, self.rows, self.columns]

    def _ranges(self, info: ImageInfo) -> tuple[range, range, range]:
        lengths = info.geometry.shape
        ranges = [range(n)[getattr(self, name)] for name, n in zip(_AXES, lengths, strict=True)]
        for name, n, chosen in zip(_AXES, lengths, ranges, strict=True):
            if len(chosen) == 0:
                raise ParameterError(
                    f"{name} {_text(getattr(self, name))} of {n} leaves nothing: at least one is needed"
                )
        return ranges[0], ranges[1], ranges[2]


def select(source: Node, index: Any) -> Node:
    """Return the node of ``source[index]``.

    Raises
    ------
    ParameterError
        If an index is neither an integer nor a slice, out of range, or there are more than three.
    """
    indices = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [i for i in indices if i is Ellipsis]:
        at = next(k for k, i in enumerate(indices) if i is Ellipsis)
        indices[at : at + 1] = [slice(None)] * (4 - len(indices))
    if len(indices) > len(_AXES):
        raise ParameterError(f"an image is indexed by slices, rows and columns (got {len(indices)} indices)")
    shape = source.geometry.shape if source.is_connected else (None, None, None)
    chosen = {name: _as_slice(name, i, n) for name, i, n in zip(_AXES, indices, shape, strict=False)}
    selected: Node = Select(**chosen).with_input(source)  # type: ignore[arg-type]
    return selected


def _as_slice(name: str, index: Any, length: int | None) -> slice:
    if isinstance(index, slice):
        return index
    try:
        at = operator.index(index)
    except TypeError:
        raise ParameterError(f"{name} are chosen by an integer or a slice such as 10:60 (got {index!r})") from None
    if length is not None and not -length <= at < length:
        raise ParameterError(f"{name}: index {at} is out of range for {length} {name}")
    # An at keeps its axis: an image stays three-dimensional.
    return slice(at, at + 1 if at != -1 else None)


def _text(index: slice) -> str:
    parts = ["" if v is None else str(v) for v in (index.start, index.stop)]
    return ":".join(parts) + (f":{index.step}" if index.step not in (None, 1) else "")
