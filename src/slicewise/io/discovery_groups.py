"""Files to patients, studies, series and volumes, by what their headers say."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydicom.uid import UID

from slicewise.dicom.values import text_of
from slicewise.image.attribute_text import decoded, value_text
from slicewise.image.elements import tag_of
from slicewise.image.read_only import dataset_of
from slicewise.io.discovery import Copies, FoundPatient, FoundSeries, FoundStudy, FoundVolume
from slicewise.io.file_facts import FileFacts, headers_of
from slicewise.io.found_volumes import VolumeNote, describe_volumes

__all__ = ["FoundFile", "copies_of", "patients_of"]

_PATIENT = tuple(map(tag_of, ("PatientID", "IssuerOfPatientID")))
_NAME = tag_of("PatientName")
_STUDY = tag_of("StudyInstanceUID")
_SERIES = tag_of("SeriesInstanceUID")
_INSTANCE = tag_of("SOPInstanceUID")
_CLASS = tag_of("SOPClassUID")
_CHARACTER_SET = tag_of("SpecificCharacterSet")
_TOLD = (
    "PatientID",
    "PatientName",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "SeriesNumber",
    "Modality",
    "SeriesDescription",
)
_YOUNGER_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation"}
"""Names of SOP classes that are younger than pydicom's dictionary."""

Key = TypeVar("Key")
Thing = TypeVar("Thing")


class FoundFile(NamedTuple):
    """A DICOM file and what was kept of its header."""

    path: Path
    facts: FileFacts


class _Described(NamedTuple):
    """A series, and what its first file says of patient and study."""

    patient: tuple[bytes, ...]
    series: FoundSeries
    texts: Mapping[str, str]


def patients_of(files: Iterable[FoundFile]) -> tuple[FoundPatient, ...]:
    """Return the patients that files belong to, with their studies, series and volumes.

    Files of one Series Instance UID that name different patients are different series: they are shown
    under the patient that each names.
    """
    series = [_described(key[0], group) for key, group in _groups(files, _key).items()]
    patients = [_patient(group) for group in _groups(series, lambda s: s.patient).values()]
    return tuple(sorted(patients, key=lambda patient: (patient.id, patient.name)))


def copies_of(files: Iterable[FoundFile]) -> tuple[Copies, ...]:
    """Return which instances are there in several files."""
    instances = _groups(files, lambda file: file.facts.value(_INSTANCE))
    return tuple(
        Copies(uid.decode("ascii", "replace"), tuple(file.path for file in group))
        for uid, group in instances.items()
        if uid and len(group) > 1
    )


