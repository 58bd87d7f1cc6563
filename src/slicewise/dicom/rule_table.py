"""The header rules: what each attribute becomes, by class of operation.

One row for a group of attributes, one column for a class of operation, in the order P L G S J M
(pixel values, lattice, geometry by interpolation, subset of slices, projection, several inputs).
What is in no row follows ``DEFAULT``. Small functions in ``rules`` read the table.

==== ========================================================================================
mark what becomes of the attribute on an output slice
==== ========================================================================================
K    kept from the source slice in the same plane; without one, if all contributing slices agree
C    kept if all contributing slices, of all inputs, agree
F    kept from the first input, otherwise as K
X    dropped
U    kept as K if values keep their units, else dropped
D    kept as C if values keep their units, else dropped
O    kept as C if the slices keep their orientation, else dropped
A    kept as C if the slices keep their axes, possibly turned round, else dropped
P    kept as C if the pixels keep their size, else dropped; scaled where the image has no place in the patient
B    kept if all agree; otherwise the graver of the values
N    kept as K; failing that from a contributing slice, since a value must be there (type 1)
G    regenerated from the geometry
E    regenerated from the geometry if it was there
W    settled when the series is written; until then as K
==== ========================================================================================
"""

from __future__ import annotations

from typing import NamedTuple

from slicewise.image import Operation
from slicewise.image.elements import tag_of

__all__ = [
    "DEFAULT",
    "PRIVATE",
    "PRIVATE_GRID",
    "PRIVATE_GRID_CREATORS",
    "PRIVATE_PROVENANCE",
    "REPEATING",
    "ROWS",
    "Row",
    "is_never_kept",
    "mark_for",
    "row_for",
]

COLUMNS = (
    Operation.PIXEL,
    Operation.LATTICE,
    Operation.GEOMETRY,
    Operation.SUBSET,
    Operation.PROJECTION,
    Operation.MULTI,
)


class Row(NamedTuple):
    """Marks of a group of attributes, and why they are so."""

    marks: str
    keywords: str
    why: str


ROWS = (
    Row("K K K K K C", "SOPClassUID", "the class can hold the result"),
    Row(
        "W W W W W W",
        "SOPInstanceUID SeriesInstanceUID SeriesNumber SeriesDescription SeriesDescriptionCodeSequence SeriesDate "
        "SeriesTime InstanceCreationDate InstanceCreationTime InstanceCreatorUID InstanceNumber ContentDate "
        "ContentTime",
        "identity of the new series and instance",
    ),
    Row(
        "W W W W W W",
        "ImageType SourceImageSequence DerivationCodeSequence DerivationDescription ReferencedSeriesSequence "
        "StudiesContainingOtherReferencedInstancesSequence ContributingEquipmentSequence",
        "marking of a derived image",
    ),
    Row(
        "W W W W W W",
        "SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated "
        "BitsStored HighBit PixelRepresentation RescaleSlope RescaleIntercept DoseGridScaling PixelPaddingValue "
        "PixelPaddingRangeLimit SmallestImagePixelValue LargestImagePixelValue NumberOfSlices ImageIndex",
        "description of the stored pixels",
    ),
    Row("X X X K X X", "SmallestPixelValueInSeries LargestPixelValueInSeries", "range of the source's pixels"),
    Row(
        "F F F F F F",
        "StudyInstanceUID StudyID StudyDate StudyTime StudyDescription AccessionNumber ReferringPhysicianName "
        "ProcedureCodeSequence ReferencedStudySequence",
        "the study of the primary input",
    ),
    Row(
        "K K K K K F",
        "PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge PatientSize PatientWeight "
        "OtherPatientIDs OtherPatientIDsSequence EthnicGroup PatientComments AdditionalPatientHistory PregnancyStatus "
        "ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID "
        "ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID ClinicalTrialTimePointID "
        "ClinicalTrialTimePointDescription ClinicalTrialCoordinatingCenterName",
        "the patient",
    ),
    Row(
        "K K K K K C",
        "PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence "
        "LongitudinalTemporalInformationModified",
        "true only if true of all inputs",
    ),
    Row("K K K K B B", "BurnedInAnnotation RecognizableVisualFeatures", "true if true of any source"),
    Row(
        "K K B K B B",
        "LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod",
        "once lossy, always lossy",
    ),
    Row(
        "K K F K F F",
        "FrameOfReferenceUID PositionReferenceIndicator Modality SpecificCharacterSet TimezoneOffsetFromUTC",
        "the primary input",
    ),
    Row("X X X X X X", "ImagesInAcquisition", "another number of images"),
    Row("K G G K G K", "ImagePositionPatient", "position of the output slice"),
    Row("K G G K K K", "ImageOrientationPatient PixelSpacing", "grid of the output slice"),
    Row("K K G K G K", "SliceThickness", "thickness of the output slice"),
    Row("K K E E E K", "SpacingBetweenSlices", "distance between the output slices"),
    Row("K K E K E K", "SliceLocation", "location of the output slice"),
    Row(
        "K P P K P C",
        "PixelAspectRatio ImagerPixelSpacing NominalScannedPixelSpacing PixelSpacingCalibrationType "
        "PixelSpacingCalibrationDescription EstimatedRadiographicMagnificationFactor",
        "size of the pixels",
    ),
    Row(
        "K X X K C C",
        "SequenceOfUltrasoundRegions ShutterShape ShutterLeftVerticalEdge ShutterRightVerticalEdge "
        "ShutterUpperHorizontalEdge ShutterLowerHorizontalEdge CenterOfCircularShutter RadiusOfCircularShutter "
        "VerticesOfThePolygonalShutter CollimatorShape CollimatorLeftVerticalEdge CollimatorRightVerticalEdge "
        "CollimatorUpperHorizontalEdge CollimatorLowerHorizontalEdge CenterOfCircularCollimator "
        "RadiusOfCircularCollimator VerticesOfThePolygonalCollimator",
        "rows and columns of the source",
    ),
    Row("K K O K X C", "GantryDetectorTilt", "tilt of the slices against the table"),
    Row("K O O K K C", "PatientOrientation", "directions of rows and columns"),
    Row("K A O K X C", "InPlanePhaseEncodingDirection", "phase direction along rows or columns"),
    Row(
        "K X X K X C",
        "ReconstructionDiameter ReconstructionTargetCenterPatient DataCollectionCenterPatient FieldOfViewShape "
        "FieldOfViewDimensions FieldOfViewDimensionsInFloat FieldOfViewOrigin FieldOfViewRotation "
        "FieldOfViewHorizontalFlip ReconstructionFieldOfView ReconstructionPixelSpacing",
        "extent of the reconstructed field",
    ),
    Row(
        "U U U U U X",
        "WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction",
        "window in units of the values",
    ),
    Row("X K X K X X", "VOILUTSequence ModalityLUTSequence", "table over the stored values of the source"),
    Row("U U U U D D", "Units SUVType RescaleType DoseUnits", "units of the values"),
    Row("W W W W X X", "RealWorldValueMappingSequence", "mapping from the stored values of the source"),
    Row(
        "X X X K X X",
        "IconImageSequence PresentationLUTShape",
        "picture made from the source's pixels",
    ),
    Row(
        "X X X K X X",
        "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
        "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
        "BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData "
        "SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData",
        "palette of the source's stored values",
    ),
    Row(
        "X X X X X X",
        "DigitalSignaturesSequence MACParametersSequence EncryptedAttributesSequence",
        "a signature over the source",
    ),
    Row(
        "X X X X X X",
        "SOPInstanceStatus SOPAuthorizationDateTime SOPAuthorizationComment AuthorizationEquipmentCertificationNumber "
        "QualityControlImage RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID DataSetTrailingPadding",
        "status of the source instance",
    ),
    Row("K K N K N K", "FrameReferenceTime ActualFrameDuration DecayFactor", "needed for every PET image"),
    Row("K K C K X C", "TriggerTime TemporalPositionIdentifier", "time of one source image"),
    Row("K K C X X C", "NumberOfTemporalPositions CardiacNumberOfImages", "number of images in the source series"),
)

