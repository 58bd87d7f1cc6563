"""Recipes: graphs as YAML text and as Python scripts."""

from __future__ import annotations

from slicewise.io.recipes.given_text import value_of_text
from slicewise.io.recipes.recipe import Recipe

__all__ = ["Recipe", "value_of_text"]
