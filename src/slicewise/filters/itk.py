"""Any image filter of itk by name: ``slicewise.itk.median_image_filter(radius=2)``.

The names and parameters are those of itk's functions; ``dir(slicewise.itk)`` lists them. Images after the first are
given by name, as nodes or images: ``ct >> slicewise.itk.mask_image_filter(mask_image=mask)``. Every filter takes the
whole image. itk is an extra: ``pip install 'slicewise[itk]'``, and is imported when a filter is first used.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable
from typing import Any

from slicewise.filters.itk_nodes import ItkFilter, itk_class, itk_setters, itk_settings
from slicewise.image import Image
from slicewise.image.extras import optional_module
from slicewise.pipeline.node import Node, as_node

__all__ = ["ItkFilter"]

_SUFFIX = "_filter"


@functools.cache
def _maker(name: str) -> Callable[..., ItkFilter]:
    if itk_class(name) is None:
        known = __dir__()
        close = difflib.get_close_matches(name, known, n=3) or [n for n in known if name.lower() in n.lower()][:3]
        hint = f"; close to it: {', '.join(close)}" if close else ""
        raise AttributeError(f"itk has no filter {name!r}{hint} (dir(slicewise.itk) lists all)")

    def make(**given: Any) -> ItkFilter:
        images = {key: as_node(value) for key, value in given.items() if isinstance(value, Node | Image)}
        settings = itk_settings({key: value for key, value in given.items() if key not in images})
        return ItkFilter(name, settings, tuple(images.values()), tuple(images))

    make.__name__ = make.__qualname__ = name
    make.__module__ = __name__
    make.__doc__ = f"{name} of itk. Parameters: {', '.join(itk_setters(name))}."
    return make


def __getattr__(name: str) -> Callable[..., ItkFilter]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    # Python and tools ask modules for many names; itk is not imported for those that are no filters.
    if name.startswith("_") or not snake.endswith(_SUFFIX):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _maker(snake)


def __dir__() -> list[str]:
    library = optional_module("itk", "itk", "slicewise.itk")
    return sorted(name for name in dir(library) if name.endswith("image_filter"))
