"""A DICOM segmentation as the end of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.encoders import syntax_of
from slicewise.dicom.identity import now_of
from slicewise.dicom.report import Report
from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segmentation_headers import SegmentationNames, check_source, segmentation_headers
from slicewise.dicom.segments import Segment
from slicewise.dicom.uids import check_prefix, fresh_uids, reproducible_uids
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.filters.pixels_back import WithPixelsFrom
from slicewise.image import Action, ImageInfo
from slicewise.image.elements import tag_of
from slicewise.io.derived_writer import Written, source_uids
from slicewise.io.instance_files import IMPLEMENTATION
from slicewise.io.lineage import lineage
from slicewise.io.one_file import check_file_destination, staged_file
from slicewise.io.parameters import fixed_mapping, integer_string, one_of
from slicewise.io.paths import one_path
from slicewise.io.segmentation_frames import SetAside
from slicewise.io.segmentation_kinds import KINDS, SegmentationKind
from slicewise.io.segmentation_run import SegmentationRun
from slicewise.io.segmentation_values import check_values, segments_of
from slicewise.io.software import this_software
from slicewise.pipeline.keys import content_key
from slicewise.pipeline.node import Node, Slab, fields_of, input_node, node
from slicewise.pipeline.run import Runner, Sink

__all__ = ["SegmentationWriter"]

_OURS = frozenset(
    "SegmentSequence SegmentsOverlap SegmentationType SegmentationFractionalType MaximumFractionalValue "  # noqa: SIM905
    "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DimensionIndexSequence "
    "DimensionOrganizationSequence ReferencedSeriesSequence StudiesContainingOtherReferencedInstancesSequence".split()
)


def _template(value: Any) -> SegmentTemplate:
    if isinstance(value, SegmentTemplate):
        return value
    if isinstance(value, Mapping):
        return SegmentTemplate(value)
    raise ParameterError(
        "'template' must be a SegmentTemplate, e.g. SegmentTemplate.from_yaml('template.yaml') or "
        f"SegmentTemplate({{1: codes.SCT.Liver}}, algorithm_type='MANUAL') (got {type(value).__name__})"
    )


def _fraction(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 255:
        raise ParameterError(f"{attribute.name!r} must be a whole number from 1 to 255 (got {value!r})")


@node
class SegmentationWriter(Sink):
    """Writer of a DICOM segmentation: masks, a label map or fractions as one file.

    Patient, study and frame of reference are those of the images the mask was made of, and each frame refers to the
    instances it comes from (PS3.3, C.7.6.16.2.6), whatever the pipeline did to the grid. The file is complete or
    absent. The image is taken slab by slab: the whole of it is never in memory for it.

    An image of several components (see ``Join``) has several masks, which may overlap: as many as the template has
    lists of segments, a label map each; or where it has one list, a mask of zeros and ones for each of its labels, in
    ascending order.

    Segments are numbered without gaps, in the order of components and labels; label maps keep their labels as numbers.
    Where the number is not the label, a private element of the segment states the label: (0063,xx01), "SLICEWISE".

    Parameters
    ----------
    path : path
        The file to write. The folder is made if it is not there.
    template : SegmentTemplate
        What the labels stand for, and what else is to be said.
    kind : "binary", "fractional" or "labelmap"
        Whether each segment has frames of single bits; or of fractions from 0 to 1, one segment for each component;
        or whether pixels are the numbers of segments (Label Map Segmentation Storage, which few programs read so far).
    inplane_cropping : bool
        Whether frames show the part of the plane only that has segments in it, on any slice.
    skip_empty_slices : bool
        Whether slices without a segment have no frame of it.
    skip_missing_segment : bool
        Whether labels that the template does not know are left out; else they are an error.
    keep_absent_segments : bool
        Whether segments of the template are stated that are on no slice. Label maps state them all.
    fractional_type : "PROBABILITY" or "OCCUPANCY"
        What fractions are.
    maximum_fractional_value : int
        What is stored for 1, from 1 to 255.
    source : Node or Image, optional
        The series a mask from outside was made of: its grid is checked, and its axes are turned back, as by
        ``WithPixelsFrom``.
    series_description, series_number : optional
        Instead of what the template says.
    uid_prefix, uids, overrides
        See ``SeriesWriter``.
    transfer_syntax : str
        Name or UID: ``"explicit"``, ``"deflated"`` or ``"jpeg-2000"``, and but for single bits also ``"rle"``,
        ``"jpeg-lossless"``, ``"jpeg-ls"``, ``"htj2k"``.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    DestinationError
        If the file is one of the source, or is there and not to be overwritten.
    HeaderError
        If it is not known whose mask it is, or where it lies.
    ParameterError
        If values are not of the type that the kind wants, or a parameter would make the header untrue.
    PixelsError
        If nothing is segmented, or something that the template does not know; the message names labels and slices.
    SpaceMismatchError
        If a mask from outside is not on the grid of its source.
    WriteError
        If the disk is full or cannot be written to; nothing is left behind.
    """

    path: Path = attrs.field(converter=one_path)
    template: SegmentTemplate = attrs.field(converter=_template)
    kind: str = attrs.field(default="binary", kw_only=True, validator=one_of(*KINDS))
    inplane_cropping: bool = attrs.field(default=False, kw_only=True)
    skip_empty_slices: bool = attrs.field(default=True, kw_only=True)
    skip_missing_segment: bool = attrs.field(default=False, kw_only=True)
    keep_absent_segments: bool = attrs.field(default=False, kw_only=True)
    fractional_type: str = attrs.field(
        default="PROBABILITY", kw_only=True, validator=one_of("PROBABILITY", "OCCUPANCY")
    )
    maximum_fractional_value: int = attrs.field(default=255, kw_only=True, validator=_fraction)
    source: Node | None = input_node(default=None, optional=True)
    series_description: str | None = attrs.field(default=None, kw_only=True)
    series_number: int | None = attrs.field(default=None, kw_only=True, validator=integer_string)
    uid_prefix: str | None = attrs.field(default=None, kw_only=True)
    uids: str = attrs.field(default="fresh", kw_only=True, validator=one_of("fresh", "reproducible"))
    overrides: Mapping[str, Any] = attrs.field(default=None, kw_only=True, converter=fixed_mapping)
    transfer_syntax: str = attrs.field(default="explicit", kw_only=True)
    overwrite: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_prefix(self.uid_prefix)
        name = syntax_of(self.transfer_syntax).name
        if name not in self._kind.syntaxes:
            raise ParameterError(
                f"'transfer_syntax' of {self.kind} segmentations must be one of {', '.join(self._kind.syntaxes)} "
                f"(got {self.transfer_syntax!r})"
            )

    @cached_property
    def info(self) -> ImageInfo:
        """What is known of the mask as it is written."""
        self.input_infos()
        return self.labels.info

    @property
    def whole(self) -> bool:
        """Whether slices of a mask from outside are no slices of its source."""
        return self.is_connected and self.source is not None and self.labels.whole

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return slices of the mask; of its source, grid and headers count alone."""
        if self.source is None:
            return super().request(slab, *inputs)
        mask, source = inputs
        return self.labels.request(slab, source, mask)[::-1]

    @property
    def parameter_text(self) -> str:
        """The path, the template, and what differs from the defaults."""
        defaults = {f.name: f.default for f in fields_of(type(self))}
        told = {name: value for name, value in self.parameters.items() if name not in ("path", "template")}
        changed = [f"{name}={value!r}" for name, value in told.items() if value not in (defaults[name], {})]
        return ", ".join([repr(str(self.path)), repr(self.template), *changed])

    def check(self) -> None:
        """Raise what can be known to be wrong before a pixel is read."""
        super().check()
        check_source(self.labels.info)
        check_values(self.labels.info, self.kind)
        self._derived(self._uids())
        _ = self._segments
        self._check_destination()

    def execute(self, runner: Runner) -> Written:
        """Run the pipeline, write the file and return what was written."""
        self._check_destination()
        with staged_file(self.path, self._check_destination) as stage:
            uids = self._uids()
            run = self._run(next(uids))
            headers, aside = run.write(stage, self._derived(uids), runner)
        return Written(
            folder=self.path.parent,
            paths=(self.path,),
            series_uid=text_of(headers.headers.element(tag_of("SeriesInstanceUID"), 0)),
            report=self._report(headers, aside),
        )

    @property
    def _kind(self) -> SegmentationKind:
        return KINDS[self.kind]

    @cached_property
    def labels(self) -> Node:
        """The mask as it is written: that of another program with the headers of its source."""
        image: Node = self.inputs["input"]
        return image if self.source is None else WithPixelsFrom(self.source, image)

    def _run(self, dimensions_uid: str) -> SegmentationRun:
        return SegmentationRun(
            labels=self.labels,
            segments=self._segments,
            kind=self._kind,
            scale=self.maximum_fractional_value if self.kind == "fractional" else None,
            fractional_type=self.fractional_type,
            crops=self.inplane_cropping,
            skips_empty=self.skip_empty_slices,
            skips_unknown=self.skip_missing_segment,
            keeps_absent=self.keep_absent_segments,
            syntax=self.transfer_syntax,
            dimensions_uid=dimensions_uid,
        )

    @cached_property
    def _segments(self) -> tuple[Mapping[int, Segment], ...]:
        return segments_of(self.labels.info, self.template, self.kind)

    def _derived(self, uids: Iterator[str]) -> DerivedHeaders:
        info = self.labels.info
        derived = segmentation_headers(
            info,
            self.template,
            names=SegmentationNames(series_description=self.series_description, series_number=self.series_number),
            software=this_software(),
            serial_number=IMPLEMENTATION[0],
            uids=uids,
            now=now_of(info.headers),
            texts=[text for text in self.overrides.values() if isinstance(text, str)],
        )
        for keyword in self.overrides:
            if keyword in _OURS:
                raise ParameterError(f"'overrides' cannot set {keyword}: it follows from the image and the template")
        derived = derived.with_overrides(self.overrides, source_uids(info), one_instance=True)
        if not text_of(derived.headers.element(tag_of("FrameOfReferenceUID"), 0)):
            raise HeaderError(
                "the source states no FrameOfReferenceUID, which a segmentation must: give the one it had, or, where "
                "it is lost, a new one for all that is made of it, overrides={'FrameOfReferenceUID': ...}"
            )
        return derived

    def _uids(self) -> Iterator[str]:
        if self.uids == "fresh":
            return fresh_uids(self.uid_prefix)
        sources = [s.sop_instance_uid for own in self.labels.info.sources for s in own]
        if not sources:
            raise ParameterError("'uids' cannot be 'reproducible': the image does not know the instances it comes from")
        told = {name: value for name, value in self.identity.items() if name not in ("path", "overwrite", "uids")}
        entropy = [this_software().version, lineage(self.labels), content_key(self.name, told)]
        return reproducible_uids(self.uid_prefix, [*entropy, *sources])

    def _report(self, headers: DerivedHeaders, aside: SetAside) -> Report:
        info = self.labels.info
        skipped = [f"label {label} is not in the template, and was left out" for _, label in aside.unknown]
        stated = {tag for tag, change in headers.settled.items() if change.action is Action.REGENERATED}
        source_tags = {tag for n in self.walk() if not n.inputs for tag in n.info.headers.columns()}
        return Report(
            rows=headers.rows(info.history, frozenset(source_tags - stated)),
            slices=info.slices,
            largest_error=aside.largest_error,
            frames=int(text_of(headers.headers.element(tag_of("NumberOfFrames"), 0))),
            storage=f"{self.kind} segmentation",
            warnings=(*(step.description for step in info.history if step.is_note), *headers.notes, *skipped),
        )

    def _check_destination(self) -> None:
        check_file_destination(self.path, self, self.labels.info, overwrite=self.overwrite)
