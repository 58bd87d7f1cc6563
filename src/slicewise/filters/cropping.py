"""Filters that take a part of an image: boxes of voxels, of mm, around a mask."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from slicewise.errors import ParameterError
from slicewise.filters.parameters import integers, lengths
from slicewise.image import Geometry, ImageInfo, check_same_space
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, as_node, node
from slicewise.pipeline.run import Runner, RunOptions, Sink
from slicewise.pipeline.selection import Select

__all__ = ["Crop"]

_optional = attrs.converters.optional
_lower = integers("lower")
_upper = integers("upper")
_box_size = integers("size", 1, axes_optional=True)
_margin = lengths("margin", zero_allowed=True)
_ON_THE_GRID = 1e-6


def _corners(value: Any) -> tuple[tuple[float, ...], ...]:
    try:
        corners = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        corners = np.empty(0)
    if corners.shape != (2, 3) or not np.isfinite(corners).all():
        raise ParameterError(f"'region' must be two points (x, y, z) in mm, LPS (got {value!r})")
    return tuple(tuple(float(v) for v in corner) for corner in corners)


@node
class Crop(Filter):
    """The image without some voxels at its sides, as ``CropImageFilter`` of SimpleITK; no interpolation.

    ``Crop.box(start, size)`` says instead which box to keep, ``Crop.within(a, b)`` a box in mm in the patient, and
    ``Crop.around(mask)`` the box around a mask; ``node[10:60, :, 100:400]`` takes indices in numpy's order.

    Parameters
    ----------
    lower, upper : int or (x, y, z) of int
        Voxels to take away at the beginning and at the end of each axis.
    size : int or (x, y, z) of int, optional
        Voxels to keep from ``lower`` on, instead of ``upper``; None keeps the rest of an axis.
    region : two points (x, y, z), optional
        Opposite corners of a box along the axes of the patient, in mm, LPS, instead of voxels. Kept are the voxels
        whose centres lie in it; of an image oblique to it, the smallest box of voxels that holds these.
    grid : Geometry, optional
        The grid that the image must be on.

    Raises
    ------
    ParameterError
        If nothing would be left, the box is not within the image, or both upper and size are given.
    """

    lower: int | Sequence[int] = attrs.field(default=0, converter=_lower)
    upper: int | Sequence[int] = attrs.field(default=0, converter=_upper)
    size: int | Sequence[int | None] | None = attrs.field(default=None, converter=_optional(_box_size), kw_only=True)
    region: Sequence[Sequence[float]] | None = attrs.field(default=None, converter=_optional(_corners), kw_only=True)
    grid: Geometry | None = attrs.field(default=None, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.size is not None and any(_upper(self.upper)):
            raise ParameterError(f"'upper' and 'size' must not both be given (got {self.upper} and {self.size})")

    @classmethod
    def box(cls, start: int | Sequence[int], size: int | Sequence[int | None]) -> Crop:
        """Return the node that keeps a box, as ``RegionOfInterestImageFilter`` of SimpleITK.

        Parameters
        ----------
        start : int or (x, y, z) of int
            Index of the first voxel to keep.
        size : int or (x, y, z) of int
            Voxels to keep; None keeps the rest of an axis.
        """
        return cls(lower=integers("start")(start), size=size)

    @classmethod
    def within(cls, first: Sequence[float], second: Sequence[float]) -> Crop:
        """Return the node that keeps a box in the patient.

        Parameters
        ----------
        first, second : (x, y, z) of float
            Opposite corners in mm, LPS.
        """
        return cls(region=(first, second))

    @classmethod
    def around(cls, mask: Any, margin: float | Sequence[float] = 0.0) -> Crop:
        """Return the node that keeps the box around all voxels of a mask that are not zero.

        The mask is computed at once, slab by slab: what a node makes must be known before its pixels are.

        Parameters
        ----------
        mask : Node or Image
            On the grid of the image that is to be cropped.
        margin : float or (x, y, z) of float
            Kept around the mask, in mm along its axes, as far as there are voxels.

        Raises
        ------
        ParameterError
            If nothing is in the mask.
        """
        source = as_node(mask)
        grid = source.geometry
        bounds = (source >> _Bounds()).execute(Runner(RunOptions(progress=False)))
        steps = (grid.pixel_spacing[1], grid.pixel_spacing[0], grid.slice_spacing or 1.0)
        around = [math.ceil(mm / step - _ON_THE_GRID) for mm, step in zip(_margin(margin), steps, strict=True)]
        low = [max(0, a - m) for (a, _), m in zip(bounds, around, strict=True)]
        high = [min(n - 1, b + m) for (_, b), m, n in zip(bounds, around, grid.size, strict=True)]
        return cls(lower=low, size=[b - a + 1 for a, b in zip(low, high, strict=True)], grid=grid)

    @property
    def parameter_text(self) -> str:
        """The parameters as a user would write them."""
        told = {name: value for name, value in self.parameters.items() if value is not None and name != "grid"}
        if self.region is not None:
            told = {"region": told["region"]}
        return ", ".join(f"{name}={value!r}" for name, value in told.items())

    @property
    def effect(self) -> Effect:
        """A choice of slices, and within them a part of the lattice."""
        return self.selection(self.input.geometry if self.input is not None and self.is_connected else None).effect

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the part of the grid."""
        source = inputs[0].geometry
        if self.grid is not None:
            check_same_space(source, self.grid, ("the image", "the mask to crop to"))
        if self.region is None:
            self._check_within(source.size)
        return self.selection(source).outline(*inputs)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices kept."""
        return self.selection(inputs[0].geometry).request(slab, *inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the part of a slab that is kept."""
        return self.selection(blocks[0].info.geometry).compute(slab, *blocks)

    def selection(self, source: Geometry | None) -> Select:
        """Return the indices that are kept of a grid."""
        if self.region is not None and source is not None:
            return _in_region(source, np.array(self.region))
        sizes = _box_size(self.size)
        columns, rows, slices = (
            slice(low or None, low + size if size is not None else -up or None)
            for low, up, size in zip(_lower(self.lower), _upper(self.upper), sizes, strict=True)
        )
        return Select(slices=slices, rows=rows, columns=columns)

    def _check_within(self, available: Sequence[int]) -> None:
        for axis, low, size, n in zip("xyz", _lower(self.lower), _box_size(self.size), available, strict=True):
            if size is not None and low + size > n:
                raise ParameterError(
                    f"the box must lie within the image: along {axis} it ends at {low + size} of {n} voxels"
                )


