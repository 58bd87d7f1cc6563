"""The shell: ``slicewise ls``, ``convert`` and the other commands, one in each file.

Exit codes: 0 all went well; 1 an error, told on stderr, or for ``diff`` a difference; 2 the command line cannot be
understood, or for ``diff`` any trouble; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from slicewise.cli.app import app

    app(prog_name="slicewise")
