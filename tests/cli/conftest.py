"""The shell as a program of its own, and in this process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the shell as a program, with its output piped."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "slicewise.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)

    return run


@pytest.fixture(scope="session")
def shell() -> Callable[..., str]:
    """Run a command that succeeds in this process and return what it prints."""
    from slicewise.cli.app import app

    def run(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == code, result.output
        return result.output

    return run
