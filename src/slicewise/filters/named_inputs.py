"""Filters of another library with inputs after the first, each by its name there."""

from __future__ import annotations

from typing import Any

from slicewise.errors import GraphError
from slicewise.pipeline.node import Filter, Node

__all__ = ["NamedInputs"]


class NamedInputs(Filter):
    """A filter with settings and named inputs; subclasses declare them as fields.

    Attributes
    ----------
    settings : tuple of (str, value)
        Its parameters.
    others : tuple of Node
        The inputs after the first.
    roles : tuple of str
        The names of these inputs.
    """

    settings: tuple[tuple[str, Any], ...]
    others: tuple[Node, ...]
    roles: tuple[str, ...]

    @property
    def first_role(self) -> str:
        """What the first input is called in messages."""
        return "first input"

    @property
    def parameter_text(self) -> str:
        """The parameters as a user would write them."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings)

    @property
    def inputs(self) -> dict[str, Node]:
        """The connected inputs by name: the first as ``input``, the others as their library calls them."""
        first = {} if self.input is None else {"input": self.input}
        return {**first, **dict(zip(self.roles, self.others, strict=True))}

    def with_input(self, source: Node) -> Any:
        """Return the filter with its first input connected to a source.

        Raises
        ------
        GraphError
            If it is connected already.
        """
        if self.input is None:
            return self._connected("input", source)
        if not self.input.is_connected:
            return self._connected("input", self.input.with_input(source))
        raise GraphError(f"{self.name} takes no input here: its {self.first_role} is connected already")
