"""Which plain words of YAML are numbers, true, false or nothing: the core schema of YAML 1.2, and no more.

YAML 1.1 reads ``NO`` as false, ``12:30`` as a number in base 60, ``1e3`` as text and some digits as dates.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["RESOLVERS", "float_of", "float_text", "int_of"]

_CORE = "tag:yaml.org,2002:"
_FIRST_OF_NUMBERS = list("-+0123456789.")

RESOLVERS: tuple[tuple[str, re.Pattern[str], list[Any]], ...] = (
    (f"{_CORE}null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    (f"{_CORE}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    (f"{_CORE}int", re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), _FIRST_OF_NUMBERS),
    (
        f"{_CORE}float",
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
        _FIRST_OF_NUMBERS,
    ),
)
"""Tag, form, and the characters with which words of it begin."""

_MOST_DIGITS = 4000
"""Python refuses longer whole numbers, since reading them takes long."""


def int_of(text: str) -> int:
    """Return the whole number that a word is; digits after 0 are decimal."""
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits is too long")
    return int(text, 10)


def float_of(text: str) -> float:
    """Return the number that a word is."""
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def float_text(value: float) -> str:
    """Return a number as the shortest word from which exactly it is read again."""
    mantissa, e, exponent = repr(value).partition("e")
    # Without a dot, programs of YAML 1.1 take it for text.
    text = f"{mantissa}{'' if not e or '.' in mantissa else '.0'}{e}{exponent}"
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
