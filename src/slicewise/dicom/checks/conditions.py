"""When attributes of type 1C and 2C are required: the conditions that a header itself can answer, as data (PS3.3)."""

from __future__ import annotations

from typing import NamedTuple

from slicewise.dicom.checks.level import Level

__all__ = [
    "CONDITIONS",
    "FORBIDDEN",
    "MODULE_CONDITIONS",
    "Absent",
    "All",
    "Condition",
    "Is",
    "More",
    "Not",
    "Predicate",
    "Present",
]


class Is(NamedTuple):
    """An attribute has one of these values, as its first, the one at a position, or (None) any of them."""

    keyword: str
    values: tuple[str, ...]
    position: int | None = 0

    def holds(self, level: Level) -> bool:
        """Whether it does."""
        found = level.values(self.keyword)
        chosen = found if self.position is None else found[self.position : self.position + 1]
        return any(value in self.values for value in chosen)

    def __str__(self) -> str:
        return f"{self.keyword} is {' or '.join(self.values)}"


class Present(NamedTuple):
    """An attribute has a value."""

    keyword: str

    def holds(self, level: Level) -> bool:
        """Whether it has."""
        return bool(level.values(self.keyword))

    def __str__(self) -> str:
        return f"{self.keyword} is there"


class Absent(NamedTuple):
    """None of some attributes is there."""

    keywords: tuple[str, ...]

    def holds(self, level: Level) -> bool:
        """Whether none is."""
        return not any(level.has(keyword) for keyword in self.keywords)

    def __str__(self) -> str:
        return f"there is no {' or '.join(self.keywords)}"


class More(NamedTuple):
    """The number of an attribute is above another."""

    keyword: str
    number: float

    def holds(self, level: Level) -> bool:
        """Whether it is."""
        found = level.number(self.keyword)
        return found is not None and found > self.number

    def __str__(self) -> str:
        return f"{self.keyword} is above {self.number:g}"


class Not(NamedTuple):
    """Something does not hold."""

    what: Is | Present | All

    def holds(self, level: Level) -> bool:
        """Whether it does not."""
        return not self.what.holds(level)

    def __str__(self) -> str:
        return f"it does not hold that {self.what}"


