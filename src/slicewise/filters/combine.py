"""Several images made one, pixel by pixel: masked, chosen, blended, joined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import GraphError, ParameterError
from slicewise.filters.parameters import Number, number
from slicewise.filters.pixels import holds, real_type
from slicewise.image import Image, ImageInfo, Operation, Source, check_same_space
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, input_node, input_nodes, node

__all__ = ["Blend", "Join", "Mask", "where"]


@node
class Mask(Filter):
    """Values where a mask is set, and one value elsewhere; type and units stay.

    The mask stands among the sources of the result as what it was used for (PS3.16, CID 7202).

    Parameters
    ----------
    mask : Node or Image
        An image on the same grid; every value but 0 is inside.
    outside : number
        The value elsewhere.
    allow_mixed_patients : bool
        Whether image and mask may be of different patients.

    Raises
    ------
    SpaceMismatchError
        If the grids differ.
    PatientMismatchError
        If the patients differ.
    ParameterError
        If the type of the image does not hold ``outside``.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Mask
    >>> image = Image.from_array(np.array([[[5, 6, 7]]]))
    >>> mask = Image.from_array(np.array([[[0, 1, 1]]], np.uint8))
    >>> (image >> Mask(mask, outside=-1)).update(progress=False).array
    array([[[-1,  6,  7]]])
    """

    mask: Node | None = input_node(default=None, kw_only=False)
    outside: Number = attrs.field(default=0, converter=number("outside"), kw_only=True)
    allow_mixed_patients: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.mask is None:
            raise ParameterError("'mask' must be a node or an image (got none)")

    @property
    def effect(self) -> Effect:
        """Values outside are no longer what they were; those inside are."""
        return Effect(Operation.MULTI, derivation=(codes.MASKING,), mixes_patients=self.allow_mixed_patients)

    @cached_property
    def info(self) -> ImageInfo:
        """What is known of the result; the mask is named as a mask among its sources."""
        info = super().info
        masks = [frozenset(sources) for sources in self.inputs["mask"].info.sources]
        own = [frozenset(sources) for sources in self.inputs["input"].info.sources]
        told = tuple(
            tuple(_as_mask(s) if s in masks[k] and s not in own[k] else s for s in sources)
            for k, sources in enumerate(info.sources)
        )
        return attrs.evolve(info, sources=told)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid and type of the image."""
        image, mask = inputs
        check_same_space(image.geometry, mask.geometry, ("the image", "the mask"))
        if mask.components > 1:
            raise GraphError(f"a mask has one value per pixel (got {mask.components})")
        if not holds(image.dtype, self.outside):
            raise ParameterError(f"'outside' must be a value of {image.dtype} (got {self.outside})")
        return Outline.like(image, mask)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the masked slab."""
        values, mask = (block.inner(slab) for block in blocks)
        inside = (mask != 0)[..., np.newaxis] if values.ndim == 4 else mask != 0
        return np.where(inside, values, values.dtype.type(self.outside))


def _as_mask(source: Source) -> Source:
    return source._replace(mask=True)


def where(
    condition: Node | Image,
    inside: Node | Image | Number,
    outside: Node | Image | Number,
    *,
    allow_mixed_patients: bool = False,
) -> Node:
    """Return values of one image where a condition holds, and of another elsewhere.

    Parameters
    ----------
    condition : Node or Image
        It holds where its value is not 0.
    inside, outside : Node, Image or number
        What is taken; at least one is an image. The result has the type that holds both.
    allow_mixed_patients : bool
        Whether they may be of different patients.

    Raises
    ------
    SpaceMismatchError
        If the grids differ.
    PatientMismatchError
        If the patients differ.
    GraphError
        If neither is an image, or they have not as many values per pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, as_node, where
    >>> image = as_node(Image.from_array(np.array([[[5, 6, 7]]])))
    >>> where(image > 5, image, 0).update(progress=False).array
    array([[[0, 6, 7]]])
    """
    images = {name: value for name, value in (("inside", inside), ("outside", outside)) if not _is_number(value)}
    if not images:
        raise GraphError("'inside' or 'outside' must be an image (got two numbers): Cast the condition instead")
    numbers = {
        f"{name}_value": number(name)(value)
        for name, value in (("inside", inside), ("outside", outside))
        if _is_number(value)
    }
    made = Where(condition=condition, mixes_patients=allow_mixed_patients, **images, **numbers)  # type: ignore[arg-type]
    if made.is_connected:
        made.check()
    return made


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


@node
class Where(Node):
    """What ``where`` makes.

    Parameters
    ----------
    inside, outside : Node, optional
        The images.
    condition : Node
        Where ``inside`` is taken.
    inside_value, outside_value : number, optional
        What stands for an image that is not given.
    mixes_patients : bool
        Whether images may be of different patients.
    """

    inside: Node | None = input_node(default=None, kw_only=True, optional=True)
    outside: Node | None = input_node(default=None, kw_only=True, optional=True)
    condition: Node | None = input_node(default=None, kw_only=True)
    inside_value: Number | None = attrs.field(default=None, kw_only=True)
    outside_value: Number | None = attrs.field(default=None, kw_only=True)
    mixes_patients: bool = attrs.field(default=False, kw_only=True)

    @property
    def name(self) -> str:
        """Name as users write it."""
        return "where"

    @property
    def effect(self) -> Effect:
        """Several inputs made one, each value as it was."""
        return Effect(Operation.MULTI, derivation=(codes.MASKING,), mixes_patients=self.mixes_patients)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid that all share, and the type that holds both."""
        *images, condition = inputs
        names = [name for name in self.inputs if name != "condition"]
        for name, info in zip(names, images, strict=True):
            check_same_space(images[0].geometry, info.geometry, (names[0], name))
            if info.components != images[0].components:
                raise GraphError(
                    f"both images must have as many values per pixel (got {images[0].components} and {info.components})"
                )
        check_same_space(images[0].geometry, condition.geometry, (names[0], "the condition"))
        if condition.components > 1:
            raise GraphError(f"a condition has one value per pixel (got {condition.components})")
        return Outline.like(*inputs, dtype=self._type([info.dtype for info in images]))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return what is chosen of a slab."""
        arrays = dict(zip(self.inputs, (block.inner(slab) for block in blocks), strict=True))
        condition = arrays.pop("condition") != 0
        dtype = self._type([array.dtype for array in arrays.values()])
        if next(iter(arrays.values())).ndim == 4:
            condition = condition[..., np.newaxis]
        taken: list[Any] = [arrays.get("inside", self.inside_value), arrays.get("outside", self.outside_value)]
        # A number would take the type of the array, and wrap.
        return np.where(condition, *(np.asarray(value, dtype) for value in taken))

    def _type(self, dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
        given = [value for value in (self.inside_value, self.outside_value) if value is not None]
        common = np.result_type(*dtypes)
        if all(holds(common, value) for value in given):
            return common
        for name in ("int16", "int32", "int64"):
            wider = np.dtype(name)
            if np.can_cast(common, wider) and all(holds(wider, value) for value in given):
                return wider
        return np.result_type(common, *(np.min_scalar_type(value) for value in given))


@node
class Blend(Filter):
    """A weighted mean of two images on one grid: ``(1 - weight) * image + weight * other``. Units stay.

    The result is float32; of float64 and wide integers float64.

    Parameters
    ----------
    other : Node or Image
        The other image.
    weight : number
        From 0 to 1.
    allow_mixed_patients : bool
        Whether the images may be of different patients.

    Raises
    ------
    ParameterError
        If the weight is not from 0 to 1.
    SpaceMismatchError, PatientMismatchError, GraphError
        If grids, patients or numbers of values per pixel differ.
    """

    other: Node | None = input_node(default=None, kw_only=False)
    weight: Number = attrs.field(default=0.5, converter=number("weight"), kw_only=True)
    allow_mixed_patients: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.other is None:
            raise ParameterError("'other' must be a node or an image (got none)")
        if not 0 <= self.weight <= 1:
            raise ParameterError(f"'weight' must be from 0 to 1 (got {self.weight})")

    @property
    def effect(self) -> Effect:
        """Two inputs made one; the standard has a code for the plain mean."""
        derivation = (codes.MEAN,) if self.weight == 0.5 else ()
        return Effect(Operation.MULTI, derivation=derivation, mixes_patients=self.allow_mixed_patients)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid both share and a floating-point type."""
        first, other = inputs
        check_same_space(first.geometry, other.geometry, ("the image", "the other image"))
        if first.components != other.components:
            raise GraphError(
                f"both images must have as many values per pixel (got {first.components} and {other.components})"
            )
        return Outline.like(first, other, dtype=real_type(np.result_type(first.dtype, other.dtype)))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the blended slab."""
        first, other = (block.inner(slab) for block in blocks)
        dtype = real_type(np.result_type(first.dtype, other.dtype))
        return np.asarray((1 - self.weight) * first.astype(dtype) + self.weight * other.astype(dtype), dtype=dtype)


@node
class Join(Node):
    """Images on one grid as the components of one: three of 8 bits are red, green and blue.

    Parameters
    ----------
    images : sequence of Node or Image
        At least two, in order; the first is the primary one.
    allow_mixed_patients : bool
        Whether they may be of different patients.

    Raises
    ------
    ParameterError
        If there are fewer than two.
    SpaceMismatchError, PatientMismatchError
        If grids or patients differ.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Join
    >>> grey = Image.from_array(np.array([[[5, 6]]], np.uint8))
    >>> Join([grey, grey, grey]).update(progress=False).array.shape
    (1, 1, 2, 3)
    """

    images: tuple[Node, ...] = input_nodes()
    allow_mixed_patients: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if len(self.images) < 2:
            raise ParameterError(f"'images' must be two at least (got {len(self.images)})")
        if self.is_connected:
            self.check()

    @property
    def effect(self) -> Effect:
        """Several inputs made one, whose values are no single quantity."""
        return Effect(Operation.MULTI, keeps_units=False, mixes_patients=self.allow_mixed_patients)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid that all share, and the components of all."""
        for k, info in enumerate(inputs):
            check_same_space(inputs[0].geometry, info.geometry, ("image 0", f"image {k}"))
        like = Outline.like(*inputs, dtype=np.result_type(*{info.dtype for info in inputs}))
        return attrs.evolve(like, components=sum(info.components for info in inputs))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the components of a slab side by side."""
        arrays = [block.inner(slab) for block in blocks]
        parts = [a if a.ndim == 4 else a[..., np.newaxis] for a in arrays]
        return np.concatenate(parts, axis=-1)
