"""An RT Structure Set opened: its regions, and their contours (PS3.3, A.19, C.8.8.5 and C.8.8.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.sequence import Sequence as Items

from slicewise.dicom.header_parser import assemble
from slicewise.dicom.items import items_of
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError, SeriesError, SeveralSeriesError, SlicewiseError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile, read_headers
from slicewise.io.listing import PathLike, list_files

__all__ = ["Region", "StructureSet", "chosen_region", "open_structure_set"]

Points = npt.NDArray[np.float64]

_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_REGIONS, _CONTOURS = tag_of("StructureSetROISequence"), tag_of("ROIContourSequence")
_OBSERVATIONS = tag_of("RTROIObservationsSequence")
_NUMBER, _REFERENCE = tag_of("ROINumber"), tag_of("ReferencedROINumber")
_FRAME = tag_of("ReferencedFrameOfReferenceUID")
_COLOUR, _TYPE = tag_of("ROIDisplayColor"), tag_of("RTROIInterpretedType")
_SEQUENCE, _KIND = tag_of("ContourSequence"), tag_of("ContourGeometricType")
_DATA, _POINTS = tag_of("ContourData"), tag_of("NumberOfContourPoints")
_CLOSED = frozenset(["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])


@attrs.frozen
class Region:
    """A region of interest of a structure set.

    Parameters
    ----------
    number : int
        ROI Number.
    name : str
        ROI Name.
    type : str
        RT ROI Interpreted Type, such as GTV or ORGAN; empty if nobody says.
    colour : (3,) tuple of int, optional
        Red, green and blue from 0 to 255.
    contours : int
        How many closed contours there are.
    others : int
        How many contours enclose nothing: points and open lines.
    frame_of_reference_uid : str
        Of its coordinates.
    label : int
        What its pixels are in a label map: the number, or where one is 0 or there twice, the place in the file from 1.
    """

    number: int
    name: str
    type: str
    colour: tuple[int, int, int] | None
    contours: int
    others: int
    frame_of_reference_uid: str
    label: int


@attrs.frozen(eq=False, slots=False)
class StructureSet:
    """A structure set whose header is read.

    Parameters
    ----------
    file : HeaderFile
        The file.
    headers : Headers
        Its header.
    """

    file: HeaderFile
    headers: Headers

    @property
    def name(self) -> str:
        """Name for messages."""
        return str(self.file.path)

    @cached_property
    def _contours(self) -> Mapping[int, list[dict[int, RawElement]]]:
        """The contours of each region by its number."""
        found: dict[int, list[dict[int, RawElement]]] = {}
        for item in self._items(_CONTOURS):
            contours = item.get(_SEQUENCE)
            number = _integer(item.get(_REFERENCE), "ReferencedROINumber")
            found.setdefault(number, []).extend([] if contours is None else items_of(contours))
        return found

    def _items(self, tag: int) -> list[dict[int, RawElement]]:
        element = self.headers.element(tag, 0)
        return [] if element is None else items_of(element)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The regions, in the order of the file."""
        decoded = self.headers["StructureSetROISequence"][0]
        names = [str(item.get("ROIName") or "") for item in decoded] if isinstance(decoded, Items) else []
        items = self._items(_REGIONS)
        numbers = [_integer(item.get(_NUMBER), "ROINumber") for item in items]
        if not items or len(names) != len(items) or len(set(numbers)) < len(numbers):
            raise HeaderError(f"StructureSetROISequence must name regions of different numbers (got {numbers})")
        colours = {
            _integer(item.get(_REFERENCE), "ReferencedROINumber"): item.get(_COLOUR) for item in self._items(_CONTOURS)
        }
        types = {text_of(item.get(_REFERENCE)): text_of(item.get(_TYPE)) for item in self._items(_OBSERVATIONS)}
        own = all(number > 0 for number in numbers)
        found = []
        for k, (number, name, item) in enumerate(zip(numbers, names, items, strict=True)):
            kinds = [text_of(contour.get(_KIND)) in _CLOSED for contour in self._contours.get(number, [])]
            found.append(
                Region(
                    number,
                    name,
                    types.get(str(number), ""),
                    _colour(colours.get(number)),
                    sum(kinds),
                    len(kinds) - sum(kinds),
                    text_of(item.get(_FRAME)),
                    number if own else k + 1,
                )
            )
        return tuple(found)

    def closed_contours(self, region: Region) -> list[Points]:
        """Return the closed contours of a region, each as points in mm, LPS, of shape (points, 3).

        Raises
        ------
        HeaderError
            If points are not three numbers each, or not as many as stated.
        """
        found = []
        for k, contour in enumerate(self._contours.get(region.number, [])):
            if text_of(contour.get(_KIND)) in _CLOSED:
                try:
                    found.append(_points(contour))
                except HeaderError as error:
                    raise HeaderError(f"{self.name}: contour {k + 1} of {region.name!r}: {error}") from None
        return found


