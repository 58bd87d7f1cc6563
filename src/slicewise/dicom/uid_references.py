"""Identifiers replaced wherever a header names them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slicewise.dicom.encoding import explicit_column, item
from slicewise.dicom.items import items_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.headers import Column

__all__ = ["with_uids"]


def with_uids(headers: Headers, uids: Mapping[str, str]) -> Headers:
    """Return headers in which some identifiers are replaced, as values of VR UI at any depth.

    Sequences that cannot be taken apart stay as they are.

    Parameters
    ----------
    headers : Headers
        One header per slice.
    uids : mapping of str to str
        Old to new identifiers.
    """
    if not uids:
        return headers
    names = {old.encode("ascii"): new.encode("ascii") for old, new in uids.items()}
    # Most sequences name none of them, and need not be taken apart.
    pattern = re.compile(b"|".join(re.escape(name) for name in names))
    changed: dict[int, Column | None] = {}
    for tag in headers.columns():
        column = explicit_column(tag, headers)
        if isinstance(column, RawElement):
            changed[tag] = _replaced(column, names, pattern)
        elif column is not None:
            changed[tag] = tuple(e and _replaced(e, names, pattern) for e in column)
    return headers.with_columns(changed)


def _replaced(element: RawElement, names: Mapping[bytes, bytes], pattern: re.Pattern[bytes]) -> RawElement:
    if element.vr not in ("UI", "SQ") or not pattern.search(element.value):
        return element
    if element.vr == "UI":
        values = [value.strip(b" \0") for value in element.value.split(b"\\")]
        return element._replace(value=b"\\".join(names.get(value, value) for value in values))
    try:
        items = items_of(element)
    except HeaderError:
        return element
    return element._replace(
        value=b"".join(item(_replaced(inner, names, pattern) for inner in elements.values()) for elements in items)
    )
