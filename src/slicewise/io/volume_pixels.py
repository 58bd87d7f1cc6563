"""Pixels of a volume file written to their places, slab by slab, and what was written read back."""

from __future__ import annotations

import os
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from slicewise.image import ImageInfo
from slicewise.io.volume_files import StoredVolume
from slicewise.io.volume_layouts import VolumeHeader
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Slab, node
from slicewise.pipeline.positioned import reserve, write_at

__all__ = ["PlainPixels", "SliceDigests", "WrittenVolume", "header_fault"]

_ROUNDED = 1e-6
"""By how much of its size a coordinate may be rounded: NIfTI has single precision."""
_SHIFTED = 1e-2
"""By how much of the spacing a corner may be elsewhere."""
_COMPONENTS = (1, 3, 4)
"""Values per pixel that are read as components; other numbers of them as so many volumes."""


class PlainPixels:
    """Pixels of an image that lie in a file as they are.

    Parameters
    ----------
    path : Path
        The file to be made.
    header : VolumeHeader
        Its header, and how pixels lie.
    """

    def __init__(self, path: Path, header: VolumeHeader) -> None:
        self._layout = header.layout
        self._begin = len(header.raw)
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with ExitStack() as undone:
            undone.callback(self.close)
            reserve(self._descriptor, self._begin + self._layout.planes * self._layout.plane_bytes)
            write_at(self._descriptor, header.raw, 0)
            undone.pop_all()

    def put(self, slab: Slab, values: Array) -> None:
        """Write a slab; from any thread."""
        for first, planes in self._layout.runs(slab, values):
            write_at(self._descriptor, planes.reshape(-1), self._begin + first * self._layout.plane_bytes)

    def finish(self) -> None:
        """Do nothing: all is in its place."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class SliceDigests:
    """What was written of each slice, in eight bytes."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, slab: Slab, values: Array) -> None:
        """Keep the digests of the slices of a slab; from any thread."""
        for index, values_of_one in zip(slab, values, strict=True):
            self._known[index] = _digest(values_of_one)

    def are_of(self, slab: Slab, values: Array) -> bool:
        """Whether these are the slices that were added."""
        return all(self._known[index] == _digest(one) for index, one in zip(slab, values, strict=True))


def _digest(values: Array) -> tuple[int, int]:
    data = memoryview(np.ascontiguousarray(values).reshape(-1).data).cast("B")
    # Not against somebody who wants to deceive: two sums of different kind, each several times as fast as a hash.
    return zlib.crc32(data), zlib.adler32(data)


@node
class WrittenVolume(Node):
    """A volume file that was just written, of all its volumes, as the start of a pipeline."""

    stored: StoredVolume = attrs.field()
    written: ImageInfo = attrs.field()

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def info(self) -> ImageInfo:
        """The image that was written, in the type it was written in."""
        return attrs.evolve(self.written, dtype=self.stored.dtype)

    @property
    def identity(self) -> Any:
        """The file."""
        return self.stored.path

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed but the file."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Read a slab, of one volume or several."""
        each = self.written.geometry.slices
        parts = []
        for volume in range(slab.start // each, (slab.stop - 1) // each + 1):
            first = volume * each
            part = range(max(slab.start, first) - first, min(slab.stop, first + each) - first)
            parts.append(self._read(part, () if self.written.slices == each else (volume,)))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _read(self, part: Slab, chosen: tuple[int, ...]) -> Array:
        components = self.written.components
        if components in _COMPONENTS:
            return self.stored.read(part, chosen)
        return np.stack([self.stored.read(part, (c,)) for c in range(components)], axis=-1)


def header_fault(stored: StoredVolume, info: ImageInfo, dtype: np.dtype[Any]) -> str | None:
    """Return how the header of a file that was written differs from the image; None where it does not.

    Parameters
    ----------
    stored : StoredVolume
        What the header says.
    info : ImageInfo
        The image.
    dtype : numpy dtype
        Type in which its values were written.
    """
    geometry = info.volumes[0].geometry
    size = (geometry.columns, geometry.rows, geometry.slices)
    inside = 1 if info.components in _COMPONENTS else info.components
    extra = tuple(n for n in (len(info.volumes), inside) if n > 1)
    found = (stored.size, stored.extra, stored.components, stored.dtype)
    wanted = (size, extra, info.components if inside == 1 else 1, dtype)
    if found != wanted:
        return f"the header reads back as {found}, and the image is {wanted}"
    corners = np.array([(x, y, z, 1) for x in (0, size[0]) for y in (0, size[1]) for z in (0, size[2])], np.float64)
    here, there = corners @ geometry.affine.T, corners @ stored.affine.T
    apart = float(np.abs(here - there).max())
    if not apart <= _SHIFTED * min(geometry.spacing) + _ROUNDED * float(np.abs(here).max()):
        return f"this format cannot hold the grid, which reads back {apart:.3g} mm beside that of the image"
    return None
