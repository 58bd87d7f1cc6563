"""Images of SimpleITK and itk, to and from an array and a geometry."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from slicewise.errors import GeometryError
from slicewise.image.extras import optional_module
from slicewise.image.geometry import Geometry

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["from_itk", "from_sitk", "pixels_of", "stack_to_sitk", "to_itk", "to_sitk"]


def to_sitk(array: npt.NDArray[Any], geometry: Geometry) -> sitk.Image:
    """Return a SimpleITK image of an array (slices, rows, columns[, components]) on a grid.

    SimpleITK owns its memory, so pixels are copied, once.

    Raises
    ------
    IrregularGeometryError
        If the stack is sheared or unevenly spaced.
    """
    direction = geometry.direction
    library = importlib.import_module("SimpleITK")
    image: sitk.Image = library.GetImageFromArray(_plain(array), isVector=array.ndim == 4)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(tuple(float(v) for v in direction.ravel()))
    return image


def stack_to_sitk(array: npt.NDArray[Any], geometry: Geometry, step: float, start: float) -> sitk.Image:
    """Return a 4-D SimpleITK image of an array (volumes, slices, rows, columns[, components]) on a grid.

    Parameters
    ----------
    array : numpy array
        The values; copied, once.
    geometry : Geometry
        Grid of each volume.
    step, start : float
        Spacing and origin of the fourth axis.

    Raises
    ------
    IrregularGeometryError
        If the volumes are sheared or unevenly spaced.
    """
    direction = np.eye(4)
    direction[:3, :3] = geometry.direction
    library = importlib.import_module("SimpleITK")
    image: sitk.Image = library.GetImageFromArray(_plain(array), isVector=array.ndim == 5)
    image.SetSpacing((*geometry.spacing, step))
    image.SetOrigin((*geometry.origin, start))
    image.SetDirection(tuple(float(v) for v in direction.ravel()))
    return image


def from_sitk(image: sitk.Image) -> tuple[npt.NDArray[Any], Geometry]:
    """Return a read-only view of a SimpleITK image's pixels and its geometry.

    Raises
    ------
    GeometryError
        If it is neither 3-D nor 2-D.
    """
    sitk = importlib.import_module("SimpleITK")
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    if image.GetDimension() != 3:
        raise GeometryError(f"a SimpleITK image must have 2 or 3 dimensions (got {image.GetDimension()})")
    geometry = Geometry.from_box(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return pixels_of(image), geometry


class _Pixels:
    """The memory of an array view, with what keeps it alive: views of SimpleITK and itk do not all do so."""

    def __init__(self, view: npt.NDArray[Any], owner: Any) -> None:
        self.__array_interface__ = view.__array_interface__
        self.owner = owner


def pixels_of(image: sitk.Image) -> npt.NDArray[Any]:
    """Return a read-only array (slices, rows, columns[, components]) over the memory of a SimpleITK image.

    What is held is a copy of the image that shares the memory until one of the two is written to, so
    that the pixels also stay as they are.
    """
    library = importlib.import_module("SimpleITK")
    return np.asarray(_Pixels(library.GetArrayViewFromImage(image), library.Image(image)))


def to_itk(array: npt.NDArray[Any], geometry: Geometry) -> Any:
    """Return an itk image over the memory of an array, on a grid.

    Raises
    ------
    IrregularGeometryError
        If the stack is sheared or unevenly spaced.
    MissingExtraError
        If itk is not installed.
    """
    direction = geometry.direction
    itk = _itk()
    # itk's view asks for writeable memory and then only reads it.
    image = itk.image_view_from_array(np.ascontiguousarray(_plain(array)), is_vector=array.ndim == 4)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(direction)))
    return image


def from_itk(image: Any) -> tuple[npt.NDArray[Any], Geometry]:
    """Return a view of an itk image's pixels and its geometry.

    Raises
    ------
    MissingExtraError
        If itk is not installed.
    GeometryError
        If it is not 3-D.
    """
    itk = _itk()
    if image.GetImageDimension() != 3:
        raise GeometryError(f"an itk image must have 3 dimensions (got {image.GetImageDimension()})")
    view = np.asarray(_Pixels(itk.array_view_from_image(image), image))
    direction = itk.array_from_matrix(image.GetDirection())
    size = tuple(int(n) for n in itk.size(image))
    return view, Geometry.from_box(size, tuple(image.GetSpacing()), tuple(image.GetOrigin()), direction)


def _itk() -> Any:
    return optional_module("itk", "itk", "an itk image")


def _plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array
