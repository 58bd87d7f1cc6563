"""Contours of a region on the slices of a grid, as polygons of continuous indices."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import SpaceMismatchError
from slicewise.image import Geometry

__all__ = ["Polygons", "polygons_of"]

Points = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Polygons:
    """Polygons of a region.

    Parameters
    ----------
    of_slices : dict of int to list of array
        For each slice that has some its polygons: corners (column, row).
    beyond : float
        How far they reach beyond the edges of the outermost pixels, in mm.
    """

    of_slices: dict[int, list[Points]]
    beyond: float

    def get(self, k: int) -> list[Points]:
        """Return the polygons of a slice; none where there are none."""
        return self.of_slices.get(k, [])


def polygons_of(contours: Sequence[Points], geometry: Geometry, tolerance: float) -> Polygons:
    """Return closed contours as polygons on the slices that they lie in.

    Parameters
    ----------
    contours : sequence of array of shape (points, 3)
        Corners in mm, LPS.
    geometry : Geometry
        The grid.
    tolerance : float
        How far a corner may lie from the plane of the nearest slice, as a fraction of the slice spacing.

    Raises
    ------
    SpaceMismatchError
        If a contour lies in no slice, or crosses them; the message says by how much.
    """
    if not geometry.is_in_patient:
        raise SpaceMismatchError("contours have places in the patient and the source has none")
    found: dict[int, list[Points]] = {}
    beyond = 0.0
    along = geometry.positions @ geometry.normal
    axes = np.stack([geometry.row_direction, geometry.column_direction])
    inverse = np.linalg.inv(axes @ axes.T) @ axes
    spacing = np.array(geometry.pixel_spacing[::-1])
    last = np.array([geometry.columns, geometry.rows]) - 0.5
    for n, contour in enumerate(contours):
        heights = contour @ geometry.normal
        k = int(np.abs(along - heights.mean()).argmin())
        apart = float(np.abs(heights - along[k]).max())
        if apart > tolerance * geometry.slice_spacing:
            height, limit = float(np.ptp(heights)), tolerance * geometry.slice_spacing
            wanted = f"(tolerance {tolerance:g} of the slice spacing, {geometry.slice_spacing:.4g} mm)"
            raise _crossing(n, height, wanted) if height > limit else _between(n, k, apart, wanted)
        polygon = (contour - geometry.positions[k]) @ inverse.T / spacing
        over = np.maximum(np.maximum(-0.5 - polygon, polygon - last), 0) * spacing
        beyond = max(beyond, float(over.max()))
        found.setdefault(k, []).append(polygon)
    return Polygons(found, beyond)


def _crossing(n: int, height: float, wanted: str) -> SpaceMismatchError:
    return SpaceMismatchError(
        f"contour {n + 1} does not lie in the plane of the slices: its points are {height:.3g} mm apart along their "
        f"normal {wanted}. Was it drawn on these images?"
    )


def _between(n: int, k: int, apart: float, wanted: str) -> SpaceMismatchError:
    return SpaceMismatchError(
        f"contour {n + 1} lies in no slice of the source: {apart:.3g} mm from the nearest, slice {k} {wanted}. Give "
        "the images that it was drawn on; or a larger tolerance, and contours go to the nearest slice"
    )
