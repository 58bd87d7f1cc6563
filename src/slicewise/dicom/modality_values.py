"""Modality values: rescale, the Modality LUT, and the dose grid scaling (PS3.3, C.11.1 and C.8.8.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from slicewise.dicom.items import items_of
from slicewise.dicom.rescale import Rescale, rescales
from slicewise.dicom.value_mapping import LookupTable, ValueMapping
from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["DOSE_SCALING", "MODALITY_LUT", "lut_type", "modality_mappings"]

MODALITY_LUT = tag_of("ModalityLUTSequence")
DOSE_SCALING = tag_of("DoseGridScaling")

_DESCRIPTOR = tag_of("LUTDescriptor")
_DATA = tag_of("LUTData")
_TYPE = tag_of("ModalityLUTType")
_SLOPE = tag_of("RescaleSlope")
_INTERCEPT = tag_of("RescaleIntercept")
_SIGNED = tag_of("PixelRepresentation")


def modality_mappings(headers: Headers) -> list[ValueMapping]:
    """Return what makes modality values of the stored values of each slice; the identity where nothing is stated.

    Raises
    ------
    HeaderError
        If what a slice states cannot be used, if it states both a Modality LUT and a rescale that changes values
        (either excludes the other), or if it states nothing while others do.
    """
    lines = rescales(headers)
    known: dict[tuple[bytes, bool], LookupTable] = {}
    found: list[ValueMapping] = []
    for k, line in enumerate(lines):
        lut, dose = headers.element(MODALITY_LUT, k), headers.element(DOSE_SCALING, k)
        if lut is not None and lut.value:
            found.append(_table(lut, headers, k, line, known))
        elif dose is not None and dose.value:
            found.append(_dose(dose, k, line))
        else:
            found.append(line)
    _check_complete(headers, found)
    return found


def lut_type(headers: Headers, index: int) -> str:
    """Return Modality LUT Type of a slice: the units of the values; empty if there is no Modality LUT."""
    lut = headers.element(MODALITY_LUT, index)
    items = items_of(lut) if lut is not None else []
    return text_of(items[0].get(_TYPE)) or "US" if items else ""


def _check_complete(headers: Headers, found: Sequence[ValueMapping]) -> None:
    # A slice that is silent among others that are scaled would stand in other units than they.
    tags = (_SLOPE, _INTERCEPT, MODALITY_LUT, DOSE_SCALING)
    silent = [k for k in range(len(found)) if not any(_is_stated(headers.element(tag, k)) for tag in tags)]
    stated = next((k for k, mapping in enumerate(found) if not mapping.is_identity), None)
    if silent and stated is not None:
        raise HeaderError(
            f"slice {silent[0]} states no RescaleSlope while slice {stated} is scaled ({len(silent)} of {len(found)} "
            "slices state none): what their values mean is not known. Read them with values='stored', or choose the "
            "slices with where={...}"
        )


def _is_stated(element: RawElement | None) -> bool:
    return element is not None and bool(element.value.strip(b" \0"))


def _dose(element: RawElement, index: int, line: Rescale) -> Rescale:
    scaling = decimals(element)
    if len(scaling) != 1 or not np.isfinite(scaling[0]) or scaling[0] <= 0 or not line.is_identity:
        raise HeaderError(
            f"slice {index} has DoseGridScaling {text_of(element)!r} and rescale {tuple(line)}: the scaling must be "
            "one positive number, without another rescale"
        )
    return Rescale(scaling[0])


def _table(
    lut: RawElement, headers: Headers, index: int, line: Rescale, known: dict[tuple[bytes, bool], LookupTable]
) -> LookupTable:
    if not line.is_identity:
        raise HeaderError(
            f"slice {index} has both a ModalityLUTSequence and RescaleSlope {line.slope:g}, RescaleIntercept "
            f"{line.intercept:g}: either excludes the other (PS3.3, C.11.1), and which holds is not known. Read it "
            "with values='stored'"
        )
    representation = headers.element(_SIGNED, index)
    signed = representation is not None and b"\x01" in representation.value[:2]
    key = (lut.value, signed)
    if key not in known:
        try:
            known[key] = _read_table(lut, signed=signed)
        except HeaderError as error:
            raise HeaderError(f"slice {index}: ModalityLUTSequence cannot be used: {error}") from None
    return known[key]


def _read_table(lut: RawElement, *, signed: bool) -> LookupTable:
    items = items_of(lut)
    if len(items) != 1:
        raise HeaderError(f"it must have one item (got {len(items)})")
    descriptor, data = items[0].get(_DESCRIPTOR), items[0].get(_DATA)
    if descriptor is None or len(descriptor.value) < 6 or data is None:
        raise HeaderError("LUTDescriptor or LUTData is missing or too short")
    order = "<" if descriptor.little_endian else ">"
    count, first, bits = struct.unpack(order + ("HhH" if signed else "HHH"), descriptor.value[:6])
    count = count or 65536  # which 16 bits do not hold
    if not 8 <= bits <= 16:
        raise HeaderError(f"the entries of LUTDescriptor must have 8 to 16 bits (got {bits})")
    return LookupTable(first, _entries(data, count, bits))


def _entries(data: RawElement, count: int, bits: int) -> npt.NDArray[Any]:
    order = "<" if data.little_endian else ">"
    words = np.frombuffer(data.value[: len(data.value) // 2 * 2], order + "u2")
    if len(words) >= count:
        return words[:count].astype(np.uint8 if bits == 8 and words[:count].max() < 256 else np.uint16)
    if bits == 8 and len(words) >= (count + 1) // 2:
        # Two entries to a word, the first in its lower half.
        return words.astype("<u2").view(np.uint8)[:count]
    raise HeaderError(f"LUTData has {len(data.value)} bytes for {count} entries of {bits} bits")
