"""The derived series as the end of a pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.dicom.derived import DerivedHeaders, derive
from slicewise.dicom.encoders import Syntax, coded_photometric, syntax_of
from slicewise.dicom.identity import Naming, now_of
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.lossy_marks import lossy_columns
from slicewise.dicom.numbering import instance_numbers
from slicewise.dicom.overlays import unwritten_overlays
from slicewise.dicom.report import Report
from slicewise.dicom.stored_attributes import stored_columns, window_columns
from slicewise.dicom.storing import Misfit
from slicewise.dicom.uids import check_prefix
from slicewise.dicom.values import text_of
from slicewise.errors import DestinationError, ParameterError, ValueRangeError, WriteError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of
from slicewise.io.header_files import read_headers
from slicewise.io.instance_files import LOSS, InstanceFiles
from slicewise.io.lineage import lineage
from slicewise.io.listing import list_files
from slicewise.io.packing import check_archive, is_archive_name, staged_archive
from slicewise.io.parameters import fixed_mapping, integer_string, one_of
from slicewise.io.series_reader import SeriesReader
from slicewise.io.software import this_software
from slicewise.io.spool import Spool, Spooled
from slicewise.io.staging import check_destination, staged_folder
from slicewise.io.storage_choice import Choice, PerSlice, candidates, measured, needs_window
from slicewise.pipeline.node import Array, Node, Slab, node
from slicewise.pipeline.run import Runner, Sink

__all__ = ["SeriesWriter", "Written"]


@attrs.frozen
class Written:
    """What a writer wrote.

    Parameters
    ----------
    folder : Path
        Where to.
    paths : tuple of Path
        The files, in slice order; of a stack volume after volume.
    series_uid : str
        SeriesInstanceUID of the new series.
    report : Report
        What became of each attribute, and how true the pixels are.
    """

    folder: Path
    paths: tuple[Path, ...]
    series_uid: str
    report: Report


def _folder(value: str | os.PathLike[str]) -> Path:
    return Path(value).expanduser()


def _known_syntax(_: Any, __: Any, value: str | Lossy) -> None:
    syntax_of(value)


def _one_line(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    # A backslash would part values, control characters are not allowed (PS3.5, 6.2, LO).
    if value is not None and (not isinstance(value, str) or "\\" in value or not value.isprintable()):
        raise ParameterError(f"{attribute.name!r} must be one line of text without backslashes (got {value!r})")


@node
class SeriesWriter(Sink):
    """Writer of a derived DICOM series: one single-frame file per slice.

    Each header is that of the slice it comes from, as far as it is still true (see the header
    rules), with a new identity, and marked as derived: from which images, how and with what
    (PS3.3, C.7.6.1.1.2 and C.12.4). The series is complete or absent: files are written aside and
    moved into place at the end.

    A stack of volumes becomes one series, numbered in the order of its source where that numbered all slices, else
    volume by volume.

    Values are stored with the slope and intercept of the source where they fit exactly, else with
    new ones that cover them; each stored value is decoded again and compared. Nothing is clipped.

    Parameters
    ----------
    folder : path
        Where to; made if it is not there. It must not hold the source. A name that ends in ``.zip``, ``.tar``,
        ``.tar.gz`` or ``.tgz`` stands for an archive of the files.
    series_description : str, optional
        At most 64 characters; by default that of the source and the names of the operations.
    series_number : int, optional
        By default a hundred times the source's and one.
    image_type : sequence of str, optional
        Instead of DERIVED, SECONDARY and the source's further values.
    file_pattern : str
        Names of the files; the braces take the instance number.
    instance_number_start : int
        Number of the first slice.
    uid_prefix : str, optional
        Root of new identifiers; the root of UUIDs, 2.25, if not given.
    uids : "fresh" or "reproducible"
        Whether identifiers are new each time, or the same for the same sources and operations.
    equipment : "scanner" or "software"
        Whether the scanner stands as the equipment and this software as a contributor, or the other
        way round (PS3.3, C.7.5).
    private : "rules", "keep" or "drop"
        Private attributes: as the header rules say, all kept where the slices agree, or none.
    overrides : mapping, optional
        Values for attributes: keyword to a value, a list with one value per slice, or None to drop it.
    transfer_syntax : str or Lossy
        Name or UID, all lossless: ``"explicit"``, ``"implicit"``, ``"deflated"``, ``"rle"``, ``"jpeg-lossless"``,
        ``"jpeg-ls"``, ``"jpeg-2000"``, ``"htj2k"``. Compressed frames are decoded
        again and compared. With loss, and marked so, only as a value that says how much:
        ``Lossy("jpeg-ls-near", error=2)``.
    strict_iod : bool
        Whether attributes are left out that the IOD of the class does not know. They are allowed otherwise, as
        those of a Standard Extended SOP class (PS3.2, 3.11.3).
    overwrite : bool
        Whether a series that is in the folder is replaced.

    Raises
    ------
    DestinationError
        If the folder holds the source, or anything that is not to be overwritten.
    ParameterError
        If a parameter would make a header untrue.
    ValueRangeError
        If a value cannot be stored.
    WriteError
        If the disk is full or cannot be written to; nothing is left behind.
    """

    takes_stacks: ClassVar[bool] = True

    folder: Path = attrs.field(converter=_folder)
    series_description: str | None = attrs.field(default=None, kw_only=True, validator=_one_line)
    series_number: int | None = attrs.field(default=None, kw_only=True, validator=integer_string)
    image_type: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    file_pattern: str = attrs.field(default="{:04d}.dcm", kw_only=True)
    instance_number_start: int = attrs.field(default=1, kw_only=True, validator=integer_string)
    uid_prefix: str | None = attrs.field(default=None, kw_only=True)
    uids: str = attrs.field(default="fresh", kw_only=True, validator=one_of("fresh", "reproducible"))
    equipment: str = attrs.field(default="scanner", kw_only=True, validator=one_of("scanner", "software"))
    private: str = attrs.field(default="rules", kw_only=True, validator=one_of("rules", "keep", "drop"))
    overrides: Mapping[str, Any] = attrs.field(default=None, kw_only=True, converter=fixed_mapping)
    transfer_syntax: str | Lossy = attrs.field(default="explicit", kw_only=True, validator=_known_syntax)
    strict_iod: bool = attrs.field(default=False, kw_only=True)
    overwrite: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_prefix(self.uid_prefix)
        _file_name(self.file_pattern, self.instance_number_start)

    def check(self) -> None:
        """Raise what can be known to be wrong before a pixel is read."""
        super().check()
        _ = self._is_sound
        self._check_folder()

    @cached_property
    def _is_sound(self) -> bool:
        """True, or an error: what depends on the graph alone, and is looked at once."""
        self._check_names()
        info = self.source.info
        if info.components > 1 and info.dtype != np.uint8:
            raise ParameterError(
                f"colour is written with 8 bits per sample (got {info.components} components of {info.dtype}): "
                "Cast('uint8') or Window first, or take one component"
            )
        self._check_loss()
        self._derive()
        return True

    def execute(self, runner: Runner) -> Written:
        """Run the pipeline, write the series and return what was written."""
        derived = self._derive()
        self._check_folder()
        staged = staged_archive if is_archive_name(self.folder) else staged_folder
        with staged(self.folder, overwrite=self.overwrite) as stage:
            writing = _Writing(self, derived, runner, stage)
            files, choice, final = writing.run()
        paths = tuple(self.folder / name for name in self.file_names)
        return Written(
            folder=self.folder,
            paths=paths,
            series_uid=text_of(final.headers.element(tag_of("SeriesInstanceUID"), 0)),
            report=self._report(files, choice, final),
        )

    @property
    def file_names(self) -> list[str]:
        """Names of the files, in slice order: they take the instance numbers."""
        numbers = instance_numbers(self.source.info, self.instance_number_start)
        return [_file_name(self.file_pattern, number) for number in numbers]

    @property
    def source(self) -> Node:
        """The node whose result is written."""
        return next(iter(self.inputs.values()))

    def _derive(self) -> DerivedHeaders:
        info = self.source.info
        derived = derive(
            info,
            naming=Naming(
                series_description=self.series_description,
                series_number=self.series_number,
                lineage=self._lineage,
                instance_number_start=self.instance_number_start,
                uid_prefix=self.uid_prefix,
                uids=self.uids,
            ),
            software=this_software(),
            now=now_of(info.headers),
            wanted_type=self.image_type,
            equipment=self.equipment,
            private=self.private,
            texts=[text for text in (self.series_description, *self.overrides.values()) if isinstance(text, str)],
        )
        derived = derived.with_required().with_overrides(self.overrides, _source_uids(info))
        if isinstance(self.transfer_syntax, Lossy):
            derived = derived.updated(lossy_columns(derived.headers, self.transfer_syntax, this_software()), LOSS)
        return derived.within_iod() if self.strict_iod else derived

    @property
    def _lineage(self) -> str:
        if self.uids != "reproducible":
            return ""
        # What is lost makes another image; how it is coded otherwise does not.
        lost = [repr(self.transfer_syntax)] if isinstance(self.transfer_syntax, Lossy) else []
        return "\n".join([lineage(self.source), *lost])

    def _check_loss(self) -> None:
        if not isinstance(self.transfer_syntax, Lossy):
            return
        info = self.source.info
        is_mask = bool(info.history) and codes.SEGMENTATION in info.history[-1].derivation
        if info.dtype.kind == "b" or is_mask:
            raise ParameterError("a mask is not compressed with loss: other pixels would be in it")
        if self.image_type and self.image_type[0].strip().upper() == "ORIGINAL":
            raise ParameterError("'image_type' cannot be ORIGINAL: what is compressed with loss is DERIVED")
        if self.transfer_syntax.name == "jpeg-baseline" and (info.dtype != np.uint8 or _wants_16_bits(info)):
            raise ParameterError(
                f"'jpeg-baseline' codes 8 bits without a sign, which CT, MR and PET images never have (got "
                f"{info.dtype} of {text_of(info.headers.element(tag_of('Modality'), 0)) or 'no modality'}): take "
                "Lossy('jpeg-ls-near', error=...) or Lossy('jpeg-2000-lossy', psnr=...)"
            )

    def _check_names(self) -> None:
        names = self.file_names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ParameterError(
                f"'file_pattern' must give each slice its own file name (got {self.file_pattern!r}, which gives "
                f"several of them {twice!r})"
            )
        last = self.instance_number_start + len(names) - 1
        if last >= 2**31:
            raise ParameterError(f"'instance_number_start' must leave room for all slices (the last would be {last})")

    def _check_folder(self) -> None:
        target = self.folder.resolve()
        for reader in (n for n in self.walk() if isinstance(n, SeriesReader)):
            for path in reader.files:
                if path.resolve().parent == target or target in path.resolve().parents:
                    raise DestinationError(
                        f"{self.folder}: the folder holds a file of the source "
                        f"({path.resolve().relative_to(target)}), which is never "
                        "overwritten; write to another folder"
                    )
        if is_archive_name(self.folder):
            check_archive(self.folder, overwrite=self.overwrite)
        else:
            check_destination(self.folder, overwrite=self.overwrite)
        if self.folder.exists():
            self._check_replaced()

    def _check_replaced(self) -> None:
        # An image in memory does not know the files it came from, but it knows the instances.
        sources = _source_uids(self.source.info)
        files = list_files(self.folder, hidden=True) if self.folder.is_file() else sorted(self.folder.iterdir())
        for file in read_headers(files, strict=True):
            if file.text(tag_of("SOPInstanceUID")) in sources:
                raise DestinationError(
                    f"{self.folder}: the folder holds an instance of the source ({file.path.name}), which is never "
                    "overwritten; write to another folder"
                )

    def _report(self, files: InstanceFiles, choice: Choice | PerSlice, final: DerivedHeaders) -> Report:
        info = self.source.info
        readers = [n for n in self.walk() if not n.inputs]
        source_tags = frozenset(tag for reader in readers for tag in reader.info.headers.columns())
        return Report(
            rows=final.rows(info.history, source_tags),
            slices=files.written,
            largest_error=files.largest_error,
            storage=str(choice),
            warnings=tuple(step.description for step in info.history if step.is_note),
            loss=files.loss,
        )


def _file_name(pattern: str, number: int) -> str:
    try:
        name = pattern.format(number)
        other = pattern.format(number + 1)
    except (ValueError, IndexError, KeyError) as error:
        raise ParameterError(
            f"'file_pattern' must take a number, like 'slice_{{:04d}}.dcm' (got {pattern!r}: {error})"
        ) from error
    if name == other or not 0 < len(name.encode()) <= 255 or "/" in name or "\0" in name or name.startswith("."):
        raise ParameterError(
            f"'file_pattern' must give each slice its own plain file name, like 'slice_{{:04d}}.dcm' (got {pattern!r})"
        )
    return name


def _wants_16_bits(info: ImageInfo) -> bool:
    # PS3.3, C.8.2.1, C.8.3.1 and C.8.9.4. Colour of these is a secondary capture.
    return info.components == 1 and text_of(info.headers.element(tag_of("Modality"), 0)) in ("CT", "MR", "PT")


def _source_uids(info: ImageInfo) -> frozenset[str]:
    sources = [source for sources in info.sources for source in sources]
    return frozenset(uid for source in sources for uid in (source.series_uid, source.sop_instance_uid))


class _Writing:
    """One run of a writer: the storages that are tried in turn, until one holds all values."""

    def __init__(self, writer: SeriesWriter, derived: DerivedHeaders, runner: Runner, stage: Path) -> None:
        self.writer = writer
        self.derived = derived
        self.runner = runner
        self.stage = stage
        self.info = writer.source.info
        self.keeps_units = all(step.keeps_units for step in self.info.history)
        self.overridden = {tag_of(keyword) for keyword in writer.overrides}

    def run(self) -> tuple[InstanceFiles, Choice | PerSlice, DerivedHeaders]:
        """Write all slices to the stage."""
        choices = [] if needs_window(self.info) else candidates(self.info)
        for choice in choices:
            try:
                return self._write(self.writer.source, choice, self.derived)
            except Misfit:
                self._clear()
        return self._measure_and_write()

    def _measure_and_write(self) -> tuple[InstanceFiles, Choice | PerSlice, DerivedHeaders]:
        spool = Spool(self.stage / ".values", self.info)
        try:
            self.runner.stream(self.writer.source, spool.put, "measuring")
            choice = measured(self.info, spool.low, spool.high)
            derived = self.derived
            if needs_window(self.info):
                window = window_columns(*spool.percentiles(1, 99))
                chosen = {tag: column for tag, column in window.items() if tag not in self.overridden}
                derived = derived.updated(chosen, "from the 1st to the 99th percentile of the values")
            return self._write(Spooled(spool), choice, derived)
        except Misfit as error:
            raise ValueRangeError(
                f"the values cannot be stored in 16 bits: {error}; Clip or scale them first"
            ) from None
        finally:
            spool.close()

    def _write(
        self, source: Node, choice: Choice | PerSlice, derived: DerivedHeaders
    ) -> tuple[InstanceFiles, Choice | PerSlice, DerivedHeaders]:
        syntax = syntax_of(self.writer.transfer_syntax)
        if syntax.is_encapsulated:
            choice = self._for_codec(choice, syntax)
        shown = choice.storages[0]
        shown = (
            attrs.evolve(shown, form=attrs.evolve(shown.form, photometric=coded_photometric(shown.form, syntax)))
            if syntax.is_encapsulated
            else shown
        )
        columns = stored_columns(shown, keeps_mapping=choice.keeps_mapping, keeps_units=self.keeps_units)
        final = derived.updated(columns | unwritten_overlays(derived.headers, self.info.headers))
        files = InstanceFiles(
            self.stage, self.writer.file_names, final.headers, choice, keeps_units=self.keeps_units, syntax=syntax
        )

        def put(slab: Slab, values: Array) -> None:
            for k, index in enumerate(slab):
                files.write(index, values[k])

        self.runner.stream(source, put, "writing")
        if files.written != self.info.slices:
            raise WriteError(f"{files.written} of {self.info.slices} slices were written")
        return files, choice, final.noting(files.changes)

    def _for_codec(self, choice: Choice | PerSlice, syntax: Syntax) -> Choice | PerSlice:
        if not syntax.keeps_signs:
            modality = text_of(self.info.headers.element(tag_of("Modality"), 0))
            choice = choice.without_signs(zero_intercept=modality == "PT")
        return choice.in_8_bits if syntax.name == "jpeg-baseline" else choice.in_whole_cells

    def _clear(self) -> None:
        for path in self.stage.iterdir():
            path.unlink()
