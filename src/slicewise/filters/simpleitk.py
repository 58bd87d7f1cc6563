"""SimpleITK's filters applied to arrays. SimpleITK is imported on first use: it takes a quarter of a second."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.filters.pixels import real_type, to_type
from slicewise.image import Geometry
from slicewise.image.bridges import pixels_of, to_sitk
from slicewise.pipeline.threads import allowed_threads
from slicewise.pipeline.watching import Caught, interrupts_kept, tell_share

__all__ = [
    "KINDS",
    "LABEL_KINDS",
    "apply_per_component",
    "image_of",
    "resample_onto",
    "run_on_array",
    "simpleitk",
    "watched_filter",
]

Array = npt.NDArray[Any]

KINDS = {
    "linear": "sitkLinear",
    "nearest": "sitkNearestNeighbor",
    "lanczos": "sitkLanczosWindowedSinc",
    "bspline": "sitkBSpline",
    **{f"bspline{order}": f"sitkBSpline{order}" for order in range(1, 6)},
    "gaussian": "sitkGaussian",
    "cosine": "sitkCosineWindowedSinc",
    "hamming": "sitkHammingWindowedSinc",
    "welch": "sitkWelchWindowedSinc",
    "blackman": "sitkBlackmanWindowedSinc",
    "label_gaussian": "sitkLabelGaussian",
}
"""Interpolators by name, and what SimpleITK calls them."""

LABEL_KINDS = ("nearest", "label_gaussian")
"""Interpolators that give none but values of the image."""


def simpleitk() -> Any:
    """Return the module SimpleITK."""
    return importlib.import_module("SimpleITK")


def limit_threads(image_filter: Any, number: int | None = None) -> None:
    """Let a filter use no more threads than it may.

    Parameters
    ----------
    image_filter : SimpleITK.ProcessObject
        The filter.
    number : int, optional
        How many; as many as the run allows if not given.
    """
    allowed = allowed_threads() if number is None else number
    image_filter.SetNumberOfThreads(allowed)
    if allowed < (os.cpu_count() or 1):
        # The pool of ITK has a thread for each core whatever is set, and uses as many as there are units of work.
        image_filter.SetNumberOfWorkUnits(allowed)


@contextmanager
def watched_filter(image_filter: Any) -> Iterator[None]:
    """Tell how far a filter is that runs in the block, and abort it if the run is to stop.

    SimpleITK calls in the thread that executes the filter. What is raised there, also by Ctrl-C, it would only print.
    """
    caught = Caught()
    with interrupts_kept() as let_through:

        def look() -> None:
            with caught:
                let_through()
                tell_share(image_filter.GetProgress())
            if caught.error is not None:
                image_filter.Abort()

        image_filter.AddCommand(simpleitk().sitkProgressEvent, look)
        try:
            yield
        except RuntimeError:
            # That of a filter that was aborted says nothing.
            if caught.error is None:
                raise
        finally:
            image_filter.RemoveAllCommands()
    if caught.error is not None:
        raise caught.error


def image_of(array: Array, geometry: Geometry | None = None) -> Any:
    """Return a SimpleITK image of an array; without a geometry, of unit spacing.

    Masks become images of bytes.

    Raises
    ------
    IrregularGeometryError
        If the stack is no box.
    """
    if geometry is not None:
        return to_sitk(array, geometry)
    plain = array.view(np.uint8) if array.dtype == np.bool_ else array
    return simpleitk().GetImageFromArray(plain, isVector=array.ndim == 4)


def run_on_array(image_filter: Any, array: Array, geometry: Geometry | None = None) -> Array:
    """Return what a filter of SimpleITK makes of an array, read-only."""
    limit_threads(image_filter)
    return pixels_of(image_filter.Execute(image_of(array, geometry)))


def resample_onto(
    array: Array, source: Geometry, target: Geometry, interpolator: str, fill: float, *, transform: Any = None
) -> Array:
    """Return an image interpolated on another grid, in its own type.

    Parameters
    ----------
    array : array of shape (slices, rows, columns[, components])
        The whole image.
    source, target : Geometry
        Its grid and the grid wanted, both boxes.
    interpolator : str
        A name of ``KINDS``.
    fill : number
        The value outside the image.
    transform : SimpleITK.Transform, optional
        From points of the target to points of the source.

    Raises
    ------
    IrregularGeometryError
        If a grid is no box.
    """
    sitk = simpleitk()
    image_filter = sitk.ResampleImageFilter()
    image_filter.SetSize(target.size)
    image_filter.SetOutputSpacing(target.spacing)
    image_filter.SetOutputOrigin(target.origin)
    image_filter.SetOutputDirection(target.direction.ravel().tolist())
    image_filter.SetInterpolator(getattr(sitk, KINDS[interpolator]))
    if transform is not None:
        image_filter.SetTransform(transform)
    image_filter.SetDefaultPixelValue(fill)
    if interpolator not in LABEL_KINDS:
        # SimpleITK cuts decimals off when it makes integers of them; here they are rounded.
        double = real_type(array.dtype) == np.float64
        image_filter.SetOutputPixelType(sitk.sitkFloat64 if double else sitk.sitkFloat32)

    def resampled(values: Array) -> Array:
        view = run_on_array(image_filter, values, source)
        result = np.empty(view.shape, array.dtype)
        for plane, found in zip(result, view, strict=True):
            plane[...] = to_type(found, array.dtype)
        return result

    return apply_per_component(resampled, array)


def apply_per_component(function: Callable[[Array], Array], array: Array) -> Array:
    """Apply a function of (slices, rows, columns) to each component of an array."""
    if array.ndim == 3:
        return function(array)
    return np.stack([function(array[..., c]) for c in range(array.shape[3])], axis=-1)
