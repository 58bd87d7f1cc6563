"""An image, or a stack of images, as HTML: thumbnails, grid and headers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slicewise.dicom.segments import Segment
from slicewise.display.geometry import geometry_rows
from slicewise.display.headers import headers_parts
from slicewise.display.labels import preview_parts
from slicewise.display.markup import details, pairs, picture, wrapped
from slicewise.filters.label_preview import LabelPreview, entries_of
from slicewise.image import Image, ImageInfo, ImageStack, Operation
from slicewise.image.pictures import Plane, across, encode_png, levels_of, slice_plane
from slicewise.image.pictures.planes import Levels, fitted

__all__ = ["image_html", "stack_html"]

_THUMBNAILS = 4
_LONGEST_SIDE = 150


def image_html(image: Image) -> str:
    """Return an image as HTML: a few slices and a cut across them, the grid, the headers and the history."""
    if _is_label_map(image):
        return _labels_html(image)
    levels = levels_of(image)
    return _html("Image", image.info, levels, _planes(image), [])


def _is_label_map(image: Image) -> bool:
    """Whether pixels are still the labels of the segmentation that the headers describe."""
    changed = any(Operation.PIXEL in step.operations for step in image.history)
    return image.dtype.kind == "u" and image.array.ndim == 3 and not changed and "SegmentSequence" in image.headers


def _labels_html(image: Image) -> str:
    segments = [Segment.from_item(item) for item in image.headers["SegmentSequence"][0]]
    present = set(np.unique(image.array).tolist())
    entries = tuple(entry for entry in entries_of(segments) if entry.label in present and entry.label)
    values = f"{' × '.join(map(str, image.shape))} {image.dtype}, labels of segments"
    return wrapped(
        f"<b>Image</b> <span class='faint'>{values}</span>",
        *preview_parts(LabelPreview(image, None, entries)),
        pairs(geometry_rows(image.geometry)),
        details("headers", headers_parts(image.headers)),
    )


def stack_html(stack: ImageStack) -> str:
    """Return a stack as HTML: the middle slice of a few volumes, the axis, the grid, the headers and the history."""
    volumes = stack.volumes
    middle = stack.geometry.slices // 2
    planes = [(slice_plane(volumes[k], middle), f"volume {k}") for k in _spread(len(volumes), 0.0)]
    axis = stack.info.axis
    told = [] if axis is None else [("axis", axis.text)]
    return _html("ImageStack", stack.info, levels_of(volumes[len(volumes) // 2]), planes, told)


def _html(
    title: str,
    info: ImageInfo,
    levels: Levels,
    planes: Sequence[tuple[Plane, str]],
    told: Sequence[tuple[str, str]],
) -> str:
    values = f"{' × '.join(map(str, info.shape))} {info.dtype}, shown from {levels}"
    history = [step.description for step in info.history] or ["as read"]
    scale = _LONGEST_SIDE / max(max(plane.extent) for plane, _ in planes)
    return wrapped(
        f"<b>{title}</b> <span class='faint'>{values}</span>",
        f"<div class='row'>{''.join(_thumbnail(plane, caption, levels, scale) for plane, caption in planes)}</div>",
        pairs([*told, *geometry_rows(info.geometry), ("history", " → ".join(history))]),
        details("headers", headers_parts(info.headers)) if len(info.headers.columns()) else "",
    )


def _spread(number: int, margin: float) -> list[int]:
    return sorted({int(k) for k in np.rint(np.linspace(margin, 1 - margin, _THUMBNAILS) * (number - 1))})


def _planes(image: Image) -> list[tuple[Plane, str]]:
    slices = image.geometry.slices
    planes = [(slice_plane(image, k), f"slice {k}") for k in _spread(slices, 0.1)]
    if slices > 2:
        planes.append((across(image), "across"))
    return planes


def _thumbnail(plane: Plane, caption: str, levels: Levels, scale: float) -> str:
    height, width = (max(1, round(length * scale)) for length in plane.extent)
    # Twice as many pixels as are shown: screens have them.
    grey = fitted(levels.apply(plane.values), 2 * height, 2 * width)
    return picture(encode_png(grey), caption, width=width, height=height)
