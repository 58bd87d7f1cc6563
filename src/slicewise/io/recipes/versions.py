"""Versions of recipes and of the nodes in them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from slicewise.errors import RecipeError, SlicewiseWarning
from slicewise.io.recipes.foreign_kinds import Foreign
from slicewise.io.recipes.kinds import InMemoryImage, Kind

__all__ = ["SCHEMA", "check_schema", "check_version"]

SCHEMA = 1
"""Version of the form of recipes."""


def check_schema(version: Any, name: str) -> None:
    """Raise if a recipe is none of a form that is known here.

    Raises
    ------
    RecipeError
        If it has no version, or a newer one.
    """
    if version is None:
        raise RecipeError(f"{name}: says no version; a recipe begins with 'slicewise: {SCHEMA}'")
    if type(version) is not int or version < 1:
        raise RecipeError(
            f"{name}: 'slicewise' must be the version of the form of the recipe, {SCHEMA} (got {version!r})"
        )
    if version > SCHEMA:
        raise RecipeError(
            f"{name}: is a recipe of version {version}, of a newer slicewise; this one knows versions up to {SCHEMA}"
        )


def check_version(kind: Kind, versions: Mapping[str, int], where: str) -> None:
    """Raise if the version of a kind of node is missing or newer than the one here; warn if it is older.

    Raises
    ------
    RecipeError
        If it is missing, or newer.
    """
    if isinstance(kind, InMemoryImage):
        return
    known = None if isinstance(kind, Foreign) else kind.version
    written = versions.get(kind.name)
    if written is None:
        here = "its version" if known is None else known
        raise RecipeError(
            f"{where}: the version of {kind.name} is not told; write '{kind.name}: {here}' under 'versions'"
        )
    if known is None or written == known:
        return
    if written > known:
        raise RecipeError(
            f"{where}: was made with version {written} of {kind.name}, by a newer slicewise; this one has version "
            f"{known}, which makes other values of the same parameters"
        )
    warnings.warn(
        f"{where}: was made with version {written} of {kind.name}; version {known} here makes other values of the same "
        "parameters",
        SlicewiseWarning,
        stacklevel=2,
    )
