"""Several steps of geometry as one interpolation."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.filters.cropping import Crop
from slicewise.filters.interpolation import INTERPOLATORS, AxisSampling, resample_slices
from slicewise.filters.orientation import Turning
from slicewise.filters.pad import Pad
from slicewise.filters.padding import padding_value
from slicewise.filters.parameters import Number
from slicewise.filters.regridding import Regrid
from slicewise.filters.simpleitk import resample_onto, simpleitk
from slicewise.image import Geometry, ImageInfo
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Slab, node
from slicewise.pipeline.selection import Select

__all__ = ["Fused", "fused_with_input"]

FloatArray = npt.NDArray[np.float64]
Places = tuple[FloatArray, FloatArray, FloatArray]


def fused_with_input(last: Regrid) -> Node:
    """Return the node that does a step and the steps of geometry before it at once; the step itself if it stands alone.

    Steps are fused that interpolate in the same way, and what exchanges, turns, cuts and pads voxels between them.

    Parameters
    ----------
    last : Regrid
        The last step.
    """
    steps: list[Filter] = [last]
    at = last
    while at.fuse:
        between: list[Filter] = []
        below = at.input
        while isinstance(below, Crop | Select | Turning | Pad):
            between.insert(0, below)
            below = below.input
        if not isinstance(below, Regrid) or below.interpolator != last.interpolator:
            break
        steps = [below, *between, *steps]
        at = below
    return last if len(steps) == 1 else Fused(input=steps[0].input, steps=tuple(steps))


@attrs.frozen(eq=False)
class _Axis:
    """Samples along one axis: where on the source, and within which of the grids between they lie."""

    positions: FloatArray
    inside: tuple[npt.NDArray[np.bool_], ...]


@node
class Fused(Filter):
    """Several steps of geometry as one interpolation, from the first image; what is known of it is as of the last step.

    A sample outside of the result of a step takes the value that the step after it gives there, as if each was done.

    Parameters
    ----------
    steps : tuple of Filter
        The steps, the first one first.
    """

    steps: tuple[Filter, ...] = attrs.field(kw_only=True)

    @property
    def name(self) -> str:
        """The names of the steps."""
        return " + ".join(step.name for step in self.steps)

    @property
    def parameter_text(self) -> str:
        """The parameters of the steps."""
        return "one interpolation: " + " >> ".join(f"{step.name}({step.parameter_text})" for step in self.steps)

    @property
    def effect(self) -> Effect:
        """What the last step says."""
        return self.steps[-1].effect

    @cached_property
    def info(self) -> ImageInfo:
        """What is known of the result of the last step."""
        return self.steps[-1].info

    @cached_property
    def key(self) -> str:
        """The key of the last step: fusing is part of what it does."""
        return self.steps[-1].key

    @property
    def _interpolator(self) -> str:
        last = self.steps[-1]
        assert isinstance(last, Regrid)  # noqa: S101 - fused_with_input sees to it
        return last.interpolator

    @cached_property
    def _fills(self) -> tuple[Number | None, ...]:
        """The value that each step gives where there is nothing of its input; None where there is always something."""
        return tuple(_fill_of(step) for step in self.steps)

    @cached_property
    def _axes(self) -> tuple[_Axis, _Axis, _Axis] | None:
        """Where the samples lie along slices, rows and columns of the source; None if no step may turn."""
        places = [_places(step) for step in self.steps]
        if self._interpolator not in INTERPOLATORS or any(p is None for p in places):
            return None
        return tuple(_through([p[axis] for p in places if p]) for axis in (2, 1, 0))  # type: ignore[return-value]

    @property
    def whole(self) -> bool:
        """Whether axes do not stay parallel, or the interpolator needs the whole image."""
        return self._axes is None

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices between which is interpolated."""
        slices = inputs[0].geometry.slices
        if self._axes is None:
            return (range(slices),)
        along = self._sampling(self._axes[0], slices)
        used = [i for k in slab for i, _ in along.taps(k)]
        return (range(min(used), max(used) + 1) if used else range(0),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a slab of the result."""
        (block,) = blocks
        if self._axes is None:
            return self._by_itk(block)[slab.start : slab.stop]
        axes = tuple(self._sampling(axis, n) for axis, n in zip(self._axes, block.info.geometry.shape, strict=True))
        first: Any = self._fills[0]
        result = resample_slices(block.array, block.slab.start, slab, axes, first)  # type: ignore[arg-type]
        for k in range(1, len(self.steps)):
            if self._fills[k] is None or self._is_filled_alike:
                continue
            z, y, x = (axis.inside[k - 1] for axis in self._axes)
            outside = ~(z[slab.start : slab.stop, np.newaxis, np.newaxis] & y[:, np.newaxis] & x)
            result[outside] = self._fills[k]
        return result

    @cached_property
    def _is_filled_alike(self) -> bool:
        return len({fill for fill in self._fills if fill is not None}) == 1

    def _sampling(self, axis: _Axis, length: int) -> AxisSampling:
        sampling = AxisSampling.at(axis.positions, length, self._interpolator)
        inside = np.logical_and.reduce([sampling.inside, *axis.inside])
        return attrs.evolve(sampling, inside=inside)

    def _by_itk(self, block: Block) -> Array:
        geometries = [step.geometry for step in self.steps]
        first: Any = self._fills[0]
        target = geometries[-1]
        result = resample_onto(
            block.array, block.info.geometry, target, self._interpolator, first, transform=_composed(self.steps)
        )
        for k in range(1, len(self.steps)):
            if self._fills[k] is None:
                continue
            within = np.ones(geometries[k - 1].shape, np.uint8)
            reached = resample_onto(
                within, geometries[k - 1], target, "nearest", 0, transform=_composed(self.steps[k:])
            )
            result[reached == 0] = self._fills[k]
        return result


def _fill_of(step: Filter) -> Number | None:
    source = next(iter(step.inputs.values())).info
    if isinstance(step, Regrid):
        return step.fill_value(source)
    if isinstance(step, Pad):
        return step.value if step.value is not None else padding_value(source)
    return None


def _composed(steps: tuple[Filter, ...]) -> Any:
    motions = [m for s in steps if isinstance(s, Regrid) and (m := s.motion(*s.input_infos())) is not None]
    # ITK applies the transform that was added last first: from points of the result back to points of the source.
    return simpleitk().CompositeTransform([m.itk for m in motions]) if motions else None


def _places(step: Filter) -> Places | None:
    """Return where columns, rows and slices of a step lie on its input; None if axes do not stay parallel."""
    infos = step.input_infos()
    source: Geometry = infos[0].geometry
    if isinstance(step, Regrid):
        grid = step.grid(*infos)
        return None if grid is None else (grid.x, grid.y, grid.z)
    every = tuple(np.arange(n, dtype=np.float64) for n in source.size)
    if isinstance(step, Pad):
        size, before = step.geometry.size, step.before
        return tuple(np.arange(n, dtype=np.float64) - b for n, b in zip(size, before, strict=True))  # type: ignore[return-value]
    if isinstance(step, Turning):
        turn = step.turn(source)
        if turn.order != (0, 1, 2):
            return None
        return tuple(p[::-1] if flip else p for p, flip in zip(every, turn.flips, strict=True))  # type: ignore[return-value]
    chosen = step.selection(source) if isinstance(step, Crop) else step
    assert isinstance(chosen, Select)  # noqa: S101 - no other steps are fused
    indices = (chosen.columns, chosen.rows, chosen.slices)
    return tuple(p[index] for p, index in zip(every, indices, strict=True))  # type: ignore[return-value]


def _through(places: list[FloatArray]) -> _Axis:
    """Return where the samples of the last step lie on the source of the first."""
    positions = places[-1]
    inside: list[npt.NDArray[np.bool_]] = []
    for table in reversed(places[:-1]):
        within = (positions >= -0.5 - 1e-6) & (positions <= len(table) - 0.5 + 1e-6)
        inside = [within, *(mask for mask in inside)]
        low = np.clip(np.floor(positions), 0, max(len(table) - 2, 0)).astype(np.intp)
        step = table[np.minimum(low + 1, len(table) - 1)] - table[low]
        positions = table[low] + (positions - low) * step
    return _Axis(positions, tuple(inside))
