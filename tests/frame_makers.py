"""Multi-frame images made by pydicom alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

__all__ = ["encapsulated_ct", "enhanced_ct", "enhanced_header"]


def enhanced_header(count: int, rows: int, columns: int, **attributes: Any) -> Dataset:
    """Return an enhanced CT without pixels, its frames one above the other, 2 mm apart."""
    dataset = Dataset()
    values: dict[str, Any] = {
        "SOPClassUID": EnhancedCTImageStorage,
        "SOPInstanceUID": "1.2.826.0.1.3680043.10.1.5.1",
        "StudyInstanceUID": "1.2.826.0.1.3680043.10.1.1",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.10.1.5",
        "Modality": "CT",
        "PatientID": "P",
        "NumberOfFrames": count,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
    } | attributes
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 2
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(k) for k in range(count)]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _frame(k: int) -> Dataset:
    frame, position = Dataset(), Dataset()
    position.ImagePositionPatient = [0, 0, 2 * k]
    frame.PlanePositionSequence = [position]
    return frame


def enhanced_ct(path: Path, frames: np.ndarray, **attributes: Any) -> Path:
    """Write an uncompressed enhanced CT."""
    dataset = enhanced_header(*frames.shape[:3], **attributes)
    dataset.PixelData = frames.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def encapsulated_ct(
    path: Path,
    frames: Sequence[bytes],
    shape: tuple[int, int],
    syntax: str,
    *,
    table: str = "basic",
    fragments: int = 1,
    **attributes: Any,
) -> Path:
    """Write compressed frames, with a basic, an extended or no offset table, in one or several fragments each."""
    dataset = enhanced_header(len(frames), *shape, **attributes)
    if table == "extended":
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
            list(frames)
        )
    else:
        dataset.PixelData = encapsulate(list(frames), fragments_per_frame=fragments, has_bot=table == "basic")
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    # pydicom refuses to write transfer syntaxes that are younger than its dictionary, unless it is left alone.
    dataset.preamble = bytes(128)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return path
