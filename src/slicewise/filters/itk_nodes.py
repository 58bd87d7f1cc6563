"""Filters of itk as nodes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ComputeError, GraphError, ParameterError
from slicewise.filters.named_inputs import NamedInputs
from slicewise.filters.sitk_grids import Regridding, regridding
from slicewise.filters.sitk_table import Grid, derivation_of, grid_of, keeps_units
from slicewise.image import Geometry, ImageInfo, Operation, SliceMap, check_same_space
from slicewise.image.bridges import from_itk, to_itk
from slicewise.image.extras import optional_module
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, input_nodes, node

__all__ = ["ItkFilter", "itk_class", "itk_setters", "itk_settings"]

_TRIAL_SHAPE = (10, 12, 14)
"""Shape of the image a filter is tried on, at most."""
_FAILURES = (RuntimeError, TypeError, KeyError, ValueError, AttributeError)
"""What itk raises where it does not take an image or a value."""

Settings = tuple[tuple[str, Any], ...]


class ItkValue(tuple[str, int]):  # noqa: SLOT001 - the object has to have a place
    """An object of itk, such as a structuring element: equal to itself alone."""

    value: Any

    def __new__(cls, value: Any) -> Self:
        made = super().__new__(cls, (type(value).__name__, id(value)))
        made.value = value
        return made

    def __repr__(self) -> str:
        return self[0]


def itk_settings(given: Mapping[str, Any]) -> Settings:
    """Return parameters as values that can be told from others by their content."""
    return tuple((name, _plain(value)) for name, value in given.items())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.ndarray | Sequence):
        return tuple(_plain(v) for v in value)
    return ItkValue(value)


def itk_class(name: str) -> Any:
    """Return the class behind a function of itk; None if there is none."""
    library = optional_module("itk", "itk", f"slicewise.itk.{name}")
    function = getattr(library, name, None)
    if function is None:
        return None
    wanted = name.replace("_", "")
    camel = _class_names().get(wanted)
    return None if camel is None else getattr(library, camel)


@functools.cache
def _class_names() -> Mapping[str, str]:
    """Return the names of itk's classes by their letters in small."""
    library = optional_module("itk", "itk", "slicewise.itk")
    return {name.lower(): name for name in dir(library) if name[:1].isupper()}


@functools.cache
def itk_setters(name: str) -> list[str]:
    """Return the parameters of a function of itk, in small letters with underscores."""
    library = optional_module("itk", "itk", f"slicewise.itk.{name}")
    base = set(dir(library.ProcessObject))
    cls = itk_class(name)
    # What is wrapped of a template has one class for each type of image; all take the same parameters.
    kinds = list(cls.values()) if hasattr(cls, "values") else [cls]
    methods = {m for kind in kinds[:1] for m in dir(kind) if m.startswith("Set") and m not in base}
    snake = library.support.helpers.camel_to_snake_case
    return sorted(snake(m[3:]) for m in methods)


