"""Volume files as SimpleITK reads them: NRRD, MetaImage, legacy VTK, and what else it knows."""

from __future__ import annotations

import gzip
import importlib
import re
import warnings
import zlib
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from slicewise.errors import ReadError, SlicewiseWarning, TruncatedError
from slicewise.image.bridges import pixels_of
from slicewise.io.inflated_files import inflated_file
from slicewise.io.raw_layouts import Layout, check_metaimage, find_layout, vtk_third_axis
from slicewise.io.volume_files import RawPixels, StoredVolume, is_gzip, stamp_of
from slicewise.pipeline.block import Array

__all__ = ["read_itk_header", "read_itk_pixels"]

FORMATS = (
    "NRRD (.nrrd, .nhdr), NIfTI (.nii, .nii.gz, .hdr with .img), MetaImage (.mha, .mhd), legacy VTK (.vtk), "
    "GIPL, MRC, HDF5 and MINC"
)

_NAMES = {
    "NrrdImageIO": "NRRD", "MetaImageIO": "MetaImage", "VTKImageIO": "legacy VTK", "GiplImageIO": "GIPL",
    "MRCImageIO": "MRC", "HDF5ImageIO": "HDF5", "MINCImageIO": "MINC",
}  # fmt: skip
_HEADER_BYTES = {"GiplImageIO": 256, "MRCImageIO": 1024}
"""Formats that SimpleITK reads beyond the end of the file, and the size of their headers."""

_UNIT_TOLERANCE = 1e-3


def read_itk_header(path: Path) -> StoredVolume:
    """Return what the header of a volume file says.

    Raises
    ------
    ReadError
        If the file is missing, broken, of a format that is not known, or DICOM.
    """
    stamp = stamp_of(path)
    sitk = importlib.import_module("SimpleITK")
    kind = sitk.ImageFileReader.GetImageIOFromFileName(str(path))
    _check_kind(kind, path)
    reader = _reader(sitk, path)
    _check_pixels(sitk, reader, path)
    components = int(reader.GetNumberOfComponents())
    dtype = _dtype(sitk, reader, path)
    lengths = tuple(int(n) for n in reader.GetSize())
    pixel_bytes = int(np.prod(lengths, dtype=np.float64)) * components * dtype.itemsize
    layout = find_layout(path, pixel_bytes)
    inside = components not in (1, 3, 4) or (layout.inside and components > 1)
    size = cast("tuple[int, int, int]", (*lengths, 1, 1)[:3])
    stamps = [stamp, *(stamp_of(f) for f in layout.files if f != path)]
    if stamp.size < pixel_bytes + _HEADER_BYTES.get(kind, -pixel_bytes) and not is_gzip(path):
        raise TruncatedError(
            f"{path}: the file ends too early: {stamp.size} bytes, of which pixels should be {pixel_bytes}"
        )
    return StoredVolume(
        path=path,
        format=_NAMES.get(kind, kind.removesuffix("ImageIO")),
        size=size,
        affine=_affine(reader, path),
        stored=dtype.newbyteorder(">") if layout.big_endian else dtype,
        components=1 if inside else components,
        extra=_extra(path, lengths, components, inside=inside),
        extra_inside=inside,
        metadata=_metadata(reader),
        stamps=tuple(stamps),
        pixels=_raw(layout, lengths, components),
    )


def _reader(sitk: Any, path: Path) -> Any:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ReadError(f"{path}: {_reason(error)}") from None
    return reader


def _reason(error: RuntimeError) -> str:
    text = str(error)
    if "Unable to determine ImageIO" in text:
        return f"is of no format that is known, or its header is broken; known are {FORMATS}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = re.sub(r"^(ITK ERROR: |sitk::ERROR: )?(\w+\(0x[0-9a-f]+\): )?", "", lines[-1]) if lines else "unknown"
    return f"cannot be read as a volume: {last[:200]}"


def _check_kind(kind: str, path: Path) -> None:
    if kind == "GDCMImageIO":
        raise ReadError(f"{path}: is a DICOM file; SeriesReader reads it")
    if kind == "MetaImageIO":
        check_metaimage(path)
    if kind and kind not in _NAMES:
        raise ReadError(
            f"{path}: {kind.removesuffix('ImageIO')} files are not read: nothing tells that one of them is cut off. "
            f"Known are {FORMATS}; Image.from_sitk takes what SimpleITK has read"
        )


def _check_pixels(sitk: Any, reader: Any, path: Path) -> None:
    if reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise ReadError(f"{path}: complex values are not read; store magnitude and phase as two volumes")
    if reader.GetPixelID() == sitk.sitkUnknown:
        raise ReadError(f"{path}: its pixels are of a type that SimpleITK does not read")


