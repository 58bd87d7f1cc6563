"""What vectors say of the frames of an instance without functional groups: their numbers, times and places."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR

from slicewise.dicom.items import items_of
from slicewise.dicom.values import decimal_strings, decimals, padded, text_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.elements import name_of, tag_of
from slicewise.image.headers import Column

__all__ = ["vector_columns"]

FloatArray = npt.NDArray[np.float64]

_POSITION = tag_of("ImagePositionPatient")
_ORIENTATION = tag_of("ImageOrientationPatient")
_POINTER = tag_of("FrameIncrementPointer")
_OFFSETS = tag_of("GridFrameOffsetVector")
_DETECTORS = tag_of("DetectorInformationSequence")
_DETECTOR_VECTOR = tag_of("DetectorVector")
_SLICE_VECTOR = tag_of("SliceVector")
_BETWEEN = tag_of("SpacingBetweenSlices")
_IMAGE_TYPE = tag_of("ImageType")
_PROJECTIONS = frozenset(["TOMO", "GATED TOMO"])

_NUMBERS = frozenset(
    tag_of(keyword)
    for keyword in (
        "EnergyWindowVector",
        "DetectorVector",
        "PhaseVector",
        "RotationVector",
        "RRIntervalVector",
        "TimeSlotVector",
        "SliceVector",
        "AngularViewVector",
        "TimeSliceVector",
    )
)
"""Vectors of nuclear medicine: a number for each frame (PS3.3, C.8.4.8)."""

_VECTORS = _NUMBERS | frozenset(
    tag_of(keyword)
    for keyword in (
        "FrameTimeVector",
        "PageNumberVector",
        "FrameLabelVector",
        "FramePrimaryAngleVector",
        "FrameSecondaryAngleVector",
        "SliceLocationVector",
        "DisplayWindowLabelVector",
        "PositionerPrimaryAngleIncrement",
        "PositionerSecondaryAngleIncrement",
        "TableVerticalIncrement",
        "TableLateralIncrement",
        "TableLongitudinalIncrement",
    )
)
"""And those of cine, secondary capture and X-ray (PS3.3, C.7.6.5, C.8.6.3, C.8.7.4 and C.8.7.5)."""


def vector_columns(elements: Mapping[int, RawElement], frames: int) -> dict[int, Column]:
    """Return what the vectors of an instance say of each frame: its value in them, and its place.

    Parameters
    ----------
    elements : mapping of int to RawElement
        The elements of the instance.
    frames : int
        The number of its frames.

    Raises
    ------
    HeaderError
        If a vector that tells frames apart, or where they lie, has not one value for each frame.
    """
    columns: dict[int, Column] = {}
    for tag in (_VECTORS | _pointed(elements)) & elements.keys():
        values = _components(elements[tag])
        if len(values) == frames:
            columns[tag] = tuple(elements[tag]._replace(value=value) for value in values)
        elif tag in _NUMBERS:
            raise HeaderError(f"{name_of(tag)} must have one number for each of {frames} frames (it has {len(values)})")
    if _OFFSETS in elements:
        columns |= _dose_planes(elements, frames)
    elif _DETECTORS in elements:
        columns |= _detector_planes(elements, frames)
    return columns


def _pointed(elements: Mapping[int, RawElement]) -> frozenset[int]:
    """Return the attributes in which frames differ, as the instance says (PS3.3, C.7.6.6.1.1)."""
    pointer = elements.get(_POINTER)
    if pointer is None:
        return frozenset()
    order = "<" if pointer.little_endian else ">"
    whole = pointer.value[: len(pointer.value) // 4 * 4]
    return frozenset(group << 16 | element for group, element in struct.iter_unpack(order + "HH", whole)) - {_OFFSETS}


def _components(element: RawElement) -> list[bytes]:
    """Return the values of an element with several, each encoded."""
    size = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8}.get(element.vr or _vr_of(element.tag))
    if size is None:
        return [padded(value.strip(b" \0")) for value in element.value.split(b"\\")]
    return [element.value[k : k + size] for k in range(0, len(element.value) // size * size, size)]


def _vr_of(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


# --- radiotherapy dose ----------------------------------------------------------------------------


def _dose_planes(elements: Mapping[int, RawElement], frames: int) -> dict[int, Column]:
    """Return the positions of the planes of a dose grid (PS3.3, C.8.8.3.2).

    Offsets count from the first plane along the normal, or are coordinates z of transversal planes. A frame has a
    place of its own, and no offset.
    """
    offsets = np.array(decimals(elements[_OFFSETS]))
    if frames == 1:
        return {}
    if len(offsets) != frames or not np.isfinite(offsets).all():
        raise HeaderError(
            f"GridFrameOffsetVector must have an offset for each of {frames} frames (it has {len(offsets)})"
        )
    position, orientation, normal = _plane(elements, "GridFrameOffsetVector")
    if offsets[0] != 0:
        is_transversal = np.allclose(orientation, [1, 0, 0, 0, 1, 0], atol=1e-6)
        if not is_transversal or abs(offsets[0] - position[2]) > 1e-3:
            raise HeaderError(
                f"GridFrameOffsetVector must begin with 0, or, for planes of orientation 1\\0\\0\\0\\1\\0, with the "
                f"coordinate z of the first plane, {position[2]:g} (it begins with {offsets[0]:g})"
            )
        offsets = offsets - offsets[0]
    nothing: Column = (None,) * frames
    return {_POSITION: _places(position + offsets[:, np.newaxis] * normal), _OFFSETS: nothing}


# --- nuclear medicine -----------------------------------------------------------------------------


def _detector_planes(elements: Mapping[int, RawElement], frames: int) -> dict[int, Column]:
    """Return the planes of frames, which their detector states (PS3.3, C.8.4.11 and C.8.4.15).

    Reconstructed slices follow each other along the normal, against it where Spacing Between Slices is
    negative. Projections, and slices of which nothing says how far apart they are, have no plane.
    """
    detectors = items_of(elements[_DETECTORS])
    if _PROJECTIONS.intersection(text_of(elements.get(_IMAGE_TYPE)).split("\\")[2:3]) or not detectors:
        return {}
    chosen = _numbers_of(elements, _DETECTOR_VECTOR, frames)
    if chosen.max() > len(detectors):
        raise HeaderError(f"DetectorVector names detector {chosen.max()} and there are {len(detectors)}")
    slices = _numbers_of(elements, _SLICE_VECTOR, frames)
    spacing = (decimals(elements.get(_BETWEEN)) or (0.0,))[0]
    if slices.max() > 1 and not spacing:
        return {}
    positions, orientations = [], []
    for detector, number in zip(chosen, slices, strict=True):
        item = {
            tag: detectors[detector - 1][tag] for tag in (_POSITION, _ORIENTATION) if tag in detectors[detector - 1]
        }
        if len(decimals(item.get(_POSITION))) != 3 or len(decimals(item.get(_ORIENTATION))) != 6:
            return {}
        position, _, normal = _plane(item, "DetectorInformationSequence")
        positions.append(position + (number - 1) * spacing * normal)
        orientations.append(item[_ORIENTATION])
    return {_POSITION: _places(np.array(positions)), _ORIENTATION: tuple(orientations)}


def _numbers_of(elements: Mapping[int, RawElement], tag: int, frames: int) -> npt.NDArray[np.intp]:
    """Return a vector of numbers from 1; ones if there is none."""
    element = elements.get(tag)
    if element is None:
        return np.ones(frames, np.intp)
    numbers = np.frombuffer(element.value, "<u2" if element.little_endian else ">u2").astype(np.intp)
    if not numbers.min() > 0:
        raise HeaderError(f"{name_of(tag)} counts from 1 (it has {numbers.min()})")
    return numbers


# --- planes ---------------------------------------------------------------------------------------


def _plane(elements: Mapping[int, RawElement], what: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    position = np.array(decimals(elements.get(_POSITION)))
    orientation = np.array(decimals(elements.get(_ORIENTATION)))
    if position.shape != (3,) or orientation.shape != (6,):
        raise HeaderError(
            f"{what} places frames, and the first has no place: ImagePositionPatient "
            f"{text_of(elements.get(_POSITION))!r:.60}, ImageOrientationPatient "
            f"{text_of(elements.get(_ORIENTATION))!r:.80}"
        )
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    if not length > 0.5:
        raise HeaderError(f"{what} places frames along the normal of their plane, and ImageOrientationPatient has none")
    return position, orientation, normal / length


def _places(positions: FloatArray) -> tuple[RawElement, ...]:
    return tuple(RawElement(_POSITION, "DS", decimal_strings(position)) for position in positions)
