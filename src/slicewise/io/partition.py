"""The volumes of a series: found from what varies between images that lie at the same place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import text_of
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.image_planes import Planes, planes_of
from slicewise.io.parameters import fixed_mapping
from slicewise.io.separator_values import Coded, coded
from slicewise.io.separators import CLOCKS, SEGMENT, SEPARATORS, Separator, raw_values

__all__ = ["Part", "partition"]

Indices = npt.NDArray[np.intp]

_LEAST_PER_PLACE = 1.5
"""Images for each place from which on several volumes are looked for; below, some images are there twice."""
_LEAST_COVERAGE = 0.5
"""Share of the places that what is constant within a volume takes, at least on average."""


@attrs.frozen
class Part:
    """One volume of a series.

    Parameters
    ----------
    indices : tuple of int
        Its images, in the order of the source.
    labels : mapping of str to value
        What separates it from the others: attributes and their values, ``orientation`` or ``time``.
    axis : tuple of str
        Plain names of the dimensions in which it differs from the others, e.g. ``("echo",)``.
    name : str
        The labels as text, e.g. ``EchoTime 4.92``; empty if there is no other.
    """

    indices: tuple[int, ...]
    labels: Mapping[str, Any] = attrs.field(default=None, converter=fixed_mapping)
    axis: tuple[str, ...] = ()
    name: str = ""


class _Draft(NamedTuple):
    """A part in the making: images, and for each label its dimension, value and text."""

    images: Indices
    labels: tuple[tuple[str, str, Any, str], ...] = ()


def partition(headers: Headers) -> tuple[Part, ...]:
    """Return the volumes of a series.

    Images of another size, orientation (with a tolerance) or pixel spacing make other volumes. Where
    images lie at the same place several times, volumes are told apart by the attribute, or the smallest
    combination of attributes, that is constant within each of them; where there is none, by the time, then by
    the instance number. Attributes that differ while no place is taken twice separate nothing. A few
    images at places that others hold, too, are no further volume: they stay together.

    Parameters
    ----------
    headers : Headers
        One header per image, in any order. None is lost: the parts hold each image once.
    """
    planes = planes_of(headers)
    drafts = [_Draft(np.arange(len(headers), dtype=np.intp))]
    for split in (_by_form, _by_segment, _by_copy, _by_attributes, _by_clock):
        drafts = [part for draft in drafts for part in split(draft, headers, planes)]
    if len(drafts) == 1:
        return (Part(tuple(range(len(headers)))),)
    return tuple(_finished(draft) for draft in drafts)


def _finished(draft: _Draft) -> Part:
    return Part(
        indices=tuple(int(k) for k in draft.images),
        labels={name: value for name, _, value, _ in draft.labels},
        axis=tuple(dict.fromkeys(axis for _, axis, _, _ in draft.labels)),
        name=", ".join(text for _, _, _, text in draft.labels),
    )


def _by_form(draft: _Draft, _: Headers, planes: Planes) -> list[_Draft]:
    forms = planes.forms[draft.images]
    numbers = list(dict.fromkeys(forms.tolist()))
    if len(numbers) == 1:
        return [draft]
    names = _told_apart([planes.names[number] for number in numbers])
    return [
        _Draft(draft.images[forms == number], (("orientation", "orientation", name, name),))
        for number, name in zip(numbers, names, strict=True)
    ]


def _told_apart(names: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the fewest words that tell forms from each other: plane, size, spacing, or a number."""
    told = [plane for plane, _, _ in names]
    for detail in (1, 2):
        said = list(told)
        told = [f"{text} {names[k][detail]}" if said.count(text) > 1 else text for k, text in enumerate(said)]
        if len(set(told)) == len(set(said)):
            told = said
    return [f"{text} {told[: k + 1].count(text)}" if told.count(text) > 1 else text for k, text in enumerate(told)]


def _by_segment(draft: _Draft, headers: Headers, _: Planes) -> list[_Draft]:
    segments = _coded(SEGMENT, headers, draft.images, len(draft.images))
    return [draft] if segments is None else _separated(draft, [segments])


def _by_copy(draft: _Draft, headers: Headers, planes: Planes) -> list[_Draft]:
    """Separate images that are there several times, under the same identifier."""
    tag = tag_of("SOPInstanceUID")
    if headers.column(tag_of("NumberOfFrames")) is not None:
        return [draft]  # frames of a file share its identifier
    uids = [text_of(headers.element(tag, k)) for k in draft.images.tolist()]
    places = planes.places[draft.images].tolist()
    copies = _ordinals([(uid, place) if uid else (k,) for k, (uid, place) in enumerate(zip(uids, places, strict=True))])
    count = int(copies.max()) + 1
    if count == 1 or len(draft.images) < _LEAST_PER_PLACE * (copies == 0).sum():
        return [draft]
    return [
        _Draft(draft.images[copies == k], (*draft.labels, ("copy", "copy", k + 1, f"copy {k + 1} of {count}")))
        for k in range(count)
    ]


