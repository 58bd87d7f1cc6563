"""What SimpleITK says of its filters: their inputs, parameters and measurements, read from the library itself."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

import attrs

from slicewise.filters.simpleitk import simpleitk
from slicewise.filters.sitk_enumerations import members_of

__all__ = ["REFERENCE", "Argument", "FilterSpec", "Measurement", "Parameter", "class_names", "snake_case", "spec_of"]

REFERENCE = "reference_image"
"""An image of which a filter takes the grid alone."""

_SUFFIXES = ("ImageFilter", "Filter", "ImageSource")
_NO_FILTERS = frozenset(["ImageFilter", "ImageRegistrationMethod"])
_SCALARS = {"double": "float", "float": "float", "bool": "bool", "std::string": "str"}
_VECTORS = {
    "VectorDouble": "Sequence[float]",
    "VectorFloat": "Sequence[float]",
    "VectorBool": "Sequence[bool]",
    "VectorUIntList": "Sequence[Sequence[int]]",
    "DoubleDoubleMap": "Mapping[float, float]",
    "Transform": "Any",
}
_PROTOTYPE = re.compile(r"^\s*(\w+)\((\w+) self(?:, )?(.*)\)(?: -> (.+))?$")


@attrs.frozen
class Argument:
    """An argument with which a filter is executed.

    Parameters
    ----------
    name : str
        Its name, in small letters with underscores.
    kind : str
        ``Image``, ``Transform``, or the type of a number.
    required : bool
        Whether the filter works only with it.
    """

    name: str
    kind: str
    required: bool = True


@attrs.frozen
class Parameter:
    """A parameter of a filter.

    Parameters
    ----------
    name : str
        Its name, in small letters with underscores.
    setter : str
        The method that sets it.
    kind : str
        Its type in C++.
    default : object
        Its value in a new filter; None where it cannot be asked for.
    annotation : str
        Its type in Python.
    members : mapping of str to int, optional
        For an enumeration the numbers of its names.
    """

    name: str
    setter: str
    kind: str
    default: Any
    annotation: str
    members: Mapping[str, int] | None = None


@attrs.frozen
class Measurement:
    """A number, or several, that a filter has found once it was executed.

    Parameters
    ----------
    name : str
        Its name, in small letters with underscores.
    getter : str
        The method that gives it.
    of : str
        What it is asked of: nothing, ``label``, ``input`` or ``image``.
    """

    name: str
    getter: str
    of: str = ""


@attrs.frozen
class FilterSpec:
    """A filter of SimpleITK, as the library describes it.

    Parameters
    ----------
    name : str
        Its name without ``ImageFilter``.
    class_name : str
        The class of SimpleITK.
    arguments : tuple of Argument
        What it is executed with, in order.
    several : bool
        Whether it takes any number of images.
    constant : str
        The type of a number that can stand for one of two images; empty where none can.
    constant_first : bool
        Whether the number can stand for the first image, too.
    result : str
        What executing it returns: ``Image``, another type, or nothing.
    parameters : mapping of str to Parameter
        Its parameters.
    measurements : tuple of Measurement
        What can be asked of it afterwards.
    takes_reference : bool
        Whether it takes a grid from an image.
    """

    name: str
    class_name: str
    arguments: tuple[Argument, ...]
    several: bool
    constant: str
    constant_first: bool
    result: str
    parameters: Mapping[str, Parameter]
    measurements: tuple[Measurement, ...]
    takes_reference: bool

    @property
    def images(self) -> tuple[Argument, ...]:
        """The images that it is executed with."""
        return tuple(argument for argument in self.arguments if argument.kind == "Image")

    @property
    def makes_image(self) -> bool:
        """Whether its result is an image."""
        return self.result == "Image"

    @property
    def is_random(self) -> bool:
        """Whether the result depends on a seed, and is another in every run without one."""
        return "seed" in self.parameters and not self.parameters["seed"].kind.startswith("Vector")

    @property
    def documentation(self) -> str:
        """What SimpleITK says of the filter."""
        return inspect.cleandoc(self.cls.__doc__ or "")

    @property
    def cls(self) -> Any:
        """The class of SimpleITK."""
        return getattr(simpleitk(), self.class_name)


@functools.cache
def class_names() -> Mapping[str, str]:
    """Return the classes of all filters and sources of the installed SimpleITK, by their short names."""
    library = simpleitk()
    found: dict[str, str] = {}
    for class_name in dir(library):
        cls = getattr(library, class_name)
        suffix = next((s for s in _SUFFIXES if class_name.endswith(s)), None)
        if suffix is None or class_name in _NO_FILTERS or not inspect.isclass(cls):
            continue
        if issubclass(cls, library.ProcessObject):
            # Sources go by the names of SimpleITK's functions: GaussianSource.
            short = f"{class_name.removesuffix(suffix)}{'Source' if suffix == 'ImageSource' else ''}"
            found[short] = class_name
    return found


@functools.cache
def spec_of(name: str) -> FilterSpec:
    """Return what SimpleITK says of a filter.

    Parameters
    ----------
    name : str
        A name of ``class_names()``.
    """
    class_name = class_names()[name]
    cls = getattr(simpleitk(), class_name)
    prototypes = [(_arguments(text), result) for text, result in _prototypes(cls.Execute, "Execute")]
    imaged = [a for a, _ in prototypes if not any(kind == "VectorOfImage" or _is_number(kind) for _, kind in a)]
    longest = max(imaged, key=len, default=())
    fewest = min((len(a) for a in imaged), default=0)
    several = any(kind == "VectorOfImage" for a, _ in prototypes for _, kind in a)
    pairs = [a for a, _ in prototypes if len(a) == 2 and any(_is_number(kind) for _, kind in a)]
    constants = [kind for a in pairs for _, kind in a if _is_number(kind)]
    return FilterSpec(
        name=name,
        class_name=class_name,
        arguments=tuple(Argument(n, kind, k < fewest) for k, (n, kind) in enumerate(longest)),
        several=several,
        constant=constants[0] if constants else "",
        constant_first=any(_is_number(a[0][1]) for a in pairs),
        result=prototypes[0][1],
        parameters=_parameters(cls),
        measurements=_measurements(cls),
        takes_reference=hasattr(cls, "SetReferenceImage"),
    )


def snake_case(name: str) -> str:
    """Return a name of SimpleITK in small letters with underscores; a word of Python with one at its end."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return "lambda_" if snake == "lambda" else snake


