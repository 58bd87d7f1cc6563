"""Filters that change the grid: resampling and cropping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from slicewise.dicom import codes
from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.filters.grids import TargetGrid, grid_like, oblique_map, regrid
from slicewise.filters.interpolation import INTERPOLATORS, AxisSampling, resample_slices
from slicewise.filters.padding import padding_value
from slicewise.filters.parameters import Number, choice, integers, lengths, number
from slicewise.filters.pixels import holds, limits
from slicewise.filters.simpleitk import resample_onto
from slicewise.image import Geometry, ImageInfo, Operation, SliceMap, space_differences
from slicewise.image.elements import tag_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, input_node, node
from slicewise.pipeline.selection import Select

__all__ = ["Crop", "Resample"]

_FRAME_OF_REFERENCE = tag_of("FrameOfReferenceUID")
_THROUGH_SITK = ("bspline",)
"""Interpolators that look at the whole image."""

_optional = attrs.converters.optional
_lower = integers("lower")
_upper = integers("upper")
_box_size = integers("size", 1, axes_optional=True)


@node
class Resample(Filter):
    """The image on another grid, by interpolation.

    With ``spacing`` or ``size`` the new grid has the orientation and the centre of the old one and covers
    the same field of view, to half a voxel; no sample lies outside the image. An axis whose spacing does not
    change keeps its exact positions, so that in-plane resampling keeps every slice where it was, gantry tilt
    included. With ``like`` the new grid is that of another image in the same frame of reference.

    Slices are interpolated between their true positions, also where these are uneven. Up to half a voxel beyond
    the outermost voxel centres a sample takes the value at the edge, as in ITK; farther out it is ``fill``. Type and
    units stay: integers are rounded to the nearest and kept in range (ITK cuts decimals off).

    The image is streamed where the axes of both grids are parallel; an oblique ``like``, and the
    interpolator ``bspline``, take the whole image and SimpleITK.

    Parameters
    ----------
    spacing : float or (x, y, z) of float, optional
        New spacing in mm; None leaves an axis as it is.
    size : int or (x, y, z) of int, optional
        New size in voxels; None leaves an axis as it is.
    like : Node or Image, optional
        The image whose grid is wanted. Only its geometry counts.
    interpolator : str
        ``linear``, ``nearest`` (for labels), ``lanczos`` (windowed sinc, radius 5) or ``bspline`` (cubic).
    fill : number, optional
        The value outside the image; if not given, the PixelPaddingValue of the headers, or else 0.

    Raises
    ------
    ParameterError
        If not exactly one of spacing, size and like is given, or the type of the image does not hold ``fill``.
    SpaceMismatchError
        If the reference is in another frame of reference, or one of both has no place in the patient.
    IrregularGeometryError
        If slices are to be interpolated that are sheared, as under gantry tilt, or a grid that is no box is to be
        interpolated as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Geometry, Image, Resample
    >>> image = Image.from_array(np.zeros((10, 64, 64)), geometry=Geometry.from_box((64, 64, 10), (0.5, 0.5, 5)))
    >>> (image >> Resample(spacing=(1, 1, None))).geometry
    Geometry(32 x 32 x 10, 1 x 1 x 5 mm, origin (0.25, 0.25, 0))
    """

    spacing: float | Sequence[float | None] | None = attrs.field(
        default=None, converter=_optional(lengths("spacing", axes_optional=True))
    )
    size: int | Sequence[int | None] | None = attrs.field(
        default=None, converter=_optional(integers("size", 1, axes_optional=True))
    )
    like: Node | None = input_node(default=None, kw_only=True, optional=True)
    interpolator: str = attrs.field(
        default="linear", converter=choice("interpolator", [*INTERPOLATORS, *_THROUGH_SITK])
    )
    fill: Number | None = attrs.field(default=None, converter=_optional(number("fill")))

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("spacing", "size", "like") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ParameterError(
                f"exactly one of 'spacing', 'size' and 'like' must be given (got {', '.join(given) or 'none'})"
            )

    @property
    def effect(self) -> Effect:
        """A new grid by interpolation; values keep their units."""
        return Effect(Operation.GEOMETRY, derivation=(codes.RESAMPLING,))

    @property
    def whole(self) -> bool:
        """Whether the grids are oblique to each other, or the interpolator needs the whole image."""
        if self.interpolator in _THROUGH_SITK:
            return True
        return self.is_connected and self._grid(*(n.geometry for n in self.inputs.values())) is None

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the new grid, and which source slices lie in and around each new slice."""
        source = inputs[0]
        _check_frames(inputs)
        self._check_fill(source)
        grid = self._grid(*(info.geometry for info in inputs))
        if grid is None or self.interpolator in _THROUGH_SITK:
            # A whole image is interpolated as a box, or not at all.
            for info in inputs:
                _ = info.geometry.direction
        if grid is None:
            reference = inputs[1].geometry
            return Outline(reference, source.dtype, source.components, (oblique_map(source.geometry, reference),))
        along = self._slice_sampling(grid, source.geometry)
        support = tuple(tuple(i for i, _ in along.taps(k)) for k in range(grid.geometry.slices))
        maps = SliceMap(grid.matches(source.geometry.slices), support)
        return Outline(grid.geometry, source.dtype, source.components, (maps,))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices between which is interpolated; none of the reference."""
        source = inputs[0].geometry
        grid = self._grid(*(info.geometry for info in inputs))
        nothing = (range(0),) * (len(inputs) - 1)
        if grid is None or self.interpolator in _THROUGH_SITK:
            return (range(source.slices), *nothing)
        along = self._slice_sampling(grid, source)
        used = [i for k in slab for i, _ in along.taps(k)]
        return (range(min(used), max(used) + 1) if used else range(0), *nothing)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a slab of the resampled image."""
        block = blocks[0]
        source = block.info.geometry
        grid = self._grid(*(b.info.geometry for b in blocks))
        fill = self.fill if self.fill is not None else padding_value(block.info)
        if grid is None or self.interpolator in _THROUGH_SITK:
            target = grid.geometry if grid is not None else blocks[1].info.geometry
            return resample_onto(block.array, source, target, self.interpolator, fill)[slab.start : slab.stop]
        axes = (
            self._slice_sampling(grid, source),
            AxisSampling.at(grid.y, source.rows, self.interpolator),
            AxisSampling.at(grid.x, source.columns, self.interpolator),
        )
        return resample_slices(block.array, block.slab.start, slab, axes, fill)

    def _grid(self, source: Geometry, reference: Geometry | None = None) -> TargetGrid | None:
        if reference is not None:
            return grid_like(source, reference)
        nothing: Any = (None, None, None)
        return regrid(source, self.spacing or nothing, self.size or nothing)  # type: ignore[arg-type]

    def _slice_sampling(self, grid: TargetGrid, source: Geometry) -> AxisSampling:
        # Which slices a B-spline draws on is told as for linear interpolation: those on both sides.
        interpolator = "linear" if self.interpolator in _THROUGH_SITK else self.interpolator
        return AxisSampling.at(grid.z, source.slices, interpolator)

    def _check_fill(self, source: ImageInfo) -> None:
        if self.fill is not None and not holds(source.dtype, self.fill):
            low, high = limits(source.dtype)
            raise ParameterError(
                f"'fill' must be a value of the image's type {source.dtype}, {low} to {high} (got {self.fill})"
            )


