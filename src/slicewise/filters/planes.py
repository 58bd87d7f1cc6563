"""Filters that interpolate on a grid made to order: isotropic voxels, and planes at any angle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.filters.grids import TargetGrid, regrid
from slicewise.filters.parameters import integers, lengths
from slicewise.filters.regridding import Regrid
from slicewise.image import Geometry, ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import node

__all__ = ["MPR", "Isotropic"]

FloatArray = npt.NDArray[np.float64]
_optional = attrs.converters.optional
_one_length = lengths("spacing")


def _isotropic(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float | np.number):
        raise ParameterError(f"'spacing' must be a positive length in mm (got {value!r})")
    return float(_one_length(value)[0])


@node
class Isotropic(Regrid):
    """The image with voxels of one length along all axes, over the same field of view, as ``Resample(spacing=...)``.

    Parameters
    ----------
    spacing : float, optional
        The length in mm; if not given, the smallest spacing of the image, so that nothing is lost.
    interpolator, fill, mark, fuse
        See ``Regrid``: ``linear`` if not given.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Geometry, Image, Isotropic
    >>> image = Image.from_array(np.zeros((10, 64, 64)), geometry=Geometry.from_box((64, 64, 10), (0.5, 0.5, 5)))
    >>> (image >> Isotropic()).geometry
    Geometry(64 x 64 x 100, 0.5 x 0.5 x 0.5 mm, origin (0, 0, -2.25))
    """

    spacing: float | None = attrs.field(default=None, converter=_isotropic)

    def target(self, *inputs: ImageInfo) -> Geometry:
        """Return the grid of one spacing."""
        return self._regrid(inputs[0].geometry).geometry

    def grid(self, *inputs: ImageInfo) -> TargetGrid | None:
        """Return the grid of one spacing with its places on that of the image."""
        return self._regrid(inputs[0].geometry)

    def _regrid(self, source: Geometry) -> TargetGrid:
        smallest = min(s for s in (*source.pixel_spacing, source.slice_spacing) if s > 0)
        return regrid(source, (self.spacing or smallest,) * 3)


def _points(name: str, shape: tuple[int, ...]) -> Any:
    what = "a point or direction (x, y, z)" if len(shape) == 1 else f"{shape[0]} points (x, y, z)"

    def convert(value: Any) -> Any:
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.shape != shape or not np.isfinite(array).all():
            raise ParameterError(f"{name!r} must be {what} in LPS (got {value!r})")
        rows = array.reshape(-1, 3).tolist()
        return tuple(rows[0]) if len(shape) == 1 else tuple(tuple(row) for row in rows)

    return _optional(convert)


@node
class MPR(Regrid):
    """A stack of planes through the image at any angle: a multiplanar reformation.

    The planes are given by their normal, or by three points that the middle one goes through. Slices are stacked along
    the normal; rows and columns are shown with ``up`` upwards, or with the first two points in a row. Nothing is
    averaged: a slice is as thick as the planes are apart.

    Parameters
    ----------
    normal : (x, y, z), optional
        Direction across the planes, LPS; of any length.
    up : (x, y, z)
        Direction upwards in the picture, as near as the plane allows; superior, or anterior for planes across it.
    points : three points (x, y, z), optional
        Instead of a normal, points of the middle plane in mm, LPS. Rows run from the first to the second, and the third
        lies below them.
    centre : (x, y, z), optional
        Centre of the stack in mm, LPS; if not given that of the image, or the mean of the points.
    spacing : float or (x, y, z) of float, optional
        Spacing of columns, rows and planes in mm; if not given, or None for an axis, the smallest of the image.
    size : int or (x, y, z) of int, optional
        Columns, rows and planes; if not given, or None for an axis, as many as cover the image.
    interpolator, fill, mark, fuse
        See ``Regrid``: ``linear`` if not given.

    Raises
    ------
    ParameterError
        If not one of normal and points is given, the points lie on a line, or ``up`` is the normal.
    IrregularGeometryError
        If the stack is sheared or uneven, and so no box: rectify or resample it before.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import MPR, Geometry, Image
    >>> image = Image.from_array(np.zeros((10, 64, 64)), geometry=Geometry.from_box((64, 64, 10), (1, 1, 5)))
    >>> (image >> MPR((0, 1, 0), spacing=(1, 1, 2), size=(64, 50, 32))).geometry
    Geometry(64 x 50 x 32, 1 x 1 x 2 mm, origin (0, 0.5, 47))
    """

    normal: Sequence[float] | None = attrs.field(default=None, converter=_points("normal", (3,)))
    up: Sequence[float] | None = attrs.field(default=None, converter=_points("up", (3,)))
    points: Sequence[Sequence[float]] | None = attrs.field(
        default=None, converter=_points("points", (3, 3)), kw_only=True
    )
    centre: Sequence[float] | None = attrs.field(default=None, converter=_points("centre", (3,)), kw_only=True)
    spacing: float | Sequence[float | None] | None = attrs.field(
        default=None, converter=_optional(lengths("spacing", axes_optional=True)), kw_only=True
    )
    size: int | Sequence[int | None] | None = attrs.field(
        default=None, converter=_optional(integers("size", 1, axes_optional=True)), kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        if (self.normal is None) == (self.points is None):
            raise ParameterError("one of 'normal' and 'points' must be given (got both or none)")
        if self.points is not None and self.up is not None:
            raise ParameterError("'up' must not be given with 'points': rows run from the first to the second")
        _ = self._axes

    @property
    def effect(self) -> Effect:
        """New planes by interpolation."""
        return Effect(Operation.GEOMETRY, derivation=(codes.REFORMATTING,))

    @property
    def _axes(self) -> FloatArray:
        """Directions of columns, rows and planes, as the columns of a matrix."""
        if self.points is not None:
            a, b, c = np.array(self.points)
            row, normal = b - a, np.cross(b - a, c - a)
            if np.linalg.norm(normal) <= 1e-9 * max(np.linalg.norm(row), np.linalg.norm(c - a)) ** 2:
                raise ParameterError(f"'points' must not lie on a line (got {self.points})")
        else:
            normal = np.array(self.normal)
            length = float(np.linalg.norm(normal))
            if length == 0:
                raise ParameterError("'normal' must not be of length zero")
            default = (0.0, -1.0, 0.0) if abs(normal[2]) > 0.999 * length else (0.0, 0.0, 1.0)
            row = np.cross(normal, np.array(self.up or default))
            if np.linalg.norm(row) <= 1e-9 * length * np.linalg.norm(self.up or default):
                raise ParameterError(f"'up' must not be along the normal, nor of length zero (got {self.up})")
        row, normal = row / np.linalg.norm(row), normal / np.linalg.norm(normal)
        return np.column_stack([row, np.cross(normal, row), normal])

    def target(self, *inputs: ImageInfo) -> Geometry:
        """Return the stack of planes."""
        source = inputs[0].geometry
        if not source.is_in_patient:
            raise SpaceMismatchError("planes through the patient are wanted, and the image has no place in it")
        axes = self._axes
        smallest = min(s for s in (*source.pixel_spacing, source.slice_spacing) if s > 0)
        asked: Any = self.spacing or (None,) * 3
        spacing = [smallest if s is None else s for s in asked]
        ends = [(0.0, n - 1.0) for n in source.size]
        corners = np.array([source.index_to_point((x, y, z)) for x in ends[0] for y in ends[1] for z in ends[2]])
        middle = corners.mean(axis=0) if self.points is None else np.mean(self.points, axis=0)
        centre = middle if self.centre is None else np.array(self.centre)
        reach = np.abs((corners - centre) @ axes).max(axis=0)
        wanted: Any = self.size or (None,) * 3
        size = [
            n if n is not None else 2 * math.ceil(r / s - 1e-6) + 1
            for n, r, s in zip(wanted, reach, spacing, strict=True)
        ]
        origin = centre - axes @ ((np.array(size) - 1) / 2 * spacing)
        return Geometry.from_box(size, spacing, origin.tolist(), axes)
