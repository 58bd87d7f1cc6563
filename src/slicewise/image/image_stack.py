"""Several volumes on one grid in memory: a 4-D image."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import GeometryError
from slicewise.image import bridges
from slicewise.image.axis import Coordinate, StackAxis
from slicewise.image.geometry import Geometry
from slicewise.image.headers import Headers, PerSlice
from slicewise.image.history import Source, Step
from slicewise.image.image import Image, ImageInfo
from slicewise.image.padding import Padding

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["ImageStack"]


@attrs.frozen(eq=False, repr=False)
class ImageStack:
    """Several volumes on one grid in memory, along an axis of their own: time, echoes, b-values.

    Parameters
    ----------
    array : numpy array of shape (volumes, slices, rows, columns) or (volumes, slices, rows, columns, components)
        The values; seen read-only from here on.
    info : ImageInfo
        Geometry, axis, headers, sources and history.

    Raises
    ------
    GeometryError
        If the shape or type of the array is not that of ``info``, or ``info`` is of one volume.
    """

    array: npt.NDArray[Any]
    info: ImageInfo
    token: str = attrs.field(init=False, factory=lambda: uuid.uuid4().hex)
    """What tells this stack from every other."""

    def __attrs_post_init__(self) -> None:
        if self.info.axis is None:
            raise GeometryError("a stack has an axis: one volume is an Image")
        if self.array.shape != self.info.shape or self.array.dtype != self.info.dtype:
            raise GeometryError(
                f"the array must be of shape {self.info.shape} and type {self.info.dtype} "
                f"(got {self.array.shape} and {self.array.dtype})"
            )
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @cached_property
    def volumes(self) -> tuple[Image, ...]:
        """The volumes, each with its headers; their arrays are views of this one."""
        return tuple(Image(array, info) for array, info in zip(self.array, self.info.volumes, strict=True))

    @property
    def axis(self) -> str:
        """Name of what the volumes are stacked along."""
        return self._axis.name

    @property
    def coordinates(self) -> tuple[Coordinate, ...] | None:
        """Where each volume stands on the axis; None if that is not known."""
        return self._axis.coordinates

    @property
    def unit(self) -> str | None:
        """Unit of the coordinates, if there is one."""
        return self._axis.unit

    @property
    def _axis(self) -> StackAxis:
        axis = self.info.axis
        if axis is None:
            raise GeometryError("a stack has an axis: one volume is an Image")
        return axis

    @property
    def geometry(self) -> Geometry:
        """The grid of each volume."""
        return self.info.geometry

    @property
    def headers(self) -> Headers:
        """One header per slice, volume after volume; those of one are ``volumes[k].headers``."""
        return self.info.headers

    @property
    def padding(self) -> Padding | PerSlice | None:
        """What marks pixels that were never imaged: for all slices, or one for each, volume after volume."""
        return self.info.padding

    @property
    def sources(self) -> tuple[tuple[Source, ...], ...]:
        """For each slice, volume after volume, the instances it comes from."""
        return self.info.sources

    @property
    def history(self) -> tuple[Step, ...]:
        """What was done so far, oldest first."""
        return self.info.history

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.info.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array: volumes, slices, rows, columns, and components if there are several."""
        return self.info.shape

    def to_sitk(self) -> sitk.Image:
        """Return a 4-D SimpleITK image; pixels are copied once, as SimpleITK demands.

        Its fourth axis has the step between the coordinates as spacing and the first of them as origin, where they
        are evenly spaced numbers, else 1 and 0.

        Raises
        ------
        IrregularGeometryError
            If the volumes are sheared or unevenly spaced.
        """
        return bridges.stack_to_sitk(self.array, self.geometry, *self._axis.line)

    def __array__(  # numpy says what it is called with
        self,
        dtype: npt.DTypeLike | None = None,
        copy: bool | None = None,  # noqa: FBT001
    ) -> npt.NDArray[Any]:
        if copy is False and dtype is not None and np.dtype(dtype) != self.dtype:
            raise ValueError(f"pixels of {self.dtype} cannot be seen as {np.dtype(dtype)} without a copy")
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def __len__(self) -> int:
        """Return the number of volumes."""
        return self._axis.volumes

    def __iter__(self) -> Iterator[Image]:
        return iter(self.volumes)

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        return f"ImageStack({shape} {self.dtype}, {self._axis.text}, {self.geometry!r}, {self.headers!r})"
