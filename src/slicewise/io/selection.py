"""Which of the files make up the series to read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from slicewise.dicom.header_parser import assemble
from slicewise.errors import ParameterError, SeriesError, SeveralSeriesError, SlicewiseWarning
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile

__all__ = ["choose_series", "choose_where"]

_SERIES = tag_of("SeriesInstanceUID")
_NUMBER = tag_of("SeriesNumber")
_MODALITY = tag_of("Modality")


def choose_series(files: Sequence[HeaderFile], series: str | int | None, where: str) -> list[HeaderFile]:
    """Return the files of one series that have pixels.

    Parameters
    ----------
    files : sequence of HeaderFile
        All files found.
    series : str, int or None
        SeriesInstanceUID or SeriesNumber; None if there must be but one.
    where : str
        Where the files are, for messages.

    Raises
    ------
    SeveralSeriesError
        If there are several and none was chosen; the message lists them.
    SeriesError
        If there is none, or not the one chosen.
    """
    groups: dict[str, list[HeaderFile]] = {}
    for file in files:
        if file.has_pixels:
            groups.setdefault(file.text(_SERIES), []).append(file)
    if not files:
        raise SeriesError(f"{where}: no DICOM file was found")
    _warn_of_strays([f for f in files if not f.has_pixels and not f.text(_SERIES)])
    if not groups:
        contours = "; ContourReader reads the contours of structure sets" if _has_contours(files) else ""
        raise SeriesError(f"{where}: {len(files)} DICOM files, and none of them has pixels{contours}")
    chosen = {uid: g for uid, g in groups.items() if series is None or _is_chosen(g[0], uid, series)}
    if len(chosen) == 1:
        ((uid, group),) = chosen.items()
        _warn_without_pixels([f for f in files if not f.has_pixels and f.text(_SERIES) == uid])
        return group
    listing = "\n".join(f"  {_line(uid, group)}" for uid, group in groups.items())
    if not chosen:
        raise SeriesError(f"{where}: there is no series {series!r}; there are\n{listing}")
    raise SeveralSeriesError(
        f"{where}: there are {len(chosen)} series; choose one with series='<SeriesInstanceUID>' or its number\n"
        f"{listing}"
    )


def _has_contours(files: Sequence[HeaderFile]) -> bool:
    return any(file.text(_MODALITY) == "RTSTRUCT" for file in files)


def _warn_of_strays(files: Sequence[HeaderFile]) -> None:
    if files:
        warnings.warn(
            f"{_count(files, 'file')} naming no series, without pixels, left out: {files[0].path.name}: cut off?",
            SlicewiseWarning,
            stacklevel=3,
        )


def _warn_without_pixels(files: Sequence[HeaderFile]) -> None:
    if files:
        warnings.warn(
            f"{_count(files, 'instance')} of the series without pixels left out, e.g. {files[0].path.name}",
            SlicewiseWarning,
            stacklevel=3,
        )


def _count(files: Sequence[HeaderFile], what: str) -> str:
    return f"{len(files)} {what}{'s' if len(files) > 1 else ''}"


def _is_chosen(file: HeaderFile, uid: str, series: str | int) -> bool:
    if isinstance(series, int):
        return file.text(_NUMBER) == str(series)
    return uid == series


def _line(uid: str, group: Sequence[HeaderFile]) -> str:
    header = assemble([group[0].header])[0]
    number, modality = header.get("SeriesNumber", ""), header.get("Modality", "?")
    size = f"{header.get('Columns', '?')} x {header.get('Rows', '?')}"
    images = f"{len(group)} image{'s' if len(group) > 1 else ''}"
    description = header.get("SeriesDescription", "")
    return f"{uid}  number {number}, {modality}, {images} of {size}, {str(description)!r}"


def choose_where(headers: Headers, conditions: Mapping[str, Any]) -> list[int]:
    """Return which images have attributes of the given values.

    Raises
    ------
    ParameterError
        If no image is left; the message lists the values there are.
    """
    chosen = list(range(len(headers)))
    for keyword, wanted in conditions.items():
        values = headers[keyword]
        kept = [k for k in chosen if _equal(values[k], wanted)]
        if not kept:
            there = ", ".join(sorted({repr(str(values[k])) for k in chosen if values[k] is not None})[:8])
            others = f"there are {there}" if there else "none has it at all"
            raise ParameterError(f"'where': no image has {keyword} {wanted!r}; {others}")
        chosen = kept
    return chosen


def _equal(value: Any, wanted: Any) -> bool:
    if value is None or isinstance(value, str) or isinstance(wanted, str):
        return str(value) == str(wanted)
    if isinstance(wanted, list | tuple):
        return list(map(str, value)) == list(map(str, wanted)) or _close(value, wanted)
    return bool(value == wanted)


def _close(value: Any, wanted: Any) -> bool:
    try:
        return len(value) == len(wanted) and all(
            abs(float(a) - float(b)) < 1e-9 for a, b in zip(value, wanted, strict=True)
        )
    except (TypeError, ValueError):
        return False
