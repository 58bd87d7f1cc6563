"""The nodes of a recipe, as they stand in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from slicewise.io.recipes.foreign_kinds import ANYTHING
from slicewise.io.recipes.kinds import IN_MEMORY, Kind, Place
from slicewise.io.recipes.tree import Missing, Tree

__all__ = ["FILE_READERS", "Entry", "Parameter", "uses_in"]

FILE_READERS = ("ContourReader", "SegmentationReader", "SeriesReader", "VolumeReader")
"""Nodes that read what is at their ``path``."""


@attrs.frozen(eq=False)
class Parameter:
    """A parameter of a recipe.

    Parameters
    ----------
    name : str
        Its name, without braces.
    default : Tree
        What it is if it is not given; ``Missing`` where it has to be.
    help : str
        What it means.
    """

    name: str
    default: Tree
    help: str = ""

    @property
    def is_required(self) -> bool:
        """Whether it has to be given."""
        return isinstance(self.default, Missing)


@attrs.frozen(eq=False)
class Entry:
    """A node of a recipe.

    Parameters
    ----------
    id : str
        Its name in the recipe.
    kind : Kind or Missing
        What it is; or why that cannot be told.
    fields : mapping of str to Tree
        Its inputs, by the names they have in the recipe, and its parameters.
    lines : mapping of str to int
        The line in which a field stands; of the node itself under an empty name.
    """

    id: str
    kind: Kind | Missing
    fields: Mapping[str, Tree]
    lines: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def kind_name(self) -> str:
        """The name of the kind."""
        return "" if isinstance(self.kind, Missing) else self.kind.name

    def place(self, name: str) -> Place | None:
        """Return what can stand at a field."""
        return ANYTHING if isinstance(self.kind, Missing) else self.kind.place(name)

    def uses(self, ids: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Iterate over the fields that name other nodes, and the names; also of nodes that there are not."""
        for field, tree in self.fields.items():
            place = self.place(field)
            if place is not None:
                for used in uses_in(tree, place, ids):
                    yield field, used

    def is_source(self, ids: Mapping[str, Any]) -> bool:
        """Tell whether other images may be put in its place: it is an image in memory, or reads one."""
        if isinstance(self.kind, Missing) or self.kind_name in (*FILE_READERS, IN_MEMORY):
            return True
        return ":" in self.kind_name and not any(True for _ in self.uses(ids))


def uses_in(tree: Tree, place: Place, ids: Mapping[str, Any]) -> list[str]:
    """Return the names of nodes in a field: where it can be a value, too, only of nodes there are."""
    if place.several and isinstance(tree, tuple) and all(isinstance(item, str) for item in tree):
        return list(tree) if not place.value or (tree and all(item in ids for item in tree)) else []
    if place.node and isinstance(tree, str):
        return [tree] if not (place.value and place.words) or tree in ids else []
    return []
