"""The recipe of a graph as it is written into files: without paths, without anything of the patient's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from pydicom.datadict import tag_for_keyword

from slicewise.dicom.confidentiality import actions_of
from slicewise.dicom.values import text_of
from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.io.provenance.recipe_text import CHOICE, ToldRecipe
from slicewise.io.recipes import Recipe
from slicewise.io.recipes.document import text_of as yaml_of
from slicewise.io.recipes.entries import Entry
from slicewise.io.recipes.tree import Missing, Tagged, Tree
from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.node import Node

__all__ = ["INSTANCES", "harmless_recipe"]

INSTANCES = "the instances listed beside the recipe"
"""What stands for the path of a series."""

_PATH = "a path is not written into images: give it when the graph is built"
_OF_PATIENT = "it holds words of the patient's headers, which are not written again: give it when the graph is built"
_IDENTIFYING = tuple(
    map(
        tag_of,
        (
            "PatientName",
            "PatientID",
            "OtherPatientIDs",
            "OtherPatientNames",
            "PatientBirthDate",
            "AccessionNumber",
            "StudyID",
            "ReferringPhysicianName",
            "InstitutionName",
        ),
    )
)
_PATHS = re.compile(r"^[~/\\.]|^[A-Za-z]:[/\\]|[/\\].*[/\\.]")
"""Units such as mm2/s are none."""
_WORD = re.compile(r"\w{3,}")


def harmless_recipe(target: Node) -> ToldRecipe:
    """Return the recipe of a graph, up to and with a node."""
    nodes = list(target.walk())
    recipe = Recipe.of(target)
    words = _words([n for n in nodes if not n.inputs])
    entries = tuple(_told(entry, n, words) for entry, n in zip(recipe.nodes, nodes, strict=True))
    told = Recipe(attrs.evolve(recipe.content, entries=entries))
    return ToldRecipe(
        text=yaml_of(told.content, ascii_only=True),
        missing=tuple(f"{name}: {_ascii(reason)}" for name, reason in told.missing.items()),
        names={n: entry.id for entry, n in zip(entries, nodes, strict=True) if not n.inputs},
    )


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _told(entry: Entry, n: Node, words: frozenset[str]) -> Entry:
    fields = dict(entry.fields)
    if isinstance(n, SeriesReader):
        # Which instances were read is told beside it: nothing has to be chosen again.
        fields = {name: tree for name, tree in fields.items() if name not in CHOICE} | {"path": INSTANCES}
    else:
        fields = {name: Missing(_PATH) if name == "path" else tree for name, tree in fields.items()}
    own = _OWN.get(entry.kind_name)
    if own is not None:
        fields = own(fields)
    return attrs.evolve(entry, fields={name: _harmless(tree, words) for name, tree in fields.items()})


def _without_secret(fields: Mapping[str, Tree]) -> dict[str, Tree]:
    # Pixels are the same with any.
    return {name: tree for name, tree in fields.items() if name != "secret"}


def _without_patient(fields: Mapping[str, Tree]) -> dict[str, Tree]:
    attributes = fields.get("attributes")
    kept = {k: v for k, v in attributes.items() if _is_harmless(k)} if isinstance(attributes, Mapping) else {}
    gone = ("patient_name", "patient_id", "study_uid", "frame_of_reference_uid", "attributes")
    rest = {name: tree for name, tree in fields.items() if name not in gone}
    return {**rest, **({"attributes": kept} if kept else {})}


def _is_harmless(keyword: Any) -> bool:
    tag = tag_for_keyword(keyword) if isinstance(keyword, str) else None
    return tag is not None and actions_of(tag) is None


_OWN: Mapping[str, Callable[[Mapping[str, Tree]], dict[str, Tree]]] = {
    "Deidentify": _without_secret,
    "NewSeries": _without_patient,
}
"""By the names that nodes have in recipes, so that none is loaded for it."""


def _harmless(tree: Tree, words: frozenset[str]) -> Tree:
    """Return a value if neither it nor a part of it is a path or holds words of the patient's."""
    for text in _texts(tree):
        if _PATHS.search(text):
            return Missing(_PATH)
        if words & {word.lower() for word in _WORD.findall(text)}:
            return Missing(_OF_PATIENT)
    return tree


def _texts(tree: Tree) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, Tagged):
        return ["/"] if tree.tag == "path" else [] if tree.tag in ("array", "bytes", "code") else _texts(tree.tree)
    if isinstance(tree, Mapping):
        return [text for pair in tree.items() for part in pair for text in _texts(part)]
    return [text for part in tree for text in _texts(part)] if isinstance(tree, tuple) else []


def _words(ends: list[Node]) -> frozenset[str]:
    """Return the words that tell patients from each other in the headers that were read."""
    found: set[str] = set()
    for headers in (n.info.headers for n in ends):
        for tag in _IDENTIFYING:
            column = headers.column(tag)
            elements = {column} if isinstance(column, RawElement) else set(column or ())
            for element in elements - {None}:
                found.update(word.lower() for word in _WORD.findall(text_of(element)))
    return frozenset(found)
