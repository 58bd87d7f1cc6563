"""How images say what their stored values stand for: by rescale, and of MR by a real world value mapping.

The IOD of MR images has no rescale (PS3.3, A.4): values are mapped by Real World Value Mapping (C.7.6.16.2.11), and a
window is one of stored values (C.11.2). Most readers look for a rescale all the same.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence

from pydicom.uid import MRImageStorage

from slicewise.dicom.encoding import code_item, item, sequence, text
from slicewise.dicom.items import items_of
from slicewise.dicom.stored_attributes import rescale_elements
from slicewise.dicom.storing import Storage
from slicewise.dicom.values import decimal_string, decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Code, Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["StatedBy", "late_tags", "mapping_elements", "stated_by"]

_RESCALE = (tag_of("RescaleSlope"), tag_of("RescaleIntercept"), tag_of("RescaleType"))
_MAPPING = tag_of("RealWorldValueMappingSequence")
_UNITS = tag_of("MeasurementUnitsCodeSequence")
_CENTER, _WIDTH = tag_of("WindowCenter"), tag_of("WindowWidth")
_NO_UNITS = Code("1", "UCUM", "no units")
_UNITS_OF_MR = frozenset(
    [
        "um2/s",
        "mm2/s",
        "10*-6.mm2/s",
        "10*-3.mm2/s",
        "s",
        "ms",
        "us",
        "/s",
        "/ms",
        "Hz",
        "deg",
        "rad",
        "cm/s",
        "mm/s",
        "T",
        "uT",
        "%",
        "ml/min",
    ]
)
"""Codes of UCUM that a rescale type may be, where real world values were read; others may be words of a scanner."""


class StatedBy(enum.Enum):
    """Where images say what stored values stand for."""

    RESCALE = enum.auto()
    BOTH = enum.auto()
    MAPPING = enum.auto()


def stated_by(headers: Headers, *, strict: bool) -> StatedBy:
    """Return where images of a class say it.

    Parameters
    ----------
    headers : Headers
        Headers of the images.
    strict : bool
        Whether they state only what their IOD knows.
    """
    if text_of(headers.element(tag_of("SOPClassUID"), 0)) != MRImageStorage:
        return StatedBy.RESCALE
    return StatedBy.MAPPING if strict else StatedBy.BOTH


def late_tags(way: StatedBy, *, keeps_mapping: bool) -> tuple[int, ...]:
    """Return the attributes that are only known when the storage of a slice is."""
    if way is StatedBy.RESCALE or (way is StatedBy.BOTH and keeps_mapping):
        return _RESCALE
    return (*_RESCALE, _MAPPING, *((_CENTER, _WIDTH) if way is StatedBy.MAPPING else ()))


def mapping_elements(
    storage: Storage, headers: Headers, index: int, way: StatedBy, *, keeps_units: bool, keeps_mapping: bool
) -> dict[int, RawElement]:
    """Return the elements that say what the stored values of a slice stand for; nothing where they are the values.

    Parameters
    ----------
    storage : Storage
        How they are stored.
    headers : Headers
        Headers as far as they are known.
    index : int
        The slice.
    way : StatedBy
        Where it is said.
    keeps_units : bool
        Whether values are in the units of the source.
    keeps_mapping : bool
        Whether each stored value means what it meant in the source.
    """
    rescale = rescale_elements(storage, headers, index, keeps_units=keeps_units)
    if way is StatedBy.RESCALE or (way is StatedBy.BOTH and (keeps_mapping or storage.rescale.is_identity)):
        return rescale
    if way is StatedBy.BOTH:
        return rescale | {_MAPPING: _mapping(storage, _units(headers, index, keeps_units=keeps_units))}
    kept = {tag: e for tag in (_MAPPING, _CENTER, _WIDTH) if (e := headers.element(tag, index)) is not None}
    if storage.rescale.is_identity:
        return kept
    if not (keeps_mapping and _MAPPING in kept):
        kept[_MAPPING] = _mapping(storage, _units(headers, index, keeps_units=keeps_units))
    return kept | _window_of_stored(storage, headers, index)


def _units(headers: Headers, index: int, *, keeps_units: bool) -> RawElement:
    stated = headers.element(_MAPPING, index)
    try:
        found = [one[_UNITS] for one in items_of(stated) if _UNITS in one] if keeps_units and stated is not None else []
    except HeaderError:
        found = []
    return (
        found[0] if found else sequence("MeasurementUnitsCodeSequence", [code_item(_unit_of_rescale(headers, index))])
    )


def _unit_of_rescale(headers: Headers, index: int) -> Code:
    # Where real world values were read, the rescale type is the code of their unit.
    stated = text_of(headers.element(_RESCALE[2], index))
    return Code(stated, "UCUM", stated) if stated in _UNITS_OF_MR else _NO_UNITS


def _mapping(storage: Storage, units: RawElement) -> RawElement:
    low, high = storage.form.limits
    vr, kind = ("SS", "<h") if storage.form.signed else ("US", "<H")
    ends = {"RealWorldValueFirstValueMapped": int(low), "RealWorldValueLastValueMapped": int(high)}
    numbers = {"RealWorldValueIntercept": storage.rescale.intercept, "RealWorldValueSlope": storage.rescale.slope}
    one = item(
        [
            *(RawElement(tag_of(keyword), vr, struct.pack(kind, end)) for keyword, end in ends.items()),
            *(RawElement(tag_of(keyword), "FD", struct.pack("<d", number)) for keyword, number in numbers.items()),
            text("LUTExplanation", "Values of the image", "LO"),
            text("LUTLabel", "VALUES", "SH"),
            units,
        ]
    )
    return sequence("RealWorldValueMappingSequence", [one])


def _window_of_stored(storage: Storage, headers: Headers, index: int) -> dict[int, RawElement]:
    centers, widths = (decimals(headers.element(tag, index)) for tag in (_CENTER, _WIDTH))
    slope, intercept = storage.rescale
    # The linear function counts from pixel to pixel, the exact one and the sigmoid do not (C.11.2.1.2 and 3).
    is_exact = text_of(headers.element(tag_of("VOILUTFunction"), index)) in ("LINEAR_EXACT", "SIGMOID")
    half, one = (0.0, 0.0) if is_exact else (0.5, 1.0)
    moved = [(center - half - intercept) / slope + half for center in centers]
    scaled = [(width - one) / abs(slope) + one for width in widths]
    columns = {_CENTER: moved, _WIDTH: scaled}
    return {tag: RawElement(tag, "DS", _decimals(values)) for tag, values in columns.items() if values}


def _decimals(values: Sequence[float]) -> bytes:
    return "\\".join(decimal_string(float(f"{value:.8g}")) for value in values).encode("ascii")
