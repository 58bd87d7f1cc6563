"""Which series are in a folder, from their headers alone."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.values import column_decimals, text_of
from slicewise.errors import (
    DuplicateSliceError,
    MixedSlicesError,
    SeveralSeriesError,
    SlicewiseError,
    SlicewiseWarning,
)
from slicewise.image import Geometry, Headers, RawElement
from slicewise.image.attribute_text import decoded, value_text
from slicewise.image.elements import tag_of
from slicewise.image.extras import optional_module
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.header_files import HeaderFile, read_headers
from slicewise.io.listing import PathLike, list_files
from slicewise.io.stacking import StackPolicy, stack
from slicewise.io.stored_files import StoredFile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Discovery", "FoundSeries", "OddFile", "discover"]


class OddFile(NamedTuple):
    """A file that was passed over, and why."""

    path: Path
    reason: str


@attrs.frozen
class FoundSeries:
    """A series, as its headers describe it.

    Parameters
    ----------
    number, modality, description : str
        Series Number, Modality and Series Description; empty where there is none.
    images : int
        Number of files that hold an image or another object.
    size : str
        Columns x rows; ``mixed`` where images differ; empty where there are no pixels.
    volume : str
        Whether the slices make one volume, in a few words.
    patient_id, study_date : str
        Patient ID and Study Date.
    folder : Path
        The folder that holds all files.
    uid, study_uid : str
        Series and Study Instance UID.
    """

    number: str
    modality: str
    description: str
    images: int
    size: str
    volume: str
    patient_id: str
    study_date: str
    folder: Path
    uid: str
    study_uid: str


@attrs.frozen(repr=False)
class Discovery:
    """What is in a folder: its series, and the files that are none of them.

    Iterating gives the series, ``len`` their number; printing gives a table.

    Parameters
    ----------
    where : str
        What was looked at.
    series : tuple of FoundSeries
        Sorted by patient, study and number.
    broken : tuple of OddFile
        DICOM files that cannot be read.
    foreign : tuple of Path
        Files that are not DICOM.
    """

    where: str
    series: tuple[FoundSeries, ...]
    broken: tuple[OddFile, ...] = ()
    foreign: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[FoundSeries]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is told of each series."""
        return tuple(f.name for f in attrs.fields(FoundSeries))

    @property
    def rows(self) -> tuple[tuple[Any, ...], ...]:
        """What is told of each series, in the order of ``columns``."""
        return tuple(attrs.astuple(s, recurse=False) for s in self.series)

    def table(self) -> pd.DataFrame:
        """Return a pandas table, one row per series.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = optional_module("pandas", "jupyter", "discover(...).table()")
        return pandas.DataFrame(self.rows, columns=self.columns)

    @property
    def summary(self) -> str:
        """Series, images and odd files in one line."""
        images = sum(s.images for s in self.series)
        parts = [f"{_count(len(self.series), 'series', 'series')}, {_count(images, 'image', 'images')}"]
        if self.broken:
            parts.append(f"{_count(len(self.broken), 'broken file', 'broken files')}")
        if self.foreign:
            parts.append(f"{_count(len(self.foreign), 'file', 'files')} that {_are(self.foreign)} not DICOM")
        return f"{self.where}: {', '.join(parts)}"

    def __str__(self) -> str:
        shown = ("number", "modality", "images", "size", "volume", "description", "patient_id", "folder")
        table = [shown, *(tuple(str(getattr(s, name)) for name in shown) for s in self.series)]
        widths = [max(len(row[c]) for row in table) for c in range(len(shown))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]
        odd = [f"broken: {file.path}: {file.reason}" for file in self.broken]
        return "\n".join([*(lines if self.series else []), self.summary, *odd])

    __repr__ = __str__


def discover(
    path: PathLike | Sequence[PathLike],
    *,
    recursive: bool = True,
    hidden: bool = False,
    follow_links: bool = False,
    archives: bool = False,
) -> Discovery:
    """Return which series are in a folder and its subfolders, whether each makes a volume, and what is broken.

    Only headers are read. A broken file is named in the result and stops nothing.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        As for ``SeriesReader``.
    recursive : bool
        Whether subfolders are looked into.
    hidden : bool
        Whether files and folders are taken whose name begins with a full stop.
    follow_links : bool
        Whether links to folders are followed, to each folder once.
    archives : bool
        Whether archives that lie in a folder are looked into; one that is damaged is counted as a broken file.

    Raises
    ------
    ReadError
        If nothing is there.

    Examples
    --------
    >>> print(discover("archive"))  # doctest: +SKIP
    number  modality  images  size       volume              description         patient_id  folder
    3       CT        41      512 x 512  41 slices of 5 mm   Abdomen portal      P-0042      archive/ct
    """
    listed = list_files(path, recursive=recursive, hidden=hidden, follow_links=follow_links, archives=archives)
    files, broken = _read_all(listed)
    groups: dict[tuple[str, str], list[HeaderFile]] = {}
    for file in files:
        key = (file.text(tag_of("StudyInstanceUID")), file.text(tag_of("SeriesInstanceUID")))
        groups.setdefault(key, []).append(file)
    series = sorted((_describe(group) for group in groups.values()), key=_order)
    known = {file.path for file in files} | {odd.path for odd in broken}
    where = os.fspath(path) if isinstance(path, str | os.PathLike) else f"{len(listed)} files"
    foreign = tuple(file.path for file in listed if file.path not in known)
    return Discovery(where, tuple(series), tuple(broken), foreign)


def _read_all(files: Sequence[StoredFile]) -> tuple[list[HeaderFile], list[OddFile]]:
    """Read the headers of all files, halving the list where it holds a broken one."""
    try:
        with warnings.catch_warnings():
            # What is not DICOM is counted, not warned of.
            warnings.simplefilter("ignore", SlicewiseWarning)
            return read_headers(files, strict=False), []
    except SlicewiseError as error:
        if len(files) == 1:
            return [], [OddFile(files[0].path, str(error).removeprefix(f"{files[0].path}: "))]
    middle = len(files) // 2
    halves = [_read_all(files[:middle]), _read_all(files[middle:])]
    return [file for found, _ in halves for file in found], [odd for _, broken in halves for odd in broken]


def _describe(files: Sequence[HeaderFile]) -> FoundSeries:
    headers = assemble([file.header for file in files])
    return FoundSeries(
        number=_text(headers, "SeriesNumber"),
        modality=_text(headers, "Modality"),
        description=_text(headers, "SeriesDescription"),
        images=len(files),
        size=_size(headers),
        volume=_volume(files, headers),
        patient_id=_text(headers, "PatientID"),
        study_date=_text(headers, "StudyDate"),
        folder=Path(os.path.commonpath([file.path.parent for file in files])),
        uid=files[0].text(tag_of("SeriesInstanceUID")),
        study_uid=files[0].text(tag_of("StudyInstanceUID")),
    )


def _order(series: FoundSeries) -> tuple[Any, ...]:
    number = int(series.number) if series.number.lstrip("+-").isdecimal() else 0
    return (series.patient_id, series.study_date, series.study_uid, number, series.uid)


def _text(headers: Headers, keyword: str) -> str:
    element = decoded(headers[0], tag_of(keyword))
    return "" if element is None else value_text(element).strip()


def _size(headers: Headers) -> str:
    rows, columns = (headers.column(tag_of(keyword)) for keyword in ("Rows", "Columns"))
    if rows is None or columns is None:
        return ""
    if not isinstance(rows, RawElement) or not isinstance(columns, RawElement):
        return "mixed"
    return f"{_text(headers, 'Columns')} x {_text(headers, 'Rows')}"


def _volume(files: Sequence[HeaderFile], headers: Headers) -> str:
    if not all(file.has_pixels for file in files):
        return "no pixels" if not any(file.has_pixels for file in files) else "not all have pixels"
    frames = {text_of(headers.element(tag_of("NumberOfFrames"), k)) for k in range(len(files))} - {"", "1"}
    if frames:
        return f"{frames.pop() if len(frames) == 1 else 'several'} frames in a file"
    return _stacked(files, headers)


def _stacked(files: Sequence[HeaderFile], headers: Headers) -> str:
    try:
        # The tolerance is asked for below; here every stack that is one at all shall pass.
        _, geometry = stack(
            headers, [file.path.name for file in files], StackPolicy("keep", "error", REGULAR_TOLERANCE)
        )
    except SeveralSeriesError:
        return _several(headers)
    except DuplicateSliceError:
        return "positions taken twice"
    except MixedSlicesError:
        return "sizes or orientations differ"
    except (SlicewiseError, ValueError, TypeError):
        # Geometry that is absent, incomplete or no number: whatever it is, there is no plane to stack.
        return "no plane"
    return _stack_note(geometry)


def _several(headers: Headers) -> str:
    positions = {tuple(np.round(p, 3)) for p in column_decimals(headers, tag_of("ImagePositionPatient"))}
    volumes = len(headers) / len(positions)
    if len(positions) == 1:
        return f"{len(headers)} images at one position"
    if volumes == int(volumes):
        return f"{int(volumes)} volumes? {_count(len(positions), 'position', 'positions')}"
    return f"several volumes? {len(headers)} images at {_count(len(positions), 'position', 'positions')}"


def _stack_note(geometry: Geometry) -> str:
    if geometry.slices == 1:
        return "1 slice"
    note = f"{geometry.slices} slices of {geometry.slice_spacing:.4g} mm"
    if not geometry.is_even:
        gaps = np.abs(np.diff(geometry.distances))
        missing = " (missing slices?)" if gaps.max() > 1.5 * np.median(gaps) else ""
        note = f"uneven: {geometry.slices} slices {gaps.min():.4g} to {gaps.max():.4g} mm apart{missing}"
    return f"{note}, gantry tilt {geometry.tilt:.1f} deg" if geometry.is_sheared else note


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
