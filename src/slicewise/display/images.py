"""An image as HTML: thumbnails, grid and headers."""

from __future__ import annotations

import numpy as np

from slicewise.display.geometry import geometry_rows
from slicewise.display.headers import headers_parts
from slicewise.display.markup import details, pairs, picture, wrapped
from slicewise.image import Image
from slicewise.image.pictures import Plane, across, encode_png, levels_of, slice_plane
from slicewise.image.pictures.planes import Levels, fitted

__all__ = ["image_html"]

_THUMBNAILS = 4
_LONGEST_SIDE = 150


def image_html(image: Image) -> str:
    """Return an image as HTML: a few slices and a cut across them, the grid, the headers and the history."""
    levels = levels_of(image)
    values = f"{' × '.join(map(str, image.shape))} {image.dtype}, shown from {levels}"
    history = [step.description for step in image.history] or ["as read"]
    return wrapped(
        f"<b>Image</b> <span class='faint'>{values}</span>",
        f"<div class='row'>{''.join(_thumbnails(image, levels))}</div>",
        pairs([*geometry_rows(image.geometry), ("history", " → ".join(history))]),
        details("headers", headers_parts(image.headers)) if len(image.headers.columns()) else "",
    )


def _thumbnails(image: Image, levels: Levels) -> list[str]:
    slices = image.geometry.slices
    chosen = sorted({int(k) for k in np.rint(np.linspace(0.1, 0.9, _THUMBNAILS) * (slices - 1))})
    planes = [(slice_plane(image, k), f"slice {k}") for k in chosen]
    if slices > 2:
        planes.append((across(image), "across"))
    scale = _LONGEST_SIDE / max(max(plane.extent) for plane, _ in planes)
    return [_thumbnail(plane, caption, levels, scale) for plane, caption in planes]


def _thumbnail(plane: Plane, caption: str, levels: Levels, scale: float) -> str:
    height, width = (max(1, round(length * scale)) for length in plane.extent)
    # Twice as many pixels as are shown: screens have them.
    grey = fitted(levels.apply(plane.values), 2 * height, 2 * width)
    return picture(encode_png(grey), caption, width=width, height=height)