DEFAULT = Row("K K C K C C", "", "a fact of the acquisition")
"""For public attributes in no row."""

GROUP_LENGTH = Row("W W W W W W", "", "a retired group length, no longer true")
"""For elements (gggg,0000)."""

PRIVATE = Row("K K X K X X", "", "private, and nobody can say whether it is still true")
"""For private blocks: creator and elements together."""

PRIVATE_GRID = Row("K X X K X X", "", "private, and restates grid or pixels of the source")
"""For private blocks known to restate geometry or pixels."""

PRIVATE_PROVENANCE = Row("X X X X X X", "", "it tells where the source comes from, and not the result")
"""For the private blocks in which derived instances say where they come from."""

REPEATING = (
    (0x60000000, Row("K X X K X X", "Overlay", "overlay on the grid of the source")),
    (0x50000000, Row("K X X K X X", "Curve", "curve on the grid of the source")),
)
"""Rows for repeating groups, by the first byte of the group."""

PRIVATE_GRID_CREATORS = frozenset(
    [
        "SIEMENS CSA HEADER",
        "SIEMENS MR HEADER",
        "SIEMENS MEDCOM HEADER",
        "SIEMENS MR SDI 02",
        "SIEMENS MR IMA",
        "GEMS_PARM_01",
        "GEMS_RELA_01",
        "Philips Imaging DD 001",
        "Philips MR Imaging DD 001",
        "Philips MR Imaging DD 005",
        "UIH",
        "Image Private Header",
    ]
)

_BY_TAG = {tag_of(keyword): row for row in ROWS for keyword in row.keywords.split()}


def row_for(tag: int) -> Row:
    """Return the row of a public attribute."""
    row = _BY_TAG.get(tag)
    if row is not None:
        return row
    if not tag & 0xFFFF:
        return GROUP_LENGTH
    return next((row for mask, row in REPEATING if tag & 0xFF000000 == mask), DEFAULT)


def mark_for(row: Row, operation: Operation) -> str:
    """Return the mark of a row for a class of operation."""
    return row.marks[2 * COLUMNS.index(operation)]


def is_never_kept(tag: int) -> bool:
    """Whether an attribute is dropped whatever was done, also if that was nothing."""
    return not tag >> 16 & 1 and set(row_for(tag).marks.split()) == {"X"}
