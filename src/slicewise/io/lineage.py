"""What pixels come from and what is done to them, told in the same way on every machine."""

from __future__ import annotations

from slicewise.io.contour_reader import ContourReader
from slicewise.io.segmentation_reader import SegmentationReader
from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.keys import content_key
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Node

__all__ = ["lineage"]


def lineage(node: Node) -> str:
    """Return a digest of a graph in which what is DICOM counts by its instances and images by their pixels.

    The key of a node counts files by path and time, and images in memory each for itself: what is
    right for caches differs from run to run.
    """
    cls = type(node)
    if isinstance(node, SeriesReader):
        return content_key("series", [s.sop_instance_uid for slice_sources in node.info.sources for s in slice_sources])
    if isinstance(node, InMemory):
        geometry = node.geometry
        grid = [geometry.positions, geometry.row_direction, geometry.column_direction, geometry.pixel_spacing]
        return content_key("image", node.image.array, grid)
    inputs = [(name, lineage(source)) for name, source in node.inputs.items()]
    identity = node.content if isinstance(node, SegmentationReader | ContourReader) else node.identity
    return content_key(f"{cls.__module__}.{cls.__qualname__}", node.version, identity, inputs)
