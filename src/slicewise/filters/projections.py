"""Projections: several slices made one, along the slices in slabs, or along a further axis over volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import GeometryError, GraphError, ParameterError
from slicewise.filters.parameters import choice, integer
from slicewise.filters.pixels import real_type
from slicewise.image import Code, Geometry, ImageInfo, Operation, SliceMap
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Node, Outline, Slab, input_nodes, node
from slicewise.pipeline.stack import Stack

__all__ = ["Project", "ProjectVolumes"]


@attrs.frozen
class _Kind:
    """A way to make one value of several.

    Parameters
    ----------
    reduce : callable
        From an array and a type to the array without its first axis.
    along_slices, over_volumes : tuple of Code
        The derivation (PS3.16, CID 7203).
    keeps_units : bool
        Whether the value is in the units of those it is made of.
    """

    reduce: Callable[[Array, np.dtype[Any]], Array]
    along_slices: tuple[Code, ...] = ()
    over_volumes: tuple[Code, ...] = ()
    keeps_units: bool = True


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "maximum": _Kind(lambda a, _: a.max(axis=0), (codes.MAXIMUM_PROJECTION,), (codes.MAXIMUM,)),
        "minimum": _Kind(lambda a, _: a.min(axis=0), (codes.MINIMUM_PROJECTION,), (codes.MINIMUM,)),
        "mean": _Kind(lambda a, t: a.mean(axis=0, dtype=np.float64).astype(t), (codes.MEAN,), (codes.MEAN,)),
        "sum": _Kind(lambda a, t: a.sum(axis=0, dtype=t), (codes.ADDITION,), (codes.ADDITION,), keeps_units=False),
        "std": _Kind(lambda a, t: a.std(axis=0, dtype=np.float64).astype(t), keeps_units=False),
    }
)


def _type_of(how: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if how in ("maximum", "minimum"):
        return dtype
    if how == "sum" and dtype.kind in "iub":
        return np.dtype(np.int64)
    return np.dtype(np.float64) if how == "sum" else real_type(dtype)


@node
class Project(Filter):
    """Projection: each output slice is made of several input slices.

    Along ``"slices"`` all of them become one, or those of each thick slab of ``slices`` slices, every ``step`` slices:
    ``Project("maximum")`` is a maximum intensity projection, ``Project("mean", slices=5, step=1)`` sliding averages.
    Along the axis of a stack, by its name such as ``"time"``, its volumes become one, slice by slice.

    Output slices lie in the middle of those they are made of, are as thick as these together, and refer to all of them.
    Maximum and minimum keep the type; mean and standard deviation (of the values at hand, divided by their number) are
    float32, of float64 and wide integers float64; the sum of integers is int64 and exact.

    Parameters
    ----------
    how : "maximum", "minimum", "mean", "sum" or "std"
        What is made of the values.
    axis : str
        ``"slices"``, or the name of the axis of a stack.
    slices : int, optional
        Slices in a slab; all if not given.
    step : int, optional
        Slices from one slab to the next; as many as a slab has if not given. Slabs that would not be whole are left
        out.

    Raises
    ------
    ParameterError
        If a parameter is none of those, or a slab is thicker than the image.
    GeometryError
        If the slices of a slab are not one behind the other along their normal, as under gantry tilt.
    GraphError
        If a stack has another axis.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Project
    >>> image = Image.from_array(np.arange(8).reshape(4, 1, 2))
    >>> (image >> Project("maximum", slices=2)).update(progress=False).array[:, 0]
    array([[2, 3],
           [6, 7]])
    """

    takes_stacks: ClassVar[bool] = True

    how: str = attrs.field(converter=choice("how", tuple(_KINDS)))
    axis: str = attrs.field(default="slices", kw_only=True)
    slices: int | None = attrs.field(
        default=None, kw_only=True, converter=attrs.converters.optional(integer("slices", 1))
    )
    step: int | None = attrs.field(default=None, kw_only=True, converter=attrs.converters.optional(integer("step", 1)))

    def __attrs_post_init__(self) -> None:
        if self.axis != "slices" and (self.slices, self.step) != (None, None):
            raise ParameterError(f"'slices' and 'step' are of projections along the slices (axis is {self.axis!r})")

    def _connected(self, name: str, source: Node) -> Node:
        if self.axis == "slices":
            return source.each(lambda volume: self._with(name, volume))
        if not isinstance(source, Stack) or source.axis != self.axis:
            there = f"the axis {source.axis!r}" if isinstance(source, Stack) else "no axis but the slices"
            raise GraphError(f"Project along {self.axis!r}: the input has {there}")
        return ProjectVolumes(source.volumes, how=self.how, axis=self.axis)

    @property
    def effect(self) -> Effect:
        """A projection; slices are as thick as those they are made of together."""
        kind = _KINDS[self.how]
        attributes = {}
        if self.is_connected and "SliceThickness" in self.inputs["input"].headers:
            attributes = {"SliceThickness": self._thickness(self.inputs["input"].info)}
        return Effect(
            Operation.PROJECTION, keeps_units=kind.keeps_units, derivation=kind.along_slices, attributes=attributes
        )

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return slices in the middle of each slab."""
        (info,) = inputs
        slabs = self._slabs(info)
        if any(len(slab) > 1 for slab in slabs) and info.geometry.is_sheared:
            raise GeometryError(
                "slices that are shifted against each other, as under gantry tilt, are not projected along their "
                "normal: RectifyTilt first"
            )
        geometry = _in_the_middle(info.geometry, slabs)
        support = SliceMap(tuple(s[0] if len(s) == 1 else None for s in slabs), tuple(slabs))
        return Outline(geometry, _type_of(self.how, info.dtype), info.components, (support,))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices from the first slab to the last."""
        slabs = self._slabs(inputs[0])[slab.start : slab.stop]
        return (range(slabs[0].start, slabs[-1].stop),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the projections of some slabs."""
        (block,) = blocks
        dtype = _type_of(self.how, block.array.dtype)
        reduce = _KINDS[self.how].reduce
        return np.stack([reduce(block.inner(s), dtype) for s in self._slabs(block.info)[slab.start : slab.stop]])

    def _slabs(self, info: ImageInfo) -> list[range]:
        there = info.geometry.slices
        wanted = there if self.slices is None else self.slices
        if wanted > there:
            raise ParameterError(f"'slices' must be {there} at most, as many as there are (got {wanted})")
        step = wanted if self.step is None else self.step
        return [range(start, start + wanted) for start in range(0, there - wanted + 1, step)]

    def _thickness(self, info: ImageInfo) -> list[str]:
        """Return for each slab the distance of its ends."""
        stated = info.headers["SliceThickness"]
        own = [float(v) if v not in (None, "") else info.geometry.slice_spacing for v in stated]
        along = info.geometry.positions @ info.geometry.normal
        ends = [abs(along[s[-1]] - along[s[0]]) + (own[s[0]] + own[s[-1]]) / 2 for s in self._slabs(info)]
        return [f"{end:.8g}" for end in ends]


