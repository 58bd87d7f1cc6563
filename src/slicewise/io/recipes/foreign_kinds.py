"""Kinds of nodes that are not slicewise's own, by module and name: classes, and filters made by ``@sw.filter``."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from slicewise.errors import RecipeError
from slicewise.filters.function import Function
from slicewise.filters.own import makes_filters
from slicewise.io.recipes.kinds import Kind, NodeClass, Place
from slicewise.io.recipes.trust import Trust, importable_name
from slicewise.pipeline.node import Node

__all__ = ["ANYTHING", "Foreign", "MadeFilter", "foreign_kind", "maker_of"]

ANYTHING = Place(node=True, several=True, value=True)


@attrs.frozen
class Foreign:
    """A kind of node of which nothing is known until the caller allows its module.

    Parameters
    ----------
    name : str
        ``package.module:name``.
    """

    name: str

    @property
    def version(self) -> int:
        """Nothing is known."""
        return 0

    @property
    def names(self) -> Iterable[str]:
        """Nothing is known."""
        return ()

    def place(self, name: str) -> Place | None:
        """Return that anything can stand anywhere."""
        return ANYTHING

    def fields(self, node: Node) -> dict[str, Any]:
        """Raise: there is no such node yet."""
        raise NotImplementedError

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Raise: what it is, has to be found out before."""
        raise NotImplementedError


@attrs.frozen
class MadeFilter:
    """A filter made by ``@sw.filter``.

    Parameters
    ----------
    name : str
        ``package.module:name``.
    maker : callable
        What makes its nodes.
    """

    name: str
    maker: Callable[..., Function]

    @property
    def version(self) -> int:
        """Version of the node."""
        return Function.version

    @property
    def names(self) -> Iterable[str]:
        """The parameters of the function."""
        return ["input", *inspect.signature(self.maker).parameters]

    def place(self, name: str) -> Place | None:
        """Return the image, or a value."""
        if name not in self.names:
            return None
        return Place(node=True) if name == "input" else Place(value=True)

    def fields(self, node: Node) -> dict[str, Any]:
        """Return the input and the parameters given."""
        assert isinstance(node, Function)  # noqa: S101 - for the type checker
        bound: Any = node.function
        source = {} if node.input is None else {"input": node.input}
        return {**source, **bound.keywords}

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node."""
        given = dict(fields)
        source = given.pop("input", None)
        made = self.maker(**given)
        connected: Node = made if source is None else made.with_input(source)
        return connected


def maker_of(node: Function) -> MadeFilter | None:
    """Return the filter that a node was made by with ``@sw.filter``; None if it was not, or cannot be found by name."""
    bound = node.function
    if not isinstance(bound, functools.partial) or bound.args:
        return None
    function = inspect.unwrap(bound.func)
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    if not makes_filters(found) or found.__wrapped__ is not function or importable_name(found) is None:
        return None
    again = found(**bound.keywords)
    alike = isinstance(again, Function) and again.key == _without_input(node).key
    return MadeFilter(str(importable_name(found)), found) if alike else None


def _without_input(node: Function) -> Function:
    alone: Function = attrs.evolve(node, input=None)  # type: ignore[misc]
    return alone


def foreign_kind(name: str, trust: Trust) -> Kind:
    """Return the kind of a class of nodes, or of a filter made by ``@sw.filter``.

    Raises
    ------
    RecipeError
        If it is not allowed, or neither.
    """
    found = trust.resolve(name)
    if isinstance(found, type) and issubclass(found, Node):
        return NodeClass(found, name)
    if not makes_filters(found):
        raise RecipeError(
            f"{name} is no filter: a node class or what @sw.filter made is wanted; a function of arrays is written as "
            f"node: Function, function: !function {name}"
        )
    return MadeFilter(name, found)
