"""What a template says of a segmentation as a whole, and how it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from slicewise.errors import ParameterError

__all__ = ["ATTRIBUTES", "check_attributes", "misfit"]

ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "BodyPartExamined": "CS",
        "ClinicalTrialCoordinatingCenterName": "LO",
        "ClinicalTrialSeriesID": "LO",
        "ClinicalTrialTimePointID": "LO",
        "ContentCreatorName": "PN",
        "ContentDescription": "LO",
        "ContentLabel": "CS",
        "InstanceNumber": "IS",
        "SeriesDescription": "LO",
        "SeriesNumber": "IS",
    }
)
"""What a template may state of the instance, with its VR."""

_LENGTHS = {"CS": 16, "LO": 64, "SH": 16, "IS": 12, "PN": 64}
_CODE_STRING = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")


def misfit(value: str, vr: str) -> str:
    """Return what is wrong with a text as a value of a VR (PS3.5, 6.2); nothing where it fits."""
    if len(value) > _LENGTHS[vr]:
        return f"must have at most {_LENGTHS[vr]} characters"
    if "\\" in value or not value.isprintable():
        return "must be one line without backslashes"
    if vr == "CS" and not _CODE_STRING.issuperset(value):
        return "must be of capital letters, digits, spaces and underscores"
    if vr == "IS" and not value.strip().removeprefix("-").isdecimal():
        return "must be a whole number"
    return ""


def check_attributes(values: Mapping[str, Any]) -> dict[str, str]:
    """Return attributes as text, empty ones left out.

    Raises
    ------
    ParameterError
        If one is not known, or not fit.
    """
    found: dict[str, str] = {}
    for keyword, value in values.items():
        if keyword not in ATTRIBUTES:
            known = ", ".join(ATTRIBUTES)
            raise ParameterError(f"a template states {known} (got {keyword!r}); give others with overrides=")
        text = str(value)
        wrong = misfit(text, ATTRIBUTES[keyword])
        if wrong:
            raise ParameterError(f"{keyword} {wrong} (got {value!r})")
        if text.strip():
            found[keyword] = text
    return found
