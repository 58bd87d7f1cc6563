"""What filters that interpolate on another grid have in common."""

from __future__ import annotations

from functools import cached_property

import attrs

from slicewise.dicom import codes
from slicewise.filters.grids import TargetGrid, grid_like, oblique_map
from slicewise.filters.interpolation import INTERPOLATORS, AxisSampling, resample_slices
from slicewise.filters.motion import Motion
from slicewise.filters.padding import check_fill, marked, padding_value
from slicewise.filters.parameters import Number, choice, number
from slicewise.filters.simpleitk import KINDS, resample_onto
from slicewise.image import Geometry, ImageInfo, Operation, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, node

__all__ = ["Regrid"]


@node
class Regrid(Filter):
    """A filter that interpolates its input on another grid.

    Parameters
    ----------
    interpolator : str
        ``linear``, ``nearest`` (for labels), ``lanczos`` (windowed sinc, radius 5); and through SimpleITK, on the whole
        image: ``bspline`` (cubic), ``bspline1`` to ``bspline5``, ``gaussian``, ``cosine``, ``hamming``, ``welch``,
        ``blackman`` and ``label_gaussian``.
    fill : number, optional
        The value outside the image; if not given, the PixelPaddingValue of the headers, or else 0.
    mark : bool
        State ``fill`` as the PixelPaddingValue of the result; true only of a value that no pixel of the image has.
    fuse : bool
        Interpolate once where the input was interpolated, too, in the same way and with nothing but geometry between.
    """

    interpolator: str = attrs.field(default="linear", converter=choice("interpolator", [*KINDS]), kw_only=True)
    fill: Number | None = attrs.field(default=None, converter=attrs.converters.optional(number("fill")), kw_only=True)
    mark: bool = attrs.field(default=False, kw_only=True, validator=attrs.validators.instance_of(bool))
    fuse: bool = attrs.field(default=True, kw_only=True, validator=attrs.validators.instance_of(bool))

    @property
    def parameter_text(self) -> str:
        """The parameters as a user would write them, without switches that are as they were."""
        usual = {"mark": False, "fuse": True}
        parameters = {k: v for k, v in self.parameters.items() if v is not None and v is not usual.get(k)}
        # What a filter does comes first, and then how.
        names = sorted(parameters, key=lambda name: name in ("interpolator", "fill", "mark", "fuse"))
        return ", ".join(f"{name}={parameters[name]!r}" for name in names)

    @property
    def effect(self) -> Effect:
        """A new grid by interpolation; values keep their units."""
        return Effect(Operation.GEOMETRY, derivation=(codes.RESAMPLING,))

    def target(self, *inputs: ImageInfo) -> Geometry:
        """Return the grid wanted."""
        raise NotImplementedError

    def motion(self, *inputs: ImageInfo) -> Motion | None:
        """Return the transform from points of the result to points of the image, if there is one."""
        return None

    def grid(self, *inputs: ImageInfo) -> TargetGrid | None:
        """Return the grid wanted with its places on that of the image; None where they are oblique to each other."""
        source, target, motion = inputs[0].geometry, self.target(*inputs), self.motion(*inputs)
        if motion is None:
            return grid_like(source, target)
        moved = motion.of_geometry(target)
        found = None if moved is None or source.is_sheared else grid_like(source, moved)
        # What is moved is in the plane of no source slice.
        return None if found is None else attrs.evolve(found, geometry=target, same_orientation=False)

    def fill_value(self, source: ImageInfo) -> Number:
        """Return the value outside an image."""
        return self.fill if self.fill is not None else padding_value(source)

    @cached_property
    def _is_whole(self) -> bool:
        return self.interpolator not in INTERPOLATORS or self.grid(*self.input_infos()) is None

    @property
    def whole(self) -> bool:
        """Whether the grids are oblique to each other, or the interpolator needs the whole image."""
        return self.interpolator not in INTERPOLATORS or (self.is_connected and self._is_whole)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the new grid, and which source slices lie in and around each new slice."""
        source = inputs[0]
        check_fill("fill", self.fill, source.dtype)
        grid = self.grid(*inputs)
        target = self.target(*inputs) if grid is None else grid.geometry
        if grid is None or self.interpolator not in INTERPOLATORS:
            # A whole image is interpolated as a box, or not at all.
            for geometry in (source.geometry, target):
                _ = geometry.direction
        if grid is None:
            maps = oblique_map(source.geometry, target, self.motion(*inputs))
        else:
            along = self._slice_sampling(grid, source.geometry)
            support = tuple(tuple(i for i, _ in along.taps(k)) for k in range(target.slices))
            maps = SliceMap(grid.matches(source.geometry.slices), support)
        paddings = marked(self.fill, target.slices) if self.mark and self.fill is not None else None
        return Outline(target, source.dtype, source.components, (maps,), paddings)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices between which is interpolated; none of the reference."""
        source = inputs[0].geometry
        nothing = (range(0),) * (len(inputs) - 1)
        grid = None if self.interpolator not in INTERPOLATORS else self.grid(*inputs)
        if grid is None:
            return (range(source.slices), *nothing)
        along = self._slice_sampling(grid, source)
        used = [i for k in slab for i, _ in along.taps(k)]
        return (range(min(used), max(used) + 1) if used else range(0), *nothing)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a slab of the resampled image."""
        block, infos = blocks[0], [b.info for b in blocks]
        source = block.info.geometry
        grid, motion = self.grid(*infos), self.motion(*infos)
        fill = self.fill_value(block.info)
        if grid is None or self.interpolator not in INTERPOLATORS:
            target = self.target(*infos) if grid is None else grid.geometry
            itk = None if motion is None else motion.itk
            result: Array = resample_onto(block.array, source, target, self.interpolator, fill, transform=itk)
            return result[slab.start : slab.stop]
        axes = (
            self._slice_sampling(grid, source),
            AxisSampling.at(grid.y, source.rows, self.interpolator),
            AxisSampling.at(grid.x, source.columns, self.interpolator),
        )
        return resample_slices(block.array, block.slab.start, slab, axes, fill)

    def _slice_sampling(self, grid: TargetGrid, source: Geometry) -> AxisSampling:
        # Which slices other interpolators draw on is told as for linear interpolation: those on both sides.
        interpolator = self.interpolator if self.interpolator in INTERPOLATORS else "linear"
        return AxisSampling.at(grid.z, source.slices, interpolator)

    def fused(self) -> Node:
        """Return the node that interpolates once for this and what comes before, if that was interpolated, too."""
        from slicewise.filters.fusing import fused_with_input

        return fused_with_input(self)
