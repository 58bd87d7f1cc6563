"""Which values a reader is asked for, and what is true of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np

from slicewise.dicom.modality_values import DOSE_SCALING, MODALITY_LUT, lut_type, modality_mappings
from slicewise.dicom.palettes import expanded_columns, has_palette, palettes
from slicewise.dicom.philips import philips_mappings
from slicewise.dicom.pixels import PixelFormat
from slicewise.dicom.real_world import real_world_mappings
from slicewise.dicom.rescale import Rescale, rescales
from slicewise.dicom.value_mapping import ValueMapping, value_dtype
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Headers, Operation, Padding, Step
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.image.padding import paddings

__all__ = ["CHOICES", "Meaning", "meaning_of"]

CHOICES = ("modality", "stored", "real_world", "philips")
"""Modality values, stored values, real world values, floating-point values of Philips MR."""

_PET_UNITS = {
    "Bq/ml": ("BQML", None),
    "g/ml{SUVbw}": ("GML", "BW"),
    "{SUVbw}g/ml": ("GML", "BW"),
    "g/ml{SUVlbm}": ("GML", "LBM"),
    "{SUVlbm}g/ml": ("GML", "LBM"),
    "g/ml{SUVibw}": ("GML", "IBW"),
    "{SUVibw}g/ml": ("GML", "IBW"),
    "g/ml{SUVlbm(Janma)}": ("GML", "LBMJANMA"),
    "g/ml{SUVlbm(James128)}": ("GML", "LBMJAMES128"),
    "cm2/ml{SUVbsa}": ("CM2ML", "BSA"),
    "{SUVbsa}cm2/ml": ("CM2ML", "BSA"),
}
"""Units and SUV Type of PET (PS3.3, C.8.9.1) by their code in UCUM (PS3.16, CID 84 and 85)."""

_HOUNSFIELD = ("[hnsf'U]", "HU")


@attrs.frozen
class Meaning:
    """What the stored values of a series are read as.

    Parameters
    ----------
    mappings : tuple of ValueMapping
        One for each slice.
    dtype : numpy dtype
        The type that holds all values.
    paddings : tuple of (Padding or None)
        For each slice its padding; empty where none has any.
    step : Step or None
        What the history tells, where the headers of the source are not true of the values as they stand.
    attributes : mapping of str to object
        What is true of the values instead; see ``pipeline.effect.Effect``.
    columns : mapping of int to Column or None
        What headers say instead where indexes of a palette became colour.
    components : int, optional
        Values per pixel, where they are not the samples that are stored.
    """

    mappings: tuple[ValueMapping, ...]
    dtype: np.dtype[Any]
    paddings: tuple[Padding | None, ...] = ()
    step: Step | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=lambda: MappingProxyType({}))
    columns: Mapping[int, Column | None] = attrs.field(factory=lambda: MappingProxyType({}))
    components: int | None = None


def meaning_of(headers: Headers, formats: Sequence[PixelFormat], values: str, mapping: str | None = None) -> Meaning:
    """Return what the stored values of a series are read as.

    Parameters
    ----------
    headers : Headers
        Headers of the slices.
    formats : sequence of PixelFormat
        How their pixels are stored.
    values : str
        One of ``CHOICES``.
    mapping : str, optional
        Label or unit of a real world value mapping.

    Raises
    ------
    HeaderError
        If the headers do not say how; the message names the slice.
    ParameterError
        If there are several real world value mappings and none was chosen.
    """
    if mapping is not None and values != "real_world":
        raise ParameterError(f"'mapping' chooses among real world values: values='real_world' (got values={values!r})")
    if values == "modality" and any(has_palette(form) for form in formats):
        found = _colours(headers, formats)
    elif values == "modality":
        found = _modality(headers)
    elif values == "stored":
        found = _stored(headers)
    elif values == "philips":
        found = _changed(headers, philips_mappings(headers), "PhilipsValues")
    else:
        found = _real_world(headers, mapping)
    dtype = value_dtype(formats, found.mappings)
    lines = [m if isinstance(m, Rescale) else None for m in found.mappings]
    return attrs.evolve(found, dtype=dtype, paddings=paddings(headers, lines, dtype))


_UNKNOWN = np.dtype(np.float64)

_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_OF_STORED = (
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "DoseGridScaling",
    "RealWorldValueMappingSequence",
    *_PADDING,
)
"""What the source says of its stored values, in terms of which the values read are not."""


def _changed(
    headers: Headers, mappings: Sequence[ValueMapping], name: str, parameters: str = "", unit: str = ""
) -> Meaning:
    step = Step(name, parameters, frozenset([Operation.PIXEL]), keeps_units=False)
    attributes = dict.fromkeys(_OF_STORED) | _true_units(headers, unit)
    return Meaning(tuple(mappings), _UNKNOWN, step=step, attributes=attributes)


def _colours(headers: Headers, formats: Sequence[PixelFormat]) -> Meaning:
    if not all(has_palette(form) for form in formats):
        k = next(k for k, form in enumerate(formats) if not has_palette(form))
        raise HeaderError(
            f"slice {k} is {formats[k].photometric} and others are PALETTE COLOR: choose with where={{...}}, or read "
            "the indexes with values='stored'"
        )
    found = palettes(headers, formats)
    bits = max(8 * palette.entries.dtype.itemsize for palette in found)
    return Meaning(tuple(found), _UNKNOWN, columns=expanded_columns(bits), components=3)


def _modality(headers: Headers) -> Meaning:
    mappings = modality_mappings(headers)
    if headers.column(MODALITY_LUT) is None:
        return Meaning(tuple(mappings), _UNKNOWN)
    # The table is applied, and a line is all that is written: what refers to stored values behind it is gone.
    types = [
        lut_type(headers, k) or text_of(headers.element(tag_of("RescaleType"), k)) or None for k in range(len(headers))
    ]
    gone = ("ModalityLUTSequence", "RealWorldValueMappingSequence", *_PADDING)
    attributes = {"RescaleType": types} | dict.fromkeys(gone)
    return Meaning(tuple(mappings), _UNKNOWN, step=Step("ModalityLUT"), attributes=attributes)


def _stored(headers: Headers) -> Meaning:
    identity = (Rescale(),) * len(headers)
    return Meaning(identity, _UNKNOWN) if _is_unscaled(headers) else _changed(headers, identity, "StoredValues")


def _is_unscaled(headers: Headers) -> bool:
    """Whether stored values are the modality values, so that headers are true of them."""
    if any(headers.column(tag) is not None for tag in (MODALITY_LUT, DOSE_SCALING)):
        return False
    try:
        return all(rescale.is_identity for rescale in rescales(headers))
    except HeaderError:
        return False


def _real_world(headers: Headers, chosen: str | None) -> Meaning:
    found = real_world_mappings(headers, chosen)
    unit = found[0].unit
    labels = ", ".join(dict.fromkeys(repr(m.label) for m in found))
    text = f"mapping={labels}, unit={unit!r}"
    return _changed(headers, [m.mapping for m in found], "RealWorldValues", text, unit)


def _true_units(headers: Headers, unit: str) -> dict[str, Any]:
    if text_of(headers.element(tag_of("Modality"), 0)) == "PT":
        units, kind = _PET_UNITS.get(unit, ("NONE", None))
        return {"Units": units} | ({"SUVType": kind} if kind else {})
    code, name = _HOUNSFIELD
    return {"RescaleType": name if unit == code else unit if unit not in ("", "1") else "US"}
