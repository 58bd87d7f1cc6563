"""Unique identifiers of new series and instances (PS3.5, 9 and Annex B)."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator

from pydicom.uid import RE_VALID_UID_PREFIX, UID, generate_uid

from slicewise.errors import ParameterError

__all__ = ["check_prefix", "fresh_uids", "reproducible_uids"]

_ROOT = "2.25."


def check_prefix(prefix: str | None) -> None:
    """Raise unless a UID prefix can be used.

    Raises
    ------
    ParameterError
        If it is not digits and dots, ends without a dot, or is too long to leave room.
    """
    if prefix is None:
        return
    if not re.match(RE_VALID_UID_PREFIX, prefix) or len(prefix) > 54:
        raise ParameterError(
            f"'uid_prefix' must be numbers and dots, end in a dot and have at most 54 characters (got {prefix!r})"
        )


def fresh_uids(prefix: str | None) -> Iterator[str]:
    """Yield new identifiers: under the prefix, or under the root for UUIDs."""
    while True:
        yield str(generate_uid(prefix)) if prefix else f"{_ROOT}{uuid.uuid4().int}"


def reproducible_uids(prefix: str | None, entropy: Iterable[str]) -> Iterator[str]:
    """Yield identifiers that are the same for the same entropy, one for each 0, 1, 2, ..."""
    seed = hashlib.sha512("\n".join(entropy).encode()).digest()
    number = 0
    while True:
        digest = hashlib.sha512(seed + number.to_bytes(8, "big")).digest()
        if prefix:
            room = 64 - len(prefix)
            yield str(UID(prefix + str(int.from_bytes(digest, "big") % 10 ** (room - 1) or 1)))
        else:
            yield f"{_ROOT}{uuid.UUID(bytes=digest[:16], version=5).int}"
        number += 1
