"""Filters of one's own, made of functions by a decorator."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.errors import ParameterError
from slicewise.filters.function import Function
from slicewise.filters.parameters import choice

__all__ = ["filter", "makes_filters"]

_TAKES = ("array", "sitk")
_MADE: weakref.WeakSet[Callable[..., Function]] = weakref.WeakSet()
"""What the decorator has made."""


def filter(  # noqa: A001 - as users read it: @sw.filter
    *,
    halo: int = 0,
    dtype: npt.DTypeLike | None = None,
    keeps_units: bool = False,
    whole: bool = False,
    takes: str = "array",
) -> Callable[[Callable[..., Any]], Callable[..., Function]]:
    """Make a filter of a function: its first parameter is the image, the others are those of the filter.

    See ``Function`` for what the function may do. ``check_streaming`` tells whether the declared halo is enough.

    Parameters
    ----------
    halo : int
        How many slices on each side of a slice its values depend on.
    dtype : numpy dtype, optional
        Type of the result; that of the input if not given.
    keeps_units : bool
        Whether values mean the same afterwards.
    whole : bool
        Whether the function needs the whole image at once.
    takes : "array" or "sitk"
        Whether it takes and returns an array (slices, rows, columns[, components]), or a ``SimpleITK.Image`` of unit
        spacing.

    Raises
    ------
    ParameterError
        If a parameter is not as described; when a filter is made, if the function does not take its parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, filter
    >>> @filter(dtype="float64")
    ... def power(array, exponent=2.0):
    ...     return array**exponent
    >>> image = Image.from_array(np.array([[[1, 2, 3]]]))
    >>> (image >> power(exponent=3.0)).update(progress=False).array
    array([[[ 1.,  8., 27.]]])
    """
    choice("takes", _TAKES)(takes)

    def decorate(function: Callable[..., Any]) -> Callable[..., Function]:
        signature = _without_image(function)
        of_array = function if takes == "array" else _of_image(function)

        @functools.wraps(function)
        def make(*args: Any, **parameters: Any) -> Function:
            try:
                bound = signature.bind(*args, **parameters)
            except TypeError as error:
                raise ParameterError(f"{function.__name__}: {error}; it takes {signature}") from None
            called = functools.partial(of_array, **bound.arguments)
            name = function.__name__
            return Function(called, halo, dtype, keeps_units=keeps_units, whole=whole, name=name)

        make.__signature__ = signature  # type: ignore[attr-defined]
        _MADE.add(make)
        return make

    return decorate


def makes_filters(value: object) -> bool:
    """Tell whether something was made by the decorator, and not by another that wraps functions, too."""
    return inspect.isfunction(value) and value in _MADE


def _without_image(function: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise ParameterError(f"{function.__name__} must take an image as its first parameter")
    odd = [p.name for p in parameters[1:] if p.kind not in plain]
    if odd:
        raise ParameterError(f"{function.__name__}: parameters of a filter have names (got {', '.join(odd)})")
    return signature.replace(parameters=parameters[1:], return_annotation=inspect.Signature.empty)


def _of_image(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def of_array(array: npt.NDArray[Any], **parameters: Any) -> npt.NDArray[Any]:
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
        return np.asarray(sitk.GetArrayFromImage(function(image, **parameters)))

    return of_array