def _dtype(sitk: Any, reader: Any, path: Path) -> np.dtype[Any]:
    # An image of one pixel tells which numpy type SimpleITK's is.
    components = reader.GetNumberOfComponents()
    try:
        one = sitk.Image([1, 1, 1], reader.GetPixelID(), components)
    except RuntimeError as error:
        raise ReadError(
            f"{path}: pixels of {components} values are not read ({str(error).splitlines()[-1]})"
        ) from error
    dtype: np.dtype[Any] = sitk.GetArrayViewFromImage(one).dtype
    return dtype


def _extra(path: Path, lengths: tuple[int, ...], components: int, *, inside: bool) -> tuple[int, ...]:
    outer = tuple(n for n in lengths[3:] if n > 1)
    if inside and outer:
        raise ReadError(f"{path}: volumes of {components} values per pixel and further axes {outer} are not read")
    return (components,) if inside else outer


def _raw(layout: Layout, lengths: tuple[int, ...], components: int) -> RawPixels | None:
    if layout.offset is None or layout.offset < 0:
        return None
    expected = lengths if components == 1 else (components, *lengths)
    # SimpleITK moves the axis of the components to the front where it is not there.
    plain = [n for n in layout.axes if n > 1] == [n for n in expected if n > 1]
    if not plain and layout.axes:
        return None
    if layout.packed:
        return RawPixels(
            path=layout.files[0], offset=0, inflated=inflated_file(*stamp_of(layout.files[0]), layout.offset)
        )
    return RawPixels(path=layout.files[0], offset=layout.offset)


def _affine(reader: Any, path: Path) -> npt.NDArray[np.float64]:
    axes = int(reader.GetDimension())
    known = min(axes, 3)
    direction = np.eye(3)
    direction[:known, :known] = np.asarray(reader.GetDirection(), dtype=np.float64).reshape(axes, axes)[:known, :known]
    lengths = np.linalg.norm(direction, axis=0)
    if (np.abs(lengths - 1) > _UNIT_TOLERANCE).any() and (lengths > 0).all():
        found = ", ".join(f"{v:.4g}" for v in lengths)
        warnings.warn(
            f"{path}: the directions of the axes should be of length 1 (got {found}); they are taken as directions "
            "only, and the spacing as it is stated",
            SlicewiseWarning,
            stacklevel=2,
        )
        direction = direction / lengths
    spacing = np.ones(3)
    spacing[:known] = reader.GetSpacing()[:known]
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:known, 3] = reader.GetOrigin()[:known]
    if known == 2 and path.suffix.lower() == ".vtk":
        matrix[2, 2], matrix[2, 3] = vtk_third_axis(path)
    return matrix


def _metadata(reader: Any) -> MappingProxyType[str, str]:
    keys = [key for key in reader.GetMetaDataKeys() if not key.startswith("ITK_")]
    # What is not UTF-8 comes with surrogates, and a key with surrogates cannot be asked for.
    return MappingProxyType({key: _text(reader.GetMetaData(key)) for key in keys if key == _text(key)})


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()


def read_itk_pixels(volume: StoredVolume, chosen: tuple[int, ...]) -> Array:
    """Return all values of a volume, (slices, rows, columns[, components]).

    Parameters
    ----------
    volume : StoredVolume
        What its header says.
    chosen : tuple of int
        Index on each extra axis.

    Raises
    ------
    ReadError
        If the file is broken or ends too early.
    """
    sitk = importlib.import_module("SimpleITK")
    reader = _reader(sitk, volume.path)
    lengths = reader.GetSize()
    if len(lengths) > 3:
        outer = iter(chosen)
        index = [0, 0, 0, *(next(outer) if n > 1 else 0 for n in lengths[3:])]
        reader.SetExtractIndex(index)
        reader.SetExtractSize([*lengths[:3], *(0 for _ in lengths[3:])])
    try:
        values = pixels_of(reader.Execute())
    except (RuntimeError, MemoryError) as error:
        raise ReadError(f"{volume.path}: its pixels cannot be read: {_pixel_reason(error)}") from None
    _check_end(volume)
    if volume.extra_inside:
        values = np.ascontiguousarray(values[..., chosen[0]])
    columns, rows, slices = volume.size
    tail = (volume.components,) if volume.components > 1 else ()
    return values.reshape((slices, rows, columns, *tail))


def _check_end(volume: StoredVolume) -> None:
    """Raise where SimpleITK reads on beyond the end of a file without a word."""
    path = volume.path
    if is_gzip(path):
        try:
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TruncatedError(f"{path}: the file is broken or ends too early ({error})") from error
    if volume.format == "legacy VTK":
        numbers = path.read_bytes().partition(b"POINT_DATA")[2].split()
        if len(numbers) < volume.bytes_stored // volume.stored.itemsize:
            raise TruncatedError(f"{path}: the file ends too early: it holds less numbers than its header tells of")


def _pixel_reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    text = str(error)
    ends_early = ("fread got only", "but received", "No such file", "not read completely", "Premature EOF")
    if any(sign in text for sign in ends_early):
        return "the file is broken or ends too early"
    return _reason(RuntimeError(text)).removeprefix("cannot be read as a volume: ")
