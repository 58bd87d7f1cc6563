"""A volume of a format other than DICOM as the start of a pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np

from slicewise.errors import GeometryError, ParameterError, SeriesError, SlicewiseError
from slicewise.image import Geometry, Headers, ImageInfo
from slicewise.io.itk_volumes import read_itk_header, read_itk_pixels
from slicewise.io.nifti import NIFTI_SUFFIXES, read_nifti_header
from slicewise.io.parameters import one_of
from slicewise.io.paths import one_path
from slicewise.io.volume_files import StoredVolume, check_size
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Slab, fields_of, node
from slicewise.pipeline.sources import SourceFile

__all__ = ["VolumeReader", "read_volume_header"]

_SQUARE_TOLERANCE = 1e-3


def read_volume_header(path: Path, orientation: str = "auto") -> StoredVolume:
    """Return what the header of a volume file says.

    Parameters
    ----------
    path : Path
        The file.
    orientation : "auto", "sform" or "qform"
        NIfTI only: which of its two grids is taken.

    Raises
    ------
    ReadError
        If the file is missing, broken, cut off, or of a format that is not known.
    """
    is_nifti = path.name.lower().endswith(NIFTI_SUFFIXES)
    stored = read_nifti_header(path, orientation) if is_nifti else read_itk_header(path)
    check_size(stored)
    return stored


def _index(value: int | tuple[int, ...] | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, int) else tuple(value)


@node
class VolumeReader(Node):
    """Reader of one volume of another format: NRRD, NIfTI, MetaImage, legacy VTK, and what SimpleITK reads.

    Geometry is in LPS, whatever the file's own frame. There is nothing of DICOM in such files:
    headers are empty. What the file says beside its grid is in ``metadata``.

    Only the header is read until the pipeline runs. Pixels are then read slab by slab, also of files
    compressed by gzip or zlib, which are inflated as far as they are wanted and not held (see ``streams``);
    text and other formats are unpacked once for a run, and held whole.

    Parameters
    ----------
    path : path
        The file; of a pair with detached pixels, its header.
    time : int or tuple of int, optional
        Which volume of a 4-D file, from 0; one number for each axis after the third that is longer
        than one.
    orientation : "auto", "sform" or "qform"
        NIfTI only: which of its two grids is taken where a file states two. By default the sform,
        unless it differs from the qform and does not stand for the scanner (code 1): then the qform.

    Raises
    ------
    ReadError
        If the file is missing, broken, cut off, changed since its header was read, or of a format
        that is not known.
    SeriesError
        If it holds several volumes and none is chosen.
    GeometryError
        If its axes are no grid of slices: rows and columns that are not at right angles.
    """

    path: Path = attrs.field(converter=one_path)
    time: tuple[int, ...] | None = attrs.field(default=None, kw_only=True, converter=_index)
    orientation: str = attrs.field(default="auto", kw_only=True, validator=one_of("auto", "sform", "qform"))

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def identity(self) -> object:
        """The files, their sizes and times of change, and what is chosen."""
        files = [(str(s.path.resolve()), s.size, s.mtime_ns) for s in self._stored.stamps]
        return [files, self.time, self.orientation]

    @property
    def parameter_text(self) -> str:
        """The path, and what differs from the defaults."""
        changed = [f for f in fields_of(type(self)) if f.name != "path" and getattr(self, f.name) != f.default]
        values = {f.name: getattr(self, f.name) for f in changed}
        if self.time is not None and len(self.time) == 1:
            values["time"] = self.time[0]
        return ", ".join([repr(str(self.path)), *(f"{name}={value!r}" for name, value in values.items())])

    @property
    def source_files(self) -> tuple[SourceFile, ...]:
        """The files, as they were when the header was read."""
        return tuple(SourceFile(s.path.absolute(), s.size, s.mtime_ns) for s in self._stored.stamps)

    @property
    def is_cheap(self) -> bool:
        """Whether the pixels are stored as they are."""
        return self.streams

    @property
    def whole(self) -> bool:
        """Whether the volume is unpacked and held as a whole."""
        return not self.streams

    @property
    def streams(self) -> bool:
        """Whether slabs are read on their own: pixels as they are, or compressed by gzip or zlib."""
        return self._stored.streams

    @property
    def format(self) -> str:
        """Name of the format."""
        return self._stored.format

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the header of the file says beside type and grid, such as the keys and values of NRRD."""
        return self._stored.metadata

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the volume is made of."""
        return tuple(s.path for s in self._stored.stamps)

    @cached_property
    def info(self) -> ImageInfo:
        """All that the header tells."""
        try:
            return self._read_info()
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    @cached_property
    def _stored(self) -> StoredVolume:
        return read_volume_header(self.path, self.orientation)

    def _read_info(self) -> ImageInfo:
        stored = self._stored
        _check_chosen(stored, self.time)
        geometry = _geometry(stored)
        return ImageInfo(
            geometry=geometry,
            dtype=stored.dtype,
            headers=Headers(geometry.slices),
            sources=((),) * geometry.slices,
            components=stored.components,
        )

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed but the file."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Read a slab."""
        stored = self._stored
        chosen = self.time or ()
        stored.check_unchanged()
        if stored.pixels is not None:
            values = stored.read(slab, chosen)
        else:
            values = read_itk_pixels(stored, chosen)[slab.start : slab.stop]
        # What was read while somebody wrote may be half of one and half of the other.
        stored.check_unchanged()
        return values


