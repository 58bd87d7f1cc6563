"""The sources of a derived series, found again by their identifiers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from slicewise.dicom.pseudonyms import Pseudonyms
from slicewise.errors import NotDicomError, ReadError, SeriesError
from slicewise.image import ImageInfo
from slicewise.image.attribute_text import count_text
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderScanner
from slicewise.io.listing import PathLike, list_files
from slicewise.io.provenance.sources import given_digest
from slicewise.io.provenance.story import Given, SourceSeries
from slicewise.io.series_reader import SeriesReader

__all__ = ["Study", "reader_of_source"]

_SERIES, _INSTANCE = tag_of("SeriesInstanceUID"), tag_of("SOPInstanceUID")
_SHOWN = 3


@attrs.frozen(eq=False)
class Study:
    """The files below a place, by the identifiers that they have in derived series.

    Parameters
    ----------
    where : str
        The place.
    instances : mapping of str to Path
        The file of each instance.
    series : mapping of str to list of str
        The instances of each series.
    """

    where: str
    instances: Mapping[str, Path]
    series: Mapping[str, Sequence[str]]

    @classmethod
    def at(cls, where: PathLike | Sequence[PathLike], secrets: Iterable[bytes | str | Pseudonyms] = ()) -> Study:
        """Return what is at a place.

        Parameters
        ----------
        where : path, glob pattern or sequence of paths
            The place. What is no DICOM file is passed over.
        secrets : iterable of bytes or str
            Those of the steps that took identification out.
        """
        renamed = _renaming(secrets)
        scanner = HeaderScanner({_SERIES, _INSTANCE})
        instances: dict[str, Path] = {}
        series: dict[str, list[str]] = {}
        for file in list_files(where, archives=True):
            try:
                header = scanner.read(file)
            except (NotDicomError, ReadError):
                # What is broken is none of the sources, or missing then.
                continue
            uid = renamed(header.text(_INSTANCE))
            if instances.setdefault(uid, file.path) == file.path:
                series.setdefault(renamed(header.text(_SERIES)), []).append(uid)
        name = os.fspath(where) if isinstance(where, str | os.PathLike) else count_text(len(where), "place")
        return cls(name, instances, series)


def _renaming(secrets: Iterable[bytes | str | Pseudonyms]) -> Callable[[str], str]:
    steps = [s if isinstance(s, Pseudonyms) else Pseudonyms(s.encode() if isinstance(s, str) else s) for s in secrets]

    def renamed(uid: str) -> str:
        for step in steps:
            uid = step.uid(uid)
        return uid

    return renamed


def reader_of_source(
    source: SourceSeries, given: Sequence[Given], study: Study, options: Mapping[str, Any]
) -> SeriesReader:
    """Return a reader of the very instances that were read.

    Parameters
    ----------
    source : SourceSeries
        What was read.
    given : sequence of Given
        The instances, in the order of the slices; empty if they are not told one by one.
    study : Study
        Where to look.
    options : mapping
        How they were read, beside which of them.

    Raises
    ------
    SeriesError
        If instances are not there, or what is read of them is not what was read then.
    """
    wanted = dict.fromkeys(one.uid for one in given) or dict.fromkeys(
        uid for series in source.series for uid in study.series.get(series, ())
    )
    gone = [uid for uid in wanted if uid not in study.instances]
    if gone or not wanted:
        raise SeriesError(_lacking(source, wanted, gone, study))
    reader = SeriesReader([study.instances[uid] for uid in wanted], **options)
    for one in _volumes(reader):
        found = [Given(s.sop_instance_uid, s.frame) for sources in one.info.sources for s in sources]
        if _agrees(source, found, one.info):
            return one
    raise SeriesError(
        f"{study.where}: of the instances of series {', '.join(source.series)} that are there, no volume is the one "
        f"that was read ({source.slices} slices)"
    )


def _agrees(source: SourceSeries, found: Sequence[Given], info: ImageInfo) -> bool:
    if info.slices != source.slices:
        return False
    # Identifiers that were replaced are told in the order of slices all the same.
    return source.is_renamed or given_digest(found) == source.digest


def _volumes(reader: SeriesReader) -> Iterator[SeriesReader]:
    parts = len(reader.opened.parts)
    if parts == 1 or reader.on_no_plane == "pixels":
        yield reader
    else:
        yield from (reader.of_volume(k) for k in range(parts))


def _lacking(source: SourceSeries, wanted: Mapping[str, None], gone: Sequence[str], study: Study) -> str:
    series = f"series {', '.join(source.series) or 'that is not named'}"
    why = (
        "; identifiers were replaced when identification was taken out: give the secret, "
        "values={'deidentify.secret': ...}, and the original study"
        if source.is_renamed
        else ""
    )
    if not wanted:
        return f"{study.where}: holds no instance of {series}, which {source.name} read{why}"
    shown = ", ".join(gone[:_SHOWN]) + (", ..." if len(gone) > _SHOWN else "")
    return (
        f"{study.where}: {len(gone)} of {count_text(len(wanted), 'instance')} of {series}, which {source.name} read, "
        f"are not there: {shown}{why}"
    )
