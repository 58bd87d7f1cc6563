"""Which attributes separate images that lie at the same places into volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from slicewise.io.separator_values import Coded

__all__ = ["LEAST_PER_PLACE", "dense", "separators_of"]

Indices = npt.NDArray[np.intp]

LEAST_PER_PLACE = 1.5
"""Images for each place from which on several volumes are looked for; below, some images are there twice."""
_LEAST_COVERAGE = 0.5
"""Share of the places that what is constant within a volume takes, at least on average."""
_MOST_AT_ONCE = 3


class _Fit(NamedTuple):
    """How well codes separate images at places.

    ``doubled`` images are at a place that another of their code holds; ``coverage`` is the share of the places that a
    code takes on average; a code ``has_whole`` if it takes all of them; ``is_even`` if each takes all places equally
    often, or once more where the scan was broken off.
    """

    doubled: int
    coverage: float
    has_whole: bool
    is_even: bool


def dense(codes: Indices) -> Indices:
    """Return codes without gaps between the numbers."""
    return np.asarray(np.unique(codes, return_inverse=True)[1], np.intp).reshape(-1)


def separators_of(known: Sequence[Coded], places: Indices, *, is_telling: bool) -> tuple[Coded, ...]:
    """Return attributes to separate images by, as values; none if no attribute does.

    Parameters
    ----------
    known : sequence of Coded
        Attributes that differ between the images, in the order of preference.
    places : array of int
        For each image the number of its place, from 0 without gaps.
    is_telling : bool
        Whether a difference of these attributes is one of intent. Then the first that all places have alike separates,
        though it leaves several images at a place; and of the volumes only one need be whole.
    """
    fits = [_fit(one.codes, places) for one in known]
    if is_telling:
        for one, fit in zip(known, fits, strict=True):
            if fit.is_even:
                return (one,)
    is_several = len(places) >= LEAST_PER_PLACE * (places.max() + 1)
    candidates = [
        one
        for one, fit in zip(known, fits, strict=True)
        if (fit.coverage >= _LEAST_COVERAGE and is_several) or (is_telling and fit.has_whole)
    ]
    return _smallest(_different(candidates), places, is_telling=is_telling, is_several=is_several)


def _smallest(candidates: Sequence[Coded], places: Indices, *, is_telling: bool, is_several: bool) -> tuple[Coded, ...]:
    """Return the smallest combination that takes each place once; of several the first of complete volumes."""
    for size in range(1, _MOST_AT_ONCE + 1):
        found: tuple[Coded, ...] = ()
        for chosen, fit in _combined(candidates, size, places):
            is_whole = (fit.coverage >= _LEAST_COVERAGE and is_several) or (is_telling and fit.has_whole)
            if fit.doubled or not is_whole:
                continue
            if fit.coverage == 1:
                return chosen
            found = found or chosen
        if found:
            return found
    return ()


def _combined(candidates: Sequence[Coded], size: int, places: Indices) -> Iterator[tuple[tuple[Coded, ...], _Fit]]:
    for chosen in combinations(candidates, size):
        codes = chosen[0].codes
        for other in chosen[1:]:
            codes = dense(codes * (other.codes.max() + 1) + other.codes)
        yield chosen, _fit(codes, places)


def _fit(codes: Indices, places: Indices) -> _Fit:
    parts, count = int(codes.max()) + 1, int(places.max()) + 1
    pairs, times = np.unique(codes * count + places, return_counts=True)
    taken = np.bincount(pairs // count, minlength=parts)
    is_complete = len(pairs) == parts * count
    by_part = times.reshape(parts, count) if is_complete else None
    return _Fit(
        doubled=len(places) - len(pairs),
        coverage=len(pairs) / (parts * count),
        has_whole=bool((taken == count).any()),
        is_even=by_part is not None and bool((np.ptp(by_part, axis=1) <= 1).all()),
    )


def _different(candidates: Sequence[Coded]) -> list[Coded]:
    """Leave out what says the same as something before it; what counts along with the time is a time."""
    kept: list[Coded] = []
    for candidate in candidates:
        same = [k for k, other in enumerate(kept) if np.array_equal(candidate.codes, other.codes)]
        if not same:
            kept.append(candidate)
        elif candidate.separator.axis == "time" and kept[same[0]].separator.axis == "acquisition":
            kept[same[0]] = kept[same[0]].along("time")
    return kept
