"""Discoveries as lines of text: patients and studies as headings, series as rows, their volumes below them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from slicewise.io.discovery import Discovery, FoundPatient, FoundSeries, FoundStudy

__all__ = ["TITLES", "Line", "Row", "odd_lines", "outline", "patient_line", "series_rows", "study_line", "summary"]

TITLES = ("number", "modality", "images", "size", "volume", "description")
_SHOWN_VOLUMES = 6
"""A time series of hundreds of volumes shall not push everything else out of sight."""
_SHOWN_ODD = 20
_LEAST_WIDTH = 11
"""Columns of a table are not made narrower than this."""
_LABEL_MAP = "Label Map Segmentation"
_SEGMENTATIONS = ("Segmentation", _LABEL_MAP)
_BY_SEGMENT = "ReferencedSegmentNumber "

Row = tuple[str, str, str, str, str, str]


class Line(NamedTuple):
    """A line of text, and what it is."""

    text: str
    kind: Literal["patient", "study", "titles", "series", "volume", "place", "summary", "odd"]


def outline(
    found: Discovery, *, width: int | None = None, with_uids: bool = False, all_volumes: bool = False
) -> Iterator[Line]:
    """Return a discovery as lines.

    Parameters
    ----------
    found : Discovery
        What was found.
    width : int, optional
        Characters in a line: longer ones are wrapped. As long as need be if not given.
    with_uids : bool
        Whether the instance UIDs of series are told.
    all_volumes : bool
        Whether the volumes of a series with very many are all listed.
    """
    every = [row for series in found for row in series_rows(series, all_volumes=all_volumes)]
    widths = _widths([TITLES, *every], width)
    several_folders = len({series.folder for series in found}) > 1
    if every:
        yield Line(_joined(TITLES, widths), "titles")
    for patient in found.patients:
        yield from _wrapped(patient_line(patient), width, "patient")
        for study in patient.studies:
            yield from _wrapped(study_line(study), width, "study")
            for series in study.series:
                for k, row in enumerate(series_rows(series, all_volumes=all_volumes)):
                    for text in _cells_wrapped(row, widths):
                        yield Line(text, "volume" if k else "series")
                if with_uids:
                    yield Line(f"  {series.uid}", "place")
                if several_folders:
                    yield from _wrapped(f"  in {printable(below(series.folder, found.where))}", width, "place")
    yield from _wrapped(summary(found), width, "summary")
    for text in odd_lines(found):
        yield from _wrapped(text, width, "odd")


def summary(found: Discovery) -> str:
    """Return patients, studies, series, files and what is odd, in one line."""
    images = sum(s.images for s in found)
    parts = [
        _count(len(found.patients), "patient", "patients"),
        _count(len(found.studies), "study", "studies"),
        _count(len(found), "series", "series"),
        _count(len(found.volumes), "volume", "volumes"),
        _count(images, "image", "images"),
    ]
    if found.broken:
        parts.append(_count(len(found.broken), "broken file", "broken files"))
    if found.copies:
        parts.append(_count(len(found.copies), "instance in several copies", "instances in several copies"))
    if found.foreign:
        are = "is" if len(found.foreign) == 1 else "are"
        parts.append(f"{_count(len(found.foreign), 'file', 'files')} that {are} not DICOM")
    return f"{printable(found.where)}: {', '.join(parts)}"


def odd_lines(found: Discovery) -> list[str]:
    """Return a line for each broken file and each instance that is there several times; of many, the first."""
    broken = [f"broken: {printable(odd.path)}: {printable(odd.reason)}" for odd in found.broken]
    copies = [f"copies: {_some_paths(c.paths, found.where)}" for c in found.copies]
    return [*_first(broken, "broken files"), *_first(copies, "instances in several copies")]


def _some_paths(paths: Sequence[Path], where: str) -> str:
    shown = ", ".join(printable(below(path, where)) for path in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"


def _first(lines: list[str], what: str) -> list[str]:
    if len(lines) <= _SHOWN_ODD:
        return lines
    return [*lines[: _SHOWN_ODD - 1], f"... and {len(lines) - _SHOWN_ODD + 1} more {what}"]


def patient_line(patient: FoundPatient) -> str:
    """Return the heading of a patient."""
    named = ", ".join(printable(text) for text in (patient.id, patient.name) if text)
    return f"Patient {named}" if named else "Patient without ID or name"


def study_line(study: FoundStudy) -> str:
    """Return the heading of a study."""
    date = f"{study.date[:4]}-{study.date[4:6]}-{study.date[6:]}" if _is_date(study.date) else study.date
    told = ", ".join(printable(text) for text in (date, study.description) if text)
    return f"Study of {told}" if date else f"Study without a date{f', {told}' if told else ''}"


def _is_date(text: str) -> bool:
    return len(text) == 8 and text.isdecimal()


def series_rows(series: FoundSeries, *, all_volumes: bool = False) -> list[Row]:
    """Return a row for a series, and one for each volume where there are several."""
    is_segmentation = series.kind in _SEGMENTATIONS
    told = _frames_text(series) if is_segmentation else series.volume
    first = (series.number, series.modality, str(series.images), series.size, told, series.description)
    rows: list[Row] = [_printable_row(first)]
    if len(series.volumes) < 2 or is_segmentation:
        return rows
    shown = len(series.volumes)
    if shown > _SHOWN_VOLUMES and not all_volumes:
        shown = _SHOWN_VOLUMES - 1
    for volume in series.volumes[:shown]:
        size = volume.size if series.size == "mixed" else ""
        rows.append(_printable_row(("", "", str(len(volume.paths)), size, f"{volume.name}: {volume.note}", "")))
    if shown < len(series.volumes):
        rows.append(("", "", "", "", f"... and {len(series.volumes) - shown} more", ""))
    return rows


def _frames_text(series: FoundSeries) -> str:
    """Return segments and frames of a segmentation, whose frames make no volumes by themselves."""
    frames = _count(sum(volume.slices for volume in series.volumes), "frame", "frames")
    if series.kind == _LABEL_MAP:
        return f"label map, {frames}"
    segments = {name for volume in series.volumes for name in volume.name.split(", ") if name.startswith(_BY_SEGMENT)}
    # Of one alone, or where none is named, it is not known how many are described.
    return f"{len(segments)} segments, {frames}" if len(segments) > 1 else frames


def _printable_row(cells: Row) -> Row:
    a, b, c, d, e, f = (printable(cell) for cell in cells)
    return a, b, c, d, e, f


def printable(value: object) -> str:
    """Return a text in one line, without what would move the cursor or colour the terminal."""
    text = value if isinstance(value, str) else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def below(path: Path, where: str) -> Path:
    """Return a path relative to the one that was asked for."""
    return path.relative_to(where) if path.is_relative_to(where) else path


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    widths = [max(len(row[c]) for row in rows) for c in range(len(TITLES))]
    if width is None:
        return widths
    # Number, modality, images and size are short; volume and description share what they leave.
    left = width - sum(widths[:4]) - 2 * (len(widths) - 1)
    if widths[4] + widths[5] > left:
        widths[4] = max(_LEAST_WIDTH, min(widths[4], max(left - widths[5], left * 3 // 5)))
        widths[5] = max(_LEAST_WIDTH, left - widths[4])
    return widths


def _cells_wrapped(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [_wrapped_cell(cell, w) for cell, w in zip(cells, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=""):
        yield _joined(parts, widths)


def _wrapped_cell(cell: str, width: int) -> list[str]:
    if any(east_asian_width(letter) in "WF" for letter in cell):
        width //= 2  # such letters take two places
    return textwrap.wrap(cell, width) if len(cell) > width else [cell]


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True)).rstrip()


def _wrapped(
    text: str, width: int | None, kind: Literal["patient", "study", "place", "summary", "odd"]
) -> Iterator[Line]:
    if width is None or len(text) <= width:
        yield Line(text, kind)
        return
    indent = "    " if kind in ("place", "odd", "summary") else "  "
    for line in textwrap.wrap(text, width, subsequent_indent=indent, drop_whitespace=True, replace_whitespace=False):
        yield Line(line, kind)


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
