"""What an attribute can be asked for by: a keyword, a tag, a private creator, a path into sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR

from slicewise.errors import HeaderError, UnknownAttributeError
from slicewise.image.elements import name_of, tag_of

__all__ = ["Key", "Path", "PrivateTag", "Step", "path_of", "private_tags"]

Key = str | tuple[int, int] | tuple[int, str, int]
"""A keyword or a dotted path; (group, element); or (group, private creator, element within the block)."""

_STEP = re.compile(r"(\([^()]*\)|[^.\[\]()]+)(?:\[(\d+)\])?(?:\.(?=.)|$)")
_PRIVATE = re.compile(r"\(([0-9A-Fa-f]{4}),\s*([^,()]+),\s*([0-9A-Fa-f]{1,2})\)")


class PrivateTag(NamedTuple):
    """A private attribute, wherever its block is (PS3.5, 7.8.1)."""

    group: int
    creator: str
    element: int

    def __str__(self) -> str:
        """Return it as it can be asked for."""
        return f"({self.group:04X},{self.creator},{self.element:02X})"


class Step(NamedTuple):
    """An attribute, and which of its items is meant; None for the only one, or all."""

    tag: int | PrivateTag
    item: int | None = None

    def __str__(self) -> str:
        """Return it as it can be asked for."""
        name = name_of(self.tag) if isinstance(self.tag, int) else str(self.tag)
        return name if self.item is None else f"{name}[{self.item}]"


Path = tuple[Step, ...]


def path_of(key: Key) -> Path:
    """Return the steps from the top level of a header to an attribute.

    Raises
    ------
    UnknownAttributeError
        If a keyword is in no dictionary.
    HeaderError
        If it is no path, or goes into what is no sequence.
    """
    if isinstance(key, str):
        return _path_of_text(key)
    if len(key) == 3:
        return (Step(_private(*key)),)
    return (Step(tag_of(key)),)


@lru_cache(maxsize=1024)
def _path_of_text(text: str) -> Path:
    if "[" not in text and "." not in text and "(" not in text:
        return (Step(tag_of(text)),)
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise UnknownAttributeError(
                f"{text!r} is no path: steps are keywords or (gggg,eeee), with the number of an item in brackets, and "
                "joined by dots, as in 'RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose'"
            )
        steps.append(Step(_tag_of_step(found[1]), None if found[2] is None else int(found[2])))
        position = found.end()
    for step in (*steps[:-1], *(s for s in steps[-1:] if s.item is not None)):
        _check_sequence(step, text)
    return tuple(steps)


def _tag_of_step(text: str) -> int | PrivateTag:
    if private := _PRIVATE.fullmatch(text):
        return _private(int(private[1], 16), private[2].strip(), int(private[3], 16))
    return tag_of(text)


def _private(group: int, creator: str, element: int) -> PrivateTag:
    if group % 2 == 0 or not 0 <= group <= 0xFFFF or not 0 <= element <= 0xFF or not isinstance(creator, str):
        raise UnknownAttributeError(
            f"({group:#06x}, {creator!r}, {element:#04x}) is no private attribute: its group is odd, and its element "
            "within the block 0 to 0xFF, as in (0x0019, 'SIEMENS MR HEADER', 0x0C)"
        )
    return PrivateTag(group, creator, element)


def _check_sequence(step: Step, text: str) -> None:
    if not isinstance(step.tag, int) or step.tag >> 16 & 1:
        return
    try:
        vr = dictionary_VR(step.tag)
    except KeyError:
        return
    if vr != "SQ":
        raise HeaderError(f"{text!r}: {name_of(step.tag)} is no sequence (its VR is {vr}) and has no items")


def private_tags(creators: Mapping[int, str], wanted: PrivateTag) -> Iterator[int]:
    """Iterate over the tags that a private attribute can have.

    Parameters
    ----------
    creators : mapping of int to str
        The private creators of a dataset, by their tag (gggg,0010) to (gggg,00FF).
    wanted : PrivateTag
        The attribute.
    """
    for tag, creator in creators.items():
        if tag >> 16 == wanted.group and creator.strip(" \0") == wanted.creator:
            yield wanted.group << 16 | (tag & 0xFF) << 8 | wanted.element
