"""Mosaics of Siemens: the slices of a volume as tiles of one frame.

Image Position (Patient) is that of the corner of the mosaic as if it were one large slice around the centre of
the first; the CSA header says how many tiles there are and in which sense the slices follow each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from slicewise.dicom.csa import csa_fields
from slicewise.dicom.private import private_element, private_tags
from slicewise.dicom.values import decimal_strings, decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import name_of, tag_of
from slicewise.image.headers import Column

__all__ = ["MOSAIC", "describes_mosaic", "mosaic_layout", "mosaic_places"]

_CSA = ("SIEMENS CSA HEADER", 0x0029, 0x10)
_IMAGE_COUNT = ("SIEMENS MR HEADER", 0x0019, 0x0A)
"""Creator, group and number within its block of private elements that describe a mosaic."""

_OF_THE_MOSAIC = (
    _IMAGE_COUNT,
    ("SIEMENS MR HEADER", 0x0019, 0x15),  # its position
    ("SIEMENS MR HEADER", 0x0019, 0x29),  # times of its tiles
    ("SIEMENS MR HEADER", 0x0051, 0x0C),  # its field of view
    ("SIEMENS MR HEADER", 0x0051, 0x16),  # its image type
)
"""What else is true of a mosaic and not of a tile; readers take an image for a mosaic by some of them."""

MOSAIC = "MOSAIC"
"""What Image Type says of a mosaic."""

_TYPE = tag_of("ImageType")
_POSITION = tag_of("ImagePositionPatient")
_ORIENTATION = tag_of("ImageOrientationPatient")
_SPACING = tag_of("PixelSpacing")
_LOCATION = tag_of("SliceLocation")
_COUNT, _NORMAL = "NumberOfImagesInMosaic", "SliceNormalVector"
_PARALLEL = 0.999
"""Cosine from which on two directions are one."""

FloatArray = npt.NDArray[np.float64]


def mosaic_layout(elements: Mapping[int, RawElement]) -> tuple[int, int, int]:
    """Return how many tiles there are, and how many places down and across: as many either way.

    Raises
    ------
    HeaderError
        If nothing says how many, or two elements disagree.
    """
    count = image_count(elements)
    side = math.ceil(math.sqrt(count))
    return count, side, side


def image_count(elements: Mapping[int, RawElement]) -> int:
    """Return the number of tiles of a mosaic.

    Raises
    ------
    HeaderError
        If nothing says how many, or two elements disagree.
    """
    stated = private_element(elements, *_IMAGE_COUNT)
    counts = {int(text) for text in _csa(elements).get(_COUNT, [])[:1] if text.isdigit()}
    if stated is not None and len(stated.value) == 2:
        counts.add(int.from_bytes(stated.value, "little" if stated.little_endian else "big"))
    counts.discard(0)
    if len(counts) == 1:
        return counts.pop()
    found = f"they disagree: {' and '.join(map(str, sorted(counts)))}" if counts else "both are missing"
    raise HeaderError(
        "the frame is a mosaic of slices (ImageType MOSAIC), and how many is said by NumberOfImagesInMosaic in its "
        f"CSA header (0029,xx10) and in (0019,xx0A): {found}. Mosaics whose private attributes were removed cannot be "
        "cut into slices"
    )


def _csa(elements: Mapping[int, RawElement]) -> dict[str, list[str]]:
    element = private_element(elements, *_CSA)
    return {} if element is None else csa_fields(element.value, (_COUNT, _NORMAL))


def mosaic_places(elements: Mapping[int, RawElement], size: Sequence[int], tile: Sequence[int]) -> dict[int, Column]:
    """Return positions and slice locations of the tiles.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of the instance.
    size, tile : (rows, columns)
        Size of the mosaic and of a tile.

    Raises
    ------
    HeaderError
        If the plane of the mosaic, the distance of its slices or their sense is not said.
    """
    position, plane, spacing = (
        _numbers(elements, tag, n) for tag, n in ((_POSITION, 3), (_ORIENTATION, 6), (_SPACING, 2))
    )
    margins = [(whole - part) / 2 for whole, part in zip(size, tile, strict=True)]
    first = position + plane[3:] * spacing[0] * margins[0] + plane[:3] * spacing[1] * margins[1]
    step = _slice_distance(elements) * _slice_normal(elements, plane)
    positions = first + np.arange(image_count(elements))[:, np.newaxis] * step
    columns: dict[int, Column] = {
        _POSITION: tuple(RawElement(_POSITION, "DS", decimal_strings(place)) for place in positions)
    }
    if _LOCATION in elements:
        columns[_LOCATION] = _locations(elements[_LOCATION], positions, plane)
    return columns


def _numbers(elements: Mapping[int, RawElement], tag: int, wanted: int) -> FloatArray:
    values = np.array(decimals(elements.get(tag)))
    if values.shape != (wanted,) or not np.isfinite(values).all():
        raise HeaderError(
            f"the frame is a mosaic of slices, whose places follow from {name_of(tag)}: it must be {wanted} numbers "
            f"(got {values.tolist() or 'none'})"
        )
    return values


def _slice_distance(elements: Mapping[int, RawElement]) -> float:
    values = decimals(elements.get(tag_of("SpacingBetweenSlices")))
    if not values or not values[0] > 0:
        raise HeaderError(
            "the frame is a mosaic of slices, and SpacingBetweenSlices does not say how far apart they lie "
            f"(got {values[0] if values else 'none'})"
        )
    return values[0]


def _slice_normal(elements: Mapping[int, RawElement], plane: FloatArray) -> FloatArray:
    """Return the direction from one slice to the next: the normal of the plane, in the sense of the CSA header."""
    values = _csa(elements).get(_NORMAL, [])[:3]
    try:
        stated = np.array([float(value) for value in values])
    except ValueError:
        stated = np.zeros(0)
    normal = np.cross(plane[:3], plane[3:])
    if stated.shape == (3,) and (length := float(np.linalg.norm(stated) * np.linalg.norm(normal))) > 0:
        cosine = float(stated @ normal) / length
        if abs(cosine) > _PARALLEL:
            return np.asarray(np.sign(cosine) * normal / np.linalg.norm(normal))
    raise HeaderError(
        "the frame is a mosaic of slices, and SliceNormalVector in its CSA header (0029,xx10) does not say in which "
        f"sense they follow each other: it must be three numbers along the normal of the plane (got {values or 'none'})"
    )


def _locations(stated: RawElement, positions: FloatArray, plane: FloatArray) -> Column:
    """Return the location of each tile: that of the mosaic is of the first, and its sense told by its value."""
    first = decimals(stated)
    normal = np.cross(plane[:3], plane[3:])
    heights = positions @ (normal / np.linalg.norm(normal))
    for sign in (1.0, -1.0):
        if len(first) == 1 and abs(sign * heights[0] - first[0]) < 1e-2:
            shifted = first[0] + sign * (heights - heights[0])
            return tuple(RawElement(_LOCATION, "DS", decimal_strings([float(f"{v:.9g}")])) for v in shifted)
    return (None,) * len(positions)


def describes_mosaic(headers: Headers) -> list[int]:
    """Return the tags of private elements that say of images that are no mosaics that they are.

    A slice that was cut from a mosaic keeps the scanner's private header for those who ask for it; in an image of
    its own it would make other readers cut it again.
    """
    if MOSAIC in text_of(headers.element(_TYPE, 0)).split("\\"):
        return []
    described = [tag for tag in private_tags(headers, *_CSA) if _is_of_mosaic(headers.column(tag))]
    counts = private_tags(headers, *_IMAGE_COUNT)
    if not described and not counts:
        return []
    return described + [tag for known in _OF_THE_MOSAIC for tag in private_tags(headers, *known)]


def _is_of_mosaic(column: Column | None) -> bool:
    elements = {column} if isinstance(column, RawElement) else set(column or ()) - {None}
    return any(element is not None and _states_mosaic(element) for element in elements)


def _states_mosaic(csa: RawElement) -> bool:
    try:
        counts = csa_fields(csa.value, (_COUNT,)).get(_COUNT, [])
    except HeaderError:
        return False
    return bool(counts) and counts[0] not in ("0", "1")
