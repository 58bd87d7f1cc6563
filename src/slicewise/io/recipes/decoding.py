"""Values of trees."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from slicewise.dicom.lossy import Lossy
from slicewise.errors import RecipeError
from slicewise.filters.registration import Registered, Registration
from slicewise.image import Code, Coordinates, Geometry, Padding
from slicewise.io.recipes.numbers_text import array_of
from slicewise.io.recipes.segment_values import segment_of, template_of
from slicewise.io.recipes.transforms import transform_of
from slicewise.io.recipes.tree import Held, Missing, Reference, Tagged, Tree
from slicewise.io.recipes.trust import Trust

__all__ = ["VALUE_CLASSES", "value_of"]

VALUE_CLASSES: Mapping[str, type] = {cls.__name__: cls for cls in (Geometry, Lossy, Padding, Registered, Registration)}
"""Immutable values of slicewise that parameters can be."""


def value_of(tree: Tree, trust: Trust, *, in_mapping: bool = False) -> Any:
    """Return the value of a tree: lists as tuples, those in mappings, the values of attributes, as lists.

    Raises
    ------
    RecipeError
        If the tree has no value, or one of a function that is not trusted.
    """
    if isinstance(tree, Held):
        return tree.value
    if isinstance(tree, Missing):
        raise RecipeError(f"is missing: {tree.reason}")
    if isinstance(tree, Reference):
        raise RecipeError(f"there is no parameter {tree.name!r}")
    if isinstance(tree, Mapping):
        return {key: value_of(item, trust, in_mapping=True) for key, item in tree.items()}
    if isinstance(tree, tuple):
        items = [value_of(item, trust, in_mapping=in_mapping) for item in tree]
        return items if in_mapping else tuple(items)
    if isinstance(tree, Tagged):
        return _tagged(tree, trust)
    return tree


def _tagged(tree: Tagged, trust: Trust) -> Any:
    if tree.tag in VALUE_CLASSES:
        return _attrs_value(VALUE_CLASSES[tree.tag], tree.tree, trust)
    if tree.tag == "function":
        return trust.resolve(str(tree.tree))
    if tree.tag == "partial":
        function, arguments, keywords = _items(tree, trust, 3)
        return functools.partial(function, *arguments, **keywords)
    if tree.tag not in _TAGS:
        known = ", ".join(f"!{tag}" for tag in sorted([*_TAGS, *VALUE_CLASSES, "function", "partial"]))
        raise RecipeError(f"there are no values with the tag !{tree.tag}; there are {known}")
    try:
        return _TAGS[tree.tag](tree, trust)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, binascii.Error) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"is no !{tree.tag}: {error}") from None


def _attrs_value(cls: type, tree: Tree, trust: Trust) -> Any:
    if not isinstance(tree, Mapping):
        raise RecipeError(f"!{cls.__name__} is written with the names of its parts")
    known = {f.alias: f for f in attrs.fields(cls)}
    for name in tree:
        if name not in known:
            raise RecipeError(f"!{cls.__name__} has no {name!r}: it has {', '.join(known)}")
    given = {name: value_of(item, trust) for name, item in tree.items()}
    if cls is Geometry and "coordinates" in given:
        given["coordinates"] = Coordinates[str(given["coordinates"])]
    try:
        return cls(**given)
    except TypeError as error:
        raise RecipeError(f"!{cls.__name__}: {error}") from None


def _items(tree: Tagged, trust: Trust, count: int) -> Any:
    if not isinstance(tree.tree, tuple) or len(tree.tree) != count:
        raise RecipeError(f"!{tree.tag} is a list of {count}")
    return [value_of(item, trust) for item in tree.tree]


def _each(tree: Tagged, trust: Trust) -> list[Any]:
    if not isinstance(tree.tree, tuple):
        raise RecipeError(f"!{tree.tag} is written as a list")
    return [value_of(item, trust) for item in tree.tree]


def _slice(tree: Tagged, _: Trust) -> slice:
    parts = str(tree.tree).split(":")
    if not 2 <= len(parts) <= 3:
        raise RecipeError(f"!slice is written as in Python, such as 10:60 (got {tree.tree!r})")
    return slice(*(int(part) if part.strip() else None for part in parts))


def _range(tree: Tagged, trust: Trust) -> range:
    chosen = _slice(tree, trust)
    return range(chosen.start or 0, chosen.stop, chosen.step or 1)


def _scalar(tree: Tagged, trust: Trust) -> Any:
    kind, value = _items(tree, trust, 2)
    dtype = np.dtype(str(kind))
    if dtype.kind not in "biuf":
        raise RecipeError(f"!scalar is a number (got {dtype})")
    return dtype.type(value)


def _transform_tree(tree: Tree, trust: Trust) -> dict[str, Any]:
    if not isinstance(tree, Mapping) or not isinstance(tree.get("kind"), str):
        raise RecipeError("!transform is written with kind, parameters and fixed_parameters")
    known = ("kind", "dimension", "order", "parameters", "fixed_parameters", "parts")
    for name in tree:
        if name not in known:
            raise RecipeError(f"!transform has no {name!r}: it has {', '.join(known)}")
    values = {name: value_of(item, trust) for name, item in tree.items() if name != "parts"}
    if "parts" in tree:
        values["parts"] = tuple(_transform_tree(part, trust) for part in tree["parts"])
    return values


def _dataset(tree: Tagged, trust: Trust) -> Dataset:
    return Dataset.from_json(_plain(value_of(tree.tree, trust)))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


_TAGS: Mapping[str, Callable[[Tagged, Trust], Any]] = {
    "Segment": lambda tree, trust: segment_of(value_of(tree.tree, trust, in_mapping=True)),
    "SegmentTemplate": lambda tree, trust: template_of(value_of(tree.tree, trust, in_mapping=True)),
    "array": lambda tree, trust: array_of(value_of(tree.tree, trust)),
    "bytes": lambda tree, _: base64.b64decode(str(tree.tree), validate=True),
    "code": lambda tree, trust: Code(*_items(tree, trust, 3)),
    "dataset": _dataset,
    "dtype": lambda tree, _: np.dtype(str(tree.tree)),
    "frozenset": lambda tree, trust: frozenset(_each(tree, trust)),
    "items": lambda tree, trust: Items(_each(tree, trust)),
    "list": _each,
    "path": lambda tree, _: Path(str(tree.tree)),
    "range": _range,
    "scalar": _scalar,
    "set": lambda tree, trust: set(_each(tree, trust)),
    "slice": _slice,
    "text": lambda tree, _: str(tree.tree),
    "transform": lambda tree, trust: transform_of(_transform_tree(tree.tree, trust)),
    "tuple": lambda tree, trust: tuple(_each(tree, trust)),
    "uid": lambda tree, _: UID(str(tree.tree)),
}
