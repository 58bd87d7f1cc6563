"""Standardised uptake: what the headers of PET images say of dose, weight and times (PS3.3, C.8.9).

The start of the scan, to which START decay correction refers, is found as the vendor-neutral pseudo-code of the
Quantitative Imaging Biomarkers Alliance finds it (QIBA Profile FDG-PET/CT, version 1.13, appendix G).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from slicewise.dicom.items import items_of
from slicewise.dicom.private import private_element, slice_elements
from slicewise.dicom.scan_start import scan_start
from slicewise.dicom.times import moment_of, time_of
from slicewise.dicom.values import decimals, text_of
from slicewise.errors import HeaderError
from slicewise.image import ImageInfo, RawElement
from slicewise.image.elements import tag_of

__all__ = ["Uptake", "body_weight_uptake"]

_INFORMATION = tag_of("RadiopharmaceuticalInformationSequence")
_DOSE = tag_of("RadionuclideTotalDose")
_HALF_LIFE = tag_of("RadionuclideHalfLife")
_START_TIME = tag_of("RadiopharmaceuticalStartTime")
_START = tag_of("RadiopharmaceuticalStartDateTime")
_WEIGHT = tag_of("PatientWeight")

_PHILIPS = "Philips PET Private Group"
_PHILIPS_GROUP = 0x7053
_SUV_FACTOR = 0x00
_ACTIVITY_FACTOR = 0x09

_SMALLEST_DOSE, _LARGEST_DOSE = 1e6, 1e11
_HEAVIEST = 1000.0
_LONGEST_WITHOUT_DATE = timedelta(hours=12)
_HALF_LIFE_WITHOUT_DATE = 4 * 3600.0
_MOST_HALF_LIVES = 10


@attrs.frozen
class Uptake:
    """What makes standardised uptake values of the values of an image.

    Parameters
    ----------
    factors : tuple of float
        One for each slice: uptake (g/ml) = factor x value.
    found : str
        What was found in the headers, for the history.
    """

    factors: tuple[float, ...]
    found: str


def body_weight_uptake(info: ImageInfo) -> Uptake:
    """Return what makes standardised uptake values by body weight.

    Raises
    ------
    HeaderError
        If a prerequisite is not met; the message names attribute, slice and value.
    """
    for k in range(len(info.headers)):
        _check_modality(info, k)
        _check_corrected(info, k)
    units = _same(info, "Units")
    if units == "CNTS":
        return _counts_uptake(info)
    _check_units(info, units)
    factor, found = _activity_factor(info)
    return Uptake((factor,) * len(info.headers), found)


def _check_modality(info: ImageInfo, index: int) -> None:
    modality = text_of(info.headers.element(tag_of("Modality"), index))
    if modality != "PT":
        raise HeaderError(f"uptake is a value of PET: Modality must be PT (got {modality!r} in slice {index})")


def _check_corrected(info: ImageInfo, index: int) -> None:
    corrections = text_of(info.headers.element(tag_of("CorrectedImage"), index)).split("\\")
    missing = [wanted for wanted in ("ATTN", "DECY") if wanted not in [c.strip() for c in corrections]]
    if missing:
        raise HeaderError(
            f"uptake needs images corrected for attenuation and decay: CorrectedImage of slice {index} must contain "
            f"ATTN and DECY (got {corrections})"
        )


def _check_units(info: ImageInfo, units: str) -> None:
    if units == "BQML":
        return
    if units == "GML":
        kind = text_of(info.headers.element(tag_of("SUVType"), 0)) or "not stated"
        raise HeaderError(
            f"the values are standardised uptake already (Units GML, SUVType {kind}): use them as they are"
        )
    reason = "" if units else "; a filter that changes what values mean drops them, so make uptake first"
    raise HeaderError(f"Units must be BQML, activity concentration (got {units or 'none'!r} in slice 0{reason})")


# --- activity concentration -----------------------------------------------------------------------


def _activity_factor(info: ImageInfo) -> tuple[float, str]:
    weight, item = _weight(info), _information(info)
    dose = _positive(item.get(_DOSE), "RadionuclideTotalDose", "Bq")
    if not _SMALLEST_DOSE <= dose <= _LARGEST_DOSE:
        raise HeaderError(
            f"RadionuclideTotalDose must be in Bq (got {dose:g}, as if it were in MBq or another unit): correct it in "
            "the source"
        )
    half_life = _positive(item.get(_HALF_LIFE), "RadionuclideHalfLife", "s")
    delay = _delay(info, item, half_life)
    factor = weight * 1000 / (dose * 2 ** (-delay / half_life))
    return factor, f"dose={dose:.10g} Bq, weight={weight:g} kg, delay={delay:g} s, half_life={half_life:g} s"


def _delay(info: ImageInfo, item: dict[int, RawElement], half_life: float) -> float:
    """Return the seconds from the injection to the time that the activity is corrected to."""
    correction = _same(info, "DecayCorrection")
    if correction == "ADMIN":
        return 0.0
    if correction != "START":
        raise HeaderError(
            f"DecayCorrection must be START or ADMIN (got {correction or 'none'!r}): it is not known to what time the "
            "activity refers"
        )
    start = scan_start(info, half_life)
    injection = _injection(info, item, start, half_life)
    delay = (start - injection).total_seconds()
    if not 0 <= delay <= _MOST_HALF_LIVES * half_life:
        raise HeaderError(
            f"the injection ({injection}) must lie before the start of the scan ({start}), by less than "
            f"{_MOST_HALF_LIVES} half-lives of {half_life:g} s: RadiopharmaceuticalStartDateTime, "
            "RadiopharmaceuticalStartTime, SeriesDate or SeriesTime is wrong"
        )
    return delay


def _injection(info: ImageInfo, item: dict[int, RawElement], start: datetime, half_life: float) -> datetime:
    zone = text_of(info.headers.element(tag_of("TimezoneOffsetFromUTC"), 0))
    stated = moment_of(item.get(_START), zone)
    if stated is not None:
        return stated
    time = time_of(item.get(_START_TIME))
    if time is None:
        raise HeaderError(
            "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing: the time of the injection "
            "is not known"
        )
    if half_life > _HALF_LIFE_WITHOUT_DATE:
        raise HeaderError(
            f"RadiopharmaceuticalStartDateTime is missing: with a half-life of {half_life:g} s the day of the "
            "injection must be known, and RadiopharmaceuticalStartTime does not tell it"
        )
    injection = datetime.combine(start.date(), time)
    if injection > start:  # before midnight
        injection -= timedelta(days=1)
    if start - injection > _LONGEST_WITHOUT_DATE:
        raise HeaderError(
            f"RadiopharmaceuticalStartTime is {time}, and the scan started at {start.time()}: the injection must lie "
            "before the start of the scan, by less than 12 hours"
        )
    return injection


def _weight(info: ImageInfo) -> float:
    element = info.headers.element(_WEIGHT, 0)
    _same(info, "PatientWeight")
    weight = _positive(element, "PatientWeight", "kg")
    if weight > _HEAVIEST:
        raise HeaderError(f"PatientWeight must be in kg (got {weight:g}, as if it were in g)")
    return weight


def _information(info: ImageInfo) -> dict[int, RawElement]:
    found: list[dict[int, RawElement]] = []
    for k in range(len(info.headers)):
        element = info.headers.element(_INFORMATION, k)
        items = items_of(element) if element is not None else []
        if len(items) != 1:
            raise HeaderError(
                f"RadiopharmaceuticalInformationSequence of slice {k} must have one item (got {len(items) or 'none'})"
            )
        found.append(items[0])
        if any(_text(items[0], tag) != _text(found[0], tag) for tag in (_DOSE, _HALF_LIFE, _START, _START_TIME)):
            raise HeaderError(
                f"RadiopharmaceuticalInformationSequence of slice {k} states another dose, half-life or time than that "
                "of slice 0: the slices are of several scans"
            )
    return found[0]


# --- counts of Philips ----------------------------------------------------------------------------


def _counts_uptake(info: ImageInfo) -> Uptake:
    """Return the uptake of images in counts, whose scale factors Philips keeps in private attributes."""
    elements = [slice_elements(info.headers, k, _PHILIPS_GROUP) for k in range(len(info.headers))]
    direct = [_private_factor(e, _SUV_FACTOR) for e in elements]
    if all(direct):
        return Uptake(tuple(direct), "factor of (7053,xx00)")
    activity = [_private_factor(e, _ACTIVITY_FACTOR) for e in elements]
    if not all(activity):
        k = next(k for k, factor in enumerate(activity) if not factor)
        raise HeaderError(
            f"Units of slice {k} is CNTS, and neither the SUV factor (7053,xx00) nor the activity factor (7053,xx09) "
            f"of {_PHILIPS!r} is there: counts cannot be made uptake without them"
        )
    factor, found = _activity_factor(info)
    return Uptake(tuple(factor * a for a in activity), f"{found}, factor of (7053,xx09)")


def _private_factor(elements: dict[int, RawElement], number: int) -> float:
    """Return a factor; 0 where there is none."""
    numbers = decimals(private_element(elements, _PHILIPS, _PHILIPS_GROUP, number))
    return numbers[0] if numbers and math.isfinite(numbers[0]) and numbers[0] > 0 else 0.0


# --- small questions ------------------------------------------------------------------------------


def _same(info: ImageInfo, keyword: str) -> str:
    tag = tag_of(keyword)
    texts = [text_of(info.headers.element(tag, k)) for k in range(len(info.headers))]
    other = next((k for k, text in enumerate(texts) if text != texts[0]), None)
    if other is not None:
        raise HeaderError(
            f"{keyword} must be the same on all slices (got {texts[0]!r} in slice 0 and {texts[other]!r} in slice "
            f"{other})"
        )
    return texts[0]


def _positive(element: RawElement | None, keyword: str, unit: str) -> float:
    numbers: Sequence[float] = decimals(element)
    if len(numbers) != 1 or not math.isfinite(numbers[0]) or numbers[0] <= 0:
        stated = "none" if element is None else repr(text_of(element))
        raise HeaderError(f"{keyword} must be a positive number in {unit} (got {stated} in slice 0)")
    return numbers[0]


def _text(item: dict[int, RawElement], tag: int) -> str:
    return text_of(item.get(tag))
