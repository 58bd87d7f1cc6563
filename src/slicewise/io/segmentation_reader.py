"""A DICOM segmentation (SEG) as the start of a pipeline: masks, label maps or fractions, one slice after the other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.pixels import NATIVE_SYNTAXES
from slicewise.errors import (
    ParameterError,
    PatientMismatchError,
    SlicewiseError,
    SlicewiseWarning,
    SpaceMismatchError,
)
from slicewise.image import Geometry, Image, ImageInfo, Source
from slicewise.image.elements import tag_of
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.listing import PathLike
from slicewise.io.parameters import one_of, tolerance
from slicewise.io.paths import path_or_paths
from slicewise.io.segmentation_reader_choice import SegmentKey, chosen_segment, segment_key
from slicewise.io.segmentation_reader_file import Kind, OpenedSegmentation, open_segmentation
from slicewise.io.segmentation_reader_layout import SegmentFrame, SegmentLayout, layout_of
from slicewise.io.segmentation_reader_slices import fill_labels, fill_masks
from slicewise.io.segmentation_reader_table import segment_table
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Slab, fields_of, input_node, node
from slicewise.pipeline.sources import SourceFile

if TYPE_CHECKING:
    import pandas as pd

    from slicewise.dicom.segments import Segment

__all__ = ["SegmentationReader"]


_INSTANCE = tag_of("SOPInstanceUID")


def _lent(value: Any) -> Any:
    """Take a bare grid as an image of it, which has no values to speak of."""
    if not isinstance(value, Geometry):
        return value
    return Image.from_array(np.broadcast_to(np.uint8(0), value.shape), geometry=value)


@node
class SegmentationReader(Node):
    """Reader of a DICOM segmentation: a label map of all segments, the mask of one, or fractions.

    Values are numbers of segments (uint8, or uint16 where they are higher), with 0 where there is none; or the labels
    that ``SegmentationWriter`` noted where numbers could not be the same. Of one segment they are True and False; of
    fractional segmentations from 0 to 1, float32 (PS3.3, A.51 and C.8.20). Slices that have no frame are empty. Their
    headers are those of the segmentation: its patient, study and frame of reference, with the plane of each slice.
    ``segments`` tells what is segmented, ``references`` of what.

    Nothing is read until it is asked for: the header with the first question, frames slab by slab, and no others
    than those of the segment.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        The file, or a folder or archive in which there is one segmentation. Other files in it are passed over.
    segment : int, str or code, optional
        One segment, by its number, its label, or the code of what it is of: one of pydicom's dictionaries, or value,
        scheme and meaning. All if not given.
    series : str or int, optional
        SeriesInstanceUID or SeriesNumber, where there are several.
    values : "labels" or "masks"
        Of all segments: one label map, or the mask (or fractions) of each as a component, in their order.
    overlap : "error", "first" or "last"
        What a pixel of several segments is in a label map: refused, or the segment with the lowest or highest number.
    source : Node, Image or Geometry, optional
        What was segmented, such as a ``SeriesReader``: then the result lies exactly on its grid, of which frames may
        be a part. Slices without frames of their own have its slices as their sources.
    on_gap : "fill" or "keep"
        Without a source: whether slices without frames are empty slices, or left out, so that the stack is uneven.
    on_no_plane : "error" or "pixels"
        What to do with segmentations of images that have no place in the patient, such as projections: refuse, or
        take a slice for each image, in a grid of its pixels.
    tolerance : float
        How far frames may lie from the grid, as a fraction of a voxel.

    Raises
    ------
    ReadError
        If the file is missing, broken or truncated, or no codec decodes it.
    HeaderError
        If its header contradicts itself, or does not say what it must.
    SeriesError
        If there is no segmentation or there are several; if segments overlap, which the message names; if frames are
        of several orientations, tiles of a whole slide, or fit no even grid.
    SpaceMismatchError
        If the frames do not lie on the grid of the source; the message says by how much. Or if the segmentation is in
        another frame of reference, and does not refer to the images of the source.
    PatientMismatchError
        If the source is of another patient.
    ParameterError
        If there is no such segment; the message lists those there are.
    """

    path: PathLike | Sequence[PathLike] = attrs.field(converter=path_or_paths)
    segment: SegmentKey | None = attrs.field(default=None, kw_only=True, converter=segment_key)
    series: str | int | None = attrs.field(default=None, kw_only=True)
    values: str = attrs.field(default="labels", kw_only=True, validator=one_of("labels", "masks"))
    overlap: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "first", "last"))
    source: Node | None = input_node(default=None, kw_only=True, optional=True, prepare=_lent)
    on_gap: str = attrs.field(default="fill", kw_only=True, validator=one_of("fill", "keep"))
    on_no_plane: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "pixels"))
    tolerance: float = attrs.field(default=REGULAR_TOLERANCE, kw_only=True, validator=tolerance)

    def __attrs_post_init__(self) -> None:
        if self.segment is not None and self.values == "masks":
            raise ParameterError("'values' must not be 'masks' where one 'segment' is read: that is one mask")

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def identity(self) -> Any:
        """The files, their sizes and times of change, and what is read of them."""
        files = [(str(f.path), f.size, f.mtime_ns) for f in self._opened.files]
        return [files, {name: value for name, value in self.parameters.items() if name != "path"}]

    @property
    def content(self) -> Any:
        """What is read, told in the same way wherever the file lies: its instance, and what is read of it."""
        instances = [file.text(_INSTANCE) for file in self._opened.files]
        return [instances, {name: value for name, value in self.parameters.items() if name != "path"}]

    @property
    def parameter_text(self) -> str:
        """The path, and what differs from the defaults."""
        shown = f"{len(self.path)} files" if isinstance(self.path, tuple) else repr(self.path)
        named = {f.name: f.default for f in fields_of(type(self)) if f.name not in ("path", "source")}
        changed = [f"{k}={getattr(self, k)!r}" for k, default in named.items() if getattr(self, k) != default]
        return ", ".join([shown, *changed])

    @property
    def files(self) -> tuple[Path, ...]:
        """The file; of a concatenation, all of them."""
        return tuple(file.path for file in self._opened.files)

    @property
    def source_files(self) -> tuple[SourceFile, ...]:
        """The files on disk, as they were when their headers were read."""
        return tuple(dict.fromkeys(f.source.on_disk(f.size, f.mtime_ns) for f in self._opened.files))

    @property
    def is_cheap(self) -> bool:
        """Whether all pixels are stored as they are, or as bits."""
        return NATIVE_SYNTAXES.issuperset(self.transfer_syntaxes) and DEFLATED not in self.transfer_syntaxes

    @property
    def transfer_syntaxes(self) -> tuple[str, ...]:
        """UIDs of the transfer syntaxes that the files are in, sorted."""
        return tuple(sorted({file.syntax_uid for file in self._opened.files}))

    @property
    def kind(self) -> str:
        """Segmentation Type: BINARY, FRACTIONAL or LABELMAP."""
        return self._opened.kind.name

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What the file describes, in its order; of label maps without the background."""
        return self._opened.segments

    @property
    def shown_labels(self) -> tuple[int, ...]:
        """The labels of the segments that are read, in the order of components."""
        return tuple(self._opened.labels[segment.number or 0] for segment in self._shown)

    @property
    def frames(self) -> tuple[SegmentFrame, ...]:
        """For each frame, from the first: its number, its segment, the slice it lies in, and its sources."""
        return self._layout.told

    @property
    def references(self) -> tuple[tuple[Source, ...], ...]:
        """For each slice the instances, or frames of them, that it was segmented on."""
        return self.info.sources

    @cached_property
    def info(self) -> ImageInfo:
        """All that the header tells."""
        return self._layout.info(self._dtype, len(self._shown) if self.values == "masks" else 1)

    def table(self) -> pd.DataFrame:
        """Return a pandas table of the segments, one row each, by their numbers.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return segment_table(self.segments, self.frames)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed but the file: of the source, only its grid."""
        return tuple(range(0) for _ in inputs)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Read a slab."""
        out = np.empty((len(slab), *self.info.slice_shape), self.info.dtype)
        self.compute_into(slab, out)
        return out

    def compute_into(self, slab: Slab, out: Array, *blocks: Block) -> None:
        """Read a slab into memory that is already there."""
        if self.segment is None and self.values == "labels" and self._opened.kind is not Kind.FRACTIONAL:
            fill_labels(self._layout, slab, self.overlap, out)
        else:
            fill_masks(self._layout, slab, [segment.number or 0 for segment in self._shown], out)

    # --- what is read ---------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> OpenedSegmentation:
        return open_segmentation(self.path, self.series)

    @cached_property
    def _shown(self) -> tuple[Segment, ...]:
        """The segments that are read."""
        if self.segment is not None:
            return (chosen_segment(self.segments, self.segment),)
        if self._opened.kind is Kind.FRACTIONAL and self.values == "labels" and len(self.segments) > 1:
            raise ParameterError(
                f"'values': {self._opened.name} holds fractions of {len(self.segments)} segments, which make no label "
                "map: read one, segment=..., or each as a component of its own, values='masks'"
            )
        return self.segments

    @property
    def _dtype(self) -> np.dtype[Any]:
        opened, _ = self._opened, self._shown
        if opened.kind is Kind.FRACTIONAL:
            return np.dtype(np.float32)
        if self.segment is not None or self.values == "masks":
            return np.dtype(np.bool_)
        return opened.label_type

    @cached_property
    def _layout(self) -> SegmentLayout:
        try:
            source = next(iter(self.input_infos()), None)
            if source is not None:
                _check_same_patient(self._opened, source)
            return layout_of(self._opened, source, self.tolerance, on_gap=self.on_gap, on_no_plane=self.on_no_plane)
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise


def _check_same_patient(opened: OpenedSegmentation, source: ImageInfo) -> None:
    patients = _differing(opened, source, "PatientID")
    if patients is not None:
        raise PatientMismatchError(
            f"{opened.name} and its source are of different patients (PatientID {patients[0]!r} and {patients[1]!r}). "
            "Is this what was segmented?"
        )
    frames = _differing(opened, source, "FrameOfReferenceUID")
    if frames is None:
        return
    told = f"different frames of reference (FrameOfReferenceUID {frames[0]} and {frames[1]})"
    if not opened.references & {s.sop_instance_uid for of_slice in source.sources for s in of_slice}:
        raise SpaceMismatchError(
            f"{opened.name} and its source are in {told}, and it does not refer to the images of the source: nothing "
            "says how they lie to each other. Is this what was segmented?"
        )
    # Some programs invent one; an instance that is referred to says more.
    warnings.warn(
        f"{opened.name} and its source state {told}; it refers to the images of the source, and so that of the source "
        "is taken",
        SlicewiseWarning,
        stacklevel=2,
    )


def _differing(opened: OpenedSegmentation, source: ImageInfo, keyword: str) -> tuple[str, str] | None:
    mine, others = opened.headers[keyword][0], source.headers[keyword]
    other = next((value for value in others if value and mine and str(value) != str(mine)), None)
    return None if other is None else (str(mine), str(other))
