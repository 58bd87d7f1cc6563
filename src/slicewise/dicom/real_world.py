"""Real world values: what stored values are in units of measurement (PS3.3, C.7.6.16.2.11)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.items import items_of
from slicewise.dicom.rescale import Rescale
from slicewise.dicom.value_mapping import LookupTable, ValueMapping, Within
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["RealWorldMapping", "real_world_mappings"]

_MAPPINGS = tag_of("RealWorldValueMappingSequence")
_LABEL = tag_of("LUTLabel")
_UNITS = tag_of("MeasurementUnitsCodeSequence")
_CODE = tag_of("CodeValue")
_LONG_CODE = tag_of("LongCodeValue")
_MEANING = tag_of("CodeMeaning")
_SLOPE = tag_of("RealWorldValueSlope")
_INTERCEPT = tag_of("RealWorldValueIntercept")
_TABLE = tag_of("RealWorldValueLUTData")
_ENDS = (
    (tag_of("RealWorldValueFirstValueMapped"), tag_of("DoubleFloatRealWorldValueFirstValueMapped")),
    (tag_of("RealWorldValueLastValueMapped"), tag_of("DoubleFloatRealWorldValueLastValueMapped")),
)
_SIGNED = tag_of("PixelRepresentation")


@attrs.frozen
class RealWorldMapping:
    """An item of Real World Value Mapping Sequence.

    Parameters
    ----------
    label : str
        LUT Label.
    unit : str
        Code of its unit, in UCUM.
    meaning : str
        Meaning of that code.
    mapping : ValueMapping
        From stored values to values in that unit; NaN where it is not defined.
    """

    label: str
    unit: str
    meaning: str
    mapping: ValueMapping

    def is_called(self, name: str) -> bool:
        """Whether a name is its label, the code of its unit, or what that means."""
        return name in (self.label, self.unit, self.meaning)

    def __str__(self) -> str:
        return f"{self.label!r} in {self.unit!r}"


def real_world_mappings(headers: Headers, chosen: str | None = None) -> list[RealWorldMapping]:
    """Return the mapping of each slice or frame.

    Parameters
    ----------
    headers : Headers
        Headers of the slices.
    chosen : str, optional
        LUT Label, or code or meaning of the unit, where a slice has several mappings.

    Raises
    ------
    HeaderError
        If a slice has no mapping, one that cannot be used, or if the units differ between slices.
    ParameterError
        If a slice has none that is chosen, or several; the message lists them.
    """
    known: dict[tuple[bytes, bool], list[RealWorldMapping]] = {}
    found = []
    for k in range(len(headers)):
        element = headers.element(_MAPPINGS, k)
        if element is None or not element.value:
            raise HeaderError(
                f"slice {k} has no RealWorldValueMappingSequence, without which values='real_world' cannot be computed"
            )
        signed = _is_signed(headers.element(_SIGNED, k))
        key = (element.value, signed)
        if key not in known:
            try:
                known[key] = [_mapping(item, signed=signed) for item in items_of(element)]
            except HeaderError as error:
                raise HeaderError(f"slice {k}: RealWorldValueMappingSequence cannot be used: {error}") from None
        found.append(_choice(known[key], chosen, k))
    _check_units(found)
    return found


def _choice(mappings: Sequence[RealWorldMapping], chosen: str | None, index: int) -> RealWorldMapping:
    fitting = [m for m in mappings if chosen is None or m.is_called(chosen)]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(str(m) for m in mappings) or "none"
    if not fitting:
        raise ParameterError(f"'mapping' must be a label or a unit of slice {index}: {listed} (got {chosen!r})")
    raise ParameterError(
        f"slice {index} has {len(fitting)} real world value mappings ({listed}): choose one by its label or unit, "
        f"mapping={fitting[0].label or fitting[0].unit!r}"
    )


def _check_units(found: Sequence[RealWorldMapping]) -> None:
    for k, other in enumerate(found):
        if other.unit != found[0].unit:
            raise HeaderError(
                f"the real world values of slice 0 are in {found[0].unit!r} and those of slice {k} in {other.unit!r}: "
                "choose slices of one unit with where={...}"
            )


def _mapping(item: Mapping[int, RawElement], *, signed: bool) -> RealWorldMapping:
    units = item.get(_UNITS)
    codes = items_of(units) if units is not None else []
    code = codes[0] if codes else {}
    return RealWorldMapping(
        label=text_of(item.get(_LABEL)),
        unit=text_of(code.get(_CODE)) or text_of(code.get(_LONG_CODE)),
        meaning=text_of(code.get(_MEANING)),
        mapping=_value_mapping(item, signed=signed),
    )


def _value_mapping(item: Mapping[int, RawElement], *, signed: bool) -> Within:
    first, last = (_end(item, whole, real, signed=signed) for whole, real in _ENDS)
    if not first <= last:
        raise HeaderError(f"the last value mapped ({last:g}) lies below the first ({first:g})")
    table = item.get(_TABLE)
    if table is not None and table.value:
        entries = _doubles(table)
        if not np.isfinite(first) or first != int(first) or len(entries) != last - first + 1:
            raise HeaderError(f"its table has {len(entries)} entries for the stored values {first:g} to {last:g}")
        return Within(LookupTable(int(first), entries), first, last)
    slope, intercept = _doubles(item.get(_SLOPE)), _doubles(item.get(_INTERCEPT))
    if len(slope) != 1 or len(intercept) != 1 or not np.isfinite([*slope, *intercept]).all():
        raise HeaderError("it has neither RealWorldValueSlope and RealWorldValueIntercept nor RealWorldValueLUTData")
    return Within(Rescale(float(slope[0]), float(intercept[0])), first, last)


def _end(item: Mapping[int, RawElement], whole: int, real: int, *, signed: bool) -> float:
    element, double = item.get(whole), item.get(real)
    if element is not None and len(element.value) >= 2:
        order = "<" if element.little_endian else ">"
        # US or SS: as the pixels are, unless it says otherwise.
        kind = {"US": "H", "SS": "h"}.get(element.vr or "", "h" if signed else "H")
        return float(struct.unpack(order + kind, element.value[:2])[0])
    if double is not None and len(double.value) == 8:
        return float(_doubles(double)[0])
    raise HeaderError("it does not state the first and the last value mapped")


def _doubles(element: RawElement | None) -> npt.NDArray[np.float64]:
    if element is None:
        return np.empty(0)
    data = element.value[: len(element.value) // 8 * 8]
    return np.frombuffer(data, "<f8" if element.little_endian else ">f8").astype(np.float64)


def _is_signed(representation: RawElement | None) -> bool:
    return representation is not None and b"\x01" in representation.value[:2]
