"""Voxels of one value around an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.padding import check_fill, marked, padding_value
from slicewise.filters.parameters import Number, integers, number
from slicewise.image import Geometry, ImageInfo, Operation, Padding, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["Pad"]

_lower = integers("lower")
_upper = integers("upper")


@node
class Pad(Filter):
    """The image with more voxels at its sides, of one value, as ``ConstantPadImageFilter`` of SimpleITK.

    New slices are spaced as those of the image, and keep of its headers what all its slices share.

    Parameters
    ----------
    lower, upper : int or (x, y, z) of int
        Voxels to add at the beginning and at the end of each axis.
    value : number, optional
        Their value; if not given, the PixelPaddingValue of the headers, or else 0.
    mark : bool
        State ``value`` as the PixelPaddingValue of the result. Only of a value that no pixel of the image has this is
        true: pixels of the image with it would count as never imaged.

    Raises
    ------
    ParameterError
        If the type of the image does not hold the value.
    IrregularGeometryError
        If slices are added to slices that are not evenly spaced.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Pad
    >>> image = Image.from_array(np.ones((1, 1, 2), np.int16))
    >>> (image >> Pad((1, 0, 0), (2, 0, 0), value=7)).update(progress=False).array
    array([[[7, 1, 1, 7, 7]]], dtype=int16)
    """

    lower: int | Sequence[int] = attrs.field(default=0, converter=_lower)
    upper: int | Sequence[int] = attrs.field(default=0, converter=_upper)
    value: Number | None = attrs.field(default=None, converter=attrs.converters.optional(number("value")))
    mark: bool = attrs.field(default=False, kw_only=True, validator=attrs.validators.instance_of(bool))

    def __attrs_post_init__(self) -> None:
        if self.mark and self.value is None:
            raise ParameterError("'mark' needs a value to mark (got value=None)")

    @property
    def effect(self) -> Effect:
        """Another extent of the lattice, with pixels that come from nowhere."""
        return Effect(Operation.GEOMETRY, derivation=(codes.CROP,))

    @property
    def before(self) -> tuple[int, int, int]:
        """Voxels added at the beginning of x, y and z."""
        x, y, z = _lower(self.lower)
        return (x, y, z)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the larger grid."""
        (info,) = inputs
        check_fill("value", self.value, info.dtype)
        source = info.geometry
        before, after = _lower(self.lower), _upper(self.upper)
        geometry = padded(source, before, after)
        match = (*(None,) * before[2], *range(source.slices), *(None,) * after[2])
        support = tuple(() if m is None else (m,) for m in match)
        paddings = marked(self.value, geometry.slices) if self.mark else _continued(info.paddings, geometry.slices)
        return Outline(geometry, info.dtype, info.components, (SliceMap(match, support),), paddings)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices of the image that the slab holds."""
        return (self._inner(slab, inputs[0].geometry.slices),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of a slab with the new voxels."""
        (block,) = blocks
        before, after = _lower(self.lower), _upper(self.upper)
        source = block.info
        fill: Any = self.value if self.value is not None else padding_value(source)
        inner = self._inner(slab, source.geometry.slices)
        plane = (before[1] + source.geometry.rows + after[1], before[0] + source.geometry.columns + after[0])
        result = np.full((len(slab), *plane, *block.array.shape[3:]), fill, source.dtype)
        if len(inner):
            first = inner.start + before[2] - slab.start
            rows = slice(before[1], before[1] + source.geometry.rows)
            columns = slice(before[0], before[0] + source.geometry.columns)
            result[first : first + len(inner), rows, columns] = block.inner(inner)
        return result

    def _inner(self, slab: Slab, slices: int) -> Slab:
        before = _lower(self.lower)[2]
        first, stop = max(0, slab.start - before), min(slices, slab.stop - before)
        return range(first, stop) if first < stop else range(0)


def _continued(known: Sequence[Padding | None], slices: int) -> tuple[Padding | None, ...] | None:
    # New slices are of the padding that all others have.
    return (known[0],) * slices if known and all(p == known[0] for p in known) else None


def padded(source: Geometry, before: Sequence[int], after: Sequence[int]) -> Geometry:
    """Return a grid with more voxels at its sides.

    Raises
    ------
    IrregularGeometryError
        If slices are added to slices that are not evenly spaced.
    """
    positions = source.positions
    if before[2] or after[2]:
        if not source.is_even:
            raise IrregularGeometryError(
                f"slices cannot be added to slices that are unevenly spaced (by up to {source.unevenness:.4g} mm): "
                "nothing says how far off. Pad rows and columns only, or resample the slices"
            )
        step = source.mean_step
        first = positions[0] - np.arange(before[2], 0, -1)[:, np.newaxis] * step
        last = positions[-1] + np.arange(1, after[2] + 1)[:, np.newaxis] * step
        positions = np.concatenate([first, positions, last])
    corner = (
        before[0] * source.pixel_spacing[1] * source.row_direction
        + before[1] * source.pixel_spacing[0] * source.column_direction
    )
    return attrs.evolve(
        source,
        columns=before[0] + source.columns + after[0],
        rows=before[1] + source.rows + after[1],
        positions=positions - corner,
        single_slice_spacing=source.slice_spacing,
    )
