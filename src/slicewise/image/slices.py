"""Where the slices of a result come from."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["SliceMap"]


@attrs.frozen
class SliceMap:
    """Where each output slice comes from, as indices of the slices of one input.

    Parameters
    ----------
    match : tuple of (int or None)
        For each output slice the input slice whose plane it shares; None if there is none.
    support : tuple of sequences of int
        For each output slice the input slices its pixels are drawn from. A neighbourhood filter
        draws on the slice of its plane: the neighbours lend context, not identity.
    """

    match: tuple[int | None, ...]
    support: tuple[Sequence[int], ...]

    @classmethod
    def identity(cls, slices: int) -> SliceMap:
        """Return the map of a node that leaves the slices where they are."""
        return cls.of(range(slices))

    @classmethod
    def of(cls, indices: Sequence[int]) -> SliceMap:
        """Return the map of a node that takes the given slices, each as it is."""
        return cls(tuple(indices), tuple((i,) for i in indices))

    @property
    def is_choice(self) -> bool:
        """Whether every output slice is in the plane of one input slice and comes from it alone."""
        return all(m is not None and tuple(s) == (m,) for m, s in zip(self.match, self.support, strict=True))
