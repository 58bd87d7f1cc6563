"""Which kind a node is of, and which kind a name means."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from slicewise.errors import RecipeError, SlicewiseError
from slicewise.filters import itk, sitk
from slicewise.filters.combine import Where
from slicewise.filters.function import Function
from slicewise.filters.itk_nodes import ItkFilter
from slicewise.filters.sitk_nodes import SitkFilter, SitkMeasurement
from slicewise.filters.sitk_sources import SitkSource
from slicewise.io.recipes.foreign_kinds import Foreign, maker_of
from slicewise.io.recipes.kinds import IN_MEMORY, InMemoryImage, Kind, NodeClass, own_class, own_classes
from slicewise.io.recipes.special_kinds import OPERATORS, Choice, ItkName, Operator, SitkName
from slicewise.io.recipes.trust import importable_name, why_not_importable
from slicewise.pipeline.arithmetic import Arithmetic, ScalarArithmetic
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Node

__all__ = ["kind_named", "kind_of"]


def kind_of(node: Node) -> Kind | str:
    """Return the kind of a node; or in words why there is none for it."""
    cls = type(node)
    special = _SPECIAL[cls](node) if cls in _SPECIAL else None
    if special is not None:
        return special
    own = own_class(cls)
    if own is not None:
        return own
    name = importable_name(cls)
    return why_not_importable(cls) if name is None else NodeClass(cls, name)


_SPECIAL: Mapping[type[Node], Callable[[Any], Kind | None]] = {
    Function: maker_of,
    Arithmetic: lambda node: Operator(node.operation),
    InMemory: lambda _: InMemoryImage(),
    ItkFilter: lambda node: ItkName(node.function_name),
    ScalarArithmetic: lambda node: Operator(node.operation),
    SitkFilter: lambda node: SitkName(node.filter_name),
    # Of filters that make an image, it is what measures beside it, which no name makes.
    SitkMeasurement: lambda node: None if node.spec.makes_image else SitkName(node.filter_name),
    SitkSource: lambda node: SitkName(node.filter_name),
    Where: lambda _: Choice(),
}


def kind_named(name: str) -> Kind:
    """Return the kind that a name means; one of another module is not looked at yet.

    Raises
    ------
    RecipeError
        If there is none, with names close to it.
    """
    if ":" in name:
        return Foreign(name)
    if name in OPERATORS:
        return Operator(name)
    if name == IN_MEMORY:
        return InMemoryImage()
    if name == Choice().name:
        return Choice()
    library, dot, function = name.partition(".")
    if dot and library in ("sitk", "itk"):
        return _of_library(library, function)
    own = own_classes()
    if name not in own:
        known = [*own, *OPERATORS, Choice().name, IN_MEMORY]
        close = difflib.get_close_matches(name, known, n=1) or [k for k in known if k.lower() == name.lower()]
        sitks = [f"sitk.{name}"] if name in dir(sitk) else []
        hint = (
            f"; did you mean {(close or sitks)[0]!r}?" if close or sitks else f"; there are {', '.join(sorted(known))}"
        )
        raise RecipeError(f"there is no filter {name!r}{hint}")
    return own[name]


def _of_library(library: str, function: str) -> Kind:
    try:
        if library == "sitk":
            getattr(sitk, function)
            return SitkName(function)
        return ItkName(getattr(itk, function).__name__)
    except (AttributeError, SlicewiseError) as error:
        raise RecipeError(str(error)) from None
