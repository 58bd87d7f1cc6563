"""Filters that change each value for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.errors import ParameterError, ValueRangeError
from slicewise.filters.parameters import Number, check_order, choice, number, number_pair, pixel_type
from slicewise.filters.pixels import holds, limits, to_type
from slicewise.filters.windows import FUNCTIONS, VoiWindow, header_windows
from slicewise.image import ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["Cast", "Clip", "Threshold", "Window"]

_optional = attrs.converters.optional


@node
class Clip(Filter):
    """Values kept between two bounds; type and units stay.

    For integers a fractional bound means the next integer within the bounds.

    Parameters
    ----------
    lower, upper : number, optional
        The bounds; at least one.

    Raises
    ------
    ParameterError
        If there is no bound, the bounds are in the wrong order, or no value of the type lies between them.
    """

    lower: Number | None = attrs.field(default=None, converter=_optional(number("lower")))
    upper: Number | None = attrs.field(default=None, converter=_optional(number("upper")))

    def __attrs_post_init__(self) -> None:
        check_order(self.lower, self.upper)

    @property
    def effect(self) -> Effect:
        """Pixel values change, their units do not; the standard has no code for it."""
        return Effect(Operation.PIXEL)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and type."""
        _bounds(self.lower, self.upper, inputs[0].dtype)
        return Outline.like(*inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the clipped slab."""
        values = blocks[0].inner(slab)
        low, high = _bounds(self.lower, self.upper, values.dtype)
        if values.dtype == np.bool_:
            return values & bool(high) | bool(low)
        return np.clip(values, low, high)


@node
class Threshold(Filter):
    """Values outside two bounds, and NaN, replaced by one value; the others stay. Type and units stay.

    Compare for a mask instead: ``(image >= 100) & (image <= 300)``.

    Parameters
    ----------
    lower, upper : number, optional
        The bounds, which are themselves inside; at least one.
    outside : number
        The value that replaces what is outside.

    Raises
    ------
    ParameterError
        If there is no bound, the bounds are in the wrong order, or the type does not hold ``outside``.
    """

    lower: Number | None = attrs.field(default=None, converter=_optional(number("lower")))
    upper: Number | None = attrs.field(default=None, converter=_optional(number("upper")))
    outside: Number = attrs.field(default=0, converter=number("outside"))

    def __attrs_post_init__(self) -> None:
        check_order(self.lower, self.upper)

    @property
    def effect(self) -> Effect:
        """Pixel values change, the units of those left do not."""
        return Effect(Operation.PIXEL, derivation=(codes.SEGMENTATION,))

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and type."""
        dtype = inputs[0].dtype
        if not holds(dtype, self.outside):
            low, high = limits(dtype)
            raise ParameterError(
                f"'outside' must be a value of the image's type {dtype}, {low} to {high} (got {self.outside})"
            )
        return Outline.like(*inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the thresholded slab."""
        values = blocks[0].inner(slab)
        inside = np.ones(values.shape, np.bool_)
        if self.lower is not None:
            inside &= values >= self.lower
        if self.upper is not None:
            inside &= values <= self.upper
        return np.where(inside, values, values.dtype.type(self.outside))


@node
class Cast(Filter):
    """The same values in another type. A value that does not fit is an error: nothing wraps or is cut off.

    Decimals are rounded to the nearest integer, halves to the even one (ITK cuts them off instead).

    Parameters
    ----------
    dtype : numpy dtype
        The type wanted: bool, int8 to int64, uint8 to uint64, float32 or float64.

    Raises
    ------
    ValueRangeError
        When computed, if a value does not fit, or NaN or infinity would become an integer.
    """

    _dtype: npt.DTypeLike = attrs.field(converter=pixel_type("dtype"), alias="dtype")

    @property
    def effect(self) -> Effect:
        """Values are what they were, but for rounding."""
        return Effect(Operation.PIXEL)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and the type wanted."""
        return Outline.like(*inputs, dtype=self._dtype)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slab in the type wanted."""
        values, wanted = blocks[0].inner(slab), np.dtype(self._dtype)
        rounded = values
        if values.dtype.kind == "f":
            # What is not finite has its place in every floating-point type.
            rounded = np.where(np.isfinite(values), values, 0) if wanted.kind == "f" else np.rint(values)
        if not np.can_cast(values.dtype, wanted) and not _all_fit(rounded, wanted):
            _raise_misfit(values, rounded, wanted, slab)
        return (values if wanted.kind == "f" else rounded).astype(wanted)


def _all_fit(values: Array, dtype: np.dtype[Any]) -> bool:
    low, high = limits(dtype)
    # As Python numbers: numpy would compare the highest 64-bit integers as doubles. NaN fails both comparisons.
    return bool(low <= values.min().item() and values.max().item() <= high)


def _raise_misfit(original: Array, values: Array, dtype: np.dtype[Any], slab: Slab) -> NoReturn:
    low, high = limits(dtype)
    k = next(k for k, plane in enumerate(values) if not _all_fit(plane, dtype))
    plane = values[k]
    # The first NaN, if there is one, counts as the highest.
    worst = plane.argmin() if plane.max().item() <= high else plane.argmax()
    place = tuple(int(i) for i in np.unravel_index(worst, plane.shape))
    raise ValueRangeError(
        f"a value does not fit {dtype}: {original[k][place]} in slice {slab[k]}, row {place[0]}, column {place[1]} "
        f"({dtype} holds {low} to {high}). Clip or Threshold first, or cast to a wider type"
    )


@node
class Window(Filter):
    """Values mapped to grey levels by a window, as displays do (PS3.3, C.11.2.1.2).

    Parameters
    ----------
    center, width : number, optional
        The window, in units of the values. If not given, each slice is mapped by the first window of its header.
    output : (low, high) of numbers
        The grey levels of the lower and upper end of the window.
    dtype : numpy dtype
        Type of the result; integers are rounded to nearest.
    function : str, optional
        ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID`` as the standard defines them; if not given, the header's, or else
        LINEAR.

    Raises
    ------
    ParameterError
        If only one of center and width is given, the width is too small, or the type does not hold the output.
    HeaderError
        If no window is given and a slice has none.
    """

    center: Number | None = attrs.field(default=None, converter=_optional(number("center")))
    width: Number | None = attrs.field(default=None, converter=_optional(number("width")))
    output: Sequence[Number] = attrs.field(default=(0, 255), converter=number_pair("output"))
    _dtype: npt.DTypeLike = attrs.field(default="uint8", converter=pixel_type("dtype"), alias="dtype")
    function: str | None = attrs.field(default=None, converter=_optional(choice("function", FUNCTIONS)))

    def __attrs_post_init__(self) -> None:
        if (self.center is None) != (self.width is None):
            raise ParameterError(
                f"'center' and 'width' must be given together (got center={self.center}, width={self.width})"
            )
        if self.center is not None and self.width is not None:
            VoiWindow.checked(self.center, self.width, self.function or "LINEAR")
        if not all(holds(np.dtype(self._dtype), level) for level in self.output):
            raise ParameterError(f"'output' must be values of the type {self._dtype} (got {tuple(self.output)})")

    @property
    def effect(self) -> Effect:
        """Grey levels are not in the units of the values; the standard has no code for it.

        Fewer bits than there were are a loss that later images must tell of (PS3.3, C.7.6.1.1.5).
        """
        wanted = np.dtype(self._dtype)
        loses = self.is_connected and wanted.itemsize == 1 and self.inputs["input"].dtype.itemsize > 1
        marks = {"LossyImageCompression": "01"} if loses else {}
        return Effect(Operation.PIXEL, keeps_units=False, attributes=marks)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and the type wanted."""
        self._windows(inputs[0], range(inputs[0].geometry.slices))
        return Outline.like(*inputs, dtype=self._dtype)

    def scratch_bytes(self, slab: Slab, *taken: Slab) -> int:
        """Return what some planes of float64 take."""
        return 5 * 8 * math.prod(self.info.slice_shape)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the grey levels of a slab."""
        (block,) = blocks
        values, wanted = block.inner(slab), np.dtype(self._dtype)
        result = np.empty(values.shape, wanted)
        for plane, source, window in zip(result, values, self._windows(block.info, slab), strict=True):
            plane[...] = to_type(window.apply(source.astype(np.float64), self.output[0], self.output[1]), wanted)
        return result

    def _windows(self, info: ImageInfo, slices: Slab) -> list[VoiWindow]:
        if self.center is not None and self.width is not None:
            window = VoiWindow.checked(self.center, self.width, self.function or "LINEAR")
            return [window] * len(slices)
        return header_windows(info.headers, slices, self.function)


def _bounds(lower: Number | None, upper: Number | None, dtype: np.dtype[Any]) -> tuple[Number, Number]:
    """Return the lowest and the highest value of a type that lie within bounds."""
    low, high = limits(dtype)
    inner_low: Number = -math.inf if dtype.kind == "f" else low
    inner_high: Number = math.inf if dtype.kind == "f" else high
    if lower is not None and lower > low:
        inner_low = lower if dtype.kind == "f" else math.ceil(min(lower, high + 1))
    if upper is not None and upper < high:
        inner_high = upper if dtype.kind == "f" else math.floor(max(upper, low - 1))
    if inner_low > inner_high or low > inner_high or high < inner_low:
        raise ParameterError(
            f"'lower' and 'upper' must leave a value of the image's type {dtype}, {low} to {high} "
            f"(got {lower} and {upper})"
        )
    return inner_low, inner_high
