"""What a node does to an image, as far as headers are concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from slicewise.image import Code, Operation

__all__ = ["Effect"]


def _operations(value: Operation | Sequence[Operation] | frozenset[Operation]) -> frozenset[Operation]:
    return frozenset([value]) if isinstance(value, Operation) else frozenset(value)


def _fixed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


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
    attributes : mapping of str to object
        Attributes that are true of the result whatever the source said, such as the units a node makes: keyword
        to a value, a list with one for each slice, or None for what no longer holds.
    mixes_patients : bool
        Whether the inputs may be of different patients; the result is the first one's.
    """

    operations: frozenset[Operation] = attrs.field(converter=_operations)
    keeps_units: bool = True
    derivation: tuple[Code, ...] = ()
    attributes: Mapping[str, Any] = attrs.field(factory=dict, converter=_fixed)
    mixes_patients: bool = False
