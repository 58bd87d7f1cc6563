"""``slicewise ls``: which patients, studies, series and volumes are in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slicewise.cli.options import Json
from slicewise.cli.output import on_terminal, print_json

if TYPE_CHECKING:
    from slicewise.io.discovery import Discovery, FoundPatient, FoundSeries, FoundStudy, FoundVolume

__all__ = ["ls"]

_STYLES = {
    "titles": "bold",
    "patient": "bold cyan",
    "study": "cyan",
    "volume": "dim",
    "place": "dim",
    "summary": "bold",
    "odd": "yellow",
}


def ls(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder with its subfolders, an archive, or a DICOMDIR.")
    ] = Path(),
    *,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep what the headers say in this file (readable by you alone: it holds names of patients), and "
            "next time read only what is new or changed.",
        ),
    ] = None,
    uids: Annotated[bool, typer.Option("--uids", help="Show the series instance UIDs, too.")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="List all volumes, also of series with very many.")
    ] = False,
    recursive: Annotated[bool, typer.Option(help="Look into subfolders.")] = True,
    hidden: Annotated[bool, typer.Option("--hidden", help="Take hidden files and folders, too.")] = False,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links to folders.")] = False,
    archives: Annotated[bool, typer.Option("--archives", help="Look into archives that lie in a folder.")] = False,
    json: Json = False,
) -> None:
    """List the patients, studies, series and volumes in a folder.

    Only headers are read. For each volume it is said how its slices lie.
    """
    from slicewise.io.discover import discover

    found = discover(
        path, recursive=recursive, hidden=hidden, follow_links=follow_links, archives=archives, index=index
    )
    if json:
        print_json(_as_data(found))
    else:
        _print(found, uids=uids, volumes=volumes)


def _print(found: Discovery, *, uids: bool, volumes: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from slicewise.io.discovery_text import outline

    console = Console(highlight=False)
    width = console.width if on_terminal() else None
    for line in outline(found, width=width, with_uids=uids, all_volumes=volumes):
        if width is None:
            print(line.text)
        else:
            console.print(Text(line.text, style=_STYLES.get(line.kind, "")), soft_wrap=True)


def _as_data(found: Discovery) -> dict[str, Any]:
    return {
        "where": found.where,
        "patients": [_patient(patient) for patient in found.patients],
        "broken": [{"path": odd.path, "reason": odd.reason} for odd in found.broken],
        "foreign": found.foreign,
        "copies": [{"uid": copies.uid, "paths": copies.paths} for copies in found.copies],
    }


def _patient(patient: FoundPatient) -> dict[str, Any]:
    return {"id": patient.id, "name": patient.name, "studies": [_study(study) for study in patient.studies]}


def _study(study: FoundStudy) -> dict[str, Any]:
    return {
        "uid": study.uid,
        "date": study.date,
        "description": study.description,
        "series": [_series(series) for series in study.series],
    }


def _series(series: FoundSeries) -> dict[str, Any]:
    return {
        "uid": series.uid,
        "number": series.number,
        "modality": series.modality,
        "description": series.description,
        "kind": series.kind,
        "folder": series.folder,
        "images": series.images,
        "volumes": [_volume(volume) for volume in series.volumes],
    }


def _volume(volume: FoundVolume) -> dict[str, Any]:
    return {
        "name": volume.name,
        "slices": volume.slices,
        "columns": volume.columns,
        "rows": volume.rows,
        "spacing": volume.spacing,
        "even": volume.is_even,
        "note": volume.note,
        "paths": volume.paths,
    }
