"""Identity of a derived series: identifiers, numbers, names, dates (PS3.3, C.7.3.1, C.7.6.1, C.12.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice

import attrs

from slicewise.dicom.character_sets import character_set
from slicewise.dicom.derivation import Software, operations_of
from slicewise.dicom.numbering import instance_numbers, is_pet, pet_columns
from slicewise.dicom.uids import fresh_uids, reproducible_uids
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Headers, ImageInfo, Operation, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.encoding import encode_element
from slicewise.image.headers import Column

__all__ = ["Naming", "identity_columns", "now_of"]

_DESCRIPTION_LENGTH = 64
"""Length of an LO value (PS3.5, 6.2)."""

_LARGEST_INTEGER = 2**31 - 1
"""Of an IS value (PS3.5, 6.2)."""


_OF_PET = (tag_of("NumberOfSlices"), tag_of("ImageIndex"))
"""Some scanners state them of other images, too: counts of the source series, that nobody asks for."""


@attrs.frozen(kw_only=True)
class Naming:
    """What the caller wants the series to be called; see ``SeriesWriter``."""

    series_description: str | None = None
    series_number: int | None = None
    instance_number_start: int = 1
    uid_prefix: str | None = None
    uids: str = "fresh"
    lineage: str = ""
    """What the pixels come from and what is done to them, for reproducible identifiers."""


def now_of(headers: Headers) -> datetime:
    """Return the present time, in the time zone the headers declare, else in the local one."""
    declared = text_of(headers.element(tag_of("TimezoneOffsetFromUTC"), 0)) if len(headers) else ""
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", declared)
    if match is None:
        return datetime.now().astimezone()
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return datetime.now(timezone(-offset if match[1] == "-" else offset))


def identity_columns(info: ImageInfo, naming: Naming, software: Software, now: datetime) -> dict[int, Column | None]:
    """Return identifiers, numbers, names and dates of the new series and its instances."""
    slices = info.slices
    new = _uids(info, naming, software)
    series_uid = next(new)
    instances = list(islice(new, slices))
    numbers = instance_numbers(info, naming.instance_number_start)
    columns: dict[int, Column | None] = {
        tag_of("SeriesInstanceUID"): _uid("SeriesInstanceUID", series_uid),
        tag_of("SOPInstanceUID"): tuple(_uid("SOPInstanceUID", uid) for uid in instances),
        tag_of("InstanceNumber"): tuple(_integer("InstanceNumber", number) for number in numbers),
        tag_of("SeriesNumber"): _integer("SeriesNumber", _series_number(info.headers, naming)),
        tag_of("SeriesDescription"): _series_description(info, naming),
        tag_of("SeriesDescriptionCodeSequence"): None,
        tag_of("InstanceCreatorUID"): None,
    }
    columns |= _dates(info, now)
    return columns | (pet_columns(info) if is_pet(info.headers) else dict.fromkeys(_OF_PET))


def _uids(info: ImageInfo, naming: Naming, software: Software) -> Iterator[str]:
    if naming.uids == "fresh":
        return fresh_uids(naming.uid_prefix)
    sources = [source.sop_instance_uid for slice_sources in info.sources for source in slice_sources]
    if not sources:
        raise ParameterError("'uids' cannot be 'reproducible': the image does not know the instances it comes from")
    return reproducible_uids(naming.uid_prefix, [software.version, naming.lineage, *sources])


def _uid(keyword: str, value: str) -> RawElement:
    return RawElement(tag_of(keyword), "UI", value.encode("ascii"))


def _integer(keyword: str, value: int) -> RawElement:
    return RawElement(tag_of(keyword), "IS", str(value).encode("ascii"))


def _series_number(headers: Headers, naming: Naming) -> int:
    stated = text_of(headers.element(tag_of("SeriesNumber"), 0))
    source = int(stated) if re.fullmatch(r"[+-]?\d{1,9}", stated) else 0
    if naming.series_number is None:
        number = source * 100 + 1
        return number if abs(number) <= _LARGEST_INTEGER else source - 1
    if stated and naming.series_number == source:
        raise ParameterError(
            f"'series_number' must differ from that of the source ({source}): two series of a study must not share it"
        )
    return naming.series_number


def _series_description(info: ImageInfo, naming: Naming) -> Column:
    tag = tag_of("SeriesDescription")
    headers = info.headers
    terms = character_set(headers)
    if naming.series_description is not None:
        if len(naming.series_description) > _DESCRIPTION_LENGTH:
            raise ParameterError(
                f"'series_description' must have at most {_DESCRIPTION_LENGTH} characters "
                f"(got {len(naming.series_description)})"
            )
        return encode_element(tag, naming.series_description, character_set=terms)
    operations = ", ".join(_names(info)) or ("copy" if any(info.sources) else "")
    source = str(headers["SeriesDescription"][0] or "").strip()
    described = " - ".join(filter(None, (source, operations)))
    try:
        return encode_element(tag, described[:_DESCRIPTION_LENGTH], character_set=terms)
    except HeaderError:
        # The source's own text breaks its declared character set.
        return encode_element(tag, operations[:_DESCRIPTION_LENGTH])


def _names(info: ImageInfo) -> Iterable[str]:
    """Return the names of the steps; of a stack whose volumes went through different ones, each name once."""
    by_volume = {tuple(step.name for step in volume.history if step.operations) for volume in info.volumes}
    named = dict.fromkeys(step.name for step in info.history if step.operations)
    return by_volume.pop() if len(by_volume) == 1 else named


def _dates(info: ImageInfo, now: datetime) -> dict[int, Column | None]:
    date = now.strftime("%Y%m%d").encode("ascii")
    time = now.strftime("%H%M%S.%f").encode("ascii")
    operations = operations_of(info.history)
    kinds = ["InstanceCreation"]
    # PET: decay correction refers to the series time (PS3.3, C.8.9.1).
    corrected = text_of(info.headers.element(tag_of("DecayCorrection"), 0)) not in ("", "NONE")
    if not (corrected and is_pet(info.headers)):
        kinds.append("Series")
    if operations - {Operation.SUBSET, Operation.PROJECTION} or not any(info.sources):
        kinds.append("Content")
    columns: dict[int, Column | None] = {}
    for kind in kinds:
        columns[tag_of(f"{kind}Date")] = RawElement(tag_of(f"{kind}Date"), "DA", date)
        columns[tag_of(f"{kind}Time")] = RawElement(tag_of(f"{kind}Time"), "TM", time)
    return columns
