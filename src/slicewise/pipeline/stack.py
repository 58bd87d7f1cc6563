"""Several volumes of one grid as one: a 4-D image along time, echoes, b-values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.errors import GraphError, ParameterError, SlicewiseError
from slicewise.image import ImageInfo
from slicewise.image.axis import Coordinate, coordinates
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.joining import joined_info
from slicewise.pipeline.node import Array, Block, Node, Slab, input_nodes, node

__all__ = ["Stack", "volume_by_volume"]


def _name(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ParameterError(f"{attribute.name!r} must be a name in one line, such as 'time' (got {value!r})")


def _coordinates(values: Iterable[Any] | None) -> tuple[Coordinate, ...] | None:
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ParameterError(f"'coordinates' must be a sequence with one number or text per volume (got {values!r})")
    return coordinates(values)


@node
class Stack(Node):
    """Several volumes on one grid as one image with a fourth axis, such as time, echoes or b-values.

    What is done to a stack is done to each of its volumes: ``stack >> Median(1)`` is the stack of the medians of the
    volumes, and no neighbourhood reaches from one volume into the next. Operators work alike (``stack > 300``), between
    two stacks volume by volume, between a stack and one image with each volume. ``stack[a:b]`` takes slices, rows and
    columns of every volume; ``stack.volumes`` are the volumes themselves. ``stack >> SeriesWriter(...)`` writes one
    series.

    Slices and headers of a stack are counted volume after volume. Values are of the one type that holds those of all
    volumes.

    Parameters
    ----------
    volumes : sequence of Node or Image
        At least one; all on the same grid, in one frame of reference, of one patient.
    axis : str
        Name of what they are stacked along, such as ``"time"``, or the keyword of the attribute in which they differ.
    coordinates : sequence of number or str, optional
        Where each volume stands on the axis.
    unit : str, optional
        Unit of the coordinates, as UCUM writes it: ``"s"``, ``"ms"``, ``"s/mm2"``; by default that of the attribute
        that ``axis`` names, where the standard gives it one.

    Raises
    ------
    ParameterError
        If there is not one coordinate for each volume.
    SpaceMismatchError
        If the volumes are not on the same grid, or in several frames of reference.
    PatientMismatchError
        If they are of several patients.
    GraphError
        If they have not as many values per pixel, or some are masks and others not.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, Stack
    >>> baseline, later = (Image.from_array(np.full((3, 4, 5), v, np.int16)) for v in (100, 130))
    >>> stack = Stack([baseline, later], axis="time", coordinates=[0, 2.5], unit="s")
    >>> (stack - baseline).update(progress=False).array[:, 0, 0, 0]
    array([ 0, 30], dtype=int32)
    """

    volumes: tuple[Node, ...] = input_nodes()
    axis: str = attrs.field(kw_only=True, validator=_name)
    coordinates: tuple[Coordinate, ...] | None = attrs.field(default=None, kw_only=True, converter=_coordinates)
    unit: str | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_name))

    def __attrs_post_init__(self) -> None:
        if not self.volumes:
            raise ParameterError("'volumes' must be at least one node or image (got none)")
        if self.coordinates is not None and len(self.coordinates) != len(self.volumes):
            raise ParameterError(
                f"'coordinates' must be one for each of {len(self.volumes)} volumes (got {len(self.coordinates)})"
            )
        for k, volume in enumerate(self.volumes):
            if isinstance(volume, Stack):
                raise GraphError(
                    f"volume {k} is a stack itself, and stacks have one axis: give its volumes, as in "
                    "Stack([*a.volumes, *b.volumes], axis=...)"
                )
        if self.is_connected:
            self.check()

    @property
    def effect(self) -> Effect:
        """Nothing is done to the volumes."""
        return Effect(())

    @cached_property
    def info(self) -> ImageInfo:
        """All that is known of the volumes together."""
        infos = self.input_infos()
        try:
            return joined_info(infos, self.axis, self.coordinates, self.unit)
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices of each volume that the slab holds; none of most."""
        return tuple(_part(slab, k, info.geometry.slices) for k, info in enumerate(inputs))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of the volumes, one volume after the other."""
        out = np.empty((len(slab), *self.info.slice_shape), self.info.dtype)
        self.compute_into(slab, out, *blocks)
        return out

    def compute_into(self, slab: Slab, out: Array, *blocks: Block) -> None:
        """Put the slices into memory that is already there."""
        slices = self.info.geometry.slices
        for k, block in enumerate(blocks):
            part = _part(slab, k, slices)
            if len(part):
                first = k * slices + part.start - slab.start
                out[first : first + len(part)] = block.inner(part)

    def each(self, make: Callable[[Node], Node]) -> Node:
        """Return the stack of what a function makes of each volume."""
        return self._of(make(volume) for volume in self.volumes)

    def with_input(self, source: Node) -> Stack:
        """Return the stack with what is open in its volumes connected to a source; to a stack, volume by volume.

        Raises
        ------
        GraphError
            If nothing is open.
        """
        if self.is_connected:
            raise GraphError("Stack takes no input here: its volumes are connected already")
        sources = source.volumes if isinstance(source, Stack) else (source,) * len(self.volumes)
        _check_lengths(len(sources), len(self.volumes))
        pairs = zip(self.volumes, sources, strict=True)
        return self._of(v if v.is_connected else v.with_input(s) for v, s in pairs)

    def _of(self, volumes: Iterable[Node]) -> Stack:
        return Stack(tuple(volumes), axis=self.axis, coordinates=self.coordinates, unit=self.unit)

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self.volumes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.volumes)

    def __repr__(self) -> str:
        forms = list(dict.fromkeys(volume.name for volume in self.volumes))
        return f"Stack({len(self.volumes)} volumes of {', '.join(forms)}, {self.parameter_text})"


def _part(slab: Slab, volume: int, slices: int) -> Slab:
    """Return which slices of a volume are in a slab of the stack."""
    first = volume * slices
    start, stop = max(slab.start - first, 0), min(slab.stop - first, slices)
    return range(start, stop) if start < stop else range(0)


def volume_by_volume(make: Callable[[Node, Node], Node], left: Node, right: Node) -> Node:
    """Return what a function makes of two nodes; where one is a stack, or both, the stack of what it makes of volumes.

    Raises
    ------
    GraphError
        If two stacks have not as many volumes, or are along different axes.
    """
    if not isinstance(left, Stack):
        return right.each(lambda volume: make(left, volume))
    if not isinstance(right, Stack):
        return left.each(lambda volume: make(volume, right))
    _check_lengths(len(left), len(right))
    if left.axis != right.axis:
        raise GraphError(
            f"the stacks are along different axes, {left.axis!r} and {right.axis!r}: to combine them volume by volume "
            "all the same, make one anew from its volumes, with the axis of the other"
        )
    others = iter(right.volumes)
    return left.each(lambda volume: make(volume, next(others)))


def _check_lengths(left: int, right: int) -> None:
    if left != right:
        raise GraphError(
            f"stacks are combined volume by volume, and must have as many volumes (got {left} and {right})"
        )
