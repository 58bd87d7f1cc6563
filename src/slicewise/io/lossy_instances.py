"""Instances compressed with loss: derived images, with identifiers of their own (PS3.3, C.7.6.1.1.2)."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom import codes
from slicewise.dicom.decoding import LOSSY_SYNTAXES
from slicewise.dicom.derivation import equipment_columns, predecessor_columns
from slicewise.dicom.encoders import Coded, Syntax
from slicewise.dicom.encoding import explicit_column, item, text
from slicewise.dicom.functional_groups import FRAME_GROUPS, SHARED_GROUPS
from slicewise.dicom.identity import now_of
from slicewise.dicom.items import items_of
from slicewise.dicom.lossy import Loss, Lossy
from slicewise.dicom.lossy_marks import RATIO, lossy_columns, ratio_element
from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.provenance_block import block_tags
from slicewise.dicom.stored_attributes import EXTREMES, extremes, unsigned
from slicewise.dicom.storing import Storage, moved_up
from slicewise.dicom.uids import fresh_uids
from slicewise.dicom.values import text_of
from slicewise.errors import ReadError
from slicewise.image import Code, Headers, RawElement, Source
from slicewise.image.elements import name_of, tag_of
from slicewise.image.headers import Column
from slicewise.io.software import this_software

__all__ = ["LossyInstances", "check_loss", "without_signs"]

Array = npt.NDArray[Any]

_IDENTIFIERS = ("SOPInstanceUID", "SeriesInstanceUID", "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource")
_LABELS = frozenset(["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"])
"""Segmentations and label maps, whose values are names of things."""
_FRAME_TYPE = tag_of("FrameType")
_OF_STORED_VALUES = tuple(
    tag_of(keyword) for keyword in ("ModalityLUTSequence", "RealWorldValueMappingSequence", "DoseGridScaling")
)


class LossyInstances:
    """What the instances of one run share: new identifiers, the same for the same old ones; and what was lost.

    Parameters
    ----------
    lossy : Lossy
        What is done to them.
    """

    def __init__(self, lossy: Lossy) -> None:
        self._lossy = lossy
        self._lock = threading.Lock()
        self._fresh = fresh_uids(None)
        self._uids: dict[tuple[str, str], str] = {}
        self._losses: list[tuple[int, int, int]] = []

    @property
    def loss(self) -> Loss | None:
        """What was lost; None if there were no pixels."""
        return Loss.of_frames(str(self._lossy), self._losses)

    def columns(
        self, headers: Headers, frames: Sequence[Coded], form: PixelFormat, source_syntax: str
    ) -> dict[int, Column | None]:
        """Return what is another attribute of the compressed image than of the one it comes from.

        Parameters
        ----------
        headers : Headers
            The header of the source.
        frames : sequence of Coded
            The compressed frames.
        form : PixelFormat
            How their values are stored.
        source_syntax : str
            Transfer syntax of the source.
        """
        before, after = sum(f.decoded.nbytes for f in frames), sum(len(f.data) for f in frames)
        with self._lock:
            self._losses.append((max(f.difference for f in frames), before, after))
        now = now_of(headers)
        software = this_software()
        columns: dict[int, Column | None] = self._identity(headers)
        # Where it comes from is another thing now, and its pixels are others.
        columns |= dict.fromkeys(block_tags(headers))
        columns[tag_of("ImageType")] = _derived(headers.element(tag_of("ImageType"), 0), tag_of("ImageType"))
        columns |= _derived_frames(headers)
        columns |= lossy_columns(headers, self._lossy, software)
        columns[RATIO] = ratio_element(headers.with_columns(columns), 0, before / after)
        columns |= predecessor_columns(headers, _source(headers), _purpose(headers, source_syntax))
        columns |= equipment_columns(headers, software, now, "Lossy compression")
        columns[tag_of("InstanceCreationDate")] = text("InstanceCreationDate", now.strftime("%Y%m%d"), "DA")
        columns[tag_of("InstanceCreationTime")] = text("InstanceCreationTime", now.strftime("%H%M%S.%f"), "TM")
        if any(tag in headers.columns() for tag in EXTREMES):
            columns |= extremes(np.stack([f.decoded for f in frames]), Storage("1", "0", form))
        return columns

    def _identity(self, headers: Headers) -> dict[int, Column | None]:
        columns: dict[int, Column | None] = {}
        study = text_of(headers.element(tag_of("StudyInstanceUID"), 0))
        for keyword in _IDENTIFIERS:
            if old := text_of(headers.element(tag_of(keyword), 0)):
                # Two studies may have a series of one number by mistake; they stay apart.
                columns[tag_of(keyword)] = text(keyword, self._uid(study, old), "UI")
        number = text_of(headers.element(tag_of("SeriesNumber"), 0))
        if re.fullmatch(r"\d{1,7}", number):
            # As of every derived series: two series of a study must not share it.
            columns[tag_of("SeriesNumber")] = text("SeriesNumber", str(100 * int(number) + 1), "IS")
        return columns

    def _uid(self, study: str, old: str) -> str:
        with self._lock:
            if (study, old) not in self._uids:
                self._uids[study, old] = next(self._fresh)
            return self._uids[study, old]


def check_loss(headers: Headers, form: PixelFormat) -> None:
    """Raise if pixels are no amounts, so that a neighbouring value is another thing altogether.

    Raises
    ------
    ReadError
        If they are labels or places in a palette.
    """
    if text_of(headers.element(tag_of("SOPClassUID"), 0)) in _LABELS:
        raise ReadError("a segmentation is not compressed with loss: its values are labels")
    if form.photometric == "PALETTE COLOR":
        raise ReadError("pixels are places in a palette, where a neighbouring value is another colour altogether")


def without_signs(
    frames: Sequence[Array], form: PixelFormat, headers: Headers, syntax: Syntax
) -> tuple[list[Array], PixelFormat, dict[int, Column | None]]:
    """Return frames as unsigned values, moved up by half their range, and the intercept that moves them down again.

    Raises
    ------
    ReadError
        If stored values are negative and no intercept can be changed.
    """
    if not form.signed or syntax.keeps_signs:
        return list(frames), form, {}
    columns: dict[int, Column | None] = {tag_of("PixelRepresentation"): unsigned("PixelRepresentation", 0)}
    plain = f"u{form.dtype.itemsize}"
    new = moved_up(Storage(_stated(headers, "RescaleSlope", "1"), _stated(headers, "RescaleIntercept", "0"), form))
    modality = text_of(headers.element(tag_of("Modality"), 0))
    if modality == "PT":
        # Its intercept is 0 (PS3.3, C.8.9.4).
        if any(frame.min() < 0 for frame in frames):
            raise _negative(syntax, "the intercept of PET images must be 0")
        return [frame.astype(plain) for frame in frames], new.form, columns
    for tag in (*_OF_STORED_VALUES, SHARED_GROUPS, FRAME_GROUPS):
        if headers.element(tag, 0) is not None:
            raise _negative(syntax, f"{name_of(tag)} says what each stored value means")
    columns[tag_of("RescaleSlope")] = text("RescaleSlope", new.slope, "DS")
    columns[tag_of("RescaleIntercept")] = text("RescaleIntercept", new.intercept, "DS")
    if not _stated(headers, "RescaleType", "") and modality != "CT":
        columns[tag_of("RescaleType")] = text("RescaleType", "US", "LO")
    shift = 1 << (form.bits_stored - 1)
    return [(frame.astype(np.int32) + shift).astype(plain) for frame in frames], new.form, columns


def _negative(syntax: Syntax, reason: str) -> ReadError:
    return ReadError(
        f"signed values cannot be coded in {syntax.name!r}, in which -1 would become a large number, and cannot "
        f"be moved up either: {reason}. 'jpeg-2000-lossy' keeps signs"
    )


def _stated(headers: Headers, keyword: str, default: str) -> str:
    return text_of(headers.element(tag_of(keyword), 0)) or default


def _derived(element: RawElement | None, tag: int) -> RawElement:
    values = text_of(element).split("\\")[1:] or ["SECONDARY"]
    return RawElement(tag, "CS", "\\".join(["DERIVED", *values]).encode("ascii", "replace"))


def _derived_frames(headers: Headers) -> dict[int, Column | None]:
    """Return the functional groups with frames that are derived, too: Frame Type must agree with Image Type."""
    found: dict[int, Column | None] = {}
    for tag in (SHARED_GROUPS, FRAME_GROUPS):
        column = explicit_column(tag, headers)
        if column is not None:
            elements = [column] if isinstance(column, RawElement) else column
            found[tag] = tuple(None if e is None else _with_derived_type(e) for e in elements)
    return found


def _with_derived_type(element: RawElement) -> RawElement:
    if element.tag == _FRAME_TYPE:
        return _derived(element, _FRAME_TYPE)
    if element.vr != "SQ":
        return element
    contents = (item(_with_derived_type(e) for e in elements.values()) for elements in items_of(element))
    return element._replace(value=b"".join(contents))


def _source(headers: Headers) -> Source:
    return Source(
        study_uid=_stated(headers, "StudyInstanceUID", ""),
        series_uid=_stated(headers, "SeriesInstanceUID", ""),
        sop_class_uid=_stated(headers, "SOPClassUID", ""),
        sop_instance_uid=_stated(headers, "SOPInstanceUID", ""),
    )


def _purpose(headers: Headers, syntax_uid: str) -> Code:
    # What was coded without loss has lost nothing yet.
    was_lossy = syntax_uid in LOSSY_SYNTAXES or text_of(headers.element(tag_of("LossyImageCompression"), 0)) == "01"
    return codes.LOSSY_PREDECESSOR if was_lossy else codes.UNCOMPRESSED_PREDECESSOR
