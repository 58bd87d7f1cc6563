"""Classes of multi-frame images that are written, and which one an image becomes (PS3.3, A and C.8)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

import attrs
import numpy as np
import pydicom.uid

from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import ImageInfo, RawElement
from slicewise.image.elements import tag_of

__all__ = ["Form", "MultiFrameKind", "multi_frame_kind"]


class Form(Enum):
    """How a class says what is true of a frame."""

    GROUPS = "functional groups"
    CONVERTED = "functional groups, and a place for what these do not know"
    MAP = "functional groups, and values in units of measurement"
    CAPTURE = "functional groups for the plane alone; values are grey levels or colours"
    LOOP = "vectors"
    DOSE = "offsets of planes from the first; values have one scale"


@attrs.frozen
class MultiFrameKind:
    """A class of multi-frame images.

    Parameters
    ----------
    keyword : str
        Keyword of the storage class.
    form : Form
        How it says what is true of a frame.
    modality : str, optional
        The modality that its images must have.
    frame_type : str, optional
        Keyword of the sequence that holds Frame Type.
    neutral : mapping of str to str
        Values of type 1 attributes that claim nothing, or nothing but what is true of all that is written here.
    asked : tuple of str
        Attributes of the image, or of frames, that all but converted images must state (type 1C).
    components : int, optional
        How many values a pixel has; any number if not given.
    """

    keyword: str
    form: Form
    modality: str | None = None
    frame_type: str | None = None
    neutral: Mapping[str, str] = MappingProxyType({})
    asked: tuple[str, ...] = ()
    components: int | None = 1

    @property
    def sop_class(self) -> str:
        """UID of the storage class."""
        return str(getattr(pydicom.uid, self.keyword))

    @property
    def has_groups(self) -> bool:
        """Whether all that frames differ in stands in functional groups."""
        return self.form in (Form.GROUPS, Form.CONVERTED, Form.MAP)


_CONVERTED = MappingProxyType({"PresentationLUTShape": "IDENTITY"})
# What this software makes is no product that anybody approved (C.8.13.2.1.1); images are lossless where nobody
# said otherwise.
_PET = MappingProxyType({**_CONVERTED, "ContentQualification": "RESEARCH"})
_ENHANCED = MappingProxyType({**_PET, "LossyImageCompression": "00"})
_MR_IMAGE = MappingProxyType({**_ENHANCED, "AcquisitionContrast": "UNKNOWN"})
_ASKED = ("BurnedInAnnotation", "FrameAnatomySequence")
_ASKED_OF_PET = (*_ASKED, "RadiopharmaceuticalUsageSequence", "TemporalPositionIndex")
_ASKED_OF_CT = (*_ASKED, "IrradiationEventUID")
_ASKED_OF_MR = (*_ASKED, "ComplexImageComponent", "ApplicableSafetyStandardAgency")
_MAP = MappingProxyType(
    {
        **_PET,
        "BurnedInAnnotation": "NO",  # the only value (C.8.32.2)
        "LossyImageCompression": "00",
        "ContentLabel": "MAP",
    }
)
_CAPTURE = MappingProxyType({"ConversionType": "WSD", "Modality": "OT"})  # by a workstation; other (C.8.6.1, C.7.3.1)
_CT, _MR, _PT = "CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence"

_KINDS = (
    MultiFrameKind("EnhancedCTImageStorage", Form.GROUPS, "CT", _CT, _ENHANCED, _ASKED_OF_CT),
    MultiFrameKind("EnhancedMRImageStorage", Form.GROUPS, "MR", _MR, _MR_IMAGE, _ASKED_OF_MR),
    MultiFrameKind("EnhancedMRColorImageStorage", Form.GROUPS, "MR", _MR, _MR_IMAGE, _ASKED_OF_MR, components=3),
    MultiFrameKind("EnhancedPETImageStorage", Form.GROUPS, "PT", _PT, _ENHANCED, _ASKED_OF_PET),
    MultiFrameKind("LegacyConvertedEnhancedCTImageStorage", Form.CONVERTED, "CT", _CT, _CONVERTED),
    MultiFrameKind("LegacyConvertedEnhancedMRImageStorage", Form.CONVERTED, "MR", _MR, _CONVERTED),
    MultiFrameKind("LegacyConvertedEnhancedPETImageStorage", Form.CONVERTED, "PT", _PT, _PET),
    MultiFrameKind("ParametricMapStorage", Form.MAP, None, "ParametricMapFrameTypeSequence", _MAP),
    MultiFrameKind("RTDoseStorage", Form.DOSE, "RTDOSE"),
    MultiFrameKind("UltrasoundMultiFrameImageStorage", Form.LOOP, "US", components=None),
    MultiFrameKind("MultiFrameGrayscaleByteSecondaryCaptureImageStorage", Form.CAPTURE, neutral=_CAPTURE),
    MultiFrameKind("MultiFrameGrayscaleWordSecondaryCaptureImageStorage", Form.CAPTURE, neutral=_CAPTURE),
    MultiFrameKind("MultiFrameTrueColorSecondaryCaptureImageStorage", Form.CAPTURE, neutral=_CAPTURE, components=3),
)
_BY_KEYWORD = {kind.keyword: kind for kind in _KINDS}
_BY_UID = {kind.sop_class: kind for kind in _KINDS}

_OF_CLASSIC = {
    str(pydicom.uid.CTImageStorage): "CT",
    str(pydicom.uid.MRImageStorage): "MR",
    str(pydicom.uid.PositronEmissionTomographyImageStorage): "PET",
}
_ULTRASOUND = str(pydicom.uid.UltrasoundImageStorage)


def multi_frame_kind(info: ImageInfo, wanted: str | None) -> MultiFrameKind:
    """Return the class that an image is written in.

    Images of an enhanced class stay what they are. Classic CT, MR and PET images become those of the legacy converted
    class, or, where there are no images that were converted, of the enhanced one; ultrasound becomes an ultrasound
    multi-frame image; everything else a multi-frame secondary capture.

    Parameters
    ----------
    info : ImageInfo
        The image.
    wanted : str, optional
        Keyword or UID of the class, if the caller names one.

    Raises
    ------
    ParameterError
        If no such class is written.
    HeaderError
        If images of several classes cannot be told apart, or the image cannot be of the class.
    """
    classes = _texts(info, "SOPClassUID")
    if wanted is not None:
        kind = _BY_KEYWORD.get(wanted) or _BY_UID.get(wanted)
        if kind is None:
            raise ParameterError(f"'sop_class' must be one of {', '.join(_BY_KEYWORD)}, or its UID (got {wanted!r})")
    elif len(classes) > 1:
        raise HeaderError(
            f"the slices are of several classes ({', '.join(sorted(classes))}): say which with sop_class="
        )
    else:
        kind = _by_source(info, classes.pop() if classes else "")
    _check(info, kind)
    return kind


def _by_source(info: ImageInfo, sop_class: str) -> MultiFrameKind:
    known = _BY_UID.get(sop_class)
    if known is not None and known.form is not Form.CAPTURE:
        return known
    if sop_class in _OF_CLASSIC:
        prefix = "LegacyConvertedEnhanced" if all(info.sources) else "Enhanced"
        return _BY_KEYWORD[f"{prefix}{_OF_CLASSIC[sop_class]}ImageStorage"]
    if sop_class == _ULTRASOUND:
        return _BY_KEYWORD["UltrasoundMultiFrameImageStorage"]
    if info.components > 1:
        return _BY_KEYWORD["MultiFrameTrueColorSecondaryCaptureImageStorage"]
    size = "Byte" if info.dtype in (np.bool_, np.uint8) else "Word"
    return _BY_KEYWORD[f"MultiFrameGrayscale{size}SecondaryCaptureImageStorage"]


def _check(info: ImageInfo, kind: MultiFrameKind) -> None:
    stated = _texts(info, "Modality")
    if kind.modality is not None and stated - {kind.modality}:
        raise HeaderError(
            f"{kind.keyword} holds images of modality {kind.modality} (these are of {', '.join(sorted(stated))}): "
            "leave sop_class= out, or take a secondary capture"
        )
    if kind.components is not None and info.components != kind.components:
        raise HeaderError(
            f"pixels of {kind.keyword} have {kind.components} value{'s' * (kind.components > 1)} (got "
            f"{info.components}): leave sop_class= out, or take one component"
        )
    if kind.form is not Form.LOOP and "MONOCHROME1" in _texts(info, "PhotometricInterpretation"):
        raise HeaderError(
            f"low values are white (PhotometricInterpretation MONOCHROME1), and frames of {kind.keyword} are "
            "MONOCHROME2: write a series with SeriesWriter, or invert the values and say so in the headers first"
        )
    if kind.form is Form.DOSE and (info.axis is not None or info.geometry.is_sheared):
        raise HeaderError("the planes of a dose grid follow each other along their normal, and these do not")
    if (kind.has_groups or kind.form is Form.DOSE) and not info.geometry.is_in_patient:
        raise HeaderError(
            f"frames of {kind.keyword} have a place in the patient, and these images have none: write a secondary "
            "capture, e.g. sop_class='MultiFrameGrayscaleWordSecondaryCaptureImageStorage'"
        )


def _texts(info: ImageInfo, keyword: str) -> set[str]:
    column = info.headers.column(tag_of(keyword))
    elements = [column] if column is None or isinstance(column, RawElement) else column
    return {text for element in elements if (text := text_of(element))}
