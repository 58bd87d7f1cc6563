"""Sources of SimpleITK, which make an image of nothing, as readers."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from slicewise.errors import ComputeError, GraphError, SlicewiseError
from slicewise.filters.simpleitk import simpleitk
from slicewise.filters.sitk_calls import SitkCall
from slicewise.filters.sitk_reflection import REFERENCE
from slicewise.filters.sitk_settings import TransformValue, reason_of
from slicewise.image import Geometry, Headers, ImageInfo, SliceMap
from slicewise.image.bridges import pixels_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, node

__all__ = ["SitkSource"]


@node
class SitkSource(SitkCall):
    """An image that SimpleITK makes of parameters alone, without headers.

    Raises
    ------
    ParameterError
        If there is no such parameter, or its value cannot be.
    GraphError
        If it makes no volume.
    ComputeError
        When computed, if SimpleITK fails.
    """

    @property
    def effect(self) -> Effect:
        """There is nothing that anything is done to."""
        return Effect(())

    @property
    def whole(self) -> bool:
        """An image is made at once."""
        return True

    @property
    def inputs(self) -> dict[str, Node]:
        """The image whose grid is taken, if there is one."""
        return dict(zip(self.roles, self.others, strict=True))

    @cached_property
    def is_connected(self) -> bool:
        """Whether the image whose grid is taken is connected, if there is one."""
        return all(n.is_connected for n in self.others)

    def _check_connected(self) -> None:
        """Nothing has to be connected."""

    def with_input(self, source: Node) -> Any:
        """Raise: a source takes no image."""
        raise GraphError(f"{self.name} makes an image of its parameters and takes none: write it first")

    @cached_property
    def info(self) -> ImageInfo:
        """The grid that the parameters state, and the type that a trial on a very small grid gives."""
        try:
            return self._read_info()
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    def _read_info(self) -> ImageInfo:
        image_filter = self._made()
        size = image_filter.GetSize()
        spacing, origin, direction = (_of(image_filter, what) for what in ("Spacing", "Origin", "Direction"))
        if len(size) != 3 or not all(size):
            raise GraphError(f"{self.name} must make a volume: give it a size of three numbers (got {size})")
        geometry = Geometry.from_box(size, spacing[:3], origin[:3], direction or None)
        image_filter.SetSize([min(n, 4) for n in size])
        small = self._run(image_filter, GraphError)
        pixels = pixels_of(small)
        return ImageInfo(
            geometry=geometry,
            dtype=pixels.dtype,
            headers=Headers(geometry.slices),
            sources=((),) * geometry.slices,
            components=math.prod(pixels.shape[3:]),
        )

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid and the type."""
        info = self.info
        return Outline(info.geometry, info.dtype, info.components, (SliceMap.identity(info.slices),))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """No pixel is needed."""
        return (range(0),) * len(inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the image."""
        return pixels_of(self._run(self._made(), ComputeError))[slab.start : slab.stop]

    def _made(self) -> Any:
        return self._filter(self.others[0].info.geometry if REFERENCE in self.roles else None)

    def _run(self, image_filter: Any, kind: type[SlicewiseError]) -> Any:
        given = dict(self.settings).get("transform")
        takes = any(a.kind == "Transform" for a in self.spec.arguments)
        arguments = [given.transform if isinstance(given, TransformValue) else simpleitk().Transform()] if takes else []
        try:
            return image_filter.Execute(*arguments)
        except RuntimeError as error:
            raise kind(f"{self!r}: {reason_of(error)}") from error


def _of(image_filter: Any, what: str) -> Any:
    getter = getattr(image_filter, f"Get{what}", None) or getattr(image_filter, f"GetOutput{what}")
    return getter()
