"""Corrected copies of instances, that say what was there before (PS3.3, C.12.1.1.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from slicewise.dicom.derived import FOLLOWS_FROM_THE_IMAGE
from slicewise.dicom.encoding import SeriesTemplate, item, sequence, text
from slicewise.dicom.header_parser import assemble
from slicewise.dicom.parsing import DEFLATED, Syntax
from slicewise.errors import ParameterError, ReadError, SlicewiseError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile, HeaderScanner
from slicewise.io.listing import PathLike
from slicewise.io.rewriting import Rewritten, rewrite, write_instance
from slicewise.io.stored_files import StoredFile
from slicewise.pipeline.progress import Show

__all__ = ["edit"]

_ORIGINAL = tag_of("OriginalAttributesSequence")
_IDENTITY = frozenset(
    map(
        tag_of,
        ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "SpecificCharacterSet"),
    )
)
_REASONS = ("CORRECT", "COERCE")


def edit(
    source: PathLike,
    destination: PathLike,
    *,
    values: Mapping[str, Any] | None = None,
    delete: Sequence[str] = (),
    reason: str = "CORRECT",
    system: str = "slicewise",
    workers: int | None = None,
    progress: Show | bool | None = None,
) -> Rewritten:
    """Write copies of instances with other values of some attributes, and with the old ones beside them.

    What was there before stands in the Original Attributes Sequence, behind earlier corrections. The instances are the
    same ones: identifiers stay, and pixels byte for byte. Retired group lengths are left out.

    Parameters
    ----------
    source : path
        A file, a folder with its subfolders, or an archive. Files that are not DICOM are an error.
    destination : path
        A folder that is not there yet, or empty; it is complete or absent.
    values : mapping, optional
        New values: keyword to value, the same for all instances.
    delete : sequence of str
        Keywords of attributes to leave out.
    reason : "CORRECT" or "COERCE"
        Whether values were wrong, or are made to agree with those of another system.
    system : str
        Who corrects: Modifying System.
    workers : int, optional
        Threads; as many as cores if not given.
    progress : bool or callable, optional
        As for ``discover``.

    Raises
    ------
    ParameterError
        If nothing is to be changed, or an attribute that identifies the instance or describes its pixels.
    ReadError
        If a file is not explicit VR little endian; ``transcode`` makes it so.
    DestinationError, HeaderError, WriteError
        If the destination holds something, a value is none of its attribute, or the disk is full.

    Examples
    --------
    >>> done = edit("study", "corrected", values={"PatientID": "P-0043"})  # doctest: +SKIP
    """
    changes: dict[str, Any] = {**(values or {}), **dict.fromkeys(delete)}
    _check(changes, reason)
    now = datetime.now().astimezone()
    said = [
        text("SourceOfPreviousValues", "", "LO"),
        text("AttributeModificationDateTime", now.strftime("%Y%m%d%H%M%S.%f%z"), "DT"),
        text("ModifyingSystem", system, "LO"),
        text("ReasonForTheAttributeModification", reason, "CS"),
    ]
    return rewrite(
        source,
        destination,
        lambda file, target: _write(file, target, changes, said),
        title="Editing",
        workers=workers,
        progress=progress,
    )


def _check(changes: Mapping[str, Any], reason: str) -> None:
    if not changes:
        raise ParameterError("nothing is to be changed: give 'values' or 'delete'")
    if reason not in _REASONS:
        raise ParameterError(f"'reason' must be 'CORRECT' or 'COERCE' (got {reason!r})")
    for keyword in changes:
        tag = tag_of(keyword)
        if tag in FOLLOWS_FROM_THE_IMAGE or tag in _IDENTITY or tag == _ORIGINAL or tag >> 16 in (0x0002, 0x7FE0):
            raise ParameterError(
                f"{keyword} cannot be edited: it tells which instance this is, or how its pixels are to be read"
            )


def _write(source: StoredFile, target: Path, changes: Mapping[str, Any], said: Sequence[RawElement]) -> None:
    file = HeaderScanner().read(source)
    syntax = Syntax.of(file.syntax_uid)
    if syntax.implicit or not syntax.little_endian or file.syntax_uid == DEFLATED:
        raise ReadError(f"{file.path}: only explicit VR little endian is edited: transcode it to 'explicit' first")
    try:
        headers = _edited(assemble([file.header]), changes, said)
        dataset = [SeriesTemplate(headers).encode(0, {}), _from_the_pixels_on(file)]
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from error
    write_instance(file, target, file.syntax_uid, dataset)


def _edited(headers: Headers, changes: Mapping[str, Any], said: Sequence[RawElement]) -> Headers:
    before = [headers.element(tag_of(keyword), 0) for keyword in changes]
    previous = sequence("ModifiedAttributesSequence", [item([element for element in before if element is not None])])
    earlier = headers.element(_ORIGINAL, 0)
    value = (earlier.value if earlier is not None else b"") + item([*said, previous])
    edited = headers.replace(dict(changes))
    return edited.with_columns({_ORIGINAL: RawElement(_ORIGINAL, "SQ", value)})


def _from_the_pixels_on(file: HeaderFile) -> bytes:
    pixels = file.header.pixels
    if pixels is None:
        return b""
    with file.source.open() as opened:
        return opened.read_at(opened.size - pixels.start, pixels.start)
