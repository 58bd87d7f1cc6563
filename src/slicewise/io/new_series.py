"""Pixels without headers as the beginning of a DICOM series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from slicewise.dicom.new_headers import MODALITIES, new_attributes
from slicewise.dicom.uids import fresh_uids
from slicewise.image import ImageInfo
from slicewise.io.parameters import fixed_mapping, one_of
from slicewise.io.volumes import VolumeReader
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["NewSeries"]


def _uid(value: str | None) -> str:
    return value or next(fresh_uids(None))


@node
class NewSeries(Filter):
    """Headers for an image that has none: of a volume in another format, or of an array.

    Each slice becomes an image of the modality, DERIVED and without a source, on the grid of the volume and in a
    new frame of reference. What nobody knows is empty where it may be (type 2) and neutral where the standard has a
    word for it (type 1, e.g. ScanningSequence RM); the rest is asked for. Patient, study and whatever else is known
    are given as attributes. Nothing is made up.

    Values are taken to be those of the modality: Hounsfield units of CT (else give RescaleType, e.g. ``"US"`` for
    unspecified), the stated Units of PET.

    Parameters
    ----------
    modality : "CT", "MR", "PT", "CR", "DX", "MG", "US", "XA", "RF" or "OT"
        What the images are; OT, other, is a secondary capture (PS3.3, A.8). It and US may have colour.
    patient_name, patient_id : str
        Empty if unknown.
    study_uid, frame_of_reference_uid : str, optional
        Of the study and the frame of reference that the image belongs to; new ones if not given.
    attributes : mapping, optional
        What else is known: keyword to a value, or a list with one value per slice.

    Raises
    ------
    ParameterError
        When connected, if an attribute is missing that only the caller can know, or one is given that follows from
        the image.
    HeaderError
        If the image has headers of a series, or cannot be of this modality.

    Examples
    --------
    >>> from slicewise import SeriesWriter, VolumeReader
    >>> brain = VolumeReader("brain.nii.gz") >> NewSeries("MR", patient_name="Doe^Jane")  # doctest: +SKIP
    >>> writer = brain >> SeriesWriter("brain", series_description="T1")  # doctest: +SKIP
    """

    modality: str = attrs.field(validator=one_of(*MODALITIES))
    patient_name: str = attrs.field(default="", kw_only=True)
    patient_id: str = attrs.field(default="", kw_only=True)
    # New ones once for all: the volumes of a stack share them.
    study_uid: str = attrs.field(default=None, kw_only=True, converter=_uid)
    frame_of_reference_uid: str = attrs.field(default=None, kw_only=True, converter=_uid)
    attributes: Mapping[str, Any] = attrs.field(default=None, kw_only=True, converter=fixed_mapping)

    @property
    def effect(self) -> Effect:
        """Pixels and grid stay; the headers are new."""
        (source,) = self.inputs.values()
        names = {"PatientName": self.patient_name, "PatientID": self.patient_id}
        made = new_attributes(
            source.info,
            self.modality,
            given=names | dict(self.attributes),
            study_uid=self.study_uid,
            frame_of_reference_uid=self.frame_of_reference_uid,
        )
        return Effect((), attributes=made)

    @property
    def parameter_text(self) -> str:
        """The modality, and which attributes are given: names of patients are not for a description."""
        return ", ".join([repr(self.modality), *self.attributes])

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid and type."""
        return Outline.like(*inputs)

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return the modality and the format of the file."""
        formats = dict.fromkeys(n.format for n in self.walk() if isinstance(n, VolumeReader))
        return ", ".join([self.modality, *(f"from {name}" for name in formats)])

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the values of a slab as they are."""
        return blocks[0].inner(slab)
