"""Real series that the tests read, and what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import slicewise as sw
from slicewise.pipeline.node import Node


class Case(NamedTuple):
    """A real series: where it is, and how to read it."""

    name: str
    folder: str
    reader: Mapping[str, Any] = MappingProxyType({})
    even: bool = True
    colour: bool = False


_COMPRESSED = "compressed-series"
_STS = "multimodal-sts-001/STS_001"

CASES = (
    Case("ct-ge-liver", "ct-ge-liver-41/CRLM-CT-1004/image"),
    Case("pet-ge-wholebody", "pet-ge-wholebody-267/STS_001/FDG_PET/image"),
    Case("sts-ct", f"{_STS}/CT/dicom/image"),
    Case("sts-mr", f"{_STS}/MR_T1/dicom/image"),
    Case("sts-pet", f"{_STS}/PET/dicom/image"),
    Case("mr-canon-adc", "mr-canon-adc-36/SCAN_001/adc_image"),
    Case("mr-jpeg-lossless", f"{_COMPRESSED}/compressed_jpeg"),
    Case("mr-jpeg-ls", f"{_COMPRESSED}/compressed_jpegls"),
    Case("mr-jpeg-2000", f"{_COMPRESSED}/compressed_j2k"),
    Case("mr-rle", f"{_COMPRESSED}/compressed_rle"),
    Case("mr-uncompressed", f"{_COMPRESSED}/anatomical/001"),
    Case("mr-implicit", f"{_COMPRESSED}/anatomical/001_implicit"),
    Case("mr-hitachi-japanese", "mr-hitachi-japanese/anatomical/001"),
    Case("mr-jpeg-fragments", "mr-jpegll-fragments-24/5001_anat-T1w_acq-tfl"),
    Case("ct-ge-tilt", "ct-ge-tilt", {"on_gap": "keep"}, even=False),
    Case("sc-colour", "color-series/rgb/001", colour=True),
)
BY_NAME = {case.name: case for case in CASES}


class Way(NamedTuple):
    """Something done to an image between reading and writing."""

    name: str
    node: Callable[[Node], Node]


def _resampled(image: Node) -> Node:
    x, y, z = image.geometry.spacing
    return image >> sw.Resample(spacing=(1.3 * x, 1.3 * y, 1.3 * z))


CROP = (slice(1, -1), slice(4, -6), slice(3, -5))
"""Of slices, rows, columns."""

WAYS = (
    Way("nothing", lambda image: image),
    Way("median", lambda image: image >> sw.Median(radius=1)),
    Way("resample", _resampled),
    Way("crop", lambda image: image[CROP]),
)


class Result(NamedTuple):
    """What went in and what came out."""

    case: Case
    way: Way
    source: tuple[Path, ...]  # from the lowest slice to the highest, as pydicom's positions say
    node: Node
    written: Any
