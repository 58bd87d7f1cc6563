"""Any image filter of SimpleITK by name: ``slicewise.sitk.CurvatureFlow(time_step=0.125)``.

The names are those of SimpleITK without ``ImageFilter``, the parameters those of its ``Set`` methods in
small letters with underscores: ``SetNumberOfIterations`` is ``number_of_iterations`` (and ``SetLambda``,
a word of Python, ``lambda_``). ``dir(slicewise.sitk)`` lists the filters, and ``help(slicewise.sitk.CurvatureFlow)``
shows what SimpleITK says of one.

Filters are reached this way that have one image as input and a result on the same grid. Most take
the whole image; those known to look at a neighbourhood only are streamed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import attrs
import numpy as np

from slicewise.errors import ComputeError, GraphError, ParameterError
from slicewise.filters.simpleitk import image_of, run_on_array, simpleitk
from slicewise.filters.sitk_table import effect_of, halo_of
from slicewise.image import ImageInfo
from slicewise.image.bridges import pixels_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["SitkFilter"]

_SUFFIX = "ImageFilter"
_TRIAL_SHAPE = (5, 6, 8)
"""Shape of the image a filter is tried on, at most: axes differ, so that an exchange of axes shows, and can be halved
or divided by 3 or 5, as Fourier transforms demand."""

Settings = tuple[tuple[str, Any], ...]


@node
class SitkFilter(Filter):
    """A filter of SimpleITK.

    Parameters
    ----------
    filter_name : str
        Its name without ``ImageFilter``.
    settings : tuple of (str, value)
        Its parameters.

    Raises
    ------
    ParameterError
        If there is no such parameter, or its value cannot be.
    GraphError
        If the filter does not take the type of the image, or does not keep its grid.
    IrregularGeometryError
        If the filter takes the whole image, and the image is no box.
    ComputeError
        When computed, if SimpleITK fails.
    """

    filter_name: str
    settings: Settings = ()

    def __attrs_post_init__(self) -> None:
        self._filter()

    @property
    def name(self) -> str:
        """Name of the node as users write it."""
        return f"sitk.{self.filter_name}"

    @property
    def parameter_text(self) -> str:
        """The parameters as a user would write them."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings)

    @property
    def effect(self) -> Effect:
        """What the table says of the filter."""
        return effect_of(self.filter_name)

    @property
    def whole(self) -> bool:
        """Whether the filter needs the whole image."""
        return halo_of(self.filter_name, self._filter()) is None

    def halo(self, info: ImageInfo) -> int:
        """Return how many slices the filter looks to each side."""
        known = halo_of(self.filter_name, self._filter())
        return info.geometry.slices if known is None else known

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid, and the type that a trial on a very small image gives."""
        (info,) = inputs
        if self.whole:
            # A whole image goes to SimpleITK as a box, or not at all.
            _ = info.geometry.direction
        result = self._try(info)
        if result.dtype.kind not in "iuf":
            raise GraphError(f"{self.name} gives pixels of type {result.dtype}, which are not supported")
        identity = Outline.like(info)
        return attrs.evolve(identity, dtype=result.dtype, components=math.prod(result.shape[3:]))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the filtered slab."""
        (block,) = blocks
        image_filter = self._filter()
        try:
            if self.whole:
                result = run_on_array(image_filter, block.array, block.info.geometry)
            else:
                # Slabs are computed in parallel already; what is streamed does not look at spacing.
                image_filter.SetNumberOfThreads(1)
                result = run_on_array(image_filter, block.array)
        except RuntimeError as error:
            raise ComputeError(f"{self!r}: {_reason(error)}") from error
        start = slab.start - block.slab.start
        return result[start : start + len(slab)]

    def _try(self, info: ImageInfo) -> Array:
        """Return what the filter makes of a very small image of this type, spacing and orientation."""
        shape = tuple(min(n, most) for n, most in zip(info.geometry.shape, _TRIAL_SHAPE, strict=True))
        small = np.arange(math.prod(shape) * info.components) % 97
        values = small.reshape(*shape, *([info.components] if info.components > 1 else [])).astype(info.dtype)
        grid = info.geometry.take(range(shape[0])).crop_plane(range(shape[1]), range(shape[2]))
        image = image_of(values, grid if self.whole else None)
        try:
            result = self._filter().Execute(image)
        except RuntimeError as error:
            hopeful = "not supported" in str(error) and info.dtype.kind != "f" and info.components == 1
            hint = "; try Cast('float32') before it" if hopeful else ""
            raise GraphError(f"{self!r} does not work on images like this one: {_reason(error)}{hint}") from error
        return self._array_of(result, image)

    def _array_of(self, result: Any, image: Any) -> Array:
        kept = all(
            getattr(result, f"Get{what}")() == getattr(image, f"Get{what}")()
            for what in ("Size", "Spacing", "Origin", "Direction")
        )
        if not kept:
            raise GraphError(
                f"{self!r} changes the grid, and filters of SimpleITK that do so are not reached this way: use "
                "Resample, Crop or node[slices, rows, columns]"
            )
        if "label" in result.GetPixelIDTypeAsString():
            raise GraphError(
                f"{self!r} gives a label map and not pixels: Function(..., whole=True) can go on to pixels"
            )
        return pixels_of(result)

    def _filter(self) -> Any:
        """Return the filter of SimpleITK with its parameters set."""
        cls = _filter_class(self.filter_name)
        image_filter, setters = cls(), _setters(cls)
        for name, value in self.settings:
            if name not in setters:
                _raise_unknown(self.name, name, setters)
            try:
                getattr(image_filter, setters[name])(value)
            except (TypeError, ValueError, OverflowError, RuntimeError) as error:
                raise ParameterError(f"{name!r} of {self.name} cannot be {value!r}: {_reason(error)}") from None
        if "seed" in setters and "seed" not in dict(self.settings):
            raise ParameterError(f"'seed' of {self.name} must be given: without it every run gives another result")
        return image_filter


