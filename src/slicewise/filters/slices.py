"""A choice of slices: by number, by a range, or by what their headers say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.filters.parameters import integer
from slicewise.image import ImageInfo, Operation, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["SelectSlices"]


def _indices(value: Any) -> Any:
    if value is None or isinstance(value, slice):
        return value
    single = isinstance(value, int | np.integer) and not isinstance(value, bool)
    several = [value] if single else list(value) if isinstance(value, Sequence | range | np.ndarray) else []
    whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in several)
    if isinstance(value, str) or not several or not whole:
        raise ParameterError(f"'indices' must be integers, or a range or slice of them (got {value!r})")
    return value if isinstance(value, range) else tuple(int(v) for v in several)


@node
class SelectSlices(Filter):
    """Some slices of the image, untouched, in the order they are in.

    Conditions that are given together must all hold.

    Parameters
    ----------
    indices : int, sequence of int, range or slice, optional
        Numbers of slices, from 0; negative ones count from the end.
    every : int, optional
        Every n-th slice of those chosen, the first one included.
    where : callable, optional
        Called with the header of each slice; slices stay for which it returns something true.

    Raises
    ------
    ParameterError
        If nothing is given, a number is out of range or given twice, or no slice is left.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, SelectSlices
    >>> image = Image.from_array(np.arange(6).reshape(6, 1, 1))
    >>> (image >> SelectSlices(every=2)).update(progress=False).array.ravel()
    array([0, 2, 4])
    >>> (image >> SelectSlices([0, 1, -1])).geometry.positions[:, 2]
    array([0., 1., 5.])
    """

    indices: Any = attrs.field(default=None, converter=_indices)
    every: int | None = attrs.field(
        default=None, converter=attrs.converters.optional(integer("every", 1)), kw_only=True
    )
    where: Callable[[Any], Any] | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(attrs.validators.is_callable())
    )

    def __attrs_post_init__(self) -> None:
        if self.indices is None and self.every is None and self.where is None:
            raise ParameterError("'indices', 'every' or 'where' must be given (got none)")

    @property
    def identity(self) -> Any:
        """The parameters, in a form that can be digested."""
        chosen = self.indices
        told = ("slice", chosen.start, chosen.stop, chosen.step) if isinstance(chosen, slice) else chosen
        return [told, self.every, self.where]

    @property
    def effect(self) -> Effect:
        """A choice of slices."""
        return Effect(Operation.SUBSET, derivation=(codes.SUBSET,))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the slices that stay."""
        (info,) = inputs
        chosen = self._kept
        return Outline(info.geometry.take(chosen), info.dtype, info.components, (SliceMap.of(chosen),))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices from the first to the last one of a slab."""
        part = self._kept[slab.start : slab.stop]
        return (range(part[0], part[-1] + 1),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of a slab."""
        (block,) = blocks
        part = self._kept[slab.start : slab.stop]
        return block.array[[k - block.slab.start for k in part]]

    @cached_property
    def _kept(self) -> list[int]:
        """The slices that stay; headers are looked at once."""
        (info,) = self.input_infos()
        chosen = self._by_number(info.slices)[:: self.every or 1]
        if self.where is not None:
            chosen = [k for k in chosen if self.where(info.headers[k])]
        if not chosen:
            raise ParameterError(f"no slice of {info.slices} is left by {self.parameter_text}")
        return chosen

    def _by_number(self, slices: int) -> list[int]:
        if self.indices is None:
            return list(range(slices))
        if isinstance(self.indices, slice):
            return sorted(range(slices)[self.indices])
        outside = [k for k in self.indices if not -slices <= k < slices]
        if outside:
            raise ParameterError(f"slice {outside[0]} is out of range for {slices} slices")
        numbers = sorted(k % slices for k in self.indices)
        if len(set(numbers)) < len(numbers):
            raise ParameterError(f"a slice must not be given twice (got {self.indices})")
        return numbers
