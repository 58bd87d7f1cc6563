"""Segmentations made by highdicom and pydicom alone, so that nothing of the code under test is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import highdicom as hd
import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from makers import STUDY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LABELS = ("Liver", "Spleen", "Left kidney", "Right kidney", "Heart")
TYPES = (codes.SCT.Liver, codes.SCT.Spleen, codes.SCT.Kidney, codes.SCT.Kidney, codes.SCT.Heart)


def headers_of(paths: Sequence[Path]) -> list[Dataset]:
    """Return the headers of source images, in the order of their slices."""
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    return sorted(found, key=lambda ds: float(ds.ImagePositionPatient[2]))


def descriptions(numbers: Sequence[int]) -> list[Any]:
    """Return descriptions of segments."""
    return [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=LABELS[k % len(LABELS)],
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=TYPES[k % len(TYPES)],
            algorithm_type="AUTOMATIC",
            algorithm_identification=hd.AlgorithmIdentificationSequence("net", codes.DCM.ArtificialIntelligence, "1"),
        )
        for k, number in enumerate(numbers)
    ]


def write_segmentation(
    path: Path, images: Sequence[Dataset], array: np.ndarray, numbers: Sequence[int], **options: Any
) -> Path:
    """Write a segmentation with highdicom and return its path; of the kind BINARY unless told otherwise."""
    segmentation = hd.seg.Segmentation(
        source_images=list(images),
        pixel_array=array,
        segment_descriptions=descriptions(numbers),
        series_instance_uid=hd.UID(),
        series_number=300,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="tests",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        **{"segmentation_type": "BINARY"} | options,
    )
    segmentation.save_as(path)
    return path


def cropped(images: Sequence[Dataset], row: int, column: int) -> dict[str, Any]:
    """Return what highdicom must be told of pixels that begin at a row and column of axial source images."""
    spacing = [float(v) for v in images[0].PixelSpacing]
    corners = [[float(v) for v in image.ImagePositionPatient] for image in images]
    places = [(x + column * spacing[1], y + row * spacing[0], z) for x, y, z in corners]
    return {
        "plane_positions": [hd.PlanePositionSequence("PATIENT", image_position=place) for place in places],
        "pixel_measures": hd.PixelMeasuresSequence(
            images[0].PixelSpacing, images[0].SliceThickness, images[0].get("SpacingBetweenSlices")
        ),
    }


def edited(path: Path, edit: Callable[[Dataset], None]) -> Path:
    """Change a file with pydicom and return its path."""
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    return path


def blobs(shape: tuple[int, int, int], labels: Sequence[int]) -> np.ndarray:
    """Return a label map of boxes that do not touch, in a part of the slices, and none of the same size."""
    array = np.zeros(shape, np.uint16 if max(labels) > 255 else np.uint8)
    slices, rows, columns = shape
    width = columns // len(labels)
    for k, label in enumerate(labels):
        array[1 + k % 3 : slices - 2 + k % 2, 3 + k : rows - 6 + k, k * width + 1 : (k + 1) * width - k % 2] = label
    return array


def structure_set(
    path: Path, regions: Mapping[str, Sequence[np.ndarray]], kind: str = "CLOSED_PLANAR", **attributes: Any
) -> Path:
    """Write a structure set of named lists of contours with pydicom."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = RTStructureSetStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.826.0.1.3680043.10.1.9"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, "1.2.826.0.1.3680043.10.1.8"
    dataset.Modality, dataset.PatientID, dataset.PatientName = "RTSTRUCT", "ID-1", "Doe^Jane"
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for k, (name, contours) in enumerate(regions.items()):
        region, drawn, observed = Dataset(), Dataset(), Dataset()
        region.ROINumber, region.ROIName = k + 3, name
        region.ReferencedFrameOfReferenceUID = "1.2.826.0.1.3680043.10.1.4"
        drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = k + 3, [255, 10 * k, 0], []
        observed.ReferencedROINumber, observed.RTROIInterpretedType = k + 3, "ORGAN"
        for contour in contours:
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = kind, len(contour)
            item.ContourData = [f"{v:.10g}" for v in contour.reshape(-1)]
            drawn.ContourSequence.append(item)
        dataset.StructureSetROISequence.append(region)
        dataset.ROIContourSequence.append(drawn)
        dataset.RTROIObservationsSequence.append(observed)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path
