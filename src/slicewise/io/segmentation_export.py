"""Segmentations as label maps of other formats, with a description that dcmqi reads beside them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.dicom.template_attributes import ATTRIBUTES, misfit
from slicewise.errors import DestinationError, ParameterError, SlicewiseWarning
from slicewise.image import Headers, Image
from slicewise.io.segmentation_reader import SegmentationReader
from slicewise.io.staging import check_destination, staged_folder
from slicewise.io.volume_writer import VolumeWriter
from slicewise.pipeline.node import as_node
from slicewise.pipeline.progress import Show

__all__ = ["ExportedSegmentation", "export_segmentation"]

_FORMATS = ("nrrd", "nii.gz", "nii", "mha", "vtk")
_NOT_STATED = "not stated"


@attrs.frozen
class ExportedSegmentation:
    """What was written.

    Parameters
    ----------
    folder : Path
        Where to.
    volumes : tuple of Path
        The label map; or a file for each segment, in their order.
    description : Path
        What the labels stand for, as dcmqi's ``metainfo.json``.
    """

    folder: Path
    volumes: tuple[Path, ...]
    description: Path


def export_segmentation(
    reader: SegmentationReader,
    folder: str | os.PathLike[str],
    *,
    format: str = "nrrd",  # noqa: A002 - as users call it
    each: bool = False,
    memory: int | str | None = None,
    workers: int | None = None,
    progress: bool | Show | None = None,
) -> ExportedSegmentation:
    """Write the segments of a segmentation as a label map, or each as a file of its own, and what they are as JSON.

    The files are those that dcmqi's itkimage2segimage and ``SegmentTemplate.from_dcmqi`` make a segmentation of again.

    Parameters
    ----------
    reader : SegmentationReader
        The segmentation: on its own grid, or on that of its source; of all segments, or of one.
    folder : path
        The folder to write to, which is made; what is there already is not touched.
    format : "nrrd", "nii.gz", "nii", "mha" or "vtk"
        Format of the files.
    each : bool
        Whether each segment is a file of its own, so that they may overlap. Pixels are its label, or fractions.
    memory, workers, progress
        See ``Node.update``.

    Raises
    ------
    DestinationError
        If the folder is there and not empty, or is a file.
    ParameterError
        If the format is not known; or segments hold fractions, which make no label map.
    SeriesError
        If segments overlap, and are to be one label map.
    IrregularGeometryError
        If slices are not evenly spaced.
    """
    final = Path(folder).expanduser()
    if format not in _FORMATS:
        raise ParameterError(f"'format' must be one of {', '.join(_FORMATS)} (got {format!r})")
    stem = reader.files[0].name.partition(".")[0] or "segmentation"
    there = sorted(final.iterdir()) if final.is_dir() else []
    if there:
        raise DestinationError(
            f"{final}: the folder is not empty ({there[0].name}), and what is there is not touched: choose "
            f"another, such as {final / stem}"
        )
    check_destination(final, overwrite=False)
    shown = _shown(reader)
    options: dict[str, Any] = {"memory": memory, "workers": workers, "progress": progress}
    names: list[str] = []
    with staged_folder(final, overwrite=False) as stage:
        for name, image in _images(reader, shown if each else None, stem, options):
            names.append(f"{name}.{format}")
            (as_node(image) >> VolumeWriter(stage / names[-1], on_headers="drop")).update(progress=False)
        described = json.dumps(_description(reader, shown, names, each=each), indent=2, ensure_ascii=False)
        (stage / f"{stem}.json").write_text(described + "\n", encoding="utf-8")
    return ExportedSegmentation(final, tuple(final / name for name in names), final / f"{stem}.json")


def _shown(reader: SegmentationReader) -> dict[int, Segment]:
    labels = set(reader.shown_labels)
    every = {s.number if s.value is None else s.value: s for s in reader.segments}
    return {label: s for label, s in every.items() if label is not None and label in labels}


def _images(
    reader: SegmentationReader, each: Mapping[int, Segment] | None, stem: str, options: Mapping[str, Any]
) -> Iterator[tuple[str, Image]]:
    """Iterate over the names and images of the files, one at a time."""
    if each is None:
        image = reader.update(**options)
        (label,) = reader.shown_labels if reader.segment is not None else (1,)
        yield stem, _labelled(image, label)
        return
    for label, segment in each.items():
        alone: SegmentationReader = attrs.evolve(reader, segment=segment.number, values="labels")  # type: ignore[misc]
        yield f"{stem}-{label}", _labelled(alone.update(**options), label)


def _labelled(image: Image, label: int) -> Image:
    """Return a mask with its label as its value; other images as they are."""
    if image.dtype != np.bool_:
        return image
    values = image.array * np.min_scalar_type(label).type(label)
    return Image.from_array(values, geometry=image.geometry)


def _description(
    reader: SegmentationReader, shown: Mapping[int, Segment], names: Sequence[str], *, each: bool
) -> dict[str, Any]:
    stated = {label: _as_dcmqi_has_it(label, segment) for label, segment in shown.items()}
    lists = [{label: segment} for label, segment in stated.items()] if each else [stated]
    files: Any = names if each else ()
    attributes = _attributes(reader.headers)
    return SegmentTemplate(lists, attributes=attributes, algorithm_name=_NOT_STATED, files=files).to_dcmqi()


def _as_dcmqi_has_it(label: int, segment: Segment) -> Segment:
    """Return a segment without what its description has no place for, which a warning tells."""
    lost = [name for name in ("type_modifiers", "anatomic_region_modifiers") if len(getattr(segment, name)) > 1]
    if lost or segment.further:
        told = [f"all but one of {name.replace('_', ' ')}" for name in lost]
        told += ["how it was made in detail, or other attributes"] if segment.further else []
        warnings.warn(
            f"segment {label} ({segment.label!r}): the description has no place for {' and '.join(told)}",
            SlicewiseWarning,
            stacklevel=4,
        )
    return attrs.evolve(
        segment,
        further="",
        type_modifiers=tuple(segment.type_modifiers)[:1],
        anatomic_region_modifiers=tuple(segment.anatomic_region_modifiers)[:1],
        number=None,
        value=None,
    )


def _attributes(headers: Headers) -> dict[str, str]:
    found = {}
    for keyword, vr in ATTRIBUTES.items():
        value = str(headers[keyword][0] or "")
        if value and not misfit(value, vr):
            found[keyword] = value
    return found
