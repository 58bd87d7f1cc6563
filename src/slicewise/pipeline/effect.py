"""What a node does to an image, as far as headers are concerned."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from slicewise.image import Code, Operation

__all__ = ["Effect"]


def _operations(value: Operation | Sequence[Operation] | frozenset[Operation]) -> frozenset[Operation]:
    return frozenset([value]) if isinstance(value, Operation) else frozenset(value)


@attrs.frozen
class Effect:
    """What a node does to values, grid and slices; the header rules follow from it.

    Parameters
    ----------
    operations : Operation or several
        The classes of operation; the strictest rule among them wins.
    keeps_units : bool
        Whether values mean the same afterwards (Hounsfield units stay Hounsfield units).
    derivation : tuple of Code
        The derivation as the standard codes it (PS3.16, CID 7203); empty where it has no code.
    """

    operations: frozenset[Operation] = attrs.field(converter=_operations)
    keeps_units: bool = True
    derivation: tuple[Code, ...] = ()
