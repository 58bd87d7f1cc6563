"""What was found in a folder: patients, their studies, series and volumes, and the files that are none of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from slicewise.io.discovery_text import outline, summary
from slicewise.io.series_reader import SeriesReader

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Copies", "Discovery", "FoundPatient", "FoundSeries", "FoundStudy", "FoundVolume", "OddFile"]


class OddFile(NamedTuple):
    """A file that was passed over, and why."""

    path: Path
    reason: str


class Copies(NamedTuple):
    """Files of one SOP Instance UID."""

    uid: str
    paths: tuple[Path, ...]


@attrs.frozen(eq=False, repr=False)
class FoundVolume:
    """One volume of a series.

    Parameters
    ----------
    name : str
        What separates it from the other volumes of its series, e.g. ``EchoTime 4.92``; empty if there is only one.
    slices : int
        Number of its images: files, or frames of multi-frame files.
    columns, rows : int or None
        Size of the images; None where they differ or have none.
    spacing : tuple of float or None
        Spacing in x, y, z order and mm; None where the images make no stack.
    is_even : bool
        Whether its slices make a stack with even spacing.
    note : str
        How its slices lie, in a few words: ``41 slices of 5 mm``.
    paths : tuple of Path
        The files that hold its images.
    number : int or None
        Which volume of these files it is, from 0; None if they hold nothing else.
    series_uid : str
        Series Instance UID.
    """

    name: str
    slices: int
    columns: int | None
    rows: int | None
    spacing: tuple[float, float, float] | None
    is_even: bool
    note: str
    paths: tuple[Path, ...]
    number: int | None
    series_uid: str

    @property
    def size(self) -> str:
        """Columns x rows; ``mixed`` where images differ or do not tell."""
        return "mixed" if self.columns is None or self.rows is None else f"{self.columns} x {self.rows}"

    def reader(self, **options: Any) -> SeriesReader:
        """Return a reader of this volume.

        Parameters
        ----------
        **options
            As for ``SeriesReader``: ``on_gap``, ``on_duplicate``, ``tolerance``, ``where``.
        """
        return SeriesReader(self.paths, series=self.series_uid or None, volume=self.number, **options)

    def __repr__(self) -> str:
        return f"FoundVolume({self.name!r}, {self.size}, {self.note})"


@attrs.frozen(eq=False, repr=False)
class FoundSeries:
    """A series, as its headers describe it.

    Parameters
    ----------
    number, modality, description : str
        Series Number, Modality and Series Description; empty where there is none.
    kind : str
        What its objects are: the names of their SOP classes, e.g. ``CT Image`` or ``RT Structure Set``.
    paths : tuple of Path
        All its files.
    folder : Path
        The folder that holds them all.
    uid, study_uid : str
        Series and Study Instance UID.
    patient_id, study_date : str
        Patient ID and Study Date.
    find_volumes : callable
        Finds its volumes in what was kept of its headers.
    """

    number: str
    modality: str
    description: str
    kind: str
    paths: tuple[Path, ...]
    folder: Path
    uid: str
    study_uid: str
    patient_id: str
    study_date: str
    _find_volumes: Callable[[], tuple[FoundVolume, ...]]

    @cached_property
    def volumes(self) -> tuple[FoundVolume, ...]:
        """Its volumes; empty where there are no pixels. They are found when they are first asked for."""
        return self._find_volumes()

    @property
    def images(self) -> int:
        """Number of files that hold an image or another object."""
        return len(self.paths)

    @property
    def size(self) -> str:
        """Columns x rows; ``mixed`` where volumes differ; empty where there are no pixels."""
        sizes = {volume.size for volume in self.volumes}
        return "mixed" if len(sizes) > 1 else next(iter(sizes), "")

    @property
    def volume(self) -> str:
        """The note of the only volume, the number of volumes, or what the objects are."""
        if len(self.volumes) == 1:
            return self.volumes[0].note
        return f"{len(self.volumes)} volumes" if self.volumes else self.kind or "no pixels"

    def reader(self, volume: int | str | None = None, **options: Any) -> SeriesReader:
        """Return a reader of the series, or of one of its volumes.

        Parameters
        ----------
        volume : int or str, optional
            Number or name of the volume, where there are several.
        **options
            As for ``SeriesReader``: ``on_gap``, ``on_duplicate``, ``tolerance``, ``where``.
        """
        return SeriesReader(self.paths, series=self.uid or None, volume=volume, **options)

    def __repr__(self) -> str:
        return (
            f"FoundSeries({self.number!r}, {self.modality}, {self.description!r}, {self.images} files, {self.volume})"
        )


@attrs.frozen(eq=False, repr=False)
class FoundStudy:
    """A study of a patient.

    Parameters
    ----------
    uid, date, description : str
        Study Instance UID, Study Date (YYYYMMDD) and Study Description.
    patient_id : str
        Patient ID.
    series : tuple of FoundSeries
        Sorted by number.
    """

    uid: str
    date: str
    description: str
    patient_id: str
    series: tuple[FoundSeries, ...]

    def __repr__(self) -> str:
        return f"FoundStudy({self.date!r}, {self.description!r}, {len(self.series)} series)"


@attrs.frozen(eq=False, repr=False)
class FoundPatient:
    """A patient: one Patient ID of one issuer.

    Parameters
    ----------
    id, name : str
        Patient ID and Patient's Name; all names, where one ID stands with several.
    studies : tuple of FoundStudy
        Sorted by date.
    """

    id: str
    name: str
    studies: tuple[FoundStudy, ...]

    def __repr__(self) -> str:
        return f"FoundPatient({self.id!r}, {self.name!r}, {len(self.studies)} studies)"


@attrs.frozen(eq=False, repr=False)
class Discovery:
    """What is in a folder: its series by patient and study, and the files that are none of them.

    Iterating gives the series, ``len`` their number; printing gives a table.

    Parameters
    ----------
    where : str
        What was looked at.
    patients : tuple of FoundPatient
        Sorted by ID.
    broken : tuple of OddFile
        DICOM files that cannot be read.
    foreign : tuple of Path
        Files that are not DICOM.
    copies : tuple of Copies
        Files that hold the same instance.
    """

    where: str
    patients: tuple[FoundPatient, ...]
    broken: tuple[OddFile, ...] = ()
    foreign: tuple[Path, ...] = ()
    copies: tuple[Copies, ...] = ()

    @property
    def studies(self) -> tuple[FoundStudy, ...]:
        """The studies of all patients."""
        return tuple(study for patient in self.patients for study in patient.studies)

    @property
    def series(self) -> tuple[FoundSeries, ...]:
        """The series of all studies."""
        return tuple(series for study in self.studies for series in study.series)

    @property
    def volumes(self) -> tuple[FoundVolume, ...]:
        """The volumes of all series."""
        return tuple(volume for series in self.series for volume in series.volumes)

    def __iter__(self) -> Iterator[FoundSeries]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def summary(self) -> str:
        """Patients, studies, series, files and what is odd, in one line."""
        return summary(self)

    def table(self) -> pd.DataFrame:
        """Return a pandas table, one row for each volume, and one for each series without pixels.

        Numbers that are not known are missing values. ``paths`` is the number of files, ``spacing_x``,
        ``spacing_y`` and ``spacing_z`` are in mm.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from slicewise.io.discovery_table import volume_table

        return volume_table(self)

    def __str__(self) -> str:
        return "\n".join(line.text for line in outline(self))

    __repr__ = __str__
