"""DICOMDIR: the files that the directory of a medium refers to (PS3.10, 8, and PS3.3, F.3)."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import attrs

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.items import items_of, leading_items
from slicewise.errors import HeaderError, ReadError, SlicewiseWarning
from slicewise.image import RawElement
from slicewise.image.elements import tag_of
from slicewise.io.header_files import read_headers
from slicewise.io.stored_files import PlainFile, StoredFile

__all__ = ["HEAD_LENGTH", "FolderTree", "Tree", "is_dicom", "is_dicomdir", "referenced_files"]

HEAD_LENGTH = 1024
"""How much of the beginning of a file tells what it is."""

_SOP_CLASS = "1.2.840.10008.1.3.10"
_RECORDS = tag_of("DirectoryRecordSequence")
_FILE_ID = tag_of("ReferencedFileID")
_IN_USE = tag_of("RecordInUseFlag")


class Tree(Protocol):
    """Folders and files, on disk or in an archive."""

    def names(self, folder: tuple[str, ...]) -> Collection[str]:
        """Return what is in a folder; nothing if there is no such folder."""

    def file(self, parts: tuple[str, ...]) -> StoredFile | None:
        """Return a file, or None if there is none of that name."""


@attrs.frozen
class FolderTree:
    """A folder on disk.

    Parameters
    ----------
    root : Path
        The folder.
    """

    root: Path
    _listed: dict[tuple[str, ...], frozenset[str]] = attrs.field(factory=dict, init=False)

    def names(self, folder: tuple[str, ...]) -> frozenset[str]:
        """Return what is in a folder; it is listed once."""
        if folder not in self._listed:
            path = self.root.joinpath(*folder)
            try:
                self._listed[folder] = frozenset(os.listdir(path))  # noqa: PTH208 - names are wanted
            except (FileNotFoundError, NotADirectoryError):
                self._listed[folder] = frozenset()
            except OSError as error:
                raise ReadError(f"{path}: the folder cannot be listed ({error.strerror})") from error
        return self._listed[folder]

    def file(self, parts: tuple[str, ...]) -> StoredFile | None:
        """Return a file."""
        path = self.root.joinpath(*parts)
        return PlainFile(path) if path.is_file() else None


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as DICOM files do (PS3.10, 7.1)."""
    return head[128:132] == b"DICM"


def is_dicomdir(file: StoredFile, head: bytes) -> bool:
    """Whether a file is a Media Storage Directory, whatever its name.

    Parameters
    ----------
    file : StoredFile
        The file.
    head : bytes
        Its beginning.
    """
    if not is_dicom(head) or _SOP_CLASS.encode("ascii") not in head:
        return False
    (found,) = read_headers([file], strict=True)
    return found.text(tag_of("MediaStorageSOPClassUID")) == _SOP_CLASS


def referenced_files(file: StoredFile, tree: Tree) -> list[StoredFile]:
    """Return the files that a DICOMDIR refers to and that are there, below its folder.

    The records are taken one after the other: the offsets that tie them to patients, studies and series are
    not needed for it, and wrong on many a medium.

    Parameters
    ----------
    file : StoredFile
        The DICOMDIR.
    tree : Tree
        The folder it lies in.

    Returns
    -------
    list of StoredFile
        The files, sorted by path. Names of another case, or with a full stop or a version (``;1``) at the end, as
        they come from discs of ISO 9660, are found as well.

    Raises
    ------
    ReadError
        If the DICOMDIR is damaged, refers to nothing, to nothing that is there, or to what is not below its folder.
    """
    references = list(dict.fromkeys(_references(file)))
    if not references:
        raise ReadError(f"{file.path}: the DICOMDIR refers to no file")
    places = {reference: _find(file, reference, tree) for reference in references}
    found = {reference: None if place is None else tree.file(place) for reference, place in places.items()}
    missing = ["/".join(reference) for reference, one in found.items() if one is None]
    shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    if len(missing) == len(references):
        raise ReadError(
            f"{file.path}: none of the {len(missing)} files that the DICOMDIR refers to is there ({shown}); it belongs "
            "into the folder it was written for"
        )
    if missing:
        warnings.warn(
            f"{file.path}: {len(missing)} of the {len(references)} files that the DICOMDIR refers to are not there and "
            f"were passed over: {shown}",
            SlicewiseWarning,
            stacklevel=4,
        )
    files = {one.path: one for one in found.values() if one is not None}
    return [files[path] for path in sorted(files)]


def _references(file: StoredFile) -> list[tuple[str, ...]]:
    (found,) = read_headers([file], strict=True)
    element = assemble([found.header]).element(_RECORDS, 0)
    try:
        records = [] if element is None else items_of(element)
    except HeaderError:
        records = [] if element is None else leading_items(element)
        warnings.warn(
            f"{file.path}: the records of the DICOMDIR break off; those of {len(records)} that are there count",
            SlicewiseWarning,
            stacklevel=5,
        )
    texts = [_file_id(record) for record in records if _is_in_use(record)]
    return [_components(file, text) for text in texts if text]


def _is_in_use(record: Mapping[int, RawElement]) -> bool:
    # Zero says that the record was taken out; the attribute itself may be missing.
    value = record[_IN_USE].value if _IN_USE in record else b""
    return not value or any(value)


def _file_id(record: Mapping[int, RawElement]) -> str:
    # As it stands: decoding it would tell of every small letter in a name.
    return record[_FILE_ID].value.decode("ascii", "backslashreplace").strip(" \0") if _FILE_ID in record else ""


def _components(file: StoredFile, text: str) -> tuple[str, ...]:
    # Components are values of their own, parted by backslashes; some writers put slashes.
    parts = tuple(part.strip() for part in text.replace("/", "\\").split("\\"))
    if not all(parts) or ".." in parts or "\0" in text or re.match(r"[A-Za-z]:", parts[0]):
        raise ReadError(
            f"{file.path}: the DICOMDIR refers to {text!r}, and a reference must lead to a file below its folder"
        )
    return tuple(part for part in parts if part != ".")


def _find(file: StoredFile, reference: tuple[str, ...], tree: Tree) -> tuple[str, ...] | None:
    place: tuple[str, ...] = ()
    for part in reference:
        there = tree.names(place)
        fitting = [part] if part in there else [name for name in there if _plain(name) == _plain(part)]
        if len(fitting) > 1:
            raise ReadError(
                f"{file.path}: the DICOMDIR refers to {'/'.join(reference)!r}, and several names fit "
                f"{part!r}: {', '.join(sorted(fitting))}"
            )
        if not fitting:
            return None
        place = (*place, *fitting)
    return place


def _plain(name: str) -> str:
    return re.sub(r";\d+$", "", name).rstrip(".").casefold()
