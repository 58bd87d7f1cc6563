"""Siemens' own headers (CSA): the values of some of their fields.

The layout is known from public descriptions; two versions are about, the newer of which begins with ``SV10``.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from slicewise.errors import HeaderError

__all__ = ["csa_fields"]

_MAGIC = b"SV10"
_FIELD = struct.Struct("<64si4siii")
_ITEM = struct.Struct("<4i")
_CHECK = (77, 205)
_MOST_FIELDS = 1024
_MOST_ITEMS = 4096


def csa_fields(data: bytes, names: Collection[str]) -> dict[str, list[str]]:
    """Return the values of the fields of some names, as text; fields that are not there are left out.

    Parameters
    ----------
    data : bytes
        The value of the element.
    names : collection of str
        Names of fields.

    Raises
    ------
    HeaderError
        If this is no such header, or it is cut off.
    """
    is_new = data[:4] == _MAGIC
    try:
        return _fields(data, 8 if is_new else 0, names, is_new=is_new)
    except struct.error as error:
        raise HeaderError(f"the CSA header is cut off ({error})") from None


def _fields(data: bytes, position: int, names: Collection[str], *, is_new: bool) -> dict[str, list[str]]:
    count, check = struct.unpack_from("<2i", data, position)
    if check not in _CHECK or not 0 < count <= _MOST_FIELDS:
        raise HeaderError(f"this is no CSA header: it claims {count} fields")
    position += 8
    found: dict[str, list[str]] = {}
    first_items: int | None = None
    for _ in range(count):
        raw_name, _, _, _, items, _ = _FIELD.unpack_from(data, position)
        position += _FIELD.size
        if not 0 <= items <= _MOST_ITEMS:
            raise HeaderError(f"the CSA header is broken: a field claims {items} values")
        # The older version counts lengths from the number of values of its first field.
        first_items = items if first_items is None else first_items
        values = []
        for _ in range(items):
            lengths = _ITEM.unpack_from(data, position)
            position += _ITEM.size
            length = lengths[1] if is_new else lengths[0] - first_items
            if not is_new and not 0 <= length <= len(data) - position:
                # What follows in the older version is no value of this field.
                break
            if length < 0 or position + length > len(data):
                raise HeaderError("the CSA header is broken: a value goes on beyond its end")
            values.append(data[position : position + length].split(b"\0")[0].decode("latin-1").strip())
            position += (length + 3) // 4 * 4
        name = raw_name.split(b"\0")[0].decode("latin-1")
        if name in names:
            found[name] = [value for value in values if value]
    return found
