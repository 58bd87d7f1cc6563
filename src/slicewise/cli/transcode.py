"""``slicewise transcode``: instances in another transfer syntax."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slicewise.cli.options import Json, Workers
from slicewise.cli.output import print_json

__all__ = ["transcode"]


def transcode(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder, file or archive.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="The folder to write to.")],
    *,
    to: Annotated[
        str,
        typer.Option(metavar="NAME|UID", help="explicit, deflated, rle, jpeg-lossless, jpeg-ls, jpeg-2000 or htj2k."),
    ],
    workers: Workers = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, and show no progress.")] = False,
    json: Json = False,
) -> None:
    """Write instances in another transfer syntax, without loss.

    Attributes, values and instance UIDs stay. Every compressed frame is decoded again and compared.
    """
    from slicewise.io.transcode import transcode

    done = transcode(source, destination, to, workers=workers, progress=False if quiet else None)
    if json:
        print_json(
            {
                "folder": done.folder,
                "paths": done.paths,
                "bytes_before": done.bytes_before,
                "bytes_after": done.bytes_after,
            }
        )
    elif not quiet:
        share = done.bytes_after / done.bytes_before
        print(f"{len(done.paths)} files written to {done.folder}: {share:.0%} of their size")
