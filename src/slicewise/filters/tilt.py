"""Gantry tilt: slices shifted within their planes, so that a sheared stack becomes a box, and the other way round."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.filters.interpolation import AxisSampling, resample_slices
from slicewise.filters.padding import check_fill, padding_value
from slicewise.filters.parameters import Number, choice, number
from slicewise.image import Geometry, ImageInfo, Operation, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["RectifyTilt"]

_ALIGNED = 1e-3
"""Shifts below this part of a pixel are rounding of coordinates."""


def _tilt(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -80 < value < 80:
        raise ParameterError(f"'tilt' must be an angle in degrees between -80 and 80 (got {value!r})")
    return float(value)


@node
class RectifyTilt(Filter):
    """A stack sheared by gantry tilt as a box, each slice shifted back within its plane; or a box as a sheared stack.

    Slices stay in their planes, at the distances they have, and every value stays at its place in the patient: rows are
    interpolated along one axis, by what the positions of the slices say (columns as well, if slices are shifted
    sideways, too). The first slice stays where it is. Rows are added where others are shifted to, so that nothing is
    lost.

    Parameters
    ----------
    tilt : float
        Angle in degrees between the stacking direction and the normal of the slices that the result has: 0 for a box. A
        positive one shifts later slices in the direction of their columns, that is downwards in the picture.
    interpolator : str
        ``linear``, ``nearest`` or ``lanczos``.
    fill : number, optional
        The value outside the image; if not given, the PixelPaddingValue of the headers, or else 0.

    Raises
    ------
    ParameterError
        If the type of the image does not hold ``fill``, or it has no place in the patient.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Geometry, Image, RectifyTilt
    >>> image = Image.from_array(np.zeros((3, 4, 5)), geometry=Geometry.from_box((5, 4, 3), (1, 1, 2)))
    >>> (image >> RectifyTilt(tilt=20)).geometry
    Geometry(5 x 6 x 3, 1 x 1 x 2 mm, origin (0, -2, 0), sheared by 20.00 deg)
    >>> (image >> RectifyTilt(tilt=20) >> RectifyTilt()).geometry.is_regular
    True
    """

    tilt: float = attrs.field(default=0.0, converter=_tilt)
    interpolator: str = attrs.field(
        default="linear", converter=choice("interpolator", ["linear", "nearest", "lanczos"]), kw_only=True
    )
    fill: Number | None = attrs.field(default=None, converter=attrs.converters.optional(number("fill")), kw_only=True)

    @property
    def effect(self) -> Effect:
        """A new grid by interpolation. Readers that meet a Gantry/Detector Tilt shear by it: it is not stated."""
        return Effect(Operation.GEOMETRY, derivation=(codes.RESAMPLING,), attributes={"GantryDetectorTilt": None})

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the new grid."""
        (info,) = inputs
        if not info.geometry.is_in_patient:
            raise ParameterError("the image has no place in the patient: nothing says how its slices are shifted")
        check_fill("fill", self.fill, info.dtype)
        geometry, _ = self._sheared(info.geometry)
        return Outline(geometry, info.dtype, info.components, (SliceMap.identity(geometry.slices),))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of a slab, each shifted within its plane."""
        (block,) = blocks
        source = block.info.geometry
        geometry, shifts = self._sheared(source)
        fill: Any = self.fill if self.fill is not None else padding_value(block.info)
        result = np.empty((len(slab), geometry.rows, geometry.columns, *block.array.shape[3:]), block.array.dtype)
        every = AxisSampling.at(np.arange(source.slices, dtype=np.float64), source.slices, "nearest")
        for out, k in zip(result, slab, strict=True):
            columns = np.arange(geometry.columns) + shifts[k, 0]
            rows = np.arange(geometry.rows) + shifts[k, 1]
            axes = (
                every,
                AxisSampling.at(rows, source.rows, self.interpolator),
                AxisSampling.at(columns, source.columns, self.interpolator),
            )
            (out[...],) = resample_slices(block.array, block.slab.start, range(k, k + 1), axes, fill)
        return result

    def _sheared(self, source: Geometry) -> tuple[Geometry, Array]:
        """Return the grid of the result, and where its first pixel lies on each source slice, in columns and rows."""
        spacing = np.array([source.pixel_spacing[1], source.pixel_spacing[0]])
        axes = np.stack([source.row_direction, source.column_direction])
        distances = source.distances
        leaning = math.tan(math.radians(self.tilt)) * np.abs(distances)
        wanted = source.positions[0] + distances[:, np.newaxis] * source.normal
        wanted = wanted + leaning[:, np.newaxis] * source.column_direction
        shifts = ((wanted - source.positions) @ axes.T) / spacing
        shifts = np.where(np.abs(shifts) < _ALIGNED, 0.0, shifts)
        # Where slices lie beside the first one there must be pixels for them.
        before = np.maximum(0, np.ceil(shifts.max(axis=0) - 1e-9)).astype(int)
        after = np.maximum(0, np.ceil(-shifts.min(axis=0) - 1e-9)).astype(int)
        corner = (before * spacing) @ axes
        geometry = attrs.evolve(
            source,
            columns=int(before[0]) + source.columns + int(after[0]),
            rows=int(before[1]) + source.rows + int(after[1]),
            positions=wanted - corner,
            single_slice_spacing=source.slice_spacing,
        )
        return geometry, shifts - before