def _in_region(source: Geometry, region: Array) -> Select:
    if not source.is_in_patient:
        raise ParameterError("'region' takes a box in the patient, and the image has no place in it: crop by voxels")
    low, high = region.min(axis=0), region.max(axis=0)
    sides = [(low[axis], high[axis]) for axis in range(3)]
    indices = [source.point_to_index((x, y, z)) for x in sides[0] for y in sides[1] for z in sides[2]]
    first = np.maximum(0, np.ceil(np.min(indices, axis=0) - _ON_THE_GRID)).astype(int)
    last = np.minimum(np.array(source.size) - 1, np.floor(np.max(indices, axis=0) + _ON_THE_GRID)).astype(int)
    if (first > last).any():
        raise ParameterError(
            f"no voxel lies within the region {region.tolist()} mm: the image spans "
            f"{source.index_to_point((0, 0, 0)).round(2).tolist()} to "
            f"{source.index_to_point([n - 1 for n in source.size]).round(2).tolist()} mm"
        )
    columns, rows, slices = (slice(int(a) or None, int(b) + 1) for a, b in zip(first, last, strict=True))
    return Select(slices=slices, rows=rows, columns=columns)


@node
class _Bounds(Sink):
    """The first and the last index of what is not zero, in x, y, z order."""

    @property
    def effect(self) -> Effect:
        """Nothing is made."""
        return Effect(())

    def execute(self, runner: Runner) -> list[tuple[int, int]]:
        """Look at all slabs."""
        source: Node = self.inputs["input"]
        found = [np.zeros(n, np.bool_) for n in source.geometry.shape]
        lock = threading.Lock()

        def look(slab: Slab, values: Array) -> None:
            there: Array = np.asarray(values.reshape(*values.shape[:3], -1).any(axis=-1))
            with lock:
                found[0][slab.start : slab.stop] |= np.any(there, axis=(1, 2))
                found[1][...] |= np.any(there, axis=(0, 2))
                found[2][...] |= np.any(there, axis=(0, 1))

        runner.stream(source, look, "mask")
        if not found[0].any():
            raise ParameterError("nothing is in the mask: there is no box around it")
        return [(int(np.flatnonzero(f)[0]), int(np.flatnonzero(f)[-1])) for f in reversed(found)]
