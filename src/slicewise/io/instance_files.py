"""Instances written to files: encoded headers with the stored pixels behind them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.encoders import Syntax, coded_photometric, deflated, encapsulated, encode_frame, native
from slicewise.dicom.encoding import SeriesTemplate, meta_bytes
from slicewise.dicom.lossy import Loss
from slicewise.dicom.lossy_marks import RATIO, ratio_element
from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.stored_attributes import EXTREMES, extremes
from slicewise.dicom.stored_mapping import StatedBy, late_tags, mapping_elements
from slicewise.dicom.storing import Storage, quantise
from slicewise.dicom.values import text_of
from slicewise.errors import WriteError
from slicewise.image import Action, Change, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.storage_choice import Choice, PerSlice

__all__ = ["IMPLEMENTATION", "LOSS", "ORIGIN", "InstanceFiles", "Origin", "write_file"]


class Origin(Protocol):
    """What is written of where instances come from."""

    @property
    def marks_tag(self) -> int:
        """The attribute that is only known with the pixels."""

    def columns(self, changes: Sequence[Change]) -> Mapping[int, Column]:
        """Return the attributes that are known without pixels, given what is only done to others with them."""

    def marks(self, frames: Iterable[tuple[npt.NDArray[Any], Storage]]) -> RawElement:
        """Return what tells the stored values of the frames of an instance from others."""


IMPLEMENTATION = ("2.25.226131218946387461129843604531827145871", "SLICEWISE")
"""Implementation class UID and version name (PS3.7, D.3.3.2)."""

LOSS = "compressed with loss"
"""Why attributes are regenerated or dropped then."""

ORIGIN = "tells where the image comes from"
"""Why there are private attributes of slicewise's own."""


class InstanceFiles:
    """Writes the slices of a series to files, each once, from any thread.

    Parameters
    ----------
    folder : Path
        Where to.
    names : sequence of str
        Name of the file of each slice.
    headers : Headers
        Headers to be written, without rescale and extremes.
    choice : Choice or PerSlice
        How values are stored.
    keeps_units : bool
        Whether values are in the units of the source.
    syntax : Syntax
        Transfer syntax of the files.
    way : StatedBy
        Where it is said what stored values stand for.
    origin : Origin, optional
        What is written of where they come from.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        headers: Headers,
        choice: Choice | PerSlice,
        *,
        keeps_units: bool,
        syntax: Syntax,
        way: StatedBy,
        origin: Origin | None = None,
    ) -> None:
        self._paths = [folder / name for name in names]
        self._headers = headers
        self._choice = choice
        self._keeps_units = keeps_units
        self._syntax = syntax
        self._way = way
        self._mapping = late_tags(way, keeps_mapping=choice.keeps_mapping)
        self._writes_extremes = any(tag in headers.columns() for tag in EXTREMES)
        classes, instances = tag_of("SOPClassUID"), tag_of("SOPInstanceUID")
        self._uids = [
            (text_of(headers.element(classes, k)), text_of(headers.element(instances, k))) for k in range(len(headers))
        ]
        self._origin = origin
        self._own: list[int] = []
        own = {} if origin is None else dict(origin.columns(self.changes))
        if origin is not None:
            self._own = [*own, origin.marks_tag]
        late = (
            *EXTREMES,
            *self._mapping,
            *([] if syntax.lossy is None else [RATIO]),
            *([] if origin is None else [origin.marks_tag]),
        )
        self._template = SeriesTemplate(
            headers.with_columns(own | dict.fromkeys(late)), late, implicit=syntax.is_implicit
        )
        self._losses: list[tuple[int, int, int]] = []
        self._lock = threading.Lock()
        self.largest_error = 0.0
        self.written = 0

    def write(self, index: int, values: npt.NDArray[Any]) -> None:
        """Write a slice.

        Raises
        ------
        Misfit
            If its values do not fit the storage.
        WriteError
            If the file cannot be written.
        """
        storage = self._choice.storage(index, values)
        stored, error = quantise(values, storage, f"slice {index}")
        meta = meta_bytes(*self._uids[index], self._syntax.uid, IMPLEMENTATION)
        late = self._stated(storage, index)
        pixels: Sequence[bytes | memoryview]
        if self._syntax.is_encapsulated:
            form = attrs.evolve(storage.form, photometric=coded_photometric(storage.form, self._syntax))
            coded = encode_frame(stored, self._syntax, form, f"slice {index}")
            pixels = encapsulated([coded.data])
            if self._syntax.lossy is not None:
                late[RATIO] = ratio_element(self._headers, index, stored.nbytes / len(coded.data))
                error = _error(coded.decoded, storage, values)
                with self._lock:
                    self._losses.append((coded.difference, stored.nbytes, len(coded.data)))
            stored = coded.decoded
        else:
            pixels = native([stored], implicit=self._syntax.is_implicit)
        if self._writes_extremes:
            late |= extremes(stored, storage)
        if self._origin is not None:
            late[self._origin.marks_tag] = self._origin.marks([(stored, storage)])
        dataset = [self._template.encode(index, late), *pixels]
        is_deflated = self._syntax.uid == DEFLATED
        write_file(self._paths[index], [meta, deflated(dataset)] if is_deflated else [meta, *dataset])
        with self._lock:
            self.largest_error = max(self.largest_error, error)
            self.written += 1

    @property
    def changes(self) -> list[Change]:
        """What became of the attributes that are only known with the pixels."""
        present = [tag for tag in EXTREMES if self._writes_extremes]
        found = [Change(tag, Action.REGENERATED, "from the stored pixels") for tag in present]
        stated = self._stated(self._choice.storages[0], 0)
        for tag in self._mapping:
            before, after = self._headers.column(tag), stated.get(tag)
            if after is None and before is not None:
                found.append(Change(tag, Action.DROPPED, "values are stored as they are"))
            elif after is not None and (before is None or not self._choice.keeps_mapping):
                found.append(Change(tag, Action.REGENERATED, "how the values are stored"))
        if self._syntax.lossy is not None:
            found.append(Change(RATIO, Action.REGENERATED, LOSS))
        return [*found, *(Change(tag, Action.REGENERATED, ORIGIN) for tag in self._own)]

    def _stated(self, storage: Storage, index: int) -> dict[int, RawElement]:
        return mapping_elements(
            storage,
            self._headers,
            index,
            self._way,
            keeps_units=self._keeps_units,
            keeps_mapping=self._choice.keeps_mapping,
        )

    @property
    def loss(self) -> Loss | None:
        """What the compression lost; None if nothing."""
        return Loss.of_frames(str(self._syntax.lossy), self._losses)


def _error(decoded: npt.NDArray[Any], storage: Storage, values: npt.NDArray[Any]) -> float:
    """Return by how much values differ at most that are read from the compressed frame."""
    slope, intercept = storage.rescale
    return float(np.abs(decoded * slope + intercept - values.astype(np.float64)).max(initial=0))


def write_file(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Write a new file.

    Raises
    ------
    WriteError
        If there is one already, or the disk is full.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            _write_all(descriptor, parts)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise WriteError(f"{path.name}: cannot be written ({error.strerror}); nothing of the series is kept") from error


def _write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    wanted = sum(len(part) for part in parts)
    done = os.writev(descriptor, parts)
    if done < wanted:
        # A nearly full disk takes a part of it; the next attempt says why.
        rest = memoryview(b"".join(parts))[done:]
        while len(rest):
            rest = rest[os.write(descriptor, rest) :]
