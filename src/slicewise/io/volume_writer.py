"""A volume of a format other than DICOM as the end of a pipeline."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.errors import (
    DestinationError,
    GeometryError,
    ParameterError,
    ReadError,
    SlicewiseError,
    SlicewiseWarning,
    WriteError,
)
from slicewise.io.parameters import one_of
from slicewise.io.paths import one_path
from slicewise.io.staging import folder_beside, move_file
from slicewise.io.volume_files import StoredVolume
from slicewise.io.volume_layouts import VolumeHeader, volume_header
from slicewise.io.volume_packing import PackedPixels
from slicewise.io.volume_pixels import PlainPixels, SliceDigests, WrittenVolume, header_fault
from slicewise.io.volumes import read_volume_header
from slicewise.pipeline.node import Array, Node, Slab, node
from slicewise.pipeline.run import Runner, Sink

__all__ = ["VolumeWriter"]

_COMPRESSION = {".nrrd": None, ".mha": None, ".nii.gz": True, ".nii": False, ".vtk": False}
"""Whether a format is compressed: always, never, or as is asked for."""

_FLAT = (".vtk",)
"""Formats of three axes at most."""

_LONGEST_NIFTI = 32767


def _known(_: Any, attribute: attrs.Attribute[Path], value: Path) -> None:
    if _suffix(value) is None:
        raise ParameterError(f"{attribute.name!r} must end in {', '.join(_COMPRESSION)} (got {value.name!r})")


def _suffix(path: Path) -> str | None:
    return next((s for s in _COMPRESSION if path.name.lower().endswith(s)), None)


@node
class VolumeWriter(Sink):
    """Writer of one volume file: NRRD, NIfTI, MetaImage or legacy VTK, by the end of its name.

    A stack is written as one file with four axes, in LPS still. NRRD and MetaImage get the step between its coordinates
    as the spacing of the fourth, where they are even; NIfTI gets a time in seconds, of an axis that is one, and else
    nothing but the number of volumes. Legacy VTK has three axes only.

    Such files hold values and grid. **Headers do not travel with them**: patient, study, acquisition,
    sources and history are left behind, and a warning says so. The grid must be a box.

    The header is made by SimpleITK. Pixels are written slab by slab as they are computed, by several threads, and so
    take the memory of slabs. What is not compressed is byte for byte the file that SimpleITK would write. What is
    compressed is set aside slice by slice and then put together, in one stream, so that the disk holds it twice for a
    moment; the file does not depend on memory and threads.

    The file is complete or absent: it is written in a hidden folder beside its place, read back and compared with
    digests of what was written, and moved. What a killed process leaves, the next one to write there removes.

    Parameters
    ----------
    path : path
        ``.nrrd``, ``.nii``, ``.nii.gz``, ``.mha`` or ``.vtk``. The folder is made if it is not there.
    compress : bool, optional
        Whether pixels are compressed; by default they are, except in ``.nii`` and ``.vtk``, which
        cannot be. ``.nii.gz`` always is.
    overwrite : bool
        Whether a file that is there is replaced.
    on_headers : "warn" or "drop"
        What to do about headers, which are left behind: warn, or leave them without a word.

    Raises
    ------
    DestinationError
        If there is a file already and it is not to be replaced, or it is the source.
    IrregularGeometryError
        If the stack is sheared or unevenly spaced.
    GeometryError
        If the format cannot hold the grid: legacy VTK has no directions, NIfTI at most 32767 voxels along an axis.
    ParameterError
        If values are of a type that is not written, such as complex numbers.
    WriteError
        If the disk is full or cannot be written to, or what was written reads back otherwise; nothing is left behind.
    """

    takes_stacks: ClassVar[bool] = True

    path: Path = attrs.field(converter=one_path, validator=_known)
    compress: bool | None = attrs.field(default=None, kw_only=True)
    overwrite: bool = attrs.field(default=False, kw_only=True)
    on_headers: str = attrs.field(default="warn", kw_only=True, validator=one_of("warn", "drop"))

    def __attrs_post_init__(self) -> None:
        able = _COMPRESSION[_suffix(self.path) or ""]
        if self.compress is not None and able is not None and self.compress != able:
            what = "is always compressed" if able else "cannot be compressed"
            raise ParameterError(
                f"'compress' must be {able} or left out (got {self.compress}): {self.path.name} {what}"
            )

    def check(self) -> None:
        """Raise what can be known to be wrong before a pixel is read."""
        super().check()
        geometry = self.source.geometry
        direction = geometry.direction
        if self._format == ".vtk" and not np.allclose(direction, np.eye(3), atol=1e-6):
            raise GeometryError(
                f"{self.path.name}: legacy VTK files have no directions, and the axes of the image are not those of "
                "the patient; write .nrrd, .nii.gz or .mha"
            )
        if self._format in _FLAT and self._volumes > 1:
            raise GeometryError(
                f"{self.path.name}: a legacy VTK file holds one volume, and there are {self._volumes}; write .nrrd, "
                ".nii.gz or .mha, or one of stack.volumes"
            )
        if self._format.startswith(".nii") and max(*geometry.shape, self._volumes) > _LONGEST_NIFTI:
            raise GeometryError(
                f"{self.path.name}: NIfTI-1 files have at most {_LONGEST_NIFTI} voxels along an axis (got "
                f"{' x '.join(str(n) for n in self.source.info.shape)}); write .nrrd or .mha"
            )
        self._check_values()
        self._check_destination()

    def _check_values(self) -> None:
        info = self.source.info
        if info.dtype.kind not in "biuf" or info.dtype.itemsize > 8:
            raise ParameterError(
                f"{self.path.name}: values of type {info.dtype} are not written: Cast them, or write magnitude and "
                "phase as two volumes"
            )
        if info.components not in (1, 3, 4) and self._volumes > 1:
            raise ParameterError(
                f"{self.path.name}: {self._volumes} volumes of {info.components} values per pixel are not written to "
                "one file; write one of stack.volumes"
            )

    def execute(self, runner: Runner) -> Path:
        """Run the pipeline, write the file and return its path."""
        self._warn()
        self._check_destination()
        with _staged(self.path, overwrite=self.overwrite) as stage:
            self._write(runner, stage)
        return self.path

    @property
    def source(self) -> Node:
        """The node whose result is written."""
        return next(iter(self.inputs.values()))

    @property
    def _format(self) -> str:
        return _suffix(self.path) or ""

    @property
    def _packed(self) -> bool:
        return _COMPRESSION[self._format] is not False and self.compress is not False

    @property
    def _volumes(self) -> int:
        return len(self.source.info.volumes)

    def _check_destination(self) -> None:
        target = self.path.resolve()
        for n in self.walk():
            if any(Path(file).resolve() == target for file in getattr(n, "files", ())):
                raise DestinationError(f"{self.path}: is a file of the source, which is never overwritten")
        if self.path.exists() and not self.path.is_file():
            raise DestinationError(f"{self.path}: is a folder; choose another name")
        if self.path.exists() and not self.overwrite:
            raise _is_there(self.path)

    def _warn(self) -> None:
        if not self.source.geometry.is_in_patient:
            warnings.warn(
                f"{self.path.name}: the image has no place in the patient, and this format cannot say so: the origin "
                "and the directions in the file mean nothing outside of it",
                SlicewiseWarning,
                stacklevel=2,
            )
        if self.on_headers == "warn" and self.source.headers.columns():
            warnings.warn(
                f"{self.path.name}: headers do not travel in this format: patient, study and acquisition are left "
                "behind (on_headers='drop' says that this is known; SeriesWriter keeps them)",
                SlicewiseWarning,
                stacklevel=2,
            )

    def _write(self, runner: Runner, stage: Path) -> None:
        info = self.source.info
        header = volume_header(info, self.path, stage.parent, packed=self._packed)
        dtype = header.layout.dtype.newbyteorder("=")
        digests = SliceDigests()
        pixels = self._pixels(stage, header)

        def put(slab: Slab, values: Array) -> None:
            native = np.ascontiguousarray(values, dtype)
            digests.add(slab, native)
            pixels.put(slab, native)

        try:
            runner.stream(self.source, put, "writing")
            if len(digests) != info.slices:
                raise WriteError(f"{len(digests)} of {info.slices} slices were written")
            pixels.finish()
        finally:
            pixels.close()
        try:
            self._check_written(runner, read_volume_header(stage), dtype, digests)
        except ReadError as error:
            raise WriteError(f"{self.path}: what was written cannot be read back ({error})") from error

    def _pixels(self, stage: Path, header: VolumeHeader) -> PlainPixels | PackedPixels:
        if not self._packed:
            return PlainPixels(stage, header)
        return PackedPixels(stage, header, is_nifti=self._format == ".nii.gz", is_zlib=self._format == ".mha")

    def _check_written(self, runner: Runner, stored: StoredVolume, dtype: np.dtype[Any], digests: SliceDigests) -> None:
        fault = header_fault(stored, self.source.info, dtype)
        if fault is not None:
            raise WriteError(f"{self.path}: {fault}; nothing was kept")

        def check(slab: Slab, values: Array) -> None:
            if not digests.are_of(slab, values):
                raise WriteError(
                    f"{self.path}: what was written does not read back as the same values; is the disk broken?"
                )

        runner.stream(WrittenVolume(stored, self.source.info), check, "checking")


@contextlib.contextmanager
def _staged(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a file to write, which is at its path at the end."""
    final = path.resolve()
    with folder_beside(final) as folder:
        try:
            yield folder / path.name
            move_file(folder / path.name, final, overwrite=overwrite)
        except SlicewiseError:
            raise
        except FileExistsError as error:
            raise _is_there(path) from error
        except OSError as error:
            raise WriteError(f"{path}: cannot be written ({error.strerror or error})") from error


def _is_there(path: Path) -> DestinationError:
    return DestinationError(f"{path}: there is a file already; replace it with overwrite=True, or choose another name")
