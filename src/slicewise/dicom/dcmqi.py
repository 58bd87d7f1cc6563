"""The description of a segmentation as dcmqi has it: ``metainfo.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from slicewise.dicom.colours import lab_of_rgb, rgb_of_lab
from slicewise.dicom.segments import ALGORITHM_TYPES, Segment
from slicewise.dicom.template_attributes import ATTRIBUTES, misfit
from slicewise.errors import ParameterError, ReadError
from slicewise.image import Code

__all__ = ["DEFAULTS", "parsed", "stated"]

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "ClinicalTrialSeriesID": "Session1",
        "ClinicalTrialTimePointID": "1",
        "ContentCreatorName": "Reader1",
        "ContentDescription": "Image segmentation",
        "ContentLabel": "SEGMENTATION",
        "InstanceNumber": "1",
        "SeriesDescription": "Segmentation",
        "SeriesNumber": "300",
    }
)

_CODES = {
    "SegmentedPropertyCategoryCodeSequence": "category",
    "SegmentedPropertyTypeCodeSequence": "type",
    "SegmentedPropertyTypeModifierCodeSequence": "type_modifiers",
    "AnatomicRegionSequence": "anatomic_region",
    "AnatomicRegionModifierSequence": "anatomic_region_modifiers",
}
_TEXTS = {
    "SegmentLabel": "label",
    "SegmentDescription": "description",
    "SegmentAlgorithmName": "algorithm_name",
    "TrackingIdentifier": "tracking_id",
    "TrackingUniqueIdentifier": "tracking_uid",
}
_COLOURS = {"recommendedDisplayRGBValue": 255, "RecommendedDisplayCIELabValue": 65535}
_REQUIRED = (
    "labelID",
    "SegmentedPropertyCategoryCodeSequence",
    "SegmentedPropertyTypeCodeSequence",
    "SegmentAlgorithmType",
)
_OF_A_SEGMENT = frozenset([*_REQUIRED, *_CODES, *_TEXTS, *_COLOURS])
_OF_A_CODE = {"CodeValue": 64, "CodingSchemeDesignator": 16, "CodeMeaning": 64}
_FILES = "segmentAttributesFileMapping"
_SEGMENTS = "segmentAttributes"


def parsed(sources: Sequence[str | os.PathLike[str] | Mapping[str, Any]], algorithm_name: str) -> dict[str, Any]:
    """Return the parameters of a template that descriptions state.

    Raises
    ------
    ParameterError
        If something is missing, unknown or of the wrong kind; the message names the path to it.
    ReadError
        If a file cannot be read.
    """
    if not sources:
        raise ParameterError("a template needs at least one metainfo.json, or what is in it")
    lists: list[Mapping[int, Segment]] = []
    attributes: dict[str, str] = {}
    files: list[str] = []
    for number, source in enumerate(sources, start=1):
        name, content = _content(source)
        place = _Place(name or (f"metainfo {number}" if len(sources) > 1 else "metainfo"))
        for keyword, value in _attributes(content, place).items():
            if attributes.setdefault(keyword, value) != value:
                raise place.error(keyword, f"is {value!r}, and {attributes[keyword]!r} in another one before")
        lists += _lists(content, place, algorithm_name)
        files += _files(content, place)
    return {"segments": lists, "attributes": attributes, "files": files}


def stated(
    lists: Sequence[Mapping[int, Segment]], attributes: Mapping[str, str], files: Sequence[str]
) -> dict[str, Any]:
    """Return what a metainfo.json says of the segments of one or more masks.

    Raises
    ------
    ParameterError
        If it has no place for something.
    """
    found: dict[str, Any] = dict(sorted(attributes.items()))
    if files:
        found[_FILES] = list(files)
    found[_SEGMENTS] = [[_stated_segment(label, segment) for label, segment in one.items()] for one in lists]
    return found


class _Place:
    """Where something stands in a description."""

    def __init__(self, name: str, path: str = "") -> None:
        self.name = name
        self.path = path

    def at(self, key: str | int) -> _Place:
        if isinstance(key, int):
            return _Place(self.name, f"{self.path}[{key}]")
        return _Place(self.name, f"{self.path}.{key}" if self.path else key)

    def error(self, key: str | int | None, what: str) -> ParameterError:
        path = self.path if key is None else self.at(key).path
        return ParameterError(f"{self.name}: {f'{path} {what}' if path else what}")


def _content(source: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(source, Mapping):
        return "", source
    path = Path(source).expanduser()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ParameterError(f"{path}: is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: must be an object of JSON, as dcmqi's metainfo.json is")
    return str(path), content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Take an object of JSON; of two values of one name, one would be lost without a word."""
    keys = [key for key, _ in pairs]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands there twice")
    return dict(pairs)


def _check_known(content: Mapping[str, Any], known: Iterable[str], place: _Place) -> None:
    for key in content:
        if key not in known:
            raise place.error(str(key), f"is nothing that stands there: {', '.join(sorted(known))}")


def _attributes(content: Mapping[str, Any], place: _Place) -> dict[str, str]:
    _check_known(content, {"@schema", _FILES, _SEGMENTS, *ATTRIBUTES}, place)
    found: dict[str, str] = {}
    for keyword in [keyword for keyword in ATTRIBUTES if keyword in content]:
        value = content[keyword]
        if not isinstance(value, str):
            raise place.error(keyword, f"must be text (got {value!r})")
        wrong = misfit(value, ATTRIBUTES[keyword]) if value else ""
        if wrong:
            raise place.error(keyword, f"{wrong} (got {value!r})")
        if value.strip():
            found[keyword] = value
    return found


