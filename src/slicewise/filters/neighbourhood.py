"""Filters that look at the neighbours of a voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.errors import IrregularGeometryError
from slicewise.filters.gaussians import convolve_plane, gaussian_kernel, weighted_sum
from slicewise.filters.medians import RADII, median
from slicewise.filters.parameters import integers, lengths
from slicewise.filters.simpleitk import apply_per_component, run_on_array, simpleitk
from slicewise.image import Geometry, ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["Gaussian", "Median"]

Kernels = tuple[npt.NDArray[np.float64], ...]

_radius = integers("radius")
_sigma = lengths("sigma", zero_allowed=True)


@node
class Median(Filter):
    """The median of the neighbourhood of each voxel, as ``MedianImageFilter`` of SimpleITK.

    Beyond the edges of the image the values at the edge are repeated. Values keep their type and
    their units. With a radius of (1, 1, 1) or (1, 1, 0) a NaN makes the medians NaN whose
    neighbourhood holds it; with other radii NaN gives what SimpleITK makes of it.

    Parameters
    ----------
    radius : int or (x, y, z) of int
        Voxels on each side; 1 is a neighbourhood of 3 x 3 x 3.

    Raises
    ------
    ParameterError
        If a radius is no integer or negative.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Median
    >>> smooth = Image.from_array(np.eye(3)[np.newaxis]) >> Median(1)
    >>> smooth.update(progress=False).array
    array([[[1., 0., 0.],
            [0., 0., 0.],
            [0., 0., 1.]]])
    """

    radius: int | Sequence[int] = attrs.field(default=1, converter=_radius)

    @property
    def effect(self) -> Effect:
        """Smoothed values in the same units."""
        return Effect(Operation.PIXEL, derivation=(codes.SMOOTHING,))

    def halo(self, info: ImageInfo) -> int:
        """Return the radius along z."""
        return int(_radius(self.radius)[2])

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the medians of a slab."""
        (block,) = blocks
        radius = _radius(self.radius)
        if radius == (0, 0, 0):
            return block.inner(slab)
        start = slab.start - block.slab.start
        if radius in RADII:
            return median(block.array, range(start, start + len(slab)), through_plane=radius[2] > 0)
        return apply_per_component(lambda array: _itk_median(array, radius), block.array)[start : start + len(slab)]


def _itk_median(array: Array, radius: Sequence[int]) -> Array:
    image_filter = simpleitk().MedianImageFilter()
    image_filter.SetRadius(radius)
    return run_on_array(image_filter, array).view(array.dtype)


@node
class Gaussian(Filter):
    """Gaussian smoothing, by the discrete kernel of ITK's ``DiscreteGaussianImageFilter``.

    The kernel is cut where 0.1 % of its area is left (``maximum_error=0.001``; there is no limit to its width).
    Beyond the edges of the image the values at the edge are repeated. The result is float32, of float64 it is
    float64. Units are kept.

    Parameters
    ----------
    sigma : float or (x, y, z) of float
        Standard deviation in mm; 0 leaves an axis as it is.

    Raises
    ------
    ParameterError
        If a sigma is no number or negative.
    IrregularGeometryError
        If sigma is not 0 through slices that are unevenly spaced, or sheared as under gantry tilt.
    """

    sigma: float | Sequence[float] = attrs.field(converter=_sigma)

    @property
    def effect(self) -> Effect:
        """Smoothed values in the same units."""
        return Effect(Operation.PIXEL, derivation=(codes.GAUSSIAN,))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and a floating-point type."""
        (info,) = inputs
        self._kernels(info.geometry)
        return Outline.like(info, dtype=_smooth_type(info.dtype))

    def halo(self, info: ImageInfo) -> int:
        """Return the radius of the kernel along z."""
        return len(self._kernels(info.geometry)[2]) - 1

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the smoothed slab."""
        (block,) = blocks
        x, y, z = self._kernels(block.info.geometry)
        result = np.empty((len(slab), *block.array.shape[1:]), _smooth_type(block.array.dtype))
        reach = np.arange(1 - len(z), len(z))
        for plane, index in zip(result, slab, strict=True):
            under = np.clip(index + reach, 0, block.info.geometry.slices - 1) - block.slab.start
            weighted_sum([block.array[i] for i in under], z, plane)
            plane[...] = convolve_plane(plane, (y, x))
        return result

    def _kernels(self, geometry: Geometry) -> Kernels:
        x, y, z = _sigma(self.sigma)
        if z and not geometry.is_regular:
            raise IrregularGeometryError(
                f"'sigma' must be 0 through the slices here (got {z:g} mm): {_irregularity(geometry)}. Use "
                f"sigma=({x:g}, {y:g}, 0) to smooth within the slices, or make the stack a box first"
            )
        rows, columns = geometry.pixel_spacing
        spacings: tuple[Any, ...] = (columns, rows, geometry.slice_spacing)
        return tuple(gaussian_kernel(s / spacing if s else 0.0) for s, spacing in zip((x, y, z), spacings, strict=True))


def _smooth_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _irregularity(geometry: Geometry) -> str:
    if geometry.is_even:
        return f"the stack is sheared by {geometry.tilt:.2f} degrees, as under gantry tilt"
    gaps = np.abs(np.diff(geometry.distances))
    return f"the slices are unevenly spaced, {gaps.min():.4g} to {gaps.max():.4g} mm apart"
