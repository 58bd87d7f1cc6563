"""Instances on disk, with what they say of where they come from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.modality_values import modality_mappings
from slicewise.dicom.pixels import PixelFormat, pixel_formats
from slicewise.dicom.provenance_block import InstanceBlock, block_of
from slicewise.dicom.real_world import real_world_mappings
from slicewise.dicom.rescale import Rescale
from slicewise.errors import HeaderError, ReadError, SlicewiseError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.frames import Frame, frames_of
from slicewise.io.header_files import HeaderFile, read_headers
from slicewise.io.listing import PathLike, list_files
from slicewise.io.provenance.story import Story

__all__ = ["NO_FIRST", "SILENT", "ToldInstance", "ToldSeries", "told_series"]

_SERIES, _INSTANCE = tag_of("SeriesInstanceUID"), tag_of("SOPInstanceUID")


@attrs.frozen(eq=False, slots=False)
class ToldInstance:
    """An instance and its provenance.

    Parameters
    ----------
    file : HeaderFile
        Its file.
    headers : Headers
        Its header.
    block : InstanceBlock or None
        What it says of where it comes from; None if nothing.
    """

    file: HeaderFile
    headers: Headers
    block: InstanceBlock | None

    @classmethod
    def of(cls, file: HeaderFile) -> ToldInstance:
        """Return what a file holds."""
        headers = assemble([file.header])
        try:
            return cls(file, headers, block_of(headers))
        except HeaderError as error:
            raise HeaderError(f"{file.path}: {error}") from None

    @property
    def uid(self) -> str:
        """SOPInstanceUID."""
        return self.file.text(_INSTANCE)

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        return self.file.path.name

    @cached_property
    def frames(self) -> tuple[Sequence[Frame], Headers]:
        """Its frames, and a header for each."""
        return frames_of([self.file])

    @property
    def forms(self) -> list[PixelFormat]:
        """How the values of each frame are stored."""
        frames, headers = self.frames
        pixels = self.file.header.pixels
        if pixels is None:
            raise ReadError(f"{self.file.path}: the instance has no pixels")
        return pixel_formats(headers, [pixels.tag] * len(frames))

    @property
    def cells(self) -> list[PixelFormat]:
        """The same, with all bits of a cell where no codec stands between: those that are not used count, too."""
        if self.file.is_encapsulated:
            return self.forms
        return [
            form
            if form.floating or form.bits_allocated == 1
            else attrs.evolve(form, bits_stored=form.bits_allocated, high_bit=form.bits_allocated - 1)
            for form in self.forms
        ]

    @property
    def lines(self) -> list[Rescale | None]:
        """Slope and intercept of each frame as the header says them; None where it says something else."""
        _, headers = self.frames
        found = [m if isinstance(m, Rescale) else None for m in modality_mappings(headers)]
        if headers.column(tag_of("RescaleSlope")) is None and headers.column(tag_of("DoseGridScaling")) is None:
            try:
                mapped = [_line(m.mapping) for m in real_world_mappings(headers)]
            except SlicewiseError:
                return found
            return mapped
        return found


def _line(mapping: object) -> Rescale | None:
    inner = getattr(mapping, "mapping", mapping)
    return inner if isinstance(inner, Rescale) else None


@attrs.frozen(eq=False, slots=False)
class ToldSeries:
    """The instances of one series, with what they say of where they come from.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    instances : tuple of ToldInstance
        In the order of the files.
    """

    uid: str
    instances: tuple[ToldInstance, ...]

    @cached_property
    def run(self) -> str:
        """The run that made most of them; empty if none says anything."""
        runs = Counter(one.block.run for one in self.instances if one.block is not None)
        return runs.most_common(1)[0][0] if runs else ""

    @cached_property
    def by_number(self) -> Mapping[int, ToldInstance]:
        """The instances of that run, by their number in it, from 1."""
        found: dict[int, ToldInstance] = {}
        for one in self.instances:
            if one.block is not None and one.block.run == self.run:
                found.setdefault(one.block.number, one)
        return dict(sorted(found.items()))

    @property
    def block(self) -> InstanceBlock | None:
        """What the first of them says; None if none says anything."""
        first = next(iter(self.by_number.values()), None)
        return None if first is None else first.block

    @cached_property
    def story(self) -> Story:
        """Sources, steps, and what became of each attribute.

        Raises
        ------
        HeaderError
            If no instance says it.
        """
        if self.block is None:
            raise HeaderError(f"series {self.uid} {SILENT}")
        if not self.block.story:
            raise HeaderError(f"series {self.uid}: {NO_FIRST}")
        return Story.unpack(self.block.story)


NO_FIRST = "its first instance, which alone tells all that the series comes from, is not there"

SILENT = (
    "does not say where it comes from: it was not derived by slicewise, or with private='drop', or its private "
    "attributes were taken out since"
)


def told_series(where: PathLike | Sequence[PathLike]) -> list[ToldSeries]:
    """Return the series at a path.

    Raises
    ------
    ReadError
        If nothing is there, or a file is broken; the message names it.
    """
    files = read_headers(list_files(where), strict=True)
    if not files:
        raise ReadError(f"{os.fspath(where) if isinstance(where, str | os.PathLike) else 'there'}: holds no DICOM file")
    by_uid: dict[str, list[ToldInstance]] = {}
    for file in files:
        by_uid.setdefault(file.text(_SERIES), []).append(ToldInstance.of(file))
    return [ToldSeries(uid, tuple(instances)) for uid, instances in by_uid.items()]
