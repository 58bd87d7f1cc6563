"""The result of an outside tool put back on the series that it was made of."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import attrs
import numpy as np

from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.image import Coordinates, Geometry, Image, ImageInfo, Operation, SliceMap, check_same_space
from slicewise.image.space import space_differences
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, input_node, node

__all__ = ["WithPixelsFrom"]

_TOLERANCE = 0.01
"""Of a voxel, by which corners may lie apart: files of other formats round positions to single precision."""


class _Turn(NamedTuple):
    """How the axes of the pixels lie along those of the series, both counted slices, rows, columns.

    Attributes
    ----------
    axes : tuple of int
        For each axis of the series that of the pixels.
    flipped : tuple of bool
        For each axis of the series whether the pixels run against it.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def keeps_slices(self) -> bool:
        """Whether slices are slices, if only in another order."""
        return self.axes[0] == 0

    def applied(self, array: Array) -> Array:
        """Return the array with its axes as the series has them."""
        turned = np.transpose(array, (*self.axes, *range(3, array.ndim)))
        return np.flip(turned, tuple(axis for axis, flip in enumerate(self.flipped) if flip))


_AS_IT_IS = _Turn((0, 1, 2), (False, False, False))


def _bare(value: Any) -> Any:
    """Take a bare array as an image of which nothing is said where it lies, and one of SimpleITK as what it is."""
    if type(value).__module__.startswith("SimpleITK"):
        return Image.from_sitk(value)
    if not isinstance(value, np.ndarray):
        return value
    image = Image.from_array(value)
    return Image.from_array(value, geometry=attrs.evolve(image.geometry, coordinates=Coordinates.PIXELS))


def _name(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value.isprintable() or not value.strip()):
        raise ParameterError(f"{attribute.name!r} must be a name (got {value!r})")


@node
class WithPixelsFrom(Node):
    """A series with other pixels: what a tool outside made of it, with the headers it had.

    Pixels come as an image in memory, also of SimpleITK, a node (``VolumeReader("result.nii.gz")``), or a bare array,
    which is taken to be on the grid of the series, in its order. An image must lie on the same grid; axes that the tool
    exchanged or turned round are recognised by its geometry, and turned back.

    Parameters
    ----------
    series : Node or Image
        What the pixels were made of. Headers, sources and history are its own.
    pixels : Node, Image, SimpleITK.Image or array
        The result, as many slices, rows and columns.
    keeps_units : bool
        Whether values are in the units of the series.
    tool : str, optional
        What made them, for the history.

    Raises
    ------
    SpaceMismatchError
        If the grids are not the same but for the order and direction of axes; the message tells what differs.
    ParameterError
        If the name is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, WithPixelsFrom
    >>> series = Image.from_array(np.zeros((2, 3, 4), np.int16))
    >>> labels = np.ones((2, 3, 4), np.uint8)
    >>> WithPixelsFrom(series, labels, tool="a network").update(progress=False).array.sum()
    np.uint64(24)
    """

    series: Node | None = input_node(default=None, kw_only=False)
    pixels: Node | None = input_node(default=None, kw_only=False, prepare=_bare)
    keeps_units: bool = attrs.field(default=False, kw_only=True)
    tool: str | None = attrs.field(default=None, kw_only=True, validator=_name)

    def __attrs_post_init__(self) -> None:
        if self.is_connected:
            self.check()

    @property
    def effect(self) -> Effect:
        """Pixel values change; whether they keep their units, only the caller knows."""
        return Effect(Operation.PIXEL, keeps_units=self.keeps_units)

    @property
    def parameter_text(self) -> str:
        """The tool."""
        return "" if self.tool is None else repr(self.tool)

    @property
    def whole(self) -> bool:
        """Whether slices of the series are no slices of the pixels."""
        return not self._turn.keeps_slices

    @cached_property
    def _turn(self) -> _Turn:
        series, pixels = (self.inputs[name].info.geometry for name in ("series", "pixels"))
        return _turn_between(series, pixels)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid of the series, and the type of the pixels."""
        series, pixels = inputs
        _ = self._turn
        return Outline(series.geometry, pixels.dtype, pixels.components, (SliceMap.identity(series.slices),))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return no pixels of the series, and those of the other image that lie there."""
        _, pixels = inputs
        if not self._turn.keeps_slices:
            return range(0), range(pixels.slices)
        if self._turn.flipped[0]:
            return range(0), range(pixels.slices - slab.stop, pixels.slices - slab.start)
        return range(0), slab

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the pixels of a slab, turned as the series has them."""
        turned = self._turn.applied(blocks[1].array)
        return turned if self._turn.keeps_slices else turned[slab.start : slab.stop]


def _turn_between(series: Geometry, pixels: Geometry) -> _Turn:
    if not pixels.is_in_patient:
        if pixels.shape != series.shape:
            raise SpaceMismatchError(
                f"the pixels say nothing of where they lie, so that they must have the shape of the series, "
                f"{series.shape} slices, rows and columns (got {pixels.shape}); give an image with a geometry, or "
                "bring the array back to that shape"
            )
        return _AS_IT_IS
    if not (series.is_even and pixels.is_even and series.is_in_patient and pixels.is_in_patient):
        check_same_space(series, pixels, ("the series", "the pixels"))
        return _AS_IT_IS
    between = np.linalg.inv(series.affine) @ pixels.affine
    steps = np.rint(between[:3, :3]).astype(int)
    if (np.abs(steps).sum(axis=0) != 1).any() or (np.abs(steps).sum(axis=1) != 1).any():
        raise _mismatch(series, pixels)
    # Matrices count x, y, z, and arrays slices, rows, columns.
    of = [int(np.argmax(np.abs(steps[k]))) for k in range(3)]
    turn = _Turn(
        axes=(2 - of[2], 2 - of[1], 2 - of[0]),
        flipped=(bool(steps[2, of[2]] < 0), bool(steps[1, of[1]] < 0), bool(steps[0, of[0]] < 0)),
    )
    wanted = tuple(pixels.shape[axis] for axis in turn.axes)
    if wanted != series.shape or _apart(series, pixels, between) > _TOLERANCE:
        raise _mismatch(series, pixels)
    return turn


def _apart(series: Geometry, pixels: Geometry, between: Any) -> float:
    """Return by how many voxels the corners of the pixels lie beside those of the series, at most."""
    last = np.array(pixels.shape[::-1]) - 1
    corners = np.array([[x, y, z, 1] for x in (0, last[0]) for y in (0, last[1]) for z in (0, last[2])], float)
    there = (between @ corners.T).T[:, :3]
    ends = np.array(series.shape[::-1], float) - 1
    nearest = np.where(there > ends / 2, ends, 0)
    return float(np.abs(there - nearest).max())


def _mismatch(series: Geometry, pixels: Geometry) -> SpaceMismatchError:
    lines = "".join(f"\n  {line}" for line in space_differences(series, pixels))
    return SpaceMismatchError(
        f"the pixels do not lie on the grid of the series, nor with its axes exchanged or turned round:{lines}\n"
        "Resample them onto it with Resample(like=series), nearest neighbour for labels"
    )
