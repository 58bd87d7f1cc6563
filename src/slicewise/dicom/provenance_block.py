"""The private block that says where a derived instance comes from (PS3.5, 7.8.1): its elements, written and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import attrs

from slicewise.dicom.private import private_element, slice_elements
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.headers import Column

__all__ = [
    "CREATOR",
    "FAMILY",
    "GROUP",
    "FrameMark",
    "InstanceBlock",
    "block_of",
    "block_tags",
    "free_block",
    "mark_tag",
    "marks_element",
    "series_elements",
]

GROUP = 0x7755
"""No vendor is known to use it, and it stands right before the pixels, behind all that describes them."""

FAMILY = "SLICEWISE PROVENANCE"
CREATOR = f"{FAMILY} 1.0"
"""The number is that of the form, which may change."""

_RUN, _PLACE, _MARKS, _VERSIONS, _RECIPE, _MISSING, _STORY, _INSTANCES = range(1, 9)
_VRS = {_RUN: "LO", _PLACE: "IS", _MARKS: "UT", _VERSIONS: "LO", _RECIPE: "UT", _MISSING: "UT"}
_BYTES = "OB"
_LONG = 4096
"""What is longer stands in the first instance of a series alone, as that of a stack of a hundred volumes."""
_MARK = re.compile(r"(\S+) (\S+) (\S+)")


class FrameMark(NamedTuple):
    """What tells the pixels of a frame from others.

    Attributes
    ----------
    digest : str
        Digest of the stored values, with the name of what made it.
    slope, intercept : float
        What makes the values of them: together with the digest, the digest of the modality values.
    """

    digest: str
    slope: float
    intercept: float

    def __str__(self) -> str:
        return f"{self.digest} {self.slope!r} {self.intercept!r}"


@attrs.frozen(kw_only=True)
class InstanceBlock:
    """What an instance says of where it comes from.

    Parameters
    ----------
    run : str
        What the instances of one series share, and no others have.
    number, count : int
        Which of the instances of the series this is, from 1, and how many were written.
    marks : tuple of FrameMark
        One for each frame.
    versions : tuple of str
        The software, each with its version.
    recipe : str
        The graph, as YAML; empty if there is none.
    missing : str
        What the recipe cannot hold, a line for each.
    story : bytes
        Sources, steps and what became of each attribute; compressed.
    instances : bytes
        The instances that were read; compressed. Empty but in the first of the series.
    """

    run: str
    number: int
    count: int
    marks: tuple[FrameMark, ...] = ()
    versions: tuple[str, ...] = ()
    recipe: str = ""
    missing: str = ""
    story: bytes = b""
    instances: bytes = b""

    def elements(self, block: int) -> dict[int, RawElement]:
        """Return the elements of an instance, in explicit VR.

        Parameters
        ----------
        block : int
            The block within the group, 0x10 to 0xFF.
        """
        texts = {
            _RUN: self.run,
            _PLACE: f"{self.number}\\{self.count}",
            _VERSIONS: "\\".join(self.versions),
            _RECIPE: self.recipe,
            _MISSING: self.missing,
        }
        content = {number: (_VRS[number], value.encode("ascii")) for number, value in texts.items() if value}
        content |= {n: (_BYTES, v) for n, v in ((_STORY, self.story), (_INSTANCES, self.instances)) if v}
        creator = GROUP << 16 | block
        found = {creator: RawElement(creator, "LO", CREATOR.encode("ascii"))}
        found |= {_tag(block, n): RawElement(_tag(block, n), vr, value) for n, (vr, value) in sorted(content.items())}
        if self.marks:
            marks = marks_element(block, self.marks)
            found[marks.tag] = marks
        return found


def series_elements(first: InstanceBlock, place: int) -> dict[int, Column]:
    """Return the elements of all instances of a series; what is long is in the first alone.

    Parameters
    ----------
    first : InstanceBlock
        The block of the first; the others have its content, but for their number and the instances that were read.
    place : int
        The block within the group.
    """
    found: dict[int, Column] = dict(first.elements(place))
    number = _tag(place, _PLACE)
    found[number] = tuple(
        RawElement(number, _VRS[_PLACE], f"{k}\\{first.count}".encode("ascii")) for k in range(1, first.count + 1)
    )
    for tag in [_tag(place, n) for n in (_RECIPE, _MISSING, _STORY, _INSTANCES)]:
        element = found.get(tag)
        is_long = tag == _tag(place, _INSTANCES) or (isinstance(element, RawElement) and len(element.value) > _LONG)
        if isinstance(element, RawElement) and is_long and first.count > 1:
            found[tag] = (element, *[None] * (first.count - 1))
    return found


def _tag(block: int, number: int) -> int:
    return GROUP << 16 | block << 8 | number


def mark_tag(block: int) -> int:
    """Return the tag of the digests."""
    return _tag(block, _MARKS)


def marks_element(block: int, marks: Iterable[FrameMark]) -> RawElement:
    """Return the element with the digests of the frames of an instance: a line for each."""
    return RawElement(_tag(block, _MARKS), "UT", "\n".join(map(str, marks)).encode("ascii"))


def free_block(headers: Headers) -> int:
    """Return a block of the group that no slice has reserved."""
    taken = {tag & 0xFFFF for tag in headers.columns() if tag >> 16 == GROUP}
    return next(block for block in range(0x10, 0x100) if block not in taken)


def block_tags(headers: Headers) -> list[int]:
    """Return the tags of all that stands in such blocks, of any slice: creators and elements."""
    creators = []
    for tag in (tag for tag in headers.columns() if tag >> 16 == GROUP and 0x10 <= tag & 0xFFFF <= 0xFF):
        column = headers.column(tag)
        reserved = [column] if isinstance(column, RawElement) else column or ()
        if any(text_of(e).startswith(FAMILY) for e in reserved if e is not None):
            creators.append(tag)
    blocks = {tag & 0xFF for tag in creators}
    return [tag for tag in headers.columns() if tag in creators or (tag >> 16 == GROUP and tag >> 8 & 0xFF in blocks)]


def block_of(headers: Headers, index: int = 0) -> InstanceBlock | None:
    """Return the block of a slice; None if it has none.

    Raises
    ------
    HeaderError
        If it cannot be read.
    """
    elements = slice_elements(headers, index, GROUP)
    found = {n: e for n in range(_RUN, _INSTANCES + 1) if (e := private_element(elements, CREATOR, GROUP, n))}
    if _RUN not in found:
        return None
    texts = {n: _text(found, n) for n in _VRS}
    try:
        number, count = map(int, texts[_PLACE].split("\\"))
        marks = tuple(_mark(line) for line in texts[_MARKS].split("\n") if line)
    except ValueError as error:
        raise HeaderError(
            f"the provenance cannot be read ({error}): the private block ({GROUP:04X},...) is broken"
        ) from None
    return InstanceBlock(
        run=texts[_RUN],
        number=number,
        count=count,
        marks=marks,
        versions=tuple(filter(None, texts[_VERSIONS].split("\\"))),
        recipe=texts[_RECIPE],
        missing=texts[_MISSING],
        story=_value(found, _STORY),
        instances=_value(found, _INSTANCES),
    )


def _mark(line: str) -> FrameMark:
    match = _MARK.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"{line[:60]!r} is no digest with slope and intercept")
    return FrameMark(match[1], float(match[2]), float(match[3]))


def _value(found: Mapping[int, RawElement], number: int) -> bytes:
    return found[number].value if number in found else b""


def _text(found: Mapping[int, RawElement], number: int) -> str:
    return _value(found, number).decode("ascii", "replace").rstrip(" \0")
