"""DICOM series made by pydicom alone, so that nothing of the code under test is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom.data
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHIPPED_FILES = Path(pydicom.data.__file__).parent / "test_files"
"""What pydicom ships; asking its functions for them may ask the network for more."""

STUDY = "1.2.826.0.1.3680043.10.1.1"


def ds(value: float) -> str:
    """Return a decimal string of at most 16 characters."""
    return f"{round(float(value), 8) + 0.0:.10g}"


def dataset_of_slice(stored: np.ndarray, position: Sequence[float], **attributes: Any) -> Dataset:
    """Return a CT image of one slice; attributes replace what it has, None leaves them out."""
    signed = stored.dtype.kind == "i"
    bits = stored.dtype.itemsize * 8
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": "1.2.826.0.1.3680043.10.1.3.1",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": "1.2.826.0.1.3680043.10.1.2",
        "FrameOfReferenceUID": "1.2.826.0.1.3680043.10.1.4",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientName": "Doe^Jane",
        "PatientID": "ID-1",
        "SeriesNumber": 2,
        "InstanceNumber": 1,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [ds(v) for v in position],
        "PixelSpacing": [1, 1],
        "SliceThickness": "1",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
    } | attributes
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = values["SOPClassUID"]
    dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    dataset.add_new(
        "PixelData", "OW" if bits > 8 else "OB", _even(stored.astype(stored.dtype.newbyteorder("<")).tobytes())
    )
    return dataset


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def write_series(
    folder: Path,
    stored: np.ndarray,
    *,
    positions: Sequence[Sequence[float]] | None = None,
    per_slice: Sequence[Mapping[str, Any]] | None = None,
    prefix: str = "f",
    **attributes: Any,
) -> list[Path]:
    """Write one file per slice and return them in the order of the array; names and numbers are in another."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(stored)
    names = np.random.default_rng(count).permutation(count)
    places = positions if positions is not None else [(0.0, 0.0, float(k)) for k in range(count)]
    paths = []
    for k in range(count):
        own = {
            "SOPInstanceUID": f"1.2.826.0.1.3680043.10.1.3.{k + 1}",
            "InstanceNumber": int(names[::-1][k]) + 1,
            **attributes,
            **(per_slice[k] if per_slice is not None else {}),
        }
        path = folder / f"{prefix}{names[k]:03d}.dcm"
        dataset_of_slice(stored[k], places[k], **own).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def box_positions(
    origin: Sequence[float], normal: Sequence[float], spacing: float, slices: int
) -> list[tuple[float, float, float]]:
    """Return positions along a normal."""
    start, along = np.asarray(origin, float), np.asarray(normal, float)
    return [tuple(start + k * spacing * along) for k in range(slices)]
