"""A graph as a value that can be written down, kept, and built again with other images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from slicewise.errors import ReadError, RecipeError
from slicewise.io.recipes.building import build
from slicewise.io.recipes.checking import checked
from slicewise.io.recipes.document import Content, kinds_used, read, text_of
from slicewise.io.recipes.entries import Entry, Parameter
from slicewise.io.recipes.python_text import python_text
from slicewise.io.recipes.tree import Missing
from slicewise.io.recipes.trust import Trust
from slicewise.io.recipes.writing import entries_of
from slicewise.pipeline.node import as_node

__all__ = ["Recipe"]


@attrs.frozen(eq=False, repr=False)
class Recipe:
    """A graph of nodes, written down: which nodes there are, their parameters, and what goes into what.

    It holds no pixels and no programs. Readers are in it with their paths, and others can be put in their place when
    the graph is built; images in memory have to be. Functions of one's own are named by their modules, and nothing is
    imported unless the caller allows it. Recipes are equal if they say the same.

    Examples
    --------
    >>> import numpy as np
    >>> import slicewise as sw
    >>> image = sw.Image.from_array(np.zeros((3, 4, 5), np.int16))
    >>> recipe = sw.Recipe.of(image >> sw.Median(2))
    >>> print(recipe.to_yaml())
    slicewise: 1
    nodes:
      input:
        node: Image
      median:
        node: Median
        input: input
        radius: 2
    result: median
    versions:
      Median: 1
    <BLANKLINE>
    >>> recipe == sw.Recipe.from_yaml(recipe.to_yaml())
    True
    >>> recipe.build(input=image, values={"median.radius": 1})
    Median(radius=(1, 1, 1)) of InMemory
    """

    content: Content

    @classmethod
    def of(cls, node: Any) -> Recipe:
        """Return the recipe of a graph, up to and with a node.

        Whatever cannot be written down, such as a lambda, is listed in ``missing``, and has to be given when the graph
        is built.

        Parameters
        ----------
        node : Node or Image
            The end of the graph: a filter, or a writer.
        """
        target = as_node(node)
        # What an error says is known anyway: the graph exists, whether its files are there or not.
        entries = entries_of(target)
        return cls(Content((), entries, entries[-1].id, kinds_used(entries), ""))

    @classmethod
    def from_yaml(cls, text_or_path: str | os.PathLike[str]) -> Recipe:
        """Return the recipe that a YAML text, or a file, holds. Nothing of what it names is executed or read.

        Parameters
        ----------
        text_or_path : str or path
            The text itself, of several lines; or where it is.

        Raises
        ------
        RecipeError
            If it is no recipe; the message names the line.
        ReadError
            If the file cannot be read.
        """
        if isinstance(text_or_path, str) and ("\n" in text_or_path or text_or_path.lstrip().startswith("{")):
            return cls(checked(read(text_or_path, "recipe")))
        path = Path(text_or_path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ReadError(f"{path}: the recipe cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path}: is no text in UTF-8") from error
        return cls(checked(read(text, str(path))))

    def to_yaml(self) -> str:
        """Return the recipe as YAML."""
        return text_of(self.content)

    def to_python(self) -> str:
        """Return a Python script that makes the same graph, as one would write it."""
        return python_text(self.content)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the images that go in: readers, which can be replaced, and images in memory, which have to be."""
        ids = dict.fromkeys(e.id for e in self.content.entries)
        return tuple(e.id for e in self.content.entries if e.is_source(ids))

    @property
    def missing(self) -> dict[str, str]:
        """What could not be written down, as ``node.field``, and why; it is given as ``build(values={...})``."""
        found = {}
        for entry in self.content.entries:
            if isinstance(entry.kind, Missing):
                found[entry.id] = entry.kind.reason
            found |= {f"{entry.id}.{field}": t.reason for field, t in entry.fields.items() if isinstance(t, Missing)}
        return found

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that the recipe declares."""
        return self.content.parameters

    @property
    def nodes(self) -> tuple[Entry, ...]:
        """The nodes, as they stand in the recipe."""
        return self.content.entries

    @property
    def result(self) -> str:
        """Name of the node whose result the recipe is for."""
        return self.content.result

    def build(
        self,
        *,
        values: Mapping[str, Any] | None = None,
        functions: Iterable[Callable[..., Any]] = (),
        allow_modules: Iterable[str] = (),
        **inputs: Any,
    ) -> Any:
        """Return the graph: the node at its end.

        Parameters
        ----------
        values : mapping of str to object, optional
            Values of parameters by name, and of any field of a node as ``node.field``.
        functions : iterable of callable
            Functions and classes of one's own that the recipe may name.
        allow_modules : iterable of str
            Modules from which functions and classes may be imported, such as ``mylab.filters``. Importing a module
            runs it.
        **inputs : Node or Image
            What stands for a reader or image of the recipe, by its name in ``inputs``.

        Raises
        ------
        RecipeError
            If something is missing, a value is not taken by its node, or a function is not allowed.
        SlicewiseError
            Whatever is known to go wrong with the images at hand: headers are read.
        """
        known = (*self.inputs, *(name for name in self.missing if "." not in name))
        for name in inputs:
            if name not in known:
                there = f"the inputs are {', '.join(known)}" if known else "the recipe has none"
                raise RecipeError(f"there is no input {name!r}: {there}")
        given = {name: as_node(image) for name, image in inputs.items()}
        return build(self.content, given, values or {}, Trust.of(functions, allow_modules))

    def __eq__(self, other: object) -> bool:
        return self.to_yaml() == other.to_yaml() if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_yaml())

    def __repr__(self) -> str:
        return f"<Recipe of {len(self.nodes)} nodes: {' '.join(e.id for e in self.nodes)}>"