def _groups(things: Iterable[Thing], key: Callable[[Thing], Key]) -> dict[Key, list[Thing]]:
    groups: dict[Key, list[Thing]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return groups


def _key(file: FoundFile) -> tuple[tuple[bytes, ...], bytes, bytes]:
    facts = file.facts
    patient = tuple([facts.value(tag) for tag in _PATIENT])
    # Without an identifier the name is all there is.
    identity = patient if patient[0] else (*patient, facts.value(_NAME))
    return identity, facts.value(_STUDY), facts.value(_SERIES)


def _described(patient: tuple[bytes, ...], files: Sequence[FoundFile]) -> _Described:
    first = files[0].facts
    texts = {keyword: _text(first, tag_of(keyword)) for keyword in _TOLD}
    series = FoundSeries(
        number=texts["SeriesNumber"],
        modality=texts["Modality"],
        description=texts["SeriesDescription"],
        kind=_kind(files),
        paths=tuple(file.path for file in files),
        folder=_common_folder(files),
        uid=text_of(first.element(_SERIES)),
        study_uid=text_of(first.element(_STUDY)),
        patient_id=texts["PatientID"],
        study_date=texts["StudyDate"],
        find_volumes=partial(_volumes, [file for file in files if file.facts.has_pixels]),
    )
    return _Described(patient, series, texts)


def _text(facts: FileFacts, tag: int) -> str:
    element = facts.element(tag)
    if element is None:
        return ""
    text = element.value.decode("latin-1").strip(" \0")
    if text.isascii() and text.isprintable():
        return text  # whatever the character set
    context = (facts.element(known) for known in (_CHARACTER_SET, tag))
    with warnings.catch_warnings():
        # A listing shows what can be read of a text; whoever reads the header is warned.
        warnings.simplefilter("ignore")
        found = decoded(dataset_of([e for e in context if e is not None]), tag)
    return "" if found is None else value_text(found).strip()


def _kind(files: Sequence[FoundFile]) -> str:
    uids = dict.fromkeys(file.facts.value(_CLASS) for file in files)
    texts = [uid.decode("ascii", "replace") for uid in uids]
    names = [_YOUNGER_CLASSES.get(uid) or UID(uid).name.removesuffix(" Storage") for uid in texts]
    return ", ".join(dict.fromkeys(name for name in names if name))


def _common_folder(files: Sequence[FoundFile]) -> Path:
    folders = {os.path.dirname(os.fspath(file.path)) for file in files}  # noqa: PTH120 - of all files there are
    if len(folders) == 1:
        return Path(folders.pop())
    return Path(
        os.path.commonpath(folders if len({f.startswith("/") for f in folders}) == 1 else map(os.path.abspath, folders))
    )


def _volumes(files: Sequence[FoundFile]) -> tuple[FoundVolume, ...]:
    if not files:
        return ()
    notes = describe_volumes(headers_of([file.facts for file in files]))
    owners = [k for k, file in enumerate(files) for _ in range(file.facts.frames)]
    uid = text_of(files[0].facts.element(_SERIES))
    every = tuple(file.path for file in files)
    found = []
    for number, note in enumerate(notes):
        held = list(dict.fromkeys(owners[k] for k in note.indices))
        # Of files with frames of other volumes, too, the number tells the reader which it is.
        is_whole = sum(files[k].facts.frames for k in held) == len(note.indices)
        paths = tuple(every[k] for k in held)
        found.append(_volume(note, paths if is_whole else every, None if is_whole else number, uid))
    return tuple(found)


def _volume(note: VolumeNote, paths: tuple[Path, ...], number: int | None, uid: str) -> FoundVolume:
    return FoundVolume(
        name=note.name,
        slices=len(note.indices),
        columns=note.columns,
        rows=note.rows,
        spacing=note.spacing,
        is_even=note.is_even,
        note=note.note,
        paths=paths,
        number=number,
        series_uid=uid,
    )


def _patient(series: Sequence[_Described]) -> FoundPatient:
    names = dict.fromkeys(s.texts["PatientName"] for s in series if s.texts["PatientName"])
    studies = _groups(series, lambda s: s.series.study_uid).values()
    return FoundPatient(
        id=series[0].series.patient_id,
        name=" / ".join(names),
        studies=tuple(_study(group) for group in sorted(studies, key=_study_order)),
    )


def _study_order(series: Sequence[_Described]) -> tuple[str, str, str]:
    return _first_of(series, "StudyDate"), _first_of(series, "StudyTime"), series[0].series.study_uid


def _study(series: Sequence[_Described]) -> FoundStudy:
    return FoundStudy(
        uid=series[0].series.study_uid,
        date=_first_of(series, "StudyDate"),
        description=_first_of(series, "StudyDescription"),
        patient_id=series[0].series.patient_id,
        series=tuple(sorted((s.series for s in series), key=_series_order)),
    )


def _first_of(series: Sequence[_Described], keyword: str) -> str:
    """Return what the first series that has it says."""
    return next((s.texts[keyword] for s in series if s.texts[keyword]), "")


def _series_order(series: FoundSeries) -> tuple[Any, ...]:
    is_number = series.number.lstrip("+-").isdecimal()
    return (int(series.number) if is_number else 0, series.uid)
