"""The image in memory: array, geometry, headers, sources and history."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import GeometryError, HeaderError
from slicewise.image import bridges
from slicewise.image.axis import StackAxis
from slicewise.image.coordinates import Coordinates
from slicewise.image.elements import RawElement, tag_of
from slicewise.image.geometry import Geometry
from slicewise.image.headers import Headers, PerSlice
from slicewise.image.history import Source, Step
from slicewise.image.padding import Padding, common_padding, paddings, stated_lines

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["Image", "ImageInfo"]


def _dtype(value: npt.DTypeLike) -> np.dtype[Any]:
    return np.dtype(value)


@attrs.frozen(kw_only=True)
class ImageInfo:
    """All that is known of an image without its pixels.

    Parameters
    ----------
    geometry : Geometry
        The grid; of a stack that of each volume.
    dtype : numpy dtype
        Type of the values. Those of a series are modality values (rescale slope and intercept, or what stands in
        their place, are applied), unless the reader was told otherwise.
    headers : Headers
        One header per slice.
    sources : tuple of tuple of Source
        For each slice the instances it comes from.
    history : tuple of Step
        What was done so far, oldest first.
    components : int
        Values per pixel: 1, or 3 for colour.
    withheld : Headers, optional
        Private attributes that the header rules dropped on the way.
    axis : StackAxis, optional
        Of several volumes on one grid, what they are stacked along; None for one volume. Slices are counted
        volume after volume.
    paddings : tuple of (Padding or None)
        For each slice its padding; empty where none has any.
    """

    geometry: Geometry
    dtype: np.dtype[Any] = attrs.field(converter=_dtype)
    headers: Headers
    sources: tuple[tuple[Source, ...], ...]
    history: tuple[Step, ...] = ()
    components: int = 1
    withheld: Headers | None = None
    axis: StackAxis | None = None
    paddings: tuple[Padding | None, ...] = ()

    def __attrs_post_init__(self) -> None:
        slices = self.slices
        if len(self.headers) != slices or len(self.sources) != slices:
            raise HeaderError(
                f"there must be one header and one list of sources per slice (got {len(self.headers)} headers and "
                f"{len(self.sources)} lists for {slices} slices)"
            )

    @property
    def slices(self) -> int:
        """Number of slices, of all volumes together."""
        return self.geometry.slices * (1 if self.axis is None else self.axis.volumes)

    @property
    def slice_shape(self) -> tuple[int, ...]:
        """Shape of a slice: rows, columns, and components if there are several."""
        plane = (self.geometry.rows, self.geometry.columns)
        return plane if self.components == 1 else (*plane, self.components)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array: volumes of a stack, slices, rows, columns, and components if there are several."""
        volumes = () if self.axis is None else (self.axis.volumes,)
        return (*volumes, self.geometry.slices, *self.slice_shape)

    @property
    def volumes(self) -> tuple[ImageInfo, ...]:
        """What is known of each volume; of one that is not stacked, this."""
        if self.axis is None:
            return (self,)
        parts = [range(first, first + self.geometry.slices) for first in range(0, self.slices, self.geometry.slices)]
        return tuple(
            attrs.evolve(
                self,
                geometry=volume.geometry,
                headers=self.headers.take(part),
                sources=self.sources[part.start : part.stop],
                history=volume.history,
                withheld=None if self.withheld is None else self.withheld.take(part),
                axis=None,
                paddings=self.paddings[part.start : part.stop],
            )
            for part, volume in zip(parts, self.axis.stacked, strict=True)
        )

    @property
    def padding(self) -> Padding | PerSlice | None:
        """What marks pixels that were never imaged: for all slices, or one for each; None where nothing does.

        It is known until a filter changes pixel values.
        """
        return common_padding(self.paddings)

    @property
    def slice_bytes(self) -> int:
        """Size of a slice in memory."""
        return self.geometry.rows * self.geometry.columns * self.components * self.dtype.itemsize


