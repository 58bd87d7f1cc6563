"""How pixels lie in a volume file, and its header, as SimpleITK writes them of a sample of a few voxels.

The header of the whole image is that of the sample but for the lengths of the axes, which are put in here. How the
pixels lie is found by comparing them with what SimpleITK wrote: byte order, and whether components are interleaved.
"""

from __future__ import annotations

import importlib
import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import WriteError
from slicewise.image import ImageInfo, bridges
from slicewise.io.nifti_time import with_fourth_axis
from slicewise.pipeline.block import Array, Slab
from slicewise.pipeline.positioned import reserve

__all__ = ["PixelLayout", "VolumeHeader", "volume_header"]

_LONGEST_HEADER = 8192
"""Bytes that none of the formats needs for the header of a sample."""
_SAMPLE = (2, 3, 4, 5)
"""Lengths of the axes of a sample; axes of the image that are shorter stay so."""
_NIFTI_DIM = 40
"""Where dim[0] stands (nifti1.h)."""


@attrs.frozen(kw_only=True)
class PixelLayout:
    """How pixels lie in a file, after the header.

    Parameters
    ----------
    dtype : numpy dtype
        Type and byte order in the file.
    planar : bool
        Whether all values of a component come before those of the next.
    slices : int
        Slices of the image, of all volumes together.
    slice_shape : tuple of int
        Rows, columns, and components if there are several.
    """

    dtype: np.dtype[Any]
    planar: bool
    slices: int
    slice_shape: tuple[int, ...]

    @property
    def plane_bytes(self) -> int:
        """Bytes of a plane: a slice, or if components are apart a component of it."""
        return math.prod(self.slice_shape[:2] if self.planar else self.slice_shape) * self.dtype.itemsize

    @property
    def planes(self) -> int:
        """Number of planes, one after the other in the file."""
        return self.slices * (self.slice_shape[2] if self.planar else 1)

    def runs(self, slab: Slab, values: Array) -> Iterator[tuple[int, Array]]:
        """Yield what a slab is in the file: number of the first plane, and bytes of shape (planes, bytes of a plane).

        Parameters
        ----------
        slab : range
            The slices.
        values : array of shape (slices, rows, columns[, components])
            Their values.
        """
        parts = [values[..., c] for c in range(self.slice_shape[2])] if self.planar else [values]
        for c, part in enumerate(parts):
            stored = np.ascontiguousarray(part, self.dtype).reshape(len(slab), -1)
            yield c * self.slices + slab.start, stored.view(np.uint8)


@attrs.frozen(kw_only=True)
class VolumeHeader:
    """The bytes before the pixels, and how these lie.

    Parameters
    ----------
    raw : bytes
        The header; for a MetaImage with compressed pixels see ``for_packed``.
    layout : PixelLayout
        How the pixels lie, uncompressed.
    """

    raw: bytes
    layout: PixelLayout

    def for_packed(self, size: int) -> bytes:
        """Return the header for compressed pixels of that many bytes: MetaImage states their number."""
        mark = b"\nCompressedDataSize = "
        before, found, after = self.raw.partition(mark)
        return before + found + str(size).encode() + after[after.index(b"\n") :] if found else self.raw


def volume_header(info: ImageInfo, path: Path, folder: Path, *, packed: bool) -> VolumeHeader:
    """Return header and layout of a file that holds an image.

    Parameters
    ----------
    info : ImageInfo
        The image; several volumes get a fourth axis.
    path : Path
        The file: ``.nrrd``, ``.mha``, ``.vtk``, ``.nii`` or ``.nii.gz``.
    folder : Path
        A folder for samples.
    packed : bool
        Whether the pixels will be compressed.

    Raises
    ------
    WriteError
        If SimpleITK cannot write such an image.
    OSError
        If the disk is full.
    """
    volumes = len(info.volumes)
    lengths = [info.geometry.columns, info.geometry.rows, info.geometry.slices, *([volumes] if volumes > 1 else [])]
    short = [min(n, most) for n, most in zip(lengths, _SAMPLE, strict=False)]
    pixels = _sample_pixels(info, short)
    suffix = path.suffix.lower()
    is_nifti = suffix in (".nii", ".gz")
    sample = folder / f"sample{'.nii' if is_nifti else suffix}"
    # SimpleITK does not say when the disk is full.
    with sample.open("wb") as file:
        reserve(file.fileno(), pixels.nbytes + _LONGEST_HEADER)
    try:
        plain = _written(info, pixels, sample, compress=False)
        raw = plain[: len(plain) - pixels.nbytes]
        layout = _layout(info, pixels, plain[len(raw) :])
        if packed and not is_nifti:
            raw = _head(_written(info, pixels, sample, compress=True), suffix)
        raw = _with_lengths(raw, suffix, short, lengths, info.components)
    except RuntimeError as error:
        raise WriteError(f"{path}: cannot be written ({_reason(error)})") from None
    if is_nifti and info.axis is not None and volumes > 1:
        raw = with_fourth_axis(raw, info.axis)
    return VolumeHeader(raw=raw, layout=attrs.evolve(layout, slices=info.slices, slice_shape=info.slice_shape))


