"""Values on another scale: stretched to a range, normalised, looked up in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ComputeError, ParameterError
from slicewise.filters.parameters import Number, number_pair, pixel_type
from slicewise.filters.pixels import holds, real_type, to_type
from slicewise.image import ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["LookupTable", "Normalize", "Rescale"]

_optional = attrs.converters.optional


@node
class Rescale(Filter):
    """Values stretched linearly from one range to another; none is clipped. They have no units afterwards.

    Parameters
    ----------
    output : (low, high) of numbers
        What the ends of the input range become.
    input_range : (low, high) of numbers, optional
        In units of the values; the smallest and the largest of the whole image if not given.
    dtype : numpy dtype, optional
        Type of the result, integers rounded to nearest; float32, or float64 where values need it, if not given.

    Raises
    ------
    ParameterError
        If a range is empty, or the type does not hold the output.
    ComputeError
        When computed, if all values of the image are the same, or a value does not fit the type.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Rescale
    >>> image = Image.from_array(np.array([[[-10, 0, 30]]]))
    >>> (image >> Rescale((0, 1))).update(progress=False).array
    array([[[0.  , 0.25, 1.  ]]])
    """

    output: Sequence[Number] = attrs.field(default=(0, 1), converter=number_pair("output"))
    input_range: Sequence[Number] | None = attrs.field(
        default=None, kw_only=True, converter=_optional(number_pair("input_range"))
    )
    _dtype: npt.DTypeLike | None = attrs.field(
        default=None, kw_only=True, converter=_optional(pixel_type("dtype")), alias="dtype"
    )

    def __attrs_post_init__(self) -> None:
        if self._dtype is not None and not all(holds(np.dtype(self._dtype), end) for end in self.output):
            raise ParameterError(f"'output' must be values of the type {self._dtype} (got {tuple(self.output)})")

    @property
    def effect(self) -> Effect:
        """Values are in no unit any more; the standard has no code for it."""
        return Effect(Operation.PIXEL, keeps_units=False)

    @property
    def whole(self) -> bool:
        """Whether the range must be found first."""
        return self.input_range is None

    def halo(self, info: ImageInfo) -> int:
        """Return all slices if the range must be found, else none."""
        return info.slices if self.whole else 0

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and the type wanted."""
        return Outline.like(*inputs, dtype=self._type(inputs[0].dtype))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the stretched slab."""
        (block,) = blocks
        low, high = self.input_range or (float(block.array.min()), float(block.array.max()))
        if not low < high:
            raise ComputeError(
                f"{self!r}: all values are {low:g}, and there is no range to stretch: give 'input_range'"
            )
        slope = (self.output[1] - self.output[0]) / (high - low)
        dtype = self._type(block.array.dtype)
        stretched = (block.inner(slab).astype(np.float64) - low) * slope + self.output[0]
        if dtype.kind != "f" and not (holds(dtype, stretched.min()) and holds(dtype, stretched.max())):
            raise ComputeError(
                f"{self!r}: values outside the input range become {stretched.min():g} to {stretched.max():g}, which "
                f"{dtype} does not hold: Clip first"
            )
        return to_type(stretched, dtype)

    def _type(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return real_type(dtype) if self._dtype is None else np.dtype(self._dtype)


@node
class Normalize(Filter):
    """Values less their mean, divided by their standard deviation, both over the whole image; without units.

    The result is float32; of float64 and wide integers float64.

    Raises
    ------
    ComputeError
        When computed, if all values are the same, or some are not finite.
    """

    @property
    def effect(self) -> Effect:
        """Values are in no unit any more; the standard has no code for it."""
        return Effect(Operation.PIXEL, keeps_units=False)

    @property
    def whole(self) -> bool:
        """All values are needed for their mean."""
        return True

    def halo(self, info: ImageInfo) -> int:
        """Return all slices."""
        return info.slices

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and a floating-point type."""
        return Outline.like(*inputs, dtype=real_type(inputs[0].dtype))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the normalised slab."""
        (block,) = blocks
        mean, deviation = (float(f(block.array, dtype=np.float64)) for f in (np.mean, np.std))
        if not deviation > 0 or not np.isfinite(deviation):
            raise ComputeError(f"{self!r}: the standard deviation of the values is {deviation:g}; it must be positive")
        return np.asarray((block.inner(slab).astype(np.float64) - mean) / deviation, dtype=real_type(block.array.dtype))


def _table(value: Any) -> Array:
    table = np.array(value)
    if table.ndim != 1 or not table.size or table.dtype.kind not in "biuf":
        raise ParameterError(f"'table' must be a row of numbers (got {value!r:.60})")
    table.flags.writeable = False
    return table


@node
class LookupTable(Filter):
    """Each integer replaced by what a table has for it. What it means afterwards, only the caller knows.

    Parameters
    ----------
    table : sequence of numbers
        What ``first``, ``first + 1``, ... become. Values before and behind the table become its ends (PS3.3, C.11.1.1).
    first : int
        The value of the first entry.
    keeps_units : bool
        Whether values are in the same units afterwards.

    Raises
    ------
    ParameterError
        If the table is no row of numbers, or the image is not of integers.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, LookupTable
    >>> image = Image.from_array(np.array([[[0, 1, 2, 9]]]))
    >>> (image >> LookupTable([10, 30, 70])).update(progress=False).array
    array([[[10, 30, 70, 70]]])
    """

    table: Array = attrs.field(converter=_table)
    first: int = attrs.field(default=0, kw_only=True, converter=int)
    keeps_units: bool = attrs.field(default=False, kw_only=True)

    @property
    def effect(self) -> Effect:
        """Pixel values change; the standard has no code for it."""
        return Effect(Operation.PIXEL, keeps_units=self.keeps_units)

    @property
    def parameter_text(self) -> str:
        """The size of the table and its first value."""
        return f"{self.table.size} entries from {self.first}"

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and the type of the table."""
        if inputs[0].dtype.kind not in "iub":
            raise ParameterError(f"values are looked up by integers (got {inputs[0].dtype}): Cast or round first")
        return Outline.like(*inputs, dtype=self.table.dtype)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return what the table has for a slab."""
        at = blocks[0].inner(slab).astype(np.int64) - self.first
        return self.table[np.clip(at, 0, self.table.size - 1)]
