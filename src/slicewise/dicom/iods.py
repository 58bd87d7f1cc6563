"""What an information object is made of: SOP class, IOD, modules and their attributes with types (PS3.3 and PS3.4).

The tables are those that highdicom derives from the standard. They are read on first use, without importing highdicom,
in about a third of a second.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import attrs

from slicewise.errors import HeaderError, MissingExtraError

__all__ = ["Attribute", "AttributeType", "Iod", "Module", "Usage", "iod_named", "iod_of", "sop_classes"]

AttributePath = tuple[str, ...]
"""Keywords of the sequences around an attribute, the outermost first; empty for the dataset itself."""


class Usage(StrEnum):
    """Whether a module is part of every object of an IOD (PS3.3, A.1.3)."""

    MANDATORY = "M"
    CONDITIONAL = "C"
    USER_OPTION = "U"


class AttributeType(StrEnum):
    """Whether an attribute must be there and have a value (PS3.5, 7.4)."""

    REQUIRED = "1"
    REQUIRED_MAY_BE_EMPTY = "2"
    CONDITIONAL = "1C"
    CONDITIONAL_MAY_BE_EMPTY = "2C"
    OPTIONAL = "3"

    @property
    def must_be_present(self) -> bool:
        """Whether the attribute must be there whatever else is."""
        return self in (AttributeType.REQUIRED, AttributeType.REQUIRED_MAY_BE_EMPTY)

    @property
    def must_have_value(self) -> bool:
        """Whether the attribute, where it is present, must have a value."""
        return self in (AttributeType.REQUIRED, AttributeType.CONDITIONAL)


_STRICTNESS = {kind: rank for rank, kind in enumerate(AttributeType)}


class Module(NamedTuple):
    """A module as part of an IOD.

    Attributes
    ----------
    name : str
        Its name in lower case with hyphens, e.g. ``image-plane``.
    usage : Usage
        Whether each object has it.
    entity : str
        What it describes: ``Patient``, ``Study``, ``Series``, ``Frame of Reference``, ``Equipment``, ``Image``, ...
    """

    name: str
    usage: Usage
    entity: str


class Attribute(NamedTuple):
    """An attribute at its place.

    Attributes
    ----------
    keyword : str
        Its keyword, as in PS3.6.
    path : tuple of str
        Sequences around it, the outermost first.
    type : AttributeType
        The strictest type that a module gives it.
    modules : tuple of str
        The modules that have it there.
    """

    keyword: str
    path: AttributePath
    type: AttributeType
    modules: tuple[str, ...]


@attrs.frozen(eq=False)
class Iod:
    """An information object definition.

    Parameters
    ----------
    name : str
        Its name in lower case with hyphens, e.g. ``ct-image``.
    modules : tuple of Module
        What it consists of, in the order of the standard.
    """

    name: str
    modules: tuple[Module, ...]
    _merged: dict[tuple[frozenset[str], AttributePath], Mapping[str, Attribute]] = attrs.field(
        factory=dict, init=False, repr=False
    )

    def attributes(
        self, path: Iterable[str] = (), *, modules: Collection[str] | None = None
    ) -> Mapping[str, Attribute]:
        """Return the attributes at a path by keyword, each with its strictest type.

        Type 1 is stricter than 2, 2 than 1C, 1C than 2C, and 2C than 3: what must be there always comes first.

        Parameters
        ----------
        path : iterable of str
            Keywords of the sequences around, the outermost first; empty for the dataset itself.
        modules : collection of str, optional
            Names of the modules that count; all of the IOD unless given. Types of conditional and optional modules hold
            only where the module is there: see ``mandatory`` and ``modules_shown_by``.
        """
        counted = frozenset(module.name for module in self.modules)
        counted = counted if modules is None else counted & frozenset(modules)
        key = (counted, tuple(path))
        if key not in self._merged:
            self._merged[key] = MappingProxyType(self._merge(*key))
        return self._merged[key]

    def attribute(
        self, keyword: str, path: Iterable[str] = (), *, modules: Collection[str] | None = None
    ) -> Attribute | None:
        """Return an attribute at a path with its strictest type, or None if the IOD has none there."""
        return self.attributes(path, modules=modules).get(keyword)

    def knows(self, keyword: str, path: Iterable[str] = ()) -> bool:
        """Whether a module of the IOD has the attribute at this path."""
        return keyword in self.attributes(path)

    @property
    def mandatory(self) -> frozenset[str]:
        """Names of the modules that every object has."""
        return frozenset(module.name for module in self.modules if module.usage is Usage.MANDATORY)

    def modules_shown_by(self, keywords: Collection[str]) -> frozenset[str]:
        """Return the modules that an object has: the mandatory ones, and each that alone explains an attribute of it.

        An attribute that a mandatory module has, too, or two optional ones, shows neither.

        Parameters
        ----------
        keywords : collection of str
            The attributes of the object itself, without those in sequences.
        """
        mandatory = self.mandatory
        owners = [self.attributes()[keyword].modules for keyword in keywords if self.knows(keyword)]
        shown = {names[0] for names in owners if len(names) == 1}
        return mandatory | shown

    def _merge(self, modules: frozenset[str], path: AttributePath) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for module in self.modules:
            if module.name not in modules:
                continue
            for keyword, kind in _attributes_of(module.name).get(path, ()):
                earlier = found.get(keyword)
                if earlier is None:
                    found[keyword] = Attribute(keyword, path, kind, (module.name,))
                    continue
                strictest = min(earlier.type, kind, key=_STRICTNESS.__getitem__)
                # A macro may stand twice in one module.
                names = tuple(dict.fromkeys((*earlier.modules, module.name)))
                found[keyword] = Attribute(keyword, path, strictest, names)
        return found


def iod_of(sop_class_uid: str) -> Iod:
    """Return the IOD of the objects of a storage SOP class (PS3.4, B.5).

    Raises
    ------
    HeaderError
        If the tables do not have the SOP class: it is private, retired, or newer than they are.
    """
    name = _sop_class_table().get(str(sop_class_uid))
    if name is None:
        raise HeaderError(
            f"no IOD is known for SOP class {str(sop_class_uid)!r}: it is private, retired, or newer than the tables"
        )
    return iod_named(name)


@lru_cache(maxsize=256)
def iod_named(name: str) -> Iod:
    """Return an IOD by its name, e.g. ``ct-image``.

    Raises
    ------
    HeaderError
        If there is none of that name.
    """
    rows = _iod_table().get(name)
    if rows is None:
        raise HeaderError(f"{name!r} is no name of an IOD; names are written as 'ct-image' or 'enhanced-mr-image'")
    return Iod(name, tuple(Module(row["key"], Usage(row["usage"]), row["ie"]) for row in rows))


def sop_classes() -> Mapping[str, str]:
    """Return the name of the IOD of each SOP class that the tables have, by UID."""
    return MappingProxyType(_sop_class_table())


# --- the tables -----------------------------------------------------------------------------------


def _read(name: str) -> Any:
    # Found, not imported: highdicom itself takes as long to load as the tables, and is not needed for them.
    found = importlib.util.find_spec("highdicom")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("the tables of IODs come with highdicom, which is not installed: pip install highdicom")
    path = Path(found.submodule_search_locations[0], "_standard", name)
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingExtraError(f"{path} is not there: the tables of IODs need highdicom 0.28 or newer") from error


@lru_cache(maxsize=1)
def _sop_class_table() -> dict[str, str]:
    return cast("dict[str, str]", _read("sop_class_iod_map.json"))


@lru_cache(maxsize=1)
def _iod_table() -> dict[str, list[dict[str, str]]]:
    return cast("dict[str, list[dict[str, str]]]", _read("iod_module_map.json"))


@lru_cache(maxsize=1)
def _module_table() -> dict[str, list[dict[str, Any]]]:
    return cast("dict[str, list[dict[str, Any]]]", _read("module_attribute_map.json"))


@lru_cache(maxsize=512)
def _attributes_of(module: str) -> Mapping[AttributePath, list[tuple[str, AttributeType]]]:
    """Return keywords and types of a module by path; a module that the tables lack has none."""
    found: dict[AttributePath, list[tuple[str, AttributeType]]] = {}
    for row in _module_table().get(module, ()):
        # The standard gives no type to attributes of query and normalised services: nothing is demanded of them.
        kind = AttributeType.OPTIONAL if row["type"] == "None" else AttributeType(row["type"])
        found.setdefault(tuple(row["path"]), []).append((row["keyword"], kind))
    return found
