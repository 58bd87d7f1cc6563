"""What all tests share: where the real images are, and a phantom for those that need none."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from slicewise.io import phantom

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_IMAGES = Path(os.environ.get("SLICEWISE_TEST_DATA", REPOSITORY / "../shared/data"))


class Phantom(NamedTuple):
    """A phantom series on disk."""

    folder: Path
    paths: tuple[Path, ...]  # from the feet to the head


@pytest.fixture(scope="session", autouse=True)
def _heeded_interrupts() -> None:
    """Let programs that tests start be ended by Ctrl-C, also where what started the tests ignores it (``nohup``)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # What is handled here, a new program meets with the default.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Give the folder of a case of real images; the test is skipped where they are not at hand."""

    def folder(case: str) -> Path:
        path = REAL_IMAGES / case
        if not path.is_dir():
            pytest.skip(f"no real images at {path}; SLICEWISE_TEST_DATA says where they are")
        return path.resolve()

    return folder


@pytest.fixture(scope="session")
def phantom_ct(tmp_path_factory: pytest.TempPathFactory) -> Phantom:
    """Give a small CT series, wider than it is high; do not write into its folder."""
    folder = tmp_path_factory.mktemp("phantom-ct")
    return Phantom(folder, phantom.ct_series(folder, slices=12, size=(72, 56), spacing=(5.0, 5.5, 4.0)))
