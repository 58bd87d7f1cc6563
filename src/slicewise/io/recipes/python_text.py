"""A recipe as a Python script, as one would write it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping

from slicewise.io.recipes.document import Content
from slicewise.io.recipes.entries import Entry, uses_in
from slicewise.io.recipes.kinds import IN_MEMORY
from slicewise.io.recipes.python_values import Expressions, laid_out
from slicewise.io.recipes.special_kinds import OPERATORS
from slicewise.io.recipes.tree import Missing, Tagged, Tree

__all__ = ["python_text"]

_SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
}
_REFLECTED = ("add", "subtract", "multiply", "divide", "bitwise_and", "bitwise_or", "bitwise_xor")
"""Operators that take a number on their left."""
_FIRST = {
    "Cast": "dtype",
    "ContourReader": "path",
    "Flip": "axes",
    "Function": "function",
    "Gaussian": "sigma",
    "Median": "radius",
    "MultiFrameWriter": "path",
    "NewSeries": "modality",
    "Permute": "order",
    "Project": "how",
    "Reorient": "orientation",
    "SegmentationReader": "path",
    "SegmentationWriter": "path",
    "SeriesReader": "path",
    "SeriesWriter": "folder",
    "VolumeReader": "path",
    "VolumeWriter": "path",
}
"""Parameters that people write without their names, since they come first."""
_TAKEN = ("sw", "np", "sitk", "base64")


def python_text(content: Content) -> str:
    """Return the script of a recipe."""
    script = _Script(content)
    statements = [script.statement(entry) for entry in content.entries]
    parameters = [script.parameter(p.name, p.default, p.help) for p in content.parameters]
    imports = sorted({*script.expressions.imports, "import slicewise as sw"}, key=lambda line: (line[0] != "i", line))
    result = script.names[content.result]
    end = f'if __name__ == "__main__":\n    print({result}.update())\n'
    blocks = ["\n".join(imports), *(["\n".join(parameters)] if parameters else []), "\n".join(statements), end]
    return "\n\n".join(blocks)


class _Script:
    """Statements of a script, one for each node."""

    def __init__(self, content: Content) -> None:
        self.entries = {entry.id: entry for entry in content.entries}
        parameters = {p.name for p in content.parameters}
        self.names = {ident: _free(ident, parameters) for ident in self.entries}
        self.expressions = Expressions()

    def parameter(self, name: str, default: Tree, told: str) -> str:
        """Return the statement of a parameter."""
        comment = f"  # {told}" if told else "  # to be given" if isinstance(default, Missing) else ""
        return f"{name} = {self.expressions.of(default)}{comment}"

    def statement(self, entry: Entry) -> str:
        """Return the statement of a node, with what is missing told beside it."""
        line = f"{self.names[entry.id]} = {self._call(entry)}"
        before, self.expressions.statements[:] = [*self.expressions.statements], []
        reasons = [f"{k}: {t.reason}" for k, t in entry.fields.items() if isinstance(t, Missing)]
        if isinstance(entry.kind, Missing):
            reasons = [entry.kind.reason]
        if entry.kind_name == IN_MEMORY:
            reasons = ["an image, such as sw.Image.from_array(array), or a reader"]
        return "\n".join([*(f"# to be given: {reason}" for reason in reasons), *before, line])

    def _call(self, entry: Entry) -> str:
        if isinstance(entry.kind, Missing) or entry.kind_name == IN_MEMORY:
            return "..."
        given = {field: self._value(entry, field, tree) for field, tree in entry.fields.items()}
        if entry.kind_name in OPERATORS:
            return self._operation(entry, given)
        special: Mapping[str, Callable[[Entry, dict[str, str]], str]] = {
            "ProjectVolumes": self._projection,
            "Select": self._selection,
            "where": lambda _, parts: _where(parts),
        }
        if entry.kind_name in special:
            return special[entry.kind_name](entry, given)
        source = given.pop("input", None)
        name = self.expressions.name(entry.kind_name) if ":" in entry.kind_name else f"sw.{entry.kind_name}"
        made = _call(name, given, _FIRST.get(entry.kind_name))
        return made if source is None else f"{source} >> {made}"

    def _value(self, entry: Entry, field: str, tree: Tree) -> str:
        place = entry.place(field)
        used = [] if place is None else uses_in(tree, place, self.entries)
        if not used:
            return self.expressions.of(tree)
        names = [self.names[ident] for ident in used]
        return f"[{', '.join(names)}]" if isinstance(tree, tuple) else names[0]

    def _operation(self, entry: Entry, given: Mapping[str, str]) -> str:
        left, right = given["left"], given["right"]
        image_first = entry.fields["left"] in self.entries
        if entry.kind_name in _SYMBOLS and (image_first or entry.kind_name in _REFLECTED):
            if right == "True" and entry.kind_name == "bitwise_xor":
                return f"~{left}"
            return f"{left} {_SYMBOLS[entry.kind_name]} {right}"
        called = self.expressions.name("slicewise.pipeline.arithmetic:arithmetic")
        return f'{called}("{entry.kind_name}", {left}, {right})'

    def _selection(self, entry: Entry, given: Mapping[str, str]) -> str:
        if "input" not in given:
            called = self.expressions.name("slicewise.pipeline.selection:Select")
            return _call(called, given)
        chosen = [entry.fields.get(axis) for axis in ("slices", "rows", "columns")]
        while len(chosen) > 1 and chosen[-1] is None:
            chosen.pop()
        return f"{given['input']}[{', '.join(_index(tree) for tree in chosen)}]"

    def _projection(self, entry: Entry, given: Mapping[str, str]) -> str:
        stack = f"sw.Stack({given['volumes']}, axis={given['axis']})"
        return f"{stack} >> sw.Project({given['how']}, axis={given['axis']})"


def _index(tree: Tree) -> str:
    if not isinstance(tree, Tagged):
        return ":"
    return re.sub(r"\s", "", str(tree.tree))


def _where(given: Mapping[str, str]) -> str:
    more = [f"{name}={value}" for name, value in given.items() if name == "allow_mixed_patients"]
    return f"sw.where({', '.join([given['condition'], given['inside'], given['outside'], *more])})"


def _call(name: str, given: Mapping[str, str], first: str | None = None) -> str:
    """Return a call; the parameter that goes without its name stands first."""
    ordered = sorted(given.items(), key=lambda part: part[0] != first)
    return laid_out(name, [value if field == first else f"{field}={value}" for field, value in ordered])


def _free(ident: str, taken: set[str]) -> str:
    """Return a name for a variable that is none of Python's words."""
    name = f"{ident}_" if keyword.iskeyword(ident) or ident in _TAKEN else ident
    while name in taken:
        name += "_"
    return name
