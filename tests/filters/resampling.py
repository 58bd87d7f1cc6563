"""Stacks that are no boxes, and SimpleITK's answer to Resample."""

from __future__ import annotations

import attrs
import numpy as np
import SimpleITK as sitk
from slabs import random_array

from slicewise.image import Geometry, Image

INTERPOLATORS = {
    "linear": sitk.sitkLinear,
    "nearest": sitk.sitkNearestNeighbor,
    "bspline": sitk.sitkBSpline,
}


def rotation(degrees: float, axis: int = 2) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.roll(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), axis + 1, (0, 1))


def itk_resample(source: Image, grid: Geometry, interpolator: str, fill: float = 0) -> np.ndarray:
    """Return SimpleITK's values on a grid, in double precision."""
    resampled = sitk.Resample(
        sitk.Cast(source.to_sitk(), sitk.sitkFloat64),
        grid.size,
        sitk.Transform(),
        INTERPOLATORS[interpolator],
        grid.origin,
        grid.spacing,
        grid.direction.ravel().tolist(),
        fill,
        sitk.sitkFloat64,
    )
    return sitk.GetArrayFromImage(resampled)


def assert_values(result: np.ndarray, expected: np.ndarray) -> None:
    if result.dtype.kind == "f":
        np.testing.assert_allclose(result, expected, rtol=2e-6, atol=2e-6 * np.abs(expected).max())
    else:
        # Rounded to nearest, with a little room where SimpleITK lies on the fence.
        assert np.abs(result - expected).max() <= 0.5 + 5e-3


def uneven_stack(heights: list[float]) -> Image:
    """Return a stack whose values are its heights in mm, times ten."""
    positions = np.array([[3.0, 4.0, h] for h in heights])
    geometry = attrs.evolve(Geometry.from_box((4, 3, len(heights))), positions=positions)
    array = np.broadcast_to(10 * np.array(heights)[:, None, None], geometry.shape).astype("float64")
    return Image.from_array(array, geometry=geometry)


def sheared_stack() -> Image:
    positions = [[0.0, 0.6 * k, 2.0 * k] for k in range(5)]
    geometry = attrs.evolve(Geometry.from_box((7, 6, 5), (1.0, 1.0, 2.0)), positions=positions)
    return Image.from_array(random_array((5, 6, 7), "int16"), geometry=geometry)
