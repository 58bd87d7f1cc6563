"""The grid of an image in the patient: a plane, and one position per slice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import GeometryError, IrregularGeometryError
from slicewise.image.coordinates import Coordinates

__all__ = ["REGULAR_TOLERANCE", "Geometry"]

FloatArray = npt.NDArray[np.float64]

REGULAR_TOLERANCE = 0.05
"""How far a slice may lie from its place in a box, as a fraction of the slice spacing.

Scanners write rounded positions: a whole-body PET at 3.27 mm comes with steps of 3.19 to 3.29 mm.
"""

_ORTHOGONAL_TOLERANCE = 1e-3


def _vector(value: npt.ArrayLike) -> FloatArray:
    array = np.array(value, dtype=np.float64)
    if array.shape != (3,) or not np.isfinite(array).all():
        raise GeometryError(f"a direction must be three finite numbers (got {value!r})")
    array.flags.writeable = False
    return array


def _unit_vector(value: npt.ArrayLike) -> FloatArray:
    array = np.array(_vector(value))
    length = float(np.linalg.norm(array))
    if length == 0:
        raise GeometryError("a direction must not be of length zero (got 0, 0, 0)")
    # One of length 1 stays as it is, to the last bit: a direction that is read back is the one that was written.
    if abs(length - 1) > 8 * np.finfo(np.float64).eps:
        array = array / length
    array.flags.writeable = False
    return array


def _positions(value: npt.ArrayLike) -> FloatArray:
    array = np.array(value, dtype=np.float64)
    if array.ndim != 2 or array.shape[1:] != (3,) or len(array) == 0:
        raise GeometryError(
            f"positions must be an array of shape (slices, 3) with at least one slice (got shape {array.shape})"
        )
    if not np.isfinite(array).all():
        raise GeometryError("positions must be finite numbers")
    array.flags.writeable = False
    return array


def _spacing_pair(value: Sequence[float]) -> tuple[float, float]:
    pair = tuple(float(v) for v in value)
    if len(pair) != 2 or not all(np.isfinite(v) and v > 0 for v in pair):
        raise GeometryError(f"pixel spacing must be two positive numbers in mm, row then column (got {value!r})")
    return (pair[0], pair[1])


@attrs.frozen(eq=False, repr=False)
class Geometry:
    """Grid of an image: a plane, repeated at one position per slice.

    This is what DICOM states (PS3.3, C.7.6.2 Image Plane) and more than ITK can: gantry tilt (each
    slice shifted within its plane) and uneven spacing are represented as they are. Points are in
    mm in the patient frame, LPS. Indices of points are in x, y, z order as in ITK: column, row, slice.

    Parameters
    ----------
    rows, columns : int
        Size of a slice in pixels.
    row_direction : (3,) array-like
        Direction in which the column index grows (first half of Image Orientation (Patient)).
    column_direction : (3,) array-like
        Direction in which the row index grows (second half of Image Orientation (Patient)).
    pixel_spacing : (2,) sequence of float
        Distance in mm between rows, then between columns, as DICOM's Pixel Spacing.
    positions : (slices, 3) array-like
        Centre of the first pixel of each slice, in mm, LPS, in slice order.
    single_slice_spacing : float
        Spacing in mm to state for a stack of one slice, where positions say nothing.
    tolerance : float
        How far slices may lie from an even box, as a fraction of the slice spacing, and the stack
        still counts as regular.
    coordinates : Coordinates
        What the coordinates are of: the patient, or an image that has no place in the patient, with or
        without a known size of its pixels. Then axes are those of the image: columns, rows, slices.

    Raises
    ------
    GeometryError
        If directions are not orthogonal, or a size, spacing or position is not usable.
    """

    rows: int
    columns: int
    row_direction: FloatArray = attrs.field(converter=_unit_vector)
    column_direction: FloatArray = attrs.field(converter=_unit_vector)
    pixel_spacing: tuple[float, float] = attrs.field(converter=_spacing_pair)
    positions: FloatArray = attrs.field(converter=_positions)
    single_slice_spacing: float = 1.0
    tolerance: float = REGULAR_TOLERANCE
    coordinates: Coordinates = Coordinates.PATIENT

    def __attrs_post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise GeometryError(f"rows and columns must be positive (got {self.rows} x {self.columns})")
        cosine = float(self.row_direction @ self.column_direction)
        if abs(cosine) > _ORTHOGONAL_TOLERANCE:
            raise GeometryError(
                "row and column direction must be orthogonal "
                f"(got {_text(self.row_direction)} and {_text(self.column_direction)}, cosine {cosine:.4g}, "
                f"tolerance {_ORTHOGONAL_TOLERANCE:g})"
            )

    @classmethod
    def from_box(
        cls,
        size: Sequence[int],
        spacing: Sequence[float] = (1.0, 1.0, 1.0),
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        direction: npt.ArrayLike | None = None,
    ) -> Geometry:
        """Return the geometry of an ITK image.

        Parameters
        ----------
        size : (3,) sequence of int
            Columns, rows, slices.
        spacing : (3,) sequence of float
            In x, y, z order, mm.
        origin : (3,) sequence of float
            Centre of the first voxel, mm, LPS.
        direction : (3, 3) or (9,) array-like, optional
            Directions of the x, y and z index as columns, as in ITK. Identity if not given.
        """
        matrix = np.eye(3) if direction is None else np.asarray(direction, dtype=np.float64).reshape(3, 3)
        columns, rows, slices = (int(n) for n in size)
        steps = np.arange(slices)[:, np.newaxis] * (matrix[:, 2] * spacing[2])
        return cls(
            rows=rows,
            columns=columns,
            row_direction=matrix[:, 0],
            column_direction=matrix[:, 1],
            pixel_spacing=(spacing[1], spacing[0]),
            positions=np.asarray(origin, dtype=np.float64) + steps,
            single_slice_spacing=float(spacing[2]),
        )

    @property
    def is_in_patient(self) -> bool:
        """Whether the image has a place in the patient; if not, its coordinates mean nothing outside of it."""
        return self.coordinates is Coordinates.PATIENT

    @property
    def slices(self) -> int:
        """Number of slices."""
        return len(self.positions)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns, as numpy indexes the array."""
        return (self.slices, self.rows, self.columns)

    @property
    def size(self) -> tuple[int, int, int]:
        """Columns, rows, slices, as ITK gives the size."""
        return (self.columns, self.rows, self.slices)

    @property
    def origin(self) -> tuple[float, float, float]:
        """Centre of the first voxel in mm, LPS."""
        x, y, z = (float(v) for v in self.positions[0])
        return (x, y, z)

    @property
    def normal(self) -> FloatArray:
        """Normal of the plane: row direction cross column direction."""
        # By hand: numpy takes many times as long for three numbers.
        (a, b, c), (d, e, f) = self.row_direction.tolist(), self.column_direction.tolist()
        normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])
        return np.asarray(normal / math.sqrt(normal @ normal), dtype=np.float64)

    @property
    def distances(self) -> FloatArray:
        """Position of each slice along the normal in mm, relative to the first."""
        return np.asarray((self.positions - self.positions[0]) @ self.normal, dtype=np.float64)

    @property
    def mean_step(self) -> FloatArray:
        """Mean vector in mm from one slice to the next; along the normal for a single slice."""
        if self.slices == 1:
            return np.asarray(self.normal * self.single_slice_spacing, dtype=np.float64)
        return np.asarray((self.positions[-1] - self.positions[0]) / (self.slices - 1), dtype=np.float64)

    @property
    def slice_spacing(self) -> float:
        """Mean distance in mm between slices along the normal, also where they are not even."""
        return abs(float(self.mean_step @ self.normal))

    @property
    def unevenness(self) -> float:
        """Largest distance in mm of a slice from its place among evenly spaced slices."""
        even = self.positions[0] + np.arange(self.slices)[:, np.newaxis] * self.mean_step
        return float(np.abs((self.positions - even) @ self.normal).max())

    @property
    def drift(self) -> float:
        """Largest distance in mm, within the plane, of a slice's first pixel from the first slice's."""
        offsets = self.positions - self.positions[0]
        in_plane = np.stack([offsets @ self.row_direction, offsets @ self.column_direction])
        return float(np.hypot(in_plane[0], in_plane[1]).max())

    @property
    def is_even(self) -> bool:
        """Whether slices are evenly spaced along the normal, within the tolerance."""
        spacing = self.slice_spacing
        return spacing > 0 and self.unevenness <= self.tolerance * spacing

    @property
    def is_sheared(self) -> bool:
        """Whether slices are shifted within their planes, as under gantry tilt."""
        return self.drift > self.tolerance * max(self.slice_spacing, 1e-9)

    @property
    def is_regular(self) -> bool:
        """Whether the stack is a box: evenly spaced and not sheared, within the tolerance."""
        return self.is_even and not self.is_sheared

    @property
    def tilt(self) -> float:
        """Angle in degrees between the stacking direction and the normal of the slices."""
        step = self.mean_step
        along = abs(float(step @ self.normal))
        across = float(np.linalg.norm(step - (step @ self.normal) * self.normal))
        return float(np.degrees(np.arctan2(across, along)))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Spacing in x, y, z order in mm.

        Raises
        ------
        IrregularGeometryError
            If slices are not evenly spaced: then there is no one spacing.
        """
        if not self.is_even:
            raise IrregularGeometryError(self._explain_irregular("one spacing"))
        return (self.pixel_spacing[1], self.pixel_spacing[0], self.slice_spacing)

    @property
    def direction(self) -> FloatArray:
        """Directions of the x, y and z index as the columns of a (3, 3) array, LPS, as in ITK.

        Raises
        ------
        IrregularGeometryError
            If the stack is sheared or unevenly spaced, and so no box.
        """
        if not self.is_regular:
            raise IrregularGeometryError(self._explain_irregular("an ITK direction"))
        sign = 1.0 if float(self.mean_step @ self.normal) >= 0 else -1.0
        return np.column_stack([self.row_direction, self.column_direction, sign * self.normal])

    @property
    def affine(self) -> FloatArray:
        """Matrix (4, 4) from the index (x, y, z) to the point in mm, LPS.

        Sheared stacks have one; unevenly spaced ones do not.

        Raises
        ------
        IrregularGeometryError
            If slices are not evenly spaced.
        """
        if not self.is_even:
            raise IrregularGeometryError(self._explain_irregular("an affine matrix"))
        matrix = np.eye(4)
        matrix[:3, 0] = self.row_direction * self.pixel_spacing[1]
        matrix[:3, 1] = self.column_direction * self.pixel_spacing[0]
        matrix[:3, 2] = self.mean_step
        matrix[:3, 3] = self.positions[0]
        return matrix

    def index_to_point(self, index: Sequence[float]) -> FloatArray:
        """Return the point in mm, LPS, at a continuous index (x, y, z).

        Between slices positions are interpolated, beyond the first and last extrapolated.
        """
        x, y, z = (float(v) for v in index)
        low = int(np.clip(np.floor(z), 0, max(self.slices - 2, 0)))
        step = self.mean_step if self.slices == 1 else self.positions[low + 1] - self.positions[low]
        position = self.positions[low] + (z - low) * step
        in_plane = x * self.pixel_spacing[1] * self.row_direction + y * self.pixel_spacing[0] * self.column_direction
        return np.asarray(position + in_plane, dtype=np.float64)

    def point_to_index(self, point: Sequence[float]) -> FloatArray:
        """Return the continuous index (x, y, z) at a point in mm, LPS."""
        target = np.asarray(point, dtype=np.float64)
        z = self._slice_index(float((target - self.positions[0]) @ self.normal))
        offset = target - self.index_to_point((0.0, 0.0, z))
        # Directions of headers are rounded, and so not quite orthogonal.
        plane = np.stack([self.row_direction, self.column_direction])
        along = np.linalg.solve(plane @ plane.T, plane @ offset)
        return np.array([along[0] / self.pixel_spacing[1], along[1] / self.pixel_spacing[0], z])

    def _slice_index(self, distance: float) -> float:
        distances = self.distances
        if self.slices == 1:
            return distance / self.single_slice_spacing
        if distances[-1] < 0:
            distances, distance = -distances, -distance
        low = int(np.clip(np.searchsorted(distances, distance, side="right") - 1, 0, self.slices - 2))
        gap = float(distances[low + 1] - distances[low])
        if gap <= 0:
            raise GeometryError(f"slices {low} and {low + 1} do not follow each other along the normal")
        return low + (distance - float(distances[low])) / gap

    def take(self, slices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> Geometry:
        """Return the geometry of the given slices, in that order."""
        indices = np.asarray(slices, dtype=np.intp)
        if len(indices) == 0:
            raise GeometryError("no slice is left: at least one is needed")
        hint = self.single_slice_spacing if self.slices == 1 else self.slice_spacing
        return attrs.evolve(self, positions=self.positions[indices], single_slice_spacing=hint)

    def crop_plane(self, rows: range, columns: range) -> Geometry:
        """Return the geometry of every slice cut to the given rows and columns.

        A range may have a step: 2 takes every other pixel, -1 flips the axis.
        """
        if len(rows) == 0 or len(columns) == 0:
            raise GeometryError("no pixel is left: at least one row and one column are needed")
        corner = (
            columns.start * self.pixel_spacing[1] * self.row_direction
            + rows.start * self.pixel_spacing[0] * self.column_direction
        )
        return attrs.evolve(
            self,
            rows=len(rows),
            columns=len(columns),
            row_direction=self.row_direction * np.sign(columns.step),
            column_direction=self.column_direction * np.sign(rows.step),
            pixel_spacing=(self.pixel_spacing[0] * abs(rows.step), self.pixel_spacing[1] * abs(columns.step)),
            positions=self.positions + corner,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Geometry):
            return NotImplemented
        return (
            (self.rows, self.columns, self.pixel_spacing) == (other.rows, other.columns, other.pixel_spacing)
            and self.coordinates is other.coordinates
            and np.array_equal(self.row_direction, other.row_direction)
            and np.array_equal(self.column_direction, other.column_direction)
            and np.array_equal(self.positions, other.positions)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.pixel_spacing, self.positions.tobytes()))

    def __repr__(self) -> str:
        size = " x ".join(str(n) for n in self.size)
        if not self.is_in_patient:
            unit = " of no known size" if self.coordinates is Coordinates.PIXELS else f" of {self._pixel_text} mm"
            return f"Geometry({size} pixels{unit}, no place in the patient)"
        spacing = f"{self._pixel_text} x {self.slice_spacing:g} mm"
        notes = []
        if self.is_sheared:
            notes.append(f"sheared by {self.tilt:.2f} deg")
        if not self.is_even:
            notes.append(f"uneven by up to {self.unevenness:.3g} mm")
        return f"Geometry({', '.join([size, spacing, f'origin {_text(self.positions[0])}', *notes])})"

    @property
    def _pixel_text(self) -> str:
        return f"{self.pixel_spacing[1]:g} x {self.pixel_spacing[0]:g}"

    def _explain_irregular(self, wanted: str) -> str:
        if not self.is_even:
            gaps = np.diff(self.distances)
            worst = int(np.argmax(np.abs(gaps - np.median(gaps)))) if len(gaps) else 0
            gap = abs(float(gaps[worst])) if len(gaps) else 0.0
            return (
                f"the stack does not have {wanted}: its slices are unevenly spaced (slices {worst} and {worst + 1} are "
                f"{gap:.4g} mm apart, the median is {abs(float(np.median(gaps))):.4g} mm, the "
                f"tolerance {self.tolerance:g} of the spacing). Take evenly spaced slices, or resample it"
            )
        return (
            f"the stack does not have {wanted}: it is sheared by {self.tilt:.2f} degrees, as under gantry tilt (slices "
            f"are shifted within their planes by up to {self.drift:.4g} mm, the tolerance is {self.tolerance:g} "
            "of the spacing). Its positions and affine are true, and filters that work within slices take it as it is; "
            "for a box, RectifyTilt() shifts each back within its plane, by what its position says"
        )


def _text(vector: FloatArray) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in vector) + ")"
