"""Headers without what tells who the patient is, by the profiles of PS3.15, annex E."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
from pydicom.datadict import dictionary_VR
from pydicom.tag import BaseTag

from slicewise.dicom.cleaning import Cleaner
from slicewise.dicom.confidentiality import SAFE_PRIVATE, Actions, actions_of
from slicewise.dicom.encoding import code_item, explicit_column, item, sequence
from slicewise.dicom.items import items_of
from slicewise.dicom.pseudonyms import Pseudonyms, shifted
from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError
from slicewise.image import Code, Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["Profile", "deidentified", "patient_key"]

_NAME, _ID = tag_of("PatientName"), tag_of("PatientID")
_METHOD, _METHODS = tag_of("DeidentificationMethod"), tag_of("DeidentificationMethodCodeSequence")
_TEXTS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
_DUMMIES = {
    "AE": b"REMOVED", "AS": b"000Y", "CS": b"REMOVED", "DA": b"19000101", "DS": b"0 ", "DT": b"19000101000000",
    "IS": b"0 ", "TM": b"000000", "FD": bytes(8), "FL": bytes(4), "SL": bytes(4), "UL": bytes(4), "SS": bytes(2),
    "US": bytes(2), "SV": bytes(8), "UV": bytes(8), "OB": bytes(2), "OW": bytes(2), "UN": bytes(2), "SQ": b"",
}  # fmt: skip

_NEEDED = {"PT": frozenset([tag_of("SeriesDate"), tag_of("SeriesTime")])}
"""What the IODs of a modality want a value of (type 1), though the profile would remove it (PS3.3, C.8.9.1)."""

_OPTION_CODES = {
    "retain_uids": Code("113110", "DCM", "Retain UIDs Option"),
    "retain_device": Code("113109", "DCM", "Retain Device Identity Option"),
    "retain_institution": Code("113112", "DCM", "Retain Institution Identity Option"),
    "retain_patient": Code("113108", "DCM", "Retain Patient Characteristics Option"),
    "retain_safe_private": Code("113111", "DCM", "Retain Safe Private Option"),
    "clean_descriptors": Code("113105", "DCM", "Clean Descriptors Option"),
}
_DATE_CODES = {
    "keep": Code("113106", "DCM", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shift": Code("113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"),
}
_MODIFIED = {"keep": b"UNMODIFIED", "shift": b"MODIFIED", "remove": b"REMOVED "}
_BASIC = Code("113100", "DCM", "Basic Application Confidentiality Profile")


@attrs.frozen
class Profile:
    """The basic application level confidentiality profile and its options (PS3.15, E.2 and E.3).

    Parameters
    ----------
    dates : "remove", "shift" or "keep"
        What becomes of dates and times; shifted go dates, by days, and times of the day stay.
    retain_uids, retain_device, retain_institution, retain_patient, retain_safe_private : bool
        Options that keep what the profile would remove.
    clean_descriptors : bool
        Whether descriptions are kept without what looks like identification.
    """

    dates: str = "remove"
    retain_uids: bool = False
    retain_device: bool = False
    retain_institution: bool = False
    retain_patient: bool = False
    retain_safe_private: bool = False
    clean_descriptors: bool = False

    @property
    def codes(self) -> tuple[Code, ...]:
        """Profile and options as the standard codes them (PS3.16, CID 7050)."""
        options = [code for name, code in _OPTION_CODES.items() if getattr(self, name)]
        return (_BASIC, *options, *([_DATE_CODES[self.dates]] if self.dates in _DATE_CODES else []))

    def action(self, tag: int, modality: str = "") -> str:
        """Return what is done to an attribute: K, C (clean), S (shift), U, X, Z, D."""
        actions = actions_of(tag)
        if actions is None:
            return "K"
        is_needed = "D" in actions.basic and tag in _NEEDED.get(modality, ())
        return self._optional(actions) or ("D" if is_needed else _least(actions.basic))

    def may_go(self, tag: int) -> bool:
        """Tell whether an attribute is to be removed where the IOD needs neither it nor a value of it."""
        actions = actions_of(tag)
        return actions is not None and "X" in actions.basic and "D" in actions.basic

    def _optional(self, actions: Actions) -> str:
        chosen = [
            actions.uids if self.retain_uids else "",
            actions.device if self.retain_device else "",
            actions.institution if self.retain_institution else "",
            actions.patient if self.retain_patient else "",
            actions.full_dates if self.dates == "keep" else "",
            "S" if self.dates == "shift" and actions.modified_dates else "",
            actions.descriptors if self.clean_descriptors else "",
        ]
        # What one option cleans and another keeps, is cleaned.
        return next((letter for letter in ("C", "S", "K") if letter in chosen), "")


def _least(basic: str) -> str:
    # What the IOD wants is seen to when the series is written. Of X/D only X is left here, as of Z/D only Z.
    if "U" in basic:
        return "U"
    return "Z" if "Z" in basic else basic[0]


def patient_key(headers: Headers) -> str:
    """Return what tells patients apart: the identifier and who issued it, or else the name."""
    issuer, number, name = (_shown(headers, tag_of(k)) for k in ("IssuerOfPatientID", "PatientID", "PatientName"))
    return f"id:{issuer}:{number}" if number else f"name:{name}"


def _shown(headers: Headers, tag: int) -> str:
    element = headers.element(tag, 0) if len(headers) else None
    return "" if element is None else element.value.decode("latin-1").strip(" \0")


def deidentified(headers: Headers, profile: Profile, pseudonyms: Pseudonyms, method: str) -> Headers:
    """Return headers without identification, in explicit VR little endian, that say how it was taken out.

    Parameters
    ----------
    headers : Headers
        Headers of slices of one patient.
    profile : Profile
        What is kept, and what becomes of dates.
    pseudonyms : Pseudonyms
        What stands for the patient and for UIDs.
    method : str
        What did it, for Deidentification Method.
    """
    modality = _shown(headers, tag_of("Modality"))
    worker = _Worker(profile, pseudonyms, patient_key(headers), Cleaner.of(headers), modality)
    columns: dict[int, Column | None] = {}
    for tag in headers.columns():
        column = explicit_column(tag, headers)
        columns[tag] = None if column is None else _mapped(column, headers, worker)
    marks = _marks(headers, profile, method)
    return Headers(len(headers), {t: c for t, c in sorted({**columns, **marks}.items()) if c is not None})


def _mapped(column: Column, headers: Headers, worker: _Worker) -> Column | None:
    if isinstance(column, RawElement) and not column.tag >> 16 & 1:
        return worker.element(column, {})
    count = len(headers)
    elements = [column] * count if isinstance(column, RawElement) else list(column)
    done: dict[tuple[RawElement, str], RawElement | None] = {}
    found: list[RawElement | None] = []
    for index, element in enumerate(elements):
        if element is None:
            found.append(None)
            continue
        context = _creator_of(element.tag, headers, index)
        key = (element, repr(context))
        if key not in done:
            done[key] = worker.element(element, context)
        found.append(done[key])
    if all(element is None for element in found):
        return None
    first = found[0]
    return first if first is not None and all(element == first for element in found) else tuple(found)


def _creator_of(tag: int, headers: Headers, index: int) -> dict[int, RawElement]:
    if not tag >> 16 & 1:
        return {}
    creator = tag & 0xFFFF0000 | tag >> 8 & 0xFF
    element = headers.element(creator, index)
    return {} if element is None else {creator: element}


@attrs.frozen
class _Worker:
    """Takes identification out of elements at any depth."""

    profile: Profile
    pseudonyms: Pseudonyms
    patient: str
    cleaner: Cleaner
    modality: str

    def element(self, element: RawElement, siblings: Mapping[int, RawElement]) -> RawElement | None:
        """Return what an element becomes; None if it goes."""
        if element.tag >> 16 & 1:
            return self._private(element, siblings)
        known = _known(element)
        if known is None:
            return None
        ways: dict[str, Callable[[RawElement], RawElement | None]] = {
            "K": self._kept,
            "C": self._cleaned,
            "S": self._shifted,
            "U": self._mapped,
            "X": self._removed,
            "Z": self._emptied,
            "D": self._dummy,
        }
        return ways[self.profile.action(element.tag, self.modality)](known)

    def _items(self, element: RawElement) -> RawElement | None:
        try:
            items = items_of(element)
        except HeaderError:
            # What cannot be taken apart cannot be looked through.
            return None
        kept = [[self.element(inner, elements) for inner in elements.values()] for elements in items]
        if kept == [list(elements.values()) for elements in items]:
            return element
        return RawElement(element.tag, "SQ", b"".join(item(e for e in inner if e is not None) for inner in kept))

    def _private(self, element: RawElement, siblings: Mapping[int, RawElement]) -> RawElement | None:
        if not self.profile.retain_safe_private:
            return None
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if 0x10 <= number <= 0xFF:
            creator = text_of(element)
            is_safe = any(safe[:2] == (group, creator) for safe in SAFE_PRIVATE)
        else:
            block = siblings.get(group << 16 | number >> 8)
            is_safe = block is not None and (group, text_of(block), number & 0xFF) in SAFE_PRIVATE
        return element if is_safe and element.vr != "SQ" else None

    def _kept(self, element: RawElement) -> RawElement | None:
        return self._items(element) if element.vr == "SQ" else element

    def _cleaned(self, element: RawElement) -> RawElement | None:
        if element.vr == "SQ":
            return self._items(element)
        return self.cleaner.cleaned(element) if element.vr in (*_TEXTS, "AE", "CS") else None

    def _shifted(self, element: RawElement) -> RawElement | None:
        if element.vr == "TM":
            return element
        if element.vr not in ("DA", "DT"):
            return None
        text = shifted(element.value.decode("latin-1").strip(" \0"), self.pseudonyms.days(self.patient))
        return element._replace(value=text.encode("ascii", "ignore"))

    def _mapped(self, element: RawElement) -> RawElement | None:
        if element.vr == "SQ":
            return self._items(element)
        if element.vr != "UI":
            return None
        uids = element.value.decode("latin-1").strip(" \0").split("\\")
        return element._replace(value="\\".join(map(self.pseudonyms.uid, uids)).encode("ascii"))

    def _removed(self, element: RawElement) -> RawElement | None:
        return None

    def _emptied(self, element: RawElement) -> RawElement | None:
        if element.tag in (_NAME, _ID) and element.value.strip(b" \0"):
            return element._replace(value=self.pseudonyms.patient(self.patient).encode("ascii"))
        # An empty sequence is something else than none, and allowed only where there has to be one (type 2).
        return None if element.vr == "SQ" and self.profile.may_go(element.tag) else element._replace(value=b"")

    def _dummy(self, element: RawElement) -> RawElement | None:
        if not element.value:
            return element
        if element.vr == "UI":
            return self._mapped(element)
        return element._replace(value=_DUMMIES.get(element.vr or "", b"REMOVED"))


def _code_value(elements: Mapping[int, RawElement]) -> str:
    element = elements.get(tag_of("CodeValue"))
    return "" if element is None else text_of(element)


def _known(element: RawElement) -> RawElement | None:
    """Return an element with a VR that tells what is in it; None for what no dictionary knows."""
    try:
        vr = dictionary_VR(BaseTag(element.tag))
    except KeyError:
        return None
    if element.vr != "UN":
        return element
    # What is in a sequence of VR UN is in another encoding.
    return element._replace(vr=vr) if vr != "SQ" and len(vr) == 2 else None


def _marks(headers: Headers, profile: Profile, method: str) -> dict[int, Column]:
    own = f"{method}"[:64].encode("ascii", "ignore")
    before = headers.element(_METHOD, 0) if len(headers) else None
    told = before.value.strip(b" \0") if before is not None else b""
    methods = told if own in told.split(b"\\") else b"\\".join([part for part in (told, own) if part])
    codes = headers.element(_METHODS, 0) if len(headers) else None
    explicit = explicit_column(_METHODS, headers) if codes is not None else None
    if isinstance(explicit, RawElement) and explicit.vr == "SQ":
        there, values = explicit.value, {_code_value(inner) for inner in items_of(explicit)}
    else:
        there, values = b"", set()
    new = [code_item(code) for code in profile.codes if code.value not in values]
    return {
        tag_of("PatientIdentityRemoved"): RawElement(tag_of("PatientIdentityRemoved"), "CS", b"YES "),
        _METHOD: RawElement(_METHOD, "LO", methods),
        _METHODS: sequence("DeidentificationMethodCodeSequence", [there, *new]),
        tag_of("LongitudinalTemporalInformationModified"): RawElement(
            tag_of("LongitudinalTemporalInformationModified"), "CS", _MODIFIED[profile.dates]
        ),
    }
