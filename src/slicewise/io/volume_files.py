"""What the header of a volume file says, and the pixels it points to, slab by slab."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.rescale import Rescale
from slicewise.errors import ReadError, TruncatedError
from slicewise.io.inflated_files import InflatedFile
from slicewise.pipeline.block import Array, Slab

__all__ = ["RawPixels", "Stamp", "StoredVolume", "check_size", "is_gzip", "stamp_of"]

_MOST_EXPANSION = 1100
"""Deflate makes at most 1032 bytes of one."""


_MOST_SLICES = 1_000_000


class Stamp(NamedTuple):
    """A file as it was when its header was read."""

    path: Path
    size: int
    mtime_ns: int


def stamp_of(path: Path) -> Stamp:
    """Return size and time of change of a file.

    Raises
    ------
    ReadError
        If it is missing, no file, or empty.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    if not path.is_file():
        raise ReadError(f"{path}: is not a file")
    if not os.access(path, os.R_OK):
        raise ReadError(f"{path}: cannot be read (Permission denied)")
    if status.st_size == 0:
        raise ReadError(f"{path}: the file is empty")
    return Stamp(path, status.st_size, status.st_mtime_ns)


def is_gzip(path: Path) -> bool:
    """Whether a file begins as gzip files do."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@attrs.frozen(kw_only=True)
class RawPixels:
    """Pixels that lie in a file as they are, or compressed by gzip or zlib.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Where they begin; of what the file unpacks to, if it is compressed.
    inflated : InflatedFile, optional
        What the file unpacks to, if it is compressed.
    planar : bool
        Whether all pixels of a component come before those of the next, not the components of a
        pixel one after the other.
    """

    path: Path
    offset: int
    inflated: InflatedFile | None = None
    planar: bool = False


@attrs.frozen(kw_only=True, eq=False)
class StoredVolume:
    """What the header of a volume file says.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        Name of the format.
    size : (3,) tuple of int
        Columns, rows, slices.
    affine : (4, 4) array
        From the index (x, y, z) to the point in mm, LPS.
    stored : numpy dtype
        Type and byte order of the pixels in the file.
    components : int
        Values per pixel.
    extra : tuple of int
        Lengths of the axes after the third.
    extra_inside : bool
        Whether the one extra axis is that of the values of a pixel.
    rescale : Rescale
        From stored values to values.
    metadata : mapping of str to str
        What else the header says.
    stamps : tuple of Stamp
        The files it is made of.
    pixels : RawPixels, optional
        Where the pixels are; None where SimpleITK has to find them.
    """

    path: Path
    format: str
    size: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    stored: np.dtype[Any]
    components: int = 1
    extra: tuple[int, ...] = ()
    extra_inside: bool = False
    rescale: Rescale = attrs.field(factory=Rescale)
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    stamps: tuple[Stamp, ...]
    pixels: RawPixels | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        native = self.stored.newbyteorder("=")
        if self.rescale.is_identity:
            return native
        if native.kind == "f":
            return native
        if not self.rescale.is_integral:
            return np.dtype(np.float64 if native.itemsize > 2 else np.float32)
        limits = np.iinfo(native)
        ends = [int(v) * int(self.rescale.slope) + int(self.rescale.intercept) for v in (limits.min, limits.max)]
        for candidate in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64):
            if np.iinfo(candidate).min <= min(ends) and max(ends) <= np.iinfo(candidate).max:
                return np.dtype(candidate)
        return np.dtype(np.float64)

    @property
    def streams(self) -> bool:
        """Whether a slab can be read without holding the rest."""
        return self.pixels is not None

    @property
    def bytes_stored(self) -> int:
        """Bytes of all pixels, uncompressed."""
        return math.prod(self.size) * self.components * math.prod(self.extra) * self.stored.itemsize

    def check_unchanged(self) -> None:
        """Raise if a file is not as it was when its header was read."""
        for stamp in self.stamps:
            if stamp_of(stamp.path) != stamp:
                raise ReadError(f"{stamp.path}: the file has changed since its header was read; make a new reader")

    def read(self, slab: Slab, chosen: tuple[int, ...]) -> Array:
        """Return the values of a slab, (slices, rows, columns[, components]), from raw pixels.

        Parameters
        ----------
        slab : range
            The slices.
        chosen : tuple of int
            Index on each extra axis.
        """
        stored = self._stored_slab(slab, chosen)
        native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        if self.rescale.is_identity:
            return native
        out = np.empty(native.shape, self.dtype)
        self.rescale.apply(native, out)
        return out

    def _stored_slab(self, slab: Slab, chosen: tuple[int, ...]) -> Array:
        pixels = cast("RawPixels", self.pixels)
        columns, rows, slices = self.size
        plane = (len(slab), rows, columns)
        # The extra axes are the slowest, the first of them the fastest of these.
        volume = 0
        if self.extra and not self.extra_inside:
            volume = int(np.ravel_multi_index(chosen[::-1], self.extra[::-1]))
        inside = self.extra[0] if self.extra_inside else 1
        together = (1 if pixels.planar else self.components) * inside
        if not pixels.planar:
            start = (volume * slices + slab.start) * rows * columns * together
            values = self._values(start, (*plane, together))
            values = values[..., chosen[0]] if self.extra_inside else values
            return values[..., 0] if together == 1 and values.ndim == 4 else values
        volumes = math.prod(self.extra)
        starts = [((c * volumes + volume) * slices + slab.start) * rows * columns for c in range(self.components)]
        return np.stack([self._values(start, plane) for start in starts], axis=-1)

    def _values(self, start: int, shape: tuple[int, ...]) -> Array:
        pixels = cast("RawPixels", self.pixels)
        values = np.empty(shape, self.stored)
        wanted = memoryview(cast("Any", values.reshape(-1).view(np.uint8)))
        first = start * self.stored.itemsize
        try:
            if pixels.inflated is None:
                got = _fill(pixels.path, pixels.offset + first, wanted)
            else:
                is_last = first + len(wanted) == self.bytes_stored
                got = pixels.inflated.readinto(pixels.offset + first, wanted, is_last=is_last)
        except (EOFError, zlib.error) as error:
            raise TruncatedError(
                f"{pixels.path}: the compressed pixels are broken or end too early ({error})"
            ) from error
        except (OverflowError, ValueError) as error:
            raise TruncatedError(f"{pixels.path}: the header says that pixels begin at byte {pixels.offset}") from error
        except OSError as error:
            raise ReadError(f"{pixels.path}: cannot be read ({error.strerror})") from error
        if got != len(wanted):
            raise TruncatedError(f"{pixels.path}: the file ends {len(wanted) - got} bytes before its pixels do")
        return values


def _fill(path: Path, place: int, memory: memoryview) -> int:
    done = 0
    with path.open("rb", buffering=0) as file:
        file.seek(place)
        while done < len(memory):
            count = file.readinto(memory[done:])
            if not count:
                break
            done += count
    return done


def check_size(volume: StoredVolume) -> None:
    """Raise if the files cannot hold the pixels the header tells of, before memory is asked for.

    Raises
    ------
    TruncatedError
        With the bytes that are there and the bytes wanted.
    """
    pixels = volume.pixels
    if volume.size[2] > _MOST_SLICES:
        raise ReadError(f"{volume.path}: the header is broken: it tells of {volume.size[2]} slices")
    if pixels is not None and pixels.inflated is None:
        held = pixels.path.stat().st_size - pixels.offset
        if held < volume.bytes_stored:
            raise TruncatedError(
                f"{pixels.path}: the file ends too early: it holds {max(held, 0)} bytes of pixels, and its header "
                f"tells of {volume.bytes_stored}"
            )
        return
    held = sum(stamp.size for stamp in volume.stamps)
    # Of text, a number takes two bytes or more.
    expansion = volume.stored.itemsize if volume.format == "legacy VTK" else _MOST_EXPANSION
    if volume.bytes_stored > held * expansion:
        raise TruncatedError(
            f"{volume.path}: the file ends too early: {held} bytes cannot unpack to the {volume.bytes_stored} bytes of "
            "pixels its header tells of"
        )
