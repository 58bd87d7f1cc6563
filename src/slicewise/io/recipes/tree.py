"""What a recipe holds instead of Python values: words, numbers, lists, mappings, and values with a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

__all__ = ["Held", "Missing", "Reference", "Tagged", "Tree", "references", "with_values"]

Tree = Any
"""None, bool, int, float, str, tuple of trees, dict of trees by word or number, or one of the classes here."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)\}")


@attrs.frozen
class Tagged:
    """A value that is no plain number, word, list or mapping, and the tag that says what it is.

    Parameters
    ----------
    tag : str
        What it is, such as ``slice``; written as ``!slice``.
    tree : Tree
        Its content.
    """

    tag: str
    tree: Tree


@attrs.frozen
class Missing:
    """A value that cannot be written down, and has to be given when the graph is built.

    Parameters
    ----------
    reason : str
        Why it cannot, and what to do.
    """

    reason: str


@attrs.frozen
class Reference:
    """A parameter of the recipe in place of a value: ``${radius}``.

    Parameters
    ----------
    name : str
        Name of the parameter.
    """

    name: str

    @classmethod
    def of_text(cls, text: str) -> Reference | None:
        """Return the reference that a text is as a whole; None if it is none."""
        match = _REFERENCE.fullmatch(text)
        return None if match is None else cls(match[1])

    @property
    def text(self) -> str:
        """The reference as it is written."""
        return f"${{{self.name}}}"


@attrs.frozen(eq=False)
class Held:
    """A value itself, given when the graph is built.

    Parameters
    ----------
    value : object
        The value.
    """

    value: Any


def with_values(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """Return a tree with values in the place of references that are known."""
    if isinstance(tree, Reference):
        return values.get(tree.name, tree)
    if isinstance(tree, Tagged):
        return Tagged(tree.tag, with_values(tree.tree, values))
    if isinstance(tree, Mapping):
        return {key: with_values(value, values) for key, value in tree.items()}
    return tuple(with_values(value, values) for value in tree) if isinstance(tree, tuple) else tree


def references(tree: Tree) -> Iterator[Reference]:
    """Iterate over the references in a tree."""
    if isinstance(tree, Reference):
        yield tree
    elif isinstance(tree, Tagged):
        yield from references(tree.tree)
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, tuple):
        for value in tree:
            yield from references(value)
