"""A dose grid as one multi-frame image: where its planes are, and the scale of its values (PS3.3, C.8.8.3)."""

from __future__ import annotations

import numpy as np

from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.storing import Storage
from slicewise.dicom.values import decimal_string, decimal_strings, text_of
from slicewise.errors import ValueRangeError
from slicewise.image import ImageInfo, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["dose_columns", "dose_storage", "scaling_columns", "stated_dose_storage"]

_SCALING = tag_of("DoseGridScaling")
_MOST = 2**32 - 64
"""Steps of a stored value of 32 bits, less some for the rounding of the scale to nine digits."""

_OF_HISTOGRAMS = (
    "DVHSequence",
    "DVHNormalizationPoint",
    "DVHNormalizationDoseValue",
    "ReferencedStructureSetSequence",
    "SpacingBetweenSlices",
    "SliceLocation",
)
"""What was counted in another grid, and what the offsets say."""


def dose_columns(info: ImageInfo) -> dict[int, Column | None]:
    """Return the place of the first plane and the offsets of all; None for dose volume histograms.

    Parameters
    ----------
    info : ImageInfo
        The grid, with the plane of each slice in the headers.
    """
    position, offsets, pointer = map(tag_of, ("ImagePositionPatient", "GridFrameOffsetVector", "FrameIncrementPointer"))
    columns: dict[int, Column | None] = {tag_of(keyword): None for keyword in _OF_HISTOGRAMS}
    columns[position] = info.headers.element(position, 0)
    if not text_of(info.headers.element(tag_of("SliceThickness"), 0)):
        columns[tag_of("SliceThickness")] = RawElement(tag_of("SliceThickness"), "DS", b"")
    if info.slices > 1:
        rounded = np.array([float(f"{distance:.9g}") for distance in info.geometry.distances])
        columns[offsets] = RawElement(offsets, "DS", decimal_strings(rounded))
        columns[pointer] = RawElement(pointer, "AT", b"\x04\x30\x0c\x00")
    return columns


def scaling_columns(storage: Storage) -> dict[int, Column | None]:
    """Return the scale of stored values."""
    rescale = dict.fromkeys(map(tag_of, ("RescaleSlope", "RescaleIntercept", "RescaleType")))
    return {**rescale, _SCALING: RawElement(_SCALING, "DS", storage.slope.encode("ascii"))}


def stated_dose_storage(info: ImageInfo, form: PixelFormat) -> Storage | None:
    """Return the storage of the source, where it states a scale that a DS holds."""
    column = info.headers.column(_SCALING)
    scale = text_of(column) if isinstance(column, RawElement) else ""
    return Storage(scale, "0", _words(form), exact=True) if 0 < len(scale) <= 16 and float(scale) > 0 else None


def dose_storage(low: float, high: float, form: PixelFormat) -> Storage:
    """Return a storage in 32 bits for doses of a known range.

    Raises
    ------
    ValueRangeError
        If there are negative doses.
    """
    if low < 0:
        raise ValueRangeError(f"a dose is not negative (the lowest value is {low:g}): Clip it first (PS3.3, C.8.8.3.4)")
    return Storage(decimal_string(float(f"{high / _MOST:.8e}")) if high > 0 else "1", "0", _words(form))


def _words(form: PixelFormat) -> PixelFormat:
    return PixelFormat(form.rows, form.columns, bits_allocated=32, bits_stored=32, high_bit=31)
