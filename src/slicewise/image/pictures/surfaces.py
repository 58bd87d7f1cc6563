"""Surfaces of labels seen from three sides, as pictures: no more than a first look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.image.geometry import Geometry
from slicewise.image.pictures.labels import Colours, coloured

__all__ = ["View", "surface_views"]

Array = npt.NDArray[Any]
Picture = npt.NDArray[np.uint8]

_LONGEST = 200
"""Voxels along the longest side of what is drawn."""
_LIGHT = np.array([-0.35, -0.45, 0.82])
"""Where light comes from: from the left, above and behind who looks; columns, rows, towards the eye."""
_AMBIENT = 0.3
_MOST_SMOOTHING = 30


class View(NamedTuple):
    """A picture of surfaces, height and width in mm, and from where they are seen."""

    picture: Picture
    extent: tuple[float, float]
    name: str


def surface_views(labels: Array, geometry: Geometry, colours: Colours) -> tuple[View, ...]:
    """Return the surfaces of labels from the front, from the left and from the feet; nothing where there is no label.

    The patient's axis nearest to each axis of the image stands for it.

    Parameters
    ----------
    labels : array of shape (slices, rows, columns)
        The labels.
    geometry : Geometry
        Their grid.
    colours : mapping of int to (red, green, blue)
        Colours of labels.
    """
    turned, spacing = _to_patient(labels, geometry)
    found = _cut(turned)
    if found is None:
        return ()
    volume, step = _even(found, spacing)
    soft = _smoothed(volume != 0, [length / step for length in spacing])
    # Axes are z, y, x: upwards, backwards, to the left of the patient. Pictures have the head up, and right at left.
    sides: tuple[tuple[str, Callable[[Array], Array]], ...] = (
        ("from the front", lambda v: v.transpose(0, 2, 1)[::-1]),
        ("from the left", lambda v: v[::-1, :, ::-1]),
        ("from the feet", lambda v: v.transpose(1, 2, 0)),
    )
    return tuple(_view(turn(volume), turn(soft), name, step, colours) for name, turn in sides)


def _to_patient(labels: Array, geometry: Geometry) -> tuple[Array, tuple[float, float, float]]:
    """Return labels with the axes z, y, x of the patient, each growing, and the spacing along them."""
    steps = np.stack([geometry.mean_step, geometry.column_direction, geometry.row_direction])
    lengths = (geometry.slice_spacing or 1.0, geometry.pixel_spacing[0], geometry.pixel_spacing[1])
    free, axes = [0, 1, 2], []
    for k in (2, 1, 0):
        best = max(free, key=lambda axis: abs(steps[axis, k]) / np.linalg.norm(steps[axis]))
        free.remove(best)
        axes.append(best)
    turned = labels.transpose(axes)
    against = tuple(n for n, (axis, k) in enumerate(zip(axes, (2, 1, 0), strict=True)) if steps[axis, k] < 0)
    spacing = tuple(lengths[axis] for axis in axes)
    return np.flip(turned, against), (spacing[0], spacing[1], spacing[2])


def _cut(labels: Array) -> Array | None:
    """Return the part that holds labels, with a margin of one voxel around it."""
    filled = labels != 0
    parts = []
    for axis in range(3):
        there = np.flatnonzero(filled.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(there):
            return None
        parts.append(slice(there[0], there[-1] + 1))
    return np.pad(labels[tuple(parts)], 1)


def _even(labels: Array, spacing: tuple[float, float, float]) -> tuple[Array, float]:
    """Return labels on a grid of one spacing along all axes, and that."""
    extent = np.array(labels.shape) * spacing
    step = max(float(extent.max()) / _LONGEST, min(spacing))
    sizes = np.maximum(np.rint(extent / step).astype(int), 3)
    places = [
        np.minimum(((np.arange(n) + 0.5) * m / n).astype(int), m - 1) for n, m in zip(sizes, labels.shape, strict=True)
    ]
    return labels[np.ix_(*places)], step


def _view(labels: Array, soft: Array, name: str, step: float, colours: Colours) -> View:
    """Return what is met first along the last axis, in the light; ``soft`` tells the slopes of its surface."""
    filled = labels != 0
    depth = filled.argmax(axis=2)
    rows, columns = np.nonzero(filled.any(axis=2))
    at = (rows, columns, depth[rows, columns])
    slopes = np.stack([gradient[at] for gradient in np.gradient(soft, axis=(0, 1, 2))])
    # Outwards: against the gradient of what is filled.
    normals = -np.stack([slopes[1], slopes[0], -slopes[2]])
    lengths = np.linalg.norm(normals, axis=0)
    light = np.clip(_LIGHT @ (normals / np.maximum(lengths, 1e-6)), 0, 1)
    far = (at[2] - at[2].min()) / max(labels.shape[2], 1)
    shades = (_AMBIENT + (1 - _AMBIENT) * light) * (1 - 0.35 * far)
    picture = np.zeros((*labels.shape[:2], 3), np.uint8)
    picture[rows, columns] = np.rint(coloured(labels[at], colours) * shades[:, np.newaxis]).astype(np.uint8)
    return View(picture, (labels.shape[0] * step, labels.shape[1] * step), name)


def _smoothed(filled: Array, sizes: Sequence[float]) -> npt.NDArray[np.float32]:
    """Return what is filled, smoothed over the size of a voxel along each axis, so that steps of slices are slopes."""
    values = filled.astype(np.float32)
    for axis, size in enumerate(sizes):
        for _ in range(min(max(2, round(0.7 * size * size)), _MOST_SMOOTHING)):
            padded = np.pad(values, [(1, 1) if k == axis else (0, 0) for k in range(3)], mode="edge")
            before, here, after = (
                padded[tuple(slice(j, j + values.shape[axis]) if k == axis else slice(None) for k in range(3))]
                for j in range(3)
            )
            values = (before + 2 * here + after) / np.float32(4)
    return values
