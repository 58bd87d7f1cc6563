"""One run of the writer of a segmentation: frames set aside as they come, the file made when all are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from pydicom.sr.codedict import codes as concepts

from slicewise.dicom.character_sets import character_set
from slicewise.dicom.coded import to_code
from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.encoders import Syntax, syntax_of
from slicewise.dicom.encoding import element_bytes, explicit_column, meta_bytes
from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.segmentation_groups import Box, Frame, dimension_elements, group_elements
from slicewise.dicom.segmentation_headers import evidence
from slicewise.dicom.segments import Segment
from slicewise.dicom.values import text_of
from slicewise.errors import PixelsError, WriteError
from slicewise.image import Headers, ImageInfo, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element
from slicewise.io.instance_files import IMPLEMENTATION
from slicewise.io.segmentation_file import write_segmentation
from slicewise.io.segmentation_frames import Key, SetAside
from slicewise.io.segmentation_kinds import SegmentationKind
from slicewise.pipeline.node import Array, Node, Slab
from slicewise.pipeline.run import Runner

__all__ = ["SegmentationRun"]

_LARGEST_NUMBER = 0xFFFF
"""Of a segment, VR US."""


@attrs.frozen(kw_only=True)
class SegmentationRun:
    """What is written, and how.

    Parameters
    ----------
    labels : Node
        The mask or label map.
    segments : tuple of mapping of int to Segment
        For each component its labels, and what they stand for.
    kind : SegmentationKind
        The kind of segmentation.
    scale : int, optional
        Maximum Fractional Value of fractional segments.
    fractional_type : str
        What fractions are.
    crops, skips_empty, skips_unknown, keeps_absent : bool
        See ``SegmentationWriter``.
    syntax : str
        Name or UID of the transfer syntax.
    dimensions_uid : str
        Identifier of the organisation of dimensions.
    """

    labels: Node
    segments: tuple[Mapping[int, Segment], ...]
    kind: SegmentationKind
    scale: int | None
    fractional_type: str
    crops: bool
    skips_empty: bool
    skips_unknown: bool
    keeps_absent: bool
    syntax: str
    dimensions_uid: str

    @property
    def info(self) -> ImageInfo:
        """What is known of the mask."""
        return self.labels.info

    def write(self, path: Path, derived: DerivedHeaders, runner: Runner) -> tuple[DerivedHeaders, SetAside]:
        """Write the file; return what it states, and what was found.

        Raises
        ------
        PixelsError
            If there is nothing to write, or something that the template does not know.
        """
        geometry = self.info.geometry
        aside = SetAside(
            path.with_name(f"{path.name}.frames"),
            (geometry.rows, geometry.columns),
            self._stored,
            self._dtype,
            by_segment=self.kind.by_segment,
            skip_unknown=self.skips_unknown,
            scale=self.scale,
        )
        with aside:

            def put(slab: Slab, values: Array) -> None:
                for k, index in enumerate(slab):
                    aside.put(index, values[k])

            runner.stream(self.labels, put, "writing")
            if aside.slices != self.info.slices:
                raise WriteError(f"{aside.slices} of {self.info.slices} slices were written")
            self._check_found(aside)
            return self._finish(path, derived, aside), aside

    # --- labels and numbers ------------------------------------------------------------------------

    @property
    def _stored(self) -> tuple[Mapping[int, int], ...]:
        """For each component what is stored for its labels; of frames of a segment, nothing depends on it."""
        if self.kind.by_segment:
            return tuple(dict.fromkeys(one, 1) for one in self.segments)
        (labels,) = self.segments
        # A label map keeps its labels, gaps and all, as long as they are numbers of segments.
        if max(labels) <= _LARGEST_NUMBER:
            return ({label: label for label in labels},)
        return ({label: number for number, label in enumerate(sorted(labels), start=1)},)

    @property
    def _dtype(self) -> np.dtype[Any]:
        if self.scale is not None:
            return np.dtype(np.uint8)
        if self.kind.by_segment:
            return np.dtype(bool)
        return np.dtype(np.uint8 if max(self._stored[0].values()) < 256 else np.uint16)

    def _check_found(self, aside: SetAside) -> None:
        unknown = [] if self.skips_unknown else list(aside.unknown.items())
        if unknown:
            found = [
                f"{label}{f' of component {component}' if len(self.segments) > 1 else ''} ({_slices_text(slices)})"
                for (component, label), slices in unknown[:8]
            ]
            more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
            known = sorted({label for one in self.segments for label in one})
            raise PixelsError(
                f"the template knows the labels {_numbers_text(known)}, and the image has also {', '.join(found)}"
                f"{more}: describe them, or leave them out with skip_missing_segment=True"
            )
        if not aside.kept:
            what = "labels that the template knows" if aside.unknown else "pixel that is not zero"
            raise PixelsError(
                f"the segmentation is empty: no slice has any {what}, and a file must have a frame at least"
            )

    def _numbered(self, aside: SetAside) -> dict[Key, Segment]:
        """Return the segments that are stated, with their numbers."""
        keys = [Key(c, label) for c, one in enumerate(self.segments) for label in sorted(one)]
        segments = {key: self.segments[key.component][key.label] for key in keys if key.label is not None}
        if not self.kind.by_segment:
            stored = self._stored[0]
            return {key: attrs.evolve(s, number=stored[key.label or 0]) for key, s in segments.items()}
        there = {key for key, _ in aside.kept}
        stated = [key for key in segments if self.keeps_absent or key in there]
        return {key: attrs.evolve(segments[key], number=number) for number, key in enumerate(stated, start=1)}

    # --- the file ----------------------------------------------------------------------------------

    def _finish(self, path: Path, derived: DerivedHeaders, aside: SetAside) -> DerivedHeaders:
        box = aside.box if self.crops else self._plane
        numbered = self._numbered(aside)
        frames = self._frames(aside, numbered)
        named = [Frame(numbered[key].number if self.kind.by_segment else None, k) for key, k in frames]
        form = self._form(box)
        columns: dict[int, RawElement] = {e.tag: e for e in self._pixel_elements(form, len(frames))}
        columns |= {e.tag: e for e in self._segment_elements(numbered, derived.headers, aside)}
        columns |= {e.tag: e for e in dimension_elements(self.dimensions_uid, by_segment=self.kind.by_segment)}
        columns |= evidence(self.info, sorted({k for _, k in frames}))
        final = derived.updated(columns, "of the segmentation itself")
        groups = group_elements(self.info, named, box)
        elements = {e.tag: e for e in [*_elements(final.headers), *groups]}
        syntax = syntax_of(self.syntax)
        write_segmentation(
            path,
            self._meta(final.headers, syntax),
            b"".join(element_bytes(elements[tag]) for tag in sorted(elements)),
            count=len(frames),
            frame=lambda k: aside.frame(*frames[k], box),
            form=form,
            syntax=syntax,
        )
        return final

    @property
    def _plane(self) -> Box:
        return Box(0, self.info.geometry.rows, 0, self.info.geometry.columns)

    def _frames(self, aside: SetAside, numbered: Mapping[Key, Segment]) -> list[tuple[Key, int]]:
        """Return the frames in order: segment by segment, each slice by slice."""
        if self.skips_empty:
            return sorted(aside.kept)
        keys = sorted(numbered) if self.kind.by_segment else [Key(0, None)]
        return [(key, k) for key in keys for k in range(self.info.slices)]

    def _form(self, box: Box) -> PixelFormat:
        bits = 1 if self._dtype.kind == "b" else 8 * self._dtype.itemsize
        return PixelFormat(rows=box.rows, columns=box.columns, bits_allocated=bits, bits_stored=bits, high_bit=bits - 1)

    def _pixel_elements(self, form: PixelFormat, frames: int) -> list[RawElement]:
        values: dict[str, Any] = {
            "SOPClassUID": self.kind.sop_class,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": form.photometric,
            "NumberOfFrames": str(frames),
            "Rows": form.rows,
            "Columns": form.columns,
            "BitsAllocated": form.bits_allocated,
            "BitsStored": form.bits_stored,
            "HighBit": form.high_bit,
            "PixelRepresentation": 0,
            "SegmentationType": self.kind.type,
        }
        if self.scale is not None:
            values |= {"SegmentationFractionalType": self.fractional_type, "MaximumFractionalValue": self.scale}
        elements = [encode_element(tag_of(keyword), value) for keyword, value in values.items()]
        if not self.kind.by_segment:
            # Without a sign, as the pixels are (PS3.3, C.7.5.1).
            elements.append(encode_element(tag_of("PixelPaddingValue"), 0, vr="US"))
        return elements

    def _segment_elements(self, numbered: Mapping[Key, Segment], headers: Headers, aside: SetAside) -> list[RawElement]:
        segments = list(numbered.values())
        if not self.kind.by_segment:
            segments.insert(0, _background(segments[0]))
        items = [segment.to_item() for segment in segments]
        tag = tag_of("SegmentSequence")
        return [
            encode_element(tag, items, character_set=character_set(headers)),
            encode_element(tag_of("SegmentsOverlap"), "YES" if aside.overlaps else "NO"),
        ]

    def _meta(self, headers: Headers, syntax: Syntax) -> bytes:
        instance = text_of(headers.element(tag_of("SOPInstanceUID"), 0))
        return meta_bytes(self.kind.sop_class, instance, syntax.uid, IMPLEMENTATION)


def _background(like: Segment) -> Segment:
    """Return what the pixels of a label map are that are of no segment."""
    return Segment(
        "Background",
        to_code(concepts.DCM.Background),
        to_code(concepts.SCT.SpatialAndRelationalConcept),
        algorithm_type=like.algorithm_type,
        algorithm_name=like.algorithm_name,
        number=0,
    )


def _elements(headers: Headers) -> list[RawElement]:
    columns = (explicit_column(tag, headers) for tag in headers.columns())
    return [column for column in columns if isinstance(column, RawElement)]


def _slices_text(slices: Sequence[int]) -> str:
    if len(slices) == 1:
        return f"slice {slices[0]}"
    return f"{len(slices)} slices from {slices[0]} to {slices[-1]}"


def _numbers_text(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    return shown if len(numbers) <= 12 else f"{shown}, ... (of {len(numbers)})"
