"""Overlays of a series as masks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.dicom.overlays import OVERLAY_GROUPS, OverlayPlane, overlay_plane
from slicewise.dicom.pixels import NATIVE_SYNTAXES, PixelFormat
from slicewise.dicom.rescale import Rescale
from slicewise.errors import GraphError, HeaderError, ParameterError
from slicewise.image import ImageInfo, Operation
from slicewise.io.frames import Frame
from slicewise.io.pixel_files import read_slice
from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["OverlayMask"]

_RUN_LENGTHS = "1.2.840.10008.1.2.5"
_WHOLE_CELLS = NATIVE_SYNTAXES | {_RUN_LENGTHS, "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"}
"""Transfer syntaxes that keep all bits of a pixel, also those that are not its value."""


def _group(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value not in OVERLAY_GROUPS:
        raise ParameterError(f"{attribute.name!r} must be an even group from 0x6000 to 0x601E (got {value!r})")


@node
class OverlayMask(Filter):
    """The mask of an overlay of a series: 1 where the overlay is set, else 0 (PS3.3, C.9.2 and C.9.3).

    It is on the grid of the series, of type uint8; slices without the overlay are 0. What of an overlay lies beyond
    the image is cut off. Overlays in unused bits of the pixels (a form that the standard retired) are read, too.
    ``SeriesReader.overlays`` lists what there is.

    Parameters
    ----------
    group : int
        The group of the overlay, 0x6000 to 0x601E.

    Raises
    ------
    GraphError
        If the input is no SeriesReader: filters have no overlays.
    HeaderError
        If no slice has the overlay (the message lists those there are), or a slice says what cannot be used of it.
    """

    group: int = attrs.field(default=0x6000, validator=_group)

    @property
    def parameter_text(self) -> str:
        """The group, as it is written."""
        return f"group=0x{self.group:04X}"

    @property
    def effect(self) -> Effect:
        """A mask is not in the units of the values."""
        return Effect(Operation.PIXEL, keeps_units=False, derivation=(codes.SEGMENTATION,))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid, of bytes."""
        _ = self._planes
        return attrs.evolve(Outline.like(*inputs, dtype=np.uint8), components=1)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return no slices: the values of the input play no part."""
        return (range(0),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the mask of a slab."""
        rows, columns = self.info.geometry.rows, self.info.geometry.columns
        mask = np.zeros((len(slab), rows, columns), np.uint8)
        for out, k in zip(mask, slab, strict=True):
            plane = self._planes[k]
            if plane is not None:
                frame, form, _ = self._reader.stored_slices[k]
                out[...] = plane.mask(rows, columns, None if plane.bit is None else _whole_cells(frame, form))
        return mask

    @property
    def _reader(self) -> SeriesReader:
        if not isinstance(self.input, SeriesReader):
            raise GraphError(
                f"{self.name} is made of a series as it was read: connect it to a SeriesReader, and crop or choose "
                "slices afterwards"
            )
        return self.input

    @cached_property
    def _planes(self) -> tuple[OverlayPlane | None, ...]:
        reader = self._reader
        planes = tuple(
            overlay_plane(reader.info.headers, k, self.group, frame.index, form)
            for k, (frame, form, _) in enumerate(reader.stored_slices)
        )
        if not any(planes):
            there = ", ".join(str(overlay) for overlay in reader.overlays) or "none at all"
            raise HeaderError(f"no slice has an overlay 0x{self.group:04X}; there are: {there}")
        for plane, (frame, _, _) in zip(planes, reader.stored_slices, strict=True):
            if plane is not None and plane.bit is not None and frame.file.syntax_uid not in _WHOLE_CELLS:
                raise HeaderError(
                    f"{frame.file.path}: the overlay 0x{self.group:04X} is said to be bit {plane.bit} of the pixels, "
                    "which their compression does not keep"
                )
        return planes


def _whole_cells(frame: Frame, form: PixelFormat) -> Array:
    """Return the stored pixels with all their bits, of unsigned type."""
    bits = form.bits_allocated
    whole = attrs.evolve(form, bits_stored=bits, high_bit=bits - 1, signed=False)
    cells = np.empty((form.rows, form.columns), whole.dtype)
    read_slice(frame, whole, Rescale(), cells)
    return cells
