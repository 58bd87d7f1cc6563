"""What writers of derived instances have in common: parameters, derived headers, the report, the choice of storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from slicewise.dicom.derived import DerivedHeaders, derive
from slicewise.dicom.encoders import Syntax, syntax_of
from slicewise.dicom.identity import Naming, now_of
from slicewise.dicom.image_classes import IMAGE_CLASSES, ImageClass
from slicewise.dicom.lossy import Loss, Lossy
from slicewise.dicom.report import Report, ReportRow
from slicewise.dicom.stored_attributes import window_columns
from slicewise.dicom.storing import Misfit
from slicewise.dicom.uids import check_prefix
from slicewise.dicom.values import text_of
from slicewise.errors import DestinationError, ParameterError, ValueRangeError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of
from slicewise.io.header_files import read_headers
from slicewise.io.lineage import lineage
from slicewise.io.parameters import fixed_mapping, integer_string, one_of
from slicewise.io.provenance.digests import DIGESTS
from slicewise.io.provenance.recording import Recording
from slicewise.io.software import this_software
from slicewise.io.spool import Spool, Spooled
from slicewise.io.storage_choice import Choice, PerSlice, candidates, measured, needs_window
from slicewise.io.stored_files import StoredFile
from slicewise.pipeline.node import Node, node
from slicewise.pipeline.run import Runner, Sink

__all__ = ["DerivedWriter", "StorageTrial", "Written", "check_no_source", "source_uids"]

T = TypeVar("T")


@attrs.frozen
class Written:
    """What a writer wrote.

    Parameters
    ----------
    folder : Path or None
        Where to; None if files were handed to a callable.
    paths : tuple of Path
        The files, in slice order; of a stack volume after volume. Empty if they were handed to a callable.
    series_uid : str
        SeriesInstanceUID of the new series.
    report : Report
        What became of each attribute, and how true the pixels are.
    """

    folder: Path | None
    paths: tuple[Path, ...]
    series_uid: str
    report: Report

    @property
    def headline(self) -> str:
        """What was written and where to, in two lines."""
        told = self.report
        is_one_file = len(self.paths) == 1 and (told.slices > 1 or told.frames is not None)
        number = told.frames if is_one_file and told.frames is not None else told.slices
        what = f"{number} {'frame' if is_one_file else 'slice'}{'s' * (number != 1)}"
        where = "handed over" if not self.paths else f"written to {self.paths[0] if is_one_file else self.folder}"
        return f"{what} {where}\nseries {self.series_uid}"

    def __str__(self) -> str:
        return "\n".join([self.headline, *self.report.brief])


def _known_syntax(_: Any, __: Any, value: str | Lossy) -> None:
    syntax_of(value)


def _one_line(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    # A backslash would part values, control characters are not allowed (PS3.5, 6.2, LO).
    if value is not None and (not isinstance(value, str) or "\\" in value or not value.isprintable()):
        raise ParameterError(f"{attribute.name!r} must be one line of text without backslashes (got {value!r})")


@node
class DerivedWriter(Sink):
    """A writer of derived instances: a series of files, or one file.

    Parameters
    ----------
    series_description, series_number, image_type, uid_prefix, uids, equipment, private, overrides
        See ``SeriesWriter``.
    transfer_syntax, strict_iod, digest, overwrite
        See ``SeriesWriter``.
    """

    series_description: str | None = attrs.field(default=None, kw_only=True, validator=_one_line)
    series_number: int | None = attrs.field(default=None, kw_only=True, validator=integer_string)
    image_type: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    uid_prefix: str | None = attrs.field(default=None, kw_only=True)
    uids: str = attrs.field(default="fresh", kw_only=True, validator=one_of("fresh", "reproducible"))
    equipment: str = attrs.field(default="scanner", kw_only=True, validator=one_of("scanner", "software"))
    private: str = attrs.field(default="rules", kw_only=True, validator=one_of("rules", "keep", "drop"))
    overrides: Mapping[str, Any] = attrs.field(default=None, kw_only=True, converter=fixed_mapping)
    transfer_syntax: str | Lossy = attrs.field(default="explicit", kw_only=True, validator=_known_syntax)
    strict_iod: bool = attrs.field(default=False, kw_only=True)
    digest: str = attrs.field(default="crc32+adler32", kw_only=True, validator=one_of(*DIGESTS))
    overwrite: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_prefix(self.uid_prefix)

    @property
    def source(self) -> Node:
        """The node whose result is written."""
        return next(iter(self.inputs.values()))

    @property
    def _lineage(self) -> str:
        if self.uids != "reproducible":
            return ""
        # What is lost makes another image; how it is coded otherwise does not.
        lost = [repr(self.transfer_syntax)] if isinstance(self.transfer_syntax, Lossy) else []
        return "\n".join([lineage(self.source), *lost])

    def _derived(
        self, info: ImageInfo, *, first_number: int = 1, extract: bool = True, wanted_class: ImageClass | None = None
    ) -> DerivedHeaders:
        """Return the headers of the new instances but for what follows from storage, class and caller.

        Parameters
        ----------
        info : ImageInfo
            What is written.
        first_number : int
            The lowest Instance Number.
        extract : bool
            Whether frames become images of their own.
        wanted_class : ImageClass, optional
            The class of images of their own; that of the source if not given, and if it can hold them.
        """
        return derive(
            info,
            naming=Naming(
                series_description=self.series_description,
                series_number=self.series_number,
                lineage=self._lineage,
                instance_number_start=first_number,
                uid_prefix=self.uid_prefix,
                uids=self.uids,
            ),
            software=this_software(),
            now=now_of(info.headers),
            wanted_type=self.image_type,
            equipment=self.equipment,
            private=self.private,
            texts=[text for text in (self.series_description, *self.overrides.values()) if isinstance(text, str)],
            extract=extract,
            wanted_class=wanted_class,
        )

    def recording(self, final: DerivedHeaders) -> Recording | None:
        """Return what is written of where the instances come from; None if nothing is."""
        if self.private == "drop":
            return None
        lossy = self.transfer_syntax if isinstance(self.transfer_syntax, Lossy) else None
        return Recording(
            source=self.source, derived=final, rows=self._rows, writer=self.name, digest=self.digest, lossy=lossy
        )

    def _rows(self, final: DerivedHeaders) -> tuple[ReportRow, ...]:
        readers = [n for n in self.walk() if not n.inputs]
        source_tags = frozenset(tag for reader in readers for tag in reader.info.headers.columns())
        return final.rows(self.source.info.history, source_tags)

    def _report(self, trial: StorageTrial[Any], final: DerivedHeaders) -> Report:
        info = self.source.info
        return Report(
            rows=self._rows(final),
            slices=info.slices,
            largest_error=trial.largest_error,
            storage=str(trial.choice),
            warnings=(*(step.description for step in info.history if step.is_note), *final.notes),
            loss=trial.loss,
        )


def source_uids(info: ImageInfo) -> frozenset[str]:
    """Return the identifiers of the series and instances that an image comes from."""
    sources = [source for sources in info.sources for source in sources]
    return frozenset(uid for source in sources for uid in (source.series_uid, source.sop_instance_uid))


def check_no_source(place: Path, files: Sequence[StoredFile] | Sequence[Path], info: ImageInfo) -> None:
    """Raise if a file to be replaced is an instance of the source.

    An image in memory does not know the files it came from, but it knows the instances.

    Raises
    ------
    DestinationError
        If one is.
    """
    sources = source_uids(info)
    for file in read_headers(files, strict=True):
        if file.text(tag_of("SOPInstanceUID")) in sources:
            raise DestinationError(
                f"{place}: the folder holds an instance of the source ({file.path.name}), which is never "
                "overwritten; write to another folder"
            )


class StorageTrial(Generic[T]):
    """One run of a writer: the storages that are tried in turn, until one holds all values.

    Parameters
    ----------
    writer : DerivedWriter
        The writer.
    derived : DerivedHeaders
        What is written of the slices.
    runner : Runner
        The run.
    stage : Path
        Folder for what is not complete yet.
    """

    def __init__(self, writer: DerivedWriter, derived: DerivedHeaders, runner: Runner, stage: Path) -> None:
        self.writer = writer
        self.derived = derived
        self.runner = runner
        self.stage = stage
        self.info = writer.source.info
        self.keeps_units = all(step.keeps_units for step in self.info.history)
        image_class = IMAGE_CLASSES.get(text_of(derived.headers.element(tag_of("SOPClassUID"), 0)))
        # A source that breaks the rules of its class goes on as it is.
        is_broken = image_class is not None and bool(image_class.misfit(self.info))
        self.image_class = None if is_broken else image_class
        self.overridden = {tag_of(keyword) for keyword in writer.overrides}
        self.choice: Choice | PerSlice | None = None
        self.largest_error = 0.0
        self.loss: Loss | None = None

    def run(self) -> T:
        """Write all slices to the stage."""
        choices = [] if self.needs_window() else self.candidates()
        for choice in choices:
            try:
                return self._write(self.writer.source, choice, self.derived)
            except Misfit:
                self._clear()
        return self._measure_and_write()

    def candidates(self) -> list[Choice | PerSlice]:
        """Return the storages to try before the values have to be measured."""
        return candidates(self.info, self.image_class)

    def needs_window(self) -> bool:
        """Return whether a window must be found for the values."""
        return needs_window(self.info, self.image_class)

    def measured(self, low: float, high: float) -> Choice:
        """Return the storage for values of a known range."""
        return measured(self.info, self.image_class, low, high)

    def write(self, source: Node, choice: Choice | PerSlice, derived: DerivedHeaders) -> T:
        """Write all slices in one storage.

        Raises
        ------
        Misfit
            If a value does not fit.
        """
        raise NotImplementedError

    def _write(self, source: Node, choice: Choice | PerSlice, derived: DerivedHeaders) -> T:
        syntax = syntax_of(self.writer.transfer_syntax)
        if syntax.is_encapsulated:
            choice = self._for_codec(choice, syntax)
        self.choice = choice
        return self.write(source, choice, derived)

    def _for_codec(self, choice: Choice | PerSlice, syntax: Syntax) -> Choice | PerSlice:
        if not syntax.keeps_signs:
            modality = text_of(self.info.headers.element(tag_of("Modality"), 0))
            choice = choice.without_signs(zero_intercept=modality == "PT")
        return choice.in_8_bits if syntax.name == "jpeg-baseline" else choice.in_whole_cells

    def _measure_and_write(self) -> T:
        spool = Spool(self.stage, self.info)
        try:
            self.runner.stream(self.writer.source, spool.put, "measuring", later=1)
            choice = self.measured(spool.low, spool.high)
            derived = self.derived
            if self.needs_window():
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

    def _clear(self) -> None:
        for path in self.stage.iterdir():
            path.unlink()
