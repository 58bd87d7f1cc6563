"""An image in memory as the start of a pipeline."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import attrs

from slicewise.image import Image, ImageInfo
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.keys import fleeting
from slicewise.pipeline.node import Array, Block, Node, Slab, node

__all__ = ["InMemory"]


@node
class InMemory(Node):
    """An image in memory.

    Parameters
    ----------
    image : Image
        The image; its array is not copied.
    """

    at_hand: ClassVar[bool] = True

    image: Image = attrs.field()

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @cached_property
    def info(self) -> ImageInfo:
        """What the image says of itself."""
        return self.image.info

    @property
    def identity(self) -> Any:
        """The image itself, which cannot change; another process has none that is the same."""
        return fleeting(self.image.token)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return a view of the slices."""
        return self.image.array[slab.start : slab.stop]
