"""The commands put together, and what all of them share: options, errors and exit codes."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from slicewise.cli import commands
from slicewise.errors import CancelledError, SlicewiseError, SlicewiseWarning

__all__ = ["app"]

_TROUBLE = {"diff": 2, "replay": 2, "validate": 2, "verify": 2}
"""Exit codes for errors, where 1 says something else."""

_STOPPED = 130

_ANYWHERE = ("--traceback", "-v", "-vv", "--verbose")


class Shell(TyperGroup):
    """The group of commands, which turns errors into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take ``--traceback`` and ``-v`` wherever they stand: they are appended to a command that was run."""
        own = args.index("--") if "--" in args else len(args)
        moved = [a for a in args[:own] if a in _ANYWHERE]
        return super().parse_args(ctx, [*moved, *(a for a in args[:own] if a not in _ANYWHERE), *args[own:]])

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with _warnings_as_lines(), _logged(ctx.params.get("verbose") or 0):
                return super().invoke(ctx)
        except (KeyboardInterrupt, CancelledError):
            typer.echo("slicewise: stopped", err=True)
            raise typer.Exit(_STOPPED) from None
        except SlicewiseError as error:
            if ctx.params.get("traceback"):
                traceback.print_exc()
            else:
                typer.echo(_told(error), err=True)
            raise typer.Exit(_TROUBLE.get(ctx.invoked_subcommand or "", 1)) from None


def _told(error: SlicewiseError) -> str:
    notes = [f"  {note}" for note in getattr(error, "__notes__", [])]
    # Of a graph that failed: a line for each node, and the reason last.
    text = str(error)
    space = "\n" if "\n" in text else " "
    return "\n".join([f"slicewise: error:{space}{text}", *notes])


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    told: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        # A command may look at the same files twice.
        if str(message) not in told:
            told.add(str(message))
            typer.echo(f"slicewise: warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SlicewiseWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _logged(verbose: int) -> Iterator[None]:
    """Print what the log of slicewise is told, if that is asked for."""
    logger = logging.getLogger("slicewise")
    before, handler = logger.level, logging.StreamHandler()
    handler.setFormatter(logging.Formatter("slicewise: %(message)s"))
    if verbose:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - called by typer
    if wanted:
        from slicewise import __version__

        typer.echo(f"slicewise {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="slicewise",
    cls=Shell,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Tell what is being done; -vv tells more, also paths.")
    ] = 0,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the program an error arose.")] = False,
) -> None:
    """Read, filter and write medical image series, with one true header per slice."""


commands.register(app)
