"""Results that are there already, by content key."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING

from slicewise.image import Image, ImageStack
from slicewise.pipeline.sizes import parse_bytes

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["ResultCache", "find_result", "keep_result"]


class ResultCache:
    """Results of updates, kept by content key and bounded in size; the least recently used go first.

    Pass one to ``update(cache=...)`` to keep results that nobody holds. Without one, a result is
    found again as long as the image that ``update`` returned is alive.

    Parameters
    ----------
    limit : int or str
        Most bytes of pixels to keep, e.g. ``"2GB"``.
    """

    def __init__(self, limit: int | str) -> None:
        self.limit = parse_bytes(limit)
        self._images: OrderedDict[str, Image | ImageStack] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Image | ImageStack | None:
        """Return the result of a node, None if it is not there."""
        with self._lock:
            image = self._images.get(key)
            if image is not None:
                self._images.move_to_end(key)
            return image

    def put(self, key: str, image: Image | ImageStack) -> None:
        """Keep the result of a node, if it fits at all."""
        if image.array.nbytes > self.limit:
            return
        with self._lock:
            self._images[key] = image
            self._images.move_to_end(key)
            while sum(kept.array.nbytes for kept in self._images.values()) > self.limit:
                self._images.popitem(last=False)

    def __len__(self) -> int:
        return len(self._images)


_ALIVE: weakref.WeakValueDictionary[str, Image | ImageStack] = weakref.WeakValueDictionary()
"""Results that somebody holds. It keeps nothing alive, and equal keys mean equal results: it can only save work."""


def find_result(node: Node, cache: ResultCache | None) -> Image | ImageStack | None:
    """Return the result of a node if it is alive somewhere, or in the cache."""
    image = _ALIVE.get(node.key)
    if image is None and cache is not None:
        image = cache.get(node.key)
    return image


def keep_result(node: Node, image: Image | ImageStack, cache: ResultCache | None) -> None:
    """Note the result of a node, for as long as it is alive, and keep it in the cache."""
    _ALIVE[node.key] = image
    if cache is not None:
        cache.put(node.key, image)
