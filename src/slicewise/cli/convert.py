"""``slicewise convert``: a series in, a derived series out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import (
    SYNTAXES_HELP,
    Filters,
    Json,
    LossyError,
    LossyPsnr,
    LossyQuality,
    Memory,
    OnDuplicate,
    OnGap,
    OnNoPlane,
    Series,
    Source,
    Tolerance,
    Volume,
    Where,
    Workers,
    assignments,
    reader_of,
    transfer_syntax_of,
)
from slicewise.cli.output import print_json
from slicewise.cli.text_file import write_text
from slicewise.cli.written import for_programs, print_written

if TYPE_CHECKING:
    from slicewise.pipeline.node import Node

__all__ = ["convert", "typed_value"]

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".vtk")


def convert(
    source: Source,
    destination: Annotated[
        Path,
        typer.Argument(
            metavar="DST", help="The folder to write to, or an archive (.zip, .tar.gz); with --multi-frame the file."
        ),
    ],
    *,
    filters: Filters = None,
    series: Series = None,
    where: Where = None,
    volume: Volume = None,
    on_gap: OnGap = "error",
    on_duplicate: OnDuplicate = "error",
    tolerance: Tolerance = None,
    on_no_plane: OnNoPlane = "error",
    modality: Annotated[
        str | None,
        typer.Option(
            metavar="CT|MR|PT|OT|...",
            help="SRC is a NIfTI, NRRD, MetaImage or VTK volume: make a new series, of CR, DX, MG, US, XA, RF, too.",
        ),
    ] = None,
    patient_name: Annotated[str | None, typer.Option(metavar="NAME", help="Of a new series, e.g. Doe^Jane.")] = None,
    patient_id: Annotated[str | None, typer.Option(metavar="ID", help="Of a new series.")] = None,
    time: Annotated[int | None, typer.Option(metavar="N", help="Which volume of a 4-D file, from 0.")] = None,
    series_description: Annotated[str | None, typer.Option(metavar="TEXT", help="At most 64 characters.")] = None,
    series_number: Annotated[
        int | None, typer.Option(metavar="N", help="A hundred times the source's and one if not given.")
    ] = None,
    image_type: Annotated[
        str | None, typer.Option(metavar="VALUES", help=r"Instead of DERIVED\SECONDARY\..., joined by backslashes.")
    ] = None,
    file_pattern: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Names of files, with braces for the number: {:04d}.dcm")
    ] = None,
    instance_number_start: Annotated[int, typer.Option(metavar="N", help="Number of the first slice.")] = 1,
    uid_prefix: Annotated[str | None, typer.Option(metavar="ROOT", help="Root of new UIDs; 2.25 if not given.")] = None,
    uids: Annotated[
        str, typer.Option(metavar="fresh|reproducible", help="New UIDs each time, or the same for the same work.")
    ] = "fresh",
    equipment: Annotated[
        str, typer.Option(metavar="scanner|software", help="Which of them stands as the equipment.")
    ] = "scanner",
    private: Annotated[
        str, typer.Option(metavar="rules|keep|drop", help="What becomes of private attributes.")
    ] = "rules",
    set_values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEYWORD=VALUE", help="Give an attribute this value. May be repeated."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="KEYWORD", help="Leave an attribute out. May be repeated.")
    ] = None,
    multi_frame: Annotated[
        bool, typer.Option("--multi-frame", help="Write all slices as frames of one file, DST.")
    ] = False,
    sop_class: Annotated[
        str | None,
        typer.Option(metavar="NAME|UID", help="Another class than the source's, e.g. SecondaryCaptureImageStorage."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="CODE,SCHEME,MEANING", help="Of a parametric map, e.g. mm2/s,UCUM,mm2/s")
    ] = None,
    transfer_syntax: Annotated[
        str,
        typer.Option(metavar="NAME|UID", help=SYNTAXES_HELP),
    ] = "explicit",
    error: LossyError = None,
    psnr: LossyPsnr = None,
    quality: LossyQuality = None,
    strict_iod: Annotated[
        bool, typer.Option("--strict-iod", help="Leave out what the IOD of the class does not know.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a series that is in DST.")] = False,
    memory: Memory = None,
    workers: Workers = None,
    report: Annotated[bool, typer.Option("--report", help="Print what became of each attribute.")] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write down as a recipe, .yaml, what is done, for slicewise run."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print what each step took (to standard error): time, threads, memory.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
    json: Json = False,
) -> None:
    """Filter a series, write a derived one; or make a new series of a volume.

    Without a filter the images are written as they are, as a new series derived from the old one. With --modality
    SRC is a volume of another format, which knows no patient and no study: --patient-name, --patient-id and --set
    say what is known.
    """
    from slicewise.cli.filter_text import chain
    from slicewise.io.multi_frame_writer import MultiFrameWriter
    from slicewise.io.new_series import NewSeries
    from slicewise.io.recipes import Recipe
    from slicewise.io.series_writer import SeriesWriter
    from slicewise.io.volumes import VolumeReader

    values: dict[str, str | None] = {**assignments(set_values, "--set"), **dict.fromkeys(drop or ())}
    given = {
        "series_description": series_description,
        "series_number": series_number,
        "image_type": None if image_type is None else tuple(image_type.split("\\")),
        "file_pattern": file_pattern,
        "uid_prefix": uid_prefix,
        "sop_class": sop_class,
    }
    overrides = {keyword: None if text is None else typed_value(keyword, text) for keyword, text in values.items()}
    for_new = {"--patient-name": patient_name, "--patient-id": patient_id, "--time": time}
    for_series = {"--series": series, "--where": where, "--volume": volume}
    start: Node
    if modality is None:
        _check_unused(for_new, "with --modality, for a new series")
        if source.name.lower().endswith(_VOLUMES):
            raise typer.BadParameter(
                "is missing: a volume of another format becomes a new series of CT, MR, PT or OT (other)",
                param_hint="--modality",
            )
        start = reader_of(
            source,
            series=series,
            where=where,
            volume=volume,
            on_gap=on_gap,
            on_duplicate=on_duplicate,
            tolerance=tolerance,
            on_no_plane=on_no_plane,
        )
    else:
        _check_unused(for_series, "without --modality, for a DICOM series")
        known = {keyword: overrides.pop(keyword) for keyword in list(overrides) if overrides[keyword] is not None}
        start = VolumeReader(source, time=None if time is None else (time,)) >> NewSeries(
            modality, patient_name=patient_name or "", patient_id=patient_id or "", attributes=known
        )
    result = chain(start, filters)
    common: dict[str, Any] = {
        "uids": uids,
        "equipment": equipment,
        "private": private,
        "overrides": overrides,
        "transfer_syntax": transfer_syntax_of(transfer_syntax, error=error, psnr=psnr, quality=quality),
        "strict_iod": strict_iod,
        "overwrite": overwrite,
        **{name: value for name, value in given.items() if value is not None},
    }
    writer: SeriesWriter | MultiFrameWriter
    if multi_frame:
        start_number = None if instance_number_start == 1 else instance_number_start
        of_series = {"--file-pattern": file_pattern, "--instance-number-start": start_number}
        _check_unused(of_series, "without --multi-frame, for a series of files")
        code = None if unit is None else tuple(unit.split(","))
        writer = result >> MultiFrameWriter(destination, unit=code, **common)
    else:
        _check_unused({"--unit": unit}, "with --multi-frame, for one file")
        writer = result >> SeriesWriter(destination, instance_number_start=instance_number_start, **common)
    if recipe is not None:
        write_text(recipe, Recipe.of(writer).to_yaml(), overwrite=overwrite)
    how: dict[str, Any] = {"memory": memory, "workers": workers, "progress": False if quiet else None}
    took = writer.profile(**how) if profile else None
    written = writer.update(**how) if took is None else took.result
    if json:
        print_json(for_programs(written))
    elif not quiet:
        print_written(written, whole=report)
    if took is not None:
        print(took, file=sys.stderr)


def _check_unused(given: Mapping[str, object], when: str) -> None:
    for option, value in given.items():
        if value not in (None, []):
            raise typer.BadParameter(f"is only {when}", param_hint=option)


def typed_value(keyword: str, text: str) -> Any:
    """Return a value given as text in the type that its attribute wants."""
    from pydicom.datadict import dictionary_VM, dictionary_VR

    from slicewise.image.elements import tag_of

    tag = tag_of(keyword)
    parts: Sequence[Any] = text.split("\\")
    kinds: dict[str, type[int | float]] = dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), int)
    kinds |= dict.fromkeys(("FL", "FD"), float)
    kind = kinds.get(dictionary_VR(tag))
    if kind is not None:
        try:
            parts = [kind(part) for part in parts]
        except ValueError:
            raise typer.BadParameter(f"{keyword} takes numbers (got {text!r})", param_hint="--set") from None
    return parts[0] if len(parts) == 1 or dictionary_VM(tag) == "1" else parts
