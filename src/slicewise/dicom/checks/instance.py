"""One instance checked: every element at every depth, its modules, its pixels' description, its marking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
from pydicom.uid import MediaStorageDirectoryStorage

from slicewise.dicom.checks.faults import Fault, Severity, fault
from slicewise.dicom.checks.level import Level, vr_of_element
from slicewise.dicom.checks.marking import marking_faults
from slicewise.dicom.checks.pixel_faults import description_faults
from slicewise.dicom.checks.presence import forbidden_faults, presence_faults, required_modules
from slicewise.dicom.checks.value_forms import value_faults
from slicewise.dicom.checks.value_sets import class_value_faults, set_faults
from slicewise.dicom.iods import Iod, iod_of
from slicewise.dicom.items import items_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement
from slicewise.image.character_sets import CharacterSet, character_set_of
from slicewise.image.elements import name_of, tag_of

__all__ = ["InstanceChecker"]

_CHARACTER_SET = tag_of("SpecificCharacterSet")
_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID")
_AGREEING = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
_CONTENT = "ContentSequence"
_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
_DEEPEST = 32
_REMEMBERED = 20_000


@attrs.frozen(kw_only=True, eq=False)
class _Place:
    """Where elements stand: what their instance is, the sequences around, and how their text is encoded."""

    iod: Iod | None
    modules: frozenset[str]
    required: frozenset[str]
    characters: CharacterSet
    path: tuple[str, ...] = ()
    prefix: str = ""


class InstanceChecker:
    """Checks instances one after the other; elements that several of them share are looked at once."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[Fault, ...]] = {}

    def faults(self, elements: Mapping[int, RawElement], syntax_uid: str) -> list[Fault]:
        """Return what is wrong with an instance, its pixels aside.

        Parameters
        ----------
        elements : mapping of int to RawElement
            Its elements and those of the file meta information, by tag.
        syntax_uid : str
            Its transfer syntax.
        """
        meta = Level({tag: element for tag, element in elements.items() if tag >> 16 == 2})
        level = Level({tag: element for tag, element in elements.items() if tag >> 16 != 2 and tag & 0xFFFF})
        found = list(_meta_faults(meta, level))
        iod = _iod(level)
        if iod is None and meta.value("MediaStorageSOPClassUID") != MediaStorageDirectoryStorage:
            uid = level.value("SOPClassUID")
            found.append(fault("unknown-class", "SOPClassUID", repr(uid), "a SOP class whose IOD is in the tables"))
        required = required_modules(level, iod) if iod else frozenset[str]()
        modules = required | (iod.modules_shown_by(level.keywords()) if iod else frozenset())
        found += self._level_faults(
            level, _Place(iod=iod, modules=modules, required=required, characters=_characters(level))
        )
        for element in meta.elements.values():
            found += value_faults(element, name_of(element.tag), _characters(level)) if element.vr != "SQ" else ()
        if iod is not None:
            found += class_value_faults(level, iod.name)
            found += forbidden_faults(level, modules)
        found += _identity_faults(level)
        if level.has("Rows"):
            found += description_faults(level, syntax_uid)
            found += marking_faults(level, iod.name if iod else "")
        return found

    def _level_faults(self, level: Level, place: _Place) -> Iterator[Fault]:
        if place.iod is not None and _CONTENT not in place.path:
            # What a content item must have depends on its value type.
            yield from presence_faults(
                level,
                place.iod,
                modules=place.modules,
                required=place.required,
                path=place.path,
                prefix=place.prefix,
            )
        for element in level.elements.values():
            if place.path:
                yield from self._element_faults(element, place)
                continue
            key = (place.iod and place.iod.name, place.modules, place.prefix, place.characters, element)
            if key not in self._known:
                if len(self._known) > _REMEMBERED:
                    self._known.clear()
                self._known[key] = tuple(self._element_faults(element, place))
            yield from self._known[key]

    def _element_faults(self, element: RawElement, place: _Place) -> Iterator[Fault]:
        keyword = name_of(element.tag)
        name = f"{place.prefix}{keyword}"
        if element.tag >> 16 & 1:
            yield from _private_faults(element, name, place.characters)
        elif _is_sequence(element):
            yield from self._item_faults(element, name, place)
        else:
            yield from value_faults(element, name, place.characters)
            yield from set_faults(keyword, Level({element.tag: element}).values(keyword), name)

    def _item_faults(self, element: RawElement, name: str, place: _Place) -> Iterator[Fault]:
        if element.vr == "UN":
            yield from value_faults(element, name, place.characters)
            return
        try:
            items = items_of(element)
        except HeaderError as error:
            yield fault("broken-sequence", name, str(error), "items that end where the sequence ends")
            return
        if len(place.path) >= _DEEPEST:
            return
        for number, elements in enumerate(items):
            level = Level({tag: inner for tag, inner in elements.items() if tag & 0xFFFF})
            path = (*place.path, name_of(element.tag))
            characters = _characters(level) if _CHARACTER_SET in elements else place.characters
            inner = attrs.evolve(place, path=path, prefix=f"{name}[{number}].", characters=characters)
            yield from self._level_faults(level, inner)


def _identity_faults(level: Level) -> Iterator[Fault]:
    met: dict[str, str] = {}
    for keyword in _UIDS:
        uid = level.value(keyword)
        if uid and uid in met:
            yield fault("shared-uid", keyword, f"{uid}, as {met[uid]}", "an identifier of its own")
        met.setdefault(uid, keyword)


def _is_sequence(element: RawElement) -> bool:
    return vr_of_element(element) == "SQ"


def _private_faults(element: RawElement, name: str, characters: CharacterSet) -> Iterator[Fault]:
    if element.vr in (None, "SQ", "UN"):
        return
    for found in value_faults(element, name, characters):
        yield found._replace(rule="private-value", severity=Severity.WARNING)


def _iod(level: Level) -> Iod | None:
    try:
        return iod_of(level.value("SOPClassUID"))
    except HeaderError:
        return None


def _characters(level: Level) -> CharacterSet:
    declared = level.elements.get(_CHARACTER_SET)
    return character_set_of(declared.value if declared else b"")


def _meta_faults(meta: Level, level: Level) -> Iterator[Fault]:
    if not meta.elements:
        yield fault("file-meta", "", "no file meta information", "a preamble and elements of group 0002")
        return
    for keyword in _META:
        if not meta.values(keyword):
            yield fault("file-meta", keyword, "absent or empty", "a value (type 1)")
    for keyword, counterpart in _AGREEING.items():
        stated, real = meta.value(keyword), level.value(counterpart)
        if stated and real and stated != real:
            yield fault("file-meta", keyword, f"{stated}, {counterpart} is {real}", f"{counterpart} of the dataset")
