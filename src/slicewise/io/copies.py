"""Copies: the same image several times among the files of a series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slicewise.dicom.functional_groups import FRAME_GROUPS
from slicewise.dicom.values import text_of
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = ["are_copies", "originals_of"]

Indices = npt.NDArray[np.intp]

_UID, _NUMBER, _FRAMES = (tag_of(keyword) for keyword in ("SOPInstanceUID", "InstanceNumber", "NumberOfFrames"))


def originals_of(headers: Headers, places: Indices) -> Indices:
    """Return for each image the first with the same identifier, number, frame and place: itself, or its original.

    Frames that have no functional groups are told by their order: what comes after as many as their file has is the
    next copy.
    """
    firsts: dict[tuple[object, ...], int] = {}
    seen: dict[str, int] = {}
    found = np.arange(len(headers), dtype=np.intp)
    for k, place in enumerate(places.tolist()):
        uid = text_of(headers.element(_UID, k))
        if uid:
            group = headers.element(FRAME_GROUPS, k)
            frame = seen.get(uid, 0) % _count(headers, k) if group is None else group.value
            seen[uid] = seen.get(uid, 0) + 1
            found[k] = firsts.setdefault((uid, text_of(headers.element(_NUMBER, k)), frame, place), k)
    return found


def are_copies(headers: Headers, a: int, b: int) -> bool:
    """Tell whether two images at one place are the same image, as far as their headers alone tell."""
    if _count(headers, a) > 1 and headers.element(FRAME_GROUPS, a) is None:
        return False
    same = all(headers.element(tag, a) == headers.element(tag, b) for tag in (_UID, _NUMBER, FRAME_GROUPS))
    return same and bool(text_of(headers.element(_UID, a)))


def _count(headers: Headers, image: int) -> int:
    text = text_of(headers.element(_FRAMES, image))
    return max(int(text), 1) if text.isdecimal() else 1
