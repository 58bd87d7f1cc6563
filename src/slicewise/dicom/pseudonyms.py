"""Pseudonyms, UIDs and shifts of dates that follow from a secret: the same again for who has it, and nobody else."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from slicewise.errors import ParameterError

__all__ = ["Pseudonyms", "shifted"]

_LEAST = 16
_STANDARD = "1.2.840.10008."
_LONGEST_SHIFT = 3652


class Pseudonyms:
    """What stands for identifiers, made from a secret by HMAC-SHA-256.

    Parameters
    ----------
    secret : bytes
        At least 16 bytes: identifiers of patients are few, and a secret that can be guessed gives them all away.

    Raises
    ------
    ParameterError
        If the secret is too short.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _LEAST:
            raise ParameterError(
                f"'secret' must have at least {_LEAST} bytes (got {len(secret)}): make one with "
                "secrets.token_bytes(32), and keep it"
            )
        self._secret = secret

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pseudonyms) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """What tells secrets apart without telling them."""
        return self._mac("digest", "").hex()

    def _mac(self, kind: str, text: str) -> bytes:
        return hmac.new(self._secret, f"{kind}:{text}".encode("utf-8", "surrogateescape"), hashlib.sha256).digest()

    def uid(self, uid: str) -> str:
        """Return another UID; those of the standard itself, such as SOP classes, stay."""
        if not uid or uid.startswith(_STANDARD):
            return uid
        return f"2.25.{uuid.UUID(bytes=self._mac('uid', uid)[:16], version=4).int}"

    def patient(self, key: str) -> str:
        """Return a name for a patient."""
        return f"P{self._mac('patient', key)[:8].hex().upper()}"

    def days(self, key: str) -> int:
        """Return by how many days the dates of a patient go back: 1 to 3652, so that weekday and season change, too."""
        return 1 + int.from_bytes(self._mac("days", key)[:8], "big") % _LONGEST_SHIFT


def shifted(value: str, days: int) -> str:
    """Return dates, or dates with times, some days earlier; an empty text for what is no date of a day."""
    move: Callable[[str], str] = lambda one: _earlier(one.strip(), days)  # noqa: E731
    return "\\".join(move(one) for one in value.split("\\"))


def _earlier(text: str, days: int) -> str:
    # 2024.01.31 was once allowed.
    text = text.replace(".", "") if text[4:5] == "." else text
    try:
        # Of a day in the patient's time zone, whatever the time of writing is.
        day = datetime.strptime(text[:8], "%Y%m%d") - timedelta(days=days)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return ""
    return f"{day:%Y%m%d}{text[8:]}" if day.year >= 1000 else ""
