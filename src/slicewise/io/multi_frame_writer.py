"""One multi-frame image as the end of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import attrs

from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.encoders import syntax_of
from slicewise.dicom.frame_places import missing_attributes
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind, multi_frame_kind
from slicewise.dicom.multi_frame_headers import (
    as_frames,
    unknown_to,
    with_required,
)
from slicewise.dicom.new_headers import new_attributes
from slicewise.dicom.storing import Storage
from slicewise.dicom.uids import fresh_uids
from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of
from slicewise.io.derived_writer import DerivedWriter, Written, source_uids
from slicewise.io.multi_frame_trial import MultiFrameTrial, complete, is_new_class, some_form
from slicewise.io.one_file import check_file_destination, staged_file
from slicewise.io.paths import one_path
from slicewise.pipeline.node import node
from slicewise.pipeline.run import Runner

__all__ = ["MultiFrameWriter"]


def _coded(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    is_code = isinstance(value, Sequence) and not isinstance(value, str) and [type(v) for v in value] == [str] * 3
    if value is not None and not (is_code and all(v.isascii() and v.strip() for v in value)):
        raise ParameterError(
            f"{attribute.name!r} must be a code: value, scheme and meaning, e.g. ('mm2/s', 'UCUM', 'mm2/s') (got "
            f"{value!r})"
        )


@node
class MultiFrameWriter(DerivedWriter):
    """Writer of one multi-frame DICOM image: all slices as frames of one file.

    The image is derived, as the series of a ``SeriesWriter`` is: a new identity, marked with what it comes from, each
    attribute as far as it is still true. What frames share is said once, what they differ in by frame, in the
    functional groups that the class has for it (PS3.3, C.7.6.16). The file is complete or absent.

    Images of an enhanced class stay in it. Classic CT, MR and PET images become legacy converted enhanced ones, in
    which every attribute has a place; ultrasound becomes a multi-frame image of its own; everything else, and images
    without headers, a multi-frame secondary capture, which holds whole numbers from 0 to 65535 as they are. By name
    there are also the enhanced classes, and the parametric map, which holds floating-point values as they are.

    Parameters
    ----------
    path : path
        The file to write. The folder is made if it is not there.
    sop_class : str, optional
        Keyword or UID of the class, such as ``"EnhancedMRImageStorage"``; by default it follows from the source.
    unit : (str, str, str), optional
        Unit of the values of a parametric map: code, its scheme and its meaning, e.g. ``("mm2/s", "UCUM", "mm2/s")``.
    series_description, series_number, image_type, uid_prefix, uids, equipment, private, overrides
        See ``SeriesWriter``. In ``overrides`` a list has one value per frame.
    transfer_syntax : str
        Name or UID, see ``SeriesWriter``.
    strict_iod : bool
        Whether attributes are left out that the IOD of the class does not know.
    digest : "crc32+adler32" or "sha256"
        See ``SeriesWriter``; there is one for each frame.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    DestinationError
        If the file is one of the source, or is there and not to be overwritten.
    ParameterError
        If an attribute is missing that images of the class must state and nobody knows, or a parameter would make a
        header untrue.
    HeaderError
        If the image cannot be of the class.
    ValueRangeError
        If a value cannot be stored.
    WriteError
        If the disk is full or cannot be written to; nothing is left behind.
    """

    takes_stacks: ClassVar[bool] = True

    path: Path = attrs.field(converter=one_path)
    sop_class: str | None = attrs.field(default=None, kw_only=True)
    unit: Sequence[str] | None = attrs.field(default=None, kw_only=True, validator=_coded)

    def check(self) -> None:
        """Raise what can be known to be wrong before a pixel is read."""
        super().check()
        _ = self._described
        self._check_destination()

    def execute(self, runner: Runner) -> Written:
        """Run the pipeline, write the file and return what was written."""
        self._check_destination()
        kind, derived = self._described
        with staged_file(self.path, self._check_destination) as stage:
            trial = MultiFrameTrial(self, derived, runner, stage, kind=kind, unit=self.unit)
            written = trial.run()
        return Written(
            folder=self.path.parent,
            paths=(self.path,),
            series_uid=text_of(written.headers.element(tag_of("SeriesInstanceUID"), 0)),
            report=self._report(trial, written),
        )

    @cached_property
    def _described(self) -> tuple[MultiFrameKind, DerivedHeaders]:
        info = self._with_headers
        kind = multi_frame_kind(info, self.sop_class)
        self._check_unit(kind)
        derived = self._derived(info, extract=False)
        derived = as_frames(derived, info, kind, type_is_given=self.image_type is not None)
        derived = derived.with_overrides(self.overrides, source_uids(info), one_instance=True)
        if self.strict_iod and kind.form is not Form.CONVERTED:  # which has a place for everything
            unknown = dict.fromkeys(unknown_to(derived, kind))
            derived = derived.updated(unknown, "strict_iod: the IOD does not know it")
        derived = with_required(derived, kind)
        self._check_known(kind, derived, info)
        return kind, derived

    @cached_property
    def _with_headers(self) -> ImageInfo:
        info = self.source.info
        if info.headers.column(tag_of("SOPClassUID")) is not None:
            return info
        uids = fresh_uids(self.uid_prefix)
        made = new_attributes(info, "OT", given={}, study_uid=next(uids), frame_of_reference_uid=next(uids))
        return attrs.evolve(info, headers=info.headers.replace(made))

    def _check_unit(self, kind: MultiFrameKind) -> None:
        if isinstance(self.transfer_syntax, Lossy):
            raise ParameterError(
                "multi-frame images are not compressed with loss: write a lossless transfer syntax, or single images "
                "with SeriesWriter"
            )
        is_map = kind.form is Form.MAP
        if is_map and self.unit is None:
            raise ParameterError("a parametric map states the unit of its values: unit=('mm2/s', 'UCUM', 'mm2/s')")
        if not is_map and self.unit is not None:
            raise ParameterError(f"'unit' is stated by parametric maps alone, and this is written as {kind.keyword}")
        if is_map and syntax_of(self.transfer_syntax).is_encapsulated:
            raise ParameterError("floating-point values are not compressed: transfer_syntax='explicit' or 'deflated'")

    def _check_known(self, kind: MultiFrameKind, derived: DerivedHeaders, info: ImageInfo) -> None:
        storage = Storage("1", "0", some_form(info))
        is_new = is_new_class(kind, info)
        storages = (storage,) * info.slices
        layout, _ = complete(derived, kind, storages, is_new=is_new, keeps_mapping=True, keeps_units=True)
        # PixelData, and how it is stored, is known when it is written.
        missing = missing_attributes(layout, kind)
        if kind.has_groups and derived.headers.column(tag_of("SliceThickness")) is None:
            missing.append("SliceThickness")
        if not is_new:
            # What images of the class lacked before, they may lack again.
            missing = [keyword for keyword in missing if info.headers.column(tag_of(keyword)) is not None]
        if missing:
            raise ParameterError(
                f"an image of class {kind.keyword} must state {', '.join(missing)}, and nobody knows: give them with "
                f"overrides={{{missing[0]!r}: ...}}, or name another class with sop_class="
            )

    def _check_destination(self) -> None:
        check_file_destination(self.path, self, self.source.info, overwrite=self.overwrite)
