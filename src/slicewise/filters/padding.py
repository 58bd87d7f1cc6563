"""Padding: what an image is filled up with outside, and the mask of pixels that were never imaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from slicewise.dicom import codes
from slicewise.errors import HeaderError, ParameterError
from slicewise.filters.parameters import Number
from slicewise.filters.pixels import holds, limits
from slicewise.image import ImageInfo, Operation, Padding
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["PaddingMask", "check_fill", "marked", "padding_value"]


def padding_value(info: ImageInfo) -> Number:
    """Return the padding value of an image in the units of its values; 0 where there is none.

    There is none, either, where slices differ in it, where the values are no longer in the units of the source, or
    where their type does not hold it.
    """
    first = info.paddings[0] if info.paddings else None
    if first is None or any(p is None or p.value != first.value for p in info.paddings):
        return 0
    if not holds(info.dtype, first.value):
        return 0
    return int(first.value) if first.value == int(first.value) else first.value


def check_fill(name: str, value: Number | None, dtype: np.dtype[Any]) -> None:
    """Raise if a type does not hold what an image is filled up with.

    Raises
    ------
    ParameterError
        If it does not.
    """
    if value is not None and not holds(dtype, value):
        low, high = limits(dtype)
        raise ParameterError(f"{name!r} must be a value of the image's type {dtype}, {low} to {high} (got {value})")


def marked(value: Number | None, slices: int) -> tuple[Padding | None, ...]:
    """Return the paddings of slices of which a value marks pixels that were never imaged."""
    return (None if value is None else Padding(value, value),) * slices


@node
class PaddingMask(Filter):
    """The mask of pixels that were never imaged, as Pixel Padding Value and Range Limit state it (PS3.3, C.7.5.1.1.2).

    Raises
    ------
    HeaderError
        If nothing marks such pixels: the headers state no padding, or a filter has changed the values.
    """

    @property
    def effect(self) -> Effect:
        """A mask is not in the units of the values."""
        return Effect(Operation.PIXEL, keeps_units=False, derivation=(codes.SEGMENTATION,))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid, of booleans."""
        if inputs[0].padding is None:
            raise HeaderError(
                "nothing marks pixels that were never imaged: the headers state no PixelPaddingValue, or a filter "
                "has changed the values since. Make the mask of the image as it was read"
            )
        return Outline.like(*inputs, dtype=np.bool_)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the mask of a slab."""
        (block,) = blocks
        values = block.inner(slab)
        mask = np.zeros(values.shape, np.bool_)
        for plane, source, k in zip(mask, values, slab, strict=True):
            padding = block.info.paddings[k]
            if padding is not None:
                plane[...] = padding.contains(source)
        return mask
