"""What all slices of an image must have in common besides their grid: the patient, and what a value means."""

from __future__ import annotations

from collections.abc import Sequence

from slicewise.dicom.values import text_of
from slicewise.errors import MixedSlicesError, PatientMismatchError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["check_one_kind"]

_GREYS = ("MONOCHROME1", "MONOCHROME2")


def check_one_kind(headers: Headers, names: Sequence[str]) -> None:
    """Raise if slices are of several patients, or their values mean different things.

    Colours may be stored in several ways, as they are read as RGB; an image has one sense of grey, though
    (PS3.3, C.7.6.3.1.2), and PET one unit (C.8.9.1).

    Parameters
    ----------
    headers : Headers
        One header per image.
    names : sequence of str
        Names of the images, for messages.

    Raises
    ------
    PatientMismatchError
        If Patient ID differs; images without one are of the same patient.
    MixedSlicesError
        If Photometric Interpretation or Units differs.
    """
    patients = _distinct(headers, "PatientID")
    patients.pop("", None)
    if len(patients) > 1:
        raise PatientMismatchError(f"the slices are of several patients: {_told('PatientID', patients, names)}")
    greys = {text: k for text, k in _distinct(headers, "PhotometricInterpretation").items() if text in _GREYS}
    units = _distinct(headers, "Units")
    for keyword, found in (("PhotometricInterpretation", greys), ("Units", units)):
        if len(found) > 1:
            raise MixedSlicesError(f"the values of the slices do not mean the same: {_told(keyword, found, names)}")


def _distinct(headers: Headers, keyword: str) -> dict[str, int]:
    """Return the values of an attribute, and the first image of each."""
    tag = tag_of(keyword)
    column = headers.column(tag)
    if column is None or isinstance(column, RawElement):
        return {}
    found: dict[str, int] = {}
    for k, element in enumerate(column):
        found.setdefault(text_of(element), k)
    return found


def _told(keyword: str, found: dict[str, int], names: Sequence[str]) -> str:
    (one, first), (other, second) = list(found.items())[:2]
    return (
        f"{keyword} is {one or 'absent'} in {names[first]} and {other or 'absent'} in {names[second]}. Choose with "
        f"where={{...}}, e.g. where={{{keyword!r}: {one or other!r}}}, or give a list of files"
    )
