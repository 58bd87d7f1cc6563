"""The pixels of a derived series made once more from its sources, and compared."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np

from slicewise.dicom.encoders import encode_frame, syntax_of
from slicewise.dicom.lossy import LOSSY, Lossy
from slicewise.dicom.provenance_block import FrameMark
from slicewise.dicom.storing import Misfit, Storage, quantise
from slicewise.errors import SeriesError, ValueRangeError
from slicewise.image.attribute_text import count_text
from slicewise.io.derived_writer import Written
from slicewise.io.listing import PathLike
from slicewise.io.multi_frame_writer import MultiFrameWriter
from slicewise.io.pixel_files import read_stored
from slicewise.io.provenance.digests import digest_like
from slicewise.io.provenance.rebuilding import only_series, rebuilt
from slicewise.io.provenance.told import SILENT, ToldInstance, ToldSeries, told_series
from slicewise.io.provenance.versions import other_versions
from slicewise.io.series_writer import SeriesWriter
from slicewise.pipeline.node import Array, Node, Slab
from slicewise.pipeline.progress import Show
from slicewise.pipeline.run import Runner, RunOptions

__all__ = ["Replay", "SliceDifference", "replay"]


class SliceDifference(NamedTuple):
    """A slice that does not come out as it is in the derived series.

    Attributes
    ----------
    slice_index : int
        Its number in the result of the graph, from 0.
    file, uid : str
        Its file and SOPInstanceUID; empty if it is not there.
    pixels : int
        How many pixels differ.
    largest : float
        By how much at most, in units of the values; NaN if that cannot be told.
    reason : str
        What is known of why.
    """

    slice_index: int
    file: str
    uid: str
    pixels: int
    largest: float
    reason: str = ""

    def __str__(self) -> str:
        if not self.file:
            return f"slice {self.slice_index}: {self.reason}"
        by = "" if np.isnan(self.largest) else f" by up to {self.largest:g}"
        why = f"; {self.reason}" if self.reason else ""
        pixels = "1 pixel differs" if self.pixels == 1 else f"{self.pixels} pixels differ"
        return f"slice {self.slice_index} ({self.file}): {pixels}{by}{why}"


@attrs.frozen(repr=False, kw_only=True)
class Replay:
    """What came of making a derived series once more.

    Parameters
    ----------
    where : str
        The derived series.
    slices : int
        How many slices were compared.
    differences : tuple of SliceDifference
        Those that differ, in order.
    versions : tuple of str
        What is of another version here than when the series was made.
    notes : tuple of str
        What a reader should know.
    written : Written, optional
        What was written, if it was asked for.
    """

    where: str
    slices: int
    differences: tuple[SliceDifference, ...]
    versions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    written: Written | None = None

    @property
    def agrees(self) -> bool:
        """Whether all slices are the same, bit for bit."""
        return not self.differences

    def __iter__(self) -> Iterator[SliceDifference]:
        return iter(self.differences)

    @property
    def summary(self) -> str:
        """What came of it, in one line."""
        same = self.slices - len(self.differences)
        return f"{self.where}: {same} of {count_text(self.slices, 'slice')} come out the same, bit for bit"

    def __str__(self) -> str:
        lines = [self.summary]
        if self.differences:
            lines.append(f"first that differs: {self.differences[0]}")
            if self.versions:
                lines += ["other versions:", *(f"  {line}" for line in self.versions)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"<Replay of {self.summary}>"


def replay(
    derived: PathLike | Sequence[PathLike],
    source: PathLike | Sequence[PathLike] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    functions: Iterable[Callable[..., Any]] = (),
    allow_modules: Iterable[str] = (),
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    memory: int | str | None = None,
    workers: int | None = None,
    progress: Show | bool | None = None,
) -> Replay:
    """Make the pixels of a derived series once more from its sources, and tell whether they are the same bit for bit.

    The series says itself how it was made: its recipe and the instances that were read stand in a private block of its
    instances. Values are stored as those of the series are, and compared.

    Parameters
    ----------
    derived : path, glob pattern or sequence of paths
        The derived series.
    source : path, glob pattern or sequence of paths, optional
        Where the sources are, in any folder or archive below: they are found by their SOP Instance UIDs.
    inputs : mapping of str to path, Node or Image, optional
        What was no DICOM series, by its name in the recipe: a volume of another format, an image in memory.
    values, functions, allow_modules
        What the recipe could not hold; see ``Recipe.build``.
    output : path, optional
        Where to write the result as a derived series of its own.
    overwrite : bool
        Whether a series that is there is replaced.
    memory, workers, progress
        As for ``Node.update``.

    Raises
    ------
    RecipeError
        If something is missing in the recipe and not given; the message says what.
    SeriesError
        If the series does not say where it comes from, or its sources are not there.

    Examples
    --------
    >>> print(replay("derived", source="study"))  # doctest: +SKIP
    derived: 103 of 103 slices come out the same, bit for bit
    """
    where = os.fspath(derived) if isinstance(derived, str | os.PathLike) else count_text(len(derived), "path")
    series = only_series(told_series(derived), where)
    if series.block is None:
        raise SeriesError(f"{where}: the series {SILENT}")
    made = rebuilt(
        series,
        source,
        inputs=inputs or {},
        values=values or {},
        functions=functions,
        allow_modules=allow_modules,
    )
    runner = Runner(RunOptions(memory=memory, workers=workers, progress=progress))
    found = _Comparison(series, made.node).run(runner)
    notes = [f"{path}: its pixels were changed since it was read" for path in made.changed]
    written = None
    if output is not None:
        writer = MultiFrameWriter if series.story.writer == MultiFrameWriter.__name__ else SeriesWriter
        made_again = made.node >> writer(Path(output), overwrite=overwrite)
        written = made_again.update(memory=memory, workers=workers, progress=progress)
    return Replay(
        where=where,
        slices=made.node.info.slices,
        differences=tuple(found),
        versions=tuple(other_versions(series.block.versions)),
        notes=tuple(notes),
        written=written,
    )


class _Comparison:
    """The slices of a graph, each compared with the frame that was written of it."""

    def __init__(self, series: ToldSeries, node: Node) -> None:
        self.node = node
        self.lossy = _lossy(series.story.loss)
        self.places = _places(series)
        self.found: dict[int, SliceDifference] = {}
        self.lock = threading.Lock()

    def run(self, runner: Runner) -> list[SliceDifference]:
        """Return the slices that differ."""
        wanted, slices = max(self.places, default=-1) + 1, self.node.info.slices
        if wanted > slices:
            raise SeriesError(f"the graph makes {count_text(slices, 'slice')}, and {wanted} were written")
        runner.stream(self.node, self._compare, "Replaying")
        return [self.found[k] for k in sorted(self.found)]

    def _compare(self, slab: Slab, values: Array) -> None:
        for k, index in enumerate(slab):
            difference = self._difference(index, values[k])
            if difference is not None:
                with self.lock:
                    self.found[index] = difference

    def _difference(self, index: int, values: Array) -> SliceDifference | None:
        place = self.places.get(index)
        if place is None:
            return SliceDifference(index, "", "", 0, np.nan, "its instance is not there")
        one, k, mark = place
        form = one.forms[k]
        there = read_stored(one.frames[0][k], form)
        reason = _since(one, k, mark)
        storage = Storage(repr(mark.slope), repr(mark.intercept), form)
        try:
            made = values.astype(form.dtype) if form.floating else quantise(values, storage, f"slice {index}")[0]
            if self.lossy is not None:
                made = encode_frame(made, syntax_of(self.lossy), form, f"slice {index}").decoded
        except (Misfit, ValueRangeError) as error:
            return SliceDifference(index, one.name, one.uid, there.size, np.nan, reason or str(error))
        if made.shape != there.shape:
            sizes = " and ".join(" x ".join(map(str, a.shape)) for a in (made, there))
            return SliceDifference(index, one.name, one.uid, there.size, np.nan, f"of {sizes} pixels")
        different = (made != there) & ~((made != made) & (there != there))  # noqa: PLR0124 - NaN
        if not different.any():
            return SliceDifference(index, one.name, one.uid, 0, np.nan, reason) if reason else None
        largest = float(np.abs(made.astype(np.float64) - there).max(where=different, initial=0)) * abs(mark.slope)
        return SliceDifference(index, one.name, one.uid, int(different.sum()), largest, reason)


def _places(series: ToldSeries) -> dict[int, tuple[ToldInstance, int, FrameMark]]:
    """Return for each slice that was written its instance, the frame of it, and its mark."""
    found: dict[int, tuple[ToldInstance, int, FrameMark]] = {}
    for number, one in series.by_number.items():
        marks = one.block.marks if one.block is not None else ()
        for k, mark in enumerate(marks):
            found[number - 1 + k] = (one, k, mark)
    return found


def _since(one: ToldInstance, k: int, mark: FrameMark) -> str:
    """Return what was done to a frame since it was written; empty if nothing."""
    if one.lines[k] != (mark.slope, mark.intercept):
        return "its slope and intercept were changed since it was written"
    stored = read_stored(one.frames[0][k], one.cells[k])
    return "" if digest_like(stored, mark.digest) == mark.digest else "it was changed since it was written"


def _lossy(told: Sequence[str]) -> Lossy | None:
    if not told:
        return None
    name, amount = told
    parameter = LOSSY[name].parameter
    number = float(amount)
    return Lossy(
        name,
        error=int(number) if parameter == "error" else None,
        psnr=number if parameter == "psnr" else None,
        quality=int(number) if parameter == "quality" else None,
    )
