"""Attributes that describe the stored pixels, for the storage that was chosen (PS3.3, C.7.6.3, C.11.1)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    PositronEmissionTomographyImageStorage,
)

from slicewise.dicom.storing import Storage
from slicewise.dicom.values import decimal_strings, text_of
from slicewise.errors import ValueRangeError
from slicewise.image import Headers, Padding, PerSlice, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = [
    "EXTREMES",
    "extremes",
    "padding_columns",
    "rescale_columns",
    "rescale_elements",
    "stored_columns",
    "unsigned",
    "window_columns",
]

_SMALLEST = tag_of("SmallestImagePixelValue")
_LARGEST = tag_of("LargestImagePixelValue")
EXTREMES = (_SMALLEST, _LARGEST)
"""Known only when the pixels are."""

_SLOPE = tag_of("RescaleSlope")
_INTERCEPT = tag_of("RescaleIntercept")
_TYPE = tag_of("RescaleType")


_CT = frozenset((CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage))
_PET = frozenset(
    (
        PositronEmissionTomographyImageStorage,
        EnhancedPETImageStorage,
        LegacyConvertedEnhancedPETImageStorage,
    )
)
_MOST = 0xFFFF
_PADDING = (tag_of("PixelPaddingValue"), tag_of("PixelPaddingRangeLimit"))
_PADDING_VALUE = _PADDING[0]


def unsigned(keyword: str, value: int) -> RawElement:
    """Return an element of VR US.

    Raises
    ------
    ValueRangeError
        If the value is larger than it holds.
    """
    if value > _MOST:
        raise ValueRangeError(
            f"{keyword} would be {value}, and DICOM holds {_MOST} at most: crop or resample the image"
        )
    return RawElement(tag_of(keyword), "US", struct.pack("<H", value))


def stored_columns(storage: Storage, *, keeps_mapping: bool, keeps_units: bool) -> dict[int, Column | None]:
    """Return the attributes of the stored pixels; None for those to be dropped.

    Parameters
    ----------
    storage : Storage
        How values are stored; where slopes differ between slices, any of them.
    keeps_mapping : bool
        Whether each stored value means what it meant in the source.
    keeps_units : bool
        Whether values are in the units of the source.

    Raises
    ------
    ValueRangeError
        If there are more rows or columns than DICOM can tell of.
    """
    form = storage.form
    columns: dict[int, Column | None] = {
        tag_of("SamplesPerPixel"): unsigned("SamplesPerPixel", form.samples),
        tag_of("PhotometricInterpretation"): RawElement(
            tag_of("PhotometricInterpretation"), "CS", form.photometric.encode("ascii")
        ),
        tag_of("PlanarConfiguration"): unsigned("PlanarConfiguration", 0) if form.samples > 1 else None,
        tag_of("Rows"): unsigned("Rows", form.rows),
        tag_of("Columns"): unsigned("Columns", form.columns),
        tag_of("BitsAllocated"): unsigned("BitsAllocated", form.bits_allocated),
        tag_of("BitsStored"): unsigned("BitsStored", form.bits_stored),
        tag_of("HighBit"): unsigned("HighBit", form.high_bit),
        tag_of("PixelRepresentation"): unsigned("PixelRepresentation", int(form.signed)),
    }
    # Values are the modality values, and slope and intercept are what is written of them.
    columns[tag_of("ModalityLUTSequence")] = None
    if not keeps_mapping:
        dropped = (
            "PixelPaddingValue",
            "PixelPaddingRangeLimit",
            "SmallestPixelValueInSeries",
            "LargestPixelValueInSeries",
            "RealWorldValueMappingSequence",
        )
        columns |= {tag_of(keyword): None for keyword in dropped}
    if not keeps_units:
        columns[tag_of("RealWorldValueMappingSequence")] = None
    return columns


def padding_columns(
    storage: Storage, padding: Padding | PerSlice | None, headers: Headers, *, keeps_mapping: bool
) -> dict[int, Column | None]:
    """Return Pixel Padding Value and Range Limit in terms of the stored values; nothing where the headers are true.

    Parameters
    ----------
    storage : Storage
        How all values are stored.
    padding : Padding, PerSlice or None
        What marks pixels that were never imaged, in units of the values.
    headers : Headers
        The headers so far.
    keeps_mapping : bool
        Whether each stored value means what it meant in the source.
    """
    if not isinstance(padding, Padding):
        return {}
    slope, intercept = float(storage.slope), float(storage.intercept)
    ends = [round((value - intercept) / slope, 6) for value in (padding.value, padding.limit)]
    low, high = (-(2**15), 2**15 - 1) if storage.form.signed else (0, _MOST)
    if storage.form.samples > 1 or not all(end == int(end) and low <= end <= high for end in ends):
        return {}
    stated = headers.column(_PADDING_VALUE)
    if keeps_mapping and isinstance(stated, RawElement):
        order = "little" if stated.little_endian else "big"
        if int.from_bytes(stated.value[:2], order) == int(ends[0]) & _MOST:  # type: ignore[arg-type]
            return {}
    vr, kind = ("SS", "<h") if storage.form.signed else ("US", "<H")
    value, limit = (RawElement(tag, vr, struct.pack(kind, int(end))) for tag, end in zip(_PADDING, ends, strict=True))
    return {_PADDING_VALUE: value, _PADDING[1]: limit if ends[0] != ends[1] else None}


def rescale_elements(storage: Storage, headers: Headers, index: int, *, keeps_units: bool) -> dict[int, RawElement]:
    """Return slope, intercept and type for a slice; nothing where none is needed.

    CT and PET always state them (PS3.3, C.8.2.1, C.8.9.4); others where values are not as stored, or
    the source stated them. The type is that of the headers, from which the rules take it when units change;
    in CT no type means HU, and of PET the units say it.
    """
    if storage.form.samples > 1:
        return {}  # of grey values only (PS3.3, C.11.1)
    sop_class = text_of(headers.element(tag_of("SOPClassUID"), index))
    kind = headers.element(_TYPE, index)
    has_kind = kind is not None and kind.value.strip(b" \0")
    stated = headers.element(_SLOPE, index) is not None or has_kind
    if storage.rescale.is_identity and not stated and sop_class not in _CT | _PET:
        return {}
    elements = {
        _SLOPE: RawElement(_SLOPE, "DS", storage.slope.encode("ascii")),
        _INTERCEPT: RawElement(_INTERCEPT, "DS", storage.intercept.encode("ascii")),
    }
    if kind is not None and has_kind:
        elements[_TYPE] = RawElement(_TYPE, "LO", kind.value)
    elif sop_class not in _PET and (sop_class not in _CT or not keeps_units):
        elements[_TYPE] = RawElement(_TYPE, "LO", b"US")
    return elements


def rescale_columns(
    storages: Sequence[Storage], headers: Headers, *, keeps_units: bool, always: bool
) -> dict[int, Column | None]:
    """Return slope, intercept and type for all slices; None for those that none needs.

    Parameters
    ----------
    storages : sequence of Storage
        How the values of each slice are stored.
    headers : Headers
        One header per slice.
    keeps_units : bool
        Whether values are in the units of the source.
    always : bool
        Whether they are stated also where stored values are values, as functional groups do (PS3.3, C.7.6.16.2.9).
    """
    rows = [rescale_elements(s, headers, k, keeps_units=keeps_units) for k, s in enumerate(storages)]
    columns: dict[int, Column | None] = {}
    for tag in (_SLOPE, _INTERCEPT, _TYPE):
        column = tuple(row.get(tag) for row in rows)
        columns[tag] = column[0] if len(set(column)) == 1 else column
    if not always:
        return columns
    modality = text_of(headers.element(tag_of("Modality"), 0))
    stated = {_SLOPE: b"1 ", _INTERCEPT: b"0 ", _TYPE: b"HU" if modality == "CT" and keeps_units else b"US"}
    for tag, value in stated.items():
        if columns[tag] is None:
            columns[tag] = RawElement(tag, "LO" if tag == _TYPE else "DS", value)
    return columns


def extremes(stored: npt.NDArray[Any], storage: Storage) -> dict[int, RawElement]:
    """Return the smallest and largest stored value of a slice."""
    vr, kind = ("SS", "<h") if storage.form.signed else ("US", "<H")
    values = {_SMALLEST: int(stored.min()), _LARGEST: int(stored.max())}
    return {tag: RawElement(tag, vr, struct.pack(kind, value)) for tag, value in values.items()}


def window_columns(low: float, high: float) -> dict[int, Column | None]:
    """Return a window over a range of values, widened by a tenth.

    Parameters
    ----------
    low, high : float
        The range to show, such as the 1st and 99th percentile.
    """
    width = (high - low) * 1.1 or 1.0
    # Widths below 1 are only for the exact function (PS3.3, C.11.2.1.3).
    exact = RawElement(tag_of("VOILUTFunction"), "CS", b"LINEAR_EXACT") if width < 1 else None
    return {
        tag_of("WindowCenter"): RawElement(tag_of("WindowCenter"), "DS", _rounded([(low + high) / 2])),
        tag_of("WindowWidth"): RawElement(tag_of("WindowWidth"), "DS", _rounded([width])),
        tag_of("WindowCenterWidthExplanation"): None,
        tag_of("VOILUTFunction"): exact,
    }


def _rounded(values: Sequence[float]) -> bytes:
    return decimal_strings(np.array([float(f"{value:.6g}") for value in values]))
