"""Times of images at the same places, where no attribute numbers them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import text_of
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.separators import CLOCKS

__all__ = ["times_at_places"]

Indices = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

_NUMBER = tag_of("InstanceNumber")


def times_at_places(headers: Headers, images: Indices, places: Indices) -> Indices | None:
    """Return for each image which time it is of, from 0, as clocks and then instance numbers put them in order.

    Where all places were taken equally often, the k-th image at each is of the k-th time. Where slices are missing, the
    times follow from the order in which the volumes were acquired, one after the other; None if they were not, as then
    nothing says of which time a slice is missing. Trigger Time comes first, as long as the other clocks do not agree on
    another order with the instance numbers.

    Parameters
    ----------
    headers : Headers
        Headers of all images.
    images : array of int
        Images of one stack.
    places : array of int
        For each of them the number of its place, from 0 without gaps.
    """
    trigger, *others = (_numbers(headers, images, tag) for tag in (*CLOCKS, _NUMBER))
    if trigger is not None and _is_contradicted(trigger, others, places):
        trigger = None
    order = _ordered(images, [trigger, *others])
    ordered = places[order].tolist()
    counts = np.bincount(places)
    found = np.empty(len(images), np.intp)
    if counts.min() == counts.max():
        found[order] = _ordinals(ordered)
        return found
    found[order] = _rounds(ordered)
    return found if found.max() + 1 == counts.max() else None


def _ordered(images: Indices, moments: Sequence[FloatArray | None]) -> Indices:
    return np.lexsort([images, *reversed([m for m in moments if m is not None])])


def _is_contradicted(trigger: FloatArray, others: Sequence[FloatArray | None], places: Indices) -> bool:
    """Whether clocks and instance numbers agree on another order at the places than Trigger Time says.

    One image is taken in each of many heartbeats then, such as of a perfusion: its delay after the beat scatters.
    """
    *clocks, number = others
    known = [clock for clock in clocks if clock is not None]
    if number is None or not known or len(np.unique([places, *known], axis=1).T) < len(places):
        return False
    by_clock = np.lexsort([*reversed(known), places])
    by_number = np.lexsort([number, places])
    by_trigger = np.lexsort([*reversed(known), trigger, places])
    return np.array_equal(by_clock, by_number) and not np.array_equal(by_clock, by_trigger)


def _ordinals(places: list[int]) -> list[int]:
    """Return how often each place was there before."""
    seen: dict[int, int] = {}
    found = []
    for place in places:
        found.append(seen.get(place, 0))
        seen[place] = found[-1] + 1
    return found


def _rounds(places: list[int]) -> list[int]:
    """Return numbers that go up where a place comes again."""
    current, taken = 0, set[int]()
    found = []
    for place in places:
        if place in taken:
            current, taken = current + 1, set()
        taken.add(place)
        found.append(current)
    return found


def _numbers(headers: Headers, images: Indices, tag: int) -> FloatArray | None:
    """Return an attribute as numbers that grow with time; None if it is the same on all images."""
    column = headers.column(tag)
    if column is None or isinstance(column, RawElement):
        return None
    return np.array([_sortable(text_of(column[k])) for k in images.tolist()])


def _sortable(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        digits = re.match(r"-?\d+(\.\d*)?", text.replace(":", ""))
        return float(digits[0]) if digits else 0.0
