"""One run of the writer of a multi-frame image: storages tried in turn, frames put into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np

from slicewise.dicom.derived import DerivedHeaders
from slicewise.dicom.dose_grids import dose_storage, scaling_columns, stated_dose_storage
from slicewise.dicom.encoders import syntax_of
from slicewise.dicom.encoding import element_bytes, meta_bytes
from slicewise.dicom.frame_layout import FrameLayout
from slicewise.dicom.frame_places import laid_out
from slicewise.dicom.implicit import implicit_bytes
from slicewise.dicom.multi_frame_classes import Form, MultiFrameKind
from slicewise.dicom.multi_frame_headers import (
    capture_columns,
    floating_columns,
    unit_columns,
)
from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.provenance_block import FrameMark
from slicewise.dicom.stored_attributes import rescale_columns, stored_columns
from slicewise.dicom.storing import Storage, identity_storage, quantise
from slicewise.dicom.values import text_of
from slicewise.errors import ValueRangeError, WriteError
from slicewise.image import Action, Change, ImageInfo
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.derived_writer import DerivedWriter, StorageTrial
from slicewise.io.instance_files import IMPLEMENTATION, ORIGIN
from slicewise.io.multi_frame_file import MultiFrameFile
from slicewise.io.storage_choice import Choice, PerSlice
from slicewise.pipeline.node import Array, Node, Slab
from slicewise.pipeline.run import Runner

__all__ = ["MultiFrameTrial", "complete", "is_new_class", "some_form"]

_BITS = (8, 12, 16)


def is_new_class(kind: MultiFrameKind, info: ImageInfo) -> bool:
    """Whether the source is not of the class that is written."""
    return text_of(info.headers.element(tag_of("SOPClassUID"), 0)) != kind.sop_class


def some_form(info: ImageInfo) -> PixelFormat:
    """Return the format of the pixels of an image but for their bits."""
    return PixelFormat(rows=info.geometry.rows, columns=info.geometry.columns, samples=info.components)


def complete(
    derived: DerivedHeaders,
    kind: MultiFrameKind,
    storages: Sequence[Storage],
    *,
    is_new: bool,
    keeps_mapping: bool,
    keeps_units: bool,
    mapping: dict[int, Column | None] | None = None,
) -> tuple[FrameLayout, DerivedHeaders]:
    """Return the attributes at their places, those of the stored pixels among them."""
    final = derived.updated(stored_columns(storages[0], keeps_mapping=keeps_mapping, keeps_units=keeps_units))
    if storages[0].form.floating:
        final = final.updated(floating_columns(), "values are floating-point numbers")
    if mapping is not None:
        final = final.updated(mapping, "the unit of the values")
    if kind.form is Form.CAPTURE:
        scaled = capture_columns(final.headers)
    elif kind.form is Form.DOSE:
        scaled = scaling_columns(storages[0])
    else:
        scaled = rescale_columns(storages, final.headers, keeps_units=keeps_units, always=kind.has_groups)
    final = final.updated(scaled, "how the values are stored")
    layout, lost = laid_out(final.headers, kind, is_new=is_new)
    for tag, reason in lost.items():
        final = final.updated({tag: layout.image.get(tag)}, reason)
    return layout, final


class MultiFrameTrial(StorageTrial[DerivedHeaders]):
    """One run of a writer; what it writes is one file, and what it returns its headers, frame by frame."""

    def __init__(
        self,
        writer: DerivedWriter,
        derived: DerivedHeaders,
        runner: Runner,
        path: Path,
        *,
        kind: MultiFrameKind,
        unit: Sequence[str] | None,
    ) -> None:
        super().__init__(writer, derived, runner, path.parent)
        self.path = path
        self.kind = kind
        self.unit = unit

    def candidates(self) -> list[Choice | PerSlice]:
        """Return the storages to try; a secondary capture holds values as they are."""
        if self.kind.form is Form.MAP:
            return [self._floating()]
        if self.kind.form is Form.DOSE:
            stated = stated_dose_storage(self.info, some_form(self.info))
            return [Choice((stated,) * self.info.slices, keeps_mapping=True)] if stated and self.keeps_units else []
        if self.kind.form is Form.CAPTURE:
            return [self._identity()]
        # Enhanced images store 8, 12 or 16 bits (PS3.3, C.8.13.2 and C.8.15.2).
        return [
            choice.in_whole_cells if self.kind.has_groups and form.bits_stored not in _BITS else choice
            for choice in super().candidates()
            for form in [choice.storages[0].form]
        ]

    def needs_window(self) -> bool:
        """Return whether a window must be found; maps and doses have units to be shown in."""
        return self.kind.form not in (Form.MAP, Form.DOSE) and super().needs_window()

    def measured(self, low: float, high: float) -> Choice:
        """Return the storage for values of a known range."""
        if self.kind.form is Form.DOSE:
            doses = dose_storage(low, high, some_form(self.info))
            return Choice((doses,) * self.info.slices, keeps_mapping=False)
        if self.kind.form is not Form.CAPTURE:
            return super().measured(low, high)
        form = self._identity().storages[0].form
        if low < form.limits[0] or high > form.limits[1] or self.info.dtype.kind == "f":
            raise ValueRangeError(
                f"a secondary capture holds whole numbers from {form.limits[0]} to {form.limits[1]} as they are (the "
                f"values are {self.info.dtype}, {low:g} to {high:g}): Window or Clip and Cast them first, or give the "
                "image headers of a modality with NewSeries(...), which is written with slope and intercept"
            )
        return self._identity()

    def _identity(self) -> Choice:
        eight = self.info.components > 1 or self.kind.keyword.startswith("MultiFrameGrayscaleByte")
        bits = 8 if eight else 16
        form = attrs.evolve(
            some_form(self.info),
            bits_allocated=bits,
            bits_stored=bits,
            high_bit=bits - 1,
            photometric="RGB" if self.info.components > 1 else "MONOCHROME2",
        )
        return Choice((identity_storage(form),) * self.info.slices, keeps_mapping=False)

    def _floating(self) -> Choice:
        kind, size = self.info.dtype.kind, self.info.dtype.itemsize
        bits = 64 if (kind == "f" and size > 4) or (kind != "f" and size > 2) else 32
        form = attrs.evolve(some_form(self.info), bits_allocated=bits, floating=True)
        return Choice((Storage("1", "0", form, exact=True),) * self.info.slices, keeps_mapping=False)

    def write(self, source: Node, choice: Choice | PerSlice, derived: DerivedHeaders) -> DerivedHeaders:
        """Write all frames to one file.

        Raises
        ------
        Misfit
            If a value does not fit the storage.
        """
        syntax = syntax_of(self.writer.transfer_syntax)
        slices = self.info.slices
        storages: list[Storage] = list(choice.storages[:1]) * slices
        recording = self.writer.recording(derived)
        marks: list[FrameMark | None] = [None] * slices
        errors, ranges = np.zeros(slices), np.zeros((slices, 2))
        with MultiFrameFile(self.path, slices, choice.storages[0].form, syntax) as file:

            def put(slab: Slab, values: Array) -> None:
                for k, index in enumerate(slab):
                    storages[index] = choice.storage(index, values[k])
                    stored, errors[index] = _stored(values[k], storages[index], f"slice {index}")
                    file.write(index, stored)
                    if recording is not None:
                        marks[index] = recording.mark(stored, storages[index])
                    if storages[index].form.floating:
                        ranges[index] = _ends(stored)

            self.runner.stream(source, put, "writing")
            if file.written != slices:
                raise WriteError(f"{file.written} of {slices} frames were written")
            layout, final = complete(
                derived,
                self.kind,
                storages,
                is_new=is_new_class(self.kind, self.info),
                keeps_mapping=choice.keeps_mapping,
                keeps_units=self.keeps_units,
                mapping=None if self.unit is None else unit_columns(self.unit, _range(ranges)),
            )
            elements = layout.elements()
            if recording is not None:
                own = recording.of_one(final, [mark for mark in marks if mark is not None])
                elements |= own
                final = final.noting(Change(tag, Action.REGENERATED, ORIGIN) for tag in own)
            bytes_of = implicit_bytes if syntax.is_implicit else element_bytes
            uid = text_of(elements[tag_of("SOPInstanceUID")])
            file.finish(
                meta_bytes(self.kind.sop_class, uid, syntax.uid, IMPLEMENTATION),
                b"".join(bytes_of(elements[tag]) for tag in sorted(elements)),
            )
        self.largest_error = float(errors.max())
        return final


def _stored(values: Array, storage: Storage, place: str) -> tuple[Array, float]:
    """Return the stored values of a frame and the largest error they make; floating-point values are as they are."""
    if not storage.form.floating:
        return quantise(values, storage, place)
    stored = values.astype(storage.form.dtype)
    if values.dtype.kind != "f" and not np.array_equal(stored.astype(values.dtype), values):
        raise ValueRangeError(f"{place}: there are values that {stored.dtype} does not hold exactly: Cast them first")
    if not np.isfinite(stored).any():
        raise ValueRangeError(f"{place}: no value is finite, so that the map has no range of values to state")
    return stored, 0.0


def _range(ends: Array) -> tuple[float, float]:
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def _ends(values: Array) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())
