"""Any function of arrays as a node."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.errors import ComputeError, GraphError, ParameterError
from slicewise.filters.parameters import integer, pixel_type
from slicewise.image import ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.keys import content_key, fleeting, function_identity
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["Function"]


def _check_callable(_: Any, __: Any, value: Any) -> None:
    if not callable(value):
        raise ParameterError(f"'function' must be a function of an array (got {value!r})")


@node
class Function(Filter):
    """A function of an array, applied slab by slab.

    The function gets an array (slices, rows, columns[, components]) that cannot be written to, and returns one of
    the same shape. Several threads may call it at once, each with any number of slices: the value of a voxel must
    depend on nothing but the ``halo`` slices on each side of it. At the ends of the image the array ends, too.
    Where that is not so, ask for the ``whole`` image.

    Parameters
    ----------
    function : callable
        From array to array.
    halo : int
        How many slices on each side of a slice its values depend on.
    dtype : numpy dtype, optional
        Type of the result; that of the input if not given.
    keeps_units : bool
        Whether values mean the same afterwards. If not, headers lose what speaks of their units.
    whole : bool
        Whether the function needs the whole image at once.
    name : str, optional
        Name of the node in histories and messages.

    Raises
    ------
    ParameterError
        If the function cannot be called, or another parameter is not as described.
    ComputeError
        When computed, if the function gives another shape or type than declared.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Function, Image
    >>> image = Image.from_array(np.array([[[1, 4, 9]]]))
    >>> (image >> Function(np.sqrt, dtype="float64")).update(progress=False).array
    array([[[1., 2., 3.]]])
    """

    function: Callable[[Array], Any] = attrs.field(validator=_check_callable)
    _halo: int = attrs.field(default=0, converter=integer("halo"), alias="halo")
    _dtype: npt.DTypeLike | None = attrs.field(
        default=None, converter=attrs.converters.optional(pixel_type("dtype")), alias="dtype"
    )
    keeps_units: bool = attrs.field(default=False, kw_only=True)
    _whole: bool = attrs.field(default=False, kw_only=True, alias="whole")
    _name: str | None = attrs.field(default=None, kw_only=True, alias="name")

    @property
    def name(self) -> str:
        """The name given, or ``Function``."""
        return self._name or type(self).__name__

    @property
    def identity(self) -> Any:
        """What decides the result: the function's code and what is bound to it."""
        return {**self.parameters, "function": _identity(self.function)}

    @property
    def effect(self) -> Effect:
        """Pixel values change; whether they keep their units, only the caller knows."""
        return Effect(Operation.PIXEL, keeps_units=self.keeps_units)

    @property
    def whole(self) -> bool:
        """Whether the function needs the whole image at once."""
        return self._whole

    def halo(self, info: ImageInfo) -> int:
        """Return how many slices on each side of a slab the function needs."""
        return info.geometry.slices if self.whole else self._halo

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and the type declared."""
        return Outline.like(*inputs, dtype=self._dtype)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return what the function makes of a slab."""
        (block,) = blocks
        given = block.array.view()
        given.flags.writeable = False
        result = self.function(given)
        if isinstance(result, np.ma.MaskedArray):
            raise ComputeError(
                f"{self!r}: the function gave a masked array, whose mask would be lost: return .filled(value) of it"
            )
        result = np.asarray(result)
        declared = given.dtype if self._dtype is None else np.dtype(self._dtype)
        self._check("shape", given.shape, result.shape)
        self._check("type", declared, result.dtype)
        start = slab.start - block.slab.start
        return result[start : start + len(slab)]

    def _check(self, what: str, declared: Any, found: Any) -> None:
        if declared != found:
            hint = f"; say so with dtype={str(found)!r}" if what == "type" else ""
            raise ComputeError(f"{self!r}: the {what} of the function's result must be {declared} (got {found}){hint}")


def _identity(function: Callable[..., Any]) -> Any:
    """Return what tells a function from others: code and bound values, or else the object itself."""
    if isinstance(function, functools.partial):
        return ["partial", _identity(function.func), _bound(function, function.args, function.keywords)]
    if isinstance(function, types.MethodType):
        return ["method", function_identity(function.__func__), _bound(function.__self__, function.__self__)]
    if isinstance(function, types.FunctionType | type | np.ufunc):
        return function_identity(function)
    if isinstance(function, types.BuiltinFunctionType) and isinstance(function.__self__, types.ModuleType):
        return function_identity(function)
    return fleeting(f"object {id(function)}")


def _bound(owner: object, *values: Any) -> str:
    try:
        return content_key(*values)
    except GraphError:
        return fleeting(f"object {id(owner)}")