class All(NamedTuple):
    """Several things hold."""

    parts: tuple[Is | Present | Absent | More | Not, ...]

    def holds(self, level: Level) -> bool:
        """Whether all do."""
        return all(part.holds(level) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(map(str, self.parts))


Predicate = Is | Present | Absent | More | Not | All


class Condition(NamedTuple):
    """When an attribute must be there.

    It is asked of the dataset or item in which the attribute would stand, and only where a module that is there
    gives the attribute type 1C or 2C.

    Attributes
    ----------
    keywords : tuple of str
        The attributes.
    when : Predicate
        When they must be there.
    reference : str
        Section of PS3.3.
    module : str
        The module that asks for it; empty if all do alike.
    unless_module : str
        A module with which it is not asked for.
    """

    keywords: tuple[str, ...]
    when: Predicate
    reference: str
    module: str = ""
    unless_module: str = ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PALETTES = tuple(
    f"{colour}PaletteColorLookupTable{what}" for colour in ("Red", "Green", "Blue") for what in ("Descriptor", "Data")
)
_PLANAR = tuple(f"1.2.840.10008.5.1.4.1.1.{number}" for number in _words("2 2.1 4 4.1 4.2 4.3"))
_PAIRED = _words(
    "ANKLE ARM AXILLA BREAST CALF CALCANEUS CLAVICLE ELBOW EAR EYE FEMUR FINGER FOOT FOREARM HAND HIP HUMERUS KIDNEY "
    "KNEE LEG LUNG ORBIT PATELLA SCAPULA SHOULDER THIGH THUMB TOE WRIST"
)
_LEGACY_MR = "1.2.840.10008.5.1.4.1.1.4.4"
_RECONSTRUCTED = Is("ImageType", ("ORIGINAL", "MIXED"))

CONDITIONS = (
    # Image pixels
    Condition(("PlanarConfiguration",), More("SamplesPerPixel", 1), "C.7.6.3.1.3"),
    Condition(_PALETTES, Is("PhotometricInterpretation", ("PALETTE COLOR",)), "C.7.6.3.1.5", "image-pixel"),
    Condition(("ExtendedOffsetTableLengths",), Present("ExtendedOffsetTable"), "C.7.6.3.1.8"),
    Condition(("PixelPaddingValue",), Present("PixelPaddingRangeLimit"), "C.7.5.1.1.2"),
    Condition(
        ("LossyImageCompressionRatio", "LossyImageCompressionMethod"),
        Is("LossyImageCompression", ("01",)),
        "C.7.6.1.1.5",
    ),
    # How values are shown
    Condition(("WindowWidth",), Present("WindowCenter"), "C.11.2"),
    Condition(("WindowCenter",), Absent(("VOILUTSequence",)), "C.11.2", "voi-lut"),
    Condition(("RescaleIntercept",), Absent(("ModalityLUTSequence",)), "C.11.1", "modality-lut"),
    Condition(("RescaleSlope", "RescaleType"), Present("RescaleIntercept"), "C.11.1", "modality-lut"),
    # Patient, series and image
    Condition(
        ("DeidentificationMethod",),
        All((Is("PatientIdentityRemoved", ("YES",)), Absent(("DeidentificationMethodCodeSequence",)))),
        "C.7.1.1",
    ),
    Condition(("ResponsiblePersonRole",), Present("ResponsiblePerson"), "C.7.1.1"),
    Condition(("PatientAlternativeCalendar",), Present("PatientBirthDateInAlternativeCalendar"), "C.7.1.1"),
    Condition(
        ("PatientPosition",),
        All((Is("SOPClassUID", _PLANAR), Absent(("PatientOrientationCodeSequence",)))),
        "C.7.3.1",
        "general-series",
    ),
    Condition(
        ("Laterality",),
        All((Is("BodyPartExamined", _PAIRED), Absent(("ImageLaterality", "SharedFunctionalGroupsSequence")))),
        "C.7.3.1",
    ),
    Condition(
        ("PatientOrientation",),
        Absent(("ImageOrientationPatient", "ImagePositionPatient", "SharedFunctionalGroupsSequence")),
        "C.7.6.1",
        "general-image",
        "image-plane",
    ),
    # Frames
    Condition(("FrameTime",), Is("FrameIncrementPointer", ("FrameTime",), None), "C.7.6.5", "cine"),
    Condition(("FrameTimeVector",), Is("FrameIncrementPointer", ("FrameTimeVector",), None), "C.7.6.5", "cine"),
    Condition(
        ("InConcatenationNumber", "ConcatenationFrameOffsetNumber", "SOPInstanceUIDOfConcatenationSource"),
        Present("ConcatenationUID"),
        "C.7.6.16",
    ),
    # CT and MR
    Condition(("RescaleType",), Is("MultienergyCTAcquisition", ("YES",)), "C.8.2.1", "ct-image"),
    Condition(
        ("RepetitionTime",),
        Not(All((Is("ScanningSequence", ("EP",), None), Not(Is("SequenceVariant", ("SK",), None))))),
        "C.8.3.1",
        "mr-image",
    ),
    Condition(("InversionTime",), Is("ScanningSequence", ("IR",), None), "C.8.3.1", "mr-image"),
    Condition(("TriggerTime",), Is("ScanOptions", ("CG", "PPG"), None), "C.8.3.1", "mr-image"),
    Condition(
        _words(
            "ResonantNucleus KSpaceFiltering MagneticFieldStrength ApplicableSafetyStandardAgency "
            "AcquisitionDateTime AcquisitionDuration"
        ),
        _RECONSTRUCTED,
        "C.8.13.2",
        "enhanced-mr-image",
    ),
    Condition(("ContentQualification",), Not(Is("SOPClassUID", (_LEGACY_MR,))), "C.8.13.2", "enhanced-mr-image"),
    Condition(
        _words(
            "BurnedInAnnotation LossyImageCompression PresentationLUTShape ComplexImageComponent AcquisitionContrast"
        ),
        _RECONSTRUCTED,
        "C.8.13.1",
        "enhanced-mr-image",
    ),
    Condition(
        _words(
            "PulseSequenceName MultipleSpinEcho MultiPlanarExcitation PhaseContrast TimeOfFlightContrast "
            "SteadyStatePulseSequence EchoPlanarPulseSequence SaturationRecovery SpectrallySelectedSuppression "
            "OversamplingPhase GeometryOfKSpaceTraversal"
        ),
        _RECONSTRUCTED,
        "C.8.13.4",
        "mr-pulse-sequence",
    ),
    # Whole slide images
    Condition(
        ("RescaleIntercept", "RescaleSlope", "PresentationLUTShape"),
        Is("PhotometricInterpretation", ("MONOCHROME2",)),
        "C.8.12.4",
        "whole-slide-microscopy-image",
    ),
    # PET
    Condition(("DecayFactor",), Not(Is("DecayCorrection", ("NONE",))), "C.8.9.4", "pet-image"),
    Condition(("TriggerTime", "FrameTime"), Is("SeriesType", ("GATED",)), "C.8.9.4", "pet-image"),
    Condition(("NumberOfRRIntervals", "NumberOfTimeSlots"), Is("SeriesType", ("GATED",)), "C.8.9.1", "pet-series"),
    Condition(("NumberOfTimeSlices",), Is("SeriesType", ("DYNAMIC",)), "C.8.9.1", "pet-series"),
    Condition(("ReprojectionMethod",), Is("SeriesType", ("REPROJECTION",), 1), "C.8.9.1", "pet-series"),
    # Secondary capture and segmentation
    Condition(("PixelSpacingCalibrationDescription",), Present("PixelSpacingCalibrationType"), "10.7.1.3"),
    Condition(
        ("MaximumFractionalValue", "SegmentationFractionalType"), Is("SegmentationType", ("FRACTIONAL",)), "C.8.20.2"
    ),
    # Codes
    Condition(("CodeValue",), Absent(("LongCodeValue", "URNCodeValue")), "8.1"),
    Condition(("CodingSchemeDesignator",), Present("CodeValue"), "8.1"),
    Condition(("CodingSchemeDesignator",), Present("LongCodeValue"), "8.1"),
    Condition(("MappingResource", "ContextGroupVersion"), Present("ContextIdentifier"), "8.6"),
)
"""Conditions by which an attribute must be there. Those that only the scanner can answer are not here."""

MODULE_CONDITIONS = (
    ("enhanced-mr-image", "mr-pulse-sequence", _RECONSTRUCTED),
    ("enhanced-mr-color-image", "mr-pulse-sequence", _RECONSTRUCTED),
)
"""IODs, their conditional modules, and when these must be there (PS3.3, A)."""

FORBIDDEN = (
    Condition(("PatientPosition",), Present("PatientOrientationCodeSequence"), "C.7.3.1"),
    Condition(("PixelAspectRatio",), Present("ImagerPixelSpacing"), "C.7.6.3"),
    Condition(("PixelAspectRatio",), Present("PixelSpacing"), "C.7.6.3"),
    Condition(("PlanarConfiguration",), Is("SamplesPerPixel", ("1",)), "C.7.6.3.1.3"),
    Condition(("InversionTime",), Not(Is("ScanningSequence", ("IR",), None)), "C.8.3.1", "mr-image"),
    Condition(("NumberOfRRIntervals", "NumberOfTimeSlots"), Not(Is("SeriesType", ("GATED",))), "C.8.9.1", "pet-series"),
    Condition(("NumberOfTimeSlices",), Not(Is("SeriesType", ("DYNAMIC",))), "C.8.9.1", "pet-series"),
)
"""Conditions by which an attribute must not be there: one of type 1C or 2C that may not be present otherwise."""
