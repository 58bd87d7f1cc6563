"""Which commands there are. Each file imports what is heavy when its command runs, so that help comes at once."""

from __future__ import annotations

import typer

from slicewise.cli.codify import codify
from slicewise.cli.convert import convert
from slicewise.cli.demo import demo
from slicewise.cli.diff import diff
from slicewise.cli.edit import edit
from slicewise.cli.explain import explain
from slicewise.cli.headers import headers
from slicewise.cli.info import info
from slicewise.cli.ls import ls
from slicewise.cli.replay import replay
from slicewise.cli.run import run
from slicewise.cli.segment import segment
from slicewise.cli.transcode import transcode
from slicewise.cli.validate import validate
from slicewise.cli.verify import verify

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the shell, in the order in which help lists them."""
    for command in (
        demo,
        ls,
        info,
        headers,
        convert,
        run,
        explain,
        verify,
        replay,
        diff,
        validate,
        transcode,
        edit,
        codify,
        segment,
    ):
        app.command()(command)
