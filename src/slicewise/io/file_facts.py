"""What discovery keeps of a file: the few attributes that place it in a patient, study, series and volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.frames import FRAME_TAGS, frames_of, is_multi_frame
from slicewise.io.header_files import HeaderFile, HeaderScanner
from slicewise.io.separators import PARTITION_TAGS
from slicewise.io.stored_files import StoredFile

__all__ = ["FACT_TAGS", "FactScanner", "FileFacts", "headers_of"]

Elements = Mapping[int, RawElement]

_NAMING = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "StudyInstanceUID",
    "StudyID",
    "AccessionNumber",
    "Modality",
    "SeriesDescription",
    "SeriesDate",
    "SeriesTime",
    "SeriesInstanceUID",
    "SeriesNumber",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PixelRepresentation",
    "SpacingBetweenSlices",
    "SliceThickness",
)

FACT_TAGS = PARTITION_TAGS | {tag_of(keyword) for keyword in _NAMING}
"""What is kept: what names an object, and what tells the volumes of a series apart."""


class FileFacts(NamedTuple):
    """A file of an object, with the elements of ``FACT_TAGS`` that it has.

    ``shared`` is one mapping for many files, and ``own`` has the values that differ from those in it. Of a
    multi-frame file ``per_frame`` has the elements that differ between its frames.
    """

    shared: Elements
    own: Mapping[int, bytes]
    has_pixels: bool
    frames: int = 1
    per_frame: Mapping[int, Sequence[RawElement | None]] = {}

    def element(self, tag: int) -> RawElement | None:
        """Return an element of the file, None if it has it not or its frames differ in it."""
        first = self.shared.get(tag)
        value = self.own.get(tag)
        if first is None or value is None:
            return first
        return RawElement(tag, first.vr, value, first.implicit, first.little_endian)

    def value(self, tag: int) -> bytes:
        """Return the value of an element without padding; empty if there is none."""
        value = self.own.get(tag)
        if value is None:
            first = self.shared.get(tag)
            value = b"" if first is None else first.value
        return value.strip(b" \0")


class FactScanner:
    """Reads the facts of files one after the other; of most of them little more than what is wanted is looked at."""

    def __init__(self) -> None:
        self._scanner = HeaderScanner(FACT_TAGS | FRAME_TAGS)
        self._whole = HeaderScanner()

    def read(self, source: StoredFile) -> FileFacts:
        """Return the facts of a file.

        Raises
        ------
        ReadError
            If it is broken or not DICOM; the message names it.
        HeaderError
            If its functional groups are not those of its frames.
        """
        file = self._scanner.read(source)
        if is_multi_frame(file):
            # What frames have of their own may stand in any attribute of the file.
            return _facts_of_frames(self._whole.read(source))
        header = file.header
        return FileFacts(header.family.reference, header.differing, header.pixels is not None)


def _facts_of_frames(file: HeaderFile) -> FileFacts:
    frames, headers = frames_of([file])
    shared: dict[int, RawElement] = {}
    per_frame: dict[int, Sequence[RawElement | None]] = {}
    for tag in FACT_TAGS:
        column = headers.column(tag)
        if isinstance(column, RawElement):
            shared[tag] = column
        elif column is not None:
            per_frame[tag] = column
    return FileFacts(shared, {}, file.has_pixels, len(frames), per_frame)


def headers_of(files: Sequence[FileFacts]) -> Headers:
    """Return a header for each frame of some files, in order, with the attributes that are kept."""
    shared = list({id(facts.shared): facts.shared for facts in files}.values())
    varying = {tag for facts in files for tag in facts.own}.union(*(facts.per_frame for facts in files))
    is_plain = all(facts.frames == 1 for facts in files)
    columns: dict[int, Column] = {}
    for tag in {tag for elements in shared for tag in elements} | varying:
        first = shared[0].get(tag)
        if tag not in varying and first is not None and all(elements.get(tag) == first for elements in shared):
            columns[tag] = first
        elif is_plain:
            columns[tag] = _column(files, tag)
        else:
            columns[tag] = tuple(element for facts in files for element in _of_frames(facts, tag))
    return Headers(sum(facts.frames for facts in files), columns)


def _column(files: Sequence[FileFacts], tag: int) -> tuple[RawElement | None, ...]:
    keys = [(id(facts.shared), facts.own.get(tag)) for facts in files]
    # Most values are there many times.
    made = {key: facts.element(tag) for key, facts in dict(zip(keys, files, strict=True)).items()}
    return tuple([made[key] for key in keys])


def _of_frames(facts: FileFacts, tag: int) -> Sequence[RawElement | None]:
    return facts.per_frame.get(tag) or (facts.element(tag),) * facts.frames
