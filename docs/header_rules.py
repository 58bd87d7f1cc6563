"""Writes header-rules.md from the table of the header rules; --check only compares.

python docs/header_rules.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from slicewise.dicom import rule_table
from slicewise.dicom.rule_table import (
    COLUMNS,
    DEFAULT,
    GROUP_LENGTH,
    PRIVATE,
    PRIVATE_GRID,
    PRIVATE_PROVENANCE,
    REPEATING,
    ROWS,
    Row,
)

PAGE = Path(__file__).with_name("header-rules.md")

INTRODUCTION = """\
# Header rules

What becomes of each attribute on each output slice, by what was done to the image. A node declares what it does; a
node that does several things, and a chain of nodes, follow the strictest rule. This page is made from the table that
the program reads.

| column | what was done |
|---|---|
{columns}

| mark | what becomes of the attribute |
|---|---|
{marks}

| attributes | {letters} | why |
|---|{rules}|---|
{rows}
"""


def marks() -> list[tuple[str, str]]:
    """Return the marks and their meanings, as the table's own documentation gives them."""
    lines = (rule_table.__doc__ or "").splitlines()
    found = [line.partition("  ") for line in lines if len(line) > 5 and line[0].isupper() and line[1:5] == "    "]
    return [(mark, meaning.strip()) for mark, _, meaning in found]


def table_row(name: str, row: Row) -> str:
    """Return a row of the table."""
    return f"| {name} | {' | '.join(row.marks.split())} | {row.why} |"


def page() -> str:
    """Return the page."""
    letters = [operation.name[0] if operation.name != "PROJECTION" else "J" for operation in COLUMNS]
    named = [(" ".join(row.keywords.split()), row) for row in ROWS]
    other = [
        *((f"{row.keywords} ({mask >> 24:02X}xx,xxxx)", row) for mask, row in REPEATING),
        ("group lengths (gggg,0000)", GROUP_LENGTH),
        ("all other public attributes", DEFAULT),
        ("private blocks", PRIVATE),
        ("private blocks that restate the grid or hold pixels", PRIVATE_GRID),
        ("private blocks that tell where an image comes from", PRIVATE_PROVENANCE),
    ]
    return INTRODUCTION.format(
        columns="\n".join(f"| {letter} | {op.value} |" for letter, op in zip(letters, COLUMNS, strict=True)),
        marks="\n".join(f"| {mark} | {meaning} |" for mark, meaning in marks()),
        letters=" | ".join(letters),
        rules="|".join("---" for _ in letters),
        rows="\n".join(table_row(name, row) for name, row in [*named, *other]),
    )


def main() -> int:
    """Write or compare the page."""
    if "--check" in sys.argv:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
