"""The derived series as the end of a pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.dicom.derivation import Software
from slicewise.dicom.derived import DerivedHeaders, derive
from slicewise.dicom.encoders import syntax_of
from slicewise.dicom.identity import Naming, now_of
from slicewise.dicom.image_classes import IMAGE_CLASSES, class_named
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
from slicewise.io.file_names import file_name
from slicewise.io.header_files import read_headers
from slicewise.io.instance_files import InstanceFiles
from slicewise.io.lineage import lineage
from slicewise.io.listing import list_files
from slicewise.io.packing import check_archive, is_archive_name, staged_archive
from slicewise.io.parameters import fixed_mapping, integer_string, one_of
from slicewise.io.series_reader import SeriesReader
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


def _software() -> Software:
    try:
        installed = version("slicewise")
    except PackageNotFoundError:  # a checkout that is not installed
        installed = "0+unknown"
    return Software("slicewise contributors", "slicewise", installed)


def _folder(value: str | os.PathLike[str]) -> Path:
    return Path(value).expanduser()


def _known_syntax(_: Any, __: attrs.Attribute[str], value: str) -> None:
    syntax_of(value)


def _known_class(_: Any, __: attrs.Attribute[str], value: str | None) -> None:
    if value is not None:
        class_named(value)


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
    sop_class : str, optional
        Storage class, by its name or UID, such as ``"SecondaryCaptureImageStorage"``; that of the source if not given,
        and if it can hold the result: else images become secondary captures, and the report says so. What another class
        does not know is left out, and what it asks for is given by ``overrides``.
    transfer_syntax : str
        Name or UID, all lossless: ``"explicit"``, ``"deflated"``, ``"rle"``, ``"jpeg-lossless"``, ``"jpeg-ls"``,
        ``"jpeg-2000"``, ``"htj2k"``. Compressed frames are decoded again and compared.
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
    sop_class: str | None = attrs.field(default=None, kw_only=True, validator=_known_class)
    transfer_syntax: str = attrs.field(default="explicit", kw_only=True, validator=_known_syntax)
    strict_iod: bool = attrs.field(default=False, kw_only=True)
    overwrite: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_prefix(self.uid_prefix)
        file_name(self.file_pattern, self.instance_number_start)

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
        return [file_name(self.file_pattern, number) for number in numbers]

    @property
    def source(self) -> Node:
        """The node whose result is written."""
        return next(iter(self.inputs.values()))

    def _derive(self) -> DerivedHeaders:
        info = self.source.info
        kind = None if self.sop_class is None else class_named(self.sop_class)
        derived = derive(
            info,
            naming=Naming(
                series_description=self.series_description,
                series_number=self.series_number,
                lineage=lineage(self.source) if self.uids == "reproducible" else "",
                instance_number_start=self.instance_number_start,
                uid_prefix=self.uid_prefix,
                uids=self.uids,
            ),
            software=_software(),
            now=now_of(info.headers),
            wanted_type=self.image_type,
            equipment=self.equipment,
            private=self.private,
            texts=[text for text in (self.series_description, *self.overrides.values()) if isinstance(text, str)],
            wanted_class=kind,
        )
        derived = derived.with_required().with_overrides(self.overrides, _source_uids(info))
        if kind is not None and kind.uid != text_of(info.headers.element(tag_of("SOPClassUID"), 0)):
            derived.check_asked(kind)
        return derived.within_iod() if self.strict_iod else derived

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
            warnings=(*(step.description for step in info.history if step.is_note), *final.notes),
        )


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
        kind = IMAGE_CLASSES.get(text_of(derived.headers.element(tag_of("SOPClassUID"), 0)))
        # A source that breaks the rules of its class goes on as it is.
        self.kind = None if kind is not None and kind.misfit(self.info) else kind
        self.overridden = {tag_of(keyword) for keyword in writer.overrides}

    def run(self) -> tuple[InstanceFiles, Choice | PerSlice, DerivedHeaders]:
        """Write all slices to the stage."""
        choices = [] if needs_window(self.info, self.kind) else candidates(self.info, self.kind)
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
            choice = measured(self.info, self.kind, spool.low, spool.high)
            derived = self.derived
            if needs_window(self.info, self.kind):
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
            choice = choice.in_whole_cells
        columns = stored_columns(choice.storages[0], keeps_mapping=choice.keeps_mapping, keeps_units=self.keeps_units)
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

    def _clear(self) -> None:
        for path in self.stage.iterdir():
            path.unlink()
