"""Pixels and their description: whether what is said of them agrees, and whether there are as many as is said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.uid import UID

from slicewise.dicom.checks.faults import Fault, Severity, fault
from slicewise.dicom.checks.level import Level
from slicewise.dicom.items import leading_items
from slicewise.image.elements import tag_of

__all__ = ["description_faults", "frame_count", "native_length"]

_UNIT = 1e-3
"""How far direction cosines may be from unit length and right angles; they are written with about six digits."""
_SUBSAMPLED = frozenset(["YBR_FULL_422", "YBR_PARTIAL_422"])


def frame_count(level: Level) -> int:
    """Return the number of frames: 1 unless stated."""
    return max(int(level.number("NumberOfFrames") or 1), 1)


def native_length(level: Level, pixel_tag: int) -> int | None:
    """Return how many bytes uncompressed pixels must have, without padding; None if their description is not whole."""
    stated = [level.number(keyword) for keyword in ("Rows", "Columns", "BitsAllocated")]
    if pixel_tag != tag_of("PixelData"):
        stated[2] = 32 if pixel_tag == tag_of("FloatPixelData") else 64
    if any(number is None for number in stated):
        return None
    rows, columns, bits = (int(number or 0) for number in stated)
    samples = int(level.number("SamplesPerPixel") or 1)
    total = rows * columns * samples * frame_count(level)
    if level.value("PhotometricInterpretation") in _SUBSAMPLED and samples == 3:
        # Two pixels share their colour differences.
        total = total * 2 // 3
    return (total * bits + 7) // 8


def description_faults(level: Level, syntax_uid: str) -> Iterator[Fault]:
    """Give what does not agree in the description of an image."""
    yield from _bit_faults(level)
    yield from _extreme_faults(level)
    yield from _plane_faults(level)
    yield from _lossy_faults(level, syntax_uid)
    yield from _frame_faults(level)


def _bit_faults(level: Level) -> Iterator[Fault]:
    allocated, stored, high = (level.number(keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated is not None and allocated != 1 and (allocated % 8 or allocated <= 0):
        yield fault("pixel-description", "BitsAllocated", f"{allocated:g}", "1, or a multiple of 8")
    if allocated is not None and stored is not None and not 0 < stored <= allocated:
        yield fault("pixel-description", "BitsStored", f"{stored:g}", f"1 to BitsAllocated ({allocated:g})")
    if stored is not None and high is not None and high != stored - 1:
        yield fault("pixel-description", "HighBit", f"{high:g}", f"BitsStored - 1 ({stored - 1:g})")
    samples, photometric = level.number("SamplesPerPixel"), level.value("PhotometricInterpretation")
    if samples is not None and photometric:
        grey = photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
        if grey != (samples == 1):
            yield fault(
                "pixel-description", "SamplesPerPixel", f"{samples:g}", f"{1 if grey else 3} with {photometric}"
            )
    for keyword in ("Rows", "Columns"):
        if level.number(keyword) == 0:
            yield fault("pixel-description", keyword, "0", "at least 1")


def _frame_faults(level: Level) -> Iterator[Fault]:
    groups = level.elements.get(tag_of("PerFrameFunctionalGroupsSequence"))
    if groups is None or not groups.value:
        return
    items, frames = len(leading_items(groups)), frame_count(level)
    if items != frames:
        name = "PerFrameFunctionalGroupsSequence"
        yield fault("frames", name, f"{items} items", f"NumberOfFrames items: {frames}")


def _extreme_faults(level: Level) -> Iterator[Fault]:
    representation = level.value("PixelRepresentation")
    if representation not in ("0", "1"):
        return
    wanted = "SS" if representation == "1" else "US"
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue", "PixelPaddingRangeLimit"):
        element = level.elements.get(tag_of(keyword))
        if element is not None and element.vr in ("US", "SS") and element.vr != wanted:
            said = f"VR {wanted}, as PixelRepresentation is {representation}"
            yield fault("vr-sign", keyword, f"VR {element.vr}", said)


def _plane_faults(level: Level) -> Iterator[Fault]:
    cosines = _numbers(level, "ImageOrientationPatient")
    if len(cosines) == 6:
        row, column = np.array(cosines[:3]), np.array(cosines[3:])
        lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
        if (np.abs(lengths - 1) > _UNIT).any() or abs(float(row @ column)) > _UNIT:
            shown = "\\".join(f"{cosine:g}" for cosine in cosines)
            yield fault("orientation", "ImageOrientationPatient", shown, "two unit vectors at right angles")
    spacing = _numbers(level, "PixelSpacing")
    if len(spacing) == 2 and min(spacing) <= 0 and not (level.number("Rows") == 1 or level.number("Columns") == 1):
        yield fault("pixel-spacing", "PixelSpacing", "\\".join(f"{v:g}" for v in spacing), "two numbers above 0 mm")


def _numbers(level: Level, keyword: str) -> list[float]:
    try:
        return [float(value) for value in level.values(keyword)]
    except ValueError:
        return []  # told of by its form


def _lossy_faults(level: Level, syntax_uid: str) -> Iterator[Fault]:
    stated = level.value("LossyImageCompression")
    if _is_lossy(syntax_uid) and stated != "01":
        severity = Severity.ERROR if stated else Severity.WARNING
        found = repr(stated) if stated else "absent or empty"
        yield fault(
            "lossy-marking", "LossyImageCompression", found, "01: the transfer syntax is lossy", severity=severity
        )
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if stated == "01" and not level.values(keyword):
            yield fault(
                "lossy-marking", keyword, "absent or empty", "a value, as LossyImageCompression is 01",
                severity=Severity.WARNING,
            )  # fmt: skip


def _is_lossy(syntax_uid: str) -> bool:
    # JPEG baseline and extended: never lossless. JPEG 2000, JPEG-LS near-lossless and the newer may be either.
    name = UID(syntax_uid).name
    return name.startswith(("JPEG Baseline", "JPEG Extended")) or "MPEG" in name or "HEVC" in name
