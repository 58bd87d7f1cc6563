"""Several stacks of slices, one behind the other, as one."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.dicom.rule_table import mark_for, row_for
from slicewise.dicom.values import text_of
from slicewise.errors import GraphError, ParameterError, PatientMismatchError, SlicewiseError, SpaceMismatchError
from slicewise.filters.registration import frame_of
from slicewise.image import Geometry, Headers, ImageInfo, Operation, SliceMap, Step
from slicewise.image.elements import tag_of
from slicewise.image.space import COORDINATE_TOLERANCE, DIRECTION_TOLERANCE
from slicewise.pipeline.block import Outline
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.inference import infer
from slicewise.pipeline.node import Array, Block, Node, Slab, input_nodes, node

__all__ = ["Concatenate"]


@node
class Concatenate(Node):
    """Several stacks of slices that lie one behind the other as one image.

    They must have the same rows and columns, at the same place in the plane, and must not overlap; the order in which
    they are given does not matter. Each slice keeps its header; of patient, study and frame of reference the result
    has those of the first one given.

    Parameters
    ----------
    parts : sequence of Node or Image
        At least one.

    Raises
    ------
    SpaceMismatchError
        If the planes differ, slices overlap, or frames of reference differ.
    PatientMismatchError
        If they are of several patients.
    GraphError
        If they have not as many values per pixel, or some are masks and others not.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Concatenate, Image, as_node
    >>> image = as_node(Image.from_array(np.arange(5).reshape(5, 1, 1)))
    >>> Concatenate([image[3:], image[:3]]).update(progress=False).array.ravel()
    array([0, 1, 2, 3, 4])
    """

    parts: tuple[Node, ...] = input_nodes()

    def __attrs_post_init__(self) -> None:
        if not self.parts:
            raise ParameterError("'parts' must be at least one node or image (got none)")
        if self.is_connected:
            self.check()

    @property
    def effect(self) -> Effect:
        """Slices are put together, and none is touched."""
        return Effect(Operation.SUBSET, derivation=(codes.STITCHING,))

    @cached_property
    def info(self) -> ImageInfo:
        """All that is known of the parts together."""
        infos = self.input_infos()
        try:
            return self._joined(infos)
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    def _joined(self, infos: list[ImageInfo]) -> ImageInfo:
        for k, info in enumerate(infos):
            _check_alike(infos[0], info, k)
        ordered = [infos[k] for k in self._order]
        geometry = _stacked([info.geometry for info in ordered])
        history = {id(step): step for info in infos for step in info.history}
        together = ImageInfo(
            geometry=geometry,
            dtype=np.result_type(*{info.dtype for info in infos}),
            components=infos[0].components,
            headers=_headers(infos[0].headers, Headers.joined([info.headers for info in ordered])),
            sources=tuple(sources for info in ordered for sources in info.sources),
            history=tuple(history.values()),
            paddings=tuple(p for info in ordered for p in info.paddings or (None,) * info.slices),
        )
        if not any(together.paddings):
            together = attrs.evolve(together, paddings=())
        step = Step(self.name, self.parameter_text, self.effect.operations, self.effect.derivation)
        outline = Outline(geometry, together.dtype, together.components, (SliceMap.identity(geometry.slices),))
        return infer([together], outline, step)

    @cached_property
    def _order(self) -> list[int]:
        """The parts from the lowest along the normal to the highest."""
        normal = self.parts[0].geometry.normal
        return sorted(
            range(len(self.parts)), key=lambda k: float(self.parts[k].geometry.positions.mean(axis=0) @ normal)
        )

    @cached_property
    def _starts(self) -> list[int]:
        """The first slice of each part in the result."""
        starts = [0] * len(self.parts)
        first = 0
        for k in self._order:
            starts[k] = first
            first += self.parts[k].geometry.slices
        return starts

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices of each part that the slab holds."""
        return tuple(_part(slab, start, info.slices) for start, info in zip(self._starts, inputs, strict=True))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the slices of a slab, one part after the other."""
        pieces = [blocks[k].inner(_part(slab, self._starts[k], blocks[k].info.slices)) for k in self._order]
        return np.concatenate([piece for piece in pieces if len(piece)]).astype(self.info.dtype, copy=False)


def _part(slab: Slab, start: int, slices: int) -> Slab:
    first, stop = max(0, slab.start - start), min(slices, slab.stop - start)
    return range(first, stop) if first < stop else range(0)


def _headers(first: Headers, joined: Headers) -> Headers:
    # What belongs to patient, study and frame of reference one image has once.
    shared = [tag for tag in joined.columns() if not tag >> 16 & 1 and mark_for(row_for(tag), Operation.MULTI) == "F"]
    return joined.with_columns({tag: first.element(tag, 0) for tag in shared})


def _stacked(parts: list[Geometry]) -> Geometry:
    first = parts[0]
    positions = np.concatenate([part.positions for part in parts])
    along = (positions - first.positions[0]) @ first.normal
    gaps = np.diff(along)
    spacing = min(part.slice_spacing for part in parts)
    if len(gaps) and gaps.min() < COORDINATE_TOLERANCE * spacing:
        ends = np.cumsum([part.slices for part in parts])[:-1] - 1
        at = int(np.argmin(gaps))
        where = "two parts overlap" if at in ends else "a part is stacked against its normal; Flip it along z"
        raise SpaceMismatchError(
            f"slices cannot be put together: {where} (slices at {along[at]:.4g} and {along[at + 1]:.4g} mm along the "
            "normal follow each other)"
        )
    return attrs.evolve(first, positions=positions, single_slice_spacing=first.slice_spacing)


def _check_alike(first: ImageInfo, other: ImageInfo, k: int) -> None:
    a, b = first.geometry, other.geometry
    offset = b.positions[0] - a.positions[0]
    tolerance = COORDINATE_TOLERANCE * min(a.pixel_spacing)
    # Sheared stacks lie where their shear leads to.
    shear = a.mean_step - (a.mean_step @ a.normal) * a.normal
    offset = offset - (offset @ a.normal) / (float(a.mean_step @ a.normal) or 1.0) * shear
    found = {
        "sizes": (a.rows, a.columns) != (b.rows, b.columns),
        "pixel spacings": not np.allclose(a.pixel_spacing, b.pixel_spacing, rtol=COORDINATE_TOLERANCE, atol=0),
        "orientations": not np.allclose(a.row_direction, b.row_direction, rtol=0, atol=DIRECTION_TOLERANCE)
        or not np.allclose(a.column_direction, b.column_direction, rtol=0, atol=DIRECTION_TOLERANCE),
        "places in the plane": max(abs(offset @ a.row_direction), abs(offset @ a.column_direction)) > 50 * tolerance,
        "coordinates": a.coordinates is not b.coordinates,
        "frames of reference": bool(frame_of(first) and frame_of(other) and frame_of(first) != frame_of(other)),
    }
    if any(found.values()):
        differing = ", ".join(name for name, differs in found.items() if differs)
        raise SpaceMismatchError(f"part 0 and part {k} are not slices of one stack: their {differing} differ")
    patients = {text_of(info.headers.element(tag_of("PatientID"), 0)) for info in (first, other)} - {""}
    if len(patients) > 1:
        raise PatientMismatchError(
            f"part 0 and part {k} are of different patients (PatientID {', '.join(sorted(map(repr, patients)))})"
        )
    if first.components != other.components or (first.dtype.kind == "b") != (other.dtype.kind == "b"):
        raise GraphError(
            f"part 0 holds {first.components} x {first.dtype} per pixel and part {k} {other.components} x "
            f"{other.dtype}: Cast one, or take a component"
        )
