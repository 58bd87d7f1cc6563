"""The files of a segmentation opened: its kind, its segments, and what its frames say."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.sequence import Sequence as Items

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.pixels import PixelFormat, pixel_formats
from slicewise.dicom.segments import Segment
from slicewise.dicom.values import text_of, unsigned_short
from slicewise.errors import HeaderError, SeriesError, SeveralSeriesError, SlicewiseError
from slicewise.image import Headers, RawElement, Source
from slicewise.image.elements import tag_of
from slicewise.io.concatenations import check_concatenations
from slicewise.io.frames import Frame, checked_count
from slicewise.io.header_files import HeaderFile, read_headers
from slicewise.io.listing import PathLike, list_files
from slicewise.io.segmentation_reader_frames import FrameFacts, frame_facts
from slicewise.io.segmentation_reader_pixels import FrameStore
from slicewise.io.selection import choose_series

__all__ = ["SEGMENTATION_CLASSES", "Kind", "OpenedSegmentation", "StoredFrame", "open_segmentation"]

_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
SEGMENTATION_CLASSES = frozenset(["1.2.840.10008.5.1.4.1.1.66.4", _LABEL_MAP])
"""Segmentation Storage and Label Map Segmentation Storage."""

_SOP_CLASS = tag_of("SOPClassUID")
_MODALITY = tag_of("Modality")
_TYPE = tag_of("SegmentationType")
_SEQUENCE = tag_of("SegmentSequence")
_LARGEST = tag_of("MaximumFractionalValue")
_PADDING = tag_of("PixelPaddingValue")
_MATRIX = (tag_of("TotalPixelMatrixColumns"), tag_of("TotalPixelMatrixRows"))
_CONCATENATION, _PART = tag_of("ConcatenationUID"), tag_of("InConcatenationNumber")
_BACKGROUND = ("125040", "DCM")


class Kind(enum.Enum):
    """What pixels of a segmentation are (PS3.3, C.8.20.2.3)."""

    BINARY = "masks of single segments"
    FRACTIONAL = "fractions of single segments"
    LABELMAP = "numbers of segments"


class StoredFrame(NamedTuple):
    """A frame: where it is, its number from 0, its segment (None in label maps), and the instances it was made of."""

    store: FrameStore
    number: int
    segment: int | None
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.store.of(self.number).name


@attrs.frozen(eq=False, slots=False)
class OpenedSegmentation:
    """A segmentation whose headers are read.

    Parameters
    ----------
    files : tuple of HeaderFile
        Its file; of a concatenation, all, in order.
    headers : Headers
        The header of the first.
    kind : Kind
        What the pixels are.
    form : PixelFormat
        How they are stored.
    facts : tuple of FrameFacts
        Of each file what its frames say.
    """

    files: tuple[HeaderFile, ...]
    headers: Headers
    kind: Kind
    form: PixelFormat
    facts: tuple[FrameFacts, ...]

    @property
    def name(self) -> str:
        """Name for messages."""
        return str(self.files[0].path)

    @cached_property
    def described(self) -> tuple[Segment, ...]:
        """All items of the Segment Sequence, the background of label maps among them."""
        found = []
        items = self.headers["SegmentSequence"][0]
        for k, item in enumerate(items if isinstance(items, Items) else ()):
            try:
                segment = Segment.from_item(item)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # What a broken item decodes to, nobody can foresee.
                raise HeaderError(f"item {k + 1} of the Segment Sequence: {error}") from error
            if segment.number is None:
                raise HeaderError(f"item {k + 1} of the Segment Sequence has no SegmentNumber")
            found.append(segment)
        numbers = [segment.number for segment in found]
        if not found or len(set(numbers)) < len(numbers):
            raise HeaderError(f"the Segment Sequence must describe segments of different numbers (got {numbers})")
        return tuple(found)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, in the order of the file, without the background."""
        return tuple(segment for segment in self.described if not self._is_background(segment))

    def _is_background(self, segment: Segment) -> bool:
        return self.kind is Kind.LABELMAP and (segment.type.value, segment.type.scheme) == _BACKGROUND

    @cached_property
    def background(self) -> frozenset[int]:
        """The stored values of a label map that are of no segment."""
        padding = unsigned_short(self.headers.element(_PADDING, 0))
        empty = {0, *(segment.number or 0 for segment in self.described if self._is_background(segment))}
        return frozenset(empty if padding is None else empty | {padding}) - {s.number for s in self.segments}

    @cached_property
    def labels(self) -> Mapping[int, int]:
        """For the number of each segment what its pixels are in a label map: that number, unless it states another."""
        found = {s.number or 0: s.number or 0 if s.value is None else s.value for s in self.segments}
        if len(set(found.values())) < len(found) or 0 in found.values():
            raise HeaderError(f"segments must have labels of their own, and none 0 (got {list(found.values())})")
        return found

    @property
    def label_type(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned type that holds all labels; of label maps that of the file at least."""
        stored = self.form.dtype if self.kind is Kind.LABELMAP else np.dtype(np.uint8)
        return np.result_type(stored, np.min_scalar_type(max(self.labels.values(), default=0)))

    @cached_property
    def label_table(self) -> npt.NDArray[np.unsignedinteger]:
        """For each value that a label map can store its label; 0 where it is of no segment."""
        table = np.zeros(1 << self.form.bits_allocated, self.label_type)
        for number, label in self.labels.items():
            table[number] = label
        return table

    @cached_property
    def plain_labels(self) -> int:
        """The highest value up to which all that is stored is its own label; -1 where it is not of that type."""
        if self.label_type != self.form.dtype:
            return -1
        differs = np.flatnonzero(self.label_table != np.arange(len(self.label_table)))
        return int(differs[0]) - 1 if len(differs) else len(self.label_table) - 1

    @cached_property
    def frames(self) -> tuple[StoredFrame, ...]:
        """All frames, in order."""
        found = []
        for file, facts in zip(self.files, self.facts, strict=True):
            store = FrameStore(Frame(file, 0, facts.count), self.form)
            found += [StoredFrame(store, k, facts.segments[k], facts.sources[k]) for k in range(facts.count)]
        return tuple(found)

    @property
    def references(self) -> frozenset[str]:
        """The SOP Instance UIDs of all images that frames, or the file as a whole, refer to."""
        stated = {source.sop_instance_uid for frame in self.frames for source in frame.sources}
        return frozenset(stated.union(*(facts.referenced for facts in self.facts)))

    @property
    def positions(self) -> npt.NDArray[np.float64] | None:
        """Where the frames lie, of shape (frames, 3), in mm, LPS; None if they have no place in the patient."""
        found = [facts.positions for facts in self.facts if facts.positions is not None]
        return np.concatenate(found) if len(found) == len(self.facts) else None

    @property
    def largest(self) -> int:
        """The stored value that stands for 1 in fractional segmentations."""
        value = unsigned_short(self.headers.element(_LARGEST, 0))
        if not value:
            raise HeaderError(f"MaximumFractionalValue must be 1 or more (got {value}): it says what fractions are of")
        return value


def open_segmentation(path: PathLike | Sequence[PathLike], series: str | int | None) -> OpenedSegmentation:
    """Read the header of a segmentation.

    Parameters
    ----------
    path, series
        As for ``SegmentationReader``.

    Raises
    ------
    ReadError
        If a file is missing or broken; the message names it.
    SeriesError
        If there is none, or there are several and none is chosen.
    HeaderError
        If the header does not say what it must.
    """
    name = f"{len(path)} files" if not isinstance(path, str) and isinstance(path, Sequence) else str(path)
    found = read_headers(list_files(path), strict=True)
    those = [file for file in found if file.text(_SOP_CLASS) in SEGMENTATION_CLASSES]
    if not those:
        others = ", ".join(sorted({file.text(_MODALITY) or "no modality" for file in found})) or "no DICOM files"
        raise SeriesError(
            f"{name}: there is no segmentation (SEG) here, but {others}; SeriesReader reads images, and ContourReader "
            "the contours of structure sets (RTSTRUCT)"
        )
    files = _one_image(choose_series(those, series, name), name)
    try:
        return _opened(files)
    except SlicewiseError as error:
        raise type(error)(f"{files[0].path}: {error}") from error


def _one_image(files: Sequence[HeaderFile], name: str) -> tuple[HeaderFile, ...]:
    if len(files) > 1:
        if len({file.text(_CONCATENATION) for file in files}) > 1 or not files[0].text(_CONCATENATION):
            listed = ", ".join(str(file.path) for file in files[:6]) + (", ..." if len(files) > 6 else "")
            raise SeveralSeriesError(f"{name}: the series holds {len(files)} segmentations, give one file: {listed}")
        files = sorted(files, key=lambda file: _number(file.header.element(_PART)))
    check_concatenations(files, may_lack_parts=False)
    return tuple(files)


def _number(element: RawElement | None) -> int:
    return 0 if element is None else int.from_bytes(element.value[:2], "little" if element.little_endian else "big")


def _opened(files: tuple[HeaderFile, ...]) -> OpenedSegmentation:
    parts = [assemble([file.header]) for file in files]
    headers = parts[0]
    kind = _kind(headers)
    _check_not_tiled(headers)
    if not all(file.has_pixels for file in files):
        raise SeriesError("the segmentation has no pixels")
    form = pixel_formats(headers)[0]
    if form.samples != 1 or form.signed or form.bits_allocated not in ((8, 16) if kind is Kind.LABELMAP else (1, 8)):
        raise HeaderError(
            f"{kind.name} segmentations have one sample of {'8 or 16 bits' if kind is Kind.LABELMAP else '1 or 8 bits'}"
            f" without a sign (got {form.samples} of {form.bits_allocated}{', signed' if form.signed else ''})"
        )
    facts = tuple(
        frame_facts(part, checked_count(file), are_labels=kind is Kind.LABELMAP)
        for part, file in zip(parts, files, strict=True)
    )
    opened = OpenedSegmentation(files, headers, kind, form, facts)
    _check_segments(opened)
    return opened


def _kind(headers: Headers) -> Kind:
    text = text_of(headers.element(_TYPE, 0))
    if text not in Kind.__members__:
        raise HeaderError(f"SegmentationType must be BINARY, FRACTIONAL or LABELMAP (got {text!r})")
    is_label_map = text_of(headers.element(_SOP_CLASS, 0)) == _LABEL_MAP
    if (text == "LABELMAP") is not is_label_map:
        raise HeaderError(
            f"SegmentationType {text} is not of the SOP class, which is {'' if is_label_map else 'not '}"
            "Label Map Segmentation Storage"
        )
    return Kind[text]


def _check_not_tiled(headers: Headers) -> None:
    columns, rows = (headers.element(tag, 0) for tag in _MATRIX)
    if columns is not None or rows is not None:
        size = " x ".join(str(headers[keyword][0]) for keyword in ("TotalPixelMatrixColumns", "TotalPixelMatrixRows"))
        raise SeriesError(
            f"the frames are tiles of one plane of {size} pixels, as of a whole slide, and no slices of a volume; such "
            "segmentations are not read"
        )


def _check_segments(opened: OpenedSegmentation) -> None:
    """Raise if a frame is of a segment that nothing describes."""
    known = {segment.number for segment in opened.described}
    for facts in opened.facts:
        odd = next((k for k, number in enumerate(facts.segments) if number is not None and number not in known), None)
        if odd is not None:
            listed = ", ".join(str(segment.number) for segment in opened.described[:12])
            raise HeaderError(
                f"frame {odd + 1} is of segment {facts.segments[odd]}, which the Segment Sequence does not describe "
                f"(it describes {listed}{', ...' if len(opened.described) > 12 else ''})"
            )
