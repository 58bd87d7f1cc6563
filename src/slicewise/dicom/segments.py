"""What a segment of a segmentation is: the segment description (PS3.3, C.8.20.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from pydicom.dataset import Dataset
from pydicom.uid import RE_VALID_UID

from slicewise.dicom.coded import check_code, code_dataset, code_of_dataset, to_code
from slicewise.dicom.colours import Lab, check_lab, lab_of_rgb, rgb_of_lab
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Code

__all__ = ["ALGORITHM_TYPES", "Segment"]

ALGORITHM_TYPES = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")

_CATEGORY = "SegmentedPropertyCategoryCodeSequence"
_TYPE = "SegmentedPropertyTypeCodeSequence"
_TYPE_MODIFIER = "SegmentedPropertyTypeModifierCodeSequence"
_REGION = "AnatomicRegionSequence"
_REGION_MODIFIER = "AnatomicRegionModifierSequence"
_TOLD = frozenset(
    "SegmentNumber SegmentLabel SegmentDescription SegmentAlgorithmType SegmentAlgorithmName "  # noqa: SIM905
    "RecommendedDisplayCIELabValue TrackingID TrackingUID".split()
) | {_CATEGORY, _TYPE, _REGION}
_GROUP, _CREATOR, _VALUE = 0x0063, "SLICEWISE", 0x01
"""Private: no attribute of a segment says what value its pixels had in a label map."""

_LENGTHS = {"label": 64, "algorithm_name": 64, "description": 1024, "tracking_id": 1024}


def _codes(values: Any) -> tuple[Code, ...]:
    is_one = hasattr(values, "scheme_designator") or (
        isinstance(values, tuple | list) and bool(values) and isinstance(values[0], str)
    )
    return (to_code(values),) if is_one else tuple(to_code(value) for value in values)


def _text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise ParameterError(f"{attribute.name!r} must be text (got {value!r})")


def _algorithm(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value not in ALGORITHM_TYPES:
        raise ParameterError(f"{attribute.name!r} must be one of {', '.join(ALGORITHM_TYPES)} (got {value!r})")


def _number(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not isinstance(value, int) or not 0 <= value <= 0xFFFF):
        raise ParameterError(f"{attribute.name!r} must be a whole number from 0 to 65535 (got {value!r})")


def _value(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (not isinstance(value, int) or not 0 <= value < 1 << 32):
        raise ParameterError(f"{attribute.name!r} must be a whole number from 0 to {(1 << 32) - 1} (got {value!r})")


@attrs.frozen(repr=False)
class Segment:
    """A segment: what it shows, where in the body, and how it was made.

    Parameters
    ----------
    label : str
        What users call it, at most 64 characters.
    type : Code
        What it is (CID 7151): value, scheme and meaning, or one of pydicom's dictionaries such as
        ``codes.SCT.Liver``.
    category : Code
        The kind of thing that is (CID 7150), such as ``codes.SCT.AnatomicalStructure``.
    type_modifiers : sequence of Code
        What says more of the type, such as a laterality.
    anatomic_region : Code, optional
        Where it is, if the type does not say so.
    anatomic_region_modifiers : sequence of Code
        What says more of the region.
    algorithm_type : "AUTOMATIC", "SEMIAUTOMATIC" or "MANUAL", optional
        How it was made; a template must know.
    algorithm_name : str
        With what; needed unless it was made by hand.
    description : str
        In free text, at most 1024 characters.
    tracking_id, tracking_uid : str
        The thing itself, wherever it is segmented: a name of its own, and a UID. Both or none.
    colour : (3,) sequence of int, optional
        CIELab as headers state it, see ``with_rgb`` for red, green and blue.
    number : int, optional
        Segment Number, once there is one.
    value : int, optional
        Value of its pixels in a label map, where that is not the Segment Number: these are counted without gaps
        where each segment has frames of its own.
    further : str
        What else an item stated, as DICOM JSON.

    Raises
    ------
    ParameterError
        If a value is of another kind. Whether a header can state it, a template checks.

    Examples
    --------
    >>> from pydicom.sr.codedict import codes
    >>> liver = Segment("Liver", codes.SCT.Liver, codes.SCT.AnatomicalStructure, algorithm_type="MANUAL")
    >>> liver.with_rgb((221, 130, 101)).rgb
    (221, 130, 101)
    >>> Segment("Left", codes.SCT.Kidney, codes.SCT.AnatomicalStructure)
    Segment('Left', type=('64033007', 'SCT', 'Kidney'), category=('91723000', 'SCT', 'Anatomical Structure'))
    """

    label: str = attrs.field(validator=_text)
    type: Code = attrs.field(converter=to_code)
    category: Code = attrs.field(converter=to_code)
    type_modifiers: Sequence[Code] = attrs.field(default=(), converter=_codes, kw_only=True)
    anatomic_region: Code | None = attrs.field(default=None, converter=attrs.converters.optional(to_code), kw_only=True)
    anatomic_region_modifiers: Sequence[Code] = attrs.field(default=(), converter=_codes, kw_only=True)
    algorithm_type: str | None = attrs.field(default=None, validator=_algorithm, kw_only=True)
    algorithm_name: str = attrs.field(default="", validator=_text, kw_only=True)
    description: str = attrs.field(default="", validator=_text, kw_only=True)
    tracking_id: str = attrs.field(default="", validator=_text, kw_only=True)
    tracking_uid: str = attrs.field(default="", kw_only=True)
    colour: Lab | None = attrs.field(default=None, converter=attrs.converters.optional(check_lab), kw_only=True)
    number: int | None = attrs.field(default=None, validator=_number, kw_only=True)
    value: int | None = attrs.field(default=None, validator=_value, kw_only=True)
    further: str = attrs.field(default="", kw_only=True)

    def __repr__(self) -> str:
        fields = [f for f in attrs.fields(Segment) if f.name not in ("label", "further")]
        shown = {f.name: getattr(self, f.name) for f in fields if getattr(self, f.name) != f.default}
        told = [f"{k}={tuple(v) if isinstance(v, Code) else v!r}" for k, v in shown.items()]
        return f"Segment({', '.join([repr(self.label), *told])})"

    def check(self) -> None:
        """Raise unless a header can state the segment; one that was read may break rules, and is a segment still.

        Raises
        ------
        ParameterError
            If it cannot.
        """
        for name, longest in _LENGTHS.items():
            value = getattr(self, name)
            if len(value) > longest or not value.replace("\n", "").isprintable():
                raise ParameterError(f"{name!r} must be text of at most {longest} characters (got {value!r})")
            if name in ("label", "algorithm_name") and "\\" in value:
                raise ParameterError(f"{name!r} must not have a backslash in it (got {value!r})")
        if bool(self.tracking_id) != bool(self.tracking_uid):
            raise ParameterError(
                f"'tracking_id' and 'tracking_uid' are stated together (got {self.tracking_id!r} and "
                f"{self.tracking_uid!r})"
            )
        if self.tracking_uid and not re.fullmatch(RE_VALID_UID, self.tracking_uid):
            raise ParameterError(f"'tracking_uid' must be a UID (got {self.tracking_uid!r})")
        if self.anatomic_region_modifiers and self.anatomic_region is None:
            raise ParameterError("'anatomic_region_modifiers' need an 'anatomic_region'")
        codes = [self.type, self.category, *self.type_modifiers, *self.anatomic_region_modifiers]
        for code in [*codes, *([self.anatomic_region] if self.anatomic_region is not None else [])]:
            check_code(code)

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """The colour as red, green and blue from 0 to 255; None if there is none."""
        return None if self.colour is None else rgb_of_lab(self.colour)

    def with_rgb(self, rgb: Sequence[int]) -> Segment:
        """Return the segment with a colour of red, green and blue from 0 to 255."""
        return attrs.evolve(self, colour=lab_of_rgb(rgb))

    def to_item(self) -> Dataset:
        """Return the item of the Segment Sequence.

        Raises
        ------
        HeaderError
            If the segment has no number, or it is not known how it was made.
        """
        if self.number is None or self.algorithm_type is None:
            what = "a number" if self.number is None else "an algorithm type"
            raise HeaderError(f"segment {self.label!r} is stated with {what}, and has none")
        item = Dataset.from_json(self.further) if self.further else Dataset()
        item.SegmentNumber = self.number
        item.SegmentLabel = self.label
        item.SegmentAlgorithmType = self.algorithm_type
        for keyword, value in (
            ("SegmentDescription", self.description),
            ("SegmentAlgorithmName", self.algorithm_name),
            ("TrackingID", self.tracking_id),
            ("TrackingUID", self.tracking_uid),
            ("RecommendedDisplayCIELabValue", None if self.colour is None else list(self.colour)),
        ):
            if value:
                setattr(item, keyword, value)
        setattr(item, _CATEGORY, [code_dataset(self.category)])
        setattr(item, _TYPE, [_with_modifiers(self.type, _TYPE_MODIFIER, self.type_modifiers)])
        if self.anatomic_region is not None:
            region = _with_modifiers(self.anatomic_region, _REGION_MODIFIER, self.anatomic_region_modifiers)
            # Of several regions the others are in what else was stated.
            setattr(item, _REGION, [region, *item.get(_REGION, [])])
        if self.value is not None and self.value != self.number:
            item.private_block(_GROUP, _CREATOR, create=True).add_new(_VALUE, "UL", self.value)
        return item

    @classmethod
    def from_item(cls, item: Dataset) -> Segment:
        """Return the segment that an item of a Segment Sequence describes.

        Raises
        ------
        HeaderError
            If it does not say what is segmented.
        """
        place = f"segment {item.get('SegmentNumber')}"
        category = _first_code(item, _CATEGORY, place)
        kind = _first_code(item, _TYPE, place)
        if category is None or kind is None:
            missing = _CATEGORY if category is None else _TYPE
            raise HeaderError(f"{place}: {missing} is missing, which says what is segmented")
        inner = item[_TYPE].value[0]
        region = _first_code(item, _REGION, place)
        region_item = item[_REGION].value[0] if region is not None else Dataset()
        colour = item.get("RecommendedDisplayCIELabValue")
        algorithm = str(item.get("SegmentAlgorithmType") or "")
        return cls(
            label=str(item.get("SegmentLabel") or ""),
            type=kind,
            category=category,
            type_modifiers=_codes_of(inner, _TYPE_MODIFIER, place),
            anatomic_region=region,
            anatomic_region_modifiers=_codes_of(region_item, _REGION_MODIFIER, place),
            algorithm_type=algorithm if algorithm in ALGORITHM_TYPES else None,
            algorithm_name=str(item.get("SegmentAlgorithmName") or ""),
            description=str(item.get("SegmentDescription") or ""),
            tracking_id=str(item.get("TrackingID") or ""),
            tracking_uid=str(item.get("TrackingUID") or ""),
            colour=tuple(int(v) for v in colour) if colour is not None and len(colour) == 3 else None,
            number=None if item.get("SegmentNumber") is None else int(item.SegmentNumber),
            value=_stated_value(item),
            further=_further(item),
        )


def _with_modifiers(code: Code, keyword: str, modifiers: Iterable[Code]) -> Dataset:
    item = code_dataset(code)
    if modifiers:
        setattr(item, keyword, [code_dataset(modifier) for modifier in modifiers])
    return item


def _codes_of(item: Dataset, keyword: str, place: str) -> list[Code]:
    return [code_of_dataset(inner, f"{place}, {keyword}") for inner in item.get(keyword) or []]


def _first_code(item: Dataset, keyword: str, place: str) -> Code | None:
    items = item.get(keyword) or []
    return code_of_dataset(items[0], f"{place}, {keyword}") if len(items) else None


def _stated_value(item: Dataset) -> int | None:
    try:
        return int(item.private_block(_GROUP, _CREATOR)[_VALUE].value)
    except (KeyError, TypeError, ValueError):
        return None


def _further(item: Dataset) -> str:
    """Return as DICOM JSON what an item states beyond what a segment tells itself."""
    rest = Dataset()
    for element in item:
        if element.keyword not in _TOLD:
            rest.add(element)
    if _stated_value(rest) is not None:
        block = rest.private_block(_GROUP, _CREATOR)
        del block[_VALUE]
        if not any(e.tag.group == _GROUP and e.tag.element >> 8 == block.block_start >> 8 for e in rest):
            del rest[_GROUP, block.block_start >> 8]
    regions = item.get(_REGION) or []
    if len(regions) > 1:
        setattr(rest, _REGION, list(regions[1:]))
    return json.dumps(rest.to_json_dict(), sort_keys=True) if len(rest) else ""
