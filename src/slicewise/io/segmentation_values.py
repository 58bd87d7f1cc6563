"""What values of an image become segments, and of which kind of segmentation."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.errors import ParameterError
from slicewise.image import ImageInfo

__all__ = ["check_values", "segments_of"]


def segments_of(info: ImageInfo, template: SegmentTemplate, kind: str) -> tuple[Mapping[int, Segment], ...]:
    """Return for each component of an image its labels and what they stand for.

    Parameters
    ----------
    info : ImageInfo
        What is known of the image.
    template : SegmentTemplate
        What the labels stand for.
    kind : "binary", "fractional" or "labelmap"
        The kind of segmentation.

    Raises
    ------
    ParameterError
        If the template describes another number of components.
    """
    components = info.components
    lists = template.segments
    if components == 1 and kind != "fractional":
        segments = _with_values(template.merged)
        if info.dtype.kind == "b" and len(segments) == 1:
            return ({1: next(iter(segments.values()))},)  # there is only one thing that True can be
        return (segments,)
    if len(lists) == components > 1 and kind != "fractional":
        labels = [label for one in lists for label in one]
        # A label that is used twice tells nothing.
        return tuple(_with_values(one) if len(set(labels)) == len(labels) else one for one in lists)
    segments = _with_values(template.merged)
    if len(segments) != components:
        described = f"{len(lists)} lists of {len(segments)} segments" if len(lists) > 1 else f"{len(segments)} segments"
        raise ParameterError(
            f"the image has {components} component{'s' * (components > 1)}, and the template {described}: there "
            "must be one component for each"
        )
    return tuple({1: segments[label]} for label in sorted(segments))


def _with_values(segments: Mapping[int, Segment]) -> Mapping[int, Segment]:
    """Return segments that know their labels, which may not be the numbers they get."""
    return {label: attrs.evolve(segment, value=label) for label, segment in segments.items()}


def check_values(info: ImageInfo, kind: str) -> None:
    """Raise unless values of an image are of the type that a kind of segmentation is made of.

    Raises
    ------
    ParameterError
        If they are not.
    """
    if kind == "fractional":
        if info.dtype.kind not in "fb":
            raise ParameterError(
                f"fractional segments are fractions from 0 to 1 as floating-point numbers (got {info.dtype}): "
                "scale them first, or write kind='binary'"
            )
    elif info.dtype.kind not in "biu":
        raise ParameterError(
            f"labels must be whole numbers (got {info.dtype}): round them with Cast('uint8') if that is what they "
            "are, or write probabilities with kind='fractional'"
        )
    if kind == "labelmap" and info.components > 1:
        raise ParameterError(
            f"a label map has one label for each pixel, and the image has {info.components} components, which may "
            "overlap: write kind='binary'"
        )
