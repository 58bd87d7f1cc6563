"""Attributes of classic images under the names that enhanced images know them by (PS3.3, C.8.13 and C.8.15)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from pydicom.datadict import dictionary_VR

from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["CLASSIC_NAMES", "enhanced_columns", "without_ordinary_names"]


class _Name(NamedTuple):
    classic: str
    enhanced: str
    convert: Callable[[RawElement], bytes | None]


def _doubles(element: RawElement) -> bytes | None:
    try:
        values = decimals(element)
    except HeaderError:
        return None
    return struct.pack(f"<{len(values)}d", *values) if values else None


def _unsigned(element: RawElement) -> bytes | None:
    text = text_of(element)
    return struct.pack("<H", int(text)) if text.isdigit() and int(text) < 2**16 else None


def _same(element: RawElement) -> bytes | None:
    return element.value or None


def _direction(element: RawElement) -> bytes | None:
    word = {"COL": b"COLUMN", "ROW": b"ROW "}.get(text_of(element))
    return word or element.value or None


_NAMES = (
    _Name("AcquisitionNumber", "FrameAcquisitionNumber", _unsigned),
    _Name("EchoTime", "EffectiveEchoTime", _doubles),
    _Name("InversionTime", "InversionTimes", _doubles),
    _Name("ImagingFrequency", "TransmitterFrequency", _doubles),
    _Name("ImagedNucleus", "ResonantNucleus", _same),
    _Name("InPlanePhaseEncodingDirection", "InPlanePhaseEncodingDirection", _direction),
    _Name("ExposureTime", "ExposureTimeInms", _doubles),
    _Name("XRayTubeCurrent", "XRayTubeCurrentInmA", _doubles),
    _Name("Exposure", "ExposureInmAs", _doubles),
)
"""What is said in other words; all else has the same name in both."""

CLASSIC_NAMES = {tag_of(name.enhanced): tag_of(name.classic) for name in _NAMES}

_CORRECTED = {
    "DECY": "DecayCorrected",
    "ATTN": "AttenuationCorrected",
    "SCAT": "ScatterCorrected",
    "DTIM": "DeadTimeCorrected",
    "MOTN": "GantryMotionCorrected",
    "PMOT": "PatientMotionCorrected",
    "CLN": "CountLossNormalizationCorrected",
    "RAN": "RandomsCorrected",
    "RADL": "NonUniformRadialSamplingCorrected",
    "DCAL": "SensitivityCalibrated",
    "NORM": "DetectorNormalizationCorrection",
}
"""Terms of Corrected Image (PS3.3, C.8.9.1.1.2), and the attributes that say yes or no to each (C.8.22.9)."""

_ORDINARY = (
    ("EchoTime", "EffectiveEchoTime"),
    ("AcquisitionNumber", "FrameAcquisitionNumber"),
    ("AcquisitionDateTime", "FrameAcquisitionDateTime"),
    ("DiffusionGradientOrientation", "DiffusionGradientDirectionSequence"),
)
"""Ordinary names that frames of enhanced images are given on reading, and what they were made of."""


def without_ordinary_names(headers: Headers) -> dict[int, Column | None]:
    """Return None for what frames of an enhanced image say under another name already."""
    return {
        tag_of(ordinary): None
        for ordinary, enhanced in _ORDINARY
        if headers.column(tag_of(enhanced)) is not None and headers.column(tag_of(ordinary)) is not None
    }


def enhanced_columns(
    headers: Headers, known: Callable[[str], bool], described: Callable[[int], bool]
) -> dict[int, Column | None]:
    """Return attributes of classic images under the names of enhanced ones, and None for those they replace.

    Parameters
    ----------
    headers : Headers
        One header per frame.
    known : callable
        Whether the enhanced class has an attribute, by keyword.
    described : callable
        Whether what else its functional group must state is known, by tag.
    """
    columns: dict[int, Column | None] = {}
    for name in _NAMES:
        column = headers.column(tag_of(name.classic))
        is_stated = name.classic != name.enhanced and headers.column(tag_of(name.enhanced)) is not None
        if column is None or is_stated or not known(name.enhanced) or not described(tag_of(name.enhanced)):
            continue
        converted = _converted(column, name)
        if converted is not None:
            columns[tag_of(name.classic)] = None
            columns[tag_of(name.enhanced)] = converted
    return columns | _corrections(headers, known)


def _converted(column: Column, name: _Name) -> Column | None:
    """Return a column in other words; None where a frame says what has none."""
    vr = dictionary_VR(name.enhanced)
    if isinstance(column, RawElement):
        value = name.convert(column)
        return None if value is None else RawElement(tag_of(name.enhanced), vr, value)
    found: list[RawElement | None] = []
    for element in column:
        value = None if element is None else name.convert(element)
        if element is not None and value is None:
            return None
        found.append(None if value is None else RawElement(tag_of(name.enhanced), vr, value))
    return tuple(found)


def _corrections(headers: Headers, known: Callable[[str], bool]) -> dict[int, Column | None]:
    stated = headers.column(tag_of("CorrectedImage"))
    if not isinstance(stated, RawElement) or not text_of(stated):
        return {}
    terms = text_of(stated).split("\\")
    return {
        tag_of(keyword): RawElement(tag_of(keyword), "CS", b"YES " if term in terms else b"NO")
        for term, keyword in _CORRECTED.items()
        if known(keyword) and headers.column(tag_of(keyword)) is None
    }
