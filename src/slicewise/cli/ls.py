"""``slicewise ls``: which series are in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from slicewise.cli.options import Json
from slicewise.cli.output import print_json, print_table

if TYPE_CHECKING:
    from slicewise.io.discover import Discovery

__all__ = ["ls"]

_ALWAYS = ("number", "modality", "images", "size", "volume", "description")
_IF_THEY_DIFFER = ("patient_id", "study_date", "folder")


def ls(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder with its subfolders, an archive or a DICOMDIR.")
    ] = Path(),
    *,
    uids: Annotated[bool, typer.Option("--uids", help="Show the series instance UIDs, too.")] = False,
    json: Json = False,
) -> None:
    """List the series in a folder.

    Only headers are read. For each series it is said whether its slices make one volume.
    """
    from slicewise.io.discover import discover

    found = discover(path)
    if json:
        print_json(
            {
                "where": found.where,
                "series": [attrs.asdict(s, recurse=False) for s in found],
                "broken": [{"path": odd.path, "reason": odd.reason} for odd in found.broken],
                "foreign": found.foreign,
            }
        )
    else:
        _print(found, path, uids=uids)


def _print(found: Discovery, path: Path, *, uids: bool) -> None:
    differing = [name for name in _IF_THEY_DIFFER if len({getattr(s, name) for s in found}) > 1]
    shown = [*_ALWAYS, *differing, *(["uid"] if uids else [])]
    rows = [[_below(s.folder, path) if name == "folder" else getattr(s, name) for name in shown] for s in found]
    if rows:
        titles = [name.replace("_", " ") for name in shown]
        print_table(titles, rows, folded=("description", "folder", "uid"))
        first = next(iter(found))
        common = {"patient_id": f"patient {first.patient_id}", "study_date": f"study of {first.study_date}"}
        told = [text for name, text in common.items() if name not in differing and getattr(first, name)]
        print(", ".join([found.summary, *told]))
    else:
        print(found.summary)
    for odd in found.broken:
        print(f"broken: {odd.path}: {odd.reason}")


def _below(folder: Path, path: Path) -> Path:
    """Return a folder relative to the one that was asked for."""
    return folder.relative_to(path) if folder.is_relative_to(path) else folder