def _sample_pixels(info: ImageInfo, lengths: Sequence[int]) -> npt.NDArray[Any]:
    tail = (info.components,) if info.components > 1 else ()
    shape = (*lengths[::-1], *tail)
    # No value is 0: what lies the other way round is told from what does not.
    return (np.arange(math.prod(shape)) % 100 + 1).astype(_stored_type(info.dtype)).reshape(shape)


def _stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which values are stored: masks as bytes, and what SimpleITK has not in the next larger."""
    larger = {"?": np.uint8, "e": np.float32}.get(dtype.char)
    return dtype.newbyteorder("=") if larger is None else np.dtype(larger)


def _written(info: ImageInfo, pixels: npt.NDArray[Any], path: Path, *, compress: bool) -> bytes:
    sitk = importlib.import_module("SimpleITK")
    if info.axis is not None and len(info.volumes) > 1:
        image = bridges.stack_to_sitk(pixels, info.geometry, *info.axis.line)
    else:
        image = bridges.to_sitk(pixels, info.volumes[0].geometry)
    sitk.WriteImage(image, str(path), useCompression=compress)
    data = path.read_bytes()
    path.unlink()
    return data


def _layout(info: ImageInfo, pixels: npt.NDArray[Any], written: bytes) -> PixelLayout:
    tail = pixels.shape[-1:] if info.components > 1 else ()
    slices = pixels.reshape(-1, *pixels.shape[pixels.ndim - 2 - len(tail) :])
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    for order in orders:
        for planar in (False, True)[: 1 + len(tail)]:
            layout = PixelLayout(
                dtype=pixels.dtype.newbyteorder(order), planar=planar, slices=len(slices), slice_shape=slices.shape[1:]
            )
            runs = layout.runs(range(len(slices)), slices)
            if b"".join(planes.tobytes() for _, planes in runs) == written:
                return layout
    raise _unknown("pixels lie")


def _head(written: bytes, suffix: str) -> bytes:
    end = b"\n\n" if suffix == ".nrrd" else b"\nElementDataFile = LOCAL\n"
    before, found, _ = written.partition(end)
    if not found:
        raise _unknown("a header ends")
    return before + found


def _with_lengths(raw: bytes, suffix: str, old: Sequence[int], new: Sequence[int], components: int) -> bytes:
    inside = [components] if suffix == ".nrrd" and components > 1 else []
    forms = {
        ".nrrd": ("\nsizes: {lengths}\n",),
        ".mha": ("\nDimSize = {lengths}\n",),
        ".vtk": ("\nDIMENSIONS {lengths} \n", "\nPOINT_DATA {count}\n"),
    }
    if suffix not in forms:
        return _with_nifti_lengths(raw, old, new)
    for form in forms[suffix]:
        texts = [
            form.format(lengths=" ".join(str(n) for n in (*inside, *lengths)), count=math.prod(lengths)).encode()
            for lengths in (old, new)
        ]
        if raw.count(texts[0]) != 1:
            raise _unknown("lengths of axes are stated")
        raw = raw.replace(texts[0], texts[1])
    return raw


def _with_nifti_lengths(raw: bytes, old: Sequence[int], new: Sequence[int]) -> bytes:
    place, form = _NIFTI_DIM + 2, f"<{len(old)}h"
    if struct.unpack_from(form, raw, place) != tuple(old):
        raise _unknown("lengths of axes are stated")
    stated = struct.pack(form, *new)
    return raw[:place] + stated + raw[place + len(stated) :]


def _unknown(what: str) -> RuntimeError:
    sitk = importlib.import_module("SimpleITK")
    return RuntimeError(
        f"how {what} in files of SimpleITK {sitk.Version_VersionString()} is not known here: write another format, or "
        "image.to_sitk() with SimpleITK.WriteImage"
    )


def _reason(error: RuntimeError) -> str:
    return [line for line in str(error).splitlines() if line.strip()][-1].strip()[:200]
