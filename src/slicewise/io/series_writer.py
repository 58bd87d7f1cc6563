"""The derived series as the end of a pipeline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from slicewise.dicom import codes
from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.encoders import coded_photometric, syntax_of
from slicewise.dicom.image_classes import IMAGE_CLASSES, class_named
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.lossy_marks import lossy_columns
from slicewise.dicom.numbering import instance_numbers
from slicewise.dicom.overlays import unwritten_overlays
from slicewise.dicom.stored_attributes import padding_columns, stored_columns
from slicewise.dicom.stored_mapping import stated_by
from slicewise.dicom.values import text_of
from slicewise.errors import DestinationError, ParameterError, WriteError
from slicewise.image.elements import tag_of
from slicewise.io.derived_writer import DerivedWriter, StorageTrial, Written, check_no_source, source_uids
from slicewise.io.file_names import file_name
from slicewise.io.instance_files import LOSS, InstanceFiles
from slicewise.io.listing import list_files
from slicewise.io.packing import check_archive, is_archive_name, staged_archive
from slicewise.io.parameters import integer_string
from slicewise.io.series_reader import SeriesReader
from slicewise.io.software import this_software
from slicewise.io.staging import check_destination, staged_folder
from slicewise.io.storage_choice import Choice, PerSlice
from slicewise.pipeline.node import Array, Node, Slab, node
from slicewise.pipeline.run import Runner

__all__ = ["SeriesWriter", "Written"]


Put = Callable[[str, bytes], object]
"""Takes the name and the content of a file."""


def _destination(value: str | os.PathLike[str] | Put) -> Path | Put:
    return value if callable(value) else Path(value).expanduser()


@contextmanager
def _handed_over(put: Put, names: Sequence[str]) -> Iterator[Path]:
    """Give a folder to write to, whose files are handed over when all are there."""
    with tempfile.TemporaryDirectory(prefix="slicewise-") as folder:
        yield Path(folder)
        for name in names:
            put(name, Path(folder, name).read_bytes())


def _known_class(_: Any, __: attrs.Attribute[str], value: str | None) -> None:
    if value is not None:
        class_named(value)


@node
class SeriesWriter(DerivedWriter):
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
    folder : path or callable
        Where to; made if it is not there. It must not hold the source. A name that ends in ``.zip``, ``.tar``,
        ``.tar.gz`` or ``.tgz`` stands for an archive of the files. A callable is given the name and the bytes of each
        file, in slice order, when all of them are written: ``SeriesWriter(files.__setitem__)`` fills a dictionary.
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
        Private attributes: as the header rules say, all kept where the slices agree, or none, and then the block of
        slicewise's own with the provenance is not written either.
    overrides : mapping, optional
        Values for attributes: keyword to a value, a list with one value per slice, or None to drop it.
    sop_class : str, optional
        Storage class, by its name or UID, such as ``"SecondaryCaptureImageStorage"``; that of the source if not given,
        and if it can hold the result: else images become secondary captures, and the report says so. What another class
        does not know is left out, and what it asks for is given by ``overrides``.
    transfer_syntax : str or Lossy
        Name or UID, all lossless: ``"explicit"``, ``"implicit"``, ``"deflated"``, ``"rle"``, ``"jpeg-lossless"``,
        ``"jpeg-ls"``, ``"jpeg-2000"``, ``"htj2k"``. Compressed frames are decoded
        again and compared. With loss, and marked so, only as a value that says how much:
        ``Lossy("jpeg-ls-near", error=2)``.
    strict_iod : bool
        Whether attributes are left out that the IOD of the class does not know. They are allowed otherwise, as
        those of a Standard Extended SOP class (PS3.2, 3.11.3).
    digest : "crc32+adler32" or "sha256"
        What tells whether pixels were changed since, see ``verify``: check sums, or a cryptographic digest, which takes
        longer than the writing itself.
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

    folder: Path | Put = attrs.field(converter=_destination)
    file_pattern: str = attrs.field(default="{:04d}.dcm", kw_only=True)
    instance_number_start: int = attrs.field(default=1, kw_only=True, validator=integer_string)
    sop_class: str | None = attrs.field(default=None, kw_only=True, validator=_known_class)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
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
        self._check_loss()
        self._derive()
        return True

    def execute(self, runner: Runner) -> Written:
        """Run the pipeline, write the series and return what was written."""
        derived = self._derive()
        self._check_folder()
        with self._staged() as stage:
            writing = _Writing(self, derived, runner, stage)
            final = writing.run()
        folder = self.folder if isinstance(self.folder, Path) else None
        return Written(
            folder=folder,
            paths=() if folder is None else tuple(folder / name for name in self.file_names),
            series_uid=text_of(final.headers.element(tag_of("SeriesInstanceUID"), 0)),
            report=self._report(writing, final),
        )

    def _staged(self) -> AbstractContextManager[Path]:
        if not isinstance(self.folder, Path):
            return _handed_over(self.folder, self.file_names)
        staged = staged_archive if is_archive_name(self.folder) else staged_folder
        return staged(self.folder, overwrite=self.overwrite)

    @property
    def file_names(self) -> list[str]:
        """Names of the files, in slice order: they take the instance numbers."""
        numbers = instance_numbers(self.source.info, self.instance_number_start)
        return [file_name(self.file_pattern, number) for number in numbers]

    def _derive(self) -> DerivedHeaders:
        info = self.source.info
        kind = None if self.sop_class is None else class_named(self.sop_class)
        derived = self._derived(info, first_number=self.instance_number_start, wanted_class=kind)
        derived = derived.with_required().with_overrides(self.overrides, source_uids(info))
        if kind is not None and kind.uid != text_of(info.headers.element(tag_of("SOPClassUID"), 0)):
            derived.check_asked(kind)
        if isinstance(self.transfer_syntax, Lossy):
            derived = derived.updated(lossy_columns(derived.headers, self.transfer_syntax, this_software()), LOSS)
        return derived.within_iod() if self.strict_iod else derived

    def _check_loss(self) -> None:
        if not isinstance(self.transfer_syntax, Lossy):
            return
        info = self.source.info
        is_mask = bool(info.history) and codes.SEGMENTATION in info.history[-1].derivation
        if info.dtype.kind == "b" or is_mask:
            raise ParameterError("a mask is not compressed with loss: other pixels would be in it")
        if self.image_type and self.image_type[0].strip().upper() == "ORIGINAL":
            raise ParameterError("'image_type' cannot be ORIGINAL: what is compressed with loss is DERIVED")
        is_narrow = info.dtype == np.uint8 and _holds_8_bits(self._derive())
        if self.transfer_syntax.name == "jpeg-baseline" and not is_narrow:
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
        if not isinstance(self.folder, Path):
            return
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
            files = list_files(self.folder, hidden=True) if self.folder.is_file() else sorted(self.folder.iterdir())
            check_no_source(self.folder, files, self.source.info)


def _holds_8_bits(derived: DerivedHeaders) -> bool:
    kind = IMAGE_CLASSES.get(text_of(derived.headers.element(tag_of("SOPClassUID"), 0)))
    return kind is None or 8 in kind.bits


class _Writing(StorageTrial[DerivedHeaders]):
    """One run of a writer; what it writes are files, and what it returns their headers."""

    writer: SeriesWriter

    def write(self, source: Node, choice: Choice | PerSlice, derived: DerivedHeaders) -> DerivedHeaders:
        """Write a file for each slice."""
        syntax = syntax_of(self.writer.transfer_syntax)
        shown = choice.storages[0]
        if syntax.is_encapsulated:
            photometric = coded_photometric(shown.form, syntax)
            shown = attrs.evolve(shown, form=attrs.evolve(shown.form, photometric=photometric))
        columns = stored_columns(shown, keeps_mapping=choice.keeps_mapping, keeps_units=self.keeps_units)
        # With loss no exact value marks anything any more.
        if isinstance(choice, Choice) and len(set(choice.storages)) == 1 and syntax.lossy is None:
            columns |= padding_columns(shown, self.info.padding, derived.headers, keeps_mapping=choice.keeps_mapping)
        final = derived.updated(columns | unwritten_overlays(derived.headers, self.info.headers))
        files = InstanceFiles(
            self.stage,
            self.writer.file_names,
            final.headers,
            choice,
            keeps_units=self.keeps_units,
            syntax=syntax,
            way=stated_by(final.headers, strict=self.writer.strict_iod),
            origin=self.writer.recording(final),
        )

        def put(slab: Slab, values: Array) -> None:
            for k, index in enumerate(slab):
                files.write(index, values[k])

        self.runner.stream(source, put, "writing")
        if files.written != self.info.slices:
            raise WriteError(f"{files.written} of {self.info.slices} slices were written")
        self.largest_error = files.largest_error
        self.loss = files.loss
        return final.noting(files.changes)