@node
class ItkFilter(NamedInputs):
    """A filter of itk.

    Parameters
    ----------
    function_name : str
        Name of itk's function, such as ``median_image_filter``.
    settings : tuple of (str, value)
        Its parameters.
    others : tuple of Node
        The inputs after the first; on the grid of the first.
    roles : tuple of str
        Their names, as itk's function takes them.

    Raises
    ------
    MissingExtraError
        If itk is not installed.
    ParameterError
        If there is no such parameter.
    GraphError
        If the filter does not take these images or values, or makes no volume of numbers.
    SpaceMismatchError
        If the images are not on one grid.
    IrregularGeometryError
        If the image is no box.
    ComputeError
        When computed, if itk fails.
    """

    function_name: str
    settings: Settings = ()
    others: tuple[Node, ...] = input_nodes(default=())
    roles: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        known = itk_setters(self.function_name)
        for name in (*self.roles, *dict(self.settings)):
            if name not in known and name != "ttype":
                raise ParameterError(f"{name!r} is no parameter of {self.name}: it takes {', '.join(known)}")

    @property
    def name(self) -> str:
        """Name of the node as users write it."""
        return f"itk.{self.function_name}"

    @property
    def _known_as(self) -> str:
        """The name under which SimpleITK has the filter, if it has it."""
        name = _class_names()[self.function_name.replace("_", "")]
        return name.removesuffix("Filter").removesuffix("Image")

    @property
    def effect(self) -> Effect:
        """What the tables of SimpleITK's filters say of one of that name."""
        units, derivation = keeps_units(self._known_as), derivation_of(self._known_as, len(self.inputs))
        operations = frozenset([Operation.PIXEL])
        if self.is_connected:
            grid = self._result[0]
            operations, derivation = grid.operations, (*derivation, *grid.derivation)
        if len(self.inputs) > 1:
            operations = operations - {Operation.PIXEL} | {Operation.MULTI}
        return Effect(operations, keeps_units=units, derivation=derivation)

    @property
    def whole(self) -> bool:
        """A filter of itk takes the whole image."""
        return True

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return all slices of all inputs."""
        return tuple(range(info.slices) for info in inputs)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid and the type of the result, as a trial gives them."""
        grid, dtype, components = self._result
        return Outline(grid.geometry, dtype, components, (grid.slices,) * len(inputs))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the filtered image."""
        geometry = blocks[0].info.geometry
        try:
            result = self._run([to_itk(block.array, geometry) for block in blocks])
            pixels, _ = from_itk(result)
        except _FAILURES as error:
            raise ComputeError(f"{self!r}: {_reason(error)}") from error
        view = pixels.view()
        view.flags.writeable = False
        return view[slab.start : slab.stop]

    def _run(self, images: Sequence[Any]) -> Any:
        library = optional_module("itk", "itk", self.name)
        given = {name: _for_itk(value) for name, value in self.settings}
        if "in_place" in itk_setters(self.function_name):
            # The memory of the input is not itk's.
            given.setdefault("in_place", False)
        result = getattr(library, self.function_name)(
            images[0], **dict(zip(self.roles, images[1:], strict=True)), **given
        )
        return result[0] if isinstance(result, tuple) else result

    @cached_property
    def _result(self) -> tuple[Regridding, np.dtype[Any], int]:
        infos = [n.info for n in self.inputs.values()]
        first = infos[0]
        for role, info in zip(self.roles, infos[1:], strict=True):
            check_same_space(first.geometry, info.geometry, ("the image", f"{role} of {self.name}"))
        _ = first.geometry.direction
        kind = grid_of(self._known_as)
        tried = None if kind in (Grid.SAMPLES, Grid.PADS, Grid.INTERPOLATES) else self._tried(infos, small=True)
        if tried is None or isinstance(tried, Exception) or not tried[2]:
            full = self._tried(infos, small=False)
            if isinstance(full, Exception):
                error = tried if isinstance(tried, Exception) else full
                hint = "; try Cast('float32') before it" if first.dtype.kind != "f" else ""
                raise GraphError(
                    f"{self!r} does not work on images like this one: {_reason(error, first)}{hint}"
                ) from error
            pixels, geometry, kept = full
            after = attrs.evolve(geometry, coordinates=first.geometry.coordinates)
        else:
            pixels, _, kept = tried
            after = first.geometry
        if kept and kind is None:
            identity = SliceMap.identity(first.slices)
            grid = Regridding(first.geometry, identity, frozenset([Operation.PIXEL]))
        else:
            grid = regridding(kind, first.geometry, after)
        if pixels.dtype.kind not in "iuf":
            raise GraphError(f"{self.name} gives pixels of type {pixels.dtype}, which are not supported")
        return grid, pixels.dtype, math.prod(pixels.shape[3:])

    def _tried(self, infos: Sequence[ImageInfo], *, small: bool) -> Any:
        """Return pixels and grid of what the filter makes of a trial, and whether it keeps the grid; or the error."""
        geometry = infos[0].geometry
        shape = geometry.shape
        if small:
            shape = tuple(min(n, most) for n, most in zip(shape, _TRIAL_SHAPE, strict=True))  # type: ignore[assignment]
            geometry = geometry.take(range(shape[0])).crop_plane(range(shape[1]), range(shape[2]))
        try:
            result = self._run([to_itk(_content(info, shape), geometry) for info in infos])
            if not hasattr(result, "GetLargestPossibleRegion") or result.GetImageDimension() != 3:
                raise GraphError(f"{self.name} makes no volume, but {type(result).__name__}")
            pixels, after = from_itk(result)
        except _FAILURES as error:
            return error
        return pixels, after, _same(geometry, after)


def _content(info: ImageInfo, shape: Sequence[int]) -> npt.NDArray[Any]:
    components = [info.components] if info.components > 1 else []
    return np.resize(np.arange(97).astype(info.dtype), (*shape, *components))


def _same(before: Geometry, after: Geometry) -> bool:
    pairs = [(before.size, after.size), (before.spacing, after.spacing), (before.origin, after.origin)]
    return all(np.allclose(a, b) for a, b in pairs if len(a) == len(b)) and np.allclose(
        before.direction, after.direction
    )


def _for_itk(value: Any) -> Any:
    if isinstance(value, ItkValue):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _reason(error: BaseException, info: ImageInfo | None = None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if "not wrapped" in str(error) and info is not None:
        # What itk does not have for a type it says at length, and does not name the type.
        return f"itk has it for no pixels of {info.dtype}"
    return lines[-1] if lines else type(error).__name__
