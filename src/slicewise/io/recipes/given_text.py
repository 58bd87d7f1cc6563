"""Values as they are given on a command line."""

from __future__ import annotations

from typing import Any

from slicewise.io.recipes.decoding import value_of
from slicewise.io.recipes.tree import Tree
from slicewise.io.recipes.trust import Trust
from slicewise.io.recipes.yaml_text import compose, tree_of

__all__ = ["value_of_text"]


def value_of_text(text: str, name: str) -> Any:
    """Return the value of a text: as in a recipe, and numbers with commas between them as a list.

    Raises
    ------
    RecipeError
        If it is no value.
    """
    if not text.strip():
        return text
    if "," in text and text.strip()[0] not in "[{!'\"":
        several = tree_of(compose(f"[{text}]", name), name)
        if all(_is_number(item) for item in several):
            return value_of(several, Trust())
        return text
    return value_of(tree_of(compose(text, name), name), Trust())


def _is_number(tree: Tree) -> bool:
    return tree is None or isinstance(tree, bool | int | float)
