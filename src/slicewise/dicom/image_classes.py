"""Classes of single-frame images that are written: what pixels they hold, and what they must say (PS3.3, A and C.8)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import numpy as np
from pydicom import uid as uids

from slicewise.errors import ParameterError
from slicewise.image import Code, ImageInfo

__all__ = ["IMAGE_CLASSES", "SECONDARY_CAPTURE", "ImageClass", "class_named", "class_of_modality"]


@attrs.frozen
class ImageClass:
    """A class of images.

    Parameters
    ----------
    keyword : str
        Name of the storage class, as pydicom has it.
    modality : str
        Modality of its images; OT, other, of those that may be of any.
    image_type : tuple of str
        Image Type: images that are made of others, or of pixels alone, are DERIVED.
    neutral : mapping of str to str
        Values of type 1 attributes that claim nothing, where the standard has one, or of which it allows one only.
    asked : tuple of str
        Attributes of type 1 without such a value: the caller must know them.
    refused : mapping of str to str
        Values of them that would ask for more than is written.
    unknown : tuple of str
        Attributes that stand empty if their condition is met (type 2C), of which nothing tells whether it is.
    unknown_sequences : tuple of str
        The same, of sequences.
    codes : mapping of str to Code
        Coded attributes of which the standard allows one value only.
    excluded : tuple of str
        Attributes that cannot stand beside those.
    is_planar : bool
        Whether each image has a place in the patient.
    has_colour : bool
        Whether images may have three samples per pixel.
    bits : tuple of int
        Bits Allocated that grey values may have.
    fills_cells : bool
        Whether all allocated bits are stored ones.
    has_sign : bool
        Whether stored values may be negative.
    has_slope : bool
        Whether stored values may be other numbers than what they stand for.
    needs_window : bool
        Whether images must say how they are to be shown.
    """

    keyword: str
    modality: str
    image_type: tuple[str, ...] = ("DERIVED", "SECONDARY")
    neutral: Mapping[str, str] = MappingProxyType({})
    asked: tuple[str, ...] = ()
    refused: Mapping[str, str] = MappingProxyType({})
    unknown: tuple[str, ...] = ("Laterality", "PatientOrientation")
    unknown_sequences: tuple[str, ...] = ()
    codes: Mapping[str, Code] = MappingProxyType({})
    excluded: tuple[str, ...] = ()
    is_planar: bool = False
    has_colour: bool = False
    bits: tuple[int, ...] = (8, 16)
    fills_cells: bool = False
    has_sign: bool = True
    has_slope: bool = True
    needs_window: bool = False

    @property
    def uid(self) -> str:
        """UID of the storage class."""
        return str(getattr(uids, self.keyword))

    def misfit(self, info: ImageInfo) -> str:
        """Return what of the pixels of an image the class cannot hold, in words; empty if it holds them."""
        if info.components > 1:
            return "" if self.has_colour else f"{info.components} samples per pixel"
        if self.bits == (8,) and info.dtype not in (np.uint8, np.bool_):
            return f"grey values of {info.dtype}"
        if not self.has_slope and info.dtype.kind == "f":
            return "floating-point values"
        return ""

    def misfit_of_new(self, info: ImageInfo) -> str:
        """Return what of an image the class cannot hold, its place included."""
        if self.is_planar and not info.geometry.is_in_patient:
            return "images without a place in the patient"
        return self.misfit(info)


SECONDARY_CAPTURE = ImageClass(
    "SecondaryCaptureImageStorage",
    "OT",
    neutral={"ConversionType": "WSD"},  # C.8.6.1
    has_colour=True,
)

_DETECTED = {
    "PresentationIntentType": "FOR PRESENTATION",
    "RescaleType": "US",
    "PresentationLUTShape": "IDENTITY",
}
"""Of digital X-ray images (C.8.11.1, C.8.11.3)."""

_ASKED_OF_DETECTED = (
    "ImageLaterality",
    "PatientOrientation",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "ImagerPixelSpacing",
)

_CLASSES = (
    ImageClass(
        "CTImageStorage",
        "CT",
        image_type=("DERIVED", "SECONDARY", "AXIAL"),  # C.8.2.1.1.1
        unknown=("Laterality", "PatientPosition"),
        is_planar=True,
        bits=(16,),
    ),
    # Research mode and no variant are what MR knows of sequences that nobody can name (C.8.3.1).
    ImageClass(
        "MRImageStorage",
        "MR",
        image_type=("DERIVED", "SECONDARY", "OTHER"),
        neutral={"ScanningSequence": "RM", "SequenceVariant": "NONE"},
        unknown=("Laterality", "PatientPosition"),
        is_planar=True,
        bits=(16,),
    ),
    ImageClass(
        "PositronEmissionTomographyImageStorage",
        "PT",
        image_type=("DERIVED", "PRIMARY"),  # C.8.9.4.1.1
        neutral={"SeriesType": r"STATIC\IMAGE", "CountsSource": "EMISSION"},
        unknown=("Laterality",),
        unknown_sequences=("PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence"),  # C.8.4.6
        asked=("Units", "DecayCorrection", "FrameReferenceTime", "ActualFrameDuration"),  # C.8.9.1, C.8.9.4
        excluded=("PatientPosition",),  # C.7.3.1.1.2
        is_planar=True,
        bits=(16,),
        fills_cells=True,  # C.8.9.4
    ),
    SECONDARY_CAPTURE,
    ImageClass("ComputedRadiographyImageStorage", "CR"),
    ImageClass(
        "DigitalXRayImageStorageForPresentation",
        "DX",
        neutral=_DETECTED,
        asked=_ASKED_OF_DETECTED,
        unknown=(),
        has_sign=False,
        has_slope=False,
        needs_window=True,
    ),
    ImageClass(
        "DigitalMammographyXRayImageStorageForPresentation",
        "MG",
        neutral={**_DETECTED, "OrganExposed": "BREAST"},  # C.8.11.7
        codes={"AnatomicRegionSequence": Code("76752008", "SCT", "Breast")},
        asked=(*_ASKED_OF_DETECTED, "PositionerType", "ViewCodeSequence"),
        unknown=(),
        has_sign=False,
        has_slope=False,
        needs_window=True,
    ),
    ImageClass("UltrasoundImageStorage", "US", has_colour=True, bits=(8,), has_sign=False, has_slope=False),  # C.8.5.6
    ImageClass(
        "XRayAngiographicImageStorage",
        "XA",
        image_type=("DERIVED", "SECONDARY", "SINGLE PLANE"),  # C.8.7.1.1.1
        asked=("PixelIntensityRelationship", "RadiationSetting"),
        refused={"PixelIntensityRelationship": "LOG"},  # it comes with a Modality LUT to intensities (A.14.3)
        unknown=("Laterality", "PatientOrientation", "ExposureTime", "XRayTubeCurrent", "Exposure"),
        has_sign=False,
    ),
    ImageClass(
        "XRayRadiofluoroscopicImageStorage",
        "RF",
        image_type=("DERIVED", "SECONDARY", "SINGLE PLANE"),
        asked=("PixelIntensityRelationship", "RadiationSetting"),
        refused={"PixelIntensityRelationship": "LOG"},  # it comes with a Modality LUT to intensities (A.14.3)
        unknown=("Laterality", "PatientOrientation", "ExposureTime", "XRayTubeCurrent", "Exposure"),
        has_sign=False,
    ),
)

IMAGE_CLASSES: Mapping[str, ImageClass] = MappingProxyType({kind.uid: kind for kind in _CLASSES})
"""By UID."""


def class_of_modality(modality: str) -> ImageClass | None:
    """Return the class of the images of a modality; OT, other, is a secondary capture."""
    return next((kind for kind in _CLASSES if kind.modality == modality), None)


def class_named(name: str) -> ImageClass:
    """Return a class by its name or UID.

    Parameters
    ----------
    name : str
        Such as ``"CTImageStorage"``, the keyword that pydicom has for the UID, or the UID.

    Raises
    ------
    ParameterError
        If it is none of those that are written.
    """
    found = next((kind for kind in _CLASSES if name in (kind.keyword, kind.uid)), None)
    if found is None:
        known = ", ".join(kind.keyword for kind in _CLASSES)
        raise ParameterError(f"'sop_class' must be one of {known}, or its UID (got {name!r})")
    return found
