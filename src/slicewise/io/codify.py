"""DICOM files as Python scripts that make them again with pydicom alone."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import attrs
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from slicewise.errors import (
    DestinationError,
    NotDicomError,
    ParameterError,
    ReadError,
    SlicewiseError,
    SlicewiseWarning,
    WriteError,
)
from slicewise.filters.deidentify import Deidentify
from slicewise.image.decoding import DECODING_ERRORS
from slicewise.io.codify_deidentified import without_identification
from slicewise.io.codify_elements import Choice, title_of
from slicewise.io.codify_instance import instance_script
from slicewise.io.codify_series import series_script
from slicewise.io.codify_side import SideFile
from slicewise.io.codify_values import stored_element
from slicewise.io.dicomdir import HEAD_LENGTH, is_dicom
from slicewise.io.listing import PathLike, list_files
from slicewise.io.stored_files import PlainFile, StoredFile

__all__ = ["Codified", "codify"]

_UNDEFINED = 0xFFFFFFFF


@attrs.frozen
class Codified:
    """What codify wrote.

    Parameters
    ----------
    script : Path
        The script.
    side : Path or None
        The file beside it, with large values; None where there are none.
    instances : int
        How many instances the script makes.
    """

    script: Path
    side: Path | None
    instances: int


def codify(
    source: PathLike,
    script: PathLike | None = None,
    *,
    exclude_size: int | None = None,
    private: bool = True,
    side_size: int = 256,
    save_as: str | None = None,
    deidentify: Deidentify | None = None,
    overwrite: bool = False,
) -> Codified:
    """Write a Python script that makes an instance, or all instances of a series, again; it needs pydicom alone.

    The instance that the script makes has the same elements with the same bytes: sequences, private elements, file
    meta information and preamble included.

    Parameters
    ----------
    source : path
        A file; or a folder or an archive with the instances of one series, which become one script.
    script : path, optional
        The script, ``.py``; in the working folder with the name of the source if not given.
    exclude_size : int, optional
        Values that are no text and longer than this many bytes are left out, with a comment in their place.
    private : bool
        Whether private elements are taken.
    side_size : int
        Values that are no text and longer than this many bytes are put into one file beside the script, with its name
        and ``.bin``.
    save_as : str, optional
        What the script writes if it is not told otherwise: a file, or of a series a folder.
    deidentify : Deidentify, optional
        What takes identification out of the headers. The files that the script makes are then numbered, and in
        explicit VR.
    overwrite : bool
        Whether a script that is there is replaced.

    Raises
    ------
    NotDicomError
        If a file is not DICOM.
    SeveralSeriesError
        If there are several series.
    DestinationError
        If the script or the file beside it is there already.
    WriteError
        If they cannot be written.
    """
    if side_size < 0 or (exclude_size is not None and exclude_size < 0):
        raise ParameterError(f"sizes must not be negative (got side_size={side_size}, exclude_size={exclude_size})")
    origin = Path(source).expanduser()
    # Names of files often are those of patients.
    stem = origin.resolve().stem if deidentify is None else "deidentified"
    target = Path(script) if script is not None else Path(f"{stem}.py")
    if target.suffix != ".py":
        raise ParameterError(f"'script' must be the name of a Python file, ending in .py (got {str(target)!r})")
    side_path = target.with_suffix(".bin")
    _check_free(target, side_path, overwrite=overwrite)
    files = _files(origin)
    with _staged(target.parent) as (stage, side_file):
        side = SideFile(side_file)
        choice = Choice(side, side_size, exclude_size, private)
        default = save_as or f"{target.stem}-made"
        instances = [_named(file, number, deidentify) for number, file in enumerate(files, 1)]
        title = origin.name if deidentify is None else "a de-identified series"
        if len(files) == 1:
            name, read = instances[0]
            text = instance_script(read(), choice, name, side_path.name, save_as or f"{default}.dcm")
        else:
            text = series_script(instances, choice, title, side_path.name, default)
        side_file.close()
        _put(stage, text, target, side_path, has_side=side.size > 0)
    return Codified(target, side_path if side.size else None, len(files))


def _named(file: StoredFile, number: int, deidentify: Deidentify | None) -> tuple[str, Callable[[], Dataset]]:
    """Return the name of an instance, and what reads it."""
    if deidentify is None:
        return file.path.name, partial(_read, file)
    return f"{number:05d}.dcm", lambda: without_identification(_read(file), deidentify)


def _files(origin: Path) -> list[StoredFile]:
    # A DICOMDIR that is named is meant itself.
    if origin.is_file() and _is_dicom(PlainFile(origin)):
        return [PlainFile(origin)]
    files = list_files(origin)
    dicom = [file for file in files if file.is_named or _is_dicom(file)]
    if dicom and len(dicom) < len(files):
        odd = next(file.path.name for file in files if file not in dicom)
        warnings.warn(
            f"{origin}: {len(files) - len(dicom)} of {len(files)} files passed over as not DICOM, e.g. {odd}",
            SlicewiseWarning,
            stacklevel=3,
        )
    return dicom or files


def _is_dicom(file: StoredFile) -> bool:
    with file.open() as opened:
        return is_dicom(opened.read_at(HEAD_LENGTH, 0))


def _read(file: StoredFile) -> Dataset:
    try:
        with file.open() as opened:
            data = opened.read_at(opened.size, 0)
        dataset = _parsed(data)
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from None
    except DECODING_ERRORS as error:
        raise ReadError(f"{file.path}: pydicom cannot read it ({error})") from error
    _warn_of_cut(dataset, file.path)
    return dataset


def _warn_of_cut(dataset: Dataset, path: Path) -> None:
    for tag in dataset.keys():  # noqa: SIM118 - it iterates over decoded elements
        element = stored_element(dataset, tag)
        if isinstance(element, RawDataElement) and element.length not in (len(element.value or b""), _UNDEFINED):
            warnings.warn(
                f"{path}: the file ends within {title_of(tag)}, which states {element.length} bytes and has "
                f"{len(element.value or b'')}; the script makes it with those that are there",
                SlicewiseWarning,
                stacklevel=2,
            )


def _parsed(data: bytes) -> Dataset:
    # What pydicom warns of while it reads, the script makes again.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(io.BytesIO(data))
        except InvalidDicomError:
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if not any(tag.group == 0x0008 for tag in dataset.keys()):  # noqa: SIM118 - the group of identification
        raise NotDicomError("no DICOM file: neither its head nor its elements are those of one")
    return dataset


def _check_free(*paths: Path, overwrite: bool) -> None:
    for path in paths:
        if path.exists() and (not overwrite or not path.is_file()):
            raise DestinationError(
                f"{path}: it is there already; choose another name, or replace it with overwrite=True"
            )


@contextlib.contextmanager
def _staged(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    try:
        with tempfile.TemporaryDirectory(prefix=".codify.partial-", dir=folder) as name:
            stage = Path(name)
            with (stage / "side").open("wb") as file:
                yield stage, file
    except SlicewiseError:
        raise
    except OSError as error:
        raise WriteError(f"{folder}: the script cannot be written there ({error.strerror})") from error


def _put(stage: Path, text: str, target: Path, side_path: Path, *, has_side: bool) -> None:
    (stage / "script").write_text(text, encoding="utf-8")
    # The script knows the digest of what belongs to it, should only one of them come to its place.
    if has_side:
        (stage / "side").replace(side_path)
    (stage / "script").replace(target)
