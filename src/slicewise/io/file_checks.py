"""Files checked one by one: whether they can be read, their header, and how long their pixels are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from slicewise.dicom.checks.faults import Fault, fault
from slicewise.dicom.checks.instance import InstanceChecker
from slicewise.dicom.checks.level import Level
from slicewise.dicom.checks.pixel_faults import frame_count, native_length
from slicewise.dicom.iods import iod_of
from slicewise.dicom.parsing import Entry
from slicewise.errors import HeaderError, NotDicomError, ReadError, SlicewiseError
from slicewise.image import RawElement
from slicewise.image.elements import name_of, tag_of
from slicewise.io.header_files import HeaderFile, HeaderScanner
from slicewise.io.stored_files import StoredFile
from slicewise.io.validation import Finding

__all__ = ["CheckedFile", "CheckedFiles", "check_files", "finding"]


class CheckedFile(NamedTuple):
    """A file that could be read, and its elements without those of the file meta information."""

    file: HeaderFile
    level: Level

    @property
    def name(self) -> str:
        """The file, or the archive and its member."""
        return str(self.file.path)


class CheckedFiles(NamedTuple):
    """Files looked at: those that could be read, what is wrong with single ones, and how many are not DICOM."""

    files: tuple[CheckedFile, ...]
    findings: tuple[Finding, ...]
    foreign: int


def finding(file: str, what: Fault) -> Finding:
    """Return a fault as a finding about a file."""
    return Finding(what.severity, what.rule, file, what.attribute, what.found, what.wanted, what.reference)


def check_files(sources: Sequence[StoredFile], tell: Callable[[int, int], None]) -> CheckedFiles:
    """Read and check files one by one.

    Raises
    ------
    NotDicomError
        If a file that was named is not DICOM.
    """
    scanner, checker = HeaderScanner(), InstanceChecker()
    files: list[CheckedFile] = []
    findings: list[Finding] = []
    foreign = 0
    for done, source in enumerate(sources):
        tell(done, len(sources))
        try:
            file = scanner.read(source)
        except NotDicomError:
            if source.is_named:
                raise
            foreign += 1
            continue
        except SlicewiseError as error:
            reason = str(error).removeprefix(f"{source.path}: ")
            findings.append(finding(str(source.path), fault("unreadable", "", reason, "a whole DICOM file")))
            continue
        elements = _elements(file)
        checked = CheckedFile(file, Level({tag: e for tag, e in elements.items() if tag >> 16 != 2}))
        files.append(checked)
        faults = [*checker.faults(elements, file.syntax_uid), *_pixel_faults(checked)]
        findings += [finding(checked.name, one) for one in dict.fromkeys(faults)]
    tell(len(sources), len(sources))
    return CheckedFiles(tuple(files), tuple(findings), foreign)


def _elements(file: HeaderFile) -> dict[int, RawElement]:
    tags = {*file.header.family.reference, *file.header.differing}
    found = {tag: file.header.element(tag) for tag in sorted(tags)}
    return {tag: element for tag, element in found.items() if element is not None}


def _pixel_faults(checked: CheckedFile) -> Iterator[Fault]:
    level, pixels = checked.level, checked.file.header.pixels
    if pixels is None:
        if _must_have_pixels(level):
            wanted = "the attribute (type 1C of image-pixel), as there is no PixelDataProviderURL"
            yield fault("missing-type-1c", "PixelData", "absent", wanted, reference="PS3.3 C.7.6.3")
        return
    name = name_of(pixels.tag)
    yield from _vr_faults(checked, pixels, name)
    if checked.file.is_encapsulated:
        yield from _fragment_faults(checked, name)
        return
    wanted_length = native_length(level, pixels.tag)
    found = pixels.value_stop - pixels.value_start
    if wanted_length is None:
        return
    padded = wanted_length + wanted_length % 2
    if found != padded:
        described = "Rows x Columns x SamplesPerPixel x NumberOfFrames x BitsAllocated / 8"
        yield fault("pixel-length", name, f"{found} bytes", f"{padded} bytes: {described}, even")


def _vr_faults(checked: CheckedFile, pixels: Entry, name: str) -> Iterator[Fault]:
    if pixels.tag != tag_of("PixelData") or pixels.vr is None:
        return
    if checked.file.is_encapsulated:
        if pixels.vr != "OB":
            yield fault("vr", name, f"VR {pixels.vr}", "VR OB, as of compressed pixels", reference="PS3.5 A.4")
    elif pixels.vr != "OW" and (checked.level.number("BitsAllocated") or 0) > 8:
        yield fault("vr", name, f"VR {pixels.vr}", "VR OW, as of more than 8 bits", reference="PS3.5 A.2")


def _must_have_pixels(level: Level) -> bool:
    try:
        iod = iod_of(level.value("SOPClassUID"))
    except HeaderError:
        return False
    return "image-pixel" in iod.mandatory and not level.has("PixelDataProviderURL")


def _fragment_faults(checked: CheckedFile, name: str) -> Iterator[Fault]:
    frames = frame_count(checked.level)
    try:
        with checked.file.source.open() as opened:
            checked.file.frame_index(opened, frames)
    except ReadError as error:
        yield fault("pixel-length", name, str(error), f"{frames} compressed frames", reference="PS3.5 A.4")
