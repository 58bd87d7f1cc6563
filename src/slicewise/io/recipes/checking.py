"""Whether the entries of a recipe are a graph: what they name is there, nothing goes in circles or is left over."""

from __future__ import annotations

import difflib
import graphlib
from collections.abc import Iterable, Mapping

from slicewise.errors import RecipeError
from slicewise.io.recipes.document import Content
from slicewise.io.recipes.entries import Entry
from slicewise.io.recipes.tree import Missing, references

__all__ = ["checked", "order_of", "where"]


def where(name: str, entry: Entry, field: str = "") -> str:
    """Return where a field of an entry stands, for messages."""
    line = entry.lines.get(field, entry.lines.get(""))
    place = f"{name}, line {line}: " if line is not None else f"{name}: " if name else ""
    return f"{place}{entry.id}{'.' if field else ''}{field}"


def checked(content: Content) -> Content:
    """Return what a recipe consists of, if it is a graph.

    Raises
    ------
    RecipeError
        If a node or parameter is named that there is not, nodes are inputs of each other, or one is not used.
    """
    entries = {entry.id: entry for entry in content.entries}
    for entry in content.entries:
        _check_inputs(content.name, entry, entries)
        _check_references(content, entry)
    if content.result not in entries:
        close = _close(content.result, entries)
        raise RecipeError(f"{content.name}: 'result' is to be {content.result!r}, and there is no such node{close}")
    used = set(order_of(content.entries, content.result, content.name))
    for entry in content.entries:
        if entry.id not in used:
            raise RecipeError(
                f"{where(content.name, entry)} is not used by {content.result!r}, the result: leave it out"
            )
    return content


def _check_inputs(name: str, entry: Entry, entries: Mapping[str, Entry]) -> None:
    for field, used in entry.uses(entries):
        if used not in entries:
            raise RecipeError(
                f"{where(name, entry, field)} names {used!r}, and there is no such node{_close(used, entries)}"
            )
    if isinstance(entry.kind, Missing):
        return
    for field, tree in entry.fields.items():
        place = entry.kind.place(field)
        if place is None or place.value or isinstance(tree, Missing):
            continue
        if (place.node and not isinstance(tree, str)) or (place.several and not isinstance(tree, tuple)):
            wanted = "a list of names of nodes" if place.several else "the name of a node"
            raise RecipeError(f"{where(name, entry, field)} must be {wanted} (got {tree!r:.60})")
    for field in entry.kind.names:
        place = entry.kind.place(field)
        if place is not None and place.required and field not in entry.fields:
            raise RecipeError(f"{where(name, entry)} is a {entry.kind_name} and lacks {field!r}")


def _check_references(content: Content, entry: Entry) -> None:
    known = [p.name for p in content.parameters]
    for field, tree in entry.fields.items():
        for reference in references(tree):
            if reference.name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none under 'parameters'"
                raise RecipeError(
                    f"{where(content.name, entry, field)} is {reference.text}, and there is no such parameter; {there}"
                )


def order_of(entries: Iterable[Entry], result: str, name: str, given: Iterable[str] = ()) -> list[str]:
    """Return the names of the nodes that a result needs, inputs before those that use them.

    Parameters
    ----------
    entries : iterable of Entry
        The nodes.
    result : str
        The node wanted.
    name : str
        Name of the recipe, for messages.
    given : iterable of str
        Nodes that need nothing, since they are given.

    Raises
    ------
    RecipeError
        If nodes are inputs of each other.
    """
    known = {entry.id: entry for entry in entries}
    stop = set(given)
    needs: dict[str, list[str]] = {}
    waiting = [result]
    while waiting:
        one = waiting.pop()
        if one not in needs:
            needs[one] = [] if one in stop else [used for _, used in known[one].uses(known)]
            waiting.extend(needs[one])
    try:
        return [*graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError as error:
        circle = error.args[1]
        raise RecipeError(f"{where(name, known[circle[0]])}: the nodes go in a circle: {' -> '.join(circle)}") from None


def _close(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, [*known], n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
