"""The graph of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from slicewise.errors import ParameterError, RecipeError, SlicewiseError
from slicewise.io.recipes.checking import order_of, where
from slicewise.io.recipes.decoding import value_of
from slicewise.io.recipes.document import Content
from slicewise.io.recipes.entries import Entry, uses_in
from slicewise.io.recipes.foreign_kinds import Foreign, foreign_kind
from slicewise.io.recipes.kinds import IN_MEMORY, Kind
from slicewise.io.recipes.tree import Held, Missing, Tree, with_values
from slicewise.io.recipes.trust import Trust
from slicewise.io.recipes.versions import check_version
from slicewise.pipeline.node import Node

__all__ = ["build"]

_WRONG = (TypeError, ValueError, OverflowError, AttributeError, KeyError)
"""What nodes raise for values that they do not take."""


def build(content: Content, given: Mapping[str, Node], values: Mapping[str, Any], trust: Trust) -> Node:
    """Return the graph of a recipe.

    Parameters
    ----------
    content : Content
        The recipe.
    given : mapping of str to Node
        Nodes that stand for those of the recipe, by their names.
    values : mapping of str to object
        Values of parameters, and of fields as ``node.field``.
    trust : Trust
        What beside slicewise's own may be used.

    Raises
    ------
    RecipeError
        If something is missing, or a node does not take what the recipe says.
    SlicewiseError
        Whatever can be known to go wrong with the images at hand, with the node of the recipe named.
    """
    entries = {entry.id: entry for entry in content.entries}
    fields, parameters = _sorted_values(content, values)
    made: dict[str, Node] = dict(given)
    for ident in order_of(content.entries, content.result, content.name, given):
        if ident not in made:
            own = {**entries[ident].fields, **fields.get(ident, {})}
            made[ident] = _Building(content, entries[ident], own, parameters, trust, made).node()
    return made[content.result]


def _sorted_values(content: Content, values: Mapping[str, Any]) -> tuple[dict[str, dict[str, Tree]], dict[str, Tree]]:
    """Return values by node and field, and parameters."""
    entries = {entry.id: entry for entry in content.entries}
    parameters: dict[str, Tree] = {p.name: p.default for p in content.parameters}
    fields: dict[str, dict[str, Tree]] = {}
    for name, value in values.items():
        ident, dot, field = name.partition(".")
        if dot:
            place = entries[ident].place(field) if ident in entries else None
            if place is None:
                raise RecipeError(f"{name!r} cannot be set: {_settable(content, ident, entries)}")
            if not place.value:
                raise RecipeError(f"{name!r} cannot be set: it names nodes, not a value; change the recipe")
            fields.setdefault(ident, {})[field] = Held(value)
        elif name in parameters:
            parameters[name] = Held(value)
        else:
            raise RecipeError(f"{name!r} cannot be set: {_settable(content, '', entries)}")
    return fields, parameters


def _settable(content: Content, ident: str, entries: Mapping[str, Entry]) -> str:
    if ident in entries and not isinstance((kind := entries[ident].kind), Missing):
        return f"{ident} is a {kind.name}, which takes {', '.join(kind.names)}"
    names = [p.name for p in content.parameters]
    told = f"the parameters are {', '.join(names)}" if names else "the recipe has no parameters"
    return f"{told}; a field of a node is set as node.field, of the nodes {', '.join(entries)}"


@attrs.frozen(eq=False)
class _Building:
    """The making of one node."""

    content: Content
    entry: Entry
    fields: Mapping[str, Tree]
    parameters: Mapping[str, Tree]
    trust: Trust
    made: Mapping[str, Node]

    def node(self) -> Node:
        """Return the node."""
        kind = self._kind()
        given = {field: self._value(kind, field, tree) for field, tree in self.fields.items()}
        try:
            made = kind.make(given)
            if made.is_connected:
                made.check()
        except ParameterError as error:
            raise self._not_taken(error) from error
        except SlicewiseError as error:
            error.add_note(f"in {self._where()}")
            raise
        except _WRONG as error:
            raise self._not_taken(error) from error
        return made

    def _kind(self) -> Kind:
        kind = self.entry.kind
        if isinstance(kind, Missing):
            raise RecipeError(f"{self._where()} is missing: {kind.reason}")
        if kind.name == IN_MEMORY:
            raise RecipeError(
                f"{self._where()} is an image, and a recipe holds no pixels: give it, build({self.entry.id}=...), or "
                f"--input {self.entry.id}=path on the command line"
            )
        if not isinstance(kind, Foreign):
            return kind
        try:
            found = foreign_kind(kind.name, self.trust)
        except RecipeError as error:
            raise RecipeError(f"{self._where('node')}: {error}") from error
        check_version(found, self.content.versions, self._where("node"))
        for field in self.fields:
            if found.place(field) is None:
                raise RecipeError(f"{self._where(field)}: {kind.name} takes {', '.join(found.names)}")
        return found

    def _value(self, kind: Kind, field: str, tree: Tree) -> Any:
        place = kind.place(field)
        used = [] if place is None else uses_in(tree, place, self.made)
        if used:
            nodes = tuple(self.made[ident] for ident in used)
            return nodes if isinstance(tree, tuple) else nodes[0]
        try:
            return value_of(with_values(tree, self.parameters), self.trust)
        except RecipeError as error:
            raise RecipeError(f"{self._where(field)}{_continued(error)}") from error

    def _not_taken(self, error: BaseException) -> RecipeError:
        return RecipeError(f"{self._where(self._field_of(error))}: {error}")

    def _field_of(self, error: BaseException) -> str:
        """Return which field an error speaks of, if it begins with its name."""
        told = str(error)
        return next((field for field in self.fields if told.startswith(f"'{field}' ")), "")

    def _where(self, field: str = "") -> str:
        return where(self.content.name, self.entry, field)


def _continued(error: BaseException) -> str:
    text = str(error)
    return f" {text}" if text.startswith("is ") else f": {text}"
