"""What a segmentation keeps of the images it was made of, as its IOD has it (PS3.3, A.51)."""

from __future__ import annotations

from slicewise.image.elements import tag_of

__all__ = ["KEPT", "MUST_AGREE", "MUST_BE_THERE"]

_BY_MODULE = {
    "Patient (C.7.1.1)": (
        "ReferencedPatientSequence PatientName PatientID IssuerOfPatientID TypeOfPatientID "
        "IssuerOfPatientIDQualifiersSequence SourcePatientGroupIdentificationSequence "
        "GroupOfPatientsIdentificationSequence PatientBirthDate PatientBirthTime "
        "PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientAlternativeCalendar "
        "PatientSex QualityControlSubject StrainDescription StrainNomenclature StrainStockSequence "
        "StrainAdditionalInformation StrainCodeSequence GeneticModificationsSequence OtherPatientNames "
        "OtherPatientIDs OtherPatientIDsSequence ReferencedPatientPhotoSequence EthnicGroup EthnicGroupCodeSequence "
        "PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription PatientBreedCodeSequence "
        "BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization PatientComments "
        "PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence"
    ),
    "Clinical Trial Subject (C.7.1.3)": (
        "ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName IssuerOfClinicalTrialProtocolID "
        "OtherClinicalTrialProtocolIDsSequence ClinicalTrialSiteID ClinicalTrialSiteName IssuerOfClinicalTrialSiteID "
        "ClinicalTrialSubjectID IssuerOfClinicalTrialSubjectID ClinicalTrialSubjectReadingID "
        "IssuerOfClinicalTrialSubjectReadingID ClinicalTrialProtocolEthicsCommitteeName "
        "ClinicalTrialProtocolEthicsCommitteeApprovalNumber"
    ),
    "General Study (C.7.2.1)": (
        "StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence ReferringPhysicianName "
        "ReferringPhysicianIdentificationSequence ConsultingPhysicianName "
        "ConsultingPhysicianIdentificationSequence StudyDescription ProcedureCodeSequence PhysiciansOfRecord "
        "PhysiciansOfRecordIdentificationSequence NameOfPhysiciansReadingStudy "
        "PhysiciansReadingStudyIdentificationSequence ReferencedStudySequence StudyInstanceUID StudyID "
        "RequestingService RequestingServiceCodeSequence ReasonForPerformedProcedureCodeSequence"
    ),
    "Patient Study (C.7.2.2)": (
        "AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize PatientSizeCodeSequence "
        "PatientBodyMassIndex MeasuredAPDimension MeasuredLateralDimension PatientWeight MedicalAlerts Allergies "
        "Occupation SmokingStatus AdditionalPatientHistory PregnancyStatus LastMenstrualDate PatientSexNeutered "
        "ReasonForVisit ReasonForVisitCodeSequence AdmissionID IssuerOfAdmissionIDSequence ServiceEpisodeID "
        "ServiceEpisodeDescription IssuerOfServiceEpisodeIDSequence PatientState"
    ),
    "Clinical Trial Study (C.7.2.3)": (
        "ClinicalTrialTimePointID ClinicalTrialTimePointDescription LongitudinalTemporalOffsetFromEvent "
        "LongitudinalTemporalEventType ClinicalTrialTimePointTypeCodeSequence IssuerOfClinicalTrialTimePointID "
        "ConsentForClinicalTrialUseSequence"
    ),
    "General Series (C.7.3.1)": "AnatomicalOrientationType BodyPartExamined Laterality",
    "Clinical Trial Series (C.7.3.2)": (
        "ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID ClinicalTrialSeriesDescription "
        "IssuerOfClinicalTrialSeriesID"
    ),
    "Frame of Reference (C.7.4.1)": "FrameOfReferenceUID PositionReferenceIndicator",
    "SOP Common (C.12.1)": (
        "SpecificCharacterSet TimezoneOffsetFromUTC SyntheticData ContentQualification "
        "LongitudinalTemporalInformationModified"
    ),
}

KEPT = frozenset(tag_of(keyword) for keywords in _BY_MODULE.values() for keyword in keywords.split())
"""Attributes of the source that are true of a segmentation, too."""

MUST_AGREE = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
"""What all slices of one segmentation have in common."""

MUST_BE_THERE = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "PositionReferenceIndicator",
)
"""What is stated if only as empty (type 2)."""
