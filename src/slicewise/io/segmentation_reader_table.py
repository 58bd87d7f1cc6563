"""The segments of a segmentation as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slicewise.image import Code
from slicewise.image.extras import optional_module

if TYPE_CHECKING:
    import pandas as pd

    from slicewise.dicom.segments import Segment
    from slicewise.io.contour_reader_file import Region
    from slicewise.io.segmentation_reader_layout import SegmentFrame

__all__ = ["region_rows", "segment_rows", "segment_table"]


def segment_rows(segments: Sequence[Segment], frames: Sequence[SegmentFrame]) -> list[dict[str, Any]]:
    """Return what is known of each segment, by the names of the columns of the table."""
    slices: dict[int | None, set[int]] = {}
    for frame in frames:
        slices.setdefault(frame.segment, set()).add(frame.slice)
    return [
        {
            "number": segment.number,
            "label": segment.label,
            "category": _meaning(segment.category),
            "type": _meaning(segment.type),
            "code": f"{segment.type.value}, {segment.type.scheme}",
            "modifiers": _listed(segment.type_modifiers),
            "region": _listed([segment.anatomic_region, *segment.anatomic_region_modifiers]),
            "algorithm": " ".join(filter(None, (segment.algorithm_type, segment.algorithm_name))),
            "tracking_id": segment.tracking_id,
            "colour": "" if segment.rgb is None else "#{:02x}{:02x}{:02x}".format(*segment.rgb),
            "slices": len(slices.get(segment.number, slices.get(None, ()))),
        }
        for segment in segments
    ]


def region_rows(regions: Sequence[Region]) -> list[dict[str, Any]]:
    """Return what is known of each region of a structure set, by the names of columns."""
    return [
        {
            "number": region.number,
            "name": region.name,
            "type": region.type,
            "colour": "" if region.colour is None else "#{:02x}{:02x}{:02x}".format(*region.colour),
            "contours": region.contours,
        }
        for region in regions
    ]


def segment_table(segments: Sequence[Segment], frames: Sequence[SegmentFrame]) -> pd.DataFrame:
    """Return a pandas table, one row per segment; see ``SegmentationReader.table``."""
    pandas = optional_module("pandas", "jupyter", "reader.table()")
    return pandas.DataFrame(segment_rows(segments, frames)).set_index("number")


def _meaning(code: Code | None) -> str:
    return "" if code is None else code.meaning


def _listed(codes: Sequence[Code | None]) -> str:
    return ", ".join(code.meaning for code in codes if code is not None)
