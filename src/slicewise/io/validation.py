"""What a validation found: findings, and those that are alike as one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from slicewise.dicom.checks.faults import RULES, Severity
from slicewise.image.attribute_text import count_text

__all__ = ["NOT_CHECKED", "Finding", "FindingGroup", "Validation"]

NOT_CHECKED = (
    "conditions of types 1C and 2C that only the scanner or an operator knows",
    "which functional groups a multi-frame image must have, and whether they agree with its frames",
    "contents of structured reports, RT objects, presentation states and waveforms beyond types and forms",
    "code meanings, context groups and templates (PS3.16)",
    "whether a compressed bit stream can be decoded; its frames are counted",
    "elements behind the pixel data, such as signatures",
)
"""What no finding does not tell."""


class Finding(NamedTuple):
    """A rule broken by a file, or by a series.

    Attributes
    ----------
    severity : Severity
        ``error`` or ``warning``.
    rule : str
        Name of the rule, e.g. ``missing-type-1``.
    file : str
        The file; of a finding about several, the first of them.
    attribute : str
        Keyword or ``(gggg,eeee)``, with its path where it is in a sequence; empty if it is about no single one.
    found, wanted : str
        What there is, and what there should be.
    reference : str
        Section of the standard.
    """

    severity: Severity
    rule: str
    file: str
    attribute: str
    found: str
    wanted: str
    reference: str

    def __str__(self) -> str:
        what = f"{self.attribute}: " if self.attribute else ""
        return f"{self.severity}: {self.file}: {what}{self.found}; wanted: {self.wanted} ({self.reference})"


class FindingGroup(NamedTuple):
    """Findings that differ in the file, the item of a sequence, or the value alone.

    Attributes
    ----------
    first : Finding
        The first of them.
    attribute : str
        The attribute they are about, with ``[]`` for any item.
    occurrences : int
        How many there are.
    files : int
        In how many files.
    varies : bool
        Whether other values were found in others.
    """

    first: Finding
    attribute: str
    occurrences: int
    files: int
    varies: bool


@attrs.frozen(repr=False)
class Validation:
    """What is wrong with some DICOM files.

    Iterating gives the findings, ``len`` their number; printing gives them grouped.

    Parameters
    ----------
    where : str
        What was looked at.
    findings : tuple of Finding
        In the order of the files; those about series come last.
    files, series : int
        How many DICOM files and series were looked at.
    foreign : int
        How many files are not DICOM, and were passed over.
    not_checked : tuple of str
        What was not looked at.
    """

    where: str
    findings: tuple[Finding, ...]
    files: int
    series: int
    foreign: int = 0
    not_checked: tuple[str, ...] = NOT_CHECKED

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that break the standard."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may be right, or that the standard leaves open."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def is_valid(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    @property
    def groups(self) -> tuple[FindingGroup, ...]:
        """Findings that are alike as one, errors first, in the order of the rules and then of their number."""
        members: dict[tuple[str, ...], list[Finding]] = {}
        for finding in self.findings:
            key = (finding.severity, finding.rule, _anywhere(finding.attribute), finding.wanted)
            members.setdefault(key, []).append(finding)
        found = [_group(group) for group in members.values()]
        order = list(RULES)
        return tuple(
            sorted(
                found, key=lambda g: (g.first.severity is Severity.WARNING, order.index(g.first.rule), -g.occurrences)
            )
        )

    @property
    def summary(self) -> str:
        """How much was looked at and what came of it, in one line."""
        looked = f"{count_text(self.files, 'file')} in {self.series} series"
        outcome = f"{count_text(len(self.errors), 'error')}, {count_text(len(self.warnings), 'warning')}"
        foreign = f"; {count_text(self.foreign, 'file')} passed over, not DICOM" if self.foreign else ""
        return f"{self.where}: {looked}: {outcome}{foreign}"

    def __str__(self) -> str:
        lines = [
            f"{group.first.severity}: {group.attribute or group.first.rule}: {group.first.found}"
            f"{', ...' if group.varies else ''}; wanted: {group.first.wanted} ({group.first.reference}); "
            f"{group.occurrences} in {count_text(group.files, 'file')}, first {group.first.file}"
            for group in self.groups
        ]
        return "\n".join([*lines, self.summary])

    def __repr__(self) -> str:
        return f"<Validation of {self.summary}>"


def _anywhere(attribute: str) -> str:
    return re.sub(r"\[\d+\]", "[]", attribute)


def _group(findings: list[Finding]) -> FindingGroup:
    first = findings[0]
    files = len({finding.file for finding in findings})
    varies = any(finding.found != first.found for finding in findings)
    return FindingGroup(first, _anywhere(first.attribute), len(findings), files, varies)
