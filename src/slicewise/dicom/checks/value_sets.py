"""Values that the standard enumerates, and those that an IOD allows, as data (PS3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from slicewise.dicom.checks.faults import Fault, fault
from slicewise.dicom.checks.level import Level

__all__ = ["CLASS_VALUES", "VALUE_SETS", "ClassValues", "ValueSet", "class_value_faults", "set_faults"]


class ValueSet(NamedTuple):
    """The values that an attribute may have wherever it stands.

    Attributes
    ----------
    keyword : str
        The attribute.
    values : tuple of str
        What its values, or that at a position, may be.
    reference : str
        Section of PS3.3.
    position : int or None
        Which of its values; None for each.
    is_open : bool
        Whether these are defined terms, to which others may be added (PS3.5, 6.3): others are then a warning.
    """

    keyword: str
    values: tuple[str, ...]
    reference: str
    position: int | None = None
    is_open: bool = False


def _one_of(text: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in text.split(","))


_YES_NO = ("YES", "NO")

VALUE_SETS = (
    ValueSet("PatientSex", _one_of("M,F,O"), "C.7.1.1"),
    ValueSet("PatientIdentityRemoved", _YES_NO, "C.7.1.1"),
    ValueSet("QualityControlSubject", _YES_NO, "C.7.1.1"),
    ValueSet("PatientSexNeutered", _one_of("ALTERED,UNALTERED"), "C.7.2.2"),
    ValueSet("SmokingStatus", _one_of("YES,NO,UNKNOWN"), "C.7.2.2"),
    ValueSet("PregnancyStatus", _one_of("1,2,3,4"), "C.7.2.2"),
    ValueSet("Laterality", _one_of("R,L"), "C.7.3.1"),
    ValueSet(
        "PatientPosition",
        _one_of("HFP,HFS,HFDR,HFDL,FFDR,FFDL,FFP,FFS,LFP,LFS,RFP,RFS,AFDR,AFDL,PFDR,PFDL,SITTING"),
        "C.7.3.1.1.2",
        is_open=True,
    ),
    ValueSet("ImageType", _one_of("ORIGINAL,DERIVED,MIXED"), "C.7.6.1.1.2", 0),
    ValueSet("ImageType", _one_of("PRIMARY,SECONDARY"), "C.7.6.1.1.2", 1),
    ValueSet("FrameType", _one_of("ORIGINAL,DERIVED,MIXED"), "C.8.16.1", 0),
    ValueSet("ImageLaterality", _one_of("R,L,U,B"), "C.7.6.1"),
    ValueSet("QualityControlImage", _YES_NO, "C.7.6.1"),
    ValueSet("BurnedInAnnotation", _YES_NO, "C.7.6.1"),
    ValueSet("RecognizableVisualFeatures", _YES_NO, "C.7.6.1"),
    ValueSet("LossyImageCompression", _one_of("00,01"), "C.7.6.1"),
    ValueSet("PresentationLUTShape", _one_of("IDENTITY,INVERSE"), "C.7.6.1"),
    ValueSet("SpatialLocationsPreserved", _one_of("YES,NO,REORIENTED_ONLY"), "C.7.6.1.1.4"),
    ValueSet("PixelRepresentation", _one_of("0,1"), "C.7.6.3"),
    ValueSet("PlanarConfiguration", _one_of("0,1"), "C.7.6.3"),
    ValueSet(
        "PhotometricInterpretation",
        _one_of(
            "MONOCHROME1,MONOCHROME2,PALETTE COLOR,RGB,YBR_FULL,YBR_FULL_422,YBR_PARTIAL_420,YBR_ICT,YBR_RCT,XYB,"
            "HSV,ARGB,CMYK,YBR_PARTIAL_422"
        ),
        "C.7.6.3.1.2",
        is_open=True,
    ),
    ValueSet("VolumetricProperties", _one_of("VOLUME,SAMPLED,DISTORTED,MIXED"), "C.8.16.2.1.2"),
    ValueSet("PixelPresentation", _one_of("COLOR,MONOCHROME,MIXED,TRUE_COLOR"), "C.8.16.2.1.1"),
    ValueSet("ContentQualification", _one_of("PRODUCT,RESEARCH,SERVICE"), "C.8.13.2.1.1"),
    ValueSet("VOILUTFunction", _one_of("LINEAR,LINEAR_EXACT,SIGMOID"), "C.11.2.1.3", is_open=True),
    ValueSet("RescaleType", _one_of("OD,HU,US,MGML,Z_EFF,ED,EDW,HU_MOD,PCT"), "C.11.1.1.2", is_open=True),
    ValueSet(
        "LossyImageCompressionMethod",
        _one_of("ISO_10918_1,ISO_14495_1,ISO_15444_1,ISO_13818_2,ISO_14496_10,ISO_23008_2,ISO_18181_1"),
        "C.7.6.1.1.5.1",
        is_open=True,
    ),
    ValueSet("RotationDirection", _one_of("CW,CC"), "C.8.2.1"),
    ValueSet("ScanningSequence", _one_of("SE,IR,GR,EP,RM"), "C.8.3.1"),
    ValueSet("SequenceVariant", _one_of("SK,MTC,SS,TRSS,SP,MP,OSP,TOF,NONE"), "C.8.3.1", is_open=True),
    ValueSet("MRAcquisitionType", _one_of("1D,2D,3D"), "C.8.3.1"),
    ValueSet("AngioFlag", _one_of("Y,N"), "C.8.3.1"),
    ValueSet("VariableFlipAngleFlag", _one_of("Y,N"), "C.8.3.1"),
    ValueSet("BeatRejectionFlag", _one_of("Y,N"), "C.8.3.1"),
    ValueSet("SeriesType", _one_of("STATIC,DYNAMIC,GATED,WHOLE BODY"), "C.8.9.1.1.1", 0),
    ValueSet("SeriesType", _one_of("IMAGE,REPROJECTION"), "C.8.9.1.1.1", 1),
    ValueSet("CountsSource", _one_of("EMISSION,TRANSMISSION"), "C.8.9.1"),
    ValueSet("DecayCorrection", _one_of("NONE,START,ADMIN"), "C.8.9.1"),
    ValueSet("SegmentationType", _one_of("BINARY,FRACTIONAL,LABELMAP"), "C.8.20.2.3"),
    ValueSet("SegmentationFractionalType", _one_of("PROBABILITY,OCCUPANCY"), "C.8.20.2.3.1"),
    ValueSet("SegmentsOverlap", _one_of("YES,UNDEFINED,NO"), "C.8.20.2.4"),
    ValueSet("SynchronizationTrigger", _one_of("SOURCE,EXTERNAL,PASSTHRU,NO TRIGGER"), "C.7.4.2"),
    ValueSet("AcquisitionTimeSynchronized", _one_of("Y,N"), "C.7.4.2"),
    ValueSet("LongitudinalTemporalInformationModified", _one_of("UNMODIFIED,MODIFIED,REMOVED"), "C.12.1"),
    ValueSet("ContextGroupExtensionFlag", _one_of("Y,N"), "8.7"),
    ValueSet("DimensionOrganizationType", _one_of("3D,3D_TEMPORAL,TILED_FULL,TILED_SPARSE"), "C.7.6.17", is_open=True),
    ValueSet("ConversionType", _one_of("DV,DI,DF,WSD,SD,SI,DRW,SYN"), "C.8.6.1", is_open=True),
)
"""Enumerated values and defined terms."""


class ClassValues(NamedTuple):
    """The values that an attribute of the dataset, or the value at a position, may have in one IOD.

    Without values, there must be one at that position.
    """

    iod: str
    keyword: str
    values: tuple[str, ...]
    reference: str
    position: int = 0


_CT, _MR, _PET = "ct-image", "mr-image", "positron-emission-tomography-image"
_MONOCHROME = _one_of("MONOCHROME1,MONOCHROME2")

CLASS_VALUES = (
    ClassValues(_CT, "Modality", ("CT",), "A.3"),
    ClassValues(_MR, "Modality", ("MR",), "A.4"),
    ClassValues(_PET, "Modality", ("PT",), "A.21"),
    ClassValues("enhanced-ct-image", "Modality", ("CT",), "C.8.15.1"),
    ClassValues("enhanced-mr-image", "Modality", ("MR",), "C.8.13.6"),
    ClassValues("segmentation", "Modality", ("SEG",), "C.8.20.1"),
    ClassValues(_CT, "ImageType", (), "C.8.2.1.1.1", 2),
    ClassValues(_MR, "ImageType", (), "C.8.3.1.1.1", 2),
    ClassValues(_PET, "ImageType", ("PRIMARY",), "C.8.9.4.1.1", 1),
    ClassValues(_CT, "SamplesPerPixel", ("1",), "C.8.2.1.1.2"),
    ClassValues(_CT, "PhotometricInterpretation", _MONOCHROME, "C.8.2.1.1.3"),
    ClassValues(_CT, "BitsAllocated", ("16",), "C.8.2.1.1.4"),
    ClassValues(_CT, "BitsStored", _one_of("12,13,14,15,16"), "C.8.2.1"),
    ClassValues(_MR, "SamplesPerPixel", ("1",), "C.8.3.1.1.3"),
    ClassValues(_MR, "PhotometricInterpretation", _MONOCHROME, "C.8.3.1.1.3"),
    ClassValues(_MR, "BitsAllocated", ("16",), "C.8.3.1.1.4"),
    ClassValues(_PET, "SamplesPerPixel", ("1",), "C.8.9.4"),
    ClassValues(_PET, "PhotometricInterpretation", ("MONOCHROME2",), "C.8.9.4"),
    ClassValues(_PET, "BitsAllocated", ("16",), "C.8.9.4"),
    ClassValues(_PET, "BitsStored", ("16",), "C.8.9.4"),
    ClassValues(_PET, "RescaleIntercept", ("0",), "C.8.9.4"),
)
"""What single IODs allow."""

_BY_KEYWORD = {
    keyword: tuple(known for known in VALUE_SETS if known.keyword == keyword)
    for keyword in {known.keyword for known in VALUE_SETS}
}


def set_faults(keyword: str, values: tuple[str, ...], name: str) -> Iterator[Fault]:
    """Give the values of an attribute that are outside the set of the standard."""
    for known in _BY_KEYWORD.get(keyword, ()):
        chosen = values if known.position is None else values[known.position : known.position + 1]
        for value in chosen:
            if value not in known.values and (value or known.position is not None):
                rule = "defined-term" if known.is_open else "value-set"
                wanted = f"one of {', '.join(known.values)}"
                yield fault(rule, name, repr(value), wanted, reference=f"PS3.3 {known.reference}")


def class_value_faults(level: Level, iod: str) -> Iterator[Fault]:
    """Give the values that the IOD of an instance does not allow."""
    for known in CLASS_VALUES:
        if known.iod != iod:
            continue
        values = level.values(known.keyword)
        value = "".join(values[known.position : known.position + 1])
        is_missing = bool(values) and not value and not known.values
        is_other = value and known.values and value not in known.values and not _is_number_among(value, known.values)
        if is_missing or is_other:
            which = f"value {known.position + 1} " if known.position else ""
            wanted = f"{which}{' or '.join(known.values)} in {iod}" if known.values else f"a {which}in {iod}"
            found = repr("\\".join(values)) if known.position else repr(value)
            yield fault("class-value", known.keyword, found, wanted, reference=f"PS3.3 {known.reference}")


def _is_number_among(value: str, wanted: tuple[str, ...]) -> bool:
    # 0 may be written as 0.000
    try:
        return any(float(value) == float(other) for other in wanted)
    except ValueError:
        return False
