"""Contours of an RT Structure Set as masks or a label map on the grid of the images they were drawn on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.errors import (
    HeaderError,
    ParameterError,
    PatientMismatchError,
    SeriesError,
    SlicewiseWarning,
    SpaceMismatchError,
)
from slicewise.image import ImageInfo, Operation
from slicewise.image.elements import tag_of
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.contour_reader_file import Region, StructureSet, chosen_region, open_structure_set
from slicewise.io.contour_reader_fill import polygon_mask
from slicewise.io.contour_reader_planes import Polygons, polygons_of
from slicewise.io.listing import PathLike
from slicewise.io.parameters import one_of, tolerance
from slicewise.io.paths import path_or_paths
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, fields_of, input_node, node
from slicewise.pipeline.sources import SourceFile

__all__ = ["ContourReader"]


def _roi(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
        raise ParameterError(f"{attribute.name!r} must be the number or the name of a region (got {value!r})")


@node
class ContourReader(Node):
    """Reader of the contours of an RT Structure Set: the mask of a region, or a label map of all, on their source.

    A pixel is inside if its centre is: of the closed contours of a region in a slice, those that it lies in are odd in
    number. So a contour within another is a hole, and inner contours that are joined to the outer one by a channel
    (keyholes) are holes, too (PS3.3, C.8.8.6.3). Centres on a border are inside on the left and upper side. Points and
    open lines enclose nothing, and are left out with a warning.

    Headers are those of the source, marked as segmented. ``regions`` tells what there is.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        The file, or a folder or archive in which there is one structure set.
    source : Node or Image
        The images that contours were drawn on: ``ContourReader(path, source=ct)``, or ``ct >> ContourReader(path)``.
    roi : int or str, optional
        One region, by its number or name; all if not given.
    values : "labels" or "masks"
        Of all regions: one label map, or the mask of each as a component, in their order.
    overlap : "error", "first" or "last"
        What a pixel of several regions is in a label map: refused, or the first or last region in the file.
    tolerance : float
        How far contours may lie from the plane of a slice, as a fraction of the slice spacing. They go to the nearest.

    Raises
    ------
    ReadError
        If the file is missing, broken or truncated.
    HeaderError
        If its header contradicts itself, or does not say what it must.
    SeriesError
        If there is no structure set or there are several, nothing in it encloses anything, or regions overlap.
    SpaceMismatchError
        If contours lie in no slice of the source, or in another frame of reference; the message says by how much.
    PatientMismatchError
        If the source is of another patient.
    ParameterError
        If there is no such region; the message lists those there are.
    """

    path: PathLike | Sequence[PathLike] = attrs.field(converter=path_or_paths)
    source: Node | None = input_node(default=None, kw_only=True)
    roi: int | str | None = attrs.field(default=None, kw_only=True, validator=_roi)
    values: str = attrs.field(default="labels", kw_only=True, validator=one_of("labels", "masks"))
    overlap: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "first", "last"))
    tolerance: float = attrs.field(default=REGULAR_TOLERANCE, kw_only=True, validator=tolerance)

    def __attrs_post_init__(self) -> None:
        if self.roi is not None and self.values == "masks":
            raise ParameterError("'values' must not be 'masks' where one 'roi' is read: that is one mask")

    @property
    def effect(self) -> Effect:
        """A mask is not in the units of the values."""
        return Effect(Operation.PIXEL, keeps_units=False, derivation=(codes.SEGMENTATION,))

    @property
    def identity(self) -> Any:
        """The file, its size and time of change, and what is read of it."""
        file = self._opened.file
        return [str(file.path), file.size, file.mtime_ns, {k: v for k, v in self.parameters.items() if k != "path"}]

    @property
    def content(self) -> Any:
        """What is read, told in the same way wherever the file lies: its instance, and what is read of it."""
        instance = self._opened.file.text(tag_of("SOPInstanceUID"))
        return [instance, {name: value for name, value in self.parameters.items() if name != "path"}]

    @property
    def parameter_text(self) -> str:
        """The path, and what differs from the defaults."""
        shown = f"{len(self.path)} files" if isinstance(self.path, tuple) else repr(self.path)
        named = {f.name: f.default for f in fields_of(type(self)) if f.name not in ("path", "source")}
        changed = [f"{k}={getattr(self, k)!r}" for k, default in named.items() if getattr(self, k) != default]
        return ", ".join([shown, *changed])

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return the name of the file, without the folder that it was in, and what differs from the defaults."""
        _, _, changed = self.parameter_text.partition(", ")
        return ", ".join(filter(None, [repr(self._opened.file.path.name), changed]))

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self._opened.file.path,)

    @property
    def source_files(self) -> tuple[SourceFile, ...]:
        """The file on disk, as it was when its header was read."""
        file = self._opened.file
        return (file.source.on_disk(file.size, file.mtime_ns),)

    @property
    def regions(self) -> tuple[Region, ...]:
        """What the file describes, in its order: number, name, type, colour, and how many contours each has."""
        return self._opened.regions

    @property
    def shown_labels(self) -> tuple[int, ...]:
        """The labels of the regions that are read, in the order of components."""
        return tuple(region.label for region in self._shown)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid of the source, of labels or masks."""
        _check_same_patient(self._opened, inputs[0])
        _ = self._polygons
        if self.roi is not None or self.values == "masks":
            return attrs.evolve(Outline.like(*inputs, dtype=np.bool_), components=len(self._shown))
        largest = max(region.label for region in self._shown)
        return attrs.evolve(Outline.like(*inputs, dtype=np.min_scalar_type(largest)), components=1)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return no slices: the values of the source play no part."""
        return (range(0),)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Draw the contours of a slab."""
        out = np.zeros((len(slab), *self.info.slice_shape), self.info.dtype)
        for k, plane in zip(slab, out, strict=True):
            for c, region in enumerate(self._shown):
                polygons = self._polygons[region.number].get(k)
                if not polygons:
                    continue
                mask = polygon_mask(polygons, plane.shape[0], plane.shape[1])
                if plane.dtype == np.bool_:
                    plane.reshape(*mask.shape, -1)[..., c] = mask
                else:
                    self._label(plane, mask, region, k)
        return out

    def _label(self, plane: Array, mask: Array, region: Region, k: int) -> None:
        both = mask & (plane != 0)
        if self.overlap == "error" and both.any():
            other = next(r for r in self._shown if r.label == plane[both][0])
            raise SeriesError(
                f"regions overlap: {other.name!r} and {region.name!r} share {int(both.sum())} pixels of slice {k}, "
                "which no label map can hold. Say which of them such pixels are, overlap='first' or 'last'; read one "
                "region, roi=...; or each as a component of its own, values='masks'"
            )
        plane[mask & (plane == 0) if self.overlap == "first" else mask] = region.label

    # --- what is read ---------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> StructureSet:
        return open_structure_set(self.path)

    @cached_property
    def _shown(self) -> tuple[Region, ...]:
        """The regions that are read: those that enclose something."""
        if self.roi is not None:
            region = chosen_region(self.regions, self.roi)
            if not region.contours:
                raise SeriesError(f"{self._opened.name}: the region {region.name!r} has no closed contour")
            return (region,)
        shown = tuple(region for region in self.regions if region.contours)
        if not shown:
            raise SeriesError(f"{self._opened.name}: none of {len(self.regions)} regions has a closed contour")
        return shown

    @cached_property
    def _polygons(self) -> Mapping[int, Polygons]:
        """For the number of each region its polygons by slices."""
        geometry = self.inputs["source"].info.geometry
        left_out = [region for region in self._shown if region.others]
        if left_out:
            told = ", ".join(f"{region.others} of {region.name!r}" for region in left_out[:3])
            warnings.warn(
                f"{self._opened.name}: points and open contours enclose nothing, and are left out: {told}",
                SlicewiseWarning,
                stacklevel=2,
            )
        found = {}
        for region in self._shown:
            try:
                found[region.number] = polygons_of(self._opened.closed_contours(region), geometry, self.tolerance)
            except (SpaceMismatchError, HeaderError) as error:
                raise type(error)(f"{self._opened.name}, {region.name!r}: {error}") from None
        beyond = max(
            (polygons.beyond, region.name) for region, polygons in zip(self._shown, found.values(), strict=True)
        )
        if beyond[0] > 0:
            warnings.warn(
                f"{self._opened.name}: contours reach beyond the images by up to {beyond[0]:.3g} mm ({beyond[1]!r}), "
                "and are cut off there",
                SlicewiseWarning,
                stacklevel=2,
            )
        return found


def _check_same_patient(opened: StructureSet, source: ImageInfo) -> None:
    mine = opened.headers["PatientID"][0]
    other = next((v for v in source.headers["PatientID"] if v and mine and str(v) != str(mine)), None)
    if other is not None:
        raise PatientMismatchError(
            f"{opened.name} and its source are of different patients (PatientID {str(mine)!r} and {str(other)!r})"
        )
    frames = {str(uid) for uid in source.headers["FrameOfReferenceUID"] if uid}
    stated = {region.frame_of_reference_uid for region in opened.regions} - {""}
    if frames and stated and not stated <= frames:
        raise SpaceMismatchError(
            f"{opened.name}: contours are in the frame of reference {min(stated - frames)}, and the source is in "
            f"{min(frames)}: nothing says how they lie to each other"
        )
