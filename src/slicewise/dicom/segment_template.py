"""What is to be said of a segmentation: its segments by the labels of a map, and how it is called."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from slicewise.dicom import dcmqi, short_template
from slicewise.dicom.code_names import category_of
from slicewise.dicom.coded import to_code
from slicewise.dicom.segments import ALGORITHM_TYPES, Segment
from slicewise.dicom.template_attributes import check_attributes
from slicewise.errors import ParameterError

__all__ = ["SegmentTemplate"]

_LARGEST = (1 << 32) - 1

Lists = tuple[Mapping[int, Segment], ...]


def _lists(value: Any) -> Lists:
    if isinstance(value, Sequence) and value and all(isinstance(one, Segment) for one in value):
        value = {one.number if one.value is None else one.value: one for one in value}
    maps = [value] if isinstance(value, Mapping) else list(value)
    if not maps or not all(isinstance(one, Mapping) and one for one in maps):
        raise ParameterError(
            "'segments' must be a mapping of labels to segments, e.g. {1: sw.Segment(...)}, or for several masks one "
            f"each (got {value!r})"
        )
    return tuple(MappingProxyType({_label(k): _segment(k, v) for k, v in one.items()}) for one in maps)


def _label(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST:
        raise ParameterError(f"a label must be a whole number from 1 on; 0 is the background (got {value!r})")
    return value


def _segment(label: int, value: Any) -> Segment:
    if isinstance(value, Segment):
        return value
    code = to_code(value)
    return Segment(code.meaning, code, category_of(code, f"segment {label}"))


def _attributes(value: Mapping[str, Any] | None) -> Mapping[str, str]:
    return MappingProxyType(check_attributes(value or {}))


@attrs.frozen(repr=False)
class SegmentTemplate:
    """What a segmentation states of its segments, and of itself.

    Parameters
    ----------
    segments : mapping of int to Segment, a sequence of such mappings, or of segments
        For each label of a map its segment; a code stands for a segment that is called as the code is. Of several
        masks or maps, one mapping each. Segments that were read know their labels, as in
        ``SegmentTemplate(reader.segments)``.
    attributes : mapping of str to str, optional
        Of the instance: SeriesDescription, SeriesNumber, InstanceNumber, ContentLabel, ContentDescription,
        ContentCreatorName, BodyPartExamined, and of a clinical trial.
    algorithm_type : "AUTOMATIC", "SEMIAUTOMATIC" or "MANUAL", optional
        How segments were made that do not say so.
    algorithm_name : str
        With what, where they do not say so; needed unless they were made by hand.
    fallbacks : mapping of str to str, optional
        Of such attributes, what is stated where neither template nor source know better.
    files : sequence of str
        Names of the files of the masks, if they are known.

    Raises
    ------
    ParameterError
        If it is not known how a segment was made, or with what, or a value cannot be stated.

    Examples
    --------
    >>> from pydicom.sr.codedict import codes
    >>> SegmentTemplate({1: codes.SCT.Liver, 2: codes.SCT.Kidney}, algorithm_type="MANUAL").labels
    (1, 2)
    """

    segments: Lists = attrs.field(converter=_lists)
    attributes: Mapping[str, str] = attrs.field(default=None, converter=_attributes, kw_only=True)
    algorithm_type: str | None = attrs.field(default=None, kw_only=True)
    algorithm_name: str = attrs.field(default="", kw_only=True)
    fallbacks: Mapping[str, str] = attrs.field(default=None, converter=_attributes, kw_only=True)
    files: Sequence[str] = attrs.field(default=(), converter=tuple, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.algorithm_type is not None and self.algorithm_type not in ALGORITHM_TYPES:
            wanted = ", ".join(ALGORITHM_TYPES)
            raise ParameterError(f"'algorithm_type' must be one of {wanted} (got {self.algorithm_type!r})")
        completed = tuple(
            MappingProxyType({label: self._completed(label, s) for label, s in one.items()}) for one in self.segments
        )
        object.__setattr__(self, "segments", completed)

    def _completed(self, label: int, segment: Segment) -> Segment:
        kind = segment.algorithm_type or self.algorithm_type
        if kind is None:
            raise ParameterError(
                f"segment {label} ({segment.label!r}) does not say how it was made: give "
                "algorithm_type='AUTOMATIC', 'SEMIAUTOMATIC' or 'MANUAL', to the segment or to the template"
            )
        name = segment.algorithm_name or ("" if kind == "MANUAL" else self.algorithm_name)
        if kind != "MANUAL" and not name.strip():
            raise ParameterError(
                f"segment {label} ({segment.label!r}) is {kind} and does not say with what it was made (PS3.3, "
                "C.8.20.4): give algorithm_name='...', to the segment or to the template"
            )
        called = segment.label if segment.label.strip() else segment.type.meaning
        completed = attrs.evolve(
            segment, label=called, algorithm_type=kind, algorithm_name=name, number=None, value=None
        )
        try:
            completed.check()
        except ParameterError as error:
            raise ParameterError(f"segment {label} ({segment.label!r}): {error}") from error
        return completed

    def __repr__(self) -> str:
        names = [f"{label}: {segment.label!r}" for one in self.segments for label, segment in one.items()]
        more = f", ... ({len(names)} segments)" if len(names) > 4 else ""
        return f"SegmentTemplate({', '.join(names[:4])}{more})"

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels, in ascending order; those of several masks together."""
        return tuple(sorted({label for one in self.segments for label in one}))

    @property
    def merged(self) -> Mapping[int, Segment]:
        """The segments of all masks by their labels.

        Raises
        ------
        ParameterError
            If several masks have the same label for different segments.
        """
        found: dict[int, Segment] = {}
        for one in self.segments:
            for label, segment in one.items():
                if found.setdefault(label, segment) != segment:
                    raise ParameterError(
                        f"the template has label {label} for {found[label].label!r} and for {segment.label!r}, which "
                        "are in one image; give an image for each list of segments, put together with Join"
                    )
        return MappingProxyType(found)

    @classmethod
    def from_dcmqi(
        cls, *sources: str | os.PathLike[str] | Mapping[str, Any], algorithm_name: str = ""
    ) -> SegmentTemplate:
        """Return the template of one or more ``metainfo.json`` of dcmqi, one list of segments behind the other.

        What they do not state is as in dcmqi: Series Number 300, Series Description "Segmentation", Content Label
        "SEGMENTATION", Content Creator's Name "Reader1", Instance Number 1; and where the source is in no clinical
        trial, Clinical Trial Series ID "Session1" and Clinical Trial Time Point ID "1".

        Parameters
        ----------
        *sources : path or mapping
            Files, or what is in them.
        algorithm_name : str
            With what segments were made that do not say so.

        Raises
        ------
        ParameterError
            If something is missing, unknown or of the wrong kind; the message names the path to it.
        ReadError
            If a file cannot be read.
        """
        return cls(**dcmqi.parsed(sources, algorithm_name), fallbacks=dcmqi.DEFAULTS, algorithm_name=algorithm_name)

    def to_dcmqi(self) -> dict[str, Any]:
        """Return what a ``metainfo.json`` of dcmqi says of it.

        Raises
        ------
        ParameterError
            If dcmqi has no place for something, such as a second modifier.
        """
        return dcmqi.stated(self.segments, {**self.fallbacks, **self.attributes}, self.files)

    @classmethod
    def from_yaml(cls, source: str | os.PathLike[str] | Mapping[Any, Any]) -> SegmentTemplate:
        """Return the template of a short YAML file: labels, and what they are.

        ::

            algorithm: MANUAL
            1: Liver
            2: {label: Lesion 1, type: Neoplasm, region: Liver, colour: [220, 60, 30]}

        Names are those of pydicom's dictionaries, or the meanings of codes; a code that has no name there is
        ``["10200004", "SCT", "Liver"]``. The category of a type is as the standard has it. Besides: ``modifiers``,
        ``region_modifiers``, ``category``, ``algorithm``, ``algorithm_name``, ``description``, ``tracking_id`` and
        ``tracking_uid`` of a segment; ``algorithm``, ``algorithm_name`` and attributes by keyword, such as
        ``SeriesDescription``, for all.

        Parameters
        ----------
        source : path or mapping
            The file, or what is in it.

        Raises
        ------
        ParameterError
            If a name is not known, or something is unknown or of the wrong kind.
        ReadError
            If the file cannot be read.
        """
        return cls(**short_template.parsed(source))