def _raise_unknown(filter_name: str, name: str, setters: Mapping[str, str]) -> NoReturn:
    if not setters:
        raise ParameterError(f"{filter_name} takes no parameters (got {name!r})")
    raise ParameterError(f"{name!r} is no parameter of {filter_name}: it takes {', '.join(sorted(setters))}")


def _setters(cls: type) -> dict[str, str]:
    """Return the names of the ``Set`` methods by the names of the parameters."""
    # What all filters share says how to run, not what to compute.
    methods = set(dir(cls)) - set(dir(simpleitk().ProcessObject))
    return {_snake_case(name[3:]): name for name in methods if name.startswith("Set")}


def _snake_case(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return "lambda_" if snake == "lambda" else snake


def _plain(value: Any) -> Any:
    """Return a value as one that SimpleITK takes and that can be told from others by its content."""
    if isinstance(value, np.ndarray | Sequence) and not isinstance(value, str):
        return tuple(_plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def _reason(error: BaseException) -> str:
    text = str(error).partition("sitk::ERROR:")[2] or str(error)
    # Names as compilers mangle them and addresses tell nobody anything.
    text = re.sub(r"\s*by\s*N\d\S*|\(0x[0-9a-f]+\)|ITK ERROR: ", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("Wrong number or type"):
        # The lines after it are the prototypes.
        return "it takes " + " or ".join(line.partition("::Set")[2] for line in lines[2:])
    return lines[-1].partition("argument 2 of ")[2] or lines[-1] if lines else type(error).__name__


def _is_reachable(cls: Any) -> bool:
    execute = getattr(cls, "Execute", None)
    # The prototypes stand in the documentation: one image in, one image out.
    return execute is not None and re.search(r"self, Image \w+\) -> Image", execute.__doc__ or "") is not None


def _filter_class(name: str) -> Any:
    cls = getattr(simpleitk(), f"{name}{_SUFFIX}", None)
    if cls is None:
        close = difflib.get_close_matches(name, __dir__(), n=3)
        hint = f"; close to it: {', '.join(close)}" if close else ""
        raise AttributeError(f"SimpleITK has no filter {name!r}{hint} (dir(slicewise.sitk) lists all)")
    if not _is_reachable(cls):
        raise AttributeError(
            f"{name}{_SUFFIX} of SimpleITK does not make one image of one image and is not reached this way: use "
            "operators between nodes, or Function(..., whole=True)"
        )
    return cls


def __getattr__(name: str) -> Callable[..., SitkFilter]:
    # Python and tools ask modules for many names; those of filters begin with a capital.
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    cls = _filter_class(name)

    def make(**parameters: Any) -> SitkFilter:
        return SitkFilter(name, tuple((key, _plain(value)) for key, value in parameters.items()))

    make.__name__ = make.__qualname__ = name
    taken = ", ".join(sorted(_setters(cls))) or "none"
    make.__doc__ = f"{name}{_SUFFIX} of SimpleITK. Parameters: {taken}.\n\n{cls.__doc__ or ''}"
    return make


def __dir__() -> list[str]:
    module = simpleitk()
    names = [name.removesuffix(_SUFFIX) for name in dir(module) if name.endswith(_SUFFIX)]
    return sorted(name for name in names if name and _is_reachable(getattr(module, name + _SUFFIX)))
