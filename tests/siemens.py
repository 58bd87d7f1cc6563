"""Mosaics of Siemens and grids of United Imaging, with private headers written here byte by byte."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from makers import dataset_of_slice, ds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def csa(fields: Mapping[str, Sequence[str]], version: int = 2) -> bytes:
    """Return a CSA header; values are padded to four bytes, and empty ones follow those given."""
    parts = [b"SV10\4\3\2\1"] if version == 2 else []
    parts.append(struct.pack("<2i", len(fields), 77))
    first = None
    for name, values in fields.items():
        items = 6 if values else 0
        first = items if first is None else first
        parts.append(struct.pack("<64si4s3i", name.encode(), len(values), b"FD", 3, items, 77))
        for k in range(items):
            text = values[k].encode() + b"\0" if k < len(values) else b""
            size = len(text)
            lengths = (size, size, 77, size) if version == 2 else (size + first, 0, 77, 0)
            parts.append(struct.pack("<4i", *lengths) + text + b"\0" * (-size % 4))
    return b"".join(parts) + b"\0" * 4


def mosaic_of(slices: np.ndarray, *, square: bool = True) -> np.ndarray:
    """Return slices as tiles of one frame, row by row."""
    across = math.ceil(math.sqrt(len(slices)))
    down = across if square else math.ceil(len(slices) / across)
    rows, columns = slices.shape[1:]
    frame = np.zeros((down * rows, across * columns), slices.dtype)
    for k, values in enumerate(slices):
        r, c = divmod(k, across)
        frame[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns] = values
    return frame


def mosaic(
    slices: np.ndarray,
    first: Sequence[float],
    plane: Sequence[float],
    *,
    spacing: Sequence[float] = (2.0, 3.0, 4.0),
    normal: Sequence[float] | None = None,
    version: int = 2,
    number: int = 1,
    **attributes: Any,
) -> Dataset:
    """Return a mosaic whose slice 0 begins at a point and whose others follow along a normal.

    Spacing is between rows, columns and slices. The position written is that of the corner of a slice of the size of
    the mosaic around the centre of slice 0.
    """
    frame = mosaic_of(slices)
    row, column = np.array(plane[:3]), np.array(plane[3:])
    margins = [(whole - part) / 2 for whole, part in zip(frame.shape, slices.shape[1:], strict=True)]
    corner = np.array(first) - row * spacing[1] * margins[1] - column * spacing[0] * margins[0]
    sense = np.cross(row, column) if normal is None else np.array(normal)
    values: dict[str, Any] = {
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": f"1.2.826.0.1.3680043.10.1.9.{number}",
        "Modality": "MR",
        "Manufacturer": "SIEMENS",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "InstanceNumber": number,
        "AcquisitionNumber": number,
        "ImageOrientationPatient": [ds(v) for v in plane],
        "PixelSpacing": list(spacing[:2]),
        "SliceThickness": ds(spacing[2] * 0.8),
        "SpacingBetweenSlices": ds(spacing[2]),
        "SliceLocation": ds(float(np.array(first) @ np.cross(row, column))),
        "EchoTime": "30",
        "RepetitionTime": "2000",
        "RescaleSlope": None,
        "RescaleIntercept": None,
        "SmallestImagePixelValue": int(frame.min()),
        "LargestImagePixelValue": int(frame.max()),
    } | attributes
    dataset = dataset_of_slice(frame, corner, **values)
    times = [ds(70.0 * k) for k in range(len(slices))]
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    fields = {
        "EchoLinePosition": ["32"],
        "UsedChannelMask": [],
        "NumberOfImagesInMosaic": [str(len(slices))],
        "SliceNormalVector": [f"{v:.8f}" for v in sense],
        "ProtocolSliceNumber": ["0"],
        "MosaicRefAcqTimes": times[:6],
    }
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x10, "OB", csa(fields, version))
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(slices))
    return dataset


def grid(slices: np.ndarray, places: Sequence[Sequence[float]], **attributes: Any) -> Dataset:
    """Return a grid of United Imaging, with an item for each slice."""
    values: dict[str, Any] = {
        "SOPClassUID": MRImageStorage,
        "Modality": "MR",
        "Manufacturer": "UIH",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"],
        "RescaleSlope": None,
        "RescaleIntercept": None,
        "SliceThickness": "4",
        "SpacingBetweenSlices": "4",
    } | attributes
    dataset = dataset_of_slice(mosaic_of(slices, square=False), places[0], **values)
    del dataset.ImagePositionPatient
    items = []
    for k, place in enumerate(places):
        item = Dataset()
        item.ImagePositionPatient = [ds(v) for v in place]
        item.AcquisitionTime = f"1200{k:02d}"
        items.append(item)
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(len(slices)))
    block.add_new(0x51, "SQ", items)
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    """Write a dataset to a file."""
    dataset.save_as(path, enforce_file_format=True)
    return path
