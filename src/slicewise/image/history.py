"""What was done to an image, and which instances its slices come from."""

from __future__ import annotations

import enum
from typing import NamedTuple

import attrs

__all__ = ["Action", "Change", "Code", "Operation", "Source", "Step"]


class Operation(enum.Enum):
    """What an operation does to the image, as far as headers are concerned."""

    PIXEL = "pixel values, same grid"
    LATTICE = "crop, flip or permutation within the lattice, no interpolation"
    GEOMETRY = "a new grid by interpolation"
    SUBSET = "a choice of slices, pixels untouched"
    PROJECTION = "several slices made one"
    MULTI = "several images made one"


class Action(enum.Enum):
    """What became of an attribute."""

    KEPT = "kept"
    REGENERATED = "regenerated"
    DROPPED = "dropped"


class Code(NamedTuple):
    """A coded concept (PS3.3, 8.8): value, scheme and meaning."""

    value: str
    scheme: str
    meaning: str


class Source(NamedTuple):
    """An instance, or a frame of one, that a slice comes from."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None = None
    mask: bool = False
    """Whether it was used as a mask, and not for its own values."""
    tile: bool = False
    """Whether the slice is a tile of its frame, so that pixels stand at other rows and columns in it."""


class Change(NamedTuple):
    """What a step did to one attribute, and why; what is not listed was kept."""

    tag: int
    action: Action
    reason: str
    slices: tuple[int, ...] | None = None
    """The output slices concerned; None for all."""


@attrs.frozen
class Step:
    """One operation in the history of an image.

    Parameters
    ----------
    name : str
        Name of the node, e.g. ``Median``.
    parameters : str
        Its parameters as text, e.g. ``radius=(1, 1, 1)``.
    operations : frozenset of Operation
        What it does to values, grid and slices.
    derivation : Code, optional
        How the standard calls it (PS3.16, CID 7203).
    keeps_units : bool
        Whether values are in the same units afterwards.
    changes : tuple of Change
        The attributes it regenerated or dropped.
    """

    name: str
    parameters: str = ""
    operations: frozenset[Operation] = frozenset()
    derivation: tuple[Code, ...] = ()
    keeps_units: bool = True
    changes: tuple[Change, ...] = ()

    @property
    def is_note(self) -> bool:
        """Whether nothing was done to the image: something was let pass when it was read."""
        return not self.operations and bool(self.parameters)

    @property
    def description(self) -> str:
        """Name and parameters in one line."""
        return f"{self.name}({self.parameters})" if self.parameters else self.name
