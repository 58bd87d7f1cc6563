"""Which slice of one series stands where which slice of another does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import column_decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = ["Matching", "match_slices"]

_SAME_POSITION = 0.01
"""Slices closer than this, in mm along their normal, are at one position: headers are rounded."""

_SAME_DIRECTION = 1e-3
"""Normals whose components differ by no more than this are parallel."""


class Matching(NamedTuple):
    """Pairs of slices, and those that are left.

    ``pairs`` are indices in A and B, in the order of A; ``by`` says how they were found.
    """

    pairs: tuple[tuple[int, int], ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    by: str


class _Place(NamedTuple):
    """Where a slice is: the normal of its plane, the distance along it in mm, and its instance number."""

    normal: npt.NDArray[np.float64]
    distance: float
    number: int


def match_slices(a: Headers, b: Headers) -> Matching:
    """Return which slices of A and B belong together.

    One file and one file are a pair. Otherwise slices are matched by the planes they lie in if all have one,
    else by instance number if all have one of their own, else in order.
    """
    if len(a) == len(b) == 1:
        return Matching(((0, 0),), (), (), "order")
    places = _places(a), _places(b)
    if places[0] is not None and places[1] is not None:
        return _matching(_pairs_by_position(places[0], places[1]), a, b, "position")
    numbers = _numbers(a), _numbers(b)
    if all(len(set(side)) == len(side) and None not in side for side in numbers):
        where = {number: j for j, number in enumerate(numbers[1])}
        pairs = [(i, where[number]) for i, number in enumerate(numbers[0]) if number in where]
        return _matching(pairs, a, b, "instance number")
    return _matching(list(zip(range(len(a)), range(len(b)), strict=False)), a, b, "order")


def _matching(pairs: Sequence[tuple[int, int]], a: Headers, b: Headers, by: str) -> Matching:
    taken_a, taken_b = ({pair[side] for pair in pairs} for side in (0, 1))
    return Matching(
        tuple(sorted(pairs)),
        tuple(i for i in range(len(a)) if i not in taken_a),
        tuple(j for j in range(len(b)) if j not in taken_b),
        by,
    )


def _places(headers: Headers) -> list[_Place] | None:
    try:
        orientation = _vectors(headers, "ImageOrientationPatient", 6)
        position = _vectors(headers, "ImagePositionPatient", 3)
    except HeaderError:
        return None
    if orientation is None or position is None:
        return None
    normal = np.cross(orientation[:, :3], orientation[:, 3:])
    length = np.linalg.norm(normal, axis=1)
    if not (length > 0).all():
        return None
    # A plane and the same plane turned over are one.
    main = np.abs(normal).argmax(axis=1)
    normal /= (length * np.sign(normal[np.arange(len(normal)), main]))[:, np.newaxis]
    distance = np.einsum("ij,ij->i", position, normal)
    return [_Place(n, float(d), k or 0) for n, d, k in zip(normal, distance, _numbers(headers), strict=True)]


def _vectors(headers: Headers, keyword: str, length: int) -> npt.NDArray[np.float64] | None:
    values = column_decimals(headers, tag_of(keyword))
    return np.array(values) if values and all(len(v) == length for v in values) else None


def _numbers(headers: Headers) -> list[int | None]:
    texts = [text_of(headers.element(tag_of("InstanceNumber"), k)) for k in range(len(headers))]
    return [int(t) if t.lstrip("+-").isdecimal() else None for t in texts]


def _pairs_by_position(a: Sequence[_Place], b: Sequence[_Place]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    left = set(range(len(a)))
    while left:
        normal = a[min(left)].normal
        parallel = [i for i in left if _is_parallel(a[i], normal)]
        left -= set(parallel)
        pairs += _merged(
            _sorted(a, parallel), _sorted(b, [j for j in range(len(b)) if _is_parallel(b[j], normal)]), a, b
        )
    return pairs


def _is_parallel(place: _Place, normal: npt.NDArray[np.float64]) -> bool:
    return bool(np.abs(place.normal - normal).max() <= _SAME_DIRECTION)


def _sorted(places: Sequence[_Place], chosen: Sequence[int]) -> list[int]:
    # Slices at one position (echoes, time points) pair up in the order of their numbers.
    return sorted(chosen, key=lambda k: (round(places[k].distance / _SAME_POSITION), places[k].number, k))


def _merged(
    left: Sequence[int], right: Sequence[int], a: Sequence[_Place], b: Sequence[_Place]
) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        apart = a[left[i]].distance - b[right[j]].distance
        if abs(apart) <= _SAME_POSITION:
            pairs.append((left[i], right[j]))
            i, j = i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return pairs
