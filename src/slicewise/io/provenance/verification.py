"""Whether derived instances still have the pixels that they were written with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import attrs

from slicewise.errors import SlicewiseError
from slicewise.image.attribute_text import count_text
from slicewise.io.listing import PathLike
from slicewise.io.pixel_files import read_stored
from slicewise.io.provenance.digests import digest_like
from slicewise.io.provenance.told import SILENT, ToldInstance, ToldSeries, told_series
from slicewise.pipeline.progress import Show, show_progress

__all__ = ["Difference", "Verification", "verify"]


class Difference(NamedTuple):
    """An instance that is not as it was written.

    Attributes
    ----------
    kind : str
        ``"changed"``, ``"missing"`` or ``"added"``.
    series_uid : str
        SeriesInstanceUID of its series.
    number : int or None
        Which of the instances of the series it is, from 1; None if it does not say.
    uid : str
        SOPInstanceUID; empty of a missing one.
    file : str
        Its file; empty of a missing one.
    what : str
        What differs, in words.
    """

    kind: str
    series_uid: str
    number: int | None
    uid: str
    file: str
    what: str

    def __str__(self) -> str:
        if self.kind == "missing":
            return f"missing: {self.what}"
        return f"{self.kind}: {self.file}: {self.what} (SOPInstanceUID {self.uid})"


@attrs.frozen(repr=False)
class Verification:
    """What a check of derived instances found.

    Iterating gives the differences; printing tells them.

    Parameters
    ----------
    where : str
        What was looked at.
    differences : tuple of Difference
        Instances that are changed, missing or added.
    verified : int
        How many instances have the pixels that they were written with.
    silent : tuple of str
        SeriesInstanceUIDs of the series that do not say where they come from.
    """

    where: str
    differences: tuple[Difference, ...]
    verified: int
    silent: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    @property
    def changed(self) -> tuple[Difference, ...]:
        """Instances whose values are others than those written."""
        return self._of("changed")

    @property
    def missing(self) -> tuple[Difference, ...]:
        """Instances that were written and are not there."""
        return self._of("missing")

    @property
    def added(self) -> tuple[Difference, ...]:
        """Instances that were not written with the others of their series."""
        return self._of("added")

    @property
    def is_intact(self) -> bool:
        """Whether all instances are there as they were written; never where none says what was written."""
        return not self.differences and self.verified > 0

    def _of(self, kind: str) -> tuple[Difference, ...]:
        return tuple(one for one in self.differences if one.kind == kind)

    @property
    def summary(self) -> str:
        """What came of it, in one line."""
        counts = [f"{len(found)} {kind}" for kind in ("changed", "missing", "added") if (found := self._of(kind))]
        told = f"{count_text(self.verified, 'instance')} as written"
        return f"{self.where}: {', '.join([told, *counts])}"

    def __str__(self) -> str:
        return "\n".join(
            [*map(str, self.differences), *(f"series {uid} {SILENT}" for uid in self.silent), self.summary]
        )

    def __repr__(self) -> str:
        return f"<Verification of {self.summary}>"


def verify(
    path: PathLike | Sequence[PathLike],
    *,
    workers: int | None = None,
    progress: Show | bool | None = None,
) -> Verification:
    """Tell whether derived series have the pixels that they were written with, and all their instances.

    Each instance that slicewise derives states a digest of its stored values, and the slope and intercept that make
    values of them. Pixels are decoded: another transfer syntax without loss changes nothing. Other attributes may have
    been edited. It is no signature: who changes pixels on purpose can write another digest, too.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        The derived series, one or several.
    workers : int, optional
        Threads; as many as cores if not given.
    progress : bool or callable, optional
        As for ``discover``.

    Raises
    ------
    ReadError
        If nothing is there, or a file is broken; the message names it.

    Examples
    --------
    >>> found = verify("derived")  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    changed: 0017.dcm: stored values (SOPInstanceUID 2.25.3...)
    derived: 40 instances as written, 1 changed
    """
    series = told_series(path)
    files = [one for each in series for one in each.instances]
    differences: list[Difference] = []
    verified = 0
    with (
        show_progress(progress, "Verifying", unit="file") as tell,
        ThreadPoolExecutor(workers or os.cpu_count()) as pool,
    ):
        done = 0
        for each in series:
            if not each.run:
                continue
            expected = list(each.by_number.values())
            for one, what in zip(expected, pool.map(_difference, expected), strict=True):
                done += 1
                tell(done, len(files))
                if what:
                    differences.append(_told("changed", each, one, what))
                verified += not what
            differences += [*_missing(each), *_added(each)]
    where = os.fspath(path) if isinstance(path, str | os.PathLike) else count_text(len(files), "file")
    return Verification(where, tuple(differences), verified, tuple(each.uid for each in series if not each.run))


def _told(kind: str, series: ToldSeries, one: ToldInstance, what: str) -> Difference:
    number = None if one.block is None else one.block.number
    return Difference(kind, series.uid, number, one.uid, str(one.file.path), what)


def _missing(series: ToldSeries) -> Iterator[Difference]:
    count = 0 if series.block is None else series.block.count
    for number in range(1, count + 1):
        if number not in series.by_number:
            yield Difference(
                "missing", series.uid, number, "", "", f"instance {number} of {count} of series {series.uid}"
            )


def _added(series: ToldSeries) -> Iterator[Difference]:
    expected = {id(one) for one in series.by_number.values()}
    for one in series.instances:
        if id(one) in expected:
            continue
        if one.block is None:
            what = "it does not say where it comes from, and the others of its series do"
        elif one.block.run == series.run:
            what = f"there is another instance {one.block.number} of its series"
        else:
            what = "it was not written with the others of its series"
        yield _told("added", series, one, what)


def _difference(one: ToldInstance) -> str:
    """Return in words what is not as it was written; empty if nothing."""
    marks = () if one.block is None else one.block.marks
    try:
        frames, _ = one.frames
        forms, lines = one.cells, one.lines
        if len(frames) != len(marks):
            return f"{count_text(len(frames), 'frame')} where {len(marks)} were written"
        stored = [
            k
            for k, (frame, form, mark) in enumerate(zip(frames, forms, marks, strict=True))
            if digest_like(read_stored(frame, form), mark.digest) != mark.digest
        ]
    except SlicewiseError as error:
        return f"cannot be read: {error}"
    if stored:
        return f"stored values{_in_frames(stored, len(marks))}"
    scaled = [
        k for k, (line, mark) in enumerate(zip(lines, marks, strict=True)) if line != (mark.slope, mark.intercept)
    ]
    if not scaled:
        return ""
    k = scaled[0]
    line = lines[k]
    now = "no line" if line is None else f"{line.slope:g} and {line.intercept:g}"
    was = f"{marks[k].slope:g} and {marks[k].intercept:g}"
    return f"slope and intercept{_in_frames(scaled, len(marks))} are {now}, and were {was}"


def _in_frames(which: Sequence[int], count: int) -> str:
    if count == 1:
        return ""
    shown = ", ".join(str(k + 1) for k in which[:5])
    return f" of frame{'s' if len(which) > 1 else ''} {shown}{', ...' if len(which) > 5 else ''}"