def _check_chosen(stored: StoredVolume, time: tuple[int, ...] | None) -> None:
    if not stored.extra:
        if time is not None:
            raise ParameterError(f"'time' must not be given: {stored.path} holds one volume (got {time})")
        return
    lengths = " x ".join(str(n) for n in stored.extra)
    count = math.prod(stored.extra)
    example = "time=0" if len(stored.extra) == 1 else f"time={(0,) * len(stored.extra)}"
    if time is None:
        size = " x ".join(str(n) for n in stored.size)
        what = "values per pixel" if stored.extra_inside else "the lengths of the axes after the third"
        raise SeriesError(
            f"{stored.path}: the file holds {count} volumes of {size} ({lengths}: {what}); choose one, counted from 0, "
            f"with {example}"
        )
    fits = len(time) == len(stored.extra) and all(0 <= t < n for t, n in zip(time, stored.extra, strict=True))
    if not fits:
        got = time[0] if len(time) == 1 else time
        raise ParameterError(
            f"'time' must be from 0 to {stored.extra[0] - 1} (got {got}): {stored.path} holds {count} volumes"
            if len(stored.extra) == 1
            else f"'time' must be {len(stored.extra)} numbers, below {stored.extra} (got {got})"
        )


def _geometry(stored: StoredVolume) -> Geometry:
    columns, rows, slices = stored.size
    x, y, z = (stored.affine[:3, k] for k in range(3))
    lengths = np.linalg.norm(stored.affine[:3, :3], axis=0)
    if not np.isfinite(stored.affine).all() or (lengths == 0).any():
        raise GeometryError(f"{stored.path}: the grid in the header is broken: {stored.affine[:3].tolist()}")
    cosine = float(x @ y) / float(lengths[0] * lengths[1])
    if abs(cosine) > _SQUARE_TOLERANCE:
        other = "; orientation='qform' takes the other grid, if there is one" if stored.format == "NIfTI" else ""
        raise GeometryError(
            f"{stored.path}: rows and columns must be at right angles (their cosine is {cosine:.4g}, the tolerance "
            f"{_SQUARE_TOLERANCE:g}): the grid is sheared within its slices, which no image of slices can be{other}"
        )
    normal = np.cross(x, y)
    if slices > 1 and abs(float(normal @ z)) < 1e-6 * float(np.linalg.norm(normal) * lengths[2]):
        raise GeometryError(f"{stored.path}: the slices in the header all lie in one plane, and are no volume")
    return Geometry(
        rows=rows,
        columns=columns,
        row_direction=x / lengths[0],
        column_direction=y / lengths[1],
        pixel_spacing=(float(lengths[1]), float(lengths[0])),
        positions=stored.affine[:3, 3] + np.arange(slices)[:, np.newaxis] * z,
        single_slice_spacing=float(lengths[2]),
    )
