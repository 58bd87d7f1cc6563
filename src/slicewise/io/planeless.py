"""Images without a plane: stacked in the order of their source, in coordinates of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from slicewise.dicom.pixel_size import pixel_size
from slicewise.dicom.values import column_decimals, text_of, unsigned_short
from slicewise.errors import HeaderError, MixedSlicesError, SeriesError
from slicewise.image import Geometry, Headers
from slicewise.image.elements import tag_of

__all__ = ["check_none_has_plane", "plane_states", "stack_without_planes"]

_PLANE = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))
_INSTANCE = tag_of("SOPInstanceUID")
_NUMBER = tag_of("InstanceNumber")
_PART = tag_of("InConcatenationNumber")


def plane_states(headers: Headers) -> list[bool]:
    """Return for each image whether it has a plane: position, orientation and spacing (PS3.3, C.7.6.2)."""
    complete = np.ones(len(headers), np.bool_)
    for keyword, length in _PLANE:
        complete &= _has_numbers(headers, keyword, length)
    return [bool(state) for state in complete]


def check_none_has_plane(states: Sequence[bool], names: Sequence[str]) -> None:
    """Raise if some images have a plane and others have not.

    Raises
    ------
    MixedSlicesError
        With one of either kind.
    """
    if any(states):
        raise MixedSlicesError(
            f"{names[states.index(True)]} has a place in the patient and {names[states.index(False)]} has none "
            f"({states.count(False)} of {len(names)} images): they make no one stack. Choose with where={{...}}, or "
            "give a list of files"
        )


def _has_numbers(headers: Headers, keyword: str, length: int) -> list[bool]:
    try:
        values = column_decimals(headers, tag_of(keyword))
    except HeaderError:
        return [False] * len(headers)
    return [len(value) == length and bool(np.isfinite(value).all()) for value in values]


def stack_without_planes(headers: Headers, names: Sequence[str]) -> tuple[list[int], Geometry]:
    """Return the order of images without a plane, and a grid of columns to the right and rows down.

    Images stand in the order of their Instance Number, frames in that of their file. Pixels have the size that
    all images state, or none; the slices are 1 apart, which says nothing of where they lie.

    Parameters
    ----------
    headers : Headers
        One header per image.
    names : sequence of str
        Names of the images, for messages.

    Raises
    ------
    HeaderError
        If rows or columns of an image are no number.
    SeriesError
        If images differ in size, or nothing says in which order instances stand.
    """
    for keyword in ("Rows", "Columns", "SamplesPerPixel"):
        values = _numbers(headers, keyword, names)
        other = next((k for k, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            raise MixedSlicesError(
                f"the images differ in {keyword} and make no one stack: {values[0]} in {names[0]} and {values[other]} "
                f"in {names[other]}. Choose with where={{...}}, e.g. where={{{keyword!r}: {values[0]!r}}}"
            )
        if values[0] is None and keyword != "SamplesPerPixel":
            raise SeriesError(f"{names[0]}: the image has no {keyword}, without which its pixels cannot be read")
    order = _source_order(headers, names)
    coordinates, spacing = pixel_size(headers)
    geometry = Geometry(
        rows=_numbers(headers, "Rows", names)[0] or 0,
        columns=_numbers(headers, "Columns", names)[0] or 0,
        row_direction=np.array([1.0, 0.0, 0.0]),
        column_direction=np.array([0.0, 1.0, 0.0]),
        pixel_spacing=spacing,
        positions=np.arange(len(headers))[:, np.newaxis] * np.array([0.0, 0.0, 1.0]),
        coordinates=coordinates,
    )
    return order, geometry


def _numbers(headers: Headers, keyword: str, names: Sequence[str]) -> list[int | None]:
    tag = tag_of(keyword)
    found: list[int | None] = []
    for k, name in enumerate(names):
        try:
            found.append(unsigned_short(headers.element(tag, k)))
        except HeaderError as error:
            raise HeaderError(f"{name}: {error}") from None
    return found


def _source_order(headers: Headers, names: Sequence[str]) -> list[int]:
    count = len(headers)
    instances = [text_of(headers.element(_INSTANCE, k)) for k in range(count)]
    if len(set(instances)) == 1:
        return list(range(count))
    numbers = [
        (_instance_number(text_of(headers.element(_NUMBER, k)), names[k]), _part(headers, k)) for k in range(count)
    ]
    # Sorting is stable: frames of an instance keep their order.
    order = sorted(range(count), key=lambda k: numbers[k])
    for a, b in pairwise(order):
        if numbers[a] == numbers[b] and instances[a] != instances[b]:
            raise SeriesError(
                f"{names[a]} and {names[b]} are different instances with InstanceNumber {numbers[a][0]}: nothing "
                "says in which order images without a plane stand. Read one file, or choose with where={...}"
            )
    return order


def _part(headers: Headers, k: int) -> int:
    """Return which part of a concatenation an image belongs to."""
    element = headers.element(_PART, k)
    return 0 if element is None else int.from_bytes(element.value[:2], "little" if element.little_endian else "big")


def _instance_number(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SeriesError(
            f"{name}: the image has no plane and its InstanceNumber is {text!r}: nothing says in which order such "
            "images stand. Read one file, or choose with where={...}"
        ) from None
