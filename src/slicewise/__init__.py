"""slicewise: lazy image pipelines for medical images, with one true header per slice."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

try:
    __version__ = version("slicewise")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

# Silent unless the program that uses it wants to hear: see docs/running.md.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "Blend": "filters.combine",
    "Cast": "filters.intensity",
    "Clip": "filters.intensity",
    "Concatenate": "filters.concatenate",
    "ContourReader": "io.contour_reader",
    "Coordinates": "image",
    "Crop": "filters.cropping",
    "Deidentify": "filters.deidentify",
    "FillMissing": "filters.missing",
    "Flip": "filters.orientation",
    "Function": "filters.function",
    "Gaussian": "filters.neighbourhood",
    "Geometry": "image",
    "Headers": "image",
    "Image": "image",
    "ImageStack": "image",
    "Isotropic": "filters.planes",
    "Join": "filters.combine",
    "LookupTable": "filters.scaling",
    "Lossy": "dicom.lossy",
    "MPR": "filters.planes",
    "Mask": "filters.combine",
    "Median": "filters.neighbourhood",
    "MultiFrameWriter": "io.multi_frame_writer",
    "NewSeries": "io.new_series",
    "Normalize": "filters.scaling",
    "OverlayMask": "io.overlay_mask",
    "Pad": "filters.pad",
    "Padding": "image",
    "PaddingMask": "filters.padding",
    "PerSlice": "image",
    "Permute": "filters.orientation",
    "Profile": "pipeline.profile",
    "Progress": "pipeline.progress",
    "Project": "filters.projections",
    "Recipe": "io.recipes",
    "RectifyTilt": "filters.tilt",
    "Reorient": "filters.orientation",
    "Resample": "filters.geometry",
    "Rescale": "filters.scaling",
    "ResultCache": "pipeline.cache",
    "SUVbw": "filters.uptake",
    "Segment": "dicom.segments",
    "SegmentTemplate": "dicom.segment_template",
    "SegmentationReader": "io.segmentation_reader",
    "SegmentationWriter": "io.segmentation_writer",
    "SelectSlices": "filters.slices",
    "SeriesReader": "io.series_reader",
    "SeriesWriter": "io.series_writer",
    "Stack": "pipeline.stack",
    "Threshold": "filters.intensity",
    "VolumeReader": "io.volumes",
    "VolumeWriter": "io.volume_writer",
    "Window": "filters.intensity",
    "WithPixelsFrom": "filters.pixels_back",
    "as_node": "pipeline.node",
    "check_streaming": "pipeline.streaming",
    "codify": "io.codify",
    "compare": "io.compare",
    "compile_instances": "io.compile",
    "discover": "io.discover",
    "draw": "display.drawing",
    "edit": "io.edit",
    "errors": "errors",
    "export_segmentation": "io.segmentation_export",
    "filter": "filters.own",
    "itk": "filters.itk",
    "label_statistics": "filters.label_statistics",
    "preview_labels": "filters.label_preview",
    "read_instance": "io.instances",
    "read_volumes": "io.series_volumes",
    "replay": "io.provenance.replay",
    "sitk": "filters.sitk",
    "transcode": "io.transcode",
    "update_all": "pipeline.together",
    "validate": "io.validate",
    "verify": "io.provenance.verification",
    "where": "filters.combine",
}
"""Where each public name lives: rooms are imported when a name of theirs is first used."""

__all__ = [
    "MPR",
    "Blend",
    "Cast",
    "Clip",
    "Concatenate",
    "ContourReader",
    "Coordinates",
    "Crop",
    "Deidentify",
    "FillMissing",
    "Flip",
    "Function",
    "Gaussian",
    "Geometry",
    "Headers",
    "Image",
    "ImageStack",
    "Isotropic",
    "Join",
    "LookupTable",
    "Lossy",
    "Mask",
    "Median",
    "MultiFrameWriter",
    "NewSeries",
    "Normalize",
    "OverlayMask",
    "Pad",
    "Padding",
    "PaddingMask",
    "PerSlice",
    "Permute",
    "Profile",
    "Progress",
    "Project",
    "Recipe",
    "RectifyTilt",
    "Reorient",
    "Resample",
    "Rescale",
    "ResultCache",
    "SUVbw",
    "Segment",
    "SegmentTemplate",
    "SegmentationReader",
    "SegmentationWriter",
    "SelectSlices",
    "SeriesReader",
    "SeriesWriter",
    "Stack",
    "Threshold",
    "VolumeReader",
    "VolumeWriter",
    "Window",
    "WithPixelsFrom",
    "__version__",
    "as_node",
    "check_streaming",
    "codify",
    "compare",
    "compile_instances",
    "discover",
    "draw",
    "edit",
    "errors",
    "export_segmentation",
    "filter",
    "itk",
    "label_statistics",
    "preview_labels",
    "read_instance",
    "read_volumes",
    "replay",
    "sitk",
    "transcode",
    "update_all",
    "validate",
    "verify",
    "where",
]

if TYPE_CHECKING:
    from slicewise import errors
    from slicewise.dicom.lossy import Lossy
    from slicewise.dicom.segment_template import SegmentTemplate
    from slicewise.dicom.segments import Segment
    from slicewise.display.drawing import draw
    from slicewise.filters import itk, sitk
    from slicewise.filters.combine import Blend, Join, Mask, where
    from slicewise.filters.concatenate import Concatenate
    from slicewise.filters.cropping import Crop
    from slicewise.filters.deidentify import Deidentify
    from slicewise.filters.function import Function
    from slicewise.filters.geometry import Resample
    from slicewise.filters.intensity import Cast, Clip, Threshold, Window
    from slicewise.filters.label_preview import preview_labels
    from slicewise.filters.label_statistics import label_statistics
    from slicewise.filters.missing import FillMissing
    from slicewise.filters.neighbourhood import Gaussian, Median
    from slicewise.filters.orientation import Flip, Permute, Reorient
    from slicewise.filters.own import filter  # noqa: A004
    from slicewise.filters.pad import Pad
    from slicewise.filters.padding import PaddingMask
    from slicewise.filters.pixels_back import WithPixelsFrom
    from slicewise.filters.planes import MPR, Isotropic
    from slicewise.filters.projections import Project
    from slicewise.filters.scaling import LookupTable, Normalize, Rescale
    from slicewise.filters.slices import SelectSlices
    from slicewise.filters.tilt import RectifyTilt
    from slicewise.filters.uptake import SUVbw
    from slicewise.image import Coordinates, Geometry, Headers, Image, ImageStack, Padding, PerSlice
    from slicewise.io.codify import codify
    from slicewise.io.compare import compare
    from slicewise.io.compile import compile_instances
    from slicewise.io.contour_reader import ContourReader
    from slicewise.io.discover import discover
    from slicewise.io.edit import edit
    from slicewise.io.instances import read_instance
    from slicewise.io.multi_frame_writer import MultiFrameWriter
    from slicewise.io.new_series import NewSeries
    from slicewise.io.overlay_mask import OverlayMask
    from slicewise.io.provenance.replay import replay
    from slicewise.io.provenance.verification import verify
    from slicewise.io.recipes import Recipe
    from slicewise.io.segmentation_export import export_segmentation
    from slicewise.io.segmentation_reader import SegmentationReader
    from slicewise.io.segmentation_writer import SegmentationWriter
    from slicewise.io.series_reader import SeriesReader
    from slicewise.io.series_volumes import read_volumes
    from slicewise.io.series_writer import SeriesWriter
    from slicewise.io.transcode import transcode
    from slicewise.io.validate import validate
    from slicewise.io.volume_writer import VolumeWriter
    from slicewise.io.volumes import VolumeReader
    from slicewise.pipeline.cache import ResultCache
    from slicewise.pipeline.node import as_node
    from slicewise.pipeline.profile import Profile
    from slicewise.pipeline.progress import Progress
    from slicewise.pipeline.stack import Stack
    from slicewise.pipeline.streaming import check_streaming
    from slicewise.pipeline.together import update_all


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slicewise' has no attribute {name!r}")
    home = importlib.import_module(f"slicewise.{_HOMES[name]}")
    is_module = home.__name__.rpartition(".")[2] == name and not hasattr(home, name)
    return home if is_module else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)


if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    importlib.import_module("slicewise.display").register(shell)
