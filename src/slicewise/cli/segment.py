"""``slicewise segment``: label maps to DICOM segmentations, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import Json, Memory, Series, Workers, series_choice
from slicewise.cli.output import print_json, print_table

if TYPE_CHECKING:
    from slicewise.dicom.segment_template import SegmentTemplate
    from slicewise.io.segmentation_reader import SegmentationReader
    from slicewise.pipeline.node import Node

__all__ = ["segment"]

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".vtk")


def segment(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SRC...", help="Label maps or masks (NIfTI, NRRD, MetaImage, VTK); or one DICOM SEG or RTSTRUCT."
        ),
    ],
    *,
    of: Annotated[
        Path | None,
        typer.Option("--source", metavar="SERIES", help="The DICOM series that was segmented."),
    ] = None,
    template: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What the labels are: dcmqi's metainfo.json, or a YAML. May be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DST", help="The SEG file; or the folder for label maps.")
    ] = None,
    series: Series = None,
    kind: Annotated[str, typer.Option(metavar="binary|fractional|labelmap", help="Of a new SEG.")] = "binary",
    crop: Annotated[bool, typer.Option("--crop", help="Frames of a new SEG show no more than the segments.")] = False,
    keep_empty: Annotated[bool, typer.Option("--keep-empty", help="Write frames of slices without a segment.")] = False,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out labels that the template does not know.")
    ] = False,
    transfer_syntax: Annotated[
        str, typer.Option(metavar="NAME|UID", help="Of a new SEG: explicit, deflated, rle, jpeg-ls, ...")
    ] = "explicit",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a SEG file that is there.")] = False,
    only: Annotated[
        str | None, typer.Option("--segment", "--roi", metavar="NUMBER|NAME", help="One segment or region of SRC.")
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="A label map for each segment of SRC; they may overlap.")
    ] = False,
    overlap: Annotated[
        str, typer.Option(metavar="error|first|last", help="What pixels of several segments are in one label map.")
    ] = "error",
    format_: Annotated[
        str, typer.Option("--format", metavar="nrrd|nii.gz|nii|mha|vtk", help="Of label maps that are written.")
    ] = "nrrd",
    memory: Memory = None,
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
    json: Json = False,
) -> None:
    """Make a DICOM segmentation of label maps; or label maps of one; or list what is in it.

    Label maps become a SEG with --source, --template and --output. A SEG becomes label maps with --output, with a
    description beside them of which dcmqi, and this command, make a SEG again; contours of an RTSTRUCT become a SEG
    with --source and --template, too. Without --output the segments are listed.
    """
    how: dict[str, Any] = {"memory": memory, "workers": workers, "progress": False if quiet else None}
    if all(path.name.lower().endswith(_VOLUMES) for path in source):
        _check_unused({"--segment": only, "--each": each or None}, "for a SEG or RTSTRUCT")
        described = _template(template)
        masks = _joined(_in_order(source, described), are_labels=kind != "fractional")
    else:
        if len(source) > 1:
            raise typer.BadParameter("is one SEG or RTSTRUCT, or several label maps", param_hint="SRC")
        opened = _opened(source[0], of, series, only, overlap)
        if output is None:
            _list(opened, json=json)
            return
        if template is None:
            _export(opened, output, how, each=each, format_=format_, json=json, quiet=quiet)
            return
        if not opened.is_connected:
            raise typer.BadParameter("is missing: contours lie on the series they were drawn on", param_hint="--source")
        masks, described = opened, _template(template)
    writing = {
        "kind": kind,
        "inplane_cropping": crop,
        "skip_empty_slices": not keep_empty,
        "skip_missing_segment": skip_missing,
        "transfer_syntax": transfer_syntax,
        "overwrite": overwrite,
        "source": None if of is None else _series(of, series),
    }
    _write(masks, _needed(output, "--output"), described, writing, how, json=json, quiet=quiet)


def _check_unused(given: Mapping[str, object], when: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"is only {when}", param_hint=option)


def _needed(value: Any, option: str) -> Any:
    if value is None:
        raise typer.BadParameter("is missing: label maps become a SEG with it", param_hint=option)
    return value


def _series(path: Path, series: str | None) -> Node:
    from slicewise.io.series_reader import SeriesReader

    return SeriesReader(path, series=series_choice(series))


def _in_order(paths: Sequence[Path], template: SegmentTemplate) -> Sequence[Path]:
    """Return files in the order in which a template describes them, if it names them."""
    files = list(template.files)
    if len(paths) == 1 or not files:
        return paths
    by_name = {path.name: path for path in paths}
    if set(by_name) != {Path(file).name for file in files} or len(paths) != len(files):
        raise typer.BadParameter(
            f"describes the files {', '.join(files)} (segmentAttributesFileMapping), and given are "
            f"{', '.join(by_name)}: nothing says which is which",
            param_hint="--template",
        )
    return [by_name[Path(file).name] for file in files]


def _joined(paths: Sequence[Path], *, are_labels: bool) -> Node:
    from slicewise.filters.combine import Join
    from slicewise.filters.whole_labels import whole_labels
    from slicewise.io.volumes import VolumeReader

    readers = [VolumeReader(path) for path in paths]
    volumes = [whole_labels(reader) if are_labels else reader for reader in readers]
    return volumes[0] if len(volumes) == 1 else Join(tuple(volumes))


def _template(paths: Sequence[Path] | None) -> SegmentTemplate:
    from slicewise.dicom.segment_template import SegmentTemplate

    found = _needed(paths or None, "--template")
    if any(path.suffix.lower() in (".yaml", ".yml") for path in found):
        if len(found) > 1:
            raise typer.BadParameter("is one YAML, or several metainfo.json", param_hint="--template")
        return SegmentTemplate.from_yaml(found[0])
    return SegmentTemplate.from_dcmqi(*found)


def _opened(path: Path, of: Path | None, series: str | None, only: str | None, overlap: str) -> Node:
    from slicewise.io.contour_reader import ContourReader
    from slicewise.io.header_files import read_headers
    from slicewise.io.listing import list_files
    from slicewise.io.segmentation_reader import SegmentationReader

    key = int(only) if only is not None and only.isdecimal() else only
    kinds = {file.text(0x00080060) for file in read_headers(list_files(path), strict=True)}
    source = None if of is None else _series(of, series)
    if "RTSTRUCT" in kinds and "SEG" not in kinds:
        return ContourReader(path, source=source, roi=key, overlap=overlap)
    chosen = None if of is not None else series_choice(series)
    return SegmentationReader(path, source=source, segment=key, overlap=overlap, series=chosen)


def _list(opened: Any, *, json: bool) -> None:
    from slicewise.io.segmentation_reader_table import region_rows, segment_rows

    rows = segment_rows(opened.segments, opened.frames) if hasattr(opened, "segments") else region_rows(opened.regions)
    if json:
        print_json(rows)
    else:
        shown = [name for name in rows[0] if any(row[name] not in ("", None) for row in rows)]
        print_table(shown, [[row[name] for name in shown] for row in rows], folded=shown[1:4])


def _export(
    opened: Any, output: Path, how: Mapping[str, Any], *, each: bool, format_: str, json: bool, quiet: bool
) -> None:
    from slicewise.errors import SeriesError
    from slicewise.io.segmentation_export import export_segmentation

    if not hasattr(opened, "segments"):
        raise typer.BadParameter("is missing: contours become a SEG with it", param_hint="--template")
    try:
        done = export_segmentation(opened, output, format=format_, each=each, **how)
    except SeriesError as error:
        error.add_note("in the shell: --overlap first or last, --segment, or --each for a file each")
        raise
    if json:
        print_json({"folder": done.folder, "volumes": done.volumes, "description": done.description})
    elif not quiet:
        files = f"{len(done.volumes)} label map{'s' if len(done.volumes) > 1 else ''}"
        print(f"{files} written to {done.folder}, with {done.description.name} beside")


def _write(
    masks: Node,
    output: Path,
    template: SegmentTemplate,
    writing: Mapping[str, Any],
    how: Mapping[str, Any],
    *,
    json: bool,
    quiet: bool,
) -> None:
    from slicewise.io.segmentation_reader import SegmentationReader
    from slicewise.io.segmentation_writer import SegmentationWriter

    written = (masks >> SegmentationWriter(output, template, **writing)).update(**how)
    made: SegmentationReader = SegmentationReader(output)
    if json:
        print_json({"path": output, "series_uid": written.series_uid, "segments": len(made.segments)})
    elif not quiet:
        frames, count = len(made.frames), len(made.segments)
        print(f"{count} segment{'s' if count > 1 else ''} in {frames} frames written to {output}")
        print(f"series {written.series_uid}")