def _prototypes(method: Any, name: str) -> list[tuple[str, str]]:
    """Return the arguments and the result of each form of a method, as its documentation gives them."""
    matches = [_PROTOTYPE.match(line) for line in (method.__doc__ or "").splitlines()]
    return [(m[3], m[4] or "") for m in matches if m is not None and m[1] == name]


def _arguments(text: str) -> tuple[tuple[str, str], ...]:
    parts = [part.rpartition(" ") for part in text.split(", ") if part]
    # An image without a name of its own is the image.
    return tuple(("image" if re.fullmatch(r"arg\d+", n) else snake_case(n), kind) for kind, _, n in parts)


def _is_number(kind: str) -> bool:
    return kind in ("double", "int", "float") or kind.endswith("_t")


def _parameters(cls: Any) -> Mapping[str, Parameter]:
    # What all filters share says how to run, not what to compute.
    methods = sorted(set(dir(cls)) - set(dir(simpleitk().ProcessObject)))
    fresh = cls()
    found: dict[str, Parameter] = {}
    for method in methods:
        forms = _prototypes(getattr(cls, method), method) if method.startswith("Set") else []
        kinds = [arguments[0][1] for arguments in (_arguments(text) for text, _ in forms) if len(arguments) == 1]
        if not kinds or "Image" in kinds:
            continue
        # A vector comes first where a number may stand for all of its components.
        kind = min(kinds, key=lambda k: not k.startswith("Vector"))
        name = snake_case(method[3:])
        members = members_of(cls, kind)
        getter = getattr(fresh, f"Get{method[3:]}", None)
        default = _default(getter, members) if getter is not None else None
        found[name] = Parameter(name, method, kind, default, _annotation(kind, kinds, members), members)
    return found


def _default(getter: Any, members: Mapping[str, int] | None) -> Any:
    value = getter()
    if members is not None:
        return next((name for name, number in members.items() if number == value), value)
    if isinstance(value, simpleitk().Transform):
        return None
    return {} if hasattr(value, "asdict") or type(value).__name__ == "DoubleDoubleMap" else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return tuple(_plain(v) for v in value)
    return value


def _annotation(kind: str, kinds: list[str], members: Mapping[str, int] | None) -> str:
    if members is not None:
        return "DTypeLike | int" if kind.endswith("PixelIDValueEnum") else "str | int"
    if kind in _SCALARS:
        return _SCALARS[kind]
    vector = _VECTORS.get(kind) or ("Sequence[int]" if kind.startswith("Vector") else "int")
    scalars = [_SCALARS.get(k, "int") for k in kinds if not k.startswith("Vector") and k not in _VECTORS]
    return " | ".join([*scalars, vector]) if kind.startswith("Vector") else vector


def _measurements(cls: Any) -> tuple[Measurement, ...]:
    own = set(dir(cls)) - set(dir(simpleitk().ProcessObject))
    found = []
    for method in sorted(own):
        getter = getattr(cls, method)
        if not method.startswith("Get") or "measurement" not in (getter.__doc__ or ""):
            continue
        ((text, _),) = _prototypes(getter, method)[:1]
        of = {"": "", "label": "label", "input": "input", "reference_image": "image"}
        names = [name for name, _ in _arguments(text)]
        found.append(Measurement(snake_case(method[3:]), method, of[names[0] if names else ""]))
    return tuple(found)
