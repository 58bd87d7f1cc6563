"""Compression with loss: what a caller asks for, and how an image says that it was done (PS3.3, C.7.6.1.1.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import attrs

from slicewise.errors import ParameterError

__all__ = ["LOSSY", "Loss", "Lossy"]


class _Kind(NamedTuple):
    """A lossy transfer syntax: its UID, its parameter with a sound value and its range, and how it is called."""

    uid: str
    parameter: str
    example: int
    low: float
    high: float
    method: str
    keeps_signs: bool = False


LOSSY: Mapping[str, _Kind] = MappingProxyType(
    {
        "jpeg-ls-near": _Kind("1.2.840.10008.1.2.4.81", "error", 2, 1, 255, "ISO_14495_1"),
        "jpeg-2000-lossy": _Kind("1.2.840.10008.1.2.4.91", "psnr", 80, 1, 200, "ISO_15444_1", keeps_signs=True),
        "jpeg-baseline": _Kind("1.2.840.10008.1.2.4.50", "quality", 90, 1, 100, "ISO_10918_1"),
    }
)
"""Transfer syntaxes with loss, by name."""


_NAMES: Mapping[str, str] = MappingProxyType({kind.uid: name for name, kind in LOSSY.items()})


def _name_of(name_or_uid: str) -> str:
    return _NAMES.get(name_or_uid, name_or_uid)


@attrs.frozen(repr=False)
class Lossy:
    """A transfer syntax that loses values, and how much of them.

    Parameters
    ----------
    name : str
        ``"jpeg-ls-near"``, ``"jpeg-2000-lossy"`` or ``"jpeg-baseline"`` (8 bits), or the UID of one.
    error : int, optional
        Of ``jpeg-ls-near``: the largest difference of a stored value, 1 to 255 (with 8 bits 127).
    psnr : number, optional
        Of ``jpeg-2000-lossy``: the ratio of the full range of the allocated bits to the root mean square error that
        is aimed at, in dB: with 16 bits 80 is an error of about 6.6 stored values, with 8 bits 40 is one of 2.6.
    quality : int, optional
        Of ``jpeg-baseline``: 1 to 100, as libjpeg counts it.

    Raises
    ------
    ParameterError
        If the name is none of these, or its parameter is missing, out of range, or that of another.

    Examples
    --------
    >>> Lossy("jpeg-ls-near", error=2)
    Lossy('jpeg-ls-near', error=2)
    """

    name: str = attrs.field(converter=_name_of)
    error: int | None = attrs.field(default=None, kw_only=True)
    psnr: float | None = attrs.field(default=None, kw_only=True)
    quality: int | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.name not in LOSSY:
            raise ParameterError(f"'name' must be one of {', '.join(map(repr, LOSSY))} (got {self.name!r})")
        kind = self._kind
        given = {key: v for key in ("error", "psnr", "quality") if (v := getattr(self, key)) is not None}
        if set(given) != {kind.parameter}:
            got = ", ".join(f"{key}={value}" for key, value in given.items()) or "nothing"
            raise ParameterError(
                f"{self.name!r} takes {kind.parameter}= and nothing else, e.g. {kind.parameter}={kind.example} "
                f"(got {got})"
            )
        value = given[kind.parameter]
        kinds = (int, float) if kind.parameter == "psnr" else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not kind.low <= value <= kind.high:
            wanted = "a number" if float in kinds else "an integer"
            raise ParameterError(
                f"{kind.parameter!r} of {self.name!r} must be {wanted} from {kind.low} to {kind.high} (got {value!r})"
            )

    def __repr__(self) -> str:
        return f"Lossy({self.name!r}, {self._kind.parameter}={self.amount})"

    def __str__(self) -> str:
        return f"{self.name}, {self._kind.parameter} {self.amount}"

    @property
    def uid(self) -> str:
        """UID of the transfer syntax."""
        return self._kind.uid

    @property
    def method(self) -> str:
        """Lossy Image Compression Method (PS3.3, C.7.6.1.1.5.1)."""
        return self._kind.method

    @property
    def amount(self) -> float:
        """The parameter."""
        value: float = getattr(self, self._kind.parameter)
        return value

    @property
    def keeps_signs(self) -> bool:
        """Whether the codec knows of negative values; others would make -1 of two's complement 65535."""
        return self._kind.keeps_signs

    @property
    def _kind(self) -> _Kind:
        return LOSSY[self.name]


@attrs.frozen
class Loss:
    """What was lost.

    Parameters
    ----------
    coding : str
        The transfer syntax and its parameter, in words.
    largest_difference : int
        Largest difference of a stored value to what the written frame decodes to.
    ratio : float
        Bytes of all uncompressed frames to those of the compressed ones.
    """

    coding: str
    largest_difference: int
    ratio: float

    def __str__(self) -> str:
        return (
            f"compressed with loss ({self.coding}): {self.ratio:.3g} to 1, stored values differ by up to "
            f"{self.largest_difference}"
        )

    @classmethod
    def of_frames(cls, coding: str, frames: Iterable[tuple[int, int, int]]) -> Loss | None:
        """Return the loss of several frames, each given by its difference and bytes before and after; None of none."""
        found = list(frames)
        if not found:
            return None
        before, after = sum(f[1] for f in found), sum(f[2] for f in found)
        return cls(coding, max(f[0] for f in found), before / after)
