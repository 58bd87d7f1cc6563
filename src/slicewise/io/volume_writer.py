"""A volume of a format other than DICOM as the end of a pipeline."""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.errors import DestinationError, GeometryError, ParameterError, SlicewiseWarning, WriteError
from slicewise.image import Image, ImageStack
from slicewise.io.nifti_time import compressed, state_fourth_axis
from slicewise.io.parameters import one_of
from slicewise.io.volumes import VolumeReader
from slicewise.pipeline.node import Node, node
from slicewise.pipeline.run import Runner, Sink

__all__ = ["VolumeWriter"]

_COMPRESSION = {".nrrd": None, ".mha": None, ".nii.gz": True, ".nii": False, ".vtk": False}
"""Whether a format is compressed: always, never, or as is asked for."""

_FLAT = (".vtk",)
"""Formats of three axes at most."""


def _path(value: str | os.PathLike[str]) -> Path:
    return Path(value).expanduser()


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

    The image is held whole in memory, and once more by SimpleITK, which writes it. The file is
    complete or absent: it is written under a hidden name beside its place, looked at, and renamed.

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
        If the format cannot hold the grid: legacy VTK has no directions.
    WriteError
        If the disk is full or cannot be written to; nothing is left behind.
    """

    takes_stacks: ClassVar[bool] = True

    path: Path = attrs.field(converter=_path, validator=_known)
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
        self._check_destination()

    def execute(self, runner: Runner) -> Path:
        """Run the pipeline, write the file and return its path."""
        image = runner.image(self.source)
        self._warn()
        self._check_destination()
        with _staged(self.path) as stage:
            self._write(image, stage)
        return self.path

    @property
    def source(self) -> Node:
        """The node whose result is written."""
        return next(iter(self.inputs.values()))

    @property
    def _format(self) -> str:
        return _suffix(self.path) or ""

    @property
    def _volumes(self) -> int:
        return len(self.source.info.volumes)

    def _check_destination(self) -> None:
        target = self.path.resolve()
        for n in self.walk():
            if any(Path(file).resolve() == target for file in getattr(n, "files", ())):
                raise DestinationError(f"{self.path}: is a file of the source, which is never overwritten")
        if self.path.exists() and (not self.overwrite or not self.path.is_file()):
            what = "there is a file already; replace it with overwrite=True" if self.path.is_file() else "is a folder"
            raise DestinationError(f"{self.path}: {what}, or choose another name")

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

    def _write(self, image: Image | ImageStack, stage: Path) -> None:
        volumes = image.volumes if isinstance(image, ImageStack) else (image,)
        self._write_with_sitk(volumes[0] if len(volumes) == 1 else image, stage)
        for k, volume in enumerate(volumes):
            self._check_written(volume, VolumeReader(stage, time=None if len(volumes) == 1 else (k,)))

    def _write_with_sitk(self, image: Image | ImageStack, stage: Path) -> None:
        sitk = importlib.import_module("SimpleITK")
        compress = _COMPRESSION[self._format] is not False and self.compress is not False
        axis = image.info.axis if self._format in (".nii", ".nii.gz") else None
        plain = stage if axis is None else stage.with_name(stage.name.removesuffix(".gz"))
        try:
            sitk.WriteImage(image.to_sitk(), str(plain), useCompression=compress and axis is None)
        except RuntimeError as error:
            reason = [line for line in str(error).splitlines() if line.strip()][-1]
            raise WriteError(f"{self.path}: cannot be written ({reason.strip()[:200]})") from None
        if axis is not None:
            state_fourth_axis(plain, axis)
            if plain != stage:
                compressed(plain, stage)

    def _check_written(self, image: Image, written: VolumeReader) -> None:
        # Writers of SimpleITK do not all say when the disk is full.
        for start in range(0, image.geometry.slices, 32) if written.streams else [0]:
            part = range(start, min(start + 32, image.geometry.slices)) if written.streams else range(len(image))
            if not _same(written.compute(part), image.array[part.start : part.stop]):
                raise WriteError(
                    f"{self.path}: what was written does not read back as the same values; is the disk full?"
                )


def _same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


@contextlib.contextmanager
def _staged(path: Path) -> Iterator[Path]:
    stage = path.with_name(f".partial-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise WriteError(f"{path.parent}: cannot write there (Permission denied)")
        yield stage
        stage.replace(path)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"{path}: cannot be written ({error})") from error
    finally:
        for left in (stage, stage.with_name(stage.name.removesuffix(".gz"))):
            left.unlink(missing_ok=True)
