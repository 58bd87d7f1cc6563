"""The description of a segmentation in a few lines of YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from slicewise.dicom.code_names import category_of, code_named, codes_named
from slicewise.dicom.colours import lab_of_rgb
from slicewise.dicom.segments import Segment
from slicewise.dicom.template_attributes import ATTRIBUTES
from slicewise.errors import ParameterError, ReadError

__all__ = ["parsed"]

_TEXTS = ("label", "description", "tracking_id", "tracking_uid", "algorithm_name")
_OF_A_SEGMENT = frozenset(
    [*_TEXTS, "type", "category", "modifiers", "region", "region_modifiers", "algorithm", "colour"]
)
_FOR_ALL = frozenset(["algorithm", "algorithm_name", *ATTRIBUTES])


def parsed(source: str | os.PathLike[str] | Mapping[Any, Any]) -> dict[str, Any]:
    """Return the parameters of a template that a description states.

    Raises
    ------
    ParameterError
        If something is unknown or of the wrong kind.
    ReadError
        If a file cannot be read.
    """
    name, content = ("template", source) if isinstance(source, Mapping) else _content(Path(source).expanduser())
    segments: dict[int, Segment] = {}
    attributes: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(key, int) and not isinstance(key, bool):
            segments[key] = _segment(value, f"{name}, segment {key}")
        elif key not in _FOR_ALL:
            raise ParameterError(f"{name}: {key!r} is neither a label nor one of {', '.join(sorted(_FOR_ALL))}")
        elif key in ATTRIBUTES:
            attributes[key] = value
    if not segments:
        raise ParameterError(f"{name}: there are no segments; state them by label, e.g. '1: Liver'")
    return {
        "segments": segments,
        "attributes": attributes,
        "algorithm_type": content.get("algorithm"),
        "algorithm_name": str(content.get("algorithm_name", "")),
    }


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads YAML; of two values of one label, one would be lost without a word."""

    def construct_mapping(self, mapping: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in mapping.value]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.YAMLError(f"{twice[0]!r} stands there twice")
        made: dict[Any, Any] = super().construct_mapping(mapping, deep=deep)
        return made


def _content(path: Path) -> tuple[str, Mapping[Any, Any]]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or error
        raise ParameterError(f"{path}{line}: is no YAML: {problem}") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: must have a line for each label, e.g. '1: Liver'")
    return str(path), content


def _segment(value: Any, place: str) -> Segment:
    said = value if isinstance(value, dict) else {"type": value}
    for key in said:
        if key not in _OF_A_SEGMENT:
            raise ParameterError(f"{place}: {key!r} is none of {', '.join(sorted(_OF_A_SEGMENT))}")
    if "type" not in said:
        raise ParameterError(f"{place}: 'type' is missing, which says what it is, e.g. {{label: Liver, type: Liver}}")
    kind = code_named(said["type"], f"{place}, type")
    category = said.get("category")
    values: dict[str, Any] = {
        "type": kind,
        "category": category_of(kind, place) if category is None else code_named(category, f"{place}, category"),
        "type_modifiers": codes_named(said.get("modifiers"), f"{place}, modifiers"),
        "anatomic_region": None if said.get("region") is None else code_named(said["region"], f"{place}, region"),
        "anatomic_region_modifiers": codes_named(said.get("region_modifiers"), f"{place}, region_modifiers"),
        "algorithm_type": said.get("algorithm"),
        "label": kind.meaning,
        "colour": None if said.get("colour") is None else lab_of_rgb(said["colour"]),
    }
    segment = Segment(**values | {name: str(said[name]) for name in _TEXTS if name in said})
    try:
        segment.check()
    except ParameterError as error:
        raise ParameterError(f"{place}: {error}") from error
    return segment
