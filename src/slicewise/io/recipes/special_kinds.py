"""Kinds of nodes that are written as operators, or by a name in another library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from slicewise.filters import itk, sitk
from slicewise.filters.combine import Where, where
from slicewise.filters.itk_nodes import ItkFilter, itk_setters, itk_settings
from slicewise.filters.sitk_calls import SitkCall
from slicewise.filters.sitk_reflection import REFERENCE, FilterSpec, spec_of
from slicewise.filters.sitk_settings import plain
from slicewise.io.recipes.kinds import Place
from slicewise.pipeline.arithmetic import Arithmetic, ScalarArithmetic, arithmetic
from slicewise.pipeline.node import Node

__all__ = ["OPERATORS", "Choice", "ItkName", "Operator", "SitkName"]

OPERATORS = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
)
"""The names of numpy."""

_EITHER = Place(node=True, value=True, words=False, required=True)
_SOURCE = Place(node=True)


@attrs.frozen
class Operator:
    """An operation between nodes, or a node and a number.

    Parameters
    ----------
    name : str
        One of ``OPERATORS``.
    """

    name: str

    @property
    def version(self) -> int:
        """Version of the nodes."""
        return max(Arithmetic.version, ScalarArithmetic.version)

    @property
    def names(self) -> Iterable[str]:
        """The two operands."""
        return ("left", "right")

    def place(self, name: str) -> Place | None:
        """Return an image or a number."""
        return _EITHER if name in self.names else None

    def fields(self, node: Node) -> dict[str, Any]:
        """Return the operands."""
        if isinstance(node, ScalarArithmetic):
            operands = (node.scalar, node.input) if node.reflected else (node.input, node.scalar)
            return dict(zip(self.names, operands, strict=True))
        return dict(node.inputs)

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node of the operation."""
        made: Node = arithmetic(self.name, fields["left"], fields["right"])
        return made


@attrs.frozen
class Choice:
    """What ``where`` makes."""

    name: str = "where"

    @property
    def version(self) -> int:
        """Version of the node."""
        return Where.version

    @property
    def names(self) -> Iterable[str]:
        """The parameters of ``where``."""
        return ("condition", "inside", "outside", "allow_mixed_patients")

    def place(self, name: str) -> Place | None:
        """Return a condition, images or numbers, and a switch."""
        places = (Place(node=True, required=True), _EITHER, _EITHER, Place(value=True))
        return dict(zip(self.names, places, strict=True)).get(name)

    def fields(self, node: Node) -> dict[str, Any]:
        """Return what ``where`` was given."""
        assert isinstance(node, Where)  # noqa: S101 - for the type checker
        inside = node.inside_value if node.inside is None else node.inside
        outside = node.outside_value if node.outside is None else node.outside
        mixed = {"allow_mixed_patients": True} if node.mixes_patients else {}
        return {"condition": node.condition, "inside": inside, "outside": outside, **mixed}

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the choice."""
        return where(**fields)


@attrs.frozen
class SitkName:
    """A filter of SimpleITK.

    Parameters
    ----------
    filter_name : str
        Its name without ``ImageFilter``.
    """

    filter_name: str

    @property
    def name(self) -> str:
        """The name as in Python."""
        return f"sitk.{self.filter_name}"

    @property
    def version(self) -> int:
        """Version of the nodes."""
        return SitkCall.version

    @property
    def _spec(self) -> FilterSpec:
        return spec_of(self.filter_name)

    @property
    def names(self) -> Iterable[str]:
        """The inputs and parameters of the filter."""
        spec = self._spec
        images = ["input", *(a.name for a in spec.images[1:]), *([REFERENCE] if spec.takes_reference else [])]
        numbers = [*(["constant"] if spec.constant else []), *(a.name for a in spec.arguments if a.kind == "Transform")]
        return [*(images if spec.images else images[1:]), *numbers, *sorted(spec.parameters)]

    def place(self, name: str) -> Place | None:
        """Return an image, or a value that SimpleITK takes."""
        spec = self._spec
        if name in {a.name for a in spec.images} or (spec.several and re.fullmatch(r"image\d+", name)):
            return _SOURCE
        if name not in self.names:
            return None
        return _SOURCE if name in ("input", REFERENCE) else Place(value=True, convert=plain)

    def fields(self, node: Node) -> dict[str, Any]:
        """Return the inputs and parameters."""
        assert isinstance(node, SitkCall)  # noqa: S101 - for the type checker
        first = {}
        if node.input is not None:
            usual = node.first_role == next((a.name for a in self._spec.images), "")
            first = {"input" if usual else node.first_role: node.input}
        return {**first, **dict(zip(node.roles, node.others, strict=True)), **dict(node.settings)}

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node."""
        given = dict(fields)
        source = given.pop("input", None)
        made: Node = getattr(sitk, self.filter_name)(**given)
        return made if source is None else made.with_input(source)


@attrs.frozen
class ItkName:
    """A filter of itk.

    Parameters
    ----------
    function_name : str
        Name of itk's function.
    """

    function_name: str

    @property
    def name(self) -> str:
        """The name as in Python."""
        return f"itk.{self.function_name}"

    @property
    def version(self) -> int:
        """Version of the node."""
        return ItkFilter.version

    @property
    def names(self) -> Iterable[str]:
        """The parameters that itk tells of."""
        return ["input", *itk_setters(self.function_name)]

    def place(self, name: str) -> Place | None:
        """Return a value or a node: itk does not tell which."""
        if name == "input":
            return _SOURCE
        if name not in self.names and name != "ttype":
            return None
        return Place(node=True, value=True, convert=lambda value: itk_settings({name: value})[0][1])

    def fields(self, node: Node) -> dict[str, Any]:
        """Return the inputs and parameters."""
        assert isinstance(node, ItkFilter)  # noqa: S101 - for the type checker
        return {**node.inputs, **dict(node.settings)}

    def make(self, fields: Mapping[str, Any]) -> Node:
        """Return the node."""
        given = dict(fields)
        source = given.pop("input", None)
        made: Node = getattr(itk, self.function_name)(**given)
        return made if source is None else made.with_input(source)
