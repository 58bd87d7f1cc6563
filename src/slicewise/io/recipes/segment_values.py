"""Segments and their templates as people write them: what follows from the rest is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from slicewise.dicom.code_names import category_of, code_named, codes_named
from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.errors import ParameterError

__all__ = ["parts_of", "segment_of", "template_of"]

_MODIFIERS = ("type_modifiers", "anatomic_region_modifiers")


def parts_of(value: Segment | SegmentTemplate) -> dict[str, Any]:
    """Return the parts of a segment or template that do not follow from the others, by their names in Python.

    A segment of a template that is nothing but its type is that code.
    """
    if isinstance(value, Segment):
        return dict(_parts_of_segment(value, {}))
    parts = _stated(value)
    own = {"algorithm_type": value.algorithm_type, "algorithm_name": value.algorithm_name}
    lists = [{label: _of_template(segment, own) for label, segment in one.items()} for one in value.segments]
    return {**parts, "segments": lists[0] if len(lists) == 1 else tuple(lists)}


def _stated(value: Segment | SegmentTemplate) -> dict[str, Any]:
    """Return the fields that are not the defaults."""
    found = {f.name: getattr(value, f.name) for f in attrs.fields(type(value))}
    defaults = {f.name: f.default for f in attrs.fields(type(value))}
    return {name: part for name, part in found.items() if part != defaults[name] and part != {}}


def _of_template(segment: Segment, own: Mapping[str, Any]) -> Any:
    parts = dict(_parts_of_segment(segment, own))
    return segment.type if [*parts] == ["type"] else parts


def _parts_of_segment(segment: Segment, own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Iterate over what is to be said of a segment in a template that states how segments were made."""
    for name, part in _stated(segment).items():
        if name == "category" and part == _known_category(segment):
            continue
        if name == "algorithm_type" and part == own.get(name):
            continue
        # What is made by hand takes no name from the template.
        if name == "algorithm_name" and part == own.get(name) and segment.algorithm_type != "MANUAL":
            continue
        if name != "label" or part != segment.type.meaning:
            yield name, part


def _known_category(segment: Segment) -> Any:
    try:
        return category_of(segment.type, "")
    except ParameterError:
        return None


def segment_of(given: Any, place: str = "the segment") -> Segment:
    """Return the segment of its parts, or of its type alone; codes also by their names.

    Raises
    ------
    ParameterError
        If a part is not known, missing, or of the wrong kind.
    """
    if isinstance(given, Segment):
        return given
    said = dict(given) if isinstance(given, Mapping) else {"type": given}
    _check_names(said, Segment, place)
    if "type" not in said:
        raise ParameterError(f"{place}: 'type' is missing, which says what it is, e.g. ['10200004', 'SCT', 'Liver']")
    said["type"] = kind = code_named(said["type"], f"{place}, type")
    said["label"] = said.get("label", kind.meaning)
    category = said.get("category")
    said["category"] = category_of(kind, place) if category is None else code_named(category, f"{place}, category")
    if said.get("anatomic_region") is not None:
        said["anatomic_region"] = code_named(said["anatomic_region"], f"{place}, anatomic_region")
    said |= {name: codes_named(said[name], f"{place}, {name}") for name in _MODIFIERS if name in said}
    return Segment(**said)


def template_of(given: Any) -> SegmentTemplate:
    """Return the template of its parts.

    Raises
    ------
    ParameterError
        If a part is not known, missing, or of the wrong kind.
    """
    if not isinstance(given, Mapping):
        raise ParameterError("it is written with the names of its parts, segments: {1: Liver} and more")
    _check_names(given, SegmentTemplate, "the template")
    if "segments" not in given:
        raise ParameterError("'segments' are missing, e.g. segments: {1: Liver}")
    lists = [given["segments"]] if isinstance(given["segments"], Mapping) else given["segments"]
    if not isinstance(lists, list) or not all(isinstance(one, Mapping) for one in lists):
        raise ParameterError("'segments' are written by their labels, e.g. segments: {1: Liver}")
    segments = [{label: segment_of(one, f"segment {label}") for label, one in found.items()} for found in lists]
    return SegmentTemplate(**{**given, "segments": segments})


def _check_names(given: Mapping[Any, Any], cls: type, place: str) -> None:
    known = [f.alias for f in attrs.fields(cls)]
    for name in given:
        if name not in known:
            raise ParameterError(f"{place} has no {name!r}: it has {', '.join(map(str, known))}")
