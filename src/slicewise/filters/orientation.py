"""Filters that turn an image: flips, exchanged axes, planes; nothing is interpolated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from slicewise.dicom import codes
from slicewise.errors import ParameterError
from slicewise.filters.parameters import checked_by
from slicewise.filters.turning import Turn, checked, turn_to
from slicewise.image import Geometry, ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["Flip", "Permute", "Reorient", "Turning"]


@node
class Turning(Filter):
    """A filter that exchanges and turns round axes; every value stays at its place in the patient.

    Streamed while slices stay slices; where they are cut across the whole image is needed.
    """

    def turn(self, source: Geometry) -> Turn:
        """Return what is done to a grid."""
        raise NotImplementedError

    @property
    def effect(self) -> Effect:
        """Another order of slices, other rows and columns, or other slices altogether."""
        if self.input is None or not self.input.is_connected:
            return Effect((Operation.LATTICE, Operation.GEOMETRY))
        turn = self.turn(self.input.geometry)
        if turn.keeps_planes:
            return Effect(Operation.SUBSET)
        if turn.keeps_slices:
            return Effect((Operation.LATTICE, Operation.SUBSET) if turn.flips[2] else Operation.LATTICE)
        # Slices that are cut across are other slices: they have another thickness, and all contribute to each.
        return Effect((Operation.LATTICE, Operation.GEOMETRY), derivation=(codes.REFORMATTING,))

    @property
    def whole(self) -> bool:
        """Whether slices are cut across."""
        return self.is_connected and self.input is not None and not self.turn(self.input.geometry).keeps_slices

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the turned grid."""
        (info,) = inputs
        turn = self.turn(info.geometry)
        return Outline(turn.of_geometry(info.geometry), info.dtype, info.components, (turn.slice_map(info.geometry),))

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices of a slab; all where slices are cut across."""
        source = inputs[0].geometry
        return (self.turn(source).source_slab(slab, source.slices),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the values of a slab, turned."""
        (block,) = blocks
        turn = self.turn(block.info.geometry)
        needed = turn.source_slab(slab, block.info.geometry.slices)
        turned = turn.of_array(block.inner(needed))
        return turned if turn.keeps_slices else turned[slab.start : slab.stop]


def _axis_names(value: Any) -> tuple[bool, bool, bool]:
    names = value if isinstance(value, str) else ""
    if names and set(names) <= set("xyz") and len(set(names)) == len(names):
        return ("x" in names, "y" in names, "z" in names)
    three = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if len(three) == 3 and all(isinstance(v, bool) for v in three):
        return (three[0], three[1], three[2])
    raise ParameterError(f"'axes' must be letters of 'xyz', or three of True and False (got {value!r})")


@node
class Flip(Turning):
    """The image with some axes turned round, as ``FlipImageFilter`` of SimpleITK: values stay where they are.

    Columns, rows or slices are stored in the opposite order, and the headers say so: nothing is mirrored.

    Parameters
    ----------
    axes : str or (x, y, z) of bool
        The axes to turn round: ``"x"``, ``"yz"``, or True for each.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Flip, Image
    >>> image = Image.from_array(np.arange(4).reshape(1, 1, 4))
    >>> (image >> Flip("x")).update(progress=False).array
    array([[[3, 2, 1, 0]]])
    >>> (image >> Flip("x")).geometry.origin
    (3.0, 0.0, 0.0)
    """

    axes: str | Sequence[bool] = attrs.field(validator=checked_by(_axis_names))

    def turn(self, source: Geometry) -> Turn:
        """Return the flip."""
        return Turn(flips=_axis_names(self.axes))


def _order(value: Any) -> tuple[int, int, int]:
    three = tuple("xyz".find(c) for c in value) if isinstance(value, str) else value
    three = tuple(three) if isinstance(three, Sequence) else ()
    if sorted(three, key=repr) != [0, 1, 2] or any(isinstance(v, bool) for v in three):
        raise ParameterError(f"'order' must be the axes in a new order, such as (0, 2, 1) or 'xzy' (got {value!r})")
    return (int(three[0]), int(three[1]), int(three[2]))


@node
class Permute(Turning):
    """The image with its axes in another order, as ``PermuteAxesImageFilter`` of SimpleITK.

    Values stay where they are in the patient.

    Parameters
    ----------
    order : str or (x, y, z) of int
        For each axis of the result the axis of the image that it is: ``"xzy"`` makes rows of slices.

    Raises
    ------
    IrregularGeometryError
        If slices are cut across that are no box, as under gantry tilt.
    """

    order: str | Sequence[int] = attrs.field(validator=checked_by(_order))

    def turn(self, source: Geometry) -> Turn:
        """Return the permutation."""
        return Turn(order=_order(self.order))


@node
class Reorient(Turning):
    """The image with its axes along those of the patient, as ``DICOMOrientImageFilter`` of SimpleITK.

    Axes are exchanged and turned round, and nothing is interpolated: an oblique image comes as near to the orientation
    as its lattice allows.

    Parameters
    ----------
    orientation : str
        Where column, row and slice index grow to: ``"LPS"`` to the left, posterior and superior. Or a plane,
        ``"axial"`` (LPS), ``"coronal"`` (LIP) or ``"sagittal"`` (PIR), as it is shown and stacked along its normal.

    Raises
    ------
    IrregularGeometryError
        If slices are cut across that are no box, as under gantry tilt.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Geometry, Image, Reorient
    >>> image = Image.from_array(np.zeros((10, 64, 32)), geometry=Geometry.from_box((32, 64, 10), (0.5, 0.5, 5)))
    >>> (image >> Reorient("coronal")).geometry
    Geometry(32 x 10 x 64, 0.5 x 5 x 0.5 mm, origin (0, 0, 45))
    """

    orientation: str = attrs.field(validator=checked_by(checked))

    def turn(self, source: Geometry) -> Turn:
        """Return the turn to the orientation."""
        return turn_to(source, self.orientation)
