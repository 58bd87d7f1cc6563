"""Values of recipes as expressions of Python."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from slicewise.dicom.coded import check_code
from slicewise.errors import ParameterError
from slicewise.image import Code, Coordinates
from slicewise.io.recipes.decoding import VALUE_CLASSES, value_of
from slicewise.io.recipes.segment_values import segment_of
from slicewise.io.recipes.transforms import WITH_DIMENSION
from slicewise.io.recipes.tree import Missing, Reference, Tagged, Tree
from slicewise.io.recipes.trust import Trust

__all__ = ["Expressions", "laid_out"]

_PUBLIC = ("Geometry", "Lossy", "Padding")
_FEW = 64
_LONGEST = 110
_CODED = ("type", "category", "type_modifiers", "anatomic_region", "anatomic_region_modifiers")
"""What codes say of a segment."""


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
            "Segment": self._segment,
            "SegmentTemplate": self._template,
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

    def _segment(self, tree: Any) -> str:
        """Return the call of a segment, with what is left out in a recipe and Python has to say."""
        said = tree if isinstance(tree, Mapping) else {"type": tree}
        known = segment_of({name: value_of(said[name], Trust()) for name in _CODED if name in said})
        label = self.of(said["label"]) if "label" in said else self._plain(known.label)
        more = [
            f"{name}={self._code(getattr(known, name)) if name in _CODED else self.of(part)}"
            for name, part in said.items()
            if name not in ("label", "type", "category")
        ]
        return laid_out("sw.Segment", [label, self._code(known.type), self._code(known.category), *more])

    def _code(self, code: Any) -> str:
        """Return a code, or several, as value, scheme and meaning."""
        if not isinstance(code, Code):
            return f"[{', '.join(map(self._code, code))}]"
        try:
            check_code(code)
        except ParameterError:
            return self.of_value(code)  # what was read from a broken file
        return self._sequence(tuple(code), "()")

    def _template(self, tree: Mapping[str, Tree]) -> str:
        lists = [tree["segments"]] if isinstance(tree["segments"], Mapping) else tree["segments"]
        made = [laid_out("", [f"{k}: {self._labelled(v)}" for k, v in one.items()], "{}") for one in lists]
        first = made[0] if len(made) == 1 else laid_out("", made, "[]")
        more = [f"{name}={self.of(part)}" for name, part in tree.items() if name != "segments"]
        return laid_out("sw.SegmentTemplate", [first, *more])

    def _labelled(self, tree: Tree) -> str:
        """Return a segment of a template: a call, or the code that is all that is known of it."""
        return self._segment(tree) if isinstance(tree, Mapping | str) else self.of(tree)

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


def laid_out(name: str, parts: Sequence[str], brackets: str = "()") -> str:
    """Return a call, or what else is in brackets, with one part in a line where it is long."""
    line = f"{name}{brackets[0]}{', '.join(parts)}{brackets[1]}"
    if len(line) <= _LONGEST and "\n" not in line:
        return line
    lines = [part.replace("\n", "\n    ") for part in parts]
    return f"{name}{brackets[0]}\n{''.join(f'    {line},{chr(10)}' for line in lines)}{brackets[1]}"
