"""Any image filter of SimpleITK by name: ``slicewise.sitk.CurvatureFlow(time_step=0.125)``.

The names are those of SimpleITK without ``ImageFilter``, the parameters those of its ``Set`` methods in
small letters with underscores: ``SetNumberOfIterations`` is ``number_of_iterations`` (and ``SetLambda``,
a word of Python, ``lambda_``). Enumerations have names: ``interpolator="linear"``. ``dir(slicewise.sitk)`` lists the
filters, and ``help(slicewise.sitk.CurvatureFlow)`` shows parameters, defaults, and what SimpleITK says of one.

Images after the first are given by name, as nodes or images: ``ct >> slicewise.sitk.Mask(mask_image=mask)``. Filters
that find something beside their image have ``measurements()``; those that make no image, such as ``Statistics``, return
what they found when they are updated. Sources, such as ``GaussianSource``, are written first, as readers are.

Most take the whole image; those known to look at a neighbourhood only are streamed.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from slicewise.errors import ParameterError
from slicewise.filters.sitk_measurements import Measurements
from slicewise.filters.sitk_nodes import SitkFilter, SitkMeasurement
from slicewise.filters.sitk_reflection import REFERENCE, FilterSpec, class_names, spec_of
from slicewise.filters.sitk_settings import Settings, plain
from slicewise.filters.sitk_sources import SitkSource
from slicewise.filters.sitk_unreachable import UNREACHABLE
from slicewise.pipeline.node import Node, as_node

__all__ = ["Measurements", "SitkFilter", "SitkMeasurement", "SitkSource"]


@functools.cache
def _maker(name: str) -> Callable[..., Any]:
    spec = _spec(name)

    def make(**given: Any) -> Any:
        return _made(spec, given)

    make.__name__ = make.__qualname__ = name
    make.__module__ = __name__
    make.__doc__ = _documentation(spec)
    make.__signature__ = _signature(spec)  # type: ignore[attr-defined]
    return make


def _spec(name: str) -> FilterSpec:
    if name in UNREACHABLE:
        raise AttributeError(f"{name} of SimpleITK is not reached as a node: {UNREACHABLE[name]}")
    if name not in class_names():
        known = __dir__()
        close = difflib.get_close_matches(name, known, n=3) or [n for n in known if name.lower() in n.lower()][:3]
        hint = f"; close to it: {', '.join(close)}" if close else ""
        raise AttributeError(f"SimpleITK has no filter {name!r}{hint} (dir(slicewise.sitk) lists all)")
    return spec_of(name)


def _made(spec: FilterSpec, given: dict[str, Any]) -> Any:
    images = _images(spec, given)
    settings: Settings = tuple(
        (key, plain(value)) for key, value in given.items() if key not in images and key != "images"
    )
    if not spec.images:
        return SitkSource(spec.name, settings, tuple(images.values()), tuple(images))
    first = spec.images[0].name
    if "constant" in given and spec.constant_first and first not in images and len(images) == 1:
        # The number stands first, and the image that is named after it.
        first = next(iter(images))
    primary = images.pop(first, None)
    kind = SitkFilter if spec.makes_image else SitkMeasurement
    made: Node = kind(spec.name, settings, tuple(images.values()), tuple(images), first)
    return made if primary is None else made.with_input(primary)


def _images(spec: FilterSpec, given: dict[str, Any]) -> dict[str, Node]:
    """Return the images among what is given, in the order of SimpleITK."""
    names = [argument.name for argument in spec.images]
    if spec.takes_reference:
        names.append(REFERENCE)
    if spec.several:
        names = sorted({*names, *(k for k in given if re.fullmatch(r"image\d+", k))}, key=lambda n: int(n[5:]))
    found = {name: as_node(given[name]) for name in names if given.get(name) is not None}
    if spec.several and given.get("images") is not None:
        several = given["images"]
        if found or not isinstance(several, Iterable):
            raise ParameterError(f"'images' of sitk.{spec.name} must be all images, instead of image1, image2, ...")
        found = {f"image{k}": as_node(image) for k, image in enumerate(several, 1)}
    return found


def _signature(spec: FilterSpec) -> inspect.Signature:
    empty, keyword = inspect.Parameter.empty, inspect.Parameter.KEYWORD_ONLY
    found: list[tuple[str, Any, str]] = [(a.name, None, "Node | Image | None") for a in spec.images]
    if spec.several:
        found.append(("images", None, "Sequence[Node | Image] | None"))
    if spec.takes_reference:
        found.append((REFERENCE, None, "Node | Image | None"))
    if spec.constant:
        found.append(("constant", None, "float | None" if spec.constant in ("double", "float") else "int | None"))
    found += [(a.name, None, "Any") for a in spec.arguments if a.kind == "Transform"]
    for p in spec.parameters.values():
        optional = "" if p.default is not None or p.annotation == "Any" else " | None"
        found.append((p.name, empty if p.name == "seed" and spec.is_random else p.default, f"{p.annotation}{optional}"))
    result = "SitkSource" if not spec.images else "SitkFilter" if spec.makes_image else "SitkMeasurement"
    parameters = [inspect.Parameter(n, keyword, default=d, annotation=a) for n, d, a in found]
    return inspect.Signature(parameters, return_annotation=result)


def _documentation(spec: FilterSpec) -> str:
    taken = ", ".join(sorted(spec.parameters)) or "none"
    lines = [f"{spec.class_name} of SimpleITK. Parameters: {taken}."]
    lines += [
        f"``{p.name}`` is one of {', '.join(map(repr, p.members))}." for p in spec.parameters.values() if p.members
    ]
    if spec.measurements:
        lines.append(f"Measurements: {', '.join(m.name for m in spec.measurements)}.")
    return "\n".join(lines) + f"\n\n{spec.documentation}"


def __getattr__(name: str) -> Callable[..., Any]:
    # Python and tools ask modules for many names; those of filters begin with a capital.
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _maker(name)


def __dir__() -> list[str]:
    return sorted(set(class_names()) - set(UNREACHABLE))