@attrs.frozen(eq=False, repr=False)
class Image:
    """An image in memory: an array and what is known of it.

    Parameters
    ----------
    array : numpy array of shape (slices, rows, columns) or (slices, rows, columns, components)
        The values; seen read-only from here on.
    info : ImageInfo
        Geometry, headers, sources and history.

    Raises
    ------
    GeometryError
        If the shape or type of the array is not that of ``info``.
    """

    array: npt.NDArray[Any]
    info: ImageInfo
    token: str = attrs.field(init=False, factory=lambda: uuid.uuid4().hex)
    """What tells this image from every other; it stands for the content, which cannot change."""

    def __attrs_post_init__(self) -> None:
        if self.info.axis is not None:
            raise GeometryError("an Image is one volume: several of them are an ImageStack")
        if self.array.shape != self.info.shape or self.array.dtype != self.info.dtype:
            raise GeometryError(
                f"the array must be of shape {self.info.shape} and type {self.info.dtype} "
                f"(got {self.array.shape} and {self.array.dtype})"
            )
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @classmethod
    def from_array(
        cls,
        array: npt.ArrayLike,
        *,
        geometry: Geometry | None = None,
        headers: Headers | None = None,
        sources: Sequence[Sequence[Source]] | None = None,
    ) -> Image:
        """Return an image over an array of shape (slices, rows, columns), which is not copied.

        Without a geometry, spacing is 1 mm and axes are those of the patient; without headers,
        they are empty. Sources are those the headers name, if they do.
        """
        values = np.asarray(array)
        if values.ndim not in (3, 4):
            raise GeometryError(
                "an image needs an array of shape (slices, rows, columns) or (slices, rows, columns, components) "
                f"(got {values.shape})"
            )
        grid = geometry or Geometry.from_box((values.shape[2], values.shape[1], values.shape[0]))
        known = headers if headers is not None else Headers(grid.slices)
        info = ImageInfo(
            geometry=grid,
            dtype=values.dtype,
            headers=known,
            sources=tuple(tuple(s) for s in sources) if sources is not None else sources_of(known),
            components=values.shape[3] if values.ndim == 4 else 1,
            paddings=paddings(known, stated_lines(known), values.dtype),
        )
        return cls(values, info)

    @classmethod
    def from_sitk(cls, image: sitk.Image, headers: Headers | None = None) -> Image:
        """Return an image over a SimpleITK image; pixels are not copied.

        Parameters
        ----------
        image : SimpleITK.Image
            3-D, or 2-D for a single slice.
        headers : Headers, optional
            One header for each slice; empty ones if not given. Where those of DICOM images state no plane, the
            image has no place in the patient, whatever origin and direction it has.
        """
        array, geometry = bridges.from_sitk(image)
        return cls.from_array(array, geometry=_placed(geometry, headers), headers=headers)

    @classmethod
    def from_itk(cls, image: Any, headers: Headers | None = None) -> Image:
        """Return an image over an itk image; pixels are not copied."""
        array, geometry = bridges.from_itk(image)
        return cls.from_array(array, geometry=_placed(geometry, headers), headers=headers)

    def to_sitk(self) -> sitk.Image:
        """Return a SimpleITK image with this grid; pixels are copied once, as SimpleITK demands.

        Raises
        ------
        IrregularGeometryError
            If the stack is sheared or unevenly spaced.
        """
        return bridges.to_sitk(self.array, self.geometry)

    def to_itk(self) -> Any:
        """Return an itk image with this grid over the same memory.

        Raises
        ------
        IrregularGeometryError
            If the stack is sheared or unevenly spaced.
        MissingExtraError
            If itk is not installed.
        """
        return bridges.to_itk(self.array, self.geometry)

    @property
    def geometry(self) -> Geometry:
        """The grid."""
        return self.info.geometry

    @property
    def headers(self) -> Headers:
        """One header per slice."""
        return self.info.headers

    @property
    def padding(self) -> Padding | PerSlice | None:
        """What marks pixels that were never imaged: for all slices, or one for each; None where nothing does."""
        return self.info.padding

    @property
    def sources(self) -> tuple[tuple[Source, ...], ...]:
        """For each slice the instances it comes from."""
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
        """Shape of the array: slices, rows, columns, and components if there are several."""
        return self.info.shape

    def __array__(  # numpy says what it is called with
        self,
        dtype: npt.DTypeLike | None = None,
        copy: bool | None = None,  # noqa: FBT001
    ) -> npt.NDArray[Any]:
        if copy is False and dtype is not None and np.dtype(dtype) != self.dtype:
            raise ValueError(f"pixels of {self.dtype} cannot be seen as {np.dtype(dtype)} without a copy")
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def __len__(self) -> int:
        return self.geometry.slices

    def __repr__(self) -> str:
        return f"Image({' x '.join(str(n) for n in self.shape)} {self.dtype}, {self.geometry!r}, {self.headers!r})"


def _placed(geometry: Geometry, headers: Headers | None) -> Geometry:
    # Every image of ITK has an origin and a direction, also one that came of an image without a place.
    if headers is None or "SOPClassUID" not in headers:
        return geometry
    if "ImagePositionPatient" in headers or "ImageOrientationPatient" in headers:
        return geometry
    return attrs.evolve(geometry, coordinates=Coordinates.PIXELS)


def sources_of(headers: Headers) -> tuple[tuple[Source, ...], ...]:
    """Return for each slice the instance its header names, if it names one."""
    tags = [tag_of(k) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")]
    found: list[tuple[Source, ...]] = []
    for k in range(len(headers)):
        study, series, sop_class, instance = (_uid(headers.element(tag, k)) for tag in tags)
        found.append((Source(study, series, sop_class, instance),) if instance else ())
    return tuple(found)


def _uid(element: RawElement | None) -> str:
    return "" if element is None else element.value.decode("ascii", "replace").strip(" \0")
