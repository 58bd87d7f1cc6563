"""The provenance of a series that is being written, put into a private block of each instance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy.typing as npt

from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.provenance_block import (
    FrameMark,
    InstanceBlock,
    free_block,
    mark_tag,
    marks_element,
    series_elements,
)
from slicewise.dicom.report import ReportRow
from slicewise.dicom.storing import Storage
from slicewise.dicom.values import text_of
from slicewise.image import Change, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.provenance.digests import digest_of
from slicewise.io.provenance.recipe_text import told_recipe
from slicewise.io.provenance.sources import sources_of
from slicewise.io.provenance.story import Story, packed
from slicewise.io.provenance.versions import installed
from slicewise.pipeline.node import Node

__all__ = ["Recording"]


@attrs.frozen(eq=False, kw_only=True, slots=False)
class Recording:
    """What is written of where instances come from.

    Parameters
    ----------
    source : Node
        The node whose result is written.
    derived : DerivedHeaders
        What is written of its headers.
    rows : callable
        Gives what became of each attribute.
    writer : str
        Name of the writer.
    digest : str
        What makes digests of stored values, one of ``DIGESTS``.
    lossy : Lossy, optional
        The compression with loss.
    """

    source: Node
    derived: DerivedHeaders
    rows: Callable[[DerivedHeaders], Sequence[ReportRow]]
    writer: str
    digest: str
    lossy: Lossy | None = None

    @cached_property
    def place(self) -> int:
        """The block within the group."""
        return free_block(self.derived.headers)

    @property
    def marks_tag(self) -> int:
        """The element with the digests, which are only known with the pixels."""
        return mark_tag(self.place)

    def mark(self, stored: npt.NDArray[Any], storage: Storage) -> FrameMark:
        """Return what tells the stored values of a frame from others."""
        slope, intercept = storage.rescale
        return FrameMark(digest_of(stored, self.digest), slope, intercept)

    def marks(self, frames: Iterable[tuple[npt.NDArray[Any], Storage]]) -> RawElement:
        """Return the element with the digests of the frames of an instance."""
        return marks_element(self.place, [self.mark(*frame) for frame in frames])

    def columns(self, changes: Sequence[Change]) -> Mapping[int, Column]:
        """Return the elements of the single images of a series, but for their digests.

        Parameters
        ----------
        changes : sequence of Change
            What becomes of attributes that are only known with the pixels.
        """
        final = self.derived.noting(changes)
        return series_elements(self.block(final, len(final.headers)), self.place)

    def of_one(self, final: DerivedHeaders, marks: Sequence[FrameMark]) -> dict[int, RawElement]:
        """Return the elements of the only instance, an image of several frames."""
        return attrs.evolve(self.block(final, 1), marks=tuple(marks)).elements(self.place)

    def block(self, final: DerivedHeaders, count: int) -> InstanceBlock:
        """Return the block of the first of some instances, without digests."""
        told = told_recipe(self.source)
        found = sources_of(self.source, told.names)
        story = Story.of(
            [source for source, _ in found],
            self.source.info.history,
            self.rows(final),
            writer=self.writer,
            has_recipe=bool(told.text),
            loss=() if self.lossy is None else (self.lossy.name, str(self.lossy.amount)),
        ).pack()
        missing = "\n".join(told.missing)
        parts = [_series(final.headers), told.text, missing, story.hex(), *installed()]
        return InstanceBlock(
            run=hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:32],
            number=1,
            count=count,
            versions=installed(),
            recipe=told.text,
            missing=missing,
            story=story,
            instances=packed({source.name: given for source, given in found if given}),
        )


def _series(headers: Headers) -> str:
    return text_of(headers.element(tag_of("SeriesInstanceUID"), 0))
