"""Parameters of SimpleITK's filters: checked, plain, and set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Self

import numpy as np

from slicewise.errors import ParameterError
from slicewise.filters.simpleitk import simpleitk
from slicewise.filters.sitk_reflection import FilterSpec, Parameter

__all__ = ["Settings", "TransformValue", "configured", "plain", "reason_of"]

Settings = tuple[tuple[str, Any], ...]


class TransformValue(tuple[Any, ...]):
    """A transform of SimpleITK as a value: name, parameters, fixed parameters, and the transforms it is made of."""

    __slots__ = ()

    @classmethod
    def of(cls, transform: Any) -> Self:
        """Return the value of a transform."""
        library = simpleitk()
        inner: tuple[Any, ...] = ()
        if transform.GetTransformEnum() == library.sitkComposite:
            composite = library.CompositeTransform(transform)
            inner = tuple(cls.of(composite.GetNthTransform(k)) for k in range(composite.GetNumberOfTransforms()))
            return cls((composite.GetName(), inner))
        # A copy, so that nothing that is done to the one given changes the node.
        copy = library.Transform(transform)
        is_identity = copy.GetTransformEnum() == library.sitkIdentity
        name = "IdentityTransform" if is_identity else copy.Downcast().GetName()
        return cls((name, copy.GetParameters(), copy.GetFixedParameters(), _Held(copy)))

    @property
    def transform(self) -> Any:
        """The transform."""
        library = simpleitk()
        if len(self) == 2:
            return library.CompositeTransform([part.transform for part in self[1]])
        return library.Transform(self[3].transform)

    @property
    def is_identity(self) -> bool:
        """Whether it leaves every point where it is."""
        return all(part.is_identity for part in self[1]) if len(self) == 2 else self[0] == "IdentityTransform"

    def __repr__(self) -> str:
        if len(self) == 2:
            return f"{self[0]}({', '.join(map(repr, self[1]))})"
        numbers = self[1] if len(self[1]) <= 16 else f"{len(self[1])} parameters"
        return f"{self[0]}({numbers})"


class _Held(tuple[()]):  # noqa: SLOT001 - the transform has to have a place
    """A transform that goes along with what is known of it, and counts for nothing itself."""

    transform: Any

    def __new__(cls, transform: Any) -> Self:
        held = super().__new__(cls)
        held.transform = transform
        return held


def plain(value: Any) -> Any:
    """Return a value as one that SimpleITK takes and that can be told from others by its content."""
    if isinstance(value, TransformValue):
        return value
    if type(value).__module__.startswith("SimpleITK") and isinstance(value, simpleitk().Transform):
        return TransformValue.of(value)
    if isinstance(value, np.dtype | type):
        return np.dtype(value).name
    if isinstance(value, Mapping):
        return tuple(sorted((plain(k), plain(v)) for k, v in value.items()))
    if isinstance(value, np.ndarray | Iterable) and not isinstance(value, str):
        return tuple(plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def configured(spec: FilterSpec, title: str, settings: Settings) -> Any:
    """Return a filter of SimpleITK with its parameters set.

    Parameters
    ----------
    spec : FilterSpec
        What is known of the filter.
    title : str
        Its name, for messages.
    settings : tuple of (str, value)
        The parameters, without those with which it is executed.

    Raises
    ------
    ParameterError
        If there is no such parameter, or its value cannot be.
    """
    image_filter = spec.cls()
    for name, value in settings:
        parameter = spec.parameters.get(name)
        if parameter is None:
            _raise_unknown(spec, title, name)
        try:
            getattr(image_filter, parameter.setter)(_for_simpleitk(parameter, value))
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise ParameterError(f"{name!r} of {title} cannot be {value!r}: {_wanted(parameter, error)}") from None
    if spec.is_random and "seed" not in dict(settings):
        raise ParameterError(f"'seed' of {title} must be given: without it every run gives another result")
    return image_filter


def _for_simpleitk(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, TransformValue):
        return value.transform
    if parameter.kind == "DoubleDoubleMap":
        return dict(value)
    if parameter.members is not None and isinstance(value, str):
        if value not in parameter.members:
            raise ValueError(value)
        return parameter.members[value]
    return value


def _wanted(parameter: Parameter, error: BaseException) -> str:
    if parameter.members is not None:
        return f"it takes {', '.join(map(repr, parameter.members))}"
    if parameter.kind == "DoubleDoubleMap":
        return "it takes a mapping of numbers to numbers"
    return reason_of(error)


def _raise_unknown(spec: FilterSpec, title: str, name: str) -> NoReturn:
    images = [argument.name for argument in spec.images[1:]]
    taken = [*images, *(["constant"] if spec.constant else []), *sorted(spec.parameters)]
    if not taken:
        raise ParameterError(f"{title} takes no parameters (got {name!r})")
    raise ParameterError(f"{name!r} is no parameter of {title}: it takes {', '.join(taken)}")


def reason_of(error: BaseException) -> str:
    """Return what an error of SimpleITK says to those who use it from Python."""
    text = str(error).partition("sitk::ERROR:")[2] or str(error)
    # Names as compilers mangle them and addresses tell nobody anything.
    text = re.sub(r"\s*by\s*N\d\S*|\(0x[0-9a-f]+\)|ITK ERROR: ", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("Wrong number or type"):
        # The lines after it are the prototypes.
        kinds = [line.partition("(")[2].rpartition(")")[0] for line in (p.partition("::Set")[2] for p in lines[2:])]
        return "it takes " + " or ".join(f"a {_in_words(kind)}" for kind in kinds)
    if lines and (wanted := re.search("argument 2 of type '(.*)'", lines[-1])):
        return f"it takes a {_in_words(wanted[1])}"
    return lines[-1] if lines else type(error).__name__


def _in_words(kind: str) -> str:
    """Return a type of C++ in the words of Python: of a vector of vectors of doubles, a sequence of sequences."""
    if kind.startswith("std::vector"):
        held = re.match(r"std::vector<\s*(.+?)\s*,\s*std::allocator<\s*\1\s*>\s*>", kind)
        return "sequence" if held is None else _plural(_in_words(held[1]))
    kind = re.sub(r"\bconst\b|itk::simple::|&", "", kind).strip()
    if re.fullmatch(r"(uint\d+_t|unsigned( \w+)?|size_t)", kind):
        return "whole number from 0"
    if re.fullmatch(r"(int\d+_t|int|long|short|char)", kind):
        return "whole number"
    return {"double": "number", "float": "number", "std::string": "string"}.get(kind, kind)


def _plural(word: str) -> str:
    head, _, rest = word.partition(" of ") if word.startswith("sequence") else word.partition(" from ")
    joint = " of " if word.startswith("sequence") else " from "
    return f"sequence of {head}s" + (joint + rest if rest else "")
