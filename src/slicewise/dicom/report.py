"""What became of each attribute when a series was written, for a person to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from slicewise.dicom.lossy import Loss
from slicewise.image import Action
from slicewise.image.elements import name_of

__all__ = ["Report", "ReportRow"]


@attrs.frozen
class ReportRow:
    """What became of one attribute.

    Parameters
    ----------
    tag : int
        The attribute.
    action : Action
        Kept, regenerated or dropped.
    reason : str
        Why.
    slices : tuple of int or None
        The slices concerned; None for all.
    step : int, optional
        Which step of the history did it, from 1; None for the writer.
    """

    tag: int
    action: Action
    reason: str
    slices: tuple[int, ...] | None = None
    step: int | None = None

    @property
    def name(self) -> str:
        """Keyword, or ``(gggg,eeee)`` where there is none."""
        return name_of(self.tag)


@attrs.frozen
class Report:
    """What became of the attributes, and how true the pixels are.

    Parameters
    ----------
    rows : tuple of ReportRow
        In tag order; an attribute has a second row where slices fared differently.
    slices : int
        Number of slices written.
    largest_error : float
        Largest difference between a value and what its stored value decodes to.
    storage : str
        How values are stored, in words.
    warnings : tuple of str
        What a reader should know.
    loss : Loss, optional
        What the compression lost; None if it lost nothing.
    frames : int, optional
        Number of frames, where it is not that of the slices.
    """

    rows: tuple[ReportRow, ...]
    slices: int
    largest_error: float
    storage: str
    warnings: tuple[str, ...] = ()
    loss: Loss | None = None
    frames: int | None = None

    def of(self, action: Action) -> tuple[ReportRow, ...]:
        """Return the rows of one kind."""
        return tuple(row for row in self.rows if row.action is action)

    @property
    def counts(self) -> dict[str, int]:
        """Number of attributes kept, regenerated and dropped."""
        return {action.value: len({row.tag for row in self.of(action)}) for action in Action}

    @property
    def brief(self) -> tuple[str, ...]:
        """Lines that tell how many attributes were kept, how true the pixels are, and what a reader should know."""
        counts = ", ".join(f"{number} {action}" for action, number in self.counts.items())
        return (
            f"attributes: {counts}",
            f"pixels: {self.storage}; largest error {self.largest_error:.3g}",
            *([] if self.loss is None else [str(self.loss)]),
            *(f"note: {warning}" for warning in self.warnings),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything as numbers, texts, lists and dictionaries, as JSON has them; slices are counted from 0."""
        return {
            "slices": self.slices,
            "frames": self.frames,
            "largest_error": self.largest_error,
            "storage": self.storage,
            "warnings": list(self.warnings),
            "loss": None if self.loss is None else attrs.asdict(self.loss),
            "attributes": [
                {
                    "name": row.name,
                    "tag": f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})",
                    "action": row.action.value,
                    "reason": row.reason,
                    "slices": None if row.slices is None else list(row.slices),
                }
                for row in self.rows
            ],
        }

    def __str__(self) -> str:
        frames = "" if self.frames is None else f" in {self.frames} frames"
        attributes, *lines = self.brief
        lines = [f"{self.slices} slices{frames}; {attributes}", *lines]
        for action in (Action.REGENERATED, Action.DROPPED):
            lines += _lines(action, self.of(action))
        return "\n".join(lines)


def _lines(action: Action, rows: Sequence[ReportRow]) -> list[str]:
    if not rows:
        return []
    lines = [f"{action.value}:"]
    private = Counter(row.reason for row in rows if row.tag >> 16 & 1)
    for row in rows:
        if row.tag >> 16 & 1:
            continue
        where = "" if row.slices is None else f" (on {len(row.slices)} slices)"
        lines.append(f"  {row.name:<44} {row.reason}{where}")
    return lines + [f"  {f'{n} private elements':<44} {reason}" for reason, n in private.items()]
