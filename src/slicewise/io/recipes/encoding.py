"""Trees of values: the shortest form that gives the very same value again."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from slicewise.dicom.pseudonyms import Pseudonyms
from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.errors import SlicewiseError
from slicewise.filters.itk_nodes import ItkValue
from slicewise.filters.motion import Motion
from slicewise.filters.simpleitk import simpleitk
from slicewise.filters.sitk_settings import TransformValue
from slicewise.image import Code, Coordinates
from slicewise.io.recipes.decoding import VALUE_CLASSES, value_of
from slicewise.io.recipes.numbers_text import MOST_BYTES, array_tree, row_tree
from slicewise.io.recipes.sameness import same
from slicewise.io.recipes.segment_values import parts_of
from slicewise.io.recipes.transforms import transform_fields
from slicewise.io.recipes.tree import Missing, Reference, Tagged, Tree
from slicewise.io.recipes.trust import Trust, importable_name, why_not_importable

__all__ = ["tree_of_value"]

_REFUSED = (SlicewiseError, TypeError, ValueError, KeyError, OverflowError, AttributeError, RuntimeError)
"""What converters of parameters raise for a form they do not take."""
_FEW = 32


class _CannotBeWrittenError(Exception):
    """A value has no form; the text says why."""


def tree_of_value(value: Any, convert: Callable[[Any], Any] | None = None) -> Tree:
    """Return the tree of a value; ``Missing`` for one that has none.

    Parameters
    ----------
    value : object
        The value.
    convert : callable, optional
        What the parameter makes of what it is given.
    """
    trusted: dict[str, Any] = {}
    reason = ""
    try:
        for tree in _forms(value, trusted):
            if _gives(tree, value, Trust(trusted), convert):
                return tree
    except _CannotBeWrittenError as error:
        reason = str(error)
    return Missing(reason or f"a {type(value).__name__} cannot be written exactly: give it when the graph is built")


def _gives(tree: Tree, value: Any, trust: Trust, convert: Callable[[Any], Any] | None) -> bool:
    try:
        back = value_of(tree, trust)
        return same(back if convert is None else convert(back), value)
    except _REFUSED:
        return False


def _forms(value: Any, trusted: dict[str, Any]) -> Iterator[Tree]:
    """Iterate over the forms of a value, those that people write first."""
    if isinstance(value, tuple) and type(value) is tuple and len(value) == 3 and all(same(v, value[0]) for v in value):
        # One number for all three axes.
        yield _tree(value[0], trusted, exact=False)
    if isinstance(value, Motion) and value.matrix is not None:
        yield tuple(tuple(row) for row in value.matrix.tolist())
    yield _tree(value, trusted, exact=False)
    yield _tree(value, trusted, exact=True)


def _tree(value: Any, trusted: dict[str, Any], *, exact: bool, in_mapping: bool = False) -> Tree:
    if isinstance(value, Mapping):
        if not all(type(k) in (str, int, float) for k in value):
            raise _CannotBeWrittenError("a mapping is written if its keys are words or numbers")
        return {k: _tree(v, trusted, exact=exact, in_mapping=True) for k, v in value.items()}
    if type(value) in (list, tuple):
        if exact and type(value) is not (list if in_mapping else tuple):
            return Tagged(type(value).__name__, tuple(_tree(v, trusted, exact=exact) for v in value))
        return tuple(_tree(v, trusted, exact=exact, in_mapping=in_mapping) for v in value)
    if value is None or type(value) in (bool, int, float, str):
        return _word(value) if isinstance(value, str) else value
    if isinstance(value, np.ndarray | np.generic | PurePath | Code):
        return _exactly(value) if exact else _loosely(value)
    # What is in a tag stands for itself, wherever the tag is.
    return _tagged(value, trusted, functools.partial(_tree, trusted=trusted, exact=exact))


def _loosely(value: Any) -> Tree:
    """Return what people write for a path, a code, a number of numpy, or a small array."""
    if isinstance(value, Code):
        return tuple(map(_word, value))
    if isinstance(value, PurePath):
        return _word(str(value))
    return _nested(value.tolist()) if value.size <= _FEW else _exactly(value)


def _exactly(value: Any) -> Tree:
    if isinstance(value, PurePath):
        return Tagged("path", str(value))
    if isinstance(value, Code):
        return Tagged("code", tuple(map(_word, value)))
    return _of_array(value) if isinstance(value, np.ndarray) else Tagged("scalar", (value.dtype.name, value.item()))


def _word(text: str) -> Tree:
    return text if Reference.of_text(text) is None else Tagged("text", text)


def _of_array(value: Any) -> Tree:
    tree = array_tree(value)
    if tree is None:
        raise _CannotBeWrittenError(
            f"an array of {value.nbytes} bytes of {value.dtype} is not written ({MOST_BYTES // 1024} KiB of numbers "
            "at most): give it when the graph is built"
        )
    return tree


def _nested(value: Any) -> Tree:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def _tagged(value: Any, trusted: dict[str, Any], inner: Callable[..., Tree]) -> Tree:
    """Return the tree of a value of a class of its own."""
    if isinstance(value, Motion | TransformValue):
        return _of_transform(value.itk if isinstance(value, Motion) else value.transform)
    kind = type(value)
    if isinstance(value, Segment | SegmentTemplate) or VALUE_CLASSES.get(kind.__name__) is kind:
        described = isinstance(value, Segment | SegmentTemplate)
        return Tagged(kind.__name__, inner(parts_of(value)) if described else dict(_parts(value, inner)))
    if kind in _WRITERS:
        return Tagged(_TAGS.get(kind, kind.__name__), _WRITERS[kind](value))
    if kind in _COLLECTIONS:
        return Tagged(_COLLECTIONS[kind], tuple(map(inner, value if kind is Items else sorted(value, key=repr))))
    if isinstance(value, functools.partial):
        return Tagged("partial", (inner(value.func), inner(value.args), inner(value.keywords)))
    return _of_function(value, trusted) if callable(value) else _of_object(value)


def _of_object(value: Any) -> Tree:
    if isinstance(value, np.dtype):
        return Tagged("dtype", value.name)
    if isinstance(value, Pseudonyms):
        raise _CannotBeWrittenError("a secret is not written into recipes: give the same one when the graph is built")
    what = value[0] if isinstance(value, ItkValue) else type(value).__name__
    raise _CannotBeWrittenError(f"a {what} is nothing a recipe holds: give it when the graph is built")


def _parts(value: Any, inner: Callable[..., Tree]) -> Iterator[tuple[str, Tree]]:
    for f in attrs.fields(type(value)):
        part = getattr(value, f.name)
        if not same(part, f.default):
            yield f.alias, part.name if isinstance(part, Coordinates) else inner(part, exact=True)


def _of_function(value: Any, trusted: dict[str, Any]) -> Tree:
    name = importable_name(value)
    if name is None:
        raise _CannotBeWrittenError(why_not_importable(value))
    trusted[name] = value
    return Tagged("function", name)


def _of_transform(transform: Any) -> Tree:
    large = simpleitk().Transform(transform)
    count = len(large.GetParameters())
    if count * 8 > MOST_BYTES:
        raise _CannotBeWrittenError(
            f"a transform of {count} numbers is not written ({MOST_BYTES // 8} at most): give it, or its file, when "
            "the graph is built"
        )
    fields = transform_fields(transform, row_tree)
    if fields is None:
        raise _CannotBeWrittenError(
            "SimpleITK does not tell the parts of this transform: give it when the graph is built"
        )
    return Tagged("transform", fields)


def _of_bytes(value: bytes) -> str:
    if len(value) > MOST_BYTES:
        raise _CannotBeWrittenError(f"{len(value)} bytes are not written ({MOST_BYTES} at most): give them on building")
    return base64.b64encode(value).decode("ascii")


def _of_dataset(value: Dataset) -> Tree:
    text = value.to_json()
    if len(text) > MOST_BYTES:
        raise _CannotBeWrittenError("the dataset is too large to be written: give it when the graph is built")
    return _nested_json(json.loads(text))


def _slice_text(value: Any) -> str:
    """Return indices as in Python."""
    step = [] if value.step is None else [value.step]
    return ":".join("" if v is None else str(v) for v in (value.start, value.stop, *step))


_WRITERS: Mapping[type, Callable[[Any], Tree]] = {
    Dataset: _of_dataset,
    UID: str,
    bytes: _of_bytes,
    range: lambda v: f"{v.start}:{v.stop}" + (f":{v.step}" if v.step != 1 else ""),
    slice: _slice_text,
}
_TAGS = {Dataset: "dataset", UID: "uid"}
_COLLECTIONS: Mapping[type, str] = {Items: "items", frozenset: "frozenset", set: "set"}


def _nested_json(value: Any) -> Tree:
    if isinstance(value, Mapping):
        return {k: _nested_json(v) for k, v in value.items()}
    return tuple(map(_nested_json, value)) if isinstance(value, list) else value
