"""Values that break the rules of their VR: told once when met, and listed when asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pydicom.dataelem import DataElement

from slicewise.errors import SlicewiseWarning
from slicewise.image.elements import name_of

__all__ = ["Finding", "FindingPlace", "Problem", "Problems", "Tell", "in_ranges", "visit"]

_SHOWN = 3


class Problem(NamedTuple):
    """What is wrong with an attribute: the slices it is wrong on, its name or dotted path, and what is wrong.

    If it differs from slice to slice, ``reason`` is that of the first.
    """

    slices: tuple[int, ...]
    attribute: str
    reason: str


class Finding(NamedTuple):
    """A broken rule on one slice: the tag of the top-level attribute, and the name or path of what is wrong in it."""

    slice_index: int
    tag: int
    attribute: str
    reason: str
    is_doubtful: bool


Tell = Callable[[Finding], None]


class FindingPlace:
    """A slice, or an item of a sequence on it, that hands on what is found there.

    Parameters
    ----------
    index : int
        The slice.
    tell : callable
        Is given the findings.
    path : str, optional
        What an attribute's name is preceded by.
    top : int, optional
        The top-level attribute that it is within.
    """

    __slots__ = ("_index", "_path", "_tell", "_top")

    def __init__(self, index: int, tell: Tell, path: str = "", top: int | None = None) -> None:
        self._index = index
        self._tell = tell
        self._path = path
        self._top = top

    def report(self, tag: int, reason: str, *, is_doubtful: bool) -> None:
        """Hand on that the value of an attribute breaks a rule."""
        top = tag if self._top is None else self._top
        self._tell(Finding(self._index, top, self._path + name_of(tag), reason, is_doubtful))

    def within(self, tag: int, number: int) -> FindingPlace:
        """Return the place of an item of a sequence."""
        path = f"{self._path}{name_of(tag)}[{number}]."
        return FindingPlace(self._index, self._tell, path, tag if self._top is None else self._top)


class Problems:
    """The problems of headers, attribute by attribute.

    Parameters
    ----------
    decode : callable
        Decodes a top-level attribute, given by tag, on the slices where it may differ from others, and returns
        these: one alone stands for all. Takes where to tell what is found.
    count : int
        Number of slices.
    """

    def __init__(self, decode: Callable[[int, Tell], Iterable[int]], count: int) -> None:
        self._decode = decode
        self._count = count
        self._told: set[int] = set()
        self._known: dict[int, tuple[tuple[Problem, bool], ...]] = {}

    def place(self, index: int) -> FindingPlace:
        """Return where a slice tells what is wrong with it."""
        return FindingPlace(index, self._met)

    def of(self, tag: int) -> list[Problem]:
        """Return the problems of a top-level attribute, those within its items included."""
        return [problem for problem, _ in self._of(tag)]

    def _of(self, tag: int) -> tuple[tuple[Problem, bool], ...]:
        if tag not in self._known:
            findings: list[Finding] = []
            decoded = tuple(self._decode(tag, findings.append))
            shared = len(decoded) == 1 < self._count
            self._known[tag] = tuple(_grouped(findings, range(self._count) if shared else None))
        return self._known[tag]

    def _met(self, finding: Finding) -> None:
        if not finding.is_doubtful or finding.tag in self._told:
            return
        # First, so that where warnings are errors the next time is none.
        self._told.add(finding.tag)
        doubtful = [problem for problem, is_doubtful in self._of(finding.tag) if is_doubtful]
        shown = [f"{p.attribute} of {in_ranges(p.slices)}: {p.reason}" for p in doubtful[:_SHOWN]]
        more = f"; and {len(doubtful) - _SHOWN} more in it" if len(doubtful) > _SHOWN else ""
        warnings.warn(f"{'; '.join(shown)}{more} (headers.problems has all)", SlicewiseWarning, stacklevel=6)


def _grouped(findings: Sequence[Finding], everywhere: range | None) -> Iterator[tuple[Problem, bool]]:
    groups: dict[tuple[str, str, bool], list[Finding]] = {}
    for finding in findings:
        # What was found is told in parentheses, and may differ.
        kind = (finding.attribute, finding.reason.split(" (got ", 1)[0], finding.is_doubtful)
        groups.setdefault(kind, []).append(finding)
    for (attribute, _, is_doubtful), found in groups.items():
        slices = tuple(everywhere) if everywhere is not None else tuple(dict.fromkeys(f.slice_index for f in found))
        yield Problem(slices, attribute, found[0].reason), is_doubtful


def in_ranges(slices: Sequence[int]) -> str:
    """Return numbers of slices as text, neighbours together: ``slices 0-4, 7``."""
    ranges: list[list[int]] = []
    for number in slices:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in ranges]
    shown = ", ".join(texts[:10]) + (f" and {len(texts) - 10} more ranges" if len(texts) > 10 else "")
    return f"slice{'' if len(slices) == 1 else 's'} {shown}"


def visit(element: DataElement) -> None:
    """Decode all elements of the items of a sequence, at any depth."""
    for item in element.value or () if element.VR == "SQ" else ():
        for inner in item:
            visit(inner)
