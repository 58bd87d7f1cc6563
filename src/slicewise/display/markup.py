"""Pieces of HTML: everything from files is escaped, colours are those of the page, light or dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["details", "escape", "pairs", "picture", "table", "wrapped"]

_STYLE = """
.slicewise {font-family: system-ui, sans-serif; font-size: 13px; line-height: 1.4; color: inherit;}
.slicewise table {border-collapse: collapse; margin: 4px 0; font-size: 12px; background: transparent; color: inherit;}
.slicewise th, .slicewise td {text-align: left !important; vertical-align: top; padding: 1px 10px 1px 0;
  border: 0; background: transparent !important; color: inherit; max-width: 48em; overflow-wrap: anywhere;
  white-space: pre-wrap;}
.slicewise th {font-weight: 600; opacity: 0.75; white-space: nowrap;}
.slicewise thead th {border-bottom: 1px solid rgba(128, 128, 128, 0.5); opacity: 1;}
.slicewise summary {cursor: pointer; opacity: 0.8;}
.slicewise .row {display: flex; flex-wrap: wrap; gap: 8px; margin: 6px 0; align-items: flex-end;}
.slicewise figure {margin: 0;}
.slicewise figure img {display: block; background: #000; image-rendering: auto; max-width: none;}
.slicewise figcaption, .slicewise .faint {font-size: 11px; opacity: 0.7;}
.slicewise svg {color: inherit; max-width: 100%; height: auto;}
""".strip()


def wrapped(*parts: str) -> str:
    """Return pieces of HTML as the output of a cell. It brings its style along, since outputs stand alone."""
    return f'<div class="slicewise"><style>{_STYLE}</style>{"".join(parts)}</div>'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a table; both are plain text."""
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table><tbody>{cells}</tbody></table>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; all cells are plain text."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def details(summary: str, content: str) -> str:
    """Return HTML that is shown when asked for, under a plain text that says what it is."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def picture(png: bytes, caption: str, *, width: int, height: int) -> str:
    """Return a PNG with a plain text below it."""
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
