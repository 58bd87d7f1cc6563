"""Values of recipes as expressions of Python."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from slicewise.image import Code, Coordinates
from slicewise.io.recipes.decoding import VALUE_CLASSES, value_of
from slicewise.io.recipes.transforms import WITH_DIMENSION
from slicewise.io.recipes.tree import Missing, Reference, Tagged, Tree
from slicewise.io.recipes.trust import Trust

__all__ = ["Expressions"]

_PUBLIC = ("Geometry", "Lossy", "Padding")
_FEW = 64


@attrs.frozen
class Expressions:
    """A maker of expressions, that remembers what they need to be imported.

    Parameters
    ----------
    imports : set of str
        Imports that the expressions need.
    statements : list of str
        Statements that come before the next expression.
    transforms : list of str
        Names of transforms that statements have made.
    """

    imports: set[str] = attrs.field(factory=set)
    statements: list[str] = attrs.field(factory=list)
    transforms: list[str] = attrs.field(factory=list)

    def of(self, tree: Tree) -> str:
        """Return the expression of a tree."""
        if isinstance(tree, Missing):
            return "..."
        if isinstance(tree, Reference):
            return tree.name
        if isinstance(tree, Mapping):
            return self._mapping(tree)
        if isinstance(tree, tuple):
            return self._sequence(tree, "()")
        if isinstance(tree, Tagged):
            return self._tagged(tree)
        return self._plain(tree)

    def name(self, name: str) -> str:
        """Return the name under which something of another module is used."""
        module, _, attribute = name.partition(":")
        if module == "numpy":
            self.imports.add("import numpy as np")
            return f"np.{attribute}"
        self.imports.add(f"from {module} import {attribute.partition('.')[0]}")
        return attribute

    def _mapping(self, tree: Mapping[Any, Tree]) -> str:
        items = (
            f"{self._plain(k)}: {self._sequence(v, '[]') if isinstance(v, tuple) else self.of(v)}"
            for k, v in tree.items()
        )
        return f"{{{', '.join(items)}}}"

    def _sequence(self, tree: tuple[Tree, ...], brackets: str) -> str:
        items = [self._sequence(v, brackets) if isinstance(v, tuple) else self.of(v) for v in tree]
        comma = "," if brackets == "()" and len(items) == 1 else ""
        return f"{brackets[0]}{', '.join(items)}{comma}{brackets[1]}"

    def _plain(self, value: Any) -> str:
        text = repr(value)
        if isinstance(value, float):
            return f'float("{text}")' if text.strip("-") in ("inf", "nan") else text
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text

    def _tagged(self, tree: Tagged) -> str:
        writers: Mapping[str, Callable[[Any], str]] = {
            "function": self.name,
            "list": lambda t: self._sequence(t, "[]"),
            "partial": self._partial,
            "transform": self._transform,
        }
        if tree.tag in writers:
            return writers[tree.tag](tree.tree)
        if tree.tag in VALUE_CLASSES:
            return self._attrs_value(tree)
        if tree.tag in ("set", "frozenset", "items"):
            called = {"items": self.name("pydicom:Sequence")}.get(tree.tag, tree.tag)
            return f"{called}({self._sequence(tree.tree, '[]')})"
        return self.of_value(value_of(tree, Trust()))

    def of_value(self, value: Any) -> str:
        """Return the expression of a value."""
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic):
            return f"{self.name(f'numpy:{value.dtype.name}')}({self._plain(value.item())})"
        if isinstance(value, Dataset):
            return f"{self.name('pydicom:Dataset')}.from_json({value.to_json()!r})"
        if isinstance(value, Code):
            return f"{self.name('slicewise.image:Code')}{tuple(value)!r}"
        for kind, name in ((np.dtype, "numpy:dtype"), (PurePath, "pathlib:Path"), (UID, "pydicom.uid:UID")):
            if isinstance(value, kind):
                return f"{self.name(name)}({self._plain(str(value))})"
        return repr(value)

    def _array(self, array: Any) -> str:
        self.imports.add("import numpy as np")
        if array.size <= _FEW:
            return f"np.array({self._nested(array.tolist())}, {self._plain(array.dtype.name)})"
        data = base64.b64encode(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()).decode(
            "ascii"
        )
        self.imports.add("import base64")
        flat = f'np.frombuffer(base64.b64decode("{data}"), {array.dtype.newbyteorder("<").str!r})'
        return f"{flat}.astype({array.dtype.name!r}).reshape({tuple(array.shape)})"

    def _nested(self, value: Any) -> str:
        return f"[{', '.join(map(self._nested, value))}]" if isinstance(value, list) else self._plain(value)

    def _partial(self, tree: tuple[Tree, ...]) -> str:
        function, arguments, keywords = tree
        given = [self.of(a) for a in arguments] + [f"{k}={self._keyword(v)}" for k, v in keywords.items()]
        return f"{self.name('functools:partial')}({', '.join([self.of(function), *given])})"

    def _keyword(self, tree: Tree) -> str:
        return self._sequence(tree, "[]") if isinstance(tree, tuple) else self.of(tree)

    def _attrs_value(self, tree: Tagged) -> str:
        cls = VALUE_CLASSES[tree.tag]
        called = f"sw.{tree.tag}" if tree.tag in _PUBLIC else self.name(f"{cls.__module__}:{cls.__name__}")
        parts = dict(tree.tree)
        place = parts.pop("coordinates", None)
        given = [f"{name}={self.of(part)}" for name, part in parts.items()]
        given += [] if place is None else [f"coordinates=sw.Coordinates.{Coordinates[place].name}"]
        return f"{called}({', '.join(given)})"

    def _transform(self, tree: Mapping[str, Tree]) -> str:
        """Return a name of a transform of SimpleITK, which is made and set by statements of its own."""
        self.imports.add("import SimpleITK as sitk")
        kind, dimension = tree["kind"], tree.get("dimension", 3)
        if kind == "IdentityTransform":
            return f"sitk.Transform({dimension}, sitk.sitkIdentity)"
        if "parts" in tree:
            return f"sitk.CompositeTransform([{', '.join(self._transform(part) for part in tree['parts'])}])"
        if kind == "TranslationTransform":
            return f"sitk.{kind}({dimension}, {self._numbers(tree['parameters'])})"
        name = f"transform_{len(self.transforms) + 1}" if self.transforms else "transform"
        self.transforms.append(name)
        order = [str(tree["order"])] if "order" in tree else []
        given = [str(dimension), *order] if kind in WITH_DIMENSION else []
        self.statements.append(f"{name} = sitk.{kind}({', '.join(given)})")
        if "fixed_parameters" in tree:
            self.statements.append(f"{name}.SetFixedParameters({self._numbers(tree['fixed_parameters'])})")
        self.statements.append(f"{name}.SetParameters({self._numbers(tree['parameters'])})")
        return name

    def _numbers(self, tree: Tree) -> str:
        return self._sequence(tree, "[]") if isinstance(tree, tuple) else f"{self.of(tree)}.tolist()"
