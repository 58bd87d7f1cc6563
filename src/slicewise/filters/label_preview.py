"""Labels over their image, and their surfaces, as pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ParameterError
from slicewise.image import Image, check_same_space
from slicewise.image.pictures import Levels, Plane, encode_png, levels_of
from slicewise.image.pictures.labels import coloured, default_colour, overlaid
from slicewise.image.pictures.planes import fitted
from slicewise.image.pictures.surfaces import View, surface_views
from slicewise.pipeline.node import Node, as_node

__all__ = ["Entry", "LabelPreview", "Tile", "entries_of", "preview_labels"]

Picture = npt.NDArray[np.uint8]

_SLICES = 4
_LONGEST_SIDE = 190
_GAP = 8
_PAPER = 24


class Entry(NamedTuple):
    """What a label is called, and its colour as red, green and blue."""

    label: int
    name: str
    colour: tuple[int, int, int]


class Tile(NamedTuple):
    """A picture, its height and width in mm, and what it shows."""

    picture: Picture
    extent: tuple[float, float]
    caption: str


@attrs.frozen(eq=False, repr=False)
class LabelPreview:
    """Labels over slices of their image, and their surfaces from three sides.

    Parameters
    ----------
    labels : Image
        The labels.
    image : Image, optional
        The image below them.
    entries : tuple of Entry
        What is known of the labels that are there.
    """

    labels: Image
    image: Image | None
    entries: tuple[Entry, ...]

    @property
    def _colours(self) -> Mapping[int, tuple[int, int, int]]:
        return {entry.label: entry.colour for entry in self.entries}

    def slices(self) -> list[Tile]:
        """Return a few slices with labels, each with its height and width in mm."""
        filled = np.flatnonzero(self.labels.array.any(axis=(1, 2)))
        among = filled if len(filled) else np.arange(self.labels.geometry.slices)
        chosen = sorted(
            {int(among[round(float(share) * (len(among) - 1))]) for share in np.linspace(0.1, 0.9, _SLICES)}
        )
        levels = None if self.image is None else levels_of(self.image)
        return [self._slice(k, levels) for k in chosen]

    def _slice(self, k: int, levels: Levels | None) -> Tile:
        plane = Plane(self.labels.array[k], self.labels.geometry.pixel_spacing)
        # Labels are enlarged as they are, so that borders are drawn where pixels end.
        times = max(1, round(2 * _LONGEST_SIDE / max(plane.values.shape)))
        labels = np.kron(plane.values, np.ones((times, times), plane.values.dtype))
        if self.image is None or levels is None:
            return Tile(coloured(labels, self._colours), plane.extent, f"slice {k}")
        grey = np.repeat(np.repeat(levels.apply(self.image.array[k]), times, axis=0), times, axis=1)
        return Tile(overlaid(grey, labels, self._colours), plane.extent, f"slice {k}")

    @property
    def surfaces(self) -> tuple[View, ...]:
        """The surfaces of the labels, shaded, from the front, from the left and from the feet."""
        return surface_views(self.labels.array, self.labels.geometry, self._colours)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the slices and the surfaces as one PNG, and return its path."""
        rows = [self.slices(), [Tile(*view) for view in self.surfaces]]
        parts = [_beside([_scaled(tile, 2 * _LONGEST_SIDE, _scale(row)) for tile in row]) for row in rows if row]
        width = max(part.shape[1] for part in parts)
        sheet = np.concatenate([_padded(part, part.shape[0] + _GAP, width) for part in parts])
        Path(path).write_bytes(encode_png(sheet))
        return Path(path)

    def __repr__(self) -> str:
        names = ", ".join(f"{entry.label}: {entry.name!r}" for entry in self.entries)
        return f"LabelPreview({names or 'no labels'})"


def preview_labels(labels: Node | Image, image: Node | Image | None = None, names: Any = None) -> LabelPreview:
    """Show labels in the colours of their segments, over their image if there is one, and their surfaces.

    In a notebook the result shows itself; ``.save("labels.png")`` writes it. Nodes are computed for it.

    Parameters
    ----------
    labels : Node or Image
        Labels, or a mask, or masks as components.
    image : Node or Image, optional
        The image on the same grid.
    names : optional
        What the labels are: segments (``reader.segments``), a ``SegmentTemplate``, or a mapping of labels to names.
        Those of a ``SegmentationReader`` or ``ContourReader`` if not given.

    Raises
    ------
    SpaceMismatchError
        If the grids differ.
    ParameterError
        If labels are no integers.
    """
    source = as_node(labels)
    under = None if image is None else as_node(image)
    if under is not None:
        check_same_space(under.geometry, source.geometry, ("the image", "the labels"))
    if source.dtype.kind not in "bui":
        raise ParameterError(f"labels must be integers, or masks (got {source.dtype})")
    numbers = list(getattr(source, "shown_labels", ()))
    computed = _as_labels(source.update(progress=False), numbers)
    present = [int(label) for label in np.unique(computed.array) if label]
    known = {entry.label: entry for entry in entries_of(source if names is None else names)}
    entries = tuple(known.get(label) or Entry(label, "", default_colour(label)) for label in present)
    return LabelPreview(computed, None if under is None else under.update(progress=False), entries)


def _as_labels(image: Image, numbers: Sequence[int]) -> Image:
    """Return masks as labels: where they overlap, the last."""
    if image.dtype != np.bool_:
        return image
    masks = image.array.reshape(*image.geometry.shape, -1)
    count = masks.shape[-1]
    labels = list(numbers) if len(numbers) == count else list(range(1, count + 1))
    painted = np.zeros(image.geometry.shape, np.min_scalar_type(max(labels)))
    for k, label in enumerate(labels):
        painted[masks[..., k]] = label
    return Image.from_array(painted, geometry=image.geometry)


def entries_of(value: Any) -> tuple[Entry, ...]:
    """Return what is known of labels, of whatever knows them: names and colours."""
    if hasattr(value, "merged"):
        value = value.merged
    if isinstance(value, Mapping):
        return tuple(_entry(label, of, of if isinstance(of, str) else of.label) for label, of in value.items())
    if hasattr(value, "segments"):
        value = value.segments
    if hasattr(value, "regions"):
        return tuple(Entry(r.label, r.name, r.colour or default_colour(r.label)) for r in value.regions)
    if isinstance(value, Sequence):
        return tuple(_entry(s.number if s.value is None else s.value, s, s.label) for s in value)
    return ()


def _entry(label: int, segment: Any, name: str) -> Entry:
    return Entry(int(label), name, getattr(segment, "rgb", None) or default_colour(int(label)))


def _scale(tiles: Sequence[Tile]) -> float:
    """Return pixels of the page per mm."""
    return _LONGEST_SIDE / max(max(tile.extent) for tile in tiles) if tiles else 1.0


def _scaled(tile: Tile, side: int, scale: float) -> Picture:
    height, width = (max(1, round(length * scale * side / _LONGEST_SIDE)) for length in tile.extent)
    return np.asarray(fitted(tile.picture, height, width), np.uint8)


def _beside(pictures: Sequence[Picture]) -> Picture:
    height = max(picture.shape[0] for picture in pictures)
    return np.concatenate([_padded(part, height, part.shape[1] + _GAP) for part in pictures], axis=1)


def _padded(part: Picture, height: int, width: int) -> Picture:
    return np.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)), constant_values=_PAPER)
