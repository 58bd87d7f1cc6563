"""Headers for fuzz.py that are well-formed and claim what is not so."""

from __future__ import annotations

import io
import random
from typing import Literal

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

NUMBERS = (0, 1, 2, 3, 8, 12, 16, 32, 255, 4096, 0x7FFF, 0xFFFF)
TEXTS = ("", "0", "-1", "1", "3", "2147483647", "999999999999", "1e308", "-1e308", "nan", "1\\2", "0\\0\\0\\0", "x")
SHORTS = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "OverlayRows",
    "OverlayBitPosition",
)
STRINGS = (
    "NumberOfFrames",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "SliceThickness",
    "SpacingBetweenSlices",
    "FrameIncrementPointer",
    "InstanceNumber",
    "PhotometricInterpretation",
    "SpecificCharacterSet",
    "SOPInstanceUID",
    "SeriesInstanceUID",
)
LONGS = (
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "FrameIncrementPointer",
    "DimensionIndexValues",
)


def with_claims(data: bytes, chance: random.Random) -> bytes:
    """Return a file whose header is well-formed, and claims what is not so; at any depth."""
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        for _ in range(chance.choice([1, 1, 2, 4])):
            _claim(chance.choice(_datasets(dataset)), chance)
        out = io.BytesIO()
        dataset.save_as(out)
        return out.getvalue()
    except Exception:  # noqa: BLE001 - whatever pydicom cannot do with it, there are other ways to damage it
        return data


def _datasets(dataset: Dataset, depth: int = 0) -> list[Dataset]:
    """Return a dataset and items of its sequences: itself again and again, for a fair chance."""
    inner = [item for element in dataset if element.VR == "SQ" for item in element.value[:8]] if depth < 4 else []
    return [dataset] * (1 + len(inner)) + [found for item in inner for found in _datasets(item, depth + 1)]


def _claim(dataset: Dataset, chance: random.Random) -> None:
    kind = chance.choice(["short", "string", "long", "any", "away"])
    present = list(dataset.keys())
    order: Literal["little", "big"] = "little" if dataset.original_encoding[1] in (None, True) else "big"
    if kind == "away" and present:
        del dataset[chance.choice(present)]
        return
    if kind == "short":
        keyword, value, vr = chance.choice(SHORTS), chance.choice(NUMBERS).to_bytes(2, order), "US"
    elif kind == "long":
        keyword, vr = chance.choice(LONGS), "OV"
        value = b"".join(chance.choice([0, 8, 1 << 31, 1 << 62, (1 << 64) - 1]).to_bytes(8, order) for _ in range(3))
    else:
        keyword, value, vr = chance.choice(STRINGS), chance.choice(TEXTS).encode(), "DS"
    tag = Tag(chance.choice(present) if kind == "any" and present else keyword)
    implicit = bool(dataset.original_encoding[0])
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(tag, None if implicit else vr, len(value), value, 0, implicit, order == "little")
