"""A DICOM series of single-frame images as the start of a pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from slicewise.dicom.decoding import LOSSY_SYNTAXES
from slicewise.dicom.overlays import Overlay, overlays_of
from slicewise.dicom.parsing import DEFLATED
from slicewise.dicom.pixels import NATIVE_SYNTAXES, pixel_formats
from slicewise.dicom.value_choice import CHOICES, Meaning, meaning_of
from slicewise.errors import (
    MixedSlicesError,
    ParameterError,
    ReadError,
    SeriesError,
    SeveralSeriesError,
    SlicewiseError,
)
from slicewise.image import Geometry, Headers, ImageInfo, RawElement, Source
from slicewise.image.elements import tag_of
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.image.image import sources_of
from slicewise.io.frames import Frame
from slicewise.io.listing import PathLike
from slicewise.io.one_kind import check_one_kind
from slicewise.io.opened_series import OpenedSeries, check_not_tiled, listing, open_series
from slicewise.io.parameters import fixed_mapping, one_of, tolerance
from slicewise.io.paths import path_or_paths
from slicewise.io.pixel_files import MOST_EXPANSION, check_room
from slicewise.io.planeless import check_none_has_plane, plane_states, stack_without_planes
from slicewise.io.policies import policy_steps
from slicewise.io.slabs import StoredSlice, read_slab
from slicewise.io.stacking import StackPolicy, stack
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.inference import infer
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, fields_of, node
from slicewise.pipeline.sources import SourceFile

__all__ = ["SeriesReader"]

_LARGE = 1024**3


def _volume(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
        raise ParameterError(f"{attribute.name!r} must be the number or the name of a volume (got {value!r})")


@node
class SeriesReader(Node):
    """Reader of a DICOM series: one volume of single-frame images, or of the frames of multi-frame ones.

    Slices are ordered by their position along the normal of their plane, never by name or
    instance number. Values are modality values unless others are asked for: rescale slope and
    intercept of each slice (or its Modality LUT, or the scaling of a dose grid) are applied, in an
    integer type where the result is integer, else in float32 (PS3.3, C.11.1).

    A frame of a multi-frame file is a slice, and so is a tile of a mosaic. What a policy let pass (a gap,
    doubled slices, images without a plane) stands in the history of the image, and in what is written of it.

    Nothing is read until it is asked for: headers with the first question about the image, pixels
    slab by slab when the pipeline runs.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        A folder (with its subfolders), an archive (ZIP or tar), a DICOMDIR, a pattern such as ``"study/*.dcm"``, a
        file, or a list of these.
    series : str or int, optional
        SeriesInstanceUID or SeriesNumber, where there are several.
    where : mapping, optional
        Attributes that the images must have, e.g. ``{"EchoTime": 4.92}``, to choose one volume of a
        series that holds several.
    volume : int or str, optional
        Which of several volumes (echoes, times, orientations, ...): its number from 0, or its name as
        ``read_volumes`` and the error message give it.
    on_gap : "error" or "keep"
        What to do where slices are missing or unevenly spaced: refuse, or keep the stack as it is.
    on_duplicate : "error" or "first"
        What to do with two slices at one position: refuse, or take the first file's.
    tolerance : float
        How far a slice may lie from its place in an even stack, as a fraction of the slice spacing.
    on_no_plane : "error" or "pixels"
        What to do with images that have no place in the patient (ultrasound, projections, screenshots):
        refuse, or take them in the order of the source, in a grid of their own pixels.
    values : "modality", "stored", "real_world" or "philips"
        What the values are: modality values; the stored integers; real world values, in the unit that
        Real World Value Mapping Sequence states (PS3.3, C.7.6.16.2.11), NaN for stored values it does
        not map; or the floating-point values of Philips MR, (stored x RS + RI) / (RS x SS) with the
        scale slope SS of (2005,xx0E). Headers of the image are true of the values asked for.
    mapping : str, optional
        LUT Label, or code or meaning of the unit, where there are several real world value mappings.

    Raises
    ------
    HeaderError
        If the headers do not say how to make the values asked for; the message names the slice.
    ReadError
        If a file is missing, broken or truncated, or no codec decodes it.
    PatientMismatchError
        If the slices are of several patients.
    SeriesError
        If the files are not one volume: several series, missing or doubled slices, mixed sizes or
        orientations. The message names the files and says how to go on.
    """

    path: PathLike | Sequence[PathLike] = attrs.field(converter=path_or_paths)
    series: str | int | None = attrs.field(default=None, kw_only=True)
    where: Mapping[str, Any] | None = attrs.field(
        default=None, kw_only=True, converter=attrs.converters.optional(fixed_mapping)
    )
    volume: int | str | None = attrs.field(default=None, kw_only=True, validator=_volume)
    on_gap: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "keep"))
    on_duplicate: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "first"))
    tolerance: float = attrs.field(default=REGULAR_TOLERANCE, kw_only=True, validator=tolerance)
    on_no_plane: str = attrs.field(default="error", kw_only=True, validator=one_of("error", "pixels"))
    values: str = attrs.field(default="modality", kw_only=True, validator=one_of(*CHOICES))
    mapping: str | None = attrs.field(default=None, kw_only=True)

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def identity(self) -> Any:
        """The files, their sizes and times of change, the policies, and what values are read."""
        frames = [s.frame for s in self._slices]
        files = [(str(f.file.path.absolute()), f.file.size, f.file.mtime_ns, f.index, f.window) for f in frames]
        return [files, self.on_gap, self.tolerance, self.on_no_plane, self.values, self.mapping]

    @property
    def parameter_text(self) -> str:
        """The path, and what differs from the defaults."""
        shown = f"{len(self.path)} files" if isinstance(self.path, tuple) else repr(self.path)
        fields = [f for f in fields_of(type(self)) if f.name != "path"]
        values = {f.name: getattr(self, f.name) for f in fields} | {"where": dict(self.where) if self.where else None}
        changed = [f"{f.name}={values[f.name]!r}" for f in fields if values[f.name] != f.default]
        return ", ".join([shown, *changed])

    @property
    def files(self) -> tuple[Path, ...]:
        """The files in the order of their slices; members of archives as ``study.zip/ct/0001.dcm``."""
        return tuple(dict.fromkeys(s.frame.file.path for s in self._slices))

    @property
    def source_files(self) -> tuple[SourceFile, ...]:
        """The files on disk, as they were when their headers were read."""
        files = dict.fromkeys(s.frame.file for s in self._slices)
        return tuple(dict.fromkeys(f.source.on_disk(f.size, f.mtime_ns) for f in files))

    @property
    def is_cheap(self) -> bool:
        """Whether all pixels are stored as they are."""
        return NATIVE_SYNTAXES.issuperset(self.transfer_syntaxes) and DEFLATED not in self.transfer_syntaxes

    @property
    def transfer_syntaxes(self) -> tuple[str, ...]:
        """UIDs of the transfer syntaxes that the files are in, sorted."""
        return tuple(sorted({s.frame.file.syntax_uid for s in self._slices}))

    @cached_property
    def overlays(self) -> tuple[Overlay, ...]:
        """The overlays of the series: group, label, description, type, and the slices that have each.

        ``series >> OverlayMask(group)`` makes a mask of one.
        """
        return overlays_of(self.info.headers, [stored.frame.index for stored in self._slices])

    @property
    def stored_slices(self) -> tuple[StoredSlice, ...]:
        """For each slice where it stands, how its pixels are stored, and what makes values of them."""
        return self._slices

    @cached_property
    def info(self) -> ImageInfo:
        """All that the headers tell."""
        return self._read[0]

    @property
    def _slices(self) -> tuple[StoredSlice, ...]:
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[ImageInfo, tuple[StoredSlice, ...]]:
        try:
            return self._read_headers()
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    @cached_property
    def opened(self) -> OpenedSeries:
        """The frames of the series with their headers, before a volume is chosen."""
        return open_series(self.path, self.series, self.where, keeps_gaps=self.on_gap == "keep")

    def of_volume(self, volume: int) -> SeriesReader:
        """Return a reader of one volume, which need not read the headers of the series again."""
        reader: SeriesReader = attrs.evolve(self, volume=volume)  # type: ignore[misc]
        reader.__dict__["opened"] = self.opened
        return reader

    def _read_headers(self) -> tuple[ImageInfo, tuple[StoredSlice, ...]]:
        opened = self.opened if self.volume is None else self.opened.volume(self.volume)
        try:
            order, geometry = self._stacked(opened)
        except SeriesError as error:
            if "SEG" in opened.headers["Modality"]:
                error.add_note(
                    "it is a segmentation: SegmentationReader reads its segments as masks or a label map, with empty "
                    "slices where they have no frame"
                )
            raise
        frames = [opened.frames[k] for k in order]
        headers = _with_lossy_marks(opened.headers.take(order), frames)
        formats = pixel_formats(headers, [_pixel_tag(frame) for frame in frames])
        meaning = meaning_of(headers, formats, self.values, self.mapping)
        slices = tuple(StoredSlice(*parts) for parts in zip(frames, formats, meaning.mappings, strict=True))
        _check_room(slices)
        info = ImageInfo(
            geometry=geometry,
            dtype=meaning.dtype,
            headers=headers.with_columns(meaning.columns),
            sources=_sources(headers, frames),
            components=meaning.components or formats[0].samples,
            history=policy_steps(len(opened.frames), geometry, self.tolerance),
        )
        _check_size(info, slices)
        return _with_meaning(info, meaning), slices

    def _stacked(self, opened: OpenedSeries) -> tuple[list[int], Geometry]:
        check_not_tiled(opened)
        names = [frame.name for frame in opened.frames]
        check_one_kind(opened.headers, names)
        if self.on_no_plane == "pixels" and not all(states := plane_states(opened.headers)):
            check_none_has_plane(states, names)
            return stack_without_planes(opened.headers, names)
        if self.volume is None and len(opened.parts) > 1:
            raise _several(opened)
        policy = StackPolicy(self.on_gap, self.on_duplicate, self.tolerance)
        return stack(opened.headers, names, policy)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Nothing is needed but the files."""
        return ()

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Read a slab."""
        out = np.empty((len(slab), *self.info.shape[1:]), self.info.dtype)
        self.compute_into(slab, out)
        return out

    def compute_into(self, slab: Slab, out: Array, *blocks: Block) -> None:
        """Read a slab into memory that is already there."""
        read_slab(self._slices[slab.start : slab.stop], out)


def _with_meaning(info: ImageInfo, meaning: Meaning) -> ImageInfo:
    if meaning.step is not None:
        info = infer([info], Outline.like(info), meaning.step, attributes=meaning.attributes)
    return attrs.evolve(info, paddings=meaning.paddings)


def _several(opened: OpenedSeries) -> SeriesError:
    """Return the error that says which slices make no one volume, and which volumes there are."""
    volumes = (
        f"{len(opened.parts)} volumes:\n{listing(opened.parts)}\n"
        "Choose one by number or name, e.g. volume=0, or images with where={...}; or read them all with "
        "sw.read_volumes(...)"
    )
    try:
        stack(opened.headers, [f.name for f in opened.frames], StackPolicy("keep", "error", REGULAR_TOLERANCE))
    except MixedSlicesError as error:
        return MixedSlicesError(f"{error}. The series holds {volumes}")
    except SeriesError as error:
        return SeveralSeriesError(f"{error}. The series holds {volumes}")
    # Such as segments that do not meet: they could be stacked, and are apart all the same.
    return SeveralSeriesError(f"{opened.where} holds {volumes}")


def _sources(headers: Headers, frames: Sequence[Frame]) -> tuple[tuple[Source, ...], ...]:
    return tuple(
        tuple(
            source._replace(frame=None if frame.index is None else frame.index + 1, tile=frame.window is not None)
            for source in found
        )
        for found, frame in zip(sources_of(headers), frames, strict=True)
    )


def _with_lossy_marks(headers: Headers, frames: Sequence[Frame]) -> Headers:
    # A JPEG that is lossy by its transfer syntax is so whether or not the header says it, and nothing
    # would tell when it is written uncompressed (PS3.3, C.7.6.1.1.5).
    tag = tag_of("LossyImageCompression")
    lossy = [frame.file.syntax_uid in LOSSY_SYNTAXES for frame in frames]
    if not any(lossy):
        return headers
    marked = RawElement(tag, "CS", b"01")
    return headers.with_columns(
        {tag: tuple(marked if is_lossy else headers.element(tag, k) for k, is_lossy in enumerate(lossy))}
    )


def _check_room(slices: Sequence[StoredSlice]) -> None:
    for frame, form, _ in slices:
        try:
            check_room(frame, form)
        except ReadError as error:
            raise ReadError(f"{frame.file.path}: {error}") from None


def _check_size(info: ImageInfo, slices: Sequence[StoredSlice]) -> None:
    # Many frames, each of a size that its file could hold, can claim what all of it cannot.
    files = {id(frame.file): frame.file for frame, _, _ in slices}
    claimed, there = math.prod(info.shape) * info.dtype.itemsize, sum(file.size for file in files.values())
    if claimed > max(_LARGE, MOST_EXPANSION * there):
        raise ReadError(
            f"{slices[0].frame.file.path}: the headers claim {' x '.join(map(str, info.shape))} values "
            f"of {info.dtype}, and the files have {there} bytes: they are broken, or made to use up memory"
        )


def _pixel_tag(frame: Frame) -> int:
    pixels = frame.file.header.pixels
    return 0 if pixels is None else pixels.tag