def _ordinals(keys: Sequence[Any]) -> Indices:
    """Return for each key how often it was there before."""
    seen: dict[Any, int] = {}
    found = np.empty(len(keys), np.intp)
    for k, key in enumerate(keys):
        found[k] = seen.get(key, 0)
        seen[key] = int(found[k]) + 1
    return found


def _is_several(places: Indices) -> bool:
    return len(places) >= _LEAST_PER_PLACE * len(np.unique(places)) and len(places) > 1


def _by_attributes(draft: _Draft, headers: Headers, planes: Planes) -> list[_Draft]:
    places = planes.places[draft.images]
    if planes.is_planeless(draft.images) or not _is_several(places):
        return [draft]
    # What has more values than this covers too few places with each, whatever they are.
    most = int(len(places) / (len(np.unique(places)) * _LEAST_COVERAGE)) * 2
    known = [c for s in SEPARATORS if (c := _coded(s, headers, draft.images, most)) is not None]
    partial = _different([c for c in known if _coverage(c.codes, places) >= _LEAST_COVERAGE])
    chosen = _smallest_combination(partial, places)
    return _separated(draft, chosen) if chosen else [draft]


def _separated(draft: _Draft, chosen: Sequence[Coded]) -> list[_Draft]:
    codes = _combined([c.codes for c in chosen])
    parts = []
    for code in _in_order(codes, chosen):
        first = int(np.argmax(codes == code))
        labels = tuple(c.label(first) for c in chosen)
        parts.append(_Draft(draft.images[codes == code], (*draft.labels, *labels)))
    return parts


def _coded(separator: Separator, headers: Headers, images: Indices, most: int) -> Coded | None:
    values = raw_values(headers, separator)
    return None if values is None else coded(separator, [values[k] for k in images.tolist()], most)


def _coverage(codes: Indices, places: Indices) -> float:
    """Return which share of the places the images of a code take, on average."""
    pairs = np.unique(np.stack([codes, places]), axis=1).shape[1]
    return float(pairs / (len(np.unique(codes)) * len(np.unique(places))))


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


def _smallest_combination(candidates: Sequence[Coded], places: Indices) -> tuple[Coded, ...]:
    """Return the first combination that takes each place once; if there is none, the one that comes nearest."""
    best: tuple[Coded, ...] = ()
    fewest = len(places) - len(np.unique(places))
    for size in (1, 2, 3):
        for chosen in combinations(candidates, size):
            codes = _combined([c.codes for c in chosen])
            if _coverage(codes, places) < _LEAST_COVERAGE:
                continue
            doubled = len(places) - np.unique(np.stack([codes, places]), axis=1).shape[1]
            if doubled == 0:
                return chosen
            if doubled < fewest:
                best, fewest = chosen, doubled
    return best


def _combined(codes: Sequence[Indices]) -> Indices:
    _, combined = np.unique(np.stack(codes), axis=1, return_inverse=True)
    return np.asarray(combined, np.intp).reshape(-1)


def _in_order(codes: Indices, chosen: Sequence[Coded]) -> list[int]:
    """Return the codes by the values of the first attribute, then of the next; texts in the order of the source."""
    numbers = np.unique(codes)
    firsts = [int(np.argmax(codes == number)) for number in numbers]
    ranked = sorted(range(len(numbers)), key=lambda i: [c.rank(firsts[i]) for c in chosen])
    return [int(numbers[i]) for i in ranked]


def _by_clock(draft: _Draft, headers: Headers, planes: Planes) -> list[_Draft]:
    places = planes.places[draft.images]
    if planes.is_planeless(draft.images) or not _is_several(places):
        return [draft]
    images = draft.images.tolist()
    order = sorted(range(len(images)), key=lambda i: (*_times(headers, images[i]), _instance(headers, images[i]), i))
    times = np.empty(len(images), np.intp)
    times[order] = _ordinals(places[order].tolist())
    count = int(times.max()) + 1
    return [
        _Draft(draft.images[times == k], (*draft.labels, ("time", "time", k + 1, f"time {k + 1} of {count}")))
        for k in range(count)
    ]


def _times(headers: Headers, image: int) -> tuple[float, ...]:
    return tuple(_sortable(text_of(headers.element(tag, image))) for tag in CLOCKS)


def _sortable(text: str) -> float:
    try:
        return float(text.replace(":", ""))
    except ValueError:
        return 0.0


def _instance(headers: Headers, image: int) -> float:
    return _sortable(text_of(headers.element(tag_of("InstanceNumber"), image)))
