"""De-identification as a step of a pipeline."""

from __future__ import annotations

import secrets
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import attrs

from slicewise.dicom.deidentifying import Profile, deidentified
from slicewise.dicom.encoding import explicit_column
from slicewise.dicom.pseudonyms import Pseudonyms
from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError, SlicewiseWarning
from slicewise.image import Action, Change, Headers, ImageInfo, Source
from slicewise.image.elements import tag_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Slab, node

__all__ = ["Deidentify", "warn_of_pixels"]

_DATES = ("remove", "shift", "keep")
_OFTEN_LETTERED = frozenset(["ES", "GM", "IVUS", "OP", "OT", "RF", "SC", "SM", "US", "XA", "XC"])


def _pseudonyms(secret: bytes | str | Pseudonyms | None) -> Pseudonyms:
    if isinstance(secret, Pseudonyms):
        return secret
    if secret is None:
        return Pseudonyms(secrets.token_bytes(32))
    if not isinstance(secret, bytes | str):
        raise ParameterError(f"'secret' must be bytes or text (got a {type(secret).__name__})")
    return Pseudonyms(secret.encode("utf-8") if isinstance(secret, str) else secret)


def _of_dates(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    if value not in _DATES:
        raise ParameterError(f"{attribute.name!r} must be one of {', '.join(map(repr, _DATES))} (got {value!r})")


@node
class Deidentify(Filter):
    """Headers without identification, by the basic confidentiality profile and its options (PS3.15, annex E).

    Attributes are removed, emptied or replaced at every depth of sequences as the table of the standard says; private
    and unknown ones are removed. UIDs become others, and the patient gets a pseudonym; with the same secret the same
    ones in every run, so that series of one study, and images and what refers to them, stay together. Values stay as
    they are: letters burned into pixels, and faces in heads, are not touched.

    Parameters
    ----------
    secret : bytes or str, optional
        At least 16 bytes, from which UIDs, pseudonyms and shifts of dates follow: who has it finds the patient again.
        If not given, one is drawn and forgotten.
    dates : "remove", "shift" or "keep"
        What becomes of dates and times. Shifted, all dates of a patient go back by the same 1 to 3652 days.
    retain_uids, retain_device, retain_institution, retain_patient, retain_safe_private : bool
        Keep UIDs; what identifies the device, the institution; sex, age, size and weight; private attributes that are
        known to be safe.
    clean_descriptors : bool
        Keep descriptions, without words that stand in names and identifiers, long numbers, dates and addresses. What
        is left has to be read by a person.

    Raises
    ------
    ParameterError
        If the secret is too short.
    """

    secret: bytes | str | None = attrs.field(default=None, kw_only=True, converter=_pseudonyms)
    dates: str = attrs.field(default="remove", kw_only=True, validator=_of_dates)
    retain_uids: bool = attrs.field(default=False, kw_only=True)
    retain_device: bool = attrs.field(default=False, kw_only=True)
    retain_institution: bool = attrs.field(default=False, kw_only=True)
    retain_patient: bool = attrs.field(default=False, kw_only=True)
    retain_safe_private: bool = attrs.field(default=False, kw_only=True)
    clean_descriptors: bool = attrs.field(default=False, kw_only=True)

    @property
    def confidentiality(self) -> Profile:
        """The confidentiality profile and its options."""
        return Profile(**{name: value for name, value in self.parameters.items() if name != "secret"})

    @property
    def pseudonyms(self) -> Pseudonyms:
        """What stands for the patient and for UIDs; it does not show the secret that it is made from."""
        return _pseudonyms(self.secret)

    @property
    def effect(self) -> Effect:
        """Nothing is done to the values."""
        return Effect(())

    @property
    def identity(self) -> Any:
        """The options, and what tells the secret from others."""
        return {**self.parameters, "secret": self.pseudonyms.digest}

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return nothing: the headers tell the options as codes, and the secret is nobody's business."""
        return ""

    def _infer(self, *inputs: ImageInfo) -> ImageInfo:
        info = super()._infer(*inputs)
        warn_of_pixels(info.headers)
        headers = self.of_headers(info.headers)
        step = attrs.evolve(info.history[-1], changes=_changes(info.headers, headers))
        return attrs.evolve(
            info,
            headers=headers,
            sources=tuple(tuple(self._source(source) for source in sources) for sources in info.sources),
            withheld=None,
            history=(*info.history[:-1], step),
        )

    def of_headers(self, headers: Headers) -> Headers:
        """Return headers of slices of one patient without identification; the node need not be connected."""
        try:
            installed = version("slicewise")
        except PackageNotFoundError:  # a checkout that is not installed
            installed = "0+unknown"
        return deidentified(headers, self.confidentiality, self.pseudonyms, f"slicewise {installed}: PS3.15 annex E")

    def _source(self, source: Source) -> Source:
        if self.retain_uids:
            return source
        uid = self.pseudonyms.uid
        return source._replace(
            study_uid=uid(source.study_uid),
            series_uid=uid(source.series_uid),
            sop_instance_uid=uid(source.sop_instance_uid),
        )

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the values as they are."""
        return blocks[0].inner(slab)


def _changes(before: Headers, after: Headers) -> tuple[Change, ...]:
    changes: list[Change] = []
    for tag in before.columns():
        column = after.column(tag)
        if column is None:
            changes.append(Change(tag, Action.DROPPED, "it may identify the patient (PS3.15, E.1)"))
        elif column != explicit_column(tag, before):
            changes.append(Change(tag, Action.REGENERATED, "replaced, it may identify the patient (PS3.15, E.1)"))
    added = set(after.columns()) - set(before.columns())
    changes += [Change(tag, Action.REGENERATED, "tells of the de-identification") for tag in added]
    return tuple(changes)


def warn_of_pixels(headers: Headers) -> None:
    """Warn where names are, or may well be, burned into the pixels, which nothing here looks at."""
    burned = {text_of(headers.element(tag_of("BurnedInAnnotation"), k)) for k in range(len(headers))}
    modality = text_of(headers.element(tag_of("Modality"), 0))
    if "YES" in burned:
        reason = "BurnedInAnnotation says that identification is burned into the pixels"
    elif modality in _OFTEN_LETTERED and burned != {"NO"}:
        reason = f"{modality} images often have names burned into their pixels, and nothing says these have not"
    else:
        return
    warnings.warn(f"{reason}: Deidentify changes headers alone", SlicewiseWarning, stacklevel=2)