def _in_the_middle(geometry: Geometry, slabs: list[range]) -> Geometry:
    positions = np.array([(geometry.positions[s[0]] + geometry.positions[s[-1]]) / 2 for s in slabs])
    ends = geometry.positions[slabs[0][-1]] - geometry.positions[slabs[0][0]]
    thickness = float(np.linalg.norm(ends)) + geometry.slice_spacing
    return attrs.evolve(geometry, positions=positions, single_slice_spacing=thickness)


@node
class ProjectVolumes(Node):
    """Several volumes on one grid made one, voxel by voxel: what ``Project`` makes of a stack.

    Parameters
    ----------
    volumes : sequence of Node
        The volumes of a stack.
    how : str
        See ``Project``.
    axis : str
        Name of what they are stacked along.
    """

    volumes: tuple[Node, ...] = input_nodes()
    how: str = attrs.field(kw_only=True, converter=choice("how", tuple(_KINDS)))
    axis: str = attrs.field(kw_only=True)

    @property
    def name(self) -> str:
        """Name of the node as users write it."""
        return "Project"

    @property
    def effect(self) -> Effect:
        """A projection of volumes in one place."""
        kind = _KINDS[self.how]
        return Effect(Operation.PROJECTION, keeps_units=kind.keeps_units, derivation=kind.over_volumes)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid that the volumes share."""
        dtype = np.result_type(*{info.dtype for info in inputs})
        return Outline.like(*inputs, dtype=_type_of(self.how, dtype))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return what is made of the slices of all volumes."""
        values = np.stack([block.inner(slab) for block in blocks])
        return _KINDS[self.how].reduce(values, _type_of(self.how, values.dtype))
