"""Amounts of memory: as text, and how much of it is free."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from slicewise.errors import ParameterError

__all__ = ["available_memory", "format_bytes", "format_seconds", "parse_bytes"]

_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def parse_bytes(amount: int | str) -> int:
    """Return an amount such as ``"300MB"``, ``"2GiB"`` or 1000000 in bytes.

    Raises
    ------
    ParameterError
        If it is not a positive amount.

    Examples
    --------
    >>> parse_bytes("300MB")
    300000000
    """
    if isinstance(amount, str):
        match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([KMGT]?I?)B?\s*", amount.upper())
        if match is None:
            raise ParameterError(f"an amount of memory must be like '300MB' or '2GiB' (got {amount!r})")
        number = float(match[1]) * _UNITS[match[2]] if match[2] in _UNITS else 0.0
    else:
        number = float(amount)
    if not 1 <= number < math.inf:
        raise ParameterError(f"an amount of memory must be positive (got {amount!r})")
    return int(number)


def format_bytes(amount: float) -> str:
    """Return an amount of bytes as a person reads it.

    Examples
    --------
    >>> format_bytes(210_000_000)
    '210 MB'
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= size:
            return f"{amount / size:.3g} {unit}"
    return f"{int(amount)} B"


def format_seconds(seconds: float) -> str:
    """Return a time as a person reads it.

    Examples
    --------
    >>> format_seconds(12.346), format_seconds(0.0204), format_seconds(0.00004)
    ('12.35 s', '20.4 ms', '0.04 ms')
    """
    if seconds >= 0.9995:
        return f"{seconds:.2f} s"
    return f"{1000 * seconds:.3g} ms" if seconds >= 0.001 else f"{1000 * seconds:.2f} ms"


def available_memory() -> int:
    """Return how many bytes of memory are free, also for the taking from the file cache."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        # A system that does not tell: an amount that any machine of today has.
        return 4 * 10**9
