"""Trees as YAML text and back. Nothing is executed: tags name what is known here, and all else is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from slicewise.errors import RecipeError
from slicewise.io.recipes.tree import Missing, Reference, Tagged, Tree
from slicewise.io.recipes.yaml_words import RESOLVERS, float_of, float_text, int_of

__all__ = ["compose", "dump", "line_of", "tree_of"]

_CORE = "tag:yaml.org,2002:"
_DEEPEST = 50
_LONGEST = 32 * 2**20
_WIDTH = 110
_PLAIN: Mapping[str, Callable[[str], Any]] = {f"{_CORE}str": str, f"{_CORE}int": int_of, f"{_CORE}float": float_of}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # it has no types
    """A composer of nodes; nothing is constructed by it."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - filled below
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node: a limit to depth, and no aliases, with which a short text would become a very long one."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not for recipes", event.start_mark)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.composer.ComposerError(None, None, "is nested too deeply", self.peek_event().start_mark)
        made = super().compose_node(parent, index)
        self.depth -= 1
        return made


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # it has no types
    """A writer that also puts into quotes what programs of YAML 1.1 would take for true, false, a number or a date."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything where it stands."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Indent lists below the key they belong to."""
        return super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> Any:
        """Write what has a tag without quotes, too, where it can be."""
        is_tagged = self.event.tag is not None and self.event.tag.startswith("!")
        if is_tagged and self.event.value and not self.event.style:
            found: Any = self.analyze_scalar(self.event.value)
            plain = found.allow_flow_plain if self.flow_level else found.allow_block_plain
            if plain and not found.multiline:
                self.analysis = found
                return ""
        return super().choose_scalar_style()


for _tag, _form, _first in RESOLVERS:
    _Loader.add_implicit_resolver(_tag, _form, _first)
    _Dumper.add_implicit_resolver(_tag, _form, _first)


def compose(text: str, name: str) -> Any:
    """Return the node of YAML for a text.

    Raises
    ------
    RecipeError
        If the text is no YAML, with the line.
    """
    if len(text) > _LONGEST:
        raise RecipeError(f"{name}: is too long for a recipe ({len(text)} characters)")
    loader = _Loader(text)
    try:
        made = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RecipeError(f"{name}{where}: is no YAML: {problem}") from None
    finally:
        loader.dispose()
    if made is None:
        raise RecipeError(f"{name}: is empty; a recipe begins with 'slicewise: 1'")
    return made


def line_of(node: Any) -> int:
    """Return the line of a node of YAML, from 1."""
    return int(node.start_mark.line) + 1


def tree_of(node: Any, name: str) -> Tree:
    """Return the tree of a node of YAML.

    Raises
    ------
    RecipeError
        If it is of a kind that recipes do not have, with the line.
    """
    where = f"{name}, line {line_of(node)}"
    if node.tag.startswith("!"):
        return _tagged(node, name)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, where)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_CORE}seq":
        return tuple(tree_of(item, name) for item in node.value)
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_CORE}map":
        return _mapping(node, name)
    raise _unknown_tag(node, where)


def _tagged(node: Any, name: str) -> Tree:
    tag = node.tag[1:]
    if isinstance(node, yaml.ScalarNode):
        return Missing(node.value) if tag == "missing" else Tagged(tag, node.value)
    kind = "seq" if isinstance(node, yaml.SequenceNode) else "map"
    plain = type(node)(f"{_CORE}{kind}", node.value, node.start_mark, node.end_mark)
    return Tagged(tag, tree_of(plain, name))


def _scalar(node: Any, where: str) -> Tree:
    if node.tag == f"{_CORE}null":
        return None
    if node.tag == f"{_CORE}bool":
        return node.value.lower() == "true"
    if node.tag not in _PLAIN:
        raise _unknown_tag(node, where)
    try:
        value = _PLAIN[node.tag](node.value)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from None
    return (Reference.of_text(value) or value) if isinstance(value, str) else value


def _mapping(node: Any, name: str) -> dict[Any, Tree]:
    found: dict[Any, Tree] = {}
    for key_node, value_node in node.value:
        key = tree_of(key_node, name)
        where = f"{name}, line {line_of(key_node)}"
        if not isinstance(key, str | int | float):
            raise RecipeError(f"{where}: a name is wanted before the colon (got {key!r})")
        if key in found:
            raise RecipeError(f"{where}: {key!r} stands here twice")
        found[key] = tree_of(value_node, name)
    return found


def _unknown_tag(node: Any, where: str) -> RecipeError:
    tag = node.tag.replace(_CORE, "!!")
    return RecipeError(f"{where}: {tag} is nothing a recipe may hold: it holds numbers, words, lists and mappings")


def dump(tree: Tree, *, ascii_only: bool = False) -> str:
    """Return a tree as YAML, in the order in which it stands; if asked for with escapes for letters beyond ASCII."""
    text: str = yaml.dump(
        tree, Dumper=_Dumper, sort_keys=False, allow_unicode=not ascii_only, width=_WIDTH, default_flow_style=False
    )
    return text


def _scalar_node(dumper: Any, tag: str, text: str) -> Any:
    # In double quotes alone line breaks of all kinds are what they were.
    return dumper.represent_scalar(tag, text, style=None if text.isprintable() else '"')


def _tagged_node(dumper: Any, value: Tagged) -> Any:
    tag = f"!{value.tag}"
    if isinstance(value.tree, str):
        return _scalar_node(dumper, tag, value.tree)
    if isinstance(value.tree, Mapping):
        return dumper.represent_mapping(tag, value.tree)
    return dumper.represent_sequence(tag, value.tree, flow_style=True)


_Dumper.add_representer(float, lambda d, v: d.represent_scalar(f"{_CORE}float", float_text(v)))
_Dumper.add_representer(
    tuple, lambda d, v: d.represent_sequence(f"{_CORE}seq", v, flow_style=not any(isinstance(x, dict) for x in v))
)
_Dumper.add_representer(Tagged, _tagged_node)
_Dumper.add_representer(str, lambda d, v: _scalar_node(d, f"{_CORE}str", v))
_Dumper.add_representer(Missing, lambda d, v: _scalar_node(d, "!missing", v.reason))
_Dumper.add_representer(Reference, lambda d, v: d.represent_scalar(f"{_CORE}str", v.text))
