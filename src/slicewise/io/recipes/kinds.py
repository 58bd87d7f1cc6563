"""Kinds of nodes by the names that recipes have for them: slicewise's own nodes, as Python calls make them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import attrs

import slicewise
from slicewise.filters.projections import ProjectVolumes
from slicewise.io.recipes.sameness import same
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Filter, Node, fields_of
from slicewise.pipeline.selection import Select

__all__ = ["IN_MEMORY", "InMemoryImage", "Kind", "NodeClass", "Place", "own_class", "own_classes", "without_defaults"]

IN_MEMORY = "Image"
"""The name of an image in memory, which a recipe does not hold."""


@attrs.frozen
class Place:
    """What can stand at a name of a node.

    Parameters
    ----------
    node, several : bool
        Whether nodes can: one, or a list of them.
    value : bool
        Whether a value can.
    words : bool
        Whether a value can be a text.
    required : bool
        Whether there has to be something.
    convert : callable, optional
        What the node makes of a value.
    """

    node: bool = False
    several: bool = False
    value: bool = False
    words: bool = True
    required: bool = False
    convert: Callable[[Any], Any] | None = None


class Kind(Protocol):
    """A kind of node: what can stand where, and how a node is made."""

    @property
    def name(self) -> str:
        """The name in recipes."""

    @property
    def version(self) -> int:
        """Version of the node: another one makes other results of the same parameters."""

    def place(self, name: str) -> Place | None:
        """Return what can stand at a name; None if the kind has no such name."""

    @property
    def names(self) -> Iterable[str]:
        """The names there are; or some, where there are many."""

    def fields(self, node: Node) -> dict[str, Any]:
        """Return what a node was made of, by name: nodes, tuples of nodes, and values that are not the defaults."""

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node that is made of nodes and values."""


@attrs.frozen
class NodeClass:
    """A class of nodes whose fields are its parameters and inputs.

    Parameters
    ----------
    cls : type
        The class.
    name : str
        Its name in recipes.
    """

    cls: type[Node]
    name: str

    @property
    def version(self) -> int:
        """Version of the class."""
        return self.cls.version

    @property
    def names(self) -> Iterable[str]:
        """The names of fields, as they are written in Python."""
        return [f.alias or f.name for f in fields_of(self.cls) if f.init]

    def place(self, name: str) -> Place | None:
        """Return what can stand at a field."""
        for f in fields_of(self.cls):
            if (f.alias or f.name) == name and f.init:
                is_input = bool(f.metadata.get("slicewise.input"))
                several = is_input and f.default is not None
                required = f.default is attrs.NOTHING
                return Place(
                    node=is_input and not several,
                    several=several,
                    value=not is_input,
                    required=required,
                    convert=_converter(f),
                )
        return None

    def fields(self, node: Node) -> dict[str, Any]:
        """Return the fields that are not the defaults."""
        return without_defaults(node)

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node; what is done to a stack is done to each of its volumes."""
        given = dict(fields)
        source = given.pop("input", None) if issubclass(self.cls, Filter) else None
        made: Node = self.cls(**given)
        return made if source is None else made.with_input(source)


@attrs.frozen
class InMemoryImage:
    """An image in memory: its place, since a recipe holds no pixels."""

    name: str = IN_MEMORY

    @property
    def version(self) -> int:
        """Version of the node."""
        return InMemory.version

    @property
    def names(self) -> Iterable[str]:
        """There is nothing to say of it."""
        return ()

    def place(self, name: str) -> Place | None:
        """There is nothing to say of it."""
        return None

    def fields(self, node: Node) -> dict[str, Any]:
        """There is nothing to say of it."""
        return {}

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Raise: it has to be given."""
        raise NotImplementedError


def without_defaults(node: Node) -> dict[str, Any]:
    """Return the fields of a node that are not the defaults, by the names they have in Python."""
    found: dict[str, Any] = {}
    # As in a call of Python: what comes in, what has a position, and what has a name alone.
    fields = sorted(fields_of(type(node)), key=lambda f: ("slicewise.input" not in f.metadata, bool(f.kw_only)))
    for f in fields:
        value = getattr(node, f.name)
        if f.init and not (f.default is not attrs.NOTHING and same(value, _default(f))):
            found[f.alias or f.name] = value
    return found


def _default(f: attrs.Attribute[Any]) -> Any:
    value: Any = f.default
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        value = value.factory()
    convert = _converter(f)
    return value if convert is None else convert(value)


def _converter(f: attrs.Attribute[Any]) -> Callable[[Any], Any] | None:
    converter: Any = f.converter
    return converter  # type: ignore[no-any-return]


def own_class(cls: type[Node]) -> NodeClass | None:
    """Return the kind of one of slicewise's nodes that are classes; None for another. Other modules are not loaded."""
    name = cls.__name__
    is_public = name in slicewise.__all__ and getattr(slicewise, name) is cls
    return NodeClass(cls, name) if is_public or cls in (Select, ProjectVolumes) else None


@functools.cache
def own_classes() -> Mapping[str, NodeClass]:
    """Return slicewise's nodes that are classes, by name."""
    public = {name: getattr(slicewise, name) for name in slicewise.__all__ if name[:1].isupper()}
    found = {name: cls for name, cls in public.items() if isinstance(cls, type) and issubclass(cls, Node)}
    found |= {"Select": Select, "ProjectVolumes": ProjectVolumes}
    return {name: NodeClass(cls, name) for name, cls in found.items()}
