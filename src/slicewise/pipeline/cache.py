"""Results that are there already, by content key: held by somebody, in memory, or in a folder."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from slicewise.image import Image, ImageStack
from slicewise.pipeline.holding import Held, Room
from slicewise.pipeline.keys import is_fleeting
from slicewise.pipeline.result_folder import ResultFolder
from slicewise.pipeline.sizes import parse_bytes

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["ON_DISK", "ResultCache", "find_held", "find_image", "keep_result", "place_of"]

ON_DISK = "from the cache on disk"


class ResultCache:
    """Results by content key, bounded in size; the least recently used go first.

    Pass one to ``update(cache=...)``. It keeps what the run makes and what the last node was made of, so that another
    last node starts from there. Without a cache, a result is found again as long as the image that ``update``
    returned is alive.

    What is in the folder is found by later processes and by others at work at the same time. The key of a result there
    also tells the versions of Python and of all installed packages. Kept in memory only is what another process
    cannot know to be the same: what comes of images in memory, and of functions and nodes that refer to modules or
    classes that belong to no installed package.

    Parameters
    ----------
    limit : int or str
        Most bytes of pixels to keep in memory, e.g. ``"2GB"``.
    folder : path, optional
        A folder for results; it is made if it is not there. Pixels of patients lie in it: it is made for nobody but
        its owner, and so are the files.
    folder_limit : int or str
        Most bytes of all files in the folder together.

    Raises
    ------
    ParameterError
        If a limit is no positive amount.
    WriteError
        If the folder cannot be made.
    """

    def __init__(
        self,
        limit: int | str = "2GB",
        folder: str | os.PathLike[str] | None = None,
        folder_limit: int | str = "20GB",
    ) -> None:
        self.limit = parse_bytes(limit)
        most = parse_bytes(folder_limit)
        self.folder = None if folder is None else ResultFolder(Path(folder).expanduser().absolute(), most)
        self._images: OrderedDict[str, Image | ImageStack] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Image | ImageStack | None:
        """Return a result that is in memory, None if it is not there."""
        with self._lock:
            image = self._images.get(key)
            if image is not None:
                self._images.move_to_end(key)
            return image

    def put(self, key: str, image: Image | ImageStack) -> None:
        """Keep a result in memory, if it fits at all."""
        if image.array.nbytes > self.limit:
            return
        with self._lock:
            self._images.pop(key, None)
            self._make_room(image.array.nbytes)
            self._images[key] = image

    def make_room(self, size: int) -> None:
        """Let go of what was used longest ago, until there is room for some bytes."""
        with self._lock:
            self._make_room(size)

    def _make_room(self, size: int) -> None:
        used = sum(kept.array.nbytes for kept in self._images.values())
        while self._images and used + size > self.limit:
            _, gone = self._images.popitem(last=False)
            used -= gone.array.nbytes

    def __len__(self) -> int:
        """Return the number of results in memory."""
        return len(self._images)


_ALIVE: weakref.WeakValueDictionary[str, Image | ImageStack] = weakref.WeakValueDictionary()
"""Results that somebody holds. It keeps nothing alive, and equal keys mean equal results: it can only save work."""


def find_image(node: Node, cache: ResultCache | None) -> Image | ImageStack | None:
    """Return the result of a node if it is alive somewhere, or in the memory of the cache."""
    image = _ALIVE.get(node.key)
    if image is None and cache is not None:
        image = cache.get(node.key)
    return image


def find_held(node: Node, cache: ResultCache | None) -> Held | None:
    """Return the result of a node slab by slab, from wherever it is."""
    if node.at_hand:
        return None
    image = find_image(node, cache)
    if image is not None:
        return Room(image.array.reshape(-1, *node.info.slice_shape))
    folder = _folder_for(node, cache)
    return None if folder is None else folder.find(node.key, node.info)


def place_of(node: Node, cache: ResultCache | None) -> str | None:
    """Return in words where the result of a node is, None if it is nowhere."""
    if node.at_hand:
        return None
    if cache is not None and cache.get(node.key) is not None:
        return "from the cache in memory"
    if node.key in _ALIVE:
        return "computed already: the image is in memory"
    folder = _folder_for(node, cache)
    return ON_DISK if folder is not None and folder.has(node.key, node.info) else None


def keep_result(node: Node, image: Image | ImageStack, cache: ResultCache | None) -> None:
    """Note the result of a node, for as long as it is alive, and keep it in the memory of the cache."""
    _ALIVE[node.key] = image
    if cache is not None:
        cache.put(node.key, image)


def _folder_for(node: Node, cache: ResultCache | None) -> ResultFolder | None:
    kept_there = cache is not None and not node.is_cheap and not is_fleeting(node.key)
    return cache.folder if cache is not None and kept_there else None
