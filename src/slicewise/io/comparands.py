"""One side of a comparison: headers, and the values of each slice when asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.modality_values import modality_mappings
from slicewise.dicom.pixels import pixel_formats
from slicewise.dicom.value_mapping import value_dtype
from slicewise.errors import SeriesError, SlicewiseError
from slicewise.image import Headers, Image, ImageStack
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.frames import Frame
from slicewise.io.header_files import HeaderFile, read_headers
from slicewise.io.listing import PathLike, list_files
from slicewise.io.pixel_files import read_slice
from slicewise.io.selection import choose_series
from slicewise.io.stacking import StackPolicy, stack
from slicewise.pipeline.node import Node, as_node

__all__ = ["Comparand", "comparand"]

Array = npt.NDArray[Any]


@attrs.frozen
class Comparand:
    """One side of a comparison.

    Parameters
    ----------
    name : str
        What it is.
    labels : tuple of str
        What its slices are called: file names, or ``slice 3``.
    headers : Headers
        One header per slice.
    values : callable
        Returns the modality values of a slice; None if it has no pixels.
    """

    name: str
    labels: tuple[str, ...]
    headers: Headers
    values: Callable[[int], Array | None]


def comparand(
    what: PathLike | Sequence[PathLike] | Node | Image | ImageStack, series: str | int | None = None
) -> Comparand:
    """Return a side of a comparison for files, a node or an image.

    Raises
    ------
    ReadError
        If files cannot be read, or hold several series and none was chosen.
    """
    if isinstance(what, Node | Image | ImageStack):
        return _of_node(as_node(what))
    return _of_files(what, series)


def _of_node(node: Node) -> Comparand:
    computed: list[Array] = []

    def values(index: int) -> Array:
        if not computed:
            computed.append(node.update().array.reshape(-1, *node.info.slice_shape))
        return np.asarray(computed[0][index])

    labels = tuple(f"slice {k}" for k in range(node.info.slices))
    return Comparand(repr(node), labels, node.headers, values)


def _of_files(where: PathLike | Sequence[PathLike], series: str | int | None) -> Comparand:
    name = os.fspath(where) if isinstance(where, str | os.PathLike) else f"{len(where)} files"
    found = read_headers(list_files(where), strict=True)
    with_pixels = any(file.has_pixels for file in found)
    files = choose_series(found, series, name) if with_pixels or not found else found
    files = _in_order(files)
    headers = assemble([file.header for file in files])
    return Comparand(name, tuple(file.path.name for file in files), headers, _Pixels(files, headers))


def _in_order(files: Sequence[HeaderFile]) -> list[HeaderFile]:
    """Return files as a reader would order them, or else by instance number."""
    headers = assemble([file.header for file in files])
    try:
        order, _ = stack(headers, [file.path.name for file in files], StackPolicy("keep", "error", REGULAR_TOLERANCE))
    except (SlicewiseError, ValueError, TypeError):
        # No volume, for whatever reason; files can be compared all the same.
        order = sorted(range(len(files)), key=lambda k: _number(files[k]))
    return [files[k] for k in order]


def _number(file: HeaderFile) -> int:
    text = file.text(0x00200013)
    return int(text) if text.lstrip("+-").isdecimal() else 0


class _Pixels:
    """Reads slices of files, whether they make a volume or not."""

    def __init__(self, files: Sequence[HeaderFile], headers: Headers) -> None:
        self._files = files
        self._headers = headers

    def __call__(self, index: int) -> Array | None:
        file = self._files[index]
        if not file.has_pixels:
            return None
        frames = file.text(0x00280008)
        if frames not in ("", "1"):
            raise SeriesError(
                f"{file.path.name} holds {frames} frames; only the pixels of single-frame files are compared"
            )
        header = self._headers.take([index])
        form, mapping = pixel_formats(header)[0], modality_mappings(header)[0]
        shape = (form.rows, form.columns) if form.samples == 1 else (form.rows, form.columns, form.samples)
        out = np.empty(shape, value_dtype([form], [mapping]))
        read_slice(Frame(file), form, mapping, out)
        return out
