"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from slicewise.dicom.lossy import Lossy
    from slicewise.io.series_reader import SeriesReader

__all__ = [
    "SYNTAXES_HELP",
    "Filters",
    "Json",
    "LossyError",
    "LossyPsnr",
    "LossyQuality",
    "Memory",
    "OnDuplicate",
    "OnGap",
    "OnNoPlane",
    "Series",
    "Source",
    "Tolerance",
    "Volume",
    "Where",
    "Workers",
    "assignments",
    "reader_of",
    "series_choice",
    "transfer_syntax_of",
]

Source = Annotated[
    Path, typer.Argument(metavar="SRC", help="A folder, archive, DICOMDIR, file or quoted pattern: a DICOM series.")
]
Series = Annotated[
    str | None,
    typer.Option(metavar="UID|NUMBER", help="Which series, where there are several: its instance UID or its number."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="KEYWORD=VALUE", help="Take only images with this value. May be repeated."),
]
Volume = Annotated[
    str | None,
    typer.Option(metavar="NUMBER|NAME", help="Which volume, where a series holds several: its number from 0, or name."),
]
OnGap = Annotated[str, typer.Option(metavar="error|keep", help="What to do where slices are missing or uneven.")]
OnNoPlane = Annotated[
    str,
    typer.Option(metavar="error|pixels", help="What to do with images that have no place in the patient."),
]
OnDuplicate = Annotated[str, typer.Option(metavar="error|first", help="What to do with two slices at one position.")]
Tolerance = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="How far a slice may be from its place, as a share of the spacing."),
]
SYNTAXES_HELP = (
    "explicit, implicit, deflated, rle, jpeg-lossless, jpeg-ls, jpeg-2000 or htj2k; with loss jpeg-ls-near --error, "
    "jpeg-2000-lossy --psnr or jpeg-baseline --quality."
)
LossyError = Annotated[
    int | None, typer.Option(metavar="N", help="Of jpeg-ls-near: the largest difference of a stored value.")
]
LossyPsnr = Annotated[
    float | None, typer.Option(metavar="DB", help="Of jpeg-2000-lossy: full range to root mean square error, in dB.")
]
LossyQuality = Annotated[int | None, typer.Option(metavar="1..100", help="Of jpeg-baseline.")]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="NAME:PARAMETERS",
        help="A filter, e.g. median:radius=1, resample:spacing=1,1,1 or sitk.CurvatureFlow:time_step=0.1. "
        "May be repeated; they follow each other.",
    ),
]
Memory = Annotated[str | None, typer.Option(metavar="SIZE", help="Most memory to use for pixels at work, e.g. 300MB.")]
Workers = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="How many threads; as many as cores if not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def reader_of(
    source: Path,
    *,
    series: str | None,
    where: Sequence[str] | None,
    volume: str | None,
    on_gap: str,
    on_duplicate: str,
    tolerance: float | None,
    on_no_plane: str,
) -> SeriesReader:
    """Return the reader that the options describe."""
    from slicewise.io.series_reader import SeriesReader

    more: dict[str, Any] = {} if tolerance is None else {"tolerance": tolerance}
    return SeriesReader(
        source,
        series=series_choice(series),
        where=assignments(where, "--where") or None,
        volume=int(volume) if volume is not None and volume.isdecimal() else volume,
        on_gap=on_gap,
        on_duplicate=on_duplicate,
        on_no_plane=on_no_plane,
        **more,
    )


def series_choice(text: str | None) -> str | int | None:
    """Return a series number as a number, and a UID as it is."""
    return int(text) if text is not None and text.isdecimal() else text


def assignments(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """Return ``KEYWORD=VALUE`` options as a mapping."""
    pairs = [text.partition("=") for text in texts or ()]
    for text, (keyword, equals, _) in zip(texts or (), pairs, strict=True):
        if not equals or not keyword.strip():
            raise typer.BadParameter(f"must be like KEYWORD=VALUE (got {text!r})", param_hint=option)
    return {keyword.strip(): value for keyword, _, value in pairs}


def transfer_syntax_of(name: str, *, error: int | None, psnr: float | None, quality: int | None) -> str | Lossy:
    """Return a transfer syntax with its parameter, if it takes one."""
    from slicewise.dicom.lossy import LOSSY, Lossy

    given = {"error": error, "psnr": psnr, "quality": quality}
    for uid_or_name in ((kind.uid, known) for known, kind in LOSSY.items()):
        if name in uid_or_name:
            wanted = LOSSY[uid_or_name[1]].parameter
            if given[wanted] is None:
                raise typer.BadParameter(
                    f"is missing: {uid_or_name[1]} loses values, say how much", param_hint=f"--{wanted}"
                )
            return Lossy(name, error=error, psnr=psnr, quality=quality)
    for option, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"is not for {name}, which loses nothing", param_hint=f"--{option}")
    return name
