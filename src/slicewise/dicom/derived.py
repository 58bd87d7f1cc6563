"""Headers of a derived series: the propagated headers, with a new identity and marked as derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
from pydicom.datadict import dictionary_VR, keyword_for_tag

from slicewise.dicom.character_sets import can_hold, in_utf8
from slicewise.dicom.class_attributes import check_known, class_columns, class_that_holds
from slicewise.dicom.derivation import Software, derivation_columns, image_type, source_columns
from slicewise.dicom.entities import by_volume, conflicting_columns, primary_columns
from slicewise.dicom.equipment import software_as_equipment
from slicewise.dicom.grid_attributes import grid_columns
from slicewise.dicom.identity import Naming, identity_columns
from slicewise.dicom.image_classes import ImageClass
from slicewise.dicom.mosaics import describes_mosaic
from slicewise.dicom.numbering import time_columns
from slicewise.dicom.provenance_block import block_tags
from slicewise.dicom.report import ReportRow
from slicewise.dicom.required import is_known_to, neutral_values, type_2
from slicewise.dicom.rule_table import PRIVATE_PROVENANCE, is_never_kept, row_for
from slicewise.dicom.single_frames import is_multi_frame, single_frame_columns
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Action, Change, Headers, ImageInfo, RawElement, Step
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element
from slicewise.image.headers import Column

__all__ = ["FOLLOWS_FROM_THE_IMAGE", "DerivedHeaders", "derive"]

_IMAGE_TYPE = tag_of("ImageType")

FOLLOWS_FROM_THE_IMAGE = frozenset(
    tag_of(keyword)
    for keyword in [
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "RescaleSlope",
        "RescaleIntercept",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SOPClassUID",
        "NumberOfFrames",
        "ImageType",
        "SourceImageSequence",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        "SpacingBetweenSlices",
        "Modality",
    ]
)


@attrs.frozen
class DerivedHeaders:
    """Headers to be written, and for each attribute that is not as in the source, why.

    Parameters
    ----------
    headers : Headers
        One header per slice.
    settled : mapping of int to Change
        What was regenerated or dropped when the series was made up, by tag.
    notes : tuple of str
        What a reader should know.
    """

    headers: Headers
    settled: Mapping[int, Change]
    notes: tuple[str, ...] = ()

    def updated(self, columns: Mapping[int, Column | None], reason: str | None = None) -> DerivedHeaders:
        """Return headers with some attributes replaced or dropped (None).

        Parameters
        ----------
        columns : mapping of int to Column or None
            The attributes; those that stay as they are need not be left out.
        reason : str, optional
            Why; from the header rules if not given.
        """
        changed = {tag: column for tag, column in columns.items() if not _same(column, self.headers.column(tag))}
        settled = dict(self.settled)
        for tag, column in changed.items():
            action = Action.DROPPED if column is None else Action.REGENERATED
            settled[tag] = Change(tag, action, reason or row_for(tag).why)
        return attrs.evolve(self, headers=self.headers.with_columns(changed), settled=settled)

    def noting(self, changes: Iterable[Change]) -> DerivedHeaders:
        """Return the same headers, with what else became of attributes when pixels were stored."""
        return attrs.evolve(self, settled={**self.settled, **{change.tag: change for change in changes}})

    def with_overrides(
        self, overrides: Mapping[str, Any], sources: frozenset[str], *, one_instance: bool = False
    ) -> DerivedHeaders:
        """Return headers with values the caller gives.

        Parameters
        ----------
        overrides : mapping
            Keyword to a value, a list with one per slice, or None to drop the attribute.
        sources : frozenset of str
            Identifiers of the source.
        one_instance : bool
            Whether the slices are frames of one instance.

        Raises
        ------
        ParameterError
            If an attribute is one that must follow from the image, or an identifier is a source's or
            not unique.
        """
        if not overrides:
            return self
        for keyword in overrides:
            tag = tag_of(keyword)
            if tag >> 16 in (0x0002, 0x7FE0) or not tag & 0xFFFF:
                raise ParameterError(f"'overrides' cannot set {keyword}: it is no attribute of a header")
            if tag in FOLLOWS_FROM_THE_IMAGE and not (keyword == "LossyImageCompression" and not self._has(tag)):
                raise ParameterError(
                    f"'overrides' cannot set {keyword}: it follows from the image, and another value would be untrue"
                )
        headers = self.headers.replace(overrides)
        _check_uids(headers, sources, one_instance=one_instance)
        if "SeriesNumber" in overrides:
            raise ParameterError("'overrides' cannot set SeriesNumber: series_number= does, and checks it")
        # Another character set changes all text, not only what is given.
        columns = {tag: headers.column(tag) for tag in {*self.headers.columns(), *headers.columns()}}
        return self.updated(columns, "given by the caller")

    def with_required(self) -> DerivedHeaders:
        """Return headers in which attributes that must be there are: empty, or with a neutral value."""
        sop_class = text_of(self.headers.element(tag_of("SOPClassUID"), 0))
        columns: dict[int, Column | None] = {}
        for tag in type_2(sop_class):
            column = self.headers.column(tag)
            if column is None or (not isinstance(column, RawElement) and None in column):
                empty = RawElement(tag, dictionary_VR(tag), b"")
                columns[tag] = empty if column is None else tuple(e or empty for e in column)
        filled = self.updated(columns, "nothing true is known of it, and it must be there (type 2)")
        neutral = neutral_values(sop_class)
        missing = {tag: RawElement(tag, dictionary_VR(tag), v) for tag, v in neutral.items() if not self._has(tag)}
        return filled.updated(missing, "its value no longer holds, and there must be one (type 1)")

    def check_asked(self, kind: ImageClass) -> None:
        """Raise if an attribute of a class has no value that only the caller can know.

        Raises
        ------
        ParameterError
            If there is one.
        """
        values = {keyword: self.headers[keyword] for keyword in kind.asked}
        known = {keyword: v[0] for keyword, v in values.items() if all(one not in (None, "") for one in v)}
        check_known(kind, known, "overrides")

    def within_iod(self) -> DerivedHeaders:
        """Return headers without what the IOD of their class does not know; private attributes stay."""
        sop_class = text_of(self.headers.element(tag_of("SOPClassUID"), 0))
        foreign = [
            tag
            for tag in self.headers.columns()
            if not tag >> 16 & 1 and not is_known_to(sop_class, keyword_for_tag(tag))
        ]
        return self.updated(dict.fromkeys(foreign), "strict_iod: the IOD does not know it")

    def _has(self, tag: int) -> bool:
        return self.headers.column(tag) is not None

    def rows(self, history: Sequence[Step], source_tags: frozenset[int]) -> tuple[ReportRow, ...]:
        """Return what became of each attribute, in tag order.

        Parameters
        ----------
        history : sequence of Step
            The steps, with what their rules changed.
        source_tags : frozenset of int
            Attributes that were there at the start.
        """
        rows: dict[tuple[int, Action], ReportRow] = {}
        present = self.headers.columns()
        for number, change in [(k, c) for k, step in enumerate(history, 1) for c in step.changes]:
            if change.tag in present or change.action is Action.DROPPED:
                rows[change.tag, change.action] = ReportRow(*change, step=number)
        for tag, change in self.settled.items():
            rows = {key: row for key, row in rows.items() if key[0] != tag}
            rows[tag, change.action] = ReportRow(*change)
        for tag in present:
            if (tag, Action.REGENERATED) in rows:
                continue
            partly = rows.get((tag, Action.DROPPED))
            if partly is None or partly.slices is not None:
                rows[tag, Action.KEPT] = ReportRow(tag, Action.KEPT, "from the source slice")
        gone = source_tags - set(present)
        lost = {
            tag: ReportRow(tag, Action.DROPPED, row_for(tag).why) for tag in gone if (tag, Action.DROPPED) not in rows
        }
        return tuple(sorted([*rows.values(), *lost.values()], key=lambda row: row.tag))


def _same(first: Column | None, second: Column | None) -> bool:
    if isinstance(first, RawElement) and isinstance(second, RawElement):
        return (
            first.value.rstrip(b" \0") == second.value.rstrip(b" \0")
            if _is_text(first)
            else first.value == second.value
        )
    if isinstance(first, RawElement) or isinstance(second, RawElement) or first is None or second is None:
        return first is second
    return all(a is b or (a is not None and b is not None and _same(a, b)) for a, b in zip(first, second, strict=True))


def _is_text(element: RawElement) -> bool:
    return element.vr in ("CS", "DS", "IS", "LO", "SH", "UI")


def _of_some_class(info: ImageInfo, wanted: ImageClass | None) -> ImageInfo:
    """Return what is known of an image that is of some class: of images of several, the one that was chosen."""
    tag = tag_of("SOPClassUID")
    if info.headers.column(tag) is not None:
        return info
    if info.headers.column(tag_of("StudyInstanceUID")) is None:
        raise HeaderError(
            "the image has no headers of a DICOM series (SOPClassUID is missing): give it those of the series it "
            "belongs to, e.g. Image.from_sitk(image, headers=series.headers), or new ones with NewSeries(modality)"
        )
    if wanted is None:
        raise HeaderError(
            "the image was made of images of several classes, and is of none by itself: say of which it is to be, e.g. "
            "sop_class='SecondaryCaptureImageStorage'; or, where its values are those of one of them, as of PET in a "
            "mask from CT, give it that one's headers: WithPixelsFrom(pet, result, keeps_units=True)"
        )
    element = encode_element(tag, wanted.uid)
    return attrs.evolve(info, headers=info.headers.with_columns({tag: element}))


def derive(
    info: ImageInfo,
    *,
    naming: Naming,
    software: Software,
    now: datetime,
    wanted_type: Sequence[str] | None,
    equipment: str,
    private: str,
    texts: Sequence[str] = (),
    wanted_class: ImageClass | None = None,
    extract: bool = True,
) -> DerivedHeaders:
    """Return the headers of a derived series, but for what depends on how pixels are stored.

    Parameters
    ----------
    info : ImageInfo
        The image to be written.
    naming : Naming
        What the caller wants it to be called.
    software : Software
        What derives it.
    now : datetime
        The time of writing.
    wanted_type : sequence of str, optional
        Image Type, if not as the rules say.
    equipment : "scanner" or "software"
        Who stands as the equipment that made the images.
    private : "rules", "keep" or "drop"
        What to do with private attributes.
    texts : sequence of str
        What the caller is going to write; where the character set cannot hold it, all text becomes UTF-8.
    wanted_class : ImageClass, optional
        The class to write; that of the headers if not given, and if it can hold the image.
    extract : bool
        Whether frames of multi-frame images become images of their own.

    Raises
    ------
    ParameterError
        If the class that was chosen cannot hold the image.
    HeaderError
        If the headers do not say of what class the images are, or it is one whose frames cannot stand alone.
    """
    info = _of_some_class(info, wanted_class)
    if extract and text_of(info.headers.element(tag_of("Modality"), 0)) == "RTDOSE":
        raise HeaderError(
            "a derived RT Dose is not written as a series: a dose grid is one image. Write it with MultiFrameWriter, "
            "or save the values with VolumeWriter"
        )
    derived = DerivedHeaders(_without_group_lengths(info.headers), {})
    derived = derived.updated({tag: None for tag in derived.headers.columns() if is_never_kept(tag)})
    is_extracted = extract and is_multi_frame(info.headers)
    if is_extracted:
        derived = derived.updated(single_frame_columns(info.headers), "each frame is an image of its own")
    if extract:
        derived = _in_class(derived, info, wanted_class)
    if not can_hold(derived.headers, texts):
        derived = derived.updated(in_utf8(derived.headers).columns(), "its text is written in UTF-8")
    if info.axis is not None:
        derived = _as_one_series(derived)
    info = attrs.evolve(info, headers=derived.headers)
    derived = _with_private(derived, info, private)
    derived = derived.updated(dict.fromkeys(block_tags(derived.headers)), PRIVATE_PROVENANCE.why)
    derived = derived.updated(dict.fromkeys(describes_mosaic(derived.headers)), "it describes the mosaic of the source")
    derived = derived.updated(identity_columns(info, naming, software, now))
    derived = derived.updated(time_columns(info), "counted over the volumes of the stack")
    volumes = attrs.evolve(info, headers=derived.headers).volumes
    derived = derived.updated(
        by_volume(volumes, lambda v: grid_columns(v.headers, v.geometry)), "the grid of the image"
    )
    derived = derived.updated(by_volume(volumes, lambda v: {_IMAGE_TYPE: image_type(v, wanted_type)}))
    derived = derived.updated(by_volume(volumes, _sources))
    derived = derived.updated(
        by_volume(volumes, lambda v: derivation_columns(v, software, now, is_extracted=is_extracted))
    )
    if equipment == "software":
        derived = derived.updated(software_as_equipment(derived.headers, software), "equipment='software'")
    return derived


def _in_class(derived: DerivedHeaders, info: ImageInfo, wanted: ImageClass | None) -> DerivedHeaders:
    sop_class = text_of(derived.headers.element(tag_of("SOPClassUID"), 0))
    kind, why = class_that_holds(info, sop_class, wanted)
    if kind is None:
        return derived
    keeps_units = all(step.keeps_units for step in info.history)
    columns = class_columns(derived.headers, kind, keeps_units=keeps_units)
    changed = derived.updated(columns, f"the images are of another class: {why}")
    return changed if wanted else attrs.evolve(changed, notes=(f"written as {kind.keyword}: {why}",))


def _without_group_lengths(headers: Headers) -> Headers:
    return headers.with_columns({tag: None for tag in headers.columns() if not tag & 0xFFFF})


def _as_one_series(derived: DerivedHeaders) -> DerivedHeaders:
    if not isinstance(derived.headers.column(tag_of("SpecificCharacterSet")), RawElement | None):
        derived = derived.updated(in_utf8(derived.headers).columns(), "its text is written in UTF-8")
    derived = derived.updated(primary_columns(derived.headers), "one series has one: that of the first volume")
    return derived.updated(conflicting_columns(derived.headers), "one series has one, and the volumes differ in it")


def _sources(info: ImageInfo) -> dict[int, Column | None]:
    replaced = ("SourceImageSequence", "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence")
    return {tag_of(keyword): None for keyword in replaced} | source_columns(info)


def _with_private(derived: DerivedHeaders, info: ImageInfo, private: str) -> DerivedHeaders:
    if private == "drop":
        tags = [tag for tag in derived.headers.columns() if tag >> 16 & 1]
        return derived.updated(dict.fromkeys(tags), "private='drop'")
    if private == "keep" and info.withheld is not None:
        withheld = by_volume(info.volumes, lambda v: {} if v.withheld is None else v.withheld.columns())
        return derived.updated(withheld, "private='keep'")
    return derived


def _check_uids(headers: Headers, sources: frozenset[str], *, one_instance: bool) -> None:
    uids = [text_of(headers.element(tag_of("SOPInstanceUID"), k)) for k in range(len(headers))]
    numbers = headers["InstanceNumber"]
    if one_instance:
        for keyword, values in (("SOPInstanceUID", uids), ("InstanceNumber", numbers)):
            if len(set(values)) > 1 or values[0] in (None, ""):
                raise ParameterError(f"'overrides' must leave one {keyword} for all frames: they are one instance")
        uids, numbers = uids[:1], numbers[:1]
    if len(set(uids)) < len(uids):
        raise ParameterError("'overrides' gives several slices one SOPInstanceUID: each needs its own")
    if len(set(numbers)) < len(numbers):
        raise ParameterError("'overrides' gives several slices one InstanceNumber: give a list with one for each")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        column = headers.column(tag_of(keyword))
        if not isinstance(column, RawElement) or not text_of(column):
            raise ParameterError(f"'overrides' must leave one {keyword} for all slices")
    reused = sources & {*uids, text_of(headers.element(tag_of("SeriesInstanceUID"), 0))}
    if reused:
        raise ParameterError(
            f"'overrides' gives an identifier of the source ({min(reused)}): a derived image needs one of its own"
        )
