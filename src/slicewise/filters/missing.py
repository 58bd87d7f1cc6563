"""Slices that are missing, made up and marked as made."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.padding import check_fill, padding_value
from slicewise.filters.parameters import Number, choice, lengths, number
from slicewise.filters.pixels import real_type, to_type
from slicewise.image import Geometry, ImageInfo, Operation, PerSlice, SliceMap
from slicewise.image.elements import tag_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["FillMissing"]

Place = tuple[int, float]
"""The source slice below, and how far on the way to the next one; 0 for the slice itself."""


def _spacing(value: Any) -> float:
    (one, *others) = lengths("spacing")(value)
    if any(v != one for v in others):
        raise ParameterError(f"'spacing' must be one length in mm (got {value!r})")
    return float(one)


@node
class FillMissing(Filter):
    """The image with slices in its gaps, where others are missing; those that are there stay as they are.

    A gap is where two slices are two or more spacings apart. Made slices are marked: Image Type gets a value
    ``INTERPOLATED`` (``FILLED`` for a constant), Image Comments tell how they were made, and Source Image Sequence
    names the slices they are made of. Read such a series with ``SeriesReader(..., on_gap="keep")``.

    Parameters
    ----------
    method : str
        ``linear`` between the slices on both sides, ``nearest`` (the lower one half way), or ``constant``.
    value : number, optional
        For ``constant``; if not given, the PixelPaddingValue of the headers, or else 0.
    spacing : float, optional
        Spacing of slices in mm; if not given, the median.

    Raises
    ------
    IrregularGeometryError
        If a gap is no multiple of the spacing, by more than the tolerance of the geometry.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import FillMissing, Image, SelectSlices
    >>> image = Image.from_array(np.arange(6.0).reshape(6, 1, 1))
    >>> (image >> SelectSlices([0, 1, 2, 5]) >> FillMissing()).update(progress=False).array.ravel()
    array([0., 1., 2., 3., 4., 5.])
    """

    method: str = attrs.field(default="linear", converter=choice("method", ["linear", "nearest", "constant"]))
    value: Number | None = attrs.field(default=None, converter=attrs.converters.optional(number("value")))
    spacing: float | None = attrs.field(default=None, converter=attrs.converters.optional(_spacing), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.value is not None and self.method != "constant":
            raise ParameterError(f"'value' is for method='constant' (got method={self.method!r})")

    @property
    def effect(self) -> Effect:
        """More slices, interpolated and marked."""
        attributes = self._marks if self.is_connected else {}
        return Effect(Operation.GEOMETRY, derivation=(codes.RESAMPLING,), attributes=attributes)

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return the parameters, and which slices are made."""
        made = [k for k, (_, part) in enumerate(self._places(inputs[0].geometry)) if part]
        return f"{self.parameter_text}; made slices: {', '.join(map(str, made)) or 'none'}"

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid without gaps."""
        (info,) = inputs
        check_fill("value", self.value, info.dtype)
        places = self._places(info.geometry)
        known = info.geometry.positions
        positions = [known[k] if not part else (1 - part) * known[k] + part * known[k + 1] for k, part in places]
        match = tuple(None if part else k for k, part in places)
        geometry = attrs.evolve(info.geometry, positions=np.array(positions))
        return Outline(
            geometry, info.dtype, info.components, (SliceMap(match, tuple(self._support(p) for p in places)),)
        )

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices of the image that a slab is made of."""
        used = [i for place in self._places(inputs[0].geometry)[slab.start : slab.stop] for i in self._support(place)]
        return (range(min(used), max(used) + 1) if used else range(0),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of a slab."""
        (block,) = blocks
        info = block.info
        fill: Any = self.value if self.value is not None else padding_value(info)
        result = np.full((len(slab), *info.slice_shape), fill, info.dtype)
        work = real_type(info.dtype)
        for plane, place in zip(result, self._places(info.geometry)[slab.start : slab.stop], strict=True):
            drawn = [block.array[i - block.slab.start] for i in self._support(place)]
            if len(drawn) == 1:
                plane[...] = drawn[0]
            elif drawn:
                part = work.type(place[1])
                plane[...] = to_type((1 - part) * drawn[0].astype(work) + part * drawn[1].astype(work), info.dtype)
        return result

    def _support(self, place: Place) -> tuple[int, ...]:
        below, part = place
        if not part:
            return (below,)
        if self.method == "linear":
            return (below, below + 1)
        return () if self.method == "constant" else (below + (part > 0.5),)

    def _places(self, source: Geometry) -> list[Place]:
        gaps = np.abs(np.diff(source.distances))
        if not len(gaps):
            return [(0, 0.0)]
        spacing = self.spacing or float(np.median(gaps))
        steps = np.rint(gaps / spacing).astype(int) if spacing > 0 else np.zeros(len(gaps), int)
        off = np.abs(gaps - np.maximum(steps, 1) * spacing)
        worst = int(np.argmax(off))
        if off[worst] > source.tolerance * spacing * max(1, steps[worst]):
            raise IrregularGeometryError(
                f"slices {worst} and {worst + 1} are {gaps[worst]:.4g} mm apart, which is no multiple of the "
                f"spacing of {spacing:.4g} mm (to {source.tolerance:g} of it): what is missing there cannot be told"
            )
        places = [(k, part / n) for k, n in enumerate(np.maximum(steps, 1).tolist()) for part in range(n)]
        return [*places, (source.slices - 1, 0.0)]

    @cached_property
    def _marks(self) -> dict[str, Any]:
        (info,) = self.input_infos()
        places = self._places(info.geometry)
        if not any(part for _, part in places) or not info.headers.columns():
            return {}
        kind = "FILLED" if self.method == "constant" else "INTERPOLATED"
        types, comments, thicknesses = [], [], []
        for below, part in places:
            header = info.headers[below]
            stated = header.get("ImageType", None)
            own = [str(v) for v in stated or ("ORIGINAL", "PRIMARY")]
            types.append([*own, *["OTHER"] * (3 - len(own)), kind] if part else stated and own)
            made = (
                f"Not acquired: made by {self.name}({self.parameter_text}) between slices {below + 1} and {below + 2}"
            )
            comments.append(made if part else header.get("ImageComments", None))
            thicknesses.append(header.get("SliceThickness", None))
        marks: dict[str, Any] = {"ImageType": PerSlice(types), "ImageComments": PerSlice(comments)}
        if info.headers.column(tag_of("SliceThickness")) is not None:
            marks["SliceThickness"] = PerSlice(thicknesses)
        return marks
