"""What the phantom scanner writes into its headers: tables, from keyword to value.

A mapping stands for a Dataset and a list of mappings for a sequence, so that a header reads
here as it reads in a dump. Whatever differs from slice to slice, the pixels and the UIDs are
set by `slicewise.io.phantom`; the empty text here marks a type 2 attribute without a value.
"""

from __future__ import annotations

from typing import Any, Final

CODED: Final = "CodingSchemeDesignator"


def code(value: str, scheme: str, meaning: str) -> dict[str, Any]:
    """Return the items of a code, as the standard's macro of 8.8 has them."""
    return {"CodeValue": value, CODED: scheme, "CodeMeaning": meaning}


STUDY: Final[dict[str, Any]] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyDate": "20260302",
    "StudyTime": "101500",
    "AccessionNumber": "A20260302-7",
    "ReferringPhysicianName": "",
    "StudyDescription": "CT Thorax/Abdomen",
    "ProcedureCodeSequence": [code("CTTHAB", "99PHANTOM", "CT thorax and abdomen, contrast")],
    "PhysiciansOfRecord": ["Ångström^Åsa", "Weiß^Max"],
    "PatientName": "Müller^Jürgen^^Dr.",
    "PatientID": "PHANTOM-1",
    "IssuerOfPatientID": "SLICEWISE",
    "PatientBirthDate": "",
    "PatientSex": "M",
    "OtherPatientIDsSequence": [
        {"PatientID": "0815", "IssuerOfPatientID": "Ward 7", "TypeOfPatientID": "TEXT"},
        {"PatientID": "X-9", "IssuerOfPatientID": "Trial", "TypeOfPatientID": "BARCODE"},
    ],
    "PatientAge": "061Y",
    "PatientSize": "1.78",
    "PatientWeight": "81.5",
    "EthnicGroup": "",
    "AdditionalPatientHistory": "Phantom; no patient was imaged.\r\nMade for tests.",
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "Synthetic data",
    "LongitudinalTemporalInformationModified": "REMOVED",
    "StudyID": "7",
    "FillerOrderNumberImagingServiceRequest": "",
}

EQUIPMENT: Final[dict[str, Any]] = {
    "Manufacturer": "Phantom Scanners",
    "InstitutionName": "Hôpital de démonstration",
    "InstitutionAddress": "1 Test Road",
    "StationName": "CT01",
    "InstitutionalDepartmentName": "Radiology",
    "ManufacturerModelName": "Phantom One",
    "DeviceSerialNumber": "10007",
    "SoftwareVersions": ["syn 1.0", "rec 2.31"],
    "SpatialResolution": "0.35",
    "DateOfLastCalibration": ["20260227", "20260301"],
    "TimeOfLastCalibration": ["060000", "061500"],
}

SERIES: Final[dict[str, Any]] = {
    "SeriesDate": "20260302",
    "SeriesTime": "101530.25",
    "Modality": "CT",
    "PerformingPhysicianName": "",
    "OperatorsName": "Núñez^Inés",
    "BodyPartExamined": "CHEST",
    "AnatomicRegionSequence": [code("51185008", "SCT", "Chest")],
    "ProtocolName": "Thorax_Abd_KM",
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
    "PerformedProcedureStepStartDate": "20260302",
    "PerformedProcedureStepStartTime": "101500",
    "PerformedProcedureStepID": "PPS7",
    "PerformedProcedureStepDescription": "CT Thorax/Abdomen",
    "PerformedProtocolCodeSequence": [code("THX7", "99PHANTOM", "Thorax, venous")],
    "RequestAttributesSequence": [
        {
            "RequestedProcedureDescription": "Staging",
            "RequestedProcedureCodeSequence": [code("STG", "99PHANTOM", "Staging")],
            "ScheduledProcedureStepDescription": "Thorax + Abdomen",
            "ScheduledProtocolCodeSequence": [
                code("THX7", "99PHANTOM", "Thorax, venous")
                | {
                    "ProtocolContextSequence": [
                        {
                            "ValueType": "NUMERIC",
                            "ConceptNameCodeSequence": [code("113733", "DCM", "KVP")],
                            "NumericValue": "120",
                            "MeasurementUnitsCodeSequence": [code("kV", "UCUM", "kV")],
                        }
                    ]
                }
            ],
            "ScheduledProcedureStepID": "SPS7",
            "RequestedProcedureID": "RP7",
        }
    ],
}

ACQUISITION: Final[dict[str, Any]] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SYN1"],
    "AcquisitionDate": "20260302",
    "AcquisitionNumber": 2,
    "ContrastBolusAgent": "Iomeprol 350",
    "ContrastBolusAgentSequence": [code("C-B0320", "SRT", "Iomeprol")],
    "ContrastBolusRoute": "IV",
    "ContrastBolusVolume": "95",
    "ContrastBolusStartTime": "101402",
    "ContrastBolusStopTime": "101434",
    "ContrastBolusTotalDose": "95",
    "ContrastFlowRate": "3",
    "ContrastFlowDuration": "31.7",
    "ContrastBolusIngredient": "IODINE",
    "ContrastBolusIngredientConcentration": "350",
    "ScanOptions": "HELICAL",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "151.5",
    "RotationDirection": "CW",
    "ExposureTime": 500,
    "FilterType": "WEDGE_3",
    "GeneratorPower": 36,
    "FocalSpots": ["0.7", "1.2"],
    "ConvolutionKernel": ["Br40f", "3"],
    "RevolutionTime": 0.5,
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 64.512,
    "TableFeedPerRotation": 32.256,
    "SpiralPitchFactor": 0.84,
    "ExposureModulationType": "XYZ_EC",
    "CTDIPhantomTypeCodeSequence": [code("113691", "DCM", "IEC Body Dosimetry Phantom")],
}

IMAGE: Final[dict[str, Any]] = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BurnedInAnnotation": "NO",
    "RecognizableVisualFeatures": "NO",
    "LossyImageCompression": "00",
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1500"],
    "WindowCenterWidthExplanation": ["MEDIASTINUM", "LUNG"],
    "RescaleSlope": "1",
    "RescaleType": "HU",
}

HEADER: Final[dict[str, Any]] = STUDY | EQUIPMENT | SERIES | ACQUISITION | IMAGE
"""Every public attribute that all slices share and that no argument decides."""
