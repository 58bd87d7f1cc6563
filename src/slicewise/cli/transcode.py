"""``slicewise transcode``: instances in another transfer syntax."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from slicewise.cli.options import (
    SYNTAXES_HELP,
    Json,
    LossyError,
    LossyPsnr,
    LossyQuality,
    Workers,
    transfer_syntax_of,
)
from slicewise.cli.output import print_json

__all__ = ["transcode"]


def transcode(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder, file or archive.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="The folder to write to.")],
    *,
    to: Annotated[
        str,
        typer.Option("--to", "--transfer-syntax", metavar="NAME|UID", help=SYNTAXES_HELP),
    ],
    error: LossyError = None,
    psnr: LossyPsnr = None,
    quality: LossyQuality = None,
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
    json: Json = False,
) -> None:
    """Write instances in another transfer syntax, without loss unless one with loss is named.

    Without loss, attributes, values and instance UIDs stay. Every compressed frame is decoded again and compared. With
    loss, instances and series are new ones, derived from those they come from and marked as lossy.
    """
    from slicewise.io.transcode import transcode

    syntax = transfer_syntax_of(to, error=error, psnr=psnr, quality=quality)
    done = transcode(source, destination, syntax, workers=workers, progress=False if quiet else None)
    if json:
        print_json(
            {
                "folder": done.folder,
                "paths": done.paths,
                "bytes_before": done.bytes_before,
                "bytes_after": done.bytes_after,
                "loss": None if done.loss is None else attrs.asdict(done.loss),
            }
        )
    elif not quiet:
        share = done.bytes_after / done.bytes_before
        print(f"{len(done.paths)} files written to {done.folder}: {share:.0%} of their size")
        if done.loss is not None:
            print(done.loss)
