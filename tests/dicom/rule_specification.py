"""What each attribute becomes, by class of operation: the header rules in words of their own, for the tests alone."""

from __future__ import annotations

# For each group: marks for P L G S J M, as header-rules.md has them. W is settled by the writer and not looked at.
SPECIFICATION = """
SOPClassUID                        K K K K K K1
StudyInstanceUID                   K K K K K primary
StudyID                            K K K K K primary
StudyDate                          K K K K K primary
AccessionNumber                    K K K K K primary
ReferringPhysicianName             K K K K K primary
StudyDescription                   K K K K K primary
ProcedureCodeSequence              K K K K K primary
PatientName                        K K K K K primary
PatientBirthDate                   K K K K K primary
PatientSex                         K K K K K primary
PatientAge                         K K K K K primary
PatientWeight                      K K K K K primary
ClinicalTrialProtocolID            K K K K K primary
PatientIdentityRemoved             K K K K K K1
DeidentificationMethod             K K K K K K1
BurnedInAnnotation                 K K K K worst worst
RecognizableVisualFeatures         K K K K worst worst
AcquisitionDate                    K K K1 K K1 K1
AcquisitionTime                    K K K1 K K1 K1
AcquisitionNumber                  K K K1 K K1 K1
IrradiationEventUID                K K K1 K K1 K1
ImagesInAcquisition                X X X X X X
ReferencedImageSequence            K K K1 K K1 K1
SourceInstanceSequence             K K K1 K K1 K1
InstitutionName                    K K K1 K K1 K1
ProtocolName                       K K K1 K K1 K1
BodyPartExamined                   K K K1 K K1 K1
PatientPosition                    K K K1 K K1 K1
RequestAttributesSequence          K K K1 K K1 K1
PerformedProcedureStepID           K K K1 K K1 K1
FrameOfReferenceUID                K K K K K primary
PositionReferenceIndicator         K K K K K primary
SynchronizationFrameOfReferenceUID K K K1 K K1 K1
ReconstructionDiameter             K X X K X K1
DataCollectionCenterPatient        K X X K X K1
AcquisitionMatrix                  K K K1 K K1 K1
TriggerTime                        K K K1 K X K1
TemporalPositionIdentifier         K K K1 K X K1
EchoTime                           K K K1 K K1 K1
DiffusionBValue                    K K K1 K K1 K1
KVP                                K K K1 K K1 K1
XRayTubeCurrent                    K K K1 K K1 K1
RepetitionTime                     K K K1 K K1 K1
FlipAngle                          K K K1 K K1 K1
RadiopharmaceuticalInformationSequence K K K1 K K1 K1
ContrastBolusAgent                 K K K1 K K1 K1
GantryDetectorTilt                 K K turned K X K1
ModalityLUTSequence                X K X K X X
VOILUTSequence                     X K X K X X
SmallestPixelValueInSeries         X X X K X X
LargestPixelValueInSeries          X X X K X X
WindowCenter                       units units units units units X
WindowWidth                        units units units units units X
WindowCenterWidthExplanation       units units units units units X
Units                              units units units units K1 K1
IconImageSequence                  X X X K X X
RedPaletteColorLookupTableData     X X X K X X
DigitalSignaturesSequence          X X X X X X
MACParametersSequence              X X X X X X
EncryptedAttributesSequence        X X X X X X
SOPInstanceStatus                  X X X X X X
SOPAuthorizationDateTime           X X X X X X
QualityControlImage                X X X X X X
OriginalAttributesSequence         K K K1 K K1 K1
ContentQualification               K K K1 K K1 K1
ImageComments                      K K K1 K K1 K1
LossyImageCompression              K K worst K worst worst
"""
MARKS = {
    line.split()[0]: dict(zip("PLGSJM", line.split()[1:], strict=True)) for line in SPECIFICATION.strip().splitlines()
}
