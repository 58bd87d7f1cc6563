"""Transforms of points: what Resample takes, in one form."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from slicewise.errors import GeometryError, ParameterError, ReadError
from slicewise.filters.registration import Registration
from slicewise.filters.simpleitk import simpleitk
from slicewise.image import Geometry
from slicewise.pipeline.keys import content_key

__all__ = ["Motion", "as_transform"]

FloatArray = npt.NDArray[np.float64]


@attrs.frozen(eq=False, repr=False)
class Motion:
    """A transform from points of the result to points of the image, in mm, LPS: the direction of ITK.

    Parameters
    ----------
    itk : SimpleITK.Transform
        The transform; never changed.
    matrix : (4, 4) array or None
        The same as a matrix; None if it is not linear.
    digest : str
        What tells it from every other.
    """

    itk: Any
    matrix: FloatArray | None
    digest: str

    @classmethod
    def of_itk(cls, transform: Any) -> Motion:
        """Return a transform of SimpleITK."""
        if transform.GetDimension() != 3:
            raise ParameterError(f"'transform' must be of 3 dimensions (got one of {transform.GetDimension()})")
        # A copy, as what it is: of a general one SimpleITK does not tell the parts.
        transform = simpleitk().Transform(transform).Downcast()
        parts = [
            (t.GetName(), np.array(t.GetParameters()), np.array(t.GetFixedParameters())) for t in _parts(transform)
        ]
        matrix = None
        if transform.IsLinear():
            origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
            columns = [np.array(transform.TransformPoint(tuple(row))) - origin for row in np.eye(3)]
            matrix = np.eye(4)
            matrix[:3] = np.column_stack([*columns, origin])
        return cls(transform, matrix, content_key(parts))

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike) -> Motion:
        """Return the transform of a 4x4 matrix.

        Raises
        ------
        ParameterError
            If it is no affine matrix that can be inverted.
        """
        try:
            values = np.array(matrix, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.empty(0)
        is_affine = values.shape == (4, 4) and np.isfinite(values).all() and np.array_equal(values[3], [0, 0, 0, 1])
        if not is_affine or abs(np.linalg.det(values[:3, :3])) < 1e-12:
            raise ParameterError(
                "'transform' must be a SimpleITK transform, a 4x4 matrix with the last row 0, 0, 0, 1 that can be "
                f"inverted, the path of a transform file, or a DICOM Spatial Registration (got {matrix!r:.200})"
            )
        transform = simpleitk().AffineTransform(3)
        transform.SetMatrix(values[:3, :3].ravel().tolist())
        transform.SetTranslation(values[:3, 3].tolist())
        return cls(transform, values, content_key(values))

    def points(self, points: FloatArray) -> FloatArray:
        """Return where points (n, 3) go."""
        if self.matrix is not None:
            return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])
        return np.array([self.itk.TransformPoint(tuple(p)) for p in points.tolist()])

    def of_geometry(self, geometry: Geometry) -> Geometry | None:
        """Return where a grid goes; None where its axes do not stay straight and at right angles."""
        if self.matrix is None:
            return None
        row, column = (self.matrix[:3, :3] @ d for d in (geometry.row_direction, geometry.column_direction))
        lengths = [float(np.linalg.norm(v)) for v in (row, column)]
        if abs(float(row @ column)) > 1e-9 * lengths[0] * lengths[1]:
            return None
        moved = attrs.evolve(
            geometry,
            row_direction=row,
            column_direction=column,
            pixel_spacing=(geometry.pixel_spacing[0] * lengths[1], geometry.pixel_spacing[1] * lengths[0]),
            positions=self.points(geometry.positions),
        )
        if moved.slices == 1:
            step = self.matrix[:3, :3] @ geometry.mean_step
            moved = attrs.evolve(moved, single_slice_spacing=abs(float(step @ moved.normal)))
        return None if moved.is_sheared else moved

    def __repr__(self) -> str:
        if self.matrix is None:
            return f"<{self.itk.GetName()} {self.digest[:8]}>"
        rows = ", ".join("[" + ", ".join(f"{v:.6g}" for v in row) + "]" for row in self.matrix[:3])
        return f"[{rows}]"


def _parts(transform: Any) -> Iterator[Any]:
    if transform.GetName() != "CompositeTransform":
        yield transform
        return
    for k in range(transform.GetNumberOfTransforms()):
        yield from _parts(transform.GetNthTransform(k).Downcast())


def as_transform(value: Any) -> Motion | Registration:
    """Return a transform in one form; files are read at once.

    Raises
    ------
    ParameterError
        If the value is no transform.
    ReadError
        If it is a path, and there is no transform in the file.
    HeaderError
        If it is a DICOM object that holds no matrices.
    """
    if isinstance(value, Motion | Registration):
        return value
    if isinstance(value, Dataset):
        return Registration.of_dataset(value)
    if isinstance(value, str | os.PathLike):
        return _read(Path(value))
    if isinstance(value, simpleitk().Transform):
        return Motion.of_itk(value)
    return Motion.of_matrix(value)


def _read(path: Path) -> Motion | Registration:
    try:
        with path.open("rb") as file:
            is_dicom = file.read(132)[128:] == b"DICM"
        if is_dicom:
            return Registration.of_dataset(pydicom.dcmread(path))
        return Motion.of_itk(simpleitk().ReadTransform(str(path)))
    except (OSError, RuntimeError, GeometryError) as error:
        last = str(error).strip().splitlines()[-1:]
        raise ReadError(f"{path}: no transform could be read: {' '.join(last)}") from error
