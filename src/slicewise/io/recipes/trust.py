"""Functions and classes that are not slicewise's own, by name: nothing is imported that the caller has not allowed."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np

from slicewise.errors import RecipeError

__all__ = ["Trust", "importable_name", "why_not_importable"]


def _module_of(value: Any) -> str:
    if isinstance(value, np.ufunc):
        return "numpy" if getattr(np, value.__name__, None) is value else ""
    return getattr(value, "__module__", None) or ""


def _name_in_module(value: Any) -> str:
    return str(getattr(value, "__qualname__", getattr(value, "__name__", "")))


def importable_name(value: Any) -> str | None:
    """Return ``package.module:name`` of a function or class; None if it cannot be imported by it."""
    module, name = _module_of(value), _name_in_module(value)
    if not module or not name or module == "__main__" or "<" in name:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is value else None


def why_not_importable(value: Any) -> str:
    """Return in words why a function cannot be imported by its name."""
    name = _name_in_module(value)
    module = "my_filters"
    if name.endswith("<lambda>"):
        what = "a lambda has no name to import it by"
    elif "<locals>" in name:
        what = f"the function {name.rpartition('.')[2]} is defined within another, and cannot be imported"
    elif _module_of(value) == "__main__":
        what = f"the function {name} is defined in a script or notebook, and cannot be imported"
    else:
        return f"a {type(value).__name__} cannot be imported by a name: give a function of a module, or @sw.filter"
    return f"{what}: define it at the top of a module of your own, such as {module}.py, and import it from there"


@attrs.frozen
class Trust:
    """What a caller lets a recipe use beside slicewise's own nodes.

    Parameters
    ----------
    given : mapping of str to object
        Functions and classes themselves, by ``package.module:name``.
    modules : frozenset of str
        Modules that may be imported.
    """

    given: dict[str, Any] = attrs.field(factory=dict)
    modules: frozenset[str] = frozenset()

    @classmethod
    def of(cls, functions: Iterable[Callable[..., Any]] = (), modules: Iterable[str] = ()) -> Trust:
        """Return the trust in functions, classes and modules.

        Raises
        ------
        RecipeError
            If a function has no name to be found by, or a text is given for a list.
        """
        if isinstance(modules, str):
            raise RecipeError(f"'allow_modules' must be a list of modules: write [{modules!r}]")
        given = {}
        for function in functions:
            module, name = _module_of(function), _name_in_module(function)
            if not module or not name:
                raise RecipeError(f"'functions' must be functions with a name (got {function!r})")
            given[f"{module}:{name}"] = function
        return cls(given, frozenset(modules))

    def resolve(self, name: str) -> Any:
        """Return a function or class by ``package.module:name``.

        Raises
        ------
        RecipeError
            If it is not allowed, or not there.
        """
        if name in self.given:
            return self.given[name]
        module, colon, attribute = name.partition(":")
        if not colon or not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
            raise RecipeError(f"{name!r} is no name of a function: it is written package.module:function")
        if module not in self.modules:
            raise RecipeError(
                f"{name} is not slicewise's own, and nothing of {module} is imported unless you allow it: "
                f"build(allow_modules=[{module!r}]), or --allow-module {module} on the command line"
            )
        return self._imported(module, attribute)

    @staticmethod
    def _imported(module: str, attribute: str) -> Any:
        try:
            found: Any = importlib.import_module(module)
        except ImportError as error:
            raise RecipeError(f"{module} cannot be imported: {error}") from error
        for part in attribute.split("."):
            found = getattr(found, part, None)
            if isinstance(found, types.ModuleType):
                found = None
        # What a module has imported from elsewhere was not allowed with it.
        if not callable(found) or (_module_of(found) or module) != module:
            raise RecipeError(f"{module} defines no function or class {attribute!r}")
        return found