def _check_frames(inputs: Sequence[ImageInfo]) -> None:
    if len(inputs) == 2:
        _check_places(*(info.geometry for info in inputs))
    frames = [text_of(info.headers.element(_FRAME_OF_REFERENCE, 0)) for info in inputs]
    if len(frames) == 2 and all(frames) and frames[0] != frames[1]:
        raise SpaceMismatchError(
            f"the image and its reference must be in one frame of reference (FrameOfReferenceUID {frames[0]} and "
            f"{frames[1]}): coordinates of one mean nothing in the other. Register them first"
        )


def _check_places(source: Geometry, reference: Geometry) -> None:
    placed = [geometry.is_in_patient for geometry in (source, reference)]
    if all(placed) or (not any(placed) and not space_differences(source, reference)):
        return
    which = ("the image has no", "the reference has no")[placed[0]] if any(placed) else "neither of both has a"
    raise SpaceMismatchError(
        f"like= takes a grid in the patient, and {which} place in the patient: nothing says how the image and its "
        "reference lie to each other. Resample with spacing= or size="
    )


@node
class Crop(Filter):
    """The image without some voxels at its sides, as ``CropImageFilter`` of SimpleITK; no interpolation.

    ``Crop.box(start, size)`` says instead which box to keep, and ``node[10:60, :, 100:400]`` does so in
    numpy's order.

    Parameters
    ----------
    lower, upper : int or (x, y, z) of int
        Voxels to take away at the beginning and at the end of each axis.
    size : int or (x, y, z) of int, optional
        Voxels to keep from ``lower`` on, instead of ``upper``; None keeps the rest of an axis.

    Raises
    ------
    ParameterError
        If nothing would be left, the box is not within the image, or both upper and size are given.
    """

    lower: int | Sequence[int] = attrs.field(default=0, converter=_lower)
    upper: int | Sequence[int] = attrs.field(default=0, converter=_upper)
    size: int | Sequence[int | None] | None = attrs.field(default=None, converter=_optional(_box_size), kw_only=True)

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

    @property
    def effect(self) -> Effect:
        """A choice of slices, and within them a part of the lattice."""
        return self._selection().effect

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the part of the grid."""
        self._check_within(inputs[0].geometry.size)
        return self._selection().outline(*inputs)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices kept."""
        return self._selection().request(slab, *inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the part of a slab that is kept."""
        return self._selection().compute(slab, *blocks)

    def _selection(self) -> Select:
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
