"""The volumes of a series: found from what varies between images that lie at the same place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import text_of
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.clock import times_at_places
from slicewise.io.copies import originals_of
from slicewise.io.image_planes import Planes, planes_of
from slicewise.io.parameters import fixed_mapping
from slicewise.io.separation import LEAST_PER_PLACE, dense, separators_of
from slicewise.io.separator_values import Coded, coded
from slicewise.io.separators import SEGMENT, TIERS, Tier

__all__ = ["Part", "partition"]

Indices = npt.NDArray[np.intp]

_MOST_VALUES = 4
"""How many values an attribute may have for each image at a place, to be decoded at all."""


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
    """A part in the making: images, and for each label its name, dimension, value and text."""

    images: Indices
    labels: tuple[tuple[str, str, Any, str], ...] = ()


def partition(headers: Headers) -> tuple[Part, ...]:
    """Return the volumes of a series.

    Images of another size, orientation (with a tolerance) or pixel spacing make other volumes, and so do those of
    stacks beside each other. Where images lie at the same place several times, volumes are told apart by the
    attributes of ``separators`` that are constant within each of them; where there are none, by the time, then by
    the instance number. Attributes that differ while no place is taken twice separate nothing. Copies of one image
    (SOPInstanceUID) stay together, and so do a few images at places that others hold, too: they are no volume.
    So do images that nothing puts in order, such as times of which slices are missing that no clock tells.
    Volumes are in the order of the values that separate them, or of the instance numbers where values have none.

    Parameters
    ----------
    headers : Headers
        One header per image, in any order. None is lost: the parts hold each image once.
    """
    if not len(headers):
        return ()
    planes = planes_of(headers)
    originals = originals_of(headers, planes.places)
    drafts = [_Draft(_numbered(headers, np.flatnonzero(originals == np.arange(len(headers)))))]
    drafts = [part for draft in drafts for part in _by_form(draft, planes)]
    drafts = [part for draft in drafts for part in _by_segment(draft, headers)]
    for tier in TIERS:
        drafts = [part for draft in drafts for part in _by_attributes(draft, headers, planes, tier)]
    drafts = [part for draft in drafts for part in _by_clock(draft, headers, planes)]
    if len(drafts) == 1:
        return (Part(tuple(range(len(headers)))),)
    return _finished(drafts, originals)


def _numbered(headers: Headers, images: Indices) -> Indices:
    """Return images by instance number, so that the order of volumes does not depend on names of files."""
    number = tag_of("InstanceNumber")
    texts = [text_of(headers.element(number, k)) for k in images.tolist()]
    stated = [int(text) if text.lstrip("+-").isdecimal() else 0 for text in texts]
    return images[np.argsort(np.array(stated, np.float64), kind="stable")]


def _finished(drafts: Sequence[_Draft], originals: Indices) -> tuple[Part, ...]:
    part_of = np.empty(len(originals), np.intp)
    for number, draft in enumerate(drafts):
        part_of[draft.images] = number
    part_of = part_of[originals]
    names = [", ".join(text for _, _, _, text in draft.labels) for draft in drafts]
    return tuple(
        Part(
            indices=tuple(np.flatnonzero(part_of == number).tolist()),
            labels={name: value for name, _, value, _ in draft.labels},
            axis=tuple(dict.fromkeys(axis for _, axis, _, _ in draft.labels)),
            name=name,
        )
        for number, (draft, name) in enumerate(zip(drafts, _told_apart(names), strict=True))
    )


def _told_apart(names: Sequence[str]) -> list[str]:
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(f"{name} ({counts[name]})" if counts[name] > 1 else name)
    return found


def _by_form(draft: _Draft, planes: Planes) -> list[_Draft]:
    forms = planes.forms[draft.images]
    numbers = list(dict.fromkeys(forms.tolist()))
    if len(numbers) == 1:
        return [draft]
    axis, names = _form_names([planes.names[number] for number in numbers])
    return [
        _Draft(draft.images[forms == number], ((axis, axis, name, name),))
        for number, name in zip(numbers, names, strict=True)
    ]


def _form_names(forms: Sequence[tuple[str, str, str]]) -> tuple[str, list[str]]:
    """Return in what forms differ, and the fewest words that tell them apart: plane, size, spacing, or a number."""
    told = [plane for plane, _, _ in forms]
    axis = "orientation" if len(set(told)) > 1 else ""
    for detail, what in ((1, "size"), (2, "spacing")):
        more = [f"{text} {forms[k][detail]}" if told.count(text) > 1 else text for k, text in enumerate(told)]
        if len(set(more)) > len(set(told)):
            told, axis = more, axis or what
    numbered = [f"{text} {told[: k + 1].count(text)}" if told.count(text) > 1 else text for k, text in enumerate(told)]
    return axis or "stack", numbered


def _by_segment(draft: _Draft, headers: Headers) -> list[_Draft]:
    segments = coded(SEGMENT, headers, draft.images)
    return [draft] if segments is None else _separated(draft, [segments])


def _is_several(draft: _Draft, planes: Planes) -> bool:
    places = planes.places[draft.images]
    return not planes.is_planeless(draft.images) and len(places) > len(np.unique(places))


def _by_attributes(draft: _Draft, headers: Headers, planes: Planes, tier: Tier) -> list[_Draft]:
    """Separate images by the attributes of a tier, and each part again, as far as they go."""
    if not _is_several(draft, planes):
        return [draft]
    places = dense(planes.places[draft.images])
    # What has more values, even if some of them are the same in other words, covers too few places with each.
    most = None if tier.is_telling else _MOST_VALUES * len(places) // (int(places.max()) + 1)
    known = [c for s in tier.separators if (c := coded(s, headers, draft.images, most)) is not None]
    chosen = separators_of(known, places, is_telling=tier.is_telling)
    if not chosen:
        return [draft]
    return [leaf for part in _separated(draft, chosen) for leaf in _by_attributes(part, headers, planes, tier)]


def _separated(draft: _Draft, chosen: Sequence[Coded]) -> list[_Draft]:
    """Return the images of each value, by the values of the first attribute, then of the next."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for k, key in enumerate(zip(*(c.codes.tolist() for c in chosen), strict=True)):
        groups.setdefault(key, []).append(k)
    ordered = sorted(groups.values(), key=lambda group: [c.rank(group[0]) for c in chosen])
    return [_Draft(draft.images[group], (*draft.labels, *(c.label(group[0]) for c in chosen))) for group in ordered]


def _by_clock(draft: _Draft, headers: Headers, planes: Planes) -> list[_Draft]:
    if not _is_several(draft, planes):
        return [draft]
    places = dense(planes.places[draft.images])
    if len(places) < LEAST_PER_PLACE * (places.max() + 1):
        return [draft]
    times = times_at_places(headers, draft.images, places)
    if times is None:
        return [draft]
    count = int(times.max()) + 1
    return [
        _Draft(draft.images[times == k], (*draft.labels, ("time", "time", k + 1, f"time {k + 1} of {count}")))
        for k in range(count)
    ]