def _integer(element: RawElement | None, name: str) -> int:
    text = text_of(element)
    if not text.removeprefix("-").isdigit() or len(text) > 12:
        raise HeaderError(f"{name} must be an integer (got {text!r:.40})")
    return int(text)


def _colour(element: RawElement | None) -> tuple[int, int, int] | None:
    parts = text_of(element).split("\\")
    if len(parts) != 3 or not all(part.strip().isdigit() and int(part) < 256 for part in parts):
        return None
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def _points(contour: Mapping[int, RawElement]) -> Points:
    text = text_of(contour.get(_DATA))
    try:
        numbers = np.array([float(part) for part in text.split("\\")] if text else [], np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    if len(numbers) % 3 or len(numbers) == 0 or not np.isfinite(numbers).all():
        raise HeaderError(f"ContourData must be three numbers for each point (got {len(numbers)}: {text!r:.60})")
    stated = text_of(contour.get(_POINTS))
    if stated and stated != str(len(numbers) // 3):
        raise HeaderError(f"NumberOfContourPoints is {stated}, and ContourData has {len(numbers) // 3} points")
    return numbers.reshape(-1, 3)


def open_structure_set(path: PathLike | Sequence[PathLike]) -> StructureSet:
    """Read the header of a structure set, which is all there is of it.

    Raises
    ------
    ReadError
        If a file is missing or broken; the message names it.
    SeriesError
        If there is no structure set, or there are several.
    HeaderError
        If the header does not say what it must.
    """
    name = f"{len(path)} files" if not isinstance(path, str) and isinstance(path, Sequence) else str(path)
    found = read_headers(list_files(path), strict=True)
    those = [file for file in found if file.text(tag_of("SOPClassUID")) == _STRUCTURE_SET]
    if not those:
        others = (
            ", ".join(sorted({file.text(tag_of("Modality")) or "no modality" for file in found})) or "no DICOM files"
        )
        raise SeriesError(
            f"{name}: there is no structure set (RTSTRUCT) here, but {others}; SeriesReader reads images, and "
            "SegmentationReader segmentations (SEG)"
        )
    if len(those) > 1:
        listed = ", ".join(str(file.path) for file in those[:6]) + (", ..." if len(those) > 6 else "")
        raise SeveralSeriesError(f"{name}: there are {len(those)} structure sets, give one file: {listed}")
    opened = StructureSet(those[0], assemble([those[0].header]))
    try:
        _ = opened.regions
    except SlicewiseError as error:
        raise type(error)(f"{opened.name}: {error}") from error
    return opened


def chosen_region(regions: Sequence[Region], key: int | str) -> Region:
    """Return the one region that is meant, by its number or name.

    Raises
    ------
    ParameterError
        If there is none, or there are several; the message lists those there are.
    """
    found = [region for region in regions if key == (region.name if isinstance(key, str) else region.number)]
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  {region.number}: {region.name!r}, {region.contours} contours" for region in regions)
    reason = "there is no region" if not found else f"{len(found)} regions are called"
    raise ParameterError(f"'roi': {reason} {key!r}; there are\n{listed}")
