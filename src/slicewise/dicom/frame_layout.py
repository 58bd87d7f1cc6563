"""The attributes of frames at their places in a multi-frame image, and as they are encoded (PS3.3, C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from slicewise.dicom.encoding import element_bytes
from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["UNASSIGNED_PER_FRAME", "UNASSIGNED_SHARED", "FrameLayout", "Group", "is_shared", "says"]

SHARED = tag_of("SharedFunctionalGroupsSequence")
PER_FRAME = tag_of("PerFrameFunctionalGroupsSequence")
UNASSIGNED_SHARED = tag_of("UnassignedSharedConvertedAttributesSequence")
UNASSIGNED_PER_FRAME = tag_of("UnassignedPerFrameConvertedAttributesSequence")

_OF_A_FRAME = frozenset([tag_of("FrameContentSequence"), UNASSIGNED_PER_FRAME])
"""Macros that are never shared (PS3.3, C.7.6.16.2.2 and C.7.6.16.2.23)."""

_TEXTS = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT SQ".split())  # noqa: SIM905

Group = dict[int, Column]
"""Columns of the attributes of one item, by tag; a tuple has one for each frame."""


@attrs.frozen
class FrameLayout:
    """The attributes of frames at their places.

    Parameters
    ----------
    frames : int
        Number of frames.
    image : mapping of int to RawElement
        What is said of the image.
    macros : mapping of int to Group
        Of each sequence with one item its attributes.
    whole : mapping of int to Column
        Sequences with any number of items, and private groups.
    """

    frames: int
    image: Mapping[int, RawElement]
    macros: Mapping[int, Group]
    whole: Mapping[int, Column]

    def states(self, tag: int) -> bool:
        """Whether something is said of the image, or of each frame."""
        columns = [self.image.get(tag), self.whole.get(tag), *(group.get(tag) for group in self.macros.values())]
        return any(says(c) if isinstance(c, RawElement) else all(says(e) for e in c) for c in columns if c is not None)

    def elements(self) -> dict[int, RawElement]:
        """Return the elements of the image, the functional groups among them."""
        found = dict(self.image)
        if self.macros or self.whole:
            found[SHARED] = RawElement(SHARED, "SQ", _item(self._shared()))
            items = self._per_frame()
            found[PER_FRAME] = RawElement(PER_FRAME, "SQ", b"".join(items))
        return found

    def _shared(self) -> dict[int, bytes]:
        shared = {tag: group for tag, group in self.macros.items() if is_shared(group) and tag not in _OF_A_FRAME}
        parts = {tag: _items_of(tag, group, 1)[0] for tag, group in shared.items()}
        return parts | {tag: element_bytes(c) for tag, c in self.whole.items() if isinstance(c, RawElement)}

    def _per_frame(self) -> list[bytes]:
        varying: dict[int, list[bytes]] = {}
        for tag, group in self.macros.items():
            if not is_shared(group) or tag in _OF_A_FRAME:
                varying[tag] = _items_of(tag, group, self.frames)
        for tag, column in self.whole.items():
            if not isinstance(column, RawElement):
                varying[tag] = [b"" if e is None else element_bytes(e) for e in column]
        ordered = [varying[tag] for tag in sorted(varying)]
        return [_wrapped(b"".join(parts[k] for parts in ordered)) for k in range(self.frames)]


def is_shared(group: Group) -> bool:
    """Whether all frames agree in all attributes of a group."""
    return all(isinstance(column, RawElement) for column in group.values())


def _items_of(tag: int, group: Group, frames: int) -> list[bytes]:
    """Return the element of a macro for each frame; what the frames share is encoded once.

    A frame of which nothing is said has none; a macro without any attributes is there, with an empty item.
    """
    if not group:
        return [_sequence(tag, b"")] * frames
    encoded = [
        element_bytes(column)
        if isinstance(column, RawElement)
        else [b"" if e is None else element_bytes(e) for e in column]
        for _, column in sorted(group.items())
    ]
    anything = [any(isinstance(c, RawElement) or c[k] is not None for c in group.values()) for k in range(frames)]
    return [
        _sequence(tag, b"".join(part if isinstance(part, bytes) else part[k] for part in encoded))
        if anything[k]
        else b""
        for k in range(frames)
    ]


def _wrapped(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def _item(parts: Mapping[int, bytes]) -> bytes:
    return _wrapped(b"".join(parts[tag] for tag in sorted(parts)))


def _sequence(tag: int, content: bytes) -> bytes:
    return element_bytes(RawElement(tag, "SQ", _wrapped(content)))


def says(element: RawElement | None) -> bool:
    """Whether an element is there, with a value."""
    return element is not None and bool(element.value.strip(b" \0") or element.vr not in _TEXTS)
