"""A recipe as a YAML document, and the entries of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import yaml

from slicewise.errors import RecipeError
from slicewise.io.recipes.entries import Entry, Parameter
from slicewise.io.recipes.kinds import InMemoryImage, Kind
from slicewise.io.recipes.registry import kind_named
from slicewise.io.recipes.tree import Missing, Tree
from slicewise.io.recipes.versions import SCHEMA, check_schema, check_version
from slicewise.io.recipes.yaml_text import compose, dump, line_of, tree_of

__all__ = ["RESERVED", "Content", "kinds_used", "read", "text_of"]

RESERVED = ("allow_modules", "functions", "values")
"""Names of parameters of ``Recipe.build``, where images are given by the names of nodes."""
_PARTS = ("slicewise", "parameters", "nodes", "result", "versions")


@attrs.frozen(eq=False)
class Content:
    """What a recipe consists of.

    Parameters
    ----------
    parameters : tuple of Parameter
        Its parameters.
    entries : tuple of Entry
        Its nodes.
    result : str
        The node whose result it is for.
    versions : mapping of str to int
        Versions of the kinds of nodes.
    name : str
        Name of the file, for messages.
    """

    parameters: tuple[Parameter, ...]
    entries: tuple[Entry, ...]
    result: str
    versions: Mapping[str, int]
    name: str


def text_of(content: Content, *, ascii_only: bool = False) -> str:
    """Return a recipe as YAML; if asked for in ASCII alone."""
    document: dict[str, Tree] = {"slicewise": SCHEMA}
    if content.parameters:
        document["parameters"] = {p.name: _told(p) for p in content.parameters}
    document["nodes"] = {
        entry.id: {"node": entry.kind if isinstance(entry.kind, Missing) else entry.kind_name, **entry.fields}
        for entry in content.entries
    }
    document["result"] = content.result
    document["versions"] = dict(content.versions)
    return dump(document, ascii_only=ascii_only)


def _told(parameter: Parameter) -> Tree:
    default = {} if parameter.is_required else {"default": parameter.default}
    return {**default, **({"help": parameter.help} if parameter.help else {})}


def read(text: str, name: str) -> Content:
    """Return what a YAML document says.

    Raises
    ------
    RecipeError
        If it is no recipe; with the line.
    """
    root = compose(text, name)
    parts = _parts(root, name, "a recipe", _PARTS)
    check_schema(tree_of(parts["slicewise"], name) if "slicewise" in parts else None, name)
    if "nodes" not in parts:
        raise RecipeError(f"{name}: has no nodes; they stand under 'nodes:', each with a name of its own")
    versions = {} if "versions" not in parts else _versions(parts["versions"], name)
    entries = tuple(_entry(key, node, name) for key, node in _pairs(parts["nodes"], name, "'nodes'"))
    for entry in entries:
        if not isinstance(entry.kind, Missing):
            check_version(entry.kind, versions, f"{name}, line {entry.lines['node']}")
    parameters = [] if "parameters" not in parts else _pairs(parts["parameters"], name, "'parameters'")
    result = tree_of(parts["result"], name) if "result" in parts else None
    if not isinstance(result, str):
        line = f", line {line_of(parts['result'])}" if "result" in parts else ""
        raise RecipeError(f"{name}{line}: 'result' must name one of the nodes: that whose result the recipe is for")
    told = {str(k): v for k, v in versions.items()}
    return Content(tuple(_parameter(k, v, name) for k, v in parameters), entries, result, told, name)


def _versions(node: Any, name: str) -> dict[str, int]:
    tree = tree_of(node, name)
    if not isinstance(tree, dict) or not all(type(v) is int for v in tree.values()):
        raise RecipeError(f"{name}, line {line_of(node)}: 'versions' are written as 'Median: 1', one in a line")
    return tree


def _entry(key: Any, node: Any, name: str) -> Entry:
    ident = _name(key, name, "a node")
    if not isinstance(node, yaml.MappingNode):
        raise RecipeError(
            f"{name}, line {line_of(key)}: {ident} must say what it is: 'node: Median', and its parameters"
        )
    pairs = _pairs(node, name, ident)
    lines = {str(k.value): line_of(k) for k, _ in pairs}
    fields = {str(k.value): tree_of(v, name) for k, v in pairs}
    if "node" not in fields:
        raise RecipeError(f"{name}, line {line_of(key)}: {ident} does not say which node it is: 'node: Median'")
    kind = _kind(fields.pop("node"), f"{name}, line {lines['node']}")
    if not isinstance(kind, Missing):
        for field in fields:
            if kind.place(field) is None:
                raise RecipeError(f"{name}, line {lines[field]}: {_unknown(kind, field)}")
    return Entry(ident, kind, fields, lines | {"": line_of(key)})


def _kind(tree: Tree, where: str) -> Kind | Missing:
    if isinstance(tree, Missing):
        return tree
    if not isinstance(tree, str):
        raise RecipeError(f"{where}: 'node' must be the name of a filter, reader or writer (got {tree!r})")
    try:
        return kind_named(tree)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _unknown(kind: Kind, field: str) -> str:
    names = [*kind.names]
    return f"{kind.name} takes no {field!r}; it takes {', '.join(names)}" if names else f"{kind.name} takes nothing"


def _parameter(key: Any, node: Any, name: str) -> Parameter:
    ident = _name(key, name, "a parameter")
    if not isinstance(node, yaml.MappingNode) or node.tag.startswith("!"):
        return Parameter(ident, tree_of(node, name))
    parts = _parts(node, name, f"the parameter {ident}", ("default", "help"))
    default = (
        tree_of(parts["default"], name)
        if "default" in parts
        else Missing(f"give it, values={{{ident!r}: ...}}, or --set {ident}=... on the command line")
    )
    help_text = tree_of(parts["help"], name) if "help" in parts else ""
    return Parameter(ident, default, str(help_text))


# --- pieces -----------------------------------------------------------------------------------------


def _name(key: Any, name: str, what: str) -> str:
    word = str(key.value)
    if word in RESERVED:
        raise RecipeError(f"{name}, line {line_of(key)}: {what} cannot be called {word!r}: build() has that name")
    if not word.isidentifier():
        raise RecipeError(
            f"{name}, line {line_of(key)}: {what} has a name of letters, digits and underscores (got {word!r})"
        )
    return word


def _pairs(node: Any, name: str, what: str) -> Sequence[tuple[Any, Any]]:
    """Return the keys and values of a mapping, each key once."""
    if not isinstance(node, yaml.MappingNode):
        raise RecipeError(f"{name}, line {line_of(node)}: {what} must be written as 'name: value', one in a line")
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RecipeError(f"{name}, line {line_of(key)}: a name is wanted before the colon")
        if key.value in seen:
            raise RecipeError(
                f"{name}, line {line_of(key)}: {key.value!r} stands in {what} twice, first in line {seen[key.value]}"
            )
        seen[key.value] = line_of(key)
    pairs: Sequence[tuple[Any, Any]] = node.value
    return pairs


def _parts(node: Any, name: str, what: str, known: Sequence[str]) -> dict[str, Any]:
    parts = {}
    for key, value in _pairs(node, name, what):
        if key.value not in known:
            raise RecipeError(f"{name}, line {line_of(key)}: {what} has no {key.value!r}; it has {', '.join(known)}")
        parts[str(key.value)] = value
    return parts


def kinds_used(entries: Sequence[Entry]) -> dict[str, int]:
    """Return the versions of the kinds of nodes that entries are of, in order."""
    return {e.kind_name: e.kind.version for e in entries if not isinstance(e.kind, Missing | InMemoryImage)}
