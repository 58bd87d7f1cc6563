"""Text decoded by its character set, declared well, badly or not at all (PS3.5, 6.1; PS3.3, C.12.1.1.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pydicom.charset import CODES_TO_ENCODINGS, default_encoding, python_encoding

__all__ = ["UNDECLARED", "CharacterSet", "DecodedText", "character_set_of", "decode_text"]

_ESCAPE = 0x1B
_DELIMITERS = re.compile(rb"[\n\f\r\t\\^=]")
_KEEP_ESCAPE = frozenset(["iso2022_jp", "iso2022_jp_2"])
"""Codecs that look for the escape sequence themselves."""

_REGISTRATION = re.compile(r"ISO ?(2022)? ?(?:IR ?)?(\d+)")
_PART = re.compile(r"(?:ISO ?)?8859 ?(\d+)|LATIN ?(1)")
_OTHER_NAMES = {
    "ASCII": "ISO_IR 6",
    "US ASCII": "ISO_IR 6",
    "UTF8": "ISO_IR 192",
    "UTF 8": "ISO_IR 192",
    "UNICODE": "ISO_IR 192",
    "GB 18030": "GB18030",
    "GB2312": "GB18030",
    "GB 2312": "GB18030",
    "ISO 2022 GBK": "GBK",
    "ISO 2022 58": "ISO 2022 IR 58",
    "SHIFT JIS": "ISO_IR 13",
    "EUC KR": "ISO 2022 IR 149",
}
_PARTS = {1: 100, 2: 101, 3: 109, 4: 110, 5: 144, 6: 127, 7: 126, 8: 138, 9: 148, 11: 166, 15: 203}
"""Registrations of the parts of ISO 8859."""

_ENCODINGS = {**python_encoding, "ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"}
_CODES = {**CODES_TO_ENCODINGS, b"\x1b-b": "iso8859_15"}


class CharacterSet(NamedTuple):
    """How the text of a dataset is encoded.

    ``encodings`` are Python's names, the one that text begins with first; ``terms`` are as the standard spells
    them. ``is_declared`` is false where the first is ASCII, or unknown. ``reason`` says what is wrong with
    the declaration; empty if nothing is.
    """

    encodings: tuple[str, ...]
    terms: tuple[str, ...] = ()
    is_declared: bool = True
    reason: str = ""


UNDECLARED = CharacterSet((default_encoding,), is_declared=False)
"""ASCII (ISO_IR 6), which is the default (PS3.3, C.12.1.1.2)."""


class DecodedText(NamedTuple):
    """A text, the encodings that it was decoded by, and why these are not the declared ones (or empty)."""

    text: str
    encodings: tuple[str, ...]
    reason: str = ""


@lru_cache(maxsize=256)
def character_set_of(declaration: bytes) -> CharacterSet:
    """Return the character set that a value of Specific Character Set declares, however it is spelt.

    Case, underscores, hyphens, padding and empty values at the end do not matter, and some names from outside the
    standard are known (``UTF8``, ``GB2312``, ``ISO-8859-1``). An unknown term counts as none.
    """
    stated = declaration.replace(b"\0", b"").decode("ascii", "replace").strip()
    spelt = [term.strip() for term in stated.split("\\")]
    while spelt and not spelt[-1]:
        spelt.pop()
    if not spelt:
        return UNDECLARED
    terms = [_term(term) for term in spelt]
    unknown = [repr(text) for text, term in zip(spelt, terms, strict=True) if term is None]
    known = tuple(term for term in terms if term is not None)
    reason = ""
    if unknown:
        reason = f"{', '.join(unknown)} is no character set of the standard"
    elif known != tuple(spelt) or "\\".join(spelt) != stated:
        meant = "\\".join(known)
        reason = f"{stated!r} is not spelt as in the standard; taken as {meant!r}"
    if terms[0] is None:
        return UNDECLARED._replace(terms=known, reason=reason)
    is_declared = known[0] not in ("", "ISO_IR 6", "ISO 2022 IR 6")
    return CharacterSet(tuple(_ENCODINGS[term] for term in known), known, is_declared, reason)


def _term(spelt: str) -> str | None:
    """Return the term of the standard that is meant; None if none is."""
    if spelt in _ENCODINGS:
        return spelt
    plain = re.sub(r"[-_ ]+", " ", spelt.upper()).strip()
    if plain in _OTHER_NAMES:
        return _OTHER_NAMES[plain]
    if plain in _ENCODINGS:
        return plain
    if part := _PART.fullmatch(plain):
        number = _PARTS.get(int(part[1] or part[2]))
        return None if number is None else f"ISO_IR {number}"
    if registration := _REGISTRATION.fullmatch(plain):
        forms = (f"ISO 2022 IR {registration[2]}", f"ISO_IR {registration[2]}")
        # Multi-byte sets of Asia are there with code extensions alone, UTF-8 without them alone.
        wanted = forms if registration[1] else forms[::-1]
        return next((form for form in wanted if form in _ENCODINGS), None)
    return None


def decode_text(value: bytes, declared: CharacterSet) -> DecodedText:
    """Decode a text; one that is not what it is declared to be is decoded as what it most likely is.

    Bytes that are none of the declared set, or outside ASCII where none is declared, are taken as UTF-8 if they are
    valid as such: other encodings hardly ever are. Else those without a declaration are taken as Latin-1, and those
    against one get replacement characters (U+FFFD). Escape sequences of sets that are not declared are followed.
    """
    if value.isascii() and _ESCAPE not in value:
        # The first of several sets may be none that holds ASCII; all that DICOM knows do.
        return DecodedText(value.decode("ascii"), declared.encodings)
    if _ESCAPE in value:
        return _decode_extended(value, declared)
    if declared.is_declared:
        try:
            return DecodedText(value.decode(declared.encodings[0]), declared.encodings)
        except UnicodeError:
            pass
    return _guess(value, declared)


def _guess(value: bytes, declared: CharacterSet) -> DecodedText:
    what = (
        f"bytes that are not {declared.terms[0] or 'ASCII'}"
        if declared.is_declared
        else "letters outside ASCII without a known character set"
    )
    try:
        return DecodedText(value.decode("utf-8"), ("utf8",), f"{what}; taken as UTF-8")
    except UnicodeError:
        pass
    if not declared.is_declared:
        return DecodedText(value.decode("latin-1"), ("latin_1",), f"{what}; taken as Latin-1")
    text = value.decode(declared.encodings[0], "replace")
    return DecodedText(text, declared.encodings, f"{what}; these are shown as \ufffd")


def _decode_extended(value: bytes, declared: CharacterSet) -> DecodedText:
    """Decode text with escape sequences (PS3.5, 6.1.2.5)."""
    reasons: list[str] = []
    texts: list[str] = []
    used = list(declared.encodings)
    # Fragments begin with an escape sequence, but for the first.
    for fragment in re.findall(rb"^[^\x1b]+|\x1b[^\x1b]*", value):
        text, encoding, reason = _decode_fragment(fragment, declared)
        texts.append(text)
        if encoding not in used:
            used.append(encoding)
        if reason and reason not in reasons:
            reasons.append(reason)
    return DecodedText("".join(texts), tuple(used), "; ".join(reasons))


def _decode_fragment(fragment: bytes, declared: CharacterSet) -> tuple[str, str, str]:
    if fragment[0] != _ESCAPE:
        found = decode_text(fragment, declared)
        return found.text, found.encodings[0], found.reason
    length = 4 if fragment[1:3] in (b"$(", b"$)") else 3
    encoding = _CODES.get(fragment[:length])
    if encoding is None:
        found = decode_text(fragment[1:], declared)
        return f"\ufffd{found.text}", found.encodings[0], "an escape sequence of no character set of the standard"
    is_known = encoding == default_encoding or encoding in declared.encodings
    reason = "" if is_known else "an escape sequence of a character set that is not declared; followed"
    text, wrong = _decode_escaped(fragment, length, encoding, declared.encodings)
    return text, encoding, "; ".join(filter(None, (reason, wrong)))


def _decode_escaped(fragment: bytes, length: int, encoding: str, encodings: Sequence[str]) -> tuple[str, str]:
    if encoding in _KEEP_ESCAPE:
        parts = [(fragment, encoding)]
    else:
        # A delimiter brings back the set that the text began with.
        content = fragment[length:]
        stop = found.start() if (found := _DELIMITERS.search(content)) else len(content)
        parts = [(content[:stop], encoding), (content[stop:], encodings[0])]
    try:
        return "".join(part.decode(name) for part, name in parts), ""
    except UnicodeError:
        text = "".join(part.decode(name, "replace") for part, name in parts)
        return text, f"bytes that are not of the character set {encoding} of their escape sequence"
