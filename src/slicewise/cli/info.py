"""``slicewise info``: what a series is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import (
    Json,
    OnDuplicate,
    OnGap,
    OnNoPlane,
    Series,
    Source,
    Tolerance,
    Volume,
    Where,
    reader_of,
    series_choice,
)
from slicewise.cli.output import print_json

if TYPE_CHECKING:
    from slicewise.image import Headers, ImageInfo
    from slicewise.io.segmentation_reader import SegmentationReader
    from slicewise.io.series_reader import SeriesReader

__all__ = ["info"]

_IDENTITY = (
    "Modality",
    "SeriesDescription",
    "SeriesNumber",
    "StudyDescription",
    "StudyDate",
    "PatientName",
    "PatientID",
    "Manufacturer",
    "ManufacturerModelName",
    "ImageType",
    "SeriesInstanceUID",
    "StudyInstanceUID",
)


def info(
    source: Source,
    *,
    pixels: Annotated[bool, typer.Option("--pixels", help="Read the pixels, too, and tell their range.")] = False,
    series: Series = None,
    where: Where = None,
    volume: Volume = None,
    on_gap: OnGap = "error",
    on_duplicate: OnDuplicate = "error",
    tolerance: Tolerance = None,
    on_no_plane: OnNoPlane = "error",
    json: Json = False,
) -> None:
    """Show what a series is.

    Its grid, its values, its headers, and what is unusual about them. Pixels are read only if asked for.
    """
    opened = reader_of(
        source,
        series=series,
        where=where,
        volume=volume,
        on_gap=on_gap,
        on_duplicate=on_duplicate,
        tolerance=tolerance,
        on_no_plane=on_no_plane,
    )
    reader: SeriesReader | SegmentationReader = opened
    segments: dict[str, Any] = {}
    if set(opened.opened.headers["Modality"]) == {"SEG"}:
        reader, segments = _segmentation(source, series, on_gap, on_no_plane)
    told = _identity(reader.headers) | segments | _grid(reader.info) | _values(reader.info)
    told["transfer_syntax"] = _syntaxes(reader.transfer_syntaxes)
    if pixels:
        told |= _range(reader.update().array)
    told |= _headers(reader.headers) | {"unusual": list(_unusual(reader.info))}
    if json:
        print_json(told)
        return
    width = max(map(len, told))
    for name, value in told.items():
        print(f"{name.replace('_', ' '):<{width}}  {_text(value)}".rstrip())


def _segmentation(
    source: Path, series: str | None, on_gap: str, on_no_plane: str
) -> tuple[SegmentationReader, dict[str, Any]]:
    """Return a reader of a segmentation on its own grid, and what there is in it."""
    from slicewise.io.segmentation_reader import SegmentationReader
    from slicewise.io.segmentation_reader_choice import line_of

    reader = SegmentationReader(
        source,
        series=series_choice(series),
        values="masks",
        on_gap="keep" if on_gap == "keep" else "fill",
        on_no_plane=on_no_plane,
    )
    return reader, {"segmentation": reader.kind, "segments": [line_of(segment) for segment in reader.segments]}


def _identity(headers: Headers) -> dict[str, Any]:
    from slicewise.image.attribute_text import decoded, value_text
    from slicewise.image.elements import tag_of

    elements = {keyword: decoded(headers[0], tag_of(keyword)) for keyword in _IDENTITY}
    return {keyword: value_text(element) for keyword, element in elements.items() if element is not None}


def _grid(known: ImageInfo) -> dict[str, Any]:
    geometry = known.geometry
    z = geometry.slice_spacing
    return {
        "size": list(geometry.size),
        "spacing": [geometry.pixel_spacing[1], geometry.pixel_spacing[0], round(z, 6)],
        "origin": list(geometry.origin),
        "row_direction": geometry.row_direction,
        "column_direction": geometry.column_direction,
        "regular": geometry.is_regular,
    }


def _values(known: ImageInfo) -> dict[str, Any]:
    return {"type": str(known.dtype), "components": known.components}


def _syntaxes(uids: Sequence[str]) -> list[str]:
    from pydicom.uid import UID

    return sorted(f"{UID(uid).name} ({uid})" for uid in uids)


def _range(array: Any) -> dict[str, Any]:
    return {"lowest": array.min().item(), "highest": array.max().item(), "mean": float(array.mean())}


def _headers(headers: Headers) -> dict[str, Any]:
    tags = headers.columns()
    return {
        "attributes": len(tags),
        "varying": list(headers.varying),
        "private": sum(tag >> 16 & 1 for tag in tags),
    }


def _unusual(known: ImageInfo) -> Iterator[str]:
    from slicewise.dicom.rescale import rescales

    geometry = known.geometry
    if not geometry.is_in_patient:
        yield geometry.coordinates.value
    if geometry.is_sheared:
        yield f"sheared by {geometry.tilt:.2f} degrees, as under gantry tilt"
    if geometry.slices > 1 and not geometry.is_even:
        yield f"slices unevenly spaced, by up to {geometry.unevenness:.4g} mm"
    if len(set(rescales(known.headers))) > 1:
        yield "slope or intercept differ from slice to slice"
    if "MONOCHROME1" in known.headers["PhotometricInterpretation"]:
        yield "high values are meant to be shown dark (MONOCHROME1)"
    if "01" in known.headers["LossyImageCompression"]:
        yield "pixels were compressed with loss"
    if len({str(uid) for uid in known.headers["FrameOfReferenceUID"]}) > 1:
        yield "slices state different frames of reference"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "__iter__"):
        parts = [_text(v) for v in value]
        return ", ".join(parts) if parts else "none"
    return f"{value:.10g}"
