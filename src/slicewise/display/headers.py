"""Headers as HTML: what varies first, what is shared on demand."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from slicewise.display.markup import details, pairs, table, wrapped
from slicewise.image import Headers
from slicewise.image.attribute_text import flat

__all__ = ["headers_html", "headers_parts"]

_LONGEST = 300
_FACTS = (
    ("patient", ("PatientName", "PatientID")),
    ("study", ("StudyDescription", "StudyDate")),
    ("series", ("Modality", "SeriesNumber", "SeriesDescription")),
    ("made by", ("Manufacturer", "ManufacturerModelName")),
)


def headers_html(headers: Headers) -> str:
    """Return headers as HTML: which attributes vary, and how; and all that are shared."""
    count = f"{len(headers)} slices, {len(headers.columns())} attributes, {len(headers.varying)} of them varying"
    return wrapped(f"<b>Headers</b> <span class='faint'>{count}</span>", headers_parts(headers))


def headers_parts(headers: Headers) -> str:
    """Return headers as HTML to go into other HTML."""
    if len(headers) == 0:
        return ""
    first, last = (dict(flat(headers[k])) for k in (0, -1))
    shared = dict(flat(headers.shared))
    varying = [name for name in dict.fromkeys((*first, *last)) if name not in shared]
    rows = [(name, _cut(first.get(name)), _cut(last.get(name))) for name in varying]
    parts = [pairs(_facts(headers[0]))]
    if rows:
        shown = table(("attribute", "first slice", "last slice"), rows)
        parts.append(details(f"{len(headers.varying)} attributes vary from slice to slice", shown))
    common = pairs((name, _cut(value)) for name, value in shared.items())
    parts.append(details(f"{len(headers.columns()) - len(headers.varying)} attributes are shared", common))
    return "".join(parts)


def _facts(header: Dataset) -> Iterator[tuple[str, str]]:
    known = dict(flat(header))
    for name, keywords in _FACTS:
        values = [known[keyword] for keyword in keywords if known.get(keyword)]
        if values:
            yield name, ", ".join(values)


def _cut(text: str | None) -> str:
    if text is None:
        return "–"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
