"""Attributes that must be there, or have a value, at every level of an instance (PS3.5, 7.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slicewise.dicom.checks.conditions import CONDITIONS, FORBIDDEN, MODULE_CONDITIONS, Condition
from slicewise.dicom.checks.faults import Fault, Severity, fault
from slicewise.dicom.checks.level import Level, vr_of_element
from slicewise.dicom.iods import Attribute, AttributeType, Iod
from slicewise.image import RawElement
from slicewise.image.elements import tag_of

__all__ = ["forbidden_faults", "presence_faults", "required_modules"]

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_REPEATING = "Overlay"
_ALSO_REPEATING = frozenset(
    ["NumberOfFramesInOverlay", "ImageFrameOrigin", "ROIArea", "ROIMean", "ROIStandardDeviation"]
)
_ELSEWHERE = frozenset(["PixelData", "PixelDataProviderURL"])
"""Looked at with the pixels."""
_BY_VALUE_TYPE = "sr-document-content"
"""What a content item must have depends on its value type."""
_TEXTS = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())  # noqa: SIM905


def _by_keyword() -> Mapping[str, tuple[Condition, ...]]:
    keywords = {keyword for condition in CONDITIONS for keyword in condition.keywords}
    return {keyword: tuple(c for c in CONDITIONS if keyword in c.keywords) for keyword in keywords}


_CONDITIONS = _by_keyword()


def required_modules(level: Level, iod: Iod) -> frozenset[str]:
    """Return the modules that an instance must have: the mandatory ones, and those whose condition holds."""
    return iod.mandatory | {
        module for name, module, when in MODULE_CONDITIONS if name == iod.name and when.holds(level)
    }


def presence_faults(
    level: Level,
    iod: Iod,
    *,
    modules: frozenset[str],
    required: frozenset[str],
    path: tuple[str, ...],
    prefix: str,
) -> Iterator[Fault]:
    """Give the attributes of a dataset or item that must be there and are not, or must have a value and have none.

    Modules that are there only because an attribute shows them make warnings: who knows whether they are meant.

    Parameters
    ----------
    level : Level
        The dataset or item.
    iod : Iod
        What the instance is.
    modules : frozenset of str
        The modules that it has.
    required : frozenset of str
        Those of them that it must have.
    path : tuple of str
        Keywords of the sequences around.
    prefix : str
        What names are preceded by: the path with the numbers of items.
    """
    certain = iod.attributes(path, modules=required)
    for keyword, attribute in iod.attributes(path, modules=modules).items():
        if keyword in _ELSEWHERE or _is_repeating(keyword) or (len(path) == 1 and path[0] in _GROUPS):
            # Which functional groups an image must have is a matter of its kind, and either of two places will do.
            continue
        if attribute.modules == (_BY_VALUE_TYPE,):
            continue
        # Items are there because their sequence is: what they must have does not depend on a module's usage.
        is_certain = bool(path) or (keyword in certain and certain[keyword].type is attribute.type)
        severity = None if is_certain else Severity.WARNING
        yield from _faults(level, attribute, f"{prefix}{keyword}", severity, modules)


def forbidden_faults(level: Level, modules: frozenset[str]) -> Iterator[Fault]:
    """Give the attributes of a dataset that have a value where their condition excludes them."""
    for condition in FORBIDDEN:
        if condition.module and condition.module not in modules:
            continue
        for keyword in condition.keywords:
            if level.values(keyword) and condition.when.holds(level):
                found = f"there, although {condition.when}"
                yield fault("forbidden", keyword, found, "no attribute", reference=f"PS3.3 {condition.reference}")


def _is_repeating(keyword: str) -> bool:
    return keyword.startswith(_REPEATING) or keyword in _ALSO_REPEATING


def _faults(
    level: Level, attribute: Attribute, name: str, severity: Severity | None, modules: frozenset[str]
) -> Iterator[Fault]:
    kind = attribute.type
    if kind is AttributeType.OPTIONAL:
        return
    element = level.elements.get(tag_of(attribute.keyword))
    rule = str(kind).lower()
    where = f"of {' or '.join(attribute.modules)}"
    if element is None:
        if kind.must_be_present:
            what = "a value" if kind.must_have_value else "the attribute, if only empty"
            yield fault(f"missing-type-{rule}", name, "absent", f"{what} (type {kind} {where})", severity=severity)
        elif condition := _broken(level, attribute, modules):
            wanted = f"the attribute (type {kind} {where}), for {condition.when}"
            reference = f"PS3.3 {condition.reference}"
            yield fault(f"missing-type-{rule}", name, "absent", wanted, reference=reference, severity=severity)
    elif kind.must_have_value and _is_empty(element):
        yield fault(f"empty-type-{rule}", name, "empty", f"a value (type {kind} {where})", severity=severity)


def _is_empty(element: RawElement) -> bool:
    return not (element.value.strip(b" \0") if vr_of_element(element) in _TEXTS else element.value)


def _broken(level: Level, attribute: Attribute, modules: frozenset[str]) -> Condition | None:
    for condition in _CONDITIONS.get(attribute.keyword, ()):
        if condition.module and condition.module not in attribute.modules:
            continue
        if condition.unless_module in modules:
            continue
        if condition.when.holds(level):
            return condition
    return None