def _files(content: Mapping[str, Any], place: _Place) -> list[str]:
    files = content.get(_FILES, [])
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise place.error(_FILES, f"must be a list of names of files (got {files!r})")
    if files and len(files) != len(content[_SEGMENTS]):
        raise place.error(
            _FILES, f"names {len(files)} files, and there are {len(content[_SEGMENTS])} lists of segments"
        )
    return files


def _lists(content: Mapping[str, Any], place: _Place, algorithm_name: str) -> list[Mapping[int, Segment]]:
    lists = content.get(_SEGMENTS)
    if lists is None:
        raise place.error(_SEGMENTS, "is missing")
    if not isinstance(lists, list) or not lists:
        raise place.error(_SEGMENTS, f"must be a list of lists of segments (got {lists!r:.60})")
    found: list[Mapping[int, Segment]] = []
    for i, one in enumerate(lists):
        inner = place.at(_SEGMENTS).at(i)
        if not isinstance(one, list) or not one:
            raise inner.error(None, f"must be a list of segments (got {one!r:.60})")
        segments: dict[int, Segment] = {}
        for k, item in enumerate(one):
            label, segment = _segment(item, inner.at(k), algorithm_name)
            if label in segments:
                raise inner.at(k).error("labelID", f"is {label}, as that of another segment of the list")
            segments[label] = segment
        found.append(segments)
    return found


def _segment(item: Any, place: _Place, algorithm_name: str) -> tuple[int, Segment]:
    if not isinstance(item, dict):
        raise place.error(None, f"must be an object that describes a segment (got {item!r:.60})")
    for keyword in _REQUIRED:
        if keyword not in item:
            raise place.error(keyword, "is missing")
    _check_known(item, _OF_A_SEGMENT, place)
    label, kind = _label(item, place), item["SegmentAlgorithmType"]
    if kind not in ALGORITHM_TYPES:
        raise place.error("SegmentAlgorithmType", f"must be one of {', '.join(ALGORITHM_TYPES)} (got {kind!r})")
    values: dict[str, Any] = {"algorithm_type": kind} | _texts(item, place)
    for keyword in [keyword for keyword in _CODES if keyword in item]:
        values[_CODES[keyword]] = _code(item[keyword], place.at(keyword))
    values |= _colour(item, place)
    if kind != "MANUAL" and not values.get("algorithm_name", algorithm_name).strip():
        raise place.error(
            "SegmentAlgorithmName",
            f"is missing, which says with what a segment was made that is {kind} (PS3.3, C.8.20.4); state it there, or "
            "give algorithm_name='...'",
        )
    values.setdefault("label", values["type"].meaning)
    segment = Segment(**values)
    try:
        segment.check()
    except ParameterError as error:
        raise place.error(None, f"cannot be stated: {error}") from error
    return label, segment


def _label(item: Mapping[str, Any], place: _Place) -> int:
    label = item["labelID"]
    if isinstance(label, bool) or not isinstance(label, int) or label < 1:
        raise place.error("labelID", f"must be a whole number from 1 on (got {label!r})")
    return label


def _texts(item: Mapping[str, Any], place: _Place) -> dict[str, str]:
    found: dict[str, str] = {}
    for keyword in [keyword for keyword in _TEXTS if keyword in item]:
        if not isinstance(item[keyword], str):
            raise place.error(keyword, f"must be text (got {item[keyword]!r})")
        found[_TEXTS[keyword]] = item[keyword]
    return found


def _code(item: Any, place: _Place) -> Code:
    if not isinstance(item, dict):
        raise place.error(None, f"must be an object with {', '.join(_OF_A_CODE)} (got {item!r:.60})")
    for keyword, longest in _OF_A_CODE.items():
        if keyword not in item:
            raise place.error(keyword, "is missing")
        value = item[keyword]
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise place.error(keyword, f"must be text of 1 to {longest} characters (got {value!r})")
    _check_known(item, _OF_A_CODE, place)
    return Code(*(item[keyword].strip() for keyword in _OF_A_CODE))


def _colour(item: Mapping[str, Any], place: _Place) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    for keyword, largest in _COLOURS.items():
        if keyword not in item:
            continue
        values = item[keyword]
        is_triple = isinstance(values, list) and len(values) == 3
        if not is_triple or not all(type(v) is int and 0 <= v <= largest for v in values):
            raise place.error(keyword, f"must be three whole numbers from 0 to {largest} (got {values!r})")
        # What is stated as DICOM has it, counts.
        stated["colour"] = tuple(values) if largest > 255 else lab_of_rgb(values)
    return stated


def _stated_segment(label: int, segment: Segment) -> dict[str, Any]:
    found: dict[str, Any] = {"labelID": label, "SegmentAlgorithmType": segment.algorithm_type}
    for keyword, name in _TEXTS.items():
        if getattr(segment, name):
            found[keyword] = getattr(segment, name)
    for keyword, name in _CODES.items():
        value = getattr(segment, name)
        codes = [value] if isinstance(value, Code) else list(value or ())
        if len(codes) > 1:
            raise ParameterError(
                f"segment {label} ({segment.label!r}): dcmqi has room for one code in {keyword} (got {len(codes)})"
            )
        if codes:
            found[keyword] = dict(zip(_OF_A_CODE, codes[0], strict=True))
    if segment.further:
        raise ParameterError(f"segment {label} ({segment.label!r}) states what dcmqi has no place for")
    if segment.colour is not None:
        rgb = rgb_of_lab(segment.colour)
        found["recommendedDisplayRGBValue"] = list(rgb)
        if lab_of_rgb(rgb) != segment.colour:
            found["RecommendedDisplayCIELabValue"] = list(segment.colour)
    return found
