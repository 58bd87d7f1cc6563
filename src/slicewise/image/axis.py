"""What the volumes of a stack are stacked along: time, echoes, b-values."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

from slicewise.errors import ParameterError
from slicewise.image.geometry import Geometry
from slicewise.image.history import Step

__all__ = ["Coordinate", "StackAxis", "StackedVolume", "coordinates"]

Coordinate = int | float | str
"""Where a volume stands on the axis: a number, or a text."""

_TIMES = {
    "TemporalPositionTimeOffset": "s",
    "TriggerTime": "ms",
    "NominalCardiacTriggerDelayTime": "ms",
    "ActualCardiacTriggerDelayTime": "ms",
    "FrameReferenceTime": "ms",
    "time": None,
    "TemporalPositionIdentifier": None,
    "TemporalPositionIndex": None,
    "AcquisitionTime": None,
    "AcquisitionDateTime": None,
    "ContentTime": None,
    "FrameAcquisitionDateTime": None,
    "FrameReferenceDateTime": None,
}
"""Names of axes along which every volume is of another time, and the unit that the standard gives them (PS3.3)."""

_UNITS = _TIMES | {
    "EchoTime": "ms",
    "EffectiveEchoTime": "ms",
    "InversionTime": "ms",
    "InversionTimes": "ms",
    "RepetitionTime": "ms",
    "DiffusionBValue": "s/mm2",
    "FlipAngle": "deg",
    "KVP": "kV",
}

_MOST_TOLD = 6
"""Coordinates that a text shows."""

_EVEN = 1e-3
"""By how much of their mean the steps between coordinates may differ and still count as even."""


def coordinates(values: Iterable[Any]) -> tuple[Coordinate, ...]:
    """Return coordinates as plain numbers and texts.

    Raises
    ------
    ParameterError
        If one is neither a finite number nor a text.
    """
    return tuple(_plain(value) for value in values)


def _plain(value: Any) -> Coordinate:
    # Subclasses, such as the decimal strings of pydicom, become what they stand for.
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real | Decimal) and math.isfinite(value):
        return float(value)
    raise ParameterError(f"'coordinates' must be numbers or texts (got {value!r} of type {type(value).__name__})")


@attrs.frozen
class StackedVolume:
    """What a volume of a stack has for itself.

    Parameters
    ----------
    geometry : Geometry
        Its grid: that of the stack, but for the rounding of positions.
    history : tuple of Step
        What was done to it so far, oldest first.
    """

    geometry: Geometry
    history: tuple[Step, ...]


@attrs.frozen
class StackAxis:
    """What the volumes of a stack are stacked along.

    Parameters
    ----------
    name : str
        Such as ``time``, or the keyword of the attribute in which the volumes differ.
    coordinates : tuple of number or str, optional
        Where each volume stands.
    stacked : tuple of StackedVolume
        The volumes, in order.
    stated_unit : str, optional
        Unit of the coordinates, as UCUM writes it: ``s``, ``ms``, ``s/mm2``.
    """

    name: str
    coordinates: tuple[Coordinate, ...] | None
    stacked: tuple[StackedVolume, ...] = attrs.field(repr=False)
    stated_unit: str | None = None

    @property
    def unit(self) -> str | None:
        """Unit of the coordinates: the one that was stated, or that of the attribute."""
        return self.stated_unit if self.stated_unit is not None else _UNITS.get(self.name)

    @property
    def is_time(self) -> bool:
        """Whether every volume is of another time."""
        return self.name in _TIMES

    @property
    def volumes(self) -> int:
        """Number of volumes."""
        return len(self.stacked)

    @property
    def text(self) -> str:
        """The axis as a person reads it, such as ``3 volumes along EchoTime: 2.46, 4.92, 7.38 ms``."""
        return f"{self.volumes} volume{'' if self.volumes == 1 else 's'} along {self.name}{self._places}"

    @property
    def _places(self) -> str:
        if self.coordinates is None:
            return ""
        told = [c if isinstance(c, str) else f"{c:g}" for c in self.coordinates]
        shown = told if len(told) <= _MOST_TOLD else [*told[:3], "...", told[-1]]
        return f": {', '.join(shown)}{'' if self.unit is None else f' {self.unit}'}"

    @property
    def step(self) -> float | None:
        """Distance between coordinates that are evenly spaced and growing numbers; None if they are not."""
        known = self.coordinates
        if known is None or len(known) < 2 or any(isinstance(c, str) for c in known):
            return None
        steps = np.diff(np.array(known, dtype=np.float64))
        mean = float(steps.mean())
        return mean if mean > 0 and float(np.abs(steps - mean).max()) <= _EVEN * mean else None

    @property
    def line(self) -> tuple[float, float]:
        """Step and first coordinate, as spacing and origin of an axis of ITK; 1 and 0 where it is not even."""
        if self.step is None or self.coordinates is None:
            return (1.0, 0.0)
        return (self.step, float(self.coordinates[0]))
